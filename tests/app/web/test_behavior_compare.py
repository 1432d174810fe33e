"""Groups of animals: found where they differ, with intervals that hold the truth."""

import numpy as np
import pytest
import xarray as xr

from gambol.app.web import behavior_compare
from gambol.app.web.behavior_book import Book
from gambol.app.web.behavior_runs import Finder
from gambol.app.web.models_groups import AnimalsEdit
from gambol.core.errors import InputError
from gambol.io import store

T, FPS, N = 2000, 50.0, 12


@pytest.fixture
def project(tmp_path):
    """Twelve recordings; in the second half label 2 takes the place of label 1."""
    for n in range(N):
        rng = np.random.default_rng(n)
        order = rng.choice(3, 200, p=[0.4, 0.5, 0.1] if n < N // 2 else [0.4, 0.1, 0.5])
        label = np.repeat(order, rng.integers(5, 15, 200))[:T].astype(np.int16)
        made = xr.Dataset({"syllable": ("time", label)}, attrs={"fps": FPS, "made_from": "m"})
        store.write_dataset(made, tmp_path / "runs/s/syllables" / f"day{n:02}.nc")
    return tmp_path


@pytest.fixture
def book(project):
    return Book(Finder(project).runs()[0])


def told(project, book, group=lambda n: "drug" if n >= N // 2 else "saline"):
    rows = [[name, f"m{n}", group(n)] for n, name in enumerate(book.names)]
    said = AnimalsEdit(columns=["recording", "animal", "group"], rows=rows)
    behavior_compare.write(project, said)


def test_usage_differs_where_it_was_made_to(project, book):
    told(project, book)
    found = behavior_compare.compare(project, book, "group", "usage")
    assert found.animals == {"saline": 6, "drug": 6} or found.animals == {
        "drug": 6,
        "saline": 6,
    }
    rows = {row.label: row for row in found.rows}
    assert {name for name, row in rows.items() if row.different} == {"1", "2"}
    one = rows["1"]
    sign = 1 if one.other == "drug" else -1
    assert sign * one.difference == pytest.approx(-0.4, abs=0.1)
    assert one.low < one.difference < one.high and sign * one.high < 0 or sign * one.low < 0
    assert one.difference == pytest.approx(one.mean_other - one.mean_one)
    assert rows["0"].low < 0 < rows["0"].high  # no difference was made
    shares = [
        np.mean(
            np.concatenate(
                [book.labels.values[slice(*book.labels.offsets[n : n + 2])] for n in part]
            )
            == 1
        )
        for part in (range(6), range(6, 12))
    ]
    assert {round(one.mean_one, 2), round(one.mean_other, 2)} == {
        round(float(s), 2) for s in shares
    }


@pytest.mark.parametrize(
    ("what", "unit"), [("durations", "s"), ("transitions", "P(next | now)")]
)
def test_dwell_and_transitions_have_rows_too(project, book, what, unit):
    told(project, book)
    found = behavior_compare.compare(project, book, "group", what)
    assert found.unit == unit and found.rows
    for row in found.rows:
        if row.difference is not None and row.low is not None:
            assert row.low <= row.difference <= row.high
    if what == "durations":
        dwell = {row.label: row for row in found.rows}
        # stretches of one label that follow each other are one bout, so label 1 lasts longer
        assert dwell["1"].different
        assert dwell["0"].mean_one == pytest.approx(0.3, abs=0.1)
    else:
        assert any(row.different and "→" in row.label for row in found.rows)


def test_an_interval_is_that_of_resampled_animals():
    rng = np.random.default_rng(3)
    values = np.concatenate([rng.normal(1, 0.3, 20), rng.normal(2, 0.3, 20)])[:, None]
    level = np.repeat([0, 1], 20)
    low, high = behavior_compare._interval(values, level, 0, 1)[:, 0]
    assert low < 1 < high
    half = 1.96 * np.sqrt(values[:20].var(ddof=1) / 20 + values[20:].var(ddof=1) / 20)
    assert (high - low) / 2 == pytest.approx(half, rel=0.12)


def test_nobody_told_of_the_animals(project, book):
    table = behavior_compare.table(project, book.names)
    assert table.columns == ["recording", "animal", "group"] and not table.factors
    assert [row[0] for row in table.rows] == list(book.names)
    with pytest.raises(InputError, match="tells no groups apart"):
        behavior_compare.compare(project, book, "group", "usage")


def test_the_table_is_a_file_that_other_commands_read_and_keeps_other_recordings(project, book):
    from gambol.stages import animals

    told(project, book)
    with (project / "animals.csv").open("a") as file:
        file.write("elsewhere,m99,drug\n")
    told(project, book, group=lambda n: "a" if n else "")
    held = animals.read(project / "animals.csv")
    assert "elsewhere" in set(held["recording"]) and len(held) == N + 1
    assert behavior_compare.table(project, book.names).rows[0] == ["day00", "m0", ""]


@pytest.mark.parametrize("bad", [
    dict(columns=["animal", "recording"], rows=[]),
    dict(columns=["recording", "animal", ""], rows=[]),
    dict(columns=["recording", "animal"], rows=[["a"]]),
    dict(columns=["recording", "animal"], rows=[["a", "b\n"]]),
    dict(columns=["recording", "animal"], rows=[["a", "b" * 100]]),
])  # fmt: skip
def test_what_is_no_table_is_refused(project, bad):
    with pytest.raises(InputError):
        behavior_compare.write(project, AnimalsEdit(**bad))
    assert not (project / "animals.csv").exists()

"""Groups of animals: found where they differ, with intervals that hold the truth."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from gambol.app.web import behavior_compare
from gambol.app.web.behavior_animals import Register
from gambol.app.web.behavior_book import Book
from gambol.app.web.behavior_runs import Finder
from gambol.app.web.models_groups import AnimalsCell, AnimalsEdit
from gambol.behavior import group_values, groups
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
    cells = [
        AnimalsCell(recording=name, column="group", saw="", value=group(n))
        for n, name in enumerate(book.names)
    ]
    Register(project).edit(book.names, AnimalsEdit(cells=cells))


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
    ("what", "unit"),
    [("durations", "s, bouts as far as they were seen"), ("transitions", "P(next | now)")],
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


def test_nobody_told_of_the_groups(project, book):
    with pytest.raises(InputError, match="tells no groups apart"):
        behavior_compare.compare(project, book, "group", "usage")


def _compared(values, level, book):
    """Compare groups in one measure of animals, as the page would."""
    names = [f"r{n}" for n in range(len(values))]
    table = pd.DataFrame(
        np.asarray(values)[:, None], index=pd.Index(names, name="recording"),
        columns=pd.Index(["0"], name="label"),
    )  # fmt: skip
    animals = pd.DataFrame({"recording": names, "animal": names, "group": level})
    test = groups.value_test(table, animals, "group", permutations=2000)
    units = group_values.units(table, animals, "group")
    found = behavior_compare._rows(book, units, table.columns, test)
    return {(row.one, row.other): row for row in found}, test


def test_of_three_groups_each_pair_has_a_p_of_its_own(book):
    x = np.random.default_rng(0).normal(size=8)
    level = ["A"] * 8 + ["B"] * 8 + ["C"] * 8
    found, test = _compared(np.r_[x, x + 1e-3, x + 6], level, book)
    assert not found["A", "B"].different and found["A", "B"].p > 0.3 < found["A", "B"].q
    assert found["A", "C"].different and found["B", "C"].different
    for row in test.pairs.to_dict("records"):
        shown = found[row["group"], row["other"]]
        assert (shown.p, shown.q) == (row["p"], row["q"])


def test_pairs_of_groups_that_do_not_differ_have_no_p(book):
    x = np.random.default_rng(0).normal(size=8)
    found, test = _compared(np.r_[x, x + 1e-3, x - 1e-3], list("ABC" * 8), book)
    assert not test.table["significant"].any()
    assert {(row.p, row.q, row.different) for row in found.values()} == {(None, None, False)}
    two, test = _compared(np.r_[x, x + 1e-3], ["A"] * 8 + ["B"] * 8, book)
    assert two["A", "B"].p == test.table["p"].item()


def test_a_group_of_one_animal_has_no_interval(book):
    found, _ = _compared([0.1, -0.1, 0.6, 0.5], ["A", "B", "B", "C"], book)
    assert all(row.low is None and row.high is None for row in found.values())
    values = np.array([[0.1, 1.0], [0.2, np.nan], [0.6, 2.0], [0.5, 2.5]])
    low, high = behavior_compare._interval(values, np.array([0, 0, 1, 1]), 0, 1)
    assert low[0] < high[0] and np.isnan([low[1], high[1]]).all()  # known of one animal only


def test_dwell_on_the_page_is_that_of_the_library(project, book):
    told(project, book)
    found = {
        row.label: row
        for row in behavior_compare.compare(project, book, "group", "durations").rows
    }
    animals = pd.read_csv(project / "animals.csv", dtype=str)
    test = groups.duration_test(book.labels, animals, "group", permutations=10)
    for label, row in test.table.iterrows():
        assert found[label].mean_one == pytest.approx(
            row[f"mean {found[label].one}"], abs=1e-12
        )
        assert found[label].mean_other == pytest.approx(
            row[f"mean {found[label].other}"], abs=1e-12
        )

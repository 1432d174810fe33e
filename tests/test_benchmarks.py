"""Benchmarks count what they say they count."""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from gambol.core.labels import Visibility, from_positions
from gambol.core.skeleton import Skeleton

ROOT = Path(__file__).parents[1]


@pytest.fixture
def benchmark(monkeypatch):
    """A module of `benchmarks`, which lies beside the package and is not installed."""
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    return lambda name: importlib.import_module(f"benchmarks.{name}")


def labels(n=40, skeleton=None):
    """Labels of n neighbouring frames of one film."""
    skeleton = skeleton or Skeleton(("nose", "tail"))
    xy = np.random.default_rng(0).uniform(0, 90, (n, len(skeleton), 2))
    zeros, frames = np.zeros(n, np.int64), np.arange(n)
    return from_positions(
        skeleton, ("film.mp4",), zeros, frames, xy, nan_means=Visibility.ABSENT
    )  # fmt: skip


@pytest.mark.parametrize("drawn", ["fold", "block"])
@pytest.mark.parametrize("part", range(5))
def test_what_is_tested_is_one_block_that_trained_nothing(benchmark, drawn, part):
    folds, known = benchmark("folds"), labels()
    split = folds.divide(known, folds.Task(Path("l"), Path("r"), drawn, part, 5, ()))
    assert (np.diff(split.test) == 1).all()
    assert len(split.test) == 8
    seen = np.concatenate([split.train, split.val])
    assert np.abs(seen[:, None] - split.test).min() > 1  # not even a neighbour
    assert not len(split.calib)


def test_folds_test_every_frame_once(benchmark):
    folds, known = benchmark("folds"), labels()
    tasks = [folds.Task(Path("l"), Path("r"), "fold", i, 5, ()) for i in range(5)]
    tested = np.concatenate([folds.divide(known, task).test for task in tasks])
    assert sorted(tested) == list(range(40))


def test_seeds_place_the_block_elsewhere(benchmark):
    folds, known = benchmark("folds"), labels()
    tasks = [folds.Task(Path("l"), Path("r"), "block", i, 5, ()) for i in range(5)]
    assert len({int(folds.divide(known, task).test[0]) for task in tasks}) > 1


def test_a_training_made_from_the_same_things_is_kept_and_its_minutes_add_up(
    benchmark, tmp_path
):
    folds = benchmark("folds")
    run = tmp_path / "run"
    assert folds._before(run, ["a"]) == 0
    run.mkdir()
    (run / folds.NOTE).write_text(json.dumps({"made_from": ["a"], "core_minutes": 2.5}))
    assert folds._before(run, ["a"]) == 2.5
    assert run.exists()


@pytest.mark.parametrize("note", ['{"made_from": ["a"], "core_minutes": 2.5}', "{}"])
def test_a_training_made_from_other_things_is_made_anew(benchmark, tmp_path, note):
    folds = benchmark("folds")
    (tmp_path / folds.NOTE).write_text(note)
    assert folds._before(tmp_path, ["b"]) == 0
    assert not tmp_path.exists()


def test_a_jump_is_a_step_beyond_the_limit_and_so_is_losing_a_keypoint(benchmark):
    xy = np.array([[0, 0], [3, 4], [3, 4], [9, 12], [np.nan, np.nan]])[:, None]
    assert benchmark("jumps").jumps(xy, 5.0)[:, 0].tolist() == [False, False, True, True]


def test_published_tracks_are_read_by_name_and_frame(benchmark, data):
    jumps = benchmark("jumps")
    folder = data / "mouse_openfield" / "reference_primer"
    path = next(folder.glob("m3v1mp4DLC*shuffle1*.h5"))
    names = ("tailbase", "snout", "leftear", "rightear")
    xy = jumps.track(path, names, 2330)
    import h5py

    with h5py.File(path) as file:
        rows = file["df_with_missing/table"]["values_block_0"]  # snout first, tail base last
    np.testing.assert_allclose(xy[:, 0], rows[:, 9:11])
    np.testing.assert_allclose(xy[:, 1], rows[:, :2])


def test_a_pair_is_swapped_only_where_both_sides_are(benchmark):
    fly = benchmark("fly")
    skeleton = Skeleton(("nose", "leftear", "rightear"), swap=(-1, 2, 1))
    truth = labels(3, skeleton)
    found = truth.xy.copy()
    found[1, [1, 2]] = truth.xy[1, [2, 1]]
    found[2, 1] = truth.xy[2, 2]  # both on the right ear: one of them is right
    assert fly.swaps(truth, found)[:, 0].tolist() == [0, 1, 0]


def test_the_swap_rate_counts_known_pairs_and_its_interval_holds_it(benchmark):
    swapped = np.array([[1, 0], [0, np.nan], [0, 0], [1, 1]])
    value, (low, high) = benchmark("fly").rate(swapped)
    assert value == pytest.approx(3 / 7)
    assert low <= value <= high


def test_spread_tells_splits_from_seeds(benchmark):
    rng = np.random.default_rng(0)
    values = 3 * rng.standard_normal((2000, 1)) + 0.5 * rng.standard_normal((2000, 2))
    _, splits, seeds = benchmark("repeats").spread(values)
    assert seeds == pytest.approx(0.5, rel=0.05)
    assert splits == pytest.approx(np.hypot(3, 0.5 / np.sqrt(2)), rel=0.05)


def test_a_figure_that_was_not_reached_is_said_and_no_number(benchmark, tmp_path, monkeypatch):
    record, page = benchmark("record"), benchmark("page")
    path = tmp_path / "results.json"
    monkeypatch.setattr(record, "RESULTS", path)
    monkeypatch.setattr(page, "RESULTS", path)
    record.record("a.minutes", None, "minutes", data="-", note="never in 1 folds")
    assert json.loads(path.read_text())["a.minutes"]["value"] is None
    assert "| `a.minutes` | none |" in page.text()

"""Benchmarks count what they say they count."""

import importlib
import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from gambol.core import instances
from gambol.core.instances import Tracks
from gambol.core.labels import Visibility, from_positions
from gambol.core.skeleton import Skeleton
from gambol.io import labels as io_labels
from gambol.pose import splits
from gambol.simulate.scenes import Camera

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


def crowd(benchmark, seconds=4.0, n=2):
    """Frozen detections of animals that walk through each other, and the truth."""
    met = benchmark("meetings").passing(
        np.random.default_rng(3), n, seconds=seconds, camera=Camera()
    )
    return benchmark("identity").Frozen("crowd", met.found, met.truth, met.times, n, ())


def test_true_tracks_have_no_errors_whatever_their_numbers(benchmark):
    one = crowd(benchmark)
    for numbers in ([0, 1], [7, 3]):
        assert benchmark("identity").errors(one, np.array(numbers)[one.truth]) == (0, 2, 1.0)


def test_one_exchange_at_half_time_is_two_switches_and_half_of_the_frames(benchmark):
    one = crowd(benchmark)
    late = one.found.frame >= len(one.times) // 2
    wrong = benchmark("identity").errors(one, np.where(late, 1 - one.truth, one.truth))
    assert (wrong.switches, wrong.names, wrong.idf1) == (2, 2, 0.5)


def test_a_new_name_is_a_switch_and_a_name_too_many(benchmark):
    one = crowd(benchmark)
    identity = benchmark("identity")
    late = (one.found.frame >= 60) & (one.truth == 0)
    track = np.where(late, 2, one.truth)
    assert identity.errors(one, track)[:2] == (1, 3)
    assert identity.total([one, one], [track, one.truth])[:2] == (1, 1)


def test_what_a_meeting_was_worth_does_not_depend_on_which_end_is_known(benchmark):
    meetings = benchmark("meetings")
    one = crowd(benchmark)
    met = meetings.Met(one.found, one.truth, one.times, 2)
    late = one.times[one.found.frame] > 2.0
    for doubtful in (late, ~late):
        sure = np.where(doubtful, 0.7, 1.0)
        kept = meetings.outcome(met, Tracks(one.truth, sure, 2))
        left = meetings.outcome(met, Tracks(np.where(late, 1 - one.truth, one.truth), sure, 2))
        assert kept == (pytest.approx(0.7), True)
        assert left == (pytest.approx(0.7), False)


def test_a_meeting_whose_animal_is_missing_at_an_end_is_not_judged(benchmark):
    meetings, one = benchmark("meetings"), crowd(benchmark)
    met = meetings.Met(one.found, one.truth, one.times, 2)
    gone = (one.truth == 1) & (one.times[one.found.frame] < meetings.EDGE)
    tracks = Tracks(np.where(gone, -1, one.truth), np.ones(len(gone)), 2)
    assert meetings.outcome(met, tracks) is None


def test_nothing_is_found_while_hidden_animals_lie_upon_each_other(benchmark):
    met = benchmark("meetings").hidden(np.random.default_rng(0), Camera())
    assert np.diff(np.unique(met.found.frame)).max() > 0.4 * Camera().fps


def test_the_picture_of_confidence_is_a_file_of_its_own(benchmark):
    rng = np.random.default_rng(0)
    said = rng.uniform(0.5, 1, 40)
    kind = np.array(["hidden", "walking through"] * 20)
    text = benchmark("meetings").picture(said, rng.random(40) < said, kind)
    assert ElementTree.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"


def test_the_peer_gets_the_same_detections_without_the_truth(benchmark, tmp_path):
    identity, one = benchmark("identity"), crowd(benchmark)
    wide = one._replace(
        found=instances.from_positions(np.arange(3), np.zeros((3, 7, 2))),
        truth=np.zeros(3, int),
    )
    identity.freeze([one, wide], tmp_path / "frozen.npz")
    with np.load(tmp_path / "frozen.npz") as frozen:
        assert set(frozen) == {
            "scene", "frame", "xy", "joints", "score", "animals", "frames", "film"
        }  # fmt: skip
        first = frozen["scene"] == 0
        np.testing.assert_array_equal(frozen["xy"][first][:, :5], one.found.xy)
        assert frozen["joints"].tolist() == [5, 7]


def test_flies_are_tested_away_from_what_trained(benchmark, data):
    flies = benchmark("flies")
    known = io_labels.load(data / "flies_tracks" / "three_flies.slp")
    drawn = splits.folds(known, flies.OF, val=flies.VAL, gap=flies.GAP)
    for part in range(flies.OF):
        frames = np.unique(known.frame[drawn[part].test])
        assert len(frames) == len(known.frames) // flies.OF and (np.diff(frames) == 1).all()
        seen = known.frame[np.concatenate([drawn[part].train, drawn[part].val])]
        assert np.abs(seen[:, None] - frames).min() >= flies.GAP


def report(tmp_path, *cases):
    """What pytest writes of some tests."""
    path = tmp_path / "junit.xml"
    path.write_text(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>")
    return path


def test_a_check_counts_only_if_each_of_its_tests_ran_and_passed(benchmark, tmp_path):
    checks = benchmark("studio_checks")
    nodes = ("tests/a.py::test_one", "tests/a.py::test_two")
    one = '<testcase name="test_one[x]"><properties><property name="measured" value="3 s"/>'
    one += "</properties></testcase>"
    two = '<testcase name="test_two"/>'
    assert checks.judged(report(tmp_path, one, two), nodes) == (True, "2 tests passed; 3 s")
    for spoilt, words in (
        ((one,), "test_two did not run"),
        ((one, two.replace("/>", '><skipped message="no"/></testcase>')), "skipped: no"),
        ((one, two.replace("/>", '><failure message=""/></testcase>')), "failure"),
    ):
        passed, told = checks.judged(report(tmp_path, *spoilt), nodes)
        assert not passed and words in told
    assert checks.judged(tmp_path / "nothing.xml", nodes)[0] is False


def test_checks_that_were_not_carried_out_are_not_passed(benchmark, tmp_path, monkeypatch):
    checks = benchmark("studio_checks")
    told = {}
    monkeypatch.setattr(checks, "KEPT", tmp_path / "kept.json")
    monkeypatch.setattr(checks, "record", lambda name, value, *_, **more: told.update(
        value=value, **more))  # fmt: skip
    checks.note(1, "script", True, "60 kB")
    checks.figure()
    assert told["value"] == 0 and not told["met"]
    assert "1 other hosts" in told["note"].partition("not carried out: ")[2]
    for line in ("first frame, cold", "other hosts"):
        checks.note(1, line, True, "")
    checks.note(8, "13 clicks", False, "12 clicks")
    checks.figure()
    assert told["value"] == 1 and "8 13 clicks: 12 clicks" in told["note"]
    assert sorted(checks.CHECKS) == list(range(1, 26))


def test_tests_that_checks_name_are_there(benchmark):
    checks = benchmark("studio_checks")
    for lines in checks.CHECKS.values():
        for nodes in lines.values():
            for node in nodes if isinstance(nodes, tuple) else ():
                file, _, name = node.partition("::")
                assert f"def {name}(" in (ROOT / file).read_text(), node


def of_networks(values):
    """Rows as `gambol bench-models` makes them: mean error by network and number of labels."""
    first = next(iter(values))[0]
    made = []
    for (network, count), mean in values.items():
        row = {"network": network, "labels": count, "steps": 9, "core_minutes": 1.0}
        row |= {"parameters": 2_000_000, "ms_1": 4.0, "median_px": 1.0, "swap_rate": None}
        known = network != first
        apart = mean - values[first, count] if known else None
        for key, value in (("mean_px", mean), ("p95_px", 9.0), ("pck05", 0.9),
                           ("difference_mean_px", apart)):  # fmt: skip
            ends = (None, None) if value is None else (value - 0.5, value + 0.5)
            row |= {key: value, f"{key}_low": ends[0], f"{key}_high": ends[1]}
        made.append(row)
    return made


@pytest.fixture
def zoo(benchmark, monkeypatch):
    """The benchmark of networks with trainings that only say what they were asked."""
    module, kept = benchmark("zoo"), {}
    monkeypatch.setattr(module, "_labels", lambda name: Path(name))
    monkeypatch.setattr(module, "record", lambda name, value, unit, **more: kept.update(
        {name: (value, more)}))  # fmt: skip
    return module, kept


def test_every_network_of_the_zoo_has_its_figure_and_one_that_failed_has_none(
    zoo, monkeypatch, capsys
):
    module, kept = zoo
    lost = module.NETWORKS["unet"]
    means = {(s, "all"): 2.0 + k for k, s in enumerate(module.NETWORKS.values()) if s != lost}
    made = module.bench_models.Made(
        Path("o"), Path("t"), Path("r"), of_networks(means), [], {lost: "loss is nan"}
    )
    monkeypatch.setattr(module.bench_models, "run", lambda cfg, *args, **more: made)
    module.zoo("fly_crops")
    assert set(kept) == {
        f"zoo.{name}.fly_crops.mean_px" for name in module.NETWORKS if name != "unet"
    }
    assert kept["zoo.resnet.fly_crops.mean_px"][0] == means[module.NETWORKS["resnet"], "all"]
    assert "unet failed on fly_crops: loss is nan" in capsys.readouterr().out


def test_the_gain_of_transfer_is_positive_where_starting_from_imagenet_errs_less(
    zoo, monkeypatch
):
    module, kept = zoo

    def run(cfg, *args, **more):
        assert cfg.networks[0] == module.PRETRAINED  # whom the others differ from
        means = {(n, c): 2.0 + 3.0 * (n == module.SCRATCH) for n in cfg.networks
                 for c in cfg.labels}  # fmt: skip
        return module.bench_models.Made(Path(), Path(), Path(), of_networks(means), [], {})

    monkeypatch.setattr(module.bench_models, "run", run)
    module.transfer()
    assert [kept[f"transfer.{n}labels.gain_px"][0] for n in module.COUNTS] == [3.0] * 4


def test_the_zoo_can_be_trained_as_it_is_spelled(benchmark):
    from gambol.stages import bench_networks
    from gambol.stages.train import TrainConfig

    module = benchmark("zoo")
    found = [bench_networks.read(text, TrainConfig()) for text in module.NETWORKS.values()]
    assert len({one.name for one in found}) == len(module.NETWORKS) >= 5
    pair = module.PRETRAINED, module.SCRATCH
    assert {bench_networks.read(text, TrainConfig()).name for text in pair} == set(pair)

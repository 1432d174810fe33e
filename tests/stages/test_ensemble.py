import numpy as np
import pytest

from gambol.core import poses as core_poses
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.io import poses as io_poses
from gambol.io import store
from gambol.pose import eks
from gambol.pose.ensemble import combine
from gambol.stages import ensemble as stage

NAMES = ("nose", "left", "right")
CFG = stage.EnsembleConfig()


def series(xy, names=NAMES, covariance=True):
    cov = (
        np.full((*xy.shape, 2), np.nan)
        if not covariance
        else np.tile(2.0 * np.eye(2), (*xy.shape[:-1], 1, 1))
    )
    return core_poses.build(
        xy[:, None].astype(np.float32), np.full((len(xy), 1, xy.shape[1]), 0.8, np.float32),
        cov[:, None].astype(np.float32), np.arange(len(xy)) / 30, Skeleton(names), fps=30.0,
        attrs={"source_file": "film.mp4", "confidence_radius_px": 3.0},
    )  # fmt: skip


@pytest.fixture
def truth():
    rng = np.random.default_rng(0)
    return 80 + 0.5 * rng.standard_normal((900, 3, 2)).cumsum(axis=0)


@pytest.fixture
def folders(tmp_path, truth):
    rng = np.random.default_rng(1)
    made = []
    for name in ("a", "b", "c"):
        xy = truth + 1.5 * rng.standard_normal(truth.shape)
        xy[300:310, 1] = np.nan
        store.write_dataset(series(xy), tmp_path / name / "film.nc")
        made.append(tmp_path / name)
    return made


def test_writes_ordinary_poses_nearer_to_the_truth(folders, truth, tmp_path):
    (made,) = stage.run(CFG, folders, tmp_path / "out")
    found = io_poses.read(made.poses)
    assert (made.frames, made.networks, made.fresh) == (900, 3, True)
    xy, cov = core_poses.xy(found)[:, 0], core_poses.covariance(found)[:, 0]
    single = core_poses.xy(io_poses.read(folders[0] / "film.nc"))[:, 0]
    assert np.isfinite(xy).all()
    off, alone = np.linalg.norm(xy - truth, axis=-1), np.linalg.norm(single - truth, axis=-1)
    assert off.mean() < 0.6 * np.nanmean(alone)
    assert np.trace(cov[305, 1]) > np.trace(cov[305, 0])
    assert found.attrs["source_file"] == "film.mp4"
    assert found.attrs["fps"] == 30
    assert core_poses.points(found, "confidence")[305, 0, 1] == 0


@pytest.mark.parametrize("smooth", [True, False])
def test_blocks_of_any_length_make_the_same_result(folders, tmp_path, monkeypatch, smooth):
    cfg = CFG.model_copy(update={"smooth": smooth})
    (whole,) = stage.run(cfg, folders, tmp_path / "whole")
    monkeypatch.setattr(stage, "BLOCK", 97)
    (parts,) = stage.run(cfg, folders, tmp_path / "parts")
    one, two = io_poses.read(whole.poses), io_poses.read(parts.poses)
    for name in ("position", "covariance", "confidence", "disagreement"):
        np.testing.assert_allclose(one[name].values, two[name].values, rtol=1e-5, atol=1e-4)


def test_is_what_smoothing_in_memory_gives(folders, tmp_path):
    (made,) = stage.run(CFG, folders, tmp_path / "out")
    read = [io_poses.read(folder / "film.nc") for folder in folders]
    seen = combine(
        np.stack([core_poses.xy(one)[:, 0] for one in read]).astype(float),
        np.stack([core_poses.covariance(one)[:, 0] for one in read]).astype(float),
        np.stack([core_poses.points(one, "confidence")[:, 0] for one in read]).astype(float),
    )
    courses = eks.fit([seen], [(0,), (1,), (2,)])
    smoothed, _ = eks.smooth(courses, seen, eks.begin(courses), eks.end(courses))
    found = io_poses.read(made.poses)
    np.testing.assert_allclose(core_poses.xy(found)[:, 0], smoothed.xy, atol=1e-3)


def test_without_smoothing_it_is_the_mean_or_the_median(folders, tmp_path):
    cfg = stage.EnsembleConfig(combine="median", smooth=False)
    (made,) = stage.run(cfg, folders, tmp_path / "out")
    single = [core_poses.xy(io_poses.read(folder / "film.nc")) for folder in folders]
    found = core_poses.xy(io_poses.read(made.poses))
    np.testing.assert_allclose(found[:300], np.median(single, axis=0)[:300], atol=1e-4)
    assert np.isnan(found[305, 0, 1]).all()
    assert made.scale is None


def test_goes_on_where_it_was_and_starts_anew_when_something_changed(folders, tmp_path):
    out = tmp_path / "out"
    (first,) = stage.run(CFG, folders, out)
    before = first.poses.read_bytes()
    (again,) = stage.run(CFG, folders, out)
    assert not again.fresh
    assert first.poses.read_bytes() == before
    (other,) = stage.run(CFG.model_copy(update={"smooth": False}), folders, out)
    assert other.fresh


def test_a_run_that_dies_leaves_nothing_and_ends_the_same(folders, tmp_path, monkeypatch):
    (whole,) = stage.run(CFG, folders, tmp_path / "whole")
    monkeypatch.setattr(stage, "BLOCK", 200)

    def die(step):
        if step.done > 400:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stage.run(CFG, folders, tmp_path / "out", progress=die)
    assert not list((tmp_path / "out").glob("*"))
    (made,) = stage.run(CFG, folders, tmp_path / "out")
    one, two = io_poses.read(whole.poses), io_poses.read(made.poses)
    np.testing.assert_allclose(one.position.values, two.position.values, atol=1e-4)


def test_views_and_groups_share_a_subspace(tmp_path):
    rng = np.random.default_rng(3)
    point = rng.standard_normal((1200, 2, 3)).cumsum(axis=0)
    looks = {camera: rng.normal(size=(2, 3)) for camera in ("top", "side")}
    for network in ("a", "b", "c"):
        for camera, look in looks.items():
            xy = point @ look.T + 60 + rng.standard_normal((1200, 2, 2))
            if camera == "side":
                xy[500:520] = np.nan
            path = tmp_path / network / f"day1-{camera}.nc"
            store.write_dataset(series(xy, ("paw", "nose"), covariance=False), path)
    folders = [tmp_path / name for name in "abc"]
    alone = stage.run(CFG, folders, tmp_path / "alone")
    joint = stage.run(
        CFG.model_copy(update={"views": ("top", "side")}), folders, tmp_path / "j"
    )
    assert [made.name for made in joint] == ["day1-side", "day1-top"]
    true = point @ looks["side"].T + 60
    off = [
        np.linalg.norm(core_poses.xy(io_poses.read(m[0].poses))[:, 0] - true, axis=-1)[500:520]
        for m in (alone, joint)
    ]
    assert off[1].mean() < 0.8 * off[0].mean()


@pytest.mark.parametrize(
    ("cfg", "sentence"),
    [
        ({"groups": [["nose", "noes"]]}, "no keypoint 'noes'; did you mean 'nose'"),
        ({"groups": [["nose", "left"], ["left"]]}, "left is named twice"),
        ({"views": ["top", "side"]}, "film names none of views"),
        ({"groups": [["nose", "left"]], "dims": 5}, "4 coordinates, fewer than dims=5"),
    ],
)
def test_settings_that_mean_nothing_are_refused(folders, tmp_path, cfg, sentence):
    with pytest.raises(InputError, match=sentence):
        stage.run(stage.EnsembleConfig.from_values(cfg, "here"), folders, tmp_path / "out")


def test_files_that_are_no_ensemble_are_refused(folders, tmp_path, truth):
    with pytest.raises(InputError, match="needs two or more"):
        stage.run(CFG, folders[:1], tmp_path / "out")
    with pytest.raises(InputError, match="not both"):
        stage.run(CFG, [folders[0], folders[1] / "film.nc"], tmp_path / "out")
    with pytest.raises(InputError, match="is a file that is read; choose another --out"):
        stage.run(CFG, folders, folders[0])
    store.write_dataset(series(truth[:50]), tmp_path / "short.nc")
    with pytest.raises(InputError, match="has 50 frames"):
        stage.run(CFG, [folders[0] / "film.nc", tmp_path / "short.nc"], tmp_path / "out")
    store.write_dataset(series(truth, ("nose", "left", "tail")), tmp_path / "other.nc")
    with pytest.raises(InputError, match="do not have the same keypoints"):
        stage.run(CFG, [folders[0] / "film.nc", tmp_path / "other.nc"], tmp_path / "out")
    store.write_dataset(series(truth), folders[0] / "second.nc")
    with pytest.raises(InputError, match="b has no poses of second"):
        stage.run(CFG, folders, tmp_path / "out")


def test_smooths_the_networks_of_a_real_recording(data, tmp_path):
    files = sorted((data / "mouse_mirror" / "eks_ensemble_180607_004").glob("*.csv"))
    if not files:
        pytest.skip("no mouse_mirror")
    cfg = stage.EnsembleConfig(fps=250.0)
    (made,) = stage.run(cfg, files, tmp_path / "out")
    smoothed = core_poses.xy(io_poses.read(made.poses))[:, 0]
    raw = np.stack([core_poses.xy(io_poses.read(f, 250.0))[:, 0] for f in files])
    median = np.median(raw, axis=0)
    assert np.isfinite(smoothed).all()
    assert np.median(np.linalg.norm(smoothed - median, axis=-1)) < 1.0
    jumps = [
        np.linalg.norm(np.diff(xy, 2, axis=0), axis=-1).mean() for xy in (smoothed, median)
    ]
    assert jumps[0] < jumps[1]


def test_says_what_became_of_it(folders, tmp_path):
    made = stage.run(CFG, folders, tmp_path / "out")
    told = stage.describe({"recordings": [m._asdict() for m in made]})
    assert "900 frames, 3 networks, smoothed; noise" in told


def test_a_keypoint_that_shows_where_nothing_is_learnt_is_not_erased(tmp_path, monkeypatch):
    monkeypatch.setattr(stage, "LENGTH", 20)
    rng = np.random.default_rng(3)
    true = 80 + 0.5 * rng.standard_normal((900, 3, 2)).cumsum(axis=0)
    for name in ("a", "b"):
        xy = true + rng.standard_normal(true.shape)
        xy[:100, 1], xy[150:, 1] = np.nan, np.nan  # stretches begin at 0, 293, 586, 880
        store.write_dataset(series(xy), tmp_path / name / "film.nc")
    (made,) = stage.run(CFG, [tmp_path / "a", tmp_path / "b"], tmp_path / "out")
    found = core_poses.xy(io_poses.read(made.poses))[:, 0, 1]
    assert np.isfinite(found[100:150]).all() and np.isnan(found[150:]).all()
    assert made.rough == ("left",) and made.scale > 0
    assert "; left left as combined" in stage.describe({"recordings": [made._asdict()]})


def test_two_networks_that_know_no_covariance_say_none(tmp_path, truth):
    rng = np.random.default_rng(4)
    for name in ("a", "b"):
        xy = truth + rng.standard_normal(truth.shape)
        store.write_dataset(series(xy, covariance=False), tmp_path / name / "film.nc")
    cfg = stage.EnsembleConfig(smooth=False)
    (made,) = stage.run(cfg, [tmp_path / "a", tmp_path / "b"], tmp_path / "out")
    found = io_poses.read(made.poses)
    assert np.isfinite(core_poses.xy(found)).all()
    assert np.isnan(core_poses.covariance(found)).all()

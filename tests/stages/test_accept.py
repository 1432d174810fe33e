import numpy as np
import pytest
from films import film

from gambol.core import poses as core_poses
from gambol.core.errors import InputError
from gambol.io import labels as io_labels
from gambol.io import poses as io_poses
from gambol.io import store
from gambol.stages import accept as stage

CFG = stage.AcceptConfig()


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """A recording that nothing was learnt from."""
    return film(tmp_path_factory.mktemp("other"), seed=5)


def poses(other, folder, sd, seed, shift=0.0, lost=0):
    """The truth with noise, as a pose file."""
    rng = np.random.default_rng(seed)
    labels = io_labels.load(other.labels)
    frames = int(labels.frame.max()) + 1
    xy = np.zeros((frames, 1, labels.xy.shape[1], 2))
    xy[labels.frame, 0] = np.nan_to_num(labels.xy)
    xy += shift + sd * rng.standard_normal(xy.shape)
    if lost:
        xy[labels.frame[:lost]] = np.nan
    made = core_poses.build(
        xy, np.ones(xy.shape[:-1]), np.tile(np.eye(2), (*xy.shape[:-1], 1, 1)),
        np.arange(frames) / 15, labels.skeleton, fps=15.0,
        attrs={"source_file": str(labels.videos[0])},
    )  # fmt: skip
    store.write_dataset(made, folder / "sim.nc")
    return folder


def test_accepts_what_is_nearer_beyond_doubt(other, tmp_path):
    good, poor = poses(other, tmp_path / "a", 1.0, 0), poses(other, tmp_path / "b", 2.0, 1)
    told = stage.run(CFG, good, poor, other.labels)
    assert told["accepted"]
    assert told["candidate_px"] == pytest.approx(1.25, rel=0.2)
    assert told["interval"][0] < told["difference_px"] < told["interval"][1] < 0
    back = stage.run(CFG, poor, good, other.labels)
    assert not back["accepted"]
    assert back["interval"] == pytest.approx([-x for x in told["interval"][::-1]], abs=0.05)
    assert "not accepted: it is worse" in stage.describe(back)


def test_does_not_accept_what_may_be_chance(other, tmp_path):
    one, two = poses(other, tmp_path / "a", 2.0, 0), poses(other, tmp_path / "b", 2.0, 1)
    told = stage.run(CFG, one, two, other.labels)
    assert not told["accepted"]
    assert told["interval"][0] < 0 < told["interval"][1]
    assert "the interval reaches 0" in stage.describe(told)


def test_pairs_see_what_means_hide(other, tmp_path):
    """A small gain on every frame, under noise that both share."""
    one = poses(other, tmp_path / "a", 6.0, 0)
    made = io_poses.read(one / "sim.nc")
    labels = io_labels.load(other.labels)
    xy = made.position.values.copy()
    truth = np.nan_to_num(labels.xy).transpose(0, 2, 1)[..., None]
    xy[labels.frame] += 0.05 * (truth - xy[labels.frame])
    store.write_dataset(
        made.assign(position=(made.position.dims, xy)), tmp_path / "b" / "sim.nc"
    )
    assert stage.run(CFG, tmp_path / "b", one, other.labels)["accepted"]


def test_silence_is_not_accepted(other, tmp_path):
    good = poses(other, tmp_path / "a", 1.0, 0, lost=3)
    told = stage.run(CFG, good, poses(other, tmp_path / "b", 2.0, 1), other.labels)
    assert told["interval"][1] < 0
    assert not told["accepted"]
    assert "leaves 12 keypoints out" in stage.describe(told)


def test_compares_runs_on_another_recording_only(trained, recording, other, tmp_path):
    with pytest.raises(InputError, match="recordings that training saw"):
        stage.run(CFG, trained, trained, recording.labels)
    same = CFG.model_copy(update={"same_recording": True})
    told = stage.run(same, trained, trained, recording.labels)
    assert told["difference_px"] == 0
    assert not told["accepted"]


def test_poses_name_the_run_they_come_from(trained, recording, tmp_path):
    folder = poses(recording, tmp_path / "a", 1.0, 0)
    made = io_poses.read(folder / "sim.nc")
    made.attrs["provenance"] = f'{{"run": "{trained}"}}'
    store.write_dataset(made, folder / "sim.nc")
    with pytest.raises(InputError, match="recordings that training saw"):
        stage.run(CFG, folder, folder, recording.labels)


def test_poses_of_other_recordings_are_refused(recording, other, tmp_path):
    folder = poses(recording, tmp_path / "a", 1.0, 0)
    made = io_poses.read(folder / "sim.nc")
    made.attrs["source_file"] = "elsewhere.mp4"
    store.write_dataset(made, folder / "sim.nc")
    with pytest.raises(InputError, match="no labelled frame"):
        stage.run(CFG, folder, folder, other.labels)

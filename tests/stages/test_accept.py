import json

import numpy as np
import pytest
from films import film

from gambol.core import poses as core_poses
from gambol.core.errors import InputError
from gambol.io import labels as io_labels
from gambol.io import poses as io_poses
from gambol.io import run as io_run
from gambol.io import store
from gambol.stages import accept as stage
from gambol.stages.train import TrainConfig

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


def name_origin(folder, **notes):
    """Let poses say where they come from."""
    made = io_poses.read(folder / "sim.nc")
    made.attrs["provenance"] = json.dumps(notes)
    store.write_dataset(made, folder / "sim.nc")


def run_of(folder, video, *changes):
    """As much of a run as says what it learnt from."""
    store.write_text(TrainConfig().override(changes).yaml(), folder / "config.yaml")
    io_run.write_split([("train", str(video), 0, "")], folder)
    store.write_text("{}", folder / io_run.MODEL)
    return folder


def labelled_video(film):
    return io_labels.load(film.labels).videos[0]


@pytest.mark.parametrize("way", ["labels", "clips", "parent", "weights", "ensemble"])
def test_follows_what_poses_learnt_from(other, tmp_path, way):
    seen, elsewhere = labelled_video(other), tmp_path / "elsewhere.mp4"
    if way in ("labels", "ensemble"):
        run = run_of(tmp_path / "run", seen)
    elif way == "clips":
        clips = ("unlabelled.losses=[{kind: temporal}]", f"unlabelled.videos=[{seen}]")
        run = run_of(tmp_path / "run", elsewhere, *clips)
    else:
        start = run_of(tmp_path / "parent", seen)
        if way == "weights":
            start = start / "weights.safetensors"
            start.touch()
        run = run_of(tmp_path / "run", elsewhere, f"start={start}")
    folder = poses(other, tmp_path / "a", 1.0, 0)
    name_origin(folder, run=str(run))
    if way == "ensemble":
        member, folder = folder, poses(other, tmp_path / "b", 1.0, 0)
        name_origin(folder, inputs=[str(member / "sim.nc")])
    with pytest.raises(InputError, match="recordings that training saw"):
        stage.run(CFG, folder, folder, other.labels)


@pytest.mark.parametrize("way", ["run", "parent", "inputs"])
def test_what_cannot_be_followed_is_refused_unless_it_does_not_matter(other, tmp_path, way):
    gone = str(tmp_path / "gone")
    notes = {"run": gone} if way == "run" else {"inputs": [gone]}
    if way == "parent":
        notes = {"run": str(run_of(tmp_path / "run", "elsewhere.mp4", f"start={gone}"))}
    folder = poses(other, tmp_path / "a", 1.0, 0)
    name_origin(folder, **notes)
    with pytest.raises(InputError, match=r"gone, which is not there.*same_recording"):
        stage.run(CFG, folder, folder, other.labels)
    same = CFG.model_copy(update={"same_recording": True})
    assert stage.run(same, folder, folder, other.labels)["difference_px"] == 0


def test_a_namesake_is_another_recording_as_long_as_it_is_there(other, tmp_path):
    namesake = tmp_path / "videos" / labelled_video(other).rpartition("/")[2]
    store.write_text("another film", namesake)
    folder = poses(other, tmp_path / "a", 1.0, 0)
    name_origin(folder, run=str(run_of(tmp_path / "run", namesake)))
    told = stage.run(CFG, folder, folder, other.labels)
    assert told["left_out"] == 0
    assert "0 frames left out" in stage.describe(told)
    namesake.unlink()  # now nobody can tell it from the film that is labelled
    with pytest.raises(InputError, match="recordings that training saw"):
        stage.run(CFG, folder, folder, other.labels)


@pytest.mark.parametrize(("blocks", "accepted"), [(1, False), (7, False), (8, True)])
def test_few_blocks_prove_nothing(blocks, accepted):
    off = np.stack([np.full((40, 2), 1.0), np.full((40, 2), 2.0)])
    told = stage.compare(CFG, off, np.arange(40) % blocks)
    assert told["interval"] == [-1, -1]
    assert told["accepted"] is accepted
    assert accepted or "too few blocks" in told["reason"]


def test_poses_of_other_recordings_are_refused(recording, other, tmp_path):
    folder = poses(recording, tmp_path / "a", 1.0, 0)
    made = io_poses.read(folder / "sim.nc")
    made.attrs["source_file"] = "elsewhere.mp4"
    store.write_dataset(made, folder / "sim.nc")
    with pytest.raises(InputError, match="no labelled frame"):
        stage.run(CFG, folder, folder, other.labels)

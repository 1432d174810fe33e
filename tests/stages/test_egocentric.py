import numpy as np
import pandas as pd
import pytest

from gambol.behavior import align
from gambol.behavior.align import AlignSettings
from gambol.core import poses as core_poses
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.io import poses as io_poses
from gambol.io import store
from gambol.stages import egocentric

FPS, FRAMES = 25.0, 200
NAMES = ("nose", "left", "right", "tail")
REST = np.array([[20.0, 0], [5, 6], [5, -6], [-25, 0]])  # ahead, to the left
CFG = AlignSettings(anterior=("nose",), posterior=("tail",), body=("left", "right"))
FLIPS = {"b": (50, 90)}  # frames in which its keypoints lie half a turn around


def drawn():
    """Two animals that walk in circles, one the other way; their centroids and headings."""
    angle = np.arange(FRAMES)[:, None] * np.array([0.03, -0.02]) + [0.4, 2.0]  # (T, N)
    place = 300.0 + 80 * np.stack([np.sin(angle), np.cos(angle)], -1)
    turn = angle.copy()
    turn[slice(*FLIPS["b"]), 1] += np.pi
    cos, sin = np.cos(turn)[..., None], np.sin(turn)[..., None]
    shape = [cos * REST[:, 0] - sin * REST[:, 1], sin * REST[:, 0] + cos * REST[:, 1]]
    return place[:, :, None] + np.stack(shape, -1), angle  # (T, N, J, 2), (T, N)


@pytest.fixture
def recorded(tmp_path):
    """Animals a and b; a is not seen for two seconds."""
    xy, angle = drawn()
    xy[100:150, 0] = np.nan
    sure = np.full(xy.shape[:3], 0.9)
    path = tmp_path / "pair.nc"
    poses = core_poses.build(
        xy, sure, np.tile(np.eye(2), (*sure.shape, 1, 1)), np.arange(FRAMES) / FPS,
        Skeleton(NAMES), fps=FPS, individuals=("a", "b"),
    )  # fmt: skip
    store.write_dataset(poses, path)
    return path, xy, angle


def test_files_hold_what_was_drawn_in_the_frame_of_each_animal(recorded, tmp_path):
    path, xy, angle = recorded
    told = egocentric.run(CFG, [path], tmp_path / "out")
    made = io_poses.read(told.files[0])
    np.testing.assert_array_equal(core_poses.xy(made), xy)  # as it was
    seen = np.ones(FRAMES, bool)
    seen[100:150] = False
    seen[slice(*FLIPS["b"])] = False  # half a turn around the tracker's centroid
    aligned = made["aligned"].transpose("time", "individuals", "keypoints", "space").values
    np.testing.assert_allclose(aligned[seen] - (REST - [5, 0]), 0, atol=1e-9)
    np.testing.assert_allclose(
        align.wrap(made["heading"].values[seen] - angle[seen]), 0, atol=1e-9
    )
    centroid = made["centroid"].transpose("time", "individuals", "space").values
    np.testing.assert_allclose(centroid[seen], xy[:, :, 1:3].mean(2)[seen])
    assert (
        made["aligned"].sel(individuals="a").isnull().all(("space", "keypoints"))[100:150].all()
    )
    assert told.frames == 2 * FRAMES and told.unknown == 50 and told.turned == 40
    assert "exchanged in 10.0%" in egocentric.describe(told._asdict())


def test_flips_are_listed_in_seconds_by_recording_and_animal(recorded, tmp_path):
    path, _, angle = recorded
    told = egocentric.run(CFG, [path], tmp_path / "out")
    table = pd.read_csv(told.flips)
    assert table.to_dict("records") == [
        {"recording": "pair", "individual": "b", "start_s": 2.0, "stop_s": 3.6}
    ]
    made = io_poses.read(told.files[0])
    heading = made["heading"].sel(individuals="b").values
    np.testing.assert_allclose(align.wrap(heading - angle[:, 1]), 0, atol=1e-9)
    as_tracked = CFG.model_copy(update={"flips": False})
    told = egocentric.run(as_tracked, [path], tmp_path / "as-tracked")
    assert pd.read_csv(told.flips).empty and told.turned == 0


def test_the_settings_are_in_the_file_and_the_library_reads_it(recorded, tmp_path):
    path, _, _ = recorded
    told = egocentric.run(CFG, [path], tmp_path / "out")
    made = io_poses.read(told.files[0])
    assert AlignSettings.model_validate_json(made.attrs["align"]) == CFG
    one, other = align.aligned(made, "pair")
    assert one.track.name == "pair/a" and align.flips(other) == [(2.0, 3.6)]


def test_files_that_cannot_be_told_apart_or_would_be_lost_are_refused(recorded, tmp_path):
    path, _, _ = recorded
    with pytest.raises(InputError, match="two pose files are named pair"):
        egocentric.run(CFG, [path, path], tmp_path / "out")
    with pytest.raises(InputError, match="is the file that is read"):
        egocentric.run(CFG, [path], tmp_path)
    wrong = CFG.model_copy(update={"anterior": ("snout",)})
    with pytest.raises(InputError, match="no keypoint 'snout'"):
        egocentric.run(wrong, [path], tmp_path / "out")
    assert not (tmp_path / "out" / "pair.nc").exists()

import numpy as np
import pytest

from gambol.core import poses as core_poses
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.io import poses, store

SKELETON = Skeleton(("nose", "tail"), (-1, 0))


def shard(rng, frames):
    return poses.Shard(
        rng.normal(size=(frames, 1, 2, 2)).astype(np.float32),
        rng.random((frames, 1, 2)).astype(np.float32),
        rng.normal(size=(frames, 1, 2, 2, 2)).astype(np.float32),
        rng.random((frames, 1, 2)).astype(np.float32),
        rng.random((frames, 1, 2)).astype(np.float32),
        rng.random(frames) < 0.5,
    )


def test_pieces_come_together_in_order(tmp_path):
    rng = np.random.default_rng(0)
    parts = [shard(rng, n) for n in (8, 8, 3)]
    target = tmp_path / "clip.nc"
    pieces = poses.Shards(target, "key")
    for number, part in enumerate(parts):
        pieces.write(number, part)
    times = np.arange(19) / 30
    poses.assemble(pieces, 3, times, SKELETON, 30.0, {"made_from": "key", "note": {"a": 1}})
    found = poses.read(target)
    np.testing.assert_array_equal(core_poses.xy(found), np.concatenate([p.xy for p in parts]))
    np.testing.assert_array_equal(
        core_poses.covariance(found), np.concatenate([p.covariance for p in parts])
    )
    np.testing.assert_array_equal(
        core_poses.points(found, "presence"), np.concatenate([p.presence for p in parts])
    )
    np.testing.assert_array_equal(found.searched, np.concatenate([p.searched for p in parts]))
    np.testing.assert_array_equal(found.time, times)
    assert core_poses.skeleton(found) == SKELETON
    assert poses.made_from(target) == "key"
    assert list(tmp_path.iterdir()) == [target]


def test_pieces_of_something_else_are_thrown_away(tmp_path):
    rng = np.random.default_rng(0)
    poses.Shards(tmp_path / "clip.nc", "one").write(0, shard(rng, 4))
    assert poses.Shards(tmp_path / "clip.nc", "one").read(0) is not None
    assert poses.Shards(tmp_path / "clip.nc", "other").read(0) is None


def test_what_another_process_is_writing_is_left_alone(tmp_path):
    target = tmp_path / "clip.nc"
    path = poses.Shards(target, "key").path(0)
    with store.atomic(path) as partial:
        partial.write_bytes(b"half")
        other = poses.Shards(target, "key")  # begins meanwhile
        poses.Shards(target, "another key")
        assert partial.exists() and not poses.finished(other.folder)
    assert poses.finished(other.folder) == [path]


def test_a_file_that_holds_no_poses_is_named(tmp_path):
    path = tmp_path / "x.nc"
    path.write_bytes(b"text")
    assert poses.made_from(path) is None
    with pytest.raises(InputError, match=r"x\.nc is no complete netCDF4 file"):
        poses.read(path)


def test_several_candidates_are_put_together_too(tmp_path):
    rng = np.random.default_rng(1)
    parts = [
        shard(rng, n)._replace(
            candidate_xy=rng.normal(size=(n, 1, 2, 3, 2)).astype(np.float32),
            candidate_score=rng.random((n, 1, 2, 3)).astype(np.float32),
        )
        for n in (5, 4)
    ]
    pieces = poses.Shards(tmp_path / "clip.nc", "key")
    for number, part in enumerate(parts):
        pieces.write(number, part)
    times = np.arange(9) / 30
    poses.assemble(pieces, 2, times, SKELETON, 30.0, {"made_from": "key"}, candidates=3)
    found = poses.read(tmp_path / "clip.nc")
    places = found["candidate_position"].transpose(
        "time", "individuals", "keypoints", "candidate", "space"
    )
    np.testing.assert_array_equal(places, np.concatenate([p.candidate_xy for p in parts]))
    scores = found["candidate_score"].transpose("time", "individuals", "keypoints", "candidate")
    np.testing.assert_array_equal(scores, np.concatenate([p.candidate_score for p in parts]))


def test_a_pattern_that_one_file_matches_is_that_file(tmp_path):
    made = core_poses.build(
        np.zeros((3, 1, 1, 2)), np.ones((3, 1, 1)), np.full((3, 1, 1, 2, 2), np.nan),
        np.arange(3) / 30, Skeleton(("nose",)), fps=30.0,
    )  # fmt: skip
    store.write_dataset(made, tmp_path / "day1.nc")
    assert poses.read(str(tmp_path / "d*.nc")).sizes["time"] == 3
    store.write_dataset(made, tmp_path / "day2.nc")
    with pytest.raises(InputError, match=r"2 files match .*read_all"):
        poses.read(str(tmp_path / "d*.nc"))
    with pytest.raises(InputError, match="does not exist"):
        poses.read(str(tmp_path / "none*.nc"))
    store.write_dataset(made, tmp_path / "odd[1].nc")  # a name is a name
    assert poses.read(str(tmp_path / "odd[1].nc")).sizes["time"] == 3

import numpy as np
import pytest
import xarray as xr

from gambol.core import poses
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.io import poses as io_poses
from gambol.io import poses_pieces, store

TWO = Skeleton(("nose", "tail"))
STARTS = [0, 10, 25, 40]


@pytest.fixture
def whole():
    rng = np.random.default_rng(0)
    shape = (40, 1, 2)
    made = poses.build(
        rng.normal(size=(*shape, 3)), rng.uniform(size=shape), rng.normal(size=(*shape, 3, 3)),
        np.arange(40) / 30, TWO, fps=30.0, attrs={"units": "mm"},
    )  # fmt: skip
    made = made.assign_coords(view=["a", "b"])
    far = rng.uniform(size=(40, 2, 2, 1)).astype(np.float32)
    far[3] = np.nan
    made["reprojection_error"] = (("time", "view", "keypoints", "individuals"), far)
    return made


def cut(whole, target, key="k"):
    poses_pieces.folder_of(target, key)
    pieces = poses_pieces.Pieces(target, key, STARTS, 1)
    for p, (first, last) in enumerate(zip(STARTS[:-1], STARTS[1:], strict=True)):
        pieces.write(p, 0, whole.isel(time=slice(first, last)))
    return pieces


def test_frames_are_read_across_pieces(whole, tmp_path):
    pieces = cut(whole, tmp_path / "a.nc")
    assert all(pieces.finished(p, 0) for p in range(3)) and not pieces.finished(0, 1)
    got = pieces.read(0, 5, 31)
    for name, values in whole.isel(time=slice(5, 31)).data_vars.items():
        np.testing.assert_array_equal(got[name].values, values.values)
        assert got[name].dims == values.dims and got[name].dtype == values.dtype
    assert list(pieces.read(0, 0, 1, ["confidence"])) == ["confidence"]
    assert pieces.attrs(0, "units") == ["mm"] * 3
    assert pieces.like().sizes["time"] == 0


def test_what_is_joined_is_what_would_have_been_written_at_once(whole, tmp_path):
    pieces = cut(whole, tmp_path / "a.nc")
    blocks = (whole.isel(time=slice(t, t + 7)) for t in range(0, 40, 7))
    times = whole["time"].values
    poses_pieces.write(tmp_path / "a.nc", pieces.like(), times, blocks, pieces.bytes())
    store.write_dataset(whole, tmp_path / "b.nc")
    a, b = (io_poses.read(tmp_path / name) for name in ("a.nc", "b.nc"))
    xr.testing.assert_identical(a, b)
    pieces.remove()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.nc", "b.nc"]


def test_frames_that_are_missing_are_not_written(whole, tmp_path):
    pieces = cut(whole, tmp_path / "a.nc")
    blocks = [whole.isel(time=slice(0, 30))]
    with pytest.raises(InputError, match="30 frames for 40 times"):
        poses_pieces.write(tmp_path / "a.nc", pieces.like(), whole["time"].values, blocks, 0)
    assert not (tmp_path / "a.nc").exists()


def test_pieces_of_other_settings_are_forgotten(whole, tmp_path):
    target = tmp_path / "a.nc"
    cut(whole, target, "one")
    assert poses_pieces.found(target, "one") and poses_pieces.found(target, "two") is None
    poses_pieces.folder_of(target, "two")
    assert not poses_pieces.Pieces(target, "two", STARTS, 1).finished(0, 0)
    poses_pieces.forget(target)
    assert not list(tmp_path.iterdir())


def test_a_damaged_piece_is_named_and_made_again(whole, tmp_path):
    pieces = cut(whole, tmp_path / "a.nc")
    path = next(iter(sorted(pieces.folder.glob("000001*.nc"))))
    path.write_bytes(path.read_bytes()[:900])
    assert not pieces.finished(1, 0)
    with pytest.raises(InputError, match="000001-000.nc was damaged; run the command again"):
        pieces.read(0, 0, 40)
    assert not path.exists()


def test_blocks_are_the_file(whole, tmp_path):
    store.write_dataset(whole, tmp_path / "b.nc")
    parts = poses_pieces.blocks(tmp_path / "b.nc", ["position"], 9)
    got = [part["position"].values for part in parts]
    assert [len(part) for part in got] == [9, 9, 9, 9, 4]
    np.testing.assert_array_equal(np.concatenate(got), whole.position.values)
    (tmp_path / "c.nc").write_bytes(b"no file")
    with pytest.raises(InputError, match="c.nc is no complete file of 3D poses"):
        list(poses_pieces.blocks(tmp_path / "c.nc", ["position"]))

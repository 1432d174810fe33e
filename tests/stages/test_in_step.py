"""Poses on one clock whose lags are told, against the movement that was simulated."""

import numpy as np
import pytest

from gambol.core import poses as core_poses
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.io import poses as io_poses
from gambol.multiview.clocks import Timing
from gambol.stages import in_step

PAIR = Skeleton(("nose", "tail"))


def path_of(frame):
    """Where two keypoints are at fractional frames: on straight lines; (T, 1, 2, 2)."""
    at = np.asarray(frame, float)[:, None]
    return np.stack([at * [3.0, -1.0] + [5.0, 90.0], at * [0.5, 2.0] + 7.0], -1)[:, None]


def saw(path, frames, fps=30.0):
    xy = path_of(np.arange(frames))
    shape = xy.shape[:3]
    wide = np.broadcast_to(2.0 * np.eye(2), (*shape, 2, 2)).copy()
    made = core_poses.build(
        xy, np.full(shape, 0.75), wide, np.arange(frames) / fps, PAIR, fps=fps
    )
    made.to_netcdf(path, engine="h5netcdf")
    return path


def xy_of(path):
    made = io_poses.read(path)
    return made.position.transpose("time", "individuals", "keypoints", "space").values


@pytest.fixture
def poses(tmp_path):
    return {"a": saw(tmp_path / "a.nc", 30), "b": saw(tmp_path / "b.nc", 26)}


@pytest.mark.parametrize("piece", [4096, 7])
def test_every_view_stands_on_the_clock(poses, tmp_path, monkeypatch, piece):
    monkeypatch.setattr(in_step, "PIECE", piece)
    late = Timing(lag=2.5, drift=0.01, drops=((10, 2),))
    made = in_step.run(poses, {"b": late}, tmp_path / "out")
    np.testing.assert_allclose(xy_of(made["a"]), path_of(np.arange(30)), rtol=1e-5)
    at = late.frames(np.arange(30.0))
    there = np.isfinite(at) & (at <= 25)
    got = xy_of(made["b"])
    assert np.isnan(got[~there]).all() and (~there).sum() > 3
    np.testing.assert_allclose(got[there], path_of(at[there]), rtol=1e-5)
    sure = io_poses.read(made["b"]).confidence.values.squeeze()
    assert (sure[~there] == 0).all() and np.allclose(sure[there], 0.75)
    assert in_step.read(tmp_path / "out" / in_step.NAME) == {"a": Timing(), "b": late}


def test_views_of_two_rates_are_refused(tmp_path):
    poses = {"a": saw(tmp_path / "a.nc", 30), "b": saw(tmp_path / "b.nc", 30, fps=25.0)}
    with pytest.raises(InputError, match="one rate"):
        in_step.run(poses, {}, tmp_path / "out")


def test_a_damaged_clock_is_said(tmp_path):
    (tmp_path / "clock.json").write_text('{"a": {"lag": 1}}')
    with pytest.raises(InputError, match=r"clock.json is damaged"):
        in_step.read(tmp_path / "clock.json")

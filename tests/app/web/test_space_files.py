"""Files of the 3D screen: what is found, and which observation belongs to which point."""

import json
import shutil

import numpy as np
import pytest
from spaced import world

from gambol.app.web.space_files import Run3d, find, timing
from gambol.core.errors import InputError
from gambol.io import poses as io_poses


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "pair.gambol"
    world(path, seconds=1.0, animals=2)
    return path


def test_finds_rigs_and_runs_and_nothing_else(folder, tmp_path):
    (folder / "notes.toml").write_text("a = 1\n")
    (folder / "broken.nc").write_bytes(b"no netCDF")
    found = find(folder)
    assert [p.name for p in found.rigs.values()] == ["rig.toml"]
    assert [p.name for p in found.runs.values()] == ["mouse.nc"]
    assert find(tmp_path / "nowhere") == ({}, {})


def test_of_two_animals_each_point_gets_what_it_was_made_of(folder):
    (path,) = find(folder).runs.values()
    run = Run3d(path)
    made = run.moments(0, run.frames)
    assert run.individuals and made.xyz.shape[:3] == (30, 2, len(run.skeleton.keypoints))
    known = np.isfinite(made.residual)
    there = np.isfinite(made.xy).all(-1)
    assert known.sum() > 1000 and (there == known)[known].mean() > 0.999
    from gambol.kernels import projection

    image = projection.project(made.xyz.reshape(-1, 3).astype(float), run.params).uv
    expected = np.moveaxis(image, 0, 1).reshape(made.xy.shape)
    away = np.linalg.norm(made.xy - expected, axis=-1)
    both = known & there
    np.testing.assert_allclose(away[both], made.residual[both], atol=0.06)


def test_a_part_of_a_run_is_that_part_of_the_whole(folder):
    (path,) = find(folder).runs.values()
    run = Run3d(path)
    whole, part = run.moments(0, run.frames), run.moments(7, 11)
    for all_, some in zip(whole, part, strict=True):
        np.testing.assert_array_equal(all_[7:11], some)
    blocks = [far for _, far in run.errors(8)]
    np.testing.assert_array_equal(np.concatenate(blocks), whole.residual)


def test_2d_poses_that_are_gone_are_said(folder):
    (path,) = find(folder).runs.values()
    run = Run3d(path)
    run.files = {c: folder / "gone.nc" for c in run.cameras}
    made = run.moments(0, 2)
    assert np.isnan(made.xy).all() and "gone.nc" in run.trouble


def test_2d_poses_are_found_again_in_a_project_that_was_moved(folder, tmp_path):
    (path,) = find(folder).runs.values()
    before = Run3d(path).moments(0, 2)
    away = tmp_path / "elsewhere"
    shutil.copytree(folder, away)
    hidden = folder.rename(folder.with_name("hidden"))
    try:
        run = Run3d(away / path.relative_to(folder))
        np.testing.assert_array_equal(run.moments(0, 2).xy, before.xy)
        assert run.trouble is None
    finally:
        hidden.rename(folder)


def test_a_file_without_cameras_is_refused(folder):
    view = next((folder / "session" / "views").glob("*.nc"))
    assert io_poses.read(view) is not None
    with pytest.raises(InputError, match="triangulate again"):
        Run3d(view)


def test_lags_stand_beside_poses_in_step(tmp_path):
    told = {
        "reference": "a", "lags": {"a": 0.0, "b": 2.5}, "drift": {"b": 0.001},
        "dropped": [
            {"view": "b", "frame": 40, "frames": 2}, {"view": "a", "frame": 9, "frames": 1},
        ],
    }  # fmt: skip
    (tmp_path / "lags.json").write_text(json.dumps(told))
    found = timing(tmp_path / "b.nc")
    assert found["b"] == (2.5, 0.001, ((40, 2),), ((9, 1),)) and found["a"] == (0, 0, (), ())
    assert timing(None) == {} and timing(tmp_path / "deeper" / "b.nc") == {}
    (tmp_path / "lags.json").write_text("[]")
    with pytest.raises(InputError, match="run it again"):
        timing(tmp_path / "b.nc")

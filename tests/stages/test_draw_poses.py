"""Draws lie around the poses as far as their covariance says, and the seed decides them."""

import numpy as np
import pytest
from rigged import film

from gambol.core import poses as core_poses
from gambol.core.errors import InputError
from gambol.io import pose_draws
from gambol.io import poses as io_poses
from gambol.stages import draw_poses, triangulate
from gambol.stages.draw_poses import DrawConfig

CFG = DrawConfig(draws=60, warm=20, thin=2)


@pytest.fixture(scope="module")
def solved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("solved")
    made = film(folder / "sim", seconds=0.8, boards=5, seed=2)
    cfg = triangulate.TriangulateConfig.from_values({"tier": {"kind": "robust"}}, "here")
    return triangulate.run(cfg, [made.views], made.rig, folder / "poses.nc").poses


def test_draws_spread_as_the_covariance_says(solved, tmp_path):
    told = draw_poses.run(CFG, solved, tmp_path / "draws.nc")
    poses, held = io_poses.read(solved), pose_draws.read(told.out)
    assert held["position"].dims == ("draw", "time", "space", "keypoints", "individuals")
    assert told.draws == 60 and told.acceptance > 0.5 and held.attrs["units"] == "mm"
    drawn = held["position"].values[..., 0].swapaxes(2, 3)  # (D, T, J, 3)
    best = core_poses.xy(poses)[:, 0]
    sd = np.sqrt(np.diagonal(core_poses.covariance(poses)[:, 0], axis1=-2, axis2=-1))
    assert np.nanmedian(np.abs(drawn.mean(0) - best) / sd) < 0.5
    assert 0.7 < np.nanmedian(drawn.std(0) / sd) < 1.4
    np.testing.assert_array_equal(held["keypoints"], poses["keypoints"])
    np.testing.assert_allclose(held["time"], poses["time"])


def test_the_seed_decides_and_a_finished_file_stays(solved, tmp_path):
    a, b, c = (tmp_path / f"{name}.nc" for name in "abc")
    few = CFG.model_copy(update={"draws": 4})
    draw_poses.run(few, solved, a)
    draw_poses.run(few, solved, b)
    draw_poses.run(few.model_copy(update={"seed": 1}), solved, c)
    one, two, other = (pose_draws.read(path)["position"].values for path in (a, b, c))
    np.testing.assert_array_equal(one, two)
    assert (one != other).any()
    before = a.stat().st_mtime_ns
    draw_poses.run(few, solved, a)
    assert a.stat().st_mtime_ns == before


def test_what_has_no_posterior_is_refused_and_nothing_is_left(solved, tmp_path):
    with pytest.raises(InputError, match="fewer than the 2 chains"):
        draw_poses.run(DrawConfig(draws=1), solved, tmp_path / "a.nc")
    with pytest.raises(InputError, match=r"let its name end in \.nc"):
        draw_poses.run(CFG, solved, tmp_path / "a.csv")
    (tmp_path / "letter.nc").write_text("dear diary")
    with pytest.raises(InputError, match="holds no draws; choose another --out"):
        draw_poses.run(CFG, solved, tmp_path / "letter.nc")
    assert [p.name for p in tmp_path.iterdir()] == ["letter.nc"]

"""Learning which poses an animal takes, from files."""

import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.io import pose_prior as io_prior
from gambol.io import store
from gambol.multiview.pose_prior import PosePrior
from gambol.stages import fit_pose_prior

CFG = fit_pose_prior.PriorConfig(states=3)


def test_a_prior_is_written_and_read_as_it_was(poses_3d, tmp_path):
    made = fit_pose_prior.run(CFG, [poses_3d.poses], tmp_path / "prior.nc")
    prior = PosePrior(**io_prior.read(made.prior))
    assert made.states == len(prior.weights) == 3 and prior.units == "mm"
    assert np.isclose(prior.weights.sum(), 1) and made.body_axis == prior.body_axis
    length = np.linalg.norm(prior.directions, axis=-1)
    roots = np.array(prior.parent) < 0
    np.testing.assert_allclose(length[:, ~roots], 1, atol=1e-6)
    again = fit_pose_prior.run(CFG, [poses_3d.poses], tmp_path / "again.nc")
    twice = PosePrior(**io_prior.read(again.prior))
    np.testing.assert_array_equal(twice.directions, prior.directions)


def test_files_that_do_not_fit_together_are_refused(poses_3d, views, tmp_path):
    other = store.read_dataset(poses_3d.poses)
    other.attrs["units"] = "cm"
    store.write_dataset(other, tmp_path / "cm.nc")
    with pytest.raises(InputError, match="are in different units"):
        fit_pose_prior.run(CFG, [poses_3d.poses, tmp_path / "cm.nc"], tmp_path / "p.nc")
    with pytest.raises(InputError, match="holds no 3D poses"):
        fit_pose_prior.run(CFG, [views.views / "cam_0.nc"], tmp_path / "p.nc")
    with pytest.raises(InputError, match="is no pose prior"):
        io_prior.read(poses_3d.poses)

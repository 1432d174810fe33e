"""Cameras in torch against those in numba."""

import numpy as np
import pytest
import torch
from animals3d import ring

from gambol.kernels import projection
from gambol.nn.pose_cameras import project


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_it_is_the_reference(kind):
    params = ring(3, affine=kind == 2)
    if kind < 2:
        params[:, 0], params[:, 5] = kind, 2.0
        params[:, 6:11] = -0.3, 0.1, 0.01, -0.02, 0.03
        params[:, 11] = 0.2  # a fold
    xyz = np.random.default_rng(0).normal(0, 300, (2, 4, 5, 3))
    found = project(torch.as_tensor(xyz), torch.as_tensor(params))
    expected = projection.project(xyz.reshape(-1, 3), params)

    def like(values):
        return np.moveaxis(values.reshape(3, 2, 4, 5, *values.shape[2:]), 0, 2)

    valid = like(expected.valid)
    assert 0 < valid.mean() < (1 if kind < 2 else 1.1)
    np.testing.assert_array_equal(found.valid, valid)
    np.testing.assert_allclose(found.uv.numpy()[valid], like(expected.uv)[valid], atol=1e-9)
    np.testing.assert_allclose(found.jac.numpy()[valid], like(expected.jac)[valid], atol=1e-9)
    assert (found.jac.numpy()[~valid] == 0).all()

"""Peaks found by tensors against the kernel that finds them by loops, in float64."""

import numpy as np
import pytest
import torch

from gambol.kernels import maxima, peaks
from gambol.nn import graph_peaks

H, W = 30, 44


def blobs(sigma, n=60, noise=0.0, seed=0):
    """Gaussians of all heights inside and around the border."""
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.arange(W), np.arange(H))
    at = rng.uniform(-2, 2, (n, 2, 1, 1)) + rng.uniform(0, 1, (n, 2, 1, 1)) * [[[W]], [[H]]]
    maps = np.exp(-((x - at[:, 0]) ** 2 + (y - at[:, 1]) ** 2) / (2 * sigma**2))
    maps = maps * rng.uniform(0.1, 1, (n, 1, 1)) + rng.normal(0, noise, (n, H, W))
    return maps.astype(np.float32)


def both(maps, sigma):
    found = graph_peaks.find(torch.from_numpy(maps)[None], sigma)
    return peaks.find(maps, sigma), peaks.Peaks(*(part[0].numpy() for part in found))


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.1])
@pytest.mark.parametrize("sigma", [0.9, 1.75, 3.5])
def test_tensors_find_what_loops_find(sigma, noise):
    loops, tensors = both(blobs(sigma, noise=noise), sigma)
    np.testing.assert_allclose(tensors.xy, loops.xy, atol=1e-4)
    np.testing.assert_array_equal(tensors.height, loops.height.astype(np.float32))
    # the residual of a perfect fit is lost in rounding, so compare with the shape's part
    np.testing.assert_allclose(tensors.cov, loops.cov, rtol=2e-3, atol=1e-4 * sigma**2)


def test_a_peak_that_is_no_gaussian_stays_in_its_cell():
    maps = np.zeros((1, H, W), np.float32)
    maps[0, 10, 12], maps[0, 10:14, 15] = 0.6, 0.59  # a spike beside a wall that pulls
    loops, tensors = both(maps, 1.5)
    assert loops.xy[0].tolist() == tensors.xy[0].tolist() == [12.0, 10.0]
    np.testing.assert_allclose(tensors.cov, loops.cov, rtol=1e-3, atol=1e-6)


def test_of_equal_cells_the_first_row_and_then_the_first_column_counts():
    maps = torch.zeros(3, 5, 6)
    maps[0, 3, 1] = maps[0, 2, 4] = maps[0, 2, 2] = 1.0
    maps[2] = -1.0  # nowhere anything
    found = graph_peaks.highest(maps[None].permute(0, 2, 3, 1).flatten(1, 2), maps.shape[2])
    assert found.row.tolist() == [2, 0, 0] and found.col.tolist() == [2, 0, 0]
    assert found.height.tolist() == [1.0, 0.0, -1.0]


def test_maps_do_not_know_of_each_other():
    maps = torch.from_numpy(blobs(1.75, n=12, noise=0.05)).reshape(3, 4, H, W)
    together = graph_peaks.find(maps, 1.75)
    for b in range(3):
        alone = graph_peaks.find(maps[b : b + 1], 1.75)
        for one, other in zip(alone, together, strict=True):
            torch.testing.assert_close(one[0], other[b])


def crowded(n=12, noise=0.03, seed=1):
    """Maps of several animals: sums of blobs of all heights."""
    rng = np.random.default_rng(seed)
    each = blobs(1.75, n=6 * n, seed=seed).reshape(n, 6, H, W)
    maps = each.max(1) + rng.normal(0, noise, (n, H, W))
    return maps.astype(np.float32)


@pytest.mark.parametrize("limit", [3, 40])
@pytest.mark.parametrize("noise", [0.0, 0.03, 0.1])
def test_tensors_find_the_maxima_that_loops_find(noise, limit):
    maps = crowded(noise=noise)
    loops = maxima.maxima(maps, 1.75, 0.1, limit)
    found = graph_peaks.several(torch.from_numpy(maps)[None], 1.75, 0.1, limit)
    there = np.arange(limit) < loops.n[:, None]
    height = found.height[0].numpy()
    np.testing.assert_array_equal(height, np.where(there, loops.height, 0).astype(np.float32))
    np.testing.assert_allclose(found.xy[0].numpy()[there], loops.xy[there], atol=1e-4)
    np.testing.assert_allclose(
        found.cov[0].numpy()[there], loops.cov[there], rtol=5e-3, atol=1e-3
    )


def test_a_plateau_counts_once_and_a_small_map_may_have_more_places_than_cells():
    maps = torch.zeros(2, 4, 5)
    maps[0, 1, 1:4] = 0.5  # three in a row
    maps[0, 3, 0] = 0.4
    found = graph_peaks.several(maps[None], 1.0, 0.1, 30)
    assert found.height[0, 0].tolist() == pytest.approx([0.5, 0.4] + 28 * [0.0])
    assert not found.height[0, 1].any()
    assert torch.isfinite(found.cov).all()

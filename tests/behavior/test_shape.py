"""Shape space and components against dense algebra, and what absent keypoints may not do."""

import numpy as np
import pytest

from gambol.behavior import shape
from gambol.behavior.align import Aligned, AlignSettings, align
from gambol.behavior.shape import ShapePCA
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.core.tracks import Track
from gambol.kernels import helmert
from gambol.simulate import switching


def aligned(xy, name="a"):
    n_frames, n, _ = xy.shape
    flat, times = np.ones((n_frames, n)), np.arange(n_frames) / 50
    made = Track(name, xy, flat, flat, times, 50.0, Skeleton(tuple(f"k{j}" for j in range(n))))
    zero = np.zeros(n_frames)
    return Aligned(made, np.zeros((n_frames, xy.shape[2])), zero, zero > 0, "z")


def cloud(n_frames=1000, n=5, space=2, seed=0):
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(n_frames, n * space)) @ rng.normal(size=(n * space, n * space))
    return mixed.reshape(n_frames, n, space) + 10 * rng.normal(size=(n, space))


@pytest.mark.parametrize("space", [2, 3])
def test_shape_coordinates_are_those_of_the_dense_matrix(space):
    xy = cloud(4, 5, space)
    dense = np.kron(helmert.basis(5), np.eye(space)).T
    expected = np.stack([dense @ frame.reshape(-1) for frame in xy])
    np.testing.assert_allclose(shape.lower(xy), expected, atol=1e-12)
    np.testing.assert_allclose(shape.lower(xy + 7.0), expected, atol=1e-12)
    centred = xy - xy.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(shape.raise_up(shape.lower(xy), space), centred, atol=1e-12)


@pytest.mark.parametrize("space", [2, 3])
def test_components_equal_a_dense_decomposition_of_a_thousand_frames(space):
    xy = cloud(1000, 5, space)
    fitted = ShapePCA().fit([aligned(xy)])
    shapes = shape.lower(xy)
    _, s, vt = np.linalg.svd(shapes - shapes.mean(axis=0), full_matrices=False)
    values = s**2 / 999
    dims = int(np.argmax(np.cumsum(values) / values.sum() >= 0.9)) + 1
    assert fitted.loadings_.shape[1] == dims
    np.testing.assert_allclose(fitted.eigenvalues_, values, rtol=1e-9)
    dense = vt[:dims].T * np.sqrt(values[:dims])
    dense *= np.sign(dense[np.abs(dense).argmax(axis=0), np.arange(dims)])
    np.testing.assert_allclose(fitted.loadings_, dense, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(fitted.offset_, shapes.mean(axis=0), rtol=1e-12)


def test_latents_are_white_and_signs_are_fixed():
    xy = cloud()
    fitted = ShapePCA(dims=4).fit([aligned(xy)])
    x = fitted.transform(aligned(xy))
    np.testing.assert_allclose(np.cov(x.T), np.eye(4), atol=1e-9)
    largest = np.abs(fitted.loadings_).argmax(axis=0)
    assert (fitted.loadings_[largest, np.arange(4)] > 0).all()
    whole = ShapePCA(dims=8).fit([aligned(xy)])
    back = whole.inverse_transform(whole.transform(aligned(xy)))
    np.testing.assert_allclose(back, xy - xy.mean(axis=1, keepdims=True), atol=1e-9)
    loads, offset = fitted.to_keypoints()
    one = np.einsum("jde,e->jd", loads, x[3]) + offset
    np.testing.assert_allclose(fitted.inverse_transform(x[3:4])[0], one, atol=1e-9)


def test_the_order_of_recordings_changes_no_bit():
    parts = [aligned(cloud(300, seed=s), f"r{s}") for s in range(3)]
    forth, back = ShapePCA().fit(parts), ShapePCA().fit(parts[::-1])
    np.testing.assert_array_equal(forth.loadings_, back.loadings_)
    whole = ShapePCA().fit([aligned(np.concatenate([part.track.xy for part in parts]))])
    np.testing.assert_allclose(whole.loadings_, forth.loadings_, atol=1e-9)


@pytest.mark.parametrize("space", [2, 3])
def test_an_absent_keypoint_is_where_the_dense_conditional_mean_puts_it(space):
    xy = cloud(400, 5, space)
    moments = shape.shape_moments([xy])
    seen = xy[:1].copy()
    seen[0, 1] = np.nan
    found = shape.fill(seen, moments)[0]
    # dense: keypoints with a nearly flat prior on the position of the animal
    gamma = np.kron(helmert.basis(5), np.eye(space))
    flat = np.kron(np.ones((5, 5)), np.eye(space)) * 1e7
    mean, cov = gamma @ moments.mean, gamma @ moments.covariance @ gamma.T + flat
    p = np.repeat(np.array([True, False, True, True, True]), space)
    y = xy[0].reshape(-1)
    gain = cov[np.ix_(~p, p)] @ np.linalg.inv(cov[np.ix_(p, p)])
    full = y.copy()
    full[~p] = mean[~p] + gain @ (y[p] - mean[p])
    np.testing.assert_allclose(found, gamma.T @ full, rtol=1e-3, atol=1e-2)
    moved = shape.fill(seen + 100.0, moments)[0]
    np.testing.assert_allclose(moved, found, atol=1e-8)


@pytest.mark.parametrize("share", [0.05, pytest.param(0.4, marks=pytest.mark.slow)])
def test_absent_keypoints_hardly_change_the_components(share):
    law = switching.law(np.random.default_rng(0))
    made = switching.sample(np.random.default_rng(1), law, 8000)
    settings = AlignSettings(anterior=("neck",), posterior=("hips",))
    body = made.performed.body.skeleton
    flat = np.ones(made.performed.xy.shape[:2])
    track = Track("a", made.performed.xy, flat, flat, made.performed.times, 30.0, body)
    whole = align(track, settings)
    xy = whole.track.xy.copy()
    xy[np.random.default_rng(2).random(flat.shape) < share] = np.nan
    holed = whole._replace(track=whole.track._replace(xy=xy))
    a, b = ShapePCA(dims=4).fit([whole]), ShapePCA(dims=4).fit([holed])
    cosines = np.linalg.svd(np.linalg.qr(a.loadings_)[0].T @ np.linalg.qr(b.loadings_)[0])[1]
    assert cosines.min() > 0.99
    off = b.transform(holed) - b.transform(whole)
    assert np.sqrt(np.mean(off**2)) < 0.2


def test_frames_without_two_keypoints_have_no_latents_and_do_not_count():
    xy = cloud(300)
    fitted = ShapePCA().fit([aligned(xy)])
    more = np.concatenate([xy, np.full((50, 5, 2), np.nan)])
    more[300:, 0] = 3.0
    again = ShapePCA().fit([aligned(more)])
    np.testing.assert_allclose(again.loadings_, fitted.loadings_, atol=1e-9)
    x = again.transform(aligned(more))
    assert np.isnan(x[300:]).all() and not np.isnan(x[:300]).any()


def test_what_was_fitted_goes_through_a_dataset():
    fitted = ShapePCA(variance=0.8).fit([aligned(cloud())])
    again = ShapePCA.from_dataset(fitted.to_dataset())
    assert again.get_params() == fitted.get_params()
    x = aligned(cloud(seed=3))
    np.testing.assert_array_equal(again.transform(x), fitted.transform(x))
    assert again.variance_ == fitted.variance_


def test_says_what_cannot_be_fitted():
    with pytest.raises(InputError, match="dims is 9, but these shapes vary in 8 directions"):
        ShapePCA(dims=9).fit([aligned(cloud())])
    with pytest.raises(InputError, match="no setting 'dim'; did you mean 'dims'"):
        ShapePCA(dim=3)
    with pytest.raises(InputError, match="^a: 0 frames with two keypoints and a heading"):
        ShapePCA().fit([aligned(np.full((9, 3, 2), np.nan))])
    with pytest.raises(InputError, match="^r0, r1, r2 and 1 more: 1 frame with .* give longer"):
        ShapePCA().fit([aligned(cloud(int(k == 0)), f"r{k}") for k in range(4)])

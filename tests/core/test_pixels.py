"""Pixel maps against what array libraries do to the picture of a blob.

The blob's place is read off by its centre of mass, which knows nothing of our conventions.
"""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

import gambol
from gambol.core import pixels

SIDE, SIGMA = 320, 20.0  # σ near the coarsest stride, so that its cells still sample the blob


def blob(xy, side=SIDE):
    i = np.arange(side)
    across, down = (np.exp(-((i - c) ** 2) / (2 * SIGMA**2)) for c in xy)
    return np.outer(down, across).astype(np.float32)


def centre_of_mass(image):
    row, column = ndimage.center_of_mass(image.astype(np.float64))
    return np.array([column, row])


def shrunk(image, stride):
    """One value per cell: the mean of its pixels."""
    h, w = image.shape[0] // stride, image.shape[1] // stride
    return image[: h * stride, : w * stride].reshape(h, stride, w, stride).mean((1, 3))


def by_grid_sample(matrix):
    """Let torch do the sampling: its grid is the map from output back to input, normalised."""

    def act(image):
        h, w = image.shape
        back = pixels.compose(pixels.invert(matrix), pixels.normalised(w, h))
        x, y = np.meshgrid(np.arange(w, dtype=float), np.arange(h, dtype=float))
        grid = torch.from_numpy(pixels.apply(back, np.stack([x, y], -1)).astype(np.float32))
        source = torch.from_numpy(np.ascontiguousarray(image))[None, None]
        return torch.nn.functional.grid_sample(source, grid[None], align_corners=False)[
            0, 0
        ].numpy()

    return act


def by_interpolate(factor):
    def act(image):
        size = [round(side * factor) for side in image.shape]
        source = torch.from_numpy(np.ascontiguousarray(image))[None, None]
        return torch.nn.functional.interpolate(
            source, size, mode="bilinear", align_corners=False, antialias=True
        )[0, 0].numpy()

    return act


def turned(degrees, side=SIDE):
    middle = pixels.centre(side, side)
    return pixels.about(middle, pixels.rotation(np.radians(degrees)))


# what a library does to the picture, and the map that is meant to say the same
OPERATIONS = {
    "resize ½": (by_interpolate(0.5), pixels.resize(0.5)),
    "resize 0.8": (by_interpolate(0.8), pixels.resize(0.8)),
    "resize 1.5": (
        lambda im: cv2.resize(im, None, fx=1.5, fy=1.5, interpolation=cv2.INTER_LINEAR),
        pixels.resize(1.5),
    ),
    "resize x ½ only": (
        lambda im: cv2.resize(im, None, fx=0.5, fy=1, interpolation=cv2.INTER_AREA),
        pixels.resize(0.5, 1.0),
    ),
    "crop": (lambda im: im[4:, 8:], pixels.crop(8, 4)),
    "pad": (lambda im: np.pad(im, ((3, 0), (9, 0))), pixels.crop(-9, -3)),
    "quarter turn": (lambda im: np.rot90(im, -1), turned(90)),
    "turn by 20°": (
        lambda im: ndimage.rotate(im, -20, reshape=False, order=3),
        turned(20),
    ),
    "grow by 1.2 about the middle": (
        by_grid_sample(pixels.about(pixels.centre(SIDE, SIDE), 1.2 * np.eye(2))),
        pixels.about(pixels.centre(SIDE, SIDE), 1.2 * np.eye(2)),
    ),
    "flip": (lambda im: im[:, ::-1], pixels.flip(SIDE)),
}


@pytest.mark.parametrize("stride", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_moves_a_blob_as_its_map_says(name, stride):
    rng = np.random.default_rng([stride, len(name)])
    act, matrix = OPERATIONS[name]
    x = rng.uniform(140, 180, 2)
    seen = pixels.apply(pixels.cells(stride), centre_of_mass(shrunk(act(blob(x)), stride)))
    assert np.abs(seen - pixels.apply(matrix, x)).max() < 0.02


@pytest.mark.parametrize("stride", [1, 2, 4, 8, 16])
@pytest.mark.parametrize(
    "names", [("quarter turn", "crop", "resize ½"), ("turn by 20°", "flip", "pad"),
              ("flip", "grow by 1.2 about the middle", "resize 0.8"),
              ("pad", "resize 1.5", "crop")]
)  # fmt: skip
def test_three_operations_in_a_row_are_one_map(names, stride):
    rng = np.random.default_rng([stride, 7])
    x = rng.uniform(145, 175, 2)
    image, maps = blob(x), []
    for name in names:
        image = OPERATIONS[name][0](image)
        maps.append(OPERATIONS[name][1])
    seen = pixels.apply(pixels.cells(stride), centre_of_mass(shrunk(image, stride)))
    assert np.abs(seen - pixels.apply(pixels.compose(*maps), x)).max() < 0.02


numbers = st.floats(-3, 3)
points = st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)).map(np.array)


@st.composite
def maps(draw):
    turn = pixels.rotation(draw(st.floats(-4, 4)))
    grow = np.diag([draw(st.floats(0.2, 5)), draw(st.floats(-5, -0.2))])
    shift = np.array([[draw(st.floats(-500, 500))], [draw(st.floats(-500, 500))]])
    return np.hstack([turn @ grow, shift])


@given(maps(), points)
def test_a_map_and_its_inverse_cancel(matrix, x):
    round_trip = pixels.compose(matrix, pixels.invert(matrix))
    np.testing.assert_allclose(round_trip, pixels.identity(), atol=1e-9)
    np.testing.assert_allclose(pixels.apply(round_trip, x), x, atol=1e-8)


@given(maps(), maps(), maps(), points)
def test_composition_is_one_after_the_other(a, b, c, x):
    one_by_one = pixels.apply(c, pixels.apply(b, pixels.apply(a, x)))
    together = pixels.apply(pixels.compose(a, b, c), x)
    np.testing.assert_allclose(together, one_by_one, rtol=1e-9, atol=1e-6)


def test_maps_compose_and_invert_in_batches():
    rng = np.random.default_rng(0)
    batch = rng.normal(size=(5, 2, 3))
    together = pixels.compose(batch, pixels.flip(9))
    for one, joined in zip(batch, together, strict=True):
        np.testing.assert_allclose(joined, pixels.compose(one, pixels.flip(9)))
    np.testing.assert_allclose(
        pixels.compose(batch, pixels.invert(batch)),
        np.stack([pixels.identity()] * 5),
        atol=1e-9,
    )


def test_the_covariance_of_moved_points_is_the_moved_covariance():
    rng = np.random.default_rng(0)
    cov = np.array([[2.0, 0.7], [0.7, 1.0]])
    matrix = pixels.compose(turned(30), pixels.resize(0.5, 2.0))
    cloud = rng.multivariate_normal([3.0, 4.0], cov, 200_000)
    seen = np.cov(pixels.apply(matrix, cloud).T)
    np.testing.assert_allclose(pixels.apply_covariance(matrix, cov), seen, rtol=0.02)


def test_an_image_covers_half_a_pixel_around_its_outer_centres():
    xy = np.array(
        [[-0.5, -0.5], [9.5, 5.5], [-0.6, 0.0], [9.6, 0.0], [0.0, 5.6], [np.nan, 1.0]]
    )
    assert pixels.inside(xy, 10, 6).tolist() == [True, True, False, False, False, False]


def test_a_point_that_is_nowhere_stays_nowhere():
    moved = pixels.apply(turned(20), np.array([[np.nan, np.nan], [1.0, 2.0]]))
    assert np.isnan(moved[0]).all() and np.isfinite(moved[1]).all()


def test_nobody_aligns_corners():
    pattern = re.compile(r"align_corners\s*=\s*True")
    sources = Path(gambol.__file__).parent.rglob("*.py")
    assert not [str(p) for p in sources if pattern.search(p.read_text(encoding="utf-8"))]


def test_the_eighth_is_off_by_three_and_a_half_pixels_not_two_and_a_half():
    # trap 2: at an eighth of the resolution the centre of cell 0 is pixel 3.5
    assert pixels.apply(pixels.cells(8), np.zeros(2)).tolist() == [3.5, 3.5]

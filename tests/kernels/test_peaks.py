"""The local Gaussian fit against slow decoders, an optimiser, and Monte Carlo."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import least_squares

from gambol.kernels import peaks

SIZE = 48


def blob(xy, sigma, size=SIZE, height=1.0):
    """exp(-|c - x|²/2σ²) on a grid of cells, as the definition reads."""
    i = np.arange(size, dtype=np.float64)
    return height * np.exp(
        -((i[None, :] - xy[0]) ** 2 + (i[:, None] - xy[1]) ** 2) / (2 * sigma**2)
    )


def noisy(rng, sigma, n=300, sd=0.02):
    """Random sub-pixel peaks on 48x48 maps: truth and maps."""
    truth = rng.uniform(10, SIZE - 10, (n, 2))
    maps = np.stack([blob(xy, sigma) for xy in truth])
    return truth, maps + rng.normal(0, sd, maps.shape) if sd else maps


def argmax(image):
    row, column = np.unravel_index(image.argmax(), image.shape)
    return np.array([column, row], float)


def log_quadratic(image):
    """Vertex of the parabola through three logarithms, along each axis."""
    x = argmax(image)
    column, row = x.astype(int)
    for axis, line in enumerate(
        (image[row, column - 1 : column + 2], image[row - 1 : row + 2, column])
    ):
        a, b, c = np.log(np.maximum(line, 1e-6))
        x[axis] += 0.5 * (a - c) / (a - 2 * b + c)
    return x


def fitted(image, sigma):
    """The same least-squares problem, by a general optimiser in double precision."""
    start = argmax(image)
    radius = int(np.ceil(2 * sigma))
    rows, columns = np.indices(image.shape)
    window = (np.abs(columns - start[0]) <= radius) & (np.abs(rows - start[1]) <= radius)

    def misses(p):
        squared = (columns[window] - p[1]) ** 2 + (rows[window] - p[2]) ** 2
        return image[window] - p[0] * np.exp(-squared / (2 * sigma**2))

    return least_squares(misses, [image.max(), *start], xtol=1e-14, ftol=1e-14).x


def mean_error(decode, truth, maps):
    found = np.stack([decode(image) for image in maps])
    return np.linalg.norm(found - truth, axis=-1).mean()


@pytest.mark.parametrize("sigma", [1.25, 2.0, 4.0])
def test_a_clean_peak_is_found_exactly(sigma):
    truth, maps = noisy(np.random.default_rng(1), sigma, sd=0)
    assert np.abs(peaks.find(maps, sigma).xy - truth).max() < 0.001


@pytest.mark.parametrize("sigma, log_error", [(1.25, 0.047), (2.0, 0.101)])
def test_under_noise_the_fit_beats_the_decoders_of_the_table(sigma, log_error):
    truth, maps = noisy(np.random.default_rng(2), sigma)
    fit = np.linalg.norm(peaks.find(maps, sigma).xy - truth, axis=-1).mean()
    by_log = mean_error(log_quadratic, truth, maps)
    by_argmax = mean_error(argmax, truth, maps)
    assert by_log == pytest.approx(log_error, rel=0.15)  # the comparison is the table's
    assert by_argmax == pytest.approx(0.40, abs=0.03)
    assert fit <= 0.03 and fit < 0.5 * by_log < by_argmax


@pytest.mark.parametrize("sigma, sd", [(1.25, 0.02), (2.0, 0.02), (3.3, 0.005)])
def test_the_fit_is_the_optimum_that_a_general_optimiser_finds(sigma, sd):
    # on wider peaks more noise moves the highest cell by more than the cell that is allowed
    _, maps = noisy(np.random.default_rng(3), sigma, n=30, sd=sd)
    expected = np.stack([fitted(image, sigma)[1:] for image in maps])
    np.testing.assert_allclose(peaks.find(maps, sigma).xy, expected, atol=1e-4)


@pytest.mark.parametrize("at", [0.60, 0.0, -0.3, -0.45, 0.25])
@pytest.mark.parametrize("far", [False, True])
def test_the_border_does_not_bias(at, far):
    # trap 9: the Fourier decoder answers 0.87 to a truth of 0.60
    x = SIZE - 1 - at if far else at
    rng = np.random.default_rng(4)
    for other in rng.uniform(10, 30, 20):
        for xy in ((x, other), (other, x), (x, x)):
            assert np.abs(peaks.find(blob(xy, 2.0), 2.0).xy - xy).max() < 0.02


def test_the_peak_wins_over_the_energy():
    # trap 9: a broad hill of 0.9 holds more energy than a narrow one of 1.0
    image = np.maximum(blob((12.3, 20.6), 2.0), blob((35.0, 30.0), 6.0, height=0.9))
    found = peaks.find(image, 2.0)
    np.testing.assert_allclose(found.xy, [12.3, 20.6], atol=0.02)


def test_position_and_height_belong_to_the_same_peak():
    image = np.maximum(blob((12.0, 20.0), 2.0, height=0.7), blob((35.0, 30.0), 2.0, height=0.8))
    found = peaks.find(image, 2.0)
    assert found.height == pytest.approx(0.8) and found.xy.round().tolist() == [35, 30]


def test_two_equal_peaks_make_no_phantom():
    # trap 7: row and column found separately give (5, 5), where there is nothing
    image = np.maximum(blob((5.0, 30.0), 2.0), blob((30.0, 5.0), 2.0))
    assert peaks.find(image, 2.0).xy.round(2).tolist() in ([5, 30], [30, 5])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_plateau_of_equal_cells_is_one_peak_near_its_middle(dtype):
    # trap 8: rounding to few digits makes neighbours of the peak equal to it
    image = np.round(blob((20.5, 17.5), 3.0) * 16) / 16
    found = peaks.find(image.astype(dtype), 3.0)
    assert np.abs(found.xy - (20.5, 17.5)).max() < 0.1


def test_float16_maps_decode_like_float32_maps():
    # trap 26: the arithmetic is never done in the maps' own few digits
    truth, maps = noisy(np.random.default_rng(5), 2.0, n=50, sd=0)
    half = peaks.find(maps.astype(np.float16), 2.0)
    assert np.abs(half.xy - truth).max() < 0.01


@given(st.floats(-0.4, 0.0))
def test_negative_cells_do_not_pull_the_peak(floor):
    # trap 10: an integral over a map that dips below zero leans away from the dip
    xy = np.array([20.3, 24.8])
    image = blob(xy, 2.0)
    image[:, :17] = floor  # beyond the reach of the peak's body on one side
    assert np.abs(peaks.find(image, 2.0).xy - xy).max() < 0.25


def test_a_map_with_nothing_in_it_still_answers():
    for image in (
        np.zeros((9, 7)),
        np.full((9, 7), -0.3),
        np.full((9, 7), 0.5),
        np.ones((1, 1)),
    ):
        found = peaks.find(image, 2.0)
        assert np.isfinite(found.xy).all() and np.isfinite(found.cov).all()
        assert found.height == pytest.approx(image.max())
        assert (np.linalg.eigvalsh(found.cov) > 0).all()


def test_a_peak_that_is_wider_than_taught_is_found_all_the_same():
    rng = np.random.default_rng(6)
    truth = rng.uniform(12, SIZE - 12, (100, 2))
    maps = np.stack([blob(xy, 1.4 * 2.0) for xy in truth])
    assert np.linalg.norm(peaks.find(maps, 2.0).xy - truth, axis=-1).mean() <= 0.06


@given(st.integers(0, 2**32 - 1))
def test_the_answer_stays_within_a_cell_of_the_highest(seed):
    rng = np.random.default_rng(seed)
    maps = rng.normal(size=(3, 12, 15)) * rng.choice([1e-3, 1.0, 50.0])
    found = peaks.find(maps, rng.choice([0.6, 1.25, 2.0]))
    cells = np.stack([argmax(image.astype(np.float32)) for image in maps])
    assert np.abs(found.xy - cells).max() <= 1
    np.testing.assert_allclose(found.height, maps.max((1, 2)), rtol=1e-6)
    assert (np.linalg.eigvalsh(found.cov) > 0).all()


def test_maps_are_decoded_alike_alone_and_together_and_turned():
    _, maps = noisy(np.random.default_rng(7), 2.0, n=12)
    together = peaks.find(maps.reshape(3, 4, SIZE, SIZE), 2.0)
    assert together.xy.shape == (3, 4, 2) and together.cov.shape == (3, 4, 2, 2)
    for i, image in enumerate(maps):
        alone = peaks.find(image, 2.0)
        np.testing.assert_array_equal(alone.xy, together.xy.reshape(-1, 2)[i])
        np.testing.assert_allclose(peaks.find(image.T, 2.0).xy, alone.xy[::-1], atol=1e-6)


@pytest.mark.parametrize("sigma, sd", [(1.25, 0.02), (2.0, 0.02), (2.0, 0.05)])
def test_the_covariance_of_the_fit_is_that_of_repeated_noise(sigma, sd):
    rng = np.random.default_rng(8)
    truth, clean = np.array([20.37, 24.81]), blob((20.37, 24.81), sigma)
    maps = (clean + rng.normal(0, sd, (3000, SIZE, SIZE))).astype(np.float32)
    results = [peaks.fit(image, 25, 20, sigma) for image in maps]
    spread = np.cov(np.array([(x, y) for x, y, _ in results]).T)
    said = np.mean([cov for _, _, cov in results], axis=0)
    np.testing.assert_allclose(np.diag(said), np.diag(spread), rtol=0.2)
    assert abs(said[0, 1] - spread[0, 1]) < 0.2 * np.sqrt(spread[0, 0] * spread[1, 1])
    # for a whole Gaussian in white noise the bound is 2 sd² / π, whatever σ
    np.testing.assert_allclose(np.diag(said), 2 * sd**2 / np.pi, rtol=0.2)
    np.testing.assert_allclose(np.mean([r[:2] for r in results], axis=0), truth, atol=0.01)


@pytest.mark.parametrize("wide, high", [(2.0, 2.0), (3.0, 2.0), (2.0, 4.0)])
def test_the_covariance_of_a_clean_peak_is_its_shape(wide, high):
    i = np.arange(SIZE)
    image = np.outer(
        np.exp(-((i - 24) ** 2) / (2 * high**2)), np.exp(-((i - 20) ** 2) / (2 * wide**2))
    )
    row, column = peaks.highest(image.astype(np.float32))
    shape = peaks.shape(image.astype(np.float32), row, column, 2.0)
    np.testing.assert_allclose(shape, np.diag([wide**2, high**2]), rtol=0.02, atol=0.01)


def test_a_slanted_ridge_has_a_slanted_covariance():
    cov = np.array([[6.0, 3.0], [3.0, 5.0]])
    y, x = np.indices((SIZE, SIZE))
    d = np.stack([x - 20, y - 24], -1)
    image = np.exp(-0.5 * np.einsum("...i,ij,...j", d, np.linalg.inv(cov), d))
    shape = peaks.shape(image.astype(np.float32), 24, 20, 2.0)
    np.testing.assert_allclose(shape, cov, rtol=0.05)
    assert peaks.find(image, 2.0).cov[0, 1] > 1

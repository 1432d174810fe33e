"""Every decoder against the table that was measured for the specification, and its faults."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gambol.kernels import decoders, peaks

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


DECODE = {
    "argmax": decoders.argmax,
    "integral": decoders.integral,
    "fourier": decoders.fourier,
    "gaussian": peaks.find,
    "expectation": decoders.expectation,
}
# mean distance in cells: sigma 1.25 without and with noise of sd 0.02, then sigma 2.0
TABLE = {
    "argmax": (0.385, 0.389, 0.385, 0.412),
    "integral": (0.086, 0.090, 0.225, 0.238),
    "fourier": (0.004, 0.021, 0.004, 0.020),
    "gaussian": (0.000, 0.020, 0.000, 0.021),
}
every_decoder = pytest.mark.parametrize("name", sorted(DECODE))


@pytest.mark.parametrize("name", sorted(TABLE))
@pytest.mark.parametrize("column", range(4))
def test_accuracy_is_that_of_the_table(name, column):
    sigma, sd = [(1.25, 0), (1.25, 0.02), (2.0, 0), (2.0, 0.02)][column]
    truth, maps = noisy(np.random.default_rng(2), sigma, sd=sd)
    found = DECODE[name](maps, sigma).xy
    mean = np.linalg.norm(found - truth, axis=-1).mean()
    assert mean == pytest.approx(TABLE[name][column], rel=0.2, abs=0.0005)


@every_decoder
def test_two_equal_peaks_make_no_phantom(name):
    # trap 7: row and column found separately give (5, 5), where there is nothing
    image = np.maximum(blob((5.0, 30.0), 2.0), blob((30.0, 5.0), 2.0))
    assert DECODE[name](image, 2.0).xy.round(2).tolist() in ([5, 30], [30, 5])


@every_decoder
def test_the_peak_wins_over_the_energy(name):
    # trap 9: a broad hill of 0.9 holds more energy than a narrow one of 1.0
    image = np.maximum(blob((12.3, 20.6), 2.0), blob((35.0, 30.0), 6.0, height=0.9))
    assert np.abs(DECODE[name](image, 2.0).xy - (12.3, 20.6)).max() < 0.5


@every_decoder
def test_negative_cells_do_not_pull_the_peak(name):
    # trap 10: an integral over a map that dips below zero leans away from the dip
    image = blob((20.0, 24.0), 2.0)
    dipped = image - 0.3 * blob((22.0, 24.0), 0.7) - 0.5 * (image < 0.1)
    cells = np.abs(DECODE[name](dipped, 2.0).xy - (20.0, 24.0)).max()
    assert cells < (0.75 if name == "expectation" else 0.5)


@every_decoder
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_a_plateau_of_equal_cells_is_one_peak(name, dtype):
    # trap 8: rounding to few digits makes neighbours of the peak equal to it
    image = np.round(blob((20.5, 17.5), 3.0) * 16) / 16
    found = DECODE[name](image.astype(dtype), 3.0)
    assert np.abs(found.xy - (20.5, 17.5)).max() < (1.6 if name == "argmax" else 1.1)


@every_decoder
def test_height_belongs_to_the_peak(name):
    # trap 20: of the highest cell, never of another one, nor of an energy
    image = np.maximum(blob((12.0, 20.0), 2.0, height=0.7), blob((35.0, 30.0), 2.0, height=0.8))
    if name == "expectation":
        image /= image.sum()
        # ±2σ of a Gaussian on cells holds 0.95² of it, counted to the cells' edges 0.975²
        assert DECODE[name](image, 2.0).height == pytest.approx(0.975**2 * 0.8 / 1.5, abs=0.01)
    else:
        assert DECODE[name](image, 2.0).height == pytest.approx(0.8)


@every_decoder
def test_a_map_with_nothing_in_it_still_answers(name):
    for image in (
        np.zeros((9, 7)),
        np.full((9, 7), -0.3),
        np.full((9, 7), 0.5),
        np.ones((1, 1)),
    ):
        found = DECODE[name](image, 2.0)
        assert np.isfinite(found.xy).all() and np.isfinite(found.height)
        assert (np.linalg.eigvalsh(found.cov) > 0).all()


@every_decoder
@given(st.integers(0, 2**32 - 1))
def test_the_answer_stays_near_the_highest_cell(name, seed):
    rng = np.random.default_rng(seed)
    maps = rng.normal(size=(3, 12, 15)) * rng.choice([1e-3, 1.0, 50.0])
    sigma = rng.choice([0.6, 1.25, 2.0])
    found = DECODE[name](maps, sigma)
    places = [np.unravel_index(m.argmax(), m.shape)[::-1] for m in maps.astype(np.float32)]
    assert np.abs(found.xy - places).max() <= 2 * max(sigma, 1)
    assert np.isfinite(found.cov).all() and (np.linalg.eigvalsh(found.cov) > 0).all()


@pytest.mark.parametrize("at", [0.60, 0.0, -0.3, 0.25])
@pytest.mark.parametrize("far", [False, True])
def test_only_the_correlation_is_biased_at_the_border(at, far):
    # trap 9: it answers 0.87 to a truth of 0.60
    x = SIZE - 1 - at if far else at
    towards = -1 if far else 1
    for xy in ((x, 20.3), (20.3, x), (x, x)):
        image, axis = blob(xy, 1.25), int(xy[0] != x)
        for exact in (peaks.find, decoders.expectation):
            assert np.abs(exact(image, 1.25).xy - xy).max() < 0.02
        leaning = towards * (decoders.fourier(image, 1.25).xy[axis] - x)
        assert 0.1 < leaning < 1
        if at == 0.60:
            assert leaning == pytest.approx(0.27, abs=0.02)


@pytest.mark.parametrize("sigma", [1.0, 2.0, 4.0])
def test_the_expectation_of_a_gaussian_is_its_centre(sigma):
    truth, maps = noisy(np.random.default_rng(0), sigma, sd=0)
    found = decoders.expectation(maps / maps.sum((1, 2), keepdims=True), sigma)
    assert np.abs(found.xy - truth).max() < 1e-3
    # a plain mean of the same window leans up to a tenth of a cell towards its middle
    i = np.arange(SIZE)
    near = np.abs(i - np.rint(truth[:, :1])) <= np.ceil(2 * sigma)
    line = maps.sum(1) * near
    plain = (line * i).sum(-1) / line.sum(-1)
    assert np.abs(plain - truth[:, 0]).mean() > 10 * np.abs(found.xy - truth).mean()


def test_a_broad_belief_has_a_broad_covariance():
    narrow, broad = (decoders.expectation(blob((20, 20), s), 3.0).cov for s in (1.0, 4.0))
    np.testing.assert_allclose(np.diag(narrow), 1.0, rtol=0.05)
    assert (np.diag(broad) > 4 * np.diag(narrow)).all()
    slanted = blob((20, 20), 2.0) + blob((22, 22), 2.0)
    assert decoders.expectation(slanted, 3.0).cov[0, 1] > 0.5


def test_lines_are_read_as_maps_are():
    rng = np.random.default_rng(0)
    x = rng.uniform(-0.4, 60.4, 50)
    lines = np.exp(-((np.arange(61) - x[:, None]) ** 2) / (2 * 3.0**2))
    total = lines.sum(-1, keepdims=True)
    found = decoders.mean(lines / total, lines.argmax(-1), 3.0)
    np.testing.assert_allclose(found.x, x, atol=1e-3)
    assert (found.mass <= 1 + 1e-9).all() and (found.mass > 0.9).all()
    assert (found.var > 1).all() and (found.var < 9.1).all()


def test_the_highest_cell_goes_where_its_offset_says():
    maps, offsets = np.zeros((2, 9, 9)), np.zeros((2, 2, 9, 9))
    maps[:, 3:6, 3:6] = 0.9
    maps[:, 4, 4] = 0.95
    i = np.arange(9)
    offsets[:, 0], offsets[:, 1] = 4.4 - i, 3.7 - i[:, None]
    offsets[1, 0, 3] += 1  # a row that disagrees
    found = decoders.votes(maps, offsets, 2.0)
    np.testing.assert_allclose(found.xy, [[4.4, 3.7]] * 2, atol=1e-5)
    np.testing.assert_allclose(found.height, 0.95, atol=1e-6)
    agreed, disputed = found.cov
    assert np.trace(agreed) < 0.01 and disputed[0, 0] > 0.2 and disputed[1, 1] < 0.01

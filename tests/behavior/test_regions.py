import numpy as np
import pytest
from scipy.stats import gaussian_kde

from gambol.behavior.regions import RegionSettings, density, regions
from gambol.core.errors import InputError

PEAKS = np.array([[-20.0, -15], [18, -12], [2, 22], [-25, 20]])
SHARES = np.array([4000, 1500, 2500, 800])


@pytest.fixture(scope="module")
def planted():
    """Frames around four peaks, and which each was drawn from."""
    rng = np.random.default_rng(0)
    origin = np.repeat(np.arange(4), SHARES)
    return PEAKS[origin] + rng.normal(0, 2.5, (len(origin), 2)), origin


def test_density_is_the_kernel_estimate(planted):
    y = planted[0][::40]
    found = density(y)
    rows, columns = np.array([100, 250, 333]), np.array([140, 260, 400])
    at = np.stack([found.axis[columns], found.axis[rows]])
    estimate = gaussian_kde(y.T, lambda kde: found.sigma)
    estimate.covariance = found.sigma**2 * np.eye(2)
    away = y[:, :, None] - at[None]
    slowly = np.exp(-(away**2).sum(axis=1) / (2 * found.sigma**2)).mean(axis=0)
    slowly /= 2 * np.pi * found.sigma**2
    # frames move to grid points, at most 0.4 of a tenth of the kernel away
    assert np.allclose(found.values[rows, columns], slowly, atol=0.01 * found.values.max())


def test_no_side_reaches_the_opposite_one():
    found = density(np.array([[-1.0, 0.0], [0.2, 0.0]]), sigma=0.3)
    away = (found.axis[:, None] - [-1.0, 0.2]) / 0.3
    along = np.exp(-(away**2) / 2).mean(axis=1) / (2 * np.pi * 0.3**2)
    assert np.allclose(found.values[250], along, atol=0.01)
    assert found.values[250, -1] < 1.01 * along[-1]


def test_density_sums_to_one(planted):
    found = density(planted[0])
    step = found.axis[1] - found.axis[0]
    assert found.values.sum() * step**2 == pytest.approx(1, abs=1e-6)


def test_weights_count_frames_several_times(planted):
    y = planted[0][::100]
    weights = np.arange(len(y)) % 3
    repeated = density(np.repeat(y, weights, axis=0), sigma=1.0, reach=40.0)
    weighted = density(y, weights.astype(float), sigma=1.0, reach=40.0)
    assert np.allclose(repeated.values, weighted.values, atol=1e-12)


def test_regions_are_the_planted_peaks_by_mass(planted):
    y, origin = planted
    found = regions(density(y))
    assert len(found.mass) == 4
    assert np.allclose(found.mass, np.sort(SHARES / SHARES.sum())[::-1], atol=0.005)
    order = np.argsort(-SHARES)
    assert np.abs(found.peak - PEAKS[order]).max() < 1.2
    rank = np.argsort(order) + 1
    assert (found.of(y) == rank[origin]).mean() > 0.999


def test_each_place_belongs_to_the_peak_that_steepest_ascent_leads_to(planted):
    found = density(planted[0][:5500])
    made = regions(found)
    rng = np.random.default_rng(1)
    rows, columns = np.nonzero(found.values > 0.02 * found.values.max())
    agreed = []
    for n in rng.choice(len(rows), 60, replace=False):
        i, j = rows[n], columns[n]
        while True:
            near = found.values[i - 1 : i + 2, j - 1 : j + 2]
            di, dj = np.divmod(int(near.argmax()), 3)
            if (di, dj) == (1, 1):
                break
            i, j = i + di - 1, j + dj - 1
        agreed.append(made.label[i, j] == made.label[rows[n], columns[n]])
    assert np.mean(agreed) > 0.95  # cells on a border may fall to either side


def test_what_lies_far_off_or_has_no_place_is_outside(planted):
    found = density(planted[0])
    made = regions(found)
    y = np.array([[0.0, -3.0], [1e9, -1e9], [np.nan, 0.0], [np.inf, 0.0], PEAKS[0]])
    assert made.of(y).tolist() == [0, 0, 0, 0, 1]
    assert found.seen(y).tolist() == [False, False, False, False, True]


def test_a_rise_lower_than_the_height_is_part_of_its_neighbour():
    rng = np.random.default_rng(2)
    y = np.concatenate([rng.normal(m, 1, (n, 2)) for m, n in ((0, 20_000), (6, 500))])
    found = density(y, sigma=0.7)
    small = found.values[found.axis > 5][:, found.axis > 5].max() / found.values.max()
    counts = [len(regions(found, RegionSettings(height=h * small)).mass) for h in (0.5, 1.5)]
    assert counts == [2, 1]


@pytest.mark.parametrize("most", [3, 2])
def test_the_kernel_is_the_narrowest_with_so_few_regions(planted, most):
    settings = RegionSettings(most=most, grid=201)
    found = density(planted[0], settings=settings)
    narrower = density(planted[0], settings=settings, sigma=0.98 * found.sigma)
    assert len(regions(found, settings).mass) <= most < len(regions(narrower, settings).mass)


def test_a_few_frames_off_are_no_region(planted):
    y = np.concatenate([planted[0], np.tile([[30.0, 30.0]], (9, 1))])
    found = density(y)
    assert found.single == pytest.approx(
        density(np.array([[0.0, 30]]), sigma=found.sigma, reach=30.0).values.max() / len(y),
        rel=1e-6,
    )
    assert len(regions(found).mass) == 4 and regions(found).of(y)[-1] == 0
    assert len(regions(found, RegionSettings(frames=8.0)).mass) == 5


def test_mirrored_frames_have_mirrored_regions(planted):
    y = planted[0]
    here, there = regions(density(y)), regions(density(y * [-1, 1]))
    assert np.allclose(here.mass, there.mass, atol=1e-6)
    assert (here.of(y) == there.of(y * [-1, 1])).mean() > 0.999


def test_frames_without_places_are_refused():
    with pytest.raises(InputError, match="0 of 3 frames have a place"):
        density(np.full((3, 2), np.nan))
    with pytest.raises(InputError, match="2 weights for 3 frames"):
        density(np.ones((3, 2)), np.ones(2))

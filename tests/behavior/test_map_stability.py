import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from gambol.behavior import map_stability
from gambol.core.errors import InputError

TRUTH = np.random.default_rng(0).integers(0, 5, 2000)


def test_the_same_map_from_any_half_is_perfectly_stable():
    names = np.array([0, 3, 1, 4, 2])

    def fit(chosen):
        return names[TRUTH] if chosen[0] else TRUTH

    found = map_stability.half_samples(fit, TRUTH, 7)
    assert (found.rand == 1).all() and (found.found == 1).all()
    assert np.allclose(found.shared, (TRUTH > 0).mean())
    assert str(found) == (
        "regions of maps from two halves agree with an adjusted Rand index of 1.00 (1.00 to "
        "1.00 in 3 splits); 4 of 4 regions are found again in the halves"
    )


def test_agreement_is_that_of_frames_with_a_region_in_both():
    rng = np.random.default_rng(1)
    labels = [np.where(rng.random(2000) < 0.3, rng.integers(0, 5, 2000), TRUTH) for _ in "ab"]
    made = iter(labels)
    found = map_stability.half_samples(lambda chosen: next(made), TRUTH, 6, splits=1)
    both = (labels[0] > 0) & (labels[1] > 0)
    oracle = adjusted_rand_score(labels[0][both], labels[1][both])
    assert found.rand[0] == pytest.approx(oracle)
    assert found.shared[0] == both.mean()
    assert 0.5 < found.found.min() < found.found.max() < 1


def test_a_region_that_halves_divide_is_not_found_again():
    half = np.where((TRUTH == 2) & (np.arange(2000) % 2 > 0), 5, TRUTH)
    share = map_stability.overlap(TRUTH, half)
    assert share[[0, 2, 3]].tolist() == [1, 1, 1] and 0.4 < share[1] < 0.6
    assert map_stability.overlap(TRUTH, 0 * TRUTH).tolist() == [0] * 4


@pytest.mark.parametrize("units", [2, 5, 8])
def test_halves_are_halves_and_complement_each_other(units):
    seen = []

    def fit(chosen):
        seen.append(chosen)
        return TRUTH

    map_stability.half_samples(fit, TRUTH, units, splits=4)
    for one, other in zip(seen[::2], seen[1::2], strict=True):
        assert (one != other).all() and abs(int(one.sum()) - int(other.sum())) <= units % 2


def test_one_unit_has_no_half():
    with pytest.raises(InputError, match="1 units in 3 splits"):
        map_stability.half_samples(lambda chosen: TRUTH, TRUTH, 1)

import numpy as np
import pytest

from gambol.tracking import costs
from gambol.tracking.costs import Place, Steps, learn_looks, looks_term, pair_term

STEPS = Steps(going=0.1, anew=0.2, share=0.3, room=4.0)


def test_likelihoods_of_places_are_densities_of_the_plane():
    # integrated over the plane, all that an animal may do has probability one
    radius = np.arange(0.0005, 40, 0.001)[:, None]
    place = Place(np.array([1.5]), np.array([2.0]), arena=50.0)
    cost = pair_term(radius, radius, STEPS, 1e9, place._replace(arena=1.0))
    wide = 1e9 / 3  # jumps reach as far as the cut
    mass = (np.exp(-cost) * 2 * np.pi * radius).sum() * 0.001
    assert wide > 1e6 and mass == pytest.approx(1 - costs.JUMPS, rel=1e-3)


def test_a_larger_arena_makes_a_pair_likelier_by_its_log():
    near = np.array([[0.05]])
    one = Place(np.ones(1), np.ones(1), arena=10.0)
    gain = pair_term(near, near, STEPS, 3.0, one) - pair_term(
        near, near, STEPS, 3.0, one._replace(arena=20.0)
    )
    assert gain[0, 0] == pytest.approx(np.log(2))


@pytest.mark.parametrize("place", [None, Place(np.ones(3), np.ones(3), 50.0)])
def test_too_far_and_nothing_in_common_are_forbidden(place):
    near = np.array([[0.1, 3.0, np.nan]])
    cost = pair_term(near, near, STEPS, 3.0, place)
    assert np.isfinite(cost[0, 0]) and np.isinf(cost[0, 1:]).all()


def test_cost_grows_with_distance_but_a_jump_bounds_it():
    way = np.linspace(0, 2.9, 50)[None]
    cost = pair_term(way, way, STEPS, 3.0, Place(np.ones(50), np.ones(50), 50.0))
    assert (np.diff(cost[0]) > 0).all()
    assert cost[0, 10] < 10  # 0.6 body lengths at once are still no birth


@pytest.mark.parametrize("how, expected", [("min", 1.0), ("median", 2.0), ("mean", 3.0)])
def test_windows_reduce_what_can_be_compared(how, expected):
    kept = costs.candidates.build(costs.candidates.parse({"kind": "window", "reduce": how}))
    distance = np.array([[[2.0, 1.0, 6.0, np.nan, np.nan], [np.nan] * 5]])
    reduced = kept.reduce(distance)
    assert reduced[0, 0] == expected and np.isnan(reduced[0, 1])
    assert kept.keep == 5


def test_looks_count_as_log_odds_and_unknown_looks_not_at_all():
    looks = np.array([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]])
    term = looks_term(np.array([[1.0, 0.0]]), looks, (-2.0, 5.0))
    assert term.tolist() == [[-3.0, 2.0, 0.0]]
    assert not looks_term(np.ones((1, 2)), looks, (0.0, 0.0)).any()


def test_looks_are_learned_slowly_and_not_in_company():
    looks = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    new = np.array([[0.0, 1.0]] * 3)
    learned = learn_looks(looks, new, 0.1, np.array([True, False, True]))
    assert np.allclose(learned, [[0.0, 1.0], [0.9, 0.1], [1.0, 0.0]])

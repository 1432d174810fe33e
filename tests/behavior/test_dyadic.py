"""Pairs made by hand, and the laws: new names, mirrors and turns change what they should."""

import numpy as np
import pytest

from gambol.behavior import dyadic
from gambol.behavior.align import AlignSettings, align, rotate
from gambol.behavior.dyadic import NAMES, Animal
from gambol.behavior.kinematics import motion
from gambol.core.skeleton import Skeleton
from gambol.core.tracks import Track

SETTINGS = AlignSettings(anterior=("nose",), posterior=("tail",), flips=False)
FPS, T = 50.0, 400
RULES = dict(cone=np.pi / 4, contact=0.1)


def track(xy):
    flat = np.ones(xy.shape[:2])
    return Track("a", xy, flat, flat, np.arange(T) / FPS, FPS, Skeleton(("nose", "tail")))


def ready(xy):
    world = track(xy)
    aligned = align(world, SETTINGS)
    return Animal(world, aligned, motion(aligned, 0.1), 20.0)


def points(centre, heading):
    ahead = 10 * np.stack([np.cos(heading), np.sin(heading)], axis=-1)
    return np.stack([centre + ahead, centre - ahead], axis=1)


def straight(x, y, heading, vx=0.0):
    centre = np.stack([x + vx * np.arange(T) / FPS, np.full(T, float(y))], axis=1)
    return points(centre, np.full(T, float(heading)))


def wander(n, seed=0):
    rng = np.random.default_rng(seed)
    out = []
    for _ in range(n):
        centre = np.cumsum(rng.normal(size=(T, 2)), axis=0) * 2 + rng.normal(size=2) * 40
        out.append(points(centre, np.cumsum(rng.normal(size=T)) * 0.05))
    return out


def pair(a, b):
    values = dyadic.pair(ready(a), ready(b), 0.1, **RULES)
    return dict(zip(NAMES, values.T, strict=True))


def test_a_chase_made_by_hand():
    found = pair(straight(0, 0, 0, 30.0), straight(60, 0, np.pi / 2, 30.0))
    inner = slice(10, -10)
    for name, value in {
        "distance": 60.0, "keypoint distance": np.hypot(50, 10), "bearing cos": 1.0,
        "bearing sin": 0.0, "heading cos": 0.0, "heading sin": 1.0, "approach velocity": 0.0,
        "in cone": 1.0, "contact": 0.0, "chase": 900.0, "closest own keypoint": 0.0,
    }.items():  # fmt: skip
        np.testing.assert_allclose(found[name][inner], value, atol=1e-9, err_msg=name)
    back = pair(straight(60, 0, np.pi / 2, 30.0), straight(0, 0, 0, 30.0))
    np.testing.assert_allclose(back["bearing sin"][inner], 1.0)
    np.testing.assert_allclose(back["in cone"][inner], 0.0)
    np.testing.assert_allclose(back["chase"][inner], 0.0, atol=1e-9)


def test_an_approach_is_positive_and_ends_in_contact():
    found = pair(straight(0, 0, 0, 5.0), straight(60, 0, np.pi, 0.0))
    np.testing.assert_allclose(found["approach velocity"][10:-10], 5.0, atol=1e-9)
    touching = found["contact"] == 1
    np.testing.assert_array_equal(touching, found["keypoint distance"] < 2.0)
    assert touching.any() and not touching.all()


@pytest.mark.parametrize("seed", range(3))
def test_the_nearest_keypoints_are_those_of_all_pairs(seed):
    a, b = wander(2, seed)
    found = pair(a, b)
    distance = np.linalg.norm(a[:, :, None] - b[:, None], axis=3).reshape(T, -1)
    np.testing.assert_allclose(found["keypoint distance"], distance.min(axis=1))
    which = 2 * found["closest own keypoint"] + found["closest keypoint of target"]
    np.testing.assert_array_equal(which, distance.argmin(axis=1))


def columns_of(xys, focal):
    animals = [ready(xy) for xy in xys]
    found = dyadic.dyadic(focal, animals, 0.1, **RULES)
    return {c.name: c.values for c in found}


def test_other_names_for_the_animals_change_nothing():
    xys = wander(4)
    before = columns_of(xys, 0)
    for order in ([0, 3, 1, 2], [0, 2, 3, 1]):
        after = columns_of([xys[n] for n in order], 0)
        assert list(after) == list(before)
        for name, values in before.items():
            np.testing.assert_array_equal(after[name], values)
    last = columns_of(xys[::-1], 3)
    for name, values in before.items():
        np.testing.assert_array_equal(last[name], values)


def test_targets_are_ranked_by_distance_in_each_frame():
    found = columns_of(wander(4), 1)
    ranks = np.stack([found[f"target {r}: distance"] for r in (1, 2, 3)])
    assert (np.diff(ranks, axis=0) >= 0).all()


def test_turns_change_nothing_and_mirrors_change_signs():
    xys = wander(2)
    angle = np.full(T, 1.1)
    before = pair(*xys)
    turned = pair(*(rotate(xy, angle, [0, 1]) + 7.0 for xy in xys))
    mirror = pair(*(xy * [1.0, -1.0] for xy in xys))
    for name, values in before.items():
        np.testing.assert_allclose(turned[name], values, atol=1e-6, err_msg=name)
        sign = -1.0 if name.endswith("sin") else 1.0
        np.testing.assert_allclose(mirror[name], sign * values, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("lag", [-25, 0, 40])
def test_a_lagged_correlation_is_that_of_numpy(lag):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 300))
    b[lag if lag > 0 else 0 :] += np.roll(a, lag)[lag if lag > 0 else 0 :]
    found = dyadic.lagged_correlation(a, b, lag, 50)
    for t in (120, 150, 200):
        window = slice(t - 50, t + 51)
        expected = np.corrcoef(a[window], np.roll(b, -lag)[window])[0, 1]
        assert found[t] == pytest.approx(expected, abs=1e-9)


def test_who_follows_has_the_lag_of_who_leads():
    rng = np.random.default_rng(1)
    speed = np.convolve(rng.normal(size=T + 60), np.ones(10), mode="same")
    leader, follower = speed[25 : 25 + T], speed[:T]  # the follower does it 25 frames later
    by_lag = [dyadic.lagged_correlation(leader, follower, lag, 50)[200] for lag in (-25, 0, 25)]
    assert np.argmax(by_lag) == 2 and by_lag[2] > 0.99


def test_what_is_not_known_stays_so():
    a, b = wander(2)
    b[100:200] = np.nan
    found = pair(a, b)
    for name in NAMES:
        if not name.startswith("speed"):
            assert np.isnan(found[name][100:200]).all(), name
    assert np.isnan(dyadic.lagged_correlation(np.ones(50), np.ones(50), 0, 10)).all()

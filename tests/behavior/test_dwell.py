import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from gambol.behavior import dwell
from gambol.behavior.sequences import bouts, durations
from gambol.core.errors import InputError

FPS = 50.0
HOMES = np.array([[0.0, 0.0], [40.0, 0.0], [0.0, 40.0]])


def path(seed, stays=40, fewest=20):
    """Stays that jitter about homes, joined by straight moves; and where each frame is."""
    rng = np.random.default_rng(seed)
    home, y, truth = 0, [], []
    for _ in range(stays):
        n = int(rng.integers(fewest, 60))
        y.append(HOMES[home] + np.cumsum(rng.normal(0, 0.03, (n, 2)), axis=0))
        truth += [home + 1] * n
        new = (home + int(rng.integers(1, 3))) % 3
        part = np.linspace(0, 1, 10)[1:-1, None]
        y.append(HOMES[home] * (1 - part) + HOMES[new] * part)
        truth += [0] * len(part)
        home = new
    return np.concatenate(y), np.array(truth)


def region_of(y):
    """Nearest home, from 1."""
    return np.linalg.norm(y[:, None] - HOMES, axis=2).argmin(axis=1) + 1


def found(y):
    return dwell.stay(y, region_of(y), FPS, dwell.fit([y], FPS))


def test_speed_is_that_of_a_circle():
    t = np.arange(200) / FPS
    circle = 3 * np.stack([np.cos(2 * t), np.sin(2 * t)], axis=1)
    assert np.allclose(dwell.speed(circle, FPS), 6.0, rtol=1e-3)


def test_frames_beside_a_gap_have_no_speed():
    y = np.arange(14.0).reshape(7, 2)
    y[3] = np.nan
    assert np.isnan(dwell.speed(y, FPS)).tolist() == [False, False, *[True] * 3, False, False]


def test_the_mixture_is_that_of_maximum_likelihood():
    y, _ = path(0, 200)
    speeds = dwell.fit([y], FPS)
    logs = np.log10(dwell.speed(y, FPS))
    low, high = np.quantile(logs, [0.001, 0.999])
    logs = logs[(logs >= low) & (logs <= high)]
    oracle = GaussianMixture(2, random_state=0, tol=1e-6, max_iter=500).fit(logs[:, None])
    order = np.argsort(oracle.means_[:, 0])
    assert np.allclose(speeds.fitted.mean, oracle.means_[order, 0], atol=0.03)
    assert np.allclose(speeds.fitted.weight, oracle.weights_[order], atol=0.03)
    assert np.allclose(speeds.fitted.sd, oracle.covariances_[order, 0, 0] ** 0.5, atol=0.03)
    assert speeds.valley < 0.5


def test_stays_are_found_with_their_region():
    y, truth = path(1)
    assert (found(y).region == truth).mean() > 0.95


def test_hysteresis_holds_between_its_thresholds():
    rng = np.random.default_rng(0)
    p = rng.uniform(size=500)
    p[rng.random(500) < 0.05] = np.nan
    on, slowly = False, []
    for value in p:
        on = value > 2 / 3 if np.isnan(value) or value > 2 / 3 or value < 1 / 3 else on
        slowly.append(bool(on))
    assert dwell.hysteresis(p, 2 / 3, 1 / 3).tolist() == slowly


def test_short_stays_are_transit_and_frames_without_a_place_are_none():
    y, _ = path(2)
    speeds = dwell.fit([y], FPS)
    y[100] = np.nan
    region = region_of(np.nan_to_num(y))
    region[100] = 0
    made = dwell.stay(y, region, FPS, speeds).region
    assert made[100] == -1 and (made >= 0).sum() == len(y) - 1
    most = dwell.DwellSettings(frames=30)
    for begin, end in dwell.stretches(dwell.stay(y, region, FPS, speeds, most).region > 0):
        assert end - begin >= 30


def test_what_stands_still_is_slow():
    y, _ = path(3)
    speeds = dwell.fit([y], FPS)
    still = np.zeros((20, 2))
    made = dwell.stay(still, region_of(still), FPS, speeds)
    assert (made.region == 1).all() and (made.slow > 0.9).all()


def test_a_stay_before_transit_was_seen_to_end_one_before_a_gap_was_not():
    none = np.zeros(30)
    labels = np.repeat([0, 1, 0, 2, -1, 1, 0, 1], [3, 4, 5, 6, 2, 3, 3, 4])
    stays = dwell.sequences([dwell.Dwell(labels, none, none)], ["a"], 10.0, 2)
    every = bouts(stays)
    staying = every.label > 0
    assert every.left_censored[staying].tolist() == [False, False, True, False]
    assert every.right_censored[staying].tolist() == [False, True, False, True]
    assert durations(stays, 1).complete.tolist() == [0.4]


def test_what_cannot_be_is_refused():
    with pytest.raises(InputError, match="0 frames move"):
        dwell.fit([np.zeros((50, 2))], FPS)
    y, _ = path(0)
    with pytest.raises(InputError, match="not above `enter`"):
        dwell.DwellSettings.from_values({"enter": 0.2, "leave": 0.8}, "stays")


def test_all_stays_together_last_as_the_regions_do():
    y, _ = path(4)
    stays = dwell.sequences([found(y)], ["a"], FPS, 3)
    pooled, *each = dwell.survivals(stays)
    whole = np.concatenate([one.complete for one in each])
    assert sorted(pooled.complete) == sorted(whole) and len(each) == 3
    assert pooled.censored == sum(one.censored for one in each)
    lengths = [(e - b) / FPS for b, e in dwell.stretches(found(y).region > 0)]
    assert sorted(lengths[1:]) == sorted(pooled.complete)  # the first began before

import itertools

import numpy as np
from filmed import ring

from gambol.kernels import choices, projection, triangulation


def scene(seed, points=30, views=4, wrong=2):
    """Two peaks a view; in some views the first is of another place. Returns the right ones."""
    rng = np.random.default_rng(seed)
    params = ring(views).params()
    x = rng.normal(0, 40, (points, 3))
    other = x + rng.normal(0, 25, (points, 3))
    both = np.stack([projection.project(p, params).uv for p in (x, other)], axis=-2)
    peaks = both.transpose(1, 0, 2, 3) + rng.normal(0, 1, (points, views, 2, 2))
    swapped = rng.permuted(np.tile(np.arange(views) < wrong, (points, 1)), axis=1)
    peaks[swapped] = peaks[swapped][:, ::-1]
    peaks[~swapped, 1] = np.nan  # the other place shows as a second peak alone
    share = np.where(np.isfinite(peaks).all(-1), [0.6, 0.4], 0.0)
    return x, peaks, share / share.sum(-1, keepdims=True), params, swapped


def test_views_of_which_half_are_swapped_agree_on_the_right_place():
    x, peaks, share, params, swapped = scene(0)
    got = choices.agreeing(peaks, share, np.ones(swapped.shape), params)
    assert (got == swapped).mean() > 0.95
    taken = np.take_along_axis(peaks, got[..., None, None], axis=2)[:, :, 0]
    found = triangulation.msac(taken, np.ones(swapped.shape), params).points
    blind = triangulation.msac(peaks[:, :, 0], np.ones(swapped.shape), params).points
    off, before = (np.linalg.norm(p - x, axis=1) for p in (found, blind))
    assert np.median(off) < 2
    assert np.mean(off) < 0.2 * np.mean(before)


def test_the_best_point_is_the_best_of_all_pairs():
    """The definition, slowly: of the points of all pairs, and what each view takes then."""
    _, peaks, share, params, _ = scene(1, points=6, views=3, wrong=1)
    weight = np.array([1.0, 0.5, 0.8])
    got = choices.agreeing(peaks, share, np.tile(weight, (6, 1)), params)
    for n in range(6):
        options = [(v, c) for v, c in np.ndindex(3, 2) if np.isfinite(peaks[n, v, c, 0])]
        scored = []
        for (a, c), (b, d) in itertools.combinations(options, 2):
            if a == b:
                continue
            two = np.full((1, 3, 2), np.nan)
            two[0, a], two[0, b] = peaks[n, a, c], peaks[n, b, d]
            at = triangulation.dlt(two, np.ones((1, 3)), params)
            uv = projection.project(at, params).uv[:, 0]
            cost = ((peaks[n] - uv[:, None]) ** 2).sum(-1)
            cost = cost + 50 * np.log(share[n, :, :1] / np.maximum(share[n], 1e-300))
            cost = np.where(np.isfinite(cost), cost, np.inf)
            total = (weight * np.minimum(cost.min(1), 225)).sum()
            scored.append((total, np.where(cost.min(1) < 225, cost.argmin(1), 0)))
        assert (got[n] == min(scored, key=lambda s: s[0])[1]).all()


def test_what_nobody_sees_takes_the_first():
    _, peaks, share, params, _ = scene(2, points=2)
    peaks[0] = np.nan
    peaks[1, 1:] = np.nan
    got = choices.agreeing(peaks, share, np.ones(share.shape[:2]), params)
    assert (got == 0).all()

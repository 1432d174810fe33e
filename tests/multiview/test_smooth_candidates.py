"""Model 1 where detectors name several peaks: against one peak, and against the truth."""

import numpy as np
import pytest
from peaked import LEFT, SKELETON, film
from tiered import solve

from gambol.multiview import learning, smooth
from gambol.multiview import noise as noises
from gambol.multiview.noise import Observations


def observations(rig, peaks, score):
    shape = peaks.shape[:3]
    return Observations(
        peaks[..., 0, :], score[..., 0], np.full(shape, np.nan), rig.params(),
        np.arange(len(peaks)) / 30.0, peaks, score,
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["robust", "distance"])
def test_the_right_second_peak_mends_a_tenth_of_sides_mixed_up(kind):
    xyz, rig, peaks, score, swapped = film()
    first, right = (
        peaks[..., 0, :],
        np.where(swapped[..., None], peaks[..., 1, :], peaks[..., 0, :]),
    )
    blind = solve(kind, first, rig, confidence=score[..., 0])
    told = solve(kind, first, rig, confidence=score[..., 0], candidates=peaks, score=score)
    ideal = solve(kind, right, rig, confidence=score[..., 0])
    off = [np.linalg.norm(s.xyz - xyz, axis=-1)[:, LEFT:].mean() for s in (blind, told, ideal)]
    assert off[1] < 0.95 * off[0]
    assert off[1] < 1.03 * off[2]
    assert (told.peak == swapped)[..., LEFT:].mean() > 0.99
    assert (told.outlier[swapped] < 0.5).mean() > 0.95


def test_ellipsoids_hold_what_they_promise_when_peaks_are_chosen():
    xyz, rig, peaks, score, _ = film(frames=200, seed=3)
    told = solve(
        "robust", peaks[..., 0, :], rig, confidence=score[..., 0], candidates=peaks, score=score
    )
    off = told.xyz - xyz
    far = np.einsum("tja,tjab,tjb->tj", off, np.linalg.inv(told.covariance), off)
    assert (far < 7.815).mean() > 0.9


@pytest.mark.parametrize("kind", ["robust", "distance", "gimbal"])
def test_one_peak_a_view_changes_nothing(kind):
    xyz, rig, peaks, score, _ = film(frames=60)
    more = {"confidence": score[..., 0]}
    single = solve(kind, peaks[..., 0, :], rig, **more)
    one = {"candidates": peaks[..., :1, :], "score": score[..., :1]}
    several = solve(kind, peaks[..., 0, :], rig, **more, **one)
    assert np.allclose(several.xyz, single.xyz, atol=1e-3)
    assert np.allclose(several.covariance, single.covariance, rtol=1e-3, atol=1e-4)
    assert np.allclose(several.outlier, single.outlier, atol=1e-3, equal_nan=True)
    assert (several.peak == 0).all()


def test_a_hidden_view_hides_all_its_peaks():
    _, rig, peaks, score, _ = film(frames=20)
    data = observations(rig, peaks, score)
    hidden = data.xy.copy()
    hidden[:, 1] = np.nan
    noise = learning.learn(learning.sample(data, "msac"), "mixture")[0].noise
    emission = noises.emission(data._replace(xy=hidden), noise)
    assert np.isnan(emission.peaks[:, 1]).all()
    assert np.isnan(emission.at(smooth.start(data)).outlier[:, 1]).all()


def test_log_scores_are_of_all_peaks_and_of_uncertain_points():
    """Far beyond all noise, a cloud of points scores as the mean of its members' densities."""
    _, rig, peaks, score, _ = film(frames=4, seed=1)
    data = observations(rig, peaks, score)
    taken = learning.sample(data, "msac")
    noise = learning.learn(taken, "mixture")[0].noise
    emission = noises.emission(data, noise)
    root = np.diag([0.5, 0.4, 0.6])
    cov = np.broadcast_to(root @ root, (*taken.x.shape, 3)).copy()
    got = noises.log_score(emission, taken.x, cov)
    rng, draws = np.random.default_rng(0), []
    for _ in range(600):
        x = taken.x + rng.normal(size=taken.x.shape) @ root
        draws.append(noises.log_score(emission, x, np.zeros_like(cov)))
    mean = np.log(np.mean(np.exp(draws), axis=0))
    assert np.allclose(got, mean, atol=0.3, equal_nan=True)
    sure = noises.log_score(emission, taken.x, np.zeros_like(cov))
    assert np.isclose(-np.nansum(sure), emission.at(taken.x).energy)


def test_gaussian_noise_and_students_keep_the_detectors_choice():
    _, rig, peaks, score, _ = film(frames=30)
    more = {"confidence": score[..., 0], "candidates": peaks, "score": score}
    for kind, settings in (("smooth", {}), ("robust", {"noise": "student"})):
        told = solve(kind, peaks[..., 0, :], rig, settings, **more)
        blind = solve(kind, peaks[..., 0, :], rig, settings, confidence=score[..., 0])
        assert told.peak is None
        assert np.array_equal(told.xyz, blind.xyz)


def test_peaks_are_the_shares_of_their_scores():
    _, rig, peaks, score, _ = film(frames=3)
    assert SKELETON.keypoints[LEFT] == "left"
    several, share = noises.peaks(observations(rig, peaks, score))
    there = np.isfinite(several).all(-1)
    assert np.allclose(share.sum(-1), 1)
    known = there.all(-1)
    assert np.allclose(
        (share[..., 1] / share[..., 0])[known], (score[..., 1] / score[..., 0])[known]
    )
    assert (share[~there] == 0).all()
    mute, even = noises.peaks(observations(rig, peaks, 0 * score))
    assert np.allclose(even[known], 1 / 2)
    assert np.array_equal(mute, several, equal_nan=True)

"""Planted faults are where the truth says, as often as asked, and nowhere else."""

import numpy as np
import pytest

from gambol.core import poses
from gambol.simulate import behaviors, faults
from gambol.simulate.faults import Faults


def recorded(seed=0, space=2, n_frames=5000, **wrong):
    rng = np.random.default_rng(seed)
    made = behaviors.perform(rng, n_frames, space=space)
    return made, faults.track(rng, made, Faults(**wrong))


@pytest.mark.parametrize("space", [2, 3])
def test_faults_are_where_they_are_said_to_be(space):
    _, seen = recorded(space=space, lost="nose")
    xy = poses.xy(seen.poses)[:, 0]
    off = np.linalg.norm(xy - seen.truth, axis=2)
    assert off[seen.fault == 0].max() < 6.5
    assert off[seen.fault == 2].min() > 2.5 * seen.length
    assert off[seen.fault == 3].min() > 0.8 * seen.length
    assert (xy[seen.fault == 4] == 0).all() and (seen.fault[:, 1:] != 4).all()
    confidence = poses.points(seen.poses, "confidence")[:, 0]
    assert confidence[seen.fault == 1].max() < 0.1 and confidence[seen.fault != 1].min() > 0.6


def test_shares_are_about_what_was_asked():
    _, seen = recorded(absent=0.04, outlier=0.01, spike=0.02, n_frames=20_000)
    share = np.bincount(seen.fault.ravel(), minlength=5) / seen.fault.size
    np.testing.assert_allclose(share[1:4], [0.04, 0.01, 0.02], rtol=0.35)
    assert share[4] == 0


def test_without_faults_the_tracker_sees_the_truth_and_its_noise():
    made, seen = recorded(noise=2.0, absent=0.0, outlier=0.0, spike=0.0)
    off = poses.xy(seen.poses)[:, 0] - seen.truth
    assert off.std() == pytest.approx(2.0, rel=0.01)
    np.testing.assert_allclose(np.diff(seen.truth, axis=0), 4 * np.diff(made.xy, axis=0))
    np.testing.assert_allclose(poses.covariance(seen.poses)[0, 0, 0], 4.0 * np.eye(2))


def test_a_turned_animal_has_its_head_where_its_tail_was():
    _, seen = recorded(noise=0.0, absent=0.0, outlier=0.0, spike=0.0, turned=0.1)
    xy = poses.xy(seen.poses)[:, 0]
    centre = seen.truth.mean(axis=1, keepdims=True)
    t = seen.turned
    assert 0.03 < t.mean() < 0.15
    np.testing.assert_allclose((xy - centre)[t], -(seen.truth - centre)[t], atol=1e-9)
    np.testing.assert_array_equal(xy[~t], seen.truth[~t])

import numpy as np
import pytest
from planted_poses import covered, error, filmed, glides

from gambol.multiview import accelerations, learning


def world(seed=0, step=40.0, frames=200, px=1.0, **more):
    rng = np.random.default_rng(seed)
    times = np.sort(rng.choice(frames * 4 // 3, frames, replace=False)) / 30
    x = glides(rng, times, step)
    data, _ = filmed(rng, x, px=px, outliers=0.05, **more)
    return x, learning.sample(data._replace(times=times), "msac")


def test_planted_steps_and_noise_are_recovered_and_beat_a_walk_of_equal_noise():
    steps, noise, ratio, inside = [], [], [], []
    for seed in range(2):
        x, taken = world(seed, px=2.0)
        walked, found = learning.learn(taken, "mixture")
        model, glided = accelerations.learn(taken, walked, found)
        steps.append(np.sqrt(model.eta2))
        noise.append(np.sqrt(model.noise.inlier))
        equal = learning.learn(taken, "mixture", noise=model.noise)[1]
        ratio.append(error(glided.xyz, x) / error(equal.xyz, x))
        inside.append(covered(glided, x))
    assert np.isclose(np.median(steps), 40.0, rtol=0.1)
    assert np.isclose(np.median(noise), 2.0, rtol=0.1)
    assert max(ratio) < 0.8
    half, most = np.mean(inside, axis=0)
    assert 0.45 < half < 0.55
    assert 0.90 < most < 0.98


def test_steps_that_are_given_are_kept():
    _, taken = world(2, frames=40)
    walked, found = learning.learn(taken, "mixture")
    model, _ = accelerations.learn(taken, walked, found, np.full(6, 9.0))
    assert (model.eta2 == 9.0).all()
    assert model.dynamics == "velocity"


def test_one_scale_too_small_is_found_by_views_held_out():
    _, taken = world(3)
    walked, found = learning.learn(taken, "mixture")
    model, glided = accelerations.learn(taken, walked, found)
    stiff = model._replace(eta2=model.eta2 / 256)
    assert accelerations.best_scale(taken, stiff, glided.xyz) == 256.0


@pytest.mark.parametrize("views", [2, 3])
@pytest.mark.parametrize("frames", [1, 2, 4])
def test_little_can_be_learned_from_little(frames, views):
    _, taken = world(4, frames=frames, views=views, missing=0.0)
    walked, found = learning.learn(taken, "mixture")
    model, glided = accelerations.learn(taken, walked, found)
    assert np.isfinite(model.eta2).all()
    assert np.isfinite(glided.xyz).all()
    assert np.isfinite(glided.covariance).all()

"""Embeddings keep who is whose neighbour; t-SNE ends where the exact gradient ends."""

import numpy as np
import pytest

from gambol.behavior import map_embedding
from gambol.behavior.map_settings import MapSettings
from gambol.core.errors import InputError
from gambol.kernels import affinity

SMALL = MapSettings(perplexity=10.0, neighbours=40)


def shares(n=240, seed=0):
    rng = np.random.default_rng(seed)
    middles = rng.normal(size=(4, 30))
    group = np.arange(n) % 4
    x = np.exp(middles[group] + 0.2 * rng.normal(size=(n, 30)))
    return x / x.sum(axis=1, keepdims=True), group


def divergence_and_gradient(y, p):
    """KL(P || Q) of t-SNE and its gradient, over all pairs."""
    step = y[:, None] - y[None]
    near = 1 / (1 + (step**2).sum(axis=2))
    np.fill_diagonal(near, 0.0)
    q = near / near.sum()
    some = p > 0
    kl = (p[some] * np.log(p[some] / q[some])).sum()
    return kl, 4 * (((p - q) * near)[:, :, None] * step).sum(axis=1)


def test_the_start_is_two_components_of_the_roots():
    p, _ = shares()
    made = map_embedding.start(p)
    root = np.sqrt(p) - np.sqrt(p).mean(axis=0)
    u, s, _ = np.linalg.svd(root, full_matrices=False)
    assert made[:, 0].std() == pytest.approx(1e-4)
    known = u[:, :2] * s[:2]
    for axis in (0, 1):
        assert abs(np.corrcoef(made[:, axis], known[:, axis])[0, 1]) > 1 - 1e-9
    assert made[:, 1].std() / made[:, 0].std() == pytest.approx(s[1] / s[0])


def test_tsne_ends_where_the_exact_gradient_ends():
    p, _ = shares()
    y = map_embedding.embed(p, SMALL)
    near = affinity.nearest(p, 40)
    pull = affinity.joint(near.which, affinity.conditional(near.divergence, 10.0).p).toarray()
    kl, slope = divergence_and_gradient(y, pull)
    assert kl < 0.5 * divergence_and_gradient(map_embedding.start(p), pull)[0]
    lower, at = kl, y.copy()
    for _ in range(300):
        lower, slope = divergence_and_gradient(at, pull)
        at -= 10.0 * slope
    assert kl - lower < 0.02 * kl
    # another law of affinities is another map
    other = affinity.joint(near.which, affinity.conditional(near.divergence**2, 10.0).p)
    assert divergence_and_gradient(y, other.toarray())[0] > kl


def test_what_is_alike_lies_together():
    p, group = shares()
    y = map_embedding.embed(p, SMALL)
    far = np.linalg.norm(y[:, None] - y[None], axis=2) + 1e9 * np.eye(len(y))
    assert (group[far.argmin(axis=1)] == group).mean() > 0.99


def test_seed_and_threads():
    p, _ = shares()
    settings = SMALL.model_copy(update={"iterations": 50})
    one = map_embedding.embed(p, settings)
    np.testing.assert_array_equal(one, map_embedding.embed(p, settings, threads=2))


def test_iterations_are_told_and_change_nothing():
    p, _ = shares(120)
    settings = SMALL.model_copy(update={"iterations": 100})
    told = []
    one = map_embedding.embed(p, settings, progress=told.append)
    assert [step.done for step in told] == list(range(50, 351, 50))
    assert {step.total for step in told} == {350}
    np.testing.assert_array_equal(one, map_embedding.embed(p, settings))


def test_too_few_frames_are_refused():
    with pytest.raises(InputError, match="11 frames can be mapped, perplexity is 10"):
        map_embedding.embed(shares(11)[0], SMALL)


@pytest.mark.slow
def test_umap_keeps_neighbours_and_the_seed():
    p, group = shares()
    settings = MapSettings(method="umap")
    y = map_embedding.embed(p, settings)
    far = np.linalg.norm(y[:, None] - y[None], axis=2) + 1e9 * np.eye(len(y))
    assert (group[far.argmin(axis=1)] == group).mean() > 0.99
    np.testing.assert_array_equal(y, map_embedding.embed(p, settings))

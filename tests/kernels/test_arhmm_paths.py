"""Paths of switching series against enumeration of all paths."""

import itertools

import numpy as np
import pytest

from gambol.kernels import arhmm, arhmm_paths


def world(seed, n=3, frames=7, d=2, lags=2, spread=1.0):
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((n, d, d)) + 2 * np.eye(d)
    ab = rng.standard_normal((n, d, lags * d + 1)) * spread
    known = arhmm.Dynamics(ab, root @ root.transpose(0, 2, 1))
    return rng.standard_normal((frames, d)), arhmm.lay(known), rng.dirichlet(np.ones(n), n)


def enumerated(x, laid, trans):
    """Log weight of every path."""
    logs, n = arhmm.log_likelihood(x, laid), len(trans)
    paths = np.array(list(itertools.product(range(n), repeat=len(logs))))
    weight = -np.log(n) + logs[np.arange(len(logs)), paths].sum(1)
    return paths, weight + np.log(trans[paths[:, :-1], paths[:, 1:]]).sum(1)


@pytest.mark.parametrize("seed", range(4))
def test_evidence_marginals_and_best_path_are_those_of_all_paths(seed):
    x, laid, trans = world(seed)
    paths, weight = enumerated(x, laid, trans)
    total = np.logaddexp.reduce(weight)
    share = np.exp(weight - total)
    want = np.array([[share[paths[:, t] == k].sum() for k in range(3)] for t in range(5)])
    probs, told = arhmm_paths.marginals(x, laid, trans)
    assert abs(told - total) < 1e-10
    assert abs(arhmm_paths.evidence(x, laid, trans) - total) < 1e-10
    np.testing.assert_allclose(probs, want, atol=1e-10)
    assert arhmm_paths.viterbi(x, laid, trans).tolist() == paths[weight.argmax()].tolist()


def test_paths_are_drawn_by_their_probability():
    x, laid, trans = world(5, n=2, frames=6)
    paths, weight = enumerated(x, laid, trans)
    share = np.exp(weight - np.logaddexp.reduce(weight))
    rng, n = np.random.default_rng(0), 20_000
    drawn = (arhmm_paths.draw(rng, x, laid, trans).states for _ in range(n))
    codes = [states @ [8, 4, 2, 1] for states in drawn]
    found = np.bincount(codes, minlength=16) / n
    assert (abs(found - share) < 4.5 * np.sqrt(share * (1 - share) / n) + 1e-12).all()


def test_blocks_change_no_bit():
    x, laid, trans = world(6, n=5, frames=2000, spread=0.1)
    whole, cut = (
        arhmm_paths.draw(np.random.default_rng(1), x, laid, trans, block=block)
        for block in (1 << 16, 512)
    )
    assert (whole.states == cut.states).all() and whole.log_evidence == cut.log_evidence
    ours, _ = arhmm_paths.marginals(x, laid, trans, block=512)
    assert (ours == arhmm_paths.marginals(x, laid, trans)[0]).all()


def test_states_that_the_past_all_but_forbids_are_still_reached():
    """Two frames of very unlike dynamics, and transitions of 1e-250 between them."""
    known = arhmm.Dynamics(np.array([[[0.0, 0.0]], [[0.0, 100.0]]]), np.full((2, 1, 1), 1e-3))
    laid, trans = arhmm.lay(known), np.array([[1.0, 1e-250], [1e-250, 1.0]])
    x = np.repeat([0.0, 100.0], 20)[:, None]
    want = np.repeat([0, 1], 20)[1:]
    drawn = arhmm_paths.draw(np.random.default_rng(0), x, laid, trans)
    assert drawn.states.tolist() == want.tolist()
    assert arhmm_paths.viterbi(x, laid, trans).tolist() == want.tolist()
    normal = -0.5 * np.log(2 * np.pi * 1e-3)
    assert abs(drawn.log_evidence - (39 * normal - np.log(2) + np.log(1e-250))) < 1e-8


def test_a_series_without_states_has_no_evidence():
    x, laid, trans = world(7)
    assert arhmm_paths.evidence(x[:2], laid, trans) == 0.0
    assert len(arhmm_paths.draw(np.random.default_rng(0), x[:1], laid, trans).states) == 0

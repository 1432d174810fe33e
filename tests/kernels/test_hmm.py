"""Hidden Markov models against the sum over all K^T paths that they exist to avoid."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import logsumexp, softmax

from gambol.kernels.hmm import around, draw, smooth, transitions


def smooth_by_enumeration(init, trans, log_lik):
    """The definition, as slow as it reads."""
    T, K = log_lik.shape
    joint = np.empty((K,) * T)  # log p(y, z) of every path z
    for z in itertools.product(range(K), repeat=T):
        moves = [trans[i, j] for i, j in itertools.pairwise(z)]
        joint[z] = np.log([init[z[0]], *moves]).sum() + log_lik[range(T), z].sum()
    marginals = [logsumexp(joint, axis=tuple({*range(T)} - {t})) for t in range(T)]
    return logsumexp(joint), softmax(marginals, axis=1)


@st.composite
def problems(draw):
    T, K = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    logits = st.floats(-20, 20)
    init = softmax(draw(arrays(float, K, elements=logits)))
    trans = softmax(draw(arrays(float, (K, K), elements=logits)), axis=1)
    log_lik = draw(arrays(float, (T, K), elements=st.just(-np.inf) | logits))
    log_lik[:, draw(st.integers(0, K - 1))] = 0.0  # so that some path is possible
    return init, trans, log_lik


@given(problems())
def test_equals_the_definition(problem):
    log_evidence, probs = smooth_by_enumeration(*problem)
    result = smooth(*problem)
    np.testing.assert_allclose(result.log_evidence, log_evidence, atol=1e-9)
    np.testing.assert_allclose(result.probs, probs, atol=1e-9)


@given(problems(), st.floats(-1e4, 1e4))
def test_units_of_the_density_cancel(problem, nats):
    init, trans, log_lik = problem
    scaled = smooth(init, trans, log_lik + nats)
    np.testing.assert_allclose(scaled.probs, smooth(*problem).probs, atol=1e-9)


def test_names_the_frames_that_nothing_explains():
    log_lik = np.array([[0.0, 0.0], [-np.inf, -np.inf]])
    with pytest.raises(ValueError, match="frames 0 to 1"):
        smooth(np.array([0.5, 0.5]), np.eye(2), log_lik)


SKEWED = np.array([[0.9, 0.1], [0.6, 0.4]])  # not its own transpose
START = np.array([0.7, 0.3])


def every_path(log_lik, init=START, trans=SKEWED):
    """All paths and their probabilities."""
    paths = list(itertools.product(range(len(init)), repeat=len(log_lik)))
    joint = [
        np.log([init[z[0]], *(trans[i, j] for i, j in itertools.pairwise(z))]).sum()
        + log_lik[range(len(z)), z].sum()
        for z in paths
    ]
    return paths, np.exp(np.array(joint) - logsumexp(joint))


@pytest.fixture
def log_lik():
    return np.random.default_rng(0).normal(0, 2, (4, 2))


def test_moves_go_from_rows_to_columns(log_lik):
    paths, probs = every_path(log_lik)
    count = np.zeros((2, 2))
    for path, p in zip(paths, probs, strict=True):
        for i, j in itertools.pairwise(path):
            count[i, j] += p
    np.testing.assert_allclose(transitions(START, SKEWED, log_lik), count, atol=1e-12)


def test_paths_are_drawn_as_often_as_they_are_probable(log_lik):
    paths, probs = every_path(log_lik)
    rng = np.random.default_rng(1)
    drawn = [tuple(draw(rng, START, SKEWED, log_lik).tolist()) for _ in range(20_000)]
    share = [drawn.count(path) / len(drawn) for path in paths]
    np.testing.assert_allclose(share, probs, atol=0.012)  # 3 sd


def test_what_others_say_of_a_frame_leaves_its_own_word_out(log_lik):
    told = around(START, SKEWED, log_lik)
    for t in range(4):
        blind = log_lik.copy()
        blind[t] = 0.0
        evidence, probs = smooth_by_enumeration(START, SKEWED, blind)
        np.testing.assert_allclose(told[t], evidence + np.log(probs[t]), atol=1e-9)

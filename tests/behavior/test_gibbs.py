"""The sampler against its own model: joint tests that pass, and with a fault fail."""

import hashlib

import numpy as np
import pytest

from gambol.behavior import emissions, gibbs, states
from gambol.behavior.emissions import Shared
from gambol.behavior.gibbs import Parameters
from gambol.behavior.state_settings import StateSettings
from gambol.core.sequences import pack
from gambol.kernels import state_paths, streams

S, K, R, T = 3, 2, 2, 20
TINY = dict(n_states=K, n_syllables=S, trans_kappa=5.0, init="given", emission_beta=0.7)


def prior_draw(rng, settings):
    """Parameters from the prior."""
    trans = np.array([rng.dirichlet(row) for row in 1.0 + settings.trans_kappa * np.eye(K)])
    if settings.emission == "dirichlet":
        return Parameters(rng.dirichlet([settings.emission_beta] * S, (K, S)), trans, None)
    shared = Shared(rng.standard_normal((S, S - 1)), rng.standard_normal((K - 1, S - 1)))
    return Parameters(emissions.probabilities(shared), trans, shared)


def draw_states(rng, trans):
    z = np.empty((R, T), np.int64)
    z[:, 0] = rng.integers(K, size=R)
    for t in range(1, T):
        z[:, t] = (rng.random(R)[:, None] > trans[z[:, t - 1]].cumsum(1)).sum(1)
    return np.minimum(z, K - 1)


def draw_syllables(rng, theta, z):
    y = np.empty((R, T), np.int64)
    y[:, 0] = rng.integers(S, size=R)
    for t in range(1, T):
        y[:, t] = (rng.random(R)[:, None] > theta[z[:, t], y[:, t - 1]].cumsum(1)).sum(1)
    return np.minimum(y, S - 1)


def statistics(known, z, y):
    """26 functions of parameters, states and syllables."""
    if known.shared is None:
        inner = known.theta[:, :, :-1].ravel()[:8]
    else:
        inner = np.concatenate([known.shared.base.ravel(), known.shared.bias.ravel()])
    stay = np.diag(known.trans)
    other = [
        (z == 0).mean(), (z[:, 1:] != z[:, :-1]).mean(), (y == 0).mean(), (y == 1).mean(),
        (y[:, 1:] == y[:, :-1]).mean(), ((y[:, 1:] == 0) & (z[:, 1:] == 0)).mean(),
    ]  # fmt: skip
    return np.concatenate([inner, inner**2, stay, stay**2, other])


def joint_scores(kind, sweeps, fault=None, seed=0):
    """z of each statistic: successive-conditional draws against draws from the prior.

    Source: Geweke (2004), JASA 99:799-804.
    """
    emission = "dirichlet" if kind == "dirichlet" else "shared"
    step = "slice" if kind == "dirichlet" else kind
    settings = StateSettings(**TINY, emission=emission, emission_step=step)
    rng = np.random.default_rng(seed)
    prior = []
    for _ in range(4000):
        known = prior_draw(rng, settings)
        z = draw_states(rng, known.trans)
        prior.append(statistics(known, z, draw_syllables(rng, known.theta, z)))
    known = prior_draw(rng, settings)
    z = draw_states(rng, known.trans)
    y = draw_syllables(rng, known.theta, z)
    names, chain, found = ["a", "b"], None, []
    for sweep in range(sweeps):
        own = settings.model_copy(update={"random_state": seed + sweep})
        data = gibbs.prepare(own, pack(list(y), names, 1.0, S))
        states_now = z.ravel().astype(np.uint8)
        counts, moves = gibbs._counted(data, states_now, K, 1)
        if fault == "previous state":
            counts = count_by_previous(y, z)
        if chain is None:
            chain = gibbs.start(own, data, states_now)._replace(parameters=known)
        else:  # the chain as new, so that nothing grows with the sweeps
            chain = chain._replace(
                sweeps=0, trace=chain.trace[:0], blocks=chain.blocks[:0],
                history=chain.history[:0], kept=(),
            )  # fmt: skip
        chain = gibbs.sweep(own, data, chain._replace(counts=counts, moves=moves))
        known, z = chain.parameters, chain.states.reshape(R, T).astype(np.int64)
        y = draw_syllables(rng, known.theta, z)
        found.append(statistics(known, z, y))
    return scores(np.array(prior), np.array(found))


def scores(independent, chained, batches=40):
    """Difference of means over its standard error, by batch means of the chained draws."""
    size = len(chained) // batches
    means = chained[: size * batches].reshape(batches, size, -1).mean(1)
    error = np.sqrt(
        means.var(0, ddof=1) / batches + independent.var(0, ddof=1) / len(independent)
    )
    return (means.mean(0) - independent.mean(0)) / error


def count_by_previous(y, z):
    counts = np.zeros((K, S, S), np.int64)
    np.add.at(counts, (z[:, :-1], y[:, :-1], y[:, 1:]), 1)
    return counts


@pytest.mark.parametrize(
    "kind", ["slice", pytest.param("mh", marks=pytest.mark.slow), "dirichlet"]
)
def test_sweeps_keep_the_joint_law_of_parameters_states_and_syllables(kind):
    assert np.abs(joint_scores(kind, 2000)).max() < 4


def test_counting_by_the_state_before_is_found_out():
    assert np.abs(joint_scores("slice", 2000, fault="previous state")).max() > 5


def test_transitions_without_their_pseudo_counts_are_found_out(monkeypatch):
    monkeypatch.setattr(
        gibbs, "_pull", lambda s: np.maximum(s.trans_kappa * np.eye(s.n_states), 1e-6)
    )
    assert np.abs(joint_scores("slice", 800)).max() > 5


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["slice", "mh", "dirichlet"])
def test_sweeps_keep_the_joint_law_in_20000_of_them(kind):
    assert np.abs(joint_scores(kind, 20_000)).max() < 4


@pytest.mark.slow
def test_a_normal_approximation_taken_for_a_draw_is_found_out():
    assert np.abs(joint_scores("laplace", 10_000)).max() > 5


def small(seed=0, frames=(300, 200, 250), size=6, gaps=True):
    """Three recordings with bouts, gaps and states that mean something."""
    rng = np.random.default_rng(seed)
    held = []
    for n in frames:
        state = np.repeat(rng.integers(2, size=n // 50 + 1), 50)[:n]
        labels = np.repeat(rng.integers(3, size=n // 8 + 1), 8)[:n] + 3 * state
        if gaps:
            labels[rng.integers(n, size=5)] = -1
            labels[n // 2 : n // 2 + 12] = -1
        held.append(labels)
    return pack(held, ["b", "c", "a"], 10.0, size)


def grown(settings, seq, sweeps, threads=1):
    data = gibbs.prepare(settings, seq)
    chain = states.begin(settings, data, None, threads)
    for _ in range(sweeps):
        chain = gibbs.sweep(settings, data, chain, threads)
    return chain


SMALL = StateSettings(n_states=3, trans_kappa=100.0, init_window_s=2.0, keep_every=2)


def same(one, other):
    """Whether two chains are equal bit for bit."""
    flat = [
        (c.states, c.counts, c.moves, c.trace, c.blocks, c.parameters.theta, c.parameters.trans,
         c.best.parameters.theta, c.history)
        for c in (one, other)
    ]  # fmt: skip
    return all(np.array_equal(a, b) for a, b in zip(*flat, strict=True))


@pytest.mark.parametrize("emission", ["shared", "dirichlet"])
def test_threads_change_no_bit(emission):
    settings = SMALL.model_copy(update={"emission": emission})
    one, two, four = (grown(settings, small(), 6, threads) for threads in (1, 2, 4))
    assert same(one, two) and same(one, four)


def test_the_order_of_recordings_changes_no_bit():
    from gambol.core.sequences import select

    seq = small()
    here, there = grown(SMALL, seq, 6), grown(SMALL, select(seq, ["a", "b", "c"]), 6)
    np.testing.assert_array_equal(here.trace, there.trace)
    np.testing.assert_array_equal(here.states[500:], there.states[:250])


def test_what_stands_at_missing_frames_is_never_read():
    seq = small()
    other = seq._replace(values=np.where(seq.valid, seq.values, 5).astype(np.uint8))
    assert (other.values != seq.values).any() and same(
        grown(SMALL, seq, 5), grown(SMALL, other, 5)
    )


def test_another_seed_is_another_chain():
    other = SMALL.model_copy(update={"random_state": 1})
    assert not same(grown(SMALL, small(), 2), grown(other, small(), 2))


def test_log_evidence_of_a_sweep_is_that_of_its_own_parameters():
    seq = small()
    chain = grown(SMALL, seq, 3)
    told = gibbs.evidence(gibbs.prepare(SMALL, seq), chain.parameters)
    assert chain.trace[-1, 3] == pytest.approx(sum(told), rel=1e-12)


def test_counts_of_a_chain_are_those_of_its_states():
    seq = small()
    chain = grown(SMALL, seq, 3)
    counts, moves = gibbs._counted(gibbs.prepare(SMALL, seq), chain.states, 3, 1)
    np.testing.assert_array_equal(chain.counts, counts)
    np.testing.assert_array_equal(chain.moves, moves)
    gaps = sum((~(v[1:] & v[:-1])).sum() for v in np.split(seq.valid, seq.offsets[1:-1]))
    assert counts.sum() == moves.sum() - gaps  # no pair of syllables crosses a gap or a seam


def test_log_priors_are_those_of_another_library():
    from scipy import stats

    rng = np.random.default_rng(0)
    rows, alpha = rng.dirichlet([2.0, 3.0, 4.0], 4), rng.gamma(3, size=(4, 3))
    plain = sum(stats.dirichlet.logpdf(p, a) for p, a in zip(rows, alpha, strict=True))
    assert gibbs.log_dirichlet(rows, alpha) == pytest.approx(plain)
    known = prior_draw(rng, StateSettings(**TINY))
    base, biases, trans = gibbs.log_prior(StateSettings(**TINY), known)
    assert base == pytest.approx(stats.norm.logpdf(known.shared.base).sum())
    assert biases == pytest.approx(stats.norm.logpdf(known.shared.bias).sum())
    assert trans == pytest.approx(
        sum(
            stats.dirichlet.logpdf(p, a)
            for p, a in zip(known.trans, 1 + 5 * np.eye(2), strict=True)
        )
    )


def test_climbing_never_loses_and_settles():
    seq = small()
    data = gibbs.prepare(SMALL, seq)
    chain = states.begin(SMALL, data, None)
    for _ in range(12):
        chain = gibbs.climb(SMALL, data, chain)
    whole = chain.trace.sum(1)
    assert whole[-1] == pytest.approx(whole[-2], abs=1e-3)
    assert whole[-1] > whole[0]


def test_the_best_sweep_is_kept():
    chain = grown(SMALL, small(), 8)
    assert chain.best.sweep == int(chain.trace.sum(1).argmax()) + 1
    assert [k.sweep for k in chain.kept] == [2, 4, 6, 8]


def test_both_ways_of_going_through_recordings_have_one_law():
    """Evidence by runs and frame by frame; the draws differ, what is drawn from does not."""
    seq = small(gaps=False, frames=(400, 400, 400))
    data = gibbs.prepare(SMALL, seq)
    chain = grown(SMALL, seq, 2)
    by_frames = data._replace(runs=(None, None, None))
    one, other = (gibbs.evidence(d, chain.parameters) for d in (data, by_frames))
    np.testing.assert_allclose(one, other, rtol=1e-12)
    assert state_paths.use_runs(seq.values[:400], seq.valid[:400]) == (data.runs[0] is not None)


def test_no_two_steps_share_a_stream_and_none_is_that_of_everybody(monkeypatch):
    """All names of one fit differ, and the global generator is where it was."""
    asked = []

    def noted(seed, *parts, plain=streams.key):
        asked.append((seed, *parts))
        return plain(seed, *parts)

    monkeypatch.setattr(streams, "key", noted)
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - that of everybody
    for change in ({}, {"emission": "dirichlet"}, {"init": "blocks", "emission_step": "mh"}):
        asked.clear()
        grown(SMALL.model_copy(update=change), small(), 4)
        assert len(asked) > 4 * 3 and len(set(asked)) == len(asked)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


GOLDEN = {  # of CPU, numpy, numba, scipy
    "znver5 2.4.6 0.68.1 1.17.1": "d583b25510e88a02",
}


def test_a_tiny_fit_has_the_bits_that_it_always_had():
    """A change of these bits changes everybody's results: make it on purpose only."""
    import llvmlite.binding
    import numba
    import scipy

    built = " ".join(
        [llvmlite.binding.get_host_cpu_name(), np.__version__, numba.__version__,
         scipy.__version__]
    )  # fmt: skip
    if built not in GOLDEN:
        pytest.skip(f"no bits are known of {built}; in law they are the same everywhere")
    digest = hashlib.sha256()
    for change in ({}, {"emission": "dirichlet"}, {"emission_step": "mh"}):
        chain = grown(SMALL.model_copy(update=change), small(), 5)
        for part in (chain.states, chain.trace, chain.parameters.theta, chain.parameters.trans):
            digest.update(np.ascontiguousarray(part).tobytes())
    assert digest.hexdigest()[:16] == GOLDEN[built]

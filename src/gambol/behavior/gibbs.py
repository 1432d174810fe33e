"""Gibbs sampling of a hierarchical hidden Markov model over syllables.

A chain is a value: a sweep takes one and returns the next. What a sweep draws follows from the
seed, its number and the names of the recordings alone, so a chain that is written down and
taken up again goes on bit for bit, with any number of threads and in any order of recordings.
Source: Weinreb et al. (2026), Neuron 114:922; the steps are exact.
"""

import math
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np
from jaxtyping import Float, Int, UInt8
from scipy.special import gammaln, xlogy

from gambol.behavior import emissions
from gambol.behavior.emissions import Prior, Shared
from gambol.behavior.state_settings import StateSettings
from gambol.core.errors import InputError, did_you_mean
from gambol.core.sequences import Sequences, recording, resized
from gambol.kernels import state_paths, streams
from gambol.kernels.runs import Runs, cut, runs

TRACE = ("log_base", "log_biases", "log_transitions", "log_evidence")
LONGEST = 256  # frames of a run; longer ones go in pieces, which changes no law
BLOCKS = ("newton_steps", "decrement", "evaluations", "accepted", "converged")

Item = TypeVar("Item")
Made = TypeVar("Made")


class Parameters(NamedTuple):
    """What a model knows."""

    theta: Float[np.ndarray, "K S S"]  # p(syllable j | syllable i before, state k)
    trans: Float[np.ndarray, "K K"]  # p(state l | state k before)
    shared: Shared | None  # the logits that `theta` comes from; none if `dirichlet`


class Kept(NamedTuple):
    """The parameters of one sweep."""

    sweep: int
    parameters: Parameters


class Inner(NamedTuple):
    """The optimisations inside one sweep."""

    rows: Float[np.ndarray, " A"]  # log posterior of all rows before each step
    biases: Float[np.ndarray, " B"]  # of the biases
    limits: tuple[str, ...]  # blocks that hit their limit


NO_STEPS = Inner(np.zeros(0), np.zeros(0), ())


class Chain(NamedTuple):
    """Where a fit stands: all that it needs to go on, and what it has seen."""

    sweeps: int  # done
    states: UInt8[np.ndarray, " N"]  # of every frame, drawn in the last sweep
    counts: Int[np.ndarray, "K S S"]  # pairs of syllables in these states
    moves: Int[np.ndarray, "K K"]  # pairs of these states
    parameters: Parameters  # drawn in the last sweep
    trace: Float[np.ndarray, "I 4"]  # `TRACE` of each sweep, in nats
    blocks: Float[np.ndarray, "I 5"]  # `BLOCKS` of each sweep
    best: Kept  # of the highest log probability, what a fitted model uses
    kept: tuple[Kept, ...]
    history: UInt8[np.ndarray, "I H"]  # states of the recording that is watched, each sweep
    inner: Inner  # of the last sweep


class _Tables(NamedTuple):
    """The tables of one sweep."""

    theta: Float[np.ndarray, "K S S"]
    shared: Shared | None
    told: tuple[float, ...]  # `BLOCKS`
    inner: Inner


class Data(NamedTuple):
    """Recordings, and their runs where going from run to run is faster."""

    seq: Sequences
    runs: tuple[Runs | None, ...]
    watched: slice  # frames whose states are written down in every sweep


def watch(seq: Sequences, name: str | None, seconds: float, from_s: float = 0.0) -> slice:
    """Return some frames of one recording, of the first by name if none is named."""
    name = min(seq.names) if name is None else name
    if name not in seq.names:
        raise InputError(f"there is no recording {name!r}{did_you_mean(name, seq.names)}")
    r = seq.names.index(name)
    begin, end = int(seq.offsets[r]), int(seq.offsets[r + 1])
    first = begin + round(from_s * seq.fps)
    if first >= end:
        raise InputError(
            f"history_from_s is {from_s:g}, but recording {name!r} lasts "
            f"{(end - begin) / seq.fps:.3g} s; begin earlier"
        )
    return slice(first, min(end, first + max(1, round(seconds * seq.fps))))


def prepare(settings: StateSettings, seq: Sequences) -> Data:
    """Return recordings ready for sweeps."""
    size = settings.n_syllables
    if not seq.valid.any():
        raise InputError("no recording has a frame with a label; give labels of 0 or more")
    seq = seq if size is None else resized(seq, size)
    found = []
    for r in range(len(seq.names)):
        values, valid = recording(seq, r)
        quick = state_paths.use_runs(values, valid)
        found.append(cut(runs(values, valid), LONGEST) if quick else None)
    watched = watch(seq, settings.history, settings.history_s, settings.history_from_s)
    return Data(seq, tuple(found), watched)


def start(
    settings: StateSettings, data: Data, states: UInt8[np.ndarray, " N"], threads: int = 1
) -> Chain:
    """Return the chain before its first sweep.

    Args:
        settings: of the model.
        data: the recordings.
        states: to begin with; used exactly as they are.
        threads: that work side by side.
    """
    k = settings.n_states
    if len(states) != len(data.seq.values):
        raise InputError(
            f"the given states have {len(states)} frames, the recordings "
            f"{len(data.seq.values)}; give one for each"
        )
    if len(states) and states.max() >= k:
        raise InputError(f"the given states go up to {states.max()}; n_states is {k}")
    counts, moves = _counted(data, states, k, threads)
    if settings.emission == "shared":
        shared = emissions.joint_mode(counts, prior(settings)).shared
        theta = emissions.probabilities(shared)
    else:
        shared = None
        theta = _normalised(counts + settings.emission_beta)
    trans = _normalised(moves + _pull(settings))
    first = Parameters(theta, trans, shared)
    return Chain(
        0, states, counts, moves, first, np.empty((0, len(TRACE))), np.empty((0, len(BLOCKS))),
        Kept(0, first), (), np.empty((0, data.watched.stop - data.watched.start), np.uint8),
        NO_STEPS,
    )  # fmt: skip


def sweep(settings: StateSettings, data: Data, chain: Chain, threads: int = 1) -> Chain:
    """Draw parameters given the states, then states given the parameters.

    Args:
        settings: of the model.
        data: the recordings.
        chain: where the fit stands.
        threads: that work side by side.
    """
    number, seed = chain.sweeps + 1, settings.random_state
    trans = _transitions(settings, chain.moves, number)
    tables = _emissions(settings, chain, number, threads)
    theta, shared, told = tables.theta, tables.shared, tables.told
    now = Parameters(theta, trans, shared)
    powers = _powers(data, now)

    def draw(r: int) -> state_paths.Path:
        values, valid = recording(data.seq, r)
        rng = streams.generator(seed, number, "states", data.seq.names[r])
        return state_paths.sample(rng, values, valid, data.runs[r], theta, trans, powers)

    states = np.empty_like(chain.states)
    counts, moves = np.zeros_like(chain.counts), np.zeros_like(chain.moves)
    evidence = []
    for r, path in enumerate(side_by_side(draw, range(len(data.seq.names)), threads)):
        states[data.seq.offsets[r] : data.seq.offsets[r + 1]] = path.states
        counts += path.counts.emissions
        moves += path.counts.moves
        evidence.append(path.log_evidence)
    row = [*log_prior(settings, now), math.fsum(evidence)]
    trace = np.vstack([chain.trace, row])
    kept = Kept(number, now)
    better = number == 1 or sum(row) > chain.trace.sum(1).max()
    return Chain(
        number, states, counts, moves, now, trace, np.vstack([chain.blocks, told]),
        kept if better else chain.best,
        (*chain.kept, kept) if number % settings.keep_every == 0 else chain.kept,
        np.vstack([chain.history, states[data.watched]]), tables.inner,
    )  # fmt: skip


def climb(settings: StateSettings, data: Data, chain: Chain, threads: int = 1) -> Chain:
    """Take the modes where `sweep` draws: quick, without chance, to a nearby optimum.

    Iterated conditional modes: the joint mode of the emissions, the mode of the transitions,
    the most probable path.
    """
    number = chain.sweeps + 1
    trans = _mode(chain.moves + _pull(settings))
    tables = _modes(settings, chain)
    told, now = tables.told, Parameters(tables.theta, trans, tables.shared)
    states = np.concatenate(most_probable(data, now, threads))
    counts, moves = _counted(data, states, settings.n_states, threads)
    row = [*log_prior(settings, now), math.fsum(evidence(data, now, threads))]
    kept = Kept(number, now)
    better = number == 1 or sum(row) > chain.trace.sum(1).max()
    return Chain(
        number, states, counts, moves, now, np.vstack([chain.trace, row]),
        np.vstack([chain.blocks, told]), kept if better else chain.best, chain.kept,
        np.vstack([chain.history, states[data.watched]]), tables.inner,
    )  # fmt: skip


def most_probable(
    data: Data, known: Parameters, threads: int = 1
) -> list[UInt8[np.ndarray, " T"]]:
    """Return the most probable states of every recording; ties go to the lower state."""

    def one(r: int) -> UInt8[np.ndarray, " T"]:
        values, valid = recording(data.seq, r)
        return state_paths.viterbi(values, valid, known.theta, known.trans)

    return list(side_by_side(one, range(len(data.seq.names)), threads))


def evidence(data: Data, known: Parameters, threads: int = 1) -> list[float]:
    """Return log p(syllables of a recording | parameters), in nats, of every recording."""
    powers = _powers(data, known)

    def one(r: int) -> float:
        values, valid = recording(data.seq, r)
        return state_paths.evidence(
            values, valid, data.runs[r], known.theta, known.trans, powers
        )

    return list(side_by_side(one, range(len(data.seq.names)), threads))


def prior(settings: StateSettings) -> Prior:
    """Return the prior of shared emissions."""
    return Prior(settings.emission_base_sigma, settings.emission_biases_sigma)


def log_prior(settings: StateSettings, known: Parameters) -> tuple[float, float, float]:
    """Return log p of the common table (or of all tables), the biases, the transitions."""
    if known.shared is None:
        base, biases = (
            emissions.dirichlet_log_prior(known.theta, settings.emission_beta),
            0.0,
        )
    else:
        base, biases = emissions.log_prior(known.shared, prior(settings))
    return base, biases, log_dirichlet(known.trans, _pull(settings))


def log_dirichlet(rows: Float[np.ndarray, "*N D"], alpha: Float[np.ndarray, "*N D"]) -> float:
    """Return the log density of rows of probabilities, all together, normaliser included."""
    flat, strength = rows.reshape(-1, rows.shape[-1]), alpha.reshape(-1, alpha.shape[-1])
    logs = xlogy(strength - 1, flat)
    norm = gammaln(strength.sum(1)) - gammaln(strength).sum(1)
    return math.fsum(norm + logs.sum(1))


def side_by_side(
    work: Callable[[Item], Made], items: Iterable[Item], threads: int
) -> Iterable[Made]:
    """Do work on items in threads; results come in the order of the items."""
    if threads <= 1:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(work, items)


def _emissions(settings: StateSettings, chain: Chain, number: int, threads: int) -> _Tables:
    """Draw the tables."""
    seed = settings.random_state
    if chain.parameters.shared is None:
        theta = emissions.dirichlet(seed, number, chain.counts, settings.emission_beta)
        return _Tables(theta, None, (0.0, 0.0, 0.0, 1.0, 1.0), NO_STEPS)
    made = emissions.step(
        settings.emission_step, seed, number, chain.parameters.shared, chain.counts,
        prior(settings), threads=threads,
    )  # fmt: skip
    told = (made.newton_steps, made.decrement, made.evaluations, made.accepted, made.converged)
    inner = Inner(made.row_trace, made.bias_trace, made.limits)
    theta = emissions.probabilities(made.shared)
    return _Tables(theta, made.shared, tuple(map(float, told)), inner)


def _modes(settings: StateSettings, chain: Chain) -> _Tables:
    """Return the most probable tables."""
    if chain.parameters.shared is None:
        theta = _mode(chain.counts + settings.emission_beta)
        return _Tables(theta, None, (0.0, 0.0, 0.0, 1.0, 1.0), NO_STEPS)
    mode = emissions.joint_mode(chain.counts, prior(settings), chain.parameters.shared)
    limits = () if mode.converged else ("joint",)
    told = (len(mode.trace) - 1.0, mode.decrement, 0.0, 1.0, float(mode.converged))
    inner = Inner(mode.trace, np.zeros(0), limits)
    return _Tables(emissions.probabilities(mode.shared), mode.shared, told, inner)


def _transitions(
    settings: StateSettings, moves: Int[np.ndarray, "K K"], number: int
) -> Float[np.ndarray, "K K"]:
    """Draw the rows of the transition matrix from their Dirichlet posterior."""
    alpha = moves + _pull(settings)
    rows = []
    for k, row in enumerate(alpha):
        rng = streams.generator(settings.random_state, number, "transitions", k)
        rows.append(rng.standard_gamma(row))
    return _normalised(np.maximum(np.array(rows), np.finfo(float).tiny))


def _pull(settings: StateSettings) -> Float[np.ndarray, "K K"]:
    """Pseudo-counts of the transitions."""
    k = settings.n_states
    return settings.trans_beta + settings.trans_kappa * np.eye(k)


def _mode(alpha: Float[np.ndarray, "*N D"]) -> Float[np.ndarray, "*N D"]:
    """Most probable rows; a row of nothing but ones has none, so its mean is taken."""
    above = np.maximum(alpha - 1, 0)
    return _normalised(np.where(above.sum(-1, keepdims=True) > 0, above, alpha))


def _normalised(rows: Float[np.ndarray, "*N D"]) -> Float[np.ndarray, "*N D"]:
    return rows / rows.sum(-1, keepdims=True)


def _powers(data: Data, known: Parameters) -> state_paths.Powers | None:
    if all(found is None for found in data.runs):
        return None
    return state_paths.powers(known.theta, known.trans)


def _counted(
    data: Data, states: UInt8[np.ndarray, " N"], n_states: int, threads: int
) -> tuple[Int[np.ndarray, "K S S"], Int[np.ndarray, "K K"]]:
    """Count pairs of syllables and of states, over all recordings."""
    size, offsets = data.seq.size, data.seq.offsets

    def one(r: int) -> tuple[Int[np.ndarray, "K S S"], Int[np.ndarray, "K K"]]:
        values, valid = recording(data.seq, r)
        own = states[offsets[r] : offsets[r + 1]]
        return state_paths.count(values, valid, own, size, n_states)

    counts = np.zeros((n_states, size, size), np.int64)
    moves = np.zeros((n_states, n_states), np.int64)
    for own, between in side_by_side(one, range(len(data.seq.names)), threads):
        counts += own
        moves += between
    return counts, moves

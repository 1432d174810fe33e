"""Sequences of syllables whose states are known, of any size.

A hidden state lasts seconds and chooses the transitions between syllables, which last fractions
of one. Parameters are drawn from the prior of the hierarchical model or are given. Memory is
that of the result, and every recording has a stream of draws of its own.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Float, Float32, Float64, UInt8
from scipy.optimize import brentq
from scipy.special import softmax

from gambol.core.errors import InputError
from gambol.core.sequences import Sequences
from gambol.kernels import markov, streams


class Simulated(NamedTuple):
    """Recordings and what they were made of."""

    sequences: Sequences
    states: UInt8[np.ndarray, " T"]  # z of each frame, one recording behind the other
    theta: Float64[np.ndarray, "K S S"]  # p(syllable j | syllable i before, state k)
    trans: Float64[np.ndarray, "K K"]  # p(state l | state k before)
    centroids: Float32[np.ndarray, "T 2"] | None  # px


def hierarchical(
    recordings: int = 21,
    frames: int | Sequence[int] = 432_000,
    *,
    syllables: int = 72,
    states: int = 10,
    dwell_frames: float | int | None = 48,
    state_s: float | int = 30,
    fps: float | int = 120,
    random_state: int = 0,
    theta: Float[np.ndarray, "K S S"] | None = None,
    trans: Float[np.ndarray, "L L"] | None = None,
    centroids: bool = False,
    threads: int | None = None,
) -> Simulated:
    """Simulate recordings of syllables under states.

    Args:
        recordings: R; they are named recording_000 and so on.
        frames: of each recording, or one number for each.
        syllables: S.
        states: K; with 1 the syllables are a Markov chain.
        dwell_frames: mean frames a bout of a syllable; None leaves that to the prior.
        state_s: mean seconds a bout of a state.
        fps: frames a second.
        random_state: seed.
        theta: transitions of syllables in each state, instead of drawn ones; then S and K are
            theirs and `dwell_frames` is without effect.
        trans: transitions of states, instead of drawn ones.
        centroids: whether to add where the animal is.
        threads: recordings side by side; all cores by default. The result is the same.
    """
    each = [frames] * recordings if isinstance(frames, int) else [*frames]
    _check(recordings, each, fps)
    if theta is not None:
        states, syllables = theta.shape[:2]
    if trans is None:
        trans = draw_transitions(states, state_s * fps, random_state)
    if theta is None:
        theta = draw_emissions(states, syllables, dwell_frames, random_state, trans)
    theta, trans = _stochastic(theta, "theta"), _stochastic(trans, "trans")
    if len(theta) != len(trans) or len(trans) > 256:
        raise InputError(
            f"theta has {len(theta)} states and trans {len(trans)}; give equal numbers, at "
            "most 256"
        )
    offsets = np.concatenate([[0], np.cumsum(each, dtype=np.int64)])
    names = tuple(f"recording_{r:03d}" for r in range(recordings))
    values = np.empty(offsets[-1], np.uint8 if syllables <= 256 else np.uint16)
    hidden = np.empty(offsets[-1], np.uint8)
    places = np.empty((offsets[-1], 2), np.float32) if centroids else None
    of_states, of_syllables = markov.cumulative(trans), markov.cumulative(theta)

    def draw(r: int) -> None:
        rng = streams.generator(random_state, "simulated sequence", names[r])
        here = slice(offsets[r], offsets[r + 1])
        first = int(rng.integers(states)), int(rng.integers(syllables))
        drawn = markov.switching(rng, first, of_states, of_syllables, each[r])
        hidden[here], values[here] = drawn
        if places is not None:
            walk = streams.generator(random_state, "simulated walk", names[r])
            places[here] = _walk(walk, drawn.states, fps)

    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        list(pool.map(draw, range(recordings)))
    seen = np.ones(len(values), bool)
    sequences = Sequences(names, values, seen, offsets, float(fps), syllables)
    return Simulated(sequences, hidden, theta, trans, places)


def draw_emissions(
    states: int,
    syllables: int,
    dwell_frames: float | int | None = None,
    random_state: int = 0,
    trans: Float[np.ndarray, "K K"] | None = None,
    sigma: tuple[float | int, float | int] = (1, 1),
) -> Float64[np.ndarray, "K S S"]:
    """Draw θ_kij = softmax_j(W_ij + b_kj) from the prior of the model.

    W = W̃Γ_Sᵀ and b = Γ_K b̃ Γ_Sᵀ with independent normal W̃, b̃ have the law of independent
    normal matrices after their row means (of b also the column means) are taken off, since
    ΓΓᵀ is that projection.

    Args:
        states: K.
        syllables: S.
        dwell_frames: if given, one constant is added to all W_ii such that bouts have this
            mean length.
        random_state: seed.
        trans: transitions of states, on which bouts depend; without it every frame has a state
            of its own.
        sigma: standard deviations of W̃ and b̃.
    """
    rng = streams.generator(random_state, "simulated emissions")
    base = sigma[0] * rng.standard_normal((syllables, syllables))
    biases = sigma[1] * rng.standard_normal((states, syllables))
    base -= base.mean(axis=1, keepdims=True)
    biases -= biases.mean(axis=1, keepdims=True)
    biases -= biases.mean(axis=0, keepdims=True)
    logits = base + biases[:, None]
    if dwell_frames is None or syllables == 1:
        return softmax(logits, axis=-1)
    if not dwell_frames > 1:
        raise InputError(f"dwell_frames is {dwell_frames}; give more than 1 frame")
    trans = np.full((states, states), 1 / states) if trans is None else trans

    def excess(stay: float) -> float:
        theta = softmax(logits + stay * np.eye(syllables), axis=-1)
        return float(np.log(_left(theta, trans) * dwell_frames))

    stay = brentq(excess, -20.0, 20.0 + np.log(syllables * dwell_frames), xtol=1e-7)
    # rounded: last bits depend on the linear algebra below
    return softmax(logits + round(stay, 5) * np.eye(syllables), axis=-1)


def draw_transitions(
    states: int, dwell_frames: float | int, random_state: int = 0
) -> Float64[np.ndarray, "K K"]:
    """Draw π: states of one mean length, followed by others with Dirichlet(1) chances.

    Args:
        states: K.
        dwell_frames: mean frames a bout.
        random_state: seed.
    """
    if not dwell_frames >= 1:
        raise InputError(f"states of {dwell_frames} frames; give them one frame or more")
    if states == 1:
        return np.ones((1, 1))
    rng = streams.generator(random_state, "simulated transitions")
    others = rng.dirichlet(np.ones(states - 1), size=states)
    trans = np.zeros((states, states))
    trans[~np.eye(states, dtype=bool)] = others.ravel() / dwell_frames
    np.fill_diagonal(trans, 1 - 1 / dwell_frames)
    return trans


def _left(theta: Float[np.ndarray, "K S S"], trans: Float[np.ndarray, "K K"]) -> float:
    """Return the share of frames after which the syllable changes, in the long run.

    The usage p_l of syllables in state l obeys p_l = Σ_k p_k π_kl θ_l. Each p_l in turn is
    solved for, given the others; what remains of errors passes on from state to state.
    """
    if len(trans) == 1:
        return float(markov.stationary(theta[0]) @ (1 - np.diagonal(theta[0])))
    size, own = theta.shape[-1], np.diagonal(trans)
    within = theta @ np.linalg.inv(np.eye(size) - own[:, None, None] * theta)
    usage = np.outer(markov.stationary(trans), np.full(size, 1 / size))
    for _ in range(500):
        before = usage.copy()
        for k in range(len(trans)):
            usage[k] = (trans[:, k] @ usage - own[k] * usage[k]) @ within[k]
        usage /= usage.sum()
        if np.abs(usage - before).sum() < 1e-9:
            break
    into = trans.T @ usage  # syllable before, state now
    return float((into * (1 - np.diagonal(theta, axis1=1, axis2=2))).sum())


def _check(recordings: int, frames: list[int], fps: float | int) -> None:
    if recordings < 1 or len(frames) != recordings or min(frames) < 1:
        raise InputError(
            f"{recordings} recordings of {frames[:5]} frames; give one or more recordings, "
            "and frames for each"
        )
    if not fps > 0:
        raise InputError(f"fps is {fps}; give the frames a second")


def _stochastic(rows: Float[np.ndarray, "*R S"], name: str) -> Float64[np.ndarray, "*R S"]:
    """Return rows as float64, all of which must sum to 1."""
    rows = np.asarray(rows, np.float64)
    if (rows < 0).any() or np.abs(rows.sum(axis=-1) - 1).max() > 1e-6:
        raise InputError(f"{name} has a row that is no distribution; give rows that sum to 1")
    return rows


def _walk(
    rng: np.random.Generator, states: UInt8[np.ndarray, " T"], fps: float | int
) -> Float32[np.ndarray, "T 2"]:
    """Walk in a box of 600 px, faster in higher states."""
    noise = rng.standard_normal((len(states), 2), dtype=np.float32)
    _roam(noise, states, float(np.exp(-2 / fps)), 1 / fps)
    return noise


@numba.njit(cache=True, nogil=True)
@no_type_check
def _roam(noise, states, keep, step):
    """Turn noise into places: velocities forget within half a second, walls turn them round."""
    for axis in range(2):
        place, speed = 300.0, 0.0
        for t in range(len(noise)):
            reach = 20.0 + 10.0 * states[t]  # px a second
            speed = keep * speed + reach * np.sqrt(1 - keep * keep) * noise[t, axis]
            place += speed * step
            if place < 0.0 or place > 600.0:
                place, speed = min(max(place, 0.0), 600.0), -speed
            noise[t, axis] = place

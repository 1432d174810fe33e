"""What syllable models share: parameters, how they are drawn, bouts, labels.

Lines 1 to 3 of a sweep: tables and transitions of the sticky hierarchical Dirichlet process,
dynamics of each state, states of each series. Every draw has a stream of its own, named by the
seed, the sweep, the line and what it is of.
Source: Fox et al. (2011), Ann. Appl. Stat. 5(2A):1020.
"""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Integer, UInt8
from scipy.cluster.vq import kmeans2, vq

from gambol.behavior.syllable_settings import DynamicsSettings
from gambol.core import sequences
from gambol.core.errors import InputError
from gambol.core.sequences import Sequences
from gambol.kernels import arhmm, streams, tables, wishart
from gambol.kernels.arhmm import Dynamics
from gambol.kernels.runs import runs

TINY = float(np.finfo(float).tiny)
SEEDS = 20_000  # frames that the first states are found on
USED = 0.005  # share of the frames from which a state counts as used

States = UInt8[np.ndarray, " F"]  # of frames L to T - 1 of a series
Series = Float[np.ndarray, "T D"]


class Parameters(NamedTuple):
    """What a model of N states knows."""

    beta: Float[np.ndarray, " N"]  # how much each state is used over all
    trans: Float[np.ndarray, "N N"]  # p(state l | state k before), from row to column
    dynamics: Dynamics


class Key(NamedTuple):
    """Which series this is: a stretch of a recording."""

    recording: str
    number: int  # of the stretch
    start: int  # its first frame in the recording


class Tally(NamedTuple):
    """All that lines 1 and 2 need to know of series and states."""

    moves: Int[np.ndarray, "N N"]  # from row to column
    sums: Float[np.ndarray, "N W1 W1"]  # Σψψᵀ


def prior(settings: DynamicsSettings, n_dims: int) -> wishart.Law:
    """Return the prior of the dynamics of a state."""
    return wishart.autoregressive(
        n_dims, settings.lags, settings.step_scale, settings.step_dof,
        settings.coefficient_precision,
    )  # fmt: skip


def blank(settings: DynamicsSettings, n_dims: int) -> Parameters:
    """Return parameters that know nothing: dynamics at the mean of their prior."""
    n, law = settings.n_states, prior(settings, n_dims)
    even = np.full(n, 1.0 / n)
    ab = np.repeat(law.mean[None], n, axis=0)
    q = np.repeat(law.scale[None] / max(law.dof - n_dims - 1, 1.0), n, axis=0)
    return Parameters(even, np.full((n, n), 1.0 / n), Dynamics(ab, q))


def tally(settings: DynamicsSettings, x: Series, z: States) -> Tally:
    """Count and add up what one series and its states tell of the parameters."""
    n = settings.n_states
    moves = np.zeros((n, n), np.int64)
    np.add.at(moves, (z[:-1], z[1:]), 1)
    return Tally(moves, arhmm.sums(x, z, n, settings.lags))


def transitions(
    settings: DynamicsSettings,
    kappa: float,
    beta: Float[np.ndarray, " N"],
    moves: Int[np.ndarray, "N N"],
    sweep: int,
) -> tuple[Float[np.ndarray, " N"], Float[np.ndarray, "N N"]]:
    """Draw β and the rows of the transition matrix (line 1)."""
    seed, n = settings.random_state, settings.n_states
    opened = np.zeros(n, np.int64)
    for i in range(n):
        rng = streams.generator(seed, sweep, "tables", i)
        opened += tables.draw(rng, moves[i], settings.alpha * beta, kappa, i)
    rng = streams.generator(seed, sweep, "usage")
    beta = _dirichlet(rng, settings.gamma / n + opened)
    rows = np.empty((n, n))
    for i in range(n):
        strength = settings.alpha * beta + moves[i]
        strength[i] += kappa
        rows[i] = _dirichlet(streams.generator(seed, sweep, "transitions", i), strength)
    return beta, rows


def dynamics(
    settings: DynamicsSettings, sums: Float[np.ndarray, "N W1 W1"], sweep: int
) -> Dynamics:
    """Draw the dynamics of each state (line 2)."""
    lags = settings.lags
    law = prior(settings, (sums.shape[1] - 1) // (lags + 1))
    drawn = [
        wishart.draw(
            streams.generator(settings.random_state, sweep, "dynamics", k),
            wishart.posterior(law, own),
        )
        for k, own in enumerate(sums)
    ]
    return Dynamics(np.array([one.ab for one in drawn]), np.array([one.q for one in drawn]))


def first_states(
    settings: DynamicsSettings, series: Sequence[Float[np.ndarray, "_ D"]]
) -> list[UInt8[np.ndarray, " _"]]:
    """Return states to begin with: k-means on where a series is and how it moved."""
    lags = settings.lags

    def look(x: Float[np.ndarray, "_ D"]) -> Float[np.ndarray, "_ D2"]:
        return np.hstack([x[lags:], x[lags:] - x[: len(x) - lags]])

    begin = np.cumsum([0, *(max(0, len(x) - lags) for x in series)])
    count = int(begin[-1])
    if not count:
        return [np.zeros(0, np.uint8) for _ in series]
    mean = np.sum([look(x).sum(axis=0) for x in series], axis=0) / count
    square = np.sum([((look(x) - mean) ** 2).sum(axis=0) for x in series], axis=0)
    spread = np.maximum(np.sqrt(square / count), TINY)
    step = -(-count // SEEDS)
    some = np.concatenate(
        [look(x)[-b % step :: step] for b, x in zip(begin.tolist(), series, strict=False)]
    )
    some /= spread
    rng = streams.generator(settings.random_state, "first states")
    states = min(settings.n_states, len(some))
    centres = some[np.sort(rng.choice(len(some), states, replace=False))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of empty groups: states no one is in
        centres, _ = kmeans2(some, centres, iter=10, minit="matrix", check_finite=False)
    return [
        vq(look(x) / spread, centres, check_finite=False)[0].astype(np.uint8) for x in series
    ]


def durations(states: Iterable[Integer[np.ndarray, " _"]]) -> Int[np.ndarray, " B"]:
    """Return the frames of complete bouts: not the first or last of a series or a gap."""
    found: list[np.ndarray] = []
    for z in states:
        own = runs(np.maximum(z, 0), z >= 0)
        gap = own.label < 0
        cut = gap.copy()
        cut[1:] |= gap[:-1]
        cut[:-1] |= gap[1:]
        cut[:1], cut[-1:] = True, True
        found.append((own.stop - own.start)[~cut])
    return np.concatenate([np.zeros(0, np.int64), *found]).astype(np.int64)


def median_duration(states: Iterable[Integer[np.ndarray, " _"]]) -> float:
    """Return the median of complete bouts in frames; NaN where there is none."""
    found = durations(states)
    return float(np.median(found)) if len(found) else float("nan")


def usage(
    states: Iterable[Integer[np.ndarray, " _"]], n_states: int
) -> Float[np.ndarray, " N"]:
    """Return the share of the frames with a label in each state."""
    counts = np.zeros(n_states, np.int64)
    for z in states:
        counts += np.bincount(z[z >= 0], minlength=n_states)
    return counts / max(1, counts.sum())


def by_usage(share: Float[np.ndarray, " N"]) -> Int[np.ndarray, " N"]:
    """Return the new number of each state, 0 for the most used; ties keep their order."""
    order = np.argsort(-share, kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank


def renumbered(
    rank: Int[np.ndarray, " N"], labels: Iterable[Integer[np.ndarray, " _"]]
) -> Int[np.ndarray, " N"]:
    """Return the labels of states by usage in `labels`, which were made with `rank`.

    >>> renumbered(np.array([1, 0, 2]), [np.array([2, 2, 0, -1])]).tolist()
    [2, 1, 0]
    """
    return by_usage(usage(labels, len(rank)))[rank]


def packed(
    labels: Mapping[str, Integer[np.ndarray, " _"]], fps: float, n_states: int
) -> Sequences:
    """Return labels (-1 for none) as sequences, recordings by name."""
    names = sorted(labels)
    return sequences.pack([labels[name] for name in names], names, fps, n_states)


def spread_out(
    keys: Sequence[Key],
    values: Sequence[np.ndarray],
    lengths: Mapping[str, int],
    missing: int | float,
    late: int = 0,
) -> dict[str, np.ndarray]:
    """Return values of series as one array a recording.

    Args:
        keys: which stretch each series is.
        values: of its frames `late` and after, along the first axis.
        lengths: frames of each recording.
        missing: what stands where there is no value.
        late: frames of a series before its first value.
    """
    shape, kind = (values[0].shape[1:], values[0].dtype) if values else ((), np.dtype(float))
    kind = np.dtype(np.int64) if kind == np.uint8 else kind
    out = {name: np.full((n, *shape), missing, kind) for name, n in lengths.items()}
    for key, own in zip(keys, values, strict=True):
        begin = key.start + late
        out[key.recording][begin : begin + len(own)] = own
    return out


def one_rate(rates: Mapping[str, float]) -> float:
    """Return the frames a second that all recordings share."""
    if not rates:
        raise InputError("there are no recordings; give at least one")
    first = min(rates)
    for name in sorted(rates):
        if not np.isclose(rates[name], rates[first], rtol=1e-3):
            raise InputError(
                f"{name} has {rates[name]:g} frames/s, {first} {rates[first]:g}; bring them to "
                "one rate"
            )
    return float(rates[first])


def _dirichlet(rng: np.random.Generator, strength: Float[np.ndarray, " N"]) -> np.ndarray:
    """Draw shares; gamma draws of tiny shape that round to 0 become the least number."""
    drawn = np.maximum(rng.standard_gamma(strength), TINY)
    return drawn / drawn.sum()

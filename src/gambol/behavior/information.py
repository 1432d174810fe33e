"""How long behaviour remembers: mutual information of labels at two moments τ apart.

The plug-in value is biased upwards, since the frames of one bout are not independent; what is
left after recordings that have nothing to do with each other (surrogates) are treated in the
same way is free of that. Markov chains of the same transitions show how much of the rest
follows from one label to the next. Recordings are sorted by name and draws are named by them,
so no result depends on their order or on the number of threads.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np
import xarray as xr
from jaxtyping import Float, Int, Int64

from gambol.behavior import timescales
from gambol.core.cores import usable_cores
from gambol.core.errors import InputError
from gambol.core.sequences import Sequences, by_name, lengths, recording, select
from gambol.kernels import bootstrap as resampling
from gambol.kernels import markov, pair_tables, streams
from gambol.kernels.pair_tables import Labels, Pairing, Told

SECONDS = tuple(np.geomspace(1, 300, 40))  # the lags of the tutorial
LEVEL = 0.95  # of all intervals
Job = TypeVar("Job")
Done = TypeVar("Done")

UNITS = {"nats": 1.0, "bits": 1 / np.log(2)}


class Curve(NamedTuple):
    """Information at L lags, a mean over recordings by their pairs of frames.

    Errors and intervals are NaN where there is only one recording.
    """

    plug_in: Float[np.ndarray, " L"]  # Î
    plug_in_se: Float[np.ndarray, " L"]
    surrogate: Float[np.ndarray, " L"]  # mean Î of the surrogates: the bias
    surrogate_se: Float[np.ndarray, " L"]
    corrected: Float[np.ndarray, " L"]  # Ĩ, the difference of the two
    corrected_se: Float[np.ndarray, " L"]
    lower: Float[np.ndarray, " L"]  # 95 % interval of Ĩ
    upper: Float[np.ndarray, " L"]
    pairs: Int64[np.ndarray, " L"]  # frames with a label then and τ later, of all
    each: Float[np.ndarray, "L R"]  # Ĩ of each recording, sorted by name


class Mutual(NamedTuple):
    """Information between two sequences of the same frames."""

    plug_in: float
    surrogates: Float[np.ndarray, " N"]  # plug-in values of shifted partners
    corrected: float  # plug_in less the mean of the surrogates
    normalised: float  # 2 corrected / (H(a) + H(b)); 1 where each tells the other
    lower: float  # 95 % interval of `corrected`; NaN with one recording
    upper: float
    units: str


def lagged(
    sequences: Sequences,
    seconds: Iterable[float | int] = SECONDS,
    *,
    surrogates: int = 8,
    random_state: int = 0,
    bootstrap: int = 1000,
    units: str = "nats",
    threads: int | None = None,
) -> xr.Dataset:
    """Measure what a label tells about the label τ later.

    Args:
        sequences: recordings of labels.
        seconds: τ; rounded to frames, equal ones once.
        surrogates: pairings of each recording with other ones at a random shift; a single
            recording is paired with itself, at least the largest lag away on its circle.
        random_state: seed of surrogates, chains and resamples.
        bootstrap: resamples of recordings behind the intervals.
        units: "nats" or "bits".
        threads: side by side; all cores by default.

    Returns:
        Along `lag`: `real`, `markov` (simulated chains) and `surrogate` with `_se`;
        `corrected`, `lower`, `upper` and `markov_corrected`, `markov_lower`, `markov_upper`;
        `markov_surrogate`, `markov_analytic`, `pairs`; coordinates `lags_s`, `lag_frames`.
        Along `lag` and `recording`: `each`, Ĩ of each.
        Scalars: `chance_lag_s`, `half_life_s`, and of the chains with `markov_` before. What
        the numbers say is in `attrs["sentences"]`, one a line.
    """
    scale = _scale(units)
    used = _useful(sequences)
    asked = _frames(seconds, used.fps)
    lags = _possible(used, asked)
    work = (lags, surrogates, random_state, bootstrap, threads)
    real = _scaled(curve(used, *work), scale)
    chains = _scaled(curve(markov_chains(used, random_state, threads), *work), scale)
    exact = _analytic(used, lags, threads) * scale
    about = {
        "units": units, "recordings": len(used.names), "fps": used.fps,
        "frames": int(used.offsets[-1]), "labels": used.size, "surrogates": surrogates,
        "random_state": random_state, "bootstrap": bootstrap,
    }  # fmt: skip
    result = _dataset(real, chains, exact, lags, used).assign_attrs(about)
    left_out = asked[~np.isin(asked, lags)] / used.fps
    told = timescales.sentences(result, left_out, sorted({*sequences.names} - {*used.names}))
    return result.assign_attrs(sentences="\n".join(told))


def curve(
    sequences: Sequences,
    lags: Int[np.ndarray, " L"],
    surrogates: int = 8,
    random_state: int = 0,
    bootstrap: int = 1000,
    threads: int | None = None,
) -> Curve:
    """Return plug-in, surrogate and corrected information at lags in frames, in nats.

    Every recording has its own table, so that differences between animals do not count as
    memory. The interval is that of the mean over resampled recordings.
    """
    if surrogates < 1:
        raise InputError(f"surrogates is {surrogates}; give 1 or more, the bias is theirs")
    used = _useful(sequences)
    coded, frames = _labels(used), lengths(used)
    own = np.arange(len(frames))
    lags = np.asarray(lags, np.int64)
    partner, shift = _partners(used, int(lags.max()), surrogates, random_state)

    def told(job: tuple[int, int]) -> Told:
        s, k = job  # s = 0 is the recording with itself
        other, ahead = (partner[s - 1], shift[s - 1]) if s else (own, 0 * own)
        at = Pairing(own, other, ahead + lags[k], np.maximum(frames - lags[k], 0))
        return pair_tables.information(coded, coded, at)

    jobs = [(s, k) for s in range(surrogates + 1) for k in range(len(lags))]
    done = _side_by_side(told, jobs, threads)
    nats = np.stack([part.nats for part in done]).reshape(-1, len(lags), len(own))
    pairs = np.stack([part.pairs for part in done[: len(lags)]])
    return _averaged(nats, pairs, random_state, bootstrap)


def lags_of(
    sequences: Sequences, seconds: Iterable[float] = SECONDS
) -> Int64[np.ndarray, " L"]:
    """Return the lags, in frames, at which recordings can be measured."""
    return _possible(_useful(sequences), _frames(seconds, sequences.fps))


def markov_chains(
    sequences: Sequences, random_state: int = 0, threads: int | None = None
) -> Sequences:
    """Draw a Markov chain for each recording, of its own transitions, length and gaps.

    A chain starts with the first label of its recording and runs on through gaps.
    """
    rows = markov.cumulative(markov.transitions(_moves(sequences)))
    values = np.zeros_like(sequences.values)

    def draw(r: int) -> None:
        known = np.flatnonzero(sequences.valid[slice(*sequences.offsets[r : r + 2])])
        if not len(known):
            return
        start, stop = sequences.offsets[r] + known[0], sequences.offsets[r + 1]
        rng = streams.generator(random_state, "markov chain", sequences.names[r])
        markov.chain(rng, int(sequences.values[start]), rows[r], values[start:stop])

    _side_by_side(draw, range(len(sequences.names)), threads)
    return sequences._replace(values=values)


def mutual_information(
    a: Sequences,
    b: Sequences,
    *,
    surrogates: int = 8,
    random_state: int = 0,
    bootstrap: int = 1000,
    units: str = "nats",
    within: bool = False,
    apart_s: float = 30.0,
) -> Mutual:
    """Measure what labels of two kinds tell about each other, frame by frame.

    Args:
        a: recordings of one kind of label.
        b: the same recordings (by name, of equal length) with another kind.
        surrogates: pairings of a with b of other recordings at a random shift.
        random_state: seed of surrogates and resamples.
        bootstrap: resamples of recordings.
        units: "nats" or "bits".
        within: shift each recording on its own circle instead, as with a single recording:
            by `apart_s` at least, or a quarter of a short recording.
        apart_s: see `within`.
    """
    scale = _scale(units)
    a, b = _aligned(a, b)
    frames, own = lengths(a), np.arange(len(a.names))
    one, other = _labels(a), _labels(b)
    if within or len(own) == 1:
        least = np.minimum(round(apart_s * a.fps), frames // 4)
        partner = np.tile(own, (surrogates, 1))
        shift = _around(a.names, least, frames - least, surrogates, random_state)
    else:
        partner, shift = _partners(b, 0, surrogates, random_state)
    paired = zip([own, *partner], [0 * own, *shift], strict=True)
    at = [Pairing(own, q, d, frames) for q, d in paired]
    done = [pair_tables.information(one, other, pairing) for pairing in at]
    nats, pairs = np.stack([d.nats for d in done]), done[0].pairs
    found = _averaged(nats[:, None], pairs[None], random_state, bootstrap)
    corrected, share = float(found.corrected[0]), pairs / pairs.sum()
    entropy = share @ [_entropies(table) for table in pair_tables.tables(one, other, at[0])]
    return Mutual(
        plug_in=float(found.plug_in[0]) * scale,
        surrogates=nats[1:] @ share * scale,
        corrected=corrected * scale,
        normalised=2 * corrected / entropy if entropy > 0 else float("nan"),
        lower=float(found.lower[0]) * scale,
        upper=float(found.upper[0]) * scale,
        units=units,
    )


def _averaged(
    nats: Float[np.ndarray, "N1 L R"],
    pairs: Int64[np.ndarray, "L R"],
    seed: int,
    resamples: int,
) -> Curve:
    """Average recordings; the first of N + 1 rows is real, the others are surrogates."""
    parts = np.stack([nats[0], nats[1:].mean(axis=0), nats[0] - nats[1:].mean(axis=0)])
    total = pairs.sum(axis=-1)
    mean = (parts * pairs).sum(axis=-1) / np.maximum(total, 1)
    error, ends = np.full_like(mean, np.nan), np.full((2, len(total)), np.nan)
    n = pairs.shape[-1]
    if n > 1 and resamples > 0:
        rng = streams.generator(seed, "resampled recordings")
        weights = rng.multinomial(n, np.full(n, 1 / n), size=resamples)
        # einsum calls no BLAS, whose sums depend on its number of threads
        resampled = np.einsum("plr,br->plb", parts * pairs, weights)
        resampled /= np.maximum(np.einsum("lr,br->lb", pairs, weights), 1)
        error = resampled.std(axis=-1)
        ends = resampling.percentile_interval(resampled[2].T, LEVEL)
    return Curve(
        plug_in=mean[0], plug_in_se=error[0], surrogate=mean[1], surrogate_se=error[1],
        corrected=mean[2], corrected_se=error[2], lower=ends[0], upper=ends[1],
        pairs=total, each=parts[2],
    )  # fmt: skip


def _partners(
    sequences: Sequences, far: int, surrogates: int, seed: int
) -> tuple[Int64[np.ndarray, "N R"], Int64[np.ndarray, "N R"]]:
    """Choose which recording, and how far ahead, each one is compared with in surrogates.

    Partners of a recording differ as long as there are enough of them. With one recording the
    shift d leaves both d and τ + d at least `far`, the largest lag, away from 0 on the circle.
    """
    frames, names = lengths(sequences), sequences.names
    n = len(names)
    if n == 1:
        if frames[0] < 3 * far:
            raise InputError(
                f"recording {names[0]!r} has {frames[0]} frames, but without another one to "
                f"compare with it must be three times the largest lag, {far} frames"
            )
        limits = np.array([far]), frames - 2 * far
        return np.zeros((surrogates, 1), np.int64), _around(names, *limits, surrogates, seed)
    partner = np.empty((surrogates, n), np.int64)
    for r, name in enumerate(names):
        others = streams.generator(seed, "partners", name).permutation(n - 1)
        partner[:, r] = np.resize(others + (others >= r), surrogates)
    last = frames[partner] - 1
    return partner, _around(names, np.zeros_like(frames), last, surrogates, seed)


def _around(
    names: tuple[str, ...],
    low: Int64[np.ndarray, " R"],
    high: Int64[np.ndarray, "*N R"],
    surrogates: int,
    seed: int,
) -> Int64[np.ndarray, "N R"]:
    """Draw shifts from low to high, both included, for each recording by its name."""
    drawn = [
        streams.generator(seed, "shifts", name).integers(
            low[r], high[..., r], surrogates, endpoint=True
        )
        for r, name in enumerate(names)
    ]
    return np.stack(drawn, axis=-1)


def _possible(sequences: Sequences, lags: Int64[np.ndarray, " L"]) -> Int64[np.ndarray, " M"]:
    """Return the lags at which there are pairs, and room for the shifts of one recording."""
    longest, single = int(lengths(sequences).max()), len(sequences.names) == 1
    fits = lags[lags <= (longest // 3 if single else longest - 1)]
    if not len(fits):
        need = "three times the smallest lag" if single else "more than the smallest lag"
        raise InputError(
            f"the longest recording lasts {longest / sequences.fps:.3g} s, but mutual "
            f"information needs {need} of {lags[0] / sequences.fps:.3g} s; give smaller lags"
        )
    return fits


def _analytic(
    sequences: Sequences, lags: Int64[np.ndarray, " L"], threads: int | None
) -> Float[np.ndarray, " L"]:
    """Return the exact curve of each recording's chain, weighted by its pairs of frames."""
    moves = _moves(sequences)
    curves = _side_by_side(lambda counts: markov.remembered(counts, lags), moves, threads)
    weights = moves.sum(axis=(1, 2))
    return (np.stack(curves) * weights[:, None]).sum(axis=0) / max(weights.sum(), 1)


def _moves(sequences: Sequences) -> Int64[np.ndarray, "R S S"]:
    """Count pairs of successive frames, in each recording."""
    coded, frames = _labels(sequences), lengths(sequences)
    own = np.arange(len(frames))
    at = Pairing(own, own, np.ones_like(own), np.maximum(frames - 1, 0))
    return pair_tables.tables(coded, coded, at)


def _labels(sequences: Sequences) -> Labels:
    return pair_tables.labels(
        sequences.values, sequences.valid, sequences.offsets, sequences.size
    )


def _useful(sequences: Sequences) -> Sequences:
    """Return the recordings with any label, by name."""
    names = sequences.names
    seen = [names[r] for r in range(len(names)) if recording(sequences, r)[1].any()]
    if not seen:
        raise InputError("no recording has a frame with a label; give labels of 0 or more")
    if seen == sorted(names):
        return sequences
    return by_name(select(sequences, seen))


def _aligned(a: Sequences, b: Sequences) -> tuple[Sequences, Sequences]:
    """Return the same recordings in the same order."""
    if {*a.names} != {*b.names}:
        odd = sorted({*a.names} ^ {*b.names})[0]
        raise InputError(f"recording {odd!r} is only in one of the two sets; give both")
    a, b = by_name(a), by_name(b)
    for name, one, other in zip(a.names, lengths(a), lengths(b), strict=True):
        if one != other:
            raise InputError(
                f"recording {name!r} has {one} frames of one kind of label and {other} of "
                "the other; bring both to one clock"
            )
    seen = [
        name for r, name in enumerate(a.names)
        if (recording(a, r)[1] & recording(b, r)[1]).any()
    ]  # fmt: skip
    if not seen:
        raise InputError("no frame has labels of both kinds; give recordings that overlap")
    return select(a, seen), select(b, seen)


def _frames(seconds: Iterable[float | int], fps: float) -> Int64[np.ndarray, " L"]:
    """Round lags to frames."""
    asked = np.asarray([*seconds], float)
    if not len(asked) or not (np.isfinite(asked) & (asked > 0)).all():
        raise InputError(f"lags are {asked.tolist()} s; give seconds above 0")
    return np.unique(np.maximum(np.round(asked * fps).astype(np.int64), 1))


def _scale(units: str) -> float:
    if units not in UNITS:
        raise InputError(f"no unit {units!r}; there are {', '.join(UNITS)}")
    return float(UNITS[units])


def _scaled(found: Curve, scale: float) -> Curve:
    nats = {name: x * scale for name, x in found._asdict().items() if name != "pairs"}
    return found._replace(**nats)


def _entropies(table: Int64[np.ndarray, "S U"]) -> float:
    """Return the entropy of rows plus that of columns, in nats."""
    margins = (table.sum(axis=axis) / max(table.sum(), 1) for axis in (0, 1))
    return float(-sum((p[p > 0] * np.log(p[p > 0])).sum() for p in margins))


def _dataset(
    real: Curve, chains: Curve, exact: np.ndarray, lags: np.ndarray, used: Sequences
) -> xr.Dataset:
    """Name the curves, and find where they end."""
    along: dict[str, np.ndarray] = {
        "real": real.plug_in, "real_se": real.plug_in_se,
        "surrogate": real.surrogate, "surrogate_se": real.surrogate_se,
        "corrected": real.corrected, "corrected_se": real.corrected_se,
        "lower": real.lower, "upper": real.upper, "pairs": real.pairs,
        "markov": chains.plug_in, "markov_se": chains.plug_in_se,
        "markov_surrogate": chains.surrogate, "markov_surrogate_se": chains.surrogate_se,
        "markov_corrected": chains.corrected, "markov_corrected_se": chains.corrected_se,
        "markov_lower": chains.lower, "markov_upper": chains.upper, "markov_analytic": exact,
    }  # fmt: skip
    seconds = lags / used.fps
    ends = {
        "chance_lag_s": timescales.chance_lag(seconds, real.lower),
        "half_life_s": timescales.half_life(seconds, real.corrected),
        "markov_chance_lag_s": timescales.chance_lag(seconds, chains.lower),
        "markov_half_life_s": timescales.half_life(seconds, chains.corrected),
    }
    data = {name: ("lag", values) for name, values in along.items()}
    return xr.Dataset(
        {
            **data,
            "each": (("lag", "recording"), real.each),
            **{name: ((), value) for name, value in ends.items()},
        },
        coords={
            "lags_s": ("lag", seconds),
            "lag_frames": ("lag", lags),
            "recording": list(used.names),
        },
    )


def _side_by_side(
    work: Callable[[Job], Done], jobs: Iterable[Job], threads: int | None
) -> list[Done]:
    """Do all jobs; results are in the order of the jobs."""
    if threads is not None and threads < 1:
        raise InputError(f"threads is {threads}; give 1 or more")
    with ThreadPoolExecutor(threads or usable_cores()) as pool:
        return list(pool.map(work, jobs))

"""What is measured of each recording before groups are compared, and who its animal is.

The animal is the unit of every test: recordings of one animal are averaged, never counted as
several. A table of recordings without a column `animal` is refused.
"""

from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int, Int64

from gambol.behavior import ethogram as bouts_of
from gambol.behavior.sequences import By, bouts
from gambol.behavior.sequences import usage as sequence_usage
from gambol.core.errors import InputError, did_you_mean
from gambol.core.ethogram import Ethogram, labels
from gambol.core.sequences import Sequences
from gambol.kernels.runs import all_runs

Source = Sequences | Ethogram
Normalise = Literal["row", "joint"]


class Units(NamedTuple):
    """Values of M animals (or of animals in conditions) and the level of each."""

    values: Float[np.ndarray, "M S"]  # NaN where an animal lacks the measure
    level: Int[np.ndarray, " M"]  # index into `levels`
    levels: tuple[str, ...]
    animal: tuple[str, ...]


class Lives(NamedTuple):
    """Durations of N bouts, the begin of which was seen."""

    recording: Int64[np.ndarray, " N"]
    label: Int64[np.ndarray, " N"]
    seconds: Float[np.ndarray, " N"]
    ended: np.ndarray  # (N,) bool, whether the end was seen


def usage(source: Source, by: By = "frame") -> pd.DataFrame:
    """Return the share of each label in each recording: rows recordings, columns labels.

    Args:
        source: sequences, where shares are of frames or bouts with a label; or an ethogram,
            whose labels may overlap: of the time observed, or of all bouts.
        by: frame or bout.
    """
    if isinstance(source, Sequences):
        found = sequence_usage(source, by, resamples=0)
        return _table(found.by_recording, source, [str(s) for s in range(source.size)])
    table = bouts_of.budget(_one_each(source))
    cell = "bouts" if by == "bout" else "share"
    wide = table.pivot_table(cell, "recording", "label", aggfunc="sum", fill_value=0.0)
    names = source.recordings["recording"].tolist()
    wide = wide.reindex(index=names, columns=list(labels(source)), fill_value=0.0)
    if by == "bout":
        wide = wide.div(wide.sum(axis=1).where(lambda total: total > 0), axis=0)
    return wide.astype(float)


def transitions(
    source: Source, *, min_usage: float = 0.005, normalise: Normalise = "row"
) -> pd.DataFrame:
    """Return how often one label follows another: rows recordings, columns (from, to).

    Args:
        source: labels, one a frame.
        min_usage: pooled share of all moves below which an edge is left out.
        normalise: row, P(next | now), NaN where a recording never has `now`; joint, share.
    """
    seq = _sequences(source)
    names = _names(source, seq)
    found, first = all_runs(seq.values, seq.valid, seq.offsets)
    seen = found.label >= 0
    pairs = np.flatnonzero(seen[1:] & seen[:-1])
    pairs = pairs[~np.isin(pairs + 1, first)]
    r = np.searchsorted(first, pairs, side="right") - 1
    n, size = len(seq.names), seq.size
    cells = (r * size + found.label[pairs]) * size + found.label[pairs + 1]
    count = np.bincount(cells, minlength=n * size * size).reshape(n, size, size)
    share = count.sum(axis=0) / max(1, count.sum())
    edges = np.argwhere((share >= min_usage) & (share > 0))
    total = count.sum(axis=(1, 2), keepdims=True)
    if normalise == "row":
        total = count.sum(axis=2, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.where(total > 0, count / total, np.nan)
    values = shares[:, edges[:, 0], edges[:, 1]]
    columns = pd.MultiIndex.from_tuples(
        [(names[i], names[j]) for i, j in edges], names=["from", "to"]
    )
    return pd.DataFrame(values, index=pd.Index(seq.names, name="recording"), columns=columns)


def lives(source: Source) -> tuple[Lives, tuple[str, ...], tuple[str, ...]]:
    """Return durations of bouts, the names of the recordings and those of the labels."""
    if isinstance(source, Sequences):
        found = bouts(source)
        begun = ~found.left_censored
        seconds = (found.stop - found.start) / source.fps
        columns = found.recording, found.label, seconds, ~found.right_censored
        names = tuple(str(s) for s in range(source.size))
        return Lives(*(column[begun] for column in columns)), source.names, names
    table, names = _one_each(source).bouts, labels(source)
    recordings = tuple(source.recordings["recording"])
    begun, ended = _seen_ends(source)
    begun &= (table["kind"] == "state").to_numpy()
    seconds = (table["stop_s"] - table["start_s"]).to_numpy()
    r = pd.Index(recordings).get_indexer(pd.Index(table["recording"])).astype(np.int64)
    label = pd.Index(names).get_indexer(pd.Index(table["label"])).astype(np.int64)
    return Lives(r[begun], label[begun], seconds[begun], ended[begun]), recordings, names


def durations(source: Source) -> pd.DataFrame:
    """Return the mean seconds of bouts in each recording: rows recordings, columns labels.

    A bout whose end was not seen counts as long as it was seen, one whose begin was not seen is
    left out; NaN where no bout is left.
    """
    found, recordings, names = lives(source)
    cell = found.recording * len(names) + found.label
    size = len(recordings) * len(names)
    n, total = np.bincount(cell, minlength=size), np.bincount(cell, found.seconds, size)
    mean = np.where(n > 0, total / np.maximum(n, 1), np.nan)
    return pd.DataFrame(
        mean.reshape(len(recordings), len(names)),
        index=pd.Index(recordings, name="recording"), columns=pd.Index(names, name="label"),
    )  # fmt: skip


def animals_of(recordings: list[str], animals: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Return animal and factors of recordings, in their order; refuse what is not known.

    Args:
        recordings: names.
        animals: a row a recording; columns `recording` (or the index), `animal`, factors.
        columns: the factors that are needed.
    """
    if "recording" in animals:
        animals = animals.set_index("recording")
    for column in ("animal", *columns):
        if column not in animals:
            known = [str(name) for name in animals.columns]
            if column == "animal":
                raise InputError(
                    f"the table of recordings has no column 'animal', only {', '.join(known)}; "
                    "say whose each recording is, because animals are compared, not recordings"
                )
            raise InputError(
                f"the table of recordings has no column {column!r}"
                f"{did_you_mean(column, known) or '; there are ' + ', '.join(known)}"
            )
    if animals.index.duplicated().any():
        twice = str(animals.index[animals.index.duplicated()][0])
        raise InputError(f"the table of recordings has {twice!r} twice; keep one row")
    place = animals.index.get_indexer(pd.Index(recordings))
    if (place < 0).any():
        name = recordings[int((place < 0).argmax())]
        raise InputError(f"recording {name!r} is not in the table of recordings; add its row")
    found = animals.iloc[place][["animal", *columns]]
    if found.isna().any(axis=None):
        where = found.isna().any(axis=1).to_numpy().argmax()
        raise InputError(f"recording {recordings[int(where)]!r} lacks a value; fill it in")
    return found.astype(str)


def units(values: pd.DataFrame, animals: pd.DataFrame, factor: str) -> Units:
    """Average recordings by animal and find the group of each.

    Args:
        values: rows recordings, columns measures.
        animals: a row a recording, with columns `animal` and the factor.
        factor: column that tells groups of animals apart.
    """
    told = animals_of([str(name) for name in values.index], animals, factor)
    several = told.groupby("animal", sort=False)[factor].nunique() > 1
    if several.any():
        animal = str(several.index[int(several.to_numpy().argmax())])
        raise InputError(
            f"animal {animal!r} is in several groups of {factor!r}; a factor that changes "
            "within animals needs repeated_test (gambol group-stats --set within=COLUMN)"
        )
    mean = values.astype(float).groupby(told["animal"].to_numpy(), sort=True).mean()
    group = told.drop_duplicates("animal").set_index("animal")[factor].loc[mean.index]
    levels = tuple(sorted(set(group)))
    if len(levels) < 2:
        raise InputError(f"{factor!r} is {levels[0]!r} for every animal; compare two groups")
    level = np.array([levels.index(one) for one in group], dtype=np.int64)
    return Units(mean.to_numpy(), level, levels, tuple(str(name) for name in mean.index))


def _table(values: np.ndarray, seq: Sequences, names: list[str]) -> pd.DataFrame:
    index = pd.Index(seq.names, name="recording")
    return pd.DataFrame(values, index=index, columns=pd.Index(names, name="label"))


def _sequences(source: Source) -> Sequences:
    if isinstance(source, Sequences):
        return source
    return bouts_of.sequences(_one_each(source))


def _one_each(source: Ethogram) -> Ethogram:
    """Return an ethogram of one animal a recording, and one annotator."""
    for column in ("subject", "annotator"):
        several = source.bouts.groupby("recording", sort=False)[column].nunique() > 1
        if several.any():
            name = str(several.index[int(several.to_numpy().argmax())])
            raise InputError(
                f"recording {name!r} has bouts of several {column}s; choose one of them with "
                f"select({column}=…)"
            )
    return source


def _names(source: Source, seq: Sequences) -> tuple[str, ...]:
    """Names of the labels of a source."""
    return (
        tuple(str(s) for s in range(seq.size))
        if isinstance(source, Sequences)
        else labels(source)
    )


def _seen_ends(source: Ethogram) -> tuple[np.ndarray, np.ndarray]:
    """Return whether begin and end of each bout lie inside of what was observed."""
    table = source.bouts
    begun, ended = np.ones(len(table), bool), np.ones(len(table), bool)
    start, stop = table["start_frame"].to_numpy(), table["stop_frame"].to_numpy()
    for row in source.recordings.itertuples():
        own = (table["recording"] == row.recording).to_numpy()
        spans = source.observed[source.observed["recording"] == row.recording]
        edges = spans[["start_frame", "stop_frame"]].to_numpy() if len(spans) else None
        if edges is None:
            last = int(str(row.frames))
            edges = np.array([[0, last if last >= 0 else np.iinfo(np.int64).max]])
        begun[own] &= ~np.isin(start[own], edges[:, 0])
        ended[own] &= ~np.isin(stop[own], edges[:, 1])
    return begun, ended

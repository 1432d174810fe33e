"""Ethograms: who did what to whom, from when to when, and which spans anyone looked at.

One table of bouts, one of labels (the coding scheme), one of spans that were assessed, and one
of recordings with their clocks. Seconds stay as a file has them; frames follow from the clock
of the video.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int64

from gambol.core.errors import InputError, did_you_mean

KINDS = ("state", "point")
SOURCES = ("manual", "automated", "curated")
NO_FRAME = -1  # where a clock is not known, or a bout lies outside of it

# columns of each table, in order, with what stands where nothing is said
BOUTS: Mapping[str, Any] = MappingProxyType({
    "recording": "", "subject": "", "target": "", "label": "", "kind": "state",
    "start_frame": NO_FRAME, "stop_frame": NO_FRAME, "start_s": np.nan, "stop_s": np.nan,
    "probability": np.nan, "source": "manual", "annotator": "", "category": "",
    "modifiers": "", "comment": "",
})  # fmt: skip
SCHEME: Mapping[str, Any] = MappingProxyType({
    "label": "", "definition": "", "kind": "state", "category": "", "code": "", "colour": "",
    "exclusive": False,
})  # fmt: skip
OBSERVED: Mapping[str, Any] = MappingProxyType({
    "recording": "", "start_frame": NO_FRAME, "stop_frame": NO_FRAME, "start_s": np.nan,
    "stop_s": np.nan,
})  # fmt: skip
RECORDINGS: Mapping[str, Any] = MappingProxyType({
    "recording": "", "fps": np.nan, "frames": NO_FRAME, "first_s": 0.0, "duration_s": np.nan,
    "media": "",
})  # fmt: skip
# two bouts that are equal in all of these never overlap
KEY = ("recording", "subject", "target", "label", "modifiers", "annotator")
_TOLERANCE = 1e-6  # s, of times that are compared


class Ethogram(NamedTuple):
    """Behaviours of animals in recordings. Make one with `build`, which checks it.

    Frames are [start, stop) and -1 where there is no clock; a point event takes one frame and
    no time. Bouts are sorted by recording and time.
    """

    bouts: pd.DataFrame  # columns BOUTS, a row a bout
    scheme: pd.DataFrame  # columns SCHEME, a row a label, also of labels without bouts
    observed: pd.DataFrame  # columns OBSERVED; a recording without a row was seen whole
    recordings: pd.DataFrame  # columns RECORDINGS; `first_s` is the time of frame 0
    kept: Mapping[str, str] = MappingProxyType({})
    # documents of other programs, by format, whose other content a file written later keeps


def build(
    bouts: pd.DataFrame,
    scheme: pd.DataFrame | None = None,
    observed: pd.DataFrame | None = None,
    recordings: pd.DataFrame | None = None,
    *,
    kept: Mapping[str, str] | None = None,
    source: str = "the ethogram",
) -> Ethogram:
    """Make an ethogram of tables that may lack columns and rows, and check it.

    What is missing is filled: frames from seconds and seconds from frames by the clock of the
    recording, labels and recordings that only the bouts name.

    Args:
        bouts: columns of BOUTS; at least `label` and a start and stop.
        scheme: columns of SCHEME.
        observed: spans that were assessed, columns of OBSERVED.
        recordings: columns of RECORDINGS.
        kept: documents of other programs, by format.
        source: what errors call it.

    >>> bouts = pd.DataFrame({"recording": ["day 1"], "label": "rear", "start_s": 1.0,
    ...                       "stop_s": 1.5})
    >>> clock = pd.DataFrame({"recording": ["day 1"], "fps": 25.0})
    >>> build(bouts, recordings=clock).bouts[["start_frame", "stop_frame"]].values.tolist()
    [[25, 38]]
    """
    rows = _table(bouts, BOUTS, "bouts", source)
    labels = _with_names(_table(scheme, SCHEME, "labels", source), rows, "label", SCHEME)
    labels = labels.assign(category=_categories(labels, rows))
    spans = _table(observed, OBSERVED, "spans", source)
    named = pd.concat([rows[["recording"]], spans[["recording"]]])
    clocks = _with_names(
        _table(recordings, RECORDINGS, "recordings", source), named, "recording", RECORDINGS
    )
    for column, table in (("label", labels), ("recording", clocks)):
        if table[column].duplicated().any():
            twice = table.loc[table[column].duplicated(), column].iloc[0]
            raise InputError(f"{source}: {column} {twice!r} is described twice; keep one row")
    rows, spans = _filled(rows, clocks), _filled(spans, clocks)
    rank = pd.Series(np.arange(len(clocks)), index=clocks["recording"])
    rows, spans = _sorted(rows, rank), _sorted(spans, rank)
    made = Ethogram(rows, labels, spans, clocks, MappingProxyType(dict(kept or {})))
    check(made, source)
    return made


def check(ethogram: Ethogram, source: str = "the ethogram") -> None:
    """Refuse bouts that stop before they start, and equal ones that overlap."""
    bouts = ethogram.bouts
    for column, known in (("kind", KINDS), ("source", SOURCES)):
        bad = ~bouts[column].isin(known).to_numpy()
        if bad.any():
            word = str(bouts[column].iloc[int(bad.argmax())])
            hint = did_you_mean(word, known) or f"; write {' or '.join(known)}"
            raise InputError(f"{source}: {column} of a bout is {word!r}{hint}")
    for table in (bouts, ethogram.observed):
        at = wrong(table)
        if len(at):
            row = table.iloc[int(at[0])]
            raise InputError(f"{source}: {_said(row)} does not stop after it starts; mend it")
    pair = overlapping(bouts)
    if len(pair):
        one, other = (bouts.iloc[int(i)] for i in pair[0])
        raise InputError(
            f"{source}: {_said(one)} and {_said(other)} overlap; join them or give them "
            "different modifiers"
        )


def wrong(table: pd.DataFrame) -> Int64[np.ndarray, " N"]:
    """Return which rows do not stop after they start, or have no start and stop at all."""
    point = (table["kind"] == "point").to_numpy() if "kind" in table else np.array(False)
    start, stop = (table[column].to_numpy() for column in ("start_s", "stop_s"))
    begin, end = (table[column].to_numpy() for column in ("start_frame", "stop_frame"))
    timed, framed = np.isfinite(start) & np.isfinite(stop), (begin >= 0) & (end >= 0)
    late = timed & np.where(point, stop != start, stop <= start)
    late |= framed & np.where(point, end != begin + 1, end <= begin)
    return np.flatnonzero(late | ~(timed | framed))


def overlapping(bouts: pd.DataFrame) -> Int64[np.ndarray, "N 2"]:
    """Return pairs of rows that are equal in KEY and share time; neighbours in time only."""
    if len(bouts) < 2:
        return np.empty((0, 2), np.int64)
    names = [pd.factorize(bouts[column])[0] for column in KEY]
    start, stop = bouts["start_s"].to_numpy(), bouts["stop_s"].to_numpy()
    if not (np.isfinite(start).all() and np.isfinite(stop).all()):
        start = bouts["start_frame"].to_numpy(np.float64)
        stop = bouts["stop_frame"].to_numpy(np.float64)
    order = np.lexsort((stop, start, *names[::-1]))
    same = np.all([name[order][1:] == name[order][:-1] for name in names], axis=0)
    first, second = order[:-1], order[1:]
    point = (bouts["kind"] == "point").to_numpy()
    shared = start[second] < stop[first] - _TOLERANCE
    shared |= point[first] & point[second] & (start[second] == start[first])
    return np.stack([first, second], axis=1)[same & shared].astype(np.int64)


def clocked(ethogram: Ethogram, times: Mapping[str, Float[np.ndarray, " T"]]) -> Ethogram:
    """Return the ethogram with frames by the times of the videos' own frames.

    A bout that reaches beyond its clock is cut to it, in frames; one that lies outside has no
    frames (-1). Seconds stay, and are those of the frames where there were none.

    Args:
        ethogram: with seconds or frames.
        times: of every frame, s, rising, by recording; others stay as they are.
    """
    for name in times:
        if name not in set(ethogram.recordings["recording"]):
            known = ethogram.recordings["recording"].tolist()
            raise InputError(f"there is no recording {name!r}{did_you_mean(name, known)}")
    clocks, tables = ethogram.recordings.copy(), []
    for table in (ethogram.bouts, ethogram.observed):
        changed = table.copy()
        for name, clock in times.items():
            own = (table["recording"] == name).to_numpy()
            point = table["kind"].to_numpy()[own] == "point" if "kind" in table else False
            seconds = [
                _by_clock(clock, table[f].to_numpy()[own], table[s].to_numpy(np.float64)[own])
                for f, s in (("start_frame", "start_s"), ("stop_frame", "stop_s"))
            ]
            seconds[1] = np.where(point, seconds[0], seconds[1])
            points = np.broadcast_to(point, (int(own.sum()),))
            found = spans(clock, seconds[0], seconds[1], points)
            changed.loc[own, ["start_frame", "stop_frame"]] = found
            changed.loc[own, "start_s"], changed.loc[own, "stop_s"] = seconds
        tables.append(changed)
    for name, clock in times.items():
        at = (clocks["recording"] == name).to_numpy()
        if len(clock) > 1:
            clocks.loc[at, "fps"] = 1.0 / float(np.median(np.diff(clock)))
        clocks.loc[at, "frames"], clocks.loc[at, "first_s"] = len(clock), float(clock[0])
    return ethogram._replace(bouts=tables[0], observed=tables[1], recordings=clocks)


def spans(
    clock: Float[np.ndarray, " T"],
    start: Float[np.ndarray, " N"],
    stop: Float[np.ndarray, " N"],
    point: np.ndarray,
) -> Int64[np.ndarray, "N 2"]:
    """Return frames [start, stop) of seconds: those nearest to them on a clock.

    A state takes one frame at least; what lies outside of the clock has frames -1.
    """
    step = float(np.median(np.diff(clock))) if len(clock) > 1 else 1.0
    ends = np.append(clock, clock[-1] + step)
    between = (ends[1:] + ends[:-1]) / 2
    first, last = (np.searchsorted(between, at, side="left") for at in (start, stop))
    last = np.where(point, first + 1, np.maximum(last, first + 1))
    known = np.isfinite(start) & np.isfinite(stop)
    inside = known & (start < ends[-1]) & np.where(point, start >= ends[0] - step / 2, True)
    inside &= np.where(point, True, stop > ends[0]) & (first < len(clock))
    found = np.stack([first, np.minimum(last, len(clock))], axis=1)
    return np.where(inside[:, None], found, NO_FRAME).astype(np.int64)


def _by_clock(
    clock: Float[np.ndarray, " T"],
    frames: Int64[np.ndarray, " N"],
    seconds: Float[np.ndarray, " N"],
) -> Float[np.ndarray, " N"]:
    """Return seconds, from frames where there are none."""
    step = float(np.median(np.diff(clock))) if len(clock) > 1 else 1.0
    ends = np.append(clock, clock[-1] + step)
    return np.where(np.isfinite(seconds), seconds, ends[np.clip(frames, 0, len(clock))])


def labels(ethogram: Ethogram) -> tuple[str, ...]:
    """Return the labels of the coding scheme, in its order."""
    return tuple(ethogram.scheme["label"].tolist())


def select(ethogram: Ethogram, **wanted: str | list[str]) -> Ethogram:
    """Return the bouts with certain values, such as `subject="mouse 1"`; the scheme stays.

    Args:
        ethogram: of bouts.
        wanted: column of the bouts, and the value or values that are kept.
    """
    bouts = ethogram.bouts
    for column, values in wanted.items():
        if column not in bouts:
            raise InputError(f"bouts have no column {column!r}{did_you_mean(column, BOUTS)}")
        values = [values] if isinstance(values, str) else values
        bouts = bouts[bouts[column].isin(values)]
    recordings, observed = ethogram.recordings, ethogram.observed
    if "recording" in wanted:
        names = wanted["recording"]
        names = [names] if isinstance(names, str) else names
        recordings = recordings[recordings["recording"].isin(names)].reset_index(drop=True)
        observed = observed[observed["recording"].isin(names)].reset_index(drop=True)
    return ethogram._replace(
        bouts=bouts.reset_index(drop=True), recordings=recordings, observed=observed
    )


def join(ethograms: list[Ethogram]) -> Ethogram:
    """Put ethograms together: of several recordings, or of several annotators of one."""
    if not ethograms:
        raise InputError("there are no ethograms to join; give one at least")
    tables = []
    for field in ("bouts", "scheme", "observed", "recordings"):
        parts = [getattr(one, field) for one in ethograms]
        tables.append(pd.concat([part for part in parts if len(part)] or parts[:1]))
    bouts, scheme, observed, recordings = tables
    return build(
        bouts,
        scheme.drop_duplicates("label"),
        observed.drop_duplicates(),
        recordings.drop_duplicates("recording"),
    )


def _table(
    given: pd.DataFrame | None, columns: Mapping[str, Any], what: str, source: str
) -> pd.DataFrame:
    """Return a table with exactly these columns, of the types of what stands for nothing."""
    table = pd.DataFrame() if given is None else given
    for name in table.columns:
        if name not in columns:
            hint = did_you_mean(str(name), columns) or f"; there are {', '.join(columns)}"
            raise InputError(f"{source}: {what} have no column {str(name)!r}{hint}")
    made: dict[str, Any] = {}
    for name, nothing in columns.items():
        values: Any = table[name] if name in table else pd.Series([nothing] * len(table))
        values = values.reset_index(drop=True)
        if isinstance(nothing, str):
            made[name] = values.where(values.notna(), nothing).astype(str)
            continue
        try:
            made[name] = values.where(values.notna(), nothing).astype(type(nothing))
        except (TypeError, ValueError) as error:
            raise InputError(
                f"{source}: column {name} of the {what} holds something that is no number "
                f"({str(error)[:80]}); mend it"
            ) from error
    return pd.DataFrame(made, columns=list(columns))


def _with_names(
    table: pd.DataFrame, bouts: pd.DataFrame, column: str, columns: Mapping[str, Any]
) -> pd.DataFrame:
    """Add rows for labels or recordings that only the bouts name."""
    known = set(table[column])
    new = bouts[~bouts[column].isin(known)].drop_duplicates(column)
    if not len(new):
        return table
    shared = [name for name in columns if name in new]
    more = _table(new[shared], columns, column, "")
    return more if not len(table) else pd.concat([table, more], ignore_index=True)


def _categories(labels: pd.DataFrame, rows: pd.DataFrame) -> "pd.Series[str]":
    """Return the category of each label: that of its bouts where the scheme has none."""
    said = rows[rows["category"] != ""].drop_duplicates("label")
    known = dict(zip(said["label"], said["category"], strict=True))
    pairs = zip(labels["label"], labels["category"], strict=True)
    found = [category or known.get(label, "") for label, category in pairs]
    return pd.Series(found, index=labels.index, dtype=object).astype(str)


def _filled(table: pd.DataFrame, clocks: pd.DataFrame) -> pd.DataFrame:
    """Fill frames from seconds and seconds from frames where the rate is known."""
    if not len(table):
        return table
    place = pd.Index(clocks["recording"]).get_indexer(pd.Index(table["recording"]))
    fps, first = clocks["fps"].to_numpy()[place], clocks["first_s"].to_numpy()[place]
    kind = table["kind"].to_numpy() if "kind" in table else np.full(len(table), "state")
    point = kind == "point"
    begin, end = (table[c].to_numpy().copy() for c in ("start_frame", "stop_frame"))
    start, stop = (table[c].to_numpy().copy() for c in ("start_s", "stop_s"))
    untimed = ~np.isfinite(start) & np.isfinite(fps) & (begin >= 0)
    start[untimed] = (first + begin / fps)[untimed]
    stop[untimed] = np.where(point, start, first + end / fps)[untimed]
    unframed = (begin < 0) & (end < 0) & np.isfinite(fps) & np.isfinite(start)
    whole = np.rint((np.stack([start, stop]) - first) * fps)[:, unframed]
    begin[unframed] = whole[0]
    end[unframed] = np.maximum(whole[1], whole[0] + 1)
    stop = np.where(point & ~np.isfinite(stop), start, stop)
    return table.assign(start_frame=begin, stop_frame=end, start_s=start, stop_s=stop)


def _sorted(table: pd.DataFrame, rank: "pd.Series[int]") -> pd.DataFrame:
    """Sort rows by recording, time and names."""
    if not len(table):
        return table
    names = [c for c in ("annotator", "modifiers", "label", "target", "subject") if c in table]
    keys = [pd.factorize(table[c], sort=True)[0] for c in names]
    times = [table[c].to_numpy() for c in ("stop_s", "stop_frame", "start_s", "start_frame")]
    first = [rank.loc[table["recording"]].to_numpy()]
    return table.iloc[np.lexsort((*keys, *times, *first))].reset_index(drop=True)


def _said(row: Any) -> str:
    """Say which bout or span a row is."""
    what = f"{row['label']!r}" if "label" in row else "the span"
    who = f" of {row['subject']!r}" if row.get("subject") else ""
    in_s = np.isfinite(row["start_s"]) and np.isfinite(row["stop_s"])
    when = (
        f"{row['start_s']:g} to {row['stop_s']:g} s"
        if in_s
        else f"frames {row['start_frame']} to {row['stop_frame']}"
    )
    return f"{what}{who} in {row['recording']!r}, {when},"

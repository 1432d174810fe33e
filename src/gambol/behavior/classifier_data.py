"""What a classifier learns from: features of animals, and what people say of their frames."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Bool, Float, Float32, Int64

from gambol.behavior import agreement
from gambol.behavior.dyadic import NAMES as DYADIC
from gambol.core.errors import InputError, did_you_mean
from gambol.core.ethogram import Ethogram, clocked, select
from gambol.core.ethogram_frames import Channel, dense

FAMILIES = ("kinematics", "posture", "dyadic", "arena", "aligned", "wavelets", "other")
_WINDOW = re.compile(r"^(?:mean|sd|min|max) ([\d.e+-]+) s: (.*)$")
_TORTUOSITY_S = 1.0  # window of this feature, in its name's place
_KINEMATICS = re.compile(
    r"(speed|acceleration|jerk|(forward|sideways|turning) velocity|path curvature|tortuosity)$"
)
_POSTURE = re.compile(
    r"^(velocity of )?(angle|dihedral) |^length |^(body length|hull area|elongation)$"
)
_ARENA = re.compile(r"^(distance to|in) ")
_TARGET = re.compile(r"^target \d+: ")
_MOMENT = re.compile(r" at [+-][\d.]+ s$")  # of `classifier_context`
_ALIGNED = re.compile(r" [xyz]$")
_APART = 0.01  # share of frames by which a clock may differ from that of the poses


class Series(NamedTuple):
    """Features of A animals, of F columns, one series behind the other: N frames in all."""

    values: Float32[np.ndarray, "N F"]  # NaN where not known
    offsets: Int64[np.ndarray, " A1"]
    names: tuple[str, ...]  # recording, or recording/animal where there are several
    recordings: tuple[str, ...]  # of each series
    animals: tuple[str, ...]  # of each series; "" where there is one
    times: tuple[Float[np.ndarray, " _"], ...]  # s
    fps: float
    columns: tuple[str, ...]
    parts: tuple[str, ...]  # of the body
    frequencies: Float[np.ndarray, " F"]  # Hz; NaN without


class Truth(NamedTuple):
    """What people say of the frames of series."""

    labels: tuple[str, ...]
    shown: Bool[np.ndarray, "N L"]
    observed: Bool[np.ndarray, " N"]  # frames that were assessed; others are unknown
    ceiling: pd.DataFrame  # how far raters agree with each other, as `agreement.pairwise`
    remarks: tuple[str, ...]


def series(arrays: Sequence[xr.DataArray]) -> Series:
    """Lay features one behind the other, sorted by name, so that their order never matters.

    Args:
        arrays: features (time, feature) of animals, as `behavior.features` makes them; named
            `recording` or `recording/animal`.
    """
    if not arrays:
        raise InputError("no features were given; give those of a recording at least")
    held = sorted(arrays, key=lambda one: str(one.name))
    names = [str(one.name) for one in held]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"{twice[0]!r} is given twice; name every recording differently")
    columns = _columns(held[0])
    for one in held[1:]:
        require_columns(_columns(one), columns, str(one.name), names[0])
    rates = [_rate(one) for one in held]
    if max(rates) - min(rates) > 1e-3 * rates[0]:
        slow, fast = (names[int(f(rates))] for f in (np.argmin, np.argmax))
        raise InputError(
            f"{slow!r} has {min(rates):g} frames a second and {fast!r} {max(rates):g}; "
            "features of different rates are not alike, so learn each alone"
        )
    tables = [
        one.transpose("time", "feature").values.astype(np.float32, copy=False) for one in held
    ]
    pairs = [name.rpartition("/") for name in names]
    return Series(
        np.concatenate(tables) if len(tables) > 1 else tables[0],
        np.cumsum([0, *(len(table) for table in tables)]).astype(np.int64),
        tuple(names),
        tuple(head if sign else tail for head, sign, tail in pairs),
        tuple(tail if sign else "" for _, sign, tail in pairs),
        tuple(one["time"].values.astype(np.float64) for one in held),
        rates[0],
        columns,
        tuple(str(part) for part in _coordinate(held[0], "part", "")),
        np.array(_coordinate(held[0], "frequency", np.nan), np.float64),
    )


def bare(animals: Series) -> Series:
    """Return series without their features, which take nearly all of the memory."""
    none = np.zeros((len(animals.values), 0), np.float32)
    return animals._replace(values=none, columns=(), parts=(), frequencies=np.zeros(0))


def together(parts: Sequence[Series]) -> Series:
    """Put series of the same features and rate one behind the other, in this order."""
    if len(parts) == 1:
        return parts[0]
    frames = np.concatenate([np.diff(one.offsets) for one in parts])
    return parts[0]._replace(
        values=np.concatenate([one.values for one in parts]),
        offsets=np.cumsum([0, *frames]).astype(np.int64),
        names=tuple(name for one in parts for name in one.names),
        recordings=tuple(name for one in parts for name in one.recordings),
        animals=tuple(name for one in parts for name in one.animals),
        times=tuple(clock for one in parts for clock in one.times),
    )


def truth(
    animals: Series,
    ethogram: Ethogram,
    labels: Sequence[str] = (),
    *,
    ties: agreement.Ties = "absent",
    every_label: bool = True,
) -> Truth:
    """Return what people say of every frame of series.

    Bouts of nobody in particular count for every animal of their recording. Where several
    people rated a recording, most of them decide.

    Args:
        animals: features; their recordings have to be in the ethogram.
        ethogram: bouts, in frames or seconds.
        labels: to learn; none: all states that have bouts.
        ties: what half of an even number of raters means.
        every_label: whether a label without any bout is an error.
    """
    rows, remarks = _matched(animals, ethogram)
    words = _labels(rows, labels) if every_label else tuple(labels)
    clocks = {
        name: animals.times[a] for a, name in enumerate(animals.recordings) if name in rows
    }
    parts = {
        name: clocked(one, {name: clocks[name]}) for name, one in rows.items() if name in clocks
    }
    users = {w: set(_of_label(ethogram, w)["annotator"]) for w in words}
    agreed, tables = {}, []
    for name, one in parts.items():
        remarks += _outside(one, name, clocks[name])
        agreed[name], found = _agreed(one, words, users, ties)
        tables += found
    shown, observed = [], []
    for a, name in enumerate(animals.recordings):
        active, seen = _frames(agreed[name], name, animals, a, words)
        shown.append(active)
        observed.append(seen)
    active, seen = np.concatenate(shown), np.concatenate(observed)
    if not seen.any():
        raise InputError("no frame was observed; check the spans of the ethogram")
    for at, word in enumerate(words):
        if every_label and not (active[:, at] & seen).any():
            raise InputError(f"no observed frame shows {word!r}; leave it out of the labels")
    return Truth(words, active & seen[:, None], seen, _ceiling(tables), tuple(remarks))


def assessed(
    ethogram: Ethogram, recording: str, times: Float[np.ndarray, " T"]
) -> Bool[np.ndarray, " T"]:
    """Return the frames of a recording that an ethogram assessed; none if it is not in it."""
    if recording not in set(ethogram.recordings["recording"]):
        return np.zeros(len(times), bool)
    own = clocked(select(ethogram, recording=recording), {recording: times})
    return dense(own, recording, [], len(times)).observed


def families(animals: Series) -> tuple[str, ...]:
    """Return the family of each feature, judged by its name."""
    return tuple(
        _family(name, hertz)
        for name, hertz in zip(animals.columns, animals.frequencies, strict=True)
    )


def reach_s(columns: Sequence[str], frequencies: Float[np.ndarray, " F"]) -> float:
    """Return the longest window that a feature looks at, s; 0 if no name tells of one."""
    longest = 0.0
    for name, hertz in zip(columns, frequencies, strict=True):
        found = _WINDOW.match(name)
        own = float(found.group(1)) if found else 0.0
        if name.endswith("tortuosity"):
            own = max(own, _TORTUOSITY_S)
        if np.isfinite(hertz):  # √2 · ω0 / 2πf on either side, ω0 = 5
            own = max(own, 2 * math.sqrt(2) * 5 / (2 * math.pi * float(hertz)))
        longest = max(longest, own)
    return longest


def require_columns(
    found: Sequence[str], wanted: Sequence[str], source: str, other: str
) -> None:
    """Refuse features that are not those of another table, in the same order."""
    if list(found) == list(wanted):
        return
    more, less = sorted(set(found) - set(wanted)), sorted(set(wanted) - set(found))
    said = f"lacks {less[0]!r}" if less else f"has {more[0]!r}, too" if more else "is sorted"
    end = "" if less or more else " in another way"
    raise InputError(
        f"{source!r}: its features are not those of {other} ({len(found)} against "
        f"{len(wanted)}; it {said}{end}); make them with the same settings"
    )


def _columns(one: xr.DataArray) -> tuple[str, ...]:
    if set(one.dims) != {"time", "feature"}:
        raise InputError(
            f"{one.name!r} has axes {', '.join(map(str, one.dims))}; features have time and "
            "feature"
        )
    return tuple(str(name) for name in one["feature"].values)


def _coordinate(one: xr.DataArray, name: str, nothing: object) -> list[object]:
    return list(one[name].values) if name in one.coords else [nothing] * one.sizes["feature"]


def _rate(one: xr.DataArray) -> float:
    steps = np.diff(one["time"].values)
    if not len(steps):
        raise InputError(f"{one.name!r} has {len(one)} frames; leave it out")
    return float(1 / np.median(steps))


def _matched(animals: Series, ethogram: Ethogram) -> tuple[dict[str, Ethogram], list[str]]:
    """Return the part of an ethogram about each recording, by the name of the features."""
    wanted = list(dict.fromkeys(animals.recordings))
    known = [str(name) for name in ethogram.recordings["recording"]]
    remarks: list[str] = []
    if len(wanted) == len(known) == 1 and wanted != known:
        remarks.append(
            f"the labels are of {known[0]!r}, the poses of {wanted[0]!r}; they were taken for "
            "the same recording, as there is one of each"
        )
        ethogram = _renamed(ethogram, wanted[0])
        known = wanted
    for name in wanted:
        if name not in known:
            raise InputError(
                f"no labels for the recording {name!r}, only for {_few(known) or 'none'}; name "
                f"the files alike, or leave it out{did_you_mean(name, known)}"
            )
    if spare := [name for name in known if name not in wanted]:
        remarks.append(f"labels of {_few(spare)} were not used, as there are no poses of them")
    found = {name: select(ethogram, recording=name) for name in wanted}
    for a, name in enumerate(animals.recordings):
        remarks += _compared(found[name], name, len(animals.times[a]))
    return found, list(dict.fromkeys(remarks))


def _compared(one: Ethogram, name: str, frames: int) -> list[str]:
    """Compare the frames of labels and poses."""
    told = int(one.recordings["frames"].iloc[0])
    if told in (-1, frames):
        return []
    said = f"{name!r} has {told} frames in its labels and {frames} in its poses"
    if abs(told - frames) > max(1, _APART * frames):
        raise InputError(f"{said}; labels would be off, so give those of the same video")
    return [f"{said}; the first frames of both were taken for the same"]


def _renamed(ethogram: Ethogram, name: str) -> Ethogram:
    return ethogram._replace(
        bouts=ethogram.bouts.assign(recording=name),
        observed=ethogram.observed.assign(recording=name),
        recordings=ethogram.recordings.assign(recording=name),
    )


def _labels(rows: Mapping[str, Ethogram], wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the labels to learn, in the order of the coding scheme."""
    states: dict[str, None] = {}
    for one in rows.values():
        own = one.bouts
        used = set(own.loc[own["kind"] == "state", "label"])
        states |= dict.fromkeys(str(w) for w in one.scheme["label"] if w in used)
    for word in wanted:
        if word not in states:
            raise InputError(
                f"no bouts of {word!r}{did_you_mean(word, states)}, only of "
                f"{_few(list(states)) or 'nothing'}"
            )
    found = tuple(wanted) or tuple(states)
    if not found:
        raise InputError(
            f"the labels of {_few(list(rows))} hold no bout of any length; there is nothing to "
            "learn"
        )
    return found


def _of_label(one: Ethogram, word: str) -> pd.DataFrame:
    return one.bouts[one.bouts["label"] == word]


def _outside(one: Ethogram, name: str, clock: Float[np.ndarray, " T"]) -> list[str]:
    """Refuse bouts that lie outside of the poses; say which reach beyond their end."""
    rows = one.bouts
    if (rows["start_frame"] < 0).any():
        row = rows[rows["start_frame"] < 0].iloc[0]
        raise InputError(
            f"{name!r}: {row['label']!r} at {row['start_s']:g} s lies outside of its poses, "
            f"which last from {clock[0]:g} to {clock[-1]:g} s; give labels of the same video"
        )
    step = (clock[-1] - clock[0]) / max(1, len(clock) - 1)
    late = int((rows["stop_s"] > clock[-1] + 2 * step).sum())
    return [f"{name!r}: {late} bouts reach beyond its poses; they were cut"] if late else []


Agreed = list[tuple[Ethogram, list[str]]]  # labels, and what their raters say together


def _agreed(
    one: Ethogram, words: Sequence[str], users: Mapping[str, set[str]], ties: agreement.Ties
) -> tuple[Agreed, list[pd.DataFrame]]:
    """Return what most raters of a recording say, and how far they agree, if several rated.

    A rater of a label is who uses it anywhere and has bouts in this recording: who saw other
    things here saw none of it.
    """
    here = set(one.bouts["annotator"])
    sets: dict[tuple[str, ...], list[str]] = {}
    for word in words:
        sets.setdefault(tuple(sorted(here & users[word])), []).append(word)
    found: Agreed = []
    tables = []
    for names, own in sets.items():
        raters = {name: select(one, label=own, annotator=name) for name in names}
        if len(raters) < 2:
            found.append((select(one, label=own), own))
            continue
        tables.append(agreement.pairwise(raters, own))
        found.append((agreement.consensus(list(raters.values()), own, ties=ties), own))
    return found, tables


def _ceiling(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the agreement of raters, label by label, weighted by frames."""
    columns = ["one", "other", "label", "frames", "kappa", "f1", "bout_f1", "onset_s"]
    if not tables:
        return pd.DataFrame(columns=columns)
    whole = pd.concat(tables)
    rows = []
    for (one, other, label), own in whole.groupby(["one", "other", "label"], sort=False):
        weight = own["frames"].to_numpy(np.float64)
        means = [_mean(own[name].to_numpy(np.float64), weight) for name in columns[4:]]
        rows.append((one, other, label, int(weight.sum()), *means))
    return pd.DataFrame(rows, columns=columns)


def _mean(values: Float[np.ndarray, " R"], weight: Float[np.ndarray, " R"]) -> float:
    known = np.isfinite(values) & (weight > 0)
    return float(np.average(values[known], weights=weight[known])) if known.any() else math.nan


def _frames(
    agreed: Agreed, name: str, animals: Series, a: int, words: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Return active (T, L) and observed (T,) frames of an animal."""
    frames = len(animals.times[a])
    active, observed = np.zeros((frames, len(words)), bool), np.ones(frames, bool)
    for one, own in agreed:
        rows = _bouts_of(one, name, animals, a)
        merged = one._replace(bouts=rows.assign(subject="", target=""))
        made = dense(merged, name, [Channel("", "", word) for word in own], frames)
        active[:, [words.index(word) for word in own]] = made.active
        observed &= made.observed
    return active, observed


def _bouts_of(one: Ethogram, name: str, animals: Series, a: int) -> pd.DataFrame:
    """Return the bouts of an animal of a recording, and of nobody in particular."""
    own = one.bouts
    subjects = set(own["subject"]) - {""}
    others = {animals.animals[b] for b, r in enumerate(animals.recordings) if r == name}
    if len(others) > 1:
        if lost := sorted(subjects - others):
            raise InputError(
                f"recording {name!r}: labels are of {lost[0]!r}"
                f"{did_you_mean(lost[0], sorted(others))}; its animals are "
                f"{', '.join(sorted(others))}"
            )
        return own[own["subject"].isin(["", animals.animals[a]])]
    if len(subjects) > 1:
        raise InputError(
            f"recording {name!r} has labels of {_few(sorted(subjects))} but poses of one "
            "animal; keep the bouts of one subject"
        )
    return own


def _family(name: str, hertz: float) -> str:
    found = _WINDOW.match(name)
    whole = found.group(2) if found else name
    base = _MOMENT.sub("", whole)
    if np.isfinite(hertz):
        return "wavelets"
    if DYADIC.keys() & {_TARGET.sub("", whole), _TARGET.sub("", base)}:
        return "dyadic"
    for pattern, family in ((_KINEMATICS, "kinematics"), (_POSTURE, "posture"),
                            (_ARENA, "arena"), (_ALIGNED, "aligned")):  # fmt: skip
        if pattern.search(base):
            return family
    return "other"


def _few(names: Sequence[str], most: int = 4) -> str:
    shown = ", ".join(repr(name) for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")

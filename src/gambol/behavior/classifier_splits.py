"""Folds that are fair to frames with neighbours: whole recordings, or blocks with gaps.

Neighbouring frames are nearly equal, so a model that is tested on frames between its training
frames has seen the answers. Such splits are refused.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int, Int64

from gambol.core.errors import InputError
from gambol.kernels.runs import all_runs

RANDOM = (
    "folds of single frames are refused: neighbours of a tested frame would have trained (on "
    "two rats that makes a macro F1 of 0.57 look like 0.91); split by recording, animal or "
    "blocks"
)


class Folds(NamedTuple):
    """Which fold tests each of the N frames of A series that lie one behind the other."""

    of: Int64[np.ndarray, " N"]
    folds: int  # number of them
    kind: str  # "recordings", "animals", or "blocks" of one recording
    gap: int  # frames on either side of tested ones that do not train, within a series


def by_group(
    offsets: Int64[np.ndarray, " A1"],
    groups: Sequence[str],
    shown: Bool[np.ndarray, "N L"],
    folds: int,
    seed: int,
    kind: str = "recordings",
) -> Folds:
    """Return folds of whole groups, each with its share of every behaviour.

    Args:
        offsets: of the series.
        groups: of each series: its recording or animal.
        shown: which behaviours each frame has.
        folds: number of them, or of the groups if these are fewer.
        seed: of the draw.
        kind: what a group is, in words.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    names, member = np.unique(np.array(groups, dtype=object).astype(str), return_inverse=True)
    count = min(folds, len(names))
    if count < 2:
        raise InputError(f"all frames are of {names[0]!r}; take blocks of it as folds")
    frames = np.repeat(member, np.diff(offsets))
    code = np.unique(shown, axis=0, return_inverse=True)[1].ravel()
    size = np.bincount(code)
    code = np.where(size[code] < count, int(size.argmax()), code)  # too rare to be shared out
    step = max(1, len(code) // 200_000)  # shares of frames are known well enough from these
    drawn = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    fold_of = np.zeros(len(names), np.int64)
    some = slice(None, None, step)
    for fold, (_, test) in enumerate(drawn.split(code[some], code[some], frames[some])):
        fold_of[np.unique(frames[some][test])] = fold
    return Folds(fold_of[frames], count, kind, 0)


def blocks(offsets: Int64[np.ndarray, " A1"], folds: int, gap: int) -> Folds:
    """Return contiguous blocks of equal length as folds.

    Args:
        offsets: of the series, which are animals of one recording and equally long.
        folds: number of blocks.
        gap: frames on either side of a block that do not train.
    """
    parts = []
    for frames in np.diff(offsets).tolist():
        if frames < folds * (2 * gap + 2):
            raise InputError(
                f"{frames} frames are too few for {folds} blocks with {gap} frames left out on "
                "either side; give more recordings, fewer folds or shorter windows"
            )
        ends = np.linspace(0, frames, folds + 1).astype(np.int64)
        parts.append(np.repeat(np.arange(folds), np.diff(ends)))
    return Folds(np.concatenate(parts).astype(np.int64), folds, "blocks", gap)


def given(
    of: Int[np.ndarray, " N"],
    offsets: Int64[np.ndarray, " A1"],
    groups: Sequence[str],
    gap: int,
) -> Folds:
    """Return folds that somebody made, if they are fair.

    Raises:
        InputError: a group is in several folds though there are several groups, or frames of
            a fold are scattered over a recording.
    """
    count, several = int(of.max()) + 1, len(set(groups)) > 1
    if len(of) != offsets[-1] or of.min() < 0 or len(np.unique(of)) != count or count < 2:
        raise InputError(
            f"folds have to be a number from 0 for each of the {offsets[-1]} frames, and two "
            "or more"
        )
    seen: dict[str, set[int]] = {}
    for a, group in enumerate(groups):
        own = of[offsets[a] : offsets[a + 1]]
        seen.setdefault(group, set()).update(np.unique(own).tolist())
        runs = 1 + int((np.diff(own) != 0).sum())
        if runs != len(np.unique(own)):
            raise InputError(f"{group!r}: {RANDOM}")
        if several and len(seen[group]) > 1:
            raise InputError(
                f"{group!r} is in several folds; give each recording or animal whole to one"
            )
    return Folds(of.astype(np.int64), count, "recordings" if several else "blocks", gap)


def training(
    folds: Folds, offsets: Int64[np.ndarray, " A1"], held: Sequence[int]
) -> Bool[np.ndarray, " N"]:
    """Return the frames that may train while the folds of `held` are left out."""
    out = np.isin(folds.of, np.array(held))
    free = ~out
    if not folds.gap:
        return free
    for a, b in zip(offsets[:-1], offsets[1:], strict=True):
        edge = np.diff(np.concatenate([[False], out[a:b], [False]]).astype(np.int8))
        for begin, end in zip(
            np.flatnonzero(edge == 1), np.flatnonzero(edge == -1), strict=True
        ):
            free[a + max(0, begin - folds.gap) : min(b, a + end + folds.gap)] = False
    return free


def table(
    folds: Folds, offsets: Int64[np.ndarray, " A1"], names: Sequence[str]
) -> dict[str, list[str] | list[int]]:
    """Return the folds as spans: columns series, fold, start_frame, stop_frame."""
    found = all_runs(folds.of, np.ones(len(folds.of), bool), offsets)
    series = np.repeat(np.arange(len(names)), np.diff(found.first))
    return {
        "series": [names[a] for a in series.tolist()],
        "fold": found.runs.label.tolist(),
        "start_frame": (found.runs.start - offsets[series]).tolist(),
        "stop_frame": (found.runs.stop - offsets[series]).tolist(),
    }


def grouped(recordings: Sequence[str], animals: Mapping[str, str] | None) -> list[str]:
    """Return the group of each series: the animal where known, else the recording."""
    if animals is None:
        return list(recordings)
    if lost := sorted(set(recordings) - set(animals)):
        raise InputError(f"no animal is given for the recording {lost[0]!r}; name it")
    return [animals[name] for name in recordings]

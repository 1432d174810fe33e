"""Decisions of a person about labels: taken, undone, and applied, here and nowhere else.

Every figure and every export reads labels through `apply`. The model's labels stay as they
are: a label that is merged gives its frames to the one it joined, a clip that is split off has
a label of its own, an excluded one has no frames, and all others keep their numbers.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64

from gambol.core.errors import InputError, did_you_mean
from gambol.core.label_map import Decision, Label, LabelMap
from gambol.core.sequences import MISSING, MOST_LABELS, Sequences, resized

LONGEST = 60  # characters of a name
_HEXADECIMAL = re.compile(r"#[0-9a-f]{6}")


class Applied(NamedTuple):
    """Labels of frames after the decisions, and what is known of each label."""

    sequences: Sequences  # numbers are ids of `labels`; -1 where no label is left
    labels: tuple[Label, ...]  # all that were not merged into another, by id

    @property
    def names(self) -> tuple[str, ...]:
        """The name of every number below `sequences.size`; of merged ones, what they are."""
        names = [str(number) for number in range(self.sequences.size)]
        for label in self.labels:
            for number in {label.id, *label.members}:
                names[number] = label.name
        return tuple(names)

    @property
    def colours(self) -> dict[int, str]:
        """The colours that were chosen, by number."""
        return {label.id: label.colour for label in self.labels if label.colour}

    def own_names(self) -> tuple[str, ...]:
        """Return names of which no two are equal, as an ethogram's scheme needs them."""
        known = {label.id: label.name for label in self.labels}
        every = range(self.sequences.size)
        return tuple(known.get(k, f"{k} (in {self.names[k]})") for k in every)


class _Stand(NamedTuple):
    """What the decisions up to now come to."""

    label: list[int]  # of every number, the one that it is now
    name: dict[int, str]  # of those that have one
    colour: dict[int, str]
    notes: dict[int, list[str]]
    excluded: set[int]
    gone: set[int]  # split off, and that was taken back


def empty(sequences: Sequences, model: str = "") -> LabelMap:
    """Return a map of the labels of a model without any decision."""
    return LabelMap(sequences.size, model)


def decide(label_map: LabelMap, decision: Decision) -> LabelMap:
    """Add a decision at the end; decisions that were undone go.

    Args:
        label_map: what was decided before.
        decision: about labels that are still there; an impossible one is refused.
    """
    stand = _stand(label_map)
    tidy = decision._replace(value=_tidy(decision))
    _check(tidy, stand)
    kept = (*label_map.kept, tidy)
    return label_map._replace(decisions=kept, end=len(kept))


def undo(label_map: LabelMap, count: int = 1) -> LabelMap:
    """Move the end back over decisions in effect; it stops before the first one."""
    end = label_map.end
    for _ in range(min(_positive(count), len(label_map.active))):
        while label_map.decisions[end - 1].undone:
            end -= 1
        end -= 1
    return label_map._replace(end=end)


def redo(label_map: LabelMap, count: int = 1) -> LabelMap:
    """Move the end forth over decisions that count; it stops after the last one."""
    end, count = label_map.end, _positive(count)
    for k in range(label_map.end, len(label_map.decisions)):
        if count and not label_map.decisions[k].undone:
            end, count = k + 1, count - 1
    return label_map._replace(end=end)


def apply(label_map: LabelMap | None, sequences: Sequences) -> Applied:
    """Return labels of frames as the decisions have them.

    Args:
        label_map: the decisions; None is none.
        sequences: labels of the model; recordings that no clip is of are fine.
    """
    if label_map is None:
        label_map = LabelMap(sequences.size)
    own = resized(sequences, label_map.size)
    split = [d for d in label_map.kept if d.kind == "split"]
    size = label_map.size + len(split)
    if size > MOST_LABELS:
        raise InputError(f"{size} labels after splitting; there can be {MOST_LABELS}")
    kind = np.uint8 if size <= 256 else np.uint16
    values = own.values.astype(kind) if split else own.values.astype(kind, copy=False)
    table = np.arange(size)
    clips = _Clips(own, values)
    made = label_map.size
    for decision in label_map.kept:
        if decision.undone:
            made += decision.kind == "split"
        elif decision.kind == "merge":
            table[np.isin(table, decision.labels[1:])] = decision.labels[0]
        elif decision.kind == "split":
            clips.move(decision, table, made)
            made += 1
    labels = legend(label_map)
    table[np.isin(table, [label.id for label in labels if label.excluded])] = MISSING
    now = table[values] if len(values) else values.astype(np.int64)
    valid = own.valid & (now != MISSING)
    done = own._replace(values=np.where(valid, now, 0).astype(kind), valid=valid, size=size)
    return Applied(done, labels)


def legend(label_map: LabelMap) -> tuple[Label, ...]:
    """Return what is known of each label that was not merged into another, by number."""
    stand = _stand(label_map)
    members: dict[int, list[int]] = {}
    for number, now in enumerate(stand.label):
        members.setdefault(now, []).append(number)
    return tuple(
        Label(
            k,
            _name(stand, k),
            stand.colour.get(k, ""),
            tuple(stand.notes.get(k, ())),
            tuple(members[k]),
            k in stand.excluded,
        )
        for k in sorted(members.keys() - stand.gone)
    )


def fault(label_map: LabelMap) -> Decision | None:
    """Return the first decision in effect that those before it make impossible; None: none."""
    stand = _stand(label_map._replace(decisions=(), end=0))
    for decision in label_map.kept:
        try:
            if not decision.undone:
                _check(decision, stand)
        except InputError:
            return decision
        _take(stand, decision)
    return None


def find(label_map: LabelMap, word: str) -> int:
    """Return the number of a label that somebody named or numbered.

    >>> find(LabelMap(3), "2")
    2
    """
    known = {label.name: label.id for label in legend(label_map)}
    if word in known:
        return known[word]
    by_number = {str(number): number for number in known.values()}
    if word in by_number:
        return by_number[word]
    stand = _stand(label_map)
    if word.isdecimal() and int(word) < len(stand.label):
        if int(word) in stand.gone:
            raise InputError(_taken_back(int(word)))
        into = _name(stand, stand.label[int(word)])
        raise InputError(f"label {word} was merged into {into!r}; name that, or undo")
    hint = did_you_mean(word, list(known)) or f"; there are {len(known)} labels"
    raise InputError(f"there is no label {word!r}{hint}")


def merges(
    label_map: LabelMap, groups: Sequence[Sequence[int]], author: str = "", time: str = ""
) -> list[Decision]:
    """Return the decisions that merge labels of each group, as a dendrogram's cut suggests.

    Labels that were merged meanwhile count as what they are now; excluded ones are left out.
    """
    stand = _stand(label_map)
    found = []
    for group in groups:
        now = list(dict.fromkeys(stand.label[k] for k in group))
        now = [k for k in now if k not in stand.excluded]
        if len(now) > 1:
            found.append(Decision("merge", tuple(now), author=author, time=time))
    return found


class _Clips:
    """Frames of labels of the model that change as clips are split off."""

    def __init__(self, own: Sequences, values: np.ndarray) -> None:
        self.values, self.place = values, {name: r for r, name in enumerate(own.names)}
        self.own = own

    def move(self, decision: Decision, table: Int64[np.ndarray, " S"], new: int) -> None:
        """Give the frames of a clip that have its label a new one."""
        r = self.place.get(decision.recording)
        if r is None:  # of a recording that is not looked at now
            return
        begin, end = (int(frame) for frame in self.own.offsets[r : r + 2])
        clip = slice(min(begin + decision.start, end), min(begin + decision.stop, end))
        part = self.values[clip]  # a view
        frames = self.own.valid[clip] & (table[part] == decision.labels[0])
        part[frames] = new


def _stand(label_map: LabelMap) -> _Stand:
    stand = _Stand(list(range(label_map.size)), {}, {}, {}, set(), set())
    for decision in label_map.kept:
        _take(stand, decision)
    return stand


def _take(stand: _Stand, decision: Decision) -> None:
    """Let a decision take effect; of a split that was taken back only the number stays."""
    if not decision.undone:
        _step(stand, decision)
    elif decision.kind == "split":
        stand.gone.add(len(stand.label))
        stand.label.append(len(stand.label))


def _step(stand: _Stand, decision: Decision) -> None:
    """Let one decision take effect on names and numbers."""
    first, rest = decision.labels[0], decision.labels[1:]
    if decision.kind == "rename":
        stand.name[first] = decision.value
    elif decision.kind == "colour":
        stand.colour[first] = decision.value
    elif decision.kind == "note":
        stand.notes.setdefault(first, []).append(decision.value)
    elif decision.kind == "exclude":
        stand.excluded.add(first)
    elif decision.kind == "include":
        stand.excluded.discard(first)
    elif decision.kind == "split":
        new = len(stand.label)
        stand.label.append(new)
        if decision.value:
            stand.name[new] = decision.value
    else:
        stand.label[:] = [first if k in rest else k for k in stand.label]
        for k in rest:
            stand.name.pop(k, None)
            stand.colour.pop(k, None)
            stand.notes.setdefault(first, []).extend(stand.notes.pop(k, ()))


def _check(decision: Decision, stand: _Stand) -> None:
    """Refuse what cannot be done to labels as they stand."""
    kind, labels = decision.kind, decision.labels
    few, most = (2, len(stand.label)) if kind == "merge" else (1, 1)
    if not few <= len(labels) <= most or len(set(labels)) < len(labels):
        wanted = "two or more different labels" if kind == "merge" else "one label"
        raise InputError(f"{kind} of {', '.join(map(str, labels)) or 'nothing'}: give {wanted}")
    for k in labels:
        _check_label(k, kind, stand)
    if kind == "split":
        _check_clip(decision)
    if kind == "rename" or (kind == "split" and decision.value):
        own = labels[0] if kind == "rename" else len(stand.label)
        _check_name(decision.value, own, stand)
    if kind == "colour" and not _HEXADECIMAL.fullmatch(decision.value):
        raise InputError(f"colour {decision.value!r}; write it as #rrggbb, such as #d95f02")
    if kind == "note" and not decision.value:
        raise InputError("the note is empty; write what there is to know")


def _check_label(k: int, kind: str, stand: _Stand) -> None:
    """Refuse a label that is not there, or not in the way the decision needs it."""
    if k in stand.gone:
        raise InputError(_taken_back(k))
    if not 0 <= k < len(stand.label):
        raise InputError(f"there is no label {k}; there are 0 to {len(stand.label) - 1}")
    if stand.label[k] != k:
        into = _name(stand, stand.label[k])
        raise InputError(f"label {k} was merged into {into!r}; name that, or undo")
    if k in stand.excluded and kind in ("merge", "split", "exclude"):
        raise InputError(f"label {_name(stand, k)!r} is excluded; include it first")
    if k not in stand.excluded and kind == "include":
        raise InputError(f"label {_name(stand, k)!r} is not excluded")


def _check_clip(decision: Decision) -> None:
    if not decision.recording:
        raise InputError("a clip is split off a recording; name the recording")
    if not 0 <= decision.start < decision.stop:
        raise InputError(
            f"frames {decision.start} to {decision.stop} of {decision.recording!r} are no "
            "clip; give a first frame from 0 on, and a later one"
        )


def _check_name(name: str, own: int, stand: _Stand) -> None:
    if not name or len(name) > LONGEST or not name.isprintable():
        raise InputError(f"name {name!r}; give 1 to {LONGEST} characters in one line")
    if name.isdecimal() and name != str(own):
        raise InputError(f"name {name!r} is the number of another label; give a word")
    for k in sorted(set(stand.label) - {own}):
        if name == _name(stand, k):
            raise InputError(f"label {k} is called {name!r} already; merge them, or choose")


def _name(stand: _Stand, k: int) -> str:
    return stand.name.get(k, str(k))


def _taken_back(k: int) -> str:
    return f"label {k} was split off, and that was taken back; redo it, or name another label"


def _tidy(decision: Decision) -> str:
    value = decision.value.strip()
    return value.lower() if decision.kind == "colour" else value


def _positive(count: int) -> int:
    if count < 0:
        raise InputError(f"{count} decisions; give how many, from 0 on")
    return count

"""Decisions about one model carried to a refitted one, as proposals that somebody approves.

A label of the new model continues the label of the old one, as decided, with which it shares
the most frames (intersection over union). Nothing is decided here.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from gambol.behavior import compare
from gambol.behavior.label_map import apply, legend
from gambol.core.errors import InputError
from gambol.core.label_map import Decision, Label, LabelMap
from gambol.core.sequences import Sequences, recording, select

ENOUGH = 0.5  # overlap from which a proposal is good


class Proposed(NamedTuple):
    """A decision to approve, or why there is none."""

    decision: Decision | None
    overlap: float  # intersection over union of what it is about, 0 to 1
    said: str  # what it carries over


def follow(label_map: LabelMap, old: Sequences, new: Sequences) -> list[Proposed]:
    """Return the decisions of a map as they would be about the labels of a new model.

    Args:
        label_map: decisions about the old model.
        old: its labels.
        new: labels of the new model, of recordings of which some are the same.
    """
    names = [name for name in old.names if name in new.names]
    if not names:
        raise InputError("the two models share no recording; label one recording with both")
    old, new = select(old, names), select(new, names)
    shown = tuple(d for d in label_map.kept if d.kind not in ("exclude", "include"))
    seen = label_map._replace(decisions=shown, end=len(shown))
    table = compare.contingency(apply(seen, old).sequences, new)
    overlap = _overlap(table)
    best = np.where(table.sum(axis=0) > 0, overlap.argmax(axis=0), -1)
    found: list[Proposed] = []
    head: dict[int, int] = {}  # of labels of the new model that merge
    for label in legend(label_map):
        if label.id < label_map.size:
            own = np.flatnonzero(best == label.id)
            own = own[np.argsort(-overlap[label.id, own], kind="stable")]
            found += _carried(label, own.tolist(), table, overlap, label_map.size, head)
    return found + _splits(label_map, new, head)


def _overlap(table: Int[np.ndarray, "A J"]) -> Float[np.ndarray, "A J"]:
    """Intersection over union of every two labels."""
    union = table.sum(axis=1)[:, None] + table.sum(axis=0) - table
    return np.asarray(table / np.maximum(union, 1))


def _carried(
    label: Label,
    own: list[int],
    table: np.ndarray,
    overlap: np.ndarray,
    size: int,
    head: dict[int, int],
) -> list[Proposed]:
    """Return what was decided about one label, for the labels that continue it."""
    members = [k for k in label.members if k < size]
    named = label.name != str(label.id)
    touched = len(members) > 1 or named or label.colour or label.notes or label.excluded
    if not touched:
        return []
    if not own:
        return [Proposed(None, 0.0, f"no label of the new model continues {label.name!r}")]
    found = []
    first, both = own[0], float(overlap[label.id, own[0]])
    if len(members) > 1 and len(own) > 1:
        own = [k for k in own if table[label.id, k] * 2 >= table[:, k].sum()] or own[:1]
    if len(members) > 1 and len(own) > 1:
        first = own[0]
        both = float(_overlap_of_all(table, label.id, own))
        said = f"{label.name!r} was merged of {', '.join(map(str, members))}"
        found.append(Proposed(Decision("merge", tuple(own)), both, said))
        head.update(dict.fromkeys(own, first))
    was = f"{label.name!r} before"
    if named:
        found.append(Proposed(Decision("rename", (first,), label.name), both, was))
    if label.colour:
        found.append(Proposed(Decision("colour", (first,), label.colour), both, was))
    found += [Proposed(Decision("note", (first,), note), both, was) for note in label.notes]
    if label.excluded:
        each = [first] if len(members) > 1 else own
        found += [
            Proposed(Decision("exclude", (k,)), float(overlap[label.id, k]), was) for k in each
        ]
    return found


def _overlap_of_all(table: np.ndarray, a: int, own: list[int]) -> float:
    shared = table[a, own].sum()
    return float(shared / max(1, table[a].sum() + table[:, own].sum() - shared))


def _splits(label_map: LabelMap, new: Sequences, head: dict[int, int]) -> list[Proposed]:
    """Return clips split off again, from the label that most of the clip has now."""
    found = []
    known = {label.id: label for label in legend(label_map)}
    place = {name: r for r, name in enumerate(new.names)}
    number = label_map.size
    for decision in label_map.kept:
        if decision.kind != "split":
            continue
        label = known.get(number)
        number += 1
        if decision.undone:
            continue
        clip = f"clip {decision.start} to {decision.stop} of {decision.recording!r}"
        if label is None:
            found.append(Proposed(None, 0.0, f"{clip} was merged again; look at it"))
            continue
        if decision.recording not in place:
            found.append(Proposed(None, 0.0, f"{clip} is not among the recordings of both"))
            continue
        values, valid = recording(new, place[decision.recording])
        part = slice(decision.start, decision.stop)
        counts = np.bincount(values[part][valid[part]], minlength=1)
        if not counts.sum():
            found.append(Proposed(None, 0.0, f"{clip} has no label now"))
            continue
        most = int(counts.argmax())
        name = label.name if label.name != str(label.id) else ""
        again = Decision(
            "split", (head.get(most, most),), name, decision.recording, decision.start,
            decision.stop,
        )  # fmt: skip
        found.append(Proposed(again, float(counts.max() / counts.sum()), clip))
    return found

"""What a person made of a model's labels: an ordered list of decisions, and where it ends.

The labels of the model never change. A decision is added at the end of the list; undo and redo
of the command line move the end. What one person takes back out of turn stays in its place,
marked, so that the numbers of labels that were split off do not move. What labels are called
and which frames they have follows from the list alone (`behavior.label_map.apply`).
"""

from typing import Any, Literal, NamedTuple, get_args

from gambol.core.errors import InputError, did_you_mean

Kind = Literal["rename", "merge", "split", "exclude", "include", "colour", "note"]
KINDS: tuple[str, ...] = get_args(Kind)
FORMAT = 2  # of values with decisions that somebody took back out of turn; else 1
REMEMBERED = 200  # requests, so that one that comes again does nothing
_WORDS = ("value", "recording", "author", "time")  # fields of a decision that are text


class Decision(NamedTuple):
    """One thing that a person decided."""

    kind: Kind
    labels: tuple[int, ...]  # merge: the first is the one that stays; else one label
    value: str = ""  # name, #rrggbb or text of a note; the name of what is split off
    recording: str = ""  # split: of the clip
    start: int = 0  # split: first frame of the clip
    stop: int = 0  # split: one past its last frame
    author: str = ""
    time: str = ""  # ISO 8601, UTC
    undone: int = 0  # by its author: the higher, the later; 0: not


class LabelMap(NamedTuple):
    """Decisions about the S labels of one model, of which the first `end` are in effect."""

    size: int  # S; labels of the model are 0 … S - 1, what is split off is S, S + 1, …
    model: str = ""  # what the labels come from; a refitted model has another word
    decisions: tuple[Decision, ...] = ()
    end: int = 0
    ids: tuple[str, ...] = ()  # of the last requests that changed it

    @property
    def kept(self) -> tuple[Decision, ...]:
        """The decisions up to the end, also those that their authors took back."""
        return self.decisions[: self.end]

    @property
    def active(self) -> tuple[Decision, ...]:
        """The decisions in effect."""
        return tuple(decision for decision in self.kept if not decision.undone)


class Label(NamedTuple):
    """A label after the decisions."""

    id: int  # its number in the labels of frames; the model's own if it has one
    name: str  # its number where nobody named it; no two labels share one
    colour: str = ""  # #rrggbb, or empty: by its place
    notes: tuple[str, ...] = ()
    members: tuple[int, ...] = ()  # labels of the model, and split ones, that it is made of
    excluded: bool = False  # whether its frames count as without a label


def to_values(label_map: LabelMap) -> dict[str, Any]:
    """Return plain values to write as JSON."""
    marked = any(decision.undone for decision in label_map.decisions)
    ids = {"ids": list(label_map.ids)} if label_map.ids else {}
    return {
        "format": FORMAT if marked else 1,
        "size": label_map.size,
        "model": label_map.model,
        "end": label_map.end,
        "decisions": [_plain(decision) for decision in label_map.decisions],
        **ids,
    }


def from_values(values: Any, source: str) -> LabelMap:
    """Undo `to_values`, after a look at whether the values can be a label map.

    Args:
        values: as read from JSON.
        source: what errors call them.
    """
    try:
        if values["format"] not in (1, FORMAT):
            raise InputError(
                f"{source} has format {values['format']!r}, this program reads {FORMAT}; "
                "use the program that wrote it"
            )
        decisions = tuple(_decision(row, source) for row in values["decisions"])
        size, end = (_count(values[name]) for name in ("size", "end"))
        ids = tuple(_word(one) for one in values.get("ids", ()))
        made = LabelMap(size, str(values["model"]), decisions, end, ids)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{source} is no label map ({error!r}); take back a copy") from error
    _require_labels(made, source)
    if not 0 <= made.end <= len(decisions):
        raise InputError(
            f"{source}: end is {made.end}, but there are {len(decisions)} decisions; give 0 "
            f"to {len(decisions)}"
        )
    return made


def _plain(decision: Decision) -> dict[str, Any]:
    """Return what is said by a decision, without fields that its kind does not use."""
    given = decision._asdict()
    default = Decision._field_defaults
    held = {key: value for key, value in given.items() if value != default.get(key)}
    return {**held, "labels": list(decision.labels)}


def _decision(row: dict[str, Any], source: str) -> Decision:
    kind = row["kind"]
    if kind not in KINDS:
        hint = did_you_mean(str(kind), KINDS) or f"; there are {', '.join(KINDS)}"
        raise InputError(f"{source}: a decision is {kind!r}{hint}")
    if unknown := sorted(set(row) - set(Decision._fields)):
        raise InputError(f"{source}: a decision has {unknown[0]!r}, which means nothing here")
    labels = tuple(_count(label) for label in row["labels"])
    start, stop, undone = (_count(row.get(name, 0)) for name in ("start", "stop", "undone"))
    value, place, author, time = (_word(row.get(name, "")) for name in _WORDS)
    return Decision(kind, labels, value, place, start, stop, author, time, undone)


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise TypeError(f"{value!r} instead of a whole number from 0 on")
    return value


def _word(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} instead of text")
    return value


def _require_labels(made: LabelMap, source: str) -> None:
    """Refuse decisions about labels that there were not when they were taken."""
    known = made.size
    for n, decision in enumerate(made.decisions):
        least = 2 if decision.kind == "merge" else 1
        if len(decision.labels) < least or max(decision.labels) >= known:
            said = ", ".join(map(str, decision.labels)) or "none"
            raise InputError(
                f"{source}: decision {n + 1}, {decision.kind}, is about the labels {said} of "
                f"0 to {known - 1}; take back a copy"
            )
        known += decision.kind == "split"

"""What a file said besides labels: kept as it came, so that an export to its format has it.

What is said is what JSON holds, by format: `{"coco": {"license": 3}}`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

Said = Mapping[str, Any]  # by format
WHOLE = -1  # the frame of what is said of a whole video


@dataclass(frozen=True)
class Extras:
    """What is said of animals, frames, videos and of all, by format; mostly nothing."""

    rows: tuple[Said, ...] = ()  # of each labelled animal; empty where nothing is said of any
    # of (video, frame), or of (video, WHOLE)
    frames: Mapping[tuple[int, int], Said] = field(default_factory=dict)
    all: Said = field(default_factory=dict)
    lost: tuple[str, ...] = ()  # what the file said and nothing here can hold, in words

    def row(self, n: int, format: str) -> dict[str, Any]:
        """Return what a format said of an animal."""
        return dict(self.rows[n].get(format, {})) if self.rows else {}

    def frame(self, video: int, frame: int, format: str) -> dict[str, Any]:
        """Return what a format said of a frame, or of a video (`WHOLE`)."""
        return dict(self.frames.get((video, frame), {}).get(format, {}))

    def file(self, format: str) -> dict[str, Any]:
        """Return what a format said of everything."""
        return dict(self.all.get(format, {}))

    def picked(self, rows: Sequence[int]) -> "Extras":
        """Return what is said of some animals, by number, and of all the rest."""
        some = tuple(self.rows[n] for n in rows) if self.rows else ()
        return replace(self, rows=some)

    def renumbered(self, videos: Mapping[int, int]) -> "Extras":
        """Return the same with other numbers of videos; those without one are left out."""
        moved = {(videos[v], f): said for (v, f), said in self.frames.items() if v in videos}
        return replace(self, frames=moved)


def join(parts: Sequence[tuple[Extras, int]]) -> Extras:
    """Put together what is said of parts; of each the number of its animals.

    >>> join([(Extras(all={"coco": {"a": 1}}), 1), (Extras(({"coco": {"b": 2}},)), 1)]).rows
    ({}, {'coco': {'b': 2}})
    """
    rows: list[Said] = []
    frames: dict[tuple[int, int], Said] = {}
    everything: dict[str, Any] = {}
    for extras, n in parts:
        rows += extras.rows or [{}] * n
        for place, said in extras.frames.items():
            frames[place] = merged(frames.get(place, {}), said)
        everything = merged(everything, extras.all)
    lost = dict.fromkeys(sentence for extras, _ in parts for sentence in extras.lost)
    return Extras(tuple(rows) if any(rows) else (), frames, everything, tuple(lost))


def formats(extras: Extras) -> list[str]:
    """Return which formats said anything."""
    said = [*extras.rows, *extras.frames.values(), extras.all]
    return sorted({format for one in said for format, words in one.items() if words})


def merged(first: Said, second: Said) -> dict[str, Any]:
    """Return what both say, format by format and word by word; the second wins."""
    return {
        format: {**first.get(format, {}), **second.get(format, {})}
        for format in dict.fromkeys([*first, *second])
    }

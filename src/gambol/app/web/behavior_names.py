"""The names under which people decided about labels, in the label maps of all runs."""

import contextlib
from pathlib import Path

from gambol.app.web.behavior_runs import Finder
from gambol.core.errors import InputError
from gambol.core.label_map import LabelMap
from gambol.io import label_map as io_map


class Deciders:
    """Who decided about labels of the runs of a project."""

    def __init__(self, finder: Finder) -> None:
        self._finder = finder

    def has(self, author: str) -> bool:
        """Tell whether somebody of this name decided anything, even if it was taken back."""
        return any(_of(held, author) for _, held in self._maps())

    def rename(self, old: str, new: str) -> int:
        """Let the decisions of one author be another's; return how many.

        Raises:
            InputError: a label map cannot be written.
        """
        done = 0
        for path, held in self._maps():
            if count := _of(held, old):
                io_map.edit(path, lambda now: _renamed(now, old, new))
                done += count
        return done

    def _maps(self) -> list[tuple[Path, LabelMap]]:
        """Return the label maps that there are; a damaged one says nothing of anybody."""
        found = []
        for run in self._finder.runs(now=True):
            path = io_map.beside(run.folder)
            with contextlib.suppress(InputError):
                if (held := io_map.read(path)) is not None:
                    found.append((path, held))
        return found


def _of(held: LabelMap, author: str) -> int:
    return sum(decision.author == author for decision in held.decisions)


def _renamed(held: LabelMap | None, old: str, new: str) -> LabelMap:
    if held is None:
        raise InputError("the label map was deleted at this moment; say the name again")
    decisions = (d._replace(author=new) if d.author == old else d for d in held.decisions)
    return held._replace(decisions=tuple(decisions))

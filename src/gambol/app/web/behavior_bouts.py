"""Bouts that people scored by hand: an ethogram for each author, in `bouts/` of the project.

`NAME.edits.json` holds the edits of an author in order and how many of them are in effect, so
that undo works after a restart; `NAME.csv` is the ethogram that follows, as `gambol agreement`
and `gambol fit-classifier` read it.
"""

import hashlib
import os
import re
import threading
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from gambol.app.web.models import Agreement, BoutEdit, Scored, ScoredBout
from gambol.behavior import agreement
from gambol.core import ethogram as core_ethogram
from gambol.core.errors import InputError
from gambol.core.ethogram import Ethogram
from gambol.core.label_map import REMEMBERED
from gambol.io import ethogram as io_ethogram
from gambol.io import store

FOLDER = "bouts"
_LOG = ".edits.json"
_FORMAT = 1
_LONGEST = 60  # characters of a behaviour
_SIGNS = re.compile(r"[^0-9a-z]+")


class Bout(NamedTuple):
    """A stretch [first, last] in which somebody saw a behaviour."""

    id: int
    recording: str
    label: str
    first: int
    last: int


class Book:
    """What one author scored."""

    def __init__(self, path: Path, author: str) -> None:
        """Read the edits; a file that is not there is one without.

        Raises:
            InputError: the file is damaged.
        """
        self.path, self.author = path, author
        self.edits: list[dict[str, Any]] = []
        self.end = 0
        self.clocks: dict[str, tuple[float, int]] = {}
        self.ids: list[str] = []  # of the last requests, so that each happens once
        if path.exists():
            held = store.read_json(path)
            try:
                if held["format"] != _FORMAT:
                    raise ValueError(f"format {held['format']!r}")
                self.author, self.end = str(held["author"]), int(held["end"])
                self.edits = [dict(one) for one in held["edits"]]
                self.ids = [str(one) for one in held.get("ids", [])]
                self.clocks = {
                    str(name): (float(fps), int(n)) for name, (fps, n) in held["clocks"].items()
                }
                self.bouts()
            except (KeyError, TypeError, ValueError) as error:
                raise InputError(
                    f"{path} is no file of bouts ({error}); move it away"
                ) from error

    def bouts(self) -> list[Bout]:
        """Return the bouts in effect; those of one behaviour that touch are one."""
        held: dict[int, Bout] = {}
        for n, one in enumerate(self.edits[: self.end]):
            if one["do"] == "remove":
                held.pop(int(one["bout"]), None)
                continue
            new = Bout(n, one["recording"], one["label"], int(one["first"]), int(one["last"]))
            for other in list(held.values()):
                if _touch(new, other):
                    del held[other.id]
                    new = new._replace(
                        first=min(new.first, other.first), last=max(new.last, other.last)
                    )
            held[n] = new
        return sorted(held.values(), key=lambda b: (b.recording, b.first, b.label))

    def edit(self, said: BoutEdit) -> None:
        """Make one edit, on disk when this returns; one of an id that came before is made.

        Raises:
            InputError: it is not possible.
        """
        if said.id and said.id in self.ids:
            return
        self.ids = [*self.ids, *([said.id] if said.id else [])][-REMEMBERED:]
        if said.do in ("undo", "redo"):
            self.end = min(max(self.end + (1 if said.do == "redo" else -1), 0), len(self.edits))
        else:
            one = self._added(said) if said.do == "add" else self._removed(said)
            self.edits = [*self.edits[: self.end], one]
            self.end = len(self.edits)
        self.write()

    def write(self) -> None:
        """Write the edits, and the ethogram that follows."""
        store.write_json(
            {"format": _FORMAT, "author": self.author, "end": self.end, "edits": self.edits,
             "clocks": self.clocks, "ids": self.ids}, self.path,
        )  # fmt: skip
        io_ethogram.write(self.ethogram(), _csv(self.path), "bouts")

    def ethogram(self) -> Ethogram:
        """Return the bouts with the clocks of their recordings."""
        bouts = self.bouts()
        rows = pd.DataFrame(
            {
                "recording": pd.Series([b.recording for b in bouts], dtype=object),
                "label": pd.Series([b.label for b in bouts], dtype=object),
                "start_frame": pd.Series([b.first for b in bouts], dtype="int64"),
                "stop_frame": pd.Series([b.last + 1 for b in bouts], dtype="int64"),
                "annotator": self.author,
            }
        )
        names = sorted(self.clocks)
        clocks = pd.DataFrame(
            {
                "recording": pd.Series(names, dtype=object),
                "fps": pd.Series([self.clocks[n][0] for n in names], dtype="float64"),
                "frames": pd.Series([self.clocks[n][1] for n in names], dtype="int64"),
            }
        )
        return core_ethogram.build(rows, recordings=clocks, source=str(self.path))

    def _added(self, said: BoutEdit) -> dict[str, Any]:
        label = said.label.strip()
        if not label or len(label) > _LONGEST or not label.isprintable():
            raise InputError(f"behaviour {label!r}; give 1 to {_LONGEST} characters")
        if not said.recording or said.fps <= 0 or said.frames < 1:
            raise InputError("a bout needs its recording, fps and frames; reload the page")
        if not 0 <= said.first <= said.last < said.frames:
            raise InputError(
                f"frames {said.first} to {said.last} of {said.frames}; give a stretch inside"
            )
        self.clocks[said.recording] = (said.fps, said.frames)
        return {"do": "add", "recording": said.recording, "label": label,
                "first": said.first, "last": said.last}  # fmt: skip

    def _removed(self, said: BoutEdit) -> dict[str, Any]:
        if said.bout not in {bout.id for bout in self.bouts()}:
            raise InputError("that bout is not yours, or is gone already; reload the page")
        return {"do": "remove", "bout": said.bout}


class Shelf:
    """The bouts of all authors of a project."""

    def __init__(self, project: Path) -> None:
        self._folder = project / FOLDER
        self._lock = threading.Lock()

    def books(self) -> list[Book]:
        """Return what each author scored."""
        return [Book(path, path.stem) for path in sorted(self._folder.glob(f"*{_LOG}"))]

    def edit(self, author: str, said: BoutEdit) -> Scored:
        """Make an edit of somebody's own bouts."""
        with self._lock:
            Book(self._place(author), author).edit(said)
        return self.scored(author)

    def has(self, author: str) -> bool:
        """Tell whether an author scored anything, even if it was taken back."""
        return self._place(author).exists()

    def rename(self, old: str, new: str) -> int:
        """Let the bouts of one author be another's, who has none; return how many edits.

        What broke off half-way goes on when it is called again.

        Raises:
            InputError: the other has some, or a file is damaged.
        """
        source, target = self._place(old), self._place(new)
        with self._lock:
            if source.exists():
                if target.exists():
                    raise InputError(f"{target} is there already; move one of the two away")
                Book(source, old)  # a damaged one stays where it is
                os.replace(source, target)
            if not target.exists():
                return 0
            book = Book(target, new)
            book.author = new
            book.write()
            _csv(source).unlink(missing_ok=True)
            return len(book.edits)

    def _place(self, author: str) -> Path:
        return self._folder / f"{slug(author)}{_LOG}"

    def scored(self, author: str) -> Scored:
        """Return all bouts, and what an author can undo."""
        books = self.books()
        own = next((book for book in books if book.author == author), None)
        found = [
            ScoredBout(author=book.author, **bout._asdict())
            for book in books
            for bout in book.bouts()
        ]
        return Scored(
            bouts=found,
            authors=[book.author for book in books],
            labels=sorted({bout.label for bout in found}),
            undo=own.end if own else 0,
            redo=len(own.edits) - own.end if own else 0,
        )

    def agreement(self, model: Ethogram) -> list[Agreement]:
        """Compare people with each other and with the labels of a run that have their names."""
        words = {word for book in self.books() for word in {b.label for b in book.bouts()}}
        raters = {book.author: book.ethogram() for book in self.books() if book.bouts()}
        rows = []
        known = [*raters.items(), ("the model", model)]
        for i, (one, first) in enumerate(known):
            for other, second in known[i + 1 :]:
                both = set(first.recordings["recording"]) & set(second.recordings["recording"])
                named = set(model.scheme["label"]) if other == "the model" else words
                among = sorted(words & named)
                if both and among:
                    table = agreement.pairwise({one: first, other: second}, among)
                    rows += [_row(one, other, row) for row in table.to_dict("records")]
        return rows


def slug(author: str) -> str:
    """Return a name for files that no two authors share.

    >>> slug("Mei Lin")[:8]
    'mei-lin-'
    """
    plain = _SIGNS.sub("-", author.casefold()).strip("-")[:24] or "author"
    return f"{plain}-{hashlib.sha256(author.encode()).hexdigest()[:6]}"


def _csv(log: Path) -> Path:
    return log.with_name(log.name.removesuffix(_LOG) + ".csv")


def _touch(a: Bout, b: Bout) -> bool:
    same = a.recording == b.recording and a.label == b.label
    return same and a.first <= b.last + 1 and b.first <= a.last + 1


def _row(one: str, other: str, row: dict[Any, Any]) -> Agreement:
    kappa, f1 = float(row["kappa"]), float(row["f1"])
    return Agreement(
        one=one, other=other, label=str(row["label"]),
        kappa=kappa if kappa == kappa else None, f1=f1 if f1 == f1 else None,
        frames=int(row["frames"]),
    )  # fmt: skip

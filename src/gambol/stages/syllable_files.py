"""What the stages of sequences share: recordings from files, and what a result came from."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import Field, PositiveInt

import gambol
from gambol.behavior import label_map
from gambol.behavior.label_map import Applied
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step
from gambol.io import locks, store, syllables
from gambol.io.syllables import Recordings
from gambol.stages import decisions

EMPTY = {"begun.json", "settings.yaml"}  # what a folder holds before anything is made


class SyllableConfig(Config):
    """How labels are read."""

    fps: float | None = Field(default=None, gt=0)  # where the files do not say it
    label: str = "syllable"  # column, dataset or variable of the labels
    n_syllables: PositiveInt | None = None  # null: the largest label of the data, plus 1


def said_above(settings: Config, block: str, names: tuple[str, ...]) -> None:
    """Refuse settings of a block that would have no effect, as those at the top hold.

    Raises:
        ValueError: one is not what it is by default.
    """
    inner = getattr(settings, block)
    for name in names:
        if getattr(inner, name) != type(inner).model_fields[name].default:
            raise ValueError(f"{block}.{name} has no effect; give {name} at the top")


def read(
    sources: list[Path], fps: float | None, label: str, size: int | None = None
) -> Recordings:
    """Read recordings as their label map has them; folders and patterns stand for files."""
    found = _read(sources, fps, label, size)
    decided = decisions.about(sources)
    if decided is None:
        return found
    return found._replace(sequences=label_map.apply(decided[1], found.sequences).sequences)


def applied(sources: list[Path], fps: float | None, label: str) -> Applied:
    """Read labels of recordings, and what their label map calls them."""
    decided = decisions.about(sources)
    return label_map.apply(decided and decided[1], _read(sources, fps, label).sequences)


def hashes(sources: list[Path]) -> dict[str, str]:
    """Return the hash of every file that the sources stand for, and of their label map."""
    files, decided = syllables.expand(list(sources)), decisions.about(sources)
    return {str(p): store.file_hash(p) for p in [*files, *([decided[0]] if decided else [])]}


def key(stage: str, settings: Config, inputs: Mapping[str, str]) -> str:
    """Return a word that changes when the settings, the inputs or the program do."""
    parts = [
        gambol.__version__,
        settings.fingerprint(),
        *(f"{k}={v}" for k, v in inputs.items()),
    ]
    return f"{stage} {hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:16]}"


def made_from(folder: Path) -> str | None:
    """Return what the complete result in a folder was made from; None where there is none.

    Raises:
        InputError: the folder holds files of others.
    """
    note, begun = folder / "provenance.json", folder / "begun.json"
    if note.exists():
        return str(store.read_json(note).get("made_from", ""))
    if folder.exists() and any(folder.iterdir()) and not begun.exists():
        raise InputError(f"{folder} holds other files; choose another --out")
    return None


def finished(folder: Path, made: str) -> bool:
    """Tell whether a folder holds just this result already, complete.

    Raises:
        InputError: it holds something else, which is not written over.
    """
    there = made_from(folder)
    if there not in (None, made):
        raise _taken(folder, str(there))
    return there == made


def begin(folder: Path, made: str) -> None:
    """Open a folder for a result, or go on with this very one.

    A folder in which another result was begun, but nothing made yet, is taken over.
    """
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / "begun.json"
    there = str(store.read_json(note).get("made_from", "")) if note.exists() else made
    if there != made and {path.name for path in folder.iterdir()} - EMPTY:
        raise _taken(folder, there)
    if there != made or not note.exists():
        store.write_json({"made_from": made}, note)


@contextmanager
def alone(folder: Path, progress: Progress) -> Iterator[None]:
    """Do what one of several processes does for all; the others wait and find it done."""

    def waits(waited: float) -> None:
        progress(Step("waiting", 0, 1, f"another process makes what all need, {waited:.0f} s"))

    with locks.held(_lock(folder), waits):
        yield


def _lock(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.lock")


def number(value: float | None) -> float:
    """Return a number as `finish` and its like wrote it; NaN where there is none."""
    return float("nan") if value is None else float(value)


def _read(
    sources: list[Path], fps: float | None, label: str, size: int | None = None
) -> Recordings:
    if not sources:
        raise InputError("no recordings were given; give files, a folder or a pattern")
    return syllables.read(list(sources), fps, label=label, size=size)


def _taken(folder: Path, there: str) -> InputError:
    return InputError(
        f"{folder} holds a result of other settings or recordings ({there}); choose another "
        "--out, or delete it"
    )


def finish(folder: Path, made: str, provenance: Mapping[str, Any]) -> None:
    """Say that a run is complete; numbers that are none become null.

    What writing left behind where a run was killed goes.
    """
    text = json.loads(json.dumps({"made_from": made, **provenance}, default=str))
    for path in folder.rglob(".*.partial.*"):
        path.unlink(missing_ok=True)
    store.write_json(store.nulls(text), folder / "provenance.json")
    (folder / "begun.json").unlink(missing_ok=True)
    _lock(folder).unlink(missing_ok=True)

"""What the stages of sequences share: recordings from files, and what a result came from."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, PositiveInt

import gambol
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.io import store, syllables
from gambol.io.syllables import Recordings


class SyllableConfig(Config):
    """How labels are read."""

    fps: float | None = Field(default=None, gt=0)  # where the files do not say it
    label: str = "syllable"  # column, dataset or variable of the labels
    n_syllables: PositiveInt | None = None  # null: the largest label of the data, plus 1


def read(
    sources: list[Path], fps: float | None, label: str, size: int | None = None
) -> Recordings:
    """Read recordings; folders and patterns stand for their files."""
    if not sources:
        raise InputError("no recordings were given; give files, a folder or a pattern")
    return syllables.read(list(sources), fps, label=label, size=size)


def hashes(sources: list[Path]) -> dict[str, str]:
    """Return the hash of every file that the sources stand for."""
    return {str(path): store.file_hash(path) for path in syllables.expand(list(sources))}


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
    """Open a folder for a result, or go on with this very one."""
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / "begun.json"
    if not note.exists():
        store.write_json({"made_from": made}, note)
    elif (there := str(store.read_json(note).get("made_from", ""))) != made:
        raise _taken(folder, there)


def _taken(folder: Path, there: str) -> InputError:
    return InputError(
        f"{folder} holds a result of other settings or recordings ({there}); choose another "
        "--out, or delete it"
    )


def finish(folder: Path, made: str, provenance: Mapping[str, Any]) -> None:
    """Say that a run is complete."""
    text = json.loads(json.dumps({"made_from": made, **provenance}, default=str))
    store.write_json(text, folder / "provenance.json")
    (folder / "begun.json").unlink(missing_ok=True)

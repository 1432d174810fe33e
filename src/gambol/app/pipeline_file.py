"""A pipeline as a person writes it: recordings, and commands that follow one another.

    recordings: films/*.mp4
    steps:
      poses: predict runs/first {path} --out poses
      clean: clean poses/{name}.nc --out clean
      map: {once: map clean --out map}

A step is a command of gambol without the first word. It is done for every recording, with what
stands in braces put in; one that says `once` is done once, when all recordings are through.
Paths are relative to the folder of the file.
"""

import csv
import io
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from gambol.app.terms import ClusterConfig
from gambol.core.config import Config
from gambol.core.errors import InputError, did_you_mean
from gambol.io import store

ALL = "all recordings"  # what a step that is done once is done for
_BLANK = re.compile(r"\{(\w+)\}")
_PLAIN = re.compile(r"[\w .+-]+")  # names that are names of files everywhere


class StepConfig(Config):
    """A step that says more than its command."""

    each: str | None = None  # the command, done for every recording
    once: str | None = None  # instead: done once, when all recordings are through
    gpus: NonNegativeInt = 0  # that a command needs for itself


class PipelineConfig(Config):
    """What the file holds."""

    recordings: str | list[str] | dict[str, str | dict[str, str]]
    # a pattern, several, a table (.csv), or names with what belongs to each
    steps: dict[str, str | StepConfig] = Field(min_length=1)  # names and commands, in order
    without: list[str] = []  # names of recordings that are left out
    tries: PositiveInt = 3  # of a step whose process is killed or hangs
    patience_s: PositiveFloat = 3600.0  # without a word from a step, before it counts as hung
    slurm: list[str] = []  # options of sbatch for --submit, such as --time=4:00:00
    cluster: ClusterConfig = ClusterConfig()


class Step(NamedTuple):
    """A command with blanks."""

    name: str
    words: tuple[str, ...]
    once: bool
    gpus: int = 0


class Recording(NamedTuple):
    """What is put into the blanks."""

    name: str
    values: Mapping[str, str]


class Pipeline(NamedTuple):
    """A file that was read."""

    file: Path
    folder: Path  # in which commands run
    recordings: tuple[Recording, ...]
    steps: tuple[Step, ...]
    tries: int
    patience_s: float
    slurm: tuple[str, ...]
    cluster: ClusterConfig = ClusterConfig()

    @property
    def verbs(self) -> tuple[str, ...]:
        """First words of its commands."""
        return tuple(dict.fromkeys(step.words[0] for step in self.steps))


def read(file: Path) -> Pipeline:
    """Read a pipeline.

    Raises:
        InputError: what it says cannot be done.
    """
    cfg = PipelineConfig.from_yaml(store.require_file(file))
    folder = file.resolve().parent
    steps = tuple(_step(file, name, said) for name, said in cfg.steps.items())
    found = tuple(_recordings(file, folder, cfg.recordings))
    _check_names(file, [one.name for one in found], cfg.without)
    left = tuple(one for one in found if one.name not in cfg.without)
    if not left:
        raise InputError(f"{file}: no recording is left; change recordings or without")
    for step in steps:
        for one in left[:1] if step.once else left:
            command(file, step, None if step.once else one)
    return Pipeline(
        file, folder, left, steps, cfg.tries, cfg.patience_s, tuple(cfg.slurm), cfg.cluster
    )


def command(file: Path, step: Step, one: Recording | None) -> tuple[str, ...]:
    """Return the words of a step for a recording; None: for all."""
    values = {} if one is None else one.values

    def fill(found: re.Match[str]) -> str:
        key = found[1]
        if one is None:
            raise InputError(
                f"{file}: step {step.name} is done once, so {found[0]} says nothing; take it "
                "out, or leave once out"
            )
        if key not in values:
            hint = did_you_mean(key, values) or f"; there are {', '.join(sorted(values))}"
            raise InputError(f"{file}: step {step.name}: no recording has a {key!r}{hint}")
        return values[key]

    return tuple(_BLANK.sub(fill, word) for word in step.words)


def _step(file: Path, name: str, said: str | StepConfig) -> Step:
    if not _PLAIN.fullmatch(name):
        raise InputError(f"{file}: step {name!r} is no name; take letters and figures")
    told = StepConfig(each=said) if isinstance(said, str) else said
    if (told.each is None) == (told.once is None):
        raise InputError(f"{file}: step {name}: write a command, or once: and a command")
    text = str(told.each if told.once is None else told.once)
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise InputError(
            f"{file}: step {name}: {text!r} has quotes that do not match"
        ) from error
    if words[:1] == ["gambol"]:
        words = words[1:]
    if not words:
        raise InputError(f"{file}: step {name} is empty; write a command")
    return Step(name, tuple(words), told.once is not None, told.gpus)


def _recordings(file: Path, folder: Path, said: Any) -> Iterator[Recording]:
    if isinstance(said, dict):
        for name, values in said.items():
            own = {"path": values} if isinstance(values, str) else values
            yield Recording(name, {"name": name, **own})
    elif isinstance(said, str) and said.casefold().endswith(".csv"):
        yield from _table(folder / said)
    else:
        for pattern in [said] if isinstance(said, str) else said:
            yield from _matching(file, folder, pattern)


def _matching(file: Path, folder: Path, pattern: str) -> Iterator[Recording]:
    """Files that a pattern matches, in the order of their names."""
    whole = Path(pattern)
    root = Path(whole.anchor) if whole.is_absolute() else folder
    inside = str(whole.relative_to(whole.anchor)) if whole.is_absolute() else pattern
    hits = sorted(p for p in root.glob(inside) if not p.name.startswith("."))
    if not hits:
        raise InputError(f"{file}: nothing matches {pattern!r}; check recordings")
    for path in hits:
        shown = path if whole.is_absolute() else path.relative_to(folder)
        yield Recording(path.stem, {"name": path.stem, "path": shown.as_posix()})


def _table(file: Path) -> Iterator[Recording]:
    """Rows of a table, whose columns fill blanks of their names."""
    rows = csv.DictReader(io.StringIO(store.read_text(file)))
    columns: Sequence[str] = rows.fieldnames or ()
    if "name" not in columns:
        raise InputError(f"{file} has no column name; name the recordings in one")
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise InputError(f"{file}: line {number} has not as many cells as columns; mend it")
        yield Recording(row["name"], row)


def _check_names(file: Path, names: list[str], without: list[str]) -> None:
    folded = [name.casefold() for name in names]  # logs are files of their names
    for name in names:
        if name == ALL or not _PLAIN.fullmatch(name):
            raise InputError(
                f"{file}: recording {name!r} is no name of a file; name recordings by a table, "
                "or as `name: path`"
            )
        if folded.count(name.casefold()) > 1:
            raise InputError(
                f"{file}: two recordings are named {name}; name them by a table, or as "
                "`name: path`"
            )
    for name in without:
        if name not in names:
            hint = did_you_mean(name, names)
            raise InputError(f"{file}: without names {name!r}, which is no recording{hint}")

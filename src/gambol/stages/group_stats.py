"""Stage `group-stats`: do groups of animals behave differently?

reads   source    states, syllables or an ethogram of recordings
        animals   a table: recording, animal, and columns that tell groups apart
writes  out/tests.csv    a line a label: statistic, p, corrected, means of the groups
        out/pairs.csv    every two groups of a label: effect and interval; not with `within`
        out/notes.txt    what to keep in mind
"""

import math
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pandas as pd
from pydantic import Field, NonNegativeInt, PositiveInt

from gambol.behavior import group_repeats, group_values, groups
from gambol.behavior.groups import GroupTest
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.ethogram import Ethogram
from gambol.core.progress import Progress, Step, silent
from gambol.core.sequences import Sequences
from gambol.io import ethogram as io_ethogram
from gambol.io import state_courses, store
from gambol.stages import animals as of_animals
from gambol.stages import compare_states, decisions, syllable_files


class GroupConfig(Config):
    """Settings of the stage."""

    factor: str = "group"  # column that tells groups apart
    within: str | None = None
    # column of a condition in which the same animals were recorded again; groups may be absent
    what: Literal["usage", "durations", "transitions"] = "usage"  # what is compared
    by: Literal["frame", "bout"] = "frame"  # what usage counts
    fps: float | None = Field(default=None, gt=0)  # where the files do not say it
    label: str = "state"  # column, dataset or variable of the labels
    permutations: PositiveInt = 10_000  # of animals; all arrangements if there are fewer
    alpha: float = Field(default=0.05, gt=0, lt=1)  # rate of false discoveries
    seed: NonNegativeInt = 0  # of the permutations and resamples


class Compared(NamedTuple):
    """What was found."""

    out: Path
    animals: dict[str, int]  # in each group
    measures: int
    different: tuple[str, ...]  # measures in which groups differ, after correction
    smallest_p: float  # that so few animals can give
    notes: tuple[str, ...]


def run(
    cfg: GroupConfig, source: Path, animals: Path, out: Path, *, progress: Progress = silent
) -> Compared:
    """Compare groups; the unit is the animal, never the frame.

    Args:
        cfg: settings.
        source: a run of states, files with labels, or an ethogram.
        animals: CSV with columns recording, animal and the factor.
        out: folder.
        progress: told at the end.
    """
    table = of_animals.read(animals)
    if cfg.within is not None:
        return _repeated(cfg, cfg.within, _source(cfg, source), table, out, progress)
    found = _test(cfg, _source(cfg, source), table)
    out.mkdir(parents=True, exist_ok=True)
    state_courses.write_table(found.table.reset_index(), out / "tests.csv")
    state_courses.write_table(found.pairs.reset_index(), out / "pairs.csv")
    store.write_text("\n".join([str(found), *found.notes, ""]), out / "notes.txt")
    progress(Step("group-stats", 1, 1, out.name))
    different = found.table.loc[found.table["significant"].astype(bool)]
    return Compared(
        out, dict(found.animals), len(found.table), tuple(map(str, different.index)),
        found.smallest_p, tuple(found.notes),
    )  # fmt: skip


def describe(values: dict[str, Any]) -> str:
    """Say in a few lines what differs."""
    told = ", ".join(f"{count} of {name}" for name, count in values["animals"].items())
    found = ", ".join(values["different"]) or "none"
    rows = [
        f"{values['out']}: animals: {told}; {values['measures']} measures; different: {found}",
        f"the smallest p that these groups can give is {values['smallest_p']:.2g}",
    ]
    return "\n".join(rows + [f"note: {note}" for note in values["notes"]])


def _source(cfg: GroupConfig, path: Path) -> Sequences | Ethogram:
    runs = ("states", "syllables", "places")
    if (path / "bouts.csv").is_file() and not any((path / name).is_dir() for name in runs):
        path = path / "bouts.csv"  # of a classifier
    if path.is_dir() or path.suffix.lower() in (".nc", ".h5"):
        found = syllable_files.applied([compare_states.folder(path)], cfg.fps, cfg.label)
        decided = decisions.about([path]) is not None
        return decisions.ethogram(found) if decided else found.sequences
    return io_ethogram.read(path, fps=cfg.fps).ethogram


def _repeated(
    cfg: GroupConfig,
    within: str,
    source: Sequences | Ethogram,
    animals: pd.DataFrame,
    out: Path,
    progress: Progress,
) -> Compared:
    """Compare conditions within animals, groups, and both together."""
    if cfg.what == "durations":
        raise InputError("durations are not compared within animals; give usage or transitions")
    factor = None
    if cfg.factor != GroupConfig().factor or cfg.factor in animals:
        factor = _column(cfg, animals)
    values = (
        group_values.usage(source, cfg.by)
        if cfg.what == "usage"
        else group_values.transitions(source)
    )
    found = group_repeats.repeated_test(
        values, animals, within, factor, permutations=cfg.permutations, random_state=cfg.seed
    )
    table = found.table.assign(significant=found.table["q"] <= cfg.alpha)
    notes = [f"{name} lacks a condition and was left out." for name in found.left_out]
    # the same order of conditions in every animal gives the same statistic
    orders = math.factorial(len(found.conditions))
    ways = orders**found.animals
    least = orders / ways if ways <= cfg.permutations else 1 / (cfg.permutations + 1)
    out.mkdir(parents=True, exist_ok=True)
    state_courses.write_table(table.reset_index(), out / "tests.csv")
    store.write_text("\n".join([*notes, ""]), out / "notes.txt")
    progress(Step("group-stats", 1, 1, out.name))
    different = table.index[table["significant"].to_numpy(bool)]
    told = tuple(f"{' to '.join(map(str, key[:-1]))} ({key[-1]})" for key in different)
    return Compared(
        out, {"all": found.animals}, len(values.columns), told, least, tuple(notes)
    )  # fmt: skip


def _column(cfg: GroupConfig, animals: pd.DataFrame) -> str:
    """Return the factor, which the table of animals has to have."""
    if cfg.factor not in animals:
        raise InputError(
            f"factor: the table of animals has no column {cfg.factor!r}; it has "
            f"{', '.join(map(str, animals.columns))}"
        )
    return cfg.factor


def _test(cfg: GroupConfig, source: Sequences | Ethogram, animals: pd.DataFrame) -> GroupTest:
    _column(cfg, animals)
    plan: dict[str, Any] = {
        "permutations": cfg.permutations, "alpha": cfg.alpha, "random_state": cfg.seed,
    }  # fmt: skip
    if cfg.what == "durations":
        return groups.duration_test(source, animals, cfg.factor, **plan)
    if cfg.what == "transitions":
        return groups.transition_test(source, animals, cfg.factor, **plan)
    return groups.usage_test(source, animals, cfg.factor, by=cfg.by, **plan)

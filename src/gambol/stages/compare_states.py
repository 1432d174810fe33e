"""Stage `compare-states`: how far two labellings of the same frames say the same.

reads   one, other             states or syllables of the same recordings: two fits, a fit and
                               a human, runs of different size
writes  out/agreement.json     adjusted Rand index, mutual information, matched labels
        out/confusion.csv      shares of the labels there, for each label here
        out/report.html        confusion and flow from one to the other
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from gambol.behavior import information
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.core.sequences import Sequences, select
from gambol.io import provenance, state_courses, store
from gambol.stages import scan_report, syllable_files
from gambol.viz import report_scan
from gambol.viz.report_scan import MatchPage


class CompareConfig(Config):
    """Settings of the stage."""

    fps: float | None = Field(default=None, gt=0)  # where the files do not say it
    label: str = "state"  # column, dataset or variable of the labels of the first
    other_label: str | None = None  # of the second; null: the same
    surrogates: PositiveInt = 50  # shifts of every recording against itself: what chance tells
    apart_s: PositiveFloat = 30.0  # least of these shifts
    seed: NonNegativeInt = 0


class Compared(NamedTuple):
    """What was found."""

    out: Path
    recordings: int
    frames: int  # with both labels
    adjusted_rand: float
    accuracy: float  # share of frames with the matched label
    nats: float  # that one tells of the other, chance taken off
    low: float  # 95 % interval of it
    high: float
    above_chance: bool  # more than every surrogate


def run(
    cfg: CompareConfig,
    one: Path,
    other: Path,
    out: Path,
    *,
    progress: Progress = silent,
) -> Compared:
    """Compare, unless `out` holds just this; recordings that only one has are left out."""
    inputs = syllable_files.hashes([folder(one), folder(other)])
    made = syllable_files.key("compare-states", cfg, inputs)
    if syllable_files.finished(out, made):
        return summary(out)
    a, b = both(cfg, one, other)
    syllable_files.begin(out, made)
    match = scan_report.match(a, b, (one.name, other.name))
    told = information.mutual_information(
        a, b, surrogates=cfg.surrogates, random_state=cfg.seed, within=True,
        apart_s=cfg.apart_s,
    )  # fmt: skip
    table = pd.DataFrame(match.confusion)
    table.insert(0, "label", range(len(table)))
    state_courses.write_table(table, out / "confusion.csv")
    numbers = {
        **match.agreement, "nats": told.corrected, "low": told.lower, "high": told.upper,
        "normalised": told.normalised, "surrogates": np.asarray(told.surrogates).tolist(),
        "above_chance": bool(told.plug_in > np.max(told.surrogates)),
        "partner": match.partner.tolist(), "recordings": len(a.names),
        "frames": int(match.counts.sum()),
    }  # fmt: skip
    store.write_json(store.nulls(numbers), out / "agreement.json")
    about = provenance.record(stage="compare-states", inputs=inputs)
    shown = {name: value for name, value in about.items() if name != "inputs"}
    said = _sentence(numbers)
    store.write_text(
        report_scan.match_page(
            MatchPage(match, remarks=[said], settings=cfg.yaml(), provenance=shown)
        ),
        out / "report.html",
    )
    syllable_files.finish(out, made, about)
    progress(Step("compare-states", 1, 1, out.name))
    return summary(out)


def both(cfg: CompareConfig, one: Path, other: Path) -> tuple[Sequences, Sequences]:
    """Read the recordings that both have."""
    a = syllable_files.read([folder(one)], cfg.fps, cfg.label).sequences
    label = cfg.label if cfg.other_label is None else cfg.other_label
    b = syllable_files.read([folder(other)], cfg.fps, label).sequences
    shared = [name for name in a.names if name in b.names]
    if not shared:
        raise InputError(
            f"{one} and {other} have no recording in common; files of the same recording have "
            "the same name"
        )
    return select(a, shared), select(b, shared)


def folder(path: Path) -> Path:
    """Return where the states of a run lie; other paths as they are."""
    return path / "states" if (path / "states").is_dir() else path


def summary(out: Path) -> Compared:
    """Say what lies in the folder."""
    told = store.read_json(out / "agreement.json")
    names = ("adjusted_rand", "accuracy", "nats", "low", "high")
    rand, accuracy, nats, low, high = (
        float("nan") if told[name] is None else float(told[name]) for name in names
    )
    return Compared(
        out, told["recordings"], told["frames"], rand, accuracy, nats, low, high,
        told["above_chance"],
    )  # fmt: skip


def describe(values: dict[str, Any]) -> str:
    """Say in a few lines how they agree."""
    return (
        f"{values['out']}: adjusted Rand index {values['adjusted_rand']:.3f}, "
        f"{values['accuracy']:.1%} of {values['frames']} frames with the matched label, in "
        f"{values['recordings']} recordings\n{_sentence(values)}"
    )


def _sentence(values: dict[str, Any]) -> str:
    if values["above_chance"]:
        more = "more than every shift of one against the other does"
    else:
        more = "no more than shifts of one against the other do"
    return f"one tells {values['nats']:.3f} nats of the other, chance taken off: {more}"

"""Stage `agreement`: how far do people who watched the same recordings say the same?

reads   raters    ethograms, a file or more a person
writes  out/pairs.csv      every two raters, label by label: kappa, F1, bouts, onset error
        out/consensus.csv  bouts that most of them saw
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pandas as pd
from pydantic import Field

from gambol.behavior import agreement
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.ethogram import Ethogram, join, select
from gambol.core.progress import Progress, Step, silent
from gambol.io import ethogram as io_ethogram
from gambol.io import state_courses
from gambol.stages import rater_files


class AgreementConfig(Config):
    """Settings of the stage."""

    fps: float | None = Field(default=None, gt=0)  # of the video, where files do not say it
    labels: tuple[str, ...] = ()  # that are compared; none: all
    overlap: float = Field(default=0.5, gt=0, le=1)  # of two bouts that are one
    ties: Literal["absent", "present", "unknown"] = "absent"  # frames that half of them saw


class Agreed(NamedTuple):
    """What was found."""

    out: Path
    raters: tuple[str, ...]
    f1: dict[str, float]  # of every label, mean over pairs of raters
    kappa: dict[str, float]
    bouts: int  # of the consensus
    alone: tuple[str, ...] = ()  # recordings that not all rated, so without a consensus


def run(
    cfg: AgreementConfig, sources: list[Path], out: Path, *, progress: Progress = silent
) -> Agreed:
    """Compare raters: those that files name; else each file is one, or each folder."""
    raters = _raters(cfg, sources)
    if len(raters) < 2:
        raise InputError(
            f"{sources[0]}: only {', '.join(raters) or 'nobody'} rated; agreement takes two"
        )
    among = list(cfg.labels) or None
    table = agreement.pairwise(raters, among, overlap=cfg.overlap)
    shared, alone = _shared(list(raters.values()))
    made = agreement.consensus(
        [select(one, recording=shared) for one in raters.values()], among, ties=cfg.ties
    )
    out.mkdir(parents=True, exist_ok=True)
    state_courses.write_table(table, out / "pairs.csv")
    io_ethogram.write(made, out / "consensus.csv", "bouts")
    progress(Step("agreement", 1, 1, out.name))
    return Agreed(
        out,
        tuple(raters),
        _means(table, "f1"),
        _means(table, "kappa"),
        len(made.bouts),
        tuple(alone),
    )


def describe(values: dict[str, Any]) -> str:
    """Say in a few lines how far they agree."""
    rows = [f"{values['out']}: {', '.join(values['raters'])}"]
    for label, score in values["f1"].items():
        rows.append(
            f"{label}: F1 {score:.2f}, kappa {values['kappa'][label]:.2f} (of frames, mean of "
            "all pairs)"
        )
    rows.append(f"{values['bouts']} bouts in the consensus")
    if values["alone"]:
        few = ", ".join(values["alone"][:4]) + (", …" if len(values["alone"]) > 4 else "")
        rows.append(f"without one, for not all rated them: {few}")
    return "\n".join(rows)


def _shared(raters: Sequence[Ethogram]) -> tuple[list[str], list[str]]:
    """Return the recordings that all rated, and the others."""
    sets = [set(map(str, one.recordings["recording"])) for one in raters]
    every = sorted(set.union(*sets))
    shared = sorted(set.intersection(*sets))
    if not shared:
        raise InputError(
            f"no recording was rated by all {len(raters)} raters, so they have no consensus; "
            "give those who rated the same recordings"
        )
    return shared, [name for name in every if name not in shared]


def _raters(cfg: AgreementConfig, sources: list[Path]) -> dict[str, Ethogram]:
    found: dict[str, list[Ethogram]] = {}
    for path, rater in zip(sources, rater_files.names(sources), strict=True):
        made = io_ethogram.read(path, fps=cfg.fps).ethogram
        for name, own in agreement.by_annotator(made).items():
            found.setdefault(name or rater, []).append(own)
        if not len(made.bouts):  # who saw nothing saw that
            found.setdefault(rater, []).append(made)
    return {name: join(parts) if len(parts) > 1 else parts[0] for name, parts in found.items()}


def _means(table: pd.DataFrame, score: str) -> dict[str, float]:
    each = table.groupby("label")[score].mean()
    return {str(label): float(value) for label, value in each.items()}

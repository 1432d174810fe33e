"""Stage `queue`: which stretches to label next, so that a classifier learns most.

reads   model        run folder of `fit-classifier`, or its model.nc
        sources      poses, or files of `gambol features`, as in the fit
        labels       optional: ethograms; what they assessed is not asked about again
writes  out (CSV)    stretches in the order in which to label them, each with its reason
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field

from gambol.behavior import classifier_data, classifier_queue
from gambol.behavior.classifier_data import Series
from gambol.behavior.classifier_queue import QueueSettings
from gambol.core.errors import InputError
from gambol.core.ethogram import Ethogram
from gambol.core.progress import Progress, silent
from gambol.io import state_courses
from gambol.stages import classifier_files


class QueueConfig(QueueSettings):
    """Settings of the stage."""

    fps: float | None = Field(default=None, gt=0)  # of the video, where labels do not say it
    repair: bool = False  # mend starts and stops of labels without a partner


class Queued(NamedTuple):
    """What was chosen."""

    out: Path
    stretches: int
    seconds: float
    predicted: dict[str, int]  # stretches by what is predicted in them
    first: str  # the reason of the first


def run(
    cfg: QueueConfig,
    model: Path,
    sources: list[Path],
    out: Path,
    *,
    labels: list[Path] | None = None,
    progress: Progress = silent,
) -> Queued:
    """Choose stretches."""
    path, files = classifier_files.model_path(model), classifier_files.expand(sources)
    labels = classifier_files.label_files(labels or [])
    if out.is_dir():
        raise InputError(f"{out} is a folder; give the name of a CSV file")
    fitted = classifier_files.read_model(path)
    told = classifier_files.labels(labels, cfg.fps, cfg.repair) if labels else None
    parts, found = [], []
    for held in classifier_files.each(files, fitted, "queue", progress):
        known, scores = _assessed(told, held), fitted.ensemble(held)
        found.append(
            classifier_queue.cut(cfg, scores, held.values, held.offsets, known, held.fps)
        )
        parts.append(classifier_data.bare(held))
    asked = classifier_queue.together(cfg, found, *(len(one.names) for one in parts))
    held = classifier_data.together(parts)
    limits = np.array([how.threshold for how in fitted.decisions_])
    chosen = classifier_queue.choose(cfg, asked, fitted.labels_, limits, held.fps)
    table = classifier_queue.table(
        asked, chosen, fitted.labels_, held.recordings, held.animals, held.times
    )
    state_courses.write_table(table, out)
    counts = table["predicted"].value_counts(sort=False)
    return Queued(
        out, len(table), float((table["stop_s"] - table["start_s"]).sum()),
        {str(name): int(n) for name, n in counts.items()}, str(table["why"].iloc[0]),
    )  # fmt: skip


def describe(values: dict[str, Any]) -> str:
    """Say in a few lines what was chosen."""
    kinds = ", ".join(f"{n} {name}" for name, n in values["predicted"].items())
    return (
        f"{values['out']}: {values['stretches']} stretches, {values['seconds']:.0f} s in all "
        f"({kinds})\nfirst: {values['first']}"
    )


def _assessed(told: Ethogram | None, held: Series) -> np.ndarray:
    """Return the frames that somebody has looked at already."""
    known = np.zeros(len(held.values), bool)
    if told is None:
        return known
    for a, name in enumerate(held.recordings):
        own = classifier_data.assessed(told, name, held.times[a])
        known[held.offsets[a] : held.offsets[a + 1]] = own
    return known

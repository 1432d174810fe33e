"""Stage `behavior-report`: one page about behaviour, from whatever there is.

reads   sources   runs of syllables, states or a map; runs of a classifier; ethograms
        animals   optional: a table of recordings, animals and groups
        poses     optional: pose files, where runs do not name them
        movies    optional: folders of movies to link
writes  out            HTML that needs nothing but itself (movies are links)
        out-PART.gif   with `gif`: the trajectories, moving, for slides
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from pydantic import Field

from gambol.behavior import ethogram as of_bouts
from gambol.behavior.align import AlignSettings
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.io import ethogram as io_ethogram
from gambol.io import provenance, store
from gambol.stages import animals as of_animals
from gambol.stages import behavior_parts, label_runs, movie_sources
from gambol.stages.behavior_parts import PartConfig
from gambol.viz import figures_trajectories
from gambol.viz.report_behavior import BudgetPart, LabelsPart, behavior_page
from gambol.viz.report_parts import number

KINDS = {"syllable": "syllables", "state": "states", "stay": "places"}  # folders of runs


class BehaviorReportConfig(PartConfig):
    """Settings of the stage."""

    title: str = "Behaviour"  # of the page
    fps: float | None = Field(default=None, gt=0)  # where the files do not say it
    anterior: tuple[str, ...] = ()  # keypoints of the head, where a run says no headings
    posterior: tuple[str, ...] = ()  # keypoints of the rear
    gif: bool = False  # also write the moving trajectories as GIF files


class Reported(NamedTuple):
    """What was written."""

    page: Path
    files: tuple[Path, ...]  # beside it
    parts: tuple[str, ...]  # what it is about
    different: tuple[str, ...]  # tests that found a difference of groups
    remarks: tuple[str, ...]


def run(
    cfg: BehaviorReportConfig,
    sources: Sequence[Path],
    out: Path,
    *,
    animals: Path | None = None,
    poses: Sequence[Path] = (),
    movies: Sequence[Path] = (),
    progress: Progress = silent,
) -> Reported:
    """Write the page.

    Args:
        cfg: settings.
        sources: what it is about, a part each.
        out: the page, .html.
        animals: CSV with columns recording, animal and the factor.
        poses: pose files.
        movies: folders.
        progress: told of every part.
    """
    if not sources:
        raise InputError("no sources were given; give a run or an ethogram")
    told = _animals(cfg, animals)
    films = behavior_parts.films(movies, out)
    parts: list[LabelsPart | BudgetPart] = []
    for done, source in enumerate(sources):
        own = films if done == 0 else []  # links stand once
        parts.append(_part(cfg, source, told, poses, own))
        progress(Step("behavior-report", done + 1, len(sources), source.name))
    facts = provenance.record(stage="behavior-report", sources=[str(s) for s in sources])
    kept = {key: facts[key] for key in ("stage", "sources", "command", "versions", "date")}
    text = behavior_page(cfg.title, parts, (), cfg.yaml(), kept)
    store.write_text(text, out)
    files = _moving(parts, out) if cfg.gif else []
    return Reported(
        out, tuple(files), tuple(part.title for part in parts), tuple(_different(parts)),
        tuple(sentence for part in parts for sentence in part.remarks),
    )  # fmt: skip


def describe(values: dict[str, Any]) -> str:
    """Say in a few lines what was written."""
    rows = [f"{values['page']}: {', '.join(values['parts'])}"]
    rows += [f"beside it: {file}" for file in values["files"]]
    rows += list(values["different"])
    return "\n".join(rows + [f"note: {sentence}" for sentence in values["remarks"]])


def kind_of(source: Path) -> str | None:
    """Return what labels a source has, or None if it is an ethogram."""
    if source.is_dir():
        for kind, folder in KINDS.items():
            if (source / folder).is_dir() and not (source / "bouts.csv").is_file():
                return kind
        for kind in ("syllable", "state"):
            if (source / KINDS[kind]).is_dir():
                return kind
        return None if (source / "bouts.csv").is_file() else "syllable"
    return None if movie_sources.is_ethogram(source, "syllable") else "syllable"


def _part(
    cfg: BehaviorReportConfig,
    source: Path,
    told: pd.DataFrame | None,
    poses: Sequence[Path],
    films: Sequence[tuple[str, str]],
) -> LabelsPart | BudgetPart:
    kind = kind_of(source)
    title = source.resolve().name if source.is_dir() else source.stem
    if kind is None:
        return _budget(cfg, source, title, told, films)
    found = label_runs.read(source, cfg.fps, kind)
    aligned, remark = _aligned(cfg, found, poses)
    part = behavior_parts.labels(
        cfg, title, kind, found.applied, aligned, told, films, found.between
    )
    return part._replace(remarks=(*part.remarks, *remark))


def _aligned(
    cfg: BehaviorReportConfig, found: label_runs.Run, poses: Sequence[Path]
) -> tuple[label_runs.Poses | None, tuple[str, ...]]:
    """Return poses if there are some; else say what is missing for want of them."""
    ends = None
    if cfg.anterior or cfg.posterior:
        ends = AlignSettings(anterior=cfg.anterior, posterior=cfg.posterior)
    if poses or label_runs.has_poses(found):
        return label_runs.Poses(found, poses, ends), ()
    return None, (
        f"{found.folder.name}: without poses there are no trajectories, speeds or tree; give "
        "them with --poses.",
    )


def _budget(
    cfg: BehaviorReportConfig,
    source: Path,
    title: str,
    told: pd.DataFrame | None,
    films: Sequence[tuple[str, str]],
) -> BudgetPart:
    """Return what the page says of an ethogram."""
    path = source / "bouts.csv" if source.is_dir() else source
    found = io_ethogram.read(path, fps=cfg.fps)
    table = of_bouts.budget(found.ethogram)
    tests = []
    if told is not None and cfg.factor is not None:
        tests = behavior_parts.compared(found.ethogram, None, told, cfg)
    names = sorted(set(found.ethogram.bouts["label"]))
    numbers = [
        (str(len(names)), "behaviours"),
        (str(len(found.ethogram.recordings)), "recordings"),
        (number(float(len(found.ethogram.bouts))), "bouts"),
    ]
    return BudgetPart(title, numbers, table, tests, films, tuple(found.notes))


def _animals(cfg: BehaviorReportConfig, path: Path | None) -> pd.DataFrame | None:
    if path is None:
        if cfg.factor is not None:
            raise InputError("factor: give the table of animals as well (--animals)")
        return None
    return of_animals.read(path)


def _different(parts: Sequence[LabelsPart | BudgetPart]) -> list[str]:
    """Say which tests found something."""
    said = []
    for part in parts:
        tests = part.tests if isinstance(part, BudgetPart) else ()
        if isinstance(part, LabelsPart) and part.groups is not None:
            tests = part.groups.tests
        said += [f"{part.title}, {title.lower()}: {sentence}" for title, sentence, _ in tests]
    return said


def _moving(parts: Sequence[LabelsPart | BudgetPart], out: Path) -> list[Path]:
    """Write the moving trajectories of every part."""
    files = []
    for part in parts:
        if isinstance(part, LabelsPart) and part.moves is not None and part.moves.names:
            path = out.with_name(f"{out.stem}-{part.title}.gif")
            store.write_bytes(figures_trajectories.gif(part.moves), path)
            files.append(path)
    return files

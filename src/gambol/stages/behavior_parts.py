"""What the page about behaviour says of one source of labels: computed here, drawn in `viz`."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
from pydantic import Field, NonNegativeInt, PositiveInt

from gambol.behavior import (
    dendrogram,
    fingerprints,
    graphs,
    group_values,
    groups,
    sequences,
    syllable_table,
    trajectories,
)
from gambol.behavior.align import plane
from gambol.behavior.fingerprints import Classified
from gambol.behavior.groups import GroupTest
from gambol.behavior.label_map import Applied
from gambol.behavior.trajectories import Posed, Trajectories, TrajectorySettings
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.sequences import Sequences, lengths, resized
from gambol.stages.label_runs import with_ways, without_ways
from gambol.viz import figures_syllables
from gambol.viz.figures_syllables import Graph, Named
from gambol.viz.figures_trajectories import Moves
from gambol.viz.report_behavior import GroupsPart, LabelsPart, TreePart
from gambol.viz.report_parts import number, percent, time

BETWEEN = "on the way"  # between regions of a map
MOST = 36  # labels that pictures show


class PartConfig(Config):
    """How labels are looked at."""

    factor: str | None = None  # column of the animals that tells groups apart
    trajectories: TrajectorySettings = TrajectorySettings()
    words: int = Field(default=3, ge=2)  # bouts of a sequence in the table
    cut: float | None = Field(default=None, gt=0)
    # height below which labels count as alike; null: twice what halves of one label differ by
    permutations: PositiveInt = 10_000  # of animals, in tests of groups
    labellings: PositiveInt = 500  # permuted ones that the classifier of groups is tried on
    seed: NonNegativeInt = 0  # of these, and of samples of instances


def labels(
    cfg: PartConfig,
    title: str,
    kind: str,
    applied: Applied,
    animals: Iterable[Posed] | None,
    told: pd.DataFrame | None,
    films: Sequence[tuple[str, str]],
    between: np.ndarray | None = None,
) -> LabelsPart:
    """Return what a page says of labels.

    Args:
        cfg: settings.
        title: of the source.
        kind: what a label is.
        applied: labels after the label map.
        animals: poses of all recordings, walked through several times; None: there are none.
        told: whose each recording is, and groups; None if nobody said.
        films: name and address.
        between: (T,) bool, frames on the way between labels; they end bouts and have no label.
    """
    seq, ordered, names = applied.sequences, applied.sequences, list(applied.own_names())
    if between is not None:
        names[0] = BETWEEN
        ordered, seq = without_ways(seq, between), with_ways(seq, between)
    usage = sequences.usage(seq, resamples=0).pooled
    usage[0] *= between is None
    shown = [k for k in np.argsort(-usage, kind="stable").tolist() if usage[k] > 0]
    kept = [k for k in shown if usage[k] >= cfg.trajectories.min_usage][:MOST] or shown[:MOST]
    colours = figures_syllables.colours(seq.size, applied.colours)
    of_frames = {} if animals is None else syllable_table.all_scalars(animals)
    measures = syllable_table.tables(seq, of_frames, names, told, cfg.factor)
    if between is not None and measures.groups is not None and measures.animals is not None:
        own = [part[part["id"] != 0] for part in (measures.animals, measures.groups)]
        measures = measures._replace(animals=own[0], groups=own[1])
    remarks = []
    if len(kept) < len(shown):
        rare = len(shown) - len(kept)
        rest = percent(float(usage[shown].sum() - usage[kept].sum()))
        remarks.append(f"{rare} {kind}s with {rest} of the frames are left out of pictures.")
    moves, tree = None, None
    if animals is not None:
        found = trajectories.trajectories(seq, animals, cfg.trajectories, random_state=cfg.seed)
        found = trajectories.only(found, kept)  # the most used first
        moves = _moves(found, next(iter(animals)), names, colours, usage)
        tree = _tree(cfg, found, names, colours)
    order = kept if tree is None else _in_order(tree, kept, names)
    place = np.array(order, np.int64)
    pairs = graphs.bigrams(ordered)
    chance = pairs.values[np.ix_(place, place)]
    every = [Graph("all", chance, pairs.usage[place])]
    grouped = None
    if told is not None and cfg.factor is not None:
        found_groups = graphs.grouped(ordered, told, cfg.factor)
        every += [
            Graph(f"{level} ({count} animals)", values[np.ix_(place, place)], used[place])
            for level, count, values, used in zip(*found_groups, strict=True)
        ]
        grouped = _groups(cfg, (seq, ordered), names, kept, of_frames, told, measures)
    notes = {label.id: "; ".join(label.notes) for label in applied.labels}
    return LabelsPart(
        title, kind, _numbers(seq, kind, shown),
        {k: (names[k], colours[k]) for k in kept}, notes,
        measures.pooled.set_index("id", drop=False).loc[kept], _named(order, names, colours),
        chance, graphs.n_grams(ordered, cfg.words, names), every,
        graphs.layout(chance), moves, tree, grouped, films, tuple(remarks),
    )  # fmt: skip


def compared(
    source: Any,
    names: Sequence[str] | None,
    told: pd.DataFrame,
    cfg: PartConfig,
    ordered: tuple[Sequences, Sequence[str]] | None = None,
) -> list[tuple[str, str, pd.DataFrame]]:
    """Compare usage, durations and, of labels of frames, transitions between groups.

    Args:
        source: sequences or an ethogram.
        names: of the labels of sequences.
        told: whose each recording is, and groups.
        cfg: settings; with a factor.
        ordered: labels that follow each other, and their names, if others than these.
    """
    factor = str(cfg.factor)
    plan: dict[str, Any] = {"permutations": cfg.permutations, "random_state": cfg.seed}
    made = [
        ("Usage, compared", groups.usage_test(source, told, factor, **plan)),
        ("Durations, compared", groups.duration_test(source, told, factor, **plan)),
    ]
    if names is not None:
        made.append(
            (
                "Transitions, compared",
                groups.transition_test(
                    source if ordered is None else ordered[0], told, factor, **plan
                ),
            )
        )
    follows = names if ordered is None else ordered[1]
    return [
        (title, str(found), _said(found, follows if title.startswith("Tr") else names))
        for title, found in made
    ]


def _in_use(seq: Sequences, names: Sequence[str]) -> tuple[Sequences, list[str]]:
    """Return labels without those that no frame has, so that none is tested."""
    used = np.unique(seq.values[seq.valid]).astype(np.int64)
    new = np.full(seq.size, -1)
    new[used] = np.arange(len(used))
    return resized(sequences.relabel(seq, new), len(used)), [names[k] for k in used]


def _said(found: GroupTest, names: Sequence[str] | None) -> pd.DataFrame:
    """Put names in the place of numbers."""
    table = found.table
    if names is None:
        return table

    def word(index: Any) -> Any:
        if isinstance(index, tuple):
            return tuple(word(part) for part in index)
        return names[int(index)]

    told = table.copy()
    told.index = pd.Index([word(index) for index in table.index], tupleize_cols=False)
    return told[np.isfinite(told["p"].to_numpy(np.float64))]


def _groups(
    cfg: PartConfig,
    both: tuple[Sequences, Sequences],
    names: Sequence[str],
    kept: list[int],
    of_frames: dict[str, dict[str, np.ndarray]],
    told: pd.DataFrame,
    measures: syllable_table.Tables,
) -> GroupsPart:
    """How groups differ: tests, classifiers, fingerprints."""
    factor = str(cfg.factor)
    seq, ordered = both
    usage = group_values.usage(seq).iloc[:, kept]
    units = group_values.units(usage, told, factor)
    order = np.argsort(units.level, kind="stable")
    shares, edges = {}, {}
    if of_frames:
        prints = fingerprints.fingerprints(of_frames, told, factor)
        shares, edges = dict(prints.shares), prints.edges
    used = units.values[order]
    shares["usage"] = used / np.maximum(used.sum(axis=1, keepdims=True), 1e-12)
    guessed = []
    if np.bincount(units.level).min() > 1:
        moves = group_values.transitions(ordered, normalise="joint")
        for title, values in (
            ("Groups told by usage", usage), ("Groups told by transitions", moves),
        ):  # fmt: skip
            if values.shape[1]:
                found = fingerprints.classify(
                    values.fillna(0.0), told, factor, permutations=cfg.labellings,
                    random_state=cfg.seed,
                )  # fmt: skip
                guessed.append(_guess(title, found))
    assert measures.groups is not None
    assert measures.animals is not None
    return GroupsPart(
        compared(*_in_use(seq, names), told, cfg, ordered=_in_use(ordered, names)),
        guessed, shares, edges,
        units.level[order], units.levels,
        tuple(units.animal[i] for i in order), measures.groups, measures.animals,
    )  # fmt: skip


def _guess(title: str, found: Classified) -> tuple[str, str, np.ndarray, float, np.ndarray]:
    sentence = " ".join([str(found), *found.notes])
    return title, sentence, found.confusion, found.accuracy, found.null


def _moves(
    found: Trajectories,
    aligned: Posed,
    names: Sequence[str],
    colours: Sequence[str],
    usage: np.ndarray,
) -> Moves:
    """Return what pictures of trajectories need; coordinates become ahead, left, up."""
    space = found.median.shape[-1]
    axes = plane(space, aligned.up)
    axes = axes + [c for c in range(space) if c not in axes]
    return Moves(
        tuple(names[k] for k in found.labels), tuple(colours[k] for k in found.labels),
        tuple(percent(float(usage[k])) for k in found.labels), found.median[..., axes],
        found.lag_s, aligned.track.skeleton, found.unit, found.unit == "pixels",
    )  # fmt: skip


def _tree(
    cfg: PartConfig, found: Trajectories, names: Sequence[str], colours: Sequence[str]
) -> TreePart | None:
    if len(found.labels) < 2:
        return None
    tree = dendrogram.by_trajectories(found)
    cut = tree.alike if cfg.cut is None else cfg.cut
    alike = [", ".join(names[k] for k in group) for group in tree.groups(cut)]
    unit = "px" if tree.unit == "pixels" else tree.unit
    said = f"distance of median trajectories, {unit}"
    named = _named(tree.labels.tolist(), names, colours)
    return TreePart(tree.linkage, tree.distance, named, said, cut, tuple(alike))


def _in_order(tree: TreePart, kept: list[int], names: Sequence[str]) -> list[int]:
    """Return the labels as the tree has them, those without a trajectory last."""
    leaves = dendrogram.leaves(tree.linkage)
    place = {tree.labels.names[leaf]: i for i, leaf in enumerate(leaves)}
    return sorted(kept, key=lambda k: place.get(names[k], len(place)))


def _named(ids: Sequence[int], names: Sequence[str], colours: Sequence[str]) -> Named:
    return Named(tuple(names[k] for k in ids), tuple(colours[k] for k in ids))


def _numbers(seq: Sequences, kind: str, shown: Sequence[int]) -> list[tuple[str, str]]:
    bouts = int(np.isin(sequences.bouts(seq).label, shown).sum())
    minutes = float(lengths(seq).sum()) / seq.fps / 60
    middle = sequences.median(sequences.durations(seq, shown))
    labelled = (
        float((seq.valid & np.isin(seq.values, shown)).mean()) if len(seq.valid) else np.nan
    )
    return [
        (str(len(shown)), f"{kind}s in use"),
        (f"{number(minutes)}\u00a0min", _in(len(seq.names))),
        (percent(labelled), "of the frames have a label"),
        (number(float(bouts)), "bouts"), (time(middle), "median bout"),
    ]  # fmt: skip


def _in(recordings: int) -> str:
    return "in 1 recording" if recordings == 1 else f"in {recordings} recordings"


def films(folders: Sequence[Path], page: Path) -> list[tuple[str, str]]:
    """Return movies of folders as links from a page."""
    found = []
    for folder in folders:
        if not folder.exists():
            raise InputError(f"{folder} does not exist; give a folder of movies")
        inside = sorted(folder.glob("*.mp4")) if folder.is_dir() else [folder]
        for path in inside:
            address = os.path.relpath(path.resolve(), page.resolve().parent)
            found.append((path.stem, quote(Path(address).as_posix())))
    return found

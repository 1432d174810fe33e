"""What the page about behaviour says of one source of labels: computed here, drawn in `viz`."""

import os
from collections.abc import Sequence
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
from gambol.behavior.align import Aligned, plane
from gambol.behavior.fingerprints import Classified
from gambol.behavior.groups import GroupTest
from gambol.behavior.label_map import Applied
from gambol.behavior.trajectories import Trajectories, TrajectorySettings
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.sequences import Sequences, lengths, resized
from gambol.viz import figures_syllables
from gambol.viz.figures_syllables import Graph, Named
from gambol.viz.figures_trajectories import Moves
from gambol.viz.report_behavior import GroupsPart, LabelsPart, TreePart
from gambol.viz.report_parts import number, percent, time

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
    animals: Sequence[Aligned],
    told: pd.DataFrame | None,
    films: Sequence[tuple[str, str]],
) -> LabelsPart:
    """Return what a page says of labels.

    Args:
        cfg: settings.
        title: of the source.
        kind: what a label is.
        applied: labels after the label map.
        animals: poses of all recordings; none where there are none.
        told: whose each recording is, and groups; None if nobody said.
        films: name and address.
    """
    seq, names = applied.sequences, applied.own_names()
    usage = sequences.usage(seq, resamples=0).pooled
    shown = [k for k in np.argsort(-usage, kind="stable").tolist() if usage[k] > 0]
    kept = [k for k in shown if usage[k] >= cfg.trajectories.min_usage][:MOST] or shown[:MOST]
    colours = figures_syllables.colours(seq.size, applied.colours)
    of_frames = syllable_table.all_scalars(animals)
    measures = syllable_table.tables(seq, of_frames, names, told, cfg.factor)
    remarks = []
    if len(kept) < len(shown):
        rare = len(shown) - len(kept)
        rest = percent(float(1 - usage[kept].sum()))
        remarks.append(f"{rare} {kind}s with {rest} of the frames are left out of pictures.")
    moves, tree = None, None
    if animals:
        found = trajectories.trajectories(seq, animals, cfg.trajectories, random_state=cfg.seed)
        found = _only(found, kept)
        moves = _moves(found, animals[0], names, colours, usage)
        tree = _tree(cfg, found, names, colours)
    order = kept if tree is None else _in_order(tree, kept, names)
    place = np.array(order, np.int64)
    pairs = graphs.bigrams(seq)
    chance = pairs.values[np.ix_(place, place)]
    every = [Graph("all", chance, pairs.usage[place])]
    grouped = None
    if told is not None and cfg.factor is not None:
        found_groups = graphs.grouped(seq, told, cfg.factor)
        every += [
            Graph(f"{level} ({count} animals)", values[np.ix_(place, place)], used[place])
            for level, count, values, used in zip(*found_groups, strict=True)
        ]
        grouped = _groups(cfg, seq, names, kept, of_frames, told, measures)
    notes = {label.id: "; ".join(label.notes) for label in applied.labels}
    return LabelsPart(
        title, kind, _numbers(seq, kind, len(shown)),
        {k: (names[k], colours[k]) for k in kept}, notes,
        measures.pooled.set_index("id", drop=False).loc[kept], _named(order, names, colours),
        chance, graphs.n_grams(seq, cfg.words, names), every,
        graphs.layout(chance), moves, tree, grouped, films, tuple(remarks),
    )  # fmt: skip


def compared(
    source: Any, names: Sequence[str] | None, told: pd.DataFrame, cfg: PartConfig
) -> list[tuple[str, str, pd.DataFrame]]:
    """Compare usage, durations and, of labels of frames, transitions between groups.

    Args:
        source: sequences or an ethogram.
        names: of the labels of sequences.
        told: whose each recording is, and groups.
        cfg: settings; with a factor.
    """
    factor = str(cfg.factor)
    plan: dict[str, Any] = {"permutations": cfg.permutations, "random_state": cfg.seed}
    made = [
        ("Usage, compared", groups.usage_test(source, told, factor, **plan)),
        ("Durations, compared", groups.duration_test(source, told, factor, **plan)),
    ]
    if names is not None:
        made.append(
            ("Transitions, compared", groups.transition_test(source, told, factor, **plan))
        )
    return [(title, str(found), _said(found, names)) for title, found in made]


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
    seq: Sequences,
    names: Sequence[str],
    kept: list[int],
    of_frames: dict[str, dict[str, np.ndarray]],
    told: pd.DataFrame,
    measures: syllable_table.Tables,
) -> GroupsPart:
    """How groups differ: tests, classifiers, fingerprints."""
    factor = str(cfg.factor)
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
        moves = group_values.transitions(seq, normalise="joint")
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
        compared(*_in_use(seq, names), told, cfg), guessed, shares, edges,
        units.level[order], units.levels,
        tuple(units.animal[i] for i in order), measures.groups, measures.animals,
    )  # fmt: skip


def _guess(title: str, found: Classified) -> tuple[str, str, np.ndarray, float, np.ndarray]:
    sentence = " ".join([str(found), *found.notes])
    return title, sentence, found.confusion, found.accuracy, found.null


def _only(found: Trajectories, kept: list[int]) -> Trajectories:
    """Return the trajectories of the labels that are shown, the most used first."""
    index = {label: i for i, label in enumerate(found.labels.tolist())}
    rows = np.array([index[k] for k in kept if k in index], np.int64)
    return found._replace(
        labels=found.labels[rows], median=found.median[rows], onsets=found.onsets[rows],
        used=found.used[rows], repeat=found.repeat[rows],
    )  # fmt: skip


def _moves(
    found: Trajectories,
    aligned: Aligned,
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


def _numbers(seq: Sequences, kind: str, used: int) -> list[tuple[str, str]]:
    bouts = sequences.bouts(seq)
    minutes = float(lengths(seq).sum()) / seq.fps / 60
    middle = sequences.median(sequences.durations(seq))
    labelled = float(seq.valid.mean()) if len(seq.valid) else float("nan")
    return [
        (str(used), f"{kind}s in use"), (f"{number(minutes)}\u00a0min", _in(len(seq.names))),
        (percent(labelled), "of the frames have a label"),
        (number(float(len(bouts.label))), "bouts"), (time(middle), "median bout"),
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

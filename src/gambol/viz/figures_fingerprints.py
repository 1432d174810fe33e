"""Pictures of labels in groups of animals: table, fingerprints, and whether groups are told."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gambol.viz.figures import WIDTH
from gambol.viz.figures_syllables import ROWS, chips, colours, short
from gambol.viz.shades import GREY, cells
from gambol.viz.svg import BLUE, INK, ORANGE, guide, styled


@styled
def table(
    groups: pd.DataFrame,
    animals: pd.DataFrame,
    columns: Sequence[str],
    labels: Mapping[int, tuple[str, str]],
) -> Figure:
    """Measures of every label: means of groups with animals as dots.

    Args:
        groups: rows group and label: `group`, `id` and the columns.
        animals: rows animal and label, likewise.
        columns: measures that are shown, a panel each.
        labels: name and colour by number, in the order of the rows.
    """
    ids = list(labels)
    levels = sorted(set(groups["group"]))
    height = float(np.clip(0.19 * len(ids) * max(1.0, 0.55 * len(levels)) + 0.9, 2.0, 10.0))
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    panels = list(figure.subplots(1, len(columns), sharey=True, squeeze=False).ravel())
    tints = colours(len(levels)) if len(levels) > 1 else (BLUE,)
    for panel, key in zip(panels, columns, strict=True):
        for g, level in enumerate(levels):
            shift = (g - (len(levels) - 1) / 2) * 0.7 / max(1, len(levels))
            mean = groups[groups["group"] == level].set_index("id")[key].reindex(ids)
            own = animals[(animals["group"] == level) & animals["id"].isin(ids)]
            rows = np.array([ids.index(k) for k in own["id"]]) + shift
            scale = 100.0 if key == "usage" else 1.0
            panel.scatter(scale * own[key], rows, 7, color=tints[g], alpha=0.4, linewidths=0)
            panel.scatter(scale * mean, np.arange(len(ids)) + shift, 26, color=tints[g],
                          edgecolors=INK, linewidths=0.5, label=level, zorder=3)  # fmt: skip
        panel.set_xlabel("usage, %" if key == "usage" else _words(key))
        panel.xaxis.set_major_locator(MaxNLocator(4))
        guide(panel, "x")
        for row in range(0, len(ids), 2):
            panel.axhspan(row - 0.5, row + 0.5, color=GREY, alpha=0.08, linewidth=0)
    panels[0].set_yticks(range(len(ids)), [short(labels[k][0]) for k in ids], fontsize=8)
    panels[0].set_ylim(len(ids) - 0.5, -0.5)
    panels[0].tick_params(axis="y", pad=11)
    for panel in panels:
        panel.spines["left"].set_visible(False)
        panel.tick_params(axis="y", length=0)
    chips(panels[0], [labels[k][1] for k in ids], np.arange(len(ids), dtype=float), -0.055)
    if len(levels) > 1:
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper left",
                      ncols=min(6, len(levels)), frameon=False, fontsize=8)  # fmt: skip
    return figure


@styled
def fingerprint(
    shares: Mapping[str, Float[np.ndarray, "M _"]],
    edges: Mapping[str, Float[np.ndarray, " _"]],
    level: Int[np.ndarray, " M"],
    levels: Sequence[str],
    animals: Sequence[str],
    labels: Sequence[str] = (),
) -> Figure:
    """What each animal's movement is distributed like: a row an animal, shades are time.

    Args:
        shares: of time in bins, by scalar; or of labels, without edges.
        edges: of the bins.
        level: group of each row.
        levels: names of the groups.
        animals: names of the rows.
        labels: names of the columns where there are no edges.
    """
    count = len(animals)
    height = float(np.clip(0.17 * count + 1.3, 2.2, 8.0))
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    panels = list(figure.subplots(1, len(shares), squeeze=False, sharey=True).ravel())
    for panel, (key, values) in zip(panels, shares.items(), strict=True):
        limit = float(np.nanquantile(values, 0.995)) if values.size else 1.0
        cells(panel, values, limit=limit)
        panel.set_title(_words(key).split(",")[0], fontsize=9)
        if key in edges:
            _bins(panel, edges[key])
            panel.set_xlabel(_words(key).partition(", ")[2])
        elif len(labels) <= ROWS:
            names = [short(name, 14) for name in labels]
            panel.set_xticks(range(len(names)), names, rotation=90, fontsize=7.5)
        else:
            panel.set_xticks([])
        for edge in np.flatnonzero(np.diff(level)):
            panel.axhline(edge + 1 / 2, color=INK, linewidth=1.2)
    step = max(1, -(-count // ROWS))
    panels[0].set_yticks(range(0, count, step), [short(a) for a in animals][::step],
                         fontsize=7.5)  # fmt: skip
    ends = panels[-1].get_xlim()[1]
    for g in range(len(levels)):
        rows = np.flatnonzero(level == g)
        if len(rows):
            panels[-1].annotate(levels[g], (ends, float(rows.mean())), (5, 0), rotation=270,
                                textcoords="offset points", va="center", fontsize=8.5,
                                fontweight="bold", annotation_clip=False)  # fmt: skip
    return figure


@styled
def classified(
    confusion: Int[np.ndarray, "G G"],
    levels: Sequence[str],
    accuracy: float,
    null: Float[np.ndarray, " B"],
) -> Figure:
    """Which group animals were told to be of (left); how often chance does as well (right)."""
    figure = Figure(figsize=(WIDTH, 2.5), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.6])
    names = [short(level, 12) for level in levels]
    limit = float(confusion.sum(axis=1).max(initial=1))
    cells(left, confusion.astype(np.float64), limit=limit, numbers=".0f", rows=names,
          columns=names)  # fmt: skip
    left.set_xlabel("told")
    left.set_ylabel("true")
    left.set_title("Animals")
    left.set_aspect("equal")
    steps = np.linspace(0, 1, 41)
    right.hist(null, steps, color=GREY, alpha=0.6)
    right.axvline(accuracy, color=ORANGE, linewidth=2.2)
    side = 1 if accuracy < 0.7 else -1
    right.annotate("this labelling", (accuracy, 1.0), (4 * side, -8), color=ORANGE,
                   xycoords=right.get_xaxis_transform(), textcoords="offset points",
                   fontsize=8.5, ha="left" if side > 0 else "right")  # fmt: skip
    right.set_xlim(0, 1)
    right.set_xlabel("balanced accuracy of animals left out")
    right.set_title("Permuted labels of animals")
    right.set_yticks([])
    right.spines["left"].set_visible(False)
    return figure


def _bins(panel: Axes, edges: Float[np.ndarray, " _"]) -> None:
    """Name a few edges of bins."""
    bins = len(edges) - 1
    low, high = float(edges[0]), float(edges[-1])
    wanted = MaxNLocator(3, steps=[1, 2, 5, 10]).tick_values(low, high)
    inside = [v for v in wanted if low <= v <= high]
    at = [bins * (v - low) / (high - low) - 1 / 2 for v in inside]
    panel.set_xticks(at, [f"{v:g}" for v in inside], fontsize=8)


def _words(key: str) -> str:
    """Say a column of the table.

    >>> _words("duration_s")
    'duration, s'
    """
    if key in ("duration_s", "median_s"):
        return key.replace("_s", ", s")
    return {"per_min": "onsets, 1/min"}.get(key, key)

"""Pictures of what states are: which syllables they raise and lower, which states follow."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from gambol.viz.colours import hexadecimal
from gambol.viz.figures import WIDTH
from gambol.viz.shades import GREY, bar, cells, empty, state_colours, zero
from gambol.viz.svg import BLUE, INK, ORANGE, guide, new, styled

PANELS = 20  # states that have a panel of their own
TOP = 3  # syllables whose names are said, at either end
_LETTERS = 22  # that fit into a panel
_LEAST = 0.05  # share of the moves from a state, below which no arrow is drawn; more if many
_QUANTILE = 0.99  # of sizes: the strongest shade


@styled
def base(logits: Float[np.ndarray, "S S"], names: Sequence[str] | None = None) -> Figure:
    """The common table W: how much more or less likely the next syllable is (across).

    The strongest shade is set by what lies off the diagonal; staying is beyond it.
    """
    size = len(logits)
    figure, (panel,) = new(WIDTH, float(np.clip(0.075 * size + 2.0, 2.6, 6.4)))
    limit = _limit(logits[~np.eye(size, dtype=bool)] if size > 1 else logits.ravel())
    drawn = cells(panel, logits, limit=limit, around=True, numbers="+.1f", rows=names,
                  columns=names)  # fmt: skip
    panel.set_aspect("equal")
    panel.set_ylabel("syllable now")
    panel.set_xlabel("syllable next")
    bar(figure, drawn, panel, "W, logit")
    return figure


@styled
def biases(
    values: Float[np.ndarray, "K S"],
    usage: Float[np.ndarray, " K"] | None = None,
    names: Sequence[str] | None = None,
) -> Figure:
    """What each state adds to the common table: syllables from most lowered to most raised.

    Args:
        values: b, logits.
        usage: share of the frames; states are shown from the most used one.
        names: of the syllables; numbers by default.
    """
    order = _order(len(values), usage)
    figure, panels = _grid(len(order), 1.55)
    most = max(float(np.abs(values).max(initial=0.0)), 1e-9)
    for panel, k in zip(panels, order, strict=False):
        row = values[k]
        rank = np.argsort(row, kind="stable")
        colour = [ORANGE if value > 0 else BLUE for value in row[rank]]
        panel.bar(np.arange(len(row)), row[rank], 1.0, color=colour, linewidth=0)
        zero(panel)
        panel.set_xlim(-0.8, len(row) - 0.2)
        panel.set_ylim(-1.25 * most, 1.25 * most)
        panel.set_xticks([])
        panel.set_title(_headed(k, usage), fontsize=8.5)
        said = [str(j) if names is None else names[j] for j in rank]
        _ends(panel, "down: ", said, BLUE)
        _ends(panel, "up: ", said[::-1], ORANGE)
        guide(panel)
    return figure


@styled
def differences(
    theta: Float[np.ndarray, "K S S"], usage: Float[np.ndarray, " K"] | None = None
) -> Figure:
    """By how much the transitions of each state differ from their mean, θ_k − mean θ."""
    mean = theta.mean(axis=0)
    order = _order(len(theta), usage)
    figure, panels = _grid(len(order), 1.75)
    off = ~np.eye(theta.shape[1], dtype=bool) if theta.shape[1] > 1 else np.ones((1, 1), bool)
    limit = _limit((theta - mean)[:, off].ravel())
    drawn = None
    for panel, k in zip(panels, order, strict=False):
        drawn = cells(panel, theta[k] - mean, limit=limit, around=True)
        panel.set_aspect("equal")
        panel.set_xticks([])
        panel.set_yticks([])
        panel.set_title(_headed(k, usage), fontsize=8.5)
        for side in panel.spines.values():
            side.set(visible=True, color=GREY, linewidth=0.5)
    if drawn is not None:
        bar(figure, drawn, panels, "θ − mean")
    return figure


@styled
def transitions(
    trans: Float[np.ndarray, "K K"], fps: float, used: Bool[np.ndarray, " K"] | None = None
) -> Figure:
    """How often a state passes to another (log scale); on the diagonal, how long it stays.

    Args:
        trans: π, per frame.
        fps: frames a second.
        used: states that come in the recordings; the names of others are in brackets.
    """
    count = len(trans)
    figure, (panel,) = new(WIDTH, float(np.clip(0.3 * count + 1.0, 2.0, 6.4)))
    if count == 1:
        empty(panel, "there is one state only")
        return figure
    off = ~np.eye(count, dtype=bool)
    rate = np.where(off & (trans > 0), trans * fps * 60, np.nan)
    known = rate[np.isfinite(rate)]
    low, high = (known.min(), known.max()) if len(known) else (1e-3, 1.0)
    low, high = np.log10(low) - 0.3, max(np.log10(high), np.log10(low) + 0.5)
    drawn = cells(panel, np.log10(rate) - low, limit=high - low, rows=_names(count, used),
                  columns=_names(count, used))  # fmt: skip
    if count <= 14:
        for (i, j), value in np.ndenumerate(rate):
            if np.isfinite(value):
                panel.text(j, i, _rate(value), ha="center", va="center", fontsize=7)
    with np.errstate(divide="ignore"):
        stays = 1 / (1 - np.minimum(np.diag(trans), 1.0)) / fps
    for k, stay in enumerate(stays):
        text = f"{stay:.2g}s" if stay < 99.5 else f"{stay:.0f}s" if np.isfinite(stay) else "∞"
        if count <= 24:
            panel.text(k, k, text, ha="center", va="center", fontsize=7, color=GREY)
    panel.set_ylabel("state now")
    panel.set_xlabel("state next")
    bar(figure, drawn, panel, "times a minute")
    ticks = [t for t in range(int(np.floor(low)), int(np.ceil(high)) + 1) if low <= t <= high]
    beside = figure.axes[-1]
    beside.set_yticks([t - low for t in ticks], [f"{10.0**t:g}" for t in ticks])
    return figure


@styled
def graph(share: Float[np.ndarray, "K K"], usage: Float[np.ndarray, " K"]) -> Figure:
    """States on a circle, as large as they are used, with arrows to those that follow.

    Args:
        share: P(next other state is l | now k), 0 on the diagonal; NaN rows have no arrows.
        usage: share of the frames.
    """
    figure, (panel,) = new(WIDTH, 5.0)
    shown = np.flatnonzero(np.nan_to_num(usage) > 0)
    panel.set_axis_off()
    panel.set(aspect="equal", xlim=(-1.75, 1.75), ylim=(-1.25, 1.25))
    if not len(shown):
        empty(panel, "no state is used")
        return figure
    angle = np.pi / 2 - 2 * np.pi * np.arange(len(shown)) / len(shown)
    at = np.stack([np.cos(angle), np.sin(angle)], axis=1) * (len(shown) > 1)
    radius = 7 + 22 * np.sqrt(usage[shown] / usage[shown].max())  # points
    radius *= min(1.0, 17 / len(shown))  # so many stand side by side
    least = _LEAST if len(shown) <= 12 else 1.5 / len(shown)
    colours = state_colours(len(usage))
    for i, k in enumerate(shown):
        for j, to in enumerate(shown):
            weight = share[k, to]
            if i != j and weight >= least:  # NaN is not
                panel.add_patch(FancyArrowPatch(
                    tuple(at[i]), tuple(at[j]), connectionstyle="arc3,rad=0.13",
                    arrowstyle="-|>", mutation_scale=7 + 9 * weight, linewidth=0.5 + 5 * weight,
                    color=hexadecimal(colours[k]), alpha=0.5 + 0.5 * min(1.0, float(weight)),
                    shrinkA=radius[i] * 0.9, shrinkB=radius[j] * 0.9 + 2, zorder=1,
                ))  # fmt: skip
    for i, k in enumerate(shown):
        panel.plot(*at[i], "o", markersize=1.6 * radius[i], color=hexadecimal(colours[k]),
                   markeredgecolor=INK, markeredgewidth=0.7, zorder=3)  # fmt: skip
        place = at[i] * (1 + radius[i] / 110) if len(shown) > 1 else np.array([0.28, 0.0])
        side = "left" if place[0] > 0.1 else "right" if place[0] < -0.1 else "center"
        panel.text(
            place[0], place[1], f"{k}: {usage[k]:.0%}", ha=side, va="center", fontsize=8.5
        )
    return figure


def without_self(counts: Int[np.ndarray, "K K"]) -> Float[np.ndarray, "K K"]:
    """Return P(next other state | state) from pairs of frames; NaN where a state never ends.

    >>> without_self(np.array([[9, 1, 3], [0, 5, 0], [2, 0, 7]])).tolist()
    [[0.0, 0.25, 0.75], [nan, nan, nan], [1.0, 0.0, 0.0]]
    """
    off = counts * (1 - np.eye(len(counts), dtype=np.int64))
    total = off.sum(axis=1, keepdims=True)
    return np.where(total > 0, off / np.maximum(total, 1), np.nan)


def _ends(panel: Axes, word: str, names: Sequence[str], colour: str) -> None:
    """Say the first of the names, as many as fit, in the corner where no bar is."""
    shown = list(names[: min(TOP, len(names) // 2)])
    while len(shown) > 1 and len(word + ", ".join(shown)) > _LETTERS:
        shown.pop()
    below = word.startswith("up")
    text = panel.text(
        0.99 if below else 0.01, 0.02 if below else 0.98, word + ", ".join(shown),
        fontsize=7, color=colour, ha="right" if below else "left",
        va="bottom" if below else "top", transform=panel.transAxes,
    )  # fmt: skip
    text.set_in_layout(False)  # a long name must not push panels away


def _order(count: int, usage: Float[np.ndarray, " K"] | None) -> Int[np.ndarray, " P"]:
    """States that have a panel: the most used ones, those without use left out."""
    if usage is None:
        return np.arange(count)[:PANELS]
    order = np.argsort(-np.nan_to_num(usage), kind="stable")
    kept = order[np.nan_to_num(usage[order]) > 0][:PANELS]
    return kept if len(kept) else order[:1]


def _grid(count: int, height: float) -> tuple[Figure, list[Axes]]:
    columns = int(np.clip(count, 1, 4 if count <= 12 else 5))
    rows = -(-count // columns)
    figure = Figure(figsize=(WIDTH, height * rows + 0.15), layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False, sharey=True).flat)
    for panel in panels[count:]:
        panel.set_axis_off()
    return figure, panels


def _headed(k: int, usage: Float[np.ndarray, " K"] | None) -> str:
    return f"state {k}" if usage is None else f"state {k}: {usage[k]:.0%}"


def _limit(values: Float[np.ndarray, " N"]) -> float:
    """Size of the strongest shade."""
    known = np.abs(values[np.isfinite(values)])
    return max(float(np.quantile(known, _QUANTILE)), 1e-9) if len(known) else 1.0


def _names(count: int, used: Bool[np.ndarray, " K"] | None) -> list[str]:
    return [str(k) if used is None or used[k] else f"({k})" for k in range(count)]


def _rate(value: float) -> str:
    """Say a rate in few letters.

    >>> _rate(0.123), _rate(2e-9)
    ('.12', '0')
    """
    return "0" if value < 5e-4 else f"{value:.2g}".replace("0.", ".", 1)

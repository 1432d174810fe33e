"""Pictures of a classifier: precision and recall, calibration, what it needs, what it says."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gambol.viz.colours import hexadecimal
from gambol.viz.figures import WIDTH
from gambol.viz.shades import GREY, bar, cells, empty, state_colours
from gambol.viz.svg import BLUE, INK, ORANGE, guide, styled

_MOST = 12  # labels that have a curve


class LabelCurves(NamedTuple):
    """What one behaviour's curves are drawn of."""

    label: str
    recall: Float[np.ndarray, " Q"]
    precision: Float[np.ndarray, " Q"]
    at: tuple[float, float]  # recall and precision of what is predicted
    said: Float[np.ndarray, " B"]  # mean probability of a bin
    seen: Float[np.ndarray, " B"]  # share of its frames with the behaviour
    frames: Int[np.ndarray, " B"]


class Stretch(NamedTuple):
    """A part of a recording, as a person saw it and as the model says."""

    name: str
    labels: tuple[str, ...]
    begin_s: float
    fps: float
    shown: Bool[np.ndarray, "T L"]
    predicted: Bool[np.ndarray, "T L"]
    probability: Float[np.ndarray, "T L"]
    observed: Bool[np.ndarray, " T"]


@styled
def precision_recall(curves: Sequence[LabelCurves]) -> Figure:
    """Precision against recall (left), and what probabilities are worth (right)."""
    figure = Figure(figsize=(WIDTH, 3.3), layout="constrained")
    left, right = figure.subplots(1, 2)
    colours = [hexadecimal(colour) for colour in state_colours(max(1, len(curves)))]
    left.set_title("Precision against recall, frames")
    right.set_title("Frames with the behaviour, by probability")
    right.plot([0, 1], [0, 1], color=GREY, linewidth=0.9, linestyle=(0, (4, 3)))
    for k, one in enumerate(curves[:_MOST]):
        left.plot(one.recall, one.precision, color=colours[k], label=one.label)
        left.plot(*one.at, "o", color=colours[k], markeredgecolor=INK, markeredgewidth=0.6)
        size = 10 + 60 * np.sqrt(one.frames / max(1, one.frames.max(initial=1)))
        right.plot(one.said, one.seen, color=colours[k], linewidth=1.0)
        right.scatter(one.said, one.seen, size, color=colours[k], alpha=0.75, linewidths=0)
    left.set(xlabel="recall", ylabel="precision")
    right.set(xlabel="probability", ylabel="share of frames")
    for panel in (left, right):
        panel.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.04))
        guide(panel, "both")
    left.legend(frameon=False, fontsize=8, loc="lower left")
    return figure


@styled
def importance(
    labels: Sequence[str],
    kinds: Sequence[str],
    loss: Float[np.ndarray, "L C"],
    low: Float[np.ndarray, "L C"],
    high: Float[np.ndarray, "L C"],
) -> Figure:
    """Loss of average precision without a family of features, with the range over folds."""
    rows = len(labels) * len(kinds)
    figure = Figure(figsize=(WIDTH, float(np.clip(0.24 * rows + 1.0, 1.6, 9.0))),
                    layout="constrained")  # fmt: skip
    panel = figure.subplots()
    panel.set_title("Average precision lost when a family of features is shuffled")
    place, names = 0.0, []
    ticks: list[float] = []
    for k, label in enumerate(labels):
        colour = hexadecimal(state_colours(len(labels))[k])
        for c in np.argsort(-np.nan_to_num(loss[k]), kind="stable"):
            if np.isfinite(loss[k, c]):
                panel.barh(place, loss[k, c], 0.7, color=colour, alpha=0.75)
                panel.plot([low[k, c], high[k, c]], [place, place], color=INK, linewidth=1.2)
            ticks.append(place)
            names.append(f"{label}: {kinds[c]}" if len(labels) > 1 else kinds[c])
            place -= 1
        place -= 0.6
    panel.set_yticks(ticks, names, fontsize=8)
    panel.tick_params(axis="y", length=0)
    panel.axvline(0, color=INK, linewidth=0.8, alpha=0.5)
    panel.set_xlabel("average precision lost")
    guide(panel, "x")
    return figure


@styled
def confusion(names: Sequence[str], counts: Int[np.ndarray, "C C"]) -> Figure:
    """Share of the frames of each row that is predicted as each column."""
    total = counts.sum(axis=1, keepdims=True)
    share = np.where(total > 0, counts / np.maximum(total, 1), np.nan)
    height = float(np.clip(0.36 * len(names) + 1.1, 1.8, WIDTH))
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    panel = figure.subplots()
    drawn = cells(panel, share, limit=1.0, numbers=".2f", rows=list(names), columns=list(names))
    panel.set(xlabel="predicted", ylabel="seen by people")
    bar(figure, drawn, panel, "share of the row")
    return figure


@styled
def ethogram(stretch: Stretch) -> Figure:
    """What a person saw above what the model says, behaviour by behaviour, and how surely."""
    count = len(stretch.labels)
    figure = Figure(figsize=(WIDTH, float(np.clip(0.95 * count + 0.9, 1.9, 9.0))),
                    layout="constrained")  # fmt: skip
    panels = figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0]
    time = stretch.begin_s + np.arange(len(stretch.shown)) / stretch.fps
    for k, panel in enumerate(panels):
        if not len(time):
            empty(panel, "nothing to show")
            continue
        panel.fill_between(time, 0, stretch.probability[:, k], color=INK, alpha=0.22,
                           linewidth=0, step="mid")  # fmt: skip
        _bars(panel, time, stretch.shown[:, k], 1.45, BLUE, stretch.fps)
        _bars(panel, time, stretch.predicted[:, k], 1.15, ORANGE, stretch.fps)
        _bars(panel, time, ~stretch.observed, 1.45, GREY, stretch.fps)
        panel.set_yticks([0.5, 1.27, 1.57], ["probability", "model", "person"], fontsize=8)
        panel.set_ylim(0, 1.75)
        panel.set_title(stretch.labels[k])
        panel.tick_params(axis="y", length=0)
        panel.spines["left"].set_visible(False)
    panels[-1].set_xlabel(f"seconds of {stretch.name}")
    return figure


def _bars(
    panel: Axes,
    time: Float[np.ndarray, " T"],
    active: Bool[np.ndarray, " T"],
    bottom: float,
    colour: str,
    fps: float,
) -> None:
    """Draw bouts as bars."""
    edge = np.diff(np.concatenate([[0], active.astype(np.int8), [0]]))
    starts, stops = np.flatnonzero(edge == 1), np.flatnonzero(edge == -1)
    spans = [(time[a], (b - a) / fps) for a, b in zip(starts, stops, strict=True)]
    panel.broken_barh(spans, (bottom, 0.24), facecolors=colour, linewidth=0)

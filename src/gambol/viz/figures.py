"""Pictures of what a network learned, how far it errs and how well it knows that."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gambol.viz.colours import hexadecimal
from gambol.viz.svg import BLUE, GRID, INK, ORANGE, guide, new, px_ticks, styled

WIDTH = 7.6  # inches of a figure across the page
MAX_SAMPLES = 1500  # of a time series; more than a page has dots across
_SHADE = "#8a8f98"  # grey that shows on white and on black
_PALE = 0.22  # of what is doubtful
_BINS = 10


@styled
def learning_curve(log: Sequence[Mapping[str, Any]], best_step: int | None) -> Figure:
    """Validation error and training loss against minutes, steps above, the best marked.

    Args:
        log: lines with step, minutes, loss, val_px, val_median_px; oldest first.
        best_step: step whose weights were kept.
    """
    figure, (left, right) = new(WIDTH, 2.7, columns=2)
    minutes = _column(log, "minutes")
    steps = _column(log, "step")
    for panel in (left, right):
        panel.set_xlim(0.0, 1.05 * max(float(np.nanmax(minutes, initial=0.0)), 1e-3))
    style: dict[str, Any] = {"marker": "o", "markersize": 2.5} if len(log) < 40 else {}
    mean, median = _column(log, "val_px"), _column(log, "val_median_px")
    for values, colour, name, up in ((mean, BLUE, "mean", 5), (median, ORANGE, "median", -5)):
        left.plot(minutes, values, color=colour, **style)
        _name_end(left, minutes, values, name, colour, up)
    chosen = np.flatnonzero(steps == (-1 if best_step is None else best_step))
    if chosen.size:
        _mark(left, minutes[chosen[0]], mean[chosen[0]], int(steps[chosen[0]]))
    worst = np.nanmax(np.append(mean, median), initial=1e-3)
    least = np.nanmin(np.append(mean, median), initial=worst)
    px_ticks(left, "y", 0.8 * max(least, 1e-3), 1.3 * worst)
    left.set_title("Error on validation frames, px")
    loss = _column(log, "loss")
    right.plot(minutes, loss, color=BLUE, **style)
    if (loss[np.isfinite(loss)] > 0).all() and np.isfinite(loss).any():
        px_ticks(right, "y", 0.8 * np.nanmin(loss), 1.2 * np.nanmax(loss))
    right.set_title("Training loss")
    for panel in (left, right):
        guide(panel)
        panel.set_xlabel("minutes of training")
        _steps_above(panel, minutes, steps)
    return figure


@styled
def errors_per_keypoint(
    errors: Float[np.ndarray, "N J"], names: Sequence[str], colours: UInt8[np.ndarray, "J 3"]
) -> Figure:
    """Box plots with every error as a dot, and beside them the share of errors up to a size.

    Args:
        errors: px; NaN where nothing is labelled, infinite where nothing was predicted.
        names: of the keypoints, from top to bottom.
        colours: of the keypoints.
    """
    height = max(2.6, 0.24 * len(names) + 0.9)
    figure, (boxes, shares) = new(WIDTH, height, columns=2)
    rng = np.random.default_rng(0)
    finite = errors[np.isfinite(errors)]
    low, high = _range(finite)
    for j in range(len(names)):
        values = errors[:, j][~np.isnan(errors[:, j])]
        known = np.maximum(values[np.isfinite(values)], low)
        colour = hexadecimal(colours[j])
        _box(boxes, known, -j, colour, rng)
        _ecdf(shares, values, low, high, colour, 1.1)
        if missing := len(values) - len(known):
            boxes.text(high, -j, f"{missing} not found", ha="right", va="center", fontsize=8)
    _ecdf(shares, errors[~np.isnan(errors)], low, high, INK, 2.2)
    boxes.set_yticks(-np.arange(len(names)), list(names))
    boxes.set_ylim(-len(names) + 0.4, 0.6)
    boxes.set_title("Error of every keypoint, px")
    shares.set_ylim(0, 1)
    shares.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    shares.set_title("Share of labels met to within a distance")
    for panel in (boxes, shares):
        px_ticks(panel, "x", low, high)
        panel.set_xlabel("error, px")
    guide(boxes, "x")
    guide(shares, "both")
    return figure


@styled
def calibration(
    confidence: Float[np.ndarray, " M"],
    correct: Bool[np.ndarray, " M"],
    levels: Sequence[float],
    coverage: Sequence[float],
) -> Figure:
    """Is a confidence of 0.8 right in 8 of 10 cases, and do 90 % regions hold 90 %?

    Args:
        confidence: of every labelled keypoint, 0 to 1.
        correct: whether its error was within the radius that confidence is about.
        levels: promised shares of the regions.
        coverage: shares of truths that lay inside.
    """
    figure, (left, right) = new(WIDTH, 2.9, columns=2)
    for panel in (left, right):
        panel.plot([0, 1], [0, 1], color=_SHADE, linewidth=1, linestyle=(0, (4, 3)))
        panel.set_aspect("equal")
        panel.set_xlim(0, 1.02)
        panel.set_ylim(0, 1.02)
        panel.set_xticks(np.linspace(0, 1, 6))
        guide(panel, "both")
    left.text(0.14, 0.07, "as promised", color=_SHADE, fontsize=8, rotation=45,
              rotation_mode="anchor")  # fmt: skip
    said, seen, count = _bins(confidence, correct)
    spread = _wilson(seen, count)
    left.errorbar(said, seen, np.abs(spread - seen), fmt="none", ecolor=BLUE, elinewidth=1)
    left.scatter(said, seen, 14, color=BLUE, zorder=3, clip_on=False)
    left.set_title("Confidence against being right")
    left.set_xlabel("confidence")
    left.set_ylabel("share that was right")
    known = np.full(len(levels), len(confidence))
    spread = _wilson(np.asarray(coverage, float), known)
    gap = np.abs(spread - np.asarray(coverage, float))
    right.errorbar(levels, coverage, gap, fmt="none", ecolor=ORANGE, elinewidth=1)
    right.scatter(levels, coverage, 18, color=ORANGE, zorder=3, clip_on=False)
    for k, (level, share) in enumerate(zip(levels, coverage, strict=True)):
        place, side = ((7, -4), "left") if k % 2 != len(levels) % 2 else ((-7, -2), "right")
        right.annotate(f"{share:.0%}", (level, share), place, textcoords="offset points",
                       fontsize=8, ha=side)  # fmt: skip
    right.set_title("Regions against what they hold")
    right.set_xlabel("promised share")
    right.set_ylabel("share of labels inside")
    return figure


@styled
def error_against_confidence(
    confidence: Float[np.ndarray, " M"],
    error: Float[np.ndarray, " M"],
    colours: UInt8[np.ndarray, "M 3"],
    radius: float,
) -> Figure:
    """Every keypoint as a dot: sure ones should be near, unsure ones may be anywhere.

    Args:
        confidence: 0 to 1.
        error: px; infinite ones are left out.
        colours: of the keypoint of every dot.
        radius: px up to which a prediction counts as right.
    """
    figure, (panel,) = new(WIDTH, 2.6)
    known = np.isfinite(error)
    low, high = _range(np.append(error[known], radius))
    shade = [hexadecimal(colour) for colour in colours[known]]
    panel.scatter(confidence[known], np.maximum(error[known], low), 12, c=shade, alpha=0.8,
                  linewidths=0)  # fmt: skip
    panel.axhline(radius, color=_SHADE, linewidth=1, linestyle=(0, (4, 3)))
    panel.text(0.0, radius * 1.08, f"right: up to {radius:.1f} px", color=_SHADE, fontsize=8)
    panel.set_xlim(-0.01, 1.02)
    px_ticks(panel, "y", low, high)
    panel.set_xlabel("confidence")
    panel.set_title("Error of every validation keypoint against its confidence, px")
    guide(panel)
    return figure


@styled
def speed(decode: float, network: float) -> Figure:
    """Where the time of a prediction went, as one bar; shares of 1, the rest is the rest."""
    figure, (panel,) = new(WIDTH, 0.75)
    parts = {
        "reading video": (decode, ORANGE),
        "network": (network, BLUE),
        "rest": (max(1.0 - decode - network, 0.0), _SHADE),
    }
    start = 0.0
    for name, (share, colour) in parts.items():
        panel.barh(0, share, left=start, color=colour, height=0.9)
        text = f"{name} {share:.0%}"
        if share > 0.013 * len(text):  # it fits into its part of the bar
            panel.text(start + share / 2, 0, text, ha="center", va="center", color="white")
        start += share
    panel.set_xlim(0, max(start, 1e-9))
    panel.set_axis_off()
    return figure


@styled
def time_series(
    times: Float[np.ndarray, " T"],
    xy: Float[np.ndarray, "T J 2"],
    confidence: Float[np.ndarray, "T J"],
    names: Sequence[str],
    colours: UInt8[np.ndarray, "J 3"],
    threshold: float,
) -> Figure:
    """Positions over time, pale where confidence is below the threshold, and where that is.

    A series longer than `MAX_SAMPLES` is shown by every k-th frame.
    """
    rows = len(names)
    figure = Figure(figsize=(WIDTH, 2.9 + 0.16 * rows + 0.4), layout="constrained")
    panels = figure.subplots(3, 1, sharex=True, height_ratios=[1.45, 1.45, 0.16 * rows + 0.2])
    every = slice(None, None, max(1, -(-len(times) // MAX_SAMPLES)))
    shown = np.where((confidence >= threshold)[..., None], xy, np.nan)[every]
    for axis, panel in enumerate(panels[:2]):
        for j in range(rows):
            colour = hexadecimal(colours[j])
            panel.plot(times[every], shown[:, j, axis], color=colour, linewidth=0.9)
            panel.plot(times[every], xy[every, j, axis], color=colour, linewidth=0.7,
                       alpha=_PALE, zorder=1)  # fmt: skip
        panel.set_title(f"{'xy'[axis]}, px")
        guide(panel)
    panels[1].invert_yaxis()
    stretches(panels[2], times, confidence < threshold, names, colours)
    panels[2].set_title(f"Where confidence is below {threshold:g}")
    panels[2].set_xlabel("seconds")
    span = (times[0], times[-1]) if len(times) > 1 else (times[0] - 0.5, times[0] + 0.5)
    panels[2].set_xlim(*span)
    return figure


def stretches(
    panel: Axes,
    times: Float[np.ndarray, " T"],
    said: Bool[np.ndarray, "T J"],
    names: Sequence[str],
    colours: UInt8[np.ndarray, "J 3"],
) -> None:
    """Draw one row a name, with a bar for every stretch of frames in which it is said."""
    ends = np.append(times, times[-1] + (np.median(np.diff(times)) if len(times) > 1 else 1.0))
    least = (ends[-1] - ends[0]) / 900  # a bar thinner than a dot would not show
    for j in range(len(names)):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], said[:, j], [0]])))
        bars = [
            (ends[a], max(ends[b] - ends[a], least))
            for a, b in zip(edges[::2], edges[1::2], strict=True)
        ]
        panel.broken_barh(_merged(bars), (-j - 0.36, 0.72), color=hexadecimal(colours[j]))
        panel.axhline(-j, color=INK, alpha=GRID, linewidth=0.6, zorder=0)
    panel.set_yticks(-np.arange(len(names)), list(names), fontsize=8)
    panel.set_ylim(-len(names) + 0.4, 0.6)
    panel.tick_params(axis="y", length=0)
    panel.spines["left"].set_visible(False)


def _merged(bars: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Join bars that touch once they are drawn."""
    joined: list[tuple[float, float]] = []
    for start, width in bars:
        if joined and start <= joined[-1][0] + joined[-1][1]:
            first = joined[-1][0]
            joined[-1] = first, max(joined[-1][1], start + width - first)
        else:
            joined.append((start, width))
    return joined


def _column(log: Sequence[Mapping[str, Any]], name: str) -> Float[np.ndarray, " E"]:
    """Values of a key of the log; NaN where a line lacks it."""
    values = [line.get(name) for line in log]
    return np.array([np.nan if value is None else float(value) for value in values])


def _name_end(
    panel: Axes,
    x: Float[np.ndarray, " E"],
    y: Float[np.ndarray, " E"],
    name: str,
    colour: str,
    up: float,
) -> None:
    """Write the name of a line at its end."""
    if len(x) and np.isfinite(y[-1]):
        panel.annotate(name, (x[-1], y[-1]), (7, up), textcoords="offset points", va="center",
                       color=colour, annotation_clip=False)  # fmt: skip


def _mark(panel: Axes, x: float, y: float, step: int) -> None:
    """Ring the evaluation whose weights were kept."""
    panel.plot([x], [y], "o", markersize=8, markerfacecolor="none", color=INK, zorder=4)
    low, high = panel.get_xlim()
    left = x > low + 0.4 * (high - low)
    panel.annotate(f"kept: {y:.2f} px, step {step}", (x, y), (6 if left else -4, 16),
                   textcoords="offset points", ha="right" if left else "left")  # fmt: skip


def _steps_above(
    panel: Axes, minutes: Float[np.ndarray, " E"], steps: Float[np.ndarray, " E"]
) -> None:
    """Write at the top edge which step was done by then."""
    if len(steps) < 2:
        return
    low, high = panel.get_xlim()
    above = panel.secondary_xaxis("top")
    wanted = MaxNLocator(5, integer=True).tick_values(steps[0], steps[-1])
    wanted = wanted[(wanted >= steps[0]) & (wanted <= steps[-1])]
    places = np.interp(wanted, steps, minutes)
    above.set_xticks(places, [f"{step:.0f}" for step in wanted], fontsize=7.5)
    above.tick_params(length=2)
    above.set_xlabel("steps", fontsize=7.5)
    panel.set_xlim(low, high)


def _range(values: Float[np.ndarray, " M"]) -> tuple[float, float]:
    """Ends of an axis of errors: all but the very smallest, which say nothing."""
    if not len(values):
        return 0.1, 10.0
    low = max(float(np.percentile(values, 2)) / 1.5, 0.05)
    return low, max(1.4 * float(values.max()), 4 * low)


def _box(
    panel: Axes,
    values: Float[np.ndarray, " M"],
    y: float,
    colour: str,
    rng: np.random.Generator,
) -> None:
    """Quartiles as a box, 5 % and 95 % as whiskers, every value as a dot."""
    if not len(values):
        return
    p5, p25, p50, p75, p95 = np.percentile(values, [5, 25, 50, 75, 95])
    panel.scatter(values, y + rng.uniform(-0.3, 0.3, len(values)), 5, color=colour, alpha=0.45,
                  linewidths=0)  # fmt: skip
    panel.plot([p5, p95], [y, y], color=INK, linewidth=0.8)
    panel.barh(y, p75 - p25, 0.5, left=p25, color=colour, alpha=0.55, edgecolor=INK,
               linewidth=0.7)  # fmt: skip
    panel.plot([p50, p50], [y - 0.25, y + 0.25], color=INK, linewidth=1.8)


def _ecdf(
    panel: Axes,
    values: Float[np.ndarray, " M"],
    low: float,
    high: float,
    colour: str,
    width: float,
) -> None:
    """Share of values up to x; what was not found is infinitely far and keeps it below 1."""
    if not len(values):
        return
    ordered = np.sort(values[np.isfinite(values)])
    share = np.arange(1, len(ordered) + 1) / len(values)
    x = np.concatenate([[low], np.maximum(ordered, low), [high]])
    y = np.concatenate([[0.0], share, share[-1:] if len(share) else [0.0]])
    panel.plot(x, y, color=colour, linewidth=width, drawstyle="steps-post")


def _bins(
    confidence: Float[np.ndarray, " M"], correct: Bool[np.ndarray, " M"]
) -> tuple[Float[np.ndarray, " B"], Float[np.ndarray, " B"], Float[np.ndarray, " B"]]:
    """Mean confidence, share right and count of bins with equally many keypoints."""
    order = np.argsort(confidence, kind="stable")
    parts = [p for p in np.array_split(order, min(_BINS, max(len(order) // 8, 1))) if len(p)]
    said = np.array([confidence[p].mean() for p in parts])
    seen = np.array([correct[p].mean() for p in parts])
    return said, seen, np.array([float(len(p)) for p in parts])


def _wilson(
    share: Float[np.ndarray, " B"], count: Float[np.ndarray, " B"]
) -> Float[np.ndarray, "2 B"]:
    """95 % interval of a share of `count` cases. Source: Wilson (1927), JASA 22:209-212."""
    z = 1.96
    count = np.maximum(count, 1.0)
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    half /= 1 + z**2 / count
    return np.stack([np.minimum(middle - half, share), np.maximum(middle + half, share)])

"""Pictures of a reconstruction: errors by view and keypoint, bones, certainty, views told."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from gambol.viz.colours import hexadecimal
from gambol.viz.figures import MAX_SAMPLES, WIDTH
from gambol.viz.figures_rig import heat
from gambol.viz.svg import BLUE, INK, ORANGE, guide, styled


@styled
def by_view(
    values: Float[np.ndarray, "V J"],
    views: Sequence[str],
    keypoints: Sequence[str],
    *,
    limit: float | None = None,
    percent: bool = False,
) -> Figure:
    """A table of numbers on colours, a row for every keypoint, a column for every view.

    Args:
        values: NaN where there is nothing to say.
        views: names of the columns.
        keypoints: names of the rows.
        limit: value that is fully orange; three times the median if not said.
        percent: shares of 1, said in per cent.
    """
    known = values[np.isfinite(values)]
    middle = float(np.median(known)) if len(known) else 1.0
    limit = limit or max(3 * middle, 1e-9)
    height = 0.235 * len(keypoints) + 0.95
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    panel = figure.subplots()
    colours = heat(values / limit)
    for v, j in np.ndindex(values.shape):
        value = float(values[v, j])
        if np.isfinite(value):
            panel.add_patch(
                Rectangle((v + 0.02, j + 0.04), 0.96, 0.92, alpha=0.45,
                          facecolor=hexadecimal(colours[v, j]))
            )  # fmt: skip
            said = _percent(value) if percent else _short(value)
        else:
            said = "–"
        panel.text(v + 0.5, j + 0.5, said, ha="center", va="center",
                   fontsize=8 if len(views) <= 12 else 6)  # fmt: skip
    panel.set(xlim=(0, len(views)), ylim=(len(keypoints), 0))
    panel.set_yticks(np.arange(len(keypoints)) + 0.5, list(keypoints), fontsize=8)
    turned = max(len(v) for v in views) * len(views) > 90
    panel.set_xticks(np.arange(len(views)) + 0.5, list(views), fontsize=8)
    if turned:
        panel.tick_params("x", rotation=40)
        for label in panel.get_xticklabels():
            label.set_horizontalalignment("left")
    panel.tick_params(length=0, labeltop=True, labelbottom=False)
    panel.spines[:].set_visible(False)
    return figure


@styled
def bones(
    lengths: Float[np.ndarray, "M B"], names: Sequence[str], colours: UInt8[np.ndarray, "B 3"],
    units: str,
) -> Figure:  # fmt: skip
    """How constant each bone's length is: middle half, nine tenths, median; and sd / mean.

    Args:
        lengths: world units; NaN where an end is unknown.
        names: of the bones.
        colours: of the bones.
        units: of the world.
    """
    height = max(2.2, 0.23 * len(names) + 0.9)
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.6, 1), sharey=True)
    for b in range(len(names)):
        known = lengths[:, b][np.isfinite(lengths[:, b])]
        if not len(known):
            continue
        ink = hexadecimal(colours[b])
        low, first, middle, third, high = np.percentile(known, [5, 25, 50, 75, 95])
        left.plot([low, high], [b, b], color=ink, linewidth=1.2, solid_capstyle="round")
        left.plot([first, third], [b, b], color=ink, linewidth=6, solid_capstyle="butt")
        left.plot([middle] * 2, [b - 0.33, b + 0.33], color=INK, linewidth=1.6)
        spread = 100 * known.std() / max(float(known.mean()), 1e-12)
        right.barh(b, spread, height=0.62, color=ink)
        right.annotate(f"{spread:.1f}", (spread, b), (4, 0), textcoords="offset points",
                       va="center", fontsize=8)  # fmt: skip
    left.set_yticks(np.arange(len(names)), list(names), fontsize=8)
    left.set_ylim(len(names) - 0.4, -0.6)
    left.set_xlim(0, None)
    unit = "units" if units == "unknown" else units
    left.set_title(f"Length, {unit}")
    right.set_title("Variation (sd / mean), %")
    right.margins(x=0.16)
    right.tick_params(left=False, labelleft=False)
    for panel in (left, right):
        guide(panel, "x")
    return figure


@styled
def certainty(
    sd: Float[np.ndarray, "M J"],
    names: Sequence[str],
    colours: UInt8[np.ndarray, "J 3"],
    units: str,
) -> Figure:
    """How sure each keypoint's place is: the spread of its standard deviations over frames.

    Args:
        sd: root mean square over the three axes, world units; NaN where unknown.
        names: of the keypoints.
        colours: of the keypoints.
        units: of the world.
    """
    height = max(2.2, 0.23 * len(names) + 0.9)
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    panel = figure.subplots()
    for j in range(len(names)):
        known = sd[:, j][np.isfinite(sd[:, j]) & (sd[:, j] > 0)]
        if not len(known):
            continue
        ink = hexadecimal(colours[j])
        low, first, middle, third, high = np.percentile(known, [5, 25, 50, 75, 95])
        panel.plot([low, high], [j, j], color=ink, linewidth=1.2)
        panel.plot([first, third], [j, j], color=ink, linewidth=6, solid_capstyle="butt")
        panel.plot([middle] * 2, [j - 0.33, j + 0.33], color=INK, linewidth=1.6)
    panel.set_yticks(np.arange(len(names)), list(names), fontsize=8)
    panel.set_ylim(len(names) - 0.4, -0.6)
    panel.set_xlim(0, None)
    unit = "units" if units == "unknown" else units
    panel.set_title(f"Standard deviation of the position along an axis, {unit}")
    guide(panel, "x")
    return figure


@styled
def course(
    times: Float[np.ndarray, " T"],
    n_views: Float[np.ndarray, "T J"],
    error: Float[np.ndarray, "T V"],
    views: Sequence[str],
    colours: UInt8[np.ndarray, "V 3"],
) -> Figure:
    """How many views tell a keypoint, and how far each view errs, over the recording.

    Args:
        times: s.
        n_views: views that told each keypoint.
        error: px, median over keypoints; NaN where a view saw nothing.
        views: names.
        colours: of the views.
    """
    figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    stretch = max(-(-len(times) // (MAX_SAMPLES // 4)), 1)
    where = times[::stretch]
    told = np.nan_to_num(n_views)
    mean, least = _stretches(told.mean(axis=1), stretch), _stretches(told.min(axis=1), stretch)
    above.plot(where, mean, color=BLUE, linewidth=1.1, label="mean of the keypoints")
    above.plot(where, least, color=ORANGE, linewidth=1.1, label="the keypoint with the fewest")
    above.set_ylim(0, max(len(views), 2) + 0.2)
    above.set_title("Views that tell a keypoint's place")
    above.legend(frameon=False, ncols=2, fontsize=8, loc="lower left")
    for v, name in enumerate(views):
        line = _stretches(error[:, v], stretch)
        below.plot(where, line, color=hexadecimal(colours[v]), linewidth=1.0, label=name)
    below.set_title("Reprojection error, median px")
    below.set_ylim(0, None)
    below.set_xlabel("time, s")
    figure.legend(*below.get_legend_handles_labels(), loc="outside lower center",
                  frameon=False, ncols=min(len(views), 8), fontsize=8)  # fmt: skip
    for panel in (above, below):
        guide(panel)
        panel.set_xlim(float(times[0]), float(times[-1]) if len(times) > 1 else None)
    return figure


def _stretches(values: Float[np.ndarray, " T"], length: int) -> Float[np.ndarray, " K"]:
    """Means over stretches of frames; NaN where all are."""
    padded = np.append(values, np.full(-len(values) % length, np.nan)).reshape(-1, length)
    known = np.isfinite(padded)
    count = known.sum(axis=1)
    total = np.where(known, padded, 0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _short(value: float) -> str:
    return f"{value:.2f}" if value < 9.95 else f"{value:.0f}"


def _percent(value: float) -> str:
    return "0" if value == 0 else "<1 %" if value < 0.01 else f"{100 * value:.0f} %"

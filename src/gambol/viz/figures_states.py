"""Pictures of states in recordings: how long they last, how often and when they come."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gambol.core.sequences import Sequences, lengths, recording
from gambol.viz import onsets
from gambol.viz.colours import hexadecimal
from gambol.viz.figures import WIDTH
from gambol.viz.shades import GREY, PIXELS, empty, majority, raster, seconds, state_colours
from gambol.viz.svg import INK, guide, styled

RARE = 0.02  # share of the frames from which a state counts as used
ROWS = 24  # states that have a row of their own
_RECORDINGS = 60  # that have a row of their own
_STRETCH_S = 120.0  # of one recording that is shown near


class Lasting(NamedTuple):
    """How long bouts last; ends that were not seen are allowed for (Kaplan & Meier)."""

    time: Float[np.ndarray, " E"]  # s, ascending; lengths at which bouts ended
    survival: Float[np.ndarray, " E"]  # share of the bouts that last longer
    quartiles: Float[np.ndarray, " 3"]  # s; infinite if too few bouts were seen to end
    bouts: int  # whose beginning was seen
    censored: int  # of these, whose end was not


@styled
def durations(each: Sequence[Lasting], pooled: Lasting) -> Figure:
    """How long states last: share that lasts longer (left), quartiles and medians (right).

    Args:
        each: of states 0, 1, …
        pooled: of all bouts together.
    """
    used = [k for k, lasting in enumerate(each) if lasting.bouts]
    shown = sorted(sorted(used, key=lambda k: -each[k].bouts)[:ROWS])
    figure = Figure(figsize=(WIDTH, max(2.9, 0.2 * len(shown) + 1.2)), layout="constrained")
    curves, rows = figure.subplots(1, 2, width_ratios=[1, 1.15])
    colours = [hexadecimal(colour) for colour in state_colours(len(each))]
    curves.set_title("Share of bouts that last longer")
    rows.set_title("Middle half and median, s")
    if not pooled.bouts:
        for panel in (curves, rows):
            empty(panel, "no bout began within a recording")
        return figure
    ends = np.concatenate([pooled.time, pooled.quartiles, *(each[k].quartiles for k in shown)])
    for k in shown:
        _curve(curves, each[k], colours[k], 1.2)
    _curve(curves, pooled, INK, 2.2)
    for panel in (curves, rows):
        seconds(panel, ends)
        panel.set_xlabel("seconds")
        guide(panel, "x")
    curves.set_ylim(0, 1.02)
    curves.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    curves.axhline(1 / 2, color=GREY, linewidth=0.9, linestyle=(0, (4, 3)))
    _row(rows, 0, pooled, INK)
    for row, k in enumerate(shown, start=1):
        _row(rows, -row, each[k], colours[k])
    names = ["all", *(f"state {k}" for k in shown)]
    rows.set_yticks(-np.arange(len(names)), names, fontsize=8)
    rows.set_ylim(0.6 - len(names), 0.6)
    rows.tick_params(axis="y", length=0)
    rows.spines["left"].set_visible(False)
    return figure


@styled
def usage(
    pooled: Float[np.ndarray, " K"],
    interval: Float[np.ndarray, "2 K"],
    by_recording: Float[np.ndarray, "R K"],
    rare: float = RARE,
) -> Figure:
    """Share of the frames in each state; rare states are hatched, recordings are dots.

    Args:
        pooled: of all recordings together.
        interval: 95 % of resampled recordings; NaN with only one.
        by_recording: of each.
        rare: share under which a state is rare.
    """
    count = len(pooled)
    figure = Figure(figsize=(WIDTH, 2.7), layout="constrained")
    panel = figure.subplots()
    colours = [hexadecimal(colour) for colour in state_colours(count)]
    place = np.arange(count)
    bars = panel.bar(place, 100 * np.nan_to_num(pooled), 0.72, color=colours, alpha=0.75)
    for bar, share in zip(bars, pooled, strict=True):
        if not share >= rare:
            bar.set(facecolor="none", edgecolor=GREY, hatch="/////", linewidth=0.8, alpha=1.0)
    if len(by_recording) > 1:
        rng = np.random.default_rng(0)
        shift = rng.uniform(-0.2, 0.2, by_recording.shape)
        alpha = 0.45 if len(by_recording) <= 30 else 0.25
        panel.scatter((place + shift).ravel(), 100 * by_recording.ravel(), 7, color=INK,
                      alpha=alpha, linewidths=0, zorder=3)  # fmt: skip
    for k in np.flatnonzero(np.isfinite(interval).all(axis=0)):
        low, high = 100 * interval[:, k]
        panel.plot([k, k], [low, high], color=INK, linewidth=2.0, zorder=4)
    panel.axhline(100 * rare, color=GREY, linewidth=0.9, linestyle=(0, (4, 3)))
    panel.annotate(f"{100 * rare:g} %", (1.0, 100 * rare), (4, 0), color=GREY, fontsize=8,
                   xycoords=panel.get_yaxis_transform(), textcoords="offset points",
                   va="center", annotation_clip=False)  # fmt: skip
    for k in np.flatnonzero(~(pooled > 0)) if count <= 30 else ():
        panel.text(float(k), 100 * rare, "not used", rotation=90, color=GREY, fontsize=7.5,
                   ha="center", va="bottom")  # fmt: skip
    step = max(1, -(-count // 30))
    panel.set_xticks(place[::step], [str(k) for k in place[::step]])
    panel.set_xlim(-0.6, count - 0.4)
    panel.set_ylim(0, None)
    panel.set_xlabel("state")
    panel.set_title("Usage, % of the frames")
    guide(panel)
    return figure


@styled
def rasters(states: Sequences) -> Figure:
    """States of every recording over time; where frames are many, the most frequent one."""
    shown = np.linspace(0, len(states.names) - 1, min(len(states.names), _RECORDINGS))
    shown = np.unique(shown.round().astype(int))
    height = float(np.clip(0.13 * len(shown) + 0.75, 1.4, 6.5))
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    panel = figure.subplots()
    longest = int(lengths(states)[shown].max(initial=1))
    unit, name = _clock(longest / states.fps)
    colours = state_colours(states.size)
    for row, r in enumerate(shown):
        line = _labels(states, int(r))
        columns = max(1, round(PIXELS * len(line) / longest))
        ends = (0.0, len(line) / states.fps / unit, row + 0.45, row - 0.45)
        raster(panel, majority(line, columns)[None], colours, ends)
    panel.set_xlim(0, longest / states.fps / unit)
    panel.set_ylim(len(shown) - 0.4, -0.6)
    step = max(1, -(-len(shown) // 26))
    names = [_short(states.names[r]) for r in shown]
    panel.set_yticks(range(0, len(shown), step), names[::step], fontsize=7.5)
    panel.tick_params(axis="y", length=0)
    panel.spines[["left", "bottom"]].set_visible(False)
    panel.set_xlabel(name)
    _legend(figure, states)
    return figure


@styled
def near(states: Sequences, syllables: Sequences, r: int, begin_s: float = 0.0) -> Figure:
    """Two minutes of one recording: its states above, each of its syllables in a row below."""
    fps = states.fps
    begin = round(begin_s * fps)
    part = slice(begin, begin + round(_STRETCH_S * fps))
    above, below = (_labels(one, r)[part] for one in (states, syllables))
    seen = np.bincount(below[below >= 0], minlength=syllables.size)
    order = np.argsort(-seen, kind="stable")
    order = order[seen[order] > 0]
    figure = Figure(
        figsize=(WIDTH, 1.3 + float(np.clip(0.045 * len(order), 0.8, 3.4))),
        layout="constrained",
    )
    top, panel = figure.subplots(2, 1, sharex=True, height_ratios=[1, 9])
    ends = begin_s, begin_s + max(1, len(above)) / fps
    raster(top, majority(above)[None], state_colours(states.size), (*ends, 1.0, 0.0))
    colours = state_colours(states.size)
    rank = np.full(syllables.size, -1)
    rank[order] = np.arange(len(order))
    cut = majority(below)
    rows = np.full((max(1, len(order)), len(cut)), -1)
    known = cut >= 0
    rows[rank[cut[known]], np.flatnonzero(known)] = majority(above)[known]
    raster(panel, rows, colours, (*ends, float(len(rows)), 0.0))
    top.set_title(f"States of {states.names[r]}")
    panel.set_title("Its syllables, most used at the top, in the colours of the states")
    panel.set_xlabel("seconds")
    panel.set_ylabel("syllables")
    panel.set_yticks([])
    top.set_yticks([])
    top.tick_params(axis="x", length=0)
    for one in (top, panel):
        one.spines[["left", "bottom"]].set_visible(False)
        one.set_xlim(*ends)
    return figure


@styled
def course(courses: Sequence[onsets.Course]) -> Figure:
    """Signals around onsets of states: means over recordings, with a standard error."""
    columns = int(np.clip(len(courses), 1, 4))
    rows = max(1, -(-len(courses) // columns))
    figure = Figure(figsize=(WIDTH, 1.95 * rows + 0.2), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True, sharex=True).ravel()
    lines = ("-", "--", "-.", ":")
    for panel, found in zip(panels, courses, strict=False):
        panel.axvline(0, color=INK, alpha=0.5, linewidth=0.8)
        for c, name in enumerate(found.names):
            colour = hexadecimal(state_colours(len(found.names))[c])
            mean, error = _mean(found.each[:, c])
            line = lines[c % len(lines)]
            panel.plot(found.lag_s, mean, line, color=colour, linewidth=1.3, label=name)
            panel.fill_between(found.lag_s, mean - error, mean + error, color=colour,
                               alpha=0.25, linewidth=0)  # fmt: skip
        many = "onset" if found.onsets == 1 else "onsets"
        panel.set_title(f"state {found.label}: {found.onsets} {many}", fontsize=8.5)
        if found.names:
            panel.legend(
                frameon=False, fontsize=7, loc="upper left", handlelength=1.6
            ).set_in_layout(False)
        guide(panel)
    low, high = panels[0].get_ylim()
    panels[0].set_ylim(low, high + 0.5 * (high - low) * bool(courses))  # room for names
    for panel in panels[len(courses) :]:
        panel.set_axis_off()
    for panel in panels[max(0, len(courses) - columns) : len(courses)]:
        panel.set_xlabel("seconds from onset")
        panel.tick_params(labelbottom=True)
    return figure


def _curve(panel: Axes, lasting: Lasting, colour: str, width: float) -> None:
    """Share of bouts that last longer than x, from 1 down."""
    if not len(lasting.time):
        return
    x = np.concatenate([[lasting.time[0] / 100], lasting.time])
    y = np.concatenate([[1.0], lasting.survival])
    panel.plot(x, y, color=colour, linewidth=width, drawstyle="steps-post")


def _row(panel: Axes, y: float, lasting: Lasting, colour: str) -> None:
    """Quartiles as a bar, the median as a dot, and in words."""
    low, middle, high = lasting.quartiles
    edge = panel.get_xlim()[1]
    if np.isfinite(low):
        panel.plot([low, high if np.isfinite(high) else edge], [y, y], color=colour,
                   linewidth=4, alpha=0.55, solid_capstyle="butt")  # fmt: skip
    if np.isfinite(middle):
        panel.plot([middle], [y], "o", color=colour, markersize=6, markeredgecolor=INK,
                   markeredgewidth=0.6)  # fmt: skip
    known = f"{middle:.3g} s" if np.isfinite(middle) else "end not seen"
    cut = f", {lasting.censored} cut off" if lasting.censored else ""
    panel.annotate(f"{known}  ({lasting.bouts}{cut})", (1.0, y), (4, 0), fontsize=7.5,
                   xycoords=panel.get_yaxis_transform(), textcoords="offset points",
                   va="center", annotation_clip=False)  # fmt: skip


def _labels(sequences: Sequences, r: int) -> Int[np.ndarray, " T"]:
    values, valid = recording(sequences, r)
    return np.where(valid, values.astype(np.int64), -1)


def _legend(figure: Figure, states: Sequences) -> None:
    """Name the colours of the states that come, the most used first."""
    seen = np.zeros(states.size, np.int64)
    for r in range(len(states.names)):  # one at a time, since counting takes 8 bytes a frame
        values, valid = recording(states, r)
        seen += np.bincount(values[valid], minlength=states.size)
    order = [k for k in np.argsort(-seen, kind="stable") if seen[k]][:ROWS]
    colours = state_colours(states.size)
    marks = [
        figure.axes[0].plot([], [], "s", color=hexadecimal(colours[k]), label=str(k))[0]
        for k in order
    ]
    figure.legend(handles=marks, loc="outside upper left", frameon=False, fontsize=8,
                  ncols=max(1, min(len(marks), 16)), handletextpad=0.1, columnspacing=1.0,
                  title="state", title_fontsize=8, alignment="left")  # fmt: skip


def _clock(longest_s: float) -> tuple[float, str]:
    """Return seconds of the unit in which an axis of that length is read best."""
    return (60.0, "minutes") if longest_s > 300 else (1.0, "seconds")


def _short(name: str, most: int = 22) -> str:
    return name if len(name) <= most else f"{name[:9]}…{name[-12:]}"


def _mean(
    each: Float[np.ndarray, "R W"],
) -> tuple[Float[np.ndarray, " W"], Float[np.ndarray, " W"]]:
    """Mean and its standard error over recordings; the error is NaN with fewer than two."""
    count = np.isfinite(each).sum(axis=0)
    total = np.nansum(each, axis=0)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    square = np.nansum((each - mean) ** 2, axis=0) / np.maximum(count - 1, 1)
    error = np.where(count > 1, np.sqrt(square / np.maximum(count, 1)), np.nan)
    return mean, error

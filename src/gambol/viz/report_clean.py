"""The page about cleaning: what was taken out of poses, and series before and after.

The stage collects what is here and writes the page, which needs nothing but itself.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gambol.viz.figures import WIDTH
from gambol.viz.html import Markup, el, page, section, table
from gambol.viz.report_parts import drawn, folded, head, number, origin, percent, remarks
from gambol.viz.shades import GREY, empty
from gambol.viz.svg import BLUE, ORANGE, guide, styled

STEPS = ("absent", "lost", "outlier", "spike", "filled", "missing")
_SAID = ("absent", "lost place", "outlier", "spike", "bridged", "missing after")
_MANY = 40  # rows of a table that are shown at once


class Stretch(NamedTuple):
    """Some seconds of a keypoint, before and after."""

    recording: str
    keypoint: str
    times: Float[np.ndarray, " T"]  # s
    before: Float[np.ndarray, "T d"]  # NaN where there was nothing
    after: Float[np.ndarray, "T d"]  # NaN where there is nothing
    unit: str


class CleanPage(NamedTuple):
    """What the page is made of."""

    name: str
    report: pd.DataFrame  # recording, keypoint, step, frames, share
    values: int  # keypoints times frames of all animals, faultless ones included
    stretches: Sequence[Stretch]
    sparse: Sequence[str] = ()
    lost: Sequence[str] = ()
    settings: str = ""  # YAML


def clean_page(made: CleanPage) -> str:
    """Return the page."""
    parts = [
        _head(made),
        *remarks(_remarks(made)),
        _shares(made, "keypoint", "What was changed, by keypoint"),
        _shares(made, "recording", "What was changed, by recording"),
        _traces(made),
        *origin(made.settings, {}),
    ]
    return page(f"{made.name}: cleaning", *parts)


@styled
def traces(stretches: Sequence[Stretch]) -> Figure:
    """A row a stretch, a column a coordinate: what was there, what was taken out, what is.

    Args:
        stretches: of keypoints; none is fine.
    """
    rows = max(1, len(stretches))
    figure = Figure(figsize=(WIDTH, 1.5 * rows + 0.5), layout="constrained")
    columns = max((own.before.shape[1] for own in stretches), default=1)
    panels = figure.subplots(rows, columns, squeeze=False)
    if not stretches:
        empty(panels[0, 0], "nothing was changed")
    for row, own in zip(panels, stretches, strict=False):
        for axis, panel in enumerate(row):
            if axis < own.before.shape[1]:
                _trace(panel, own, axis)
            else:
                panel.set_axis_off()
        row[0].set_title(f"{own.recording}: {own.keypoint}")
    if stretches:
        for panel in panels[-1]:
            panel.set_xlabel("seconds")
    return figure


def _trace(panel: Axes, own: Stretch, axis: int) -> None:
    before, after = own.before[:, axis], own.after[:, axis]
    taken = np.isfinite(before) & ~np.isclose(before, after, equal_nan=True)
    added = np.isfinite(after) & ~np.isclose(before, after, equal_nan=True)
    panel.plot(own.times, before, color=GREY, linewidth=0.7, alpha=0.6)
    panel.plot(own.times, after, color=BLUE, linewidth=1.3)
    panel.scatter(own.times[taken], before[taken], s=8, color=ORANGE, zorder=3)
    panel.scatter(own.times[added], after[added], s=5, facecolors="none", edgecolors=BLUE,
                  linewidths=0.7, zorder=3)  # fmt: skip
    panel.set_ylabel(f"{'xyz'[axis]}, {own.unit}")
    guide(panel)


def _head(made: CleanPage) -> Markup:
    report = made.report
    series = report["recording"].nunique()
    words = (
        f"{series} animal{'s' * (series != 1)} of recordings; shares of keypoints and frames."
    )
    sums = report.groupby("step")["frames"].sum()
    taken = sum(int(sums.get(step, 0)) for step in STEPS[:4])
    shares = [
        value / max(made.values, 1)
        for value in (taken, sums.get("filled", 0), sums.get("missing", 0))
    ]
    told = ("no sighting, or taken out", "of all bridged", "missing after cleaning")
    return head(
        f"Cleaning: {made.name}",
        words,
        [(percent(float(share)), word) for share, word in zip(shares, told, strict=True)],
    )


def _remarks(made: CleanPage) -> list[str]:
    found = [f"Mostly absent: {name}." for name in made.sparse]
    return found + [
        f"A place that stands for “lost” was taken out: {place}." for place in made.lost
    ]


def _shares(made: CleanPage, by: str, title: str) -> Markup:
    wide = made.report.pivot_table(index=by, columns="step", values="share", aggfunc="mean")
    wide = wide.reindex(columns=list(STEPS)).fillna(0.0)
    order = wide[list(STEPS[:4])].sum(axis=1).sort_values(ascending=False, kind="stable").index
    rows = [[str(name), *(percent(float(s)) for s in wide.loc[name])] for name in order]
    names = (by, *_SAID)
    parts = [table(names, rows[:_MANY])]
    if len(rows) > _MANY:
        parts.append(
            folded(f"{number(float(len(rows) - _MANY))} more", table(names, rows[_MANY:]))
        )
    return section(title, *parts)


def _traces(made: CleanPage) -> Markup:
    said = (
        "Orange was taken out, blue is what is kept, rings are bridged. If orange dots lie "
        "where the animal was, raise outlier_mads, outlier_body or spike_body; if leaps are "
        "left in blue, lower them. The keypoint and the ten seconds with the most faults of "
        "each recording, worst recordings first."
    )
    return section(
        "Before and after",
        el("p", "" if made.stretches else "Nothing was changed."),
        *([drawn(traces(made.stretches), said)] if made.stretches else []),
    )

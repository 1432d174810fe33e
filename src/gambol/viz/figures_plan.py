"""Pictures of a plan: how far poses err for what they cost."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gambol.viz.figures import WIDTH
from gambol.viz.svg import BLUE, INK, ORANGE, guide, styled

BESIDE = 2  # panels


class Curve(NamedTuple):
    """Errors against one thing that costs."""

    title: str
    along: str  # below the axis
    ticks: tuple[str, ...]
    errors: tuple[tuple[float, float, float], ...]  # and the ends of their intervals
    enough: int  # place of what is recommended
    ordered: bool  # False: names, which no line joins


@styled
def curves(shown: Sequence[Curve], unit: str, goal: float | None) -> Figure:
    """Draw a panel for every curve; what is recommended has a ring.

    Args:
        shown: at least one.
        unit: of the errors.
        goal: error that is near enough, drawn as a line.
    """
    rows = -(-len(shown) // BESIDE)
    figure = Figure(figsize=(WIDTH, 2.6 * rows), layout="constrained")
    panels = figure.subplots(rows, BESIDE, squeeze=False)
    for place, panel in enumerate(panels.flat):
        if place >= len(shown):
            panel.set_axis_off()
            continue
        _curve(panel, shown[place])
        if goal is not None:
            panel.axhline(goal, color=INK, linewidth=1.0, linestyle=(0, (2, 2)), zorder=1)
        ends = [high for _, _, high in shown[place].errors]
        panel.set_ylim(0, 1.08 * max([*ends, goal or 0.0]))
        if place % BESIDE == 0:
            panel.set_ylabel(f"mean error, {unit}")
    return figure


def _curve(panel: Axes, curve: Curve) -> None:
    places = np.arange(len(curve.ticks))
    values, low, high = np.array(curve.errors).T
    panel.vlines(places, low, high, color=BLUE, linewidth=1.6)
    panel.plot(places, values, "o-" if curve.ordered else "o", color=BLUE, markersize=5,
               linewidth=1.2)  # fmt: skip
    panel.plot(curve.enough, values[curve.enough], "o", markersize=13, markerfacecolor="none",
               markeredgecolor=ORANGE, markeredgewidth=1.8)  # fmt: skip
    panel.set_xticks(places, [_broken(text) for text in curve.ticks])
    panel.set_xlim(-0.5, len(places) - 0.5)
    panel.set_xlabel(curve.along)
    panel.set_title(curve.title)
    guide(panel)


def _broken(name: str) -> str:
    """Break a long name where it may."""
    return name.replace("(", "\n(").replace(",", ",\n")

"""Pictures of several animals over time: who is there, and how sure that is."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gambol.viz.colours import hexadecimal
from gambol.viz.figures import MAX_SAMPLES, WIDTH, stretches
from gambol.viz.svg import BLUE, INK, guide, new, styled

_SHADE = "#8a8f98"  # grey that shows on white and on black
_LEAST = 0.45  # identity confidence that an axis always shows: two animals, equally likely


@styled
def presence(
    times: Float[np.ndarray, " T"],
    present: Bool[np.ndarray, "T N"],
    sure: Float[np.ndarray, "T N"],
    names: Sequence[str],
    colours: UInt8[np.ndarray, "N 3"],
    n_untracked: Int[np.ndarray, " T"],
    doubt: float,
    events: Sequence[float],
) -> Figure:
    """When every animal was seen, and how sure it is that it is the one it is said to be.

    Args:
        times: s.
        present: whether an animal was found.
        sure: identity confidence; NaN where it was not.
        names: of the animals.
        colours: of the animals.
        n_untracked: animals found in a frame that are nobody.
        doubt: confidence under which an identity is doubtful.
        events: when identities may have been exchanged, s.
    """
    rows = len(names) + bool(n_untracked.any())
    high = 0.19 * rows + 0.25
    figure = Figure(figsize=(WIDTH, high + 1.95), layout="constrained")
    top, below = figure.subplots(2, 1, sharex=True, height_ratios=[high, 1.5])
    said, who, paint = present, list(names), colours
    if n_untracked.any():
        said = np.column_stack([present, n_untracked > 0])
        who = [*who, "untracked"]
        paint = np.concatenate([colours, np.full((1, 3), 150, np.uint8)])
    stretches(top, times, said, who, paint)
    top.set_title("When each animal was found")
    edges = _bins(len(times))
    middle = times[edges[:-1]]
    for n in range(len(names)):
        low = _least(sure[:, n], edges)
        width = 1.2 + 1.4 * max(2 - n, 0)  # equally sure ones show beside each other
        below.plot(middle, low, color=hexadecimal(colours[n]), linewidth=width)
    below.axhline(doubt, color=_SHADE, linewidth=1, linestyle=(0, (4, 3)))
    least = min(float(np.nanmin(sure, initial=1.0)) - 0.03, _LEAST)
    below.set_ylim(max(least, -0.02), 1.02)
    below.plot(events, np.full(len(events), below.get_ylim()[0]), "^", color=INK, markersize=5,
               clip_on=False, linestyle="none")  # fmt: skip
    below.set_title("How sure its identity is")
    below.set_xlabel("seconds")
    guide(below)
    below.set_xlim(*_ends(times))
    return figure


@styled
def counts(
    times: Float[np.ndarray, " T"], found: Int[np.ndarray, " T"], most: int | None
) -> Figure:
    """How many animals were found over time; a dashed line where labels had the most."""
    figure, (panel,) = new(WIDTH, 1.7)
    edges = _bins(len(times))
    middle = times[edges[:-1]]
    low, high = _least(found.astype(float), edges), -_least(-found.astype(float), edges)
    panel.fill_between(middle, low, high, color=BLUE, alpha=0.35, linewidth=0, step="post")
    panel.plot(middle, high, color=BLUE, linewidth=1, drawstyle="steps-post")
    if most:
        panel.axhline(most, color=_SHADE, linewidth=1, linestyle=(0, (4, 3)))
    panel.set_ylim(-0.1, max(int(found.max(initial=0)), most or 0) + 0.5)
    panel.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    panel.set_title("Animals found")
    panel.set_xlabel("seconds")
    panel.set_xlim(*_ends(times))
    guide(panel)
    return figure


@styled
def curves(logs: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure:
    """Validation error of every network against minutes of its own training.

    Args:
        logs: lines with minutes and val_px of every network, by its name.
    """
    figure, panels = new(WIDTH, 2.3, columns=max(len(logs), 1))
    for panel, (name, log) in zip(panels, logs.items(), strict=True):
        _curve(panel, log)
        panel.set_title(f"{name}, px")
    return figure


def _curve(panel: Axes, log: Sequence[Mapping[str, Any]]) -> None:
    minutes, error = (
        np.array([float(line[key]) if line.get(key) is not None else np.nan for line in log])
        for key in ("minutes", "val_px")
    )
    mark: dict[str, Any] = {"marker": "o", "markersize": 2.5} if len(log) < 40 else {}
    panel.plot(minutes, error, color=BLUE, **mark)
    if np.isfinite(error).any():
        best = int(np.nanargmin(error))
        panel.plot(minutes[best], error[best], "o", markersize=8, markerfacecolor="none",
                   color=INK)  # fmt: skip
        panel.annotate(f"{error[best]:.2f}", (minutes[best], error[best]), (0, 9),
                       textcoords="offset points", ha="center", fontsize=8)  # fmt: skip
        panel.set_ylim(0, 1.25 * float(np.nanmax(error)))
    panel.set_xlabel("minutes of training")
    guide(panel)


def _bins(frames: int) -> Int[np.ndarray, " E"]:
    """Edges of stretches that are one dot wide."""
    step = max(1, -(-frames // MAX_SAMPLES))
    return np.append(np.arange(0, frames, step), frames)


def _least(values: Float[np.ndarray, " T"], edges: Int[np.ndarray, " E"]) -> np.ndarray:
    """The least value of every stretch, NaN where it has none."""
    if not len(values):
        return values
    known = np.isfinite(values)
    least = np.minimum.reduceat(np.where(known, values, np.inf), edges[:-1])
    return np.where(np.isfinite(least), least, np.nan)


def _ends(times: Float[np.ndarray, " T"]) -> tuple[float, float]:
    if len(times) > 1:
        return float(times[0]), float(times[-1])
    return float(times[0]) - 1.0, float(times[0]) + 1.0

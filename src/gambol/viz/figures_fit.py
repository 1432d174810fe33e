"""Pictures of how a model of states was fitted: whether it settled, and what each sweep did."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Integer
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gambol.viz.figures import WIDTH
from gambol.viz.shades import PIXELS, decades, empty, majority, raster, state_colours, thousands
from gambol.viz.svg import BLUE, INK, ORANGE, guide, new, styled

TERMS = ("log p(W)", "log p(b)", "log p(π)", "log p(syllables)")
STEPS = ("Newton steps", "Left to gain, nats", "Evaluations", "Share that moved")
_LEAST = 1e-16  # what is left to gain, below which an axis of logarithms does not go


class Plateau(NamedTuple):
    """The straight line through the last log probabilities."""

    slope: float  # nats a sweep
    error: float  # its standard error
    reached: bool  # whether it may be 0
    last: int = 20  # sweeps it goes through

    def __str__(self) -> str:
        """Say in one sentence whether the fit has settled."""
        if not np.isfinite(self.slope):
            return "Too few sweeps to say whether the log probability has settled."
        head = (
            f"Over the last {self.last} sweeps the log probability changes by "
            f"{self.slope:+.3g} ± {self.error:.2g} nats a sweep"
        )
        return head + (
            ", which may be nothing: it has settled."
            if self.reached
            else ": it has not settled, so fit with more iterations."
        )


@styled
def convergence(
    log_probability: Float[np.ndarray, " I"],
    best: int,
    kept: Sequence[int] = (),
    plateau: Plateau | None = None,
) -> Figure:
    """Log probability of every sweep, of all and of the final half, with the sweep in use.

    Args:
        log_probability: nats; of sweeps 1, 2, …
        best: sweep whose parameters the model uses; 0 if none.
        kept: sweeps whose parameters are kept.
        plateau: the line through the last of them.
    """
    figure, panels = new(WIDTH, 2.6, columns=2)
    total = len(log_probability)
    sweeps = np.arange(1, total + 1)
    for panel, first in zip(panels, (0, total // 2), strict=True):
        shown = slice(first, None)
        style = ".-" if total - first <= 60 else "-"
        panel.plot(sweeps[shown], log_probability[shown], style, color=BLUE, markersize=3)
        held = np.array([k for k in kept if first < k <= total], int)
        panel.plot(held, log_probability[held - 1], "o", color=INK, markersize=3,
                   linestyle="none", alpha=0.8)  # fmt: skip
        if first < best <= total:
            at = log_probability[best - 1]
            panel.plot([best], [at], "o", color=ORANGE, markersize=9, markerfacecolor="none",
                       markeredgewidth=1.6)  # fmt: skip
            left = best > first + 0.5 * (total - first)
            panel.annotate(f"in use: sweep {best}", (best, at), (-8 if left else 8, 5),
                           textcoords="offset points", ha="right" if left else "left",
                           color=ORANGE, fontsize=8)  # fmt: skip
            panel.margins(y=0.12)
        _plain(panel)
    if plateau is not None and total >= plateau.last and np.isfinite(plateau.slope):
        x = sweeps[-plateau.last :]
        middle = log_probability[-plateau.last :].mean()
        panels[1].plot(x, middle + plateau.slope * (x - x.mean()), "--", color=INK, alpha=0.8,
                       linewidth=1.2)  # fmt: skip
    panels[0].set_title("Log probability of all sweeps, nats")
    panels[1].set_title("The final half")
    return figure


@styled
def terms(trace: Float[np.ndarray, "I 4"], names: Sequence[str] = TERMS) -> Figure:
    """What the log probability is the sum of, sweep by sweep.

    Args:
        trace: nats, one column a term.
        names: of the terms.
    """
    figure, panels = new(WIDTH, 1.9, columns=len(names))
    sweeps = np.arange(1, len(trace) + 1)
    for panel, column, name in zip(panels, trace.T, names, strict=True):
        panel.plot(sweeps, column, color=BLUE, linewidth=1.2)
        panel.set_title(name)
        _plain(panel, ticks=3)
    return figure


@styled
def objective(traces: Mapping[str, Float[np.ndarray, " _"]]) -> Figure:
    """What optimisations inside a sweep climbed; below the final part, less the last value.

    Args:
        traces: log posterior before each step, by what was optimised; empty ones are left out.
    """
    held = {name: values for name, values in traces.items() if len(values)}
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    panels = figure.subplots(2, max(1, len(held)), squeeze=False)
    if not held:
        for panel in panels.flat:
            empty(panel, "nothing was optimised")
    for k, (name, values) in enumerate(held.items()):
        steps = np.arange(len(values))
        half = min(len(values) // 2, max(len(values) - 3, 0))
        for panel, first, taken in ((panels[0, k], 0, 0.0), (panels[1, k], half, values[-1])):
            style = ".-" if len(values) - first <= 60 else "-"
            panel.plot(steps[first:], values[first:] - taken, style, color=BLUE, markersize=4)
            panel.set_title(f"{name}, final part" if panel is panels[1, k] else f"{name}, all")
            _plain(panel, ticks=4)
            panel.set_xlabel("")
        panels[1, k].set_xlabel("step inside the sweep")
    panels[0, 0].set_ylabel("log posterior, nats")
    panels[1, 0].set_ylabel("less the last, nats")
    return figure


@styled
def steps(blocks: Float[np.ndarray, "I 5"]) -> Figure:
    """How the draws of every sweep went; sweeps that met a limit are marked below.

    Args:
        blocks: Newton steps, decrement, evaluations, share that moved, whether all converged.
    """
    figure, panels = new(WIDTH, 2.0, columns=4)
    sweeps = np.arange(1, len(blocks) + 1)
    bad = sweeps[blocks[:, 4] < 1] if len(blocks) else sweeps
    for k, (panel, name) in enumerate(zip(panels, STEPS, strict=True)):
        values = np.maximum(blocks[:, k], _LEAST) if k == 1 else blocks[:, k]
        panel.plot(sweeps, values, ".", color=BLUE, markersize=3)
        panel.set_title(name)
        if k == 1:
            decades(panel, "{:g}".format)
        elif k == 3:
            panel.set_ylim(-0.02, 1.05)
        else:
            panel.set_ylim(0, 1.15 * max(1.0, float(values.max(initial=1.0))))
        _plain(panel, ticks=3, linear=k != 1)
        if len(bad):  # no marks at all would still claim room
            low = np.full(len(bad), panel.get_ylim()[0])
            panel.plot(bad, low, "^", color=ORANGE, markersize=5, clip_on=False)
    return figure


@styled
def history(
    states: Integer[np.ndarray, "I H"], fps: float, n_states: int, begin_s: float = 0.0
) -> Figure:
    """States of one stretch of a recording (across) in every sweep (down).

    Args:
        states: of each frame, one row a sweep.
        fps: frames a second.
        n_states: K.
        begin_s: when the stretch begins.
    """
    figure, (panel,) = new(WIDTH, 2.9)
    sweeps, frames = states.shape
    if not sweeps or not frames:
        empty(panel, "no sweep was watched")
        return figure
    shown: Int[np.ndarray, "I W"] = np.stack([majority(row, PIXELS) for row in states])
    ends = begin_s, begin_s + frames / fps, sweeps, 0.0
    raster(panel, shown, state_colours(n_states), ends)
    panel.set_xlabel("seconds of the recording")
    panel.set_ylabel("sweep")
    panel.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    for side in ("left", "bottom"):
        panel.spines[side].set_visible(False)
    return figure


def _plain(panel: Axes, ticks: int = 5, *, linear: bool = True) -> None:
    """Label an axis of sweeps, and say large numbers in full."""
    panel.set_xlabel("sweep")
    panel.xaxis.set_major_locator(MaxNLocator(ticks, integer=True))
    if linear:
        panel.yaxis.set_major_locator(MaxNLocator(5))
        panel.yaxis.set_major_formatter(thousands)
    panel.tick_params(labelsize=8)
    guide(panel)

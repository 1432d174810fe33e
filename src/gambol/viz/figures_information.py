"""Pictures of how long behaviour remembers, and of whether a model remembers as long."""

from typing import NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import blended_transform_factory

from gambol.viz.figures import WIDTH
from gambol.viz.shades import GREY, empty, seconds, zero
from gambol.viz.svg import BLUE, INK, ORANGE, guide, styled

NEAR = 12.0  # how much nearer the second look at the corrected curve is
_BAND = 0.22  # opacity of an interval


class Predicted(NamedTuple):
    """Real recordings beside D sets that a fitted model drew, of equal length and gaps."""

    lag_s: Float[np.ndarray, " L"]
    real: Float[np.ndarray, " L"]  # corrected information
    drawn: Float[np.ndarray, "D L"]
    band: Float[np.ndarray, "2 L"]  # 95 % of the draws
    inside: float  # share of lags of 1 to 60 s at which the real curve is in the band
    median_s: Float[np.ndarray, " D"]  # duration of states, in the draws
    usage: Float[np.ndarray, " S"]  # of syllables, by frame
    usage_band: Float[np.ndarray, "2 S"]
    markov: Float[np.ndarray, " L"] | None = None  # corrected, of Markov chains
    real_median_s: float = float("nan")  # duration of states in the real recordings
    units: str = "nats"


@styled
def information(curves: xr.Dataset) -> Figure:
    """Information between labels τ apart: as counted (left), and without its bias (right).

    Args:
        curves: along `lag`: `real`, `markov`, `surrogate` with `_se`; `corrected`, `lower`,
            `upper`, the same of Markov chains with `markov_` before, `markov_analytic`; the
            coordinate `lags_s`; scalars `chance_lag_s`, `markov_chance_lag_s`; `units` among
            the attributes.
    """
    figure = Figure(figsize=(WIDTH, 4.3), layout="constrained")
    panels = figure.subplot_mosaic([["counted", "whole"], ["counted", "near"]])
    lags, units = curves["lags_s"].values, str(curves.attrs.get("units", "nats"))
    _counted(panels["counted"], curves, lags)
    panels["counted"].set_ylabel(f"information, {units}")
    for name, height in (("whole", 0.55), ("near", 1.0)):
        _corrected(panels[name], curves, lags, height)
        panels[name].set_ylabel(units)
    most = float(np.nanmax(curves["corrected"].values, initial=0.0))
    if most > 0:
        panels["near"].set_ylim(-0.4 * most / NEAR, most / NEAR)
    panels["counted"].set_title("As counted, with ± 2 standard errors")
    panels["whole"].set_title("Without the bias, with 95 % intervals")
    panels["near"].set_title(f"The same, {NEAR:.0f} times nearer")
    for name in ("counted", "near"):
        panels[name].set_xlabel("seconds between the two moments")
    panels["whole"].legend(frameon=False, fontsize=8, loc="upper right")
    return figure


@styled
def predictive(check: Predicted) -> Figure:
    """Real recordings against what the model draws: memory, usage of labels, durations."""
    figure = Figure(figsize=(WIDTH, 4.9), layout="constrained")
    panels = figure.subplot_mosaic([["memory", "memory"], ["usage", "lasting"]],
                                   height_ratios=[1.25, 1])  # fmt: skip
    _memory(panels["memory"], check)
    _usage(panels["usage"], check)
    _lasting(panels["lasting"], check)
    return figure


def _counted(panel: Axes, curves: xr.Dataset, lags: Float[np.ndarray, " L"]) -> None:
    """Plug-in curves on logarithmic axes."""
    shown = (
        ("real", "recordings", BLUE, "-"),
        ("markov", "Markov chains", ORANGE, "--"),
        ("surrogate", "bias of the recordings", BLUE, ":"),
        ("markov_surrogate", "bias of the chains", ORANGE, ":"),
    )
    values = []
    for name, said, colour, line in shown:
        y, se = curves[name].values, np.nan_to_num(curves[f"{name}_se"].values)
        panel.plot(lags, np.where(y > 0, y, np.nan), line, color=colour, label=said)
        low = np.where(y - 2 * se > 0, y - 2 * se, np.where(y > 0, y / 2, np.nan))
        panel.fill_between(lags, low, y + 2 * se, color=colour, alpha=_BAND, linewidth=0)
        values.append(y)
    seconds(panel, lags)
    seconds(panel, np.concatenate(values), "y")
    panel.legend(frameon=False, fontsize=8, loc="upper right")
    guide(panel, "both")


def _corrected(
    panel: Axes, curves: xr.Dataset, lags: Float[np.ndarray, " L"], height: float
) -> None:
    """Corrected curves on a linear axis, and up to some height the lags where they end."""
    zero(panel)
    for name, said, colour, line in (
        ("", "recordings", BLUE, "-"),
        ("markov_", "Markov chains", ORANGE, "--"),
    ):
        low, high = curves[f"{name}lower"].values, curves[f"{name}upper"].values
        panel.fill_between(lags, low, high, color=colour, alpha=_BAND, linewidth=0)
        lag = float(curves[f"{name}chance_lag_s"])
        if np.isfinite(lag):
            said += (
                f", at chance from {lag:.2g} s"
                if lag < 100
                else f", at chance from {lag:.0f} s"
            )
            panel.axvline(lag, 0, height, color=colour, linewidth=1.0, linestyle=(0, (2, 2)))
        panel.plot(lags, curves[f"{name}corrected"].values, line, color=colour, label=said)
    panel.plot(lags, curves["markov_analytic"].values, ":", color=INK, linewidth=1.1,
               label="Markov chains, exact")  # fmt: skip
    seconds(panel, lags)
    guide(panel)


def _memory(panel: Axes, check: Predicted) -> None:
    zero(panel)
    low, high = check.band
    panel.fill_between(check.lag_s, low, high, color=GREY, alpha=0.35, linewidth=0,
                       label=f"model: 95 % of {len(check.drawn)} draws")  # fmt: skip
    if check.markov is not None:
        panel.plot(check.lag_s, check.markov, "--", color=ORANGE, label="Markov chains")
    panel.plot(check.lag_s, check.real, color=BLUE, label="recordings")
    out = (check.real < low) | (check.real > high)
    panel.plot(check.lag_s[out], check.real[out], "o", color=BLUE, markersize=3.5,
               markerfacecolor="none", label="outside the band")  # fmt: skip
    seconds(panel, check.lag_s)
    if np.isfinite(check.inside):
        panel.text(0.99, 0.42, f"{check.inside:.0%} of the lags of 1 to 60 s inside",
                   transform=panel.transAxes, ha="right", fontsize=9)  # fmt: skip
    panel.set_title(f"Information without its bias, {check.units}")
    panel.set_xlabel("seconds between the two moments")
    panel.legend(frameon=False, fontsize=8, loc="upper right", ncols=2)
    guide(panel)


def _usage(panel: Axes, check: Predicted) -> None:
    """Usage from the most used label down, with the band of the draws."""
    order = np.argsort(-np.nan_to_num(check.usage), kind="stable")
    rank = np.arange(1, len(order) + 1)
    low, high = 100 * check.usage_band[:, order]
    panel.vlines(rank, low, high, color=GREY, linewidth=max(1.0, min(5.0, 110 / len(order))),
                 alpha=0.6)  # fmt: skip
    panel.plot(rank, 100 * check.usage[order], "o", color=BLUE, markersize=3)
    panel.set_ylim(0, None)
    panel.set_title("Usage of labels, % of the frames")
    panel.set_xlabel("labels, most used first")
    guide(panel)


def _lasting(panel: Axes, check: Predicted) -> None:
    """Median durations of the draws as dots, that of the recordings as a line."""
    panel.set_title("Median duration of states, s")
    known = check.median_s[np.isfinite(check.median_s)]
    if not len(known) and not np.isfinite(check.real_median_s):
        empty(panel, "no state was seen to end")
        return
    lift = np.random.default_rng(0).uniform(-0.25, 0.25, len(known))
    panel.scatter(known, lift, 16, color=GREY, alpha=0.8, linewidths=0)
    real = check.real_median_s
    at = blended_transform_factory(panel.transData, panel.transAxes)
    if np.isfinite(real):
        panel.axvline(real, color=BLUE, linewidth=1.6)
        panel.text(real, 0.93, f" recordings: {real:.3g} s", color=BLUE, va="top",
                   transform=at)  # fmt: skip
    every = np.append(known, real) if np.isfinite(real) else known
    spread = max(float(np.ptp(every)), 0.2 * float(np.abs(every).max()), 1e-3)
    panel.set_xlim(every.min() - 0.2 * spread, every.max() + 0.5 * spread)
    panel.set_ylim(-0.6, 1.0)
    panel.set_yticks([])
    panel.spines["left"].set_visible(False)
    panel.text(float(known.mean()) if len(known) else real, -0.5, "draws of the model",
               color=GREY, ha="center", fontsize=8)  # fmt: skip
    panel.set_xlabel("seconds")
    guide(panel, "x")

"""Pictures of many fits: which stickiness, how many states, and whether seeds agree."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gambol.viz.colours import hexadecimal, individual_colours
from gambol.viz.figures import WIDTH
from gambol.viz.shades import GREY, bar, cells, decades, empty, seconds, thousands
from gambol.viz.svg import BLUE, INK, guide, new, px_ticks, styled

USED = 0.02  # usage from which a state counts as one
_MARKS = "osD^vP*X"  # of numbers of states


class Fits(NamedTuple):
    """The table of a scan, a column each; M fits."""

    trans_kappa: Float[np.ndarray, " M"]
    n_states: Int[np.ndarray, " M"]
    random_state: Int[np.ndarray, " M"]
    log_probability: Float[np.ndarray, " M"]  # nats, the highest of a fit
    held_out: Float[np.ndarray, " M"]  # nats a frame; NaN without held-out recordings
    median_s: Float[np.ndarray, " M"]  # duration of states
    states_used: Float[np.ndarray, " M"]  # with 2 % of the frames or more
    converged: Bool[np.ndarray, " M"]
    plateau: Bool[np.ndarray, " M"]
    seconds: Float[np.ndarray, " M"]


@styled
def stickiness(
    fits: Fits,
    low_s: float = float("nan"),
    high_s: float = float("nan"),
    chosen: float | None = None,
) -> Figure:
    """Log probability, duration and held-out score against κ: medians, quartiles, every fit.

    Args:
        fits: of the scan.
        low_s: lag from which Markov chains are at chance; states should last longer.
        high_s: lag from which recordings are; states should not last longer.
        chosen: κ that the rules chose.
    """
    held = bool(np.isfinite(fits.held_out).any())
    figure, panels = new(WIDTH, 2.9, columns=3 if held else 2)
    if not len(fits.trans_kappa):
        for panel in panels:
            empty(panel, "no fit")
        return figure
    _against(panels[0], fits, fits.log_probability)
    _against(panels[1], fits, fits.median_s)
    seconds(panels[1], np.append(fits.median_s, [low_s, high_s]), "y")
    if np.isfinite(low_s):
        top = high_s if np.isfinite(high_s) else panels[1].get_ylim()[1]
        said = "chains at chance,\nrecordings not yet"
        panels[1].axhspan(low_s, top, color=BLUE, alpha=0.12, linewidth=0, zorder=0, label=said)
    panels[0].set_title("Log probability, nats")
    panels[1].set_title("Median duration, s")
    if held:
        _against(panels[2], fits, fits.held_out)
        panels[2].set_title("Held out, nats a frame")
    panels[0].yaxis.set_major_formatter(thousands)
    for panel in panels:
        _kappas(panel, fits.trans_kappa, 4 if held else 6)
        panel.set_xlabel("κ (trans_kappa)")
        panel.tick_params(labelsize=8)
        guide(panel)
        if chosen is not None:
            panel.axvline(chosen, color=INK, linewidth=1.0, linestyle=(0, (2, 2)), zorder=1)
    if len(np.unique(fits.n_states)) > 1:
        panels[0].legend(frameon=False, fontsize=8, title="states", title_fontsize=8)
    if np.isfinite(low_s):
        marks, names = panels[1].get_legend_handles_labels()
        shade = [mark for mark, name in zip(marks, names, strict=True) if "chance" in name]
        panels[1].legend(handles=shade, frameon=False, fontsize=7.5)
    return figure


@styled
def numbers_of_states(
    fits: Fits,
    alike: Mapping[int, Float[np.ndarray, "M M"]],
    chosen: int | None = None,
) -> Figure:
    """Against the number of states: agreement of seeds, log probability, states in use.

    Args:
        fits: of the scan.
        alike: adjusted Rand index of every two fits, by number of states.
        chosen: number of states that the rules chose.
    """
    figure, (agree, score, used) = new(WIDTH, 2.7, columns=3)
    agree.set_title("Adjusted Rand of seeds")
    score.set_title("Log probability, nats")
    used.set_title(f"States with {USED:.0%} or more")
    middle = []
    for k, table in sorted(alike.items()):
        pairs = table[np.triu_indices(len(table), 1)]
        if len(pairs):
            agree.scatter(
                np.full(len(pairs), k), pairs, 12, color=BLUE, alpha=0.4, linewidths=0
            )
            middle.append((k, float(np.median(pairs))))
    if middle:
        agree.plot(*zip(*middle, strict=True), "o-", color=BLUE, markersize=5)
        agree.set_ylim(min(-0.03, agree.get_ylim()[0]), 1.03)
    else:
        empty(agree, "several seeds are\nneeded for this")
    if not len(fits.n_states):
        empty(score, "no fit")
        empty(used, "no fit")
        return figure
    for panel, values in ((score, fits.log_probability), (used, fits.states_used)):
        _quartiles(panel, fits.n_states.astype(float), values, BLUE, "o", "")
    ends = np.array([fits.n_states.min(), fits.n_states.max()])
    used.plot(ends, ends, color=GREY, linewidth=1, linestyle=(0, (4, 3)))
    used.set_ylim(0, None)
    score.yaxis.set_major_formatter(thousands)
    for panel in (agree, score, used):
        panel.set_xlabel("states allowed")
        panel.set_xlim(ends[0] - 0.6, ends[1] + 0.6)
        panel.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        panel.tick_params(labelsize=8)
        guide(panel)
        if chosen is not None:
            panel.axvline(chosen, color=INK, linewidth=1.0, linestyle=(0, (2, 2)), zorder=1)
    return figure


@styled
def rank_usage(usages: Mapping[int, Sequence[Float[np.ndarray, " K"]]]) -> Figure:
    """Usage from the most used state down (log scale): fits are faint, their medians strong.

    Args:
        usages: of states, by the number of states allowed, one array a fit.
    """
    figure, (panel,) = new(WIDTH, 2.8)
    held = {k: each for k, each in sorted(usages.items()) if len(each)}
    if not held:
        empty(panel, "no fit")
        return figure
    colours = [hexadecimal(colour) for colour in individual_colours(len(held))]
    for colour, mark, (k, each) in zip(colours, _MARKS * len(held), held.items(), strict=False):
        ranked = -np.sort(-np.stack(each), axis=1)
        rank = np.arange(1, k + 1)
        shown = np.where(ranked > 0, ranked, np.nan)
        for row in shown:
            panel.plot(rank, row, color=colour, alpha=0.25, linewidth=0.8)
        middle = np.median(ranked, axis=0)
        panel.plot(rank, np.where(middle > 0, middle, np.nan), mark + "-", color=colour,
                   markersize=4.5, label=f"{k} states")  # fmt: skip
    panel.axhline(USED, color=GREY, linewidth=1, linestyle=(0, (4, 3)))
    decades(panel, lambda value: f"{100 * value:g} %")
    panel.set_ylim(max(panel.get_ylim()[0], 1e-5), 1.2)
    panel.xaxis.set_major_locator(MaxNLocator(12, integer=True))
    panel.set_xlabel("rank of the state")
    panel.set_title("Share of the frames")
    panel.legend(frameon=False, fontsize=8, ncols=max(1, len(held) // 4))
    guide(panel)
    return figure


@styled
def agreement(
    alike: Float[np.ndarray, "M M"], names: Sequence[str], chosen: int | None = None
) -> Figure:
    """Adjusted Rand index of every two fits; 1 is the same, 0 is chance.

    Args:
        alike: the indices.
        names: of the fits, such as their seeds.
        chosen: number of the fit that the rules chose.
    """
    count = len(alike)
    figure, (panel,) = new(WIDTH, float(np.clip(0.3 * count + 0.9, 1.8, 5.6)))
    if count < 2:
        empty(panel, "several fits are needed for this")
        return figure
    said = [f"{name} (chosen)" if m == chosen else name for m, name in enumerate(names)]
    drawn = cells(panel, alike, limit=1.0, numbers=".2f", rows=said,
                  columns=list(names))  # fmt: skip
    panel.set_aspect("equal")
    panel.set_xlabel("fit (seed)")
    bar(figure, drawn, panel, "adjusted Rand")
    return figure


@styled
def chains(log_probabilities: Mapping[str, Float[np.ndarray, " I"]]) -> Figure:
    """Log probability of every sweep of several fits: do they come to the same?

    Args:
        log_probabilities: nats, by the name of the fit.
    """
    figure, panels = new(WIDTH, 2.5, columns=2)
    longest = max((len(values) for values in log_probabilities.values()), default=0)
    colours = individual_colours(max(1, len(log_probabilities)))
    for panel, first in zip(panels, (0, longest // 2), strict=True):
        for colour, (name, values) in zip(colours, log_probabilities.items(), strict=False):
            sweeps = np.arange(1, len(values) + 1)
            panel.plot(sweeps[first:], values[first:], color=hexadecimal(colour), linewidth=1.1,
                       label=name)  # fmt: skip
        panel.set_xlabel("sweep")
        panel.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        panel.yaxis.set_major_formatter(thousands)
        panel.tick_params(labelsize=8)
        guide(panel)
    panels[0].set_title("Log probability of each fit, nats")
    panels[1].set_title("The final half")
    if 0 < len(log_probabilities) <= 12:
        panels[0].legend(frameon=False, fontsize=7.5, ncols=2, title="seed", title_fontsize=8)
    return figure


def _against(panel: Axes, fits: Fits, values: Float[np.ndarray, " M"]) -> None:
    """One line for each number of states."""
    numbers = np.unique(fits.n_states)
    for n, k in enumerate(numbers):
        colour = BLUE if len(numbers) == 1 else hexadecimal(individual_colours(len(numbers))[n])
        own = fits.n_states == k
        _quartiles(panel, fits.trans_kappa[own], values[own], colour, _MARKS[n % len(_MARKS)],
                   str(k))  # fmt: skip


def _quartiles(
    panel: Axes,
    x: Float[np.ndarray, " M"],
    y: Float[np.ndarray, " M"],
    colour: str,
    mark: str,
    name: str,
) -> None:
    """Every value as a faint dot, medians as a line, the middle half as bars."""
    known = np.isfinite(y)
    x, y = x[known], y[known]
    if not len(x):
        return
    places = np.unique(x)
    low, middle, high = np.array([np.quantile(y[x == p], [0.25, 0.5, 0.75]) for p in places]).T
    panel.scatter(x, y, 9, color=colour, alpha=0.35, linewidths=0)
    panel.vlines(places, low, high, color=colour, linewidth=2.4, alpha=0.7)
    panel.plot(
        places, middle, mark + "-", color=colour, markersize=5, linewidth=1.3, label=name
    )


def _kappas(panel: Axes, values: Float[np.ndarray, " M"], most: int) -> None:
    """Make κ a logarithmic axis of a few plain numbers."""
    known = np.unique(values[values > 0])
    if not len(known):
        return
    px_ticks(panel, "x", known[0] / 1.25, known[-1] * 1.25)
    if len(known) > most:
        known = known[np.unique(np.linspace(0, len(known) - 1, most).round().astype(int))]
    panel.set_xticks(known, [_short(value) for value in known])


def _short(value: float) -> str:
    """Say a large number in few letters.

    >>> _short(180000.0), _short(0.5)
    ('1.8e5', '0.5')
    """
    if 0.01 <= value < 1e4:
        return f"{value:.5g}"
    digits, power = f"{value:.1e}".split("e")
    return f"{digits.removesuffix('.0')}e{int(power)}"

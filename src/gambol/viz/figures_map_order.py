"""Pictures of what follows what on a behaviour map: transitions, memory, stays and usage."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from gambol.viz.colours import hexadecimal
from gambol.viz.figures import WIDTH
from gambol.viz.figures_states import Lasting
from gambol.viz.shades import GREY, RISING, decades, empty, paint, seconds, state_colours
from gambol.viz.svg import BLUE, INK, guide, styled

CURVES = 8  # survival curves with a colour of their own
_NAMED = 40  # regions up to which each is named along an axis
_LEVELS = 6  # of a tree beside a matrix
_COLOURED = 8  # groups that have colours there


@styled
def transitions(
    rows: Float[np.ndarray, "R R"],
    order: Int[np.ndarray, " R"],
    levels: Sequence[Int[np.ndarray, " R"]] = (),
    said: str = "the next stay",
) -> Figure:
    """Which region follows which, in the order of a tree whose groups stand at the left.

    Args:
        rows: P(column follows | row); NaN where nothing follows.
        order: regions (0 …) along the leaves of the tree.
        levels: group of each region, from few groups to many; outlined for the first two.
        said: what follows, for the title.
    """
    figure = Figure(figsize=(6.2, 5.6), layout="constrained")
    few = _some([level for level in levels if level.max(initial=0) > 0])
    strip, panel = figure.subplots(1, 2, sharey=True, width_ratios=[max(1, len(few)), 22])
    size = len(order)
    shown = np.sqrt(rows[np.ix_(order, order)])
    drawn = panel.imshow(np.ma.masked_invalid(shown), cmap=RISING, vmin=0.0, vmax=1.0,
                         interpolation="none", aspect="auto")  # fmt: skip
    for width, level in zip((1.6, 0.8), few, strict=False):
        _outline(panel, level[order], width)
    if few:
        for place, level in enumerate(few):
            _strip(strip, place, level[order])
        strip.set_xlim(-0.5, len(few) - 0.5)
        counts = [str(int(level.max()) + 1) for level in few]
        strip.set_xticks(range(len(few)), counts, fontsize=7)
        strip.set_xlabel("groups", fontsize=8)
    else:
        strip.set_axis_off()
    names = [str(k + 1) for k in order]
    step = max(1, -(-size // _NAMED))
    small = 7 if size > 20 else 8
    panel.set_xticks(range(0, size, step), names[::step], fontsize=small, rotation=90)
    strip.set_yticks(range(0, size, step), names[::step], fontsize=small)
    for one in (strip, panel):
        one.tick_params(length=0)
        one.spines[:].set_visible(False)
    panel.tick_params(labelleft=not few)
    panel.set_xlabel("region that follows")
    (strip if few else panel).set_ylabel("region")
    panel.set_title(f"Which region is {said}")
    made = figure.colorbar(drawn, ax=panel, fraction=0.035, pad=0.015, aspect=28)
    made.outline.set_visible(False)
    percent = (0, 1, 5, 20, 50, 100)
    made.set_ticks([(p / 100) ** (1 / 2) for p in percent], labels=[f"{p} %" for p in percent])
    made.ax.tick_params(length=2, labelsize=8)
    return figure


@styled
def decay(
    lags: Int[np.ndarray, " L"],
    real: Float[np.ndarray, "L K"],
    chain: Float[np.ndarray, "L K"],
    shuffled: Float[np.ndarray, "B L K"],
) -> Figure:
    """How fast transitions forget: their eigenvalues, a Markov chain's, those of chance.

    Args:
        lags: stays ahead.
        real: sizes of the eigenvalues, falling; the first is 1 and is not drawn.
        chain: of powers of the first transitions.
        shuffled: of stays in random order.
    """
    figure = Figure(figsize=(WIDTH, 3.1), layout="constrained")
    panel = figure.subplots()
    panel.set_title("Memory of the order of stays: size of the eigenvalues of the transitions")
    if real.shape[1] < 2:
        empty(panel, "one region only, nothing to remember")
        return figure
    if len(shuffled):
        low, high = np.quantile(shuffled[:, :, 1], [0.025, 0.975], axis=0)
        panel.fill_between(lags, low, high, color=GREY, alpha=0.35, linewidth=0,
                           label="largest of shuffled stays, 95 %")  # fmt: skip
    kept = min(real.shape[1], 6)
    for k in range(1, kept):
        strong, width = 1.0 - 0.75 * (k - 1) / max(1, kept - 1), 2.0 if k == 1 else 1.1
        said = ("measured, the largest first", "a Markov chain of the same first step")
        names = said if k == 1 else (None, None)
        panel.plot(lags, real[:, k], "-o", markersize=3, color=BLUE, alpha=strong,
                   linewidth=width, label=names[0])  # fmt: skip
        panel.plot(lags, chain[:, k], color=INK, alpha=strong, linestyle=(0, (3, 2)),
                   linewidth=0.7 * width, label=names[1])  # fmt: skip
    floor = float(np.clip(0.6 * np.min(real[:, 1:kept], initial=1.0), 1e-3, 0.09))
    seconds(panel, lags.astype(float))
    decades(panel, lambda value: f"{value:g}")
    panel.set_ylim(floor, 1.15)
    panel.set_xlabel("stays ahead")
    figure.legend(loc="outside lower center", frameon=False, fontsize=8, ncols=3)
    guide(panel, "both")
    return figure


@styled
def survival(
    each: Sequence[Lasting], pooled: Lasting, names: Sequence[str] | None = None
) -> Figure:
    """How long stays last: share that lasts longer (left), quartiles by region (right).

    Args:
        each: of regions 1, 2, …
        pooled: of all stays together.
        names: of the regions.
    """
    names = [str(k + 1) for k in range(len(each))] if names is None else list(names)
    used = [k for k, lasting in enumerate(each) if lasting.bouts]
    figure = Figure(figsize=(WIDTH, 3.3), layout="constrained")
    curves, middles = figure.subplots(1, 2, width_ratios=[1, 1.3])
    curves.set_title("Share of stays that last longer")
    middles.set_title("Middle half and median, s, by region")
    if not pooled.bouts:
        for panel in (curves, middles):
            empty(panel, "no stay began within a recording")
        return figure
    often = sorted(used, key=lambda k: -each[k].bouts)
    colours = [hexadecimal(colour) for colour in state_colours(CURVES)]
    hue = {k: colours[n] for n, k in enumerate(sorted(often[:CURVES]))}
    for k in often[::-1]:
        _step(curves, each[k], hue.get(k, GREY), 1.4 if k in hue else 0.6, names[k])
    _step(curves, pooled, INK, 2.2, "all")
    ends = np.concatenate([pooled.time, pooled.quartiles, *(each[k].quartiles for k in used)])
    seconds(curves, ends)
    curves.set_ylim(0, 1.02)
    curves.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    curves.set_xlabel("seconds")
    guide(curves, "x")
    _legend(curves, hue)
    for place, k in enumerate(used):
        _middle(middles, place, each[k], hue.get(k, GREY))
    middles.axhline(pooled.quartiles[1], color=INK, linewidth=0.9, linestyle=(0, (4, 3)))
    quartiles = np.concatenate([each[k].quartiles for k in used])
    seconds(middles, quartiles, "y")
    step = max(1, -(-len(used) // 20))
    middles.set_xticks(range(0, len(used), step), [names[k] for k in used][::step], fontsize=7)
    middles.set_xlim(-0.7, len(used) - 0.3)
    middles.set_xlabel("region")
    guide(middles)
    return figure


@styled
def usage(shares: Float[np.ndarray, "A R"], groups: Sequence[str] | None = None) -> Figure:
    """Share of the frames in each region: an animal a dot, the mean of a group a line.

    Args:
        shares: of each animal in regions 1, 2, …
        groups: of the animals.
    """
    animals, size = shares.shape
    levels = sorted(set(groups)) if groups is not None else [""]
    member = np.array(groups if groups is not None else [""] * animals)
    figure = Figure(figsize=(WIDTH, 2.8), layout="constrained")
    panel = figure.subplots()
    colours = (
        [BLUE] if len(levels) == 1 else [hexadecimal(c) for c in state_colours(len(levels))]
    )
    rng = np.random.default_rng(0)
    width = 0.8 / len(levels)
    for g, (level, colour) in enumerate(zip(levels, colours, strict=True)):
        own = 100 * shares[member == level]
        place = np.arange(size) + (g - (len(levels) - 1) / 2) * width
        shift = rng.uniform(-0.3, 0.3, own.shape) * width
        panel.scatter((place + shift).ravel(), own.ravel(), 9 if size <= _NAMED else 4,
                      color=colour, alpha=0.55, linewidths=0)  # fmt: skip
        mean = np.nanmean(own, axis=0) if np.isfinite(own).any() else np.full(size, np.nan)
        panel.hlines(mean, place - 0.42 * width, place + 0.42 * width, color=INK,
                     linewidth=1.6, zorder=3)  # fmt: skip
        if len(levels) > 1:
            panel.scatter([], [], 18, color=colour, label=f"{level} ({len(own)})")
    step = max(1, -(-size // _NAMED))
    panel.set_xticks(range(0, size, step), [str(k + 1) for k in range(0, size, step)],
                     fontsize=8 if size <= 20 else 7)  # fmt: skip
    panel.set_xlim(-0.7, size - 0.3)
    panel.set_ylim(0, None)
    panel.set_xlabel("region")
    many = f"{animals} animal{'s' * (animals != 1)}"
    panel.set_title(f"Usage of regions by {many}, % of the frames")
    if len(levels) > 1:
        panel.legend(frameon=False, fontsize=8, ncols=len(levels), loc="upper right")
    guide(panel)
    return figure


def _some(levels: Sequence[Int[np.ndarray, " R"]]) -> list[Int[np.ndarray, " R"]]:
    """Return levels that are spread evenly, in the logarithm of their number of groups."""
    if len(levels) <= _LEVELS:
        return list(levels)
    counts = np.log([level.max() + 1 for level in levels])
    wanted = np.linspace(counts[0], counts[-1], _LEVELS)
    return [levels[k] for k in np.unique(np.abs(counts[:, None] - wanted).argmin(axis=0))]


def _strip(panel: Axes, place: int, groups: Int[np.ndarray, " R"]) -> None:
    """Draw the groups of a level as a column: colours if they are few, else greys in turn."""
    count = int(groups.max()) + 1
    if count <= _COLOURED:
        pixels = paint(groups[:, None], state_colours(count))
    else:
        turn = np.append(0, np.cumsum(np.diff(groups) != 0)) % 2
        pixels = paint(turn[:, None], np.array([(138, 143, 152), (200, 203, 208)], np.uint8))
    wide, rim = 0.45, 1 / 2
    ends = (place - wide, place + wide, len(groups) - rim, -rim)
    panel.imshow(pixels, aspect="auto", interpolation="none", extent=ends)


def _outline(panel: Axes, groups: Int[np.ndarray, " R"], width: float) -> None:
    """Draw a square around each run of one group on the diagonal."""
    edges = np.r_[0, np.flatnonzero(np.diff(groups)) + 1, len(groups)]
    for begin, end in zip(edges[:-1], edges[1:], strict=True):
        corner, side = float(begin) - 1 / 2, float(end - begin)
        panel.add_patch(Rectangle((corner, corner), side, side, fill=False, edgecolor=INK,
                                  linewidth=width, clip_on=False))  # fmt: skip


def _step(panel: Axes, lasting: Lasting, colour: str, width: float, name: str) -> None:
    """Share of stays that last longer than x, from 1 down."""
    if len(lasting.time):
        x = np.concatenate([[lasting.time[0] / 100], lasting.time])
        y = np.concatenate([[1.0], lasting.survival])
        panel.plot(x, y, color=colour, linewidth=width, drawstyle="steps-post", label=name)


def _legend(panel: Axes, hue: dict[int, str]) -> None:
    """Name the curves that have a colour, in the order of the regions, all stays first."""
    lines = {line.get_label(): line for line in panel.lines}
    wanted = ["all", *(str(k + 1) for k in sorted(hue))]
    shown = [lines[name] for name in wanted if name in lines]
    panel.legend(handles=shown, frameon=False, fontsize=7.5, loc="upper right", ncols=2,
                 handlelength=1.2, columnspacing=0.9).set_in_layout(False)  # fmt: skip


def _middle(panel: Axes, x: float, lasting: Lasting, colour: str) -> None:
    """Quartiles as a bar, the median as a dot; an open end goes up to the top."""
    low, middle, high = lasting.quartiles
    if np.isfinite(low):
        top = high if np.isfinite(high) else 1e6
        panel.plot([x, x], [low, top], color=colour, linewidth=4, alpha=0.55,
                   solid_capstyle="butt")  # fmt: skip
    if np.isfinite(middle):
        panel.plot([x], [middle], "o", color=colour, markersize=4.5, markeredgecolor=INK,
                   markeredgewidth=0.6)  # fmt: skip

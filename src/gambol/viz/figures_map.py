"""Pictures of a behaviour map: its hills, how each moves, where groups of animals differ."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm, to_rgba
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from gambol.viz.figures import WIDTH
from gambol.viz.shades import AROUND, GREY, RISING, bar, empty, seconds
from gambol.viz.svg import BLUE, INK, ORANGE, guide, styled

SHOWN = 24  # spectrograms in one figure
_ROOM = 0.04  # of the map, around it


@styled
def density(
    values: Float[np.ndarray, "G G"],
    axis: Float[np.ndarray, " G"],
    label: Int[np.ndarray, "G G"],
    peak: Float[np.ndarray, "R 2"],
    sigma: float,
) -> Figure:
    """Density of a map with the borders and the numbers of its regions.

    Args:
        values: density; rows go up.
        axis: map coordinate of rows and columns.
        label: region of each place, 1 …, 0 outside.
        peak: highest place of each region, x and y.
        sigma: sd of the kernel, map units.
    """
    figure = Figure(figsize=(5.6, 5.6), layout="constrained")
    panel = figure.subplots()
    inside = label > 0
    top = float(values.max(initial=0.0)) or 1.0
    # the square root shows rare regions, too; the strongest shade is not reached, for numbers
    drawn = _field(panel, np.where(inside, values / top, np.nan), axis, RISING,
                   norm=PowerNorm(1 / 2, 0.0, 1.5))  # fmt: skip
    _borders(panel, label, axis, 0.8)
    _numbers(panel, peak)
    _crop(panel, inside, axis)
    many = f"{len(peak)} region{'s' * (len(peak) != 1)}"
    panel.set_title(f"Density of the map: {many}, kernel of {sigma:.3g} map units")
    bar(figure, drawn, panel, "density, of the highest")
    scale = figure.axes[-1]
    scale.set_ylim(0, 1)
    scale.set_yticks([0, 0.01, 0.1, 0.25, 0.5, 1], ["0", "0.01", "0.1", "0.25", "0.5", "1"])
    return figure


@styled
def spectra(
    values: Float[np.ndarray, "R C F"],
    frequencies: Float[np.ndarray, " F"],
    parts: Sequence[str],
    names: Sequence[str],
    *,
    around: bool = True,
) -> Figure:
    """How regions move: part of the body by frequency, a panel each, all of one scale.

    Args:
        values: z against all frames, or mean amplitude; at most `SHOWN` regions.
        frequencies: Hz, ascending.
        parts: names of the parts.
        names: of the regions.
        around: whether values are z, with shades of their own below 0.
    """
    values, names = values[:SHOWN], list(names)[:SHOWN]
    columns = int(np.clip(len(values), 1, 6))
    rows = max(1, -(-len(values) // columns))
    tall = float(np.clip(0.13 * len(parts) + 0.25, 0.7, 2.2))
    figure = Figure(figsize=(WIDTH, rows * tall + 0.6), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    flat = list(panels.ravel())
    known = values[np.isfinite(values)]
    if not len(known):
        for panel in flat:
            panel.set_axis_off()
        empty(flat[0], "no region has frames")
        return figure
    limit = float(np.quantile(np.abs(known), 0.995)) or 1.0
    low = -limit if around else 0.0
    for panel, value, name in zip(flat, values, names, strict=False):
        panel.imshow(
            np.ma.masked_invalid(value), cmap=AROUND if around else RISING, vmin=low,
            vmax=limit, aspect="auto", interpolation="none",
        )  # fmt: skip
        panel.set_title(name, fontsize=8)
        panel.tick_params(length=2, labelsize=7)
        panel.spines[["left", "bottom"]].set(alpha=0.4)
    _name_parts(flat, panels, parts, frequencies, len(values))
    said = "z against all frames" if around else "mean amplitude"
    figure.suptitle(f"Part of the body by frequency (Hz): {said}", x=0.01, ha="left",
                    fontsize=9.5, fontweight="bold")  # fmt: skip
    made = figure.colorbar(flat[0].images[0], ax=flat, fraction=0.02, pad=0.01, aspect=30)
    made.outline.set_visible(False)
    made.ax.tick_params(length=2, labelsize=8)
    return figure


@styled
def difference(
    values: Float[np.ndarray, "G G"],
    axis: Float[np.ndarray, " G"],
    significant: Bool[np.ndarray, "G G"],
    groups: tuple[str, str],
    said: str,
    regions: tuple[Int[np.ndarray, "H H"], Float[np.ndarray, " H"]] | None = None,
) -> Figure:
    """Where the density of one group of animals is higher or lower than that of another.

    Args:
        values: density of one - that of the other; rows go up.
        axis: map coordinate of rows and columns.
        significant: where the groups differ; outlined.
        groups: one, other.
        said: about the test, below the title.
        regions: label of each place on a grid (0 outside), and its axis; thin borders.
    """
    figure = Figure(figsize=(5.6, 5.6), layout="constrained")
    panel = figure.subplots()
    limit = float(np.abs(values).max(initial=0.0)) or 1.0
    drawn = _field(panel, values / limit, axis, AROUND, vmin=-1.0, vmax=1.0)
    inside, grid = np.abs(values) > 1e-3 * limit, axis
    if regions is not None:
        _borders(panel, *regions, 0.35, alpha=0.55)
        inside, grid = regions[0] > 0, regions[1]
    if significant.any():
        panel.contour(axis, axis, significant.astype(float), [1 / 2], colors=[INK],
                      linewidths=1.6)  # fmt: skip
    _crop(panel, inside, grid)
    panel.set_title(f"Density of {groups[0]} less that of {groups[1]}\n")
    panel.text(0, 1.015, said, transform=panel.transAxes, fontsize=8)
    bar(figure, drawn, panel, f"more in {groups[1]}  ←   difference   →  more in {groups[0]}")
    return figure


@styled
def speeds(
    counts: Int[np.ndarray, " B"],
    edges: Float[np.ndarray, " B1"],
    components: tuple[Float[np.ndarray, " 2"], ...],
    thresholds: Sequence[float] = (),
) -> Figure:
    """Speed on the map, the two Gaussians under it, and where stays begin and end.

    Args:
        counts: histogram of log10 speed.
        edges: of its bins.
        components: weights, means and sds of the Gaussians of log10 speed.
        thresholds: speeds where a stay begins and ends, map units a second.
    """
    figure = Figure(figsize=(WIDTH, 2.7), layout="constrained")
    panel = figure.subplots()
    counts, edges = _coarser(counts, edges)
    middles = (edges[1:] + edges[:-1]) / 2
    share = counts / max(1, counts.sum()) / np.diff(edges)
    panel.fill_between(10**edges, np.append(share, share[-1]), step="post", color=GREY,
                       alpha=0.35, linewidth=0)  # fmt: skip
    fine = np.linspace(edges[0], edges[-1], 400)
    whole = np.zeros(len(fine))
    for k, (colour, name) in enumerate(((BLUE, "stay"), (ORANGE, "move"))):
        weight, mean, sd = (float(one[k]) for one in components)
        curve = weight / (sd * np.sqrt(2 * np.pi)) * np.exp(-(((fine - mean) / sd) ** 2) / 2)
        whole += curve
        panel.plot(10**fine, curve, color=colour, linewidth=2.0)
        at = int(curve.argmax())
        panel.annotate(f"{name} {100 * weight:.0f} %", (10 ** fine[at], curve[at]), (0, 4),
                       textcoords="offset points", color=colour, ha="center", fontsize=8.5,
                       fontweight="bold")  # fmt: skip
    panel.plot(10**fine, whole, color=INK, linewidth=1.0, linestyle=(0, (4, 2)))
    for value in thresholds:
        panel.axvline(value, color=INK, alpha=0.6, linewidth=0.9, linestyle=(0, (1, 2)))
    seconds(panel, 10 ** np.array([edges[0], *middles, edges[-1]]))
    panel.set_ylim(0, 1.18 * max(share.max(initial=0.0), whole.max()))
    panel.set_xlabel("map units a second")
    panel.set_yticks([])
    panel.spines["left"].set_visible(False)
    panel.set_title("Speed on the map: frames by the logarithm of their speed")
    guide(panel, "x")
    return figure


def _field(
    panel: Axes,
    values: Float[np.ndarray, "G G"],
    axis: Float[np.ndarray, " G"],
    shades: Any,
    **scale: Any,
) -> AxesImage:
    """Draw values on their square grid, y up."""
    rim = (axis[1] - axis[0]) / 2
    ends = (axis[0] - rim, axis[-1] + rim, axis[0] - rim, axis[-1] + rim)
    return panel.imshow(np.ma.masked_invalid(values), cmap=shades, extent=ends, origin="lower",
                        interpolation="nearest", **scale)  # fmt: skip


def _borders(
    panel: Axes,
    label: Int[np.ndarray, "G G"],
    axis: Float[np.ndarray, " G"],
    width: float,
    alpha: float = 0.8,
) -> None:
    """Outline every region."""
    ink = to_rgba(INK, alpha)
    for region in range(1, int(label.max(initial=0)) + 1):
        own = np.pad(label == region, 1)
        rows, columns = np.flatnonzero(own.any(axis=1)), np.flatnonzero(own.any(axis=0))
        if not len(rows):
            continue
        tall = slice(rows[0] - 1, rows[-1] + 2)
        wide = slice(columns[0] - 1, columns[-1] + 2)
        step = axis[1] - axis[0]
        padded = np.concatenate([[axis[0] - step], axis, [axis[-1] + step]])
        part = own[tall, wide].astype(float)
        panel.contour(padded[wide], padded[tall], part, [1 / 2], colors=[ink],
                      linewidths=width)  # fmt: skip


def _numbers(panel: Axes, peak: Float[np.ndarray, "R 2"]) -> None:
    """Write the number of each region at its peak, smaller where there are many."""
    font = float(np.clip(11 - len(peak) / 12, 5, 10))
    for region, (x, y) in enumerate(peak, start=1):
        panel.text(x, y, str(region), ha="center", va="center", fontsize=font,
                   fontweight="bold", clip_on=True)  # fmt: skip


def _crop(panel: Axes, inside: Bool[np.ndarray, "G G"], axis: Float[np.ndarray, " G"]) -> None:
    """Show what is inside, squarely, without ticks: map units mean nothing by themselves."""
    panel.set_aspect("equal")
    panel.set_xticks([])
    panel.set_yticks([])
    panel.spines[:].set_visible(False)
    if inside.any():
        x, y = (axis[np.flatnonzero(inside.any(axis=k))] for k in (0, 1))
        room = _ROOM * max(x[-1] - x[0], y[-1] - y[0])
        panel.set_xlim(x[0] - room, x[-1] + room)
        panel.set_ylim(y[0] - room, y[-1] + room)


def _name_parts(
    flat: list[Axes],
    panels: np.ndarray,
    parts: Sequence[str],
    frequencies: Float[np.ndarray, " F"],
    used: int,
) -> None:
    """Name parts at the left, frequencies below; panels without a region stay empty."""
    round_hz = np.array([0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200])
    slack = 1.02
    shown = round_hz[
        (round_hz * slack >= frequencies[0]) & (round_hz <= frequencies[-1] * slack)
    ]
    at = np.interp(np.log(shown), np.log(frequencies), np.arange(len(frequencies)))
    step = max(1, -(-len(parts) // 24))
    flat[0].set_yticks(range(0, len(parts), step), list(parts)[::step])
    flat[0].set_xticks(at, [f"{hz:g}" for hz in shown])
    for panel in flat[used:]:
        panel.set_axis_off()
    columns = panels.shape[1]
    for n, panel in enumerate(flat[:used]):
        if n + columns >= used:
            panel.tick_params(labelbottom=True)


def _coarser(
    counts: Int[np.ndarray, " B"], edges: Float[np.ndarray, " B1"], most: int = 100
) -> tuple[Int[np.ndarray, " b"], Float[np.ndarray, " b1"]]:
    """Join neighbouring bins until there are few enough to see."""
    by = max(1, len(counts) // most)
    kept = len(counts) // by * by
    return counts[:kept].reshape(-1, by).sum(axis=1), edges[: kept + 1 : by]

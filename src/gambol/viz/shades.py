"""Shades, cells and pixels of tables and rasters, legible on light pages and on dark ones.

A shade is a colour that lets more or less of the page through, so nothing is the page itself,
and what has no value stays empty.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int, Integer, UInt8
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import LogLocator, NullFormatter

from gambol.viz.colours import individual_colours
from gambol.viz.svg import BLUE, INK, ORANGE, px_ticks

GREY = "#8a8f98"  # shows on white and on black
PIXELS = 1200  # across a raster; more than a page has dots across
_NUMBERS = 14  # rows or columns of a table up to which cells say their numbers
_MISSING = -1


def _mix(name: str, *stops: tuple[float, str, float]) -> LinearSegmentedColormap:
    """Return colours from stops (place, colour, opacity)."""
    held = [(at, (*_rgb(colour), alpha)) for at, colour, alpha in stops]
    return LinearSegmentedColormap.from_list(name, held)


def _rgb(colour: str) -> tuple[float, float, float]:
    return tuple(int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5))  # type: ignore[return-value]


RISING = _mix("rising", (0.0, BLUE, 0.0), (1.0, BLUE, 0.9))  # nothing to much
AROUND = _mix(
    "around", (0.0, BLUE, 0.95), (0.5, BLUE, 0.0), (0.5, ORANGE, 0.0), (1.0, ORANGE, 0.95)
)  # less, the same, more


def state_colours(count: int) -> UInt8[np.ndarray, "count 3"]:
    """Return a colour for every state, the same in all figures."""
    return individual_colours(count)


def majority(
    labels: Integer[np.ndarray, " T"], columns: int = PIXELS
) -> Int[np.ndarray, " columns_or_fewer"]:
    """Return the most frequent label of each of `columns` stretches of equal length.

    Frames without a label (-1) count as one more label; of equal ones the lower is taken. What
    has no more frames than columns is returned as it is.

    >>> majority(np.array([2, 2, 1, -1, -1, 0]), 2).tolist()
    [2, -1]
    """
    labels = np.asarray(labels, np.int64)
    frames = len(labels)
    if frames <= columns:
        return labels
    size = int(labels.max(initial=0)) + 2
    place = np.arange(frames) * columns // frames
    table = np.bincount(place * size + labels + 1, minlength=columns * size)
    return table.reshape(columns, size).argmax(axis=1) - 1


def paint(
    labels: Int[np.ndarray, "H W"], colours: UInt8[np.ndarray, "K 3"]
) -> UInt8[np.ndarray, "H W 4"]:
    """Return pixels in the colours of labels; those without one let the page through."""
    image = np.zeros((*labels.shape, 4), np.uint8)
    seen = labels > _MISSING
    image[seen, :3] = colours[labels[seen]]
    image[seen, 3] = 255
    return image


def raster(
    panel: Axes,
    labels: Int[np.ndarray, "H W"],
    colours: UInt8[np.ndarray, "K 3"],
    ends: tuple[float, float, float, float],
) -> AxesImage:
    """Draw rows of labels between `ends` (left, right, bottom, top)."""
    return panel.imshow(
        paint(labels, colours), extent=ends, aspect="auto", interpolation="none",
        origin="upper",
    )  # fmt: skip


def cells(
    panel: Axes,
    values: Float[np.ndarray, "A B"],
    *,
    limit: float,
    around: bool = False,
    numbers: str | None = None,
    rows: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
) -> AxesImage:
    """Draw a table as shades: from 0 to a limit, or from minus a limit to it.

    Args:
        panel: to draw on.
        values: of the cells; NaN ones stay empty.
        limit: value of the strongest shade.
        around: whether values below 0 have shades of their own.
        numbers: how numbers are written, as in `format`; only if the table is small.
        rows: names of the rows; every k-th is said if there are many.
        columns: names of the columns.
    """
    high = limit if limit > 0 and np.isfinite(limit) else 1.0
    drawn = panel.imshow(
        np.ma.masked_invalid(values), cmap=AROUND if around else RISING,
        norm=Normalize(-high if around else 0.0, high), aspect="auto", interpolation="none",
    )  # fmt: skip
    small = max(values.shape, default=0) <= _NUMBERS
    if numbers is not None and small:
        size = 8.0 if max(values.shape) <= 10 else 6.5
        for (i, j), value in np.ndenumerate(values):
            if np.isfinite(value):
                panel.text(j, i, format(value, numbers), ha="center", va="center",
                           fontsize=size)  # fmt: skip
    for axis, count, names in (
        ("y", values.shape[0], rows),
        ("x", values.shape[1], columns),
    ):
        _name(panel, axis, count, names)
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)
    panel.set_xlim(-0.5, values.shape[1] - 0.5)
    panel.set_ylim(values.shape[0] - 0.5, -0.5)
    return drawn


def bar(figure: Figure, drawn: AxesImage, panels: Axes | Sequence[Axes], said: str) -> None:
    """Draw which shade is which value, to the right of panels; also brings these together."""
    figure.set_layout_engine("compressed")  # room beside squares is left at the edges
    beside: Any = list(panels) if isinstance(panels, Sequence) else panels
    made = figure.colorbar(drawn, ax=beside, fraction=0.035, pad=0.015, aspect=28)
    made.outline.set_visible(False)
    made.set_label(said, fontsize=8)
    made.ax.tick_params(length=2, labelsize=8)


def seconds(
    panel: Axes, values: Float[np.ndarray, " L"], axis: Literal["x", "y"] = "x"
) -> None:
    """Make a logarithmic axis of plain numbers over what is positive and finite."""
    known = np.asarray(values, float)
    known = known[np.isfinite(known) & (known > 0)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (1.0, 10.0)
    px_ticks(panel, axis, low / 1.06, max(high * 1.06, 1.2 * low))
    if high > 400 * low:  # decades are enough
        steps = 10.0 ** np.arange(np.ceil(np.log10(low)), np.log10(high) + 0.03)
        ticks = panel.set_xticks if axis == "x" else panel.set_yticks
        ticks(steps, [f"{step:g}" for step in steps])


def decades(panel: Axes, say: Callable[[float], str]) -> None:
    """Make the y axis logarithmic, with powers of ten in plain words."""
    panel.set_yscale("log")
    panel.yaxis.set_major_locator(LogLocator(numticks=6))
    panel.yaxis.set_major_formatter(lambda value, _: say(value))
    panel.yaxis.set_minor_formatter(NullFormatter())


def empty(panel: Axes, said: str) -> None:
    """Say in the middle of a panel why it is empty."""
    panel.set_axis_off()
    panel.text(0.5, 0.5, said, ha="center", va="center", color=GREY,
               transform=panel.transAxes)  # fmt: skip


def shown_names(
    count: int, names: Sequence[str] | None = None, most: int = 24
) -> list[tuple[int, str]]:
    """Return which of many names fit along an axis: every k-th, from the first."""
    step = max(1, -(-count // most))
    if step > 1:  # 20 rather than 17
        step = next(s for s in (2, 5, 10, 20, 50, 100, 200, 500, 1000, 10**9) if s >= step)
    return [(k, str(k) if names is None else names[k]) for k in range(0, count, step)]


def thousands(value: float, _: float = 0.0) -> str:
    r"""Say a number, large ones in groups of three digits, as an axis asks for it.

    >>> thousands(-1602438.0), thousands(0.25)
    ('-1\u202f602\u202f438', '0.25')
    """
    return f"{value:,.0f}".replace(",", "\u202f") if abs(value) >= 1000 else f"{value:.5g}"


def zero(panel: Axes, axis: Literal["x", "y"] = "y") -> None:
    """Draw the line where a value is nothing."""
    line = panel.axhline if axis == "y" else panel.axvline
    line(0, color=INK, alpha=0.5, linewidth=0.8, zorder=1)


def _name(panel: Axes, axis: str, count: int, names: Sequence[str] | None) -> None:
    shown = shown_names(count, names, 16 if axis == "x" else 24)
    which = panel.xaxis if axis == "x" else panel.yaxis
    which.set_ticks([k for k, _ in shown], [name for _, name in shown], fontsize=8)

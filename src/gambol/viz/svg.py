"""Figures as SVG that takes the ink and the font of the page it stands in.

Matplotlib is used through its objects alone: no pyplot, no figure that somebody has to close.
What is drawn in `INK` becomes `currentColor`, so one picture serves light pages and dark ones.
"""

import io
import re
from collections.abc import Callable
from functools import wraps
from typing import Any, Literal, ParamSpec

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

INK = "#010203"  # stands for the colour of the page's text
BLUE, ORANGE = "#2f7fc1", "#d9751e"  # legible on white and on black, apart for every eye
GRID = 0.16  # opacity of lines that guide the eye
_FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
_STYLE: Any = {
    "svg.fonttype": "none",  # text stays text: small, searchable, in the page's font
    "svg.hashsalt": "gambol",  # the same figure gives the same bytes
    "text.parse_math": False,  # a keypoint may be named $x$
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.unicode_minus": False,
    "figure.facecolor": "none",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 3.0,
    "ytick.major.size": 3.0,
    "lines.linewidth": 1.5,
}
_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}

Given = ParamSpec("Given")


def styled(build: Callable[Given, Figure]) -> Callable[Given, Figure]:
    """Make a function draw in the house's style; global settings stay as they are."""

    @wraps(build)
    def drawn(*args: Given.args, **kwargs: Given.kwargs) -> Figure:
        with mpl.rc_context(_STYLE):
            return build(*args, **kwargs)

    return drawn


def to_svg(figure: Figure) -> str:
    """Return a figure as an `<svg>` element to put into a page."""
    buffer = io.StringIO()
    with mpl.rc_context(_STYLE):
        figure.savefig(buffer, format="svg", metadata=_METADATA, transparent=True)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text, count=2)  # HTML knows them
    text = re.sub(r"((?:\d+ )?[\d.]+px) '[^;\"]*", rf"\1 {_FONTS}", text)
    return text.replace(INK, "currentColor").strip()


def new(width: float, height: float, columns: int = 1) -> tuple[Figure, list[Axes]]:
    """Return an empty figure of a size in inches, and its panels from left to right."""
    figure = Figure(figsize=(width, height), layout="constrained")
    panels = figure.subplots(1, columns, squeeze=False)
    return figure, list(panels.flat)


def guide(panel: Axes, axis: Literal["x", "y", "both"] = "y") -> None:
    """Draw faint lines behind the data."""
    panel.set_axisbelow(True)
    panel.grid(axis=axis, color=INK, alpha=GRID, linewidth=0.6)


def px_ticks(panel: Axes, axis: Literal["x", "y"], low: float, high: float) -> None:
    """Make a logarithmic axis of pixels with plain numbers such as 0.5, 1, 2, 5, 10."""
    steps = [m * 10.0**e for e in range(-3, 5) for m in (1, 2, 5)]
    if high / low < 8:
        steps = [m * 10.0**e for e in range(-3, 5) for m in (1, 1.5, 2, 3, 4, 5, 6, 8)]
    shown = [s for s in steps if low <= s <= high]
    panel.set(**{f"{axis}scale": "log", f"{axis}lim": (low, high)})
    which = panel.xaxis if axis == "x" else panel.yaxis
    which.set_major_locator(FixedLocator(shown))
    which.set_major_formatter(FixedFormatter([f"{s:g}" for s in shown]))
    which.set_minor_locator(NullLocator())

"""Pictures of what labels look like: the median movement of each, in the animal's own frame.

Ahead is to the right. Before the onset poses are grey; after it they take the colour of the
label and grow stronger. All tiles have one scale, so sizes compare. Of 3D there are two views,
from above and from the side.
"""

import io
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.viz.figures import WIDTH
from gambol.viz.shades import GREY
from gambol.viz.svg import INK, styled

MOMENTS = 5  # poses that are drawn after the onset
_PALE = 0.16  # opacity of the first of them
_MARGIN = 1.12  # of a tile about its movement
_TITLE = 0.32  # inches above a tile
_PAPER = "#ffffff"


class Moves(NamedTuple):
    """The median movement of K labels; x ahead, y to the left, z up."""

    names: tuple[str, ...]  # of the labels
    colours: tuple[str, ...]  # #rrggbb
    said: tuple[str, ...]  # a few words below the name, such as its usage
    median: Float[np.ndarray, "K W J d"]
    lag_s: Float[np.ndarray, " W"]  # s from the onset
    skeleton: Skeleton
    unit: str
    downwards: bool = False  # whether y grows downwards on the screen, as in video pixels


class _Tile(NamedTuple):
    """What one view of one label shows, in screen coordinates."""

    xy: Float[np.ndarray, "W J 2"]
    colour: str


@styled
def trajectories(moves: Moves, columns: int = 4) -> Figure:
    """Small multiples: a tile a label, poses fading from the onset on."""
    return _tiles(moves, columns, lambda panel, tile: _poses(panel, tile, moves))


def frames(moves: Moves, columns: int = 4, dpi: int = 80) -> list[Image.Image]:
    """Return a picture of every lag, all labels at once, as an animation shows them."""
    return [_still(moves, w, columns, dpi) for w in range(len(moves.lag_s))]


def gif(moves: Moves, columns: int = 4, *, slower: float = 2.0, dpi: int = 80) -> bytes:
    """Return an animated GIF of all labels, which begins again after a short rest.

    Args:
        moves: median movements.
        columns: tiles in a row.
        slower: than it was.
        dpi: dots an inch; the picture is 7.6 inches wide.
    """
    if not moves.names:
        raise InputError("no label is used enough to be shown; lower min_usage")
    pictures = frames(moves, columns, dpi)
    step = float(np.diff(moves.lag_s).mean()) if len(moves.lag_s) > 1 else 0.1
    shown = max(20, round(1000 * step * slower / 10) * 10)  # ms; GIF counts hundredths
    lengths = [shown] * (len(pictures) - 1) + [700]
    palette = [p.convert("P", palette=Image.Palette.ADAPTIVE, colors=64) for p in pictures]
    buffer = io.BytesIO()
    palette[0].save(
        buffer, format="GIF", save_all=True, append_images=palette[1:], duration=lengths,
        loop=0, disposal=2,
    )  # fmt: skip
    return buffer.getvalue()


def _tiles(
    moves: Moves, columns: int, draw: Callable[[Axes, _Tile], None], above: float = 0.0
) -> Figure:
    """Lay out a tile a label, with `above` inches free at the top, and draw into each."""
    views = _views(moves)
    boxes = [_box(view) for view in views]
    width, rows = WIDTH / columns, max(1, -(-len(moves.names) // columns))
    heights = [width * box[1] / box[0] for box in boxes]
    high = above + rows * (sum(heights) + _TITLE) + 0.05
    figure = Figure(figsize=(WIDTH, high))
    for k in range(len(moves.names)):
        row, column = divmod(k, columns)
        top = high - above - row * (sum(heights) + _TITLE) - _TITLE
        for v, view in enumerate(views):
            top -= heights[v]
            place = (column / columns, top / high, 0.97 / columns, heights[v] / high)
            panel = figure.add_axes(place)
            _frame(panel, view[k], boxes[v])
            draw(panel, view[k])
            if v == 0:
                _title(panel, moves, k)
            if k == 0 and v == len(views) - 1:
                _scale(panel, boxes[v], moves.unit)
    return figure


def _views(moves: Moves) -> list[list[_Tile]]:
    """Return the views: from above, and of 3D from the right side as well."""
    sign = -1.0 if moves.downwards else 1.0
    above = moves.median[..., :2] * np.array([1.0, sign])
    found = [above]
    if moves.median.shape[-1] == 3:
        found.append(moves.median[..., [0, 2]])
    return [[_Tile(xy[k], moves.colours[k]) for k in range(len(moves.names))] for xy in found]


def _box(view: Sequence[_Tile]) -> Float[np.ndarray, " 2"]:
    """Return width and height that hold every tile of a view."""
    spans = [_span(tile.xy) for tile in view]
    wide = np.max([high - low for low, high in spans], axis=0) if spans else np.ones(2)
    wide = _MARGIN * np.maximum(wide, 1e-9)
    return np.array([max(wide[0], 0.8 * wide[1]), max(wide[1], 0.35 * wide[0])])


def _span(xy: Float[np.ndarray, "W J 2"]) -> tuple[np.ndarray, np.ndarray]:
    flat = xy.reshape(-1, 2)
    flat = flat[np.isfinite(flat).all(axis=1)]
    if not len(flat):
        return np.zeros(2), np.zeros(2)
    return flat.min(axis=0), flat.max(axis=0)


def _frame(panel: Axes, tile: _Tile, box: Float[np.ndarray, " 2"]) -> None:
    """Make an empty tile about a movement."""
    low, high = _span(tile.xy)
    middle = (low + high) / 2
    panel.set_xlim(middle[0] - box[0] / 2, middle[0] + box[0] / 2)
    panel.set_ylim(middle[1] - box[1] / 2, middle[1] + box[1] / 2)
    panel.set_aspect("equal")
    panel.set_axis_off()


def _poses(panel: Axes, tile: _Tile, moves: Moves) -> None:
    """Draw the paths of the keypoints and poses at a few moments."""
    onset = int(np.searchsorted(moves.lag_s, -1e-9))
    last = len(moves.lag_s) - 1
    chosen = np.unique(np.linspace(onset, last, MOMENTS).round().astype(int))
    _paths(panel, tile.xy[: onset + 1], GREY, 0.1, 0.35)
    _paths(panel, tile.xy[onset:], tile.colour, 0.15, 0.6)
    if onset > 0:
        _pose(panel, tile.xy[0], moves.skeleton, GREY, 0.4, 0.9)
    for w in chosen:
        strength = _PALE + (1 - _PALE) * (w - onset) / max(1, last - onset)
        _pose(panel, tile.xy[w], moves.skeleton, tile.colour, strength, 1.0 + 0.6 * strength)


def _paths(
    panel: Axes, xy: Float[np.ndarray, "W J 2"], colour: str, first: float, last: float
) -> None:
    """Draw the paths of all keypoints, stronger towards their ends."""
    if len(xy) < 2:
        return
    lines = np.stack([xy[:-1], xy[1:]], axis=2)  # (W - 1, J, 2, 2)
    rgba = np.empty((*lines.shape[:2], 4))
    rgba[..., :3] = to_rgb(colour)
    rgba[..., 3] = np.linspace(first, last, len(lines))[:, None]
    known = np.isfinite(lines).all(axis=(2, 3))
    panel.add_collection(LineCollection(list(lines[known]), colors=rgba[known], linewidths=0.8))


def _pose(
    panel: Axes,
    xy: Float[np.ndarray, "J 2"],
    skeleton: Skeleton,
    colour: str,
    strength: float,
    width: float,
) -> None:
    """Draw a skeleton; what is not known is left out."""
    lines = [xy[[a, b]] for a, b in skeleton.drawn if np.isfinite(xy[[a, b]]).all()]
    panel.add_collection(
        LineCollection(lines, colors=[(*to_rgb(colour), strength)], linewidths=width,
                       capstyle="round")
    )  # fmt: skip
    size = 5.0 if lines else 9.0
    panel.scatter(xy[:, 0], xy[:, 1], size, color=[(*to_rgb(colour), strength)], linewidths=0,
                  zorder=3)  # fmt: skip


def _title(panel: Axes, moves: Moves, k: int) -> None:
    name = moves.names[k] if len(moves.names[k]) <= 24 else moves.names[k][:23] + "…"
    panel.text(0.02, 1.0, "■", transform=panel.transAxes, color=moves.colours[k], fontsize=9,
               va="bottom")  # fmt: skip
    panel.text(0.1, 1.0, name, transform=panel.transAxes, fontweight="bold", fontsize=9,
               va="bottom")  # fmt: skip
    panel.text(0.99, 1.0, moves.said[k], transform=panel.transAxes, color=GREY, fontsize=7.5,
               va="bottom", ha="right")  # fmt: skip


def _scale(panel: Axes, box: Float[np.ndarray, " 2"], unit: str) -> None:
    """Draw a bar of a round length in the lower left corner."""
    wanted = box[0] / 4
    power = 10.0 ** np.floor(np.log10(wanted))
    length = max(m * power for m in (1, 2, 5) if m * power <= wanted)
    x, y = panel.get_xlim()[0] + 0.04 * box[0], panel.get_ylim()[0] + 0.06 * box[1]
    panel.plot([x, x + length], [y, y], color=INK, linewidth=1.6, solid_capstyle="butt")
    word = "px" if unit == "pixels" else unit
    panel.annotate(f"{length:g} {word}", (x, y), (0, 3), textcoords="offset points",
                   fontsize=7.5)  # fmt: skip


def _still(moves: Moves, w: int, columns: int, dpi: int) -> Image.Image:
    """Return one moment of the animation."""

    @styled
    def drawn() -> Figure:
        return _tiles(moves, columns, lambda panel, tile: _moment(panel, tile, moves, w), 0.22)

    figure, lag = drawn(), float(moves.lag_s[w])
    high = float(figure.get_figheight())
    colour = INK if lag >= -1e-9 else GREY
    figure.text(
        0.005, 1 - 0.17 / high, f"{lag:+.2f} s from the onset", fontsize=9, color=colour
    )
    buffer = io.BytesIO()
    figure.savefig(buffer, format="raw", dpi=dpi, facecolor=_PAPER)
    size = (int(figure.get_figwidth() * dpi), int(high * dpi))
    return Image.frombytes("RGBA", size, buffer.getvalue()).convert("RGB")


def _moment(panel: Axes, tile: _Tile, moves: Moves, w: int) -> None:
    """Draw the pose of a moment and the paths up to it."""
    begun = moves.lag_s[w] >= -1e-9
    colour = tile.colour if begun else GREY
    _paths(panel, tile.xy[: w + 1], colour, 0.0, 0.6)
    _pose(panel, tile.xy[w], moves.skeleton, colour, 1.0, 1.8)

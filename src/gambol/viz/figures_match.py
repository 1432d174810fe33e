"""Pictures of two ways of labelling the same frames: which label there is which one here."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from gambol.viz.colours import hexadecimal
from gambol.viz.figures import WIDTH
from gambol.viz.shades import GREY, bar, cells, empty, state_colours
from gambol.viz.svg import ORANGE, new, styled

_GAP = 0.018  # between two labels of a column, of its height
_THICK = 0.035  # of the bars at both ends
_FAINT = 0.002  # share of the frames below which a ribbon is not drawn


@styled
def confusion(
    shares: Float[np.ndarray, "K L"],
    partner: Int[np.ndarray, " K"],
    order: Int[np.ndarray, " L"],
    names: tuple[str, str] = ("here", "there"),
) -> Figure:
    """Of the frames with each label here (rows), the share with each label there (columns).

    Args:
        shares: rows sum to 1; NaN where a label here is not used.
        partner: label there that is matched to each label here; -1 for none.
        order: labels there, partners first.
        names: of the two sets of labels.
    """
    rows, columns = shares.shape
    figure, (panel,) = new(WIDTH, float(np.clip(0.3 * rows + 1.1, 2.0, 6.4)))
    here, there = [str(k) for k in range(rows)], [str(k) for k in order]
    drawn = cells(panel, shares[:, order], limit=1.0, numbers=".0%", rows=here, columns=there)
    place = {int(k): column for column, k in enumerate(order)}
    for k, matched in enumerate(partner):
        if not np.isfinite(shares[k]).any():
            panel.plot([-0.5, columns - 0.5], [k, k], color=GREY, linewidth=0.8,
                       linestyle=(0, (2, 3)))  # fmt: skip
            panel.text((columns - 1) / 2, k, " not used ", color=GREY, fontsize=8, ha="center",
                       va="bottom")  # fmt: skip
        elif matched >= 0:
            corner = place[int(matched)] - 0.46, k - 0.46
            panel.add_patch(Rectangle(corner, 0.92, 0.92, facecolor="none", edgecolor=ORANGE,
                                      linewidth=1.5))  # fmt: skip
    panel.set_ylabel(f"{names[0]}: label")
    panel.set_xlabel(f"{names[1]}: label, in the order of the match")
    bar(figure, drawn, panel, "share")
    return figure


@styled
def sankey(
    counts: Int[np.ndarray, "K L"],
    order: Int[np.ndarray, " L"] | None = None,
    names: tuple[str, str] = ("here", "there"),
) -> Figure:
    """Where the frames of each label here (left) go there (right); as thick as they are many.

    Args:
        counts: frames with label i here and j there.
        order: labels there from top to bottom; by number if not given.
        names: of the two sets of labels.
    """
    figure, (panel,) = new(WIDTH, float(np.clip(0.3 * max(counts.shape) + 1.6, 2.8, 6.4)))
    total = int(counts.sum())
    if not total:
        empty(panel, "no frame has a label in both")
        return figure
    share = counts / total
    order = np.arange(counts.shape[1]) if order is None else order
    left, right = np.arange(counts.shape[0]), np.asarray(order)
    tops = [_tops(share.sum(1)[left]), _tops(share.sum(0)[right])]
    colours = state_colours(counts.shape[0])
    used_left, used_right = tops[0].copy(), tops[1].copy()
    for i, k in enumerate(left):
        for j, to in enumerate(right):
            size = share[k, to]
            if size >= _FAINT:
                _ribbon(panel, used_left[i], used_right[j], size, hexadecimal(colours[k]))
            used_left[i] -= size
            used_right[j] -= size
    sides = (
        (0.0, left, share.sum(1), tops[0], "right"),
        (1.0, right, share.sum(0), tops[1], "left"),
    )
    for x, labels, sizes, top, side in sides:
        _column(panel, x, [int(k) for k in labels], sizes[labels], top, side, colours)
    ceiling = max(float(top.max()) for top in tops)
    panel.text(0.0, ceiling + 0.02, names[0], ha="center", va="bottom", fontweight="bold")
    panel.text(1.0, ceiling + 0.02, names[1], ha="center", va="bottom", fontweight="bold")
    floor = min(float((t - s).min()) for t, s in
                zip(tops, (share.sum(1)[left], share.sum(0)[right]), strict=True))  # fmt: skip
    panel.set_axis_off()
    panel.set(xlim=(-0.22, 1.22), ylim=(floor - 0.02, ceiling + 0.09))
    return figure


def _tops(sizes: Float[np.ndarray, " K"]) -> Float[np.ndarray, " K"]:
    """Upper edges of a column's bars, from 1 down, with gaps between those that are used."""
    gaps = _GAP * np.concatenate([[0.0], np.cumsum(sizes[:-1] > 0)])
    return 1.0 - np.concatenate([[0.0], np.cumsum(sizes[:-1])]) - gaps


def _ribbon(panel: Axes, left: float, right: float, size: float, colour: str) -> None:
    """A band that leaves and arrives level; its thickness is `size` at both ends."""
    a, b, middle = _THICK, 1 - _THICK, 1 / 2
    points = [
        (a, left), (middle, left), (middle, right), (b, right),
        (b, right - size), (middle, right - size), (middle, left - size), (a, left - size),
        (a, left),
    ]  # fmt: skip
    curve = [Path.CURVE4] * 3
    kinds = [Path.MOVETO, *curve, Path.LINETO, *curve, Path.CLOSEPOLY]
    panel.add_patch(PathPatch(Path(points, kinds), facecolor=colour, alpha=0.45, linewidth=0))


def _column(
    panel: Axes,
    x: float,
    labels: Sequence[int],
    sizes: Float[np.ndarray, " K"],
    tops: Float[np.ndarray, " K"],
    side: str,
    colours: np.ndarray,
) -> None:
    """Bars of one set of labels, with their numbers outside."""
    left = side == "right"  # its numbers end where its bars begin
    written = np.inf
    for k, size, top in zip(labels, sizes, tops, strict=True):
        if not size > 0:
            continue
        fill = hexadecimal(colours[k]) if left else GREY
        corner = (0.0 if left else 1 - _THICK, top - size)
        panel.add_patch(Rectangle(corner, _THICK, size, facecolor=fill, linewidth=0))
        middle = top - size / 2
        if written - middle > 0.03:  # numbers do not touch
            panel.text(x + (-0.015 if left else 0.015), middle, f"{k}  {size:.0%}", ha=side,
                       va="center", fontsize=8)  # fmt: skip
            written = middle

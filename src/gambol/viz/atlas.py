"""The atlas of pose states: the mean posture of each, from the side and from above, its share.

Postures face the same way: the heading is turned back about `up` before they are averaged.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from gambol.core.skeleton import Skeleton
from gambol.kernels import rotation
from gambol.viz import orbit
from gambol.viz.colours import hexadecimal, keypoint_colours
from gambol.viz.figures import WIDTH
from gambol.viz.html import Markup, el, figure, section
from gambol.viz.svg import GRID, INK, styled, to_svg

SHOWN = 40  # states of a page; the others are rare
COLUMNS = 5


class Atlas(NamedTuple):
    """S postures that face along the first axis of the frame whose third axis is up."""

    xyz: Float[np.ndarray, "S J 3"]  # along, aside (left), up from the root; world units
    share: Float[np.ndarray, " S"]  # of the time, adds up to 1; NaN: not known


def of_poses(
    xyz: Float[np.ndarray, "T J 3"],
    heading: Float[np.ndarray, " T"],
    probability: Float[np.ndarray, "T S"],
    skeleton: Skeleton,
    *,
    up: Float[np.ndarray, " 3"],
    face: tuple[int, int] | None = None,
) -> Atlas:
    """Average poses by the probability of their state.

    Args:
        xyz: world units; frames with a missing keypoint do not count for that keypoint.
        heading: radians about up.
        probability: of every state; rows add up to 1.
        skeleton: of the animal.
        up: of the world.
        face: keypoints from whose first to whose second the animal faces, to turn all
            postures alike so that the mean animal looks along the first axis.
    """
    frame = orbit.axes(up)
    centred = (xyz - xyz[:, skeleton.roots[0]][:, None]) @ frame.T
    turns = rotation.about(np.array([0.0, 0.0, 1.0]), -np.asarray(heading, float))
    turned = np.einsum("tik,tjk->tji", turns, centred)
    known = np.isfinite(turned).all(axis=-1) & np.isfinite(heading)[:, None]
    weight = np.nan_to_num(probability)
    total = np.einsum("ts,tjk->sjk", weight, np.where(known[..., None], turned, 0.0))
    mass = weight.T @ known.astype(float)  # (S, J)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(mass[..., None] > 1e-9, total / mass[..., None], np.nan)
    share = weight.sum(axis=0)
    return Atlas(_faced(mean, face), share / max(float(share.sum()), 1e-12))


def of_directions(
    direction: Float[np.ndarray, "S J 3"],
    length: Float[np.ndarray, " J"],
    share: Float[np.ndarray, " S"],
    skeleton: Skeleton,
    *,
    up: Float[np.ndarray, " 3"],
    face: tuple[int, int] | None = None,
) -> Atlas:
    """Put the bones of a pose prior together, each along its mean direction.

    Args:
        direction: unit vectors from the parent, in the frame that faces forward; those of
            roots are not used.
        length: of the bones, world units.
        share: of the states.
        skeleton: of the animal.
        up: of the world.
        face: as in `of_poses`.
    """
    xyz = np.zeros(direction.shape)
    for j in skeleton.topological:
        parent = skeleton.parent[j]
        if parent >= 0:
            xyz[:, j] = xyz[:, parent] + length[j] * direction[:, j]
    return Atlas(_faced(xyz @ orbit.axes(up).T, face), share)


def describe(atlas: Atlas, skeleton: Skeleton, units: str) -> Markup:
    """Return the section of a page."""
    count = len(atlas.share)
    used = int((np.nan_to_num(atlas.share) > 1e-3).sum())
    text = (
        f"{count} pose states, of which {used} hold more than 0.1 % of the time. Each is a "
        "typical arrangement of the limbs; together they tell what postures are likely."
    )
    picture = to_svg(drawn(atlas, skeleton, units))
    caption = (
        "The mean posture of each state, facing right: above from the side, below from above, "
        "all at one scale, with the state's share of the time."
    )
    if count > SHOWN:
        caption += f" The {count - SHOWN} rarest states are not shown."
    return section("Atlas of pose states", el("p", text), figure(picture, caption))


@styled
def drawn(atlas: Atlas, skeleton: Skeleton, units: str, shown: int = SHOWN) -> Figure:
    """Draw the most frequent states, the most frequent first.

    Args:
        atlas: postures.
        skeleton: of the animal.
        units: of the world, for the scale bar.
        shown: states at most.
    """
    order = np.argsort(-np.nan_to_num(atlas.share), kind="stable")[:shown]
    xyz = atlas.xyz[order] - _feet(atlas.xyz[order])
    known = xyz[np.isfinite(xyz).all(axis=-1)]
    low, high = (known.min(axis=0), known.max(axis=0)) if len(known) else (
        np.zeros(3), np.ones(3))  # fmt: skip
    pad = 0.1 * float((high - low).max())
    wide = float(high[0] - low[0]) + 2 * pad
    tall = float(high[2] - low[2]) + float(high[1] - low[1]) + 3 * pad
    columns = min(COLUMNS, max(len(order), 1))
    rows = -(-len(order) // columns)
    head = 0.16 * wide
    figure = Figure(
        figsize=(WIDTH, max(rows * (tall + head) / (columns * wide) * WIDTH, 1.2) + 0.3),
        layout="constrained",
    )
    panel = figure.subplots()
    colours = [hexadecimal(c) for c in keypoint_colours(skeleton)]
    for k, (state, posture) in enumerate(zip(order, xyz, strict=True)):
        left, top = (k % columns) * wide + pad, -(k // columns) * (tall + head) - head
        side = posture[:, [0, 2]] - [low[0], high[2]] + [left, top]
        down = top - float(high[2] - low[2]) - pad
        above = posture[:, [0, 1]] - [low[0], high[1]] + [left, down]
        ground = top - float(high[2] - low[2])
        panel.plot([left, left + wide - 2 * pad], [ground] * 2, color=INK, alpha=2 * GRID,
                   linewidth=0.7)  # fmt: skip
        for flat in (side, above):
            _posture(panel, flat, skeleton, colours)
        share = atlas.share[state]
        said = f"{state + 1}" if not np.isfinite(share) else f"{state + 1}: {_share(share)}"
        panel.text(left, top + 0.25 * head, said, fontsize=8.5, fontweight="bold")
    _scale(panel, wide, rows * (tall + head), units)
    panel.set(
        aspect="equal", xlim=(0, columns * wide), ylim=(-rows * (tall + head) - 0.2 * wide, 0)
    )
    panel.set_axis_off()
    return figure


def _posture(
    panel: Axes, flat: Float[np.ndarray, "J 2"], skeleton: Skeleton, colours: Sequence[str]
) -> None:
    """Draw bones and keypoints of one projection."""
    lines = [flat[list(pair)] for pair in skeleton.drawn]
    inks = [colours[b] for _, b in skeleton.drawn]
    some = [np.isfinite(line).all() for line in lines]
    drawn = [(line, ink) for line, ink, ok in zip(lines, inks, some, strict=True) if ok]
    panel.add_collection(
        LineCollection([d[0] for d in drawn], colors=[d[1] for d in drawn], linewidths=1.8,
                       capstyle="round")
    )  # fmt: skip
    known = np.isfinite(flat).all(axis=1)
    dots = [c for c, ok in zip(colours, known, strict=True) if ok]
    panel.scatter(flat[known, 0], flat[known, 1], 7, c=dots, linewidths=0, zorder=3)


def _scale(panel: Axes, wide: float, depth: float, units: str) -> None:
    """Draw a bar of a round length below the postures."""
    length = orbit.step(0.4 * wide)
    y = -depth - 0.06 * wide
    panel.plot([0.05 * wide, 0.05 * wide + length], [y, y], color=INK, linewidth=2)
    unit = "units" if units == "unknown" else units
    panel.text(0.09 * wide + length, y, f"{length:g} {unit}", fontsize=8.5, va="center")


def _feet(xyz: Float[np.ndarray, "S J 3"]) -> Float[np.ndarray, "S 1 3"]:
    """What puts the lowest keypoint of every posture on the ground."""
    height = np.where(np.isfinite(xyz[..., 2]), xyz[..., 2], np.inf).min(axis=1)
    shift = np.zeros((len(xyz), 1, 3))
    shift[:, 0, 2] = np.where(np.isfinite(height), height, 0.0)
    return shift


def _share(value: float) -> str:
    """Say a share of the time; the rare is not nothing."""
    return f"{100 * value:.1f} %" if value >= 0.001 else "< 0.1 %"


def _faced(
    xyz: Float[np.ndarray, "S J 3"], face: tuple[int, int] | None
) -> Float[np.ndarray, "S J 3"]:
    """Turn all postures alike about up, so that their mean looks along the first axis."""
    if face is None:
        return xyz
    away = xyz[:, face[1]] - xyz[:, face[0]]
    away = away[np.isfinite(away).all(axis=1)].sum(axis=0)
    if not np.hypot(*away[:2]) > 0:
        return xyz
    angle = -np.arctan2(away[1], away[0])
    turn = rotation.about(np.array([0.0, 0.0, 1.0]), np.array([angle]))[0]
    return xyz @ turn.T

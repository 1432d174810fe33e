"""Pictures of a calibration: what views share, where they stand, and what is left in images."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from gambol.core.cameras import Camera, Rig
from gambol.viz import orbit
from gambol.viz.colours import from_oklab, hexadecimal, to_oklab
from gambol.viz.figures import WIDTH
from gambol.viz.svg import BLUE, GRID, INK, ORANGE, guide, styled

CELLS = 14  # of a residual map, across, at most
FEWEST = 3  # residuals that make an average, where there are many
_MANY = 30  # shared frames that are plenty: the darkest blue
_BINS = 8  # of a radial profile
_TIMES = 20  # of the course in time
_SHADE = "#8a8f98"


class Residuals(NamedTuple):
    """What is left in the images of one view."""

    at: Float[np.ndarray, "M 2"]  # px, where something was found
    off: Float[np.ndarray, "M 2"]  # px, found - projected
    frame: Int[np.ndarray, " M"]  # of the recording or the images, for the course in time


def heat(share: Float[np.ndarray, "*n"]) -> UInt8[np.ndarray, "*n 3"]:
    """Return colours from blue (0) over grey to orange (1), legible on white and on black."""
    stops = [BLUE, "#8f959d", ORANGE]
    ends = np.array([[int(c[k : k + 2], 16) for k in (1, 3, 5)] for c in stops], np.uint8)
    lab = to_oklab(ends)
    where = np.clip(np.nan_to_num(share), 0, 1) * 2
    mixed = [np.interp(where, [0, 1, 2], lab[:, k]) for k in range(3)]
    return from_oklab(np.stack(mixed, axis=-1))


@styled
def coverage(
    names: Sequence[str], shared: Int[np.ndarray, "V V"], component: Int[np.ndarray, " V"]
) -> Figure:
    """How many frames every pair of views shares, as numbers on shades.

    Args:
        names: of the views.
        shared: frames that both see; the diagonal is what a view sees at all.
        component: views of one number are joined, if over others; groups stand together.
    """
    order = np.argsort(component, kind="stable")
    count = len(names)
    side = float(np.clip(0.62 * count + 1.2, 3.0, WIDTH - 0.4))
    figure = Figure(figsize=(WIDTH, side), layout="constrained")
    panel = figure.subplots()
    size = 9.5 if count <= 9 else max(4.0, 90 / count)
    for row, v in enumerate(order):
        for column, w in enumerate(order):
            n = int(shared[v, w])
            shade = 0.10 + 0.55 * min(1.0, np.sqrt(n / _MANY))
            fill: dict[str, Any] = {"facecolor": BLUE, "alpha": shade}
            if v == w:
                fill = {"facecolor": _SHADE, "alpha": 0.22}
            elif not n:
                fill = {
                    "facecolor": "none",
                    "edgecolor": _SHADE,
                    "alpha": 0.5,
                    "linewidth": 0.5,
                }
            elif n < 5:
                fill = {"facecolor": ORANGE, "alpha": 0.5}
            panel.add_patch(Rectangle((column + 0.04, row + 0.04), 0.92, 0.92, **fill))
            panel.text(column + 0.5, row + 0.5, str(n), ha="center", va="center",
                       fontsize=size, alpha=1.0 if n else 0.55)  # fmt: skip
    edges = np.flatnonzero(np.diff(component[order])) + 1
    for edge in edges:
        for line in (panel.axhline, panel.axvline):
            line(int(edge), color=ORANGE, linewidth=1.6)
    panel.set(xlim=(-0.02, count + 0.02), ylim=(count + 0.02, -0.02), aspect="equal")
    labels = [names[v] for v in order]
    long = max(len(name) for name in labels) > 6 or count > 8
    ticks = np.arange(count) + 0.5  # middles of cells, not pixels
    panel.set_yticks(ticks, labels, fontsize=max(size, 6.5))
    panel.set_xticks(ticks, labels, fontsize=max(size, 6.5), rotation=45 if long else 0,
                     ha="left" if long else "center")  # fmt: skip
    panel.tick_params(length=0, labeltop=True, labelbottom=False)
    panel.spines[:].set_visible(False)
    return figure


@styled
def residual_maps(rig: Rig, residuals: dict[str, Residuals]) -> Figure:
    """Where in each image something is left: colour is its size, arrows its mean direction.

    Args:
        rig: the cameras; only those with residuals are drawn.
        residuals: by the name of the camera.
    """
    shown = [rig[name] for name in residuals]
    columns = int(np.clip(len(shown), 2, 3))
    rows = -(-len(shown) // columns)
    wide = WIDTH / columns
    ratio = max(_extent(c, residuals[c.name])[1] / _extent(c, residuals[c.name])[0]
                for c in shown)  # fmt: skip
    figure = Figure(
        figsize=(WIDTH, min(rows * (wide * ratio + 0.35) + 0.55, 14)), layout="constrained"
    )
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    binned = [_binned(camera, residuals[camera.name]) for camera in shown]
    sizes = np.concatenate([b.rms.ravel() for b in binned])
    limit = max(float(np.nanquantile(sizes, 0.98)) if np.isfinite(sizes).any() else 1.0, 0.2)
    means = np.concatenate([np.hypot(*b.mean.T).ravel() for b in binned])
    largest = float(np.nanquantile(means, 0.95)) if np.isfinite(means).any() else 1.0
    for panel, camera, cells in zip(panels, shown, binned, strict=False):
        grow = 0.9 * cells.side[0] / max(largest, 1e-9)
        _map(panel, camera, cells, limit, float(f"{grow:.1g}"))
    for panel in panels[len(shown) :]:
        panel.set_axis_off()
    _bar(figure, panels, limit)
    return figure


@styled
def profiles(rig: Rig, residuals: dict[str, Residuals]) -> Figure:
    """Residuals against the distance from the middle of the image, and against time.

    Args:
        rig: the cameras.
        residuals: by the name of the camera.
    """
    figure = Figure(figsize=(WIDTH, 2.9), layout="constrained")
    size, outward, course = figure.subplots(1, 3)
    colours = dict(zip(rig, orbit.camera_colours(len(rig)), strict=True))
    outward.axhline(0, color=_SHADE, linewidth=0.8)
    for name, found in residuals.items():
        middle, half = _middle(rig[name], found)
        away = found.at - middle
        radius = np.linalg.norm(away, axis=1)
        along = (found.off * away).sum(axis=1) / np.maximum(radius, 1e-9)
        length = np.hypot(*found.off.T)
        style = {"color": hexadecimal(colours[name]), "linewidth": 1.3, "label": name,
                 "marker": "o", "markersize": 2.2}  # fmt: skip
        edges = np.linspace(0, 1, _BINS + 1)
        place, rms = _binned_line(100 * radius / half, length**2, 100 * edges)
        size.plot(place, np.sqrt(rms), **style)
        place, mean = _binned_line(100 * radius / half, along, 100 * edges)
        outward.plot(place, mean, **style)
        first, last = int(found.frame.min()), int(found.frame.max())
        span = np.linspace(first, last + 1, min(last + 1 - first, _TIMES) + 1)
        place, rms = _binned_line(found.frame, length**2, span)
        course.plot(place, np.sqrt(rms), **style)
    size.set_title("Residual, rms px")
    outward.set_title("Outward part, mean px")
    course.set_title("Residual over time, rms px")
    for panel in (size, outward):
        panel.set_xlabel("from middle to corner, %")
        panel.set_xlim(0, 100)
    course.set_xlabel("frame")
    for panel in (size, course):
        panel.set_ylim(0, None)
    for panel in (size, outward, course):
        guide(panel)
    figure.legend(*size.get_legend_handles_labels(), loc="outside lower center", frameon=False,
                  ncols=min(len(residuals), 8), fontsize=8)  # fmt: skip
    return figure


@styled
def rig_drawn(rig: Rig, points: Float[np.ndarray, "P 3"] | None = None) -> Figure:
    """The cameras as pyramids, seen obliquely and from above, with up, names and units.

    Args:
        rig: the cameras.
        points: of the world, such as corners of boards; drawn as dots.
    """
    figure = Figure(figsize=(WIDTH, 3.9), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.5, 1))
    scene = orbit.rig_scene(rig, points)
    eye = orbit.eye(scene, -60, 24, (100, 100))
    target = orbit.aim(rig)
    cloud = np.zeros((0, 3)) if points is None else points[np.isfinite(points).all(axis=1)]
    cloud = cloud[:: max(len(cloud) // 600, 1)]
    unit = "units" if rig.units == "unknown" else rig.units
    lines, apart = orbit.floor(scene)
    left.add_collection(LineCollection(list(orbit.look(eye, lines)[0]), colors=INK, alpha=GRID,
                                       linewidths=0.6))  # fmt: skip
    _dots(left, orbit.look(eye, cloud)[0])
    above = scene.axes[:2].T
    _dots(right, cloud @ above)
    for camera, colour in zip(rig.values(), orbit.camera_colours(len(rig)), strict=True):
        drawn, at = orbit.outline(camera, 0.16 * scene.radius, target)
        ink = hexadecimal(colour)
        flat, plan = orbit.look(eye, drawn)[0], drawn @ above
        away = (at - target) @ above  # names stand away from what the camera looks at
        away = 11 * away / max(float(np.linalg.norm(away)), 1e-9)
        top = (float(np.nanmean(flat[..., 0])), float(np.nanmin(flat[..., 1])))
        for panel, lines_of, place, lift in (
            (left, flat, top, (0.0, 7.0)),
            (right, plan, tuple(at @ above), tuple(away)),
        ):
            panel.add_collection(LineCollection(list(lines_of), colors=ink, linewidths=1.2))
            panel.annotate(camera.name, place, lift, textcoords="offset points",
                           ha="center", va="center", fontsize=8)  # fmt: skip
    _arrows(left, scene, eye)
    left.set_title(f"The rig; one square is {apart:g} {unit}")
    left.set_axis_off()
    left.autoscale_view()
    left.set_aspect("equal")
    left.invert_yaxis()
    left.set_anchor("N")
    right.set_title(f"From above, {unit}")
    right.autoscale_view()
    right.set_aspect("equal", adjustable="datalim")
    right.margins(0.14)
    guide(right, "both")
    return figure


class _Cells(NamedTuple):
    """Residuals averaged over squares of an image."""

    middle: Float[np.ndarray, "C 2"]  # px
    rms: Float[np.ndarray, " C"]  # px
    mean: Float[np.ndarray, "C 2"]  # px
    side: Float[np.ndarray, " 2"]  # width and height of a cell, px
    whole: float  # rms of all residuals of the image, px


def _extent(camera: Camera, found: Residuals) -> tuple[float, float]:
    """Width and height of a view's image; of what was found where no size is known."""
    if camera.size is not None:
        return float(camera.size[0]), float(camera.size[1])
    far = found.at.max(axis=0, initial=1.0)
    return float(far[0]), float(far[1])


def _middle(camera: Camera, found: Residuals) -> tuple[Float[np.ndarray, " 2"], float]:
    """The middle of an image, and how far its corners are from it."""
    middle = np.array(_extent(camera, found)) / 2
    return middle, float(np.linalg.norm(middle))


def _binned(camera: Camera, found: Residuals) -> _Cells:
    """Average over cells, larger ones where less was found."""
    width, height = _extent(camera, found)
    across = int(np.clip(np.sqrt(len(found.at) / 6), 3, CELLS))
    rows = max(round(height / width * across), 1)
    side = np.array([width / across, height / rows])
    place = np.clip((found.at // side).astype(int), 0, [across - 1, rows - 1])
    cell = place[:, 1] * across + place[:, 0]
    total = across * rows
    count = np.bincount(cell, minlength=total)
    fewest = FEWEST if len(found.at) > 20 * FEWEST else 1
    enough = np.where(count >= fewest, count, np.nan)
    square = np.bincount(cell, (found.off**2).sum(axis=1), total) / enough
    mean = [np.bincount(cell, found.off[:, k], total) / enough for k in (0, 1)]
    row, column = np.divmod(np.arange(total), across)
    middle = (np.stack([column, row], axis=1) + 1 / 2) * side
    rms = float(np.sqrt((found.off**2).sum(axis=1).mean()))
    return _Cells(middle, np.sqrt(square), np.stack(mean, axis=1), side, rms)


def _map(panel: Axes, camera: Camera, cells: _Cells, limit: float, grow: float) -> None:
    """Draw one image's cells and arrows."""
    width, height = camera.size or tuple(cells.middle.max(axis=0) + cells.side / 2)
    known = np.isfinite(cells.rms)
    for (x, y), rms in zip(cells.middle[known], cells.rms[known], strict=True):
        corner = (x - cells.side[0] / 2, y - cells.side[1] / 2)
        ink = hexadecimal(heat(np.array(rms / limit)))
        panel.add_patch(Rectangle(corner, *cells.side, facecolor=ink, alpha=0.42, linewidth=0))
    start, arrow = cells.middle[known], grow * cells.mean[known]
    panel.quiver(*start.T, *arrow.T, angles="xy", scale_units="xy", scale=1, color=INK,
                 width=0.006, headwidth=4, headlength=4.5, headaxislength=4)  # fmt: skip
    panel.add_patch(Rectangle((0, 0), width, height, fill=False, edgecolor=INK, linewidth=0.7))
    panel.set(xlim=(-2, width + 2), ylim=(height + 2, -2), aspect="equal")
    panel.set_axis_off()
    panel.set_title(f"{camera.name}: {cells.whole:.2f} px, arrows × {grow:g}", fontsize=8.5)


def _bar(figure: Figure, panels: np.ndarray, limit: float) -> None:
    """Draw the scale of colours."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    steps = heat(np.linspace(0, 1, 64)) / 255
    scale = ScalarMappable(Normalize(0, limit), ListedColormap(steps))
    bar = figure.colorbar(scale, ax=list(panels), location="bottom", fraction=0.05, aspect=50,
                          pad=0.02, alpha=0.6)  # fmt: skip
    bar.set_label("residual in the cell, rms px")
    bar.outline.set_visible(False)


def _binned_line(
    x: np.ndarray, y: np.ndarray, edges: Float[np.ndarray, " E"]
) -> tuple[Float[np.ndarray, " K"], Float[np.ndarray, " K"]]:
    """Means of y over bins of x that hold enough."""
    which = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, len(edges) - 2)
    count = np.bincount(which, minlength=len(edges) - 1)
    total = np.bincount(which, y, len(edges) - 1)
    full = count >= FEWEST
    middle = (edges[:-1] + edges[1:]) / 2
    return middle[full], total[full] / count[full]


def _dots(panel: Axes, flat: Float[np.ndarray, "P 2"]) -> None:
    panel.scatter(flat[:, 0], flat[:, 1], 2, color=INK, alpha=0.35, linewidths=0)


def _arrows(panel: Axes, scene: orbit.Scene, eye: orbit.Eye) -> None:
    """Draw the axes of the world's floor, and up."""
    middle = scene.centre @ scene.axes.T
    corner = np.array([*(middle[:2] - 0.8 * scene.radius), scene.floor]) @ scene.axes
    inks = (ORANGE, "#2f9e77", BLUE)
    for axis, ink, k in zip(scene.axes, inks, range(3), strict=True):
        ends = np.stack([corner, corner + 0.3 * scene.radius * axis])
        a, b = orbit.look(eye, ends)[0]
        panel.annotate("", tuple(b), tuple(a), arrowprops={"arrowstyle": "->", "color": ink})
        panel.plot(*np.stack([a, b]).T, color=ink, linewidth=1.4)
        name = orbit.letter(axis)
        said = f"up ({name})" if k == 2 and name else "up" if k == 2 else name
        away = (b - a) / max(float(np.linalg.norm(b - a)), 1e-9) * 9
        panel.annotate(said, tuple(b), (away[0], -away[1]), textcoords="offset points",
                       ha="center", va="center", fontsize=8.5, color=ink)  # fmt: skip

"""Pictures of labels side by side: which are alike, and what follows what."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch
from scipy.cluster import hierarchy

from gambol.viz.colours import hexadecimal
from gambol.viz.figures import WIDTH
from gambol.viz.shades import bar, cells, state_colours
from gambol.viz.svg import BLUE, INK, ORANGE, styled

ROWS = 40  # labels that a figure names
_LONGEST = 22  # characters of a name on an axis
_EDGE = 0.02  # chance from which an edge is drawn
_ROOM = 0.27  # about a graph
_DRAWN = 0.75  # of the radius that arrows keep off
_BETWEEN = 0.025  # half of what is free between two nodes, for names and arrows
_NAMED = 13.0  # points across, from which a node has room for a number
_ROUNDS, _CLOSE = 500, 1e-3  # at most, and the overlap that is borne
_EDGES = 3  # a node, on average: the strongest; more are a tangle


class Named(NamedTuple):
    """Labels of a figure: K of them, in the order in which they are shown."""

    names: tuple[str, ...]
    colours: tuple[str, ...]  # #rrggbb


class Graph(NamedTuple):
    """Chances of moves between K labels, and how often each is used."""

    title: str
    chance: Float[np.ndarray, "K K"]  # row: now, column: next; NaN where not known
    usage: Float[np.ndarray, " K"]


def colours(size: int, chosen: Mapping[int, str] | None = None) -> tuple[str, ...]:
    """Return the colour of each label: what somebody chose, else by its number."""
    found = [hexadecimal(colour) for colour in state_colours(size)]
    for label, colour in (chosen or {}).items():
        found[label] = colour
    return tuple(found)


@styled
def dendrogram(
    linkage: Float[np.ndarray, "joins 4"],
    distance: Float[np.ndarray, "K K"],
    labels: Named,
    said: str,
    cut: float | None = None,
) -> Figure:
    """The tree of labels, and beside it the distance of every two of them.

    Args:
        linkage: how labels join.
        distance: between labels, in their order.
        labels: names and colours.
        said: what distance is, with its unit.
        cut: height below which merging is suggested.
    """
    count = len(labels.names)
    height = float(np.clip(0.19 * count + 0.9, 2.0, 8.5))
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    tree, panel = figure.subplots(1, 2, width_ratios=[1, 1])
    drawn = hierarchy.dendrogram(linkage, no_plot=True)
    order = drawn["leaves"]
    for x, y in zip(drawn["dcoord"], drawn["icoord"], strict=True):
        joined = cut is not None and max(x) <= cut
        tree.plot(x, y, color=ORANGE if joined else INK, linewidth=1.6 if joined else 1.0)
    if cut is not None:
        tree.axvline(cut, color=ORANGE, linewidth=0.9, linestyle=(0, (4, 3)))
    tree.set_xlim(float(linkage[:, 2].max()) * 1.04, 0.0)
    tree.set_ylim(10 * count, 0)
    names = [short(labels.names[k]) for k in order]
    tree.yaxis.tick_right()
    tree.set_yticks(10 * np.arange(count) + 5, names, fontsize=8 if count <= ROWS else 6)
    tree.tick_params(axis="y", length=0, pad=11)
    tree.spines["left"].set_visible(False)
    chips(tree, [labels.colours[k] for k in order], 10 * np.arange(count) + 5.0)
    tree.set_xlabel(said)
    tree.set_title("Tree")
    ordered = distance[np.ix_(order, order)]
    most = float(np.nanmax(ordered)) if count else 1.0
    shown = cells(panel, most - ordered, limit=most)
    panel.set_xticks([])
    panel.set_yticks([])
    panel.set_title("Every two: dark is near")
    panel.set_aspect("equal")
    shown.set_rasterized(count > ROWS)
    return figure


@styled
def bigrams(
    values: Float[np.ndarray, "K K"], labels: Named, said: str, limit: float | None = None
) -> Figure:
    """A matrix of what follows what.

    Args:
        values: chance of the column after the row; NaN where there is none.
        labels: names and colours.
        said: what a shade is; shades are per cent.
        limit: of the strongest shade; the largest value if not given.
    """
    count = len(labels.names)
    side = float(np.clip(0.2 * count + 1.4, 3.2, 7.0))
    figure = Figure(figsize=(min(WIDTH, side + 1.2), side), layout="constrained")
    panel = figure.subplots()
    _matrix(panel, values, labels, limit, around=False, said=True)
    bar(figure, panel.images[0], panel, said)
    return figure


@styled
def bigram_groups(
    groups: Sequence[Graph], labels: Named, said: str, pairs: Sequence[tuple[int, int]]
) -> Figure:
    """Matrices of groups in one scale, and differences of two groups.

    Args:
        groups: matrices, means over animals.
        labels: names and colours.
        said: what a shade is.
        pairs: groups that are subtracted: the second minus the first.
    """
    panels = len(groups) + len(pairs)
    columns = min(panels, 3)
    rows = -(-panels // columns)
    side = WIDTH / columns
    figure = Figure(figsize=(WIDTH, rows * (side + 0.45)), layout="constrained")
    drawn = list(figure.subplots(rows, columns, squeeze=False).ravel())
    limit = _most([graph.chance for graph in groups])
    for panel, graph in zip(drawn, groups, strict=False):
        _matrix(panel, graph.chance, labels, limit, around=False)
        panel.set_title(graph.title)
    away = [groups[j].chance - groups[i].chance for i, j in pairs]
    for panel, (i, j), values in zip(drawn[len(groups) :], pairs, away, strict=False):
        _matrix(panel, values, labels, _most([np.abs(a) for a in away]), around=True)
        panel.set_title(_minus(groups[j].title, groups[i].title))
    for panel in drawn[panels:]:
        panel.set_axis_off()
    figure.supxlabel(said, fontsize=8)
    return figure


@styled
def graphs(
    groups: Sequence[Graph],
    place: Float[np.ndarray, "K 2"],
    labels: Named,
    pairs: Sequence[tuple[int, int]] = (),
    edge: float = _EDGE,
) -> Figure:
    """Graphs of moves in one layout: node = usage, edge = chance; then differences.

    Args:
        groups: all animals together, or a graph a group.
        place: of the nodes, the same in every panel.
        labels: names and colours.
        pairs: groups that are subtracted: the second minus the first.
        edge: chance, or difference, from which an edge is drawn.
    """
    panels = len(groups) + len(pairs)
    columns = min(panels, 2 if panels in (1, 2, 4) else 3)
    rows = -(-panels // columns)
    widest = np.max([_radius(graph.usage) for graph in groups], axis=0, initial=0.0)
    place = spread(place, _DRAWN * widest + _BETWEEN)
    side = WIDTH / columns if panels > 1 else 5.2
    tall = (np.ptp(place[:, 1]) + 2 * _ROOM) / (np.ptp(place[:, 0]) + 2 * _ROOM)
    size = (columns * side, rows * (side * float(np.clip(tall, 0.35, 1.3)) + 0.25))
    figure = Figure(figsize=size, layout="constrained")
    drawn = list(figure.subplots(rows, columns, squeeze=False).ravel())
    gain = 1.0 / _most([graph.chance for graph in groups])
    for panel, graph in zip(drawn, groups, strict=False):
        tints = ["#7d858f"] * len(place)
        _graph(panel, graph.chance, place, labels, (graph.usage, tints, edge, gain, side))
        panel.set_title(graph.title)
    for panel, (i, j) in zip(drawn[len(groups) :], pairs, strict=False):
        away = groups[j].chance - groups[i].chance
        usage = (groups[i].usage + groups[j].usage) / 2
        how = (usage, None, edge, 1.0 / max(_most([np.abs(away)]), 1e-9), side)
        _graph(panel, away, place, labels, how)
        panel.set_title(_minus(groups[j].title, groups[i].title))
    for panel in drawn[panels:]:
        panel.set_axis_off()
    return figure


def spread(
    place: Float[np.ndarray, "K 2"], radius: Float[np.ndarray, " K"]
) -> Float[np.ndarray, "K 2"]:
    """Push discs apart that lie over each other, each pair by as much as it overlaps.

    Args:
        place: of their middles; where no two discs overlap, they stay.
        radius: of the discs.
    """
    place, least = place.astype(np.float64), radius[:, None] + radius
    turn = 2.4 * np.arange(len(place))  # those at one place leave it in different directions
    first = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    for _ in range(_ROUNDS):
        away = place[:, None] - place
        far = np.sqrt((away**2).sum(axis=2))
        over = np.maximum(least - far, 0.0)
        np.fill_diagonal(over, 0.0)
        if over.max(initial=0.0) < _CLOSE:
            break
        same = (far < 1e-9)[..., None]
        way = np.where(same, first[:, None] - first, away / np.maximum(far, 1e-9)[..., None])
        place = place + 0.5 * (over[..., None] * way).sum(axis=1)
    return place


def _radius(usage: Float[np.ndarray, " K"]) -> Float[np.ndarray, " K"]:
    """Return how large nodes are; an unused one is still seen."""
    shown = np.nan_to_num(usage)
    return 0.03 + 0.12 * np.sqrt(shown / max(float(shown.max(initial=0)), 1e-9))


def _matrix(
    panel: Axes,
    values: Float[np.ndarray, "K K"],
    labels: Named,
    limit: float | None,
    *,
    around: bool,
    said: bool = False,
) -> None:
    """Draw a matrix with names on the left and chips below."""
    top = _most([np.abs(values)]) if limit is None else limit
    few = len(labels.names) <= 12
    names = [short(name, 14) for name in labels.names]
    percent = 100 * np.where(np.eye(len(names), dtype=bool), np.nan, values)  # none repeats
    numbers = ".0f" if few and said else None
    cells(panel, percent, limit=100 * top, around=around, numbers=numbers, rows=names)
    panel.set_xticks([])
    place = np.arange(len(names), dtype=float)
    if len(names) <= ROWS:
        panel.set_yticks(range(len(names)), names, fontsize=8 if few else 6.5)
        panel.set_xticks(range(len(names)), names, fontsize=8 if few else 6.5, rotation=90)
    panel.tick_params(axis="y", length=0, pad=10)
    panel.tick_params(axis="x", length=0, pad=10)
    chips(panel, labels.colours, place)
    chips(panel, labels.colours, place, below=True)
    panel.set_aspect("equal")


def _graph(
    panel: Axes,
    chance: Float[np.ndarray, "K K"],
    place: Float[np.ndarray, "K 2"],
    labels: Named,
    how: tuple[Float[np.ndarray, " K"], list[str] | None, float, float, float],
) -> None:
    """Draw nodes and curved arrows; without tints the sign of an edge has its colour."""
    usage, tints, edge, gain, side = how
    low, high = place.min(axis=0, initial=0.0) - _ROOM, place.max(axis=0, initial=0.0) + _ROOM
    points = 72 * side / float(high[0] - low[0])  # of a unit of the layout
    panel.set_axis_off()
    panel.set_aspect("equal")
    panel.set_xlim(low[0], high[0])
    panel.set_ylim(low[1], high[1])
    radius = _radius(usage)
    values = np.nan_to_num(chance)
    np.fill_diagonal(values, 0.0)
    order = np.argsort(np.abs(values), axis=None)[-_EDGES * len(place) :]
    for i, j in zip(*np.unravel_index(order, values.shape), strict=True):
        value = float(values[i, j])
        if abs(value) < edge:
            continue
        strength = min(1.0, abs(value) * gain)
        colour = tints[i] if tints is not None else (ORANGE if value > 0 else BLUE)
        _arrow(panel, place[[i, j]], radius[[i, j]], strength, colour)
    for k, (x, y) in enumerate(place):
        own = _DRAWN * float(radius[k])
        panel.add_patch(Circle((x, y), own, facecolor=labels.colours[k], edgecolor=INK,
                               linewidth=0.7, zorder=3, clip_on=False))  # fmt: skip
        name = short(labels.names[k], 14)
        inside = len(name) <= 2 and 2 * own * points > _NAMED
        dark = sum(to_rgb(labels.colours[k])[:2]) < 1.0
        panel.annotate(name, (x, y if inside else y + own), (0, 0 if inside else 6),
                       textcoords="offset points", ha="center", fontsize=8, zorder=4,
                       va="center", color="#ffffff" if inside and dark else
                       ("#101010" if inside else INK))  # fmt: skip


def _minus(one: str, other: str) -> str:
    """Name a difference of groups.

    >>> _minus("wt (5 animals)", "ko (6 animals)")
    'wt minus ko'
    """
    return " minus ".join(short(name.partition(" (")[0], 12) for name in (one, other))


def _arrow(
    panel: Axes,
    ends: Float[np.ndarray, "2 2"],
    radius: Float[np.ndarray, " 2"],
    strength: float,
    colour: str,
) -> None:
    away = ends[1] - ends[0]
    length = max(float(np.linalg.norm(away)), 1e-9)
    first = ends[0] + away * min(radius[0] * 0.6, 0.45 * length) / length
    last = ends[1] - away * min(radius[1] * 0.75, 0.45 * length) / length
    panel.add_patch(
        FancyArrowPatch(
            tuple(first), tuple(last), connectionstyle="arc3,rad=0.16", shrinkA=0, shrinkB=0,
            arrowstyle="-|>", mutation_scale=5 + 6 * strength, linewidth=0.4 + 2.4 * strength,
            color=(*to_rgb(colour), 0.25 + 0.65 * strength), zorder=2,
        )
    )  # fmt: skip


def chips(
    panel: Axes,
    tints: Sequence[str],
    place: Float[np.ndarray, " K"],
    at: float | None = None,
    *,
    below: bool = False,
) -> None:
    """Draw small squares in the colours of labels beside their names."""
    count = len(tints)
    size = float(np.clip(240 / max(count, 1), 6, 26))
    right = panel.yaxis.get_ticks_position() == "right"
    beside = (1.02 if right else -0.02) if at is None else at
    if below:
        panel.scatter(place, np.full(count, beside), size, color=list(tints), marker="s",
                      transform=panel.get_xaxis_transform(), clip_on=False,
                      linewidths=0)  # fmt: skip
    else:
        panel.scatter(np.full(count, beside), place, size, color=list(tints), marker="s",
                      transform=panel.get_yaxis_transform(), clip_on=False,
                      linewidths=0)  # fmt: skip


def _most(values: Sequence[Float[np.ndarray, "K K"]]) -> float:
    known = [float(v[np.isfinite(v)].max(initial=0.0)) for v in values]
    return max(known, default=1.0) or 1.0


def short(name: str, most: int = _LONGEST) -> str:
    """Return a name that fits an axis."""
    return name if len(name) <= most else f"{name[: most - 1]}…"

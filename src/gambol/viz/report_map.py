"""The page about a behaviour map: what its regions are, how they follow, how firm they are.

Stages collect what is here and write the page, which needs nothing but itself.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from gambol.viz import figures_map, figures_map_amount, figures_map_order
from gambol.viz.figures_states import Lasting
from gambol.viz.html import Markup, el, page, section, table
from gambol.viz.report_parts import (
    drawn,
    folded,
    head,
    number,
    origin,
    percent,
    remarks,
    time,
)

_ROWS = 24  # regions in the table; the others are folded
_SIDED = 0.2  # contrast of two sides that is worth a word
_FEW = 3  # stays below which a region may be one event
_ON = 0.8  # share of the frames on the map below which it is said why
_WINDOWS = 10  # groups of windows in a table


class Hills(NamedTuple):
    """The density of a map and its regions; rows go up (y), columns x."""

    density: Float[np.ndarray, "G G"]
    axis: Float[np.ndarray, " G"]
    label: Int[np.ndarray, "G G"]  # 1 … R, 0 outside
    peak: Float[np.ndarray, "R 2"]
    sigma: float


class Row(NamedTuple):
    """A region in the table."""

    share: float  # of the frames that are on the map, in stays
    stays: int
    median_s: float
    part: str  # that stands out
    frequency: float  # Hz, at which it does
    z: float
    animal_speed: float  # median, units of the poses a second; NaN where not known
    found: float  # overlap with regions of half-sample maps; NaN where not measured


class Amounts(NamedTuple):
    """How much moves in a frame."""

    counts: Int[np.ndarray, " B"]
    edges: Float[np.ndarray, " B1"]  # log10 of the sum of amplitudes
    threshold: float  # NaN where there is one mode
    taken: bool  # whether still frames are off the map


class Speeds(NamedTuple):
    """Speed on the map."""

    counts: Int[np.ndarray, " B"]
    edges: Float[np.ndarray, " B1"]  # log10 map units a second
    components: tuple[Float[np.ndarray, " 2"], ...]  # weights, means, sds
    thresholds: Sequence[float]  # where stays begin and end, map units a second
    depth: float  # of the valley between the two; 1: one mode only


class Order(NamedTuple):
    """What follows what."""

    transitions: Float[np.ndarray, "R R"]
    lag: int
    order: Int[np.ndarray, " R"]  # regions along the tree
    levels: Sequence[Int[np.ndarray, " R"]]
    nested: float  # 1: the levels are a tree
    lags: Int[np.ndarray, " L"]
    real: Float[np.ndarray, "L K"]
    chain: Float[np.ndarray, "L K"]
    shuffled: Float[np.ndarray, "B L K"]


class Compared(NamedTuple):
    """Two groups of animals."""

    groups: tuple[str, str]
    difference: Float[np.ndarray, "H H"]
    axis: Float[np.ndarray, " H"]
    significant: Bool[np.ndarray, "H H"]
    said: str
    table: Sequence[tuple[int, float, float]]  # region, difference of shares, smallest p


class MapPage(NamedTuple):
    """A map and recordings on it."""

    name: str
    recordings: int
    minutes: float
    fps: float
    on: float  # share of the frames on the map
    masked: Mapping[str, float]  # share of the frames in which a part has no spectrum
    sure: float  # share of these at a sure place
    staying: float  # share of these in a stay
    hills: Hills
    spectra: Float[np.ndarray, "R C F"]  # z against all frames
    frequencies: Float[np.ndarray, " F"]
    parts: Sequence[str]
    rows: Sequence[Row]
    unit: str  # of the poses
    pairs: Sequence[tuple[str, str]]  # left and right
    contrast: Float[np.ndarray, "R P"]
    amounts: Amounts
    speeds: Speeds
    each: Sequence[Lasting]
    pooled: Lasting
    order: Order | None
    usage: Float[np.ndarray, "A R"]
    groups: Sequence[str] | None  # of the animals
    compared: Sequence[Compared]
    windows: Sequence[tuple[float, Int[np.ndarray, " W"], Float[np.ndarray, "G R"]]]
    # of each length in seconds: group of each window, mean usage of the groups
    stability: str  # a sentence
    rand: float  # NaN where not measured
    remarks: Sequence[str] = ()
    settings: str = ""  # YAML
    provenance: Mapping[str, Any] = {}


def map_page(made: MapPage) -> str:
    """Return the page."""
    parts = [
        _head(made),
        *remarks(warnings(made)),
        _map(made),
        _meaning(made),
        *_sides(made),
        _usage(made),
        *_compared(made),
        _staying(made),
        *_order(made),
        *_windows(made),
        _trust(made),
        *origin(made.settings, made.provenance),
    ]
    return page(f"{made.name}: behaviour map", *parts)


def warnings(made: MapPage) -> list[str]:
    """Return what a reader has to know before believing the map, a sentence each."""
    told = [made.stability] if made.stability else []
    rare = sum(row.stays < _FEW for row in made.rows)
    if 2 * rare > len(made.rows):
        told.append(
            f"{rare} of the {len(made.rows)} regions have fewer than {_FEW} stays, so they may "
            "be single events and no habits: give more recordings, or ask for fewer regions "
            "(regions.most, or a larger regions.width)."
        )
    if made.on < _ON:
        told.append(_lost(made))
    if made.speeds.depth > 0.95:
        told.append(
            "Speed on the map has one mode, so stays and moves are hard to tell apart here."
        )
    if made.recordings == 1:
        told.append("There is one recording, so nothing here says how animals differ.")
    return [*told, *made.remarks]


def _lost(made: MapPage) -> str:
    """Say why frames are off the map."""
    least = min(made.masked.values(), default=0.0)
    worst = sorted(made.masked, key=lambda part: -made.masked[part])[:3]
    told = [f"{p} ({percent(made.masked[p])})" for p in worst if made.masked[p] > least + 0.03]
    often = f": most often {', '.join(told)}; --leave-out takes keypoints off the map" * bool(
        told
    )
    return (
        f"{percent(made.on)} of the frames are on the map: the others lie near an end of the "
        "recording, or where a keypoint is absent for longer than is bridged, within the reach "
        f"of the slowest wavelet (wavelets.f_min){often}."
    )


def _head(made: MapPage) -> Markup:
    numbers = [
        (str(len(made.hills.peak)), "regions"),
        (percent(made.on), "of the frames are on the map"),
        (percent(made.sure), "of these at a sure place"),
        (percent(made.staying), "of these in a stay"),
        (time(float(made.pooled.quartiles[1])), "median stay"),
    ]
    if np.isfinite(made.rand):
        numbers.append((f"{made.rand:.2f}", "agreement of half-sample maps (ARI)"))
    many = "recording" if made.recordings == 1 else "recordings"
    words = f"{made.recordings} {many}, {made.minutes:.1f} min at {made.fps:g} frames/s."
    return head(f"Behaviour map: {made.name}", words, numbers)


def _map(made: MapPage) -> Markup:
    return section(
        "The map",
        el("p", "Frames that move alike lie together, whatever the posture and the place in "
           "the arena. A hill is a movement that is done again and again; its region has a "
           "number, 1 the heaviest. Directions and distances across the map mean nothing."),
        drawn(figures_map.density(*made.hills),
              "Look for hills that stand apart. Shades are square roots, so that rare "
              "movements are seen."),
    )  # fmt: skip


def _meaning(made: MapPage) -> Markup:
    shown = min(len(made.rows), figures_map.SHOWN)
    names = [f"{k + 1}: {percent(made.rows[k].share)}" for k in range(shown)]
    few = f" The {shown} heaviest of {len(made.rows)}." if shown < len(made.rows) else ""
    measured = any(np.isfinite(row.found) for row in made.rows)
    moving = any(np.isfinite(row.animal_speed) for row in made.rows)
    top = ["region", "of the time", "stays", "median", "stands out", "at", "z"]
    top += [f"animal, {made.unit}/s"] if moving else []
    top += ["found again"] if measured else []
    rows = [_row(k, row, moving, measured) for k, row in enumerate(made.rows)]
    more = [folded("The other regions", table(top, rows[_ROWS:]))] if rows[_ROWS:] else []
    return section(
        "What regions are",
        drawn(figures_map.spectra(made.spectra, made.frequencies, made.parts, names),
              "Look where orange is: which part of the body, and how fast. Orange: more of it "
              f"than in all frames; blue: less. Beside the number, share of the time.{few}"),
        table(top, rows[:_ROWS]),
        *more,
        el("p", "Clips of every region are listed in clips.csv; gambol syllable-movies films "
           "them (--label stay).", class_="soft"),
    )  # fmt: skip


def _row(k: int, row: Row, moving: bool, measured: bool) -> list[str]:
    cells = [str(k + 1), percent(row.share), str(row.stays), time(row.median_s)]
    if row.z > 0:
        cells += [row.part, f"{number(row.frequency, 2)} Hz", f"{row.z:.1f}"]
    else:
        cells += ["little moves", "–", f"{row.z:.1f}" if np.isfinite(row.z) else "–"]
    cells += [number(row.animal_speed)] if moving else []
    return cells + ([number(row.found, 2)] if measured else [])


def _sides(made: MapPage) -> list[Markup]:
    """Regions in which one side moves more than the other."""
    if not made.pairs:
        return []
    rows = []
    for k, own in enumerate(made.contrast):
        told = [
            f"{left if value > 0 else right} ({abs(value):.2f})"
            for (left, right), value in zip(made.pairs, own.tolist(), strict=True)
            if abs(value) >= _SIDED
        ]
        if told:
            rows.append([str(k + 1), ", ".join(told)])
    words = (
        "Contrast is (left - right) / (left + right) of the summed amplitudes, without its "
        f"sign; what is below {_SIDED:g} is not said."
    )
    body = (
        el("div", table(("region", "moves more than its partner"), rows), class_="plain")
        if rows
        else el("p", "No region moves one side more than the other.")
    )
    return [section("Left and right", el("p", words), body)]


def _usage(made: MapPage) -> Markup:
    caption = "A dot is an animal, a line the mean; where dots spread, animals differ."
    if made.groups is not None:
        caption += " gambol group-stats tests each region, with the animal as the unit."
    return section(
        "Who does what", drawn(figures_map_order.usage(made.usage, made.groups), caption)
    )


def _compared(made: MapPage) -> list[Markup]:
    parts = []
    for one in made.compared:
        rows = [
            [str(region), f"{100 * apart:+.2g} %", number(p, 2)]
            for region, apart, p in sorted(one.table, key=lambda row: row[2])[:12]
        ]
        parts.append(section(
            f"Where {one.groups[0]} and {one.groups[1]} differ",
            drawn(figures_map.difference(one.difference, one.axis, one.significant, one.groups,
                                         one.said, (made.hills.label, made.hills.axis)),
                  "Only what is outlined is more than chance makes of so many places; the test "
                  "moves whole animals between the groups."),
            table(("region", f"more in {one.groups[0]}", "smallest p inside"), rows),
        ))  # fmt: skip
    return parts


def _staying(made: MapPage) -> Markup:
    speeds = made.speeds
    return section(
        "Stays",
        drawn(figures_map.speeds(speeds.counts, speeds.edges, speeds.components,
                                 speeds.thresholds),
              "An animal that keeps to a movement hardly moves on the map. Look for two hills: "
              "stays, and moves between regions. Dotted: where stays begin and end."),
        drawn(figures_map_order.survival(made.each, made.pooled),
              "Stays at gaps and at the ends of recordings count for as long as they were seen "
              "(Kaplan-Meier)."),
    )  # fmt: skip


def _order(made: MapPage) -> list[Markup]:
    if made.order is None:
        return []
    own = made.order
    said = "the next stay" if own.lag == 1 else f"{own.lag} stays later"
    return [section(
        "What follows what",
        drawn(figures_map_order.transitions(own.transitions, own.order, own.levels, said),
              "Regions in the order of a tree: groups that foretell what comes later, at the "
              f"left from few to many. {percent(own.nested)} of the groups lie in those above "
              "them; 100 % would be a tree."),
        drawn(figures_map_order.decay(own.lags, own.real, own.chain, own.shuffled),
              "Blue curves above the dashed ones: the order remembers more than the last stay. "
              "In the grey: nothing is left but chance."),
    )]  # fmt: skip


def _windows(made: MapPage) -> list[Markup]:
    """Minutes that look alike."""
    parts: list[Markup] = []
    for seconds, group, centre in made.windows:
        counts = np.bincount(group, minlength=len(centre))
        if 2 * len(centre) > len(group):
            continue  # hardly two windows are alike
        rows = []
        for g in range(min(len(centre), _WINDOWS)):
            most = np.argsort(-centre[g], kind="stable")[:4]
            told = ", ".join(f"{k + 1} ({percent(centre[g, k])})" for k in most)
            rows.append([str(g), str(int(counts[g])), told])
        parts += [
            el("h3", f"Windows of {seconds:g} s"),
            el("div", table(("group", "windows", "regions most used"), rows), class_="plain"),
        ]
    if not parts:
        return []
    words = "Windows in which the same regions are used, grouped; each is in windows.csv."
    return [section("Longer times", el("p", words), *parts)]


def _trust(made: MapPage) -> Markup:
    amounts = made.amounts
    return section(
        "Before you trust it",
        el("p", made.stability) if made.stability else "",
        drawn(figures_map_amount.amounts(amounts.counts, amounts.edges, amounts.threshold,
                                         taken=amounts.taken),
              "Spectra are scaled to sum 1, which magnifies noise where nothing moves. A hill "
              "of its own at the left is such frames: keep them off the map (still: true)."),
    )  # fmt: skip

"""The page about several networks on the same labels, splits and budget."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from gambol.viz import figures_bench
from gambol.viz.figures_bench import Arm
from gambol.viz.html import Markup, el, page, section, table
from gambol.viz.report_parts import drawn, head, number, origin, percent, remarks

FEW = 50  # tested frames below which intervals are wide, whatever they say


class BenchPage(NamedTuple):
    """What the page is made of."""

    name: str
    arms: Sequence[Arm]  # by network, then by number of labels
    rows: Sequence[Mapping[str, Any]]  # of the table, in the order of the arms
    reading: Sequence[str]  # what follows
    frames: int  # that were tested
    keypoints: int
    folds: int
    budget: str  # of every training
    where: str  # what the speed was measured on
    failed: Mapping[str, str] = {}  # network: why
    settings: str = ""  # YAML
    provenance: Mapping[str, Any] = {}


def build(made: BenchPage) -> str:
    """Return the page."""
    last = _last(made.arms)
    several = len({arm.labels for arm in made.arms}) > 1
    parts = [
        _head(made, last),
        *remarks(_remarks(made)),
        section("What follows", el("ul", *(el("li", text) for text in made.reading))),
        _scores(made),
        _errors(made, last),
        *([_labels(made)] if several else []),
        _time(made, last),
        _cost(made, last),
        *origin(made.settings, made.provenance),
    ]
    return page(f"{made.name}: networks compared", *parts)


def interval(row: Mapping[str, Any], key: str, digits: int = 2, sign: str = "") -> str:
    """Say a number of a row with its interval; a dash where there is none; sign may be +.

    >>> interval({"mean_px": 2.0, "mean_px_low": 1.5, "mean_px_high": None}, "mean_px")
    '2.00 (1.50 to –)'
    """
    ends = [row.get(key), row.get(f"{key}_low"), row.get(f"{key}_high")]
    if ends[0] is None:
        return "–"
    value, low, high = ("–" if v is None else f"{v:{sign}.{digits}f}" for v in ends)
    return f"{value} ({low} to {high})"


def _short(row: Mapping[str, Any], key: str, digits: int = 2) -> str:
    return "–" if row[key] is None else f"{row[key]:.{digits}f}"


def _size(row: Mapping[str, Any], key: str) -> str:
    if row[key] is None:
        return "all" if key == "field_px" else "–"
    return number(float(row[key]))


def _soft(name: str) -> str:
    """Let a long name break where it may."""
    return name.replace("(", " (").replace(",", ", ")


def _last(arms: Sequence[Arm]) -> list[Arm]:
    """Each network with the most labels it had."""
    most: dict[int, Arm] = {}
    for arm in arms:
        if arm.number not in most or arm.labels > most[arm.number].labels:
            most[arm.number] = arm
    return list(most.values())


def _head(made: BenchPage, last: Sequence[Arm]) -> Markup:
    best = min(last, key=lambda arm: (np.nan_to_num(arm.mean[0], nan=np.inf), arm.number))
    words = (
        f"{len(last)} networks learned the same frames for {made.budget} each, with the same "
        f"augmentation and seed, and were tested on {made.frames} frames in {made.folds} "
        "blocks of time that they never saw."
    )
    numbers = [
        (f"{number(best.mean[0])} px", f"least mean error: {_soft(best.name)}"),
        (f"{number(min(arm.milliseconds for arm in last))} ms", "a frame, the quickest"),
        (str(made.frames), "frames tested"),
        (str(made.keypoints), "keypoints"),
    ]
    return head(f"Networks compared: {made.name}", words, numbers)


def _remarks(made: BenchPage) -> list[str]:
    told = [f"{name} was left out, as it failed: {why}" for name, why in made.failed.items()]
    if made.frames < FEW:
        told.append(
            f"Only {made.frames} frames were tested: small differences mean nothing here."
        )
    told.append(
        "Intervals say how much numbers vary with other frames of these recordings. They do "
        "not say how much with another seed or other animals."
    )
    told.append(
        "Settings of the networks were not tuned; a network that learns slowly is judged by "
        "what it reached within the budget, not by what it can reach."
    )
    return told


def _scores(made: BenchPage) -> Markup:
    swaps = any(row["swap_rate"] is not None for row in made.rows)
    top = ["network", "learned", "mean, px", "median", "p95,\u00a0px", "PCK@.05"]
    top += (["swaps"] if swaps else []) + ["to the first, px"]
    rows = []
    for row in made.rows:
        cells = [row["network"], number(row["frames"]), interval(row, "mean_px")]
        cells += [_short(row, "median_px"), _short(row, "p95_px", 1), _short(row, "pck05")]
        if swaps:
            cells.append(percent(np.nan if (rate := row["swap_rate"]) is None else rate))
        rows.append([*cells, interval(row, "difference_mean_px", sign="+")])
    return section(
        "Accuracy",
        el("div", table(top, rows), class_="plain scores"),
        el("p", "Learned: frames that taught. Distances between prediction and label in pixels "
           "of the video, every keypoint scored; in brackets 95 % intervals; table.csv has "
           "those of all. PCK@.05: share nearer than 5 % of the animal's size. Swaps: share of "
           "left/right pairs that lie nearer to each other's label. To the first: difference "
           "of the mean to that of the first network, paired over frames.", class_="soft"),
    )  # fmt: skip


def _errors(made: BenchPage, last: Sequence[Arm]) -> Markup:
    parts = [drawn(
        figures_bench.distribution(last),
        "Left: the bar is the middle half of the errors, the line 5 to 95 %, the tick the "
        "median, the mark the mean. A mean far right of the bar is made by few large errors. "
        "Right: the same as curves; higher is better.",
    )]  # fmt: skip
    if len(last) > 1:
        parts.append(drawn(
            figures_bench.differences(last),
            f"The first is {_soft(made.arms[0].name)}. Where the line of another crosses zero, "
            "the two cannot be told apart on these frames.",
        ))  # fmt: skip
    return section("How far they err", *parts)


def _labels(made: BenchPage) -> Markup:
    return section("What more labels bring", drawn(
        figures_bench.against_labels(made.arms),
        "Marks are means over all tested frames with 95 % intervals, faint dots single folds. "
        "Fewer labels are drawn from among more, and validation is the same for all. Where a "
        "line still falls at its end, labelling more pays.",
    ))  # fmt: skip


def _time(made: BenchPage, last: Sequence[Arm]) -> Markup:
    return section("What more training brings", drawn(
        figures_bench.against_time(last),
        "Mean over folds of the error on validation frames, as the runs' logs have it, against "
        "minutes since the process began. A line that still falls at its end was cut short by "
        "the budget.",
    ))  # fmt: skip


def _cost(made: BenchPage, last: Sequence[Arm]) -> Markup:
    seen: dict[str, Mapping[str, Any]] = {row["network"]: row for row in made.rows}
    top = ("network", "parameters", "GFLOP a frame", "sees, px", "looks at, px",
           "ms a frame", "ms, 16 at once", "steps", "core-minutes")  # fmt: skip
    keys = ("parameters", "gflops", "field_px", "effective_px", "ms_1", "ms_16", "steps",
            "core_minutes")  # fmt: skip
    rows = [[name, *(_size(row, key) for key in keys)] for name, row in seen.items()]
    return section(
        "What they cost",
        drawn(
            figures_bench.against_speed(last),
            "Low and left is good. The time is that from a frame in memory to its keypoints.",
        ),
        el("div", table(top, rows), class_="plain"),
        el("p", f"Speed measured on {made.where}. Sees: side of the square that can influence "
           "a point (theoretical receptive field; all: the whole picture does), looks at: "
           "radius that holds 90 % of what does (effective), both in pixels of the video. "
           "Core-minutes: of the processor for one training, all its work included.",
           class_="soft"),
    )  # fmt: skip

"""What a plan found: sentences, table and page.

writes  out/table.csv, out/report.html; out/result.json last
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from gambol.io import provenance, store
from gambol.pose import planning
from gambol.pose.rivals import Interval
from gambol.viz import report_plan
from gambol.viz.figures_plan import Curve
from gambol.viz.report_plan import PlanPage

LEARNED = 0.5  # of the keypoints near where they should be, at best; below, nothing follows
TITLES = {
    "labels": ("Labels", "labelled frames"),
    "width": ("Resolution", "width of the picture, px"),
    "network": ("Network", ""),
    "cameras": ("Cameras", "cameras, in space"),
}
WORDS = {
    "labels": "{} labelled frames",
    "width": "pictures {} px wide",
    "network": "the network {}",
    "cameras": "{} cameras",
}


class Point(NamedTuple):
    """How far poses err."""

    error: Interval  # mean, mm
    near: float  # share of keypoints that are where they should be


class Series(NamedTuple):
    """How far they err for several amounts of one thing."""

    name: str  # labels, width, network or cameras
    amounts: tuple[Any, ...]
    points: tuple[Point, ...]

    @property
    def errors(self) -> list[float]:
        """Return the mean errors, mm."""
        return [point.error.value for point in self.points]

    def enough(self, goal: float | None, close: float) -> int:
        """Return the place of the first that is good enough, else of the best."""
        limit = min(self.errors) * (1 + close) if goal is None else goal
        place = planning.enough(self.errors, limit)
        return self.errors.index(min(self.errors)) if place is None else place


class Ruler(NamedTuple):
    """How long things are."""

    mm: dict[int, float]  # of a pixel, by the width of the pictures
    body: float  # mm, of an animal in the picture


class Findings(NamedTuple):
    """All that was measured."""

    curves: Sequence[Series]
    chosen: dict[str, Any]  # of each curve
    together: Sequence[Series]  # one point in the picture, and one in space
    goal: float | None
    close: float
    falling: (
        float  # share of the error on validation, in the last quarter of the base's training
    )
    ruler: Ruler


class Planned(NamedTuple):
    """What came out."""

    report: str
    table: str
    sentences: list[str]
    recommended: dict[str, Any]  # labels, width, network, cameras
    picture_mm: float  # mean error of all of them together
    space_mm: float | None


def write(found: Findings, words: str, settings: str, out: Path) -> Planned:
    """Write what was found, and return it.

    Args:
        found: what was measured.
        words: what was simulated.
        settings: YAML.
        out: folder.
    """
    told = sentences(found)
    rows = [row for series in found.curves for row in _rows(series)]
    with store.atomic(out / "table.csv") as partial:
        pd.DataFrame(rows).to_csv(partial, index=False, lineterminator="\n")
    errors = {one.name: one.points[0].error.value for one in found.together}
    made = Planned(
        str(out / "report.html"), str(out / "table.csv"), told, found.chosen,
        errors["network"], errors.get("cameras"),
    )  # fmt: skip
    about = provenance.record(stage="plan")
    shown = PlanPage(
        words=words,
        numbers=_numbers(found),
        sentences=told,
        curves=[_curve(one, found) for one in found.curves if len(one.amounts) > 1]
        or [_curve(found.curves[0], found)],
        goal=found.goal,
        rows=[_row(row) for row in rows],
        settings=settings,
        provenance=about,
    )
    store.write_text(report_plan.build(shown), out / "report.html")
    result = {**made._asdict(), "rows": rows, "ruler": found.ruler._asdict(), **about}
    store.write_json(store.nulls(result), out / "result.json")
    return made


def sentences(found: Findings) -> list[str]:
    """Say what follows: a line for everything that was varied, and one for all of it."""
    told = [_sentence(series, found) for series in found.curves if len(series.amounts) > 1]
    told = [text[0].upper() + text[1:] for text in told]
    if found.falling > found.close:
        told.insert(0, _unfinished(found.falling))
    near = max(point.near for series in found.curves for point in series.points)
    if near < LEARNED:
        told.insert(0, _nothing(near))
    parts = ", ".join(WORDS[name].format(value) for name, value in found.chosen.items())
    picture, *space = (one.points[0].error for one in found.together)
    also = f" and {_mm(space[0])} in space" if space else ""
    return [*told, f"Together, {parts}: the error is {_mm(picture)} in the picture{also}."]


def _unfinished(falling: float) -> str:
    return (
        "Learning had not ended where its minutes ended: with the most of everything, the "
        f"error on validation fell by {falling:.0%} in the last quarter of the training. More "
        "minutes may change what follows."
    )


def _nothing(near: float) -> str:
    return (
        f"Too little was learned to recommend anything: at best {near:.0%} of the keypoints "
        "are near where they should be. Give every training more minutes."
    )


def _sentence(series: Series, found: Findings) -> str:
    place = series.enough(found.goal, found.close)
    value, errors = series.amounts[place], series.errors
    words = WORDS[series.name].format(value)
    if found.goal is not None and errors[place] > found.goal:
        return (
            f"Nothing tried here reaches {found.goal:g} mm: {words} come nearest, "
            f"with {errors[place]:.2f} mm."
        )
    if series.name == "network":
        others = [
            f"{name} {error:.2f} mm" for name, error in zip(series.amounts, errors, strict=True)
            if name != value
        ]  # fmt: skip
        return f"Take {words}: {errors[place]:.2f} mm; {', '.join(others)}."
    if errors[-1] > (1 + found.close) * errors[place]:
        return (
            f"Take {words}: {errors[place]:.2f} mm. More of it did worse, {series.amounts[-1]} "
            f"{errors[-1]:.2f} mm: the minutes are too few to learn from so much."
        )
    if place < len(errors) - 1:
        most = WORDS[series.name].format(series.amounts[-1])
        return f"{words} are enough: {errors[place]:.2f} mm, with {most} {errors[-1]:.2f} mm."
    before = f"{series.amounts[-2]} {errors[-2]:.2f} mm"
    told = f"Take {words}: {errors[place]:.2f} mm, with {before}"
    if series.name == "labels":
        twice = 2 * value
        amounts = [float(amount) for amount in series.amounts]
        less = planning.foreseen(amounts, errors, float(twice))
        told += f"; {twice} may bring {less:.2f} mm"
    return f"{told}."


def _mm(error: Interval) -> str:
    return f"{error.value:.2f} mm ({error.low:.2f} to {error.high:.2f})"


def _rows(series: Series) -> list[dict[str, Any]]:
    return [
        {
            "varied": series.name, "amount": amount, "error_mm": point.error.value,
            "error_mm_low": point.error.low, "error_mm_high": point.error.high,
            "near": point.near,
        }
        for amount, point in zip(series.amounts, series.points, strict=True)
    ]  # fmt: skip


def _row(row: dict[str, Any]) -> list[str]:
    error = Interval(row["error_mm"], row["error_mm_low"], row["error_mm_high"])
    words = WORDS[row["varied"]].format(row["amount"])
    return [TITLES[row["varied"]][0], words, _mm(error), f"{row['near']:.0%}"]


def _curve(series: Series, found: Findings) -> Curve:
    title, along = TITLES[series.name]
    return Curve(
        title, along, tuple(map(str, series.amounts)),
        tuple((p.error.value, p.error.low, p.error.high) for p in series.points),
        series.enough(found.goal, found.close), series.name != "network",
    )  # fmt: skip


def _numbers(found: Findings) -> list[tuple[str, str]]:
    named = {name: str(value) for name, value in found.chosen.items()}
    means = {
        "labels": "labelled frames", "width": "px wide pictures", "network": "network",
        "cameras": "cameras",
    }  # fmt: skip
    return [(named[name], f"{means[name]}, recommended") for name in named]

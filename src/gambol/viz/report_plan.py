"""The page of a plan: what is recommended, the curves behind it, and what they cannot say."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gambol.viz import figures_plan
from gambol.viz.figures_plan import Curve
from gambol.viz.html import el, page, section, table
from gambol.viz.report_parts import drawn, head, origin, remarks

HEAD = ("", "", "mean error, mm", "near where it should be")
CANNOT = (
    "Animals, light and fur are simulated and cleaner than yours: take what is said about more "
    "or fewer labels, pixels and cameras from here, not the millimetres themselves.",
    "One training a point, with the same seed: intervals are about other moments of the film, "
    "not about other trainings. Differences of a few per cent mean nothing.",
    "Cameras are the true ones. Calibration adds its own error.",
)


class PlanPage(NamedTuple):
    """What the page is made of."""

    words: str  # what was simulated
    numbers: Sequence[tuple[str, str]]  # at the top: value, and what it means
    sentences: Sequence[str]  # what is recommended
    curves: Sequence[Curve]
    goal: float | None
    rows: Sequence[Sequence[str]]  # of the table
    settings: str  # YAML
    provenance: Mapping[str, Any]


def build(made: PlanPage) -> str:
    """Return the page."""
    said = (
        "Look for where a line turns flat: what lies to the right of it costs and brings "
        "little. The ring is what is recommended; vertical lines are 95 % intervals. Errors of "
        "different numbers of cameras are in space, all others in the picture."
    )
    picture = figures_plan.curves(made.curves, "mm", made.goal)
    return page(
        "gambol plan",
        head("What is worth its price", made.words, made.numbers),
        section("What follows", el("ul", *(el("li", text) for text in made.sentences))),
        section("How error falls", drawn(picture, said)),
        *remarks(CANNOT),
        section("All numbers", table(HEAD, made.rows)),
        *origin(made.settings, made.provenance),
    )

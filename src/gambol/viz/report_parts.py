"""Parts that the pages about sequences have in common: headline, warnings, figures, origin."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from gambol.viz import figures_information
from gambol.viz.html import Markup, el, figure, join, section, table
from gambol.viz.svg import to_svg

_WARNS = ("Little structure", "no sign of states", "no interval")  # of sentences about curves


def head(title: str, words: str, numbers: Sequence[tuple[str, str]]) -> Markup:
    """Return the title, what it is about, and numbers with what they are."""
    boxes = [el("div", el("b", value), el("span", text)) for value, text in numbers]
    return join(
        [el("h1", title), el("p", words, class_="soft"), el("div", *boxes, class_="numbers")]
    )


def remarks(sentences: Sequence[str]) -> list[Markup]:
    """Return the section of what the reader has to know, if there is anything."""
    if not sentences:
        return []
    return [section("What to know first", el("ul", *(el("li", s) for s in sentences)))]


def drawn(picture: Figure, said: str) -> Markup:
    """Return a figure with a sentence about what to look for, also for screen readers."""
    words = {"role": "img", "aria-label": said.partition(". ")[0]}
    return figure(el("div", Markup(to_svg(picture)), **words), said)


def folded(title: str, *content: str) -> Markup:
    """Return what is shown when somebody asks for it."""
    return el("details", el("summary", title), *content)


def memory(curves: xr.Dataset) -> Markup:
    """Return the section about how long behaviour remembers."""
    told = str(curves.attrs.get("sentences", "")).splitlines()
    caption = (
        "Look where the blue curve on the right comes down to zero, and how much later than "
        "the orange one: states should last between the two. Left: the same before the bias is "
        "taken off; dotted is the information between recordings that have nothing to do with "
        "each other, which a curve that rises to the right only follows. Fine dots on the "
        "right: Markov chains without any noise."
    )
    return section(
        "How long behaviour remembers",
        el("ul", *(el("li", sentence) for sentence in told)) if told else "",
        drawn(figures_information.information(curves), caption),
    )


def warned(curves: xr.Dataset | None) -> list[str]:
    """Return the sentences about curves that a reader must not miss."""
    if curves is None:
        return []
    told = str(curves.attrs.get("sentences", "")).splitlines()
    return [sentence for sentence in told if any(word in sentence for word in _WARNS)]


def origin(settings: str, provenance: Mapping[str, Any]) -> list[Markup]:
    """Return the section that says where a result came from, with all settings."""
    if not settings and not provenance:
        return []
    rows = [[name.replace("_", " "), said(value)] for name, value in provenance.items()]
    parts = [el("div", table(("what", "value"), rows), class_="plain")] if rows else []
    if settings:
        parts.append(folded("All settings", el("pre", settings)))
    return [section("Where this came from", *parts)]


def said(value: Any) -> str:
    """Say a value of the provenance, without what is not set."""
    if isinstance(value, Mapping):
        known = {key: entry for key, entry in value.items() if entry is not None}
        return ", ".join(f"{key} {said(entry)}" for key, entry in known.items())
    if isinstance(value, list | tuple):
        return "; ".join(said(entry) for entry in value)
    return number(value) if isinstance(value, float) else str(value)


def number(value: float, digits: int = 3) -> str:
    r"""Say a number: large ones in groups of three digits, a dash where there is none.

    >>> number(-1602438.0), number(12.345), number(float("nan")), number(6e5)
    ('-1\u202f602\u202f438', '12.3', '–', '600\u202f000')
    """
    if not np.isfinite(value):
        return "∞" if value == np.inf else "–"
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", "\u202f")
    return f"{value:.{digits}g}"


def time(value: float) -> str:
    r"""Say a duration; a dash where there is none.

    >>> time(5.64), time(130.2), time(float("inf"))
    ('5.6\xa0s', '130\xa0s', '∞')
    """
    if not np.isfinite(value):
        return number(value)
    return f"{value:.2g}\u00a0s" if abs(value) < 100 else f"{value:.0f}\u00a0s"


def percent(value: float) -> str:
    r"""Say a share; little is not nothing.

    >>> percent(0.241), percent(0.004), percent(0.0), percent(float("nan"))
    ('24\xa0%', '0.4\xa0%', '0\xa0%', '–')
    """
    if not np.isfinite(value):
        return "–"
    return f"{100 * value:.2g}\u00a0%" if abs(value) < 0.1 else f"{100 * value:.0f}\u00a0%"

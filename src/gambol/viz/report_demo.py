"""The demo's page: what was done by which command, how well, and where there is more."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from gambol.viz.colours import hexadecimal
from gambol.viz.figures import WIDTH
from gambol.viz.html import Markup, el, figure, page, section
from gambol.viz.shades import paint, state_colours
from gambol.viz.svg import styled, to_svg


class Step(NamedTuple):
    """One stage, or some that belong together."""

    title: str
    said: str  # what was done
    commands: tuple[str, ...]  # that do the same with films of one's own
    numbers: tuple[tuple[str, str], ...]  # value, and what it means
    pages: tuple[tuple[str, str], ...] = ()  # words, and the page that they lead to
    film: tuple[str, str] | None = None  # beside the page, and what it shows
    drawn: Markup = Markup("")  # a figure


class Strip(NamedTuple):
    """What one way of naming says that an animal does."""

    title: str
    labels: Int[np.ndarray, " T"]  # -1 where nothing is said
    names: tuple[str, ...]


def build(lead: str, steps: Sequence[Step], origin: Markup) -> str:
    """Return the page.

    Args:
        lead: what all this is.
        steps: in the order in which they were done.
        origin: where it came from, at the end.
    """
    head = [el("h1", "gambol, from films to behaviour"), el("p", lead, class_="lead")]
    return page("gambol demo", *head, *(_section(step) for step in steps), origin)


def _section(step: Step) -> Markup:
    boxes = [el("div", el("b", value), el("span", said)) for value, said in step.numbers]
    commands = el("pre", "\n".join(step.commands))
    parts = [el("p", step.said), el("div", *boxes, class_="numbers") if boxes else Markup("")]
    if step.film:
        shown = el(
            "video", src=step.film[0], controls="", muted="", loop="", autoplay="",
            playsinline="",
        )  # fmt: skip
        parts.append(figure(shown, step.film[1]))
    links = [el("a", said, href=target) for said, target in step.pages]
    if links:
        between = [Markup(", ")] * (len(links) - 1)
        woven = [
            part for pair in zip(links, [*between, Markup(".")], strict=True) for part in pair
        ]
        parts.append(el("p", "More: ", *woven))
    return section(step.title, *parts, step.drawn, commands)


def strips(rows: Sequence[tuple[Strip, ...]], fps: float) -> Markup:
    """Return a figure of what an animal did and what was found, one below the other.

    Args:
        rows: strips that share their names, for each such set the truth first.
        fps: frames a second.
    """
    return figure(
        to_svg(_strips(rows, fps)),
        "What one mouse did in the film, and what was found from pixels alone. Each found name "
        "has the colour of what it mostly stood for in the minutes it was learned from.",
    )


@styled
def _strips(rows: Sequence[tuple[Strip, ...]], fps: float) -> Figure:
    count = sum(len(row) for row in rows)
    drawn = Figure(figsize=(WIDTH, 0.42 * count + 0.75 * len(rows) + 0.3), layout="constrained")
    panels = iter(drawn.subplots(count, 1, sharex=True, squeeze=False)[:, 0])
    for row in rows:
        names = row[0].names
        colours = state_colours(len(names))
        for n, strip in enumerate(row):
            panel = next(panels)
            seconds = len(strip.labels) / fps
            panel.imshow(
                paint(strip.labels[None], colours), aspect="auto", extent=(0, seconds, 0, 1),
                interpolation="nearest",
            )  # fmt: skip
            panel.set_yticks([1 / 2], [strip.title])
            panel.tick_params(axis="y", length=0)
            panel.spines[:].set_visible(False)
            if n == len(row) - 1:
                used = np.unique(np.concatenate([s.labels[s.labels >= 0] for s in row]))
                panel.legend(
                    [Patch(color=hexadecimal(colours[k])) for k in used],
                    [names[k] for k in used], ncols=7, loc="upper left", frameon=False,
                    bbox_to_anchor=(0, -0.25), fontsize=7.5, handlelength=1.0,
                )  # fmt: skip
    panel.set_xlabel("seconds")
    return drawn


def numbers(values: Sequence[tuple[float | None, str, str]]) -> tuple[tuple[str, str], ...]:
    """Say numbers: value, how, and what it means.

    >>> numbers([(0.5, ".0%", "of all"), (None, ".2f", "unknown")])
    (('50%', 'of all'), ('–', 'unknown'))
    """
    return tuple(
        ("–" if value is None else format(value, how), said) for value, how, said in values
    )


def origin(settings: str) -> Markup:
    """Say at the end where the page came from."""
    return section(
        "Where this came from",
        el("p", "Made by gambol demo with these settings."),
        el("pre", settings),
    )

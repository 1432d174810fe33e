"""The part of a report about one video of several animals: detections or tracks."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from gambol.viz import figures_many
from gambol.viz.colours import individual_colours
from gambol.viz.films import Example
from gambol.viz.html import Markup, el, figure, image, join, section, table
from gambol.viz.report import plural, swatch
from gambol.viz.svg import to_svg

LISTED = 15  # events of a queue


class Event(NamedTuple):
    """A stretch in which identities may have been exchanged."""

    kind: str  # contact, gap or jump
    first: int  # frame
    last: int
    animals: tuple[str, ...]
    confidence: float  # P(resolved right)
    instead: tuple[str, ...]  # whom the best alternative makes of each
    affected: int  # frames until the animals are known by themselves again


class Tracks(NamedTuple):
    """Animals with names in one video."""

    name: str
    animals: tuple[str, ...]
    times: Float[np.ndarray, " T"]  # s
    sure: Float[np.ndarray, "T N"]  # identity confidence; NaN where an animal was not found
    n_untracked: Int[np.ndarray, " T"]
    events: Sequence[Event] | None  # most harmful first; None: nobody looked for them
    doubt: float  # identity confidence under which an identity is doubtful
    examples: list[Example]
    note: str = ""  # why there are no pictures


class Counted(NamedTuple):
    """Animals without names in one video."""

    name: str
    times: Float[np.ndarray, " T"]  # s
    counts: Int[np.ndarray, " T"]
    most: int | None  # animals in a labelled frame, at most
    score: float  # median probability of being a real animal
    examples: list[Example]
    note: str = ""


def describe(seen: Tracks) -> Markup:
    """Return the section about tracks."""
    colours = individual_colours(len(seen.animals))
    present = np.isfinite(seen.sure)
    when = [float(seen.times[min(e.first, len(seen.times) - 1)]) for e in seen.events or []]
    picture = figures_many.presence(
        seen.times, present, seen.sure, seen.animals, colours, seen.n_untracked, seen.doubt,
        when,
    )  # fmt: skip
    caption = (
        "Above: a gap means that the animal was not found. Below: the least confidence in each "
        f"moment; under the dashed line ({seen.doubt:g}) an identity is doubtful and marked in "
        "films."
    )
    if when:
        caption += " Triangles are the events of the review queue."
    return section(
        f"Who is who: {seen.name}",
        el("p", _sentence(seen, present)),
        figure(to_svg(picture), caption),
        _table(seen, present),
        *_queue(seen),
        el("p", _reliability(seen)),
        *_pictures(seen.examples, seen.note),
    )


def describe_counts(seen: Counted) -> Markup:
    """Return the section about detections."""
    frames = len(seen.counts)
    text = (
        f"{int(seen.counts.sum())} animals in {frames} {plural('frame', frames)}, "
        f"{seen.counts.mean() if frames else 0.0:.2f} a frame; "
        f"{100 * float((seen.counts == 0).mean()) if frames else 0.0:.1f} % of the frames show "
        f"none. Half of them are real with a probability of at least {seen.score:.2f}."
    )
    if seen.most:
        share = float((seen.counts == seen.most).mean()) if frames else 0.0
        text += (
            f" Labelled frames had up to {seen.most}; just so many were found in "
            f"{100 * share:.1f} %. They have no names yet: “gambol track” gives them some."
        )
    parts = [el("p", text)]
    if frames:
        picture = to_svg(figures_many.counts(seen.times, seen.counts, seen.most))
        caption = "Between the fewest and the most in each moment; dashed: most in the labels."
        parts.append(figure(picture, caption))
    parts += _pictures(seen.examples, seen.note)
    return section(f"Animals found: {seen.name}", *parts)


def clock(seconds: float) -> str:
    """Say a moment of a video.

    >>> clock(75.25)
    '1:15.2'
    """
    tenths = int(10 * seconds)  # cut, not rounded: 59.96 is no 0:60.0
    return f"{tenths // 600}:{tenths // 10 % 60:02d}.{tenths % 10}"


def _sentence(seen: Tracks, present: np.ndarray) -> str:
    frames, animals = present.shape
    all_there = float(present.all(axis=1).mean()) if frames else 0.0
    doubtful = float((seen.sure < seen.doubt).any(axis=1).mean()) if frames else 0.0
    lost = int(seen.n_untracked.sum())
    text = (
        f"{animals} {plural('animal', animals)} in {frames} {plural('frame', frames)}. All of "
        f"them were found in {100 * all_there:.1f} % of the frames; an identity is doubtful in "
        f"{100 * doubtful:.1f} %."
    )
    if lost:
        text += (
            f" {lost} further {plural('detection', lost)} belong to nobody: no animal, or one "
            "too many. They stay in the file as untracked."
        )
    return text


def _table(seen: Tracks, present: np.ndarray) -> Markup:
    rows = []
    colours = individual_colours(len(seen.animals))
    for n, name in enumerate(seen.animals):
        sure = seen.sure[present[:, n], n]
        rows.append([
            swatch(colours[n], name),
            f"{100 * present[:, n].mean():.1f} %",
            f"{_longest(~present[:, n], seen.times):.2f} s",
            f"{sure.mean():.3f}" if len(sure) else "–",
            f"{sure.min():.3f}" if len(sure) else "–",
            f"{100 * (sure < seen.doubt).mean():.1f} %" if len(sure) else "–",
        ])  # fmt: skip
    head = ("animal", "found in", "longest absence", "mean identity confidence", "least",
            f"below {seen.doubt:g}")  # fmt: skip
    return table(head, rows)


def _longest(missing: np.ndarray, times: np.ndarray) -> float:
    """Seconds of the longest stretch of frames."""
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    edges = np.flatnonzero(np.diff(np.concatenate([[0], missing, [0]])))
    return float((edges[1::2] - edges[::2]).max(initial=0)) * step


def _queue(seen: Tracks) -> list[Markup]:
    """Return the review queue as a table."""
    if seen.events is None:
        return []
    title = el("h3", "Review queue")
    if not seen.events:
        text = "Empty: in no place might two animals have been exchanged unnoticed."
        return [title, el("p", text)]
    rows = [
        [
            str(number),
            clock(float(seen.times[min(e.first, len(seen.times) - 1)])),
            f"{e.first}–{e.last}",
            e.kind,
            ", ".join(e.animals),
            f"{e.confidence:.3f}",
            _exchange(e),
            str(e.affected),
        ]
        for number, e in enumerate(seen.events[:LISTED], start=1)
    ]
    head = ("", "time", "frames", "kind", "animals", "confidence", "or else", "frames affected")
    more = len(seen.events) - LISTED
    total = len(seen.events)
    wrong = sum(1 - e.confidence for e in seen.events)
    text = (
        f"{total} {plural('place', total)} where animals may have been exchanged, the most "
        f"harmful first; about {wrong:.1f} of them are expected to be wrong. “gambol review” "
        "lists and mends them."
    )
    tail = [el("p", f"and {more} more", class_="soft")] if more > 0 else []
    return [title, el("p", text), el("div", table(head, rows), class_="plain"), *tail]


def _exchange(event: Event) -> str:
    """Say what the best alternative would exchange."""
    pairs = zip(event.animals, event.instead, strict=True)
    changed = [(now, other) for now, other in pairs if now != other]
    if len(changed) == 2:
        return " ↔ ".join(now for now, _ in changed)
    return ", ".join(f"{now} is {other}" for now, other in changed) or "–"


def _reliability(seen: Tracks) -> str:
    return (
        "Identity confidence is the probability that this is the animal it is said to be: of a "
        "hundred places at 0.9, ten should be wrong. Whether it keeps that promise on your "
        "animals shows where you know them: name the animals in some frames, and “gambol "
        "evaluate TRACKS LABELS” prints IDF1, identity switches and how far confidence is off."
    )


def _pictures(examples: list[Example], note: str) -> list[Markup]:
    parts: list[Markup] = []
    if examples:
        shown = [figure(image(e.rgb, e.caption), e.caption) for e in examples]
        parts.append(el("div", *shown, class_="frames"))
    if note:
        parts.append(el("p", note, class_="soft"))
    return [join(parts)] if parts else []

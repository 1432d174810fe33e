"""The part of a report about one video that a network predicted."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, UInt8

from gambol.core.skeleton import Skeleton
from gambol.viz import figures
from gambol.viz.colours import hexadecimal, keypoint_colours
from gambol.viz.html import Markup, el, figure, image, join, section, table
from gambol.viz.svg import to_svg


class Example(NamedTuple):
    """One frame to look at, poses drawn."""

    rgb: UInt8[np.ndarray, "H W 3"]
    caption: str


class Film(NamedTuple):
    """Poses of one video, one animal."""

    name: str
    skeleton: Skeleton
    times: Float[np.ndarray, " T"]  # s
    xy: Float[np.ndarray, "T J 2"]  # px
    confidence: Float[np.ndarray, "T J"]
    threshold: float  # under which a keypoint counts as doubtful
    speed: Mapping[str, Any] | None  # fps, decode_share, network_share; None if not known
    examples: list[Example]
    note: str = ""  # why there are no pictures


def describe(film: Film) -> Markup:
    """Return the section about a video."""
    doubt = ~(film.confidence >= film.threshold)  # a frame that was not readable is doubtful
    parts = [el("p", _sentence(film, doubt)), *_speed(film)]
    colours = keypoint_colours(film.skeleton)
    names = film.skeleton.keypoints
    picture = figures.time_series(
        film.times, film.xy, np.nan_to_num(film.confidence), names, colours, film.threshold
    )
    caption = (
        f"Positions over time; pale where confidence is below {film.threshold:g}. "
        "Long stretches below ask for labels from there: the command “gambol suggest” finds "
        "such frames."
    )
    parts.append(figure(to_svg(picture), caption))
    parts.append(_table(names, colours, film, doubt))
    if film.examples:
        shown = [figure(image(e.rgb, e.caption), e.caption) for e in film.examples]
        parts.append(el("div", *shown, class_="frames"))
    if film.note:
        parts.append(el("p", film.note, class_="soft"))
    return section(f"On video: {film.name}", *parts)


def _sentence(film: Film, doubt: np.ndarray) -> str:
    frames = len(film.times)
    any_low, all_low = float(doubt.any(axis=1).mean()), float(doubt.all(axis=1).mean())
    seconds = float(film.times[-1] - film.times[0]) if frames else 0.0
    return (
        f"{frames} frames, {seconds:.1f} seconds. In {_percent(any_low)} of the frames at "
        f"least one keypoint has a confidence below {film.threshold:g}; in "
        f"{_percent(all_low)} all of them have."
    )


def _percent(share: float) -> str:
    """Say a share of frames; few are not none."""
    return "less than 0.1 %" if 0 < share < 0.0005 else f"{100 * share:.1f} %"


def _speed(film: Film) -> list[Markup]:
    if film.speed is None:
        return []
    decode, network = (float(film.speed[k]) for k in ("decode_share", "network_share"))
    text = f"Predicted at {float(film.speed['fps']):.0f} frames per second."
    picture = to_svg(figures.speed(decode, network))
    rest = max(1.0 - decode - network, 0.0)
    shares = f"reading video {decode:.0%}, network {network:.0%}, rest {rest:.0%}"
    return [el("p", text), figure(picture, f"Where the time went: {shares}.")]


def _table(
    names: tuple[str, ...], colours: UInt8[np.ndarray, "J 3"], film: Film, doubt: np.ndarray
) -> Markup:
    rows = []
    for j, name in enumerate(names):
        dot = el("span", "", class_="swatch", style=f"background:{hexadecimal(colours[j])}")
        sure = film.confidence[:, j][np.isfinite(film.confidence[:, j])]
        median = f"{np.median(sure):.2f}" if len(sure) else "–"
        rows.append([join([dot, name]), median, _percent(float(doubt[:, j].mean()))])
    head = ("keypoint", "median confidence", f"frames below {film.threshold:g}")
    return table(head, rows)

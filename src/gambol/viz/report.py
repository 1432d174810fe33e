"""The page about a training run: how far it errs, how well it knows, what it made of videos.

Written for somebody who knows the animal and not the network. `stages.report` collects what is
here from files and writes the page.
"""

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, UInt8

from gambol.core import pixels
from gambol.core.skeleton import Skeleton
from gambol.viz import figures, frames, overlay
from gambol.viz.colours import hexadecimal, keypoint_colours
from gambol.viz.html import Markup, el, figure, image, join, page, section, table
from gambol.viz.svg import to_svg

WORST = 9  # frames that are shown
_PARTS = {
    "train": "the network learned from these",
    "val": "chose the best moment of training; the errors on this page are theirs",
    "calib": "taught the network how far to trust itself",
    "test": "set aside for the command “gambol evaluate”",
}


_LAST = "Where this came from"
ORIGIN = f"<section><h2>{_LAST}</h2>"  # how the last part of a page begins


class Seen(NamedTuple):
    """Validation frames with truth and prediction, in video pixels."""

    images: list[UInt8[np.ndarray, "h w C"]]
    to_video: Float[np.ndarray, "N 2 3"]  # from the pixels of the images
    truth: Float[np.ndarray, "N J 2"]  # NaN where nothing is labelled
    xy: Float[np.ndarray, "N J 2"]  # NaN where nothing was predicted
    confidence: Float[np.ndarray, "N J"]
    names: list[str]  # of the frames, such as "session1, frame 120"


class Run(NamedTuple):
    """What a training run left behind."""

    name: str
    metrics: Mapping[str, Any]  # metrics.json
    provenance: Mapping[str, Any]  # provenance.json
    settings: str  # YAML
    log: Sequence[Mapping[str, Any]]
    split: Sequence[tuple[str, str, int, str]]  # part, video, frame, individual
    skeleton: Skeleton
    body_px: float
    radius: float  # px up to which a prediction counts as right
    levels: Sequence[float]  # promised shares of regions
    coverage: Sequence[float]  # what they hold of the validation labels
    seen: Seen


def build(
    run: Run, watched: Sequence[Markup] = (), truth: Mapping[str, Any] | None = None
) -> str:
    """Return the page as HTML that needs no other file.

    Args:
        run: the training run.
        watched: sections about videos that the network predicted.
        truth: scores against the known truth of a simulated film that training never saw, as
            in `metrics.json`.
    """
    errors = errors_of(run.seen)
    parts = [
        _head(run, truth),
        learned_from(run),
        chosen(run),
        *([field(run)] if run.provenance.get("field_px") and run.seen.images else []),
        learning(run),
        per_keypoint(run, errors),
        worst(run, errors),
        trust(run, errors),
        *([_against_truth(run, truth)] if truth else []),
        *watched,
        origin(run),
    ]
    return page(f"{run.name}: training report", *parts)


def px(value: float | None) -> str:
    """Say a number of pixels; a dash where there is none.

    >>> px(2.345), px(271.314), px(None)
    ('2.35', '271.3', '–')
    """
    if value is None or not np.isfinite(value):
        return "–"
    return f"{value:.2f}" if abs(value) < 100 else f"{value:.1f}"


def share(value: float | None) -> str:
    r"""Say a share in per cent; a dash where there is none.

    >>> share(0.914), share(None)
    ('91\xa0%', '–')
    """
    return "–" if value is None or not np.isfinite(value) else f"{100 * value:.0f}\u00a0%"


def span(interval: Sequence[float | None] | None, say: Any = px) -> str:
    """Say an interval: "2.10 to 2.80"; nothing where no end is known."""
    if not interval or all(end is None for end in interval):
        return ""
    return f"{say(interval[0])} to {say(interval[1])}"


def swatch(colour: UInt8[np.ndarray, " 3"], name: str) -> Markup:
    """Return a dot of a keypoint's colour, and its name."""
    dot = el("span", "", class_="swatch", style=f"background:{hexadecimal(colour)}")
    return join([dot, name])


def scores(
    metrics: Mapping[str, Any], names: Sequence[str], colours: UInt8[np.ndarray, "J 3"]
) -> Markup:
    """Return the table of errors of every keypoint and of all together."""
    rows = [_score_row("all together", metrics)]
    known = metrics.get("keypoints", {})
    rows += [
        _score_row(swatch(colour, name), known[name])
        for name, colour in zip(names, colours, strict=True)
        if name in known
    ]
    head = ("keypoint", "labels", "mean, px", "95 % interval", "median", "95 % are below")
    return table((*head, "within 5 % of body"), rows)


def _score_row(name: str, values: Mapping[str, Any]) -> list[str]:
    spans = values.get("intervals", {})
    return [
        name,
        str(values.get("n", "–")),
        px(values.get("mean_px")),
        span(spans.get("mean_px")),
        px(values.get("median_px")),
        px(values.get("p95_px")),
        share(values.get("pck", {}).get("0.05")),
    ]


def errors_of(seen: Seen) -> Float[np.ndarray, "N J"]:
    """Distances, px; NaN where nothing is labelled, infinite where nothing was found."""
    distance = np.linalg.norm(seen.xy - seen.truth, axis=-1)
    labelled = np.isfinite(seen.truth).all(axis=-1)
    return np.where(labelled, np.where(np.isfinite(distance), distance, np.inf), np.nan)


def _head(run: Run, truth: Mapping[str, Any] | None) -> Markup:
    m = run.metrics
    spans = m.get("intervals", {})
    mean = m.get("mean_px")
    relative = "" if mean is None else f", {100 * mean / run.body_px:.1f} % of the animal"
    numbers = [
        (f"{px(mean)} px", f"mean error, {span(spans.get('mean_px'))} px{relative}"),
        (f"{px(m.get('median_px'))} px", f"median, {span(spans.get('median_px'))} px"),
        (f"{px(m.get('p95_px'))} px", f"95 % are below, {span(spans.get('p95_px'))} px"),
        (share(m.get("pck", {}).get("0.05")), "within 5 % of the animal's size, "
         + span(spans.get("pck", {}).get("0.05"), share)),
    ]  # fmt: skip
    at90 = [c for level, c in zip(run.levels, run.coverage, strict=True) if level == 0.9]
    if at90:
        numbers.append((share(at90[0]), "of the labels lie in their 90 % region"))
    cells = [el("div", el("b", value), el("span", text)) for value, text in numbers]
    when = str(run.provenance.get("date", ""))[:16].replace("T", " ")
    note = (
        f"Measured on {m.get('n_frames', len(run.seen.images))} labelled frames "
        "that the network did not learn from; "
        "ranges are 95 % intervals. These frames picked the best moment of training, so a new "
        "recording may do slightly worse"
        + (": see “Against the known truth”." if truth else ".")
    )
    return join(
        [
            el("h1", f"Training report: {run.name}"),
            el("p", f"gambol {run.provenance.get('versions', {}).get('gambol', '')}, {when}",
               class_="soft"),
            el("div", *cells, class_="numbers"),
            el("p", note, class_="soft"),
        ]
    )  # fmt: skip


def learned_from(run: Run) -> Markup:
    """Return the section about frames and keypoints that trained and judged."""
    shown = {(part, video, frame) for part, video, frame, _ in run.split}
    counts = {p: sum(row[0] == p for row in shown) for p in _PARTS}
    videos: dict[str, int] = {}
    for _, video, _ in shown:
        videos[video] = videos.get(video, 0) + 1
    total, bones, rows_said = len(shown), run.skeleton, len(run.split)
    animals = f" with {rows_said} animals" if rows_said > total else ""
    text = (
        f"{total} labelled {plural('frame', total)}{animals} of {len(videos)} "
        f"{plural('video', len(videos))} with {len(bones)} {plural('keypoint', len(bones))}."
        + _apart(run.split)
    )
    rows = [[name, str(counts[name]), what] for name, what in _PARTS.items() if counts[name]]
    listed = [[PurePath(v).name, str(n)] for v, n in sorted(videos.items())]
    colours = keypoint_colours(bones)
    named = [swatch(c, n) for n, c in zip(bones.keypoints, colours, strict=True)]
    return section(
        "What it learned from",
        el("p", text),
        el("div", table(("part", "frames", "what they did"), rows), class_="plain"),
        el("div", *(el("span", name) for name in named), class_="legend"),
        el("details", el("summary", "The videos"), table(("video", "frames"), listed)),
    )


def chosen(run: Run) -> Markup:
    """Return the section about settings and their reasons."""
    reasons = [str(reason).partition(": ") for reason in run.provenance.get("chosen", [])]
    items = [
        el("li", el("b", what), f": {why}") if why else el("li", what)
        for what, _, why in reasons
    ]
    size = run.provenance.get("parameters")
    text = "Settings follow from the labels unless somebody set them."
    if size is not None:
        text += f" The network has {size:,} weights.".replace(",", " ")
    return section(
        "What was chosen, and why",
        el("p", text),
        el("ul", *items) if items else "",
        el("details", el("summary", "All settings"), el("pre", run.settings)),
    )


def field(run: Run) -> Markup:
    """Return the section about how far the network looks, drawn on a validation frame."""
    size, seen = run.provenance["field_px"], run.seen
    found = pixels.apply(pixels.invert(seen.to_video[0]), seen.xy[0])
    known = np.isfinite(found).all(axis=-1)
    at = found[known][0] if known.any() else pixels.centre(*seen.images[0].shape[1::-1])
    rgb = frames.field(seen.images[0], at, size["side"], size["radius"])
    scale = float(np.sqrt(abs(np.linalg.det(seen.to_video[0][:, :2]))))
    square = "All of the picture could influence this point, whatever its size. "
    if size["side"] is not None:
        ends = np.array(seen.images[0].shape[1::-1])
        cut = bool((np.minimum(at, ends - at) < size["side"] / 2).any())
        beyond = ", partly outside the picture," if cut else ""
        side = size["side"] * scale
        square = f"Square: the {side:.0f} px{beyond} that could influence this point. "
    caption = (
        f"{square}Circle: the {size['radius'] * scale:.0f} px around it that hold 90 % of what "
        f"does. The animal measures {run.body_px:.0f} px. "
        "A circle much smaller than the animal means that keypoints are told from their "
        "surroundings alone, not from the posture."
    )
    return section("How far it looks", figure(image(rgb, "receptive field"), caption))


def learning(run: Run) -> Markup:
    """Return the section about the course of the training."""
    m = run.metrics
    best, minutes = m.get("best_step"), m.get("minutes_to_best")
    text = f"Training ended: {m['reason']}. " if m.get("reason") else ""
    if best is not None and minutes is not None:
        text += f"The weights of step {best}, after {minutes:.1f} minutes, were the best."
    if not run.log:
        return section("How it learned", el("p", text or "This run kept no log."))
    picture = to_svg(figures.learning_curve(run.log, best))
    caption = (
        "Left: error on frames that the network did not learn from. A curve that still falls "
        "at its end asks for more minutes; one that rises asks for more labels. Right: what "
        "training minimised."
    )
    return section("How it learned", el("p", text), figure(picture, caption))


def per_keypoint(run: Run, errors: Float[np.ndarray, "N J"]) -> Markup:
    """Return the section about the errors of every keypoint."""
    names, colours = run.skeleton.keypoints, keypoint_colours(run.skeleton)
    picture = to_svg(figures.errors_per_keypoint(errors, names, colours))
    caption = (
        "Every dot is one label. Boxes hold the middle half of the errors, lines nine tenths, "
        "the stroke is the median. Right: how many labels were met to within a distance; the "
        "bold line is all keypoints together."
    )
    return section(
        "Errors of every keypoint",
        figure(picture, caption),
        scores(run.metrics, names, colours),
    )


def worst(run: Run, errors: Float[np.ndarray, "N J"]) -> Markup:
    """Return the section with the largest errors, truth and prediction drawn."""
    seen = run.seen
    pen = overlay.pen(run.skeleton, run.body_px)
    largest = np.nan_to_num(errors, nan=-1.0).max(axis=1)
    order = [n for n in np.argsort(-largest, kind="stable") if largest[n] >= 0][:WORST]
    shown = []
    for n in order:
        j = int(np.nanargmax(errors[n]))
        name = run.skeleton.keypoints[j]
        far = f"{errors[n, j]:.1f} px off" if np.isfinite(errors[n, j]) else "not found"
        sure = seen.confidence[n, j]
        caption = f"{seen.names[n]}: {name} {far}, confidence {sure:.2f}"
        rgb = frames.compare(seen.images[n], seen.to_video[n], seen.truth[n], seen.xy[n], pen)
        shown.append(figure(image(rgb, caption), caption))
    text = (
        "Open circles are labels, filled ones predictions, joined by a line. Is it the label "
        "that is wrong? Mend it: that helps more than longer training. Is the animal in a rare "
        "posture, or partly hidden? Label more frames like it."
    )
    return section(
        "The worst validation frames", el("p", text), el("div", *shown, class_="frames")
    )


def trust(run: Run, errors: Float[np.ndarray, "N J"]) -> Markup:
    """Return the section about what confidences and regions promise and hold."""
    labelled = ~np.isnan(errors)
    error, sure = errors[labelled], np.nan_to_num(run.seen.confidence[labelled])
    colours = np.broadcast_to(keypoint_colours(run.skeleton), (*errors.shape, 3))[labelled]
    promise = figures.calibration(sure, error <= run.radius, run.levels, run.coverage)
    cloud = figures.error_against_confidence(sure, error, colours, run.radius)
    on = run.metrics.get("calibrated_on", "val")
    text = (
        f"Confidence is the chance that a prediction lies within {run.radius:.1f} px of where "
        "a person would click (5 % of the animal's size). Regions are the ellipses drawn in "
        "films: a 90 % region should hold the true place nine times in ten."
    )
    learned = (
        "Both were learned on these same frames, so they may look better here than they are."
        if on == "val"
        else "Both were learned on other frames than these."
    )
    return section(
        "How far to trust it",
        el("p", text),
        figure(to_svg(promise), f"Points on the dashed line keep their promise. {learned}"),
        figure(to_svg(cloud), "One dot per label, in the colour of its keypoint. Dots at the "
               "upper right are confident mistakes: the ones to look at."),
    )  # fmt: skip


def _against_truth(run: Run, truth: Mapping[str, Any]) -> Markup:
    spans = truth.get("intervals", {})
    text = (
        "The simulated film was never seen in training and its truth is known in every frame: "
        f"{truth.get('n', 0)} visible keypoints of {truth.get('n_frames', 0)} frames. Mean "
        f"error {px(truth.get('mean_px'))} px (95 % interval {span(spans.get('mean_px'))}), "
        f"median {px(truth.get('median_px'))} px; 95 % are below {px(truth.get('p95_px'))} px."
    )
    colours = keypoint_colours(run.skeleton)
    held = truth.get("coverage90")
    more = [] if held is None else [el("p", f"{share(held)} lie in their 90 % region.")]
    made = scores(truth, run.skeleton.keypoints, colours)
    return section("Against the known truth", el("p", text), *more, made)


def origin(run: Run) -> Markup:
    """Return the section that says how the run came to be."""
    rows = []
    for name, value in run.provenance.items():
        if name == "chosen":
            continue
        rows.append([name.replace("_", " "), _said(value)])
    made = el("div", table(("what", "value"), rows), class_="plain")
    return section(_LAST, made)


def _said(value: Any) -> str:
    """Say a value of the provenance, without what is not set."""
    if isinstance(value, Mapping):
        known = {key: entry for key, entry in value.items() if entry is not None}
        return ", ".join(f"{key} {_said(entry)}" for key, entry in known.items())
    if isinstance(value, list):
        return "; ".join(_said(entry) for entry in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _apart(split: Sequence[tuple[str, str, int, str]]) -> str:
    """Say how near in time a frame that was learned from comes to one that was not."""
    gaps = []
    for video in {row[1] for row in split}:
        own = [row for row in split if row[1] == video]
        learned = np.array([row[2] for row in own if row[0] == "train"])
        others = np.array([row[2] for row in own if row[0] != "train"])
        if len(learned) and len(others):
            gaps.append(int(np.abs(learned[:, None] - others).min()))
    if not gaps:
        return " No video was both learned from and held out."
    near = min(gaps)
    apart = f"{near} {plural('frame', near)}"
    return f" In one video, frames learned from and frames held out are at least {apart} apart."


def plural(noun: str, count: int) -> str:
    """Return a noun as it is counted."""
    return noun if count == 1 else noun + "s"

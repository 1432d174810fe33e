"""The page about a training run for several animals: found, told apart, and how far off.

What it shares with the page about one animal is in `viz.report`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, UInt8

from gambol.viz import figures, figures_many, frames, overlay
from gambol.viz import report as one
from gambol.viz.colours import keypoint_colours
from gambol.viz.html import Markup, el, figure, image, join, page, section, table
from gambol.viz.report import Run, px, share, span
from gambol.viz.svg import to_svg

CUT = 0.01  # share of labels outside the crops from which something is to be done
_MISSED = 3  # pictures of animals that were not found, where others are worth showing
_LISTED = 12  # labels outside their crop
_ROWS: dict[str, tuple[str, str]] = {
    "oks_map": ("OKS mAP, strict", "headline: ten tolerances averaged, every invented and "
                "every missed animal counts"),
    "oks_map_01": ("the same, wider tolerance", "σ 0.1 instead of 0.025, as DeepLabCut has it"),
    "oks_mar": ("OKS mAR, strict", "share of animals found, over the same ten tolerances"),
    "precision": ("precision", "of what was found, how much is an animal (OKS 0.5)"),
    "recall": ("recall", "of the animals, how many were found (OKS 0.5)"),
    "count_error": ("count error", "animals too many or too few in a frame"),
    "grouping_error": ("wrong owner", "keypoints in the right place on the wrong animal"),
    "sleap_map": ("mAP as SLEAP counts", "only to compare with reports of SLEAP"),
}  # fmt: skip
_SHARES = ("precision", "recall", "grouping_error")
_SLEAP = (
    "SLEAP's score is optimistic: frames in which nothing was found and animals that were "
    "invented are left out of it, so it can be 1 where half of the animals are missed. Compare "
    "it with other SLEAP reports only; judge by the strict one."
)


class Crops(NamedTuple):
    """The squares that a top-down network looks at."""

    side_px: float  # video pixels
    larger: int  # network pixels: the side to ask for where this one is too small
    n_labels: int
    cut: Sequence[str]  # labels outside the square of their animal, such as "a.mp4, frame 3: …"
    of: str  # which labels were looked at
    frame: UInt8[np.ndarray, "H W C"] | None  # a labelled frame; None where the video is gone
    squares: Float[np.ndarray, "A 4 2"]  # corners around the animals in it, px
    truth: Float[np.ndarray, "A J 2"]
    outside: Bool[np.ndarray, "A J"]  # labels that lie outside the square of their animal
    caption: str


class Compared(NamedTuple):
    """What `train --compare` found."""

    table: Sequence[Sequence[str]]  # its head first
    notes: Sequence[str]


class Many(NamedTuple):
    """What a run for several animals left besides."""

    approach: str  # top-down or bottom-up
    logs: Mapping[str, Sequence[Mapping[str, Any]]]  # of every network, by what it does
    found: Bool[np.ndarray, " N"]  # whether each animal of `Run.seen` was found, however badly
    matched: Bool[np.ndarray, " N"]  # whether it was found with an OKS of at least 0.5
    crops: Crops | None
    compared: Compared | None = None


def build(run: Run, many: Many, watched: Sequence[Markup] = ()) -> str:
    """Return the page as HTML that needs no other file.

    Args:
        run: the training run; a row of `run.seen` is a labelled animal.
        many: what is special about several animals.
        watched: sections about videos.
    """
    errors = one.errors_of(run.seen)
    met, right = (
        np.where(kept[:, None], errors, np.nan) for kept in (many.found, many.matched)
    )
    parts = [
        _head(run, many),
        one.learned_from(run),
        one.chosen(run),
        *([one.field(run)] if run.provenance.get("field_px") and run.seen.images else []),
        *([_comparison(many.compared)] if many.compared else []),
        *([_crops(run, many.crops)] if many.crops else []),
        _learning(run, many),
        _animals(run),
        _per_keypoint(run, right, int((~many.matched).sum())),
        _worst(run, many, errors),
        *([one.trust(run, met)] if np.isfinite(met).any() else []),
        *watched,
        one.origin(run),
    ]
    return page(f"{run.name}: training report", *parts)


def _head(run: Run, many: Many) -> Markup:
    found, matched = run.metrics["animals"], run.metrics["animals"]["matched"]
    spans = found["intervals"]
    numbers = [
        (_plain(found["oks_map"]), f"OKS mAP, strict; {_between(spans['oks_map'])}"),
        (share(found["precision"]), f"precision; {_between(spans['precision'], share)}"),
        (share(found["recall"]), f"recall; {_between(spans['recall'], share)}"),
        (_plain(found["count_error"], 2), "animals too many or too few in a frame"),
        (f"{px(matched['median_px'])} px",
         f"median error in found animals; 95 % are below {px(matched['p95_px'])} px"),
    ]  # fmt: skip
    cells = [el("div", el("b", value), el("span", text)) for value, text in numbers]
    when = str(run.provenance.get("date", ""))[:16].replace("T", " ")
    version = run.provenance.get("versions", {}).get("gambol", "")
    note = (
        f"Measured on {found['n_animals']} animals in {found['n_frames']} labelled frames that "
        "the network did not learn from; ranges are 95 % intervals. These frames picked the "
        "best moment of training, so a new recording may do slightly worse."
    )
    return join([
        el("h1", f"Training report: {run.name}"),
        el("p", f"gambol {version}, {when}; several animals, {many.approach}", class_="soft"),
        el("div", *cells, class_="numbers"),
        el("p", note, class_="soft"),
    ])  # fmt: skip


def _comparison(compared: Compared) -> Markup:
    """Both approaches on one split of the labels, and the choice."""
    head, *rows = compared.table
    text = "Both were trained on the same frames; this page is about the one that was chosen."
    notes = [el("p", f"{note[0].upper()}{note[1:]}.") for note in compared.notes]
    made = el("div", table(tuple(head), [list(row) for row in rows]), class_="scores")
    return section("Top-down against bottom-up", el("p", text), made, *notes)


def _crops(run: Run, crops: Crops) -> Markup:
    """The box on a real frame, and what it cuts off."""
    cut = len(crops.cut) / max(crops.n_labels, 1)
    lie = "lies" if len(crops.cut) == 1 else "lie"
    outside = (
        f"{len(crops.cut)} of {crops.n_labels} {crops.of} ({100 * cut:.1f} %) {lie} outside, "
        "where that network cannot look."
        if crops.cut
        else f"All {crops.n_labels} {crops.of} lie inside."
    )
    text = (
        f"A square of {crops.side_px:.0f} px is cut around every animal and shown to the "
        f"second network. {outside}"
    )
    parts = [el("p", text)]
    if cut > CUT:
        remedy = (
            f"That is more than {100 * CUT:.0f} %: train with a larger crop, such as "
            f"--set many.crop={crops.larger}, or mend the labels listed below."
        )
        parts.append(el("p", el("b", remedy)))
    if crops.frame is not None:
        pen = overlay.pen(run.skeleton, run.body_px)
        rgb = frames.crops(crops.frame, crops.squares, crops.truth, crops.outside, pen)
        rings = " Ringed in red: labels outside." if crops.cut else ""
        caption = f"{crops.caption}. Yellow: the squares of its animals.{rings}"
        parts.append(figure(image(rgb, "crops"), caption))
    elif crops.caption:
        parts.append(el("p", crops.caption, class_="soft"))
    if crops.cut:
        items = [el("li", name) for name in crops.cut[:_LISTED]]
        if more := len(crops.cut) - len(items):
            items.append(el("li", f"and {more} more"))
        parts.append(el("details", el("summary", "Labels outside"), el("ul", *items)))
    return section("What is cut around an animal", *parts)


def _learning(run: Run, many: Many) -> Markup:
    m = run.metrics
    text = f"Training ended: {m['reason']}. " if m.get("reason") else ""
    if m.get("best_step") is not None and m.get("minutes_to_best") is not None:
        text += (
            f"The weights of step {m['best_step']}, after {m['minutes_to_best']:.1f} minutes, "
            "were the best."
        )
    logs = {name: log for name, log in many.logs.items() if log}
    if not logs:
        return section("How it learned", el("p", text or "This run kept no log."))
    if len(logs) == 1:
        (log,) = logs.values()
        picture = figures.learning_curve(log, m.get("best_step"))
    else:
        picture = figures_many.curves(logs)
    caption = (
        "Error on frames that the network did not learn from; the ring is what was kept. A "
        "curve that still falls at its end asks for more minutes; one that rises asks for more "
        "labels."
    )
    return section("How it learned", el("p", text), figure(to_svg(picture), caption))


def _animals(run: Run) -> Markup:
    found = run.metrics["animals"]
    rows = []
    for key, (name, meaning) in _ROWS.items():
        say = share if key in _SHARES else _plain
        rows.append(
            [name, say(found.get(key)), span(found["intervals"].get(key), say), meaning]
        )
    text = (
        f"{found['n_animals']} animals are labelled in {found['n_frames']} frames; "
        f"{found['n_found']} were found, {found['n_matched']} of them match a label with an "
        "OKS of at least 0.5. OKS compares distances with the animal's size: 1 is perfect."
    )
    rows += _named(run.metrics.get("identity"))
    made = table(("score", "value", "95 % interval", "what it says"), rows)
    return section(
        "How well animals are found", el("p", text), el("div", made, class_="scores"),
        el("p", _SLEAP),
    )  # fmt: skip


def _named(looks: Mapping[str, Any] | None) -> list[list[str]]:
    """Rows of how often looks name the right individual, where a network tries."""
    if not looks or not looks["n"]:
        return []
    spans = looks["intervals"]
    guess = share(looks["chance"])
    meanings = {
        "rank1": ("named rightly", f"likeliest name is right, of {looks['n']} animals found; "
                  f"guessing would be {guess}"),
        "one_to_one": ("the same, one to one", "where every name is given once in a frame"),
        "said": ("names, by its own word", "mean probability of the likeliest name; it should "
                 "equal the share that is right"),
    }  # fmt: skip
    return [
        [name, share(looks[key]), span(spans.get(key), share), meaning]
        for key, (name, meaning) in meanings.items()
    ]


def _per_keypoint(run: Run, met: Float[np.ndarray, "N J"], missed: int) -> Markup:
    names, colours = run.skeleton.keypoints, keypoint_colours(run.skeleton)
    text = "Distances in animals that match a label with an OKS of at least 0.5."
    if missed:
        text += (
            f" {missed} of {len(met)} labelled animals have no such match and are not in here: "
            "“The worst animals” shows some of them."
        )
    if np.isinf(met).any():
        text += (
            " A keypoint that was not found counts as infinitely far off; the mean is a dash "
            "then, and the median tells more."
        )
    parts: list[Markup] = [el("p", text)]
    if np.isfinite(met).any():
        picture = to_svg(figures.errors_per_keypoint(met, names, colours))
        caption = (
            "Every dot is one label. Boxes hold the middle half of the errors, lines nine "
            "tenths, the stroke is the median. Right: how many labels were met to within a "
            "distance; the bold line is all keypoints together."
        )
        parts.append(figure(picture, caption))
        parts.append(one.scores(run.metrics["animals"]["matched"], names, colours))
    return section("Errors of every keypoint", *parts)


def _worst(run: Run, many: Many, errors: Float[np.ndarray, "N J"]) -> Markup:
    seen, pen = run.seen, overlay.pen(run.skeleton, run.body_px)
    known = np.where(np.isfinite(errors), errors, np.nan)
    shown = []
    for n in _order(many.found, known):
        if many.found[n]:
            j = int(np.nanargmax(known[n]))
            gone = int(np.isinf(errors[n]).sum())
            caption = (
                f"{seen.names[n]}: {np.nanmean(known[n]):.1f} px off on average, most at "
                f"{run.skeleton.keypoints[j]} ({known[n, j]:.1f} px)"
                + (f"; {gone} not found" if gone else "")
            )
        else:
            caption = f"{seen.names[n]}: not found"
        rgb = frames.compare(seen.images[n], seen.to_video[n], seen.truth[n], seen.xy[n], pen)
        shown.append(figure(image(rgb, caption), caption))
    text = (
        "Open circles are labels, filled ones predictions, joined by a line. Is it the label "
        "that is wrong? Mend it. Did the network take a keypoint of the neighbour? Label more "
        "frames in which animals touch."
    )
    return section("The worst animals", el("p", text), el("div", *shown, class_="frames"))


def _order(found: Bool[np.ndarray, " N"], known: Float[np.ndarray, "N J"]) -> list[int]:
    """Found animals from the largest mean error on, then some that were missed."""
    some = found & np.isfinite(known).any(axis=1)
    count = np.maximum(np.isfinite(known).sum(axis=1), 1)
    mean = np.where(some, np.nansum(known, axis=1) / count, -1.0)
    worst = [int(n) for n in np.argsort(-mean, kind="stable") if some[n]]
    missed = np.flatnonzero(~found).tolist()
    room = max(one.WORST - len(worst), min(_MISSED, len(missed)))
    return worst[: one.WORST - min(room, len(missed))] + missed[:room]


def _plain(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _between(ends: Sequence[float | None] | None, say: Any = _plain) -> str:
    return span(ends, say)

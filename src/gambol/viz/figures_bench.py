"""Pictures of networks side by side: how far they err, after what, and at what cost."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullLocator

from gambol.viz.figures import WIDTH
from gambol.viz.shades import empty
from gambol.viz.svg import INK, guide, new, px_ticks, styled

# legible on white and on black; marks tell apart who sees no colours
COLOURS = (
    *("#2f7fc1", "#d9751e", "#009e73", "#c45f99", "#8a6fd1"),
    *("#9c8500", "#56b4e9", "#b5534a", "#5b9a3c", "#8a8f98"),
)
MARKS = "osD^vP*X<>"
_LEAST = 0.05  # px: nobody labels so exactly
FEWEST, MOST = 3, 10  # numbers along an axis
_LETTERS = 26  # of a name on a line


class Arm(NamedTuple):
    """One network, trained on so many labels and tested on all folds."""

    name: str
    number: int  # of the network: its colour
    labels: float  # frames to train on, mean over folds
    errors: Float[np.ndarray, " M"]  # px of all tested keypoints; inf: not found
    mean: tuple[float, float, float]  # px, and the ends of its interval
    folds: Float[np.ndarray, " F"]  # mean error of each, px
    difference: tuple[float, float, float]  # of the mean to the first network, px; NaN for it
    minutes: Float[np.ndarray, " E"]  # of one core, at every evaluation
    val_px: Float[np.ndarray, " E"]  # mean error on validation then, over folds
    milliseconds: float  # a frame


@styled
def distribution(arms: Sequence[Arm]) -> Figure:
    """Quartiles and tails of errors, and the share of labels met to within a distance."""
    figure, (boxes, shares) = new(WIDTH, max(2.7, 0.46 * len(arms) + 0.9), columns=2)
    found = [np.sort(arm.errors[np.isfinite(arm.errors)]) for arm in arms]
    every = np.concatenate(found) if arms else np.zeros(0)
    if not len(every):
        empty(boxes, "no keypoint was found")
        empty(shares, "")
        return figure
    low = max(float(np.quantile(every, 0.01)), _LEAST)
    high = max(float(np.quantile(every, 0.999)), 8 * low)
    for row, (arm, values) in enumerate(zip(arms, found, strict=True)):
        _tails(boxes, arm, values, -row, low)
        shown = np.clip(values, low, high)
        tested = int(np.count_nonzero(~np.isnan(arm.errors)))
        share = np.arange(1, len(values) + 1) / max(tested, 1)
        shares.step(np.append(low, shown), np.append(0, share), where="post",
                    color=_colour(arm), linewidth=1.5)  # fmt: skip
    boxes.set_yticks(-np.arange(len(arms)), [_wrapped(arm.name) for arm in arms])
    boxes.set_ylim(-len(arms) + 0.4, 0.6)
    boxes.tick_params(axis="y", length=0)
    boxes.set_title("Errors on test blocks, px")
    shares.set_ylim(0, 1.01)
    shares.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    shares.set_title("Share of labels met within")
    for panel in (boxes, shares):
        _px(panel, "x", low, high)
        panel.set_xlabel("error, px")
    guide(boxes, "x")
    guide(shares, "both")
    return figure


@styled
def against_labels(arms: Sequence[Arm]) -> Figure:
    """Mean error on test blocks against the number of labels, with intervals."""
    figure, (panel,) = new(WIDTH, 3.3)
    many = _numbers(arms)
    for place, number in enumerate(many):
        own = sorted((a for a in arms if a.number == number), key=lambda a: a.labels)
        dodge = 1.018 ** (place - (len(many) - 1) / 2)  # so that intervals do not cover others
        x = np.array([arm.labels for arm in own]) * dodge
        _with_ends(panel, x, own, line=True)
    labels = sorted({arm.labels for arm in arms})
    if labels:
        panel.set_xscale("log")
        panel.set_xlim(labels[0] / 1.15, labels[-1] * 1.15)
        panel.xaxis.set_major_locator(FixedLocator(labels))
        panel.xaxis.set_major_formatter(FixedFormatter([f"{n:.0f}" for n in labels]))
        panel.xaxis.set_minor_locator(NullLocator())
    _errors(panel, arms)
    panel.set_xlabel("frames to learn from")
    panel.set_title("Mean error on test blocks, px")
    guide(panel)
    _names(figure, arms)
    return figure


@styled
def against_time(arms: Sequence[Arm]) -> Figure:
    """Mean error on validation against minutes of training, over folds."""
    figure, (panel,) = new(WIDTH, 3.1)
    known = [arm for arm in arms if len(arm.minutes)]
    for arm in known:
        panel.plot(arm.minutes, arm.val_px, color=_colour(arm), linewidth=1.4,
                   marker=_mark(arm), markersize=3)  # fmt: skip
    every = np.concatenate([arm.val_px for arm in known]) if known else np.zeros(0)
    every = every[np.isfinite(every)]
    if not len(every):
        empty(panel, "no evaluation")
        return figure
    _px(panel, "y", 0.85 * max(float(every.min()), _LEAST), 1.15 * float(every.max()))
    panel.set_xlim(0, 1.03 * max(float(arm.minutes.max()) for arm in known))
    panel.xaxis.set_major_locator(MaxNLocator(8))
    panel.set_xlabel("minutes of training")
    panel.set_title("Mean error on validation frames, px")
    guide(panel)
    _names(figure, known)
    return figure


@styled
def against_speed(arms: Sequence[Arm]) -> Figure:
    """Mean error on test blocks against the time of a frame: left and low is good."""
    figure, (panel,) = new(WIDTH, 3.1)
    known = [arm for arm in arms if np.isfinite(arm.milliseconds)]
    if not known:
        empty(panel, "no speed was measured")
        return figure
    for arm in known:
        _with_ends(panel, np.array([arm.milliseconds]), [arm], line=False)
    times = [arm.milliseconds for arm in known]
    _px(panel, "x", min(times) / 1.4, max(times) * 1.4)
    _errors(panel, known)
    panel.set_xlabel("milliseconds a frame, one at a time")
    panel.set_title("Mean error on test blocks, px")
    guide(panel, "both")
    _names(figure, known)
    return figure


@styled
def differences(arms: Sequence[Arm]) -> Figure:
    """How much more or less than the first each network errs, with intervals."""
    others = [arm for arm in arms if np.isfinite(arm.difference).all()]
    figure, (panel,) = new(WIDTH, max(1.5, 0.42 * len(others) + 0.9))
    if not others:
        empty(panel, "nothing to compare")
        return figure
    for row, arm in enumerate(others):
        value, low, high = arm.difference
        panel.hlines(-row, low, high, color=_colour(arm), linewidth=2)
        panel.plot(value, -row, _mark(arm), color=_colour(arm), markersize=6)
    panel.axvline(0, color=INK, linewidth=1.0, linestyle=(0, (2, 2)), zorder=1)
    panel.set_yticks(-np.arange(len(others)), [_wrapped(arm.name) for arm in others])
    panel.set_ylim(-len(others) + 0.4, 0.6)
    panel.tick_params(axis="y", length=0)
    panel.xaxis.set_major_locator(MaxNLocator(8))
    panel.xaxis.set_major_formatter(lambda value, _: f"{value:+g}" if value else "0")
    panel.set_xlabel("px less (left) or more (right)")
    panel.set_title("Mean error against that of the first network")
    guide(panel, "x")
    return figure


def _tails(
    panel: Axes, arm: Arm, values: Float[np.ndarray, " M"], row: float, low: float
) -> None:
    """The middle half as a bar, 5 to 95 % as a line, median and mean as marks."""
    colour = _colour(arm)
    if len(values):
        ends = np.maximum(np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95]), low)
        panel.hlines(row, ends[0], ends[4], color=colour, linewidth=1.2)
        panel.hlines(row, ends[1], ends[3], color=colour, linewidth=7, alpha=0.45)
        panel.plot(ends[2], row, "|", color=colour, markersize=13, markeredgewidth=2.2)
    if np.isfinite(arm.mean[0]):
        panel.plot(max(arm.mean[0], low), row, _mark(arm), color=colour,
                   markersize=5, markeredgecolor=INK, markeredgewidth=0.5)  # fmt: skip


def _with_ends(
    panel: Axes, x: Float[np.ndarray, " N"], arms: Sequence[Arm], *, line: bool
) -> None:
    """Means with their intervals, and every fold as a faint dot."""
    colour = _colour(arms[0])
    for at, arm in zip(x, arms, strict=True):
        if np.isfinite(arm.mean).all():
            panel.vlines(at, arm.mean[1], arm.mean[2], color=colour, linewidth=1.6)
        panel.scatter(np.full(len(arm.folds), at), arm.folds, 8, color=colour, alpha=0.35,
                      linewidths=0)  # fmt: skip
    mark = _mark(arms[0])
    style = f"{mark}-" if line else mark
    panel.plot(
        x, [arm.mean[0] for arm in arms], style, color=colour, markersize=6, linewidth=1.2
    )


def _px(panel: Axes, axis: Literal["x", "y"], low: float, high: float) -> None:
    """Make a logarithmic axis of a few plain numbers, however wide or narrow it is."""
    px_ticks(panel, axis, low, high)
    which = panel.xaxis if axis == "x" else panel.yaxis
    shown = len(which.get_majorticklocs())
    if shown < FEWEST:
        which.set_major_locator(MaxNLocator(5))
        which.set_major_formatter(lambda value, _: f"{value:g}")
    elif shown > MOST:
        decades = [10.0**e for e in range(-3, 5) if low <= 10.0**e <= high]
        which.set_major_locator(FixedLocator(decades))
        which.set_major_formatter(FixedFormatter([f"{value:g}" for value in decades]))


def _errors(panel: Axes, arms: Sequence[Arm]) -> None:
    """Make an axis of pixels that holds intervals and folds."""
    every = np.concatenate([np.append(arm.folds, arm.mean) for arm in arms])
    every = every[np.isfinite(every) & (every > 0)]
    if len(every):
        _px(panel, "y", float(every.min()) / 1.1, float(every.max()) * 1.1)


def _names(figure: Figure, arms: Sequence[Arm]) -> None:
    """Name colours and marks beside the panel."""
    first = {arm.number: arm for arm in reversed(arms)}
    handles = [
        Line2D([], [], color=_colour(arm), marker=_mark(arm), markersize=5,
               label=_wrapped(arm.name))
        for _, arm in sorted(first.items())
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside right center", frameon=False, fontsize=8,
                  labelspacing=0.9)  # fmt: skip


def _numbers(arms: Sequence[Arm]) -> list[int]:
    return sorted({arm.number for arm in arms})


def _colour(arm: Arm) -> str:
    return COLOURS[arm.number % len(COLOURS)]


def _mark(arm: Arm) -> str:
    return MARKS[arm.number % len(MARKS)]


def _wrapped(name: str) -> str:
    r"""Break a long name behind the network and behind commas.

    >>> _wrapped("resnet(layers=18,start=imagenet,head=x)")
    'resnet\n(layers=18,start=imagenet,\nhead=x)'
    """
    kind, opened, rest = name.partition("(")
    if not opened or len(name) <= _LETTERS:
        return name
    lines = ["("]
    for part in rest.split(","):
        piece = part if part.endswith(")") and part == rest.split(",")[-1] else f"{part},"
        if len(lines[-1]) + len(piece) > _LETTERS and len(lines[-1]) > 1:
            lines.append("")
        lines[-1] += piece
    return "\n".join([kind, *lines])

"""Pictures of how syllables were fitted: curves, the search for kappa, bouts, seeds."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gambol.viz.figures import WIDTH
from gambol.viz.shades import GREY, empty, seconds, thousands
from gambol.viz.svg import BLUE, INK, ORANGE, guide, new, styled

Trace = Float[np.ndarray, "I 6"]  # log evidence, log joint, median, used, kappa, phase
_JOINT, _MEDIAN, _USED, _KAPPA, _PHASE = 1, 2, 3, 4, 5
_BARS = 60  # syllables that are drawn
_MANY = 6  # fits up to which each has a name


@styled
def curves(traces: Mapping[str, Trace], fps: float, target_s: float, chosen: str) -> Figure:
    """Log joint, bouts and syllables in use, sweep by sweep; one line a fit.

    Args:
        traces: of the fits, by name.
        fps: frames a second.
        target_s: that bouts should last.
        chosen: the fit in use, drawn strongly.
    """
    figure, (joint, lasting, used) = new(WIDTH, 2.5, columns=3)
    for name, trace in traces.items():
        sweeps = np.arange(1, len(trace) + 1)
        mine = name == chosen
        style: dict[str, Any] = {
            "color": BLUE if mine else GREY,
            "linewidth": 1.6 if mine else 0.8,
        }
        style |= {"zorder": 3 if mine else 2, "alpha": 1.0 if mine else 0.7}
        late = trace[:, _PHASE] >= 2 if (trace[:, _PHASE] >= 2).any() else trace[:, _PHASE] >= 0
        joint.plot(sweeps[late], trace[late, _JOINT], **style)
        lasting.plot(sweeps, trace[:, _MEDIAN] / fps, **style)
        used.plot(sweeps, trace[:, _USED], **style)
    trace = traces[chosen]
    for start in np.flatnonzero(np.diff(trace[:, _PHASE])) + 1:
        for panel in (lasting, used):
            panel.axvline(float(start + 1), color=INK, alpha=0.3, linewidth=0.8)
    lasting.axhline(target_s, color=ORANGE, linewidth=1.0, linestyle=(0, (4, 3)))
    known = np.concatenate([own[:, _MEDIAN] for own in traces.values()]) / fps
    seconds(lasting, np.append(known, target_s), "y")
    joint.yaxis.set_major_formatter(thousands)
    joint.set_title("Log joint, nats")
    lasting.set_title("Median bout, s")
    used.set_title("Syllables in use")
    used.set_ylim(0, None)
    for panel in (joint, lasting, used):
        panel.set_xlabel("sweep")
        guide(panel)
    return figure


@styled
def search(
    tries: Sequence[tuple[str, Float[np.ndarray, " n"], Float[np.ndarray, " n"]]],
    target_s: float,
    close: float,
) -> Figure:
    """How long bouts last by kappa: what every try found, and what was wanted.

    Args:
        tries: title, log10 kappa and median in seconds of each search.
        target_s: that was wanted.
        close: relative distance that ends a search.
    """
    figure, panels = new(WIDTH, 2.4, columns=max(1, len(tries)))
    if not tries:
        empty(panels[0], "kappa was given, not searched for")
        return figure
    every = np.concatenate([found for _, _, found in tries])
    for panel, (title, log_kappa, found) in zip(panels, tries, strict=True):
        seconds(panel, np.append(every[np.isfinite(every)], target_s), "y")
        low, high = target_s * (1 - close), target_s * (1 + close)
        panel.axhspan(low, high, color=ORANGE, alpha=0.2, linewidth=0)
        panel.axhline(target_s, color=ORANGE, linewidth=1.0)
        order = np.argsort(log_kappa)
        panel.plot(log_kappa[order], found[order], "-", color=GREY, linewidth=0.8)
        panel.plot(log_kappa, found, "o", color=BLUE, markersize=4)
        for k, (x, y) in enumerate(zip(log_kappa, found, strict=True)):
            if np.isfinite(y):
                panel.annotate(str(k + 1), (x, y), (4, 3), textcoords="offset points",
                               fontsize=7.5)  # fmt: skip
        last = len(found) - 1
        if last >= 0 and np.isfinite(found[last]):
            panel.plot(log_kappa[last:], found[last:], "o", color=ORANGE, markersize=8,
                       markerfacecolor="none")  # fmt: skip
        panel.set_title(title)
        panel.set_xlabel("log10 kappa")
        guide(panel)
    panels[0].set_ylabel("median bout, s")
    return figure


@styled
def usage(
    share: Float[np.ndarray, " N"],
    each: Float[np.ndarray, "R N"],
    used: float,
    unstable: Bool[np.ndarray, " N"] | None = None,
) -> Figure:
    """Share of the frames of each syllable; recordings are dots.

    Args:
        share: of all recordings together.
        each: of every recording.
        used: share from which a syllable counts.
        unstable: syllables that other seeds do not find; drawn open.
    """
    figure, (panel,) = new(WIDTH, 2.5)
    count = max(1, min(_BARS, int((share > 0).sum())))
    order = np.argsort(-share, kind="stable")[:count]
    place = np.arange(count)
    shaky = np.zeros(len(share), bool) if unstable is None else unstable
    for x, k in zip(place, order, strict=True):
        face = "none" if shaky[k] else BLUE
        edge = ORANGE if shaky[k] else BLUE
        panel.bar(x, 100 * share[k], 0.75, alpha=0.8, facecolor=face, edgecolor=edge)
    if len(each) > 1:
        shift = np.random.default_rng(0).uniform(-0.2, 0.2, (len(each), count))
        panel.scatter((place + shift).ravel(), 100 * each[:, order].ravel(), 5, color=INK,
                      alpha=0.4, linewidths=0, zorder=3)  # fmt: skip
    panel.axhline(100 * used, color=GREY, linewidth=0.9, linestyle=(0, (4, 3)))
    step = max(1, -(-count // 30))
    panel.set_xticks(place[::step], [str(order[k]) for k in place[::step]], fontsize=8)
    panel.set_xlim(-0.7, count - 0.3)
    panel.set_xlabel("syllable")
    panel.set_title("Usage, % of the frames")
    guide(panel)
    return figure


@styled
def durations(bouts_s: Float[np.ndarray, " B"], target_s: float) -> Figure:
    """How long complete bouts last.

    Args:
        bouts_s: of each bout, s.
        target_s: of their median.
    """
    figure, (panel,) = new(WIDTH, 2.2)
    if not len(bouts_s):
        empty(panel, "no bout was seen whole")
        return figure
    middle = float(np.median(bouts_s))
    low, high = float(bouts_s.min()), float(max(bouts_s.max(), 1.01 * bouts_s.min()))
    panel.hist(bouts_s, np.geomspace(low, high, 50).tolist(), color=BLUE, alpha=0.75)
    seconds(panel, np.array([low, high, target_s]))
    for value, colour, name in ((middle, INK, "median"), (target_s, ORANGE, "target")):
        panel.axvline(value, color=colour, linewidth=1.2)
        down = -9 if name == "median" else -20
        panel.annotate(f"{name} {value:.2g} s", (value, 1.0), (3, down),
                       xycoords=panel.get_xaxis_transform(), textcoords="offset points",
                       color=colour, fontsize=8)  # fmt: skip
    panel.set_title(f"{len(bouts_s)} complete bouts, by duration")
    panel.set_xlabel("seconds")
    guide(panel)
    return figure


@styled
def change_points(
    lag_s: Float[np.ndarray, " K"],
    autocorrelation: Float[np.ndarray, " K"],
    target_s: float,
    time_s: Float[np.ndarray, " M"],
    onset: Float[np.ndarray, " M"],
    chance: Float[np.ndarray, " M"],
) -> Figure:
    """How long movements go on, and whether syllables begin where they change.

    Args:
        lag_s: of the autocorrelation.
        autocorrelation: of the change score.
        target_s: that bouts should last.
        time_s: from an onset.
        onset: mean change score around onsets; 1 is the mean of all frames.
        chance: around frames that are no onsets.
    """
    figure, (left, right) = new(WIDTH, 2.4, columns=2)
    left.plot(lag_s, autocorrelation, color=BLUE)
    left.axhline(0, color=INK, alpha=0.5, linewidth=0.8)
    left.axvline(target_s, color=ORANGE, linewidth=1.0, linestyle=(0, (4, 3)))
    left.annotate(f"target {target_s:g} s", (target_s, 0.9), (4, 0), color=ORANGE, fontsize=8,
                  xycoords=left.get_xaxis_transform(), textcoords="offset points")  # fmt: skip
    left.set_title("Autocorrelation of the change score")
    left.set_xlabel("seconds later")
    right.plot(time_s, onset, color=BLUE)
    right.plot(time_s, chance, color=GREY, linewidth=1.0)
    right.axvline(0, color=INK, alpha=0.4, linewidth=0.8)
    right.set_title("Change score around onsets")
    right.set_xlabel("seconds from the onset")
    right.set_ylim(0, None)
    for panel in (left, right):
        guide(panel)
    return figure


@styled
def seeds(
    names: Sequence[str],
    eml: Float[np.ndarray, " F"],
    agreement: Float[np.ndarray, " F"],
    best: int,
    overlap: Float[np.ndarray, " N"],
    share: Float[np.ndarray, " N"],
    stable: float,
) -> Figure:
    """Fits with different seeds beside each other, and which syllables of the best they share.

    Args:
        names: of the fits.
        eml: mean evidence of the others' latents, nats a frame.
        agreement: mean adjusted Rand index with the others.
        best: the fit in use.
        overlap: of each of its syllables, median over the other fits; NaN where not used.
        share: of the frames in each of its syllables.
        stable: overlap from which a syllable is called stable.
    """
    figure, (left, right) = new(WIDTH, 2.6, columns=2)
    other = np.arange(len(names)) != best
    left.plot(eml[other], agreement[other], "o", color=GREY, markersize=5)
    left.plot(eml[best : best + 1], agreement[best : best + 1], "o", color=ORANGE, markersize=7)
    for k, name in enumerate(names):
        if len(names) <= _MANY or k == best:
            left.annotate(name, (eml[k], agreement[k]), (5, 4), textcoords="offset points",
                          fontsize=7.5)  # fmt: skip
    left.set_ylim(0, 1)
    left.margins(x=0.15)
    left.set_xlabel("evidence of the others' latents, nats a frame")
    left.set_title("Agreement with the others (ARI)")
    known = np.isfinite(overlap)
    colours = np.where(overlap[known] >= stable, BLUE, ORANGE)
    right.scatter(100 * share[known], overlap[known], 16, c=colours.tolist(), alpha=0.85,
                  linewidths=0)  # fmt: skip
    right.axhline(stable, color=GREY, linewidth=0.9, linestyle=(0, (4, 3)))
    right.set_ylim(0, 1.02)
    right.set_xlabel("usage, % of the frames")
    right.set_title("Overlap with the others' best")
    for panel in (left, right):
        guide(panel, "both")
    return figure


@styled
def learning(
    minutes: Float[np.ndarray, " M"],
    score: Float[np.ndarray, " M"],
    gaussian: Float[np.ndarray, " M"],
    first_order: Float[np.ndarray, " M"],
    unit: str,
) -> Figure:
    """How a model that saw more data foretells what it did not see; baselines beside it.

    Args:
        minutes: of data in each fit.
        score: held-out, the more the better.
        gaussian: of the same data.
        first_order: one linear step.
        unit: of the scores.
    """
    figure, (panel,) = new(WIDTH, 2.4)
    rows = ((score, BLUE, "syllables"), (first_order, ORANGE, "one linear step"),
            (gaussian, GREY, "Gaussian"))  # fmt: skip
    for values, colour, name in rows:
        panel.plot(minutes, values, "o-", color=colour, markersize=4)
        panel.annotate(name, (minutes[-1], values[-1]), (6, -3), textcoords="offset points",
                       color=colour, fontsize=8)  # fmt: skip
    panel.margins(x=0.12)
    panel.set_xlim(0, 1.25 * float(minutes.max(initial=1e-3)))
    panel.set_xlabel("minutes of recordings in the fit")
    panel.set_title(f"Held-out score, {unit}")
    guide(panel)
    return figure


@styled
def noise(
    edges: Float[np.ndarray, " B1"],
    seen: Float[np.ndarray, "B Q"],
    foretold: Float[np.ndarray, "B Q"],
    levels: Sequence[float],
) -> Figure:
    """Errors of keypoints by confidence: quantiles seen, and as the calibrated noise foretells.

    Args:
        edges: of bins of confidence.
        seen: quantiles of errors, by bin.
        foretold: by the model.
        levels: of the quantiles.
    """
    figure, (panel,) = new(WIDTH, 2.5)
    panel.set_yscale("log")
    place = np.arange(len(seen))
    for q, level in enumerate(levels):
        width = 2.0 if abs(level - 1 / 2) < 1e-9 else 0.9
        panel.plot(place, foretold[:, q], "-", color=ORANGE, linewidth=width)
        panel.plot(place, seen[:, q], "o", color=BLUE, markersize=3 + width)
        _said(panel, float(place[-1]), float(foretold[-1, q]), f"{level:.0%}")
    names = [f"{a:.2g}–{b:.2g}" for a, b in zip(edges[:-1], edges[1:], strict=True)]
    panel.set_xticks(place, names)
    panel.set_xlabel("confidence")
    panel.set_title("Errors: quantiles seen (dots) and foretold (lines)")
    guide(panel)
    return figure


def _said(panel: Axes, x: float, y: float, text: str) -> None:
    if np.isfinite(y) and y > 0:
        panel.annotate(text, (x, y), (6, -3), textcoords="offset points", fontsize=8)

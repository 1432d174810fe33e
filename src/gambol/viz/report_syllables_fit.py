"""The page about a fit of syllables: has it settled, what are bouts like, do seeds agree?

Stages collect what is here and write the page, which needs nothing but itself.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from gambol.core.sequences import Sequences
from gambol.viz import figures_syllables_fit as figures
from gambol.viz.html import Markup, el, page, section, table
from gambol.viz.report_parts import drawn, head, number, origin, percent, remarks, time

SETTLED = 1.05  # R̂ above which seeds have not come to the same
CLOSE = 0.15  # relative distance of the median to the target that is worth a word
_USED = 0.005  # share from which a syllable counts
_ROWS = 40  # syllables in the table


class Seeds(NamedTuple):
    """Fits with different seeds beside each other."""

    names: Sequence[str]
    eml: Float[np.ndarray, " F"]  # nats a frame
    agreement: Float[np.ndarray, " F"]  # mean adjusted Rand index with the others
    best: int
    overlap: Float[np.ndarray, " N"]  # of the best's syllables, by label; NaN where not used
    unstable: Bool[np.ndarray, " N"]
    rhat: float  # of the log joint
    stable: float  # overlap from which a syllable is stable


class Changes(NamedTuple):
    """What poses say of the time scale."""

    lag_s: Float[np.ndarray, " K"]
    autocorrelation: Float[np.ndarray, " K"]
    half_s: float
    time_s: Float[np.ndarray, " M"]
    onset: Float[np.ndarray, " M"]
    chance: Float[np.ndarray, " M"]


class Learning(NamedTuple):
    """Held-out scores of fits to more and more data."""

    minutes: Float[np.ndarray, " M"]
    score: Float[np.ndarray, " M"]
    gaussian: Float[np.ndarray, " M"]
    first_order: Float[np.ndarray, " M"]
    unit: str


class Noise(NamedTuple):
    """Errors of keypoints by confidence."""

    edges: Float[np.ndarray, " B1"]
    seen: Float[np.ndarray, "B Q"]
    foretold: Float[np.ndarray, "B Q"]
    levels: Sequence[float]


class FitPage(NamedTuple):
    """A fit of syllables, or several of which one was chosen."""

    name: str
    traces: Mapping[str, Float[np.ndarray, "I 6"]]  # of the fits
    chosen: str
    tries: Sequence[tuple[str, Float[np.ndarray, " n"], Float[np.ndarray, " n"]]]
    close: float  # relative distance to the target at which a search ends
    target_s: float
    labels: Sequences  # most probable syllables of the recordings
    usage: Float[np.ndarray, " N"]
    by_recording: Float[np.ndarray, "R N"]
    frames: Int[np.ndarray, " B"]  # of complete bouts
    bouts: Int[np.ndarray, " N"]  # complete ones, by syllable
    median_s: Float[np.ndarray, " N"]  # of them
    changes: Changes
    seeds: Seeds | None = None
    learning: Learning | None = None
    noise: Noise | None = None
    remarks: Sequence[str] = ()
    settings: str = ""  # YAML
    provenance: Mapping[str, Any] = {}


def fit_page(made: FitPage) -> str:
    """Return the page."""
    parts = [
        _head(made),
        *remarks(warnings(made)),
        _settled(made),
        _bouts(made),
        _scale(made),
        *_seeds(made),
        *_learning(made),
        *_noise(made),
        *origin(made.settings, made.provenance),
    ]
    return page(f"{made.name}: syllables", *parts)


def warnings(made: FitPage) -> list[str]:
    """Return what a reader has to know before believing the fit, a sentence each."""
    told = []
    middle = _middle(made)
    if np.isfinite(middle) and abs(middle / made.target_s - 1) > CLOSE:
        told.append(
            f"Bouts last {time(middle)} (median), but {time(made.target_s)} was wanted: see "
            "the search for kappa, or sweep more."
        )
    if made.seeds is not None:
        if made.seeds.rhat > SETTLED:
            told.append(
                f"R̂ of the log joint over seeds is {made.seeds.rhat:.2f}, above {SETTLED}: "
                "fits lie in different modes, which is common; judge by agreement and overlap."
            )
        shaky = np.flatnonzero(made.seeds.unstable & (made.usage >= _USED))
        if len(shaky):
            names = ", ".join(map(str, shaky))
            told.append(f"Unstable, for other seeds do not find them: syllables {names}.")
    if len(made.labels.names) == 1:
        told.append("There is one recording, so nothing here says how animals differ.")
    return [*told, *made.remarks]


def _middle(made: FitPage) -> float:
    return float(np.median(made.frames) / made.labels.fps) if len(made.frames) else float("nan")


def _head(made: FitPage) -> Markup:
    seq, trace = made.labels, made.traces[made.chosen]
    numbers = [
        (
            str(int((made.usage >= _USED).sum())),
            f"syllables with {percent(_USED)} of the frames",
        ),
        (time(_middle(made)), f"median bout; target {time(made.target_s)}"),
        (f"1e{np.log10(trace[-1, 4]):.2f}" if len(trace) else "–", "kappa"),
        (number(float(trace[-1, 1])) if len(trace) else "–", "log joint, nats"),
    ]
    if made.seeds is not None:
        best = made.seeds.best
        numbers += [
            (f"{made.seeds.agreement[best]:.2f}", "agreement with other seeds (ARI)"),
            (f"{made.seeds.rhat:.2f}", "R̂ of the log joint over seeds"),
        ]
    minutes = len(seq.values) / seq.fps / 60
    many = "recording" if len(seq.names) == 1 else "recordings"
    words = (
        f"{len(seq.names)} {many}, {minutes:.1f} min at {seq.fps:g} frames/s; "
        f"{len(trace)} sweeps."
    )
    return head(f"Syllables: {made.name}", words, numbers)


def _settled(made: FitPage) -> Markup:
    return section(
        "Has the fit settled?",
        drawn(figures.curves(made.traces, made.labels.fps, made.target_s, made.chosen),
              "Look for curves that are flat at the end. Blue: the fit in use; grey: other "
              "seeds. Upright lines: where a search for kappa ends and a run begins; after the "
              "last of them kappa is frozen. Dashed: the target."),
        drawn(figures.search(made.tries, made.target_s, made.close),
              "What each try of kappa made of the bouts, numbered in order; the ring is the "
              "last, the band what counts as near enough. More kappa: longer bouts."),
    )  # fmt: skip


def _bouts(made: FitPage) -> Markup:
    order = np.argsort(-made.usage, kind="stable")
    shown = [int(k) for k in order if made.usage[k] >= _USED][:_ROWS]
    top = ["syllable", "usage", "bouts", "median"]
    seeds = made.seeds
    rows = [
        [str(k), percent(float(made.usage[k])), str(int(made.bouts[k])),
         time(float(made.median_s[k])),
         *([] if seeds is None else [number(float(seeds.overlap[k]), 2)])]
        for k in shown
    ]  # fmt: skip
    return section(
        "Syllables and their bouts",
        drawn(figures.usage(made.usage, made.by_recording, _USED,
                            None if seeds is None else seeds.unstable),
              "Share of the frames in each syllable, the most used first; dots are recordings. "
              "Open orange bars are syllables that other seeds do not find."),
        drawn(figures.durations(made.frames / made.labels.fps, made.target_s),
              "Bouts at the ends of recordings and beside gaps are left out, for their length "
              "was not seen."),
        table(top if seeds is None else [*top, "overlap"], rows),
    )  # fmt: skip


def _scale(made: FitPage) -> Markup:
    told = made.changes
    half = (
        f"The change score of the poses falls to half of its autocorrelation in "
        f"{time(told.half_s)}. " if np.isfinite(told.half_s) else ""
    )  # fmt: skip
    return section(
        "Does the target suit the animal?",
        el("p", half + "A target of 0.4 s was measured on rodents; for other species set "
           "target_duration_s by the time in which this curve comes to rest."),
        drawn(figures.change_points(told.lag_s, told.autocorrelation, made.target_s,
                                    told.time_s, told.onset, told.chance),
              "Left: how long movements go on, told from first latents that know no syllables. "
              "Right: syllables should begin where movement changes, so blue should peak above "
              "grey at 0."),
    )  # fmt: skip


def _seeds(made: FitPage) -> list[Markup]:
    if made.seeds is None:
        return []
    told = made.seeds
    rows = [
        [
            name,
            f"{told.eml[k]:.4f}",
            f"{told.agreement[k]:.3f}",
            "in use" if k == told.best else "",
        ]
        for k, name in enumerate(told.names)
    ]
    return [section(
        "Do seeds agree?",
        table(("fit", "evidence, nats a frame", "agreement (ARI)", ""), rows),
        drawn(figures.seeds(told.names, told.eml, told.agreement, told.best, told.overlap,
                            made.usage, told.stable),
              "Left: the fit in use is the one under which the latents of the others are most "
              "probable. Right: each of its syllables against the nearest syllable of each "
              "other fit (intersection over union, median); orange ones are unstable."),
    )]  # fmt: skip


def _learning(made: FitPage) -> list[Markup]:
    if made.learning is None:
        return []
    picture = figures.learning(*made.learning)
    return [section(
        "Was it enough data?",
        drawn(picture, "A blue curve that still rises asks for more recordings. It has to lie "
              "above the other two, or syllables foretell nothing that these do not."),
    )]  # fmt: skip


def _noise(made: FitPage) -> list[Markup]:
    if made.noise is None:
        return []
    return [section(
        "Is the noise right?",
        drawn(figures.noise(*made.noise), "Errors against labelled frames; dots should lie on "
              "their lines in every bin of confidence. The thick line is the median."),
    )]  # fmt: skip

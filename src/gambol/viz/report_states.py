"""The pages about one fit of the model of states, and about how long behaviour remembers.

Stages collect what is here and write the page, which needs nothing but itself.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Float, Int, UInt8

from gambol.core.sequences import Sequences
from gambol.viz import figures_content, figures_fit, figures_information, figures_states
from gambol.viz.figures_fit import Plateau
from gambol.viz.figures_information import Predicted
from gambol.viz.figures_states import RARE, Lasting
from gambol.viz.html import Markup, el, page, section, table
from gambol.viz.onsets import Course
from gambol.viz.report import swatch
from gambol.viz.report_parts import (
    drawn,
    folded,
    head,
    memory,
    number,
    origin,
    percent,
    remarks,
    time,
    warned,
)
from gambol.viz.shades import state_colours

ENOUGH = 0.8  # share of lags inside the band from which a model remembers as recordings do
SETTLED = 1.05  # R̂ above which seeds have not come to the same
_TOP = 3  # syllables that a row of the table names


class Usage(NamedTuple):
    """Share of the frames in each state."""

    pooled: Float[np.ndarray, " K"]
    interval: Float[np.ndarray, "2 K"]  # 95 % of resampled recordings; NaN with only one
    by_recording: Float[np.ndarray, "R K"]


class InformationPage(NamedTuple):
    """What the page about mutual information is made of."""

    curves: xr.Dataset  # of `behavior.information.lagged`
    name: str = "Mutual information"
    remarks: Sequence[str] = ()  # sentences that the reader has to know
    settings: str = ""  # YAML
    provenance: Mapping[str, Any] = {}


class StatesPage(NamedTuple):
    """A fitted model, and what it says of its recordings."""

    name: str
    states: Sequences  # most probable ones
    syllables: Sequences  # of the same recordings, in the same order
    trace: Float[np.ndarray, "I 4"]  # nats: W, b, π, syllables
    blocks: Float[np.ndarray, "I 5"]  # Newton steps, decrement, evaluations, moved, converged
    best: int  # sweep whose parameters are used
    kept: Sequence[int]  # sweeps that are kept for predictive checks
    plateau: Plateau
    converged: bool
    theta: Float[np.ndarray, "K S S"]  # p(syllable j | syllable i before, state k)
    trans: Float[np.ndarray, "K K"]  # p(state l | state k before)
    usage: Usage
    each: Sequence[Lasting]  # how long states 0, 1, … last
    pooled: Lasting  # how long bouts of all states last
    moves: Int[np.ndarray, "K K"]  # pairs of states of neighbouring frames
    history: UInt8[np.ndarray, "I H"]  # states of one stretch in every sweep
    history_of: str  # its recording
    history_from_s: float  # where it begins
    kappa: float  # trans_kappa
    base: Float[np.ndarray, "S S"] | None = None  # W; none if every state has its own table
    biases: Float[np.ndarray, "K S"] | None = None  # b
    limits: Sequence[str] = ()  # blocks that met a limit in the last sweep, such as "row 3"
    objective: Mapping[str, Float[np.ndarray, " _"]] = {}  # log posterior at each inner step
    courses: Sequence[Course] = ()  # around onsets of states
    predicted: Predicted | None = None
    note: str = ""  # why there is no predictive check
    information: xr.Dataset | None = None
    rhat: float = float("nan")  # split-R̂ over fits with other seeds
    names: Sequence[str] | None = None  # of the syllables
    remarks: Sequence[str] = ()  # sentences that the reader has to know
    settings: str = ""  # YAML
    provenance: Mapping[str, Any] = {}


def information_page(made: InformationPage) -> str:
    """Return the page about how long behaviour remembers."""
    curves, units = made.curves, str(made.curves.attrs.get("units", "nats"))
    start = int(np.abs(curves["lags_s"].values - 1).argmin())
    lag, left = float(curves["lags_s"][start]), float(curves["corrected"][start])
    numbers = [
        (
            time(float(curves["chance_lag_s"])),
            "from here on recordings tell no more than chance",
        ),
        (time(float(curves["markov_chance_lag_s"])), "the same of Markov chains"),
        (time(float(curves["half_life_s"])), "until half of the information is gone"),
        (f"{number(left)} {units}", f"told after {time(lag)}, bias taken off"),
    ]
    words = (
        f"{curves.sizes['recording']} recordings, {number(float(curves.attrs['frames']))} "
        f"frames, {curves.attrs['labels']} labels. What a label tells about the label some "
        "seconds later."
    )
    columns = ("real", "surrogate", "corrected", "lower", "upper", "markov_corrected",
               "markov_analytic")  # fmt: skip
    rows = [
        [time(float(curves["lags_s"][k])), *(_digits(float(curves[c][k])) for c in columns)]
        for k in range(curves.sizes["lag"])
    ]
    top = ("lag", "as counted", "bias", "without it", "95 % from", "to", "Markov", "exact")
    return page(
        made.name,
        head(made.name, words, numbers),
        *remarks([*warned(curves), *made.remarks]),
        memory(curves),
        section("The numbers", folded(f"All lags, {units}", table(top, rows))),
        *origin(made.settings, made.provenance),
    )


def states_page(made: StatesPage) -> str:
    """Return the page about one fit."""
    parts = [
        _head(made),
        *remarks(warnings(made)),
        *([memory(made.information)] if made.information is not None else []),
        _settled(made),
        _each(made),
        _when(made),
        _content(made),
        _follows(made),
        *_onsets(made),
        _checked(made),
        *origin(made.settings, made.provenance),
    ]
    return page(f"{made.name}: states", *parts)


def warnings(made: StatesPage) -> list[str]:
    """Return what a reader has to know before believing the fit, a sentence each."""
    told = []
    if not made.converged:
        where = f" ({', '.join(made.limits)})" if made.limits else ""
        told.append(
            f"An optimisation inside the last sweep met its limit{where}: the fit has not "
            "converged, so do not use it as it is."
        )
    if not made.plateau.reached:
        told.append(str(made.plateau))
    if made.rhat > SETTLED:
        told.append(f"R̂ over seeds is {made.rhat:.2f}, above {SETTLED}: seeds disagree.")
    share = made.usage.pooled
    unused, rare = np.flatnonzero(~(share > 0)), np.flatnonzero((share > 0) & (share < RARE))
    if len(unused):
        told.append(f"{_named(unused)} not used: the recordings ask for fewer states.")
    if len(rare):
        told.append(f"{_named(rare)} rare, with less than {percent(RARE)} of the frames each.")
    told += _lasting_warning(made)
    told += warned(made.information)
    if made.predicted is not None and made.predicted.inside < ENOUGH:
        told.append(
            f"Only {percent(made.predicted.inside)} of the lags of 1 to 60 s lie in the band "
            "of recordings that the model draws: it does not remember as the recordings do."
        )
    if len(made.states.names) == 1:
        told.append("There is one recording, so nothing here has an interval.")
    told.append(_pull(made))
    return [*told, *made.remarks]


def _pull(made: StatesPage) -> str:
    frames = len(made.states.values)
    return (
        f"κ is {number(made.kappa)}, {made.kappa / max(1, frames):.3g} of the "
        f"{number(frames)} frames, as pseudo-counts of staying in each state. It cannot be "
        "carried over to data of another size."
    )


def _lasting_warning(made: StatesPage) -> list[str]:
    """Compare how long states last with how long recordings remember."""
    if made.information is None or not made.pooled.bouts:
        return []
    low = float(made.information["markov_chance_lag_s"])
    high = float(made.information["chance_lag_s"])
    middle = float(made.pooled.quartiles[1])
    if not np.isfinite(low) or low <= middle <= (high if np.isfinite(high) else np.inf):
        return []
    if high <= low:
        return ["The recordings remember no longer than Markov chains do, so the states may be "
                "no more than groups of syllables."]  # fmt: skip
    span = f"{time(low)} and {time(high)}" if np.isfinite(high) else f"{time(low)} and more"
    return [
        f"States last {time(middle)} (median), but should last between {span}, when recordings "
        "still remember and chains do not: try another κ."
    ]


def _head(made: StatesPage) -> Markup:
    share, seq = made.usage.pooled, made.states
    used = int((np.nan_to_num(share) >= RARE).sum())
    total = made.trace.sum(axis=1)
    numbers = [
        (f"{used} of {len(share)}", f"states with {percent(RARE)} of the frames or more"),
        (time(float(made.pooled.quartiles[1])), "median duration of a state"),
        (number(float(total.max())) if len(total) else "–",
         f"log probability, nats, of sweep {made.best}, which is in use"),
        (f"{made.kappa / max(1, len(seq.values)):.3g}", "κ over the number of frames"),
    ]  # fmt: skip
    if made.predicted is not None:
        numbers.append(
            (
                percent(made.predicted.inside),
                "of lags of 1 to 60 s at which draws of the model remember as much",
            )
        )
    if np.isfinite(made.rhat):
        numbers.append((f"{made.rhat:.2f}", "R̂ over seeds"))
    hours = len(seq.values) / seq.fps / 3600
    length = f"{hours:.1f} h" if hours >= 1 else f"{60 * hours:.1f} min"
    many = "recording" if len(seq.names) == 1 else "recordings"
    words = (
        f"{len(seq.names)} {many}, {length} at {seq.fps:g} frames/s, {made.syllables.size} "
        f"syllables; {len(made.trace)} sweeps."
    )
    return head(f"States: {made.name}", words, numbers)


def _settled(made: StatesPage) -> Markup:
    total = made.trace.sum(axis=1)
    parts = [el("p", str(made.plateau))]
    if len(total):
        picture = figures_fit.convergence(total, made.best, list(made.kept), made.plateau)
        parts.append(drawn(
            picture,
            "A fit has settled when the curve on the right goes neither up nor down. Ringed: "
            "the sweep in use. Dots: sweeps kept for the predictive check. Dashed: the line "
            "through the last sweeps."))  # fmt: skip
        parts.append(drawn(
            figures_fit.terms(made.trace),
            "What the log probability is the sum of; a term that still wanders says where the "
            "fit has not settled."))  # fmt: skip
    if made.history.size:
        picture = figures_fit.history(
            made.history, made.states.fps, len(made.trans), made.history_from_s
        )
        parts.append(drawn(
            picture,
            f"States of {made.history_of} from {made.history_from_s:g} s on in every sweep, in "
            "the colours used below. Stripes that go straight down are sure; ragged edges are "
            "not; a block that changes colour half way is a state that was redefined."
        ))  # fmt: skip
    inner = []
    if any(len(values) for values in made.objective.values()):
        inner.append(drawn(
            figures_fit.objective(made.objective),
            "Log posterior at each step of the optimisations in the last sweep. Each has to "
            "end flat, as the lower row shows."))  # fmt: skip
    if len(made.blocks) and made.base is not None:
        inner.append(drawn(
            figures_fit.steps(made.blocks),
            "Newton steps (most of any block), what they left to gain (should be below 1e-10), "
            "density evaluations, and the share of blocks that moved. Orange triangles mark "
            "sweeps in which a block met its limit: there should be none."))  # fmt: skip
    if inner:
        parts.append(folded("Inside the sweeps: the optimiser", *inner))
    return section("Has the fit settled?", *parts)


def _each(made: StatesPage) -> Markup:
    colours = state_colours(len(made.usage.pooled))
    rows = []
    for k, (share, lasting) in enumerate(zip(made.usage.pooled, made.each, strict=True)):
        low, high = made.usage.interval[:, k]
        span = f"{percent(low)} to {percent(high)}" if np.isfinite(low) else "–"
        up, down = _ends(made, k)
        rows.append([
            swatch(colours[k], str(k)), percent(float(share)), span,
            *(time(float(q)) for q in lasting.quartiles[[1, 0, 2]]),
            str(lasting.bouts), str(lasting.censored), up, down,
        ])  # fmt: skip
    top = ("state", "usage", "95 % interval", "median", "25 %", "75 %", "bouts", "cut off",
           "raises", "lowers")  # fmt: skip
    return section(
        "Each state",
        table(top, rows),
        drawn(figures_states.usage(*made.usage), "Share of the frames in each state; hatched "
              f"are states below {percent(RARE)}. Dots are recordings, lines 95 % intervals "
              "over them. A state that only one recording uses is about that recording."),
        drawn(figures_states.durations(made.each, made.pooled), "Left: share of bouts that "
              "last longer (Kaplan–Meier); the thick line is all states together. Right: "
              "median and middle half, with the number of bouts. Bouts whose beginning was not "
              "seen are left out; those cut off count for as long as they were seen."),
    )  # fmt: skip


def _when(made: StatesPage) -> Markup:
    frames = np.diff(made.states.offsets)
    r = int(frames.argmax())
    begin = max(0.0, frames[r] / made.states.fps / 2 - 60)
    return section(
        "When states come",
        drawn(figures_states.rasters(made.states), "States of the recordings; where a dot "
              "stands for several frames it has the most frequent state, and gaps are empty. "
              "Look for recordings unlike the others, and for changes from start to end."),
        drawn(figures_states.near(made.states, made.syllables, r, begin), "Two minutes of the "
              "longest recording. Syllables should change together where the state does; a "
              "state of one single syllable is that syllable again."),
    )  # fmt: skip


def _content(made: StatesPage) -> Markup:
    parts = []
    if made.biases is not None:
        picture = figures_content.biases(made.biases, made.usage.pooled, made.names)
        parts.append(drawn(
            picture,
            "What each state adds to the common table: syllables from the most lowered (blue) "
            "to the most raised (orange), in logits; +1 makes a syllable nearly three times as "
            "likely as before. States with like ends are perhaps one."))  # fmt: skip
    picture = figures_content.differences(made.theta, made.usage.pooled)
    parts.append(drawn(
        picture,
        "Transitions between syllables (from row to column) in each state, less their mean "
        "over states: orange ones come more often, blue ones less. Columns of one colour are "
        "syllables that the state raises or lowers whatever came before."))  # fmt: skip
    if made.base is not None:
        parts.append(folded("The common table", drawn(
            figures_content.base(made.base, made.names),
            "W, which all states share. The diagonal, staying in a syllable, is beyond the "
            "scale on purpose.")))  # fmt: skip
    return section("What states are made of", *parts)


def _follows(made: StatesPage) -> Markup:
    used = np.nan_to_num(made.usage.pooled) > 0
    return section(
        "Which state follows which",
        drawn(figures_content.transitions(made.trans, made.states.fps, used), "How often a "
              "state (row) passes to another (column) for every minute it lasts, as the model "
              "has it; on the diagonal, the mean time it stays. In brackets: states without a "
              "frame, which are the prior's alone."),
        drawn(figures_content.graph(figures_content.without_self(made.moves),
                                    made.usage.pooled),
              "States as large as they are used; arrows as thick as the share of the moves "
              "from a state, as seen in the recordings. A state to which most arrows lead is a "
              "hub; two with strong arrows to each other alternate."),
    )  # fmt: skip


def _onsets(made: StatesPage) -> list[Markup]:
    shown = [course for course in made.courses if course.onsets]
    if not shown:
        return []
    caption = (
        "What changes when a state begins: means over recordings with one standard error. A "
        "step at 0 is the rule; a rise before it means that the state is noticed late."
    )
    picture = figures_states.course(shown)
    return [section("Around the onsets of states", drawn(picture, caption))]


def _checked(made: StatesPage) -> Markup:
    title = "Does the model remember as long?"
    if made.predicted is None:
        return section(title, el("p", made.note or "No predictive check was made."))
    return section(
        title,
        drawn(figures_information.predictive(made.predicted), "Above: the blue curve of the "
              "recordings should lie in the grey band of recordings that the model draws, and "
              "above the orange Markov chains where states matter. Below: usage of syllables "
              "and durations of states against the same draws."),
    )  # fmt: skip


def _ends(made: StatesPage, k: int) -> tuple[str, str]:
    """Names of the syllables that a state raises and lowers most; dashes if nothing tells."""
    if made.biases is None or len(made.biases) < 2 or not made.usage.pooled[k] > 0:
        return "–", "–"
    order = np.argsort(made.biases[k], kind="stable")
    count = min(_TOP, len(order) // 2)
    names = [str(j) if made.names is None else made.names[j] for j in order]
    return ", ".join(names[::-1][:count]), ", ".join(names[:count])


def _named(states: Int[np.ndarray, " N"]) -> str:
    said = [str(k) for k in states]
    if len(said) == 1:
        return f"State {said[0]} is"
    return f"States {', '.join(said[:-1])} and {said[-1]} are"


def _digits(value: float) -> str:
    return f"{value:.4f}" if np.isfinite(value) else "–"

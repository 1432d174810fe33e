"""The pages about many fits, and about two ways of labelling the same frames."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from gambol.viz import figures_match, figures_scan
from gambol.viz.figures_scan import Fits
from gambol.viz.html import Markup, el, page, section, table
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

AGREE = 0.6  # median adjusted Rand index below which seeds tell different stories
SETTLED = 1.05  # R̂ above which seeds have not come to the same
_NAMES = {
    "adjusted_rand": "adjusted Rand index; 1 is equal, 0 is chance",
    "mutual": "normalised mutual information; 1 is equal",
    "variation": "variation of information, nats; 0 is equal",
    "accuracy": "of the frames have the matched label",
}


class Match(NamedTuple):
    """Two sets of labels of the same frames."""

    names: tuple[str, str]  # of the sets
    counts: Int[np.ndarray, "K L"]  # frames by their label in both
    partner: Int[np.ndarray, " K"]  # label there of each label here; -1 for none
    confusion: Float[np.ndarray, "K L"]  # rows sum to 1; NaN where a label is not used
    order: Int[np.ndarray, " L"]  # labels there, partners first
    agreement: Mapping[str, float]  # adjusted_rand, mutual, variation, accuracy


class ScanPage(NamedTuple):
    """Many fits, and what the rules say about them."""

    name: str
    fits: Fits
    frames: int  # ΣT
    kappa: float  # chosen
    n_states: int  # chosen
    run: int  # chosen fit: its row in `fits`
    reasons: Sequence[str]  # of the choices
    low_s: float  # lag from which Markov chains are at chance
    high_s: float  # lag from which recordings are
    alike: Mapping[int, Float[np.ndarray, "M M"]]  # adjusted Rand, by number of states, at κ
    among: Sequence[int] = ()  # rows of the fits with the chosen settings, as in `alike`
    usages: Mapping[int, Sequence[Float[np.ndarray, " K"]]] = {}  # by number of states, at κ
    chains: Mapping[str, Float[np.ndarray, " I"]] = {}  # log probability, by seed, if chosen
    rhat: float = float("nan")  # of those
    matches: Sequence[Match] = ()  # the chosen fit against others
    information: xr.Dataset | None = None
    failed: Mapping[str, str] = {}  # folder of a fit: what was said
    remarks: Sequence[str] = ()
    settings: str = ""  # YAML
    provenance: Mapping[str, Any] = {}


class MatchPage(NamedTuple):
    """What the page about two sets of labels is made of."""

    match: Match
    name: str = "Two sets of labels"
    remarks: Sequence[str] = ()
    settings: str = ""
    provenance: Mapping[str, Any] = {}


def scan_page(made: ScanPage) -> str:
    """Return the page about many fits."""
    parts = [
        _head(made),
        *remarks(warnings(made)),
        section("What to use", el("ul", *(el("li", reason) for reason in made.reasons))),
        *([memory(made.information)] if made.information is not None else []),
        _stickiness(made),
        _numbers(made),
        _seeds(made),
        *(matched(match) for match in made.matches),
        _table(made),
        *origin(made.settings, made.provenance),
    ]
    return page(f"{made.name}: scan of states", *parts)


def match_page(made: MatchPage) -> str:
    """Return the page about two sets of labels."""
    found = made.match.agreement
    cells = [
        (percent(found[key]) if key == "accuracy" else number(found[key]), said)
        for key, said in _NAMES.items()
        if key in found
    ]
    words = f"{number(float(made.match.counts.sum()))} frames with a label in both."
    return page(
        made.name,
        head(made.name, words, cells),
        *remarks(made.remarks),
        matched(made.match),
        *origin(made.settings, made.provenance),
    )


def matched(match: Match) -> Markup:
    """Return the section about two sets of labels."""
    here, there = match.names
    rows = [
        [said, percent(match.agreement[key]) if key == "accuracy"
         else number(match.agreement[key])]
        for key, said in _NAMES.items() if key in match.agreement
    ]  # fmt: skip
    return section(
        f"{here} against {there}",
        table(("measure", "value"), rows) if rows else "",
        drawn(figures_match.confusion(match.confusion, match.partner, match.order, match.names),
              "Share of the frames of each label here (row) that have each label there; rows "
              "sum to 100 %. Orange frames: matched one to one so that most frames agree. A "
              "row with two strong cells is a label that was split there."),
        drawn(figures_match.sankey(match.counts, match.order, match.names), "The same with "
              "usage: each band is as thick as its share of all frames. Bands that cross to a "
              "bar already full are labels that were joined."),
    )  # fmt: skip


def warnings(made: ScanPage) -> list[str]:
    """Return what a reader has to know before using what the rules chose."""
    told = [f"The fit in {folder} failed: {why}" for folder, why in made.failed.items()]
    fits = made.fits
    lost = int((~fits.converged.astype(bool)).sum())
    if lost:
        told.append(f"{lost} of {len(fits.converged)} fits did not converge.")
    moving = int((~fits.plateau.astype(bool)).sum())
    if moving:
        told.append(f"In {moving} of {len(fits.plateau)} fits the log probability still moves.")
    if len(fits.trans_kappa) and made.kappa in (fits.trans_kappa.min(), fits.trans_kappa.max()):
        told.append("The chosen κ is at an end of what was tried: try values beyond it.")
    agree = _agreement(made)
    if np.isfinite(agree) and agree < AGREE:
        told.append(
            f"Seeds agree little (median adjusted Rand index {agree:.2f}): what a state is "
            "depends on the seed."
        )
    if made.rhat > SETTLED:
        told.append(f"R̂ over seeds is {made.rhat:.2f}, above {SETTLED}: seeds have not come to "
                    "the same.")  # fmt: skip
    told += warned(made.information)
    told.append(
        f"κ is {number(made.kappa)}, {made.kappa / max(1, made.frames):.3g} of the "
        f"{number(made.frames)} frames; it cannot be carried over to data of another size."
    )
    return [*told, *made.remarks]


def _agreement(made: ScanPage) -> float:
    """Median adjusted Rand index of seeds with the chosen settings."""
    table_ = made.alike.get(made.n_states)
    if table_ is None or len(table_) < 2:
        return float("nan")
    return float(np.median(table_[np.triu_indices(len(table_), 1)]))


def _head(made: ScanPage) -> Markup:
    fits, one = made.fits, made.run
    numbers = [
        (number(made.kappa), f"κ, {made.kappa / max(1, made.frames):.3g} of the frames"),
        (str(made.n_states), "states"),
    ]
    if 0 <= one < len(fits.median_s):
        numbers += [
            (time(float(fits.median_s[one])), "median duration in the chosen fit"),
            (number(float(fits.log_probability[one])), "its log probability, nats"),
            (str(int(fits.random_state[one])), "its seed"),
        ]
    if np.isfinite(made.rhat):
        numbers.append((f"{made.rhat:.2f}", "R̂ over seeds"))
    words = f"{len(fits.trans_kappa)} fits to {number(made.frames)} frames."
    return head(f"Scan of states: {made.name}", words, numbers)


def _stickiness(made: ScanPage) -> Markup:
    picture = figures_scan.stickiness(made.fits, made.low_s, made.high_s, made.kappa)
    return section("How sticky", drawn(
        picture,
        "Dots are fits, lines medians over seeds, bars the middle half; the dashed line is the "
        "κ that was chosen. Take a κ near the peak on the left whose states last as long as "
        "the shade: there chains have forgotten and recordings still remember. A held-out "
        "score that falls where the left curve rises speaks against it."))  # fmt: skip


def _numbers(made: ScanPage) -> Markup:
    return section(
        "How many states",
        drawn(figures_scan.numbers_of_states(made.fits, made.alike, made.n_states),
              "Left: how alike fits with other seeds are; take the number where they agree "
              "best. Log probability (middle) rises with every state and is no guide. Right: "
              "states in use; below the dashed line some stay empty."),
        drawn(figures_scan.rank_usage(made.usages), "Usage by rank; the dashed line is "
              f"{percent(figures_scan.USED)}. A curve that drops far below it has states that "
              "the recordings do not need."),
    )  # fmt: skip


def _seeds(made: ScanPage) -> Markup:
    parts = []
    if made.chains:
        parts.append(drawn(figures_scan.chains(made.chains), "Fits that only differ in their "
                           "seed should come to the same height and stay there."))  # fmt: skip
    alike = made.alike.get(made.n_states)
    if alike is not None and len(alike):
        names = [str(int(made.fits.random_state[m])) for m in made.among]
        names = names if len(names) == len(alike) else [str(m) for m in range(len(alike))]
        chosen = list(made.among).index(made.run) if made.run in list(made.among) else None
        parts.append(drawn(figures_scan.agreement(alike, names, chosen), "Adjusted Rand index "
                           "of every two seeds: 1 is the same, 0 is chance. A fit unlike all "
                           "others is not the one to use."))  # fmt: skip
    return section("Do seeds agree?", *(parts or [el("p", "There is one seed only.")]))


def _table(made: ScanPage) -> Markup:
    fits = made.fits
    order = np.lexsort((fits.random_state, fits.n_states, fits.trans_kappa))
    rows = []
    for m in order:
        rows.append([
            f"{number(float(fits.trans_kappa[m]))}{' (chosen)' if m == made.run else ''}",
            str(int(fits.n_states[m])), str(int(fits.random_state[m])),
            number(float(fits.log_probability[m])), number(float(fits.held_out[m]), 5),
            time(float(fits.median_s[m])), str(int(fits.states_used[m])),
            "yes" if fits.converged[m] else "no", "yes" if fits.plateau[m] else "no",
            number(float(fits.seconds[m])),
        ])  # fmt: skip
    top = ("κ", "states", "seed", "log probability", "held out", "median", "used",
           "converged", "settled", "seconds")  # fmt: skip
    return section("All fits", folded(f"The table of {len(rows)} fits", table(top, rows)))

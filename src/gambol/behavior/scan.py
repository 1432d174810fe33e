"""Which stickiness, how many states, which run: the table of many fits, and what it says.

Nothing is chosen silently: every rule gives its answer, its reason and the numbers behind it.
"""

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from gambol.behavior import compare, diagnose, sequences
from gambol.behavior.state_settings import StateSettings
from gambol.behavior.states import StateModel
from gambol.core.errors import InputError
from gambol.core.sequences import Sequences, pack, select
from gambol.kernels import streams

COLUMNS = (
    "trans_kappa", "n_states", "random_state", "log_probability", "held_out", "median_s",
    "states_used", "converged", "plateau", "seconds",
)  # fmt: skip


class Choice(NamedTuple):
    """One answer: a value, and one sentence that says why."""

    value: Any
    why: str


class Halves(NamedTuple):
    """Recordings to fit and recordings to score; the second may be none."""

    fit: Sequences
    held_out: Sequences | None


def grid(
    base: StateSettings,
    trans_kappa: Iterable[float],
    n_states: Iterable[int],
    random_state: Iterable[int],
) -> list[StateSettings]:
    """Return the settings of every fit of a scan."""
    made = [
        StateSettings.from_values(
            {**base.model_dump(), "trans_kappa": float(kappa), "n_states": int(k),
             "random_state": int(seed)},
            "scan",
        )
        for kappa, k, seed in product(trans_kappa, n_states, random_state)
    ]  # fmt: skip
    if not made:
        raise InputError("the scan has no fits; give trans_kappa, n_states and random_state")
    return made


def halves(whole: Sequences, share: float, seed: int = 0) -> Halves:
    """Hold out a share of the recordings, drawn by their names; none of fewer than 5."""
    count = round(share * len(whole.names))
    if count == 0 or len(whole.names) < 5:
        return Halves(whole, None)
    order = sorted(whole.names, key=lambda name: streams.key(seed, "held out", name))
    out = set(order[:count])
    fit = [name for name in whole.names if name not in out]
    return Halves(select(whole, fit), select(whole, [n for n in whole.names if n in out]))


def row(model: StateModel, data: Halves, seconds: float, threads: int = 1) -> dict[str, Any]:
    """Return the line of the table that tells of one fit."""
    settings, states = model.settings, states_of(model, data.fit)
    used = diagnose.shares(states.values[states.valid].astype(np.int64), states.size)
    held = None if data.held_out is None else model.score(data.held_out, threads)
    return {
        "trans_kappa": settings.trans_kappa,
        "n_states": settings.n_states,
        "random_state": settings.random_state,
        "log_probability": float(model.log_probability_.max()),
        "held_out": np.nan if held is None else float(held.attrs["mean_per_frame"]),
        "median_s": sequences.median(sequences.durations(states)),
        "states_used": diagnose.effective_states(used),
        "converged": model.converged_,
        "plateau": diagnose.plateau(model.log_probability_).reached,
        "seconds": seconds,
    }


def states_of(model: StateModel, like: Sequences) -> Sequences:
    """Return the states of a model's last sweep as labels; missing where syllables are."""
    held = [model.sample_[name].values.astype(np.int64) for name in like.names]
    labels = pack(held, like.names, like.fps, model.settings.n_states)
    return labels._replace(valid=like.valid)


def scan(
    model: StateModel,
    recordings: Sequences,
    *,
    trans_kappa: Iterable[float],
    n_states: Iterable[int],
    random_state: Iterable[int],
    iterations: int | None = None,
    held_out: float = 0.0,
    threads: int = 1,
) -> tuple[pd.DataFrame, list[StateModel]]:
    """Fit a model with every combination of settings.

    For what takes longer than a coffee, `gambol scan-states` does the same in many processes
    and goes on after it was stopped.

    Returns:
        A table with a line a fit, and the fits.
    """
    data = halves(recordings, held_out)
    fits, rows = [], []
    for settings in grid(model.settings, trans_kappa, n_states, random_state):
        fitted = StateModel(**settings.model_dump()).fit(data.fit, iterations, threads=threads)
        fits.append(fitted)
        rows.append(row(fitted, data, float("nan"), threads))
    return pd.DataFrame(rows, columns=list(COLUMNS)), fits


def choose_kappa(table: pd.DataFrame, low_s: float, high_s: float) -> Choice:
    """Choose the stickiness.

    The peak of the median log probability over seeds, if states last between the times at
    which Markov chains and real recordings forget; else the nearest value where they do.

    Args:
        table: of a scan.
        low_s: chance lag of the Markov chains.
        high_s: chance lag of the recordings.
    """
    middle = table.groupby("trans_kappa")[["log_probability", "median_s"]].median()
    peak = float(middle.index[int(middle["log_probability"].to_numpy().argmax())])
    lasts = float(middle["median_s"][peak])
    said = f"log probability peaks at trans_kappa {peak:g}, where "
    said += f"states last {lasts:.3g} s" if np.isfinite(lasts) else "no state was seen to end"
    said += _second_opinion(table)
    if not np.isfinite(low_s) or not np.isfinite(high_s) or low_s > high_s:
        return Choice(peak, f"{said}; no range of times to judge that by")
    span = f"{low_s:.3g} to {high_s:.3g} s, in which recordings remember and chains do not"
    if low_s <= lasts <= high_s:
        return Choice(peak, f"{said}, within {span}")
    within = middle.index[(middle["median_s"] >= low_s) & (middle["median_s"] <= high_s)]
    if not len(within):
        return Choice(peak, f"{said}, outside {span}; no other value lies inside")
    at = int(np.abs(np.log(within.to_numpy() / peak)).argmin())
    near = float(within.to_list()[at])
    return Choice(
        near,
        f"{said}, outside {span}; the nearest value inside is {near:g}, where they last "
        f"{middle['median_s'][near]:.3g} s",
    )


def choose_states(alike: dict[int, Float[np.ndarray, "M M"]]) -> Choice:
    """Choose the number of states: where fits with other seeds agree best.

    Not by log probability, which rises with every state.

    Args:
        alike: adjusted Rand index of every two fits, by number of states.
    """
    middle = {
        k: float(np.median(table[np.triu_indices(len(table), 1)]))
        for k, table in alike.items()
        if len(table) > 1
    }
    if len(middle) > 1:
        middle.pop(1, None)  # one state agrees with itself whatever the recordings are
    if not middle:
        return Choice(None, "one seed tells nothing of agreement; scan with several seeds")
    best = max(middle, key=lambda k: (middle[k], -k))
    told = ", ".join(f"{k}: {value:.2f}" for k, value in sorted(middle.items()))
    return Choice(best, f"fits agree best with {best} states (median adjusted Rand, {told})")


def choose_run(table: pd.DataFrame, alike: Float[np.ndarray, "M M"] | None = None) -> Choice:
    """Choose one fit among those of a table: the most probable that converged.

    Args:
        table: lines of the scan to choose from.
        alike: adjusted Rand index of every two of them; names the medoid beside it.
    """
    settled = table[table["converged"].astype(bool)]
    among = settled if len(settled) else table
    best = among.index.tolist()[int(among["log_probability"].to_numpy().argmax())]
    said = "the most probable fit" + (" that converged" if len(settled) else "; none converged")
    if alike is None or len(alike) < 2:
        return Choice(best, said)
    middle = table.index.tolist()[compare.medoid(alike)]
    other = "also" if middle == best else f"seed {table['random_state'][middle]}"
    return Choice(best, f"{said}; the one that agrees best with all is {other}")


def _second_opinion(table: pd.DataFrame) -> str:
    """Say where the held-out score peaks, if there is one."""
    scores = table.groupby("trans_kappa")["held_out"].median().dropna()
    if not len(scores):
        return ""
    best = float(scores.index[int(scores.to_numpy().argmax())])
    return f" (the held-out score peaks at {best:g})"


def agreement_by_states(
    table: pd.DataFrame, labels: Sequence[Sequences], kappa: float
) -> dict[int, Float[np.ndarray, "M M"]]:
    """Return the adjusted Rand index of every two fits of one stickiness, by states."""
    out = {}
    own = table[np.isclose(table["trans_kappa"], kappa)]
    for k in sorted(set(own["n_states"])):
        rows = own.index[own["n_states"] == k]
        out[int(k)] = compare.pairwise([labels[i] for i in rows])
    return out

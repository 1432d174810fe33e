"""Whether recordings drawn from a fitted model remember as long as the real ones.

A model that explains the data foretells what it was not fitted to: the lagged mutual
information of its own recordings, how long its states last, how often syllables are used.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from gambol.behavior import information, sequences
from gambol.behavior.states import StateModel
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.core.sequences import Sequences, lengths, pack, recording
from gambol.kernels.bootstrap import percentile_interval

FEWEST = 10  # draws that a band of 95 % needs
JUDGED = 1.0, 60.0  # s; lags of these count


class Check(NamedTuple):
    """Real recordings beside D draws of equal length and gaps."""

    lag_s: Float[np.ndarray, " L"]
    real: Float[np.ndarray, " L"]  # corrected information, nats
    drawn: Float[np.ndarray, "D L"]
    band: Float[np.ndarray, "2 L"]  # 95 % of the draws
    inside: float  # share of lags of 1 to 60 s at which the real curve is in the band
    median_s: Float[np.ndarray, " D"]  # duration of states, in the draws
    usage: Float[np.ndarray, " S"]  # of syllables, by frame
    usage_band: Float[np.ndarray, "2 S"]


def check(
    model: StateModel,
    real: Sequences,
    seconds: Iterable[float] = information.SECONDS,
    *,
    surrogates: int = 8,
    random_state: int = 0,
    threads: int = 1,
    progress: Progress = silent,
) -> Check:
    """Draw recordings from every kept sweep and measure them as the real ones.

    Args:
        model: fitted, with at least 10 kept sweeps.
        real: recordings, those that the model was fitted to or others.
        seconds: lags.
        surrogates: pairings behind the correction of every curve.
        random_state: seed of draws and surrogates.
        threads: that work side by side.
        progress: told of every draw.
    """
    if len(model.kept_) < FEWEST:
        raise InputError(
            f"the fit kept {len(model.kept_)} sweeps and a predictive check takes {FEWEST}; "
            "fit with more iterations or a smaller keep_every"
        )
    lags = information.lags_of(real, seconds)
    curves, medians, usages = [], [], []
    for done, kept in enumerate(model.kept_, start=1):
        seq, states = _draw(model, real, kept.sweep, random_state)
        curve = information.curve(
            seq, lags, surrogates, random_state, bootstrap=0, threads=threads
        )
        curves.append(curve.corrected)
        medians.append(sequences.median(sequences.durations(states)))
        usages.append(sequences.usage(seq, resamples=0).pooled)
        progress(Step("predictive", done, len(model.kept_), f"sweep {kept.sweep}"))
    mine = information.curve(
        real, lags, surrogates, random_state, bootstrap=0, threads=threads
    ).corrected
    drawn, lag_s = np.array(curves), lags / real.fps
    band = percentile_interval(drawn)
    judged = (lag_s >= JUDGED[0]) & (lag_s <= JUDGED[1])
    within = (mine >= band[0]) & (mine <= band[1])
    inside = float(within[judged].mean()) if judged.any() else float("nan")
    usage = sequences.usage(real, resamples=0).pooled
    return Check(
        lag_s, mine, drawn, band, inside, np.array(medians), usage,
        percentile_interval(np.array(usages)),
    )  # fmt: skip


def _draw(
    model: StateModel, real: Sequences, sweep: int, seed: int
) -> tuple[Sequences, Sequences]:
    """Recordings of the same length, start and gaps, and their states."""
    parameters = next(k.parameters for k in model.kept_ if k.sweep == sweep)
    first = {}
    for r, name in enumerate(real.names):
        values, valid = recording(real, r)
        first[name] = int(values[valid.argmax()]) if valid.any() else 0
    frames = dict(zip(real.names, lengths(real).tolist(), strict=True))
    seq, states = model.sample(frames, seed + sweep, first=first, parameters=parameters)
    held = [states[name].values for name in real.names]
    labels = pack(held, real.names, real.fps, model.settings.n_states)
    return seq._replace(valid=real.valid), labels._replace(valid=real.valid)

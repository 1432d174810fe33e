"""The page about a fitted model of states: everything that it shows, put together."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from gambol.behavior import diagnose, emissions, predictive, sequences
from gambol.behavior.gibbs import Data
from gambol.behavior.states import StateModel
from gambol.core.config import Config
from gambol.core.progress import Progress
from gambol.core.sequences import Sequences
from gambol.io import store
from gambol.viz import onsets, report_states
from gambol.viz.figures_fit import Plateau
from gambol.viz.figures_information import Predicted
from gambol.viz.figures_states import Lasting
from gambol.viz.report_states import StatesPage, Usage

QUARTILES = np.array([1, 2, 3]) / 4


def write(
    path: Path,
    cfg: Config,
    model: StateModel,
    data: Data,
    labels: Sequences,
    curves: xr.Dataset,
    *,
    remarks: list[str],
    provenance: dict[str, Any],
    threads: int = 1,
    progress: Progress,
) -> None:
    """Write the page.

    Args:
        path: of the page.
        cfg: settings, all of which are shown.
        model: fitted.
        data: the recordings of the fit.
        labels: their states, on the best path.
        curves: mutual information of the recordings.
        remarks: sentences that the reader has to know.
        provenance: of the run.
        threads: that work side by side.
        progress: told of every draw of the predictive check.
    """
    known = model.parameters_
    base, biases = (None, None) if known.shared is None else emissions.logits(known.shared)
    predicted, note = _predicted(model, data.seq, labels, curves, threads, progress)
    made = StatesPage(
        name=path.parent.name,
        states=labels,
        syllables=data.seq,
        trace=model.trace_,
        blocks=model.blocks_,
        best=model.sweep_,
        kept=[kept.sweep for kept in model.kept_],
        plateau=Plateau(*diagnose.plateau(model.log_probability_)),
        converged=model.converged_,
        theta=known.theta,
        trans=known.trans,
        usage=_usage(labels),
        each=[_lasting(labels, state) for state in range(labels.size)],
        pooled=_lasting(labels, None),
        moves=sequences.transitions(labels).counts,
        history=model.history_,
        history_of=model.settings.history or min(data.seq.names),
        history_from_s=model.settings.history_from_s,
        kappa=model.settings.trans_kappa,
        base=base,
        biases=biases,
        limits=model.inner_.limits,
        objective={
            name: steps
            for name, steps in (("rows", model.inner_.rows), ("biases", model.inner_.biases))
            if len(steps)
        },
        courses=[onsets.shares(labels, data.seq, state) for state in _used(labels)],
        predicted=predicted,
        note=note,
        information=curves,
        remarks=remarks,
        settings=cfg.yaml(),
        provenance=_plain(provenance),
    )
    store.write_text(report_states.states_page(made), path)


def _predicted(
    model: StateModel,
    seq: Sequences,
    labels: Sequences,
    curves: xr.Dataset,
    threads: int,
    progress: Progress,
) -> tuple[Predicted | None, str]:
    """Check the model by its own draws, if it kept enough sweeps."""
    if len(model.kept_) < predictive.FEWEST:
        return None, (
            f"no predictive check: {len(model.kept_)} sweeps were kept and it takes "
            f"{predictive.FEWEST}"
        )
    found = predictive.check(
        model, seq, curves["lags_s"].values, threads=threads, progress=progress
    )
    same = curves["lag_frames"].values.tolist() == np.round(found.lag_s * seq.fps).tolist()
    return Predicted(
        *found,
        markov=curves["markov_corrected"].values if same else None,
        real_median_s=sequences.median(sequences.durations(labels)),
    ), ""


def _usage(labels: Sequences) -> Usage:
    told = sequences.usage(labels)
    return Usage(told.pooled, told.interval, told.by_recording)


def _used(labels: Sequences) -> list[int]:
    return [int(k) for k in np.unique(labels.values[labels.valid])]


def _lasting(labels: Sequences, state: int | None) -> Lasting:
    told = sequences.durations(labels, state)
    quartiles = sequences.quantiles(told, QUARTILES)
    begun = len(told.complete) + told.censored
    return Lasting(told.time, told.survival, quartiles, begun, told.censored)


def _plain(provenance: dict[str, Any]) -> dict[str, Any]:
    """What is shown of the provenance: the hashes of many inputs would fill the page."""
    shown = {k: v for k, v in provenance.items() if k not in ("inputs", "made_from", "remark")}
    return dict(json.loads(json.dumps(shown, default=str)))

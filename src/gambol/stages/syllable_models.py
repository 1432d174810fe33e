"""The two models of syllables behind one face: keypoints with noise, and series that are given.

A stage prepares a fit, sweeps with checkpoints, and asks the fitted model about recordings; it
need not know which of the two it is.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr

from gambol.behavior import arhmm, syllable_chain, syllable_data, syllable_plan
from gambol.behavior.arhmm import ARHMM
from gambol.behavior.gibbs import side_by_side
from gambol.behavior.slds import KeypointSLDS
from gambol.behavior.slds_start import Calibration
from gambol.behavior.syllable_chain import Chain, Data, Hidden
from gambol.behavior.syllable_settings import DynamicsSettings, SyllableSettings
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.io import store
from gambol.stages.syllable_inputs import Inputs

Model = KeypointSLDS | ARHMM


class Ready(NamedTuple):
    """A fit before its first sweep."""

    settings: DynamicsSettings
    data: Data
    hidden: tuple[Hidden, ...]
    take: Callable[[Chain], Model]  # what a chain has found, as a fitted model


def prepare(
    settings: DynamicsSettings, inputs: Inputs, calibration: Calibration | None = None
) -> Ready:
    """Make recordings ready for sweeps: keypoints by `SyllableSettings`, else series."""
    if isinstance(settings, SyllableSettings):
        slds = KeypointSLDS(**settings.model_dump())
        start = slds.prepare(inputs.tracks, calibration)
        return Ready(settings, start.data, start.hidden, lambda chain: slds.take(chain, start))
    plain = ARHMM(**settings.model_dump())
    data, hidden = arhmm.prepare(settings, inputs.series, inputs.fps)
    return Ready(settings, data, tuple(hidden), lambda chain: plain.take(chain, data))


def grow(
    ready: Ready,
    checkpoint: Path,
    *,
    seconds: float = 60.0,
    threads: int = 1,
    progress: Progress = silent,
) -> Chain:
    """Sweep until the plan is done; a chain that was written down goes on bit for bit.

    Args:
        ready: the fit.
        checkpoint: where the chain is kept meanwhile, and at the end.
        seconds: between two checkpoints.
        threads: that work side by side.
        progress: told of every sweep.
    """
    settings, data = ready.settings, ready.data
    if checkpoint.exists():
        chain = read_chain(checkpoint, data)
    else:
        chain = syllable_chain.start(settings, data, ready.hidden)
    saved, kept = time.monotonic(), chain.sweeps if checkpoint.exists() else -1
    while not syllable_chain.finished(settings, chain):
        chain = syllable_chain.planned(settings, data, chain, threads)
        left = syllable_plan.most_left(settings, chain.plan)
        progress(
            Step("fit-syllables", chain.sweeps, chain.sweeps + left, told(chain, data.fps))
        )
        if time.monotonic() - saved > seconds:
            store.write_dataset(syllable_data.to_dataset(chain, data.keys), checkpoint)
            saved, kept = time.monotonic(), chain.sweeps
    if kept < chain.sweeps:
        store.write_dataset(syllable_data.to_dataset(chain, data.keys), checkpoint)
    return chain


def told(chain: Chain, fps: float) -> str:
    """Say in a few words where a fit stands."""
    row = dict(zip(syllable_chain.TRACE, chain.trace[-1], strict=True))
    phase = syllable_plan.KINDS[int(row["phase"])]
    return (
        f"{phase}: kappa 1e{np.log10(row['kappa']):.2f}, bouts "
        f"{row['median_frames'] / fps:.2f} s, {int(row['used_states'])} syllables, log joint "
        f"{row['log_joint']:.6g}"
    )


def read_chain(path: Path, data: Data | None = None) -> Chain:
    """Read a chain; `data`: what it has to be of."""
    chain, keys = syllable_data.from_dataset(store.read_dataset(path))
    if data is not None and keys != data.keys:
        raise InputError(f"{path} is of other recordings; delete it and fit again")
    return chain


def read_model(path: Path) -> tuple[Model, dict[str, object]]:
    """Read a fitted model from a run, or its file; also return what the file says of it."""
    file = path / "model.nc" if path.is_dir() else path
    held = store.read_dataset(file)
    kinds: Mapping[str, type[Model]] = {"keypoints": KeypointSLDS, "arhmm": ARHMM}
    kind = str(held.attrs.get("model", ""))
    if kind not in kinds or "coefficients" not in held:
        raise InputError(
            f"{file} holds no model of syllables; give a run of gambol fit-syllables, or its "
            "model.nc"
        )
    return kinds[kind].from_dataset(held), dict(held.attrs)


def predict(model: Model, inputs: Inputs, name: str) -> xr.Dataset:
    """Return what most probably happened in one recording, on the clock of its file."""
    if isinstance(model, KeypointSLDS):
        track = inputs.tracks[name]
        return model.predict([track])[name].assign_coords(time=track.times)
    series = inputs.series[name]
    label = model.predict({name: series})[name]
    return xr.Dataset(
        {"syllable": ("time", label), "latent": (("time", "latent"), series)},
        {"time": np.arange(len(series)) / inputs.fps}, {"fps": inputs.fps},
    )  # fmt: skip


def probabilities(model: Model, inputs: Inputs, name: str, sampled: bool) -> np.ndarray:
    """Return p(syllable | the recording) (time, syllable); NaN where there is no label."""
    if isinstance(model, ARHMM):
        return model.predict_proba({name: inputs.series[name]})[name]
    if sampled:
        return model.predict_proba([inputs.tracks[name]])[name]
    return model.marginals([inputs.tracks[name]])[name]


def samples(model: Model) -> dict[str, np.ndarray]:
    """Return the labels of the last sweep by recording."""
    if isinstance(model, KeypointSLDS):
        return {name: one["syllable"].values for name, one in model.sample_.items()}
    return dict(model.sample_)


def score(model: Model, inputs: Inputs, threads: int = 1) -> xr.Dataset:
    """Return how well a model foretells recordings, its baselines beside it.

    Each is scored as if it were alone; as many are in memory as there are threads.
    """

    def one(name: str) -> xr.Dataset:
        if isinstance(model, KeypointSLDS):
            return model.score([inputs.tracks[name]])
        return model.score({name: inputs.series[name]})

    return xr.concat(list(side_by_side(one, inputs.names, threads)), "recording")

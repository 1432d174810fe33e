"""Sweeps with checkpoints: a fit that was killed goes on where it was, bit for bit."""

import time
from pathlib import Path

import numpy as np
from jaxtyping import Int

from gambol.behavior import chain_data, gibbs
from gambol.behavior.gibbs import Chain, Data
from gambol.behavior.state_settings import StateSettings
from gambol.behavior.states import begin
from gambol.core.progress import Progress, Step, silent
from gambol.io import store


def grow(
    settings: StateSettings,
    data: Data,
    checkpoint: Path,
    *,
    states: Int[np.ndarray, " N"] | None = None,
    seconds: float = 60.0,
    threads: int = 1,
    progress: Progress = silent,
) -> Chain:
    """Sweep until the settings are satisfied.

    Args:
        settings: of the model.
        data: the recordings.
        checkpoint: where the chain is kept meanwhile; it stays there at the end.
        states: to begin with, if `init` is `given`.
        seconds: between two checkpoints.
        threads: that work side by side.
        progress: told of every sweep.
    """
    if checkpoint.exists():
        chain = chain_data.from_dataset(store.read_dataset(checkpoint))
    else:
        chain = begin(settings, data, states, threads)
    saved, kept = time.monotonic(), chain.sweeps
    while chain.sweeps < settings.iterations:
        chain = gibbs.sweep(settings, data, chain, threads)
        progress(Step("fit-states", chain.sweeps, settings.iterations, "sweep"))
        if time.monotonic() - saved > seconds:
            store.write_dataset(chain_data.to_dataset(chain), checkpoint)
            saved, kept = time.monotonic(), chain.sweeps
    if kept < chain.sweeps:
        store.write_dataset(chain_data.to_dataset(chain), checkpoint)
    return chain

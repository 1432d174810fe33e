"""One fit of the model of states in a process of its own: `states_fit.py IN OUT SWEEPS KAPPA`.

Imports nothing but what a fit needs, so that its memory is that of a fit.
"""

import resource
import sys
import time
from pathlib import Path

import numpy as np

from gambol.behavior import gibbs, states
from gambol.behavior.state_settings import StateSettings
from gambol.core.sequences import Sequences, pack

CORES = 2


def fit_alone(given: Path, found: Path, sweeps: int, kappa: float) -> None:
    """Fit, and write down what it took."""
    with np.load(given) as held:
        names = tuple(f"r{r:02d}" for r in range(len(held["offsets"]) - 1))
        values = held["values"]
        seq = Sequences(
            names, values, np.ones(len(values), bool), held["offsets"], float(held["fps"]),
            int(held["size"]),
        )  # fmt: skip
    settings = StateSettings(n_states=10, trans_kappa=kappa)
    _compiled(settings)
    begun = time.perf_counter()
    data = gibbs.prepare(settings, seq)
    chain = states.begin(settings, data, None, CORES)
    seconds = []
    for _ in range(sweeps):
        start = time.perf_counter()
        chain = gibbs.sweep(settings, data, chain, CORES)
        seconds.append(time.perf_counter() - start)
    np.savez(
        found, sweep_s=np.array(seconds), all_s=time.perf_counter() - begun,
        states=chain.states,
        peak_mb=peak(),
    )  # fmt: skip


def _compiled(settings: StateSettings) -> None:
    """Two sweeps on little data, so that no compilation is timed."""
    labels = np.repeat(np.random.default_rng(0).integers(4, size=200), 30)
    data = gibbs.prepare(settings, pack([labels], ["r"], 120.0))
    chain = states.begin(settings, data, None)
    for _ in range(2):
        chain = gibbs.sweep(settings, data, chain)


def peak() -> float:
    """Most memory of this process so far, in MB; what its parent held does not count."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    fit_alone(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))

"""state-moseq on sequences that were simulated: `PYTHON benchmarks/states_peer.py IN OUT`.

Runs in an environment of its own, where state-moseq and JAX are installed; nothing here is
imported by gambol. What goes in (NumPy archive): `syllables` (R, T), `lags` in frames (none:
mutual information is left out), `sweeps`, `segment` (frames, as its published example cuts
recordings), and of the model `n_states`, `n_syllables`, `trans_kappa`, `seed`. What comes out:
seconds of each sweep after a first one that compiles, of its states and parameters, seconds of
mutual information with its Markov chains, the states of the last sweep and the peak memory.
"""

import resource
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

warnings.filterwarnings("ignore")


def main() -> None:
    """Do what is compared."""
    told = dict(np.load(sys.argv[1]))
    made: dict[str, Any] = {}
    if len(told["lags"]):
        made["mi_s"] = informed(told)
        made["mi_mb"] = peak()
    made.update(sampled(told))
    made["peak_mb"] = peak()
    np.savez(sys.argv[2], **made)


def informed(told: dict[str, np.ndarray]) -> float:
    """Seconds of lagged mutual information: real, shuffled, Markov chains drawn on the way."""
    import jax.numpy as jnp
    from state_moseq.util import lagged_mutual_information

    whole = jnp.array(told["syllables"].astype(np.int32))
    mask = jnp.ones(whole.shape, bool)
    lags = jnp.array(told["lags"].astype(np.int32))
    lagged_mutual_information(whole[:2], mask[:2], lags[:1])  # its own compilation of parts
    start = time.perf_counter()
    for values in lagged_mutual_information(whole, mask, lags):
        values.block_until_ready()
    return time.perf_counter() - start


def sampled(told: dict[str, np.ndarray]) -> dict[str, Any]:
    """Seconds of Gibbs sweeps, from states that are drawn a segment."""
    import jax.numpy as jnp
    import jax.random as jr
    from state_moseq.hhmm_efficient import resample_params, resample_states

    segment = int(told["segment"])
    values = told["syllables"]
    cut = values[:, : values.shape[1] // segment * segment].reshape(-1, segment)
    seed = jr.PRNGKey(int(told["seed"]))
    prior = {
        "n_states": int(told["n_states"]), "n_syllables": int(told["n_syllables"]),
        "emission_base_sigma": 1.0, "emission_biases_sigma": 1.0, "emission_gd_iters": 100,
        "emission_gd_lr": 1e-3, "trans_beta": 1.0, "trans_kappa": float(told["trans_kappa"]),
    }  # fmt: skip
    data = {
        "syllables": jnp.array(cut.astype(np.int32)),
        "mask": jnp.ones(cut.shape, np.int32),
    }
    rng = np.random.default_rng(int(told["seed"]))
    drawn = rng.integers(prior["n_states"], size=(len(cut), -(-segment // 1200)))
    states = jnp.array(np.repeat(drawn, 1200, axis=1)[:, :segment].astype(np.int32))
    params, seconds = None, []
    for _ in range(1 + int(told["sweeps"])):
        seed, one, two = jr.split(seed, 3)
        start = time.perf_counter()
        params, _ = resample_params(one, data, states, prior, params)
        params["trans_probs"].block_until_ready()
        params["emission_base"].block_until_ready()
        between = time.perf_counter()
        states, _ = resample_states(two, data, params)
        states.block_until_ready()
        end = time.perf_counter()
        seconds.append((end - start, between - start, end - between))
        print("sweep", np.round(seconds[-1], 2), flush=True)
    return {
        "sweep_s": np.array(seconds[1:])[:, 0],
        "parameters_s": np.array(seconds[1:])[:, 1],
        "states_s": np.array(seconds[1:])[:, 2],
        "states": np.asarray(states).astype(np.uint8),
    }


def peak() -> float:
    """Most memory of this process so far, in MB; what its parent held does not count."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    main()

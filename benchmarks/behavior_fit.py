"""One fit of syllables in a process of its own: `behavior_fit.py IN OUT SWEEPS THREADS`.

Imports nothing but what a fit needs, so that its memory is that of a fit. What goes in: the
archives of `behavior_poses`; what comes out: seconds of getting ready, of each sweep on first
latents and of each sweep of the whole model, and the peak memory of both.
"""

import sys
import time
from pathlib import Path

import numpy as np

from gambol.behavior import syllable_chain
from gambol.behavior.slds import KeypointSLDS
from gambol.behavior.slds_start import Start
from gambol.behavior.syllable_chain import Chain
from gambol.core.skeleton import Skeleton
from gambol.core.tracks import Read, Track

KAPPA = (1e6, 1e5)  # of sweeps on first latents, and of the whole model: published values


def fit_alone(given: Path, found: Path, sweeps: int, threads: int) -> None:
    """Fit, and write down what it took."""
    with np.load(given) as held:
        told = {name: held[name] for name in held.files}
    _compiled(told, threads)
    own = _on_disk(told, given.parent)
    del told["xy"]
    held_mb = resident()
    reset()
    begun = time.perf_counter()
    model = unfitted(told)
    start = model.prepare(own)
    chain = syllable_chain.start(model.settings, start.data, start.hidden)
    ready, ready_mb = time.perf_counter() - begun, peak()
    reset()
    chain, first = _timed(model, start, chain, sweeps, threads, whole=False)
    chain, whole = _timed(model, start, chain, sweeps, threads, whole=True)
    np.savez(
        found, ready_s=ready, arhmm_s=first, slds_s=whole, held_mb=held_mb, ready_mb=ready_mb,
        sweeps_mb=peak(), used=chain.trace[-1, 3], frames=sum(start.lengths.values()),
        dims=chain.hidden[0].x.shape[1],
    )  # fmt: skip


def unfitted(told: dict[str, np.ndarray], **more: object) -> KeypointSLDS:
    """Return a model that is not fitted yet."""
    return KeypointSLDS(
        n_states=int(told["n_states"]), lags=int(told["lags"]), n_dims=int(told["dims"]),
        anterior=(str(told["front"]),), posterior=(str(told["rear"]),),
        **{"kappa": KAPPA[0], "search_sweeps": 1, **more},
    )  # fmt: skip


def tracks(told: dict[str, np.ndarray]) -> list[Track]:
    """Return the recordings; the variance of a keypoint is known, as from our own poses."""
    skeleton, fps = Skeleton(tuple(map(str, told["names"]))), float(told["fps"])
    out = []
    for r, xy in enumerate(told["xy"]):
        shape = xy.shape[:2]
        sure, variance = np.full(shape, 1.0), np.full(shape, float(told["sd"]) ** 2)
        times = np.arange(len(xy)) / fps
        out.append(Track(f"r{r:02d}", xy.copy(), sure, variance, times, fps, skeleton))
    return out


def _on_disk(told: dict[str, np.ndarray], folder: Path) -> Read[Track]:
    """Write recordings down, to be read one at a time as a stage reads its files."""
    for r, xy in enumerate(told["xy"]):
        np.save(folder / f"r{r:02d}.npy", xy)
    rest = {name: values for name, values in told.items() if name != "xy"}

    def track(name: str) -> Track:
        made = tracks({**rest, "xy": np.load(folder / f"{name}.npy")[None]})[0]
        return made._replace(name=name)

    return Read([f"r{r:02d}" for r in range(len(told["xy"]))], track)


def _timed(
    model: KeypointSLDS, start: Start, chain: Chain, sweeps: int, threads: int, *, whole: bool
) -> tuple[Chain, np.ndarray]:
    """Return the chain after one sweep and some more; seconds, and CPU seconds, of these."""
    seconds = []
    chain = chain._replace(plan=chain.plan._replace(kappa=KAPPA[whole]))
    for _ in range(1 + sweeps):
        begun = time.perf_counter(), time.process_time()
        chain = syllable_chain.sweep(
            model.settings, start.data, chain, whole=whole, threads=threads
        )
        seconds.append((time.perf_counter() - begun[0], time.process_time() - begun[1]))
    return chain, np.array(seconds[1:])


def _compiled(told: dict[str, np.ndarray], threads: int) -> None:
    """Sweep over little data, so that no compilation is timed."""
    few = tracks({**told, "xy": told["xy"][:2, :200]})
    model = unfitted(told)
    start = model.prepare(few)
    chain = syllable_chain.start(model.settings, start.data, start.hidden)
    for whole in (False, True):
        _timed(model, start, chain, 1, threads, whole=whole)


def peak() -> float:
    """Most memory of this process since `reset`, in MB."""
    return _status("VmHWM")


def resident() -> float:
    """Memory of this process now, in MB."""
    return _status("VmRSS")


def reset() -> None:
    """Let the peak begin anew."""
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")


def _status(name: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024 / 1e6


if __name__ == "__main__":
    fit_alone(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))

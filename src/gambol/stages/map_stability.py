"""Would half of the recordings give the same map? Half-sample maps, each kept once made."""

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from pydantic import NonNegativeInt, PositiveInt

from gambol.behavior import map_halves, map_stability
from gambol.behavior.behavior_map import BehaviorMap
from gambol.behavior.map_stability import Stability
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step
from gambol.io import state_courses, store
from gambol.kernels import streams


class StabilityConfig(Config):
    """How the regions of a map are tried."""

    splits: NonNegativeInt = 2  # into halves, with a map of each; 0: stability is not measured
    training_frames: PositiveInt = 5000  # of the map of a half, at most
    frames: PositiveInt = 5000  # training frames of the whole map that are compared, at most


def measure(
    cfg: StabilityConfig,
    model: BehaviorMap,
    folder: Path,
    *,
    threads: int = 1,
    progress: Progress,
) -> tuple[Stability | None, str]:
    """Return how stable the regions of a map are, and a sentence about it.

    Args:
        cfg: settings.
        model: fitted.
        folder: in which every finished half is kept.
        threads: that work side by side.
        progress: told of every half.
    """
    if not cfg.splits:
        return None, "stability was not measured"
    fitted, settings = model.fitted_, model.settings
    seed, units = settings.random_state, map_halves.units(fitted)
    judged = map_halves.some(
        len(fitted.embedding), cfg.frames, streams.generator(seed, "half samples", "judged")
    )
    done = [0]

    def fit(chosen: np.ndarray) -> np.ndarray:
        name = f"half {done[0]}"
        path = folder / f"{name.replace(' ', '-')}.nc"
        done[0] += 1
        if not path.exists():
            own = np.flatnonzero(chosen[units.of])
            rng = streams.generator(seed, "half samples", name)
            rows = own[map_halves.some(len(own), cfg.training_frames, rng)]
            label = map_halves.half(fitted, settings, rows, judged, name=name, threads=threads)
            store.write_dataset(xr.Dataset({"region": ("frame", label)}), path)
        progress(Step("stability", done[0], 2 * cfg.splits, name))
        return store.read_dataset(path)["region"].values.astype(np.int64)

    whole = fitted.regions.of(fitted.embedding[judged])
    try:
        found = map_stability.half_samples(
            fit, whole, units.many, splits=cfg.splits, random_state=seed
        )
    except InputError as error:  # the map is made, and of use without
        return None, f"stability was not measured: {error}"
    return found, f"{found} (halves of {units.many} {units.said})"


def write(found: Stability, path: Path) -> None:
    """Write a row a split."""
    table = pd.DataFrame(
        {
            "split": np.arange(1, len(found.rand) + 1),
            "adjusted_rand": found.rand,
            "frames_shared": found.shared,
            "regions_one": found.regions[:, 0],
            "regions_other": found.regions[:, 1],
        }
    )
    state_courses.write_table(table, path)

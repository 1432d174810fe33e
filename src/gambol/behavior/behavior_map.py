"""Maps of behaviour: frames that move alike lie together, in the manner of scikit-learn.

Spectrograms of a few thousand frames are embedded in two dimensions; hills of their density are
regions, and frames of any recording are placed among them. Source: Berman et al. (2014), J. R.
Soc. Interface 11:20140672. This is what a notebook holds; the work is in `map_training`,
`map_embedding`, `map_placing` and `regions`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from gambol.behavior import (
    jobs,
    map_data,
    map_embedding,
    map_frames,
    map_placing,
    map_training,
    regions,
    wavelets,
)
from gambol.behavior.map_frames import Channels, Recording, Recordings, Totals
from gambol.behavior.map_placing import Fitted, Where
from gambol.behavior.map_settings import MapSettings
from gambol.behavior.map_training import Picked
from gambol.behavior.regions import Density, Regions
from gambol.behavior.wavelets import Still
from gambol.core.errors import InputError
from gambol.core.progress import Progress, silent
from gambol.kernels import neighbours, streams
from gambol.kernels.neighbours import Index


class BehaviorMap:
    """A map of what animals do.

    Args:
        settings: those of `MapSettings`, by name; blocks such as `wavelets` as their settings
            or as a dictionary.

    Recordings are poses that `align.egocentric` has aligned, features (time, feature),
    spectrograms, or lists or dictionaries of these; in a dictionary also functions that return
    one, called whenever it is needed, so that not all have to be in memory. Features with
    frequencies are taken as they are, of others the spectrogram is computed. What comes back is
    by name of the recording.

    After `fit`: `fitted_` holds everything; `embedding_ (training, 2)`, `inclusion_`,
    `density_`, `regions_`, `still_` (the histogram of log amplitudes), `notes_` are in it.
    """

    settings: MapSettings
    n_jobs: int
    fitted_: Fitted

    def __init__(self, **settings: Any):
        self.n_jobs = jobs.taken(settings, "BehaviorMap")
        self.settings = MapSettings.from_values(settings, "BehaviorMap")

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the settings by name."""
        own = {name: getattr(self.settings, name) for name in MapSettings.model_fields}
        return own | {"n_jobs": self.n_jobs}

    def set_params(self, **settings: Any) -> "BehaviorMap":
        """Change settings; what was fitted stays until the next `fit`."""
        given = {**self.get_params(), **settings}
        self.n_jobs = jobs.taken(given, "BehaviorMap")
        self.settings = MapSettings.from_values(given, "BehaviorMap")
        return self

    def __sklearn_clone__(self) -> "BehaviorMap":
        """Return a model of the same settings that is not fitted."""
        return type(self)(**self.get_params())

    def fit(
        self,
        recordings: Recordings,
        names: Sequence[str] | None = None,
        *,
        threads: int | None = None,
        progress: Progress = silent,
    ) -> "BehaviorMap":
        """Make the map; the same seed gives the same bits for any number of threads.

        Args:
            recordings: of one frame rate and the same keypoints.
            names: of the recordings, where they have none.
            threads: that work side by side; none: `n_jobs`.
            progress: told of recordings and iterations.
        """
        threads = jobs.threads(self.n_jobs, threads)
        chosen = self.settings
        found = map_frames.named(recordings, names)
        sums, channels = _survey(found, chosen, threads)
        every = np.concatenate([one.total for one in sums.values()])
        epsilon = _epsilon(every, chosen)
        still = wavelets.still(every)._replace(label=np.zeros(0, bool))

        def on(name: str) -> np.ndarray:
            own = sums[name]
            return np.flatnonzero(own.known & ~map_placing.is_still(own.total, still, chosen))

        def pick(name: str) -> Picked:
            return _picked(name, found[name], on(name), epsilon, chosen, threads)

        counts = {name: min(chosen.frames_per_recording, len(on(name))) for name in found}
        training = map_training.choose(counts, pick, chosen, threads=threads, progress=progress)
        embedding = map_embedding.embed(training.p, chosen, threads=threads, progress=progress)
        density = regions.density(embedding, 1.0 / training.inclusion, chosen.regions)
        rng = streams.generator(chosen.random_state, "cells")
        cells = neighbours.learn(
            training.p, rng, n_components=chosen.components, n_cells=chosen.cells
        )
        self._index = neighbours.lay(training.p, cells)
        self.fitted_ = Fitted(
            training,
            embedding,
            cells,
            channels,
            epsilon,
            still,
            map_placing.misfit_limit(self._index, training, embedding, chosen, threads=threads),
            density,
            regions.regions(density, chosen.regions),
            tuple(found),
            tuple(map_frames.fingerprint(one) for one in sums.values()),
            _notes(chosen, still),
        )
        return self

    def place(
        self,
        recordings: Recordings,
        names: Sequence[str] | None = None,
        *,
        threads: int | None = None,
        progress: Progress = silent,
    ) -> dict[str, xr.Dataset]:
        """Return where the frames of each recording are.

        Each recording and frame by itself: what else is asked for is of no effect.

        Args:
            recordings: with the keypoints and frequencies of the map.
            names: of the recordings, where they have none.
            threads: that work side by side; the result is the same.
            progress: told of pieces of recordings.

        Returns:
            By recording, dims `time, axis`: `y` in map units; `misfit`, and `distance` from
            the training frames that it lies among, in nats; `placement_ok`; `region`: 1 …, 0
            in none or not sure, -1 masked or still; `still`. A frame that is unlike all
            training frames may still lie well among some: its `distance` is large.
        """
        threads = jobs.threads(self.n_jobs, threads)
        fitted, index = self._known(), self._laid()
        out = {}
        for name, recording in map_frames.named(recordings, names).items():
            own = map_frames.spectra(name, recording, self.settings.wavelets, threads=threads)
            map_frames.check(name, own.channels, fitted.channels)
            where = map_placing.place(
                own, fitted, index, self.settings, threads=threads, progress=progress
            )
            out[name] = _dataset(where, own.times)
        return out

    def transform(
        self,
        recordings: Recordings,
        names: Sequence[str] | None = None,
        *,
        threads: int | None = None,
    ) -> dict[str, xr.DataArray]:
        """Return the places (time, axis) of each recording, NaN off the map."""
        threads = jobs.threads(self.n_jobs, threads)
        placed = self.place(recordings, names, threads=threads)
        return {name: one["y"] for name, one in placed.items()}

    def predict(
        self,
        recordings: Recordings,
        names: Sequence[str] | None = None,
        *,
        threads: int | None = None,
    ) -> dict[str, xr.DataArray]:
        """Return the regions (time) of each recording; 0 in none, -1 off the map."""
        threads = jobs.threads(self.n_jobs, threads)
        placed = self.place(recordings, names, threads=threads)
        return {name: one["region"] for name, one in placed.items()}

    @property
    def embedding_(self) -> Float[np.ndarray, "N 2"]:
        """Places of the training frames."""
        return self._known().embedding

    @property
    def inclusion_(self) -> Float[np.ndarray, " N"]:
        """Probability of each training frame of having been chosen."""
        return self._known().training.inclusion

    @property
    def density_(self) -> Density:
        """Density of all frames, as the training frames tell it."""
        return self._known().density

    @property
    def regions_(self) -> Regions:
        """Hills of the density."""
        return self._known().regions

    @property
    def still_(self) -> Still:
        """Histogram of the logarithm of how much moves, and the valley in it."""
        return self._known().still

    @property
    def notes_(self) -> tuple[str, ...]:
        """What a person should know of the fit."""
        return self._known().notes

    def to_dataset(self) -> xr.Dataset:
        """Return all of the fitted map."""
        return map_data.to_dataset(self._known(), self.settings)

    @classmethod
    def from_dataset(cls, held: xr.Dataset) -> "BehaviorMap":
        """Return the map that `to_dataset` wrote."""
        model = cls()
        model.fitted_, model.settings = map_data.from_dataset(held)
        return model

    def _known(self) -> Fitted:
        if not hasattr(self, "fitted_"):
            raise InputError("the map is not fitted yet; call fit first")
        return self.fitted_

    def _laid(self) -> Index:
        """Lay the training frames out for the search, once."""
        if not hasattr(self, "_index"):
            fitted = self._known()
            self._index = neighbours.lay(fitted.training.p, fitted.cells)
        return self._index


def _survey(
    found: Mapping[str, Recording], settings: MapSettings, threads: int
) -> tuple[dict[str, Totals], Channels]:
    """Return how much moves in each recording, and the columns that all of them have."""
    sums: dict[str, Totals] = {}
    channels: Channels | None = None
    for name, recording in found.items():
        own = map_frames.spectra(name, recording, settings.wavelets, threads=threads)
        channels = channels or own.channels
        map_frames.check(name, own.channels, channels)
        sums[name] = map_frames.totals(own)
    assert channels is not None
    return sums, channels


def _epsilon(total: Float[np.ndarray, " T"], settings: MapSettings) -> float:
    """Return what is added to every amplitude."""
    known = np.isfinite(total)
    if not known.any():
        raise InputError(
            f"none of the {len(total)} frames has all amplitudes; clean the poses, raise f_min "
            "or leave out keypoints that are often absent"
        )
    epsilon = settings.epsilon * float(np.median(total[known]))
    if not epsilon > 0.0:
        raise InputError("half of the frames have amplitude 0 everywhere; is there movement?")
    return epsilon


def _picked(
    name: str,
    recording: Recording,
    on: Int[np.ndarray, " A"],
    epsilon: float,
    settings: MapSettings,
    threads: int,
) -> Picked:
    """Return evenly spaced ones of the frames of a recording that may be trained on."""
    rng = streams.generator(settings.random_state, "even", name)
    frame = map_frames.even(settings.frames_per_recording, on, rng)
    own = map_frames.spectra(name, recording, settings.wavelets, threads=threads)
    p = np.empty((len(frame), len(own.channels.names)), np.float32)
    for part, amplitude in own.pieces():
        first, last = np.searchsorted(frame, (part.start, part.stop))
        rows = frame[first:last] - part.start
        p[first:last] = map_frames.distributions(amplitude[rows], epsilon)
    return Picked(frame, p, np.full(len(frame), len(frame) / max(1, len(on))))


def _notes(settings: MapSettings, still: Still) -> tuple[str, ...]:
    """Say what a person should know."""
    notes = []
    if settings.method == "umap":
        notes.append("UMAP ran on one thread, because its seed means nothing on several")
    if settings.still and not still.bimodal:
        notes.append("log amplitudes have one mode, so no frame counts as still")
    return tuple(notes)


def _dataset(where: Where, times: Float[np.ndarray, " T"]) -> xr.Dataset:
    """Name the axes."""
    return xr.Dataset(
        {
            "y": (("time", "axis"), where.y, {"units": "map units"}),
            "misfit": ("time", where.misfit, {"units": "nats"}),
            "distance": ("time", where.distance, {"units": "nats"}),
            "placement_ok": ("time", where.ok),
            "region": ("time", where.region),
            "still": ("time", where.still),
        },
        {"time": times, "axis": ["x", "y"]},
    )

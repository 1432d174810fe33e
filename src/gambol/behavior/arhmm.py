"""Syllables of series that are given: an autoregressive hidden Markov model.

In the manner of scikit-learn, on latents, principal components or depth scores. The sampling
is in `syllable_chain`; this is what a notebook holds: settings, `fit`, and what a fitted model
says of series. Source of the model: Wiltschko et al. (2015), Neuron 88:1121.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from gambol.behavior import jobs, syllable_baselines, syllable_chain, syllable_data, syllables
from gambol.behavior.gibbs import side_by_side
from gambol.behavior.syllable_baselines import Baselines
from gambol.behavior.syllable_chain import Chain, Data, Hidden
from gambol.behavior.syllable_settings import DynamicsSettings
from gambol.behavior.syllables import Key, Parameters
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.core.sequences import Sequences
from gambol.kernels import arhmm, arhmm_paths, streams

Recordings = Mapping[str, Float[np.ndarray, "_ D"]]


class ARHMM:
    """Syllables of D-dimensional series, one a recording.

    Args:
        settings: those of `DynamicsSettings`, by name; and `n_jobs`: threads of calls that do
            not say how many (1; -1: all cores).

    After `fit`: `parameters_` of the last sweep, `kappa_`, `trace_ (sweep, 6)` with the columns
    `syllable_chain.TRACE`, `sample_`: labels (time) of the last sweep by recording, -1 in the
    first L frames, which the model says nothing of; `rank_`: the label of each state, by usage;
    `notes_`: what the search for the stickiness said; `baselines_`: what it has to
    beat (see `score`).
    """

    settings: DynamicsSettings
    n_jobs: int
    parameters_: Parameters
    kappa_: float
    trace_: Float[np.ndarray, "I 6"]
    sample_: dict[str, Int[np.ndarray, " T"]]
    rank_: Int[np.ndarray, " N"]
    notes_: tuple[str, ...]
    fps_: float
    baselines_: Baselines

    def __init__(self, **settings: Any):
        self.n_jobs = jobs.taken(settings, "ARHMM")
        self.settings = DynamicsSettings.from_values(settings, "ARHMM")

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the settings by name."""
        return {**self.settings.model_dump(), "n_jobs": self.n_jobs}

    def set_params(self, **settings: Any) -> "ARHMM":
        """Change settings; what was fitted stays until the next `fit`."""
        given = {**self.get_params(), **settings}
        self.n_jobs = jobs.taken(given, "ARHMM")
        self.settings = DynamicsSettings.from_values(given, "ARHMM")
        return self

    def __sklearn_clone__(self) -> "ARHMM":
        """Return a model of the same settings that is not fitted."""
        return type(self)(**self.get_params())

    def fit(
        self,
        recordings: Recordings,
        fps: float,
        *,
        threads: int | None = None,
        progress: Progress = silent,
    ) -> "ARHMM":
        """Fit the model; the same seed gives the same bits for any number of threads.

        Args:
            recordings: series (T, D) by name, without holes.
            fps: frames a second, of all.
            threads: that work side by side; none: `n_jobs`.
            progress: told of every sweep.
        """
        threads = jobs.threads(self.n_jobs, threads)
        data, hidden = prepare(self.settings, recordings, fps)
        chain = syllable_chain.start(self.settings, data, hidden)
        while not syllable_chain.finished(self.settings, chain):
            chain = syllable_chain.planned(self.settings, data, chain, threads)
            progress(Step("fit-syllables", chain.sweeps, 0, "sweep"))
        return self.take(chain, data)

    def take(self, chain: Chain, data: Data) -> "ARHMM":
        """Become what a chain has found so far."""
        self.parameters_, self.kappa_ = chain.parameters, chain.plan.kappa
        self.trace_, self.notes_, self.fps_ = chain.trace, chain.plan.notes, data.fps
        z = [own.z for own in chain.hidden]
        self.rank_ = syllables.by_usage(syllables.usage(z, self.settings.n_states))
        series = [own.x for own in chain.hidden]
        self.baselines_ = syllable_baselines.learn(series, self.settings.lags)
        self.sample_ = self._labels(
            {key.recording: own for key, own in zip(data.keys, z, strict=True)}
        )
        return self

    def relabel(self, labels: Mapping[str, Int[np.ndarray, " _"]]) -> "ARHMM":
        """Number syllables by their usage in these results of `predict` or `sample_`.

        Only `rank_` changes, so the parameters stay as they are; labels that were made before
        keep their numbers.
        """
        self.rank_ = syllables.renumbered(self.rank_, labels.values())
        return self

    def predict(
        self, recordings: Recordings, threads: int | None = None
    ) -> dict[str, np.ndarray]:
        """Return the most probable labels (time) of each recording, -1 in the first L frames.

        Each recording by itself: what else is asked for is of no effect.
        """
        threads = jobs.threads(self.n_jobs, threads)
        known, hidden = self._known(), self._hidden(recordings)
        laid = arhmm.lay(known.dynamics)

        def one(name: str) -> np.ndarray:
            return arhmm_paths.viterbi(hidden[name].x, laid, known.trans)

        names = sorted(hidden)
        found = side_by_side(one, names, threads)
        return self._labels(dict(zip(names, found, strict=True)))

    def predict_proba(
        self, recordings: Recordings, threads: int | None = None
    ) -> dict[str, np.ndarray]:
        """Return p(label | all of the recording) (time, label); NaN in the first L frames."""
        threads = jobs.threads(self.n_jobs, threads)
        known, hidden = self._known(), self._hidden(recordings)
        laid = arhmm.lay(known.dynamics)

        def one(name: str) -> np.ndarray:
            out = np.full((len(hidden[name].x), laid.n_states), np.nan)
            probs, _ = arhmm_paths.marginals(hidden[name].x, laid, known.trans)
            out[self.settings.lags :, self.rank_] = probs
            return out

        names = sorted(hidden)
        return dict(zip(names, side_by_side(one, names, threads), strict=True))

    def score(self, recordings: Recordings, threads: int | None = None) -> xr.Dataset:
        """Return log p(series | first L frames), dims `recording`, in nats, and per frame.

        `per_frame_gaussian` and `per_frame_first_order` are those of `baselines_`.
        """
        threads = jobs.threads(self.n_jobs, threads)
        known, hidden = self._known(), self._hidden(recordings)
        laid = arhmm.lay(known.dynamics)

        def one(name: str) -> float:
            return arhmm_paths.evidence(hidden[name].x, laid, known.trans)

        names = sorted(hidden)
        told = np.array(list(side_by_side(one, names, threads)))
        frames = np.array([len(hidden[name].z) for name in names])
        plain = {
            f"per_frame_{name}": (
                "recording",
                np.array([syllable_baselines.evidence(hidden[n].x, one) for n in names])
                / np.maximum(frames, 1),
            )
            for name, one in zip(syllable_baselines.NAMES, self.baselines_, strict=True)
        }
        return xr.Dataset(
            {
                "log_evidence": ("recording", told),
                "per_frame": ("recording", told / np.maximum(frames, 1)),
                "frames": ("recording", frames),
                **plain,
            },
            {"recording": names},
        )

    def sample(
        self, n_frames: int, random_state: int = 0
    ) -> tuple[Float[np.ndarray, "T D"], Int[np.ndarray, " T"]]:
        """Draw a series from the model, and its labels (-1 in the first L frames)."""
        z, x = draw(self._known(), n_frames, streams.generator(random_state, "sample"))
        return x, self._labels({"": z})[""]

    def sequences(self, labels: Mapping[str, Int[np.ndarray, " _"]]) -> Sequences:
        """Return labels as what the models of states and bouts read."""
        return syllables.packed(labels, self.fps_, self.settings.n_states)

    def to_dataset(self) -> xr.Dataset:
        """Return all of the fitted model but the labels of its recordings."""
        known = self._known()
        held = {**syllable_data.tables(known), "trace": (("sweep", "term"), self.trace_)}
        attrs = {
            "settings": json.dumps(self.settings.model_dump(mode="json")),
            "fps": self.fps_, "kappa": self.kappa_, "notes": json.dumps(self.notes_),
        }  # fmt: skip
        coords = {"term": list(syllable_chain.TRACE)}
        held |= {"rank": ("state", self.rank_), **syllable_baselines.tables(self.baselines_)}
        return xr.Dataset(held, coords, attrs)

    @classmethod
    def from_dataset(cls, held: xr.Dataset) -> "ARHMM":
        """Return the model that `to_dataset` wrote."""
        model = cls(**json.loads(held.attrs["settings"]))
        model.parameters_ = syllable_data.parameters(held)
        model.trace_, model.rank_ = held["trace"].values, held["rank"].values
        model.fps_, model.kappa_ = float(held.attrs["fps"]), float(held.attrs["kappa"])
        model.notes_, model.sample_ = tuple(json.loads(held.attrs["notes"])), {}
        model.baselines_ = syllable_baselines.from_tables(held)
        return model

    def _known(self) -> Parameters:
        if not hasattr(self, "parameters_"):
            raise InputError("the model is not fitted yet; call fit first")
        return self.parameters_

    def _hidden(self, recordings: Recordings) -> dict[str, Hidden]:
        data, hidden = prepare(self.settings, recordings, self.fps_)
        n_dims = self.parameters_.dynamics.q.shape[1]
        for key, own in zip(data.keys, hidden, strict=True):
            if own.x.shape[1] != n_dims:
                raise InputError(
                    f"{key.recording} has {own.x.shape[1]} dimensions, the model was fitted to "
                    f"{n_dims}; give the same ones"
                )
        return {key.recording: own for key, own in zip(data.keys, hidden, strict=True)}

    def _labels(self, states: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return labels by usage, with -1 in the first frames."""
        first = np.full(self.settings.lags, -1)
        return {name: np.concatenate([first, self.rank_[z]]) for name, z in states.items()}


def prepare(
    settings: DynamicsSettings, recordings: Recordings, fps: float
) -> tuple[Data, list[Hidden]]:
    """Return series ready for sweeps, by name; their order is of no effect."""
    names = sorted(recordings)
    for name in names:
        x = recordings[name]
        holes = ~np.asarray(np.isfinite(x).all(axis=1))
        if holes.any():
            raise InputError(
                f"{name}: frame {int(holes.argmax())} is not finite; fill or cut it before"
            )
        if x.shape[1] != recordings[names[0]].shape[1]:
            raise InputError(
                f"{name} has {x.shape[1]} dimensions, {names[0]} has "
                f"{recordings[names[0]].shape[1]}; give the same ones"
            )
        if len(x) <= settings.lags:
            raise InputError(
                f"{name} has {len(x)} frames, no more than lags ({settings.lags}); drop it"
            )
    if not names:
        raise InputError("there are no recordings; give at least one")
    keys = tuple(Key(name, 0, 0) for name in names)
    data = Data(keys, (), None, syllables.one_rate({name: fps for name in names}))
    return data, [syllable_chain.given(recordings[name], settings) for name in names]


def draw(
    known: Parameters, n_frames: int, rng: np.random.Generator
) -> tuple[Int[np.ndarray, " F"], Float[np.ndarray, "T D"]]:
    """Draw states and a series that begins at 0."""
    ab, q = known.dynamics
    n, d, columns = ab.shape
    lags = (columns - 1) // d
    cumulative, roots = known.trans.cumsum(1), np.linalg.cholesky(q)
    z = np.zeros(max(0, n_frames - lags), np.int64)
    x = np.zeros((n_frames, d))
    state = int(rng.integers(n))
    for t in range(len(z)):
        if t:
            state = min(n - 1, int((cumulative[state] < rng.random()).sum()))
        z[t] = state
        mean = ab[state] @ np.append(x[t : t + lags].ravel(), 1.0)
        x[t + lags] = mean + roots[state] @ rng.standard_normal(d)
    return z, x

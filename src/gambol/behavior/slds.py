"""Syllables of keypoints that are noisy, and absent now and then: a switching linear system.

In the manner of scikit-learn. Latents follow autoregressive dynamics that switch; a body lifts
them to keypoints, which turn and move with the animal and are seen with heavy-tailed noise. The
sampling is in `syllable_chain`, its start in `slds_start`, prediction in `slds_predict`.
Source of the model: Weinreb et al. (2024), Nat. Methods 21:1329.
"""

import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from gambol.behavior import arhmm as series
from gambol.behavior import (
    jobs,
    slds_data,
    slds_predict,
    slds_start,
    syllable_baselines,
    syllable_chain,
    syllables,
)
from gambol.behavior.align import AlignSettings
from gambol.behavior.gibbs import side_by_side
from gambol.behavior.shape import ShapePCA
from gambol.behavior.slds_predict import Climbed
from gambol.behavior.slds_start import Calibration, Model, Poses, Start
from gambol.behavior.syllable_baselines import Baselines
from gambol.behavior.syllable_chain import Chain, Frozen, Hidden
from gambol.behavior.syllable_settings import SyllableSettings
from gambol.behavior.syllables import Parameters
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.core.sequences import Sequences
from gambol.core.tracks import Track
from gambol.kernels import arhmm_paths, slds_frames, streams
from gambol.kernels.arhmm import Dynamics
from gambol.kernels.slds_frames import Course

_UNFITTED = "the model is not fitted yet; call fit first"


class KeypointSLDS:
    """Syllables of poses in 2D or 3D.

    Args:
        settings: those of `SyllableSettings`, by name; and `n_jobs`: threads of calls that do
            not say how many (1; -1: all cores).

    After `fit`: `parameters_` of the last sweep, `model_`: body, walk and noise, `shape_`:
    principal components, `kappa_`, `trace_ (sweep, 6)` with the columns
    `syllable_chain.TRACE`, `sample_`: what the last sweep drew, a dataset a recording (see
    `predict`), `rank_`: the label of each state, by usage; `notes_`: what the searches for the
    stickiness said; `baselines_`: what it has to beat (see `score`); `seen_`: how states step
    in principal components, from which predictions set out.
    """

    settings: SyllableSettings
    n_jobs: int
    parameters_: Parameters
    model_: Model
    shape_: ShapePCA
    alignment_: AlignSettings
    kappa_: float
    trace_: Float[np.ndarray, "I 6"]
    sample_: dict[str, xr.Dataset]
    rank_: Int[np.ndarray, " N"]
    notes_: tuple[str, ...]
    baselines_: Baselines
    seen_: Dynamics | None

    def __init__(self, **settings: Any):
        self.n_jobs = jobs.taken(settings, "KeypointSLDS")
        self.settings = SyllableSettings.from_values(settings, "KeypointSLDS")

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the settings by name."""
        return {**self.settings.model_dump(), "n_jobs": self.n_jobs}

    def set_params(self, **settings: Any) -> "KeypointSLDS":
        """Change settings; what was fitted stays until the next `fit`."""
        given = {**self.get_params(), **settings}
        self.n_jobs = jobs.taken(given, "KeypointSLDS")
        self.settings = SyllableSettings.from_values(given, "KeypointSLDS")
        return self

    def __sklearn_clone__(self) -> "KeypointSLDS":
        """Return a model of the same settings that is not fitted."""
        return type(self)(**self.get_params())

    def prepare(self, poses: Poses, calibration: Calibration | None = None) -> Start:
        """Fix body, walk and noise by the poses; return where the chain begins.

        Args:
            poses: a dataset, several, or several by name; or tracks. Those of `Read` are never
                held together.
            calibration: how confidence foretells noise; without it as the settings say.
        """
        found = slds_start.gathered(poses)
        self.alignment_ = slds_start.alignment(self.settings, poses)
        self.model_, self.shape_ = slds_start.fixed(self.settings, found, self.alignment_)
        if calibration is not None:
            self.model_ = self.model_._replace(calibration=calibration)
        return self._start(poses)

    def fit(
        self,
        poses: Poses,
        *,
        calibration: Calibration | None = None,
        threads: int | None = None,
        progress: Progress = silent,
    ) -> "KeypointSLDS":
        """Fit the model; the same seed gives the same bits for any number of threads.

        Args:
            poses: a dataset, several, or several by name (else they are called by their
                number); or tracks. Not smoothed, absent points left absent.
            calibration: how confidence foretells noise; without it as the settings say.
            threads: that work side by side; none: `n_jobs`.
            progress: told of every sweep.
        """
        threads = jobs.threads(self.n_jobs, threads)
        start = self.prepare(poses, calibration)
        chain = syllable_chain.start(self.settings, start.data, start.hidden)
        while not syllable_chain.finished(self.settings, chain):
            chain = syllable_chain.planned(self.settings, start.data, chain, threads)
            progress(Step("fit-syllables", chain.sweeps, 0, "sweep"))
        return self.take(chain, start)

    def take(self, chain: Chain, start: Start) -> "KeypointSLDS":
        """Become what a chain has found so far; `start` is what `prepare` returned."""
        self.parameters_, self.kappa_ = chain.parameters, chain.plan.kappa
        self.trace_, self.notes_ = chain.trace, chain.plan.notes
        self.model_ = self.model_._replace(share=chain.share)
        z = [own.z for own in chain.hidden]
        self.rank_ = syllables.by_usage(syllables.usage(z, self.settings.n_states))
        series = [own.x for own in chain.hidden if len(own.z)]
        self.baselines_ = syllable_baselines.learn(series, self.settings.lags)
        self.seen_ = slds_predict.as_seen(self.settings, start.hidden, chain)
        self.sample_ = self._described(start, chain.hidden)
        return self

    def relabel(self, found: Mapping[str, xr.Dataset]) -> "KeypointSLDS":
        """Number syllables by their usage in these results of `predict` or `sample_`.

        Only `rank_` changes, so the parameters stay as they are; results that were made before
        keep their numbers.
        """
        self.rank_ = syllables.renumbered(
            self.rank_, [one["syllable"].values for one in found.values()]
        )
        return self

    def predict(self, poses: Poses, threads: int | None = None) -> dict[str, xr.Dataset]:
        """Return what most probably happened in each recording, parameters frozen.

        Each by itself and without chance: what else is asked for is of no effect. Variables:
        `syllable (time)`, -1 in gaps and in the first L frames of a stretch, `latent (time,
        latent)`, `centroid (time, space)`, `heading (time)` in rad and `noise (time,
        keypoints)`, the variance of each observation, NaN where a keypoint is absent.
        """
        threads = jobs.threads(self.n_jobs, threads)
        start = self._start(poses)
        found = [climbed.hidden for climbed in self._climbs(start, threads)]
        return self._described(start, found)

    def transform(self, poses: Poses, threads: int | None = None) -> dict[str, xr.Dataset]:
        """Return latents, centroid, heading and noise of each recording, as `predict` does."""
        threads = jobs.threads(self.n_jobs, threads)
        found = self.predict(poses, threads)
        return {name: one.drop_vars("syllable") for name, one in found.items()}

    def climb(self, poses: Poses, threads: int | None = None) -> dict[str, list[Climbed]]:
        """Return the climbs behind `predict`, one a stretch, with the log joint by round."""
        threads = jobs.threads(self.n_jobs, threads)
        start = self._start(poses)
        out: dict[str, list[Climbed]] = {name: [] for name in start.lengths}
        for key, climbed in zip(start.data.keys, self._climbs(start, threads), strict=True):
            out[key.recording].append(climbed)
        return out

    def predict_proba(self, poses: Poses, threads: int | None = None) -> dict[str, np.ndarray]:
        """Return p(syllable | keypoints) (time, syllable), NaN where there is no label.

        Smoothed marginals averaged over 100 sweeps after 50, parameters frozen, streams fixed.
        """
        threads = jobs.threads(self.n_jobs, threads)
        start, frozen = self._start(poses), self._frozen()
        climbs = self._climbs(start, threads)

        def one(i: int) -> np.ndarray:
            own = climbs[i].hidden
            return slds_predict.average(self.settings, start.data, i, own, frozen)

        return self._ranked(start, list(side_by_side(one, range(len(climbs)), threads)))

    def marginals(self, poses: Poses, threads: int | None = None) -> dict[str, np.ndarray]:
        """Return p(syllable | the latents of `predict`) (time, syllable), NaN without label.

        A hundredth of the work of `predict_proba`, and too sure, for it takes latents as known.
        """
        threads = jobs.threads(self.n_jobs, threads)
        start, frozen = self._start(poses), self._frozen()
        found = [
            arhmm_paths.marginals(climbed.hidden.x, frozen.laid, frozen.trans)[0]
            for climbed in self._climbs(start, threads)
        ]
        return self._ranked(start, found)

    def score(
        self, poses: Poses, *, hidden_share: float = 0.1, random_state: int = 0,
        threads: int | None = None,
    ) -> xr.Dataset:  # fmt: skip
        """Return how well the model foretells recordings, dims `recording`, in nats.

        `per_frame`: log p(latents | their first L frames), by frame; `held_out`: mean log
        density of keypoints that were hidden at random, by keypoint and frame. The same with
        `_gaussian` and `_first_order`: of `baselines_`, on the same latents and the same hidden
        keypoints. `frames`, `points`: over how many.
        """
        threads = jobs.threads(self.n_jobs, threads)
        whole, frozen = self._start(poses), self._frozen()
        names = sorted(whole.lengths)
        sums = {name: np.zeros(4) for name in names}
        for key, climbed in zip(whole.data.keys, self._climbs(whole, threads), strict=True):
            x = climbed.hidden.x
            told = [arhmm_paths.evidence(x, frozen.laid, frozen.trans)]
            told += [syllable_baselines.evidence(x, known) for known in self.baselines_]
            sums[key.recording] += *told, len(climbed.hidden.z)
        table = np.array([sums[name] for name in names])
        models = [self, *(self._alike(known) for known in self.baselines_)]
        every = list(slds_start.gathered(poses).values())
        hidden = hide(every, hidden_share, random_state)
        found = [model._held_out(poses, hidden, threads) for model in models]
        held = {"frames": table[:, 3].astype(np.int64), "points": found[0][1]}
        for m, suffix in enumerate(("", *(f"_{name}" for name in syllable_baselines.NAMES))):
            held[f"per_frame{suffix}"] = table[:, m] / np.maximum(table[:, 3], 1)
            held[f"held_out{suffix}"] = found[m][0]
        return xr.Dataset(
            {name: ("recording", values) for name, values in held.items()},
            {"recording": names},
        )

    def sample(self, n_frames: int, random_state: int = 0) -> xr.Dataset:
        """Draw poses of an animal that heads along the first axis, and what lies below them."""
        rng = streams.generator(random_state, "sample")
        z, x = series.draw(self._fitted(), n_frames, rng)
        scene = self.model_.scene
        d = scene.body.offset.shape[1]
        v = np.cumsum(rng.standard_normal((n_frames, d)) * np.sqrt(scene.step), axis=0)
        own = Hidden(z.astype(np.uint8), x, v, np.zeros(n_frames), np.ones((n_frames, 0)))
        course = Course(np.zeros((n_frames, len(scene.body.offset), d)), v, own.heading)
        clean = slds_frames.predicted(x, scene.body, course)
        back = np.argsort(self.model_.axes)
        label = np.r_[np.full(self.settings.lags, -1), self.rank_[z]][:n_frames]
        return xr.Dataset(
            {
                "position": (("time", "keypoints", "space"), clean[..., back]),
                "syllable": ("time", label), "latent": (("time", "latent"), x),
                "centroid": (("time", "space"), v[:, back]), "heading": ("time", own.heading),
            },
            {
                "time": np.arange(n_frames) / self.model_.fps,
                "keypoints": list(self.model_.names), "space": list("xyz")[:d],
            },
        )  # fmt: skip

    def sequences(self, found: Mapping[str, xr.Dataset]) -> Sequences:
        """Return labels of `predict` or `sample_` as models of states and bouts read them."""
        labels = {name: one["syllable"].values for name, one in found.items()}
        return syllables.packed(labels, self.model_.fps, self.settings.n_states)

    def to_dataset(self) -> xr.Dataset:
        """Return all of the fitted model but what it says of its recordings."""
        self._fitted()
        held = {"trace": (("sweep", "term"), self.trace_), "rank": ("state", self.rank_)}
        attrs = {
            "settings": json.dumps(self.settings.model_dump(mode="json")),
            "kappa": self.kappa_, "notes": json.dumps(self.notes_),
            "alignment": self.alignment_.model_dump_json(),
        }  # fmt: skip
        held |= syllable_baselines.tables(self.baselines_)
        if self.seen_ is not None:
            held["seen_coefficients"] = (("state", "latent", "column"), self.seen_.ab)
            held["seen_covariance"] = (("state", "latent", "latent_b"), self.seen_.q)
        whole = xr.Dataset(held, {"term": list(syllable_chain.TRACE)}, attrs)
        return slds_data.joined(whole, self.parameters_, self.model_, self.shape_)

    @classmethod
    def from_dataset(cls, held: xr.Dataset) -> "KeypointSLDS":
        """Return the model that `to_dataset` wrote."""
        model = cls(**json.loads(held.attrs["settings"]))
        model.parameters_, model.model_, model.shape_ = slds_data.taken_apart(held)
        model.alignment_ = AlignSettings.model_validate_json(held.attrs["alignment"])
        model.trace_, model.rank_ = held["trace"].values, held["rank"].values
        model.kappa_, model.sample_ = float(held.attrs["kappa"]), {}
        model.notes_ = tuple(json.loads(held.attrs["notes"]))
        model.baselines_ = syllable_baselines.from_tables(held)
        named = ("seen_coefficients", "seen_covariance")
        there = all(name in held for name in named)
        model.seen_ = Dynamics(*(held[name].values for name in named)) if there else None
        return model

    def _fitted(self) -> Parameters:
        if not hasattr(self, "parameters_"):
            raise InputError(_UNFITTED)
        return self.parameters_

    def _frozen(self) -> Frozen:
        return syllable_chain.freeze(self._fitted())

    def _start(self, poses: Poses) -> Start:
        if not hasattr(self, "model_"):
            raise InputError(_UNFITTED)
        found = slds_start.gathered(poses)
        args = found, self.model_, self.shape_, self.alignment_
        return slds_start.begin(self.settings, *args)

    def _climbs(self, start: Start, threads: int) -> list[Climbed]:
        frozen, seen = self._frozen(), self.seen_

        def one(i: int) -> Climbed:
            own = start.hidden[i]
            if seen is None:
                own = slds_predict.settle(start.data, i, own, self._fitted())
            else:
                own = slds_predict.recall(start.data, i, own, frozen, seen)
            return slds_predict.ascend(start.data, i, own, frozen)

        return list(side_by_side(one, range(len(start.data.keys)), threads))

    def _ranked(self, start: Start, found: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """Return probabilities of states as those of syllables, on the frames of recordings."""
        late, parts = self.settings.lags, [np.empty_like(probs) for probs in found]
        for part, probs in zip(parts, found, strict=True):
            part[:, self.rank_] = probs
        return syllables.spread_out(start.data.keys, parts, start.lengths, np.nan, late)

    def _described(self, start: Start, found: Sequence[Hidden]) -> dict[str, xr.Dataset]:
        share = self.model_.share
        return slds_data.described(start, found, self.model_._replace(share=share), self.rank_)

    def _alike(self, dynamics: Dynamics) -> "KeypointSLDS":
        """Return this model with the dynamics of a single state in place of its own."""
        other = copy.copy(self)
        other.settings = self.settings.model_copy(update={"n_states": 1})
        other.parameters_, other.seen_ = syllable_baselines.alone(dynamics), None
        other.rank_ = np.zeros(1, np.int64)
        return other

    def _held_out(
        self, poses: Poses, masked: Sequence[tuple[Track, np.ndarray]], threads: int
    ) -> tuple[Float[np.ndarray, " R"], Int[np.ndarray, " R"]]:
        """Return the mean log density of hidden keypoints by recording, and how many."""
        start = self._start([track for track, _ in masked])
        hidden = {track.name: gone for track, gone in masked}
        truth = slds_start.gathered(poses)
        sums = {name: np.zeros(2) for name in sorted(start.lengths)}
        for key, climbed in zip(start.data.keys, self._climbs(start, threads), strict=True):
            whole = truth[key.recording]
            own = slice(key.start, key.start + len(climbed.hidden.x))
            prior = slds_start.noise_prior(whole, self.model_.calibration)[own]
            told = self._log_density(climbed.hidden, whole.xy[own], prior)
            told = told[hidden[key.recording][own]]
            sums[key.recording] += told.sum(), len(told)
        table = np.array(list(sums.values()))
        return table[:, 0] / np.maximum(table[:, 1], 1), table[:, 1].astype(np.int64)

    def _log_density(
        self, own: Hidden, xy: Float[np.ndarray, "T J d"], prior: Float[np.ndarray, "T J"]
    ) -> Float[np.ndarray, "T J"]:
        """Return the log density of keypoints, their noise integrated out: Student's t."""
        ordered = np.ascontiguousarray(xy[..., list(self.model_.axes)])
        course = Course(ordered, own.centroid, own.heading)
        square = slds_frames.residuals(own.x, self.model_.scene.body, course)
        scale = prior * self.model_.share
        return slds_predict.log_student(square, scale, self.settings.noise_dof, xy.shape[2])


def hide(
    found: Sequence[Track], share: float, random_state: int
) -> list[tuple[Track, np.ndarray]]:
    """Return tracks with a share of their keypoints made absent, and which ones."""
    out = []
    for track in found:
        rng = streams.generator(random_state, "hidden", track.name)
        gone = (rng.random(track.xy.shape[:2]) < share) & ~np.isnan(track.xy[..., 0])
        out.append((track._replace(xy=np.where(gone[..., None], np.nan, track.xy)), gone))
    return out

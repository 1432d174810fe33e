"""Syllables of keypoints that are noisy, and absent now and then: a switching linear system.

In the manner of scikit-learn. Latents follow autoregressive dynamics that switch; a body lifts
them to keypoints, which turn and move with the animal and are seen with heavy-tailed noise. The
sampling is in `syllable_chain`, its start in `slds_start`, prediction in `slds_predict`.
Source of the model: Weinreb et al. (2024), Nat. Methods 21:1329.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from gambol.behavior import arhmm as series
from gambol.behavior import slds_data, slds_predict, slds_start, syllable_chain, syllables
from gambol.behavior.align import AlignSettings
from gambol.behavior.gibbs import side_by_side
from gambol.behavior.shape import ShapePCA
from gambol.behavior.slds_predict import Climbed
from gambol.behavior.slds_start import Calibration, Model, Poses, Start
from gambol.behavior.syllable_chain import Chain, Frozen, Hidden
from gambol.behavior.syllable_settings import SyllableSettings
from gambol.behavior.syllables import Parameters
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.core.sequences import Sequences
from gambol.kernels import arhmm_paths, slds_frames, streams
from gambol.kernels.slds_frames import Course

Found = TypeVar("Found")


class KeypointSLDS:
    """Syllables of poses in 2D or 3D.

    Args:
        settings: those of `SyllableSettings`, by name.

    After `fit`: `parameters_` of the last sweep, `model_`: body, walk and noise, `shape_`:
    principal components, `kappa_`, `trace_ (sweep, 5)` with the columns
    `syllable_chain.TRACE`, `sample_`: what the last sweep drew, a dataset a recording (see
    `predict`), `rank_`: the label of each state, by usage; `notes_`: what the searches for the
    stickiness said.
    """

    settings: SyllableSettings
    parameters_: Parameters
    model_: Model
    shape_: ShapePCA
    alignment_: AlignSettings
    kappa_: float
    trace_: Float[np.ndarray, "I 5"]
    sample_: dict[str, xr.Dataset]
    rank_: Int[np.ndarray, " N"]
    notes_: tuple[str, ...]

    def __init__(self, **settings: Any):
        self.settings = SyllableSettings.from_values(settings, "KeypointSLDS")

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the settings by name."""
        return self.settings.model_dump()

    def set_params(self, **settings: Any) -> "KeypointSLDS":
        """Change settings; what was fitted stays until the next `fit`."""
        self.settings = SyllableSettings.from_values(
            {**self.settings.model_dump(), **settings}, "KeypointSLDS"
        )
        return self

    def prepare(self, poses: Poses, calibration: Calibration | None = None) -> Start:
        """Fix body, walk and noise by the poses; return where the chain begins.

        Args:
            poses: datasets by recording, or tracks.
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
        threads: int = 1,
        progress: Progress = silent,
    ) -> "KeypointSLDS":
        """Fit the model; the same seed gives the same bits for any number of threads.

        Args:
            poses: datasets by recording, or tracks; not smoothed, absent points left absent.
            calibration: how confidence foretells noise; without it as the settings say.
            threads: that work side by side.
            progress: told of every sweep.
        """
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
        self.sample_ = self._described(start, chain.hidden)
        return self

    def predict(self, poses: Poses, threads: int = 1) -> dict[str, xr.Dataset]:
        """Return what most probably happened in each recording, parameters frozen.

        Each by itself and without chance: what else is asked for is of no effect. Variables:
        `syllable (time)`, -1 in gaps and in the first L frames of a stretch, `latent (time,
        latent)`, `centroid (time, space)`, `heading (time)` in rad and `noise (time,
        keypoints)`, the variance of each observation, NaN where a keypoint is absent.
        """
        start = self._start(poses)
        found = [climbed.hidden for climbed in self._climbs(start, threads)]
        return self._described(start, found)

    def climb(self, poses: Poses, threads: int = 1) -> dict[str, list[Climbed]]:
        """Return the climbs behind `predict`, one a stretch, with the log joint by round."""
        start = self._start(poses)
        out: dict[str, list[Climbed]] = {name: [] for name in start.lengths}
        for key, climbed in zip(start.data.keys, self._climbs(start, threads), strict=True):
            out[key.recording].append(climbed)
        return out

    def predict_proba(self, poses: Poses, threads: int = 1) -> dict[str, np.ndarray]:
        """Return p(syllable | keypoints) (time, syllable), NaN where there is no label.

        Smoothed marginals averaged over 100 sweeps after 50, parameters frozen, streams fixed.
        """
        start, frozen = self._start(poses), self._frozen()
        climbs = self._climbs(start, threads)

        def one(i: int) -> np.ndarray:
            data, own = start.data, climbs[i].hidden
            probs = slds_predict.average(self.settings, data, i, own, frozen)
            out = np.empty_like(probs)
            out[:, self.rank_] = probs
            return out

        found = list(side_by_side(one, range(len(climbs)), threads))
        late, keys = self.settings.lags, start.data.keys
        return syllables.spread_out(keys, found, start.lengths, np.nan, late)

    def score(
        self, poses: Poses, *, hidden_share: float = 0.1, random_state: int = 0,
        threads: int = 1,
    ) -> xr.Dataset:  # fmt: skip
        """Return how well the model foretells recordings, dims `recording`, in nats.

        `per_frame`: log p(latents | their first L frames), by frame; `held_out`: mean log
        density of keypoints that were hidden at random, by keypoint and frame.
        """
        whole, frozen = self._start(poses), self._frozen()
        masked = hide(slds_start.gathered(poses), hidden_share, random_state)
        seen_less = self._start([track for track, _ in masked])
        names = sorted(whole.lengths)
        sums = {name: np.zeros(4) for name in names}
        for key, climbed in zip(whole.data.keys, self._climbs(whole, threads), strict=True):
            told = arhmm_paths.evidence(climbed.hidden.x, frozen.laid, frozen.trans)
            sums[key.recording][:2] += told, len(climbed.hidden.z)
        climbs = self._climbs(seen_less, threads)
        tracks = {track.name: (track, gone) for track, gone in masked}
        truth = {track.name: track for track in slds_start.gathered(poses)}
        for key, climbed in zip(seen_less.data.keys, climbs, strict=True):
            own = slice(key.start, key.start + len(climbed.hidden.x))
            gone, xy = tracks[key.recording][1][own], truth[key.recording].xy[own]
            prior = slds_start.noise_prior(truth[key.recording], self.model_.calibration)[own]
            told = self._log_density(climbed.hidden, xy, prior)[gone]
            sums[key.recording][2:] += told.sum(), len(told)
        table = np.array([sums[name] for name in names])
        return xr.Dataset(
            {
                "per_frame": ("recording", table[:, 0] / np.maximum(table[:, 1], 1)),
                "held_out": ("recording", table[:, 2] / np.maximum(table[:, 3], 1)),
                "frames": ("recording", table[:, 1].astype(np.int64)),
                "points": ("recording", table[:, 3].astype(np.int64)),
            },
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
        return model

    def _fitted(self) -> Parameters:
        if not hasattr(self, "parameters_"):
            raise InputError("the model is not fitted yet; call fit first")
        return self.parameters_

    def _frozen(self) -> Frozen:
        return syllable_chain.freeze(self._fitted())

    def _start(self, poses: Poses) -> Start:
        found = slds_start.gathered(poses)
        args = found, self.model_, self.shape_, self.alignment_
        return slds_start.begin(self.settings, *args)

    def _climbs(self, start: Start, threads: int) -> list[Climbed]:
        frozen = self._frozen()

        def one(i: int) -> Climbed:
            own = slds_predict.settle(start.data, i, start.hidden[i], self._fitted())
            return slds_predict.ascend(start.data, i, own, frozen)

        return list(side_by_side(one, range(len(start.data.keys)), threads))

    def _described(self, start: Start, found: Sequence[Hidden]) -> dict[str, xr.Dataset]:
        share = self.model_.share
        return slds_data.described(start, found, self.model_._replace(share=share), self.rank_)

    def _log_density(
        self, own: Hidden, xy: Float[np.ndarray, "T J d"], prior: Float[np.ndarray, "T J"]
    ) -> Float[np.ndarray, "T J"]:
        """Return the log density of keypoints, their noise integrated out: Student's t."""
        ordered = np.ascontiguousarray(xy[..., list(self.model_.axes)])
        course = Course(ordered, own.centroid, own.heading)
        square = slds_frames.residuals(own.x, self.model_.scene.body, course)
        scale = prior * self.model_.share
        return slds_predict.log_student(square, scale, self.settings.noise_dof, xy.shape[2])


def hide(found: Sequence[Any], share: float, random_state: int) -> list[tuple[Any, np.ndarray]]:
    """Return tracks with a share of their keypoints made absent, and which ones."""
    out = []
    for track in found:
        rng = streams.generator(random_state, "hidden", track.name)
        gone = (rng.random(track.xy.shape[:2]) < share) & ~np.isnan(track.xy[..., 0])
        out.append((track._replace(xy=np.where(gone[..., None], np.nan, track.xy)), gone))
    return out

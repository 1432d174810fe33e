"""Behaviours that people named, found again in other recordings, in the manner of scikit-learn.

Boosted trees on features of poses; thresholds, probabilities and bouts are chosen, and all of
it is scored, on recordings that did not train. The learning is in `classifier_fit`; this is
what a notebook holds.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Bool, Float, Int

from gambol.behavior import (
    classifier_context,
    classifier_data,
    classifier_explain,
    classifier_fit,
    classifier_kept,
    classifier_scores,
    classifier_splits,
)
from gambol.behavior.classifier_bouts import Decision
from gambol.behavior.classifier_data import Series, Truth
from gambol.behavior.classifier_fit import Models, Task, Validated
from gambol.behavior.classifier_kept import Kept
from gambol.behavior.classifier_settings import ClassifierSettings
from gambol.behavior.classifier_splits import Folds
from gambol.behavior.features import Features, features
from gambol.core.errors import InputError
from gambol.core.ethogram import Ethogram, join
from gambol.core.ethogram_frames import Channel, Frames, from_frames
from gambol.core.progress import Progress, silent

Poses = (
    xr.Dataset | Sequence[xr.Dataset | xr.DataArray] | Mapping[str, xr.Dataset] | xr.DataArray
)
Labels = dict[str, xr.DataArray]  # by series: recording, or recording/animal
_ALONE = (
    "All recordings are of one animal, so scores are by recording: other animals may be told "
    "less well, and there are no intervals."
)


class BehaviorClassifier:
    """Behaviours learned from people.

    Args:
        features: which features of poses; not needed where features are given.
        labels: to learn; none: all that have bouts.
        settings: those of `ClassifierSettings`, by name.

    After `fit`: `labels_`, `models_`, `decisions_` (threshold, filter, calibration of each
    label), `folds_`, `validated_` (what models say of frames that did not train them),
    `scores_` and `importance_` (tables), `ceiling_` (agreement of raters), `remarks_`,
    `columns_` (names of the features), `recordings_` that trained, `fps_`.
    """

    settings: ClassifierSettings
    labels_: tuple[str, ...]
    models_: Models
    fold_models_: tuple[Models, ...]
    decisions_: tuple[Decision, ...]
    columns_: tuple[str, ...]
    fps_: float
    recordings_: tuple[str, ...]
    series_: Series
    truth_: Truth
    folds_: Folds
    validated_: Validated
    scores_: pd.DataFrame
    importance_: pd.DataFrame
    ceiling_: pd.DataFrame
    remarks_: tuple[str, ...]

    def __init__(
        self,
        features: Features | None = None,
        labels: Sequence[str] = (),
        **settings: Any,
    ):
        self.features, self.labels = features, tuple(labels)
        self.settings = ClassifierSettings.from_values(settings, "BehaviorClassifier")

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the settings by name."""
        own = {"features": self.features, "labels": self.labels}
        return own | {
            name: getattr(self.settings, name) for name in type(self.settings).model_fields
        }

    def set_params(self, **settings: Any) -> "BehaviorClassifier":
        """Change settings; what was fitted stays until the next `fit`."""
        given = self.get_params() | settings
        self.features, self.labels = given.pop("features"), tuple(given.pop("labels"))
        self.settings = ClassifierSettings.from_values(given, "BehaviorClassifier")
        return self

    def __sklearn_clone__(self) -> "BehaviorClassifier":
        """Return a model of the same settings that is not fitted."""
        return type(self)(**self.get_params())

    def fit(
        self,
        poses: Poses,
        bouts: Ethogram,
        groups: str | Mapping[str, str] = "recording",
        *,
        folds: Int[np.ndarray, " N"] | None = None,
        ties: Literal["absent", "present", "unknown"] = "absent",
        progress: Progress = silent,
    ) -> "BehaviorClassifier":
        """Learn behaviours, and say how well on frames that did not train.

        Args:
            poses: of recordings, by name; or features of animals.
            bouts: what people saw in them.
            groups: `recording`; `blocks` of each recording; or the animal of each recording.
                One recording alone is cut into blocks in any case.
            folds: of every frame of `series_`, if somebody chose them; unfair ones are
                refused.
            ties: what half of an even number of raters means.
            progress: told of every model.
        """
        animals = self.tables(poses)
        return self.fit_series(
            animals, bouts, groups, folds=folds, ties=ties, progress=progress
        )

    def fit_series(
        self,
        animals: Series,
        bouts: Ethogram,
        groups: str | Mapping[str, str] = "recording",
        *,
        folds: Int[np.ndarray, " N"] | None = None,
        ties: Literal["absent", "present", "unknown"] = "absent",
        progress: Progress = silent,
    ) -> "BehaviorClassifier":
        """Do `fit` on features that are laid out already, as `tables` returns them."""
        gap = self._gap(animals)
        animals = classifier_context.around(animals, self.settings.around_s)
        told = classifier_data.truth(animals, bouts, self.labels, ties=ties)
        task = Task(animals.values, told.shown, told.observed, animals.offsets, animals.fps)
        drawn = self._folds(animals, told, groups, folds, gap)
        found = classifier_fit.validate(self.settings, task, drawn, progress)
        everything = np.ones(len(animals.values), bool)
        self.models_ = classifier_fit.train(self.settings, task, everything, "all")
        self.fold_models_ = found.models
        self.decisions_ = classifier_fit.decisions_of(
            self.settings, task, found.score, told.observed
        )
        self.labels_, self.columns_, self.fps_ = told.labels, animals.columns, animals.fps
        self.recordings_ = tuple(dict.fromkeys(animals.recordings))
        self.series_, self.truth_, self.folds_, self.validated_ = animals, told, drawn, found
        self.scores_ = self._table(
            animals, told, found.predicted, found.score, _groups(animals, groups)
        )
        self.importance_ = classifier_explain.importance(
            self.settings, task, drawn, found, told.labels, classifier_data.families(animals),
            progress,
        )  # fmt: skip
        self.ceiling_ = told.ceiling
        self.remarks_ = (*told.remarks, *_remarks(told, drawn, found, animals))
        if _one_animal(animals, groups):
            self.remarks_ += (_ALONE,)
        return self

    def tables(self, poses: Poses) -> Series:
        """Return the features of recordings: computed of poses, or as they are given."""
        arrays: list[xr.DataArray] = []
        for name, one in _named(poses):
            if isinstance(one, xr.DataArray):
                arrays.append(one)
                continue
            if self.features is None:
                raise InputError(
                    f"{name!r} holds poses, but the model knows no settings of features; give "
                    "features, or settings for them"
                )
            arrays += features(one, self.features, name, dtype=np.float32)
        return classifier_data.series(arrays)

    def predict(self, poses: Poses) -> Labels:
        """Return which frames show what, (time, label), after the bout filter."""
        animals, scores = self._scored(poses)
        return self._arrays(animals, self.decide(animals, scores))

    def predict_proba(self, poses: Poses) -> Labels:
        """Return p(label) of each frame, (time, label), calibrated, before the bout filter."""
        animals, scores = self._scored(poses)
        return self._arrays(animals, classifier_fit.probabilities(scores, self.decisions_))

    def ensemble(self, animals: Series) -> Float[np.ndarray, "E N L"]:
        """Return p(label) by each of the models without a fold, before calibration.

        Args:
            animals: what `ready` returns.
        """
        self._fitted()
        made = [classifier_fit.score(models, animals.values) for models in self.fold_models_]
        return np.stack(made)

    def ethogram(self, poses: Poses) -> Ethogram:
        """Return the bouts that are found, each with its mean probability."""
        animals, scores = self._scored(poses)
        probability = classifier_fit.probabilities(scores, self.decisions_)
        return bouts_of(animals, self.labels_, self.decide(animals, scores), probability)

    def scores(
        self, poses: Poses, bouts: Ethogram, groups: str | Mapping[str, str] = "recording"
    ) -> pd.DataFrame:
        """Return how well other recordings are told, as `classifier_scores.table`."""
        animals, scores = self._scored(poses)
        return self.compare(animals, scores, bouts, groups)

    def compare(
        self,
        animals: Series,
        scores: Float[np.ndarray, "N L"],
        bouts: Ethogram,
        groups: str | Mapping[str, str] = "recording",
    ) -> pd.DataFrame:
        """Do `scores` on what the models say already."""
        told = classifier_data.truth(animals, bouts, self.labels_, every_label=False)
        active = self.decide(animals, scores)
        return self._table(animals, told, active, scores, _groups(animals, groups))

    def score(self, poses: Poses, bouts: Ethogram) -> float:
        """Return the F1 of frames, mean over labels, of other recordings."""
        return float(self.scores(poses, bouts)["f1"].mean())

    def to_dataset(self) -> xr.Dataset:
        """Return the fitted model as plain arrays."""
        self._fitted()
        said = {
            "settings": json.dumps(self.settings.model_dump(mode="json")),
            "features": "" if self.features is None else self.features.model_dump_json(),
            "fps": self.fps_,
            "recordings": json.dumps(self.recordings_),
        }
        kept = Kept(
            self.labels_, self.columns_, self.models_, self.fold_models_, self.decisions_
        )
        return classifier_kept.to_dataset(kept).assign_attrs(said)

    @classmethod
    def from_dataset(cls, held: xr.Dataset) -> "BehaviorClassifier":
        """Return the model that `to_dataset` wrote; numbers are checked, nothing is run."""
        said = str(held.attrs["features"])
        wanted = None
        if said:
            wanted = Features.from_values(json.loads(said), "the features of the model")
        kept = classifier_kept.from_dataset(held)
        model = cls(wanted, kept.labels, **json.loads(held.attrs["settings"]))
        model.labels_, model.columns_ = kept.labels, kept.columns
        model.models_, model.fold_models_ = kept.models, kept.fold_models
        model.decisions_, model.fps_ = kept.decisions, float(held.attrs["fps"])
        model.recordings_ = tuple(json.loads(held.attrs["recordings"]))
        return model

    def _folds(
        self,
        animals: Series,
        told: Truth,
        groups: str | Mapping[str, str],
        folds: Int[np.ndarray, " N"] | None,
        gap: int,
    ) -> Folds:
        """Draw folds, or check those that are given."""
        own, cfg = _groups(animals, groups), self.settings
        if _one_animal(animals, groups):
            own = list(animals.recordings)
        if folds is not None:
            return classifier_splits.given(folds, animals.offsets, own, gap)
        if groups == "blocks" or len(set(own)) == 1:
            return classifier_splits.blocks(animals.offsets, cfg.folds, gap)
        several = not isinstance(groups, str) and not _one_animal(animals, groups)
        kind = "animals" if several else "recordings"
        return classifier_splits.by_group(
            animals.offsets, own, told.shown, cfg.folds, cfg.random_state, kind
        )

    def _gap(self, animals: Series) -> int:
        """Return the frames between tested blocks and what trains."""
        reach = max(
            classifier_data.reach_s(animals.columns, animals.frequencies),
            classifier_context.reach_s(animals.columns, self.settings.around_s),
        )
        gap = self.settings.gap_s
        if gap is None:
            own = self.features  # windows are of what looks about itself, too
            gap = reach + (own.window_s + own.smooth.window_s if own is not None else 0.0)
        if gap < reach - 1e-9:
            raise InputError(
                f"gap_s is {gap:g}, but features look at windows of {reach:g} s; give as much"
            )
        return int(np.ceil(gap * animals.fps - 1e-6))

    def _table(
        self,
        animals: Series,
        told: Truth,
        predicted: Bool[np.ndarray, "N L"],
        score: Float[np.ndarray, "N L"],
        groups: Sequence[str],
    ) -> pd.DataFrame:
        cfg = self.settings
        return classifier_scores.table(
            told.labels, told.shown, predicted, score, told.observed, animals.offsets, groups,
            animals.fps, overlap=cfg.overlap, resamples=cfg.resamples, seed=cfg.random_state,
        )  # fmt: skip

    def _scored(self, poses: Poses) -> tuple[Series, Float[np.ndarray, "N L"]]:
        animals = self.ready(self.tables(poses))
        return animals, classifier_fit.score(self.models_, animals.values)

    def decide(
        self, animals: Series, scores: Float[np.ndarray, "N L"]
    ) -> Bool[np.ndarray, "N L"]:
        """Return which frames of series show what, of the scores of the models."""
        return classifier_fit.decide(
            self.settings, scores, animals.offsets, animals.fps, self.decisions_
        )

    def ready(self, animals: Series) -> Series:
        """Return features as the models look at them; refuse those of other fits."""
        self._fitted()
        animals = classifier_context.around(animals, self.settings.around_s)
        classifier_data.require_columns(
            animals.columns, self.columns_, animals.names[0], "the model"
        )
        if abs(animals.fps - self.fps_) > 1e-3 * self.fps_:
            raise InputError(
                f"{animals.names[0]!r} has {animals.fps:g} frames/s, the model was fitted to "
                f"{self.fps_:g}; bring them to one rate"
            )
        return animals

    def _fitted(self) -> None:
        if not hasattr(self, "models_"):
            raise InputError("the classifier is not fitted yet; call fit first")

    def _arrays(self, animals: Series, values: np.ndarray) -> Labels:
        return {
            name: xr.DataArray(
                values[animals.offsets[a] : animals.offsets[a + 1]],
                {"time": animals.times[a], "label": list(self.labels_)},
                ("time", "label"),
            )
            for a, name in enumerate(animals.names)
        }


def bouts_of(
    animals: Series,
    labels: Sequence[str],
    active: Bool[np.ndarray, "N L"],
    probability: Float[np.ndarray, "N L"],
) -> Ethogram:
    """Return predicted frames of series as an ethogram of their recordings."""
    parts = []
    for a, name in enumerate(animals.recordings):
        rows = slice(int(animals.offsets[a]), int(animals.offsets[a + 1]))
        shown = active[rows]
        channels = tuple(Channel(animals.animals[a], "", label) for label in labels)
        frames = Frames(channels, shown, np.zeros_like(shown), np.ones(len(shown), bool))
        made = from_frames(
            frames, name, animals.fps, first_s=float(animals.times[a][0]), source="automated"
        )
        own = made.bouts
        means = [
            float(probability[rows][start:stop, list(labels).index(label)].mean())
            for label, start, stop in zip(
                own["label"], own["start_frame"], own["stop_frame"], strict=True
            )
        ]
        own = own.assign(probability=np.array(means, np.float64), annotator="gambol")
        parts.append(made._replace(bouts=own))
    return join(parts)


def _named(poses: Poses) -> list[tuple[str, xr.Dataset | xr.DataArray]]:
    """Return what was given with its names."""
    if isinstance(poses, xr.DataArray):
        return [(str(poses.name), poses)]
    if isinstance(poses, xr.Dataset):
        poses = [poses]
    if isinstance(poses, Mapping):
        return [(str(name), one) for name, one in poses.items()]
    return [
        (str(one.name if isinstance(one, xr.DataArray) else one.attrs.get("recording", "")
             or f"recording {n}"), one)
        for n, one in enumerate(poses, start=1)
    ]  # fmt: skip


def _groups(animals: Series, groups: str | Mapping[str, str]) -> list[str]:
    """Return the group of every series."""
    if isinstance(groups, str):
        if groups not in ("recording", "blocks"):
            if groups.startswith("frame"):
                raise InputError(classifier_splits.RANDOM)
            raise InputError(
                f"groups is {groups!r}; write recording or blocks, or name the animal of each "
                "recording"
            )
        return list(animals.recordings)
    return classifier_splits.grouped(animals.recordings, groups)


def _one_animal(animals: Series, groups: str | Mapping[str, str]) -> bool:
    """Tell whether several recordings are of one animal: the best test is by recording."""
    several = len(set(animals.recordings)) > 1
    return several and not isinstance(groups, str) and len(set(_groups(animals, groups))) == 1


def _remarks(told: Truth, folds: Folds, found: Validated, animals: Series) -> list[str]:
    """Return what a reader of the scores has to know, a sentence each."""
    said = []
    if folds.kind == "blocks":
        said.append(
            f"Scores are of {folds.folds} blocks of the same recording, {folds.gap} frames "
            "apart from what trained: another recording or animal may be told less well, and "
            "there are no intervals."
            if len(set(animals.recordings)) == 1
            else f"Scores are of blocks of recordings that also trained, {folds.gap} frames "
            "apart: other recordings may be told less well."
        )
    if not found.nested:
        said.append(
            "With two folds nothing is left to choose thresholds on: scores are those of a "
            "threshold of one half without a filter. Label three recordings or more."
        )
    for k, label in enumerate(told.labels):
        per_fold = [bool(told.shown[folds.of == fold, k].any()) for fold in range(folds.folds)]
        if sum(per_fold) < 2:
            said.append(f"All frames with {label} are in one fold, so nothing could be learned "
                        "without it: its scores mean nothing.")  # fmt: skip
    if not told.observed.all():
        said.append(f"{1 - told.observed.mean():.0%} of the frames were not assessed; they "
                    "count neither way.")  # fmt: skip
    return said

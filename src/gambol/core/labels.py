"""Labels: what people (or models) said about where keypoints are, as arrays."""

import hashlib
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton


class Visibility(IntEnum):
    """The state of one keypoint in one frame."""

    ABSENT = 0  # not in the picture, said by a person: xy is NaN, teaches "not there"
    OCCLUDED = 1  # hidden, position guessed: xy is finite
    VISIBLE = 2
    UNLABELLED = 255  # nobody said anything: xy is NaN, no loss, no metric


class Origin(IntEnum):
    """Who made a label; model labels never enter validation, calibration or test."""

    PERSON = 0
    MODEL = 1
    CORRECTED = 2  # a model's, mended by a person


@dataclass(frozen=True)
class Labels:
    """N labelled animals: row n is one individual in one frame of one video."""

    skeleton: Skeleton
    videos: tuple[str, ...]  # references that `io.video.open_video` opens
    video: Int[np.ndarray, " N"]  # index into videos
    frame: Int[np.ndarray, " N"]  # index into the video
    individual: Int[np.ndarray, " N"]  # index into individuals
    xy: Float[np.ndarray, "N J 2"]  # video pixels; NaN where absent or unlabelled
    visibility: UInt8[np.ndarray, "N J"]  # codes of Visibility
    origin: UInt8[np.ndarray, " N"]  # codes of Origin
    individuals: tuple[str, ...] = ("animal",)

    def __post_init__(self) -> None:
        """Refuse labels that contradict themselves, naming the first."""
        _check_shapes(self)
        _check_values(self)

    def __len__(self) -> int:
        """Return the number of labelled animals, N."""
        return len(self.frame)

    @property
    def labelled(self) -> Bool[np.ndarray, "N J"]:
        """Which keypoints have a position (visible or occluded)."""
        return (self.visibility == Visibility.VISIBLE) | (
            self.visibility == Visibility.OCCLUDED
        )

    @property
    def frames(self) -> Int[np.ndarray, "F 2"]:
        """The distinct (video, frame) pairs, sorted."""
        pairs = np.stack([self.video, self.frame], axis=1)
        return np.unique(pairs, axis=0).reshape(-1, 2).astype(np.int64)

    def select(self, rows: np.ndarray) -> "Labels":
        """Return the rows that an index or a mask picks, with all videos kept."""
        return replace(
            self,
            video=self.video[rows],
            frame=self.frame[rows],
            individual=self.individual[rows],
            xy=self.xy[rows],
            visibility=self.visibility[rows],
            origin=self.origin[rows],
        )

    def content_hash(self) -> str:
        """Return a short hash of skeleton and labels; where the videos lie does not matter."""
        digest = hashlib.sha256(repr(self.skeleton).encode())
        for part in (self.video, self.frame, self.individual):
            digest.update(np.ascontiguousarray(part, dtype="<i8").tobytes())
        digest.update(np.ascontiguousarray(self.xy, dtype="<f8").tobytes())
        digest.update(self.visibility.tobytes() + self.origin.tobytes())
        return digest.hexdigest()[:12]


def from_positions(
    skeleton: Skeleton,
    videos: tuple[str, ...],
    video: Int[np.ndarray, " N"],
    frame: Int[np.ndarray, " N"],
    xy: Float[np.ndarray, "N J 2"],
    *,
    nan_means: Visibility,
    origin: Origin = Origin.PERSON,
    individual: Int[np.ndarray, " N"] | None = None,
    individuals: tuple[str, ...] = ("animal",),
) -> Labels:
    """Make labels from positions alone: finite is visible, NaN is what `nan_means` says.

    SLEAP and DeepLabCut train NaN as an empty map (absent); Lightning Pose masks it
    (unlabelled).
    """
    xy = np.where(np.isfinite(xy).all(axis=-1, keepdims=True), xy, np.nan).astype(np.float64)
    finite = np.isfinite(xy).all(axis=-1)
    visibility = np.where(finite, Visibility.VISIBLE, nan_means).astype(np.uint8)
    rows = len(xy)
    who = np.zeros(rows, np.int64) if individual is None else individual.astype(np.int64)
    return Labels(
        skeleton,
        videos,
        video.astype(np.int64),
        frame.astype(np.int64),
        who,
        xy,
        visibility,
        np.full(rows, origin, np.uint8),
        individuals,
    )


def join(parts: list[Labels]) -> Labels:
    """Put labels of one skeleton together; equal video references become one video."""
    skeleton = parts[0].skeleton
    for part in parts[1:]:
        if part.skeleton.keypoints != skeleton.keypoints:
            apart = sorted(set(skeleton.keypoints) ^ set(part.skeleton.keypoints))
            what = ", ".join(apart) or "their order"
            raise InputError(f"labels of two skeletons do not join; they differ in {what}")
    videos = tuple(dict.fromkeys(v for part in parts for v in part.videos))
    names = tuple(dict.fromkeys(i for part in parts for i in part.individuals))
    video = [np.array([videos.index(v) for v in p.videos], np.int64)[p.video] for p in parts]
    who = [np.array([names.index(i) for i in p.individuals])[p.individual] for p in parts]
    return Labels(
        skeleton,
        videos,
        np.concatenate(video),
        np.concatenate([p.frame for p in parts]),
        np.concatenate(who).astype(np.int64),
        np.concatenate([p.xy for p in parts]),
        np.concatenate([p.visibility for p in parts]),
        np.concatenate([p.origin for p in parts]),
        names,
    )


def _check_shapes(labels: Labels) -> None:
    n, j = len(labels.frame), len(labels.skeleton)
    if labels.xy.shape != (n, j, 2) or labels.visibility.shape != (n, j):
        raise InputError(
            f"labels have positions of shape {labels.xy.shape} for {n} rows of {j} keypoints"
        )
    for name in ("video", "individual", "origin"):
        if getattr(labels, name).shape != (n,):
            raise InputError(f"labels have {len(getattr(labels, name))} {name}s for {n} rows")


def _check_values(labels: Labels) -> None:
    if not len(labels):
        return
    for what, index, known in (
        ("video", labels.video, labels.videos),
        ("individual", labels.individual, labels.individuals),
    ):
        if (wrong := (index < 0) | (index >= len(known))).any():
            row = int(np.flatnonzero(wrong)[0])
            raise InputError(f"row {row} names {what} {index[row]} of {len(known)}")
    if labels.frame.min() < 0:
        raise InputError(f"labels name frame {labels.frame.min()}; frames count from 0")
    for name, codes in (("visibility", Visibility), ("origin", Origin)):
        if odd := set(np.unique(getattr(labels, name)).tolist()) - set(codes):
            there = ", ".join(f"{code.value} {code.name.lower()}" for code in codes)
            raise InputError(f"labels have {name} {min(odd)}; there are {there}")
    finite = np.isfinite(labels.xy).all(axis=-1)
    if (wrong := finite != labels.labelled).any():
        n, j = np.argwhere(wrong)[0]
        raise InputError(
            f"row {n}, {labels.skeleton.keypoints[j]!r}: visibility "
            f"{labels.visibility[n, j]} with position {labels.xy[n, j].tolist()}; "
            "visible and occluded need a position, absent and unlabelled have none"
        )

"""Labels: what people (or models) said about where keypoints are, as arrays."""

import hashlib
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from gambol.core import extras
from gambol.core.errors import InputError
from gambol.core.extras import Extras
from gambol.core.skeleton import Skeleton

UNKNOWN = -1  # the individual of an animal whose name nobody said
EVERY = -1  # the frame of a region that is there in the whole video


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


class Region(NamedTuple):
    """A polygon without loss and without score: a mirror, a neighbouring cage."""

    video: int  # index into the videos of the labels
    frame: int  # index into the video, or EVERY
    polygon: Float[np.ndarray, "K 2"]  # corners, video pixels


def _no_frames() -> Int[np.ndarray, "0 2"]:
    return np.zeros((0, 2), np.int64)


@dataclass(frozen=True)
class Labels:
    """N labelled animals: row n is one individual in one frame of one video.

    In a frame with labels every animal is labelled and the rest is background, unless the
    frame is `incomplete`. A frame in which a person saw no animal is one of the `negatives`.
    Of what lies in `regions` nothing is said; `core.regions` knows what lies there.
    """

    skeleton: Skeleton
    videos: tuple[str, ...]  # references that `io.video.open_video` opens
    video: Int[np.ndarray, " N"]  # index into videos
    frame: Int[np.ndarray, " N"]  # index into the video
    individual: Int[np.ndarray, " N"]  # index into individuals, or UNKNOWN
    xy: Float[np.ndarray, "N J 2"]  # video pixels; NaN where absent or unlabelled
    visibility: UInt8[np.ndarray, "N J"]  # codes of Visibility
    origin: UInt8[np.ndarray, " N"]  # codes of Origin
    individuals: tuple[str, ...] = ("animal",)
    # (video, frame) pairs, kept sorted and distinct
    negatives: Int[np.ndarray, "M 2"] = field(default_factory=_no_frames)
    incomplete: Int[np.ndarray, "K 2"] = field(default_factory=_no_frames)
    regions: tuple[Region, ...] = ()  # kept sorted and distinct
    extras: Extras = field(default_factory=Extras)  # what its file said besides

    def __post_init__(self) -> None:
        """Refuse labels that contradict themselves, naming the first."""
        _check_shapes(self)
        _check_values(self)
        for name in ("negatives", "incomplete"):
            object.__setattr__(self, name, _distinct(getattr(self, name)))
        _check_frames(self)
        object.__setattr__(self, "regions", _regions(self))

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
    def pairs(self) -> Int[np.ndarray, "N 2"]:
        """The (video, frame) pair of every row."""
        return np.stack([self.video, self.frame], axis=1).astype(np.int64)

    @property
    def frames(self) -> Int[np.ndarray, "F 2"]:
        """The distinct (video, frame) pairs that somebody labelled, sorted."""
        return _distinct(np.concatenate([self.pairs, self.negatives]))

    @property
    def complete(self) -> Bool[np.ndarray, " N"]:
        """Whether every animal in the frame of a row is labelled."""
        return ~among(self.pairs, self.incomplete)

    def name(self, row: int) -> str:
        """Return the name of the animal of a row, empty where it is unknown."""
        number = int(self.individual[row])
        return "" if number == UNKNOWN else self.individuals[number]

    def select(self, rows: np.ndarray) -> "Labels":
        """Return the rows that an index or a mask picks; videos, negatives, regions stay.

        A frame that keeps some of its animals and loses others is incomplete from then on.
        """
        return replace(
            self,
            video=self.video[rows],
            frame=self.frame[rows],
            individual=self.individual[rows],
            xy=self.xy[rows],
            visibility=self.visibility[rows],
            origin=self.origin[rows],
            extras=self.extras.picked(np.arange(len(self))[rows].tolist()),
            incomplete=np.concatenate([self.incomplete, _torn(self.pairs, rows)]),
        )

    def within(self, frames: Int[np.ndarray, "F 2"]) -> "Labels":
        """Return what is said of these (video, frame) pairs, negatives included."""
        some = self.select(among(self.pairs, frames))
        there = set(map(tuple, frames.tolist())) if some.extras.frames else ()
        return replace(
            some,
            negatives=self.negatives[among(self.negatives, frames)],
            incomplete=self.incomplete[among(self.incomplete, frames)],
            extras=replace(
                some.extras,
                frames={
                    (v, f): said
                    for (v, f), said in some.extras.frames.items()
                    if f == extras.WHOLE or (v, f) in there
                },
            ),
        )

    def content_hash(self) -> str:
        """Return a short hash of skeleton and labels; where the videos lie does not matter."""
        digest = hashlib.sha256(repr(self.skeleton).encode())
        for part in (self.video, self.frame, self.individual):
            digest.update(np.ascontiguousarray(part, dtype="<i8").tobytes())
        digest.update(np.ascontiguousarray(self.xy, dtype="<f8").tobytes())
        digest.update(self.visibility.tobytes() + self.origin.tobytes())
        for word, frames in (("negative", self.negatives), ("part", self.incomplete)):
            if len(frames):  # labels that say nothing of frames keep the hash they always had
                digest.update(word.encode() + np.ascontiguousarray(frames, "<i8").tobytes())
        for video, frame, polygon in self.regions:
            digest.update(f"region {video} {frame} {polygon.tolist()}".encode())
        return digest.hexdigest()[:12]


def among(
    pairs: Int[np.ndarray, "N 2"], frames: Int[np.ndarray, "F 2"]
) -> Bool[np.ndarray, " N"]:
    """Tell which (video, frame) pairs are among others."""
    if not len(pairs) or not len(frames):
        return np.zeros(len(pairs), bool)
    _, code = np.unique(np.concatenate([pairs, frames]), axis=0, return_inverse=True)
    code = code.reshape(-1)
    return np.isin(code[: len(pairs)], code[len(pairs) :])


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
    """Put labels of one skeleton together; equal video references become one video.

    A frame is incomplete if one part says so, and negative if no part knows an animal in it.
    """
    skeleton = parts[0].skeleton
    for part in parts[1:]:
        if part.skeleton.keypoints != skeleton.keypoints:
            apart = sorted(set(skeleton.keypoints) ^ set(part.skeleton.keypoints))
            what = ", ".join(apart) or "their order"
            raise InputError(f"labels of two skeletons do not join; they differ in {what}")
    videos = tuple(dict.fromkeys(v for part in parts for v in part.videos))
    names = tuple(dict.fromkeys(i for part in parts for i in part.individuals))
    video = [np.array([videos.index(v) for v in p.videos], np.int64)[p.video] for p in parts]
    # one more entry, which -1 picks, stays UNKNOWN
    who = [
        np.array([*(names.index(i) for i in p.individuals), UNKNOWN])[p.individual]
        for p in parts
    ]
    pairs = np.stack([np.concatenate(video), np.concatenate([p.frame for p in parts])], axis=1)
    negatives, incomplete = (_renumbered(parts, videos, k) for k in ("negatives", "incomplete"))
    unsaid = ~among(negatives, np.concatenate([pairs, incomplete]))
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
        negatives[unsaid],
        incomplete,
        tuple(
            r._replace(video=videos.index(p.videos[r.video])) for p in parts for r in p.regions
        ),
        extras.join([(_extras(part, videos), len(part)) for part in parts]),
    )


def _extras(part: Labels, videos: tuple[str, ...]) -> Extras:
    return part.extras.renumbered({k: videos.index(v) for k, v in enumerate(part.videos)})


def _renumbered(
    parts: list[Labels], videos: tuple[str, ...], name: str
) -> Int[np.ndarray, "M 2"]:
    """Put the frames that parts name together, with the numbers of the joined videos."""
    moved = [_no_frames()]
    for part in parts:
        video, frame = getattr(part, name).T
        numbers = np.array([videos.index(v) for v in part.videos], np.int64)
        moved.append(np.stack([numbers[video], frame], axis=1))
    return np.concatenate(moved)


def _distinct(pairs: Int[np.ndarray, "N 2"]) -> Int[np.ndarray, "F 2"]:
    return np.unique(pairs, axis=0).reshape(-1, 2).astype(np.int64)


def _regions(labels: Labels) -> tuple[Region, ...]:
    """Check regions and put them in order, each once."""
    found: dict[tuple[int, int, str], Region] = {}
    for video, frame, corners in labels.regions:
        polygon = np.array(corners, np.float64)
        if not 0 <= video < len(labels.videos) or frame < EVERY:
            raise InputError(
                f"a region is in frame {frame} of video {video} of {len(labels.videos)}; both "
                f"count from 0, and frame {EVERY} means the whole video"
            )
        if polygon.ndim != 2 or polygon.shape[1] != 2 or not _area(polygon) > 0:  # NaN is not
            raise InputError(
                f"a region of {labels.videos[video]} has the corners {polygon.tolist()}, which "
                "enclose nothing; give three or more points (x, y) around it"
            )
        region = Region(int(video), int(frame), polygon)
        found[region.video, region.frame, str(polygon.tolist())] = region
    return tuple(found[key] for key in sorted(found))


def _area(polygon: Float[np.ndarray, "K 2"]) -> float:
    """Area inside a polygon, px²; that of a lying eight is the difference of its halves."""
    x, y = (polygon - polygon.mean(axis=0)).T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


def _torn(pairs: Int[np.ndarray, "N 2"], rows: np.ndarray) -> Int[np.ndarray, "K 2"]:
    """Return the frames of which some rows are picked and others are not."""
    kept = np.zeros(len(pairs), bool)
    kept[rows] = True
    return pairs[kept & among(pairs, pairs[~kept])]


def _check_shapes(labels: Labels) -> None:
    n, j = len(labels.frame), len(labels.skeleton)
    if labels.xy.shape != (n, j, 2) or labels.visibility.shape != (n, j):
        raise InputError(
            f"labels have positions of shape {labels.xy.shape} for {n} rows of {j} keypoints"
        )
    if len(labels.extras.rows) not in (0, n):
        raise InputError(f"labels say more of {len(labels.extras.rows)} animals of {n}")
    for name in ("video", "individual", "origin"):
        if getattr(labels, name).shape != (n,):
            raise InputError(f"labels have {len(getattr(labels, name))} {name}s for {n} rows")


def _check_frames(labels: Labels) -> None:
    said = np.concatenate([labels.negatives, labels.incomplete])
    for video, frame in said[(said < 0).any(axis=1) | (said[:, 0] >= len(labels.videos))]:
        raise InputError(
            f"labels speak of frame {frame} of video {video} of {len(labels.videos)}; "
            "both count from 0"
        )
    others = np.concatenate([labels.pairs, labels.incomplete])
    for video, frame in labels.negatives[among(labels.negatives, others)]:
        raise InputError(
            f"frame {frame} of {labels.videos[video]} is said to hold no animal, but one is "
            "labelled there or the frame is incomplete; remove one of the two"
        )


def _check_values(labels: Labels) -> None:
    if not len(labels):
        return
    for what, index, known, least in (
        ("video", labels.video, labels.videos, 0),
        ("individual", labels.individual, labels.individuals, UNKNOWN),
    ):
        if (wrong := (index < least) | (index >= len(known))).any():
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

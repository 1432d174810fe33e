"""What is known of an animal at every frame of its labels, and what a tile takes of it.

Place and heading come from the file of the labels (a model of syllables writes them), else
from the poses; an animal of which neither is known is shown with the whole frame around it.
"""

import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.sparse.csgraph import minimum_spanning_tree

from gambol.behavior import align
from gambol.behavior.align import AlignSettings, Placed
from gambol.core import pixels
from gambol.core import poses as core_poses
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.core.tracks import PIECE, Track, frame_rate
from gambol.io import poses as io_poses
from gambol.io import syllable_places
from gambol.stages import movie_tiles
from gambol.stages.movie_sources import Subject
from gambol.viz import grid_movie, pose_tiles
from gambol.viz.pose_tiles import Stage, View, Window

FLOOR = 1.0  # % of heights of keypoints that lie below the floor: outliers


class Posed(NamedTuple):
    """Poses of all animals of a recording."""

    points: Float[np.ndarray, "T N J d"]  # NaN where not known well enough
    confidence: Float[np.ndarray, "T N J"]
    skeleton: Skeleton
    unit: str
    up: Float[np.ndarray, " 3"]
    floor: float  # height along up, in 3D
    height: float  # of the middle of an animal above it
    times: Float[np.ndarray, " T"]  # s
    fps: float

    @property
    def solid(self) -> bool:
        """Whether these are 3D poses."""
        return self.points.shape[-1] == 3

    @property
    def letter(self) -> Literal["x", "y", "z"]:
        """The axis that points up, or down."""
        letters: tuple[Literal["x", "y", "z"], ...] = ("x", "y", "z")
        return letters[int(np.abs(self.up).argmax())]

    def track(self, animal: int, name: str) -> Track:
        """Return one animal, in single precision."""
        xy = self.points[:, animal]
        unknown = np.broadcast_to(np.nan, xy.shape[:2])
        return Track(name, xy, unknown, unknown, self.times, self.fps, self.skeleton, self.unit)


class Scene(NamedTuple):
    """One subject at T frames."""

    subject: Subject
    centroid: Float[np.ndarray, "T 2"]  # without gaps; on the floor, in 3D
    heading: Float[np.ndarray, " T"] | None  # without gaps; None: not known
    whole: bool  # no one knows where the animal is: the frame is shown whole
    posed: Posed | None
    video: Path | None  # that is shown
    times: Float[np.ndarray, " V"]  # of its frames, or of the poses, s
    size: float  # px of the longer side of the video, if that is shown whole
    remarks: tuple[str, ...]


def scenes(
    subjects: Sequence[Subject],
    *,
    picture: str = "auto",
    anterior: Sequence[str] = (),
    posterior: Sequence[str] = (),
    up: str | None = None,
    min_confidence: float = 0.0,
) -> Iterator[Scene | None]:
    """Look at one subject after the other; None where there is nothing to be shown.

    Args:
        subjects: whom.
        picture: auto, video, overlay or poses.
        anterior: keypoints of the head, from which headings follow that no file has.
        posterior: keypoints of the rear.
        up: axis that points up; None: as the poses say, else z.
        min_confidence: of keypoints that are shown.
    """
    last: tuple[Path, Posed] | None = None
    for subject in subjects:
        posed = None
        if subject.poses is not None:
            if last is None or last[0] != subject.poses:
                last = posed = None  # before the next are read
                last = subject.poses, _poses(subject.poses, up, min_confidence)
            posed = last[1]
        yield _scene(subject, posed, picture, tuple(anterior), tuple(posterior))


def seeable(subject: Subject, picture: str) -> bool:
    """Tell whether there is anything from which an animal can be shown."""
    return (subject.video is not None and picture != "poses") or (
        subject.poses is not None and picture != "video"
    )


def window(scene: Scene, labels: np.ndarray, others: bool) -> Window | None:
    """Return the poses at some frames; `others`: with the animals beside."""
    posed = scene.posed
    if posed is None:
        return None
    focal, at = scene.subject.animal, np.minimum(labels, len(posed.points) - 1)
    animals = slice(None) if others or focal < 0 else slice(focal, focal + 1)
    place = focal if others or focal < 0 else 0
    return Window(
        posed.points[at, animals], posed.confidence[at, animals], place, posed.skeleton
    )


def stage(posed: Posed, views: Sequence[View], spin: float) -> Stage | None:
    """Return the space of 3D poses; None in 2D."""
    if not posed.solid:
        return None
    return Stage(posed.up, posed.floor, posed.height, tuple(views), spin)


def placed(scene: Scene) -> Placed | None:
    """Return a subject with centroid and heading as the tiles have them."""
    posed, heading = scene.posed, scene.heading
    if posed is None or heading is None or scene.subject.animal < 0:
        return None
    track = posed.track(scene.subject.animal, scene.subject.name)
    axes = align.plane(track.xy.shape[2], posed.letter)
    centre = np.zeros((len(track.xy), track.xy.shape[2]))
    centre[:, axes] = scene.centroid
    return Placed(track, centre, heading, posed.letter)


def _poses(path: Path, up: str | None, least: float) -> Posed:
    """Read the poses of a recording."""
    held = io_poses.read_positions(path)
    points = core_poses.xy(held).astype(np.float32, copy=False)
    confidence = core_poses.points(held, "confidence").astype(np.float32, copy=False)
    for first in range(0, len(points), PIECE):
        part, sure = points[first : first + PIECE], confidence[first : first + PIECE]
        part[(sure < least) | ~np.isfinite(part).all(axis=-1)] = np.nan
    said = json.loads(str(held.attrs.get("up", "[0, 0, 1]")))
    upward = _axis(np.array(said, float)) if up is None else _named(up)
    floor, height = 0.0, 0.0
    if points.shape[-1] == 3:
        heights = points[:: _stride(points)] @ upward.astype(np.float32)
        known = heights[np.isfinite(heights)]
        if len(known):
            floor = float(np.percentile(known, FLOOR))
            height = max(float(np.median(known)) - floor, 0.0)
    times = held["time"].to_numpy().astype(np.float64)
    unit = str(held.attrs.get("space_unit", ""))
    return Posed(
        points, confidence, _joined(core_poses.skeleton(held), points), unit, upward, floor,
        height, times, frame_rate(held.attrs, times, str(path)),
    )  # fmt: skip


def _named(letter: str) -> np.ndarray:
    """Return an axis by its letter: -y points down y."""
    return np.eye(3)["xyz".index(letter[-1])] * (-1.0 if letter.startswith("-") else 1.0)


def _axis(up: np.ndarray) -> np.ndarray:
    """Return the axis of the world that is nearest to up."""
    k = int(np.abs(up).argmax())
    return np.eye(3)[k] * np.sign(up[k])


def _joined(skeleton: Skeleton, points: np.ndarray) -> Skeleton:
    """Join keypoints that nothing joins by the shortest tree, so that one sees an animal."""
    if skeleton.drawn or len(skeleton) < 2:
        return skeleton
    some = points[:: _stride(points)].reshape(-1, *points.shape[2:])
    apart = np.zeros((len(skeleton), len(skeleton)))
    for a in range(len(skeleton)):
        far = np.linalg.norm(some - some[:, a : a + 1], axis=-1)
        known = np.where(np.isnan(far), np.inf, far)
        apart[a] = np.sort(known, axis=0)[(len(far) - 1) // 4]  # in a quarter of frames
    apart = np.where(np.isfinite(apart), np.maximum(apart, 1e-9), 0.0)
    np.fill_diagonal(apart, 0.0)
    pairs = np.argwhere(minimum_spanning_tree((apart + apart.T) / 2).toarray() > 0)
    edges = tuple((int(a), int(b)) for a, b in pairs)
    return dataclasses.replace(skeleton, edges=edges)


def _stride(points: np.ndarray) -> int:
    """Return so large a step that few enough frames are looked at."""
    return max(len(points) // 20_000, 1)


def _scene(
    subject: Subject,
    posed: Posed | None,
    picture: str,
    anterior: tuple[str, ...],
    posterior: tuple[str, ...],
) -> Scene | None:
    """Put together what is known of a subject."""
    if posed is not None and len(posed.points) != subject.frames and subject.source:
        raise InputError(
            f"{subject.poses} has {len(posed.points)} frames of poses for {subject.frames} "
            f"labels of {subject.name!r}; give the poses that the labels were made of"
        )
    flat = posed is None or not (posed.solid or "pixel" not in posed.unit)
    film = subject.video if picture != "poses" and flat else None
    if film is None and (posed is None or picture == "video"):
        return None
    frames = subject.frames if posed is None else max(subject.frames, len(posed.points))
    centroid, heading = _places(subject, posed, anterior, posterior, frames)
    remarks: tuple[str, ...] = ()
    times, extent, whole = np.arange(frames) / subject.fps, 0.0, centroid is None
    if film is not None:
        times = movie_tiles.times_of(film)
        if told := movie_tiles.unlike(film, times, subject.frames, subject.fps):
            remarks = (told,)
        width, height = movie_tiles.size_of(film)
        extent = float(max(width, height))
    if centroid is None:
        if film is None:
            return None
        centroid = np.broadcast_to(pixels.centre(width, height), (frames, 2))
        heading = None
    return Scene(subject, centroid, heading, whole, posed, film, times, extent, remarks)


def _places(
    subject: Subject,
    posed: Posed | None,
    anterior: tuple[str, ...],
    posterior: tuple[str, ...],
    frames: int,
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return centroid across up and heading, without gaps, from the labels' file or poses."""
    centroid: np.ndarray | None = None
    heading: np.ndarray | None = None
    if subject.source is not None:
        found = syllable_places.read(subject.source, subject.frames)
        centroid, heading = found.centroid, found.heading
    solid = posed is not None and posed.solid
    if centroid is not None and solid and posed is not None:
        axes = list(pose_tiles.across(posed.up))
        centroid = centroid[:, axes] if centroid.shape[1] == 3 else None
    elif centroid is not None:
        centroid = centroid[:, :2]
    if posed is not None:
        made = _from_poses(subject, posed, anterior, posterior)
        centroid = made[0] if centroid is None else centroid
        heading = made[1] if heading is None else heading
    if centroid is not None:
        centroid = grid_movie.held(centroid.astype(np.float64))
    if heading is not None:
        filled = grid_movie.held(heading.astype(np.float64)[:, None])
        heading = None if filled is None else filled[:, 0]
    return _long(centroid, frames), _long(heading, frames)


def _from_poses(
    subject: Subject, posed: Posed, anterior: tuple[str, ...], posterior: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return where an animal is and heads by its keypoints; of all animals the middle."""
    axes = list(pose_tiles.across(posed.up)) if posed.solid else [0, 1]
    firsts, own = range(0, max(len(posed.points), 1), PIECE), subject.animal
    middle = np.concatenate([_middle(posed.points[n : n + PIECE], own, axes) for n in firsts])
    if own < 0 or not (anterior and posterior):
        return middle, None
    cfg = AlignSettings(anterior=anterior, posterior=posterior, up=posed.letter)
    return middle, align.place(posed.track(own, subject.name), cfg).heading


def _middle(points: np.ndarray, own: int, axes: list[int]) -> Float[np.ndarray, "T 2"]:
    """Return the mean of the keypoints of an animal, or of all."""
    mine = points[:, own] if own >= 0 else points.reshape(len(points), -1, points.shape[-1])
    known = np.isfinite(mine).all(axis=-1)
    count = known.sum(axis=1)
    total = np.where(known[..., None], mine[..., axes], 0.0).sum(axis=1, dtype=np.float64)
    return np.where(count[:, None] > 0, total / np.maximum(count, 1)[:, None], np.nan)


def _long(values: np.ndarray | None, frames: int) -> np.ndarray | None:
    """Let the last value stay for frames after the end."""
    if values is None or len(values) >= frames:
        return values
    return np.concatenate([values, np.repeat(values[-1:], frames - len(values), axis=0)])

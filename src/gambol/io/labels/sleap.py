"""SLEAP files (.slp and .pkg.slp), through sleap-io.

Pixels: since format 1.1 SLEAP counts from pixel centres, as we do; sleap-io moves older files
by half a pixel while reading. Points without a position are what `nan_means` says (SLEAP trains
them as absent). Points that have a position but are marked not visible are read the same way:
SLEAP's window leaves such points wherever they were when it drew the animal, and its own
training drops them. Files that we wrote are read exactly: there `complete` marks the points of
which a person said something, so hidden and complete is occluded, empty and complete absent.
Predictions that a person's instance of the same frame replaces are left out.
"""

from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from gambol.core.errors import InputError
from gambol.core.labels import Labels, Origin, Visibility
from gambol.core.skeleton import Skeleton
from gambol.io import store
from gambol.io.labels import places
from gambol.io.labels.anatomy import skeleton_of
from gambol.io.labels.frames import by_frame
from gambol.io.video.open import split_ref


def read(path: Path, nan_means: Visibility) -> Labels:
    """Read user instances and the predictions that they do not replace."""
    import sleap_io

    try:
        source = sleap_io.load_slp(str(path), open_videos=_is_package(path))
    except (OSError, KeyError, ValueError, TypeError, IndexError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{path} is no readable SLEAP file: {reason}; save it again"
        ) from error
    if not source.skeletons:
        raise InputError(f"{path} holds no skeleton; add one in SLEAP and save it again")
    remembered = source.provenance.get("gambol") or {}
    skeleton = _skeleton_of(source, path, remembered.get("skeleton"))
    videos, moved = _videos(source, path)
    rows = _rows(source, path)
    names = _individuals(source, rows)
    frame = [moved[v].get(f, f) for v, f, _, _ in rows]
    shape = (len(rows), len(skeleton))
    points = [instance.points for _, _, instance, _ in rows]
    xy = np.array([p["xy"] for p in points], np.float64).reshape(*shape, 2)
    visible = np.array([p["visible"] for p in points], bool).reshape(shape)
    complete = np.array([p["complete"] for p in points], bool).reshape(shape)
    xy, visibility = _states(xy, visible, complete if remembered else None, nan_means)
    return Labels(
        skeleton,
        videos,
        np.array([v for v, _, _, _ in rows], np.int64),
        np.array(frame, np.int64),
        np.array([names.index(name) for _, _, _, name in rows], np.int64),
        xy,
        visibility,
        np.array([_origin(instance) for _, _, instance, _ in rows], np.uint8),
        tuple(names),
    )


def _is_package(path: Path) -> bool:
    """Tell whether images are embedded in the file."""
    import h5py

    with h5py.File(path, "r") as file:
        return any(f"{name}/video" in file for name in file if name.startswith("video"))


def _states(
    xy: np.ndarray, visible: np.ndarray, complete: np.ndarray | None, nan_means: Visibility
) -> tuple[np.ndarray, np.ndarray]:
    """Return positions and visibility; `complete` is given for files that we wrote."""
    finite = np.isfinite(xy).all(axis=-1)
    said = finite & visible if complete is None else finite & (visible | complete)
    unsaid: Any = nan_means
    if complete is not None:
        unsaid = np.where(complete, Visibility.ABSENT, Visibility.UNLABELLED)
    positive = np.where(visible, Visibility.VISIBLE, Visibility.OCCLUDED)
    visibility = np.where(said, positive, unsaid).astype(np.uint8)
    return np.where(said[..., None], xy, np.nan), visibility


def _skeleton_of(source: Any, path: Path, remembered: Any) -> Skeleton:
    theirs = source.skeletons[0]
    if any(s.node_names != theirs.node_names for s in source.skeletons[1:]):
        raise InputError(f"{path} holds several skeletons; keep one in SLEAP and save it again")
    return skeleton_of(
        theirs.node_names,
        theirs.edge_inds,
        [tuple(pair) for pair in theirs.symmetry_inds],
        source=path,
        name=theirs.name or "animal",
        remembered=remembered,
    )


def _videos(source: Any, path: Path) -> tuple[tuple[str, ...], list[dict[int, int]]]:
    """Return references, and for each video its frames renumbered (images, packages)."""
    refs: list[str] = []
    moved: list[dict[int, int]] = []
    for video in source.videos:
        numbers: dict[int, int] = {}
        if isinstance(video.filename, list):
            ref, numbers = _image_folder(video.filename, path)
        elif Path(video.filename).resolve() == path.resolve():
            ref, numbers = _embedded(video, path)
        else:
            dataset = video.backend_metadata.get("dataset") or ""
            ref = places.find(video.filename, path.resolve().parent)
            ref += f"::{dataset}" if dataset else ""
        refs.append(ref)
        moved.append(numbers)
    return tuple(refs), moved


def _image_folder(files: list[str], path: Path) -> tuple[str, dict[int, int]]:
    """Return the folder of a list of images, and the rank of each image in it."""
    found = [Path(places.find(str(file), path.resolve().parent)) for file in files]
    if len({file.parent for file in found}) > 1:
        raise InputError(
            f"{path}: the images of one video lie in several folders; put them into one"
        )
    frames = places.frames_of(found, path)
    return frames.videos[0], dict(enumerate(frames.frame.tolist()))


def _embedded(video: Any, path: Path) -> tuple[str, dict[int, int]]:
    """Return the reference of embedded images; their frames are their ranks."""
    import h5py

    group = str(video.backend_metadata["dataset"]).partition("/")[0]
    with h5py.File(path, "r") as file:
        count = len(file[f"{group}/video"])
        stored = file.get(f"{group}/frame_numbers")
        numbers = range(count) if stored is None else stored[()].tolist()
    return f"{path.resolve()}::{group}", {number: rank for rank, number in enumerate(numbers)}


def _rows(source: Any, path: Path) -> list[tuple[int, int, Any, str]]:
    """Return (video, frame, instance, name of the individual), sorted by video and frame."""
    index = {id(video): k for k, video in enumerate(source.videos)}
    crowd = any(len(_kept(frame)) > 1 for frame in source.labeled_frames)
    rows = []
    for frame in source.labeled_frames:
        seen: set[str] = set()
        for instance in _kept(frame):
            name = instance.track.name if instance.track else None
            if not name or name in seen:
                name = _free_name(seen, crowd)
            seen.add(name)
            rows.append((index[id(frame.video)], int(frame.frame_idx), instance, name))
    rows.sort(key=lambda row: row[:2])
    if source.labeled_frames and rows and min(row[1] for row in rows) < 0:
        raise InputError(f"{path} names a negative frame; save it again with SLEAP")
    return rows


def _kept(frame: Any) -> list[Any]:
    adopted = [i.from_predicted for i in frame.user_instances if i.from_predicted is not None]
    unused = [i for i in frame.unused_predictions if not any(i is a for a in adopted)]
    return [*frame.user_instances, *unused]


def _free_name(seen: set[str], crowd: bool) -> str:
    """Name an instance without a track: animal, or animal 1, animal 2 … in a crowd."""
    if not crowd:
        return "animal"
    return next(name for k in range(1, 10**6) if (name := f"animal {k}") not in seen)


def _individuals(source: Any, rows: list[tuple[int, int, Any, str]]) -> list[str]:
    """Return the names of tracks, then the names given here; at least one."""
    used = dict.fromkeys(name for _, _, _, name in rows)
    tracks = list(dict.fromkeys(track.name for track in source.tracks))
    return [*tracks, *(name for name in used if name not in tracks)] or ["animal"]


def _origin(instance: Any) -> Origin:
    if hasattr(instance, "score"):
        return Origin.MODEL
    return Origin.PERSON if instance.from_predicted is None else Origin.CORRECTED


def write(labels: Labels, path: Path) -> list[Path]:
    """Write a .slp file that refers to the videos; corrected labels become a person's."""
    return write_objects(objects(labels), path)


def write_objects(source: Any, path: Path) -> list[Path]:
    """Write an object of sleap-io."""
    import sleap_io

    with store.atomic(path) as partial:
        sleap_io.save_slp(source, str(partial), verbose=False)
    return [path]


def objects(
    labels: Labels, scores: Float[np.ndarray, "N J"] | None = None, open_videos: bool = False
) -> Any:
    """Return labels as an object of sleap-io; `scores` (0 to 1) are for a model's labels."""
    import sleap_io

    videos = [_video(ref, open_videos) for ref in labels.videos]
    tracks = [sleap_io.Track(name) for name in labels.individuals]
    skeleton = _their_skeleton(labels.skeleton)
    frames = []
    for v, f, rows in by_frame(labels):
        instances = [_instance(labels, n, skeleton, tracks) for n in rows]
        if scores is not None:
            for n, instance in zip(rows, instances, strict=True):
                instance.points["score"] = scores[n]
                instance.score = float(scores[n].mean())
        frames.append(sleap_io.LabeledFrame(videos[v], f, instances))
    remembered = {"version": version("gambol"), "skeleton": labels.skeleton.to_dict()}
    notes = {"gambol": remembered}
    return sleap_io.Labels(frames, videos, [skeleton], tracks, provenance=notes)


def _their_skeleton(skeleton: Skeleton) -> Any:
    import sleap_io

    names = skeleton.keypoints
    return sleap_io.Skeleton(
        nodes=list(names),
        edges=[(names[a], names[b]) for a, b in skeleton.drawn],
        symmetries=[(names[j], names[k]) for j, k in enumerate(skeleton.swap) if j < k],
        name=skeleton.name,
    )


def _instance(labels: Labels, n: int, skeleton: Any, tracks: list[Any]) -> Any:
    import sleap_io

    predicted = labels.origin[n] == Origin.MODEL
    kind = sleap_io.PredictedInstance if predicted else sleap_io.Instance
    track = tracks[labels.individual[n]]
    instance = kind.from_numpy(labels.xy[n], skeleton=skeleton, track=track)
    instance.points["visible"] = labels.visibility[n] == Visibility.VISIBLE
    instance.points["complete"] = labels.visibility[n] != Visibility.UNLABELLED
    return instance


def _video(ref: str, open_it: bool) -> Any:
    """Describe a video as SLEAP does."""
    import sleap_io

    place, dataset = split_ref(ref)
    name, images = str(place), places.images_in(place)
    if images:
        files = [str(Path(name) / image) for image in images]
        notes = {"type": "ImageVideo", "filename": files[0], "filenames": files}
        return sleap_io.Video(files, backend_metadata=notes, open_backend=open_it)
    if dataset:
        inside = f"{dataset}/video" if name.endswith(".pkg.slp") else dataset
        notes = {"type": "HDF5Video", "filename": name, "dataset": inside}
    else:
        notes = {"type": "MediaVideo", "filename": name, "dataset": "", "input_format": ""}
    return sleap_io.Video(name, backend_metadata=notes, open_backend=open_it)

"""SLEAP files (.slp and .pkg.slp), through sleap-io.

Pixels: since format 1.1 SLEAP counts from pixel centres, as we do; sleap-io moves older files
by half a pixel while reading. Points without a position are what `nan_means` says (SLEAP trains
them as absent). Points that have a position but are marked not visible are read the same way:
SLEAP's window leaves such points wherever they were when it drew the animal, and its own
training drops them. Files that we wrote are read exactly: there `complete` marks the points of
which a person said something, so hidden and complete is occluded, empty and complete absent.
Predictions that a person's instance of the same frame replaces are left out, and so are those
in frames that a person marked as negative. An instance without a track has no name, unless no
frame holds two animals.
"""

from importlib.metadata import version
from pathlib import Path, PureWindowsPath
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from gambol.core.errors import InputError
from gambol.core.labels import UNKNOWN, Labels, Origin, Region, Visibility
from gambol.core.skeleton import Skeleton
from gambol.io import fence, store
from gambol.io.labels import places, sleap_extras
from gambol.io.labels.anatomy import skeleton_of
from gambol.io.labels.frames import by_frame
from gambol.io.video.open import split_ref

_POINT_BYTES = 48  # of a keypoint, and as much for what is said of an animal or a frame


class Scores(NamedTuple):
    """What a file says of its labels beyond themselves; 1 where a person said it."""

    points: Float[np.ndarray, "N J"]  # heights of peaks
    instances: Float[np.ndarray, " N"]
    tracking: Float[np.ndarray, " N"]
    lengths: tuple[int, ...]  # frames of each video, as far as the file knows


def read(path: Path, nan_means: Visibility) -> Labels:
    """Read user instances and the predictions that they do not replace."""
    return read_scored(path, nan_means)[0]


def read_scored(path: Path, nan_means: Visibility) -> tuple[Labels, Scores]:
    """Read the same, and what the file says of it beyond the labels."""
    source = _load(path)
    remembered = source.provenance.get("gambol") or {}
    skeleton = _skeleton_of(source, path, remembered.get("skeleton"))
    videos, moved = _videos(source, path)
    rows = _rows(source, path)
    names, who = _individuals(source, rows)
    pairs = [(v, moved[v].get(f, f)) for v, f, _ in rows]
    negatives = [(v, moved[v].get(f, f)) for v, f in _negatives(source)]
    negatives = [pair for pair in negatives if pair not in set(pairs)]
    incomplete = [
        (v, moved[v].get(f, f))
        for v, f in remembered.get("incomplete") or []
        if v < len(videos) and (v, moved[v].get(f, f)) not in negatives
    ]
    shape = (len(rows), len(skeleton))
    instances = [instance for _, _, instance in rows]
    points = [instance.points for instance in instances]
    xy = np.array([p["xy"] for p in points], np.float64).reshape(*shape, 2)
    visible = np.array([p["visible"] for p in points], bool).reshape(shape)
    complete = np.array([p["complete"] for p in points], bool).reshape(shape)
    xy, visibility = _states(xy, visible, complete if remembered else None, nan_means)
    labels = Labels(
        skeleton,
        videos,
        np.array([v for v, _ in pairs], np.int64),
        np.array([f for _, f in pairs], np.int64),
        who,
        xy,
        visibility,
        np.array([_origin(instance) for _, _, instance in rows], np.uint8),
        names,
        np.array(negatives, np.int64).reshape(-1, 2),
        np.array(incomplete, np.int64).reshape(-1, 2),
        tuple(
            Region(v, moved[v].get(f, f), np.array(polygon, np.float64))
            for v, f, polygon in remembered.get("regions") or []
            if v < len(videos)
        ),
        sleap_extras.of_source(source, path, list(zip(pairs, instances, strict=True)), moved),
    )
    return labels, _scores(source, instances, len(skeleton))


def _scores(source: Any, instances: list[Any], n_keypoints: int) -> Scores:
    points = np.ones((len(instances), n_keypoints))
    whole, tracking = np.ones((2, len(instances)))
    for n, instance in enumerate(instances):
        if _origin(instance) == Origin.MODEL:
            points[n], whole[n] = instance.points["score"], instance.score
            tracking[n] = instance.tracking_score
    lengths = []
    for video in source.videos:
        frames = [f.frame_idx for f in source.labeled_frames if f.video is video]
        shape = video.backend_metadata.get("shape") or [0]
        lengths.append(max(int(shape[0] or 0), 1 + max(frames, default=-1)))
    return Scores(points, whole, tracking, tuple(lengths))


def _load(path: Path) -> Any:
    """Return a file as an object of sleap-io, with a skeleton."""
    import sleap_io

    try:
        # opening videos would follow every path and address in the file
        source = sleap_io.load_slp(str(path), open_videos=False)
    except (OSError, KeyError, ValueError, TypeError, IndexError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{path} is no readable SLEAP file: {reason}; save it again"
        ) from error
    if not source.skeletons:
        raise InputError(f"{path} holds no skeleton; add one in SLEAP and save it again")
    return source


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
    if lost := [file for file in found if not fence.exists(file)]:
        fence.require(lost[0], path)
        folder = PureWindowsPath(lost[0]).parent.name
        raise InputError(
            f"{path} names the image {lost[0]}, which does not exist ({len(lost)} of "
            f"{len(found)} are missing); put the folder {folder} beside {path.name}"
        )
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
        if f"{group}/video" not in file:
            raise InputError(
                f"{path} lacks the images of {group}; save the package again in SLEAP, with "
                "images"
            )
        count = len(file[f"{group}/video"])
        stored = file.get(f"{group}/frame_numbers")
        numbers = range(count) if stored is None else stored[()].tolist()
    return f"{path.resolve()}::{group}", {number: rank for rank, number in enumerate(numbers)}


def _rows(source: Any, path: Path) -> list[tuple[int, int, Any]]:
    """Return (video, frame, instance), sorted by video and frame."""
    index = {id(video): k for k, video in enumerate(source.videos)}
    rows = [
        (index[id(frame.video)], int(frame.frame_idx), instance)
        for frame in source.labeled_frames
        for instance in _kept(frame)
    ]
    rows.sort(key=lambda row: row[:2])
    if rows and min(row[1] for row in rows) < 0:
        raise InputError(f"{path} names a negative frame; save it again with SLEAP")
    return rows


def _kept(frame: Any) -> list[Any]:
    """Return what counts in a frame: a person's instance hides the prediction it came from."""
    adopted = [i.from_predicted for i in frame.user_instances if i.from_predicted is not None]
    unused = [i for i in frame.unused_predictions if not any(i is a for a in adopted)]
    return [*frame.user_instances, *([] if frame.is_negative else unused)]


def _negatives(source: Any) -> list[tuple[int, int]]:
    """Return the frames in which a person saw no animal."""
    index = {id(video): k for k, video in enumerate(source.videos)}
    return [
        (index[id(frame.video)], int(frame.frame_idx))
        for frame in source.labeled_frames
        if frame.is_negative and not frame.user_instances
    ]


def _individuals(
    source: Any, rows: list[tuple[int, int, Any]]
) -> tuple[tuple[str, ...], Int[np.ndarray, " N"]]:
    """Return the names of the tracks, and whose each row is."""
    names = list(dict.fromkeys(track.name for track in source.tracks))
    tracks = [instance.track.name if instance.track else None for _, _, instance in rows]
    if rows and not any(tracks) and len({row[:2] for row in rows}) == len(rows):
        names = list(dict.fromkeys([*names, "animal"]))  # one animal, and no other ever
        return tuple(names), np.full(len(rows), names.index("animal"))
    seen: set[tuple[int, int, str]] = set()
    who = np.full(len(rows), UNKNOWN, np.int64)
    for n, ((video, frame, _), name) in enumerate(zip(rows, tracks, strict=True)):
        if name and (video, frame, name) not in seen:  # nobody is twice in a frame
            who[n] = names.index(name)
            seen.add((video, frame, name))
    return tuple(names) or ("animal",), who


def _origin(instance: Any) -> Origin:
    if hasattr(instance, "score"):
        return Origin.MODEL
    return Origin.PERSON if instance.from_predicted is None else Origin.CORRECTED


def write(labels: Labels, path: Path) -> list[Path]:
    """Write a .slp file that refers to the videos; corrected labels become a person's."""
    return write_objects(objects(labels), path, labels)


def write_objects(source: Any, path: Path, labels: Labels | None = None) -> list[Path]:
    """Write an object of sleap-io, and what only the file of its labels can hold."""
    import sleap_io

    rows = sum(len(frame.instances) + 1 for frame in source.labeled_frames)
    numbers = _POINT_BYTES * rows * (len(source.skeletons[0].nodes) + 2)
    with store.atomic(path, numbers + store.SLACK) as partial:
        sleap_io.save_slp(source, str(partial), verbose=False)
        if labels is not None:
            sleap_extras.put_inside(labels, partial)
    return [path]


def objects(labels: Labels, scores: Scores | None = None, open_videos: bool = False) -> Any:
    """Return labels as an object of sleap-io.

    Args:
        labels: what to say.
        scores: of a model's labels; frames without any are there too, up to `lengths`.
        open_videos: whether the videos are opened.
    """
    import sleap_io

    videos = [describe(ref, open_videos) for ref in labels.videos]
    tracks = [sleap_io.Track(name) for name in labels.individuals]
    skeleton = theirs(labels.skeleton)
    frames = []
    made: dict[int, Any] = {}
    for v, f, rows in by_frame(labels):
        instances = [_instance(labels, n, skeleton, tracks) for n in rows]
        made |= dict(zip(rows.tolist(), instances, strict=True))
        if scores is not None:
            for n, instance in zip(rows, instances, strict=True):
                instance.points["score"] = scores.points[n]
                instance.score = float(scores.instances[n])
                instance.tracking_score = float(scores.tracking[n])
        frames.append(sleap_io.LabeledFrame(videos[v], f, instances))
    for v, f in labels.negatives.tolist():
        frames.append(sleap_io.LabeledFrame(videos[v], f, is_negative=True))
    there = set(map(tuple, labels.frames.tolist()))
    for v, length in enumerate(scores.lengths if scores else ()):
        empty = [f for f in range(length) if (v, f) not in there]
        frames += [sleap_io.LabeledFrame(videos[v], f) for f in empty]
    notes = remember(
        labels.skeleton,
        incomplete=labels.incomplete.tolist(),
        regions=[[r.video, r.frame, r.polygon.tolist()] for r in labels.regions],
    )
    whole = sleap_io.Labels(frames, videos, [skeleton], tracks, provenance=notes)
    if scores is None:
        sleap_extras.give(labels, whole, made)
    return whole


def remember(skeleton: Skeleton, **more: Any) -> dict[str, Any]:
    """Return the note in a file of ours by which we read it back exactly."""
    said = {"version": version("gambol"), "skeleton": skeleton.to_dict()}
    return {"gambol": said | {name: value for name, value in more.items() if value}}


def theirs(skeleton: Skeleton) -> Any:
    """Return a skeleton of sleap-io."""
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
    who = int(labels.individual[n])
    track = None if who == UNKNOWN else tracks[who]
    instance = kind.from_numpy(labels.xy[n], skeleton=skeleton, track=track)
    instance.points["visible"] = labels.visibility[n] == Visibility.VISIBLE
    instance.points["complete"] = labels.visibility[n] != Visibility.UNLABELLED
    return instance


def describe(ref: str, open_it: bool = False) -> Any:
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

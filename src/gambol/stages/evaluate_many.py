"""Scores of several animals: how well they were found, and whether identities were kept.

`stages.evaluate` calls this for runs, detections and tracks of several animals. Distances at
the top of a result are of all labelled animals, those that were missed being infinitely far
off; `animals.matched` has those of the animals that were found.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int

from gambol.core import regions
from gambol.core.errors import InputError
from gambol.core.instances import UNTRACKED, Detections, Tracks, body_length, join
from gambol.core.labels import UNKNOWN, Labels, Visibility, among, from_positions
from gambol.core.skeleton import Skeleton
from gambol.io import detections as io_detections
from gambol.io import frames as io_frames
from gambol.io import labels as io_labels
from gambol.io import run as io_run
from gambol.io import tracks as io_tracks
from gambol.io.labels.table import read_table
from gambol.io.video import open_video
from gambol.nn import engine
from gambol.pose import calibrate, identify, instances, judge
from gambol.pose import evaluate as scoring
from gambol.stages import evaluate_queue, finders, matching, predict_many
from gambol.tracking import evaluate as identity

CELLS = 2e7  # resamples times labelled keypoints; a whole recording as truth takes fewer draws
DRAWS = (200, 2000)  # least and most resamples
BLOCK_S = 10.0  # of a recording that the bootstrap draws together
FEWEST = 5  # such stretches; of fewer, each frame is drawn by itself
TOP = ("idf1", "mota", "hota", "id_switches")  # what stands for identities, with intervals
OTHERS = (
    *("idp", "idr", "deta", "assa", "fragmentations", "misses", "false_positives"),
    *("n_tracks", "identity_accuracy", "identity_errors", "time_to_first_error_s"),
    "switches_per_animal_hour",
)


class Found(NamedTuple):
    """Everything that was found in the labelled videos."""

    rows: Detections
    video: Int[np.ndarray, " D"]  # as in the labels
    classes: tuple[str, ...] = ()  # names behind `rows.identity`


class Truth(NamedTuple):
    """The animals as they are."""

    labels: Labels
    whole: bool  # every frame of one recording, by another tracker or a simulation


def of_run(
    trained: io_run.Trained, labels: Labels, accept: float, oks: instances.InstanceScoring
) -> dict[str, Any]:
    """Find the animals of all labelled frames and score them.

    Args:
        trained: a run of several animals.
        labels: of the frames to score.
        accept: confidence from which a keypoint counts as accepted.
        oks: how poses are compared.
    """
    learned = predict_many.judged_by(trained).calibration
    return _score(labels, see(trained, labels), accept, oks, learned)


def see(trained: io_run.Trained, labels: Labels) -> Found:
    """Find the animals of all labelled frames, as `gambol predict` would."""
    matching.check_names(trained.model.spec.keypoints, labels)
    finder = finders.of_run(trained, engine.choose_device("cpu"))
    judged = predict_many.judged_by(trained)
    frames = labels.frames
    rows = [
        predict_many.in_frame(finder, judged, trained.model.scale, image, int(frame))
        for (_, frame), image in zip(frames, _images(labels, trained.model.grey), strict=True)
    ]
    video = np.repeat(frames[:, 0], [len(one.frame) for one in rows])
    many = trained.model.many
    return _together([Found(join(rows), video, many.classes if many else ())])


def of_detections(
    paths: list[Path], labels: Labels, accept: float, oks: instances.InstanceScoring
) -> dict[str, Any]:
    """Score files of detections on the labelled frames of their videos."""
    parts, said = [], []
    learned = None
    for path in paths:
        about, rows = io_detections.read(path)
        video = matching.video_of(labels, str(about.attrs.get("source_file", path.stem)))
        if video is None:
            continue
        matching.check_names(about.skeleton.keypoints, labels)
        matching.check_length(path, len(about.times), _frames_in(labels, video))
        parts.append(Found(rows, np.full(len(rows.frame), video), about.classes))
        said.append(video)
        learned = learned or _calibration(about.attrs)
    if not parts:
        raise matching.nothing_of(paths[0].parent if len(paths) > 1 else paths[0], labels)
    frames = labels.frames
    chosen = labels.within(frames[np.isin(frames[:, 0], said)])
    return _score(chosen, _together(parts), accept, oks, learned)


def of_tracks(
    paths: list[Path], truth: Path, accept: float, oks: instances.InstanceScoring
) -> dict[str, Any]:
    """Score tracks on labels with identities, or on tracks of another origin.

    Args:
        paths: tracks, one file a recording.
        truth: labels, or a file of tracks that are to count as true.
        accept: confidence from which a keypoint counts as accepted.
        oks: how poses are compared.
    """
    known = read_truth(truth)
    parts: list[Found] = []
    videos: list[int] = []
    aligned, rates, queues = [], [], []
    for path in paths:
        said = io_tracks.load(path)
        video = 0 if known.whole else matching.video_of(known.labels, said.video or path.stem)
        if video is None:
            continue
        matching.check_names(said.skeleton.keypoints, known.labels)
        matching.check_length(path, said.frames, _frames_in(known.labels, video))
        tracked = said.found.select(said.id != UNTRACKED)
        parts.append(Found(tracked, np.full(len(tracked.frame), video)))
        videos.append(video)
        rates.append(_rate(path, said))
        if named(known.labels):
            said = _judged(known.labels, video, said)
            frames = _whole(known.labels, video)
            aligned.append(_align(known.labels, video, said, rates[-1], frames))
            queues.append(evaluate_queue.scores(path, said, aligned[-1], frames))
    if not parts:
        raise matching.nothing_of(paths[0].parent if len(paths) > 1 else paths[0], known.labels)
    if known.whole and len(parts) > 1:
        raise InputError(
            f"{truth} is one recording, but there are {len(parts)} files of tracks"
        )
    frames = known.labels.frames
    chosen = known.labels.within(frames[np.isin(frames[:, 0], videos)])
    scores = _score(chosen, _together(parts), accept, oks, None, _block(chosen, rates[0]))
    if not aligned:
        return {**scores, **dict.fromkeys(TOP), "identities": None}
    kept = identity.evaluate_tracks(aligned).summary()
    spans = {name: kept["intervals"][name] for name in TOP if name in kept["intervals"]}
    numbers = {name: kept[name] for name in (*TOP, *OTHERS)}
    return {
        **scores, **numbers, "intervals": {**scores["intervals"], **spans},
        "identities": kept, "review": [queue for queue in queues if queue],
    }  # fmt: skip


def read_truth(path: Path) -> Truth:
    """Read labels of a project or any format, or tracks of ours or another tool's."""
    if path.is_dir() or path.suffix != ".nc":
        kind = io_labels.detect(path)
        table = kind in ("dlc-table", "lightning")
        frames = table and all(row.isdigit() for row in read_table(path).rows)
        if kind != "analysis" and not frames:  # those label images, these whole recordings
            return Truth(regions.settle(io_labels.load(path)).labels, False)
    elif matching.kind(path) == "detections":
        raise InputError(f"{path} names no animal; give labels or tracks as the truth")
    said = io_tracks.load(path)
    rows = np.flatnonzero(said.id != UNTRACKED)
    frame = said.found.frame[rows]
    labels = from_positions(
        said.skeleton, (said.video or path.stem,), np.zeros(len(rows), np.int64), frame,
        said.found.xy[rows], nan_means=Visibility.UNLABELLED,
        individual=said.id[rows], individuals=said.names or ("animal",),
    )  # fmt: skip
    if path.suffix != ".nc":  # other tools do not say which frames they looked at
        return Truth(labels, True)
    empty = np.setdiff1d(np.arange(said.frames), frame)
    return Truth(
        replace(labels, negatives=np.stack([np.zeros_like(empty), empty], axis=1)), True
    )


def _judged(labels: Labels, video: int, said: io_tracks.Tracked) -> io_tracks.Tracked:
    """Leave out what lies in regions and shows no animal outside of them."""
    if not labels.regions:
        return said
    pairs = np.stack([np.full(len(said.id), video), said.found.frame], axis=1)
    hidden = regions.detected_inside(labels.regions, pairs, said.found.xy)
    mine = labels.video == video
    length = body_length(labels.xy)
    seen = judge.match_all(said.found.xy, pairs, labels.xy[mine], labels.pairs[mine], length)
    hidden[seen[seen >= 0]] = False
    return said._replace(
        found=said.found.select(~hidden),
        id=said.id[~hidden],
        confidence=said.confidence[~hidden],
    )


def named(labels: Labels) -> bool:
    """Tell whether labels say who is who: some are named, none twice in a frame."""
    known = labels.individual != UNKNOWN
    rows = np.column_stack([labels.pairs, labels.individual])[known]
    return bool(known.any()) and len(np.unique(rows, axis=0)) == len(rows)


def _whole(labels: Labels, video: int) -> Int[np.ndarray, " F"]:
    """Frames of a video whose animals are all known, ascending."""
    frames = labels.frames
    mine = (frames[:, 0] == video) & ~among(frames, labels.incomplete)
    return np.unique(frames[mine, 1])


def _align(
    labels: Labels,
    video: int,
    said: io_tracks.Tracked,
    fps: float,
    whole: Int[np.ndarray, " F"],
) -> Any:
    """Bring labels and tracks of one video together, in frames whose animals are all known."""
    mine = (labels.video == video) & np.isin(labels.frame, whole)
    mine &= labels.labelled.any(axis=1)
    truth = identity.Known(labels.frame[mine], labels.individual[mine], labels.xy[mine])
    tracks = Tracks(said.id, said.confidence, len(said.names))
    return identity.align(truth, said.found, tracks, fps=fps, frames=whole)


def _score(
    labels: Labels,
    found: Found,
    accept: float,
    oks: instances.InstanceScoring,
    learned: calibrate.Calibration | None,
    block: int | None = None,
) -> dict[str, Any]:
    """Score animals, then the keypoints of all labelled animals.

    Args:
        labels: of the frames to score.
        found: detections, also in other frames.
        accept: confidence from which a keypoint counts as accepted.
        oks: how poses are compared; fewer resamples are drawn where labels are many.
        learned: what regions are worth; None where the file does not say.
        block: frames that the bootstrap draws together; None: each by itself.
    """
    least, most = DRAWS
    draws = int(np.clip(CELLS / max(int(labels.labelled.sum()), 1), least, most))
    pairs = labels.frames
    judged = instances.evaluate_instances(
        labels, found.rows, video=found.video, groups=_stretch(pairs, block),
        cfg=oks.model_copy(update={"resamples": min(draws, oks.resamples)}),
    )  # fmt: skip
    animals = judged.summary()
    rows = np.flatnonzero(labels.labelled.any(axis=1) & ~regions.inside(labels))
    truth, hit = labels.select(rows), judged.matched[rows]
    seen = hit >= 0
    xy = np.full(truth.xy.shape, np.nan)
    sure = np.zeros(xy.shape[:2])
    xy[seen], sure[seen] = found.rows.xy[hit[seen]], found.rows.confidence[hit[seen]]
    points = scoring.evaluate(
        truth, xy, sure, groups=_stretch(truth.pairs, block),
        cfg=scoring.Scoring(accept=accept, resamples=draws),
    ).summary()  # fmt: skip
    inside = None
    if learned is not None and truth.labelled.any():
        cov = np.full((*xy.shape, 2), np.nan)
        cov[seen] = found.rows.cov[hit[seen]]
        held = calibrate.inside(learned, xy - truth.xy, cov, 0.9)[seen]
        inside = float(held[truth.labelled[seen]].mean()) if seen.any() else None
    maps = {"oks_map": "oks_map", "oks_map_sleap": "sleap_map"}
    spans = {name: animals["intervals"][key] for name, key in maps.items()}
    return {
        **points,
        **{name: animals[key] for name, key in maps.items()},
        "intervals": {**points["intervals"], **spans},
        "coverage90": inside,
        "animals": animals,
        **_by_looks(labels, found, block, draws),
    }


def _by_looks(labels: Labels, found: Found, block: int | None, draws: int) -> dict[str, Any]:
    """How often looks name the right individual; names, not their order, are compared."""
    who = identify.renumber(labels.individual, labels.individuals, found.classes)
    if not found.classes or (who < 0).all():
        return {}
    rows, place = found.rows, np.stack([found.video, found.rows.frame], axis=1)
    matched = judge.match_all(rows.xy, place, labels.xy, labels.pairs, body_length(labels.xy))
    frame, groups = _stretch(labels.pairs, None), _stretch(labels.pairs, block)
    scores = identify.score(rows.identity, matched, who, frame, groups, resamples=draws)
    return {"identity": scores}


def _block(labels: Labels, fps: float) -> int | None:
    """Frames of a stretch where enough of them are labelled to draw them; else None."""
    frames = max(round(BLOCK_S * fps), 1)
    return frames if len(np.unique(_stretch(labels.frames, frames))) >= FEWEST else None


def _stretch(pairs: Int[np.ndarray, "N 2"], block: int | None) -> Int[np.ndarray, " N"]:
    """Group (video, frame) pairs by stretches of so many frames, or each by itself."""
    stretch = pairs[:, 1] // (block or 1)
    return np.asarray(pairs[:, 0] * (int(stretch.max(initial=0)) + 1) + stretch)


def _images(labels: Labels, grey: bool) -> Any:
    """The image of every labelled frame, negatives too, in their order."""
    frames = labels.frames
    one = Skeleton(("frame",))
    nowhere = np.full((len(frames), 1, 2), np.nan)
    rows = from_positions(
        one,
        labels.videos,
        frames[:, 0],
        frames[:, 1],
        nowhere,
        nan_means=Visibility.UNLABELLED,
    )
    return io_frames.labelled(rows, grey=grey)


def _frames_in(labels: Labels, video: int) -> Int[np.ndarray, " F"]:
    frames = labels.frames
    return np.asarray(frames[frames[:, 0] == video, 1])


def _together(parts: list[Found]) -> Found:
    """Put what was found in several videos together; classes only if all have the same."""
    classes = parts[0].classes
    if any(part.classes != classes for part in parts):
        classes = ()
    bare = [p.rows._replace(embedding=p.rows.embedding[:, :0]) for p in parts]
    if not classes:
        bare = [rows._replace(identity=rows.identity[:, :0]) for rows in bare]
    return Found(join(bare), np.concatenate([p.video for p in parts]), classes)


def _calibration(attrs: dict[str, Any]) -> calibrate.Calibration | None:
    if "calibration" not in attrs:
        return None
    return calibrate.Calibration.from_dict(json.loads(attrs["calibration"]))


def _rate(path: Path, said: io_tracks.Tracked) -> float:
    """Frames a second: of the file's clock, else of the video."""
    if said.times is not None:
        steps = np.diff(said.times)
        return 1.0 / float(np.median(steps)) if len(steps) else 1.0
    for place in (Path(said.video), path.parent / Path(said.video).name):
        if said.video and place.exists():
            film = open_video(place)
            film.close()
            return float(film.fps)
    raise InputError(
        f"{path} has no clock and its video {Path(said.video).name} is not beside it; put the "
        "video there"
    )

"""Stage `track`: detections of several animals to tracks whose identities carry a probability.

reads   detections    NAME.detections.nc of `gambol predict`, or predictions of other tools
writes  out/NAME.nc   poses of each animal, and what `stages.identities` describes

What people changed in an earlier result stays: the log of edits is applied to the new one.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import PositiveInt

import gambol
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.io import detections as io_detections
from gambol.io import provenance, store
from gambol.io import tracks as io_tracks
from gambol.io.video.open import open_video
from gambol.pose import clean
from gambol.stages import identities
from gambol.stages.identities import Automatic, Recording
from gambol.tracking import identities as offline
from gambol.tracking import trackers

SUFFIX = ".detections.nc"
DOUBTFUL = 0.9  # probability of an event being resolved rightly under which it is doubtful


class TrackConfig(Config):
    """Settings of the stage."""

    animals: PositiveInt | None = None  # null: as many as a labelled frame showed
    at_most: bool = False  # there may be fewer; else each frame shows all that it can
    preset: Literal["gambol", "sleap-classic", "dlc-ellipse"] = "gambol"
    tracker: trackers.TrackConfig | None = None  # null: the preset
    cleaning: clean.Cleaning = clean.Cleaning()
    doors: tuple[tuple[float, float], ...] = ()  # px; where animals come and go


class TrackedVideo(NamedTuple):
    """What became of one recording."""

    source: Path
    tracks: Path
    frames: int
    animals: int
    detections: int
    untracked: int  # detections that are no animal, or one too many
    events: int  # crossings at which identities may be wrong
    doubtful: int  # those among them with a probability below 0.9


def run(
    cfg: TrackConfig,
    sources: list[Path],
    out: Path,
    *,
    progress: Progress = silent,
) -> list[TrackedVideo]:
    """Track recordings whose tracks are missing or were made from something else."""
    targets = _targets(sources, out)
    done = []
    for number, (source, target) in enumerate(zip(sources, targets, strict=True), start=1):
        done.append(_one(cfg, source, target))
        progress(Step("track", number, len(sources), source.name))
    return done


def describe(values: dict[str, Any]) -> str:
    """Say in a line a recording what became of it."""
    return "\n".join(
        f"{r['tracks']}: {r['animals']} animals in {r['frames']} frames, {r['untracked']} of "
        f"{r['detections']} detections untracked; {r['events']} events to review, "
        f"{r['doubtful']} of them doubtful"
        for r in values["recordings"]
    )


def read(source: Path) -> Recording:
    """Read detections of ours or predictions of another tool."""
    if not source.exists():
        raise InputError(f"{source} does not exist; give a file of `gambol predict`")
    if source.name.endswith(SUFFIX):
        head, found = io_detections.read(source)
        return Recording(
            found, np.ones(len(found.frame), bool), head.times, head.readable,
            head.skeleton, head.fps, head.attrs,
        )  # fmt: skip
    said = io_tracks.load(source)
    times, fps = _clock(source, said.times, said.frames, said.video)
    attrs = {"source_file": said.video, "most": max(len(said.names), 1)}
    fine = np.ones(len(times), bool)
    kept = np.ones(len(said.found.frame), bool)
    return Recording(said.found, kept, times, fine, said.skeleton, fps, attrs)


def _clock(
    source: Path, times: np.ndarray | None, frames: int, video: str
) -> tuple[np.ndarray, float]:
    """Times of the frames: of the file, else of its video."""
    if times is None:
        for path in (Path(video), source.parent / Path(video).name):
            if path.exists():
                film = open_video(path, grey=True)
                times, rate = np.asarray(film.times, np.float64), film.fps
                film.close()
                return times, float(rate)
        raise InputError(
            f"{source} has no times and its video {Path(video).name} is not beside it; put the "
            "video there"
        )
    rate = 1 / float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    return times[:frames], rate


def _targets(sources: list[Path], out: Path) -> list[Path]:
    names = [_name(source) for source in sources]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two files are named {name}; track them into two --out folders")
    return [out / f"{name}.nc" for name in names]


def _name(source: Path) -> str:
    return source.name.removesuffix(SUFFIX) if source.name.endswith(SUFFIX) else source.stem


def _one(cfg: TrackConfig, source: Path, target: Path) -> TrackedVideo:
    if target.exists() and target.resolve() == source.resolve():
        raise InputError(f"{source} would be overwritten by its tracks; give another --out")
    recording = cleaned(cfg, source)
    n = cfg.animals or int(recording.attrs.get("most", 0)) or None
    if n is None:
        raise InputError(f"{source} does not say how many animals there are; give --animals")
    key = _key(cfg, source)
    if io_tracks.made_from(target) != key or not identities.automatic_file(target).exists():
        automatic = _track(cfg, recording, n)
        identities.write_automatic(target, automatic)
    else:
        automatic = identities.read_automatic(target)
    result = identities.build(recording, automatic, identities.read_log(target))
    if io_tracks.made_from(target) != key:
        attrs = _attrs(cfg, recording, source, key)
        identities.write(target, recording, result, _names(recording, n), attrs)
    doubtful = sum(event.confidence < DOUBTFUL for event in result.events)
    lost = int((result.tracks.id < 0).sum())
    frames, rows = len(recording.times), len(recording.found.frame)
    return TrackedVideo(source, target, frames, n, rows, lost, len(result.events), doubtful)


def cleaned(cfg: TrackConfig, source: Path) -> Recording:
    """Read detections and judge which of them may be animals."""
    recording = read(source)
    judged = clean.clean(recording.found, recording.skeleton.bones, cfg.cleaning)
    return recording._replace(found=judged.detections, kept=judged.kept)


def _track(cfg: TrackConfig, recording: Recording, n: int) -> Automatic:
    """Track online, then resolve identities over the whole recording."""
    found = recording.found.select(np.flatnonzero(recording.kept))
    tracker = cfg.tracker or trackers.PRESETS[cfg.preset]
    number = trackers.at_most(n) if cfg.at_most else trackers.exactly(n)
    with _images(tracker, recording) as look:
        made = trackers.track(tracker, found, recording.times, number, look)
    body, area = made.scale.length, made.scale.arena
    if not len(found.frame) or cfg.preset != "gambol":
        online = made.tracks
        return Automatic(
            online.id, online.confidence, made.track, made.margin, n, area, body, False
        )
    doors = np.array(cfg.doors).reshape(-1, 2) if cfg.doors else None
    solved = offline.identify(
        found, made.track, made.margin, recording.times, n, area, body, doors=doors
    ).tracks
    return Automatic(solved.id, solved.confidence, made.track, made.margin, n, area, body, True)


@contextmanager
def _images(
    tracker: trackers.TrackConfig, recording: Recording
) -> Iterator[Callable[[int], np.ndarray] | None]:
    """Open the video for trackers that look at it."""
    if tracker.motion.kind != "flow":
        yield None
        return
    path = Path(str(recording.attrs.get("source_file", "")))
    if not path.exists():
        raise InputError(
            f"motion flow looks at {path}, which is not there; set motion to kalman"
        )
    video = open_video(path, grey=True)
    try:
        yield lambda frame: video.read([frame])[0, ..., 0]
    finally:
        video.close()


def _names(recording: Recording, n: int) -> tuple[str, ...]:
    return tuple(f"animal{i + 1}" for i in range(n))


def _attrs(cfg: TrackConfig, recording: Recording, source: Path, key: str) -> dict[str, Any]:
    """Where the tracks are from, and what the file of detections said."""
    kept = ("confidence_radius_px", "calibration", "body_px")
    said = {name: recording.attrs[name] for name in kept if name in recording.attrs}
    settings = cfg.model_dump(mode="json")
    return {
        **said,
        "made_from": key,
        "source_file": str(recording.attrs.get("source_file", "")),
        "detections": str(source.resolve()),
        "track_settings": settings,
        "provenance": provenance.record(
            stage="track", detections=str(source.resolve()), settings=settings
        ),
    }


def _key(cfg: TrackConfig, source: Path) -> str:
    parts = [gambol.__version__, cfg.fingerprint(), store.file_hash(source)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

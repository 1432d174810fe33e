"""Stage `track`: detections of several animals to tracks whose identities carry a probability.

reads   detections    NAME.detections.nc of `gambol predict`, a folder of them, or predictions
                      of other tools
writes  out/NAME.nc   poses of each animal, and what `stages.identities` describes

What people changed in an earlier result stays: the log of edits is taken over to the new one.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import PositiveInt, field_validator
from scipy.optimize import linear_sum_assignment

import gambol
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.instances import Detections
from gambol.core.progress import Progress, Step, silent
from gambol.core.shares import Share
from gambol.io import detections as io_detections
from gambol.io import provenance, store, stored
from gambol.io import tracks as io_tracks
from gambol.io.poses import Shards
from gambol.io.video.open import open_video
from gambol.pose import clean
from gambol.pose.appearance_settings import AppearanceConfig
from gambol.stages import appearance, identities, online, replay
from gambol.stages.identities import Automatic, Log, Recording
from gambol.tracking import trackers
from gambol.tracking.restitch import restitch

SUFFIX = ".detections.nc"
DOUBTFUL = 0.9  # probability of an event being resolved rightly under which it is doubtful


class TrackConfig(Config):
    """Settings of the stage."""

    animals: PositiveInt | None = None  # null: as many as frames show, and labels had
    at_most: bool = False  # there may be fewer; else each frame shows all that it can
    preset: Literal["gambol", "sleap-classic", "dlc-ellipse"] = "gambol"  # others to compare
    tracker: trackers.TrackConfig | None = None  # null: the preset
    cleaning: clean.Cleaning = clean.Cleaning()
    doors: tuple[tuple[float, float], ...] = ()  # px; where animals come and go
    appearance: AppearanceConfig | None = None
    # learn from the film who looks like whom, which takes minutes; true: with the defaults

    @field_validator("appearance", mode="before")
    @classmethod
    def _is_switched(cls, value: Any) -> Any:
        return ({} if value else None) if isinstance(value, bool) else value


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
    edits: int  # of people, that were applied


def run(
    cfg: TrackConfig,
    sources: list[Path],
    out: Path,
    *,
    share: Share | None = None,
    progress: Progress = silent,
) -> list[TrackedVideo]:
    """Track recordings whose tracks are missing or were made from something else.

    Args:
        cfg: settings.
        sources: files of detections, or folders of them.
        out: folder of the results.
        share: the part of the recordings to do; None does all.
        progress: told of every recording.
    """
    pairs: Sequence[tuple[Path, Path]] = _targets(_files(sources), out)
    if share is None:
        store.remove_partials(target for _, target in pairs)
    else:
        pairs = share.every(pairs)
    done = []
    for number, (source, target) in enumerate(pairs, start=1):
        done.append(_one(cfg, source, target, progress))
        progress(Step("track", number, len(pairs), source.name))
    return done


def describe(values: dict[str, Any]) -> str:
    """Say in a line a recording what became of it."""
    return "\n".join(
        f"{r['tracks']}: {r['animals']} animals in {r['frames']} frames, {r['untracked']} of "
        f"{r['detections']} detections untracked; {r['events']} events to review, "
        f"{r['doubtful']} of them doubtful"
        + (f"; {r['edits']} edits applied" if r["edits"] else "")
        for r in values["recordings"]
    )


def read(source: Path, scratch: Path | None = None) -> Recording:
    """Read detections of ours or predictions of another tool.

    Args:
        source: the file.
        scratch: folder for poses that memory should not hold; that of the system where None.
    """
    if not source.exists():
        raise InputError(f"{source} does not exist; give a file of `gambol predict`")
    if source.name.endswith(SUFFIX):
        head, found = io_detections.spool(source, scratch)
        looks = (io_detections.candidates, io_detections.margins)
        more = any(look(source, 0, 0) is not None for look in looks)
        kept = np.ones(len(found.frame), bool)
        return Recording(
            found, kept, head.times, head.readable, head.skeleton, head.fps, head.classes,
            head.attrs, source if more else None,
        )  # fmt: skip
    said = io_tracks.load(source)
    clock = _clock(source, said)
    attrs = {"source_file": clock.video, "most": _most(said.found.frame)}
    kept = np.ones(len(said.found.frame), bool)
    fine = np.ones(len(clock.times), bool)
    return Recording(said.found, kept, clock.times, fine, said.skeleton, clock.fps, (), attrs)


class _Clock(NamedTuple):
    times: np.ndarray  # (T,) s
    fps: float
    video: str


def _clock(source: Path, said: io_tracks.Tracked) -> _Clock:
    """Times of the frames: of the file, else of its video."""
    last = int(said.found.frame.max(initial=-1))
    if said.times is not None:
        times, fps, video = said.times, _rate(said.times), said.video
    else:
        path = _video(source, said.video)
        film = open_video(path, grey=True)
        times, fps, video = np.asarray(film.times, np.float64), film.fps, str(path.resolve())
        film.close()
    if last >= len(times):
        raise InputError(
            f"{source} has an animal in frame {last}, but {video or source} has {len(times)} "
            "frames; put the right video beside it"
        )
    return _Clock(times, float(fps), video)


def _rate(times: np.ndarray) -> float:
    return 1 / float(np.median(np.diff(times))) if len(times) > 1 else 1.0


def _video(source: Path, video: str) -> Path:
    """Where the video of a file of another tool lies."""
    name = video.replace("\\", "/")
    for path in (Path(name), source.parent / name, source.parent / Path(name).name):
        if Path(name).name and path.exists():
            return path
    raise InputError(
        f"{source} has no times and its video {Path(name).name or '(unnamed)'} is not beside "
        "it; put the video there"
    )


def _most(frames: np.ndarray) -> int:
    """How many animals there are: no more than one frame in twenty shows."""
    shown = np.unique(frames, return_counts=True)[1]
    return max(int(np.quantile(shown, 0.95, method="inverted_cdf")), 1) if len(shown) else 1


def _files(sources: list[Path]) -> list[Path]:
    """Replace folders by the files of detections in them."""
    files: list[Path] = []
    for source in sources:
        inside = sorted(source.glob(f"*{SUFFIX}")) if source.is_dir() else [source]
        if not inside:
            raise InputError(f"{source} holds no file *{SUFFIX}; give files of gambol predict")
        files += inside
    return files


def _targets(sources: list[Path], out: Path) -> list[tuple[Path, Path]]:
    names = [_name(source) for source in sources]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two files are named {name}; track them into two --out folders")
    return [(source, out / f"{name}.nc") for source, name in zip(sources, names, strict=True)]


def _name(source: Path) -> str:
    return source.name.removesuffix(SUFFIX) if source.name.endswith(SUFFIX) else source.stem


def _one(cfg: TrackConfig, source: Path, target: Path, progress: Progress) -> TrackedVideo:
    if target.exists():
        _check_target(source, target)
    recording = cleaned(cfg, source, target.parent)
    labelled = int(recording.attrs.get("most", 0))
    shown = _most(recording.found.frame[recording.kept])
    n = cfg.animals or min(labelled, shown)  # a network for three may be shown two
    if not n:
        raise InputError(f"{source} does not say how many animals there are; give --animals")
    key = _key(cfg, source)
    log = identities.read_log(target)
    if log is None or log.key != key:
        automatic, recording = _track(cfg, recording, n, target, key, progress)
        automatic, log = _begin(target, automatic, recording, log, key)
    else:
        automatic = identities.read_automatic(target, key)
        if cfg.appearance and automatic.offline:
            recording = appearance.recall(recording, target, key)
    result = replay.build(recording, automatic, log.records)
    if not identities.is_current(target, log):
        attrs = _attrs(cfg, recording, source)
        names = _names(recording, automatic)
        identities.write(target, recording, result, names, attrs, log)
    identities.forget_others(target, key)
    online.forget(target)
    doubtful = sum(event.confidence < DOUBTFUL for event in result.events)
    lost = int((result.tracks.id < 0).sum())
    return TrackedVideo(
        source, target, len(recording.times), n, len(recording.found.frame), lost,
        len(result.events), doubtful, len(log.records),
    )  # fmt: skip


def _check_target(source: Path, target: Path) -> None:
    if target.resolve() == source.resolve():
        raise InputError(f"{source} would be overwritten by its tracks; give another --out")
    if "track_settings" not in identities.attributes(target, any_poses=True):
        raise InputError(f"{target} is there and holds no tracks of gambol; give another --out")


def _begin(
    target: Path, automatic: Automatic, recording: Recording, said: Log | None, key: str
) -> tuple[Automatic, Log]:
    """Keep new automatic tracks, with what people said about the ones before them."""
    records: list[dict[str, Any]] = []
    if said is not None and said.records:
        before = identities.read_automatic(target, said.key)
        (whole,) = io_tracks.pieces(target, frames=len(recording.times))
        rows = whole.found
        if len(rows.frame) != len(before.kept):
            raise InputError(
                f"{target} and its edits do not belong together; give another --out"
            )
        automatic, records = replay.carry(before, rows, said, automatic, recording)
    log = Log(key, records)
    identities.write_automatic(target, key, automatic)
    identities.write_log(target, log, "track")
    return automatic, log


def cleaned(cfg: TrackConfig, source: Path, scratch: Path | None = None) -> Recording:
    """Read detections and judge which of them may be animals."""
    recording = read(source, scratch)
    found, bones = recording.found, recording.skeleton.bones
    length, usual = _sizes(found, bones, scratch)
    kept = np.empty(len(found.frame), bool)
    for rows in identities.stretches(recording):
        some = found.select(rows)
        judged = clean.clean(some, bones, cfg.cleaning, length=length, usual=usual)
        kept[rows] = judged.kept
        if judged.detections is not some:  # duplicates completed animals
            stored.put(found, int(rows[0]), judged.detections)
    return recording._replace(kept=kept)


def _sizes(
    found: Detections, bones: Sequence[tuple[int, int]], scratch: Path | None
) -> tuple[float, clean.Usual]:
    """Body length, px, and usual sizes of a recording, of which one column is in memory."""
    rows = len(found.frame)
    columns = stored.scratch((1 + len(bones), rows), scratch)
    for first in range(0, rows, stored.ROWS):
        some = found.select(np.arange(first, min(first + stored.ROWS, rows)))
        columns[:, first : first + stored.ROWS] = clean.sizes(some.xy, bones).T
        stored.release([columns])
    known = columns[0][np.isfinite(columns[0])]
    length = float(np.median(known)) if len(known) else 0.0
    return length if length > 0 else 1.0, clean.usual_of(columns)


def _track(
    cfg: TrackConfig, recording: Recording, n: int, target: Path, key: str, progress: Progress
) -> tuple[Automatic, Recording]:
    """Track online, learn looks if asked to, resolve identities over the whole recording."""
    pieces = online.shards(target, key)
    raw = _raw(cfg, recording, n, pieces, progress)
    if not raw.offline:
        return raw, recording
    nobody = np.zeros(0)  # who is who is solved anew, and the arrays are large
    raw = raw._replace(id=nobody.astype(np.int64), confidence=nobody)
    if cfg.appearance:
        recording = appearance.looks(cfg.appearance, recording, raw, target, key, progress)
    solved = replay.solve(recording, raw)
    ids, confidence, _ = solved.tracks
    return raw._replace(id=ids, confidence=confidence, events=solved.events), recording


def _raw(
    cfg: TrackConfig, recording: Recording, n: int, pieces: Shards, progress: Progress
) -> Automatic:
    """Track online the detections that were kept."""
    tracker = cfg.tracker or trackers.PRESETS[cfg.preset]
    number = trackers.at_most(n) if cfg.at_most else trackers.exactly(n)
    made = online.follow(tracker, recording, number, pieces, progress)
    if cfg.preset == "dlc-ellipse" and cfg.tracker is None:
        found = recording.found.select(np.flatnonzero(recording.kept))
        ids = restitch(found, made.track, recording.times, n, made.scale.length)
        made = made._replace(tracks=made.tracks._replace(id=ids))
    return Automatic(
        made.tracks.id, made.tracks.confidence, made.track, made.margin, recording.kept,
        np.array(cfg.doors, np.float64).reshape(-1, 2), n, float(made.scale.arena),
        float(made.scale.length), bool(recording.kept.any()) and cfg.preset == "gambol", [],
    )  # fmt: skip


def _names(recording: Recording, automatic: Automatic) -> tuple[str, ...]:
    """Names of individuals where the network told them apart, else numbers."""
    n = automatic.n_animals
    if recording.found.identity.shape[1] != n or len(recording.classes) != n:
        return tuple(f"animal{i + 1}" for i in range(n))
    said = recording.found.identity[recording.kept]
    total = np.stack([np.nan_to_num(said[automatic.id == i]).sum(axis=0) for i in range(n)])
    return tuple(recording.classes[a] for a in linear_sum_assignment(-total)[1])


def _attrs(cfg: TrackConfig, recording: Recording, source: Path) -> dict[str, Any]:
    """Where the tracks are from, and what the file of detections said."""
    kept = ("confidence_radius_px", "calibration", "body_px", "looks")
    said = {name: recording.attrs[name] for name in kept if name in recording.attrs}
    settings = cfg.model_dump(mode="json")
    where = {"detections": str(source.resolve()), "detections_hash": store.file_hash(source)}
    return {
        **said,
        **where,
        "source_file": str(recording.attrs.get("source_file", "")),
        "track_settings": settings,
        "provenance": provenance.record(stage="track", settings=settings, **where),
    }


def _key(cfg: TrackConfig, source: Path) -> str:
    parts = [gambol.__version__, cfg.fingerprint(), store.file_hash(source)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

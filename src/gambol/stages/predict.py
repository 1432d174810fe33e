"""Stage `predict`: a trained run and videos to poses with covariance and calibrated confidence.

reads   run/            the folder of a finished training
        videos          files, image folders, stacks
writes  out/NAME.nc     poses of each video (`core.poses`), made of shards in out/.NAME.shards
        out/NAME.detections.nc   instead, where a frame shows several animals; `gambol track`
                        gives them their identities

Killed at any moment and started again with the same command, it goes on where it was, and ends
with the same result.
"""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import Field, NonNegativeFloat

import gambol
from gambol.core import pixels
from gambol.core.config import Config
from gambol.core.progress import Progress, Step, silent
from gambol.core.shares import Share
from gambol.core.video import Video
from gambol.io import detections as io_detections
from gambol.io import poses as io_poses
from gambol.io import provenance, store
from gambol.io import run as io_run
from gambol.io.video.ahead import read_ahead
from gambol.io.video.open import fingerprint, open_video, split_ref
from gambol.kernels.peaks import Peaks
from gambol.nn import engine
from gambol.pose import calibrate, dataset, find, posing, predict
from gambol.stages import finders, predict_many, predict_nets, shards, structure
from gambol.stages.predicted import Predicted

CHUNK_BYTES = 16e6  # of decoded video that travel together; four such pieces are in memory


class PredictConfig(Config):
    """Settings of the stage."""

    precision: Literal["float32", "fast"] = "float32"  # fast: bfloat16, if it costs nothing
    window: Literal["auto", "follow", "whole"] = "auto"  # follow the animal where it pays
    candidates: int = Field(default=1, ge=1, le=16)
    # peaks per keypoint that are kept, for a choice by time or by other cameras
    structure: NonNegativeFloat | None = None  # λ of bones in place of the run's; 0: none


class Job(NamedTuple):
    """A video to predict."""

    video: Path
    target: Path
    part: range | None  # its shards that are done and left; None: all, joined to the target


def run(
    cfg: PredictConfig,
    trained: Path,
    videos: list[Path],
    out: Path,
    *,
    device: str = "auto",
    threads: int = 0,
    share: Share | None = None,
    progress: Progress = silent,
) -> list[Predicted]:
    """Predict the videos whose poses are missing or were made from something else.

    Args:
        cfg: settings.
        trained: a finished run.
        videos: what is searched.
        out: folder of the results.
        device: auto, cpu, cuda, …
        threads: cores to use on a CPU; 0 is all.
        share: the part of all frames to do, and to leave as shards; None does and joins all.
        progress: told of every shard.
    """
    model = io_run.load(trained)
    where = engine.choose_device(device)
    suffix = ".nc" if model.model.many is None else ".detections.nc"
    targets = shards.targets(videos, out, suffix)
    # what cannot be read is said before hours are spent on the others
    counts = [shards.count(video, grey=model.model.grey) for video in videos]
    jobs = [
        Job(video, target, part)
        for video, target, part in zip(
            videos, targets, shards.parts(counts, share), strict=True
        )
        if part is None or len(part)
    ]
    if not jobs:
        return []
    if share is None:
        store.remove_partials(targets)
    fast, follow, several = cfg.precision == "fast", cfg.window == "follow", cfg.candidates
    if model.model.many is not None:
        finder = predict_nets.many_animals(
            model, where, threads, fast=fast, follow=follow, candidates=several,
            weight=cfg.structure,
        )  # fmt: skip
        return [_several(cfg, model, finder, job, progress) for job in jobs]
    net = predict_nets.one_animal(
        model, where, threads, fast=fast, follow=follow, candidates=several,
        weight=cfg.structure,
    )  # fmt: skip
    return [_one(cfg, model, net, where, job, progress) for job in jobs]


def _absolute(path: Path) -> Path:
    """Where a video lies, whatever the folder that commands run in."""
    place, inside = split_ref(path)
    whole = place.resolve()
    return whole if inside is None else Path(f"{whole}::{inside}")


def _one(
    cfg: PredictConfig,
    model: io_run.Trained,
    net: predict.Net,
    where: engine.Device,
    job: Job,
    progress: Progress,
) -> Predicted:
    video = open_video(job.video, grey=model.model.grey)
    try:
        key = _key(cfg, model, net.engine.name, job.video)
        if io_poses.made_from(job.target) == key:
            return _there_already(job, len(video), progress)
        return _predict(cfg, model, net, where, video, job, key, progress)
    finally:
        video.close()


def _there_already(job: Job, frames: int, progress: Progress) -> Predicted:
    progress(Step("predict", frames, frames, job.video.name))
    return Predicted(job.video, job.target, frames, 0, 0.0, 0.0, 0, 0.0, 0.0)


def _key(cfg: PredictConfig, model: io_run.Trained, run_by: str, path: Path) -> str:
    """Hash of what the result depends on."""
    parts = [
        gambol.__version__,
        cfg.fingerprint(),
        model.weights_hash,
        run_by,
        fingerprint(path),
        *filter(None, [structure.fingerprint(model, cfg.structure)]),
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _predict(
    cfg: PredictConfig,
    model: io_run.Trained,
    net: predict.Net,
    where: engine.Device,
    video: Video,
    job: Job,
    key: str,
    progress: Progress,
) -> Predicted:
    pieces = io_poses.Shards(job.target, key)
    follow, by = _follows(cfg, model, where, video), structure.poser(model, cfg.structure)
    limit = cfg.candidates if by is None else posing.CANDIDATES
    total = len(video)
    count = shards.many(total)
    clock, fresh, searched = _Clock(), 0, 0
    missing = []
    for number in job.part or range(count):
        if (kept := pieces.read(number)) is None:
            missing.append(number)
        else:
            searched += int(kept.searched.sum())
    for number, frames, readable in _shards(video, model.model.scale, missing, clock):
        with clock.networking():
            seen, everywhere = _search(net, model, frames, follow, limit)
            shard = _shard(cfg, model, by, video, seen, everywhere, readable)
        pieces.write(number, shard)
        fresh, searched = fresh + len(frames), searched + int(shard.searched.sum())
        done = shards.frames(number, total).stop
        progress(Step("predict", done, total, job.video.name))
    if job.part is None:
        attrs = _attrs(
            cfg, model, net.engine.name, job.video, key, clock, fresh, follows=follow
        )
        bones, several = model.model.bones, cfg.candidates
        io_poses.assemble(
            pieces, count, video.times, bones, video.fps, attrs, candidates=several,
            posed=by is not None,
        )  # fmt: skip
    return _predicted(job, video, clock, fresh, searched)


def _predicted(job: Job, video: Video, clock: "_Clock", fresh: int, searched: int) -> Predicted:
    seconds = clock.elapsed()
    return Predicted(
        job.video,
        job.target,
        len(video),
        fresh,
        seconds,
        fresh / seconds,
        searched,
        clock.decode / seconds,
        clock.network / seconds,
        getattr(video, "damage", None),
    )


def _follows(
    cfg: PredictConfig, model: io_run.Trained, where: engine.Device, video: Video
) -> bool:
    """Follow on CPUs where the window is less than half of the frame; GPUs like batches."""
    if cfg.window != "auto":
        return cfg.window == "follow"
    width, height = dataset.network_size(*video.size, model.model.scale)
    small = model.model.window**2 < 0.5 * width * height
    return small and where.torch_name == "cpu" and not model.net.spec.place


def _attrs(
    cfg: PredictConfig,
    model: io_run.Trained,
    run_by: str,
    path: Path,
    key: str,
    clock: "_Clock",
    fresh: int,
    **more: Any,
) -> dict[str, Any]:
    """Where a result is from."""
    notes = provenance.record(
        stage="predict",
        run=str(model.folder.resolve()),
        weights_hash=model.weights_hash,
        video=str(_absolute(path)),
        engine=run_by,
        settings=cfg.model_dump(mode="json"),
        outputs=[one.model_dump(mode="json") for one in model.net.spec.outputs],
        calibrated=structure.is_calibrated(model, cfg.structure),  # for this λ
        **more,
    )
    return {
        "made_from": key,
        "source_file": str(_absolute(path)),
        "confidence_radius_px": 0.05 * model.model.body_px,
        "calibration": structure.calibration(model, cfg.structure).to_dict(),
        "provenance": notes,
        "speed": {  # of the last sitting
            "fps": fresh / clock.elapsed(),
            "decode_share": clock.decode / clock.elapsed(),
            "network_share": clock.network / clock.elapsed(),
        },
    }


def _several(
    cfg: PredictConfig,
    model: io_run.Trained,
    finder: find.Finder,
    job: Job,
    progress: Progress,
) -> Predicted:
    """Find all animals of a video."""
    video = open_video(job.video, grey=model.model.grey)
    try:
        run_by, total = finders.name(finder), len(video)
        key = _key(cfg, model, run_by, job.video)
        if io_detections.made_from(job.target) == key:
            return _there_already(job, total, progress)
        kept, clock = io_detections.Pieces(job.target, key), _Clock()
        pieces = shards.many(total)
        fresh, clock.decode = predict_many.predict(
            finder,
            predict_many.judged_by(model, cfg.structure),
            model.model.scale,
            video,
            kept,
            job.part or range(pieces),
            time.monotonic,
            progress,
            job.video.name,
        )
        clock.network = clock.elapsed() - clock.decode
        if job.part is None:
            many = model.model.many
            assert many is not None
            attrs = _attrs(cfg, model, run_by, job.video, key, clock, fresh)
            attrs |= {"body_px": model.model.body_px, "most": many.most}
            io_detections.assemble(
                kept, pieces, video.times, model.model.bones, video.fps, attrs, many.classes
            )
        return _predicted(job, video, clock, fresh, total)
    finally:
        video.close()


class _Clock:
    """Where the time goes."""

    def __init__(self) -> None:
        self.start, self.decode, self.network = time.monotonic(), 0.0, 0.0

    def elapsed(self) -> float:
        return max(time.monotonic() - self.start, 1e-9)

    @contextmanager
    def networking(self) -> Iterator[None]:
        before = time.monotonic()
        yield
        self.network += time.monotonic() - before


def _shards(
    video: Video, scale: float, missing: list[int], clock: _Clock
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield number, frames at network scale and readability of each missing shard."""
    total = len(video)
    wanted = [i for n in missing for i in shards.frames(n, total)]
    frame_bytes = video.size[0] * video.size[1] * video.channels
    fit = max(int(CHUNK_BYTES // frame_bytes), 1)
    chunk = min(shards.SHARD, 1 << (fit.bit_length() - 1))
    small: list[np.ndarray] = []
    readable: list[np.ndarray] = []
    before = time.monotonic()
    for piece in read_ahead(video, wanted, chunk=chunk):
        clock.decode += time.monotonic() - before
        small.append(predict.shrink(piece.frames, scale))
        readable.append(piece.readable)
        last = int(piece.indices[-1])
        if (last + 1) % shards.SHARD == 0 or last + 1 == total:
            yield last // shards.SHARD, np.concatenate(small), np.concatenate(readable)
            small, readable = [], []
        before = time.monotonic()


def _search(
    net: predict.Net, model: io_run.Trained, frames: np.ndarray, follow: bool, limit: int
) -> tuple[Peaks, np.ndarray]:
    """Find peaks in network pixels; also say which frames were searched as a whole."""
    if follow:
        return predict.follow_several(net, frames, model.model.window, limit)
    padded = dataset.letterbox(frames[0], net.multiple)
    some = engine.frames_at_once(net.engine, padded)
    starts = range(0, len(frames), some)
    parts = [predict.several(net, frames[i : i + some], limit) for i in starts]
    seen = Peaks(*(np.concatenate(p) for p in zip(*parts, strict=True)))
    return seen, np.ones(len(frames), bool)


def _shard(
    cfg: PredictConfig,
    model: io_run.Trained,
    by: posing.Poser | None,
    video: Video,
    seen: Peaks,
    everywhere: np.ndarray,
    readable: np.ndarray,
) -> io_poses.Shard:
    """Choose and calibrate the poses of a shard; frames that cannot be read get empty rows."""
    matrix = pixels.invert(dataset.from_video_map(*video.size, model.model.scale))
    calibration = structure.calibration(model, cfg.structure)
    seen, found, sure, chosen = posing.read(seen, matrix, calibration, by)

    def rows(*parts: np.ndarray) -> list[np.ndarray]:
        empty = [np.where(_like(readable, part), part, np.nan)[:, None] for part in parts]
        return [part.astype(np.float32) for part in empty]

    xy, confidence, covariance, height, presence = rows(
        found.xy, sure.confidence, sure.covariance, found.height, sure.presence
    )
    shard = io_poses.Shard(xy, confidence, covariance, height, presence, everywhere)
    if chosen is not None:
        posterior, absent, margin = rows(chosen.probability, chosen.absent, chosen.margin)
        shard = shard._replace(posterior=posterior, absent=absent, margin=margin)
    if cfg.candidates == 1:
        return shard
    kept = Peaks(*(part[:, :, : cfg.candidates] for part in seen))
    scores = calibrate.scores(calibration, kept.height, kept.cov)
    places, worth = rows(kept.xy, scores)
    return shard._replace(candidate_xy=places, candidate_score=worth)


def _like(readable: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Give a mask of frames the axes of an array."""
    return readable.reshape(-1, *[1] * (part.ndim - 1))

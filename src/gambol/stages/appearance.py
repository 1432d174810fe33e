"""Looks of the animals of one recording: learned from its film, kept beside its tracks.

NAME.looks.safetensors   the network; a run that was killed later goes on with it
.NAME.looks.npz          looks of every detection, and how far they tell animals apart
.NAME.looks.shards/      finished pieces of these, until all are
"""

import hashlib
import json
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8

import gambol
from gambol.core.errors import InputError
from gambol.core.instances import Detections
from gambol.core.progress import Progress, Step, silent
from gambol.core.video import Video
from gambol.io import store
from gambol.io.poses import Shards
from gambol.io.video.ahead import read_ahead
from gambol.io.video.open import fingerprint, open_video, split_ref
from gambol.pose.appearance_settings import AppearanceConfig
from gambol.stages.identities import Automatic, Recording
from gambol.tracking import looks as worth
from gambol.tracking import tracklets

if TYPE_CHECKING:  # torch takes seconds, and most tracking needs none of it
    from gambol.nn.embedding import Encoder
    from gambol.pose.appearance import Lessons, Seen
    from gambol.pose.portraits import Template
    from gambol.pose.upright import Laid

PIECE = 2048  # frames whose looks are kept together
CHUNK = 16  # frames that are decoded together
TOGETHER = 256  # portraits that the network sees at once


class _Studio(NamedTuple):
    """How portraits of the detections that were kept are made."""

    found: Detections
    placed: "Laid"
    template: "Template"
    side: int  # px of a portrait


def looks(
    cfg: AppearanceConfig,
    recording: Recording,
    online: Automatic,
    target: Path,
    key: str,
    progress: Progress = silent,
) -> Recording:
    """Return the recording with looks; learned from its film, or as they were kept.

    Args:
        cfg: settings.
        recording: detections and the name of their film.
        online: tracks that conservative tracklets are cut from.
        target: the track file.
        key: of the tracks, under which `recall` finds the looks again.
        progress: hears of learning and of looking.
    """
    from gambol.pose import appearance, portraits, upright

    found = recording.found.select(np.flatnonzero(recording.kept))
    cut = tracklets.cut(found, online.track, online.margin, recording.times, online.body)
    path = _video(recording, target)
    own = _key(cfg, found, cut, path)
    kept = _read(target)
    if kept is None or kept[1].get("key") != own:
        seen = appearance.Seen(
            found.frame, recording.times[found.frame], cut.of, (cut.of >= 0) & ~cut.touching
        )
        template = portraits.template(found.xy, recording.skeleton.bones, online.body)
        studio = _Studio(found, upright.lay(template.shape, found.xy), template, cfg.side)
        film = open_video(path)
        try:
            _check(film, recording, path)
            made = _made(cfg, studio, seen, film, target, own, progress)
        finally:
            film.close()
        values, about = _judged(made, appearance.lessons(seen, cfg.crops), seen)
        about["key"] = own
    else:
        values, about = kept
    dressed = found._replace(embedding=values)
    told = worth.measure(dressed, cut, recording.times, online.body)
    about["report"] |= {"used": bool(len(told.spread)), "auroc_used": _plain(told.auroc)}
    if not len(told.spread):
        about["report"].setdefault("why", "tracklets differ no more than by chance")
    about["of"] = key
    _write(target, values, about)
    return _dressed(recording, values, about)


def recall(recording: Recording, target: Path, key: str) -> Recording:
    """Return the recording with the looks that were learned when these tracks were made."""
    kept = _read(target)
    if kept is None or kept[1].get("of") != key or len(kept[0]) != recording.kept.sum():
        raise InputError(
            f"{looks_file(target)} does not hold the looks that {target} was made with; run "
            "gambol track into another --out"
        )
    return _dressed(recording, *kept)


def looks_file(target: Path) -> Path:
    """Where the looks lie that belong to a track file."""
    return target.with_name(f".{target.stem}.looks.npz")


def weights_file(target: Path) -> Path:
    """Where the network lies that belongs to a track file."""
    return target.with_suffix(".looks.safetensors")


def _shards(target: Path, key: str) -> Shards:
    """Finished pieces, in .NAME.looks.shards."""
    return Shards(target.with_name(f"{target.stem}.looks.npz"), key)


def _dressed(
    recording: Recording, values: Float[np.ndarray, "K E"], about: dict[str, Any]
) -> Recording:
    """Put looks of the detections that were kept among all."""
    whole = np.full((len(recording.kept), values.shape[1]), np.nan, np.float32)
    whole[recording.kept] = values
    attrs = {**recording.attrs, "looks": about["report"]}
    return recording._replace(found=recording.found._replace(embedding=whole), attrs=attrs)


def _made(
    cfg: AppearanceConfig,
    studio: _Studio,
    seen: "Seen",
    film: Video,
    target: Path,
    key: str,
    progress: Progress,
) -> Float[np.ndarray, "K E"] | None:
    """Learn, then look at everybody; None where there is nothing to learn from."""
    from gambol.pose import appearance

    plan = appearance.lessons(seen, cfg.crops)
    if not len(plan.rows):
        return None
    net = _load(weights_file(target), key)
    if net is None:
        net = _learned(cfg, studio, seen, plan, film, progress)
        if net is None:
            return None
        _save(net, weights_file(target), key)
    shards = _shards(target, key)
    parts = []
    for number in range(-(-len(film) // PIECE)):
        parts.append(_piece(shards, number, net, studio, film))
        done = min((number + 1) * PIECE, len(film))
        progress(Step("look at animals", done, len(film), target.stem))
    return np.concatenate(parts)


def _learned(
    cfg: AppearanceConfig,
    studio: _Studio,
    seen: "Seen",
    plan: "Lessons",
    film: Video,
    progress: Progress,
) -> "Encoder | None":
    from gambol.pose import appearance

    taken = list(_portraits(studio, plan.rows, film))
    if len(np.unique([seen.of[row] for row, _ in taken])) < 2:
        return None
    plan = plan._replace(rows=np.array([row for row, _ in taken]))
    crops = np.stack([picture for _, picture in taken])
    lying = float(studio.placed.lying[plan.rows].mean())

    def told(step: int) -> None:
        progress(Step("learn looks", step, cfg.steps, f"{len(crops)} portraits"))

    return appearance.learn(cfg, crops, seen, plan, lying, told)


def _piece(
    shards: Shards, number: int, net: "Encoder", studio: _Studio, film: Video
) -> Float[np.ndarray, "R E"]:
    """Looks of all detections of some frames, from disk where they are finished."""
    from gambol.pose import appearance

    first, last = np.searchsorted(studio.found.frame, [number * PIECE, (number + 1) * PIECE])
    features = net.last.out_features
    path = shards.path(number)
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            if file["looks"].shape == (last - first, features):
                return np.asarray(file["looks"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        pass  # missing or damaged: made again
    values = np.full((last - first, features), np.nan, np.float32)
    waiting: list[tuple[int, np.ndarray]] = []

    def look() -> None:
        rows = [row - first for row, _ in waiting]
        values[rows] = appearance.embed(net, np.stack([picture for _, picture in waiting]))
        waiting.clear()

    for one in _portraits(studio, np.arange(first, last), film):
        waiting.append(one)
        if len(waiting) == TOGETHER:
            look()
    if waiting:
        look()
    with store.atomic(path) as partial, partial.open("wb") as handle:
        np.savez(handle, looks=values)
    return values


def _portraits(
    studio: _Studio, rows: Int[np.ndarray, " R"], film: Video
) -> Iterator[tuple[int, UInt8[np.ndarray, "S S C"]]]:
    """Yield row and portrait of detections; those that cannot be seen are left out."""
    from gambol.pose import portraits

    found, placed, template, side = studio
    rows = rows[np.isfinite(placed.middle[rows]).all(axis=1)]
    frames = np.unique(found.frame[rows])
    for part in read_ahead(film, frames.tolist(), chunk=CHUNK):
        shown = zip(part.indices.tolist(), part.frames, part.readable.tolist(), strict=True)
        for number, frame, fine in shown:
            first, last = np.searchsorted(found.frame[rows], [number, number + 1])
            for row in rows[first:last].tolist() if fine else ():
                middle, angle = placed.middle[row], float(placed.angle[row])
                yield (
                    row,
                    portraits.portrait(frame, found.xy[row], middle, angle, template, side),
                )


def _judged(
    made: Float[np.ndarray, "K E"] | None, plan: "Lessons", seen: "Seen"
) -> tuple[Float[np.ndarray, "K E"], dict[str, Any]]:
    """Looks that may be used: none of pictures learned from, or none at all."""
    from gambol.pose import appearance

    nothing = np.zeros((len(seen.of), 0), np.float32)
    if made is None:
        why = "no two animals were alone and in view together for long enough"
        return nothing, {"report": {"auroc": None, "why": why}}
    said = appearance.report(made, seen, plan)
    values = {name: _plain(value) for name, value in said._asdict().items()}
    if not said.auroc >= worth.LEAST_AUROC:
        return nothing, {"report": {**values, "why": "animals look too much alike"}}
    return np.where(plan.later[:, None], made, np.float32(np.nan)), {"report": values}


def _plain(value: float) -> float | None:
    """A number for JSON, which knows no NaN."""
    return None if math.isnan(value) else round(value, 4)


def _video(recording: Recording, target: Path) -> Path:
    source = Path(str(recording.attrs.get("source_file", "")))
    for place in (source, target.parent / source.name):
        if source.name and split_ref(place)[0].exists():
            return place
    raise InputError(
        f"looks are learned from {source.name or 'a video'}, which is not at {source}; put it "
        "there or leave appearance off"
    )


def _check(film: Video, recording: Recording, path: Path) -> None:
    if len(film) != len(recording.times):
        raise InputError(
            f"{path} has {len(film)} frames, the detections are of {len(recording.times)}; "
            "predict this video again"
        )


def _key(cfg: AppearanceConfig, found: Detections, cut: tracklets.Tracklets, path: Path) -> str:
    """What looks depend on: settings, detections, tracklets and film."""
    parts = [gambol.__version__, cfg.fingerprint(), fingerprint(path)]
    text = hashlib.sha256("\0".join(parts).encode())
    for array in (found.frame, found.xy, cut.of, cut.touching):
        text.update(np.ascontiguousarray(array).tobytes())
    return text.hexdigest()[:16]


def _save(net: "Encoder", path: Path, key: str) -> None:
    from safetensors.torch import save

    about = {"key": key, "channels": str(net.channels), "features": str(net.last.out_features)}
    store.write_bytes(save(net.state_dict(), about), path)


def _load(path: Path, key: str) -> "Encoder | None":
    """Read a network; None where there is none of this key."""
    from safetensors import SafetensorError, safe_open

    from gambol.nn.embedding import Encoder

    if not path.exists():
        return None
    try:
        with safe_open(path, "pt") as file:
            about = file.metadata() or {}
            if about.get("key") != key:
                return None
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError:
        return None  # damaged: learned again
    net = Encoder(int(about["channels"]), int(about["features"]))
    net.load_state_dict(state)
    return net.eval()


def _write(target: Path, values: Float[np.ndarray, "K E"], about: dict[str, Any]) -> None:
    with store.atomic(looks_file(target)) as partial, partial.open("wb") as handle:
        np.savez(handle, looks=values, about=np.array(json.dumps(about)))
    _shards(target, about["key"]).remove()


def _read(target: Path) -> tuple[Float[np.ndarray, "K E"], dict[str, Any]] | None:
    """Read what was kept; None where that is missing or damaged."""
    try:
        path = looks_file(target)
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            return np.asarray(file["looks"]), json.loads(str(file["about"]))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None

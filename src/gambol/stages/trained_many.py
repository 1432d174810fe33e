"""What a training run for several animals leaves behind: scores, calibration and the model."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

import gambol
from gambol.core import pixels
from gambol.core.instances import Detections, body_length, join
from gambol.io import run as io_run
from gambol.io import store
from gambol.kernels.peaks import Peaks
from gambol.nn import engine, snapshots
from gambol.nn.model import ModelSpec, PoseNet
from gambol.pose import (
    calibrate,
    crops,
    dataset,
    evaluate,
    gridded,
    identify,
    instances,
    judge,
    train,
)
from gambol.pose.choose import measure
from gambol.pose.find import Finder, Found, TopDown, find
from gambol.stages import finders, structure
from gambol.stages.trained import Prepared, field_px, write_origin, write_scores

if TYPE_CHECKING:
    from gambol.stages.train import TrainConfig

FEW = 8  # validation frames that judge a network that still learns


class Made(NamedTuple):
    """What training for several animals gave."""

    spec: ModelSpec
    fitted: train.Fitted
    many: io_run.ManyFile
    centroid: train.Fitted | None  # of a top-down run
    reasons: tuple[str, ...]  # for what was chosen besides


class _Seen(NamedTuple):
    """Finds on some labelled frames, in video pixels."""

    found: list[Found]
    truth: list[np.ndarray]  # (I, J, 2) labelled animals of every frame
    visibility: list[np.ndarray]  # (I, J)
    complete: np.ndarray  # (F,) every animal of the frame is labelled
    who: list[np.ndarray]  # (I,) individual of each
    ignored: list[list[np.ndarray]]  # (K, 2) corners of the regions of every frame

    def select(self, frames: np.ndarray) -> "_Seen":
        """Keep some frames."""
        parts: tuple[Any, ...] = self._replace(complete=self.complete[frames])
        kept: list[Any] = [
            part if part is parts[3] else [part[i] for i in frames] for part in parts
        ]
        return _Seen(*kept)


def body(ready: Prepared) -> float:
    """Length of an animal, video pixels."""
    return body_length(ready.labels.xy)


def finish(
    cfg: "TrainConfig",
    ready: Prepared,
    made: Made,
    out: Path,
    labels: Path,
    device: str,
    seconds: float,
    say: Callable[[str], None],
) -> None:
    """Score and calibrate on validation; `model.json` ends the run."""
    fitted = made.fitted
    net, centroid = snapshots.joined(made.spec, [fitted.weights, *fitted.others]), None
    if made.centroid is not None and made.many.centroid is not None:
        centroid = PoseNet(made.many.centroid)
        centroid.load_state_dict(made.centroid.weights)
    file = _model_file(ready, made.spec, made.many)
    file = file.model_copy(update={"snapshots": len(fitted.others)})
    trained = io_run.Trained(out, file, net, "", centroid)
    name = "calib" if len(ready.rows["calib"]) else "val"
    trained = _with_threshold(trained, ready.parts[name])
    length = body(ready)
    seen = _see(_finder(trained), ready.parts[name])
    judged = _judge(seen, length)
    trained = _with_worth(trained, judged)
    bones = _bones(cfg, ready, trained)
    if bones.reason is not None:
        say(bones.reason)
        reasons = (*ready.choice.reasons, bones.reason)
        ready = ready._replace(choice=ready.choice._replace(reasons=reasons))
    model = trained.model.model_copy(update={"structure": bones.file})
    trained = trained._replace(model=model)
    if bones.file is not None and bones.file.weight:
        seen = _see(_finder(trained), ready.parts[name])
        judged = _judge(seen, length)
        trained = _with_worth(trained, judged)
    if name != "val":
        seen = _see(_finder(trained), ready.parts["val"])
    by = [judged] * len(seen.found)
    if name == "val":  # whose frames shall not judge what they taught
        by = _cross_fitted(seen, length)
    held, scores = _hold(ready, made, trained, seen, by)
    io_run.write_heldout(held, out)
    write_scores(scores, made.fitted, name, out)
    nets = [net] if centroid is None else [net, centroid]
    count = 0.0 if bones.file is None else bones.file.weight  # λ
    write_origin(
        cfg,
        ready,
        out,
        labels,
        nets,
        len(fitted.others),
        device=device,
        seconds=seconds,
        bones_count=count,
        field_px=field_px(net, held),
    )
    store.write_text(trained.model.model_dump_json(indent=1), out / io_run.MODEL)


def _with_worth(trained: io_run.Trained, judged: judge.Judged) -> io_run.Trained:
    """Keep what finds are worth; the calibration is that of chosen peaks where bones count."""
    model = trained.model
    assert model.many is not None
    learned = {"real": tuple(judged.real.tolist()), "temperature": judged.temperature}
    changes: dict[str, Any] = {"many": model.many.model_copy(update=learned)}
    said, file = {"calibration": judged.calibration.to_dict()}, model.structure
    if file is not None and file.weight:
        changes["structure"] = file.model_copy(update=said)
    else:
        changes |= said
    return trained._replace(model=model.model_copy(update=changes))


def _bones(cfg: "TrainConfig", ready: Prepared, trained: io_run.Trained) -> structure.Settled:
    """Learn how bones lie, and on the animals found in validation how much that counts."""
    finder, skeleton = _finder(trained), ready.labels.skeleton
    if not isinstance(finder, TopDown) or not structure.looks(cfg.structure, trained.net):
        return structure.NOTHING
    if cfg.structure.kind == "grid":
        one = dataset.one_by_one(ready.parts["train"])
        known = dataset.cut_out(one, aim(trained), finder.side).xy[:, 0]
        net = finder.pose

        def see(by: gridded.GridPoser | None) -> tuple[np.ndarray, np.ndarray]:
            peaks, truth = _matched(ready, finder._replace(pose=net._replace(grid=by)))
            return peaks.xy[..., 0, :], truth

        calibration, scale = structure.calibration(trained), trained.model.scale
        return structure.settle_grid(cfg.structure, known, skeleton, see, calibration, scale)
    limit = structure.limit(cfg.structure, trained.net)
    peaks, truth = _matched(ready, finder._replace(candidates=limit))
    calibration = structure.calibration(trained)
    known = ready.labels.xy[ready.rows["train"]]
    return structure.settle(cfg.structure, known, skeleton, calibration, peaks, truth)


def _matched(ready: Prepared, finder: TopDown) -> tuple[Peaks, np.ndarray]:
    """Return the peaks (N, J, C) of animals of validation that were found, and their labels."""
    seen = _see(finder, ready.parts["val"])
    peaks, truth = [], []
    for found, animals in zip(seen.found, seen.truth, strict=True):
        who = judge.match(found.xy, animals, body(ready)).found
        one = Peaks(found.xy[:, :, None], found.height[:, :, None], found.cov[:, :, None])
        peaks.append(Peaks(*(part[who[who >= 0]] for part in found.several or one)))
        truth.append(animals[who >= 0])
    return Peaks(*map(np.concatenate, zip(*peaks, strict=True))), np.concatenate(truth)


def looker(
    ready: Prepared, spec: ModelSpec, many: io_run.ManyFile, out: Path
) -> Callable[[PoseNet], io_run.Trained]:
    """Return what makes a run of a network that still learns, judged on a few frames.

    Args:
        ready: what is learnt from.
        spec: of the network.
        many: how animals are found by it, as far as that is known before it has learnt.
        out: folder of the run; of a top-down one, the first network is there.
    """
    frames, length = ready.parts["val"], body(ready)
    few = frames.select(np.arange(min(len(frames.images), FEW)))
    file = _model_file(ready, spec, many)

    def run(net: PoseNet) -> io_run.Trained:
        mine = copy.deepcopy(net)  # an engine changes how weights lie in memory
        where = engine.Device("torch", str(next(mine.parameters()).device))
        first = None
        if many.centroid is not None:
            with torch.random.fork_rng(devices=()):  # what is learnt stays as it is
                first = PoseNet(many.centroid)
            path = out / io_run.CENTROID / "weights.safetensors"
            first.load_state_dict(io_run.read_weights(path))
        trained = io_run.Trained(out, file, mine, "", first)
        judged = _judge(_see(finders.of_run(trained, where), few), length)
        learned = {"real": tuple(judged.real.tolist()), "temperature": judged.temperature}
        more: dict[str, Any] = {"many": many.model_copy(update=learned)}
        more["calibration"] = judged.calibration.to_dict()
        return trained._replace(model=file.model_copy(update=more))

    return run


def _model_file(ready: Prepared, spec: ModelSpec, many: io_run.ManyFile) -> io_run.ModelFile:
    return io_run.ModelFile(
        gambol=gambol.__version__,
        made_from=ready.made_from,
        spec=spec,
        skeleton=ready.labels.skeleton.to_dict(),
        scale=ready.choice.scale,
        window=many.side,
        grey=ready.choice.channels == 1,
        body_px=body(ready),
        calibration={},
        approach=ready.approach,
        many=many,
    )


def _finder(trained: io_run.Trained) -> Finder:
    return finders.of_run(trained, engine.Device("torch", "cpu"))


def _judge(seen: _Seen, length: float) -> judge.Judged:
    """Learn what finds are worth; a keypoint counts as right within 5 % of the body."""
    return judge.fit(*seen[:3], length, 0.05 * length, seen.complete, seen.who, seen.ignored)


def _cross_fitted(seen: _Seen, length: float) -> list[judge.Judged]:
    """Learn for every frame what finds are worth from all but its own stretch."""
    found: list[judge.Judged] = []
    for part in calibrate.folds(len(seen.found)):
        rest = np.setdiff1d(np.arange(len(seen.found)), part)
        others = seen.select(rest) if len(rest) else seen  # of one frame only itself can tell
        found += [_judge(others, length)] * len(part)
    return found


def strict_ap(ready: Prepared, finder: Finder) -> float:
    """Return the strict OKS average precision of a finder on validation; 0 for none."""
    length = body(ready)
    seen = _see(finder, ready.parts["val"])
    judged = _judge(seen, length)
    found = [judge.detections(i, f, judge.value(f, judged)) for i, f in enumerate(seen.found)]
    rows = ready.labels.select(ready.rows["val"]).within(_pairs(ready))
    joined, video = _as_rows(ready, found)
    quick = instances.InstanceScoring(resamples=1)
    scored = instances.evaluate_instances(rows, joined, video=video, cfg=quick)
    return float(np.nan_to_num(scored.numbers["oks_map"]))


def _with_threshold(trained: io_run.Trained, frames: dataset.Frames) -> io_run.Trained:
    """Choose the height of a centroid that finds animals best: largest F1 on validation."""
    many = trained.model.many
    if many is None or many.centroid is None or trained.centroid is None:
        return trained
    finder = _finder(trained)
    assert isinstance(finder, TopDown)
    body = trained.model.body_px * trained.model.scale
    best = judge.best_threshold(finder, frames, body, aim(trained))
    many = many.model_copy(update={"threshold": best})
    return trained._replace(model=trained.model.model_copy(update={"many": many}))


def aim(trained: io_run.Trained) -> crops.Aim:
    """What the crops of a run are aimed at."""
    many = trained.model.many
    if many is None:
        return crops.Aim()
    anchor = None if many.anchor is None else trained.model.bones.index(many.anchor)
    return crops.Aim(anchor, finders.shape(many))


def _see(finder: Finder, frames: dataset.Frames) -> _Seen:
    found, truth, visibility, who, ignored = [], [], [], [], []
    for i, image in enumerate(frames.images):
        found.append(find(finder, image).moved(frames.to_video[i]))
        real = np.isfinite(frames.xy[i]).all(axis=-1).any(axis=-1)
        truth.append(pixels.apply(frames.to_video[i], frames.xy[i][real]))
        visibility.append(frames.visibility[i][real])
        who.append(frames.identity[i][real])
        ignored.append([pixels.apply(frames.to_video[i], p) for p in frames.polygons(i)])
    return _Seen(found, truth, visibility, frames.complete, who, ignored)


def _hold(
    ready: Prepared,
    made: Made,
    trained: io_run.Trained,
    seen: _Seen,
    by: list[judge.Judged],
) -> tuple[io_run.Heldout, dict[str, Any]]:
    """One row per labelled animal: the crop around it, its labels, its find.

    `by` says for every frame what tells the worth of its finds.
    """
    frames, length = ready.parts["val"], body(ready)
    side = _crop_side(made, ready)
    aimed = aim(trained)
    rows: list[tuple[Any, ...]] = []
    found: list[Detections] = []
    for i, (f, truth, states) in enumerate(zip(*seen[:3], strict=True)):
        worth = judge.value(f, by[i])
        found.append(judge.detections(i, f, worth))
        who = judge.match(f.xy, truth, length).found
        inside = pixels.apply(pixels.invert(frames.to_video[i]), truth)
        for k, animal, state, here in zip(who, truth, states, inside, strict=True):
            (turn,) = crops.turns(here[None], aimed)
            image, cut = crops.crop(
                frames.images[i], crops.centroid(here, aimed.anchor), side, turn
            )
            back = pixels.compose(pixels.invert(cut), frames.to_video[i])
            rows.append((image, back, animal, state, *_row(f, worth, int(k), len(animal)), i))
    columns = list(zip(*rows, strict=True))
    video, frame = _pairs(ready)[np.array(columns[-1])].T
    names = np.array([ready.labels.videos[v] for v in video])
    arrays = [*(np.stack(column) for column in columns[1:9]), names, frame]
    held = io_run.Heldout(list(columns[0]), *arrays)
    return held, _scores(ready, held, found)


def _row(f: Found, worth: judge.Worth, k: int, keypoints: int) -> tuple[np.ndarray, ...]:
    """Position, height, covariance, confidence and presence of a find, or of a miss."""
    if k < 0:
        gone = np.full(keypoints, np.nan)
        zero = np.zeros(keypoints)
        return (
            np.full((keypoints, 2), np.nan),
            gone,
            np.full((keypoints, 2, 2), np.nan),
            zero,
            zero,
        )
    sure = worth.confidence[k]
    return f.xy[k], f.height[k], worth.covariance[k], sure, worth.presence[k]


def places(ready: Prepared) -> tuple[tuple[str, int], ...]:
    """Return video and number of the frame of every animal of validation, one by one."""
    frames, _ = np.nonzero(np.isfinite(ready.parts["val"].xy).all(axis=-1).any(axis=-1))
    videos = ready.labels.videos
    return tuple((videos[video], int(frame)) for video, frame in _pairs(ready)[frames])


def _crop_side(made: Made, ready: Prepared) -> int:
    if made.centroid is not None:
        return made.many.side
    return int(1.6 * measure(ready.labels.xy).diagonal * ready.choice.scale)


def _pairs(ready: Prepared) -> np.ndarray:
    """Video and number of every validation frame, in the order of its frames."""
    seen = [ready.labels.pairs[ready.rows["val"]], ready.empty["val"]]
    return np.unique(np.concatenate(seen), axis=0)


def _as_rows(ready: Prepared, found: list[Detections]) -> tuple[Detections, np.ndarray]:
    """Put the finds of all validation frames together; also return the video of each."""
    pairs = _pairs(ready)
    joined = join(found)
    return joined._replace(frame=pairs[joined.frame, 1]), pairs[joined.frame, 0]


def _scores(ready: Prepared, held: io_run.Heldout, found: list[Detections]) -> dict[str, Any]:
    """Scores of keypoints of all labelled animals, and of the animals as wholes."""
    pairs = _pairs(ready)
    rows = ready.labels.select(ready.rows["val"]).within(pairs)
    seen = rows.select(np.flatnonzero(rows.labelled.any(axis=1)))
    points = evaluate.evaluate(seen, held.xy, held.confidence, presence=held.presence)
    joined, video = _as_rows(ready, found)
    animals = instances.evaluate_instances(rows, joined, video=video)
    scores = {**points.summary(), "animals": animals.summary()}
    if joined.identity.shape[1]:
        place = np.stack([video, joined.frame], axis=1)
        matched = judge.match_all(joined.xy, place, rows.xy, rows.pairs, body(ready))
        _, frame = np.unique(rows.pairs, axis=0, return_inverse=True)
        scores["identity"] = identify.score(
            joined.identity, matched, rows.individual, frame.ravel()
        )
    return scores

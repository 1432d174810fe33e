"""What a training run leaves behind: scores and calibration on validation, and the model."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import gambol
from gambol.core import pixels
from gambol.core.config import Config
from gambol.core.labels import Labels
from gambol.io import provenance, store
from gambol.io import run as io_run
from gambol.kernels.peaks import Peaks
from gambol.nn import field, snapshots
from gambol.nn.model import ModelSpec, PoseNet, parameter_count
from gambol.pose import (
    calibrate,
    dataset,
    evaluate,
    gridded,
    infer,
    posing,
    predict,
    splits,
    train,
)
from gambol.pose.choose import Choice, measure
from gambol.pose.choose_many import Approach
from gambol.stages import learning, structure

if TYPE_CHECKING:
    from gambol.stages.train import TrainConfig
    from gambol.stages.unlabelled import Plan

FIELD_FRAMES = 16  # validation frames that the effective receptive field is measured on


class Prepared(NamedTuple):
    """Everything that is settled before the first step."""

    approach: Approach
    labels: Labels
    entries: list[splits.Entry]
    parts: dict[str, dataset.Frames]
    rows: dict[str, np.ndarray]  # of the labels, sorted as the frames of `parts`
    empty: dict[str, np.ndarray]  # (n, 2) video and number of frames without animals
    choice: Choice
    spec: ModelSpec
    seed: int
    made_from: str
    unlabelled: "Plan | None" = None  # what frames without labels shall teach


def finish(
    cfg: "TrainConfig",
    ready: Prepared,
    fitted: train.Fitted,
    out: Path,
    labels: Path,
    device: str,
    seconds: float,
    say: Callable[[str], None],
) -> None:
    """Score and calibrate the best weights on validation; `model.json` ends the run."""
    net = snapshots.joined(ready.spec, [fitted.weights, *fitted.others])
    body = measure(ready.labels.xy).diagonal
    name = "calib" if len(ready.rows["calib"]) else "val"
    limit = structure.limit(cfg.structure, net)
    val = _see(net, ready.parts["val"], limit)
    calib = val if name == "val" else _see(net, ready.parts[name], limit)
    calibration = sure = _calibrate(calib, ready.parts[name], body)
    bones = _bones(cfg, ready, net, val, calibration)
    if bones.reason is not None:
        say(bones.reason)
        reasons = (*ready.choice.reasons, bones.reason)
        ready = ready._replace(choice=ready.choice._replace(reasons=reasons))
    if bones.file is not None and bones.file.weight:
        if bones.poser is not None:
            val, calib = val.posed(bones.poser), calib.posed(bones.poser)
        else:
            val, calib = (_see(net, ready.parts[n], 1, bones.grid) for n in ("val", name))
        sure = _calibrate(calib, ready.parts[name], body)
        again = bones.file.model_copy(update={"calibration": sure.to_dict()})
        bones = bones._replace(file=again)
    worth = calibrate.apply(sure, val.found.height, val.found.cov)
    if name == "val":  # whose frames shall not judge what they taught
        worth = calibrate.cross_fitted(*_errors(val, ready.parts["val"], body))
    held = _hold(val, ready, worth)
    io_run.write_heldout(held, out)
    scores = evaluate.evaluate(
        ready.labels.select(ready.rows["val"]), held.xy, held.confidence, presence=held.presence
    )
    write_scores(scores.summary(), fitted, name, out)
    write_origin(
        cfg,
        ready,
        out,
        labels,
        [net],
        len(fitted.others),
        device=device,
        seconds=seconds,
        field_px=field_px(net, held),
        bones_count=0.0 if bones.file is None else bones.file.weight,  # λ
    )
    file = _model_file(ready, calibration, body).model_copy(
        update={"structure": bones.file, "snapshots": len(fitted.others)}
    )
    store.write_text(file.model_dump_json(indent=1), out / io_run.MODEL)


def _bones(
    cfg: "TrainConfig",
    ready: Prepared,
    net: PoseNet,
    val: "_Seen",
    calibration: calibrate.Calibration,
) -> structure.Settled:
    """Learn how bones lie, and on validation how much that counts."""
    skeleton = ready.labels.skeleton
    if not structure.looks(cfg.structure, net):
        return structure.NOTHING
    if cfg.structure.kind == "candidates":
        known = ready.labels.xy[ready.rows["train"]]
        return structure.settle(
            cfg.structure, known, skeleton, calibration, val.several, val.truth
        )

    def see(by: gridded.GridPoser | None) -> tuple[np.ndarray, np.ndarray]:
        return _see(net, ready.parts["val"], 1, by).found.xy, val.truth

    known = ready.parts["train"].xy[:, 0]
    scale = ready.choice.scale
    return structure.settle_grid(cfg.structure, known, skeleton, see, calibration, scale)


def field_px(net: PoseNet, held: io_run.Heldout) -> dict[str, float | None]:
    """Measure how far a network looks on a few validation frames, network pixels."""
    padded = [dataset.letterbox(image, net.multiple) for image in held.images[:FIELD_FRAMES]]
    return field.measure(net, padded)._asdict()


def held(ready: Prepared) -> learning.Held:
    """Return the validation frames of a single animal."""
    labels, rows = ready.labels, ready.rows["val"]
    places = tuple((labels.videos[labels.video[n]], int(labels.frame[n])) for n in rows)
    return learning.Held(ready.parts["val"], places)


def looker(ready: Prepared, out: Path) -> Callable[[PoseNet], io_run.Trained]:
    """Return what makes a run of a network that still learns, calibrated on a few frames."""
    frames, body = ready.parts["val"], measure(ready.labels.xy).diagonal
    some = frames.select(np.arange(min(len(frames.images), FIELD_FRAMES)))

    def run(net: PoseNet) -> io_run.Trained:
        file = _model_file(ready, _calibrate(_see(net, some), some, body), body)
        return io_run.Trained(out, file, net, "")

    return run


def write_scores(
    scores: dict[str, Any], fitted: train.Fitted, calibrated_on: str, out: Path
) -> None:
    """Write what validation said, and when training was at its best."""
    best = fitted.history[fitted.best]
    store.write_json(
        {
            "split": "val",
            **scores,
            "best_step": best.step,
            "minutes_to_best": best.minutes,
            "reason": fitted.reason,
            "calibrated_on": calibrated_on,
        },
        out / "metrics.json",
    )


def write_origin(
    cfg: Config,
    ready: Prepared,
    out: Path,
    labels: Path,
    nets: list[PoseNet],
    snapshots: int = 0,
    **more: Any,
) -> None:
    """Write where a run comes from: of keypoints, and of a top-down run the finder."""
    store.write_json(
        provenance.record(
            stage="train",
            approach=ready.approach,
            labels=str(labels.resolve()),
            labels_hash=ready.labels.content_hash(),
            split_hash=splits.split_hash(ready.entries),
            settings_hash=cfg.fingerprint(),
            weights_hash=io_run.weights_hash(out, snapshots, len(nets) > 1),
            seed=ready.seed,
            parameters=sum(parameter_count(net) for net in nets),
            chosen=list(ready.choice.reasons),
            outputs=[one.model_dump(mode="json") for one in nets[0].spec.outputs],
            **more,
        ),
        out / "provenance.json",
    )


def _model_file(
    ready: Prepared, calibration: calibrate.Calibration, body: float
) -> io_run.ModelFile:
    multiple = PoseNet(ready.spec).multiple
    side = -(-1.6 * body * ready.choice.scale // multiple) * multiple
    return io_run.ModelFile(
        gambol=gambol.__version__,
        made_from=ready.made_from,
        spec=ready.spec,
        skeleton=ready.labels.skeleton.to_dict(),
        scale=ready.choice.scale,
        window=int(side),
        grey=ready.choice.channels == 1,
        body_px=body,
        calibration=calibration.to_dict(),
    )


class _Seen(NamedTuple):
    """Predictions and truth of some frames, in video pixels."""

    truth: np.ndarray
    several: Peaks  # (N, J, C)

    @property
    def found(self) -> Peaks:
        """The peaks that count."""
        return predict.first(self.several)

    def posed(self, by: posing.Poser) -> "_Seen":
        """Let other peaks count, if poses are better by them."""
        return self._replace(several=posing.choose(by, self.several).peaks)


def _see(
    net: PoseNet,
    frames: dataset.Frames,
    limit: int = 1,
    grid: gridded.GridPoser | None = None,
) -> _Seen:
    device = next(net.parameters()).device
    truth, peaks = [], []
    for i, image in enumerate(frames.images):
        matrix = frames.to_video[i]
        truth.append(pixels.apply(matrix, frames.xy[i, 0]))
        peaks.append(predict.to_video(infer.several(net, image, device, limit, grid), matrix))
    several = Peaks(*(np.stack(part) for part in zip(*peaks, strict=True)))
    return _Seen(np.stack(truth), several)


def _calibrate(seen: _Seen, frames: dataset.Frames, body: float) -> calibrate.Calibration:
    return calibrate.fit(*_errors(seen, frames, body))


def _errors(seen: _Seen, frames: dataset.Frames, body: float) -> tuple[Any, ...]:
    """Return what calibration is learnt from, as `calibrate.fit` takes it."""
    found, states = seen.found, frames.visibility[:, 0]
    return seen.truth, states, found.xy, found.cov, found.height, 0.05 * body


def _hold(seen: _Seen, ready: Prepared, sure: calibrate.Calibrated) -> io_run.Heldout:
    rows, frames = ready.rows["val"], ready.parts["val"]
    found = seen.found
    labels = ready.labels
    return io_run.Heldout(
        images=frames.images,
        to_video=frames.to_video,
        truth=seen.truth,
        visibility=frames.visibility[:, 0],
        xy=found.xy,
        height=found.height,
        cov=sure.covariance,
        confidence=sure.confidence,
        presence=sure.presence,
        video=np.array([labels.videos[v] for v in labels.video[rows]]),
        frame=labels.frame[rows],
    )

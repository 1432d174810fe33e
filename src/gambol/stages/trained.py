"""What a training run leaves behind: scores and calibration on validation, and the model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import gambol
from gambol.core import pixels
from gambol.core.config import Config
from gambol.core.labels import Labels
from gambol.io import provenance, store
from gambol.io import run as io_run
from gambol.nn import field
from gambol.nn.model import ModelSpec, PoseNet, parameter_count
from gambol.pose import calibrate, dataset, evaluate, infer, splits, train
from gambol.pose.choose import Choice, measure
from gambol.pose.choose_many import Approach
from gambol.stages import learning

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


def finish(
    cfg: Config,
    ready: Prepared,
    fitted: train.Fitted,
    out: Path,
    labels: Path,
    device: str,
    seconds: float,
) -> None:
    """Score and calibrate the best weights on validation; `model.json` ends the run."""
    net = PoseNet(ready.spec)
    net.load_state_dict(fitted.weights)
    body = measure(ready.labels.xy).diagonal
    name = "calib" if len(ready.rows["calib"]) else "val"
    calibration = _calibrate(net, ready.parts[name], body)
    held = _hold(net, ready, calibration)
    io_run.write_heldout(held, out)
    scores = evaluate.evaluate(
        ready.labels.select(ready.rows["val"]), held.xy, held.confidence, presence=held.presence
    )
    padded = [dataset.letterbox(image, net.multiple) for image in held.images[:FIELD_FRAMES]]
    write_scores(scores.summary(), fitted, name, out)
    write_origin(
        cfg,
        ready,
        out,
        labels,
        [net],
        device=device,
        seconds=seconds,
        field_px=field.measure(net, padded)._asdict(),  # network pixels
    )
    store.write_text(
        _model_file(ready, calibration, body).model_dump_json(indent=1), out / io_run.MODEL
    )


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
        file = _model_file(ready, _calibrate(net, some, body), body)
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
    **more: Any,
) -> None:
    """Write where a run comes from; the first network is the one of the keypoints."""
    store.write_json(
        provenance.record(
            stage="train",
            approach=ready.approach,
            labels=str(labels.resolve()),
            labels_hash=ready.labels.content_hash(),
            split_hash=splits.split_hash(ready.entries),
            settings_hash=cfg.fingerprint(),
            weights_hash=store.file_hash(out / "weights.safetensors")[:16],
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
    xy: np.ndarray
    height: np.ndarray
    cov: np.ndarray


def _see(net: PoseNet, frames: dataset.Frames) -> _Seen:
    device = next(net.parameters()).device
    truth, xy, height, cov = [], [], [], []
    for i, image in enumerate(frames.images):
        found = infer.forward(net, image, device)
        matrix = frames.to_video[i]
        truth.append(pixels.apply(matrix, frames.xy[i, 0]))
        xy.append(pixels.apply(matrix, found.xy))
        height.append(found.height)
        cov.append(pixels.apply_covariance(matrix, found.cov))
    return _Seen(np.stack(truth), np.stack(xy), np.stack(height), np.stack(cov))


def _calibrate(net: PoseNet, frames: dataset.Frames, body: float) -> calibrate.Calibration:
    seen = _see(net, frames)
    return calibrate.fit(
        seen.truth, frames.visibility[:, 0], seen.xy, seen.cov, seen.height, 0.05 * body
    )


def _hold(net: PoseNet, ready: Prepared, calibration: calibrate.Calibration) -> io_run.Heldout:
    rows, frames = ready.rows["val"], ready.parts["val"]
    seen = _see(net, frames)
    sure = calibrate.apply(calibration, seen.height, seen.cov)
    labels = ready.labels
    return io_run.Heldout(
        images=frames.images,
        to_video=frames.to_video,
        truth=seen.truth,
        visibility=frames.visibility[:, 0],
        xy=seen.xy,
        height=seen.height,
        cov=sure.covariance,
        confidence=sure.confidence,
        presence=sure.presence,
        video=np.array([labels.videos[v] for v in labels.video[rows]]),
        frame=labels.frame[rows],
    )

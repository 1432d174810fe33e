"""Stage `train`: labels to a network with calibrated uncertainty.

reads   labels     a project, a label file or another tool's project, and the videos they name
writes  out/       the run folder that `io.run` describes

Killed at any moment and started again with the same command, it goes on where it was.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import BeforeValidator, PositiveFloat, PositiveInt, SerializeAsAny

import gambol
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.labels import Labels
from gambol.core.progress import Progress, Step, silent
from gambol.core.registry import Spec
from gambol.io import frames as io_frames
from gambol.io import labels as io_labels
from gambol.io import run as io_run
from gambol.io import store
from gambol.io.video.open import open_video
from gambol.nn.augment import AugmentConfig
from gambol.nn.backbones import backbones
from gambol.nn.backbones.linear import LinearSpec
from gambol.nn.backbones.unet import UNetSpec
from gambol.nn.model import ModelSpec, PoseNet, default_head
from gambol.pose import dataset, splits, train
from gambol.pose import linear as pose_linear
from gambol.pose.choose import Choice, choose
from gambol.stages import trained


class SplitConfig(Config):
    """Who validates, calibrates and tests; the rest trains."""

    val: float = 0.15  # share of the labelled frames
    calib: float = 0.0  # 0: uncertainty is cross-fitted on validation
    test: float = 0.0  # never touched by training; `gambol evaluate` scores it
    gap_s: PositiveFloat = 1.0  # frames nearer than this are not on both sides
    seed: int = 0


class LinearFit(Config):
    """How the backbone `linear` finds its one best set of weights; others do not read this."""

    optimizer: pose_linear.OptimizerName = "lbfgs"
    steps: PositiveInt = 200
    ridge: PositiveFloat = 0.1


class TrainConfig(Config):
    """Settings of the stage. What is null is chosen from the labels, with a reason."""

    backbone: Annotated[SerializeAsAny[Spec], BeforeValidator(backbones.parse)] | None = None
    sigma: PositiveFloat = 3.5  # of the confidence maps, network pixels; 5 was 0.2 px worse
    scale: PositiveFloat | None = None  # network pixels per video pixel
    window: PositiveInt | None = None  # side of training windows, network pixels
    colour: Literal["grey", "rgb"] | None = None
    augment: AugmentConfig = AugmentConfig()
    fit: train.FitConfig = train.FitConfig()
    linear: LinearFit = LinearFit()
    split: SplitConfig = SplitConfig()


def run(
    cfg: TrainConfig,
    labels: Path,
    out: Path,
    *,
    device: str = "auto",
    threads: int = 0,
    rows: splits.Split | None = None,
    tensorboard: bool = False,
    progress: Progress = silent,
    say: Callable[[str], None] = lambda text: None,
) -> Path:
    """Train, or go on training, and return the run folder.

    Args:
        cfg: settings.
        labels: project, label file or foreign project.
        out: run folder; a finished run made from the same things is kept as it is.
        device: auto, cpu, cuda, cuda:1 or mps.
        threads: cores to use on a CPU; 0 means all.
        rows: a split of the labels to use instead of drawing one.
        tensorboard: also write TensorBoard event files into the run folder.
        progress: hears of every evaluation.
        say: hears what was chosen and why.
    """
    loaded = io_labels.load(labels)
    made_from = _origin(cfg, loaded, rows)
    if _is_done(out, made_from):
        say(f"{out} is finished and current")
        return out
    torch_device = _device(device, threads)
    ready = _prepare(cfg, loaded, made_from, rows, say)
    out.mkdir(parents=True, exist_ok=True)
    store.write_text(cfg.yaml(), out / "config.yaml")
    io_run.write_split([(e.part, e.video, e.frame, e.individual) for e in ready.entries], out)
    start = time.monotonic()
    fitted = _fit(cfg, ready, out, torch_device, tensorboard, progress)
    trained.finish(cfg, ready, fitted, out, labels, torch_device, time.monotonic() - start)
    return out


def _origin(cfg: TrainConfig, labels: Labels, rows: splits.Split | None) -> str:
    """Hash of what the result depends on."""
    import hashlib

    drawn = "" if rows is None else splits.split_hash(splits.to_rows(labels, rows))
    parts = [gambol.__version__, cfg.fingerprint(), labels.content_hash(), drawn]
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:12]


def _is_done(out: Path, made_from: str) -> bool:
    """Whether `out` holds just this run; another run there is never overwritten."""
    if io_run.is_finished(out):
        if io_run.load(out).model.made_from == made_from:
            return True
        raise InputError(
            f"{out} holds a run with other settings or labels; choose another --out"
        )
    if out.is_dir() and any(out.iterdir()) and not (out / "config.yaml").exists():
        raise InputError(f"{out} is not empty and holds no training run; choose another --out")
    return False


def _device(asked: str, threads: int) -> str:
    from gambol.nn.engine import choose_device

    name = choose_device(asked).torch_name
    if threads and name == "cpu":
        torch.set_num_threads(threads)
    return name


def _prepare(
    cfg: TrainConfig,
    labels: Labels,
    made_from: str,
    rows: splits.Split | None,
    say: Callable[[str], None],
) -> trained.Prepared:
    _check_single(labels)
    split = rows if rows is not None else _split(cfg.split, labels)
    if rows is None:
        splits.check_leakage(labels, split, gap=1)
    images = io_frames.keep(
        io_frames.labelled(labels, grey=False if cfg.colour is None else cfg.colour == "grey")
    )
    choice = _choose(cfg, labels, images)
    for reason in choice.reasons:
        say(reason)
    if choice.channels == 1 and images[0].shape[-1] == 3:
        images = io_frames.keep(io_frames.labelled(labels, grey=True))
    everything = dataset.make_frames(images, labels.xy, labels.visibility, choice.scale)
    # the test part never comes here: train, val and calib are all that training may see
    which = {"train": split.train, "val": split.val, "calib": split.calib}
    parts = {name: everything.select(part) for name, part in which.items()}
    backbone = cfg.backbone or UNetSpec(depth=choice.depth, rate=1.5)
    spec = ModelSpec(
        backbone=backbone,
        head=default_head(backbone),
        channels=choice.channels,
        keypoints=labels.skeleton.keypoints,
        sigma=cfg.sigma,
    )
    entries = splits.to_rows(labels, split)
    return trained.Prepared(
        labels, entries, parts, which, choice, spec, cfg.fit.seed, made_from
    )


def _check_single(labels: Labels) -> None:
    """One animal per frame; several need a model that this stage does not have."""
    pairs = np.stack([labels.video, labels.frame], axis=1)
    _, counts = np.unique(pairs, axis=0, return_counts=True)
    if counts.max() > 1:
        raise InputError(
            f"{int((counts > 1).sum())} frames have several labelled animals; "
            "`gambol train` learns one animal per frame"
        )
    if not labels.labelled.any():
        raise InputError("no keypoint has a position; label some frames first")


def _split(cfg: SplitConfig, labels: Labels) -> splits.Split:
    rates = [_rate(ref) for ref in labels.videos]
    gap = splits.gap_frames(rates, cfg.gap_s)
    fractions = splits.Fractions(cfg.val, cfg.calib, cfg.test)
    return splits.blocks(labels, fractions, gap=gap, seed=cfg.seed)


def _rate(ref: str) -> float | None:
    """Frames a second of a film; None for single images, which have no rate."""
    from gambol.io.video.container import FileVideo

    video = open_video(ref, grey=True)
    try:
        return video.fps if isinstance(video, FileVideo) else None
    finally:
        video.close()


def _choose(cfg: TrainConfig, labels: Labels, images: list[np.ndarray]) -> Choice:
    """What the labels suggest, overridden by what the settings say."""
    size = images[0].shape[1], images[0].shape[0]
    known = getattr(cfg.backbone, "depth", None)
    step = max(len(images) // 8, 1)
    choice = choose(
        labels.xy, labels.skeleton, size, images[::step], scale=cfg.scale, depth=known
    )
    if cfg.window is not None:
        side = -(-cfg.window // 2**choice.depth) * 2**choice.depth
        choice = choice._replace(window=(side, side), whole=False)
    if cfg.augment.rotation is not None:
        choice = choice._replace(rotation=cfg.augment.rotation)
    if cfg.augment.flip is not None:
        choice = choice._replace(flip=cfg.augment.flip)
    if cfg.colour is not None:
        choice = choice._replace(channels=1 if cfg.colour == "grey" else 3)
    return choice


def _fit(
    cfg: TrainConfig,
    ready: trained.Prepared,
    out: Path,
    device: str,
    tensorboard: bool,
    progress: Progress,
) -> train.Fitted:
    torch.manual_seed(cfg.fit.seed)
    net = PoseNet(ready.spec)
    skeleton = ready.labels.skeleton
    if isinstance(ready.spec.backbone, LinearSpec):
        return _fit_linear(cfg.linear, net, ready.parts["train"], ready.parts["val"])
    augmentation = cfg.augment.model_copy(
        update={"rotation": ready.choice.rotation, "flip": ready.choice.flip}
    )
    windows = dataset.Windows(
        ready.choice.window, 0.0 if ready.choice.whole else cfg.fit.away, ready.choice.whole
    )
    state = io_run.read_state(out)
    if state is not None and state.pop("made_from") != ready.made_from:
        raise InputError(
            f"{out} holds an unfinished run with other settings; choose another --out"
        )
    if state is not None:
        io_run.rewrite_log([train.Evaluated(*e)._asdict() for e in state["history"]], out)
    with _asked_to_stop() as stop, _board(out, tensorboard) as board:

        def log(line: train.Evaluated) -> None:
            io_run.append_log(line._asdict(), out)
            board(line)
            progress(_step(cfg.fit, line))

        return train.fit(
            net,
            ready.parts["train"],
            ready.parts["val"],
            windows,
            skeleton,
            cfg.fit,
            augmentation,
            device=device,
            state=state,
            save=lambda s: io_run.write_state({**s, "made_from": ready.made_from}, out),
            log=log,
            stop=stop,
        )


def _fit_linear(
    cfg: LinearFit, net: PoseNet, frames: dataset.Frames, val: dataset.Frames
) -> train.Fitted:
    """Find the weights of the patch classifier by convex optimisation."""
    start = time.monotonic()
    patch = net.spec.backbone.model_dump()["patch"]
    settings = pose_linear.LinearConfig(scale=1.0, patch=patch, **cfg.model_dump())
    size = max(i.shape[1] for i in frames.images), max(i.shape[0] for i in frames.images)
    padded = [dataset.letterbox(image, 1, size)[..., 0] / 255.0 for image in frames.images]
    rng = np.random.default_rng(0)
    model = pose_linear.fit(np.stack(padded), frames.xy, settings, rng)
    # the network sees (255 g - 128) / 128 of a grey level g in 0 to 1
    level = 128.0 / 255.0
    bias = model.bias + model.weight.sum((1, 2)) * (level - model.fill)
    weights = {
        "head.conv.weight": torch.from_numpy(level * model.weight[:, None]).float(),
        "head.conv.bias": torch.from_numpy(bias).float(),
    }
    net.load_state_dict(weights)
    errors = train.distances(net, val, torch.device("cpu"))
    minutes = (time.monotonic() - start) / 60
    px = float(np.nanmean(errors)), float(np.nanmedian(errors))
    line = train.Evaluated(cfg.steps, minutes, 0.0, *px, 0.0, 0.0, 0.0)
    return train.Fitted(weights, weights, [line], 0, "convex optimum")


def _step(cfg: train.FitConfig, line: train.Evaluated) -> Step:
    """Progress of the budget, in its own unit."""
    note = f"step {line.step}, validation {line.val_px:.2f} px"
    if cfg.minutes is not None and cfg.steps is None:
        return Step("train", round(60 * line.minutes), round(60 * cfg.minutes), note)
    return Step("train", line.step, cfg.steps or cfg.max_steps, note)


@contextmanager
def _asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Listen for SIGTERM, which clusters send some time before they kill."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before = signal.signal(signal.SIGTERM, lambda *_: asked.set())
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _board(out: Path, wanted: bool) -> Iterator[Callable[[train.Evaluated], None]]:
    """Write TensorBoard events where they are wanted."""
    if not wanted:
        yield lambda line: None
        return
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise InputError(
            "TensorBoard is not installed; run `pip install gambol[tensorboard]`"
        ) from error
    writer = SummaryWriter(str(out / "tensorboard"))

    def add(line: train.Evaluated) -> None:
        for name, value in line._asdict().items():
            if name != "step":
                writer.add_scalar(name, value, line.step)

    try:
        yield add
    finally:
        writer.close()

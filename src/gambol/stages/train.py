"""Stage `train`: labels to a network with calibrated uncertainty.

reads   labels     a project, a label file or another tool's project, and the videos they name
writes  out/       the run folder that `io.run` describes

Killed at any moment and started again with the same command, it goes on where it was.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Int
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

import gambol
from gambol.core import regions
from gambol.core.config import Config
from gambol.core.cores import usable_cores
from gambol.core.errors import InputError
from gambol.core.labels import Labels
from gambol.core.progress import Progress, silent
from gambol.io import frames as io_frames
from gambol.io import labels as io_labels
from gambol.io import run as io_run
from gambol.io import store
from gambol.io.video.open import open_video
from gambol.nn.augment import AugmentConfig
from gambol.nn.backbones.linear import LinearSpec
from gambol.nn.model import AnyBackbone, AnyHead, AnyOutput, PoseNet
from gambol.nn.outputs.confidence import ConfidenceSpec
from gambol.pose import (
    choose_many,
    dataset,
    distributed,
    infer,
    scenes,
    schedule,
    splits,
    train,
)
from gambol.pose import linear as pose_linear
from gambol.pose.choose import Choice, Usual, choose
from gambol.pose.unlabelled import UnlabelledConfig
from gambol.stages import learning, network, starting, structure, train_many, trained
from gambol.stages import unlabelled as of_unlabelled
from gambol.stages.structure import StructureConfig


class SplitConfig(Config):
    """Who validates, calibrates and tests; the rest trains."""

    val: float = 0.15  # share of the labelled frames
    calib: float = 0.0  # 0: uncertainty is cross-fitted on validation
    test: float = 0.0  # never touched by training; `gambol evaluate` scores it
    gap_s: PositiveFloat = 1.0  # frames nearer than this are not on both sides
    seed: NonNegativeInt = 0  # of the draw


class LinearFit(Config):
    """How the backbone `linear` finds its one best set of weights; others do not read this."""

    optimizer: pose_linear.OptimizerName = "lbfgs"
    steps: PositiveInt = 200
    ridge: PositiveFloat = 0.1


class TrainConfig(Config):
    """Settings of the stage. What is null is chosen from the labels, with a reason."""

    approach: choose_many.Approach | None = None  # how several animals are found
    backbone: AnyBackbone | None = None
    head: AnyHead | None = None  # null: the one that the backbone was published with
    start: str | None = None  # imagenet, a file of weights, or a run to go on from; null: anew
    output: AnyOutput = ConfidenceSpec()  # what says where keypoints are; σ suits the network
    scale: float | None = Field(None, gt=0, le=4)  # network pixels per video pixel
    window: int | None = Field(None, ge=1, le=4096)  # side of training windows, network pixels
    colour: Literal["grey", "rgb"] | None = None
    place: bool | None = None  # let the network know where in the frame it looks
    structure: StructureConfig = StructureConfig()
    mirror: bool = False  # predict the mean over image and mirror image, at half the speed
    many: train_many.ManyConfig = train_many.ManyConfig()
    unlabelled: UnlabelledConfig = UnlabelledConfig()  # off, unless it names losses
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
    watch: learning.Watch | None = None,
    at_once: int | None = None,
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
        watch: looks on, and may end the training with the best weights.
        at_once: most samples that go through a network together, where memory is short.
    """
    loaded = io_labels.load(labels)
    made_from = origin(cfg, loaded, rows)
    own = distributed.own_device(_device(device, threads))
    with distributed.joined(own) as team:
        done = _is_done(out, made_from)
        team.wait()  # nobody writes before all have looked
        if done:
            say(f"{out} is finished and current")
            return out
        ready = _prepare(cfg, loaded, made_from, rows, say)
        if team.first:
            _begin(cfg, ready, out)
        team.wait()
        sitting = learning.Sitting(own, team, tensorboard, progress, say, watch, at_once)
        start = time.monotonic()
        if ready.approach == "single":
            fitted = _fit(cfg, ready, out, sitting)
            if team.first:
                spent = time.monotonic() - start
                trained.finish(cfg, ready, fitted, out, labels, own, spent, say)
        else:
            train_many.run(cfg, ready, out, labels, sitting)
        team.wait()
    return out


def _begin(cfg: TrainConfig, ready: trained.Prepared, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    store.write_text(cfg.yaml(), out / "config.yaml")
    io_run.write_split([(e.part, e.video, e.frame, e.individual) for e in ready.entries], out)


def origin(cfg: TrainConfig, labels: Labels, rows: splits.Split | None = None) -> str:
    """Hash of what the result depends on."""
    drawn = "" if rows is None else splits.split_hash(splits.to_rows(labels, rows))
    parts = [gambol.__version__, cfg.fingerprint(), labels.content_hash(), drawn]
    parts += [starting.fingerprint(cfg.start), *of_unlabelled.fingerprints(cfg.unlabelled)]
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
        torch.set_num_threads(usable_cores(threads))
    return name


def _prepare(
    cfg: TrainConfig,
    labels: Labels,
    made_from: str,
    rows: splits.Split | None,
    say: Callable[[str], None],
) -> trained.Prepared:
    labels, split = _settle(cfg, labels, rows)
    if cfg.backbone is None:
        cfg = cfg.model_copy(update={"backbone": starting.backbone(cfg.start)})
    seen = scenes.gather(labels)
    grey = False if cfg.colour is None else cfg.colour == "grey"
    images = io_frames.keep(io_frames.at(labels.videos, seen.place, grey=grey))
    size = images[0].shape[1], images[0].shape[0]
    one = cfg.many.edges is not None or len(labels.skeleton.roots) == 1
    joined = one or cfg.many.join == "centroid"
    approach, reason = choose_many.approach(labels.xy, seen.animals.shape[1], size, joined)
    if cfg.approach is not None and cfg.approach != approach:
        approach, reason = cfg.approach, f"{cfg.approach}: as asked"
    _check_approach(approach, seen)
    _check_snapshots(cfg)
    choice = _choose(cfg, labels, images, network.usual(cfg, approach))
    crops = approach == "top-down"  # which take the place of windows
    kept = [one for one in choice.reasons if not (crops and one.startswith("windows"))]
    place, kept_place = network.place(cfg, approach, choice)
    choice = choice._replace(reasons=(reason, *kept, *kept_place))
    for sentence in choice.reasons:
        say(sentence)
    if choice.channels == 1 and images[0].shape[-1] == 3:
        images = io_frames.keep(io_frames.at(labels.videos, seen.place, grey=True))
    everything = dataset.make_frames(
        images, seen.xy, seen.visibility, choice.scale, seen.identity, seen.complete,
        seen.ignored,
    )  # fmt: skip
    which = _which(labels, split)
    empty = splits.negatives(labels, split, gaps(labels, cfg.split.gap_s))
    if approach == "single":  # whose scores are about keypoints of animals that are there
        empty = {"train": empty["train"]}
    parts = {
        name: scenes.part(everything, seen, part, empty.get(name))
        for name, part in which.items()
    }
    spec = network.spec(cfg, labels.skeleton, choice, place)
    taught = labels.xy[which["train"]]
    structure.check(cfg.structure, spec, approach, taught, labels.skeleton)
    entries = splits.to_rows(labels, split)
    ready = trained.Prepared(
        approach, labels, entries, parts, which, empty, choice, spec, cfg.fit.seed, made_from
    )
    return ready._replace(unlabelled=of_unlabelled.plan(cfg, ready))


def _settle(
    cfg: TrainConfig, labels: Labels, rows: splits.Split | None
) -> tuple[Labels, splits.Split]:
    """Leave out what lies in regions, and split what is left, or find the given split there."""
    labels, outside = regions.settle(labels)
    if not labels.labelled.any():
        raise InputError("no keypoint has a position; label some frames first")
    if rows is None:
        split = _split(cfg.split, labels)
        splits.check_leakage(labels, split, gap=1)
        return labels, split
    if labels.regions:  # where animals were left out, the others have other rows
        rows = splits.Split(*(np.flatnonzero(np.isin(outside, part)) for part in rows))
    return labels, rows


def _which(labels: Labels, split: splits.Split) -> dict[str, np.ndarray]:
    """Rows of the parts that training may see, which the test part is not, as scenes lie."""
    return {
        name: rows[np.lexsort((rows, labels.frame[rows], labels.video[rows]))]
        for name, rows in zip(("train", "val", "calib"), split, strict=False)
    }


def _check_approach(approach: choose_many.Approach, seen: scenes.Scenes) -> None:
    crowded = int((seen.animals[:, 1:] >= 0).any(axis=1).sum())
    if approach == "single" and crowded:
        raise InputError(
            f"{crowded} frames have several labelled animals, which approach=single cannot "
            "learn; leave approach out, or set it to top-down or bottom-up"
        )


def _check_snapshots(cfg: TrainConfig) -> None:
    schedule.check(cfg.fit)
    if cfg.fit.snapshots > 1 and isinstance(cfg.backbone, LinearSpec):
        raise InputError(
            f"fit.snapshots={cfg.fit.snapshots} keeps networks of several cycles, and backbone "
            "linear has one best set of weights; leave fit.snapshots out"
        )


def _split(cfg: SplitConfig, labels: Labels) -> splits.Split:
    fractions = splits.Fractions(cfg.val, cfg.calib, cfg.test)
    return splits.blocks(labels, fractions, gap=gaps(labels, cfg.gap_s), seed=cfg.seed)


def gaps(labels: Labels, seconds: float) -> Int[np.ndarray, " V"]:
    """Return how many frames of each video last so long; 1 where there is no rate."""
    return splits.gap_frames([_rate(ref) for ref in labels.videos], seconds)


def _rate(ref: str) -> float | None:
    """Frames a second of a film; None for single images, which have no rate."""
    from gambol.io.video.container import FileVideo

    video = open_video(ref, grey=True)
    try:
        return video.fps if isinstance(video, FileVideo) else None
    finally:
        video.close()


def _choose(
    cfg: TrainConfig, labels: Labels, images: list[np.ndarray], nets: Sequence[Usual]
) -> Choice:
    """What the labels suggest, overridden by what the settings say."""
    size = images[0].shape[1], images[0].shape[0]
    multiple = None if cfg.backbone is None else network.multiple(cfg)
    step = max(len(images) // 8, 1)
    choice = choose(
        labels.xy, labels.skeleton, size, images[::step],
        scale=cfg.scale, multiple=multiple, nets=nets,
    )  # fmt: skip
    if cfg.window is not None:
        least = multiple or choice.backbone.multiple
        side = -(-cfg.window // least) * least
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
    sitting: learning.Sitting,
) -> train.Fitted:
    if isinstance(ready.spec.backbone, LinearSpec):
        if cfg.start is not None:
            raise InputError("backbone linear starts from nothing; leave start out")
        torch.manual_seed(cfg.fit.seed)
        net = PoseNet(ready.spec)
        fitted = _fit_linear(cfg.linear, net, ready.parts["train"], ready.parts["val"])
        if sitting.team.first:
            learning.keep(out, ready.made_from, fitted)
        return fitted
    val = ready.parts["val"]
    if not len(val.images) or not np.isfinite(val.xy).any():
        raise InputError(
            "no frames to choose the best weights on; label more, or make the other splits "
            "smaller"
        )
    choice = ready.choice
    away = 0.0 if choice.whole else cfg.fit.away
    windows = dataset.Windows(choice.window, away, choice.whole)
    job = learning.Job(
        "train",
        out,
        ready.made_from,
        ready.spec,
        ready.parts["train"],
        lambda net, where: infer.distances(net, val, where),
        windows,
        ready.labels.skeleton,
        cfg.fit,
        cfg.augment.model_copy(update={"rotation": choice.rotation, "flip": choice.flip}),
        _called(ready),
        trained.held(ready),
        starting.loader(cfg.start, ready.spec, sitting.say),
        model=trained.looker(ready, out),
        unlabelled=of_unlabelled.prepare(cfg, ready, windows),
    )
    return learning.learn(job, sitting)


def _called(ready: trained.Prepared) -> tuple[str, ...]:
    """What the training frames are called."""
    labels = ready.labels.select(np.sort(ready.rows["train"]))
    pairs = np.unique(np.concatenate([labels.pairs, ready.empty["train"]]), axis=0)
    return tuple(f"{Path(labels.videos[v]).name} frame {f}" for v, f in pairs)


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
    hidden = [frames.polygons(i) for i in range(len(padded))]
    model = pose_linear.fit(np.stack(padded), frames.xy[:, 0], settings, rng, hidden)
    # the network sees (255 g - 128) / 128 of a grey level g in 0 to 1
    level = 128.0 / 255.0
    bias = model.bias + model.weight.sum((1, 2)) * (level - model.fill)
    weights = {
        "heads.0.conv.weight": torch.from_numpy(level * model.weight[:, None]).float(),
        "heads.0.conv.bias": torch.from_numpy(bias).float(),
    }
    net.load_state_dict(weights)
    errors = infer.distances(net, val, torch.device("cpu"))
    minutes = (time.monotonic() - start) / 60
    px = float(np.nanmean(errors)), float(np.nanmedian(errors))
    line = train.Evaluated(cfg.steps, minutes, 0.0, *px, 0.0, 0.0, 0.0)
    return train.Fitted(weights, weights, [line], 0, "convex optimum")

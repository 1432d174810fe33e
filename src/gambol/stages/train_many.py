"""Training for several animals a frame: top-down (two networks) or bottom-up (one).

Both end in the same run folder as a single animal's training; `stages.train` calls this.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from pydantic import Field, PositiveFloat, PositiveInt

from gambol.core.config import Config
from gambol.core.errors import InputError, did_you_mean
from gambol.core.skeleton import Skeleton
from gambol.io import run as io_run
from gambol.nn import snapshots
from gambol.nn.augment import AugmentConfig
from gambol.nn.backbones.unet import UNetSpec
from gambol.nn.engine import Device, build
from gambol.nn.model import ModelSpec, PoseNet
from gambol.nn.outputs.classes import ClassesSpec
from gambol.nn.outputs.confidence import ConfidenceSpec
from gambol.nn.outputs.fields import FieldsSpec
from gambol.nn.outputs.who import WhoSpec
from gambol.pose import choose_many, dataset, find, group, infer, joints, judge, train, wiring
from gambol.pose.crops import Aim
from gambol.stages import learning, starting, trained, trained_many

if TYPE_CHECKING:
    from gambol.stages.train import TrainConfig

CENTROID = Skeleton(("centroid",))
HEADED = Skeleton(("centroid", "ahead"))  # where crops are turned by how animals lie
TURN = 30.0  # ± degrees of augmentation about what the first network sees of it
SHARE = 0.25  # of a budget that goes into finding animals, the rest into their keypoints


class ManyConfig(Config):
    """Settings for several animals a frame; single animals do not read them."""

    anchor: str | None = None  # keypoint that stands for the animal; null: middle of its box
    crop: PositiveInt | None = None  # side of a crop, network pixels
    upright: bool | None = None  # turn crops so that heads are up; null: where it pays
    centroid_scale: PositiveFloat | None = None  # network pixels per video pixel
    centroid_share: float = Field(default=SHARE, gt=0, lt=1)  # of the budget, to find animals
    edges: tuple[tuple[str, str], ...] | None = None  # of the fields; null: the skeleton's
    grouping: Literal["tree", "graph", "learned"] = "tree"
    # graph: edges may close cycles; learned: and validation may choose others
    relabel: bool = (
        False  # bottom-up: weigh anew which side a place is where both maps show one
    )
    join: Literal["none", "centroid"] = "none"  # of what no edges join: fields to the centroid
    identities: bool = False  # learn who is who: the same animals in all recordings, by name
    field_sigma: PositiveFloat | None = None  # network pixels; null: 1/15 of the body, 4 to 8


def run(
    cfg: "TrainConfig",
    ready: trained.Prepared,
    out: Path,
    labels: Path,
    sitting: learning.Sitting,
) -> None:
    """Train what the approach needs, then score and calibrate it on validation."""
    start = time.monotonic()
    _check_parts(ready)
    way = _top_down if ready.approach == "top-down" else _bottom_up
    made = way(cfg, ready, out, sitting)
    reasons = (*ready.choice.reasons, *made.reasons)
    ready = ready._replace(choice=ready.choice._replace(reasons=reasons))
    if sitting.team.first:
        spent = time.monotonic() - start
        trained_many.finish(cfg, ready, made, out, labels, sitting.device, spent, sitting.say)


def _check_parts(ready: trained.Prepared) -> None:
    for name, use in (("train", "train on"), ("val", "choose the best weights on")):
        if not np.isfinite(ready.parts[name].xy).any():
            raise InputError(
                f"no labelled animals to {use}; label more frames, or make the other splits "
                "smaller"
            )


def _top_down(
    cfg: "TrainConfig",
    ready: trained.Prepared,
    out: Path,
    sitting: learning.Sitting,
) -> trained_many.Made:
    anchor = cfg.many.anchor
    aim = Aim(None if anchor is None else _keypoint(anchor, ready.labels.skeleton))
    scale = ready.choice.scale
    names = _individuals(cfg.many, ready)
    spec = ready.spec.model_copy(
        update={"outputs": (*ready.spec.outputs, *([WhoSpec(classes=names)] if names else []))}
    )
    sigma = getattr(ready.spec.outputs[0], "sigma", 3.5)
    xy = ready.parts["train"].xy.reshape(-1, *ready.parts["train"].xy.shape[2:])
    body = trained_many.body(ready) * scale
    multiple = PoseNet(spec).multiple
    starting.check(cfg.start, spec)  # not after the time that the first network takes
    laid = choose_many.alignment(xy, ready.labels.skeleton.swap, cfg.many.upright)
    sitting.say(laid.reason)
    aim = aim._replace(shape=laid.shape)
    asked = cfg.many.centroid_scale
    found = choose_many.centroids(body, None if asked is None else asked / scale)
    sitting.say(found.reason)
    centroid = _centroid_job(cfg, ready, found, aim, out)
    seen = learning.learn(centroid, sitting)
    error = _centroid_error(centroid, ready, found, aim)
    cut = choose_many.crop_size(xy, aim, sigma, multiple, error)
    if cfg.many.crop is not None:
        side = -(-cfg.many.crop // multiple) * multiple
        cut = cut._replace(side=side, reason=f"crops: {side} px, as the settings say")
    sitting.say(cut.reason)
    many = io_run.ManyFile(
        most=ready.parts["train"].xy.shape[1],
        anchor=anchor,
        centroid=centroid.spec,
        centroid_scale=found.scale,
        apart=find.APART * body,
        side=cut.side,
        shape=None if laid.shape is None else io_run.ShapeFile.of(*laid.shape),
        real=judge.PRIOR,
        individuals=ready.labels.individuals,
        classes=names,
    )
    pose = _crop_job(cfg, ready, spec, cut, aim, out, sitting.say)
    pose = pose._replace(model=trained_many.looker(ready, spec, many, out))
    fitted = learning.learn(pose, sitting)
    reasons = (laid.reason, cut.reason, found.reason)
    return trained_many.Made(pose.spec, fitted, many, seen, reasons)


def _centroid_job(
    cfg: "TrainConfig",
    ready: trained.Prepared,
    found: choose_many.Centroids,
    aim: Aim,
    out: Path,
) -> learning.Job:
    """The network that finds animals, at a coarser scale: one keypoint, and which way it lies.

    A field from the centroid to half a body ahead of it says how crops are to be turned.
    """
    body = trained_many.body(ready) * ready.choice.scale
    skeleton = CENTROID if aim.shape is None else HEADED
    field = FieldsSpec(edges=((0, 1),), sigma=max(found.scale * body / 8, 4.0))
    spec = ModelSpec(
        backbone=UNetSpec(depth=found.depth, rate=1.5),
        outputs=(ConfidenceSpec(sigma=found.sigma), *([] if aim.shape is None else [field])),
        channels=ready.spec.channels,
        keypoints=skeleton.keypoints,
    )
    parts = {
        name: dataset.only_centroids(ready.parts[name], aim, found.scale, body / 2)
        for name in ("train", "val")
    }
    frame = parts["train"].images[0].shape
    multiple = 2**found.depth
    side = max(-(-round(4 * body * found.scale) // multiple) * multiple, 64)
    whole = 2 * side * side > frame[0] * frame[1]
    size = (-(-frame[1] // multiple) * multiple, -(-frame[0] // multiple) * multiple)
    return learning.Job(
        "find animals",
        out / io_run.CENTROID,
        ready.made_from,
        spec,
        parts["train"],
        judge.centroid_judge(parts["val"], body * found.scale),
        dataset.Windows(size if whole else (side, side), 0.0 if whole else 0.25, whole),
        skeleton,
        _budget(cfg.fit, cfg.many.centroid_share).model_copy(update={"snapshots": 1}),
        _augment(cfg, ready),
    )


def _centroid_error(
    job: learning.Job, ready: trained.Prepared, found: choose_many.Centroids, aim: Aim
) -> float | None:
    """How far off the network finds the centroids of validation, network pixels of crops."""
    body = trained_many.body(ready) * ready.choice.scale
    val = dataset.only_centroids(ready.parts["val"], aim, found.scale, body / 2)
    net = PoseNet(job.spec)
    net.load_state_dict(io_run.read_weights(job.out / "weights.safetensors"))
    error = judge.centroid_error(net, val, body * found.scale, torch.device("cpu"))
    return None if error is None else error / found.scale


def _crop_job(
    cfg: "TrainConfig",
    ready: trained.Prepared,
    spec: ModelSpec,
    cut: choose_many.Crops,
    aim: Aim,
    out: Path,
    say: Callable[[str], None],
) -> learning.Job:
    """The network that finds the keypoints of the animal in the middle of a crop."""
    val = dataset.cut_out(dataset.one_by_one(ready.parts["val"]), aim, cut.side)
    augment = _augment(cfg, ready)
    if aim.shape is not None and cfg.augment.rotation is None:
        augment = augment.model_copy(update={"rotation": TURN})
    return learning.Job(
        "train",
        out,
        ready.made_from,
        spec,
        dataset.focus(dataset.one_by_one(ready.parts["train"])),
        lambda net, where: infer.distances(net, val, where),
        dataset.Windows((cut.side, cut.side), 0.0, aim=aim, jitter=cut.jitter),
        ready.labels.skeleton,
        _budget(cfg.fit, 1 - cfg.many.centroid_share),
        augment,
        held=learning.Held(val, trained_many.places(ready)),
        start=starting.loader(cfg.start, spec, say),
        most=judge.WRONG * trained_many.body(ready),
    )


def _bottom_up(
    cfg: "TrainConfig",
    ready: trained.Prepared,
    out: Path,
    sitting: learning.Sitting,
) -> trained_many.Made:
    skeleton, choice = ready.labels.skeleton, ready.choice
    if not isinstance(cfg.output, ConfidenceSpec):
        raise InputError(
            f"bottom-up training reads confidence maps, not output {cfg.output.kind!r}; leave "
            "output out or train top-down"
        )
    if len(skeleton) == 1:
        raise InputError(
            "bottom-up training joins keypoints, and the labels have only one; set approach to "
            "top-down"
        )
    if cfg.many.relabel and max(skeleton.swap) < 0:
        raise InputError(
            "many.relabel tells left from right, and no keypoint of the labels has a partner "
            "on the other side; say in the skeleton which ones swap, or leave it out"
        )
    body, most = trained_many.body(ready), ready.parts["train"].xy.shape[1]
    part = ready.parts["train"]
    known = part.xy.reshape(-1, *part.xy.shape[2:])
    fields, usual = _fields(cfg.many, ready, known)
    joined = fields.centroid or cfg.output.centroid
    position = ready.spec.outputs[0].model_copy(update={"centroid": joined})
    names = _individuals(cfg.many, ready)
    whose = [ClassesSpec(classes=names, sigma=fields.sigma)] if names else []
    spec = _with_stride(ready.spec.model_copy(update={"outputs": (position, fields, *whose)}))
    links = group.default_links(list(fields.edges[:usual]), known)
    job = learning.Job(
        "train",
        out,
        ready.made_from,
        spec,
        part,
        judge.bottom_up_judge(ready.parts["val"], links, most, body * choice.scale),
        dataset.Windows(choice.window, 0.0 if choice.whole else cfg.fit.away, choice.whole),
        skeleton,
        cfg.fit,
        _augment(cfg, ready),
        start=starting.loader(cfg.start, spec, sitting.say),
        most=judge.WRONG * body,
        model=trained_many.looker(ready, spec, _many(ready, links, names), out),
    )
    fitted = learning.learn(job, sitting)
    net = snapshots.joined(spec, [fitted.weights, *fitted.others])
    engine = build(net, Device("torch", "cpu"), "float32", 0)
    links = group.default_links(list(fields.edges), known)
    finder = judge.bottom_up(net, engine, links, most)
    links = judge.fit_links(finder, ready.parts["val"], body * choice.scale)
    links, reason = _best_graph(ready, finder._replace(links=links), usual)
    sitting.say(reason)
    many = _many(ready, links, names).model_copy(update={"relabel": cfg.many.relabel})
    return trained_many.Made(spec, fitted, many, None, (reason,))


def _many(
    ready: trained.Prepared, links: group.Links, names: tuple[str, ...]
) -> io_run.ManyFile:
    return io_run.ManyFile(
        most=ready.parts["train"].xy.shape[1],
        edges=tuple((int(a), int(b)) for a, b in links.edges),
        links={name: getattr(links, name).tolist() for name in ("longest", "slope", "offset")},
        real=judge.PRIOR,
        individuals=ready.labels.individuals,
        classes=names,
    )


def _with_stride(spec: ModelSpec) -> ModelSpec:
    """Let fields and classes have the cells of keypoints where a network has no others."""
    try:
        PoseNet(spec)
        return spec
    except InputError:
        position = spec.model_copy(update={"outputs": spec.outputs[:1]})
        stride = PoseNet(position).position.stride
    first, *others = spec.outputs
    fine = tuple(one.model_copy(update={"stride": stride}) for one in others)
    return spec.model_copy(update={"outputs": (first, *fine)})


def _fields(
    cfg: ManyConfig, ready: trained.Prepared, known: np.ndarray
) -> tuple[FieldsSpec, int]:
    """The fields, and how many of them, the first, run along edges that somebody said."""
    skeleton = ready.labels.skeleton
    body = trained_many.body(ready) * ready.choice.scale
    # fields wider than a small animal would cancel those of its neighbour
    sigma = cfg.field_sigma or min(max(body / 15, 4.0), 8.0)
    edges = _edges(cfg, skeleton, known, sigma)
    kind: Literal["tree", "graph"] = "tree" if cfg.grouping == "tree" else "graph"
    joints.check_graph(skeleton, edges, kind, ready.labels.labelled)
    more = []
    if cfg.grouping == "learned":
        partner = tuple(j if k < 0 else k for j, k in enumerate(skeleton.swap))
        more = wiring.more_edges(edges, known, partner)
    joined = cfg.join == "centroid"
    return FieldsSpec(edges=(*edges, *more), sigma=sigma, centroid=joined), len(edges)


def _best_graph(
    ready: trained.Prepared, finder: find.BottomUp, usual: int
) -> tuple[group.Links, str]:
    """Keep the first edges, as many as usual, unless others find animals better; say why."""
    links = finder.links
    best = group.Links(*(part[:usual] for part in links))
    whole = "an animal with its centroid" if finder.fields.centroid else "an animal"
    if len(links.edges) == usual:
        return best, f"fields: {usual} edges join the keypoints of {whole}"
    body = trained_many.body(ready) * ready.choice.scale
    tells = wiring.telling(finder, ready.parts["val"], body)
    before = ap = round(trained_many.strict_ap(ready, finder._replace(links=best)), 3)
    keypoints = len(ready.labels.skeleton)
    for extra in (0, keypoints // 2, keypoints):
        other = wiring.choose(links, tells, extra)
        value = round(trained_many.strict_ap(ready, finder._replace(links=other)), 3)
        if value > ap:
            best, ap = other, value
    rises = f"raise strict AP on validation from {before:.3f} to {ap:.3f}"
    return (
        best,
        f"fields: {len(best.edges)} of {len(links.edges)} edges join the keypoints of "
        + (f"{whole} and {rises}" if ap > before else f"{whole}; no others find more"),
    )


def _individuals(cfg: ManyConfig, ready: trained.Prepared) -> tuple[str, ...]:
    """Names of the animals that are to be told apart by their looks; none if not asked for."""
    if not cfg.identities:
        return ()
    labels = ready.labels
    seen = np.unique(labels.individual[ready.rows["train"]])
    if (seen >= 0).sum() < 2:
        raise InputError(
            "many.identities learns who is who, but the labels name fewer than two animals; "
            "name them, or leave it out"
        )
    return labels.individuals


def _edges(
    cfg: ManyConfig, skeleton: Skeleton, xy: np.ndarray, near: float
) -> list[joints.Edge]:
    """The edges that fields run along: the settings', else bones and extra edges.

    Those that join parts of the skeleton at the centroid come last; see `joints.to_middle`.
    """
    edges = list(skeleton.bones if cfg.grouping == "tree" else skeleton.drawn)
    if cfg.edges is not None:
        edges = [(_keypoint(a, skeleton), _keypoint(b, skeleton)) for a, b in cfg.edges]
    if cfg.join == "centroid":
        edges += joints.to_middle(len(skeleton), edges, xy, near)
    return edges


def _keypoint(name: str, skeleton: Skeleton) -> int:
    names = skeleton.keypoints
    if name not in names:
        hint = did_you_mean(name, names) or f"; there are {', '.join(names)}"
        raise InputError(f"no keypoint {name!r} in the labels{hint}")
    return names.index(name)


def _budget(fit: train.FitConfig, share: float) -> train.FitConfig:
    """A share of the budget, where there is one."""
    changes: dict[str, float | int] = {}
    if fit.minutes is not None:
        changes["minutes"] = fit.minutes * share
    if fit.steps is not None:
        changes["steps"] = max(round(fit.steps * share), 1)
    return fit.model_copy(update=changes)


def _augment(cfg: "TrainConfig", ready: trained.Prepared) -> AugmentConfig:
    choice = ready.choice
    return cfg.augment.model_copy(update={"rotation": choice.rotation, "flip": choice.flip})

"""Clips of unlabelled frames for training: which videos, which frames, and what they teach.

Frames near to those that validate, calibrate or test are as much held out as these.
"""

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Int

from gambol.core.errors import InputError
from gambol.core.video import Video
from gambol.io import frames as io_frames
from gambol.io.labels.places import is_same
from gambol.io.video.damage import DamagedFrame
from gambol.io.video.images import ImageVideo
from gambol.io.video.open import fingerprint, open_video
from gambol.nn import soft
from gambol.nn.backbones.linear import LinearSpec
from gambol.nn.model import ModelSpec, PoseNet
from gambol.nn.unlabelled import Labelled, Loss, losses
from gambol.pose import dataset, splits
from gambol.pose.unlabelled import (
    Clip,
    Unlabelled,
    UnlabelledConfig,
    places,
    starts,
    to_video,
)
from gambol.stages.trained import Prepared

if TYPE_CHECKING:
    from gambol.stages.train import TrainConfig

TURNING = 90.0  # degrees of augmentation from which an animal lies anyhow


class Plan(NamedTuple):
    """What frames without labels shall teach, settled before anything is written."""

    parts: list[tuple[Loss, float]]  # losses and their weights
    refs: tuple[str, ...]  # films
    room: list[Int[np.ndarray, " _"]]  # first frames of the clips that each could give


def fingerprints(cfg: UnlabelledConfig) -> list[str]:
    """Return hashes of the films that are named, which the result depends on."""
    return [fingerprint(ref) for ref in cfg.videos] if cfg.losses else []


def plan(cfg: "TrainConfig", ready: Prepared) -> Plan | None:
    """Learn from labels what is usual, and find room for clips; None where no loss asks.

    Raises:
        InputError: where a network cannot have the losses, a loss lacks labels, or there are
            no films.
    """
    own = cfg.unlabelled
    if not own.losses:
        return None
    _check(ready.approach, ready.spec)
    labels, rows = ready.labels, ready.rows["train"]
    labelled = Labelled(
        labels.xy[rows], labels.video[rows], labels.frame[rows], labels.skeleton.keypoints,
        ready.choice.rotation >= TURNING,
    )  # fmt: skip
    parts = [(losses.build(spec, labelled), spec.weight) for spec in own.losses]
    refs = own.videos or tuple(labels.videos[v] for v in np.unique(labels.video[rows]))
    room = [_room(cfg, ref, ready.entries) for ref in refs]
    if not any(map(len, room)):
        raise _nothing(own, refs)
    return Plan(parts, refs, room)


def prepare(cfg: "TrainConfig", ready: Prepared, windows: dataset.Windows) -> Unlabelled | None:
    """Read the clips; None where no loss asks for them."""
    if ready.unlabelled is None:
        return None
    choice = ready.choice
    clips = _clips(cfg.unlabelled, ready.unlabelled, choice.channels == 1, choice.scale)
    moves = {"rotation": choice.rotation, "flip": choice.flip}
    augmentation = cfg.augment.model_copy(update=moves)
    parts, skeleton = ready.unlabelled.parts, ready.labels.skeleton
    return Unlabelled(parts, clips, windows, augmentation, skeleton, cfg.fit.seed)


def _check(approach: str, spec: ModelSpec) -> None:
    """Refuse what a network cannot have."""
    if approach != "single":
        raise InputError(
            f"unlabelled losses follow a single animal, and {approach} finds several; leave "
            "unlabelled.losses out"
        )
    if isinstance(spec.backbone, LinearSpec):
        raise InputError(
            "backbone linear is fitted at once and sees no unlabelled frames; leave "
            "unlabelled.losses out"
        )
    soft.check(PoseNet(spec).position)


def _room(cfg: "TrainConfig", ref: str, entries: list[splits.Entry]) -> Int[np.ndarray, " P"]:
    """Places of clips in a film that are as far from what is held out as the split asks."""
    with closing(open_video(ref)) as video:
        if isinstance(video, ImageVideo) and not cfg.unlabelled.videos:
            # labelled images are apart in time, unless a person says that they are a film
            return np.zeros(0, int)
        frames, rate = len(video), video.fps
    held = {(e.video, e.frame) for e in entries if e.part != "train"}
    mine = {name for name in {video for video, _ in held} if is_same(name, ref)}
    near = np.array(sorted(frame for video, frame in held if video in mine), int)
    gap = int(splits.gap_frames([rate], cfg.split.gap_s)[0])
    return places(frames, cfg.unlabelled.length, near, gap)


def _nothing(cfg: UnlabelledConfig, refs: tuple[str, ...]) -> InputError:
    return InputError(
        f"none of {', '.join(refs)} has {cfg.length} frames in a row that are split.gap_s away "
        "from frames of val, calib and test; name films in unlabelled.videos"
    )


def _clips(cfg: UnlabelledConfig, plan: Plan, grey: bool, scale: float) -> list[Clip]:
    """Read the clips at network scale; those with a damaged frame are left out."""
    maps: list[np.ndarray] = []  # network to video pixels, of every clip

    def shown() -> Iterator[np.ndarray]:
        for n, firsts in starts(plan.room, cfg.clips, cfg.seed):
            with closing(open_video(plan.refs[n], grey=grey)) as video:
                for first in firsts.tolist():
                    if (images := _read(video, first, cfg.length, scale)) is not None:
                        maps.append(to_video(*video.size, scale))
                        yield from images

    kept = io_frames.keep(shown())
    if not kept:
        raise InputError(
            f"the clips of {', '.join(plan.refs)} have damaged frames; name other films in "
            "unlabelled.videos"
        )
    some = cfg.length
    return [Clip(kept[n * some : (n + 1) * some], matrix) for n, matrix in enumerate(maps)]


def _read(video: Video, first: int, length: int, scale: float) -> list[np.ndarray] | None:
    try:
        frames = video.read(list(range(first, first + length)))
    except DamagedFrame:
        return None
    return [dataset.shrink(frame, scale) for frame in frames]

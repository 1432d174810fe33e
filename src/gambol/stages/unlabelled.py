"""Clips of unlabelled frames for training: which videos, which frames, and what they teach."""

from typing import TYPE_CHECKING

import numpy as np

from gambol.core.errors import InputError
from gambol.core.video import Video
from gambol.io import frames as io_frames
from gambol.io.video.damage import DamagedFrame
from gambol.io.video.images import ImageVideo
from gambol.io.video.open import open_video
from gambol.nn import soft
from gambol.nn.backbones.linear import LinearSpec
from gambol.nn.model import ModelSpec, PoseNet
from gambol.nn.unlabelled import Labelled, losses
from gambol.pose import dataset
from gambol.pose.unlabelled import Clip, Unlabelled, UnlabelledConfig, starts, to_video
from gambol.stages.trained import Prepared

if TYPE_CHECKING:
    from gambol.stages.train import TrainConfig

TURNING = 90.0  # degrees of augmentation from which an animal lies anyhow


def prepare(cfg: "TrainConfig", ready: Prepared, windows: dataset.Windows) -> Unlabelled | None:
    """Read clips and learn from labels what is usual; None where no loss asks for it.

    Raises:
        InputError: where there are no films, or a loss lacks labels.
    """
    own = cfg.unlabelled
    if not own.losses:
        return None
    labels, rows = ready.labels, ready.rows["train"]
    labelled = Labelled(
        labels.xy[rows], labels.video[rows], labels.frame[rows], labels.skeleton.keypoints,
        ready.choice.rotation >= TURNING,
    )  # fmt: skip
    parts = [(losses.build(spec, labelled), spec.weight) for spec in own.losses]
    refs = own.videos or tuple(labels.videos[v] for v in np.unique(labels.video[rows]))
    clips = _clips(own, refs, ready.choice.channels == 1, ready.choice.scale)
    moves = {"rotation": ready.choice.rotation, "flip": ready.choice.flip}
    augmentation = cfg.augment.model_copy(update=moves)
    return Unlabelled(parts, clips, windows, augmentation, labels.skeleton, cfg.fit.seed)


def check(cfg: UnlabelledConfig, approach: str, spec: ModelSpec) -> None:
    """Refuse losses that a network cannot have, before any work is done."""
    if not cfg.losses:
        return
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


def _clips(
    cfg: UnlabelledConfig, refs: tuple[str, ...], grey: bool, scale: float
) -> list[Clip]:
    """Read the clips at network scale; those with a damaged frame are left out."""
    films: list[tuple[Video, int]] = []
    try:
        for ref in refs:
            video = open_video(ref, grey=grey)
            # labelled images are apart in time, unless a person says that they are a film
            still = isinstance(video, ImageVideo) and not cfg.videos
            films.append((video, 0 if still else len(video)))
        places = starts([n for _, n in films], cfg.length, cfg.clips, cfg.seed)
        found = [
            (video, clip)
            for n, firsts in places
            for video in [films[n][0]]
            for first in firsts.tolist()
            if (clip := _read(video, first, cfg.length, scale)) is not None
        ]
        kept = io_frames.keep(image for _, images in found for image in images)
        if not found:
            raise InputError(
                f"none of {', '.join(refs)} has {cfg.length} frames in a row; name films in "
                "unlabelled.videos"
            )
    finally:
        for video, _ in films:
            video.close()
    some = cfg.length
    return [
        Clip(kept[n * some : (n + 1) * some], to_video(*video.size, scale))
        for n, (video, _) in enumerate(found)
    ]


def _read(video: Video, first: int, length: int, scale: float) -> list[np.ndarray] | None:
    try:
        frames = video.read(list(range(first, first + length)))
    except DamagedFrame:
        return None
    return [dataset.shrink(frame, scale) for frame in frames]

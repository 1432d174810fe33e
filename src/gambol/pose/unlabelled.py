"""Frames that nobody labelled, in every step of training: clips, schedule, and their loss.

A pool of clips is held as labelled frames are, at network scale. Which clip a step sees and how
its copy is moved and lit come from (seed, step), so a run that was killed goes on the same, and
every process of a team derives the same loss from the same weights. The network answers as it
will in prediction, with the statistics of normalisation that labelled frames left.
"""

from typing import Annotated, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from pydantic import BeforeValidator, Field, NonNegativeInt, PositiveInt, SerializeAsAny
from torch import Tensor

from gambol.core import pixels
from gambol.core.config import Config
from gambol.core.labels import Visibility
from gambol.core.skeleton import Skeleton
from gambol.nn import augment, soft
from gambol.nn.model import PoseNet
from gambol.nn.unlabelled import Loss, LossSpec, Shown, losses
from gambol.pose import dataset, infer
from gambol.pose.optimise import Look

AnyLoss = Annotated[SerializeAsAny[LossSpec], BeforeValidator(losses.parse)]
SURE = 0.3  # height of a peak that shows where the animal is
_STREAM = 7919  # keeps draws apart from those of labelled samples


class UnlabelledConfig(Config):
    """Settings of losses on unlabelled frames; without losses there are none."""

    losses: tuple[AnyLoss, ...] = ()  # temporal, pca-one-view, pca-many-views, consistency
    videos: tuple[str, ...] = ()  # to take frames from; none: those of the training labels
    clips: PositiveInt = 100  # that are held in memory, or on disk where it is short
    length: int = Field(default=4, ge=2, le=64)  # consecutive frames of a clip; one clip a step
    seed: NonNegativeInt = 0  # of the choice of clips


class Clip(NamedTuple):
    """Consecutive frames at network scale."""

    images: list[UInt8[np.ndarray, "h w C"]]
    to_video: Float[np.ndarray, "2 3"]  # network pixels to video pixels


def ramp(share: float) -> float:
    """Return the part of the weight that holds at this share of the training.

    >>> [round(ramp(share), 2) for share in (0.2, 0.5, 0.9)]
    [0.0, 0.5, 1.0]
    """
    return min(max(3 * share - 1, 0.0), 1.0)


class Unlabelled:
    """The loss of a step; it holds the clips and changes nothing."""

    def __init__(
        self,
        parts: list[tuple[Loss, float]],
        clips: list[Clip],
        windows: dataset.Windows,
        augmentation: augment.AugmentConfig,
        skeleton: Skeleton,
        seed: int,
    ) -> None:
        """Take what a step needs.

        Args:
            parts: losses and their weights.
            clips: consecutive frames each.
            windows: how training windows are cut.
            augmentation: how copies may differ from what was filmed.
            skeleton: names the keypoints and their mirror partners.
            seed: of the run.
        """
        self.parts, self.clips, self.windows = parts, clips, windows
        self.augmentation, self.skeleton, self.seed = augmentation, skeleton, seed

    def __call__(
        self, teacher: PoseNet, share: float, step: int, look: Look
    ) -> Float[Tensor, ""]:
        """Return the weighted loss of one clip; 0, without a look at it, before the ramp.

        Args:
            teacher: the averaged network.
            share: of the training that is over.
            step: number of the step.
            look: the network that learns, as it would predict.
        """
        now = ramp(share)
        total = torch.zeros(())
        if now == 0:
            return total
        rng = np.random.default_rng([self.seed, step, _STREAM])
        clip = self.clips[int(rng.integers(len(self.clips)))]
        device = next(teacher.parameters()).device
        plain = [(loss, weight) for loss, weight in self.parts if not loss.copies]
        if plain:
            shown = self._shown(clip, teacher, rng, look)
            total = sum((w * loss.of_clip(shown) for loss, w in plain), total.to(device))
        for loss, weight in self.parts:
            if loss.copies:
                total = total.to(device) + weight * self._copied(
                    loss, clip, teacher, step, look
                )
        return now * total

    def _shown(
        self, clip: Clip, teacher: PoseNet, rng: np.random.Generator, look: Look
    ) -> Shown:
        """What the network says of the frames of a clip, all cut alike around the animal."""
        x, y = self._corner(clip, teacher, rng)
        w, h = self.windows.size
        whole = self.windows.whole
        cut = [image if whole else image[y : y + h, x : x + w] for image in clip.images]
        padded = np.stack([dataset.letterbox(image, teacher.multiple) for image in cut])
        batch = torch.from_numpy(np.ascontiguousarray(padded.transpose(0, 3, 1, 2)))
        found = self._decoded(teacher, look, batch)
        return found._replace(xy=_moved(found.xy + torch.tensor([x, y]).to(found.xy), clip))

    def _corner(
        self, clip: Clip, teacher: PoseNet, rng: np.random.Generator
    ) -> tuple[int, int]:
        """Upper left corner of the window, network pixels: the animal in its middle."""
        if self.windows.whole:
            return 0, 0
        first = clip.images[0]
        size = np.array([first.shape[1], first.shape[0]])
        middle = rng.uniform((0, 0), size)
        peaks = infer.forward(teacher, first, next(teacher.parameters()).device)
        if (peaks.height >= SURE).any():
            middle = np.median(peaks.xy[peaks.height >= SURE], axis=0)
        room = np.maximum(size - np.array(self.windows.size), 0)
        corner = np.clip(np.rint(middle - np.array(self.windows.size) / 2), 0, room)
        return int(corner[0]), int(corner[1])

    def _copied(
        self, loss: Loss, clip: Clip, teacher: PoseNet, step: int, look: Look
    ) -> Float[Tensor, ""]:
        """How far answers to moved and lit copies are from the moved answers of the teacher."""
        device = next(teacher.parameters()).device
        found = [infer.forward(teacher, image, device) for image in clip.images]
        sure = np.stack([one.height >= loss.sure for one in found])[..., None]
        told = np.where(sure, np.stack([one.xy for one in found]), np.nan)[:, None]
        frames = _unlabelled_frames(clip, told)
        batch = dataset.batch(
            frames, np.arange(len(found)), self.windows, self.augmentation, self.skeleton,
            (self.seed + _STREAM, step),
        )  # fmt: skip
        student = self._decoded(teacher, look, batch.image)
        scale = float(clip.to_video[0, 0])  # video pixels per network pixel
        aim = batch.scene.xy[:, 0].to(device)
        last = torch.tensor(batch.scene.size).to(aim) - 1
        shown = ((aim >= 0) & (aim <= last)).all(dim=-1, keepdim=True)  # by the window
        return scale * loss.of_copy(student, torch.where(shown, aim, torch.nan))

    def _decoded(self, like: PoseNet, look: Look, image: UInt8[Tensor, "T C h w"]) -> Shown:
        """Positions in pixels of the images."""
        place = next(k for k, one in enumerate(like.outputs) if one is like.position)
        found = soft.decode(look(image)[place], like.position)
        return Shown(found.xy, found.peak)


def _moved(xy: Float[Tensor, "T J 2"], clip: Clip) -> Float[Tensor, "T J 2"]:
    """Carry network pixels to video pixels."""
    matrix = torch.from_numpy(clip.to_video).to(xy)
    return xy @ matrix[:, :2].T + matrix[:, 2]


def _unlabelled_frames(clip: Clip, xy: Float[np.ndarray, "T 1 J 2"]) -> dataset.Frames:
    """Frames whose labels are what the teacher says."""
    n = len(clip.images)
    known = np.isfinite(xy).all(axis=-1)
    state = np.where(known, Visibility.VISIBLE, Visibility.UNLABELLED).astype(np.uint8)
    return dataset.Frames(
        clip.images,
        xy.astype(np.float64),
        state,
        np.tile(clip.to_video, (n, 1, 1)),
        np.full((n, 1), -1),
        np.ones(n, bool),
        np.zeros((n, 0, 0, 2)),
    )


def places(
    frames: int, length: int, held: Int[np.ndarray, " H"], gap: int
) -> Int[np.ndarray, " P"]:
    """Return first frames of disjoint clips that look like no frame that is held out.

    Args:
        frames: of the video.
        length: of a clip.
        held: frames that training shall not see, ascending.
        gap: least distance of a clip from them, in frames.

    >>> places(20, 4, np.array([9]), gap=3).tolist()
    [0, 12, 16]
    """
    first = length * np.arange(frames // length)
    before = np.searchsorted(held, first - gap, side="right")
    free: Int[np.ndarray, " P"] = first[
        before == np.searchsorted(held, first + length - 1 + gap, side="left")
    ]
    return free


def starts(
    room: list[Int[np.ndarray, " _"]], clips: int, seed: int
) -> list[tuple[int, Int[np.ndarray, " n"]]]:
    """Choose where clips begin: spread evenly over all videos, at random within each share.

    Args:
        room: first frames of the clips that every video could give.
        clips: at most so many.
        seed: of the choice.

    Returns:
        Videos and the first frames of their clips, ascending.
    """
    total = sum(map(len, room))
    count = min(clips, total)
    rng = np.random.default_rng(seed)
    ends = np.linspace(0, total, count + 1)
    low, high = np.ceil(ends[:-1]).astype(int), np.ceil(ends[1:]).astype(int)
    chosen = rng.integers(low, high) if count else np.zeros(0, int)
    first = np.concatenate([[0], np.cumsum([len(some) for some in room])])
    video = np.searchsorted(first, chosen, side="right") - 1
    return [
        (v, room[v][chosen[video == v] - first[v]])
        for v in range(len(room))
        if (video == v).any()
    ]


def to_video(width: int, height: int, scale: float) -> Float[np.ndarray, "2 3"]:
    """Map network pixels of a video of this size to its pixels."""
    return pixels.invert(dataset.from_video_map(width, height, scale))

"""A film of two drawn animals and networks trained on it in seconds, for tests of stages."""

import signal
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gambol.core import pixels
from gambol.core.labels import Labels, Visibility, from_positions
from gambol.core.skeleton import Skeleton
from gambol.io import labels as io_labels
from gambol.io.video.write import VideoWriter
from gambol.nn.backbones.unet import UNetSpec
from gambol.pose.train import FitConfig
from gambol.stages import train

BODY = np.array([[14.0, 0.0], [0.0, 0.0], [-14.0, 0.0]])  # nose, middle, tail
LIGHT = (250, 150, 60)
SIZE, FRAMES = (128, 96), 40
EDGES = (("nose", "middle"), ("middle", "tail"))


class Pair(NamedTuple):
    """Where the film and its labels lie, and where the animals are."""

    video: Path
    labels: Path
    xy: np.ndarray  # (T, 2, J, 2) px


def places():
    """Two animals that look to the right and go round in circles, far apart."""
    t = np.arange(FRAMES)
    both = []
    for middle, phase in (((36.0, 40.0), 0.0), ((92.0, 56.0), 2.0)):
        angle = 0.25 * t + phase
        path = np.array(middle) + 8 * np.stack([np.cos(angle), np.sin(angle)], -1)
        turn = np.stack([pixels.rotation(float(a)) for a in 0.2 * np.cos(angle)])
        both.append(BODY @ turn.transpose(0, 2, 1) + path[:, None])
    return np.stack(both, axis=1)


def picture(animals, lights=(LIGHT, LIGHT)):
    x, y = np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1]))
    image = np.full((SIZE[1], SIZE[0]), 110.0)
    for points, own in zip(animals, lights, strict=True):
        for point, light in zip(points, own, strict=True):
            near = np.exp(-((x - point[0]) ** 2 + (y - point[1]) ** 2) / (2 * 3.0**2))
            image += (light - 110) * near
    return np.repeat(np.clip(image, 0, 255).astype(np.uint8)[..., None], 3, axis=-1)


def labels_of(video: Path, xy, frames) -> Labels:
    who = np.tile([0, 1], len(frames))
    return from_positions(
        Skeleton(("nose", "middle", "tail"), (-1, 0, 1)),
        (str(video.resolve()),),
        np.zeros(len(who), np.int64),
        np.repeat(frames, 2),
        xy[frames].reshape(-1, *xy.shape[2:]),
        nan_means=Visibility.ABSENT,
        individual=who,
        individuals=("ann", "bob"),
    )


def film(folder: Path, lights=(LIGHT, LIGHT)) -> Pair:
    """Film and label, unless it was done before; by default the two look alike."""
    made = Pair(folder / "pair.mp4", folder / "labels.csv", places())
    if not made.labels.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with VideoWriter(made.video, 10.0, SIZE) as writer:
            for animals in made.xy:
                writer.write(picture(animals, lights))
        labels = labels_of(made.video, made.xy, np.arange(0, FRAMES, 2))
        io_labels.write(labels, made.labels, "csv")
    return made


def small(approach: str, steps: int = 160, **many) -> train.TrainConfig:
    loop = FitConfig(steps=steps, batch=4, rate=3e-3, evaluate_every=20, warm_up=10)
    if approach == "bottom-up":
        many = {"edges": EDGES, **many}
    return train.TrainConfig(
        approach=approach,
        backbone=UNetSpec(depth=2, filters=8, rate=1.5),
        scale=1.0,
        fit=loop,
        many=train.train_many.ManyConfig(**many),
        split=train.SplitConfig(val=0.3, gap_s=0.2),
    )


def trained(base: Path, approach: str) -> tuple[Pair, Path]:
    """A film, and a run that knows it; trained once a session."""
    pair = film(base / "pair")
    run = train.run(small(approach), pair.labels, base / f"pair-{approach}", threads=1)
    return pair, run


def ask_to_stop():
    """What a cluster does before it kills; only where somebody listens, or the tests die."""
    assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    signal.raise_signal(signal.SIGTERM)  # to this thread, so that it is heard at once

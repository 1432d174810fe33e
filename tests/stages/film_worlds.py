"""Small recordings of animals whose places, headings and labels are known, with their films."""

import numpy as np
import xarray as xr

from gambol.core import poses as core_poses
from gambol.core.skeleton import Skeleton
from gambol.io import state_courses, store
from gambol.io.video import VideoWriter

FPS, FRAMES = 20.0, 120
WIDTH, HEIGHT = 160, 128
BODY = Skeleton(("tail", "middle", "nose"), (-1, 0, 1))
SHAPE = np.array([[-10.0, 0.0], [0.0, 0.0], [10.0, 0.0]])  # px ahead, to the side
SMALL = {"size": 64, "rows": 1, "columns": 2, "fps": FPS, "min_s": 0.0, "crowd": 4,
         "anterior": ("nose",), "posterior": ("tail",), "crowd_size": 96}  # fmt: skip


def path(seed, frames=FRAMES):
    """Where an animal is and heads: it walks on a circle."""
    t = np.arange(frames) / frames * 2 * np.pi + seed
    centre = np.array([WIDTH, HEIGHT]) / 2 + 30 * np.stack([np.cos(t), np.sin(t)], axis=1)
    return centre, t + np.pi / 2


def keypoints(centre, heading):
    c, s = np.cos(heading), np.sin(heading)
    turn = np.stack([np.stack([c, -s], -1), np.stack([s, c], -1)], -2)
    return np.einsum("tij,kj->tki", turn, SHAPE) + centre[:, None]


def labels(seed, frames=FRAMES):
    """Bouts of 0, 1 and 2 of about half a second."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(6, 14, frames)
    return np.repeat(np.arange(frames) % 3, lengths)[:frames]


def write_poses(file, points, individuals=("animal",), **attrs):
    """Write poses (T, N, J, d)."""
    nothing = np.full((*points.shape, points.shape[-1]), np.nan, np.float32)
    sure = np.isfinite(points).all(axis=-1).astype(np.float32)
    made = core_poses.build(
        points.astype(np.float32), sure, nothing, np.arange(len(points)) / FPS, BODY, fps=FPS,
        individuals=individuals, attrs=attrs,
    )  # fmt: skip
    store.write_dataset(made, file)


def write_video(file, points, frames=None):
    """Film keypoints: noses are bright squares, tails dark ones, on grey."""
    with VideoWriter(file, FPS, (WIDTH, HEIGHT)) as writer:
        for n in range(len(points) if frames is None else frames):
            picture = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
            for animal in points[n]:
                for joint, grey in ((0, 20), (2, 235)):
                    x, y = np.rint(animal[joint]).astype(int)
                    picture[y - 3 : y + 4, x - 3 : x + 4] = grey
            writer.write(picture)


def run_file(file, label, centre, heading, **variables):
    """Write labels with places as a run of syllables does."""
    names = ("time", "space")[: centre.ndim]
    made = xr.Dataset(
        {"syllable": ("time", label.astype(np.int16)), "centroid": (names, centre),
         "heading": ("time", heading), **variables},
        {"time": np.arange(len(label)) / FPS}, {"fps": FPS},
    )  # fmt: skip
    store.write_dataset(made, file)


def world(folder, names=("a", "b"), video=True):
    """Recordings of one animal each: folder/labels, folder/poses, folder/videos."""
    for part in ("labels", "poses", "videos"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(names):
        centre, heading = path(seed)
        points = keypoints(centre, heading)[:, None]
        write_poses(folder / "poses" / f"{name}.nc", points)
        state_courses.write_syllables(labels(seed), folder / "labels" / f"{name}.csv")
        if video:
            write_video(folder / "videos" / f"{name}.mp4", points)
    return folder

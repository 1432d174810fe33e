"""Labels and films for tests of files: small, random, and with every state there is."""

import sqlite3

import numpy as np

from gambol.core.labels import Labels, Origin, Visibility
from gambol.core.skeleton import Skeleton
from gambol.io.project import Project
from gambol.io.video import VideoWriter

FRAMES = 30
MOUSE = Skeleton(
    ("nose", "left ear", "right ear", "tail"), (3, 0, 0, -1), (-1, 2, 1, -1), ((1, 2),), "mouse"
)


def canonical(labels, decimals=9):
    """All that labels say, independent of the order of rows, of videos and of unused names."""
    rows = []
    for n in range(len(labels)):
        points = []
        for j, name in enumerate(labels.skeleton.keypoints):
            xy = [] if np.isnan(labels.xy[n, j, 0]) else np.round(labels.xy[n, j], decimals)
            points.append((name, int(labels.visibility[n, j]), *map(float, xy)))
        who = labels.individuals[labels.individual[n]]
        rows.append((int(labels.frame[n]), who, int(labels.origin[n]), points))
    return sorted(rows)


def make(videos, seed=0, rows=12, individuals=("ann", "bob"), origins=tuple(Origin)[:2]):
    """Labels with every state of a keypoint, in random order, no animal twice in a frame."""
    rng = np.random.default_rng(seed)
    cells = rng.permutation(len(videos) * FRAMES * len(individuals))[:rows]
    xy = rng.uniform(0, 60, (rows, len(MOUSE), 2))
    visibility = rng.choice(np.array(list(Visibility), np.uint8), (rows, len(MOUSE)))
    visibility[:, 0] = Visibility.VISIBLE
    hidden = (visibility == Visibility.ABSENT) | (visibility == Visibility.UNLABELLED)
    return Labels(
        MOUSE,
        tuple(str(video) for video in videos),
        cells // (FRAMES * len(individuals)),
        cells // len(individuals) % FRAMES,
        cells % len(individuals),
        np.where(hidden[..., None], np.nan, xy),
        visibility,
        rng.choice(np.array(origins, np.uint8), rows),
        tuple(individuals),
    )


def film(path, shade=0):
    """Write a film of 30 frames, each brighter than the one before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(path, 30.0, (64, 64)) as writer:
        for k in range(FRAMES):
            writer.write(np.full((64, 64, 3), 6 * k + shade, np.uint8))
    return path


def tables(project):
    """All that a project holds but its log, as plain rows."""
    with sqlite3.connect(project.path) as raw:
        rows = {
            name: raw.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall()
            for name in ("skeleton", "videos", "individuals", "suggestions")
        }
        rows["animals"] = raw.execute(
            "SELECT video, frame, individual, origin, keypoint, x, y, visibility FROM instances"
            " LEFT JOIN points ON instance = id ORDER BY 1, 2, 3, 5"
        ).fetchall()
    raw.close()
    return rows


def write_edits(folder, name, count):
    """Label one animal in many frames, as one of several processes."""
    visible = np.full(len(MOUSE), Visibility.VISIBLE, np.uint8)
    with Project.open(folder) as project:
        for k in range(count):
            xy = np.full((len(MOUSE), 2), float(k))
            project.set_instance(1, k, name, xy, visible, by=name)

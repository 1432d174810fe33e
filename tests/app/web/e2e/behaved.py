"""Runs of behaviour whose truth is known: maps, syllables, states as their stages write them.

The animal stands and turns where a clip shows the whole film, so that the code of a frame can
be read off the clip.
"""

from pathlib import Path

import numpy as np
import xarray as xr
from worlds import BITS

from gambol.core import poses as core_poses
from gambol.core.skeleton import Skeleton
from gambol.io import store

BODY = Skeleton(("nose", "left paw", "right paw", "tail base"), (3, 3, 3, -1), (-1, 2, 1, -1))
ROOM = 2.2  # of a body that a clip shows; as in `behavior_clips`


def bouts_of(rng, frames, labels, mean=20):
    """A label for every frame in bouts; no label follows itself."""
    lengths = 4 + rng.poisson(mean - 4, 2 * frames // mean + 2)
    order = np.cumsum(rng.integers(1, labels, len(lengths))) % labels
    return np.repeat(order, lengths)[:frames].astype(np.int16)


def places_of(rng, label, spread=0.8):
    """Where frames are on a map: around a place of their label; (T, 2)."""
    angle = 2.4 * np.arange(int(label.max()) + 1)  # the golden angle: a sunflower of places
    home = (
        4
        * np.sqrt(np.arange(len(angle)) + 1)[:, None]
        * np.stack([np.cos(angle), np.sin(angle)], 1)
    )
    return (home[label] + spread * rng.normal(size=(len(label), 2))).astype(np.float32)


def poses(path, frames, size, heading, fps=30.0):
    """Write poses of an animal in the middle of the film that spans 1.5 times its width."""
    length = 1.5 * size / ROOM
    body = length / 2 * np.array([[1, 0], [0.2, 0.1], [0.2, -0.1], [-1, 0.0]])
    cos, sin = np.cos(heading)[:, None], np.sin(heading)[:, None]
    middle = (size - 1) / 2
    xy = np.stack(
        [cos * body[:, 0] - sin * body[:, 1], sin * body[:, 0] + cos * body[:, 1]], -1
    )
    made = core_poses.build(
        (xy + middle)[:, None], np.ones((frames, 1, 4)), np.zeros((frames, 1, 4, 2, 2)),
        np.arange(frames) / fps, BODY, fps=fps,
    )  # fmt: skip
    store.write_dataset(made.drop_vars("covariance"), path)


def record(folder, kind, name, label, heading, size, film, y=None, fps=30.0, **attrs):
    """Write one recording of a run, as `gambol map`, `syllables` or `states` do.

    On a map label k is region k + 1, and 0 is none of a label; -1 stays -1.
    """
    n = len(label)
    about = {
        "centroid": (("time", "space"), np.full((n, 2), (size - 1) / 2, np.float32)),
        "heading": ("time", heading.astype(np.float32)),
    }
    said = {"fps": fps, "recording": name, "individual": "animal", "source_file": str(film),
            "made_from": "model", **attrs}  # fmt: skip
    if kind == "map":
        stay = (label + 1).astype(np.int16)
        series = {"y": (("time", "axis"), y), "region": ("time", stay), "stay": ("time", stay)}
    else:
        series = {{"syllables": "syllable", "states": "state"}[kind]: ("time", label)}
    inside = {"map": "places"}.get(kind, kind)
    path = Path(folder) / inside / f"{name}.nc"
    store.write_dataset(xr.Dataset({**series, **about}, attrs=said), path)
    return path


def cells(heading, size, tile):
    """Where the 16 cells of the code are in a clip whose animal heads there; (16, 2) px."""
    scale = tile / (1.5 * size)
    at = np.stack([(np.arange(BITS) + 0.5) * size / BITS, np.full(BITS, size / 32)], 1)
    away = at - (size - 1) / 2
    cos, sin = np.cos(heading), np.sin(heading)
    turn = scale * np.array([[cos, sin], [-sin, cos]])
    return away @ turn.T + (tile - 1) / 2

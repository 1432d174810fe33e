"""Cameras of OpenMonkeyStudio: camera.txt and intrinsic.txt in one folder, read only.

camera.txt says NumCams, NumFrames and NumP, then of every camera a 0 and its number, its centre
C and R; intrinsic.txt again a 0 and the number, then K and k1, k2 of COLMAP's RADIAL, which are
OpenCV's. x_c = R (x - C): of the published rig, only so do neighbours look at one place in
front of them, and a labelled nose comes to lie inside its crop. The world is of structure from
motion: no unit is stated, and which way is up is told by the cameras.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from gambol.core.errors import InputError
from gambol.io import store
from gambol.io.calibration.common import Read, Said, assemble, numbers

FILES = ("camera.txt", "intrinsic.txt")
_HEAD = ("NumCams", "NumFrames", "NumP")


class _Pose(NamedTuple):
    centre: Float[np.ndarray, " 3"]
    turn: Float[np.ndarray, "3 3"]


def is_folder(path: Path) -> bool:
    """Tell whether a folder holds the two files."""
    return all((path / name).is_file() for name in FILES)


def read(path: Path) -> Read:
    """Read the folder, or one of its two files and the other beside it."""
    folder = path if path.is_dir() else path.parent
    poses = _poses(folder / FILES[0])
    lenses = _lenses(folder / FILES[1])
    remarks = [
        f"{path}: camera {name} is in one of {' and '.join(FILES)} alone and is left out"
        for name in [*poses, *lenses]
        if (name in poses) != (name in lenses)
    ]
    said = [
        Said(name, lenses[name][:9], pose.turn, -pose.turn @ pose.centre, lenses[name][9:])
        for name, pose in poses.items()
        if name in lenses
    ]
    up = _up([one.rotation for one in said])
    origin = "of the structure from motion; up guessed from how the cameras stand"
    return assemble(path, said, up=up, origin=origin, remarks=remarks)


def _poses(path: Path) -> dict[str, _Pose]:
    words = store.read_text(path).split()
    if words[0:6:2] != list(_HEAD):
        raise InputError(f"{path} does not begin with {', '.join(_HEAD)}; copy it again")
    found = _blocks(path, words[6:], 12)
    if str(len(found)) != words[1]:
        raise InputError(
            f"{path} announces {words[1]} cameras and holds {len(found)}; copy it again"
        )
    return {name: _Pose(row[:3], row[3:].reshape(3, 3)) for name, row in found.items()}


def _lenses(path: Path) -> dict[str, np.ndarray]:
    return _blocks(path, store.read_text(path).split(), 11)


def _blocks(path: Path, words: list[str], count: int) -> dict[str, np.ndarray]:
    """Return `count` numbers a camera, after its 0 and its number."""
    size = count + 2
    if not words or len(words) % size:
        raise InputError(
            f"{path} holds {len(words)} values, not {size} for every camera; copy it again"
        )
    found: dict[str, np.ndarray] = {}
    for start in range(0, len(words), size):
        name = words[start + 1]
        if name in found:
            raise InputError(f"{path} holds camera {name} twice; delete one")
        values = words[start + 2 : start + size]
        found[name] = numbers(values, f"{path}: camera {name}", count)
    return found


def _up(turns: list[np.ndarray]) -> Float[np.ndarray, " 3"]:
    """Return the mean direction of the images' tops."""
    tops = -sum((turn[1] for turn in turns), np.zeros(3))
    length = float(np.linalg.norm(tops))
    return tops / length if length > 0 else np.array([0.0, 0.0, 1.0])

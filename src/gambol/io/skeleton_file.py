"""A skeleton written by hand: YAML with names, checked as strictly as any settings.

name: mouse
keypoints: [nose, left ear, right ear, tail base]
bones: [[tail base, nose]]          # what hangs on what, parent first
mirror: [[left ear, right ear]]     # guessed from the names where it is left out
edges: [[left ear, right ear]]      # further lines to draw
"""

from pathlib import Path

from gambol.core.config import Config
from gambol.core.errors import InputError, did_you_mean
from gambol.core.skeleton import Skeleton, guess_swap
from gambol.io import store

Pair = tuple[str, str]


class SkeletonFile(Config):
    """What the YAML file may say."""

    keypoints: list[str] = []  # empty is refused, but a misspelt key is named first
    name: str = "animal"
    bones: list[Pair] = []
    mirror: list[Pair] | None = None
    edges: list[Pair] = []


def read_skeleton(path: Path) -> Skeleton:
    """Read a skeleton; every wrong name is refused with the nearest right one."""
    store.require_file(path)
    return build(SkeletonFile.from_yaml(path), str(path))


def build(said: SkeletonFile, source: str) -> Skeleton:
    """Turn names into a skeleton; `source` is named by the sentence that refuses them."""
    names = said.keypoints
    parent, swap = [-1] * len(names), list(guess_swap(tuple(names)))
    for a, b in _indices(said.bones, names, source):
        if parent[b] >= 0:
            raise InputError(
                f"{source}: {names[b]!r} hangs on two keypoints; leave one bone out"
            )
        parent[b] = a
    if said.mirror is not None:
        swap = [-1] * len(names)
        for a, b in _indices(said.mirror, names, source):
            swap[a], swap[b] = b, a
    edges = tuple(_indices(said.edges, names, source))
    try:
        return Skeleton(tuple(names), tuple(parent), tuple(swap), edges, said.name)
    except InputError as error:
        raise InputError(f"{source}: {error}") from error


def _indices(pairs: list[Pair], names: list[str], source: str) -> list[tuple[int, int]]:
    for name in (name for pair in pairs for name in pair):
        if name not in names:
            choices = did_you_mean(name, names) or f"; there are {', '.join(names)}"
            raise InputError(f"{source}: no keypoint {name!r}{choices}")
    return [(names.index(a), names.index(b)) for a, b in pairs]

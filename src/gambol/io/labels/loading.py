"""Labels to learn from: of a project, a label file or another tool's project, videos found."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Int

from gambol.core.errors import InputError
from gambol.core.labels import Labels
from gambol.io import fence
from gambol.io.labels.formats import detect, read
from gambol.io.labels.places import find, joined
from gambol.io.video.open import split_ref


def load(path: Path) -> Labels:
    """Return labels whose videos are absolute references that exist.

    Args:
        path: the folder of a project, a label file, or the project folder of another tool.
    """
    if detect(path) != "project":
        return found_only(read(path), path)
    from gambol.io.project import Project

    with Project.open(path if path.is_dir() else path.parent) as project:
        return found_only(project.labels(), path)


def sought(labels: Labels, folders: list[Path]) -> Labels:
    """Return labels whose missing videos were looked for in further folders, by name."""
    refs = []
    for ref in labels.videos:
        tries = [ref, *(find(ref, folder.resolve()) for folder in folders)]
        refs.append(next((t for t in tries if fence.exists(split_ref(t)[0])), ref))
    return replace(labels, videos=tuple(refs))


def found_only(labels: Labels, source: Path) -> Labels:
    """Return labels whose videos exist; a missing one that is labelled is an error."""
    if not len(labels.frames):
        raise InputError(f"{source} holds no labels; label some frames first")
    exists = [fence.exists(split_ref(ref)[0]) for ref in labels.videos]
    used = np.unique(labels.frames[:, 0])
    if lost := [labels.videos[v] for v in used if not exists[v]]:
        fence.require(split_ref(lost[0])[0], source)
        raise InputError(
            f"{source} labels the video {lost[0]}, which does not exist here; "
            f"put it into {_beside(source)}, or import with --videos DIR"
        )
    number = np.cumsum(exists) - 1
    kept = tuple(
        _absolute(ref) for ref, there in zip(labels.videos, exists, strict=True) if there
    )
    part = labels.incomplete[np.array(exists)[labels.incomplete[:, 0]]]
    return replace(
        labels,
        videos=kept,
        video=number[labels.video].astype(np.int64),
        negatives=_moved(labels.negatives, number),
        incomplete=_moved(part, number),
        regions=tuple(
            r._replace(video=int(number[r.video])) for r in labels.regions if exists[r.video]
        ),
        extras=labels.extras.renumbered(
            {v: int(number[v]) for v, there in enumerate(exists) if there}
        ),
    )


def _moved(frames: Int[np.ndarray, "M 2"], number: np.ndarray) -> Int[np.ndarray, "M 2"]:
    """Give (video, frame) pairs the new numbers of their videos."""
    return np.stack([number[frames[:, 0]], frames[:, 1]], axis=1)


def _absolute(ref: str) -> str:
    path, dataset = split_ref(ref)
    return joined(path.resolve(), dataset)


def _beside(source: Path) -> Path:
    return (source if source.is_dir() else source.parent).resolve() / "videos"

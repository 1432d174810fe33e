"""The labelled frames of videos as image files, for the formats that label images."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Int

from gambol.core.errors import InputError
from gambol.core.labels import UNKNOWN, Labels
from gambol.io import store
from gambol.io.labels import places
from gambol.io.video.open import open_video, split_ref

NOBODY = "unknown"  # what columns of animals without a name are called


def by_frame(labels: Labels) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield (video, frame, rows of its animals), sorted by video and frame."""
    order = np.lexsort((labels.individual, labels.frame, labels.video))
    pairs = np.stack([labels.video[order], labels.frame[order]], axis=1)
    starts = np.flatnonzero(np.any(np.diff(pairs, axis=0, prepend=-1), axis=1))
    for rows in np.split(order, starts[1:]) if len(order) else []:
        yield int(labels.video[rows[0]]), int(labels.frame[rows[0]]), rows


def columns(labels: Labels) -> tuple[tuple[str, ...], Int[np.ndarray, " N"]]:
    """Return one name a column and the column of every row, for formats with one per animal.

    Animals without a name go into further columns, `unknown 1` and so on, in any order: nobody
    is left out, and the columns say that they are nobody's.
    """
    named = labels.individuals if (labels.individual != UNKNOWN).any() else ()
    column = labels.individual.astype(np.int64)
    most = 0
    for _, _, rows in by_frame(labels):
        nameless = rows[labels.individual[rows] == UNKNOWN]
        column[nameless] = len(named) + np.arange(len(nameless))
        most = max(most, len(nameless))
    word = NOBODY
    while any(name.startswith(f"{word} ") for name in named):
        word += "-" + NOBODY
    return (*named, *(f"{word} {k + 1}" for k in range(most))), column


def all_named(labels: Labels) -> Labels:
    """Return labels in which animals without a name have that of their column."""
    names, column = columns(labels)
    return replace(labels, individual=column, individuals=names or labels.individuals)


def folder_names(labels: Labels) -> list[str]:
    """Return one folder name for each video, all different."""
    names: list[str] = []
    for ref in labels.videos:
        stem = split_ref(ref)[0].stem.removesuffix(".pkg") or "video"
        same = [stem, *(f"{stem}-{k}" for k in range(2, len(labels.videos) + 2))]
        names.append(next(name for name in same if name not in names))
    return names


def image_names(labels: Labels) -> dict[tuple[int, int], str]:
    """Name the image of each labelled (video, frame): its own name, else img and the frame."""
    own = {v: places.images_in(Path(ref)) for v, ref in enumerate(labels.videos)}
    frames = labels.frames
    width = max(4, len(str(frames[:, 1].max()))) if len(frames) else 4
    names = {}
    for v, f in frames.tolist():
        if own[v] and f >= len(own[v]):
            raise InputError(
                f"{labels.videos[v]} has {len(own[v])} images, but frame {f} is labelled; "
                "frames count from 0"
            )
        names[v, f] = own[v][f] if own[v] else f"img{f:0{width}d}.png"
    return names


def write_images(labels: Labels, folders: dict[int, Path]) -> None:
    """Copy the labelled images, or cut them from the videos, into one folder a video."""
    names = image_names(labels)
    for v, folder in folders.items():
        wanted = [f for w, f in names if w == v]
        folder.mkdir(parents=True, exist_ok=True)
        source = Path(labels.videos[v])
        if source.is_dir():
            for f in wanted:
                shutil.copyfile(source / names[v, f], folder / names[v, f])
        else:
            _cut(labels.videos[v], {f: folder / names[v, f] for f in wanted})


def _cut(ref: str, targets: dict[int, Path]) -> None:
    import cv2

    video = open_video(ref)
    try:
        for frame, path in targets.items():
            # images of one HDF5 file may differ in size, which `read` refuses
            one = getattr(video, "read_one", None)
            image = one(frame) if one else video.read([frame])[0]
            bgr = image if image.shape[-1] == 1 else image[..., ::-1]
            _, data = cv2.imencode(".png", np.ascontiguousarray(bgr))
            store.write_bytes(data.tobytes(), path)
    finally:
        video.close()

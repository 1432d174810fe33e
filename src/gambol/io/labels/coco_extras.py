"""What COCO files say besides poses: fields of the file, its images and its annotations.

Boxes, areas and outlines that belong to a pose ride along only as long as the pose is the one
they came with; those of a pose that was mended are computed anew from its keypoints.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gambol.core.extras import Extras
from gambol.core.labels import Labels

FORMAT = "coco"
_FILE = ("images", "annotations", "categories")
_CATEGORY = ("name", "keypoints", "skeleton", "gambol")
_IMAGE = ("file_name", "video", "frame", "complete")
_SHAPE = ("bbox", "area", "segmentation")  # of the pose as it was
_ANIMAL = (
    "image_id", "category_id", "keypoints", "num_keypoints", "iscrowd", "individual", "origin",
    "absent", *_SHAPE,
)  # fmt: skip


def of_file(
    data: Mapping[str, Any],
    category: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    places: Mapping[Any, tuple[int, int]],
    pose: tuple[np.ndarray, np.ndarray],
) -> Extras:
    """Return what a file says that labels do not hold.

    Args:
        data: the file.
        category: that has the skeleton.
        rows: the annotations that are poses, N.
        places: (video, frame) of the images that are used, by their number.
        pose: positions (N, J, 2) and visibility (N, J) as they were read.
    """
    animals = tuple(_animal(a, digest(*one)) for a, *one in zip(rows, *pose, strict=True))
    images = {image["id"]: image for image in data["images"]}
    frames = {place: {FORMAT: _other(images[n], _IMAGE)} for n, place in places.items()}
    whole = _other(data, _FILE) | {"categories": _other(category, _CATEGORY)}
    return Extras(animals, frames, {FORMAT: whole}, tuple(_lost(data, rows, len(places))))


def _lost(data: Mapping[str, Any], rows: Sequence[Any], n_images: int) -> list[str]:
    """Say what nothing here can hold."""
    crowds = [a for a in data["annotations"] if a.get("iscrowd")]
    left = len(data["annotations"]) - len(rows) - len(crowds)
    names = sorted({k for a in crowds for k in a if k not in (*_ANIMAL, "id", "every_frame")})
    unseen = sum(
        v == 0 and (x != 0 or y != 0)
        for a in rows
        for x, y, v in zip(*(a["keypoints"][k::3] for k in range(3)), strict=True)
    )
    empty = len(data["images"]) - n_images
    found = {
        f"{left} annotations without keypoints are left out": left,
        f"of crowds only the outline is kept, not {', '.join(names)}": len(names),
        f"{unseen} positions of keypoints that are not labelled (v = 0) are left out": unseen,
        f"{empty} images of which nothing is said are left out": empty,
    }
    return [sentence for sentence, n in found.items() if n]


def _animal(annotation: Mapping[str, Any], of: str) -> dict[str, Any]:
    shape = {name: annotation[name] for name in _SHAPE if name in annotation}
    return {FORMAT: {"fields": _other(annotation, _ANIMAL), "shape": shape, "of": of}}


def _other(said: Mapping[str, Any], known: Sequence[str]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if name not in known}


def digest(xy: np.ndarray, visibility: np.ndarray) -> str:
    """Return a short hash of a pose: positions (J, 2) and visibility (J)."""
    there = np.nan_to_num(np.asarray(xy, np.float64)).tobytes()
    return hashlib.sha256(there + visibility.astype(np.uint8).tobytes()).hexdigest()[:12]


def of_animal(labels: Labels, n: int) -> dict[str, Any]:
    """Return the fields of an animal as its file said them."""
    said = labels.extras.row(n, FORMAT)
    same = said.get("of") == digest(labels.xy[n], labels.visibility[n])
    return {**said.get("fields", {}), **(said.get("shape", {}) if same else {})}


def numbered(said: Sequence[dict[str, Any]]) -> list[int]:
    """Return a number for each of some records: its own `id` if nobody has it, else a new one.

    >>> numbered([{"id": 7}, {}, {"id": 7}])
    [7, 8, 9]
    """
    used: set[int] = set()
    wanted = [one.get("id") for one in said]
    free = 1 + max([n for n in wanted if isinstance(n, int)], default=0)
    numbers = []
    for number in wanted:
        if not isinstance(number, int) or number in used:
            number, free = free, free + 1
        used.add(number)
        numbers.append(number)
    return numbers

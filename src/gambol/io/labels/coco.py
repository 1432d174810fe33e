"""COCO keypoints: JSON with images, annotations [x, y, v, …] and a category with the skeleton.

COCO's v is 2 visible, 1 labelled but hidden, 0 not labelled. We write absent keypoints as 0
too, and say in further keys, which others skip, which of the zeros are absent, who made the
labels, which video and frame an image is, and what was said of the frame as a whole. Integer
coordinates are pixel centres, as ours.

An annotation with `iscrowd` marks animals that nobody labelled one by one. Its polygons are
regions without loss and score of its image, of the whole video where we say so
(`"every_frame": true`); where it has none, only a mask in runs, the frame becomes incomplete.
An image without annotations may be one that nobody looked at, so it is negative only where the
file says so (`"complete": true`, as ours do).
"""

from pathlib import Path
from typing import Any

import numpy as np

from gambol.core import pixels, regions
from gambol.core.errors import InputError
from gambol.core.labels import EVERY, UNKNOWN, Labels, Origin, Region, Visibility
from gambol.core.skeleton import Skeleton
from gambol.io import fence, store
from gambol.io.labels import coco_extras, places
from gambol.io.labels.anatomy import skeleton_of
from gambol.io.labels.frames import by_frame, folder_names, image_names, write_images


def read(path: Path, nan_means: Visibility) -> Labels:
    """Read annotations; v = 0 is what `nan_means` says unless we wrote the file."""
    data = store.read_json(path)
    try:
        return _read(data, path, nan_means)
    except (KeyError, TypeError, IndexError) as error:
        reason = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise InputError(
            f"{path} is no COCO keypoint file ({reason}); export it again"
        ) from error


def _read(data: dict[str, Any], path: Path, nan_means: Visibility) -> Labels:
    skeleton, categories, category = _skeleton(data, path)
    rows = [a for a in data["annotations"] if a.get("category_id", 1) in categories]
    shapes = [(a, corners) for a in rows if a.get("iscrowd") for corners in _polygons(a)]
    crowds = {a["image_id"] for a in rows if a.get("iscrowd") and not _polygons(a)}
    rows = [a for a in rows if a.get("keypoints") and not a.get("iscrowd")]
    images = {image["id"]: image for image in data["images"]}
    if lost := [a for a in [*rows, *(a for a, _ in shapes)] if a["image_id"] not in images]:
        raise InputError(
            f"{path}: annotation {lost[0].get('id')} names image "
            f"{lost[0]['image_id']}, which is not listed; export it again"
        )
    xy, visibility = _points(rows, len(skeleton), path, nan_means)
    filled = {a["image_id"] for a in rows}
    filled |= crowds
    empty = [k for k, i in images.items() if i.get("complete") is True and k not in filled]
    part = [k for k, i in images.items() if i.get("complete") is False or k in crowds]
    numbers = [*(a["image_id"] for a in rows), *empty, *part]
    n, m, k = len(rows), len(rows) + len(empty), len(numbers)
    numbers += [a["image_id"] for a, _ in shapes]
    frames = _frames([images[number] for number in numbers], path)
    pairs = np.stack([frames.video, frames.frame], axis=1)
    names, who = _individuals(rows)
    said = {number: (v, f) for number, (v, f) in zip(numbers, pairs.tolist(), strict=True)}
    return Labels(
        skeleton,
        frames.videos,
        frames.video[:n],
        frames.frame[:n],
        who,
        xy,
        visibility,
        np.array([a.get("origin", Origin.PERSON) for a in rows], np.uint8),
        names,
        pairs[n:m],
        pairs[m:k],
        tuple(
            Region(v, EVERY if a.get("every_frame") is True else f, corners)
            for (a, corners), (v, f) in zip(shapes, pairs[k:].tolist(), strict=True)
        ),
        coco_extras.of_file(data, category, rows, said, (xy, visibility)),
    )


def _polygons(annotation: dict[str, Any]) -> list[np.ndarray]:
    """Return the corners of what a crowd covers; nothing where that is a mask in runs."""
    said = annotation.get("segmentation")
    flat = [np.array(one, np.float64) for one in said] if isinstance(said, list) else []
    back = pixels.invert(pixels.from_corner())
    return [pixels.apply(back, one.reshape(-1, 2)) for one in flat if len(one) >= 6]


def _skeleton(data: dict[str, Any], path: Path) -> tuple[Skeleton, set[int], dict[str, Any]]:
    """Return the skeleton, the ids of the categories that have it, and the first of them."""
    known = [c for c in data["categories"] if c.get("keypoints")]
    if not known:
        raise InputError(f"{path}: no category has keypoints; export the keypoints too")
    if any(c["keypoints"] != known[0]["keypoints"] for c in known[1:]):
        raise InputError(f"{path} holds several skeletons; keep one category")
    pairs = [(int(a) - 1, int(b) - 1) for a, b in known[0].get("skeleton") or []]
    names = [str(name) for name in known[0]["keypoints"]]
    if wrong := [p for p in pairs if not (min(p) >= 0 and max(p) < len(names))]:
        raise InputError(
            f"{path}: line {wrong[0]} joins keypoints that do not exist; remove it"
        )
    skeleton = skeleton_of(
        names,
        pairs,
        source=path,
        name=str(known[0].get("name", "animal")),
        remembered=known[0].get("gambol"),
    )
    return skeleton, {c["id"] for c in known}, known[0]


def _frames(images: list[dict[str, Any]], path: Path) -> places.Frames:
    """Images that lie there become folders; else the video and frame that we noted."""
    here = path.resolve().parent
    files = [Path(places.find(str(image["file_name"]), here)) for image in images]
    files = [f if f.is_absolute() else here / f for f in files]
    if any(fence.exists(file) for file in files) or not all("video" in i for i in images):
        return places.frames_of(files, path)
    refs = tuple(dict.fromkeys(str(image["video"]) for image in images))
    return places.Frames(
        tuple(places.find(ref, here) for ref in refs),
        np.array([refs.index(image["video"]) for image in images], np.int64),
        np.array([image["frame"] for image in images], np.int64),
    )


def _points(
    rows: list[dict[str, Any]], n_keypoints: int, path: Path, nan_means: Visibility
) -> tuple[np.ndarray, np.ndarray]:
    if wrong := [a for a in rows if len(a["keypoints"]) != 3 * n_keypoints]:
        raise InputError(
            f"{path}: annotation {wrong[0].get('id')} has {len(wrong[0]['keypoints'])} values "
            f"for {n_keypoints} keypoints of 3 values; export it again"
        )
    triples = np.array([a["keypoints"] for a in rows], np.float64).reshape(-1, n_keypoints, 3)
    said = (triples[..., 2] > 0) & np.isfinite(triples).all(axis=-1)
    visibility = np.where(triples[..., 2] == 1, Visibility.OCCLUDED, Visibility.VISIBLE)
    visibility = np.where(said, visibility, nan_means)
    for n, a in enumerate(rows):
        if "absent" in a:
            visibility[n, ~said[n]] = Visibility.UNLABELLED
            visibility[n, a["absent"]] = Visibility.ABSENT
    return np.where(said[..., None], triples[..., :2], np.nan), visibility.astype(np.uint8)


def _individuals(rows: list[dict[str, Any]]) -> tuple[tuple[str, ...], np.ndarray]:
    """Take names, else track ids; without both, who an animal of several is stays unknown."""
    chosen = [
        a["individual"] if "individual" in a else f"track {a['track_id']}"
        for a in rows
        if "individual" in a or "track_id" in a
    ]
    if not chosen and len({a["image_id"] for a in rows}) == len(rows):
        return ("animal",), np.zeros(len(rows), np.int64)
    names = tuple(dict.fromkeys(str(name) for name in chosen if name is not None))
    seen: set[tuple[Any, int]] = set()
    who = np.full(len(rows), UNKNOWN, np.int64)
    for n, a in enumerate(rows):
        said = a.get("individual", f"track {a['track_id']}" if "track_id" in a else None)
        key = (a["image_id"], UNKNOWN if said is None else names.index(str(said)))
        if key not in seen:  # nobody is twice in an image
            who[n] = key[1]
            seen.add(key)
    return names or ("animal",), who


def write(labels: Labels, path: Path, images: bool = True) -> list[Path]:
    """Write the JSON and, beside it in `<name>_images/<video>/`, the labelled frames."""
    folders = folder_names(labels)
    names = image_names(labels)
    root = path.with_name(f"{path.stem}_images")
    frames = list(map(tuple, labels.frames.tolist()))
    more = [labels.extras.frame(v, f, coco_extras.FORMAT) for v, f in frames]
    listed: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    rows = {(v, f): found.tolist() for v, f, found in by_frame(labels)}
    part = set(map(tuple, labels.incomplete.tolist()))
    for (v, f), number, said in zip(frames, coco_extras.numbered(more), more, strict=True):
        file = f"{root.name}/{folders[v]}/{names[v, f]}"
        listed.append({**said, "id": number, "file_name": file, "frame": f})
        listed[-1] |= {"video": labels.videos[v], "complete": (v, f) not in part}
        annotations += [_annotation(labels, n, number) for n in rows.get((v, f), [])]
        for region in labels.regions:
            if regions.at([region], v, f):
                annotations.append(_crowd(region, len(labels.skeleton), number))
    said = labels.extras.file(coco_extras.FORMAT)
    category = _category(labels.skeleton) | said.pop("categories", {})
    for number, one in zip(coco_extras.numbered(annotations), annotations, strict=True):
        one |= {"id": number, "category_id": category["id"]}
    data = {**said, "images": listed, "annotations": annotations, "categories": [category]}
    if images:
        with store.atomic(root) as partial:
            used = np.unique(labels.frames[:, 0]).tolist()
            write_images(labels, {v: partial / folders[v] for v in used})
    store.write_json(data, path)
    return [path, root] if images else [path]


def _category(skeleton: Skeleton) -> dict[str, Any]:
    return {
        "id": 1,
        "name": skeleton.name,
        "supercategory": "animal",
        "keypoints": list(skeleton.keypoints),
        "skeleton": [[a + 1, b + 1] for a, b in skeleton.drawn],
        "gambol": skeleton.to_dict(),
    }


def _annotation(labels: Labels, n: int, image: int) -> dict[str, Any]:
    said = labels.labelled[n]
    xy = np.where(said[:, None], labels.xy[n], 0.0)
    v = np.where(said, labels.visibility[n], 0)
    low, high = (xy[said].min(axis=0), xy[said].max(axis=0)) if said.any() else (xy[0], xy[0])
    width, height = (high - low).tolist()
    who = int(labels.individual[n])
    named = {"track_id": who, "individual": labels.name(n)}
    return {
        "image_id": image,
        "keypoints": [
            value
            for (x, y), k in zip(xy.tolist(), v.tolist(), strict=True)
            for value in (x, y, k)
        ],
        "num_keypoints": int(said.sum()),
        "bbox": [*low.tolist(), width, height],
        "area": width * height,
        "iscrowd": 0,
        **(named if who != UNKNOWN else {"individual": None}),
        "origin": int(labels.origin[n]),
        "absent": np.flatnonzero(labels.visibility[n] == Visibility.ABSENT).tolist(),
        **coco_extras.of_animal(labels, n),
    }


def _crowd(region: Region, n_keypoints: int, image: int) -> dict[str, Any]:
    corners = pixels.apply(pixels.from_corner(), region.polygon)
    low, high = corners.min(axis=0), corners.max(axis=0)
    width, height = (high - low).tolist()
    return {
        "image_id": image,
        "keypoints": [0] * 3 * n_keypoints,
        "num_keypoints": 0,
        "bbox": [*low.tolist(), width, height],
        "area": width * height,
        "iscrowd": 1,
        "segmentation": [corners.ravel().tolist()],
        "every_frame": region.frame == EVERY,
    }

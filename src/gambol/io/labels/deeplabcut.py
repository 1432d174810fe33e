"""DeepLabCut projects and the tables that DeepLabCut and Lightning Pose keep labels in.

Where a project lies is where its config.yaml lies; `project_path` in it is ignored. A folder of
extracted images is a video of its own whose frame is the rank of the image; only where images
are missing and the original video is there, the video is used, with the number in the image's
name as the frame. Coordinates are pixels with integer centres, as ours. Rows in which an animal
has no position at all are frames that nobody labelled yet, and are left out.

In a project of several animals with `identity: false` the individuals of the tables are only
places to put animals in: nobody said who is who, so we do not either. Body parts that belong to
no animal (`uniquebodyparts`) are an individual of their own, `single`.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from gambol.core.errors import InputError
from gambol.core.labels import UNKNOWN, Labels, Origin, Visibility, join
from gambol.core.skeleton import Skeleton
from gambol.io import fence, store
from gambol.io.labels import dlc_extras, places
from gambol.io.labels.anatomy import skeleton_of
from gambol.io.labels.table import Table, read_table
from gambol.io.video.images import natural_key

SINGLE = "single"  # DeepLabCut's name for what belongs to no animal


def read_project(path: Path, nan_means: Visibility) -> Labels:
    """Read every labelled folder of a project; `path` is the folder or its config.yaml."""
    root = path if path.is_dir() else path.parent
    config = read_config(root / "config.yaml")
    skeleton = _skeleton(config, root / "config.yaml")
    tables = _tables(root, str(config.get("scorer", "")))
    if not tables:
        raise InputError(
            f"{root} holds no labels (labeled-data/*/CollectedData_*.h5 or .csv); "
            "label some frames first"
        )
    original = partial(_original, config, root)
    known = partial(_named, config)
    labels = join(
        [_labels(t, read_table(t), skeleton, nan_means, original, known) for t in tables]
    )
    return replace(labels, extras=dlc_extras.of_config(config, labels))


def read_single(path: Path, nan_means: Visibility) -> Labels:
    """Read one table; of a table of predictions the video is the one its name begins with."""
    table = read_table(path)
    folders = path.resolve().parents
    inside = len(folders) > 2 and folders[1].name == "labeled-data"
    if inside and fence.exists(folders[2] / "config.yaml"):
        config = read_config(folders[2] / "config.yaml")
        skeleton = _skeleton(config, folders[2] / "config.yaml")
        original = partial(_original, config, folders[2])
        return _labels(path, table, skeleton, nan_means, original, partial(_named, config))
    skeleton = skeleton_of(table.keypoints, source=path)
    return _labels(path, table, skeleton, nan_means, places.nobody, bool)


def read_config(path: Path) -> dict[str, Any]:
    """Read config.yaml without executing anything."""
    try:
        config = yaml.safe_load(store.read_text(path))
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} is not YAML: {reason}") from error
    if not isinstance(config, dict) or "bodyparts" not in config:
        raise InputError(f"{path} is no DeepLabCut project: it names no bodyparts")
    return config


def _skeleton(config: dict[str, Any], source: Path) -> Skeleton:
    """Return body parts, those of several animals before the unique ones, and their lines."""
    names = config["bodyparts"]
    if not isinstance(names, list):  # "MULTI!" in projects of several animals
        several = ("multianimalbodyparts", "uniquebodyparts")
        names = [name for key in several for name in config.get(key) or []]
    names = [str(name) for name in names]
    lines = [
        (names.index(str(a)), names.index(str(b)))
        for a, b in (pair for pair in config.get("skeleton") or [] if len(pair) == 2)
        if str(a) in names and str(b) in names
    ]
    task = str(config.get("Task") or "animal")
    return skeleton_of(names, lines, source=source, name=task, remembered=config.get("gambol"))


def _named(config: dict[str, Any], individual: str) -> bool:
    """Tell whether a column of a table is always the same animal."""
    ours = config.get("gambol")
    if isinstance(ours, dict) and "unknown" in ours:
        return individual not in ours["unknown"]
    return individual in ("", SINGLE) or config.get("identity") is not False


def _tables(root: Path, scorer: str) -> list[Path]:
    """Return the one table that counts of each folder: the scorer's, HDF5 before CSV."""
    chosen = []
    for folder in sorted((root / "labeled-data").glob("*"), key=lambda p: natural_key(p.name)):
        found = [p for p in folder.glob("CollectedData_*") if p.suffix in (".h5", ".csv")]
        found.sort(
            key=lambda p: (p.stem != f"CollectedData_{scorer}", p.suffix != ".h5", p.name)
        )
        chosen += found[:1]
    return chosen


def _original(config: dict[str, Any], root: Path, folder: str) -> str | None:
    """Find the video that the images of a folder were cut from."""
    for written in config.get("video_sets") or {}:
        ref = places.find(str(written), root)
        if Path(ref).stem == folder and fence.exists(Path(ref)) and Path(ref).is_file():
            return ref
    return places.video_named(folder, root / "videos")


def _labels(
    path: Path,
    table: Table,
    skeleton: Skeleton,
    nan_means: Visibility,
    original: Callable[[str], str | None],
    named: Callable[[str], bool],
) -> Labels:
    if extra := [name for name in table.keypoints if name not in skeleton.keypoints]:
        raise InputError(
            f"{path} labels {extra[0]!r}, which config.yaml does not know; "
            f"its bodyparts are {', '.join(skeleton.keypoints)}"
        )
    frames, origin = _frames(path, table, original)
    place = [skeleton.index(name) for name in table.keypoints]
    rows, who = np.nonzero(np.isfinite(table.xy).all(axis=-1).any(axis=-1))
    xy = np.full((len(rows), len(skeleton), 2), np.nan)
    xy[:, place] = table.xy[rows, who]
    asked = np.zeros((len(table.individuals), len(skeleton)), bool)
    asked[:, place] = table.asked
    unsaid = np.where(asked[who], nan_means, Visibility.UNLABELLED)
    finite = np.isfinite(xy).all(axis=-1)
    # a table of one animal names nobody, and there is nobody else
    names = [n or "animal" for n in table.individuals if named(n) or not n] or ["animal"]
    number = [
        names.index(n or "animal") if named(n) or not n else UNKNOWN for n in table.individuals
    ]
    return Labels(
        skeleton,
        frames.videos,
        frames.video[rows],
        frames.frame[rows],
        np.array(number, np.int64)[who],
        xy,
        np.where(finite, Visibility.VISIBLE, unsaid).astype(np.uint8),
        np.full(len(rows), origin, np.uint8),
        tuple(names),
    )


def _frames(path: Path, table: Table, original: Any) -> tuple[places.Frames, Origin]:
    """Find the frames: images of a person's labels, or numbers of a network's predictions."""
    if table.rows and all(row.isdigit() for row in table.rows):
        frame = np.array([int(row) for row in table.rows], np.int64)
        return places.Frames((video_of(path),), np.zeros_like(frame), frame), Origin.MODEL
    images = [_image(row, path) for row in table.rows]
    return places.frames_of(images, path, original), Origin.PERSON


def video_of(path: Path) -> str:
    """Return the video of a table of predictions, which begins with its name."""
    stem = path.stem.partition("DLC")[0] or path.stem
    near = [path.parent, path.parent / "videos", path.parent.parent / "videos"]
    return next((v for f in near if (v := places.video_named(stem, f))), stem)


def _image(row: str, path: Path) -> Path:
    """Find an image relative to the table, to the project above it, or beside the table."""
    here = path.resolve().parent
    below, beside = here / row, here / Path(row).name
    inside = here.parent.name == "labeled-data"
    return beside if inside and not fence.exists(below) else below

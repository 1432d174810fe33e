"""A DeepLabCut project folder: config.yaml, labelled images, tables as CSV and HDF5."""

import csv
import io
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from gambol.core.errors import InputError
from gambol.core.labels import Labels
from gambol.io import store
from gambol.io.labels.frames import by_frame, folder_names, image_names, write_images

SCORER = "gambol"


def write(labels: Labels, path: Path, images: bool = True) -> list[Path]:
    """Write a new project folder; with `images` the labelled frames are put into it.

    DeepLabCut knows positions only: occluded becomes visible, absent and unlabelled both empty.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError(f"{path} exists already; choose a new folder for the project")
    folders = folder_names(labels)
    used = np.unique(labels.video).tolist()
    with store.atomic(path) as partial:
        places = {v: partial / "labeled-data" / folders[v] for v in used}
        partial.mkdir()
        config = yaml.safe_dump(_config(labels, path), sort_keys=False)
        store.write_text(config, partial / "config.yaml")
        names = image_names(labels)
        for v in used:
            index, values = _values(labels, v, names)
            rows = [f"labeled-data/{folders[v]}/{name}" for name in index]
            write_table(places[v] / f"CollectedData_{SCORER}", rows, _columns(labels), values)
        if images:
            write_images(labels, places)
    return [path]


def _values(
    labels: Labels, video: int, names: dict[tuple[int, int], str]
) -> tuple[list[str], np.ndarray]:
    """Return the images of a video and their rows of numbers (frames, N J 2)."""
    index, table = [], []
    for v, f, rows in by_frame(labels):
        if v != video:
            continue
        xy = np.full((len(labels.individuals), len(labels.skeleton), 2), np.nan)
        xy[labels.individual[rows]] = labels.xy[rows]
        index.append(names[v, f])
        table.append(xy.ravel())
    return index, np.array(table)


def _columns(labels: Labels) -> list[tuple[str, ...]]:
    """Return the header of every column; individuals only where there are several."""
    several = len(labels.individuals) > 1
    return [
        (SCORER, *([who] if several else []), name, axis)
        for who in labels.individuals
        for name in labels.skeleton.keypoints
        for axis in "xy"
    ]


def write_table(
    stem: Path, index: list[Any], columns: list[tuple[str, ...]], values: np.ndarray
) -> list[Path]:
    """Write one table as `<stem>.csv` and as `<stem>.h5`, which pandas and DeepLabCut read."""
    import pandas as pd

    levels = ("scorer", "individuals", "bodyparts", "coords")
    names = levels if len(columns[0]) == 4 else (levels[0], *levels[2:])
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    for k, name in enumerate(names):
        rows.writerow([name, *(column[k] for column in columns)])
    for row, line in zip(index, values.tolist(), strict=True):
        rows.writerow([row, *("" if np.isnan(v) else repr(v) for v in line)])
    store.write_text(text.getvalue(), stem.with_name(stem.name + ".csv"))
    frame = pd.DataFrame(values, index, pd.MultiIndex.from_tuples(columns, names=names))
    target = stem.with_name(stem.name + ".h5")
    with store.atomic(target) as partial:
        frame.to_hdf(partial, key="df_with_missing", mode="w")
    return [stem.with_name(stem.name + ".csv"), target]


def _config(labels: Labels, path: Path) -> dict[str, Any]:
    skeleton = labels.skeleton
    names = list(skeleton.keypoints)
    several = len(labels.individuals) > 1
    config: dict[str, Any] = {
        "Task": skeleton.name,
        "scorer": SCORER,
        "date": date.today().strftime("%b%d"),
        "multianimalproject": several,
        "identity": False if several else None,
        "project_path": str(path.resolve()),
        "engine": "pytorch",
        "video_sets": {ref: {"crop": "0, 0, 0, 0"} for ref in labels.videos},
        "bodyparts": "MULTI!" if several else names,
    }
    if several:
        config |= {
            "individuals": list(labels.individuals),
            "uniquebodyparts": [],
            "multianimalbodyparts": names,
        }
    return config | {
        "start": 0,
        "stop": 1,
        "numframes2pick": 20,
        "skeleton": [[names[a], names[b]] for a, b in skeleton.drawn],
        "skeleton_color": "black",
        "pcutoff": 0.6,
        "dotsize": 8,
        "alphavalue": 0.7,
        "colormap": "rainbow",
        "TrainingFraction": [0.95],
        "iteration": 0,
        "default_net_type": "resnet_50",
        "default_augmenter": "default",
        "snapshotindex": -1,
        "batch_size": 8,
        "cropping": False,
        "corner2move2": [50, 50],
        "move2corner": True,
        "gambol": skeleton.to_dict(),
    }

"""A DeepLabCut project folder: config.yaml, labelled images, tables as CSV and HDF5."""

import csv
import io
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from gambol.core.errors import InputError
from gambol.core.labels import Labels
from gambol.core.skeleton import Skeleton
from gambol.io import store
from gambol.io.labels import dlc_extras
from gambol.io.labels.frames import (
    by_frame,
    columns,
    folder_names,
    image_names,
    write_images,
)

SCORER = "gambol"


def write(labels: Labels, path: Path, images: bool = True) -> list[Path]:
    """Write a new project folder; with `images` the labelled frames are put into it.

    DeepLabCut knows positions only: occluded becomes visible, absent and unlabelled both empty.
    Animals without a name get columns of their own, which config.yaml says are nobody's.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError(f"{path} exists already; choose a new folder for the project")
    folders = folder_names(labels)
    used = np.unique(labels.video).tolist()
    labels = replace(labels, negatives=labels.negatives[:0])  # they would be rows of nothing
    with store.atomic(path) as partial:
        places = {v: partial / "labeled-data" / folders[v] for v in used}
        partial.mkdir()
        who, column = columns(labels)
        said = dlc_extras.given(labels, _config(labels, who, path))
        config = yaml.safe_dump(said, sort_keys=False)
        scorer = dlc_extras.scorer(labels, SCORER)
        store.write_text(config, partial / "config.yaml")
        names = image_names(labels)
        for v in used:
            index, values = _values(labels, v, column, len(who))
            rows = [f"labeled-data/{folders[v]}/{names[v, f]}" for f in index]
            header = _header(scorer, who, labels.skeleton)
            write_table(places[v] / f"CollectedData_{scorer}", rows, header, values)
        if images:
            write_images(labels, places)
    return [path]


def _values(
    labels: Labels, video: int, column: np.ndarray, n_columns: int
) -> tuple[list[int], np.ndarray]:
    """Return the frames of a video and their rows of numbers (frames, N J 2)."""
    index, table = [], []
    for v, f, rows in by_frame(labels):
        if v != video:
            continue
        xy = np.full((n_columns, len(labels.skeleton), 2), np.nan)
        xy[column[rows]] = labels.xy[rows]
        index.append(f)
        table.append(xy.ravel())
    return index, np.array(table)


def _header(scorer: str, who: tuple[str, ...], skeleton: Skeleton) -> list[tuple[str, ...]]:
    """Return the header of every column; individuals only where there are several."""
    return [
        (scorer, *([one] if len(who) > 1 else []), name, axis)
        for one in who
        for name in skeleton.keypoints
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
    room = int(frame.memory_usage(deep=True).sum()) + store.SLACK
    with store.atomic(target, room) as partial:
        frame.to_hdf(partial, key="df_with_missing", mode="w")
    return [stem.with_name(stem.name + ".csv"), target]


def _config(labels: Labels, who: tuple[str, ...], path: Path) -> dict[str, Any]:
    skeleton = labels.skeleton
    names = list(skeleton.keypoints)
    several = len(who) > 1
    nobody = [name for name in who if name not in labels.individuals]
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
            "individuals": list(who),
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
        "gambol": skeleton.to_dict() | ({"unknown": nobody} if several else {}),
    }

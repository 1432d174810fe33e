"""What the stages of the classifier share: features and labels from files, models, results."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from gambol.behavior import classifier_data
from gambol.behavior import features as computing
from gambol.behavior.classifier import BehaviorClassifier
from gambol.behavior.classifier_data import Series
from gambol.behavior.features import Features
from gambol.core.errors import InputError
from gambol.core.ethogram import Ethogram
from gambol.core.progress import Progress, Step, silent
from gambol.io import ethogram as io_ethogram
from gambol.io import poses as io_poses
from gambol.io import store
from gambol.stages import rater_files

_VALUES = "feature_values"  # of a file of `gambol features`
_NEEDED = ("tree_first", "forest_first", "decision", "column")


def expand(sources: Sequence[Path]) -> list[Path]:
    """Return files; a folder stands for the .nc files in it."""
    found: list[Path] = []
    for path in sources:
        inside = sorted(path.glob("*.nc")) if path.is_dir() else [path]
        if not inside:
            raise InputError(f"{path} holds no .nc files; give poses or features")
        found += inside
    return found


def label_files(sources: Sequence[Path]) -> list[Path]:
    """Return ethograms; a folder stands for its files, without sidecars."""
    found: list[Path] = []
    for path in sources:
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        kept = [p for p in inside if p == path or _is_label(p)]
        if not kept:
            raise InputError(f"{path} holds no files; give ethograms")
        found += kept
    return found


def hashes(sources: Sequence[Path]) -> dict[str, str]:
    """Return the hash of every file."""
    return {str(path): store.file_hash(path) for path in sources}


def series(
    sources: Sequence[Path], wanted: Features | None, stage: str, progress: Progress
) -> Series:
    """Return the features of recordings, named as their files.

    Args:
        sources: poses, of which features are computed, or files of `gambol features`.
        wanted: settings of features, for poses.
        stage: that is told to `progress`.
        progress: told of every file.
    """
    arrays: list[xr.DataArray] = []
    for n, path in enumerate(sources):
        held = store.read_dataset(path)
        if _VALUES in held:
            arrays += _ready(held, path.stem)
        elif wanted is None:
            raise InputError(
                f"{path} holds no features; give --anterior and --posterior, of which features "
                "of poses are made, or files of gambol features"
            )
        else:
            poses = io_poses.read(path)
            arrays += computing.features(poses, wanted, path.stem, dtype=np.float32)
        progress(Step(f"{stage}: features", n + 1, len(sources), path.name))
    return classifier_data.series(arrays)


def each(
    sources: Sequence[Path], fitted: BehaviorClassifier, stage: str, progress: Progress
) -> Iterator[Series]:
    """Yield what a classifier looks at, file by file: one recording in memory at a time.

    Args:
        sources: as of `series`, in order of their names.
        fitted: the classifier.
        stage: that is told to `progress`.
        progress: told of every file.
    """
    stems = [path.stem for path in sources]
    if twice := sorted({name for name in stems if stems.count(name) > 1}):
        raise InputError(f"{twice[0]!r} is given twice; name every recording differently")
    for n, path in enumerate(sorted(sources, key=lambda path: path.stem)):
        yield fitted.ready(series([path], fitted.features, stage, silent))
        progress(Step(stage, n + 1, len(sources), path.name))


def labels(sources: Sequence[Path], fps: float | None, repair: bool) -> Ethogram:
    """Return the bouts of ethograms of any format; raters of one recording side by side."""
    parts = [io_ethogram.read(path, fps=fps, repair=repair).ethogram for path in sources]
    return rater_files.joined(sources, parts)


def model_path(model: Path) -> Path:
    """Return the file of a model, of which the folder may be given."""
    return model / "model.nc" if model.is_dir() else model


def read_model(path: Path) -> BehaviorClassifier:
    """Read a fitted classifier."""
    held = store.read_dataset(path)
    if lost := [name for name in _NEEDED if name not in held]:
        raise InputError(
            f"{path} holds no classifier: it lacks {lost[0]}; give a run of gambol "
            "fit-classifier, or its model.nc"
        )
    try:
        return BehaviorClassifier.from_dataset(held)
    except (InputError, KeyError, ValueError, IndexError) as error:
        raise InputError(f"{path}: {error}") from error


def course(
    animals: Series,
    rows: Sequence[int],
    words: Sequence[str],
    columns: dict[str, np.ndarray],
    about: dict[str, Any],
) -> xr.Dataset:
    """Return columns (N, L) of the animals of one recording: (time, individuals, label).

    Args:
        animals: all series.
        rows: those of the recording.
        words: labels.
        columns: by name.
        about: attributes.
    """
    made = {}
    for name, values in columns.items():
        parts = [values[animals.offsets[a] : animals.offsets[a + 1]] for a in rows]
        made[name] = (("time", "individuals", "label"), np.stack(parts, axis=1))
    coords = {
        "time": animals.times[rows[0]],
        "individuals": [animals.animals[a] or "animal" for a in rows],
        "label": list(words),
    }
    return xr.Dataset(made, coords, {"fps": animals.fps, **about})


def write_courses(
    folder: Path,
    animals: Series,
    words: Sequence[str],
    columns: dict[str, np.ndarray],
    about: dict[str, Any],
) -> None:
    """Write `course` of every recording."""
    for name in dict.fromkeys(animals.recordings):
        rows = [a for a, own in enumerate(animals.recordings) if own == name]
        made = course(animals, rows, words, columns, about)
        store.write_dataset(made, folder / f"{name}.nc")


def _ready(held: xr.Dataset, stem: str) -> list[xr.DataArray]:
    """Return the features of every animal of a file."""
    values = held[_VALUES]
    animals = [str(name) for name in values["individuals"].values]
    return [
        values.isel(individuals=n, drop=True).rename(
            stem if len(animals) == 1 else f"{stem}/{animal}"
        )
        for n, animal in enumerate(animals)
    ]


def _is_label(path: Path) -> bool:
    hidden = path.name.startswith(".") or path.name.endswith(".gambol.json")
    return path.is_file() and not hidden

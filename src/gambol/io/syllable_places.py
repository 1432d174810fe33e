"""Where animals are and where they head, in the files that hold the labels of their frames."""

from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
from jaxtyping import Float

from gambol.core.errors import InputError
from gambol.io import store, syllable_csv
from gambol.io.syllables import HDF5, TEXT, Source, read_centroid


class Places(NamedTuple):
    """Of T frames of a recording; None where the file does not say it."""

    centroid: Float[np.ndarray, "T d"] | None  # video pixels or world units
    heading: Float[np.ndarray, " T"] | None  # radians from the first axis to the second


class Origin(NamedTuple):
    """Whose labels a file holds; files are None where they are no more."""

    recording: str
    individual: str
    poses: Path | None
    video: Path | None


def read(source: Source, frames: int) -> Places:
    """Read where the animal of a recording is.

    Args:
        source: of the labels.
        frames: T, for a look at whether it fits.
    """
    centroid = read_series(source, "centroid")
    if centroid is None or centroid.ndim != 2:
        centroid = read_centroid(source)
    heading = read_series(source, "heading")
    for name, values in (("centroid", centroid), ("heading", heading)):
        if values is not None and len(values) != frames:
            raise InputError(
                f"{source.path} has {name} of {len(values)} frames for {frames} labels of "
                f"{source.name!r}; give those of the same recording"
            )
    return Places(
        None if centroid is None else centroid.astype(np.float64),
        None if heading is None else heading.astype(np.float64),
    )


def read_series(source: Source, name: str) -> np.ndarray | None:
    """Return what a file says of every frame under a name, (T, …); None if it says nothing."""
    path = source.path
    kind = path.suffix.lower()
    if kind in TEXT:
        return None if name == "centroid" else syllable_csv.read_numbers(path, name)
    if kind not in (*HDF5, ".nc"):
        return None
    with h5py.File(store.require_file(path), "r") as file:
        group = file[source.group] if source.group else file
        return None if name not in group else np.asarray(group[name][()])


def read_origin(source: Source) -> Origin:
    """Return what a run wrote down about whose labels these are."""
    if source.path.suffix.lower() not in (*HDF5, ".nc"):
        return Origin("", "", None, None)
    with h5py.File(store.require_file(source.path), "r") as file:
        held = dict((file[source.group] if source.group else file).attrs)
    text = {key: str(held.get(key, "")) for key in
            ("recording", "individual", "poses", "source_file")}  # fmt: skip
    poses, video = (Path(text[key]) for key in ("poses", "source_file"))
    return Origin(
        text["recording"], text["individual"],
        poses if text["poses"] and poses.is_file() else None,
        video if text["source_file"] and video.is_file() else None,
    )  # fmt: skip


def typicality(source: Source, spans: list[tuple[int, int]]) -> np.ndarray | None:
    """Return how typical bouts are of their labels; None where the file does not say it.

    Of a map it is the distance to the peak of the region (`peak_distance`), negative; of a
    model the probability of the most probable label. Means over the frames of each bout.

    Args:
        source: of the labels.
        spans: frames [start, stop) of the bouts.
    """
    path = source.path
    if path.suffix.lower() not in (*HDF5, ".nc"):
        return None
    with h5py.File(store.require_file(path), "r") as file:
        group = file[source.group] if source.group else file
        if "peak_distance" in group:
            away = group["peak_distance"][()].astype(np.float64)
            return np.array([-float(np.mean(away[a:b])) for a, b in spans])
        if "probability" not in group:
            return None
        held = group["probability"]  # stays on disk but for the bouts
        most = [held[a:b] if held.ndim == 1 else held[a:b].max(axis=1) for a, b in spans]
        return np.array([float(np.mean(one, dtype=np.float64)) for one in most])

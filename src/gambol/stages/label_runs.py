"""Labels of a run with what a person decided about them, and the poses they were made of."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr

from gambol.behavior import align, label_map
from gambol.behavior.align import Aligned, AlignSettings
from gambol.behavior.label_map import Applied
from gambol.core import tracks as core_tracks
from gambol.core.errors import InputError
from gambol.core.label_map import LabelMap
from gambol.core.sequences import Sequences
from gambol.core.tracks import Track
from gambol.io import poses as io_poses
from gambol.io import syllables
from gambol.io.syllables import Source
from gambol.stages import decisions, movie_sources, syllable_inputs

_SIGNS = re.compile(r"[^0-9a-z]+")


class Run(NamedTuple):
    """Labels of recordings."""

    folder: Path
    sequences: Sequences  # of the model
    sources: tuple[Source, ...]
    map_path: Path  # of the label map, whether there is one or not
    label_map: LabelMap  # without decisions if there is none
    applied: Applied  # the labels that every figure and export shows


def read(
    source: Path,
    fps: float | None = None,
    label: str = "syllable",
    given: Path | None = None,
) -> Run:
    """Read the labels of a run and apply its label map.

    Args:
        source: a run, a folder or a file of labels.
        fps: frames a second, where files do not say it.
        label: column, dataset or variable of the labels; `region` of a map, 0 is none.
        given: a label map in another place than beside the labels.
    """
    folder = movie_sources.folder(source, label)
    found = syllables.read([folder], fps, label=label)
    seq = found.sequences
    if label in movie_sources.OUTSIDE:
        none = movie_sources.OUTSIDE[label]
        seq = seq._replace(valid=seq.valid & (seq.values != none))
    size = max(seq.size, _states(found.sources[0].path))
    seq = seq._replace(size=size)
    path, decided = decisions.held(source, given)
    held = decided or LabelMap(size, decisions.model(source))
    return Run(source, seq, found.sources, path, held, label_map.apply(held, seq))


def poses(
    run: Run, given: Sequence[Path], ends: AlignSettings | None = None, up: str = "z"
) -> list[Aligned]:
    """Return the poses of all recordings, seen from their animals.

    Args:
        run: labels.
        given: pose files; none: those that the run names, where they still are.
        ends: how headings are found; none: those of the run.
        up: axis that headings turn about, in 3D.
    """
    tracks = _tracks(given)
    found = []
    for source in run.sources:
        about = _course(source)
        track = _find(source.name, about, tracks, named=not given)
        if ends is not None:
            found.append(align.align(track, ends))
        else:
            found.append(_headed(track, about, up))
    return found


def has_poses(run: Run) -> bool:
    """Tell whether the poses that a run names are still where they were."""
    known = (_course(source) for source in run.sources)
    return all(
        about is not None
        and "heading" in about
        and Path(about.attrs.get("poses", "?")).exists()
        for about in known
    )


def _states(path: Path) -> int:
    """Return the number of labels that a model has, as far as its files say it."""
    if path.suffix != ".nc":
        return 0
    with xr.open_dataset(path, engine="h5netcdf") as file:
        return int(file.sizes.get("syllable_index", 0))


def _course(source: Source) -> xr.Dataset | None:
    """Return what a run knows of a recording beside its labels."""
    if source.path.suffix != ".nc":
        return None
    with xr.open_dataset(source.path, engine="h5netcdf") as file:
        wanted = [name for name in ("centroid", "heading") if name in file]
        return file[wanted].load()


def _tracks(given: Sequence[Path]) -> dict[str, Track]:
    """Return all animals of pose files by their plain names."""
    found: dict[str, Track] = {}
    for path in syllable_inputs.expand(list(given), (".nc",)) if given else ():
        for track in core_tracks.tracks(io_poses.read_positions(path), path.stem):
            found[_plain(track.name)] = track
    return found


def _find(
    name: str, about: xr.Dataset | None, tracks: dict[str, Track], *, named: bool
) -> Track:
    """Return the poses of a recording, under its name."""
    if named and about is not None and "poses" in about.attrs:
        tracks = _tracks([Path(str(about.attrs["poses"]))])
    track = tracks.get(_plain(name))
    if track is None:
        told = f"; there are {', '.join(sorted(tracks)[:4])}" if tracks else ""
        raise InputError(f"recording {name!r} has no poses{told}; give them with --poses")
    return track._replace(name=name)


def _headed(track: Track, about: xr.Dataset | None, up: str) -> Aligned:
    """Bring a track into the frame that the run found."""
    if about is None or not {"centroid", "heading"} <= set(about):
        raise InputError(
            f"the labels of {track.name!r} say no headings; give --anterior and --posterior"
        )
    centroid, heading = (
        about[name].values.astype(np.float64) for name in ("centroid", "heading")
    )
    if len(heading) != len(track.xy):
        raise InputError(
            f"recording {track.name!r} has {len(heading)} labels but {len(track.xy)} frames "
            "of poses; give the poses that the labels were made of"
        )
    axes = align.plane(track.xy.shape[2], up)
    own = align.rotate(track.xy - centroid[:, None], -heading, axes)
    turned = np.zeros(len(heading), bool)
    return Aligned(track._replace(xy=own), centroid, heading, turned, up)


def _plain(name: str) -> str:
    return _SIGNS.sub("-", name.casefold())

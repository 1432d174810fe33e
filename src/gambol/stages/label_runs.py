"""Labels of a run with what a person decided about them, and the poses they were made of."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr

from gambol.behavior import align, label_map
from gambol.behavior.align import AlignSettings, Placed
from gambol.behavior.label_map import Applied
from gambol.core.errors import InputError
from gambol.core.label_map import LabelMap
from gambol.core.sequences import Sequences
from gambol.core.tracks import Track
from gambol.io import poses as io_poses
from gambol.io import syllables
from gambol.io.syllables import Source
from gambol.stages import decisions, movie_sources, syllable_inputs

LEAST = 0.2  # confidence of keypoints in pictures, as in movies (`MovieSettings`)
ON_THE_WAY = 0  # number that frames of a map have between its regions
_SIGNS = re.compile(r"[^0-9a-z]+")


class Run(NamedTuple):
    """Labels of recordings."""

    folder: Path
    sequences: Sequences  # of the model
    sources: tuple[Source, ...]
    map_path: Path  # of the label map, whether there is one or not
    label_map: LabelMap  # without decisions if there is none
    applied: Applied  # the labels that every figure and export shows
    between: np.ndarray | None = None  # (T,) bool, of a map: seen on the way between labels

    @property
    def seen(self) -> Sequences:
        """Labels after the label map, with `ON_THE_WAY` where the animal is."""
        return with_ways(self.applied.sequences, self.between)

    @property
    def ordered(self) -> Sequences:
        """Labels after the label map, one after the other whatever way lies between."""
        return without_ways(self.applied.sequences, self.between)


def with_ways(seq: Sequences, between: np.ndarray | None) -> Sequences:
    """Return labels with a number on the way between them, so that bouts begin and end."""
    if between is None:
        return seq
    return seq._replace(
        values=np.where(between, ON_THE_WAY, seq.values).astype(seq.values.dtype),
        valid=seq.valid | between,
    )


def without_ways(seq: Sequences, between: np.ndarray | None) -> Sequences:
    """Return labels without the frames between, so that one follows the other."""
    if between is None:
        return seq
    before = np.concatenate([[0], np.cumsum(~between)])
    return seq._replace(
        values=seq.values[~between], valid=seq.valid[~between], offsets=before[seq.offsets]
    )


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
        label: column, dataset or variable of the labels; `region` or `stay` of a map, where 0
            is none; the `syllable` of a map is `stay`.
        given: a label map in another place than beside the labels.
    """
    label = movie_sources.meant(source, label)
    folder = movie_sources.folder(source, label)
    found = syllables.read([folder], fps, label=label)
    seq, between = found.sequences, None
    if label in movie_sources.OUTSIDE:
        none = movie_sources.OUTSIDE[label]
        between = seq.valid & (seq.values == none)
        seq = seq._replace(valid=seq.valid & ~between)
    size = max(seq.size, _states(found.sources[0].path))
    seq = seq._replace(size=size)
    path, decided = decisions.held(source, given)
    held = decided or LabelMap(size, decisions.model(source))
    return Run(source, seq, found.sources, path, held, label_map.apply(held, seq), between)


class Poses:
    """Poses of all recordings, seen from their animals; read when they are walked through."""

    def __init__(
        self, run: Run, given: Sequence[Path], ends: AlignSettings | None = None, up: str = "z"
    ) -> None:
        """Look for the poses.

        Args:
            run: labels.
            given: pose files; none: those that the run names, where they still are.
            ends: how headings are found; none: those of the run.
            up: axis that headings turn about, in 3D.
        """
        self._sources, self._ends, self._up = run.sources, ends, up
        known = _animals(given)
        self._places = {
            source.name: _find(source, known, named=not given) for source in run.sources
        }

    def __len__(self) -> int:
        return len(self._sources)

    def __iter__(self) -> Iterator[Placed]:
        """Yield one recording after another; those of one file follow each other."""
        for source in sorted(self._sources, key=lambda s: str(self._places[s.name].path)):
            place = self._places[source.name]
            track = io_poses.read_track(place.path, place.animal, source.name, LEAST)
            if self._ends is not None:
                yield align.place(track, self._ends)
            else:
                yield _headed(track, _course(source), self._up)
            del track


class _Place(NamedTuple):
    path: Path
    animal: int  # its place among the individuals


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


def _animals(given: Sequence[Path]) -> dict[str, _Place]:
    """Return where all animals of pose files are, by their plain names."""
    found: dict[str, _Place] = {}
    for path in syllable_inputs.expand(list(given), (".nc",)) if given else ():
        for n, name in enumerate(io_poses.names_of_animals(path)):
            found[_plain(name)] = _Place(path, n)
    return found


def _find(source: Source, known: dict[str, _Place], *, named: bool) -> _Place:
    """Return where the poses of a recording are, under its name."""
    about = _course(source)
    if named and about is not None and "poses" in about.attrs:
        known = _animals([Path(str(about.attrs["poses"]))])
    place = known.get(_plain(source.name))
    if place is None:
        told = f"; there are {', '.join(sorted(known)[:4])}" if known else ""
        raise InputError(
            f"recording {source.name!r} has no poses{told}; give them with --poses"
        )
    return place


def _headed(track: Track, about: xr.Dataset | None, up: str) -> Placed:
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
    return Placed(track, centroid, heading, up)


def _plain(name: str) -> str:
    return _SIGNS.sub("-", name.casefold())

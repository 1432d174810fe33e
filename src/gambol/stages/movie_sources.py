"""What can be filmed: bouts of labels, map regions or an ethogram, with their films and poses.

A subject is one animal of one recording. Its video and its poses are found by the name of the
recording; an animal of several is named after it: `day1/anna`, also written `day1_anna`.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from gambol.behavior import instances, label_map
from gambol.behavior.instances import Pool
from gambol.behavior.sequences import Bouts
from gambol.core.errors import InputError
from gambol.core.ethogram import Ethogram
from gambol.core.label_map import LabelMap
from gambol.core.sequences import Sequences, lengths
from gambol.io import ethogram as io_ethogram
from gambol.io import store, syllable_csv, syllable_places, syllables
from gambol.io.syllables import Source
from gambol.stages import decisions as decided

# where runs keep the labels of recordings, by the name of the label
FOLDERS = {"syllable": "syllables", "state": "states"}
OUTSIDE = {"region": 0, "stay": 0}  # labels that are none
_ETHOGRAMS = (".boris", ".annot", ".nwb")
_BETWEEN = re.compile(r"[^0-9a-z]+")


class Subject(NamedTuple):
    """One animal of one recording, and where it can be seen."""

    name: str
    frames: int  # of the labels
    fps: float
    source: Source | None  # of the labels; may say where the animal is
    video: Path | None
    poses: Path | None
    animal: int  # its place among the individuals of the poses; -1: none in particular


class Material(NamedTuple):
    """All bouts, and who shows them."""

    pool: Pool  # recordings are the subjects
    subjects: tuple[Subject, ...]
    names: dict[int, str]  # of the labels that have frames
    usage: dict[int, float]  # share of labelled frames
    sequences: Sequences | None  # labels of frames, where they exclude each other
    kind: str  # what a label is: syllable, state, region or behaviour
    inputs: tuple[Path, ...]  # all files but videos


class _Posed(NamedTuple):
    path: Path
    animals: tuple[str, ...]


def read(
    sources: list[Path],
    *,
    label: str = "syllable",
    fps: float | None = None,
    videos: Path | None = None,
    poses: list[Path] | None = None,
    decisions: Path | None = None,
) -> Material:
    """Find out what there is.

    Args:
        sources: a run, files, folders or patterns of labels; or one ethogram.
        label: column, dataset or variable of the labels.
        fps: frames a second, where files do not say it.
        videos: folder of the videos, if not beside the labels or poses.
        poses: pose files or folders of them.
        decisions: a label map; without it that of the run, if there is one.
    """
    if not sources:
        raise InputError("no recordings were given; give files, a folder or a pattern")
    posed = _posed(poses or [])
    if len(sources) == 1 and is_ethogram(sources[0], label):
        found = io_ethogram.read(sources[0], fps=fps).ethogram
        return _of_ethogram(found, sources[0], fps, videos, posed)
    label = meant(sources[0], label)
    folders = [folder(path, label) for path in sources]
    read = syllables.read(folders, fps, label=label, videos=videos)
    path, held = _decided(folders, decisions)
    made = label_map.apply(held, read.sequences)
    seq, names = made.sequences, made.names
    subjects = []
    for source, frames in zip(read.sources, lengths(seq).tolist(), strict=True):
        subjects.append(_subject(source, frames, seq.fps, posed, videos))
    used = np.bincount(seq.values[seq.valid], minlength=seq.size)
    if label in OUTSIDE:  # seen, so that what follows has an onset, but nothing to show
        used[OUTSIDE[label]] = 0
    inputs = [source.path for source in read.sources]
    inputs += [one.poses for one in subjects if one.poses is not None]
    return Material(
        instances.pool(seq), tuple(subjects),
        {k: names[k] for k in np.flatnonzero(used).tolist()},
        {k: float(used[k] / used.sum()) for k in np.flatnonzero(used).tolist()},
        seq, label, (*dict.fromkeys(inputs), *([path] if path.exists() else [])),
    )  # fmt: skip


def _decided(folders: list[Path], given: Path | None) -> tuple[Path, LabelMap | None]:
    """Return the label map that is given, or the one of all that is filmed."""
    if given is not None:
        return decided.held(folders[0], given)
    return decided.about(folders) or decided.held(folders[0])


def is_ethogram(path: Path, label: str) -> bool:
    """Tell whether a file is an ethogram and no table of labels."""
    kind = path.suffix.lower()
    if kind in _ETHOGRAMS:
        return True
    if kind not in syllables.TEXT or not path.is_file():
        return False
    return syllable_csv.find(syllable_csv.look(path, label).names, label) is None


def meant(path: Path, label: str) -> str:
    """Return what labels are called: the syllables of a map are its stays."""
    inside = path.name == "places" or (path / "places").is_dir()
    is_map = inside and not (path / "syllables").is_dir()
    return "stay" if is_map and label == "syllable" else label


def folder(path: Path, label: str) -> Path:
    """Return where the labels of a run lie; other paths as they are."""
    inside = path / FOLDERS.get(label, "")
    return inside if label in FOLDERS and inside.is_dir() else path


def _subject(
    source: Source, frames: int, fps: float, posed: list[_Posed], videos: Path | None
) -> Subject:
    """Find video and poses of a recording: those given, else those that its run names."""
    origin = syllable_places.read_origin(source)
    film, animal = _find(source.name, "", posed)
    if film is None and origin.recording:
        film, animal = _find(origin.recording, origin.individual, posed)
    if film is None and origin.poses is not None and not posed:
        film, animal = _find(origin.poses.stem, origin.individual, _posed([origin.poses]))
    video = source.video or _video(source.name, film, videos)
    return Subject(source.name, frames, fps, source, video or origin.video, film, animal)


def _of_ethogram(
    found: Ethogram, path: Path, fps: float | None, videos: Path | None, posed: list[_Posed]
) -> Material:
    """Take the bouts of an ethogram, which may overlap."""
    bouts = found.bouts[(found.bouts["start_frame"] >= 0) & (found.bouts["stop_frame"] > 0)]
    if not len(bouts):
        raise InputError(
            f"{path} has no bout with frames; give fps, the frames a second of the video"
        )
    pairs = sorted(set(zip(bouts["recording"], bouts["subject"], strict=True)))
    clocks = found.recordings.set_index("recording")
    words = [w for w in found.scheme["label"] if w in set(bouts["label"])]
    subjects = []
    for name, animal in pairs:
        own = bouts[bouts["recording"] == name]
        rate = float(clocks.loc[name, "fps"]) if np.isfinite(clocks.loc[name, "fps"]) else fps
        if rate is None:
            raise InputError(f"{path}: {name!r} does not say its frames a second; give fps")
        frames = max(int(clocks.loc[name, "frames"]), int(own["stop_frame"].max()))
        film, place = _find(name, animal, posed)
        subjects.append(Subject(
            f"{name}/{animal}" if animal else name, frames, rate, None,
            _video(name, film, videos or path.parent), film, place,
        ))  # fmt: skip
    pool = _pool(bouts, found.observed, pairs, words, subjects)
    share = np.bincount(pool.bouts.label, pool.bouts.stop - pool.bouts.start, len(words))
    total = sum(subject.frames for subject in subjects)
    return Material(
        pool, tuple(subjects), dict(enumerate(words)),
        {k: float(share[k] / total) for k in range(len(words))}, None, "behaviour",
        (path, *(p.path for p in posed)),
    )  # fmt: skip


def _pool(
    bouts: pd.DataFrame,
    observed: pd.DataFrame,
    pairs: list[tuple[str, str]],
    words: list[str],
    subjects: list[Subject],
) -> Pool:
    """Return bouts of an ethogram, censored where they touch an end of what was observed."""
    place = {pair: r for r, pair in enumerate(pairs)}
    key = zip(bouts["recording"], bouts["subject"], strict=True)
    recording = np.array([place[pair] for pair in key], np.int64)
    label = np.array([words.index(word) for word in bouts["label"]], np.int64)
    start, stop = (bouts[c].to_numpy(np.int64) for c in ("start_frame", "stop_frame"))
    frames = np.array([subject.frames for subject in subjects], np.int64)
    begins, ends = start == 0, stop == frames[recording]
    for row in observed.itertuples():
        mine = (bouts["recording"] == row.recording).to_numpy()
        begins |= mine & (start == row.start_frame)
        ends |= mine & (stop == row.stop_frame)
    order = np.lexsort((start, recording))
    columns = (recording, label, start, stop, begins, ends)
    return Pool(
        Bouts(*(column[order] for column in columns)),
        tuple(subject.name for subject in subjects), frames,
        np.array([subject.fps for subject in subjects]),
    )  # fmt: skip


def _posed(paths: Iterable[Path]) -> list[_Posed]:
    """Look into the heads of pose files."""
    found = []
    for path in paths:
        inside = sorted(path.glob("*.nc")) if path.is_dir() else [path]
        if not inside:
            raise InputError(f"{path} holds no pose files (.nc); give another folder")
        for file in inside:
            try:
                with xr.open_dataset(store.require_file(file), engine="h5netcdf") as head:
                    names = tuple(str(name) for name in head["individuals"].values)
            except (OSError, KeyError) as error:
                raise InputError(f"{file} is no pose file; give those of gambol") from error
            found.append(_Posed(file, names))
    return found


def _find(name: str, animal: str, posed: list[_Posed]) -> tuple[Path | None, int]:
    """Return the pose file of an animal, and its place in it."""
    for file in posed:
        stem = file.path.stem
        if animal and _alike(stem, name):
            place = [k for k, one in enumerate(file.animals) if _alike(one, animal)]
            return file.path, place[0] if place else -1
        if _alike(stem, name):
            return file.path, 0 if len(file.animals) == 1 else -1
        for k, one in enumerate(file.animals):
            if _alike(f"{stem}/{one}", name):
                return file.path, k
    return None, -1


def _alike(one: str, other: str) -> bool:
    """Tell whether two names differ in signs and case only."""
    return _BETWEEN.sub("-", one.casefold()) == _BETWEEN.sub("-", other.casefold())


def _video(name: str, poses: Path | None, folder: Path | None) -> Path | None:
    """Return the video of a recording, by its name or that of its poses."""
    stems = [Path(name).name, name.split("/")[0], *([poses.stem] if poses is not None else [])]
    places = [folder] if folder is not None else []
    places += [poses.parent] if poses is not None else []
    for place in places:
        for stem in stems:
            for suffix in syllables.VIDEOS:
                for spelled in (suffix, suffix.upper()):
                    path = place / f"{stem}{spelled}"
                    if path.is_file():
                        return path
    return None

"""What jobs of behaviour do: a map, syllables, states.

A map and syllables are made of the newest poses of the project: tracks where animals were
tracked, else predictions; states are made of the newest syllables. Importing this imports no
stage.
"""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gambol.app import job_files
from gambol.core.errors import InputError

if TYPE_CHECKING:
    from gambol.app.job_stages import Work

POSED = ("track", "predict")  # stages whose runs hold poses of whole films


def behaviour_map(work: "Work") -> dict[str, Any]:
    """Fit a map of movements and place every frame on it."""
    from gambol.kernels import wavelet
    from gambol.stages import map as stage

    cfg = work.config(stage.MapConfig)
    if "movies" not in work.asked.config:
        cfg = cfg.model_copy(update={"movies": None})  # the page shows clips of all regions
    files = poses(work.project)
    reach = float(wavelet.reach(cfg.wavelets.f_min, cfg.wavelets.omega0))
    enough(files, 2 * reach, "a map")
    told = stage.run(cfg, files, work.out, progress=work.progress)
    for sentence in told.remarks:
        work.say(sentence)
    return {"recordings": told.recordings, "frames": told.frames, "labels": told.regions}


def syllables(work: "Work") -> dict[str, Any]:
    """Fit syllables; head and rear are guessed by names of keypoints unless they are said."""
    from gambol.stages import syllables as stage

    cfg, files = work.config(stage.SyllablesConfig), poses(work.project)
    told = stage.run(cfg, files, work.out, progress=work.progress)
    for sentence in told.remarks:
        work.say(sentence)
    return {
        "recordings": told.recordings, "frames": told.frames, "labels": told.syllables_used,
    }  # fmt: skip


def states(work: "Work") -> dict[str, Any]:
    """Find states of seconds in which syllables follow each other alike."""
    from gambol.stages import states as stage

    found = made(work.project, "syllables")
    if found is None:
        raise InputError(f"{work.project} has no syllables yet; start them first")
    told = stage.run(work.config(stage.StatesConfig), [found], work.out, progress=work.progress)
    return {"labels": told.n_states}


def poses(project: Path) -> list[Path]:
    """Return the files of the newest poses of whole films.

    Raises:
        InputError: there are none.
    """
    for folder in _newest_first(project):
        asked = job_files.asked(folder)
        files = sorted((folder / "out").glob("*.nc"))
        if asked.stage in POSED and files and _done(folder):
            return files
    loose = sorted((project / "runs" / "poses").glob("*.nc"))
    if not loose:
        raise InputError(f"{project} has no poses of whole films yet; predict them first")
    return loose


def enough(files: list[Path], seconds: float, what: str) -> None:
    """Refuse recordings that are all too short.

    Raises:
        InputError: says how many frames are needed.
    """
    import h5py
    import numpy as np

    longest, name, needed = 0, "", 1
    for path in files:
        with h5py.File(path, "r") as held:
            frames, fps = len(held["position"]), float(np.asarray(held.attrs["fps"]).item())
        if frames >= longest:
            longest, name, needed = frames, path.stem, math.ceil(seconds * fps) + 1
    if longest < needed:
        raise InputError(
            f"{name}, the longest recording, has {longest} frames; {what} needs at least "
            f"{needed}: predict a longer film"
        )


def made(project: Path, kind: str) -> Path | None:
    """Return the newest folder below `runs` with labels of a kind; None: there is none."""
    found = [place.parent for place in (project / "runs").glob(f"**/{kind}")
             if place.is_dir() and any(place.glob("*.nc"))]  # fmt: skip
    return max(found, key=lambda folder: folder.stat().st_mtime_ns, default=None)


def _newest_first(project: Path) -> list[Path]:
    begun = [path.parent for path in (project / "runs").glob("*/job.json")]
    return sorted(begun, key=lambda folder: -job_files.asked(folder).number)


def _done(folder: Path) -> bool:
    told = job_files.status(folder)
    return told is not None and told.state == "done"

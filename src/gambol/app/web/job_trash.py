"""Deleted runs, which wait in `runs/.trash` for 30 days, and how much room all runs take."""

import contextlib
import os
import shutil
import time
from pathlib import Path

from gambol.app.web.models import Disk, RunSize

KEPT_S = 30 * 86_400.0


def place(runs: Path) -> Path:
    """Return the folder of deleted runs."""
    return runs / ".trash"


def discard(run: Path) -> Path:
    """Move a run away; return where it waits."""
    trash = place(run.parent)
    trash.mkdir(exist_ok=True)
    target, number = trash / run.name, 1
    while target.exists():
        number += 1
        target = trash / f"{run.name}.{number}"
    os.replace(run, target)
    os.utime(target)  # from now on it waits
    return target


def purge(runs: Path, older_s: float = KEPT_S) -> None:
    """Remove runs for good that were deleted long ago."""
    now = time.time()
    for run in _folders(place(runs)):
        with contextlib.suppress(OSError):
            if now - run.stat().st_mtime >= older_s:
                shutil.rmtree(run, ignore_errors=True)


def numbers(runs: Path, stage: str) -> list[int]:
    """Return the numbers that runs of a stage have or had; they are not given again."""
    said = [run.name for run in (*_folders(runs), *_folders(place(runs)))]
    words = [name.removeprefix(f"{stage}-").partition(".")[0] for name in said
             if name.startswith(f"{stage}-")]  # fmt: skip
    return [int(word) for word in words if word.isdecimal()]


def disk(runs: Path) -> Disk:
    """Return what runs take, the largest first, and what is free where they lie."""
    there = runs if runs.is_dir() else runs.parent
    room = shutil.disk_usage(there)
    sizes = [RunSize(id=run.name, bytes=_size(run)) for run in _folders(runs)]
    return Disk(
        free=room.free,
        total=room.total,
        trash=_size(place(runs)),
        runs=sorted(sizes, key=lambda one: -one.bytes),
    )


def _folders(folder: Path) -> list[Path]:
    try:
        inside = sorted(folder.iterdir())
    except OSError:
        return []
    return [one for one in inside if one.is_dir() and not one.name.startswith(".")]


def _size(folder: Path) -> int:
    """Return the bytes of all files below a folder; links count as nothing."""
    total = 0
    for at, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                found = os.lstat(os.path.join(at, name))
                total += found.st_size
    return total

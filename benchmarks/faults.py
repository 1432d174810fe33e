"""A thousand films through `gambol run`, with everything that goes wrong in a lab's night.

Films are damaged in three ways, one is read from a pipe that never says anything, processes are
killed at random, and the disk of the poses is full before half of them lie there.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import load, openfield
from benchmarks.load import GAMBOL, Killer, films, fresh, predict, same
from benchmarks.record import budget, data, record

FILMS, KILLS = budget(1000, 20), budget(20, 1)
PATIENCE_S = 15.0
FULL, FULL_S = "the disk is full", 20.0  # until somebody makes room
LITTLE = 2**16  # bytes; a film's poses take nearly as many
SAME = 5  # tables that are made again to compare


def run() -> None:
    """Go on until what can be done is done; nothing may be lost, doubled or differ."""
    if data("mouse_openfield") is None or os.geteuid() != 0:  # root mounts the small disk
        return
    trained, place = openfield.network(), fresh("faults")
    every = list(films(place / "films", FILMS))
    bad = _spoil(every)
    well = [film for film in every if film.stem not in bad]
    predict(trained, well, place / "calm", 2)
    file = place / "night.yaml"
    file.write_text(
        f"recordings: films/*.mp4\npatience_s: {PATIENCE_S:g}\nsteps:\n"
        f"  poses: predict {trained} {{path}} --out poses\n"
        "  table: export poses/{name}.nc tables/{name}.csv --to csv\n"
    )
    size = sum(path.stat().st_size for path in (place / "calm").iterdir())
    with _disk(place / "poses", size // 2):
        killer = Killer(str(file), KILLS)
        killer.start()
        starts, told = _until_done(file, bad)
        killer.stop()
        same(place / "calm", place / "poses")
    full = _check(place, told, bad)
    record(
        "scale.night_survived",
        killer.did,
        "processes",
        data=f"{FILMS} films of {load.FRAMES} frames, {load.SIZE[0]}×{load.SIZE[1]}",
        goal="report",
        note="gambol run --workers 2, predict and export: its own process and those that it "
        f"started killed at random, started {starts} times; three films damaged, one that "
        f"hangs, a disk that was full for {full} commands; every other "
        "film done once, the same bit for bit as without trouble, the four named with their "
        f"reasons; a process took {killer.most_mb:.0f} MB at most",
    )


def _spoil(every: list[Path]) -> dict[str, str]:
    """Damage four films; return what is to be said of each."""
    step = len(every) // 5
    cut, empty, text, pipe = every[step : 5 * step : step]
    os.truncate(cut, cut.stat().st_size // 2)
    os.truncate(empty, 0)
    text.write_text("no film")
    pipe.unlink()
    os.mkfifo(pipe)
    said = f"it said nothing for {PATIENCE_S:g} s"
    return {cut.stem: cut.name, empty.stem: empty.name, text.stem: text.name, pipe.stem: said}


@contextmanager
def _disk(place: Path, size: int) -> Iterator[None]:
    """Mount a disk of so many bytes; when it has been full for a while, somebody makes room."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    subprocess.run(mount, check=True)
    left = threading.Event()

    def watch() -> None:
        while shutil.disk_usage(place).free > LITTLE and not left.wait(1.0):
            pass
        if not left.wait(FULL_S):
            subprocess.run(["mount", "-o", "remount,size=4g", str(place)], check=True)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        left.set()
        watcher.join()
        subprocess.run(["umount", str(place)], check=True)


def _until_done(file: Path, bad: dict[str, str]) -> tuple[int, Any]:
    """Start it until only what is bad is missing; return how often, and what it says then."""
    starts = 0
    while True:
        starts += 1
        child = subprocess.run(
            [GAMBOL, "run", str(file), "--workers", "2", "--json"],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        if child.returncode < 0:
            continue
        told = json.loads(child.stdout)
        failed = {
            one["recording"]: one["why"] for one in told["troubles"] if one["state"] == "failed"
        }
        if set(failed) == set(bad):
            return starts, told
        others = [why for name, why in failed.items() if name not in bad]
        if not others or not all(FULL in why for why in others):
            sys.exit(f"{others[:3]}: that was not the disk")


def _check(place: Path, told: Any, bad: dict[str, str]) -> int:
    """End unless each film was done once, and each bad one is named with its reason.

    Returns:
        how many commands failed because the disk was full.
    """
    for one in told["troubles"]:
        if one["state"] == "failed" and bad[one["recording"]] not in one["why"]:
            sys.exit(
                f"{one['recording']}: {one['why']!r} does not say {bad[one['recording']]!r}"
            )
    lines = [
        json.loads(line)
        for file in (place / ".night.run").glob("done-*.jsonl")
        for line in file.read_text().splitlines()
    ]
    done = Counter((one["step"], one["recording"]) for one in lines if not one["trouble"])
    if len(done) != 2 * (FILMS - len(bad)) or set(done.values()) != {1}:
        sys.exit(f"{len(done)} steps done, at most {max(done.values())} times")
    tables = sorted(path.name for path in (place / "tables").iterdir())
    if tables != sorted(path.with_suffix(".csv").name for path in (place / "calm").iterdir()):
        sys.exit(f"{len(tables)} tables: something is missing or left over")
    for name in tables[:: len(tables) // SAME]:
        table = place / name
        words = ["export", str(place / "calm" / table.stem) + ".nc", str(table), "--to", "csv"]
        subprocess.run([GAMBOL, *words], check=True, stdout=subprocess.DEVNULL)
        if table.read_bytes() != (place / "tables" / name).read_bytes():
            sys.exit(f"{name} differs")
    return sum(FULL in (one["trouble"] or "") for one in lines)

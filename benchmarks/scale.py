"""What sharing out costs: two processes against one, ten thousand chunks, kills."""

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks import openfield
from benchmarks.record import WORK, budget, data, record
from gambol.app import pipeline_file, pipeline_run
from gambol.app.pipeline_jobs import Ended
from gambol.app.pipeline_record import Record
from gambol.app.pipeline_run import Wanted
from gambol.io import poses as io_poses
from gambol.io.video import VideoWriter

CLIPS = budget(24, 1)  # times the film: half an hour
CHUNKS, PLACES, CHUNK_S = budget(10_000, 200), 100, 2.0  # s of a shard of 256 frames
FILMS, KILLS = budget(1000, 20), budget(20, 2)
SIZE, FRAMES = (160, 120), 20


def run() -> None:
    """Measure all."""
    for part in PARTS.values():
        part()


def efficiency() -> None:
    """Predict the same films by one process on one core, and by two on two."""
    source = data("mouse_openfield")
    if source is None:
        return
    trained, video = openfield.network(), source / "videos" / "m3v1mp4.mp4"
    place = _fresh("efficiency")
    clips = [place / f"clip{n}{video.suffix}" for n in range(CLIPS)]
    for clip in clips:
        clip.symlink_to(video)
    fps = {}
    for workers in (1, 2):
        start = time.monotonic()
        told = _predict(trained, clips, place / str(workers), workers)
        frames = sum(one["frames"] for one in told["videos"])
        fps[workers] = frames / (time.monotonic() - start)
    _same(place / "1", place / "2")
    one, two = fps[1], fps[2]
    record(
        "scale.efficiency_2",
        two / one / 2,
        "share",
        data=f"mouse_openfield/videos/m3v1mp4.mp4, {CLIPS} times: {frames} frames",
        goal="≥ 0.9",
        met=two / one / 2 >= 0.9,
        note=f"gambol predict on one core: {one:.0f} frames/s, --workers 2 on two: {two:.0f}; "
        "whole commands, with starting and joining; the same poses bit for bit",
    )


def overhead() -> None:
    """Go through ten thousand chunks of simulated work on a hundred places of Dask."""
    from distributed import Client, LocalCluster

    place = _fresh("overhead")
    names = "\n".join(f"  c{number:05d}: x" for number in range(CHUNKS))
    file = place / "chunks.yaml"
    file.write_text(f"recordings:\n{names}\nsteps:\n  work: info {{path}}\n")
    known = pipeline_file.read(file)
    wanted = Wanted(frozenset(["work"]), frozenset(one.name for one in known.recordings))
    with (
        LocalCluster(n_workers=1, threads_per_worker=PLACES, dashboard_address=None) as local,
        Client(local, set_as_default=False) as client,
    ):

        def work(words: Any, key: Any) -> Ended:
            client.submit(time.sleep, CHUNK_S, pure=False).result()
            return Ended({}, None, CHUNK_S)

        start = time.monotonic()
        found = pipeline_run.go(known, Record(place / "record"), wanted, work, PLACES * 3 // 2)
        wall = time.monotonic() - start
    if {one.state for one in found} != {"done"} or len(found) != CHUNKS:
        sys.exit("not every chunk was done once")
    ideal = CHUNKS * CHUNK_S / PLACES
    record(
        "scale.overhead_10k",
        wall / ideal - 1,
        "share",
        data=f"{CHUNKS} chunks of {CHUNK_S:g} s of simulated work",
        goal="< 0.02",
        met=wall / ideal < 1.02,
        note=f"{wall:.1f} s where {PLACES} places of Dask could do it in {ideal:.1f} s; every "
        "chunk is written down on the disk when it is done",
    )


def kills() -> None:
    """Predict a thousand films while processes are killed; nothing may be lost or differ."""
    if data("mouse_openfield") is None:
        return
    trained = openfield.network()
    place = _fresh("kills")
    films = list(_films(place / "films"))
    _predict(trained, films, place / "calm", 2)
    killer = _Killer(place)
    killer.start()
    starts, status = 0, 1
    while status:
        child = _command(trained, films, place / "killed", 2)
        child.communicate()
        starts, status = starts + 1, child.returncode
    killer.stop()
    _same(place / "calm", place / "killed")
    left = sorted(path.name for path in place.iterdir())
    if left != ["calm", "films", "killed"]:
        sys.exit(f"{left}: something is left over")
    record(
        "scale.kills_survived",
        killer.did,
        "processes",
        data=f"{FILMS} films of {FRAMES} frames, {SIZE[0]}×{SIZE[1]}",
        goal="report",
        note="gambol predict --workers 2, its own process and those that it started killed "
        f"at random, started {starts} times; every film done once, the same poses bit for bit "
        f"as without kills; a process took {killer.most_mb:.0f} MB at most",
    )


PARTS = {"scale-overhead": overhead, "scale-efficiency": efficiency, "scale-kills": kills}


class _Killer(threading.Thread):
    """Kills a process of a command every few seconds."""

    def __init__(self, place: Path) -> None:
        super().__init__(daemon=True)
        self.place, self.left, self.did, self.most_mb = place, KILLS, 0, 0.0
        self._random, self._stopped = random.Random(1), threading.Event()  # noqa: S311

    def run(self) -> None:
        while not self._stopped.is_set():
            until = time.monotonic() + self._random.uniform(3, 12)
            while time.monotonic() < until and not self._stopped.wait(0.2):
                for one in self._processes():
                    with suppress(psutil.Error):
                        self.most_mb = max(self.most_mb, one.memory_info().rss / 2**20)
            some = self._processes()
            if some and self.left > 0:
                with suppress(psutil.Error):
                    self._random.choice(some).kill()
                    self.left, self.did = self.left - 1, self.did + 1

    def stop(self) -> None:
        self._stopped.set()
        self.join()

    def _processes(self) -> list[psutil.Process]:
        out = str(self.place / "killed")
        for one in psutil.process_iter(["cmdline"]):
            if out in (one.info["cmdline"] or []):
                with suppress(psutil.Error):
                    return [one, *one.children(recursive=True)]
        return []


def _films(folder: Path) -> Iterator[Path]:
    """A spot that wanders, another way in every film."""
    folder.mkdir()
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    for number in range(FILMS):
        draw = np.random.default_rng(number)
        path = folder / f"film{number:04d}.mp4"
        with VideoWriter(path, 30.0, SIZE) as writer:
            spot = draw.uniform((20, 20), (SIZE[0] - 20, SIZE[1] - 20))
            for _ in range(FRAMES):
                spot += draw.normal(0, 2, 2)
                bright = np.exp(-((x - spot[0]) ** 2 + (y - spot[1]) ** 2) / 200)
                writer.write(np.repeat((255 * bright).astype(np.uint8)[..., None], 3, 2))
        yield path


def _predict(trained: Path, films: list[Path], out: Path, workers: int) -> Any:
    """Predict, and return what is said of it."""
    child = _command(trained, films, out, workers)
    text, _ = child.communicate()
    if child.returncode:
        sys.exit(f"predict failed with status {child.returncode}")
    return json.loads(text)


def _command(
    trained: Path, films: list[Path], out: Path, workers: int
) -> subprocess.Popen[str]:
    gambol = str(Path(sys.executable).with_name("gambol"))
    words = [gambol, "predict", str(trained), *map(str, films), "--out", str(out), "--json"]
    if workers == 1:
        words = ["taskset", "-c", "0", *words, "--threads", "1"]
    else:
        words = [*words, "--workers", str(workers)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=out.parent)


def _same(one: Path, two: Path) -> None:
    """End unless two folders hold the same poses."""
    names = [sorted(path.name for path in folder.iterdir()) for folder in (one, two)]
    if names[0] != names[1]:
        sys.exit(f"{two} does not hold the files of {one}")
    for name in names[0]:
        before, after = io_poses.read(one / name), io_poses.read(two / name)
        for value in before.variables:
            if not np.array_equal(
                before[value].values, after[value].values, equal_nan=_is_number(before[value])
            ):
                sys.exit(f"{name}: {value} differs")


def _is_number(values: Any) -> bool:
    return bool(values.dtype.kind == "f")


def _fresh(name: str) -> Path:
    place = WORK / "scale" / f"{name}-{time.time_ns()}"
    place.mkdir(parents=True)
    return place.resolve()

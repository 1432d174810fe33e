"""What tests of load share: many short films, kills at random, poses compared bit for bit."""

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

from benchmarks.record import WORK
from gambol.io import poses as io_poses
from gambol.io.video import VideoWriter

SIZE, FRAMES = (160, 120), 20  # of a film
GAMBOL = str(Path(sys.executable).with_name("gambol"))


class Killer(threading.Thread):
    """Kills a process every few seconds: that of a command, or one that it started."""

    def __init__(self, word: str, kills: int) -> None:
        super().__init__(daemon=True)
        self.word, self.left, self.did, self.most_mb = word, kills, 0, 0.0
        self._random, self._stopped = random.Random(1), threading.Event()  # noqa: S311

    def run(self) -> None:
        """Kill, and look how much memory they take."""
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
        """Kill no more."""
        self._stopped.set()
        self.join()

    def _processes(self) -> list[psutil.Process]:
        for one in psutil.process_iter(["cmdline"]):
            if self.word in (one.info["cmdline"] or []):
                with suppress(psutil.Error):
                    return [one, *one.children(recursive=True)]
        return []


def films(folder: Path, many: int) -> Iterator[Path]:
    """Write films of a spot that wanders, another way in each."""
    folder.mkdir()
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    for number in range(many):
        draw = np.random.default_rng(number)
        path = folder / f"film{number:04d}.mp4"
        with VideoWriter(path, 30.0, SIZE) as writer:
            spot = draw.uniform((20, 20), (SIZE[0] - 20, SIZE[1] - 20))
            for _ in range(FRAMES):
                spot += draw.normal(0, 2, 2)
                bright = np.exp(-((x - spot[0]) ** 2 + (y - spot[1]) ** 2) / 200)
                writer.write(np.repeat((255 * bright).astype(np.uint8)[..., None], 3, 2))
        yield path


def predict(trained: Path, films: list[Path], out: Path, workers: int) -> Any:
    """Predict, and return what is said of it."""
    child = command(trained, films, out, workers)
    text, _ = child.communicate()
    if child.returncode:
        sys.exit(f"predict failed with status {child.returncode}")
    return json.loads(text)


def command(trained: Path, films: list[Path], out: Path, workers: int) -> subprocess.Popen[str]:
    """Start predicting: `--workers` of them, or one on one core."""
    words = [GAMBOL, "predict", str(trained), *map(str, films), "--out", str(out), "--json"]
    if workers == 1:
        words = ["taskset", "-c", "0", *words, "--threads", "1"]
    else:
        words = [*words, "--workers", str(workers)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=out.parent)


def same(one: Path, two: Path) -> None:
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


def fresh(name: str) -> Path:
    """Make a folder of this run."""
    place = WORK / "scale" / f"{name}-{time.time_ns()}"
    place.mkdir(parents=True)
    return place.resolve()

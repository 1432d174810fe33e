"""Statistics of groups and logs of events: how long a person waits for them."""

import csv
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.record import budget, record
from gambol.behavior import groups
from gambol.io import ethogram

ANIMALS, SYLLABLES, PERMUTATIONS = 40, 100, budget(10_000, 200)
EVENTS = budget(10_000, 400)
HEADER = (
    "Observation id", "Observation date", "Description", "Observation duration",
    "Observation type", "Source", "Media duration (s)", "FPS", "Subject", "Behavior",
    "Behavioral category", "Behavior type", "Time", "Media file name", "Image index",
    "Image file path", "Comment",
)  # fmt: skip


def run() -> None:
    """Record both."""
    _permutations()
    _events()


def _permutations() -> None:
    rng = np.random.default_rng(7)
    names = [f"r{a:02d}" for a in range(ANIMALS)]
    values = pd.DataFrame(rng.dirichlet(np.ones(SYLLABLES), ANIMALS), index=names)
    values.iloc[ANIMALS // 2 :, : SYLLABLES // 2] *= 3
    half = ["wt"] * (ANIMALS // 2) + ["ko"] * (ANIMALS - ANIMALS // 2)
    told = pd.DataFrame({"recording": names, "animal": names, "genotype": half})
    groups.value_test(values, told, "genotype", permutations=100)  # imports, compiles
    start = time.perf_counter()
    groups.value_test(values, told, "genotype", permutations=PERMUTATIONS)
    seconds = time.perf_counter() - start
    sums = 2 * 2 * ANIMALS * SYLLABLES * PERMUTATIONS / 1e9
    record(
        "groups.permutations_s", seconds, "s", goal="≤ 5", met=seconds <= 5,
        data=f"{PERMUTATIONS} permutations × {SYLLABLES} syllables × {ANIMALS} animals",
        note="Kruskal-Wallis, pairs, effects with intervals; "
        f"{sums:.2f} GFLOP in the sums of ranks of both groups",
    )  # fmt: skip


def _events() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.csv"
        _write(path)
        size = path.stat().st_size / 1e6
        ethogram.read(path)
        seconds = []
        for _ in range(3):
            start = time.perf_counter()
            found = ethogram.read(path).ethogram
            seconds.append(time.perf_counter() - start)
    best = min(seconds)
    record(
        "ethogram.boris_s", best, "s", data=f"{EVENTS} BORIS events, {size:.1f} MB of CSV",
        goal="≤ 0.2", met=best <= 0.2,
        note=f"best of 3, checked and paired to {len(found.bouts)} bouts; "
        f"{size / best:.0f} MB/s",
    )  # fmt: skip


def _write(path: Path) -> None:
    """Write a log as BORIS does since version 8: two animals, states and points."""
    rng = np.random.default_rng(0)
    rows, step = [], 0.4
    for n in range(EVENTS // 4):
        subject = ("m1", "m2")[n % 2]
        label = ("rear", "groom", "dig")[int(rng.integers(3))]
        begin = step * n
        for kind, behavior, at in (
            ("START", label, begin), ("POINT", "peep", begin + 0.05),
            ("POINT", "blink", begin + 0.1), ("STOP", label, begin + 0.2),
        ):  # fmt: skip
            rows.append((at, subject, behavior, kind))
    duration = f"{step * EVENTS / 4 + 1:.3f}"
    rows.sort(key=lambda row: row[0])
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(HEADER)
        for at, subject, behavior, kind in rows:
            out.writerow([
                "day 1", "2024-05-01 10:00:00", "", duration, "Media file(s)", "film.mp4",
                duration, "25.000", subject, behavior, "", kind, f"{at:.3f}", "film.mp4",
                round(at * 25), "NA", "",
            ])  # fmt: skip

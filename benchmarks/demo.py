"""How long `gambol demo` takes, start-up included, and how well each of its stages does."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.record import WORK, record
from gambol.stages import demo_report

DATA = "two simulated mice, 3 cameras"
SCORES = {
    "predict": (("median_px", "px"), ("oks_map", "OKS mAP")),
    "track": (("idf1", "IDF1"),),
    "calibrate": (("camera_mm", "mm"),),
    "triangulate": (("median_whoever", "mm"), ("names_kept", "share")),
    "map": (("right", "share"),),
    "syllables": (("right", "share"),),
    "states": (("right", "share"),),
}


def run() -> None:
    """Measure the full demo and the quick one, and score the full one."""
    gambol = str(Path(sys.executable).with_name("gambol"))
    for name, flags, goal in (
        ("demo.seconds", [], 600),
        ("demo.quick_seconds", ["--quick"], 120),
    ):
        out = WORK / name
        shutil.rmtree(out, ignore_errors=True)
        start = time.monotonic()
        told = subprocess.run(
            [gambol, "demo", "--out", str(out), "--json", *flags],
            capture_output=True,
            text=True,
            check=True,
        )
        seconds = time.monotonic() - start
        scores = json.loads(told.stdout)["scores"]
        record(
            name,
            seconds,
            "s",
            data=DATA,
            goal=f"≤ {goal}",
            met=seconds <= goal,
            note="; ".join(f"{name} {said}" for name, said in demo_report.sentences(scores)),
        )
        if not flags:
            _scores(scores)


def _scores(scores: dict[str, dict[str, Any]]) -> None:
    """Record a score or two of each stage."""
    for stage, metrics in SCORES.items():
        for metric, unit in metrics:
            chance = scores[stage].get("chance")
            films = scores[stage].get("in_films")
            more = (
                f"each name read as what it mostly is; the most frequent alone: {chance:.0%}; "
                f"in the films, with the same reading: {films:.0%}"
                if chance is not None and films is not None
                else ""
            )
            record(
                f"demo.{stage}.{metric}", scores[stage][metric], unit, data=DATA,
                goal="report", note=more,
            )  # fmt: skip

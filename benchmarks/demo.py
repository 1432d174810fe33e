"""How long `gambol demo` takes, start-up included."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.record import WORK, record


def run() -> None:
    """Measure the full demo and the quick one."""
    gambol = str(Path(sys.executable).with_name("gambol"))
    for name, flags, goal in (
        ("demo.seconds", [], 360),
        ("demo.quick_seconds", ["--quick"], 90),
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
        scores = json.loads(told.stdout)
        record(
            name,
            seconds,
            "s",
            data="simulated mouse",
            goal=f"≤ {goal}",
            met=seconds <= goal,
            note=f"mean error on the unseen film {scores['mean_px']:.2f} px, "
            f"{scores['coverage90']:.0%} of points in their 90 % region",
        )

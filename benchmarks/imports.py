"""How long `import gambol` and `gambol --help` take."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.record import record


def run() -> None:
    """Measure whole processes, the interpreter included."""
    gambol = str(Path(sys.executable).with_name("gambol"))
    seconds = _median([sys.executable, "-c", "import gambol"])
    record(
        "import.seconds",
        seconds,
        "s",
        data="-",
        goal="< 0.5",
        met=seconds < 0.5,
        peer="SLEAP-NN",
        peer_value=5.8,
        note=f"whole process; `gambol --help` takes {_median([gambol, '--help']):.2f} s",
    )


def _median(command: list[str]) -> float:
    times = []
    for _ in range(7):
        start = time.monotonic()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        times.append(time.monotonic() - start)
    return statistics.median(times)

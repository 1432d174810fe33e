"""Figures on disk: `results.json`, one entry a name, replaced when it is measured anew."""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gambol.io import store
from gambol.io.provenance import processor

FOLDER = Path(__file__).parent
_BENCH = Path(os.environ.get("GAMBOL_BENCH", FOLDER.parent / ".bench"))
# tries the benchmarks themselves in minutes: budgets of a few steps, figures that mean nothing
QUICK = bool(os.environ.get("GAMBOL_BENCH_QUICK"))
WORK = _BENCH / "quick" if QUICK else _BENCH
RESULTS = WORK / "results.json" if QUICK else FOLDER / "results.json"


def budget(full: int, quick: int) -> int:
    """Return a number of steps or repeats, the small one where only the code is tried."""
    return quick if QUICK else full


def data(name: str) -> Path | None:
    """Return the folder of a real recording, or None (said aloud) where it is absent."""
    root = Path(os.environ.get("GAMBOL_DATA", FOLDER.parents[1] / "shared" / "data"))
    if (root / name).is_dir():
        return root / name
    print(f"skipped: no {name} in {root}; set GAMBOL_DATA", flush=True)
    return None


def record(
    name: str,
    value: float | None,
    unit: str,
    *,
    data: str,
    goal: str | None = None,
    met: bool | None = None,
    peer: str | None = None,
    peer_value: float | None = None,
    **more: Any,
) -> None:
    """Keep a figure and print it; None is one that could not be reached."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results[name] = {
        "value": None if value is None else round(value, 4),
        "unit": unit,
        "goal": goal,
        "met": met,
        "data": data,
        "command": "python -m benchmarks " + " ".join(sys.argv[1:]),
        "machine": f"{processor()}, {os.cpu_count()} cores",
        "date": datetime.now(UTC).date().isoformat(),
        "peer": peer,
        "peer_value": peer_value,
        **more,
    }
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    store.write_json(dict(sorted(results.items())), RESULTS)
    shown = "none" if value is None else f"{value:.4g}"
    print(f"{name} = {shown} {unit}  (goal {goal}{_verdict(met)})", flush=True)


def _verdict(met: bool | None) -> str:
    return "" if met is None else ", met" if met else ", not met"

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
RESULTS = FOLDER / "results.json"
WORK = Path(os.environ.get("GAMBOL_BENCH", FOLDER.parent / ".bench"))


def data(name: str) -> Path | None:
    """Return the folder of a real recording, or None (said aloud) where it is absent."""
    root = Path(os.environ.get("GAMBOL_DATA", FOLDER.parents[1] / "shared" / "data"))
    if (root / name).is_dir():
        return root / name
    print(f"skipped: no {name} in {root}; set GAMBOL_DATA", flush=True)
    return None


def record(
    name: str,
    value: float,
    unit: str,
    *,
    data: str,
    goal: str | None = None,
    met: bool | None = None,
    peer: str | None = None,
    peer_value: float | None = None,
    **more: Any,
) -> None:
    """Keep a figure and print it."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results[name] = {
        "value": round(value, 4),
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
    store.write_json(dict(sorted(results.items())), RESULTS)
    print(f"{name} = {value:.4g} {unit}  (goal {goal}{_verdict(met)})", flush=True)


def _verdict(met: bool | None) -> str:
    return "" if met is None else ", met" if met else ", not met"

"""`docs/benchmarks.md`, made from `results.json`."""

import json
from pathlib import Path
from typing import Any

from benchmarks.record import RESULTS

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

This page is made by `make bench` from `benchmarks/results.json`; do not edit it by hand. Times
and rates hold for the machine named in the last column and for nothing else. Peers' figures
were measured on the same kind of processor core, not in the same run, unless a note says so.

| figure | value | goal | met | data | peer | machine, date |
|---|---|---|---|---|---|---|
"""


def text() -> str:
    """Return the page."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    rows = [_row(name, r) for name, r in results.items()]
    notes = [f"- `{name}`: {r['note']}" for name, r in results.items() if r.get("note")]
    return HEAD + "\n".join(rows) + "\n\n## Notes\n\n" + "\n".join(notes) + "\n"


def write() -> None:
    """Write the page."""
    PAGE.write_text(text(), encoding="utf-8")


def _row(name: str, r: dict[str, Any]) -> str:
    met = {True: "yes", False: "no", None: ""}[r["met"]]
    peer = f"{r['peer']}: {r['peer_value']:g}" if r.get("peer_value") is not None else ""
    value = "none" if r["value"] is None else f"{r['value']:g} {r['unit']}"
    if r.get("interval"):
        value += f" ({r['interval'][0]:.2f} to {r['interval'][1]:.2f})"
    machine = f"{r['machine']}, {r['date']}"
    return (
        f"| `{name}` | {value} | {r['goal'] or ''} | {met} | {r['data']} | {peer} | {machine} |"
    )

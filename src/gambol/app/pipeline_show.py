"""How a pipeline stands, for people and for machines."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gambol.app.pipeline_file import ALL, Pipeline
from gambol.app.pipeline_record import Key, log
from gambol.app.pipeline_run import Found, State

LISTED = 40  # recordings of which every step is shown
STATES: tuple[State, ...] = ("current", "done", "due", "failed", "waits")


def values(known: Pipeline, found: Sequence[Found], place: Path) -> dict[str, Any]:
    """Count the states of every step, and say what failed or waits, why, and where to read."""
    steps = {}
    for step in known.steps:
        counts = Counter(one.state for one in found if one.key.step == step.name)
        steps[step.name] = {state: counts[state] for state in STATES if counts[state]}
    troubles = [
        {
            **one.key._asdict(),
            "state": one.state,
            "why": one.why,
            "log": str(log(place, one.key)),
        }
        for one in found
        if one.state in ("failed", "waits")
    ]
    return {"steps": steps, "troubles": troubles}


def text(known: Pipeline, found: Sequence[Found], told: dict[str, Any], status: bool) -> str:
    """Show every recording where there are few, the counts of steps, and the troubles."""
    rows: list[str] = []
    names = [one.name for one in known.recordings]
    if status and len(names) <= LISTED:
        rows += [*_table(known, found), ""]
    width = max(len(name) for name in told["steps"])
    for name, counts in told["steps"].items():
        said = ", ".join(f"{n} {state}" for state, n in counts.items()) or "not asked for"
        rows.append(f"{name:{width}}  {said}")
    for one in told["troubles"]:
        if one["state"] == "failed":
            rows.append(f"{one['step']} of {one['recording']} failed: {one['why']}")
            rows.append(f"  what it said: {one['log']}")
    return "\n".join(rows)


def _table(known: Pipeline, found: Sequence[Found]) -> list[str]:
    at = {one.key: one.state for one in found}
    steps = [step.name for step in known.steps]
    everybody = [*(one.name for one in known.recordings), ALL]
    lines = [["", *steps]]
    for name in everybody:
        cells: list[str] = [at.get(Key(step, name), "") for step in steps]
        if any(cells):
            lines.append([name, *cells])
    widths = [max(len(line[k]) for line in lines) for k in range(len(lines[0]))]
    return [
        "  ".join(f"{cell:{w}}" for cell, w in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]

"""How the command line talks: progress on standard error, results on standard output."""

import io
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from gambol.core.progress import Progress, Step, silent

QUIET_S = 10.0  # seconds between two lines of progress where there is no terminal

_log_is_kept = False  # progress is written in any case


def forgive() -> None:
    """Have what a terminal or a file cannot show, such as ≤ on an old Windows, become `?`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def keep_log() -> None:
    """Write progress in this process beside JSON, too: who started it hears that it goes on."""
    global _log_is_kept
    _log_is_kept = True


def say(text: str) -> None:
    """Tell a person something that is not the result."""
    print(text, file=sys.stderr, flush=True)


def result(
    values: dict[str, Any], as_json: bool, show: Callable[[dict[str, Any]], str]
) -> None:
    """Print the result: JSON for machines, a few lines for people."""
    print(json.dumps(plain(values), indent=1) if as_json else show(values))


def plain(value: Any) -> Any:
    """Turn values into what JSON holds; NaN becomes null."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def lines(values: dict[str, Any]) -> str:
    """Show a result as `name: value` lines."""
    rows = []
    for name, value in values.items():
        if isinstance(value, list | tuple):
            rows += [f"{name}: {item}" for item in value] or [f"{name}: none"]
        elif isinstance(value, dict):
            rows += [f"{name}.{key}: {item}" for key, item in value.items()]
        else:
            rows.append(f"{name}: {value}")
    return "\n".join(rows)


@contextmanager
def reporting(quiet: bool) -> Iterator[Progress]:
    """Give a progress that draws a bar with rate and time left, or writes sparse lines."""
    if _log_is_kept:
        yield _lines()
    elif quiet:
        yield silent
    elif sys.stderr.isatty():
        with _bar() as progress:
            yield progress
    else:
        yield _lines()


@contextmanager
def _bar() -> Iterator[Progress]:
    from rich import progress as rich_progress
    from rich.console import Console

    columns = (
        rich_progress.TextColumn("{task.description}"),
        rich_progress.BarColumn(),
        rich_progress.TaskProgressColumn(),
        rich_progress.TimeRemainingColumn(),
        rich_progress.TextColumn("{task.fields[item]}"),
    )
    with rich_progress.Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, Any] = {}

        def show(step: Step) -> None:
            key = f"{step.stage} {step.item}" if step.stage == "predict" else step.stage
            if key not in tasks:
                tasks[key] = bars.add_task(step.stage, total=step.total, item="")
            bars.update(tasks[key], completed=step.done, total=step.total, item=step.item)

        yield show


def _lines() -> Progress:
    said: dict[str, tuple[float, int]] = {}  # when and at what count each stage was begun
    last = [0.0]

    def show(step: Step) -> None:
        now = time.monotonic()
        began, count = said.setdefault(step.stage, (now, step.done))
        if step.done < step.total and now - last[0] < QUIET_S:
            return
        last[0] = now
        rate = (step.done - count) / (now - began) if now > began else 0.0
        left = f", {(step.total - step.done) / rate:.0f} s left" if rate > 0 else ""
        say(f"{step.stage}: {step.done}/{step.total} {step.item}{left}")

    return show

"""What may be asked of a stage, asked of a process of its own and then remembered."""

import json
import subprocess
import sys
import threading
from typing import Any

from gambol.app import job_stages
from gambol.app.web.answers import fail, missing
from gambol.app.web.models import StageSchema
from gambol.core.errors import InputError

WAIT_S = 60.0
_MOST = 256  # settings that are remembered to be right
_lock = threading.Lock()  # of what is remembered; held for moments
_asking = threading.Lock()  # one schema at a time
_known: dict[str, StageSchema] = {}
_right: dict[str, None] = {}


def check(name: str, config: dict[str, Any]) -> None:
    """Refuse settings that are wrong; those of a preset are right, others take seconds once.

    What cannot be asked now is refused by the process of the job, a moment later.

    Raises:
        InputError: there is no such stage, or it has no such settings; names the first.
    """
    job_stages.check(name, config)
    if name in job_stages.QUICK or not job_stages.stage(name).settings:
        return
    said = json.dumps([name, config], sort_keys=True)
    with _lock:
        presets = _known[name].presets if name in _known else []
        right = not config or said in _right or any(config == one.config for one in presets)
    if right:
        return
    try:
        trouble = json.loads(_run([name, "check"], json.dumps(config)))
    except (OSError, subprocess.SubprocessError, ValueError):
        return
    if trouble:
        raise InputError(trouble)
    with _lock:
        _right[said] = None
        for oldest in list(_right)[:-_MOST]:
            del _right[oldest]


def of(name: str) -> StageSchema:
    """Return settings, presets and estimate of a stage; waits seconds the first time."""
    if name not in job_stages.STAGES:
        raise missing(f"stage {name!r}")
    with _asking:
        if name not in _known:
            made = _ask(name)
            with _lock:
                _known[name] = made
        return _known[name]


def _ask(name: str) -> StageSchema:
    try:
        return StageSchema.model_validate_json(_run([name]))
    except (OSError, subprocess.SubprocessError) as error:
        raise fail(
            503, "busy", f"the settings of {name} cannot be read", "try again"
        ) from error


def _run(words: list[str], given: str = "") -> str:
    command = [sys.executable, "-m", "gambol.app.job_schemas", *words]
    return subprocess.run(
        command, input=given, capture_output=True, text=True, timeout=WAIT_S, check=True
    ).stdout

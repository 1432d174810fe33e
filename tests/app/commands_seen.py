"""Processes that do commands, fresh ones and forks, as the system sees them."""

import contextlib
import json
import os
import sys

import psutil

from gambol.app import forks

FORKED = "forkserver"


def does_commands(one):
    """Tell whether a process does a command of somebody else's process."""
    words = " ".join(one.cmdline())
    if "gambol.app.pipeline_command" in words:
        return True
    before = one.parent()
    return FORKED in words and before is not None and FORKED in " ".join(before.cmdline())


def commands_in(folder):
    """Processes of commands that run in a folder."""
    found = []
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if does_commands(one) and one.cwd() == str(folder):
                found.append(one)
    return found


def look(place):
    """Print what the process that this is has imported, its threads and its environment."""
    seen = {"modules": sorted(sys.modules), "tasks": len(os.listdir("/proc/self/task"))}
    forks.enter(place)
    print(json.dumps({**seen, "folder": os.getcwd(), "environment": dict(os.environ)}))

"""Jobs that other processes do, for tests; these import this file, which is light."""

import os
import time
from pathlib import Path

from gambol.core.errors import InputError


def note(place):
    """Write who does this job, and how many threads it has."""
    Path(place).write_text(f"{os.getpid()} {os.environ['OMP_NUM_THREADS']}")


def some_fail(job):
    """Do as the job says."""
    if job == "refuse":
        raise InputError("film.mp4 is no film; give another")
    if job == "break":
        raise KeyError("x")
    if job == "die":
        os._exit(3)


def wait_for_ever(place):
    """Write who waits."""
    Path(place).write_text(str(os.getpid()))
    time.sleep(600)

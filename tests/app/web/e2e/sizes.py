"""How much of a check is carried out: little in the tests, all with GAMBOL_CHECKS_FULL=1."""

import os

FULL = bool(os.environ.get("GAMBOL_CHECKS_FULL"))
PATIENCE = 1 if FULL else 4  # times a limit in seconds: tests share their cores


def full(much, little):
    """Return the size of the specification, or one for the tests."""
    return much if FULL else little

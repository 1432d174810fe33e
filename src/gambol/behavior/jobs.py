"""Threads of an estimator: `n_jobs`, as in scikit-learn. Results do not depend on it."""

import os
from typing import Any

from gambol.core.errors import InputError


def taken(settings: dict[str, Any], estimator: str) -> int:
    """Take `n_jobs` out of the settings of an estimator; 1 where it is not among them.

    >>> given = {"n_jobs": 2, "random_state": 0}
    >>> taken(given, "KeypointSLDS"), given
    (2, {'random_state': 0})
    """
    given = settings.pop("n_jobs", 1)
    if given is None:
        return 1
    whole = isinstance(given, int) and not isinstance(given, bool)
    if not whole or (given < 1 and given != -1):
        raise InputError(
            f"{estimator}: n_jobs is {given!r}; give 1 or more, or -1 for all cores"
        )
    return int(given)


def threads(n_jobs: int, asked: int | None) -> int:
    """Return the threads of a call: those it asks for, else those of the estimator.

    >>> threads(2, None), threads(2, 4)
    (2, 4)
    """
    if asked is not None:
        return asked
    return (os.cpu_count() or 1) if n_jobs == -1 else n_jobs

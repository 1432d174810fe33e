import os

import pytest

from gambol.behavior import jobs
from gambol.core.errors import InputError


def test_all_cores_are_minus_one_and_none_is_one():
    assert jobs.threads(-1, None) == os.cpu_count()
    assert jobs.threads(-1, 3) == 3
    assert jobs.taken({"n_jobs": None}, "A") == jobs.taken({}, "A") == 1


@pytest.mark.parametrize("given", [0, -2, True, 1.5, "2"])
def test_other_numbers_are_refused(given):
    with pytest.raises(InputError, match=r"A: n_jobs is .*give 1 or more, or -1"):
        jobs.taken({"n_jobs": given}, "A")

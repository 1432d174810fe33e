"""Named random streams: equal for equal names, unrelated otherwise, usable in kernels."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np

from gambol.kernels import streams


@numba.njit(nogil=True)
def _draw(rng, n):
    uniform, normal = np.empty(n), np.empty(n)
    for i in range(n):
        uniform[i] = rng.random()
        normal[i] = rng.standard_normal()
    return uniform, normal


def test_keys_are_the_same_in_another_process():
    code = "from gambol.kernels import streams; print(streams.key(7, 'states', 3, 'Maus ä'))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert int(said.stdout) == streams.key(7, "states", 3, "Maus ä")


def test_keys_never_change():
    """Results of published fits depend on them."""
    assert streams.key(0, "emissions", 12, "W", 3) == 0xB1AA4193EB6B3720


def test_different_names_have_different_keys():
    words = [(), ("a",), ("a", "b"), ("ab",), ("a,b",), (1,), ("1",), (1, 1), (11,), (-1,)]
    assert len({streams.key(seed, *parts) for seed in (0, 1) for parts in words}) == 20


def test_streams_do_not_depend_on_who_draws_first_or_on_threads():
    one = [_draw(streams.generator(3, "row", i), 500) for i in range(8)]
    with ThreadPoolExecutor(4) as pool:
        rows = reversed(range(8))
        many = pool.map(lambda i: _draw(streams.generator(3, "row", i), 500), rows)
        np.testing.assert_array_equal(one[::-1], list(many))


def test_kernels_draw_what_numpy_draws():
    rng = streams.generator(0, "x")
    wanted = [(rng.random(), rng.standard_normal()) for _ in range(100)]
    np.testing.assert_array_equal(np.transpose(_draw(streams.generator(0, "x"), 100)), wanted)


def test_neighbouring_streams_are_uncorrelated():
    draws = np.array([streams.generator(0, "row", i).standard_normal(4000) for i in range(12)])
    off = np.corrcoef(draws)[np.triu_indices(12, 1)]
    assert np.abs(off).max() < 4.5 / np.sqrt(4000)

import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.io.spool import Spool


def picture(n, size=64):
    y, x = np.mgrid[:size, :size]
    wave = 128 + 60 * np.sin((x + 3 * n) / 7) + 50 * np.cos((y - n) / 9)
    return np.stack([wave, 255 - wave, 0 * wave + n], axis=-1).astype(np.uint8)


def test_pictures_come_back_in_order_and_look_the_same(tmp_path):
    with Spool(tmp_path) as spool:
        for n in range(50):
            spool.add(picture(n))
        assert len(spool) == 50
        back = list(spool)
    for n, one in enumerate(back):
        difference = np.abs(one.astype(int) - picture(n))
        assert difference.mean() < 2 and difference.max() < 20


def test_it_can_be_read_twice_and_by_two_at_once(tmp_path):
    with Spool(tmp_path) as spool:
        for n in range(5):
            spool.add(picture(n))
        for a, b in zip(spool, spool, strict=True):
            assert np.array_equal(a, b)


def test_nothing_stays_on_disk(tmp_path):
    with pytest.raises(RuntimeError), Spool(tmp_path) as spool:
        spool.add(picture(0))
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_a_place_that_takes_no_files_is_named(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"x")
    with pytest.raises(InputError, match=r"inside cannot be written: a part of the path"):
        Spool(file / "inside").__enter__()

import threading
import time
import tracemalloc

import numpy as np
import pytest

from gambol.io.video.ahead import read_ahead
from gambol.io.video.container import FileVideo
from gambol.io.video.damage import DamagedFrame


class Counting:
    """A video of frames that show their number; counts what was asked for."""

    size, channels, fps = (100, 100), 1, 30.0

    def __init__(self, n, bad=()):
        self.n, self.bad, self.asked = n, bad, 0

    def __len__(self):
        return self.n

    def read(self, indices):
        for index in indices:
            if index in self.bad:
                raise DamagedFrame("counting", index)
        self.asked += len(indices)
        values = np.asarray(indices, np.uint8).reshape(-1, 1, 1, 1)
        return np.broadcast_to(values, (len(indices), 100, 100, 1)).copy()


def reading_threads():
    return [thread for thread in threading.enumerate() if thread.name == "read-ahead"]


@pytest.mark.parametrize("chunk", [1, 7, 64, 500])
def test_results_do_not_depend_on_the_chunk(clip, chunk):
    indices = [*range(30, 80), 3, 2, 1]
    with FileVideo(clip("bframes")) as video:
        expected = video.read(indices)
        chunks = list(read_ahead(video, indices, chunk=chunk))
    assert np.array_equal(np.concatenate([c.frames for c in chunks]), expected)
    assert np.concatenate([c.indices for c in chunks]).tolist() == indices
    assert all(c.readable.all() for c in chunks)
    assert not reading_threads()


def test_stays_a_few_chunks_ahead():
    video = Counting(200)
    chunks = read_ahead(video, range(200), chunk=10, depth=2)
    next(chunks)
    time.sleep(0.1)
    assert video.asked <= 40  # handed out, two waiting, one in hand
    chunks.close()


def test_memory_is_bounded():
    video = Counting(250)
    tracemalloc.start()
    for chunk in read_ahead(video, range(250), chunk=10, depth=2):
        assert chunk.frames.shape == (10, 100, 100, 1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 7 * 10 * 100 * 100  # of 250 frames; decoding itself may hold a chunk twice


def test_the_thread_ends_when_the_consumer_stops_early():
    chunks = read_ahead(Counting(200), range(200), chunk=5)
    next(chunks)
    assert len(reading_threads()) == 1
    chunks.close()
    assert not reading_threads()


def test_errors_reach_the_consumer_after_the_frames_before_them():
    class Failing(Counting):
        def read(self, indices):
            if max(indices) >= 20:
                raise RuntimeError("the disk is gone")
            return super().read(indices)

    seen = []
    with pytest.raises(RuntimeError, match="the disk is gone"):
        for chunk in read_ahead(Failing(200), range(200), chunk=10):
            seen += chunk.indices.tolist()
    assert seen == list(range(20))
    assert not reading_threads()


def test_unreadable_frames_are_marked():
    chunks = list(read_ahead(Counting(30, bad={13}), range(30), chunk=10))
    readable = np.concatenate([c.readable for c in chunks])
    frames = np.concatenate([c.frames for c in chunks])
    assert np.flatnonzero(~readable).tolist() == [13]
    assert frames[13].max() == 0
    assert frames[12].max() == 12


def test_nothing_asked_is_nothing_read():
    assert list(read_ahead(Counting(5), [])) == []

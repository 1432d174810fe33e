import time

import pytest

from gambol.multiview import windows


@pytest.mark.parametrize("frames", [1, 7, 99, 100, 149, 150, 1001])
def test_every_frame_is_kept_once_with_frames_on_both_sides(frames):
    cuts = windows.cut(frames, 100, 12)
    kept = [t for part in cuts for t in range(part.begin, part.end)]
    assert kept == list(range(frames))
    for part in cuts:
        assert part.first == max(part.begin - 12, 0)
        assert part.last == min(part.end + 12, frames)


def test_no_window_keeps_a_small_rest():
    assert [part.end - part.begin for part in windows.cut(1049, 100, 0)][-1] == 149


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_results_come_in_order(workers):
    def slow_first(job):
        time.sleep(0.02 if job == 0 else 0)
        return job**2

    assert list(windows.side_by_side(slow_first, range(5), workers)) == [0, 1, 4, 9, 16]

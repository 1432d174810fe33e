import time

import numpy as np
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


@pytest.mark.parametrize(("frames", "most"), [(1001, 300), (100_000, 20_000), (900, 899)])
def test_stretches_are_spread_evenly_and_no_more_than_was_asked(frames, most):
    found = windows.spread(frames, most)
    sizes = [last - first for first, last in found]
    assert most - len(found) < sum(sizes) <= most and min(sizes) >= 100
    assert len(found) % 2 == 1 and found[len(found) // 2][0] <= frames // 2 < found[-1][1]
    gaps = [b[0] - a[1] for a, b in zip(found[:-1], found[1:], strict=True)]
    assert not gaps or (min(gaps) >= 0 and max(gaps) - min(gaps) <= 1)
    assert windows.spread(most, most) == [(0, most)]


def shown(part, seen, **how):
    return windows.around(lambda a, b: seen[a:b], part, **how)


def test_a_part_is_solved_with_its_neighbours():
    part = windows.cut(90, 30, 30)[1]
    seen = np.ones((90, 2), bool)
    assert shown(part, seen, overlap=4).tolist() == list(range(26, 64))
    assert shown(part, seen, overlap=4, multiple=10).tolist() == list(range(20, 70))


def test_frames_beyond_a_gap_tell_where_it_leads():
    part = windows.cut(90, 30, 30)[1]
    seen = np.ones((90, 2), bool)
    seen[20:35, 0] = seen[58:, 1] = False
    found = shown(part, seen, overlap=4).tolist()
    assert found == [16, 17, 18, 19, *range(26, 64)]  # keypoint 1 is not seen again
    wide = shown(part, seen, overlap=4, multiple=10).tolist()
    assert wide == [16, 17, 18, 19, *range(24, 70)]


def test_a_part_at_the_end_has_no_frames_beyond():
    seen = np.zeros((50, 1), bool)
    first, last = windows.cut(50, 25, 25)
    assert shown(first, seen, overlap=5).tolist() == list(range(30))
    assert shown(last, seen, overlap=5, multiple=25).tolist() == list(range(50))

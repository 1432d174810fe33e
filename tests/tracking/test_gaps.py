"""Lines across gaps, and decisions that go along with who is who."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gambol.core.instances import from_positions
from gambol.tracking import edits, gaps
from gambol.tracking.edits import Gap

T = 30


def walk(rng):
    """Two animals on straight lines at steady speed, each seen in most frames."""
    start, step = rng.normal(0, 50, (2, 3, 2)), rng.normal(0, 3, (2, 1, 2))
    truth = start[:, None] + np.arange(T)[None, :, None, None] * step[:, None]  # (2, T, 3, 2)
    seen = rng.random((T, 2)) < 0.6
    seen[[0, -1]] = True
    t, who = np.nonzero(seen)
    return truth, seen, from_positions(t, truth[who, t]), who


@pytest.mark.parametrize("seed", range(10))
def test_who_walks_straight_is_where_the_line_is(seed):
    truth, seen, found, who = walk(np.random.default_rng(seed))
    decided = []
    for animal in (0, 1):
        for frame in np.flatnonzero(~seen[:, animal]).tolist():
            first, last = gaps.around(np.flatnonzero(seen[:, animal]), frame, T)
            assert not seen[first : last + 1, animal].any()
            assert seen[[first - 1, last + 1], animal].all()
            decided.append(Gap(kind="interpolate", animal=animal, first=first, last=last))
    drawn = gaps.draw(found, who, np.ones(len(who)), gaps.follow(decided))
    t, a = np.nonzero(~seen)
    assert drawn.poses.frame.tolist() == t.tolist() and drawn.animal.tolist() == a.tolist()
    np.testing.assert_allclose(drawn.poses.xy, truth[a, t], atol=1e-9)


def test_no_line_without_both_ends_and_none_over_what_was_found():
    frames = np.array([0, 1, 4, 6, 9])
    found = from_positions(frames, np.arange(10.0).reshape(5, 1, 2))
    who, sure = np.zeros(5, np.int64), np.array([0.9, 0.8, 0.7, 0.6, 0.5])

    def drawn(first, last, kind="interpolate"):
        made = gaps.draw(found, who, sure, [Gap(kind=kind, animal=0, first=first, last=last)])
        return made.poses.frame.tolist()

    assert drawn(2, 3) == [2, 3] and drawn(2, 3, "leave") == []
    assert drawn(2, 2) == [] and drawn(10, 12) == []  # its ends are no longer there
    assert drawn(2, 5) == [2, 3, 5]  # somebody was found in frame 4 since
    made = gaps.draw(found, who, sure, [Gap(kind="interpolate", animal=0, first=7, last=8)])
    assert made.confidence.tolist() == [0.5, 0.5]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_decision_goes_with_the_animal(data):
    """Exchanging who is who first, then deciding, is deciding first and exchanging then."""
    truth, seen, found, who = walk(np.random.default_rng(data.draw(st.integers(0, 9))))
    away = np.argwhere(~seen)
    frame, animal = away[data.draw(st.integers(0, len(away) - 1))].tolist()
    first, last = gaps.around(np.flatnonzero(seen[:, animal]), frame, T)
    at = data.draw(st.integers(0, T - 1))
    end = data.draw(st.one_of(st.none(), st.integers(at, T - 1)))
    swap = edits.Swap(a=0, b=1, first=at, last=end)
    stop = T - 1 if end is None else end
    inside = (found.frame >= at) & (found.frame <= stop)
    now = np.where(inside, 1 - who, who)
    (gap,) = gaps.follow([Gap(kind="interpolate", animal=animal, first=first, last=last), swap])
    whole = at < first and last < stop  # with both its ends
    apart = stop < first - 1 or at > last + 1
    made = gaps.draw(found, now, np.ones(len(now)), [gap])
    if whole or apart:
        assert gap.animal == (1 - animal if whole else animal)
        np.testing.assert_allclose(made.poses.xy, truth[animal, first : last + 1], atol=1e-9)
    else:  # an end belongs to another now: a line from whom it says to whom it says, or none
        assert set(made.animal.tolist()) <= {gap.animal}


def test_the_later_decision_counts():
    one = Gap(kind="interpolate", animal=0, first=3, last=5)
    other = one.model_copy(update={"animal": 1})
    left = one.model_copy(update={"kind": "leave"})
    assert set(gaps.follow([one, other, left])) == {other, left}

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


def seen(spans, other=()):
    """Detections of animal k in its frames at x = 100 k, and others: frame, animal, x."""
    rows = [(t, k, 100.0 * k) for k, frames in enumerate(spans) for t in frames]
    rows = sorted([*rows, *other])
    t, who, x = (np.array(column) for column in zip(*rows, strict=True))
    return from_positions(t, np.stack([x, x], axis=1)[:, None]), who


def but(first, last):
    return [t for t in range(T) if not first <= t <= last]


def bridge(animal, first, last):
    return Gap(kind="interpolate", animal=animal, first=first, last=last)


def drawn(found, who, log):
    made = gaps.draw(found, who, np.ones(len(who)), gaps.follow(log))
    return {
        (t, a): pytest.approx(x)
        for t, a, x in zip(
            made.poses.frame.tolist(), made.animal.tolist(), made.poses.xy[:, 0, 0].tolist(),
            strict=True,
        )
    }  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_nobody_is_drawn_twice_or_where_found_whatever_is_exchanged(data):
    """Nor does a line go from one body to another, unless somebody said that it is one."""
    ends = st.tuples(st.integers(1, T - 2), st.integers(1, T - 2)).map(sorted)
    away = [data.draw(ends) for _ in range(3)]
    found, who = seen([but(*gap) for gap in away])
    log, bodies = [bridge(a, *gap) for a, gap in enumerate(away)], who
    for _ in range(data.draw(st.integers(0, 4))):
        a, b = data.draw(st.sampled_from([(0, 1), (1, 2), (0, 2)]))
        first = data.draw(st.integers(0, T - 1))
        log.append(edits.Swap(a=a, b=b, first=first, last=data.draw(
            st.one_of(st.none(), st.integers(first, T - 1))
        )))  # fmt: skip
    for swap in log[3:]:
        inside = (found.frame >= swap.first) & (
            found.frame <= (T if swap.last is None else swap.last)
        )
        who = np.where(inside & (who == swap.a), swap.b,
                       np.where(inside & (who == swap.b), swap.a, who))  # fmt: skip
    made = gaps.draw(found, who, np.ones(len(who)), gaps.follow(log))
    places = list(zip(made.poses.frame.tolist(), made.animal.tolist(), strict=True))
    assert len(set(places)) == len(places) and places == sorted(places)
    assert not set(places) & set(zip(found.frame.tolist(), who.tolist(), strict=True))
    # every body stands still, at another place than the others
    for (t, animal), x in zip(places, made.poses.xy[:, 0, 0].tolist(), strict=True):
        body = round(x / 100)
        assert x == pytest.approx(100 * body)
        assert away[body][0] <= t <= away[body][1]
        before = who[(bodies == body) & (found.frame < t)][-1]
        later = who[(bodies == body) & (found.frame > t)][0]
        assert animal == before == later


def test_a_gap_in_which_names_were_exchanged_is_parted_until_they_are_again():
    found, who = seen([but(10, 15), range(T)])
    gap, swap = bridge(0, 10, 15), edits.Swap(a=0, b=1, first=12)
    swapped = np.where(found.frame >= 12, 1 - who, who)
    assert drawn(found, swapped, [gap, swap]) == {}
    assert gaps.follow([gap, swap, swap]) == (gap,)
    assert drawn(found, who, [gap, swap, swap]) == {(t, 0): 0.0 for t in range(10, 16)}
    late = edits.Swap(a=0, b=1, first=16)  # from its end on
    assert drawn(found, np.where(found.frame >= 16, 1 - who, who), [gap, late]) == {}
    # what was found of it before the exchange shortens the line
    found, who = seen([but(10, 15), range(T)], [(13, 0, 8.0)])
    late = edits.Swap(a=0, b=1, first=15)
    swapped = np.where(found.frame >= 15, 1 - who, who)
    assert drawn(found, swapped, [gap, late]) == {(10, 0): 2.0, (11, 0): 4.0, (12, 0): 6.0}
    # a new decision about either part comes in its place
    new = bridge(1, 15, 15)
    assert gaps.follow([gap, late, new]) == (new,)


def test_a_line_bends_where_something_was_found_since():
    found, who = seen([but(10, 15)], [(12, 0, 30.0)])
    expected = {10: 10.0, 11: 20.0, 13: 22.5, 14: 15.0, 15: 7.5}
    assert drawn(found, who, [bridge(0, 10, 15)]) == {(t, 0): x for t, x in expected.items()}
    # a second decision, about a shorter gap that lies in it, comes in its place
    assert set(drawn(found, who, [bridge(0, 10, 15), bridge(0, 13, 15)])) == {
        (13, 0), (14, 0), (15, 0),
    }  # fmt: skip


def test_of_two_lines_of_one_animal_the_first_counts():
    found, who = seen([but(10, 15)])
    made = gaps.draw(found, who, np.ones(len(who)), [bridge(0, 10, 15), bridge(0, 10, 12)])
    assert made.poses.frame.tolist() == list(range(10, 16))

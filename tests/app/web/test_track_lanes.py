"""Lanes are what a look at every detection says."""

import numpy as np
import pytest
from based import N, base_of

from gambol.app.web import track_lanes
from gambol.tracking import edits, gaps
from gambol.tracking.patches import Patches

T = 400


def edited(rng, base):
    one = Patches(N, base.where)
    for _ in range(8):
        a, b = (int(v) for v in rng.choice(N, 2, replace=False))
        first = int(rng.integers(0, T))
        last = int(rng.integers(first, T))
        row = int(rng.integers(0, len(base.animal)))
        at = int(base.where(np.array([row]))[0][0])
        one.take([rng.choice([
            edits.Swap(a=a, b=b, first=first), edits.Swap(a=a, b=b, first=first, last=last),
            edits.Remove(kind="untrack", animal=a, first=first, last=last),
            edits.Remove(kind="delete", animal=a, first=first, last=last),
            edits.Name(rows=(row,), animal=a, first=at, last=at),
        ])])  # fmt: skip
    return one


@pytest.mark.parametrize("seed", range(6))
def test_lanes_count_detections(seed):
    rng = np.random.default_rng(seed)
    base = base_of(rng, T)
    patches = edited(rng, base)
    rows = np.arange(len(base.animal))
    frames, who = base.where(rows)[0], patches.now(rows)
    free = (who == -1) & ((base.raw >= 0) | (base.animal >= 0))
    for px in (1, 7, 100, T):
        got = track_lanes.lanes(base, patches, track_lanes.pixels(0, T - 1, px))
        place = np.searchsorted(got.edges, frames, "right") - 1
        for a in range(N):
            assert (np.bincount(place[who == a], minlength=px) == got.seen[:, a]).all()
        assert (np.bincount(place[free], minlength=px) == got.loose).all()
        for lane, spans in enumerate(track_lanes.spans(got)):
            inside = np.zeros(T, bool)
            for first, last, _ in spans:
                inside[first : last + 1] = True
            seen = np.repeat(got.seen[:, lane] > 0, np.diff(got.edges))
            assert (inside == seen).all()


def test_the_next_doubt_is_the_first_gap_that_lasts():
    base = base_of(np.random.default_rng(0), T)
    full = base._replace(sure=np.full((T, N), 200, np.uint8), loose=np.zeros(T + 1, np.int64))
    full.sure[100:101, 1] = 0  # shorter than a gap
    full.sure[300:320, 2] = 0
    from gambol.app.web.track_base import blocks

    full = full._replace(blocks=blocks(full.sure))
    patches = Patches(N, full.where)
    assert track_lanes.next_doubt(full, patches, 0) == (300, 2)
    assert track_lanes.next_doubt(full, patches, 300) is None
    assert track_lanes.stretch(full, patches, 2, 50) == (0, 299)
    assert track_lanes.stretch(full, patches, 1, 100) == (0, T - 1)
    assert track_lanes.stretch(full, patches, 2, 310) is None


@pytest.mark.parametrize("window", [7, 2048])
def test_a_gap_is_what_a_look_at_every_frame_says(monkeypatch, window):
    monkeypatch.setattr(track_lanes, "_WINDOW", window)
    rng = np.random.default_rng(5)
    base = base_of(rng, T)
    patches = edited(rng, base)
    rows = np.arange(len(base.animal))
    frames, who = base.where(rows)[0], patches.now(rows)
    for a in range(N):
        seen = np.unique(frames[who == a])
        for frame in rng.integers(0, T, 60).tolist():
            got = track_lanes.gap(base, patches, a, frame)
            assert got == (None if frame in seen else gaps.around(seen, frame, T))


def test_lines_are_shown_where_both_ends_are(monkeypatch):
    base = base_of(np.random.default_rng(2), T)
    patches = Patches(N, base.where)
    away = np.flatnonzero(base.sure[1:-1, 0] == 0) + 1
    found = sorted({track_lanes.gap(base, patches, 0, int(t)) for t in away})
    whole = [g for g in found if g[0] > 0 and g[1] < T]
    for first, last in whole:
        patches.take([edits.Gap(kind="interpolate", animal=0, first=first, last=last)])
    assert track_lanes.bridged(base, patches, 0, T - 1) == [(0, *gap) for gap in whole]
    first, last = whole[3]
    assert track_lanes.bridged(base, patches, last, last) == [(0, first, last)]
    patches.take([edits.Remove(kind="untrack", animal=0, first=last + 1, last=last + 1)])
    gone = {gap for gap in whole if gap[1] == last or gap[0] == last + 2}
    left = [(0, *gap) for gap in whole if gap not in gone]
    assert track_lanes.bridged(base, patches, 0, T - 1) == left


def test_a_bridge_in_which_names_were_exchanged_is_doubtful_again():
    base = base_of(np.random.default_rng(0), T)
    full = base._replace(sure=np.full((T, N), 200, np.uint8), loose=np.zeros(T + 1, np.int64))
    full.sure[300:320, 2] = 0
    from gambol.app.web.track_base import blocks

    full = full._replace(blocks=blocks(full.sure))
    for kind, swapped in (("interpolate", (310, 1)), ("leave", None)):
        patches = Patches(N, full.where)
        patches.take([edits.Gap(kind=kind, animal=2, first=300, last=319)])
        assert track_lanes.next_doubt(full, patches, 0) is None
        patches.take([edits.Swap(a=1, b=2, first=310)])
        assert track_lanes.next_doubt(full, patches, 305) == swapped
        assert track_lanes.bridged(full, patches, 0, T - 1) == []

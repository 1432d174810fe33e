"""A compiled log says what applying its edits to every detection says."""

import numpy as np
import pytest

from gambol.core.instances import UNTRACKED, Tracks, from_positions
from gambol.tracking import edits, patches

N, T = 4, 60


def recording(rng):
    """Up to N animals a frame and now and then somebody too many."""
    frames, ids = [], []
    for t in range(T):
        here = [a for a in range(N) if rng.random() < 0.85] + [UNTRACKED] * int(
            rng.integers(0, 3)
        )
        frames += [t] * len(here)
        ids += list(rng.permutation(here))
    return np.array(frames), np.array(ids, np.int64)


def any_edit(rng, frames, ids):
    a, b = (int(v) for v in rng.choice(N, 2, replace=False))
    first = int(rng.integers(0, T))
    last = None if rng.random() < 0.5 else int(rng.integers(first, T))
    row, other = sorted(int(v) for v in rng.integers(0, len(frames), 2))
    end = T - 1 if last is None else last
    some = np.unique(frames, return_index=True)[1] + 0
    some = some[(frames[some] >= first) & (frames[some] <= end)]
    some = some if len(some) else np.array([row])
    one = int(frames[row])
    return rng.choice(
        [
            edits.Swap(a=a, b=b, first=first, last=last),
            edits.Assign(row=row, was=a, animal=b, first=first, last=end),
            edits.Assign(row=row, was=UNTRACKED, animal=b, first=0, last=0),
            edits.Join(row=row, other=other, a=a, b=b, first=first),
            edits.Remove(kind="delete", animal=a, first=first, last=end),
            edits.Remove(kind="untrack", animal=a, first=first, last=end),
            edits.Name(
                rows=tuple(some.tolist()),
                animal=a,
                first=int(frames[some[0]]),
                last=int(frames[some[-1]]),
            ),
            edits.Name(rows=(row,), animal=UNTRACKED, first=one, last=one),
            edits.Confirm(animals=(a, b), first=first, last=end),
            edits.Cut(row=row),
            edits.Pin(frame=first),
        ]
    )


@pytest.mark.parametrize("seed", range(20))
def test_a_compiled_log_is_the_log_applied(seed):
    rng = np.random.default_rng(seed)
    frames, ids = recording(rng)
    found = from_positions(frames, np.zeros((len(frames), 1, 2)))
    compiled = patches.Patches(N, lambda rows: (frames[rows], ids[rows]))
    now = Tracks(ids, np.ones(len(ids)), N)
    for _ in range(15):
        edit = any_edit(rng, frames, now.id)
        now = edits.apply(now, found, [edit])
        compiled.take([edit])
        who = compiled.now(np.arange(len(ids)))
        assert np.array_equal(np.maximum(who, UNTRACKED), now.id)
        mine = now.id >= 0
        places = frames[mine] * N + now.id[mine]
        assert len(np.unique(places)) == len(places)  # nobody is twice in a frame
        assert (np.diff(compiled.starts) > 0).all()


def test_a_swap_reaches_to_the_next_pin():
    one = patches.Patches(2, lambda rows: (rows, rows * 0))
    assert one.until(5) is None
    one.take([edits.Pin(frame=20), edits.Pin(frame=10)])
    assert one.until(5) == 9 and one.until(10) == 19 and one.until(20) is None
    one.take([edits.Pin(frame=10, held=False)])
    assert one.until(5) == 19


def test_who_was_called_no_animal_is_told_from_who_is_only_untracked():
    one = patches.Patches(2, lambda rows: (rows, rows * 0))
    one.take([edits.Remove(kind="delete", animal=0, first=0, last=3),
              edits.Remove(kind="untrack", animal=0, first=4, last=5)])  # fmt: skip
    assert one.now(np.arange(7)).tolist() == [-2] * 4 + [-1] * 2 + [0]
    one.take([edits.Name(rows=(2,), animal=1, first=2, last=2)])
    assert one.now(np.arange(4)).tolist() == [-2, -2, 1, -2]
    one.take([edits.Swap(a=1, b=0, first=0)])
    assert one.now(np.arange(7)).tolist() == [-2, -2, 0, -2, -1, -1, 1]

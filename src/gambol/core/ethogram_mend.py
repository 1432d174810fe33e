"""Bouts of one thing that overlap, as people log them, joined into one."""

import numpy as np
import pandas as pd

from gambol.core.ethogram import BOUTS, KEY


def united(bouts: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Join bouts that are equal in KEY and overlap; those that only touch stay apart.

    Of what is joined the first row's other columns stay.

    Args:
        bouts: columns of BOUTS, some of them; in seconds, or all in frames.

    Returns:
        The bouts, and a sentence for every pair that was joined.

    >>> rows = pd.DataFrame({"recording": "a", "label": "x", "start_s": [1.0, 2.0, 4.0],
    ...                      "stop_s": [3.0, 4.0, 5.0]})
    >>> united(rows)[0][["start_s", "stop_s"]].values.tolist()
    [[1.0, 4.0], [4.0, 5.0]]
    """
    if len(bouts) < 2:
        return bouts, ()
    key = [name for name in KEY if name in bouts]
    unit = "s" if "start_s" in bouts and bouts["start_s"].notna().all() else "frame"
    start, stop = f"start_{unit}", f"stop_{unit}"
    ordered = bouts.sort_values([*key, start, stop], kind="stable").reset_index(drop=True)
    kept, notes = [0], []
    ends = ordered[stop].to_numpy(copy=True)
    begins, names = ordered[start].to_numpy(), ordered[key].to_numpy(dtype=object)
    frames = ordered["stop_frame"].to_numpy(copy=True) if "stop_frame" in ordered else None
    for row in range(1, len(ordered)):
        last = kept[-1]
        if (names[row] != names[last]).any() or begins[row] >= ends[last]:
            kept.append(row)
            continue
        what = dict(zip(key, names[row], strict=True))
        notes.append(
            f"{what.get('label')!r} in {what.get('recording')!r}: bouts at {begins[last]:g} "
            f"and {begins[row]:g} {unit} overlap; they are joined"
        )
        ends[last] = max(ends[last], ends[row])
        if frames is not None:
            frames[last] = max(frames[last], frames[row])
    changed = ordered.assign(**{stop: ends})
    if frames is not None:
        changed = changed.assign(stop_frame=frames)
    rows = changed.iloc[np.array(kept)].reset_index(drop=True)
    return rows[[name for name in BOUTS if name in rows]], tuple(notes)

"""What features were a moment before and will be a moment after, beside what they are.

Windows about a frame blur where a bout begins and ends; the same short window at several times
on either side tells it.
"""

import re
from collections.abc import Sequence

import numpy as np

from gambol.behavior.classifier_data import Series

_MEAN = re.compile(r"^(.*: )?mean ([\d.e+-]+) s: ")
_STATISTIC = re.compile(r"^(.*: )?(mean|sd|min|max) [\d.e+-]+ s: ")


def around(animals: Series, seconds: Sequence[float]) -> Series:
    """Add features of other times to every frame, NaN beyond the ends of a series.

    Args:
        animals: features. Their means in the shortest windows are taken; without windows the
            features themselves.
        seconds: before and after the frame.
    """
    if not seconds:
        return animals
    kept = short(animals.columns)
    parts, names = [animals.values], list(animals.columns)
    for second in (sign * s for s in seconds for sign in (-1, 1)):
        shift = round(second * animals.fps)
        moved = np.full((len(animals.values), len(kept)), np.nan, np.float32)
        for a, b in zip(animals.offsets[:-1], animals.offsets[1:], strict=True):
            own = animals.values[a:b][:, kept]
            if abs(shift) < b - a:
                if shift >= 0:
                    moved[a : b - shift] = own[shift:]
                else:
                    moved[a - shift : b] = own[:shift]
        parts.append(moved)
        names += [f"{animals.columns[k]} at {second:+g} s" for k in kept]
    many = 1 + 2 * len(seconds)
    places = [*range(len(animals.columns)), *kept * (many - 1)]
    return animals._replace(
        values=np.concatenate(parts, axis=1),
        columns=tuple(names),
        parts=tuple(animals.parts[k] for k in places),
        frequencies=animals.frequencies[places],
    )


def short(columns: Sequence[str]) -> list[int]:
    """Return the means in the shortest windows, or all features where there are no windows."""
    found = {k: _MEAN.match(name) for k, name in enumerate(columns)}
    lengths = {k: float(match.group(2)) for k, match in found.items() if match}
    if lengths:
        return [k for k, s in lengths.items() if s == min(lengths.values())]
    return [k for k, name in enumerate(columns) if not _STATISTIC.match(name)]


def reach_s(columns: Sequence[str], seconds: Sequence[float]) -> float:
    """Return the time from the first to the last frame that added features look at, s."""
    if not seconds:
        return 0.0
    match = _MEAN.match(columns[short(columns)[0]])
    return 2 * max(seconds) + (float(match.group(2)) if match else 0.0)

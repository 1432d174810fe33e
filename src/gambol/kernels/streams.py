"""Random streams with names: equal names, equal numbers, whoever asks first.

A step of a computation derives its stream from the seed and from what it works on (sweep, step,
recording, row), never from a generator that is passed along. So results do not depend on the
order of the work or on the number of threads, and no two steps share a stream.
"""

import hashlib
import json

import numpy as np


def key(seed: int, *parts: str | int) -> int:
    """Return 64 bits that stand for a seed and the names of a piece of work.

    Numbers and their texts differ, and so do groupings: every part is a word of its own.

    >>> key(0, "states", 3, "day 1") == key(0, "states", 3, "day 1")
    True
    >>> key(0, "states", 12) == key(0, "states", "12")
    False
    """
    words = [int(seed), *(part if isinstance(part, str) else int(part) for part in parts)]
    text = json.dumps(words, separators=(",", ":"))  # ASCII, the same on every system
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def generator(seed: int, *parts: str | int) -> np.random.Generator:
    """Return a generator of its own for a piece of work; kernels without the GIL may draw.

    Philox is keyed directly, so streams of different keys never meet. Source: Salmon et al.
    (2011), Parallel random numbers: as easy as 1, 2, 3, SC'11.
    """
    return np.random.Generator(np.random.Philox(key=key(seed, *parts)))

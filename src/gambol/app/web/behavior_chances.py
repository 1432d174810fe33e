"""P(label | all of the recording) of syllables and states, as a strip of some pixels.

Maps have no probabilities, and neither have labels that people scored.
"""

import h5py
import numpy as np
from jaxtyping import Float64

from gambol.app.web import models
from gambol.app.web.behavior_book import Book
from gambol.io import store
from gambol.io.syllables import Source

ROWS = 6  # labels that are shown, the most probable in sight
_BLOCK = 1 << 16  # frames that are read at once
_LEAST = 0.005  # mean probability of a label that is shown


def strip(book: Book, r: int, first: int, last: int, px: int) -> models.BehaviorChances:
    """Return mean probabilities by pixel of the labels that are likeliest in a stretch.

    They are those of the model, added up where people merged its labels; labels that they
    took out are left out.

    Args:
        book: labels of a run.
        r: the recording.
        first: frame of the stretch.
        last: its last one.
        px: pixels at most; each has a frame at least.
    """
    found = _means(book.run.sources[r], first, last, min(px, last - first + 1))
    if found is None:
        return models.BehaviorChances(first=first, last=last, labels=[], percent=[])
    rows = {
        label.id: found[:, [n for n in label.members if n < found.shape[1]]].sum(axis=1)
        for label in book.run.applied.labels
        if not label.excluded
    }
    mean = {k: float(row.mean()) for k, row in rows.items()}
    likely = [k for k in sorted(mean, key=lambda k: -mean[k])[:ROWS] if mean[k] >= _LEAST]
    return models.BehaviorChances(
        first=first, last=last, labels=sorted(likely),
        percent=[np.rint(100 * rows[k]).astype(int).tolist() for k in sorted(likely)],
    )  # fmt: skip


def _means(source: Source, first: int, last: int, px: int) -> Float64[np.ndarray, "P N"] | None:
    """Return means over the frames of each pixel; None: the file has no probabilities."""
    if source.path.suffix.lower() not in (".nc", ".h5", ".hdf5"):
        return None
    with h5py.File(store.require_file(source.path), "r") as file:
        group = file[source.group] if source.group else file
        held = group.get("probability")
        if held is None or held.ndim != 2:
            return None
        edges = first + (last - first + 1) * np.arange(px + 1, dtype=np.int64) // px
        total = np.zeros((px, held.shape[1]))
        end = min(last + 1, held.shape[0])
        for start in range(first, end, _BLOCK):
            stop = min(start + _BLOCK, end)
            pixel = np.searchsorted(edges, np.arange(start, stop), "right") - 1
            begins = np.flatnonzero(np.diff(pixel, prepend=-1))
            block = np.nan_to_num(held[start:stop].astype(np.float64))
            total[pixel[begins]] += np.add.reduceat(block, begins, axis=0)
    return total / np.diff(edges)[:, None]

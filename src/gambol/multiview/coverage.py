"""Which views see the board together: the question to ask before any rig is solved."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int
from scipy.sparse.csgraph import connected_components

from gambol.core.errors import InputError
from gambol.multiview.boards import FEWEST, Sightings


class Coverage(NamedTuple):
    """What V views share over F frames."""

    names: tuple[str, ...]
    shared: Int[np.ndarray, "V V"]  # frames with 6 common corners; diagonal: frames with 6
    most: Int[np.ndarray, "V V"]  # corners in common in the best frame
    component: Int[np.ndarray, " V"]  # views of one number are connected, if over others

    @property
    def components(self) -> list[list[str]]:
        """Names of the views of each component."""
        found = range(int(self.component.max(initial=-1)) + 1)
        return [
            [name for name, c in zip(self.names, self.component, strict=True) if c == k]
            for k in found
        ]


def cover(sightings: Sightings, names: tuple[str, ...], n_corners: int) -> Coverage:
    """Count for every pair of views the frames in which both see 6 common corners."""
    seen = table(sightings, len(names), n_corners)
    per_frame = np.einsum("fvc,fwc->fvw", seen.astype(np.int64), seen.astype(np.int64))
    shared = (per_frame >= FEWEST).sum(axis=0)
    _, component = connected_components(shared > 0, directed=False)
    most = per_frame.max(axis=0) if len(per_frame) else np.zeros_like(shared)
    return Coverage(names, shared, most, component.astype(int))


def table(sightings: Sightings, n_views: int, n_corners: int) -> Bool[np.ndarray, "F V C"]:
    """Return which corners each view saw in each frame."""
    n_frames = int(sightings.frame.max(initial=-1)) + 1
    seen = np.zeros((n_frames, n_views, n_corners), bool)
    seen[sightings.frame, sightings.view, sightings.corner] = True
    return seen


def require_connected(coverage: Coverage) -> None:
    """Refuse views that no chain of shared frames joins, and name the pair to film."""
    if blind := [n for n, k in zip(coverage.names, coverage.shared.diagonal(), strict=True)
                 if not k]:  # fmt: skip
        raise InputError(
            f"view {' and '.join(blind)}: no frame shows {FEWEST} corners of the board, so it "
            "cannot be placed; film the board there, or leave the view out"
        )
    parts = coverage.components
    if len(parts) < 2:
        return
    said = " | ".join(", ".join(part) for part in parts)
    one, other, hint = _bridge(coverage)
    raise InputError(
        f"the views fall into {len(parts)} groups that never see the board together: {said}; "
        f"film it where {one} and {other} both see {FEWEST} of the same corners ({hint})"
    )


def _bridge(coverage: Coverage) -> tuple[str, str, str]:
    """The pair of two components nearest to sharing a frame, and what it has."""
    apart = coverage.component[:, None] != coverage.component[None]
    each = coverage.shared.diagonal()
    # corners already in common count first, then frames in which each sees the board at all
    worth = coverage.most * 1_000_000 + np.minimum(each[:, None], each[None])
    a, b = np.unravel_index(np.where(apart, worth, -1).argmax(), worth.shape)
    most = int(coverage.most[a, b])
    hint = f"so far {most} in one frame" if most else "so far they share no corner of a frame"
    return coverage.names[a], coverage.names[b], hint

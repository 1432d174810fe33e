"""From sightings of a board to a rig: lenses, coverage, a start, and the joint adjustment."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from gambol.core.board import Board
from gambol.core.cameras import Rig
from gambol.core.errors import InputError
from gambol.multiview import bundle, coverage, intrinsics, start
from gambol.multiview.boards import Sightings
from gambol.multiview.coverage import Coverage
from gambol.multiview.intrinsics import Fitted, Lens

FEW_FRAMES = 3  # frames that carry the way from one view to another; fewer earn a remark
LOOP = 0.5  # degrees; loops of views that close worse earn a remark


class ViewFit(NamedTuple):
    """How well one view agrees with the rig."""

    name: str
    n_boards: int
    n_corners: int
    terms: tuple[str, ...]  # of its lens that were fitted
    lens_rms: float  # px, of the lens alone, every board's pose free
    held_out: float  # px, the same on boards that its fit had not seen
    rms: float  # px, root mean square distance of corners in the joint solution
    median: float  # px, median distance


class Calibrated(NamedTuple):
    """A rig, the board in every frame, and what to know about them."""

    rig: Rig  # world: the axes of the first camera, units of the board
    turns: Float[np.ndarray, "F 3 3"]  # x_world = turn · corner + shift
    shifts: Float[np.ndarray, "F 3"]
    frames: Int[np.ndarray, " F"]  # which of the frames given they are
    residual: Float[np.ndarray, "F V C 2"]  # seen - projected, px; NaN where not seen
    coverage: Coverage
    edges: list[start.Edge]
    views: tuple[ViewFit, ...]
    median: float  # px, of the distances of all corners
    rms: float  # px
    fit: bundle.Fit
    remarks: tuple[str, ...]


def calibrate(
    sightings: Sightings,
    board: Board,
    sizes: list[tuple[int, int]],
    names: list[str],
    *,
    lens: Lens | Mapping[str, Lens] = "pinhole",
    focal: Mapping[str, float] | None = None,
    spec: bundle.Bundle = bundle.Bundle(),  # noqa: B008 - frozen
) -> Calibrated:
    """Calibrate V cameras from one board that was moved before them.

    Args:
        sightings: of the board, by view and frame (`boards.gather`).
        board: what was seen.
        sizes: width and height of each view's images, px.
        names: of the views.
        lens: the model of all views or, by name, of some; others are pinholes.
        focal: focal lengths that are known, px, by name; they are not fitted.
        spec: settings of the joint adjustment.
    """
    covered = coverage.cover(sightings, tuple(names), board.n_corners)
    coverage.require_connected(covered)
    lenses = _lenses(sightings, board, sizes, names, lens, focal or {})
    first = start.start(sightings, board, [found.camera for found in lenses])
    seen = np.isfinite(first.turns).all(axis=(1, 2))
    xy = _dense(first.sightings, len(names), board.n_corners, len(seen))[seen]
    if not len(xy):
        raise InputError("no frame gave a pose of the board; check the board's size")
    free: Any = {found.camera.name: _free(found) for found in lenses}
    adjusted = bundle.adjust_boards(
        first.rig, board.corners(), xy, first.turns[seen], first.shifts[seen], spec, free=free
    )
    distance = np.linalg.norm(adjusted.residual, axis=-1)  # (F, V, C)
    views = tuple(_view(found, distance[:, v]) for v, found in enumerate(lenses))
    return Calibrated(
        adjusted.rig,
        adjusted.turns,
        adjusted.shifts,
        np.flatnonzero(seen),
        adjusted.residual,
        covered,
        first.edges,
        views,
        float(np.nanmedian(distance)),
        float(np.sqrt(np.nanmean(distance**2))),
        adjusted.fit,
        tuple(_remarks(lenses, first, covered, board, int((~seen).sum()))),
    )


def _lenses(
    sightings: Sightings,
    board: Board,
    sizes: list[tuple[int, int]],
    names: list[str],
    lens: Lens | Mapping[str, Lens],
    focal: Mapping[str, float],
) -> list[Fitted]:
    """Fit every view's lens by itself."""
    found = []
    for v, name in enumerate(names):
        kind: Lens = lens if isinstance(lens, str) else lens.get(name, "pinhole")
        seen = sightings.of(sightings.view == v)
        known = focal.get(name)
        found.append(intrinsics.fit(name, seen, board.corners(), sizes[v], kind, focal=known))
    return found


def _free(found: Fitted) -> tuple[str, ...]:
    """What the joint adjustment may move of a camera.

    The principal point is free wherever the focal length is: one view's boards hardly tell it
    from a turn of the camera, several views' do.
    """
    centre = ("cx", "cy") if "f" in found.terms else ()
    return tuple(dict.fromkeys(("pose", *found.terms, *centre)))


def _dense(
    sightings: Sightings, n_views: int, n_corners: int, n_frames: int
) -> Float[np.ndarray, "F V C 2"]:
    """Sightings as one array, NaN where not seen."""
    xy = np.full((n_frames, n_views, n_corners, 2), np.nan)
    xy[sightings.frame, sightings.view, sightings.corner] = sightings.uv
    return xy


def _view(found: Fitted, distance: Float[np.ndarray, "F C"]) -> ViewFit:
    there = np.isfinite(distance)
    off = distance[there]
    return ViewFit(
        found.camera.name,
        int(there.any(axis=1).sum()),
        len(off),
        found.terms,
        found.rms,
        found.held_out,
        float(np.sqrt(np.mean(off**2))) if len(off) else float("nan"),
        float(np.median(off)) if len(off) else float("nan"),
    )


def _remarks(
    lenses: list[Fitted], first: start.Start, covered: Coverage, board: Board, lost: int
) -> list[str]:
    """What a person should know before trusting the rig."""
    said = [remark for found in lenses for remark in found.remarks]
    if lost:
        said.append(f"{lost} frames gave no pose of the board and are left out")
    if board.symmetric:
        said.append(
            f"the {board} looks the same after half a turn; views were matched by how the "
            "others see it, which needs three frames or more; a board with one odd number of "
            "squares and one even has no such doubt"
        )
    for edge in first.edges:
        a, b = edge.views
        if edge.in_tree and edge.frames < FEW_FRAMES:
            said.append(
                f"view {b} is tied to {a} by {edge.frames} frame"
                f"{'s' if edge.frames > 1 else ''} only; film the board where both see it"
            )
        if edge.loop_error > LOOP:
            said.append(
                f"views {a} and {b} see each other {edge.loop_error:.1f} degrees off the way "
                "over the other views; check that they are in step"
            )
    return said

"""How cameras look: directions of view, and a rig laid on another by them."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from gambol.core.cameras import Camera, Rig
from gambol.kernels import rotation


class Laid(NamedTuple):
    """Axes in which a rig looks as another does: x' = scale · turn x + shift."""

    turn: Float[np.ndarray, "3 3"]
    shift: Float[np.ndarray, " 3"]  # units of the other rig
    scale: float
    off: Float[np.ndarray, " V"]  # angle that each camera is still turned by, degrees


def onto(template: Rig, rig: Rig, *, scaled: bool) -> Laid:
    """Lay a rig on the cameras of the same names, by their directions, then their places.

    Args:
        template: has every camera of the rig.
        rig: what is laid.
        scaled: its lengths are right, so they stay.
    """
    wanted = [template[name] for name in rig]
    pairs = [(turn_of(w), turn_of(c)) for w, c in zip(wanted, rig.cameras, strict=True)]
    turn = rotation.nearest(np.sum([w.T @ c for w, c in pairs], axis=0))
    off = np.array([float(rotation.degrees(w, c @ turn.T)) for w, c in pairs])
    there = np.array([camera.centre for camera in wanted])
    here = np.array([camera.centre for camera in rig.cameras]) @ turn.T
    if not (np.isfinite(here).all() and np.isfinite(there).all()):  # some are infinitely far
        return Laid(turn, np.zeros(3), 1.0, off)
    scale = 1.0
    if not scaled:
        spread = here - here.mean(0)
        fitted = float((spread * (there - there.mean(0))).sum() / (spread**2).sum())
        scale = fitted if fitted > 0 else 1.0
    return Laid(turn, there.mean(0) - scale * here.mean(0), scale, off)


def turn_of(camera: Camera) -> Float[np.ndarray, "3 3"]:
    """Return R, from the world's axes to the camera's; of an affine one by its matrix."""
    if camera.kind != "affine":
        return camera.turn
    rows = camera.matrix[:2]
    across = np.cross(rows[0], rows[1])
    length = float(np.sqrt(np.linalg.norm(across)))
    return rotation.nearest(np.vstack([rows / length, across / length**2]))


def flatness(points: Float[np.ndarray, "K 3"]) -> float:
    """Return the spread of points across the line they lie nearest to, in that along it."""
    s = np.linalg.svd(points - points.mean(0), compute_uv=False)
    return float(s[1] / s[0]) if s[0] > 0 else 0.0

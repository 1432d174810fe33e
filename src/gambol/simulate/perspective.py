"""Bodies through a lens: capsules in the world become capsules in the picture of a camera.

Every capsule is looked at by the parallel projection that touches the camera's own at its
middle: the derivative of the projection there, so that any lens will do. Ends are projected
exactly. A capsule is short beside its distance, so outlines are right to a fraction of a pixel.

A sphere that is flattened to a share f of its height along the unit vector n is round after
A = 1 + (1/f - 1) n nᵀ, which also turns the ray towards the eye from d to A d.
"""

import numpy as np
from jaxtyping import Float

from gambol.core.cameras import Camera
from gambol.kernels import projection
from gambol.simulate.capsules import Capsules, Sight

FILM = 0.05  # flatness of a film of skin, which has none
# thinner parts stand up in life, and thicker ones were meant for a view from above alone
FLATNESS = (0.5, 1.3)
_AWAY = -1e7  # px, of what a camera cannot see
_UP = np.array([0.0, 0.0, 1.0])


def through(bodies: Capsules, camera: Camera) -> Capsules:
    """Look at bodies through a camera.

    Args:
        bodies: in the world, mm, for any number of poses; they are flattened along z.
        camera: in mm.

    Returns:
        Places in px of the picture; nearness (minus the distance from the camera) and radius
        in mm.
    """
    ends = np.stack([bodies.start, bodies.stop])
    seen = projection.project(ends[..., :3].reshape(-1, 3), camera.params()[None])
    shape = ends.shape[:-1]
    valid = seen.valid[0].reshape(shape).all(axis=0)
    uv = np.where(valid[None, ..., None], seen.uv[0].reshape(*shape, 2), _AWAY)
    lines = seen.jac[0].reshape(*shape, 2, 3).mean(axis=0)
    lines = np.where(valid[..., None, None], lines, np.eye(2, 3))
    radius = np.where(valid, ends[..., 3], 0.0)
    nodes = np.concatenate([uv, _nearness(ends[..., :3], camera)[..., None],
                            radius[..., None]], axis=-1)  # fmt: skip
    start, stop = np.ascontiguousarray(nodes)
    flatness = np.where(bodies.flatness == 0, FILM, np.clip(bodies.flatness, *FLATNESS))
    return bodies._replace(start=start, stop=stop, scale=1.0, sight=sight(lines, flatness))


def _nearness(points: Float[np.ndarray, "*T 3"], camera: Camera) -> Float[np.ndarray, "*T"]:
    if camera.kind == "affine":
        return -points @ camera.forward
    return -np.linalg.norm(points - camera.centre, axis=-1)


def sight(lines: Float[np.ndarray, "*T S 2 3"], flatness: Float[np.ndarray, " S"]) -> Sight:
    """Return how flattened spheres are looked at by parallel projections.

    Args:
        lines: px of the picture per unit of the world, right and down.
        flatness: the share f of each, above 0.
    """
    forward = np.cross(lines[..., 0, :], lines[..., 1, :])
    eye = -forward / np.linalg.norm(forward, axis=-1, keepdims=True)  # (..., S, 3)
    across = np.swapaxes(lines, -1, -2)
    back = across @ np.linalg.inv(lines @ across)  # (..., S, 3, 2): world units aside, per px
    rounder = np.eye(3) + (1.0 / flatness - 1.0)[:, None, None] * np.outer(_UP, _UP)
    ray = (rounder @ eye[..., None])[..., 0]
    gain = 1.0 / np.linalg.norm(ray, axis=-1)
    toward = ray * gain[..., None]
    plane = rounder @ back
    across = plane[..., 0] - (plane[..., 0] * toward).sum(-1, keepdims=True) * toward
    across = across / np.linalg.norm(across, axis=-1, keepdims=True)
    own = np.stack([across, np.cross(toward, across), toward], axis=-2)  # rows: its own axes
    inner = own @ plane  # (..., S, 3, 2)
    flat = np.ascontiguousarray(inner[..., :2, :])
    turn = gain[..., None, None] * (own @ rounder)
    return Sight(
        flat, gain[..., None] * inner[..., 2, :], gain,
        np.linalg.norm(np.linalg.inv(flat), axis=-1), turn, own @ _UP,
        gain**2 * (1.0 / flatness**2 - 1.0),
    )  # fmt: skip

"""Where the world's axes are: x' = scale · turn x + shift, from what is known of the scene.

The transform moves rig, points and covariances alike. Origins: named points of known
coordinates, a board on the floor, points of the floor, gravity, the feet of the animals. A
floor is z = 0, up is +z, and the old x axis keeps its heading.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from gambol.core.cameras import Rig
from gambol.core.errors import InputError
from gambol.kernels import rotation

FLATTEST = 0.02  # smallest spread of named points across their line, in that along it
MANY = 2000  # feet that a lower envelope is fitted to, at most
TRIALS = 500  # triples of floor points


class Transform(NamedTuple):
    """New axes of the world, and where they come from."""

    turn: Float[np.ndarray, "3 3"]  # a rotation, determinant +1
    shift: Float[np.ndarray, " 3"]  # new world units
    scale: float  # new world units an old one
    origin: str  # for people
    error: float = 0.0  # root mean square of what was fitted, new world units

    def rig(self, rig: Rig, units: str | None = None) -> Rig:
        """Return the rig in the new axes, in which up is +z.

        Args:
            rig: in the old axes.
            units: of the new world; None: as they were.
        """
        moved = rig.moved(self.turn, self.shift, self.scale)
        return replace(moved, origin=self.origin, units=units or rig.units, up=(0.0, 0.0, 1.0))

    def points(self, xyz: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3"]:
        """Return points in the new axes."""
        return self.scale * xyz @ self.turn.T + self.shift

    def covariances(
        self, covariance: Float[np.ndarray, "*batch 3 3"]
    ) -> Float[np.ndarray, "*batch 3 3"]:
        """Return covariances in the new axes."""
        return self.scale**2 * (self.turn @ covariance @ self.turn.T)

    def directions(self, along: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3"]:
        """Return directions, such as those of a pose prior, in the new axes."""
        return along @ self.turn.T


def by_points(
    found: Mapping[str, Float[np.ndarray, " 3"]],
    known: Mapping[str, Float[np.ndarray, " 3"]],
    *,
    rigid: bool = False,
) -> Transform:
    """Return the similarity that brings named points to their known coordinates.

    Args:
        found: in the rig's axes.
        known: at least 3 of the same names, not on one line, in the new ones.
        rigid: keep the scale, as after calibration with a board.

    Source: Umeyama (1991), IEEE PAMI 13(4):376-380.
    """
    names = [name for name in known if name in found]
    if len(names) < 3:
        raise InputError(
            f"{len(names)} of the known points were found ({', '.join(names) or 'none'}); "
            "3 are needed"
        )
    here, there = (np.array([given[name] for name in names], float) for given in (found, known))
    a, b = here - here.mean(0), there - there.mean(0)
    for points, said in ((a, "found"), (b, "known")):
        s = np.linalg.svd(points, compute_uv=False)
        if not s[1] > FLATTEST * s[0]:
            raise InputError(
                f"the {said} points {', '.join(names)} lie on one line, about which the world "
                "could turn; add a point off that line"
            )
    turn = rotation.nearest(b.T @ a)
    scale = 1.0 if rigid else float((b * (a @ turn.T)).sum() / (a**2).sum())
    shift = there.mean(0) - scale * turn @ here.mean(0)
    error = _rms(scale * here @ turn.T + shift - there)
    _check_hand(a, b, names, error)
    return Transform(turn, shift, scale, f"points {', '.join(names)}", error)


def by_board(
    rig: Rig, turn: Float[np.ndarray, "3 3"], shift: Float[np.ndarray, " 3"]
) -> Transform:
    """Return axes in which a board that lies on the floor, seen from above, is z = 0.

    Args:
        rig: of the cameras that saw it.
        turn: of the board, from its axes to the rig's.
        shift: its origin in the rig's axes.
    """
    new = turn.T
    if _above(rig, shift) @ turn[:, 2] < 0:  # its normal points down: turn it about its x
        new = np.diag([1.0, -1.0, -1.0]) @ new
    return Transform(new, -new @ shift, 1.0, "board on the floor")


def by_floor(rng: np.random.Generator, rig: Rig, points: Float[np.ndarray, "N 3"]) -> Transform:
    """Return axes in which points of the floor, some of them wrong, are z = 0.

    The plane is the one of least median distance, refined by the points near it; up is where
    the cameras are. Source: Rousseeuw (1984), J Am Stat Assoc 79(388):871-880.
    """
    points = points[np.isfinite(points).all(1)]
    if len(points) < 3:
        raise InputError(f"{len(points)} points of the floor; 3 are needed")
    triples = np.array([rng.choice(len(points), 3, replace=False) for _ in range(TRIALS)])
    corner = points[triples[:, 0]]
    normal = np.cross(points[triples[:, 1]] - corner, points[triples[:, 2]] - corner)
    size = np.linalg.norm(normal, axis=1)
    flat = size > 1e-9 * size.max(initial=0)
    if not size.max(initial=0) > 0:
        raise InputError("the points of the floor lie on one line; add one off that line")
    normal, corner = normal[flat] / size[flat, None], corner[flat]
    far = np.abs(np.einsum("knd,kd->kn", points[None] - corner[:, None], normal))
    best = int(np.median(far, axis=1).argmin())
    limit = 2.5 * 1.4826 * float(np.median(far[best])) + 1e-12 * float(np.abs(points).max())
    near = points[far[best] <= limit]
    middle = near.mean(0)
    across = np.linalg.svd(near - middle)[2][2]
    up = across * np.sign(across @ _above(rig, middle))
    error = _rms(((near - middle) @ across)[:, None])
    return _floored(up, middle, f"{len(near)} of {len(points)} points of the floor", error)


def by_gravity(down: Float[np.ndarray, " 3"]) -> Transform:
    """Return axes in which gravity is -z; the origin stays.

    Args:
        down: gravity in the rig's axes, of any length above 0.
    """
    length = float(np.linalg.norm(down))
    if not (np.isfinite(length) and length > 0):
        raise InputError(f"gravity is {down}; it must point somewhere")
    return _floored(-down / length, np.zeros(3), "gravity")


def by_feet(
    rig: Rig, feet: Float[np.ndarray, "N 3"], share: float = 0.1, tilt: float = 30.0
) -> Transform:
    """Return axes in which the lowest places of the feet are z = 0.

    The plane has a share of the feet below it and lies, along the rig's up, as near to them as
    such a plane can (quantile regression), so feet in the air do not lift it.

    Args:
        rig: its `up` is roughly right.
        feet: in the rig's axes, of all frames; NaN where not found.
        share: of the feet to be below the floor; half of the share that stands is right.
        tilt: degrees by which the floor may differ from the rig's up; more is refused.

    Source: Koenker & Bassett (1978), Econometrica 46(1):33-50.
    """
    from scipy import optimize, sparse

    feet = feet[np.isfinite(feet).all(1)]
    if len(feet) < 10:
        raise InputError(f"{len(feet)} places of feet; 10 are needed to tell the floor")
    feet = feet[np.linspace(0, len(feet) - 1, min(len(feet), MANY)).round().astype(np.int64)]
    level = _level(np.array(rig.up) / np.linalg.norm(rig.up))
    own = (feet - feet.mean(0)) @ level.T
    unit = float(np.abs(own).max()) or 1.0
    plane = np.column_stack([own[:, :2] / unit, np.ones(len(own))])
    # least share · above + (1 - share) · below, with height = plane + above - below
    price = np.concatenate(
        [np.zeros(3), np.full(len(own), share), np.full(len(own), 1 - share)]
    )
    bounds = [(None, None)] * 3 + [(0, None)] * (2 * len(own))
    eye = sparse.eye_array(len(own))
    equal = sparse.hstack([sparse.csr_array(plane), eye, -eye])
    solved = optimize.linprog(price, A_eq=equal, b_eq=own[:, 2] / unit, bounds=bounds)
    if not solved.success:
        raise InputError(f"no floor fits the feet: {solved.message}")
    a, b, c = solved.x[:3]
    up = level.T @ np.array([-a, -b, 1.0])
    up /= np.linalg.norm(up)
    off = float(np.degrees(np.arccos(np.clip(up @ level[2], -1, 1))))
    if off > tilt:
        raise InputError(
            f"the floor under the feet is {off:.0f} degrees off the rig's up {rig.up}, "
            f"{tilt:g} are allowed; set `up` or align by gravity"
        )
    at = feet.mean(0) + level[2] * c * unit
    return _floored(up, at, "lower envelope of the feet")


def _floored(
    up: Float[np.ndarray, " 3"], at: Float[np.ndarray, " 3"], origin: str, error: float = 0.0
) -> Transform:
    turn = _level(up)
    return Transform(turn, -turn @ at, 1.0, origin, error)


def _level(up: Float[np.ndarray, " 3"]) -> Float[np.ndarray, "3 3"]:
    """Return the rotation that brings `up` to +z and keeps the heading of x, else of y."""
    for axis in np.eye(3):
        along = axis - (axis @ up) * up
        if np.linalg.norm(along) > 0.1:
            break
    along /= np.linalg.norm(along)
    if axis[1]:  # x is upright: y keeps its heading instead
        along = np.cross(along, up)
    return np.stack([along, np.cross(up, along), up])


def _above(rig: Rig, at: Float[np.ndarray, " 3"]) -> Float[np.ndarray, " 3"]:
    """Return the mean direction from a place of the floor to the cameras."""
    towards = []
    for camera in rig.cameras:
        way = -camera.forward if camera.kind == "affine" else camera.centre - at
        towards.append(way / np.linalg.norm(way))
    return np.mean(towards, axis=0)


def _rms(off: Float[np.ndarray, "N D"]) -> float:
    return float(np.sqrt((off**2).sum(1).mean()))


def _check_hand(
    a: Float[np.ndarray, "K 3"], b: Float[np.ndarray, "K 3"], names: list[str], error: float
) -> None:
    """Refuse points that only a mirror would bring to their places."""
    u, s, vt = np.linalg.svd(b.T @ a)
    scale = float(s.sum() / (a**2).sum())
    mirrored = _rms(scale * a @ (u @ vt).T - b)
    mirror = bool(np.linalg.det(u @ vt) < 0)
    size = _rms(b)
    if mirror and error > 0.05 * size and mirrored < 0.2 * error:
        raise InputError(
            f"points {', '.join(names)} fit {error:.3g} off, but {mirrored:.3g} in a mirror: "
            "the known axes are left-handed, or two points changed places; mend one of them"
        )

"""Clothes cut once and worn in every pose: surfaces as fixed linear combinations of joints."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from gambol.simulate.capsules import Capsules


class Pattern(NamedTuple):
    """How surface nodes hang on joints, and which nodes each capsule spans."""

    basis: Float[np.ndarray, "M R"]
    radius: Float[np.ndarray, " M"]
    start: np.ndarray
    stop: np.ndarray
    flatness: Float[np.ndarray, " S"]
    along: Float[np.ndarray, "S 2"]
    part: np.ndarray
    material: np.ndarray


class Tailor:
    """Collects nodes (weights over joints, radius) and the capsules between them."""

    def __init__(self, parts: tuple[str, ...], materials: tuple[str, ...]) -> None:
        self.parts, self.materials = parts, materials
        self.rows: list[np.ndarray] = []
        self.radii: list[float] = []
        self.capsules: list[tuple[int, int, float, float, float, int, int]] = []

    def chain(
        self,
        part: str,
        material: str,
        centres: np.ndarray,
        radii: np.ndarray,
        *,
        flatness: float = 1.0,
        along: float = 0.0,
        spacing: float = 3.0,
    ) -> None:
        """Add capsules through rows of joint weights; `along` is the fur's coordinate (mm)."""
        first = len(self.rows)
        self.rows += list(centres)
        self.radii += [float(r) for r in radii]
        ids = self.parts.index(part), self.materials.index(material)
        for k in range(max(1, len(centres) - 1)):
            ends = first + k, first + min(k + 1, len(centres) - 1)
            here = along + spacing * k
            self.capsules.append((*ends, flatness, here, here + spacing, *ids))

    def pattern(self) -> Pattern:
        """Return all that was sewn."""
        start, stop, flatness, since, until, part, material = map(
            np.array, zip(*self.capsules, strict=True)
        )
        along = np.stack([since, until], axis=1)
        rows, radii = np.array(self.rows), np.array(self.radii)
        return Pattern(rows, radii, start, stop, flatness, along, part, material)


def clothe(pattern: Pattern, joints: Float[np.ndarray, "*T R 3"], scale: float) -> Capsules:
    """Clothe poses: joints in mm become capsules in px, `scale` px per mm."""
    centre = scale * (pattern.basis @ joints)
    radius = np.broadcast_to(scale * pattern.radius[:, None], (*centre.shape[:-1], 1))
    nodes = np.concatenate([centre, radius], axis=-1)
    return Capsules(
        start=np.ascontiguousarray(nodes[..., pattern.start, :]),
        stop=np.ascontiguousarray(nodes[..., pattern.stop, :]),
        flatness=pattern.flatness,
        along=pattern.along,
        part=pattern.part,
        material=pattern.material,
        scale=scale,
    )

"""What hides what: the order in which bodies are drawn, and which keypoints are seen."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from gambol.simulate import capsules, render
from gambol.simulate.capsules import Capsules
from gambol.simulate.render import Layer
from gambol.simulate.species import Species


def layers(
    species: Species, bodies: Sequence[Capsules], size: tuple[int, int], margin: float
) -> list[Layer]:
    """Order what is to be drawn.

    Bodies of one opaque sheet that may touch hide each other point by point. Bodies with
    sheets that let light through are drawn one upon the other, the nearer one later.

    Args:
        species: of all.
        bodies: of N animals, in as many poses each as the shutter lets through.
        size: width and height of the picture, px.
        margin: how far from a body its shadow reaches, px.
    """
    sheets = species.sheets
    if len(sheets) > 1:
        order = np.argsort([body.start[..., 2].mean() for body in bodies], kind="stable")
        groups = [[int(n)] for n in order]
    else:
        groups = render.clusters([capsules.bounds(body, size, margin) for body in bodies])
    drawn = []
    for group in groups:
        joined = _joined(species, [bodies[n] for n in group], group)
        for materials, opacity in sheets:
            some = joined
            if len(sheets) > 1:
                some = _only(species, joined, materials, len(bodies))
            poses = [some.pose(moment) for moment in range(len(some.start))]
            drawn.append(Layer(poses, opacity))
    return drawn


def in_sight(
    species: Species, bodies: Sequence[Capsules], xy: Float[np.ndarray, "T N J 2"]
) -> Bool[np.ndarray, "T N J"]:
    """Tell which keypoints are seen: nothing but a part of their own lies before them.

    Args:
        species: of all.
        bodies: of N animals, in T poses.
        xy: where their keypoints are in the picture, px.
    """
    joined = _joined(species, bodies, range(len(bodies)))
    if len(species.sheets) > 1:
        joined = _only(species, joined, species.sheets[0].materials, len(bodies))
    met = capsules.first_part(joined, xy.reshape(len(xy), -1, 2)).reshape(xy.shape[:3])
    own = np.empty(met.shape, bool)
    for n in range(xy.shape[1]):
        for j, mine in enumerate(species.own_parts()):
            own[:, n, j] = np.isin(met[:, n, j], [part + n * species.parts for part in mine])
    return own


def _joined(species: Species, bodies: Sequence[Capsules], numbers: Sequence[int]) -> Capsules:
    return capsules.join(bodies, numbers, (species.parts, species.materials))


def _only(
    species: Species, bodies: Capsules, materials: frozenset[int], n_animals: int
) -> Capsules:
    """Keep the capsules made of some materials, of whichever animal."""
    count = species.materials
    return bodies.of(frozenset(m + k * count for k in range(n_animals) for m in materials))

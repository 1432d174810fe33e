"""Components of a rig: what they are, and what may bring one into the axes of another."""

from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Float
from pydantic import PositiveFloat, PositiveInt

from gambol.core.cameras import Camera, Rig
from gambol.core.registry import Spec
from gambol.core.skeleton import Skeleton

Point = tuple[float, float, float]


class Part(NamedTuple):
    """Cameras that are joined, and the points that they found, in axes of their own."""

    rig: Rig
    points: Float[np.ndarray, "T J 3"]  # NaN where not found
    scaled: bool = False  # lengths are those of the world
    own_sd: float = 0.0  # degrees, of all its cameras' directions together

    def moved(self, turn: np.ndarray, shift: np.ndarray, scale: float) -> "Part":
        """Return the part in new axes, x' = scale · turn x + shift."""
        return self._replace(
            rig=self.rig.moved(turn, shift, scale),
            points=scale * self.points @ turn.T + shift,
        )


class Join(NamedTuple):
    """What brings one part into the axes of another: x' = scale · turn x + shift."""

    by: str  # the kind of its settings
    through: str  # what it rests on, for people
    cameras: tuple[str, ...]  # that are brought
    to: tuple[str, ...]
    points: int  # matching points; 0: the template's directions instead
    frames: int
    angle_sd: float  # degrees, root mean square
    scale_sd: float  # relative; NaN where nothing tells
    apart: float
    # median distance of matching points, in their spread; px of one camera; NaN without points
    turn: Float[np.ndarray, "3 3"]
    shift: Float[np.ndarray, " 3"]
    scale: float

    def values(self) -> dict[str, Any]:
        """Return what is kept of it, as plain values."""
        return {
            "by": self.by, "through": self.through, "cameras": list(self.cameras),
            "to": list(self.to), "points": self.points, "frames": self.frames,
            "angle_sd_deg": self.angle_sd, "scale_sd": self.scale_sd, "apart": self.apart,
        }  # fmt: skip

    @property
    def sentence(self) -> str:
        """What a person must know of it."""
        said = (
            f"Cameras {', '.join(self.cameras)} are joined to {', '.join(self.to)} by "
            f"{self.through}"
        )
        if not self.points:
            return f"{said}: the angle between them is a prior of sd {self.angle_sd:.2g}°."
        if len(self.cameras) == 1:
            return (
                f"{said}: {self.points} points in {self.frames} frames, {self.apart:.2g} px "
                f"off in the median; its direction is sure to {self.angle_sd:.2g}° (one sd, "
                "from blocks of frames resampled and the other side's own fit)."
            )
        return (
            f"{said}: {self.points} points in {self.frames} frames, {100 * self.apart:.2g} % "
            f"of their spread apart; the angle is sure to {self.angle_sd:.2g}°, the relative "
            f"size to {100 * self.scale_sd:.2g} % (one sd, from blocks of frames resampled and "
            "each side's own fit)."
        )


class Asked(NamedTuple):
    """What joiners know besides the two parts."""

    skeleton: Skeleton
    template: Rig  # with rough directions of view
    rng: np.random.Generator


class Apart(Spec):
    """Join nothing: components keep what the start gave them, and the result says so."""

    kind: Literal["none"] = "none"


class ByTemplate(Spec):
    """Rough directions of view, believed as far as they are said to be right."""

    kind: Literal["template"] = "template"
    sd: PositiveFloat = 5.0  # degrees that a direction is off; more if components say so
    most_sd: PositiveFloat = 5.0  # degrees; an angle less sure than this joins nothing


class ByMidline(Spec):
    """Keypoints that are one point of the animal, seen from both sides."""

    kind: Literal["midline"] = "midline"
    points: tuple[str | tuple[str, str], ...] = ()
    # names that both sides use, or two names of one point, such as [spot_left, spot_right]
    least: PositiveInt = 30  # points that both sides must have found
    most_sd: PositiveFloat = 5.0  # degrees; an angle less sure than this joins nothing


class ByShape(Spec):
    """A stiff part of the animal, of which each side sees something."""

    kind: Literal["rigid"] = "rigid"
    points: dict[str, Point] = {}  # keypoints at places in the animal's axes, of any unit
    least: PositiveInt = 30  # points on which both sides must have a word
    most_sd: PositiveFloat = 5.0  # degrees; an angle less sure than this joins nothing


class Lone(NamedTuple):
    """A camera that shares too little with any other."""

    camera: Camera  # with its lens
    xy: Float[np.ndarray, "T J 2"]  # px; NaN where not seen


def own_sd(directions: list[float]) -> float:
    """Return how sure the directions of n cameras are together, degrees.

    Those of a component are known relative to its first camera; their mean is surer than one
    of them by the root of n.
    """
    known = np.array(directions)
    return float(np.sqrt(np.nanmean(known**2) / len(known)))

"""What the world asks of a kind of animal: its body, its ways, its surroundings, its looks."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from gambol.core.skeleton import Skeleton
from gambol.simulate import arena, behaviour, chamber, flies, fly, mice, mouse, render
from gambol.simulate.arena import Arena
from gambol.simulate.capsules import Capsules, Paint
from gambol.simulate.motion import Motion


class Sheet(NamedTuple):
    """Surfaces that are drawn together; those of the first sheet of an animal hide things."""

    materials: frozenset[int]
    opacity: float


class Mice(NamedTuple):
    """Mice with a coat in an open field."""

    coat: str
    identical: bool
    body_length: float = mouse.BODY_LENGTH  # mm, that is `SimulateConfig.body_length` in px
    parts: int = len(mouse.PARTS)  # of one body
    materials: int = len(mouse.MATERIALS)
    sheets: tuple[Sheet, ...] = (Sheet(frozenset(range(len(mouse.MATERIALS))), 1.0),)

    def skeleton(self) -> Skeleton:
        """Return the labelled keypoints."""
        return mouse.skeleton()

    def own_parts(self) -> tuple[frozenset[int], ...]:
        """Return, for every keypoint, the parts on whose surface it lies."""
        return mouse.own_parts()

    def dress(self, joints: Float[np.ndarray, "*T R 3"], scale: float) -> Capsules:
        """Clothe poses."""
        return mouse.dress(joints, scale)

    def floor(self, size: tuple[int, int], scale: float) -> Float[np.ndarray, "2 2"]:
        """Return the corners of the floor, px, whatever the scale."""
        return arena.floor(size)

    def furnish(
        self, rng: np.random.Generator, size: tuple[int, int], scale: float, unevenness: float
    ) -> Arena:
        """Build the open field."""
        return arena.furnish(rng, size, scale, unevenness)

    def looks(self, rng: np.random.Generator, n_animals: int) -> Paint:
        """Return the coats."""
        return render.coats(rng, self.coat, n_animals, identical=self.identical)

    def move(
        self,
        rng: np.random.Generator,
        n: int,
        n_frames: int,
        fps: float,
        floor: np.ndarray,
        moody: bool = False,
    ) -> Motion:
        """Let mice behave."""
        moods = behaviour.MOODS if moody else None
        return mice.move_all(
            rng, n, n_frames, fps, floor, identical=self.identical, moods=moods
        )


class Flies(NamedTuple):
    """Fruit flies in a chamber that is lit from below or black."""

    ground: chamber.Ground
    identical: bool
    body_length: float = fly.BODY_LENGTH
    parts: int = len(fly.PARTS)
    materials: int = len(fly.MATERIALS)

    @property
    def sheets(self) -> tuple[Sheet, ...]:
        """Body, wings."""
        return Sheet(fly.SOLID, 1.0), Sheet(fly.WINGS, chamber.WING_OPACITY)

    def skeleton(self) -> Skeleton:
        """Return the labelled keypoints."""
        return fly.skeleton()

    def own_parts(self) -> tuple[frozenset[int], ...]:
        """Return, for every keypoint, the parts on whose surface it lies."""
        return fly.own_parts()

    def dress(self, joints: Float[np.ndarray, "*T R 3"], scale: float) -> Capsules:
        """Clothe poses."""
        return fly.dress(joints, scale)

    def floor(self, size: tuple[int, int], scale: float) -> Float[np.ndarray, "2 2"]:
        """Return the corners of the floor, px; it goes on beyond the picture."""
        return chamber.floor(size, self.body_length * scale)

    def furnish(
        self, rng: np.random.Generator, size: tuple[int, int], scale: float, unevenness: float
    ) -> Arena:
        """Build the chamber."""
        return chamber.furnish(rng, size, scale, unevenness, self.ground)

    def looks(self, rng: np.random.Generator, n_animals: int) -> Paint:
        """Return how the flies look."""
        return chamber.looks(rng, n_animals, self.ground, self.identical)

    def move(
        self,
        rng: np.random.Generator,
        n: int,
        n_frames: int,
        fps: float,
        floor: np.ndarray,
        moody: bool = False,
    ) -> Motion:
        """Let flies behave."""
        moods = flies.MOODS if moody else None
        return flies.move_all(
            rng, n, n_frames, fps, floor, identical=self.identical, moods=moods
        )


Species = Mice | Flies

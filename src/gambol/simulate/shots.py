"""Films of a simulated arena by cameras that stand around it, drawn frame by frame.

Every frame depends on the poses and on its own random numbers alone, so frames can be drawn in
any order, by any number of processes, and come out alike.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Literal

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8
from pydantic import Field, NonNegativeFloat

from gambol.core.cameras import Camera
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.kernels import projection
from gambol.simulate import capsules, hiding, perspective, render, scenery
from gambol.simulate.arena import Arena
from gambol.simulate.body3d import Animal, Bodies
from gambol.simulate.capsules import Capsules
from gambol.simulate.scenery import Backdrop, Scenery
from gambol.simulate.species import Flies, Mice, Species


class PictureConfig(Config):
    """How the films look."""

    colour: bool = True  # False: one grey channel
    coat: Literal["black", "agouti", "albino"] = "black"  # of mice
    ground: Literal["bright", "dark"] = "bright"  # of flies: lit from below, or on black
    light: NonNegativeFloat = 0.13  # sd of the light over the floor; 0 is even
    noise: NonNegativeFloat = 2.5  # sd at middle grey, levels of 255; it grows with the signal
    blur: NonNegativeFloat = 0.5  # px, sd of what the lens makes of a point
    exposure: float = Field(0.35, ge=0.0, le=1.0)  # share of the frame time the shutter is open
    compression: int = Field(0, ge=0, le=99)  # 100 - JPEG quality before the film's own


class Set:
    """Animals in an arena, ready to be filmed."""

    def __init__(
        self,
        bodies: Bodies,
        animal: Animal,
        cfg: PictureConfig | None = None,
        *,
        fps: float,
        seed: int,
        place: int | None = None,
        identical: bool = False,
    ) -> None:
        """Build the arena and the looks of the animals by `place`; `seed` draws the noise."""
        place = seed if place is None else place
        self.bodies, self.cfg, self.fps, self.seed = bodies, cfg or PictureConfig(), fps, seed
        coat, ground = self.cfg.coat, self.cfg.ground
        self.species: Species = (
            Mice(coat, identical) if animal == "mouse" else Flies(ground, identical)
        )
        self.scenery: Scenery = scenery.furnish(
            np.random.default_rng([place, _ARENA]), animal, bodies.floor,
            ground=ground, unevenness=self.cfg.light,
        )  # fmt: skip
        rng = np.random.default_rng([place, _COAT])
        self.look = self.species.looks(rng, bodies.joints.shape[1])

    def dress(self, joints: Float[np.ndarray, "T N R 3"]) -> list[Capsules]:
        """Clothe every animal, in mm of the world."""
        size = self.bodies.size
        return [
            self.species.dress(joints[:, n] / size[n], float(size[n])) for n in range(len(size))
        ]


class Shot:
    """The film of one camera, as a core.video.Video whose frames are drawn when asked for."""

    def __init__(self, place: Set, camera: Camera, number: int = 0) -> None:
        """Point a camera at a set; its number draws its noise."""
        if camera.size is None:
            raise InputError(f"camera {camera.name} has no image size; give it one")
        self.set, self.camera, self.number = place, camera, number
        self.size: tuple[int, int] = camera.size

    def __len__(self) -> int:
        """Return the number of frames, T."""
        return len(self.set.bodies.times)

    @property
    def channels(self) -> int:
        """Channels of a frame: 1 (grey) or 3 (red, green, blue)."""
        return 3 if self.set.cfg.colour else 1

    @property
    def fps(self) -> float:
        """Frames a second."""
        return self.set.fps

    @property
    def times(self) -> Float[np.ndarray, " T"]:
        """Middle of every exposure, seconds from the first."""
        return self.set.bodies.times

    def read(self, indices: Sequence[int]) -> UInt8[np.ndarray, "B H W C"]:
        """Draw frames by index, in the order asked for; each is always drawn alike."""
        return render.frames(self._draw, indices, len(self), (*self.size[::-1], self.channels))

    def close(self) -> None:
        """Hold nothing open."""

    def in_sight(self, keypoints: Sequence[str]) -> Bool[np.ndarray, "T N J"]:
        """Tell which labelled keypoints have nothing before them but a part of their own."""
        species, bodies = self.set.species, self.set.bodies
        known = species.skeleton().keypoints
        places = [bodies.skeleton.index(name) for name in known]
        wanted = [known.index(name) for name in keypoints]
        seen = np.zeros((*bodies.xyz.shape[:2], len(wanted)), bool)
        for first in range(0, len(seen), _CHUNK):
            some = slice(first, first + _CHUNK)
            uv = np.nan_to_num(self.project(bodies.xyz[some][:, :, places]), nan=-1e6)
            looked = self._bodies(bodies.joints[some])
            seen[some] = hiding.in_sight(species, looked, uv)[:, :, wanted]
        return seen

    def project(self, xyz: Float[np.ndarray, "*T 3"]) -> Float[np.ndarray, "*T 2"]:
        """Return where points of the world are in the picture, px; NaN behind the camera."""
        seen = projection.project(xyz.reshape(-1, 3), self.camera.params()[None])
        return seen.uv[0].reshape(*xyz.shape[:-1], 2)

    # ---- one frame ---------------------------------------------------------------------------

    @cached_property
    def backdrop(self) -> Backdrop:
        """The arena without animals."""
        return scenery.backdrop(self.set.scenery, self.camera)

    @cached_property
    def _grain(self) -> Float32[np.ndarray, "h w C"]:
        """Noise of unit variance, a little larger than a frame: frames cut theirs out of it."""
        rng = np.random.default_rng([self.set.seed, _GRAIN, self.number])
        width, height = self.size
        tile = (height + _SLACK, width + _SLACK, self.channels)
        return rng.standard_normal(tile, np.float32)

    def _bodies(self, joints: Float[np.ndarray, "T N R 3"]) -> list[Capsules]:
        return [perspective.through(body, self.camera) for body in self.set.dress(joints)]

    def _draw(self, index: int) -> UInt8[np.ndarray, "H W C"]:
        rng = np.random.default_rng([self.set.seed, _FRAME, self.number, index])
        joints = self._exposed(index)
        back = self.backdrop
        scene = back.scene.copy()
        if self.set.scenery.shadow:
            for light, corner in self._shadows(joints[len(joints) // 2]):
                scenery.shade(scene, back.floor, light, corner)
        lit = Arena(self.set.bodies.floor, back.scene, back.light, shadow=False)
        for layer in hiding.layers(self.set.species, self._bodies(joints), self.size, 1.0):
            render.lay(scene, lit, self.set.look, layer, _RAYS)
        return self.sense(scene, rng)

    def _exposed(self, index: int) -> Float[np.ndarray, "E N R 3"]:
        """Poses that stand for one exposure: more of them, the farther something moves."""
        joints = self.set.bodies.joints
        around = joints[np.clip([index - 1, index, index + 1], 0, len(joints) - 1)]
        share = self.set.cfg.exposure
        way = np.nan_to_num(np.abs(np.diff(self.project(around), axis=0)).max(initial=0.0))
        count = 1 if share == 0 else int(np.clip(2 * round(share * way / 2) + 1, 1, _POSES))
        t = (share * (np.arange(count) - (count - 1) / 2) / count)[:, None, None, None]
        before, now, after = around
        return np.asarray(
            now + t * (after - before) / 2 + t * t * (after - 2 * now + before) / 2
        )

    def _shadows(
        self, joints: Float[np.ndarray, "N R 3"]
    ) -> list[tuple[Float32[np.ndarray, "h w"], tuple[int, int]]]:
        """Light that each animal leaves on the floor, in a window of the floor's texture."""
        place = self.set.scenery
        detail = min(place.detail, _SHADE)
        size = tuple(int(n) for n in np.ceil(detail * (place.floor[1] - place.floor[0])))
        found = []
        for body in self.set.dress(joints[None]):
            above = _from_above(body.pose(0), place, detail)
            window = capsules.bounds(above, (size[0], size[1]), 16.0 * detail)
            if window.width and window.height:
                light = render.shadow(capsules.cover(above, window), detail)
                more = place.detail / detail
                whole = cv2.resize(
                    light, None, fx=more, fy=more, interpolation=cv2.INTER_LINEAR
                )
                found.append((whole, (round(more * window.x), round(more * window.y))))
        return found

    def sense(
        self, scene: Float32[np.ndarray, "H W 3"], rng: np.random.Generator
    ) -> UInt8[np.ndarray, "H W C"]:
        """Film a lit scene, grey levels 0 to 255: lens, noise of light and sensor, rounding."""
        cfg = self.set.cfg
        signal = scene if cfg.colour else cv2.cvtColor(scene, cv2.COLOR_RGB2GRAY)[..., None]
        if cfg.blur > 0:
            signal = cv2.GaussianBlur(signal, (0, 0), cfg.blur).reshape(signal.shape)
        width, height = self.size
        top, left, mirrored = rng.integers(0, [_SLACK, _SLACK, 2])
        grain = self._grain[top : top + height, left : left + width]
        if cfg.noise > 0:
            # photons: the variance grows with the signal; at middle grey it is 1
            grain = grain * np.sqrt(0.3 + 1.4 * signal)
        level = cfg.noise * (1.0 - 2.0 * mirrored)
        frame = cv2.addWeighted(signal, 255.0, grain, level, 0.0, dtype=cv2.CV_8U)
        frame = frame.reshape(signal.shape)
        if cfg.compression:
            frame = render.through_jpeg(frame, 100 - cfg.compression)
        return frame


_ARENA, _COAT, _FRAME, _GRAIN = range(100, 104)  # streams of random numbers of one seed
_RAYS = 2  # a pixel and axis, per pose
_POSES = 5  # of one exposure, at most
_SLACK = 64  # px, by which the tile of noise is larger
_SHADE = 1.0  # px of a shadow's picture per mm, at most
_CHUNK = 500  # frames dressed at a time


def _from_above(body: Capsules, place: Scenery, detail: float) -> Capsules:
    """Put capsules of the world, mm, on a picture of the floor from above."""
    origin = np.array([place.floor[0, 0], place.floor[1, 1], 0.0, 0.0])
    by = detail * np.array([1.0, -1.0, 1.0, 1.0])
    return body._replace(
        start=np.ascontiguousarray((body.start - origin) * by),
        stop=np.ascontiguousarray((body.stop - origin) * by),
        scale=detail,
    )

"""A recording that was never made: animals in an arena, and the truth about every frame.

>>> film = simulate(SimulateConfig(seconds=1.0, seed=3))
>>> len(film), film.read([0, 29]).shape, film.truth.xy.shape
(30, (2, 360, 480, 3), (30, 1, 12, 2))
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.labels import Visibility
from gambol.core.skeleton import Skeleton
from gambol.simulate import arena, capsules, hiding, render
from gambol.simulate.capsules import Capsules
from gambol.simulate.company import crowding
from gambol.simulate.motion import Motion
from gambol.simulate.species import Flies, Mice, Species


class SimulateConfig(Config):
    """What to film. The same settings give the same recording, bit for bit."""

    animal: Literal["mouse", "fly"] = "mouse"
    animals: int = Field(1, ge=1, le=6)
    identical: bool = False  # True: nothing but their motion tells animals apart
    moods: bool = True  # states above behaviour, tens of seconds long
    seconds: float = Field(10.0, gt=0.0, le=86_400.0)
    fps: float = Field(30.0, ge=5.0)  # slower, and a step of a running mouse is lost
    width: PositiveInt = Field(480, ge=64)  # px
    height: PositiveInt = Field(360, ge=64)
    body_length: PositiveFloat = 90.0  # px, nose to tail base, or head to abdomen
    seed: NonNegativeInt = 0
    colour: bool = True  # False: one grey channel
    coat: Literal["black", "agouti", "albino"] = "black"  # of mice
    ground: Literal["bright", "dark"] = "bright"  # of flies: lit from below, or on black
    light: NonNegativeFloat = 0.13  # sd of the light over the arena; 0 is even
    noise: NonNegativeFloat = 2.5  # sd of the sensor's noise, grey levels of 255
    exposure: float = Field(0.35, ge=0.0, le=1.0)  # share of the frame time the shutter is open
    compression: int = Field(12, ge=0, le=99)  # 100 - JPEG quality; 0 leaves it out
    clean: bool = False  # no noise, motion blur or compression, whatever is said above


class Truth(NamedTuple):
    """What is known about every frame at the middle of its exposure."""

    xy: Float[np.ndarray, "T N J 2"]  # px; integer coordinates are pixel centres; NaN if absent
    visibility: UInt8[np.ndarray, "T N J"]  # core.labels.Visibility
    individual: Int[np.ndarray, " N"]
    state: Int[np.ndarray, "T N"]  # index into `states`
    states: tuple[str, ...]
    mood: Int[np.ndarray, "T N"]  # index into `moods`; all 0 where there are none
    moods: tuple[str, ...]


class Simulation:
    """The recording, as a core.video.Video whose frames are drawn when they are asked for."""

    def __init__(self, cfg: SimulateConfig, moved: Motion) -> None:
        self.cfg = cfg
        self.motion = moved
        self.species = _species(cfg)
        self.skeleton: Skeleton = self.species.skeleton()

    def __len__(self) -> int:
        """Return the number of frames, T."""
        return len(self.motion.times)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.cfg.width, self.cfg.height

    @property
    def channels(self) -> int:
        """Channels of a frame: 1 (grey) or 3 (red, green, blue)."""
        return 3 if self.cfg.colour else 1

    @property
    def fps(self) -> float:
        """Frames a second."""
        return self.cfg.fps

    @property
    def times(self) -> Float[np.ndarray, " T"]:
        """Middle of every exposure, seconds from the first."""
        return self.motion.times

    @property
    def scale(self) -> float:
        """Pixels per mm."""
        return self.cfg.body_length / self.species.body_length

    @cached_property
    def truth(self) -> Truth:
        """Where every keypoint is, whether it can be seen, and what the animal is doing."""
        xy = self.scale * self.motion.joints[:, :, : len(self.skeleton), :2]
        visibility = self._visibility(xy)
        absent = (visibility == Visibility.ABSENT)[..., None]
        individuals = np.arange(xy.shape[1])
        known = np.where(absent, np.nan, xy)
        did = self.motion.state, self.motion.states, self.motion.mood, self.motion.moods
        return Truth(known, visibility, individuals, *did)

    def read(self, indices: Sequence[int]) -> UInt8[np.ndarray, "B H W C"]:
        """Draw frames by index, in the order asked for; each is always drawn alike."""
        return render.frames(self._draw, indices, len(self), (*self.size[::-1], self.channels))

    def close(self) -> None:
        """Hold nothing open."""

    @cached_property
    def arena(self) -> arena.Arena:
        """The empty arena."""
        rng = np.random.default_rng([self.cfg.seed, _ARENA])
        return self.species.furnish(rng, self.size, self.scale, self.cfg.light)

    @cached_property
    def _look(self) -> capsules.Paint:
        rng = np.random.default_rng([self.cfg.seed, _COAT])
        return self.species.looks(rng, self.motion.joints.shape[1])

    @property
    def _sensor(self) -> render.Sensor:
        cfg = self.cfg
        if cfg.clean:
            return render.Sensor(self.channels, noise=0.0, jpeg_quality=0, subsamples=4)
        quality = 100 - cfg.compression if cfg.compression else 0
        return render.Sensor(self.channels, cfg.noise, quality, subsamples=2)

    def _draw(self, index: int) -> UInt8[np.ndarray, "H W C"]:
        rng = np.random.default_rng([self.cfg.seed, _FRAME, index])
        joints = _within_exposure(self.motion.joints, index, self._moments())
        bodies = [self._dress(joints[:, n], n) for n in range(joints.shape[1])]
        layers = hiding.layers(self.species, bodies, self.size, 16.0 * self.scale)
        return render.develop(self.arena, self._look, layers, self._sensor, rng)

    def _dress(self, joints: Float[np.ndarray, "T R 3"], animal: int) -> Capsules:
        """Clothe one animal; its size is in its clothes."""
        size = self.motion.size[animal]
        return self.species.dress(joints / size, self.scale * size)

    def _moments(self) -> Float[np.ndarray, " E"]:
        """Moments of a frame that the shutter averages, in frames from its middle."""
        exposure = 0.0 if self.cfg.clean else self.cfg.exposure
        if exposure == 0.0:
            return np.zeros(1)
        return exposure * (np.arange(_POSES) - (_POSES - 1) / 2) / _POSES

    def _visibility(self, xy: Float[np.ndarray, "T N J 2"]) -> UInt8[np.ndarray, "T N J"]:
        """A keypoint is seen when nothing but a part of its own lies above it."""
        own = np.empty(xy.shape[:3], bool)
        for first in range(0, len(xy), _CHUNK):
            some = slice(first, first + _CHUNK)
            joints = self.motion.joints[some]
            bodies = [self._dress(joints[:, n], n) for n in range(joints.shape[1])]
            own[some] = hiding.in_sight(self.species, bodies, xy[some])
        code = np.where(own, Visibility.VISIBLE, Visibility.OCCLUDED)
        inside = (np.rint(xy) >= 0).all(axis=-1) & (np.rint(xy) < self.size).all(axis=-1)
        return np.where(inside, code, Visibility.ABSENT).astype(np.uint8)


def simulate(cfg: SimulateConfig) -> Simulation:
    """Let the animals behave; frames are drawn later, when they are read."""
    n_frames = max(1, round(cfg.seconds * cfg.fps))
    species = _species(cfg)
    scale = cfg.body_length / species.body_length
    floor = species.floor((cfg.width, cfg.height), scale) / scale
    needed = crowding(floor[1] - floor[0], species.body_length, cfg.animals)
    if needed > 1.0:
        raise InputError(
            f"body_length {cfg.body_length:g} leaves no room to walk in {cfg.width} x "
            f"{cfg.height} pixels; {cfg.body_length / needed:.0f} is the longest that does"
        )
    rng = np.random.default_rng([cfg.seed, _MOTION])
    return Simulation(cfg, species.move(rng, cfg.animals, n_frames, cfg.fps, floor, cfg.moods))


def _species(cfg: SimulateConfig) -> Species:
    if cfg.animal == "fly":
        return Flies(cfg.ground, cfg.identical)
    return Mice(cfg.coat, cfg.identical)


_MOTION, _ARENA, _COAT, _FRAME = range(4)  # streams of random numbers of one seed
_CHUNK = 1000  # frames dressed at a time, 7 MB
_POSES = 5  # poses that stand for one exposure


def _within_exposure(
    joints: Float[np.ndarray, "T N R 3"], index: int, moments: Float[np.ndarray, " E"]
) -> Float[np.ndarray, "E N R 3"]:
    """Poses around a frame, on the parabola through it and its neighbours."""
    before, now, after = joints[np.clip([index - 1, index, index + 1], 0, len(joints) - 1)]
    t = moments[:, None, None, None]
    return now + t * (after - before) / 2 + t * t * (after - 2 * now + before) / 2

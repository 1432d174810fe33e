"""A recording that was never made: a mouse in an open field, and the truth about every frame.

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
from gambol.simulate import arena, behaviour, capsules, motion, mouse, render
from gambol.simulate.motion import Motion


class SimulateConfig(Config):
    """What to film. The same settings give the same recording, bit for bit."""

    animal: Literal["mouse"] = "mouse"
    animals: Literal[1] = 1
    seconds: PositiveFloat = 10.0
    fps: float = Field(30.0, ge=5.0)  # slower, and a step of a running mouse is lost
    width: PositiveInt = Field(480, ge=64)  # px
    height: PositiveInt = Field(360, ge=64)
    body_length: PositiveFloat = 90.0  # px from nose to tail base when stretched; 1 px is 1 mm
    seed: NonNegativeInt = 0
    colour: bool = True  # False: one grey channel
    coat: Literal["black", "agouti", "albino"] = "black"
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


class Simulation:
    """The recording, as a core.video.Video whose frames are drawn when they are asked for."""

    def __init__(self, cfg: SimulateConfig, moved: Motion) -> None:
        self.cfg = cfg
        self.motion = moved
        self.skeleton: Skeleton = mouse.skeleton()

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
        return self.cfg.body_length / mouse.BODY_LENGTH

    @cached_property
    def truth(self) -> Truth:
        """Where every keypoint is, whether it can be seen, and what the animal is doing."""
        xy = self.scale * self.motion.joints[:, :, : len(mouse.KEYPOINTS), :2]
        visibility = np.stack(
            [self._visibility(xy[:, n], n) for n in range(xy.shape[1])], axis=1
        )
        absent = (visibility == Visibility.ABSENT)[..., None]
        individuals = np.arange(xy.shape[1])
        known = np.where(absent, np.nan, xy)
        return Truth(known, visibility, individuals, self.motion.state, behaviour.STATES)

    def read(self, indices: Sequence[int]) -> UInt8[np.ndarray, "B H W C"]:
        """Draw frames by index, in the order asked for; each is always drawn alike."""
        width, height = self.size
        frames = np.empty((len(indices), height, width, self.channels), np.uint8)
        for slot, index in enumerate(indices):
            if not 0 <= index < len(self):
                last = len(self) - 1
                raise InputError(f"frame {index} is not simulated; there are 0 to {last}")
            frames[slot] = self._draw(int(index))
        return frames

    def close(self) -> None:
        """Hold nothing open."""

    @cached_property
    def arena(self) -> arena.Arena:
        """The empty arena."""
        rng = np.random.default_rng([self.cfg.seed, _ARENA])
        return arena.furnish(rng, self.size, self.scale, self.cfg.light)

    @cached_property
    def _look(self) -> capsules.Paint:
        return render.coat(np.random.default_rng([self.cfg.seed, _COAT]), self.cfg.coat)

    @property
    def _sensor(self) -> render.Sensor:
        cfg = self.cfg
        if cfg.clean:
            return render.Sensor(self.channels, noise=0.0, jpeg_quality=0, subsamples=4)
        quality = 100 - cfg.compression if cfg.compression else 0
        return render.Sensor(self.channels, cfg.noise, quality, subsamples=2)

    def _draw(self, index: int) -> UInt8[np.ndarray, "H W C"]:
        rng = np.random.default_rng([self.cfg.seed, _FRAME, index])
        joints = _within_exposure(self.motion.joints[:, 0], index, self._moments())
        bodies = mouse.dress(joints, self.scale)
        poses = [bodies.pose(moment) for moment in range(len(joints))]
        return render.develop(self.arena, self._look, poses, self._sensor, rng)

    def _moments(self) -> Float[np.ndarray, " E"]:
        """Moments of a frame that the shutter averages, in frames from its middle."""
        exposure = 0.0 if self.cfg.clean else self.cfg.exposure
        if exposure == 0.0:
            return np.zeros(1)
        return exposure * (np.arange(_POSES) - (_POSES - 1) / 2) / _POSES

    def _visibility(self, xy: np.ndarray, individual: int) -> UInt8[np.ndarray, "T J"]:
        """A keypoint is seen when nothing but its own part lies above it."""
        met = np.empty(xy.shape[:2], np.int64)
        for first in range(0, len(xy), _CHUNK):
            some = slice(first, first + _CHUNK)
            bodies = mouse.dress(self.motion.joints[some, individual], self.scale)
            met[some] = capsules.first_part(bodies, xy[some])
        own = [np.isin(met[:, j], list(parts)) for j, parts in enumerate(mouse.own_parts())]
        code = np.where(np.stack(own, axis=1), Visibility.VISIBLE, Visibility.OCCLUDED)
        inside = (np.rint(xy) >= 0).all(axis=-1) & (np.rint(xy) < self.size).all(axis=-1)
        return np.where(inside, code, Visibility.ABSENT).astype(np.uint8)


def simulate(cfg: SimulateConfig) -> Simulation:
    """Let the animal behave; frames are drawn later, when they are read."""
    n_frames = max(1, round(cfg.seconds * cfg.fps))
    scale = cfg.body_length / mouse.BODY_LENGTH
    floor = arena.floor((cfg.width, cfg.height)) / scale
    if (needed := 1.6 * mouse.BODY_LENGTH) > (floor[1] - floor[0]).min():
        raise InputError(
            f"body_length {cfg.body_length:g} leaves no room to walk in {cfg.width} x "
            f"{cfg.height} pixels; {cfg.body_length * (floor[1] - floor[0]).min() / needed:.0f}"
            " is the longest that does"
        )
    rng = np.random.default_rng([cfg.seed, _MOTION])
    return Simulation(cfg, motion.move(rng, n_frames, cfg.fps, floor))


_MOTION, _ARENA, _COAT, _FRAME = range(4)  # streams of random numbers of one seed
_CHUNK = 1000  # frames dressed at a time, 7 MB
_POSES = 5  # poses that stand for one exposure


def _within_exposure(
    joints: Float[np.ndarray, "T R 3"], index: int, moments: Float[np.ndarray, " E"]
) -> Float[np.ndarray, "E R 3"]:
    """Poses around a frame, on the parabola through it and its neighbours."""
    before, now, after = joints[np.clip([index - 1, index, index + 1], 0, len(joints) - 1)]
    t = moments[:, None, None]
    return now + t * (after - before) / 2 + t * t * (after - 2 * now + before) / 2

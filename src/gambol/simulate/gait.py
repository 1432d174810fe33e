"""Where the paws stand: diagonal pairs that step in turn and stay planted in between.

The path of the body is known in advance, so each foothold is where the hip or shoulder will
carry the paw's resting place in the middle of that stance.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import gaussian_filter1d

DUTY = 0.62  # share of the stride for which a paw stands; above a half, so a trot never floats


class Gait(NamedTuple):
    """How an animal with P legs steps."""

    phase: tuple[float, ...]  # of each leg, in strides
    stride: float  # mm, of a slow animal
    longer: float  # s, by which a stride lengthens with speed
    lift: float  # mm
    ground: float  # mm, height of a standing paw's centre


TROT = Gait((0.0, 0.5, 0.5, 0.0), 30.0, 0.08, 4.0, 1.5)  # left, right fore; left, right hind


class Steps(NamedTuple):
    """Paws in the order of the gait's phases."""

    paws: Float[np.ndarray, "T P 3"]  # mm
    stance: Bool[np.ndarray, "T P"]  # True: planted
    phase: Float[np.ndarray, " T"]  # strides since the start


def step(
    rest: Float[np.ndarray, "T P 2"],
    moved: Float[np.ndarray, " T"],
    fps: float,
    gait: Gait = TROT,
) -> Steps:
    """Place the paws.

    Args:
        rest: where each paw would stand under the body at that moment, mm.
        moved: how far the body moved per frame, rotation included, mm.
        fps: frames per second.
        gait: how this animal steps.
    """
    phase = _stride(moved, fps, gait)
    paws = np.empty((*rest.shape[:2], 3))
    stance = np.empty(rest.shape[:2], bool)
    for paw in range(rest.shape[1]):
        paws[:, paw], stance[:, paw] = _one_paw(rest[:, paw], phase + gait.phase[paw], gait)
    return Steps(paws, stance, phase)


def _stride(moved: np.ndarray, fps: float, gait: Gait) -> np.ndarray:
    """Phase of the gait: strides lengthen with speed, and no paw is left in the air."""
    speed = gaussian_filter1d(moved * fps, 0.04 * fps, mode="nearest")
    rate = speed / (gait.stride + gait.longer * speed)  # strides per second
    phase = np.empty(len(moved))
    now = 0.1
    for frame in range(len(moved)):
        phase[frame] = now
        airborne = (now + 0.5 * (DUTY - 0.5)) % 0.5 > DUTY - 0.5
        now += max(rate[frame], 1.8 * airborne * (speed[frame] > gait.stride / 15.0)) / fps
    return phase


def _one_paw(rest: np.ndarray, phase: np.ndarray, gait: Gait) -> tuple[np.ndarray, np.ndarray]:
    cycle = np.floor(phase).astype(int)
    within = phase - cycle
    stance = within < DUTY
    first = cycle[0]
    middles = np.arange(first, cycle[-1] + 2) + 0.5 * DUTY
    clock = phase + 1e-9 * np.arange(len(phase))  # strictly rising, so that interp is defined
    holds = np.stack([np.interp(middles, clock, rest[:, axis]) for axis in range(2)], axis=1)
    swing = np.clip((within - DUTY) / (1.0 - DUTY), 0.0, 1.0)
    ahead = (swing * swing * (3.0 - 2.0 * swing))[:, None]
    xy = (1.0 - ahead) * holds[cycle - first] + ahead * holds[cycle - first + 1]
    height = gait.ground + gait.lift * np.sin(np.pi * swing)
    return np.column_stack([xy, height]), stance

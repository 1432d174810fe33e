"""From behaviour to posture: a path through the arena, and every joint of the body on it.

Units are mm and radians, x to the right and y downwards as in the picture, z up from the
floor. A simulated second before the first frame lets tail and gait settle.
"""

from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.ndimage import convolve1d, maximum_filter1d

from gambol.simulate import behaviour, gait, mouse
from gambol.simulate.behaviour import Commands
from gambol.simulate.moods import Moods


class Motion(NamedTuple):
    """What N animals do over T frames."""

    times: Float[np.ndarray, " T"]  # s
    state: Int[np.ndarray, "T N"]  # index into `states`
    joints: Float[np.ndarray, "T N R 3"]  # mm, in the order of JOINTS of the animal
    stance: Bool[np.ndarray, "T N P"]  # whether each of its paws is planted
    size: Float[np.ndarray, " N"]  # length of each animal, 1 for the mean
    mood: Int[np.ndarray, "T N"]  # index into `moods`, all 0 where there are none
    states: tuple[str, ...] = behaviour.STATES
    moods: tuple[str, ...] = ()


class Path(NamedTuple):
    """Where the hips go."""

    xy: Float[np.ndarray, "T 2"]  # mm
    heading: Float[np.ndarray, " T"]  # rad
    turning: Float[np.ndarray, " T"]  # rad/s, walls included


def move(
    rng: np.random.Generator,
    n_frames: int,
    fps: float,
    floor: Float[np.ndarray, "2 2"],
    moods: Moods | None = None,
) -> Motion:
    """Let one mouse behave.

    Args:
        rng: draws behaviour and start; the same state gives the same motion.
        n_frames: T.
        fps: frames per second; behaviour is defined in seconds.
        floor: corners [[left, top], [right, bottom]], mm.
        moods: states above behaviour, if there are to be some.
    """
    lead = round(fps)
    commands = behaviour.command(rng, n_frames + lead, fps, moods=moods)
    start = floor.mean(axis=0) + rng.uniform(-0.2, 0.2, 2) * (floor[1] - floor[0])
    path = _walk(commands, start, rng.uniform(-np.pi, np.pi), fps, floor)
    joints, stance = embody(commands, path, fps, floor)
    times = np.arange(n_frames) / fps
    state, joints, stance, mood = (
        p[lead:, None] for p in (commands.state, joints, stance, commands.mood)
    )
    return Motion(times, state, joints, stance, np.ones(1), mood, moods=tuple(moods or ()))


def embody(
    commands: Commands, path: Path, fps: float, floor: Float[np.ndarray, "2 2"]
) -> tuple[Float[np.ndarray, "T R 3"], Bool[np.ndarray, "T 4"]]:
    """Give the path of one mouse a body: all its joints, and which paws are planted."""
    spine = _spine(commands, path, fps)
    spine = spine._replace(xy=spine.xy + _inward(spine.xy, fps, floor)[:, None])
    joints, stance = _limbs(commands, spine, fps)
    tail = [mouse.JOINT[name] for name in mouse.TAIL]
    backward = spine.xy[:, 0] - spine.xy[:, 1]
    base = joints[:, tail[0]]
    joints[:, tail, :2] = _tail(base[:, :2], backward, commands.tail_curl, fps, floor)
    sink = np.minimum(np.arange(len(tail)) / 3.0, 1.0)  # the tail reaches the floor at link 3
    lain = 3.2 - 0.25 * np.arange(len(tail))
    joints[:, tail, 2] = (1.0 - sink) * base[:, 2:] + sink * lain
    return joints, stance


# ---- the path --------------------------------------------------------------------------------


class Walker(NamedTuple):
    """One animal on its way."""

    xy: Float[np.ndarray, " 2"]  # mm
    heading: float  # rad
    steer: float = 0.0  # rad/s that walls add
    hand: float = 0.0  # side it turns to before a wall, 0 where the way is free


def _walk(
    commands: Commands, start: np.ndarray, heading: float, fps: float, floor: np.ndarray
) -> Path:
    """Follow the commands, drawn along walls and turned away before they are touched."""
    xy = np.empty((len(commands.speed), 2))
    headings, turnings = np.empty(len(xy)), np.empty(len(xy))
    walker = Walker(start.copy(), heading)
    for frame, (speed, turning) in enumerate(
        zip(commands.speed, commands.turning, strict=True)
    ):
        walker, turnings[frame] = advance(walker, speed, turning, fps, floor)
        xy[frame], headings[frame] = walker.xy, walker.heading
    return Path(xy, headings, turnings)


def advance(
    walker: Walker,
    speed: float,
    turning: float,
    fps: float,
    floor: Float[np.ndarray, "2 2"],
    *,
    shy: float = 1.0,
) -> tuple[Walker, float]:
    """Go one frame further; also return the turning rate (rad/s) that the walls left.

    Args:
        walker: before.
        speed: mm/s that is wanted.
        turning: rad/s that is wanted.
        fps: frames per second.
        floor: corners, mm.
        shy: how strongly walls draw the animal along, 0 to 1.
    """
    heading, steer = walker.heading, walker.steer
    ahead = np.array([np.cos(heading), np.sin(heading)])
    push = _push(walker.xy + (80.0 + 0.16 * speed) * ahead, floor)
    near = min(1.0, float(np.hypot(*push)))
    side = ahead[0] * push[1] - ahead[1] * push[0]
    # the hand chosen when a wall comes near is kept until the way is free
    hand = (walker.hand or (1.0 if side > 0.0 else -1.0)) if near > 0.0 else 0.0
    busy = min(1.0, speed / 60.0 + 0.5 * abs(turning))
    pull = shy * min(1.0, speed / 60.0) * _pull(walker.xy + 40.0 * ahead, ahead, floor)
    wanted = 5.0 * near * hand * busy + (1.0 - near) * pull
    steer += (wanted - steer) * min(1.0, 1.0 / (0.10 * fps))
    # a turn that was meant to go into the wall goes the other way
    wish = turning * (1.0 - near) + abs(turning) * hand * near
    turned = float(np.clip(wish + steer, -6.0, 6.0))
    here = walker.xy + speed * (1.0 - 0.75 * near) / fps * ahead
    return Walker(here, heading + turned / fps, steer, hand), turned


def _push(probe: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """Inward vector that grows from 0 to 1 over the last 26 mm before a wall."""
    reach = 26.0
    low, high = (probe - floor[0]) / reach, (floor[1] - probe) / reach
    push: np.ndarray = np.clip(1.0 - low, 0.0, 1.0) - np.clip(1.0 - high, 0.0, 1.0)
    return push


def _pull(here: np.ndarray, ahead: np.ndarray, floor: np.ndarray) -> float:
    """Turning rate (rad/s) that keeps to a wall within 100 mm: mice shun the open."""
    gaps = np.stack([here - floor[0], floor[1] - here])
    wall, axis = np.unravel_index(gaps.argmin(), gaps.shape)
    gap, inward = gaps[wall, axis], (1.0, -1.0)[wall]
    facing = ahead[axis] * inward
    if gap > 100.0 or abs(facing) > 0.95:
        return 0.0
    slant = 0.5 * np.clip((gap - 34.0) / 80.0, -1.0, 1.0)  # towards the wall, flatter when near
    wanted = np.copysign(np.cos(slant), ahead)
    wanted[axis] = -inward * np.sin(slant)
    return float(2.0 * (ahead[0] * wanted[1] - ahead[1] * wanted[0]))


# ---- the spine -------------------------------------------------------------------------------

# tail base, hips, back, shoulders, neck, nose: lengths of the links between them, mm
LINKS = np.array([14.0, 20.0, 18.0, 10.0, 28.0])
_BEND = np.array([-0.15, 0.2, 0.65, 1.0, 1.0])  # how far each link follows the bend
_LEVEL = np.array([0.35, 0.10, -0.07, -0.09, -0.28])  # pitch of each link on four feet, rad
_UPRIGHT = np.array([0.35, 0.95, 1.2, 1.1, 0.75])  # added when rearing
_SITTING = np.array([0.1, 0.65, 0.35, -0.3, -0.55])  # added when grooming
_HIPS = 1  # the hips carry the body
_HIP_HEIGHT = 12.5
_NOSE_HEIGHT = 3.0  # the least: the chin lies on the floor
_GIRTH = np.array([6.0, 13.5, 14.5, 10.0, 9.0, 4.0])  # distance kept from the walls


class _Spine(NamedTuple):
    xy: Float[np.ndarray, "T 6 2"]
    z: Float[np.ndarray, "T 6"]
    heading: Float[np.ndarray, "T 5"]  # of each link
    pitch: Float[np.ndarray, "T 5"]


def _spine(commands: Commands, path: Path, fps: float) -> _Spine:
    lean = behaviour.ease(np.clip(0.24 * path.turning, -0.9, 0.9), 0.07, fps)
    bend = lean + commands.flank
    heading = path.heading[:, None] + bend[:, None] * _BEND
    # the head leads a turn, and follows the flank that is licked
    heading[:, -1] += commands.head_yaw + 0.35 * lean + 0.5 * commands.flank
    pitch = _LEVEL + commands.rear[:, None] * _UPRIGHT + commands.groom[:, None] * _SITTING
    pitch[:, -1] += commands.head_pitch
    neck = _HIP_HEIGHT + np.sin(pitch[:, _HIPS:-1]) @ LINKS[_HIPS:-1]
    deepest = np.arcsin(np.clip((_NOSE_HEIGHT - neck) / LINKS[-1], -1.0, 1.0))
    pitch[:, -1] = np.maximum(pitch[:, -1], deepest)
    flat = (LINKS * np.cos(pitch))[..., None] * _unit(heading)
    xy = np.cumsum(np.concatenate([np.zeros_like(flat[:, :1]), flat], axis=1), axis=1)
    rise = LINKS * np.sin(pitch)
    z = np.cumsum(np.concatenate([np.zeros_like(rise[:, :1]), rise], axis=1), axis=1)
    xy += (path.xy - xy[:, _HIPS])[:, None]
    z += _HIP_HEIGHT - z[:, _HIPS : _HIPS + 1]
    return _Spine(xy, z, heading, pitch)


def _inward(xy: np.ndarray, fps: float, floor: np.ndarray) -> np.ndarray:
    """Smooth shift (T, 2) that brings every part of the spine inside the walls.

    The mean over a window of the running maximum over that window is smooth and nowhere less
    than the shift needed: each maximum that enters the mean has the frame in its own window.
    """
    half = max(1, round(0.25 * fps))
    bell = np.hanning(2 * half + 3)[1:-1]
    shift = np.zeros((len(xy), 2))
    for sign, wall in ((1.0, floor[0]), (-1.0, floor[1])):
        short = (sign * (wall - xy) + _GIRTH[:, None]).max(axis=1).clip(0.0)
        enough = maximum_filter1d(short, 2 * half + 1, axis=0, mode="nearest")
        shift += sign * convolve1d(enough, bell / bell.sum(), axis=0, mode="nearest")
    return shift


# ---- ears, hips, paws ------------------------------------------------------------------------


def _limbs(commands: Commands, spine: _Spine, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """All joints but those of the tail, and which paws are planted."""
    joints = np.zeros((len(spine.xy), len(mouse.JOINTS), 3))
    for index, name in enumerate(("tail_base", "", "back", "", "neck", "nose")):
        if name:
            joints[:, mouse.JOINT[name]] = _point(spine, index)
    hips, shoulders, neck, nose = (_point(spine, index) for index in (1, 3, 4, 5))
    hip_ahead, hip_left = _frame(spine.heading[:, 1])
    arm_ahead, arm_left = _frame(spine.heading[:, 3])
    _, head_left = _frame(spine.heading[:, 4])
    rise = spine.pitch[:, 4:]
    crown = np.concatenate([-np.sin(rise) * _unit(spine.heading[:, 4]), np.cos(rise)], axis=1)
    rest = []
    for side, sign in (("left", 1.0), ("right", -1.0)):
        joints[:, mouse.JOINT[f"{side}_hip"]] = hips + 9.0 * sign * hip_left
        joints[:, mouse.JOINT[f"{side}_shoulder"]] = shoulders + 6.0 * sign * arm_left
        ear = neck + (nose - neck) * 8.0 / 28.0 + 7.5 * sign * head_left + 6.5 * crown
        joints[:, mouse.JOINT[f"{side}_ear"]] = ear
        rest.append((shoulders + 8.0 * arm_ahead + 8.5 * sign * arm_left)[:, :2])
        rest.append((hips + 3.0 * hip_ahead + 14.5 * sign * hip_left)[:, :2])
    moved = np.maximum(_travel(hips, hip_left), _travel(shoulders, arm_left))
    steps = gait.step(np.stack([rest[0], rest[2], rest[1], rest[3]], axis=1), moved, fps)
    paws = steps.paws.copy()
    lifted = _smoothstep((np.maximum(commands.rear, commands.groom) - 0.06) / 0.8)
    for paw, sign in ((0, 1.0), (1, -1.0)):
        arm, head = (shoulders, arm_ahead, arm_left), (neck, nose, head_left)
        held = _held(commands, sign, arm, head, fps)
        paws[:, paw] += lifted[:, None] * (held - paws[:, paw])
    joints[:, [mouse.JOINT[name] for name in mouse.PAWS]] = paws
    down = np.stack([lifted == 0.0, lifted == 0.0, *np.ones((2, len(lifted)), bool)], axis=1)
    return joints, steps.stance & down


def _held(
    commands: Commands,
    sign: float,
    arm: tuple[np.ndarray, np.ndarray, np.ndarray],
    head: tuple[np.ndarray, np.ndarray, np.ndarray],
    fps: float,
) -> np.ndarray:
    """Where a raised forepaw is: before the chest in rearing, at the snout in grooming."""
    shoulders, arm_ahead, arm_left = arm
    neck, nose, head_left = head
    chest = shoulders + 9.0 * arm_ahead + 4.5 * sign * arm_left - [0.0, 0.0, 3.0]
    stroke = np.sin(2 * np.pi * 5.5 * np.arange(len(neck)) / fps)[:, None]
    snout = neck + (0.80 + 0.16 * stroke) * (nose - neck) - [0.0, 0.0, 3.0]
    snout += (5.0 - 1.5 * stroke) * sign * head_left
    share = (commands.groom / np.maximum(commands.groom + commands.rear, 1e-9))[:, None]
    return share * snout + (1.0 - share) * chest


def _point(spine: _Spine, index: int) -> np.ndarray:
    return np.concatenate([spine.xy[:, index], spine.z[:, index, None]], axis=1)


def _frame(heading: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Forward and left as (T, 3). With y downwards the left of x is -y."""
    x, y = np.cos(heading), np.sin(heading)
    still = np.zeros_like(x)
    return np.stack([x, y, still], axis=1), np.stack([y, -x, still], axis=1)


def _unit(angle: np.ndarray) -> np.ndarray:
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def _travel(points: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Distance over the floor since the frame before; sideways counts more, for short legs."""
    way = np.diff(points[:, :2], axis=0, prepend=points[:1, :2])
    aside = (way * left[:, :2]).sum(axis=1)
    return np.sqrt((way**2).sum(axis=1) + 8.0 * aside**2)


def _smoothstep(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


# ---- the tail --------------------------------------------------------------------------------


def _tail(
    base: np.ndarray, backward: np.ndarray, curl: np.ndarray, fps: float, floor: np.ndarray
) -> np.ndarray:
    """Drag a chain (T, 9, 2) over the floor: each link keeps its length and lags behind."""
    n_links = len(mouse.TAIL) - 1
    length = mouse.TAIL_LENGTH / n_links
    # share of the way to its resting direction that a link goes in 1/30 s, stiff at the root
    stiff = np.geomspace(0.55, 0.03, n_links)
    stiff = 1.0 - (1.0 - stiff) ** (30.0 / fps)
    angle = np.arctan2(backward[:, 1], backward[:, 0])
    return _drag(base, angle, curl, length, stiff, floor[0] + 2.0, floor[1] - 2.0)


@numba.njit(cache=True)
@no_type_check
def _drag(base, angle, curl, length, stiff, low, high):
    n_frames, n_links = len(base), len(stiff)
    chain = np.empty((n_frames, n_links + 1, 2))
    for t in range(n_frames):
        chain[t, 0] = base[t]
        towards = angle[t]
        for k in range(n_links):
            x, y = np.cos(towards + curl[t]), np.sin(towards + curl[t])
            if t > 0:  # where the joint lay, seen from the joint before it
                old = chain[t - 1, k + 1] - chain[t, k]
                far = max(1e-9, np.hypot(old[0], old[1]))
                x = stiff[k] * x + (1.0 - stiff[k]) * old[0] / far
                y = stiff[k] * y + (1.0 - stiff[k]) * old[1] / far
            towards = _along_walls(chain[t, k], np.arctan2(y, x), length, low, high)
            chain[t, k + 1, 0] = chain[t, k, 0] + length * np.cos(towards)
            chain[t, k + 1, 1] = chain[t, k, 1] + length * np.sin(towards)
    return chain


@numba.njit(cache=True)
@no_type_check
def _along_walls(start, towards, length, low, high):
    """Turn a link just so far that its end stays between the walls."""
    for turn in range(90):
        for sign in (1.0, -1.0):
            angle = towards + sign * turn * np.pi / 90
            x, y = start[0] + length * np.cos(angle), start[1] + length * np.sin(angle)
            if low[0] <= x <= high[0] and low[1] <= y <= high[1]:
                return angle
    return towards

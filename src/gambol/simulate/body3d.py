"""Simulated animals as poses in space: keypoints on bones that keep their length. In mm.

The animals of `mice` and `flies` already have heights (gait, rearing, grooming, climbing). Here
their limbs get the joints between hip and paw that no picture from above needs, so that every
bone of the tree has one length in all frames, and the world is turned right-handed: x and y on
the floor about its middle, z up. A paw that its leg could not reach is drawn in.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton, guess_swap
from gambol.simulate import behaviour, flies, fly, mice, mouse
from gambol.simulate.company import crowding
from gambol.simulate.motion import Motion

Animal = Literal["mouse", "fly"]
FLOORS = {"mouse": (400.0, 300.0), "fly": (20.0, 16.0)}  # mm


class Bodies(NamedTuple):
    """N animals over T frames."""

    xyz: Float[np.ndarray, "T N J 3"]  # mm, z up from the floor, right-handed
    skeleton: Skeleton
    length: Float[np.ndarray, "N J"]  # mm, of the bone from each keypoint's parent; root 0
    times: Float[np.ndarray, " T"]  # s
    state: Int[np.ndarray, "T N"]  # index into `states`
    states: tuple[str, ...]
    mood: Int[np.ndarray, "T N"]  # index into `moods`, all 0 where there are none
    moods: tuple[str, ...]
    joints: Float[np.ndarray, "T N R 3"]  # what the body is hung on, `JOINTS` of the animal; mm
    size: Float[np.ndarray, " N"]  # length of each animal, 1 for the mean
    floor: Float[np.ndarray, "2 2"]  # corners, least x and y first, mm


def room(
    animal: Animal, animals: int, floor: tuple[float, float] | None = None
) -> Float[np.ndarray, " 2"]:
    """Return the sides of the floor, mm, where it leaves room to walk; refuse it elsewhere."""
    sides = np.array(floor or FLOORS[animal])
    length = mouse.BODY_LENGTH if animal == "mouse" else fly.BODY_LENGTH
    needed = crowding(sides, length, animals)
    if needed > 1.0:
        enough = needed * sides
        raise InputError(
            f"a floor of {sides[0]:g} x {sides[1]:g} mm leaves no room to walk for {animals} "
            f"of {length:g} mm; {enough[0]:.0f} x {enough[1]:.0f} mm does"
        )
    return sides


def move(
    rng: np.random.Generator,
    animal: Animal,
    n_frames: int,
    *,
    animals: int = 1,
    fps: float = 60.0,
    floor: tuple[float, float] | None = None,
    identical: bool = False,
    moods: bool = False,
) -> Bodies:
    """Let animals behave, alone or with each other.

    Args:
        rng: draws everything.
        animal: mouse or fly.
        n_frames: T.
        animals: N.
        fps: frames per second.
        floor: its two sides, mm; 400 by 300 for mice and 20 by 16 for flies if not given.
        identical: whether all are of one size.
        moods: whether there are states above behaviour.
    """
    sides = room(animal, animals, floor)
    corners = np.stack([np.zeros(2), sides])
    herd, ways = (
        (mice.move_all, behaviour.MOODS) if animal == "mouse" else (flies.move_all, flies.MOODS)
    )
    moved = herd(
        rng, animals, n_frames, fps, corners, identical=identical, moods=ways if moods else None
    )
    skeleton = mouse_skeleton() if animal == "mouse" else fly_skeleton()
    places = (_mouse if animal == "mouse" else _fly)(moved)
    hung = (_hang_mouse if animal == "mouse" else _hang_fly)(moved.joints, places)
    xyz = np.stack([places[name] for name in skeleton.keypoints], axis=2)
    xyz, joints = (
        (p - [*sides / 2, 0.0]) * [1.0, -1.0, 1.0] for p in (xyz, hung)
    )  # y was down
    parent = np.array(skeleton.parent)
    bone = np.linalg.norm(xyz[0] - xyz[0][:, parent], axis=-1)
    length = np.where(parent >= 0, bone, 0.0)
    return Bodies(
        xyz, skeleton, length, moved.times, moved.state, moved.states, moved.mood, moved.moods,
        joints, moved.size, np.stack([-sides / 2, sides / 2]),
    )  # fmt: skip


# ---- the mouse -------------------------------------------------------------------------------

_MOUSE = {
    **{"nose": "neck", "left_ear": "neck", "right_ear": "neck", "neck": "chest"},
    **{"back": "", "tail_base": "hips", "tail_mid": "tail_base", "tail_tip": "tail_mid"},
    **{"left_forepaw": "left_elbow", "right_forepaw": "right_elbow"},
    **{"left_hindpaw": "left_knee", "right_hindpaw": "right_knee"},
    **{"chest": "back", "hips": "back", "left_elbow": "chest", "right_elbow": "chest"},
    **{"left_hip": "hips", "right_hip": "hips"},
    **{"left_knee": "left_hip", "right_knee": "right_hip"},
}
ARM = (15.0, 16.0)  # mm from chest to elbow (the shoulder blade moves with it), elbow to paw
LEG = (14.0, 12.0)  # mm from hip to knee, knee to paw
_TAIL = mouse.TAIL_LENGTH / 2


def mouse_skeleton() -> Skeleton:
    """Return 20 keypoints: the twelve of `mouse`, then chest, hips, elbows and knees."""
    return _skeleton(_MOUSE, "mouse")


def _mouse(moved: Motion) -> dict[str, np.ndarray]:
    size = moved.size[:, None]
    at = {name: moved.joints[:, :, j] for name, j in mouse.JOINT.items()}
    at["chest"] = (at["left_shoulder"] + at["right_shoulder"]) / 2
    at["hips"] = (at["left_hip"] + at["right_hip"]) / 2
    at["tail_mid"] = _level_off(at["tail_base"], at["tail_mid"], _TAIL * size)
    at["tail_tip"] = _level_off(at["tail_mid"], at["tail_tip"], _TAIL * size)
    ahead = _unit((at["chest"] - at["hips"]) * [1.0, 1.0, 0.0])
    left = _unit(at["left_hip"] - at["right_hip"])
    up = np.array([0.0, 0.0, 1.0])
    for side, sign in (("left", 1.0), ("right", -1.0)):
        hip, paw, bow = at[f"{side}_hip"], f"{side}_hindpaw", ahead + 0.4 * sign * left
        at[f"{side}_knee"], at[paw] = _fold(hip, at[paw], LEG, size, bow)
        paw, bow = f"{side}_forepaw", 0.6 * sign * left - ahead + 2.0 * up
        at[f"{side}_elbow"], at[paw] = _fold(at["chest"], at[paw], ARM, size, bow)
    return at


def _hang_mouse(
    joints: Float[np.ndarray, "T N R 3"], at: Mapping[str, np.ndarray]
) -> Float[np.ndarray, "T N R 3"]:
    """Move paws and tail of the joints that carry the body to where the bones have them.

    The tail is the parabola through its three keypoints.
    """
    hung = joints.copy()
    for name in mouse.PAWS:
        hung[:, :, mouse.JOINT[name]] = at[name]
    base, middle, tip = (at[name] for name in ("tail_base", "tail_mid", "tail_tip"))
    for k, name in enumerate(mouse.TAIL):
        t = k / (len(mouse.TAIL) - 1)
        ends = (1 - t) * (1 - 2 * t) * base + t * (2 * t - 1) * tip
        hung[:, :, mouse.JOINT[name]] = ends + 4 * t * (1 - t) * middle
    return hung


# ---- the fly ---------------------------------------------------------------------------------

_FLY = {
    **{"head": "neck", "neck": "thorax", "thorax": "", "waist": "thorax", "abdomen": "waist"},
    **{"eyeL": "head", "eyeR": "head", "hingeL": "thorax", "hingeR": "thorax"},
    **{"wingL": "hingeL", "wingR": "hingeR"},
    **{f"{leg[:-1]}1": "thorax" for leg in fly.LEGS},
    **{f"{leg[:-1]}2": f"{leg[:-1]}1" for leg in fly.LEGS},
    **{leg: f"{leg[:-1]}2" for leg in fly.LEGS},
}
LEGS = ((0.98, 1.0), (0.85, 0.9), (0.92, 0.9))  # mm from coxa to knee, knee to tip; fore first
_BOWS = (0.3, -0.1, -0.3)  # how far knees bow ahead


def fly_skeleton() -> Skeleton:
    """Return 29 keypoints: those of `fly`, neck, waist, hinges of the wings, 3 joints a leg."""
    return _skeleton(_FLY, "fly")


def _fly(moved: Motion) -> dict[str, np.ndarray]:
    size = moved.size[:, None]
    at = {name: moved.joints[:, :, j] for name, j in fly.JOINT.items()}
    thorax = at["thorax"]
    left = at["shoulderL"] - thorax  # the size of the animal long, as is `ahead`
    ahead = np.stack([-left[..., 1], left[..., 0], 0.0 * left[..., 0]], axis=-1)
    up = size * np.array([0.0, 0.0, 1.0])
    at["neck"] = thorax + 0.6 * ahead
    for side, sign in (("L", 1.0), ("R", -1.0)):
        at[f"hinge{side}"] = thorax + fly.HINGE[0] * ahead + sign * fly.HINGE[1] * left
    for number, leg in enumerate(fly.LEGS):
        pair, sign = number // 2, (1.0, -1.0)[number % 2]
        coxa = thorax + fly.COXAE[pair][0] * ahead + sign * fly.COXAE[pair][1] * left
        bow = up + _BOWS[pair] * ahead + 0.4 * sign * left
        at[f"{leg[:-1]}1"] = coxa
        at[f"{leg[:-1]}2"], at[leg] = _fold(coxa, at[leg], LEGS[pair], size, bow)
    return at


def _hang_fly(
    joints: Float[np.ndarray, "T N R 3"], at: Mapping[str, np.ndarray]
) -> Float[np.ndarray, "T N R 3"]:
    """Move the legs of the joints that carry the body to where the bones have them."""
    hung = joints.copy()
    for leg, knee in zip(fly.LEGS, fly.KNEES, strict=True):
        hung[:, :, fly.JOINT[leg]] = at[leg]
        hung[:, :, fly.JOINT[knee]] = at[f"{leg[:-1]}2"]
    return hung


# ---- bones -----------------------------------------------------------------------------------


def _skeleton(parents: Mapping[str, str], name: str) -> Skeleton:
    keypoints = tuple(parents)
    parent = tuple(keypoints.index(p) if p else -1 for p in parents.values())
    return Skeleton(keypoints, parent, guess_swap(keypoints), name=name)


def _fold(
    root: Float[np.ndarray, "T N 3"],
    tip: Float[np.ndarray, "T N 3"],
    lengths: tuple[float, float],
    size: Float[np.ndarray, "N 1"],
    bow: Float[np.ndarray, "T N 3"],
) -> tuple[Float[np.ndarray, "T N 3"], Float[np.ndarray, "T N 3"]]:
    """Bend a limb of two bones towards `bow`: its middle joint, and its tip where it reaches.

    The law of cosines gives how far along the line from root to tip the middle joint lies.
    """
    upper, lower = (size * length for length in lengths)
    way = tip - root
    far = np.linalg.norm(way, axis=-1, keepdims=True)
    along = way / far
    least = np.abs(upper - lower) + 0.02 * (upper + lower)
    reach = np.clip(far, least, 0.995 * (upper + lower))
    ahead = (reach**2 + upper**2 - lower**2) / (2 * reach)
    aside = _unit(bow - (bow * along).sum(axis=-1, keepdims=True) * along)
    joint = root + ahead * along + np.sqrt(upper**2 - ahead**2) * aside
    return joint, root + reach * along


def _level_off(
    start: Float[np.ndarray, "T N 3"],
    end: Float[np.ndarray, "T N 3"],
    length: Float[np.ndarray, "N 1"],
) -> Float[np.ndarray, "T N 3"]:
    """Move the end of a bone over the floor, at its height, to where the bone fits."""
    way = end - start
    flat = np.sqrt(length**2 - way[..., 2:] ** 2)
    over = _unit(way * [1.0, 1.0, 0.0]) * flat
    return np.concatenate([start[..., :2] + over[..., :2], end[..., 2:]], axis=-1)


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-12)

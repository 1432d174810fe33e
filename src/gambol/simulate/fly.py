"""The body of a fruit fly from above: its joints, and the capsules that clothe them. In mm.

Proportions are those of Drosophila melanogaster, measured on filmed flies: 2.54 mm from the
front of the head to the tip of the abdomen, wings of 2 mm. Wings let light through: they are
drawn after the body and hide nothing.
"""

from functools import cache

import numpy as np
from jaxtyping import Float

from gambol.core.skeleton import Skeleton, guess_swap
from gambol.simulate.capsules import Capsules
from gambol.simulate.tailor import Pattern, Tailor, clothe

LEGS = ("forelegL4", "forelegR4", "midlegL4", "midlegR4", "hindlegL4", "hindlegR4")
KEYPOINTS = ("head", "thorax", "abdomen", "wingL", "wingR", *LEGS, "eyeL", "eyeR")
KNEES = tuple(f"knee of {leg}" for leg in LEGS)
# shoulders stand 1 mm beside the thorax; sails lie 1 mm from the middle of a wing, towards its
# rear edge
JOINTS = (*KEYPOINTS, *KNEES, "shoulderL", "shoulderR", "waist", "sailL", "sailR")
JOINT = {name: index for index, name in enumerate(JOINTS)}

BODY_LENGTH = 2.54
HEAD, EYE = 1.36, (1.12, 0.36)  # ahead of the thorax; and to the side
ABDOMEN, WAIST = 1.18, 0.42  # behind the thorax
HINGE = (0.12, 0.34)
WING = 2.02
COXAE = ((0.55, 0.22), (0.14, 0.30), (-0.26, 0.26))
RESTS = ((1.80, 0.60), (0.42, 1.42), (-1.15, 1.08))  # where the tips of the legs stand

PARTS = (
    "body",
    "legs",
    "wings",
    "head",
    "thorax",
    "abdomen",
    "wingL",
    "wingR",
    *LEGS,
    "eyeL",
    "eyeR",
)
MATERIALS = ("thorax", "head", "eye", "abdomen", "band", "tip", "leg", "wing", "vein")
SOLID = frozenset(MATERIALS.index(m) for m in MATERIALS[:-2])
WINGS = frozenset(MATERIALS.index(m) for m in MATERIALS[-2:])

# what a ray from above may meet first at a keypoint that counts as visible
_OWN_PARTS = {
    "head": ("head", "eyeL", "eyeR"),
    "thorax": ("thorax", "abdomen", "head"),
    "abdomen": ("abdomen",),
    "eyeL": ("eyeL", "head"),
    "eyeR": ("eyeR", "head"),
}


def skeleton() -> Skeleton:
    """Return the thirteen keypoints that the field labels, as a tree rooted in the thorax."""
    thorax, head = KEYPOINTS.index("thorax"), KEYPOINTS.index("head")
    parent = tuple(
        -1 if name == "thorax" else head if name.startswith("eye") else thorax
        for name in KEYPOINTS
    )
    return Skeleton(KEYPOINTS, parent, guess_swap(KEYPOINTS), name="fly")


def own_parts() -> tuple[frozenset[int], ...]:
    """For every keypoint the parts (indices into PARTS) on whose surface it lies."""
    names = (_OWN_PARTS.get(name, (name,)) for name in KEYPOINTS)
    return tuple(frozenset(PARTS.index(part) for part in parts) for parts in names)


def dress(joints: Float[np.ndarray, "*T R 3"], scale: float) -> Capsules:
    """Clothe poses: joints in mm become capsules in px, `scale` px per mm."""
    return clothe(_pattern(), joints, scale)


@cache
def _pattern() -> Pattern:
    tailor = Tailor(PARTS, MATERIALS)
    for leg in range(6):
        _sew_leg(tailor, leg)
    _sew_body(tailor)
    for side, sign in (("L", 1.0), ("R", -1.0)):
        _sew_wing(tailor, side, sign)
    return tailor.pattern()


def _sew_body(tailor: Tailor) -> None:
    thorax, waist, tip = _at("thorax"), _at("waist"), _at("abdomen")
    s = np.array([0.62, 0.45, 0.22, -0.05, -0.30, -0.48])
    ahead = (_at("head") - thorax) / HEAD  # per mm, as all below
    radii = np.array([0.22, 0.36, 0.44, 0.46, 0.40, 0.28])
    tailor.chain("thorax", "thorax", thorax + s[:, None] * ahead, radii, flatness=0.9)
    # tergites: light in front, dark at the rear edge, the last ones dark in males
    places = np.linspace(0.0, 1.0, 13)
    radii = np.interp(places, [0, 0.2, 0.5, 0.8, 1], [0.30, 0.42, 0.43, 0.32, 0.13])
    line = waist + places[:, None] * (tip - waist)
    for k in range(12):
        cloth = "tip" if k >= 9 else "band" if k % 3 == 2 else "abdomen"
        tailor.chain("abdomen", cloth, line[k : k + 2], radii[k : k + 2], flatness=0.9)
    across = (_at("eyeL") - _at("eyeR")) / (2 * EYE[1])
    middle = thorax + 1.05 * ahead
    skull = np.stack([middle - 0.13 * across, middle + 0.13 * across])
    tailor.chain("head", "head", skull, np.array([0.27, 0.27]), flatness=0.9)
    neck = np.stack([thorax + 0.6 * ahead, middle])
    tailor.chain("head", "head", neck, np.array([0.25, 0.22]), flatness=0.8)
    face = np.stack([middle, _at("head") - 0.13 * ahead])
    tailor.chain("head", "head", face, np.array([0.25, 0.13]), flatness=0.9)
    for side, sign in (("L", 1.0), ("R", -1.0)):
        eye = _at(f"eye{side}") - 0.11 * sign * across
        ends = np.stack([eye - 0.07 * ahead, eye + 0.06 * ahead - 0.03 * sign * across])
        tailor.chain(f"eye{side}", "eye", ends, np.array([0.15, 0.15]), flatness=1.8)


def _sew_leg(tailor: Tailor, leg: int) -> None:
    name, sign = LEGS[leg], (1.0, -1.0)[leg % 2]
    thorax, tip, knee = _at("thorax"), _at(name), _at(KNEES[leg])
    ahead = (_at("head") - thorax) / HEAD
    left = (_at("shoulderL") - _at("shoulderR")) / 2.0
    coxa = thorax + COXAE[leg // 2][0] * ahead + COXAE[leg // 2][1] * sign * left
    ankle = 0.42 * knee + 0.58 * tip
    tailor.chain("legs", "leg", np.stack([coxa, knee]), np.array([0.075, 0.05]))
    tailor.chain("legs", "leg", np.stack([knee, ankle]), np.array([0.045, 0.032]))
    tailor.chain(name, "leg", np.stack([ankle, tip]), np.array([0.028, 0.018]), flatness=3.0)


def _sew_wing(tailor: Tailor, side: str, sign: float) -> None:
    thorax, tip = _at("thorax"), _at(f"wing{side}")
    ahead = (_at("head") - thorax) / HEAD
    left = (_at("shoulderL") - _at("shoulderR")) / 2.0
    hinge = thorax + HINGE[0] * ahead + HINGE[1] * sign * left
    rear = _at(f"sail{side}") - 0.5 * (hinge + tip)  # 1 mm towards the rear edge
    s = np.linspace(0.0, 1.0, 12)
    knots = [0, 0.12, 0.3, 0.55, 0.75, 0.9, 1]
    half = np.interp(s, knots, [0.05, 0.13, 0.28, 0.37, 0.37, 0.29, 0.14])
    bow = np.interp(s, [0, 0.3, 0.6, 1], [0.0, 0.10, 0.10, 0.0])
    axis = hinge + s[:, None] * (tip - hinge)
    tailor.chain("wings", "wing", axis + bow[:, None] * rear, half, flatness=0.0)
    for share, reach in ((-0.95, 1.0), (-0.42, 0.97), (0.12, 0.96), (0.62, 0.82)):
        part = s <= reach
        vein = axis + (bow + share * half)[:, None] * rear
        width = np.full(part.sum(), 0.022 if share > -0.9 else 0.032)
        tailor.chain("wings", "vein", vein[part], width, flatness=8.0)
    for at in (0.5, 0.68):  # cross-veins
        k = int(round(at * 11))
        ends = np.stack([axis[k] + (bow[k] + f * half[k]) * rear for f in (-0.42, 0.62 * at)])
        tailor.chain("wings", "vein", ends, np.array([0.018, 0.018]), flatness=8.0)
    # a speck that stands for the tip where it is asked what lies above it
    tailor.chain(f"wing{side}", "leg", tip[None], np.array([0.02]))


def _at(name: str) -> Float[np.ndarray, " R"]:
    return np.eye(len(JOINTS))[JOINT[name]]

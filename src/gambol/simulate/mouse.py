"""The body of a mouse: its joints, and the capsules that clothe them. Lengths in mm.

Every point of the surface is a fixed linear combination of joints, so a pose is dressed by
one matrix product, for any number of frames at once. Proportions are those of an adult
C57BL/6: 90 mm from nose to tail base, a tail of 78 mm, 29 mm wide.
"""

from functools import cache

import numpy as np
from jaxtyping import Float

from gambol.core.skeleton import Skeleton, guess_swap
from gambol.simulate.capsules import Capsules
from gambol.simulate.tailor import Pattern, Tailor, clothe

KEYPOINTS = (
    *("nose", "left_ear", "right_ear", "neck", "back", "tail_base", "tail_mid", "tail_tip"),
    *("left_forepaw", "right_forepaw", "left_hindpaw", "right_hindpaw"),
)
# the keypoints, then the joints that shape the body but that nobody labels
JOINTS = (
    *KEYPOINTS,
    *("left_hip", "right_hip", "left_shoulder", "right_shoulder"),
    *("tail_1", "tail_2", "tail_3", "tail_5", "tail_6", "tail_7"),
)
JOINT = {name: index for index, name in enumerate(JOINTS)}
PAWS = ("left_forepaw", "right_forepaw", "left_hindpaw", "right_hindpaw")
TAIL = (
    *("tail_base", "tail_1", "tail_2", "tail_3", "tail_mid"),
    *("tail_5", "tail_6", "tail_7", "tail_tip"),
)

BODY_LENGTH = 90.0
TAIL_LENGTH = 78.0

PARTS = ("tail", "trunk", "head", "nose", "left_ear", "right_ear", "eyes", "legs", *PAWS)
MATERIALS = ("fur", "ear", "skin", "tail", "eye")

# what a ray from above may meet first at a keypoint that counts as visible
_OWN_PARTS = {
    "nose": ("nose",),
    "neck": ("trunk", "head"),
    "back": ("trunk",),
    "tail_base": ("tail", "trunk"),
    "tail_mid": ("tail",),
    "tail_tip": ("tail",),
}


def skeleton() -> Skeleton:
    """Return the twelve labelled keypoints, as a tree rooted in the back."""
    parents = {
        **{"nose": "neck", "left_ear": "neck", "right_ear": "neck", "neck": "back"},
        **{"tail_base": "back", "tail_mid": "tail_base", "tail_tip": "tail_mid"},
        **{"left_forepaw": "neck", "right_forepaw": "neck"},
        **{"left_hindpaw": "tail_base", "right_hindpaw": "tail_base"},
    }
    parent = tuple(JOINT[parents[name]] if name in parents else -1 for name in KEYPOINTS)
    return Skeleton(KEYPOINTS, parent, guess_swap(KEYPOINTS), name="mouse")


def own_parts() -> tuple[frozenset[int], ...]:
    """For every keypoint the parts (indices into PARTS) on whose surface it lies."""
    names = (_OWN_PARTS.get(name, (name,)) for name in KEYPOINTS)
    return tuple(frozenset(PARTS.index(part) for part in parts) for parts in names)


def dress(joints: Float[np.ndarray, "*T R 3"], scale: float) -> Capsules:
    """Clothe poses: joints in mm become capsules in px, `scale` px per mm.

    No radius depends on the pose: an animal that sits up looks short and broad because its
    capsules are seen end on.
    """
    return clothe(_pattern(), joints, scale)


@cache
def _pattern() -> Pattern:
    tailor = Tailor(PARTS, MATERIALS)
    _sew_trunk(tailor)
    _sew_head(tailor)
    _sew_tail(tailor)
    for side in ("left", "right"):
        _sew_fore_leg(tailor, side)
        _sew_hind_leg(tailor, side)
    return tailor.pattern()


def _sew_trunk(tailor: Tailor) -> None:
    controls = np.stack(
        [
            *(_at("tail_base"), _middle("hip"), _at("back")),
            *(_middle("shoulder"), _at("neck"), 0.7 * _at("neck") + 0.3 * _at("nose")),
        ]
    )
    knots = np.array([0.0, 14, 34, 52, 62, 70.4])
    s = np.arange(0.0, 66.1, 3.0)
    widths = [(0, 4.6), (4, 8.2), (9, 11.3), (15, 13.4), (24, 14.6), (33, 14.3)]
    widths += [(43, 13.0), (52, 11.3), (60, 9.7), (66, 9.1)]
    radii = np.interp(s, *np.transpose(widths))
    tailor.chain("trunk", "fur", _spline(knots, s) @ controls, radii, flatness=0.85)
    # the belly hangs between the spine and the hind paws, on which the animal sits and stands
    soles = _middle("hindpaw")
    spine = np.stack([_middle("hip"), _at("back"), _middle("shoulder")])
    share = np.array([0.38, 0.30, 0.16])[:, None]
    belly = (1 - share) * spine + share * soles
    tailor.chain("trunk", "fur", belly, np.array([9.5, 10.0, 8.0]), along=12.0, spacing=18.0)


def _sew_head(tailor: Tailor) -> None:
    s = np.array([0.0, 3, 6, 9, 12, 15, 18, 21, 24])
    radii = np.array([9.2, 9.2, 9.1, 8.8, 8.3, 7.4, 6.2, 4.9, 3.6])
    neck, nose = _at("neck"), _at("nose")
    line = neck + s[:, None] / 28.0 * (nose - neck)
    tailor.chain("head", "fur", line[:8], radii[:8], flatness=0.8, along=62.0)
    tailor.chain("nose", "fur", line[7:], radii[7:], flatness=0.8, along=83.0)
    tailor.chain("nose", "skin", nose[None], np.array([2.3]), flatness=1.2)
    across = _at("left_ear") - _at("right_ear")  # 15 mm
    for side, sign in (("left", 1.0), ("right", -1.0)):
        ear = _at(f"{side}_ear")
        pinna = np.stack([ear - 0.09 * sign * across, ear + 0.09 * sign * across])
        tailor.chain(f"{side}_ear", "ear", pinna, np.array([4.6, 4.9]), flatness=0.12)
        eye = neck + 0.56 * (nose - neck) + 0.33 * sign * across + 0.30 * _up()
        tailor.chain("eyes", "eye", eye[None], np.array([1.6]))


def _sew_tail(tailor: Tailor) -> None:
    controls = np.stack([_at(name) for name in TAIL])
    knots = np.linspace(0.0, TAIL_LENGTH, len(TAIL))
    s = np.linspace(0.0, TAIL_LENGTH, 27)
    radii = 0.85 + 2.5 * (1 - s / TAIL_LENGTH) ** 1.3
    tailor.chain("tail", "tail", _spline(knots, s) @ controls, radii)


def _sew_fore_leg(tailor: Tailor, side: str) -> None:
    paw, shoulder = _at(f"{side}_forepaw"), _at(f"{side}_shoulder")
    forward = (_at("neck") - _middle("shoulder")) / 10.0  # per mm, as all below
    across = (_at("left_shoulder") - _at("right_shoulder")) / 12.0
    leg = np.stack([shoulder, 0.5 * (shoulder + paw), paw - 1.2 * forward])
    tailor.chain("legs", "fur", leg, np.array([4.5, 3.0, 1.1]), along=50.0)
    palm = np.stack([paw - 1.3 * forward, paw + 1.3 * forward])
    tailor.chain(f"{side}_forepaw", "skin", palm, np.array([1.7, 1.9]), flatness=1.5)
    for spread in (-1.8, 0.0, 1.8):
        toe = np.stack([paw + 1.3 * forward, paw + 4.2 * forward + spread * across])
        tailor.chain(f"{side}_forepaw", "skin", toe, np.array([0.8, 0.6]), flatness=1.0)


def _sew_hind_leg(tailor: Tailor, side: str) -> None:
    paw, hip = _at(f"{side}_hindpaw"), _at(f"{side}_hip")
    forward = (_at("back") - _middle("hip")) / 20.0
    across = (_at("left_hip") - _at("right_hip")) / 18.0
    thigh = np.stack([hip, 0.6 * hip + 0.4 * paw, paw - 1.5 * forward])
    tailor.chain("legs", "fur", thigh, np.array([7.0, 4.6, 1.2]), along=14.0)
    sole = np.stack([paw - 5.0 * forward, paw + 4.0 * forward])
    tailor.chain(f"{side}_hindpaw", "skin", sole, np.array([1.8, 2.3]), flatness=1.8)
    for spread in (-2.4, 0.0, 2.4):
        toe = np.stack([paw + 4.0 * forward, paw + 8.5 * forward + spread * across])
        tailor.chain(f"{side}_hindpaw", "skin", toe, np.array([0.9, 0.6]), flatness=1.0)


def _at(name: str) -> Float[np.ndarray, " R"]:
    return np.eye(len(JOINTS))[JOINT[name]]


def _middle(name: str) -> Float[np.ndarray, " R"]:
    return 0.5 * (_at(f"left_{name}") + _at(f"right_{name}"))


def _up() -> Float[np.ndarray, " R"]:
    """The head's upward direction: from the skull's axis to the point between the ears."""
    between = 0.5 * (_at("left_ear") + _at("right_ear"))
    return between - (_at("neck") + 8.0 / 28.0 * (_at("nose") - _at("neck")))


def _spline(knots: Float[np.ndarray, " C"], s: Float[np.ndarray, " M"]) -> np.ndarray:
    """Weights (M, C) of the cubic Hermite spline through C controls, slopes by differences."""
    identity = np.eye(len(knots))
    slope = np.gradient(identity, knots, axis=0)
    k = np.clip(np.searchsorted(knots, s, side="right") - 1, 0, len(knots) - 2)
    gap = (knots[k + 1] - knots[k])[:, None]
    t = (s - knots[k])[:, None] / gap
    rise = t * t * (3 - 2 * t)
    ends = (1 - rise) * identity[k] + rise * identity[k + 1]
    bends = t * (1 - t) * ((1 - t) * slope[k] - t * slope[k + 1])
    weights: np.ndarray = ends + gap * bends
    return weights

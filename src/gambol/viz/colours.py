"""Colours of keypoints and animals: stable, for every eye, both sides of one hue.

A keypoint without a mirror partner, or a pair of partners, is a family. Families take hues in
the order of the skeleton: first those of Okabe and Ito, then hues a golden angle apart in the
Oklch space with changing lightness. The first of a pair is lighter, the second darker, since
lightness is what every eye tells apart. A keypoint added at the end changes no colour.

Sources: Okabe & Ito (2008), Color Universal Design; Ottosson (2020), Oklab.
"""

import numpy as np
from jaxtyping import Float, UInt8

from gambol.core.skeleton import Skeleton

OKABE_ITO = np.array(
    [
        (86, 180, 233), (230, 159, 0), (0, 158, 115), (240, 228, 66),
        (204, 121, 167), (213, 94, 0), (0, 114, 178),
    ],
    np.uint8,
)  # fmt: skip
GOLDEN = np.pi * (3 - np.sqrt(5))  # radians; no two of the first hundred hues coincide
NOBODY = np.array((150, 150, 150), np.uint8)  # an animal without name
_INDIVIDUALS = (0, 1, 6, 3, 5, 2, 4)  # each farthest, to every eye, from those before it
_CHROMA = 0.13  # of hues after the seventh: the most that all hues reach in sRGB, nearly
_APART = 0.11  # Oklab lightness by which a pair moves up and down from its family's

_TO_LMS = np.array(
    [
        (0.4122214708, 0.5363325363, 0.0514459929),
        (0.2119034982, 0.6806995451, 0.1073969566),
        (0.0883024619, 0.2817188376, 0.6299787005),
    ]
)
_TO_LAB = np.array(
    [
        (0.2104542553, 0.7936177850, -0.0040720468),
        (1.9779984951, -2.4285922050, 0.4505937099),
        (0.0259040371, 0.7827717662, -0.8086757660),
    ]
)


def keypoint_colours(skeleton: Skeleton) -> UInt8[np.ndarray, "J 3"]:
    """Return one RGB colour for every keypoint of a skeleton.

    >>> keypoint_colours(Skeleton(("nose", "tail"))).tolist()
    [[86, 180, 233], [230, 159, 0]]
    """
    colours = np.zeros((len(skeleton), 3), np.uint8)
    family = 0
    for j, partner in enumerate(skeleton.swap):
        if -1 < partner < j:
            continue
        lab = _family(family)
        family += 1
        if partner < 0:
            colours[j] = from_oklab(lab)
        else:
            middle = np.clip(lab[0], 0.45 + _APART, 0.95 - _APART)
            colours[j] = from_oklab(np.array([middle + _APART, *lab[1:]]))
            colours[partner] = from_oklab(np.array([middle - _APART, *lab[1:]]))
    return colours


def individual_colours(count: int) -> UInt8[np.ndarray, "count 3"]:
    """Return one RGB colour for every animal; a further animal changes no colour.

    The first ones are far apart for every eye, and none is grey, the colour of nobody.

    >>> individual_colours(2).tolist()
    [[86, 180, 233], [230, 159, 0]]
    """
    order = [*_INDIVIDUALS, *range(len(_INDIVIDUALS), count)][:count]
    return np.array([from_oklab(_family(k)) for k in order], np.uint8).reshape(-1, 3)


def hexadecimal(colour: UInt8[np.ndarray, " 3"]) -> str:
    """Return a colour as web pages write it.

    >>> hexadecimal(np.array([86, 180, 233], np.uint8))
    '#56b4e9'
    """
    return "#" + "".join(f"{int(value):02x}" for value in colour)


def to_oklab(rgb: UInt8[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3"]:
    """Return lightness (0 to 1), green-red and blue-yellow, where distance is difference."""
    value = rgb / 255.0
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return np.asarray(np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T)


def from_oklab(lab: Float[np.ndarray, "*n 3"]) -> UInt8[np.ndarray, "*n 3"]:
    """Undo `to_oklab`; what no screen shows is cut to what it does."""
    linear = (lab @ np.linalg.inv(_TO_LAB).T) ** 3 @ np.linalg.inv(_TO_LMS).T
    linear = np.clip(linear, 0.0, 1.0)
    value = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(np.round(value * 255), np.uint8)


def _family(number: int) -> Float[np.ndarray, " 3"]:
    """Oklab colour of a family."""
    if number < len(OKABE_ITO):
        return to_oklab(OKABE_ITO[number])
    angle = GOLDEN * number
    lightness = (0.78, 0.62, 0.7)[number % 3]
    return np.array([lightness, _CHROMA * np.cos(angle), _CHROMA * np.sin(angle)])

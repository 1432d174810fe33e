"""Skeletons to begin with: keypoints that labs often choose, with what hangs on what."""

from gambol.core.errors import InputError, did_you_mean
from gambol.core.skeleton import Skeleton, guess_swap

# child: parent, in the order of the keypoints; "" is the root
_BONES: dict[str, dict[str, str]] = {
    "mouse from above": {
        "nose": "neck", "left ear": "neck", "right ear": "neck", "neck": "back",
        "left shoulder": "neck", "right shoulder": "neck", "back": "", "left hip": "back",
        "right hip": "back", "tail base": "back", "tail middle": "tail base",
        "tail tip": "tail middle",
    },
    "mouse from the side": {
        "nose": "neck", "eye": "nose", "ear": "neck", "neck": "back", "forepaw": "neck",
        "back": "", "hindpaw": "tail base", "tail base": "back", "tail tip": "tail base",
    },
    "fly": {
        "head": "thorax", "left eye": "head", "right eye": "head", "thorax": "",
        "abdomen": "thorax", "left wing": "thorax", "right wing": "thorax",
        **{f"{side} {leg} leg": "thorax" for leg in ("front", "middle", "hind")
           for side in ("left", "right")},
    },
    "fish": {"snout": "body", "left eye": "snout", "right eye": "snout", "body": "",
             "tail base": "body", "tail tip": "tail base"},
}  # fmt: skip


def names() -> list[str]:
    """Return the names of the templates."""
    return list(_BONES)


def template(name: str) -> Skeleton:
    """Return a skeleton to begin with.

    >>> template("fish").bones[:2]
    ((3, 0), (0, 1))
    """
    if name not in _BONES:
        raise InputError(
            f"no template {name!r}; there are {', '.join(_BONES)}{did_you_mean(name, _BONES)}"
        )
    keypoints = tuple(_BONES[name])
    parent = tuple(keypoints.index(p) if p else -1 for p in _BONES[name].values())
    return Skeleton(keypoints, parent, guess_swap(keypoints), (), name)

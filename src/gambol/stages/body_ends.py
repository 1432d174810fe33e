"""Which keypoints are at the front of an animal and which at its back, told by their names."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from gambol.core.errors import InputError

# the first word that any keypoint has is taken, for all keypoints that have it
_FRONT = ("snout", "nose", "beak", "muzzle", "rostrum", "head", "eye", "eyes", "ear", "ears",
          "neck")  # fmt: skip
_REAR = ("tailbase", "basetail", "tailroot", "tailstart", "proximaltail", "tti", "tail0",
         "butt", "rump", "sacrum", "pelvis", "hip", "hips", "abdomen", "tail",
         "tail1")  # fmt: skip
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_CLEAR = 5  # letters from which a word is looked for inside of others


class Ends(NamedTuple):
    """Keypoints that a heading goes from and to."""

    anterior: tuple[str, ...]
    posterior: tuple[str, ...]


def guess(keypoints: Sequence[str]) -> Ends:
    """Return the ends of an animal, by the names of its keypoints.

    >>> guess(["nose", "earL", "earR", "tail_base", "tail_tip"])
    Ends(anterior=('nose',), posterior=('tail_base',))
    """
    found = Ends(_first(keypoints, _FRONT), _first(keypoints, _REAR))
    for end, names in zip(("anterior", "posterior"), found, strict=True):
        if not names:
            raise InputError(
                f"none of the keypoints {', '.join(keypoints)} tells by its name that it is "
                f"{end}; name one with --{end}"
            )
    return found


def told(ends: Ends) -> str:
    """Say what was guessed."""
    return (
        f"by their names, {' and '.join(ends.anterior)} was taken for the front and "
        f"{' and '.join(ends.posterior)} for the back; say it with --anterior and --posterior "
        "if that is wrong"
    )


def _first(keypoints: Sequence[str], words: Sequence[str]) -> tuple[str, ...]:
    for word in words:
        own = tuple(name for name in keypoints if _has(name, word))
        if own:
            return own
    return ()


def _has(name: str, word: str) -> bool:
    """Tell whether a name has a word: alone, among others, or inside if it is long."""
    parts = [part.lower() for part in _WORDS.findall(name)]
    whole = "".join(parts)
    if word.startswith("tail"):  # a tail has a tip, too
        return whole == word or (len(word) > _CLEAR and word in whole)
    return word in (whole, *parts) or (len(word) >= _CLEAR and word in whole)

"""A skeleton: the named keypoints of an animal, what hangs on what, and which mirror which."""

import warnings
from dataclasses import dataclass
from typing import Any

from gambol.core.errors import InputError


@dataclass(frozen=True)
class Skeleton:
    """Keypoints in a fixed order, compared by value.

    `parent[j]` is the keypoint that j hangs on, -1 for a root; several roots make a forest.
    `swap[j]` is the keypoint that j becomes in a mirror, -1 for none. `edges` are further pairs
    to draw or to detect; they are not part of the tree.
    """

    keypoints: tuple[str, ...]
    parent: tuple[int, ...] = ()  # (J,), -1 = root; empty means all roots
    swap: tuple[int, ...] = ()  # (J,), -1 = none; empty means none
    edges: tuple[tuple[int, int], ...] = ()
    name: str = "animal"

    def __post_init__(self) -> None:
        """Fill what was left out and refuse what contradicts itself."""
        none = (-1,) * len(self.keypoints)
        object.__setattr__(self, "parent", tuple(self.parent) or none)
        object.__setattr__(self, "swap", tuple(self.swap) or none)
        _check_names(self)
        _check_parent(self)
        _check_swap(self)

    def __len__(self) -> int:
        """Return the number of keypoints, J."""
        return len(self.keypoints)

    @property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """Pairs (parent, child), in the order of the children."""
        return tuple((p, j) for j, p in enumerate(self.parent) if p >= 0)

    @property
    def drawn(self) -> tuple[tuple[int, int], ...]:
        """All lines to draw: bones, then the extra edges that are not bones."""
        bones = self.bones
        known = {frozenset(pair) for pair in bones}
        return bones + tuple(e for e in self.edges if frozenset(e) not in known)

    @property
    def roots(self) -> tuple[int, ...]:
        """Keypoints that hang on nothing."""
        return tuple(j for j, p in enumerate(self.parent) if p < 0)

    @property
    def topological(self) -> tuple[int, ...]:
        """All keypoints, every parent before its children."""
        order: list[int] = []
        while len(order) < len(self):
            order += [
                j for j, p in enumerate(self.parent) if j not in order and (p < 0 or p in order)
            ]
        return tuple(order)

    @property
    def flippable(self) -> bool:
        """Whether a mirrored picture can be relabelled: no one-sided name lacks its partner."""
        return not unpaired(self.keypoints, self.swap)

    def index(self, keypoint: str) -> int:
        """Return the position of a keypoint."""
        if keypoint not in self.keypoints:
            raise InputError(f"no keypoint {keypoint!r}; there are {', '.join(self.keypoints)}")
        return self.keypoints.index(keypoint)

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists, for YAML, JSON and file attributes."""
        return {
            "name": self.name,
            "keypoints": list(self.keypoints),
            "parent": list(self.parent),
            "swap": list(self.swap),
            "edges": [list(edge) for edge in self.edges],
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Skeleton":
        """Undo `to_dict`."""
        return cls(
            tuple(values["keypoints"]),
            tuple(values.get("parent", ())),
            tuple(values.get("swap", ())),
            tuple((int(a), int(b)) for a, b in values.get("edges", ())),
            values.get("name", "animal"),
        )


def mirrored_name(name: str) -> str | None:
    """Return the name of the other side, or None where a name has no side.

    >>> mirrored_name("leftear"), mirrored_name("paw_R"), mirrored_name("tailbase")
    ('rightear', 'paw_L', None)
    """
    if not name:
        return None
    lower = name.lower()
    for one, other in (("left", "right"), ("right", "left")):
        if one in lower:
            at = lower.index(one)
            return name[:at] + _like(other, name[at : at + len(one)]) + name[at + len(one) :]
    for sep in ("_", "-", ".", " "):
        parts = name.split(sep)
        for i, part in enumerate(parts):
            if len(parts) > 1 and part.lower() in ("l", "r"):
                other = _like("r" if part.lower() == "l" else "l", part)
                return sep.join([*parts[:i], other, *parts[i + 1 :]])
    for i in (len(name) - 1, 0, *range(1, len(name) - 1)):
        # camelCase side letters: eyeL, LHand, forelegR2, paw1LH
        before, after = name[i - 1 : i], name[i + 1 : i + 2]
        starts = not before or before.islower() or before.isdigit()
        alone = starts and (not after or not after.islower() or i == 0)
        if name[i] in "LR" and len(name) > 1 and alone and (before or after.isupper()):
            return name[:i] + ("R" if name[i] == "L" else "L") + name[i + 1 :]
    return None


def guess_swap(keypoints: tuple[str, ...]) -> tuple[int, ...]:
    """Pair keypoints by left/right names; -1 where no partner is present."""
    index = {name: j for j, name in enumerate(keypoints)}
    swap = [index.get(mirrored_name(name) or "", -1) for name in keypoints]
    return tuple(k if k >= 0 and swap[k] == j else -1 for j, k in enumerate(swap))


def unpaired(keypoints: tuple[str, ...], swap: tuple[int, ...]) -> list[str]:
    """Names that carry a side but have no partner in the swap table."""
    return [n for n, k in zip(keypoints, swap, strict=True) if k < 0 and mirrored_name(n)]


def _like(word: str, model: str) -> str:
    """Give a word the capitals of another."""
    if model.isupper():
        return word.upper()
    return word.capitalize() if model[:1].isupper() else word


def _check_names(skeleton: Skeleton) -> None:
    names = skeleton.keypoints
    if not names:
        raise InputError("a skeleton needs at least one keypoint")
    for name in names:
        if not name.strip():
            raise InputError(f"keypoint {names.index(name)} has an empty name; give it one")
        if names.count(name) > 1:
            raise InputError(f"keypoint {name!r} occurs twice; rename one of the two")


def _check_parent(skeleton: Skeleton) -> None:
    names, parent = skeleton.keypoints, skeleton.parent
    if len(parent) != len(names):
        raise InputError(f"{len(parent)} parents for {len(names)} keypoints; give one each")
    for j, p in enumerate(parent):
        if not -1 <= p < len(names):
            raise InputError(f"{names[j]!r} has parent {p}; use -1 to {len(names) - 1}")
        seen, k = {j}, p
        while k >= 0:
            if k in seen:
                raise InputError(f"{names[j]!r} is its own ancestor; give it parent -1")
            seen.add(k)
            k = parent[k]
    for a, b in skeleton.edges:
        if not (0 <= a < len(names) and 0 <= b < len(names)) or a == b:
            raise InputError(f"edge {(a, b)} needs two keypoints of 0 to {len(names) - 1}")


def _check_swap(skeleton: Skeleton) -> None:
    names, swap = skeleton.keypoints, skeleton.swap
    if len(swap) != len(names):
        raise InputError(f"{len(swap)} swaps for {len(names)} keypoints; give one each")
    for j, k in enumerate(swap):
        if k == -1:
            continue
        if not 0 <= k < len(names) or k == j or swap[k] != j:
            raise InputError(f"{_broken_swap(names, swap, j)}{_swap_repair(names)}")
    for j, k in enumerate(swap):
        p, q = skeleton.parent[j], skeleton.parent[k]
        mirrored = swap[p] if p >= 0 and swap[p] >= 0 else p
        if k >= 0 and mirrored != q:
            warnings.warn(
                f"{names[j]!r} and {names[k]!r} are swapped but their parents are not mirrored",
                stacklevel=4,
            )
            break


def _broken_swap(names: tuple[str, ...], swap: tuple[int, ...], j: int) -> str:
    k = swap[j]
    if not 0 <= k < len(names) or k == j:
        return f"swap of {names[j]!r} is {k}, which is no other keypoint"
    back = names[swap[k]] if 0 <= swap[k] < len(names) else "nothing"
    return f"swap of {names[j]!r} is {names[k]!r}, but that of {names[k]!r} is {back!r}"


def _swap_repair(names: tuple[str, ...]) -> str:
    """Offer the table that the names suggest."""
    table = guess_swap(names)
    pairs = [f"{names[j]}-{names[k]}" for j, k in enumerate(table) if j < k]
    return f"; the names suggest {', '.join(pairs)}" if pairs else "; use -1 for no partner"

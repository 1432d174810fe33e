"""Poses that hang together: of several places where a keypoint may be, the ones that fit.

A network says of each keypoint alone where it may be. Here whole poses are weighed: how likely
every place is, and how each bone lies against the bone before it, as in the labels. What the
bones cost does not change when an animal turns, moves or grows.

Sources: Felzenszwalb and Huttenlocher (2005), IJCV 61:55-79, "Pictorial structures"; a bone
looks at the bone before it, as spec/pose.md §12 has it. Covariances: Ledoit and Wolf (2004).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.kernels import bone_trees
from gambol.kernels.bone_trees import LARGE, Bones

FEWEST = 8  # labelled pairs of bones; with fewer, nothing is said about how they lie
COPIES = 8  # of the labels, each with other noise
LEAST = 1e-4  # no place is less likely than this
STEEPEST = 1e6  # cost of a bone at the most


class Structure(NamedTuple):
    """How the bones of an animal lie, each against the one that it hangs on."""

    bones: Bones
    mean: Float[np.ndarray, "B 2"]  # in the frame and the length of that bone
    precision: Float[np.ndarray, "B 2 2"]  # Σ⁻¹; zeros where nothing is known

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers and lists, for JSON."""
        values = {**self.bones._asdict(), "mean": self.mean, "precision": self.precision}
        return {name: value.tolist() for name, value in values.items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Structure":
        """Undo `to_dict`."""
        names = (*Bones._fields, "mean", "precision")
        if missing := [name for name in names if name not in values]:
            raise InputError(f"a structure lacks {', '.join(missing)}; train the run anew")
        near, far, on = (np.array(values[name], np.int64) for name in ("near", "far", "on"))
        mean = np.array(values["mean"], np.float64).reshape(-1, 2)
        precision = np.array(values["precision"], np.float64).reshape(-1, 2, 2)
        return cls(Bones(near, far, on, np.array(values["turned"], bool)), mean, precision)


class Posed(NamedTuple):
    """The pose of an animal, and how sure it is."""

    choice: Int[np.ndarray, " J"]  # of the candidates; -1: absent
    place: Int[np.ndarray, " J"]  # the best candidate, were the keypoint not absent; -1: none
    probability: Float[np.ndarray, "J K1"]  # of every candidate, then of being absent
    margin: Float[np.ndarray, " J"]  # what the best pose with another choice costs more


def learn(xy: Float[np.ndarray, "N J 2"], skeleton: Skeleton, noise: float = 0.0) -> Structure:
    """Learn how bones lie from labelled poses.

    The first bone of every tree is the one against which the others scatter least, of those
    against which the most bones are labelled often enough to tell.

    Args:
        xy: px; NaN where not known.
        skeleton: whose bones are looked at.
        noise: px by which places that are to be judged are off; a short bone then says little
            of which way the next one goes.
    """
    if noise:
        rng = np.random.default_rng(0)
        xy = np.concatenate([xy + rng.normal(0, noise, xy.shape) for _ in range(COPIES)])
    fewest = FEWEST * (COPIES if noise else 1)
    hung = [
        min((_hang(tree, first) for first in tree), key=lambda rows: _scatter(xy, rows, fewest))
        for tree in _trees(skeleton.bones)
    ]
    rows: list[Row] = []
    for tree in hung:
        at = len(rows)
        rows += [(a, b, on + at if on >= 0 else -1, turned) for a, b, on, turned in tree]
    ends = np.array([row[:3] for row in rows], np.int64).reshape(-1, 3)
    hangs = np.array([row[3] for row in rows], bool)
    bones = Bones(ends[:, 0], ends[:, 1], ends[:, 2], hangs)
    mean, precision = np.zeros((len(rows), 2)), np.zeros((len(rows), 2, 2))
    for b, (r, _) in enumerate(_lying(xy, rows)):
        if len(r) >= fewest:
            mean[b], cov = _fit(r)
            precision[b] = np.linalg.inv(cov)
    return Structure(bones, mean, precision)


def decode(
    structure: Structure,
    xy: Float[np.ndarray, "J K 2"],
    likely: Float[np.ndarray, "J K"],
    absent: Float[np.ndarray, " J"],
    weight: float,
) -> Posed:
    """Choose one candidate of every keypoint, or none, so that all fit together.

    Args:
        structure: how bones lie.
        xy: candidates, px; NaN where there are fewer than K.
        likely: calibrated probability of each candidate to be right.
        absent: probability that the keypoint is not there.
        weight: λ, of how bones lie against what the network says; 0 asks the network alone.
    """
    there = np.isfinite(xy).all(-1)
    unary = np.full((len(xy), xy.shape[1] + 1), LARGE)
    unary[:, :-1][there] = -np.log(np.maximum(likely[there], LEAST))
    unary[:, -1] = -np.log(np.maximum(absent, LEAST))
    found = bone_trees.solve(unary, weight * costs(structure, xy), structure.bones)
    rows = np.arange(len(xy))
    others = found.cheapest.copy()
    others[rows, found.state] = np.inf
    choice = np.where(found.state < xy.shape[1], found.state, -1)
    seen = np.where(there, found.cheapest[:, :-1], np.inf)
    place = np.where(choice >= 0, choice, np.where(there.any(1), seen.argmin(1), -1))
    return Posed(choice, place, found.probability, others.min(1) - found.cost)


def costs(
    structure: Structure, xy: Float[np.ndarray, "J K 2"]
) -> Float[np.ndarray, "B K1 K1 K1"]:
    """Return ½ (r - μ)ᵀ Σ⁻¹ (r - μ) of every bone, for [end before, near end, far end].

    r is the bone in the frame and the length of the one that it hangs on. 0 where an end is
    absent, or where two ends are one place: then nothing is known of how the bone lies.
    """
    bones, k = structure.bones, xy.shape[1]
    out = np.zeros((len(bones.near), k + 1, k + 1, k + 1))
    before = _before(bones)
    for b in np.flatnonzero(bones.on >= 0):
        ends = xy[before[b]], xy[bones.near[b]], xy[bones.far[b]]
        r = _against(ends[0][:, None, None], ends[1][None, :, None], ends[2][None, None])
        off = r - structure.mean[b]
        cost = np.einsum("...a,ab,...b->...", off, structure.precision[b], off) / 2
        out[b, :k, :k, :k] = np.minimum(np.where(np.isfinite(cost), cost, 0.0), STEEPEST)
    return out


def _before(bones: Bones) -> Int[np.ndarray, " B"]:
    """Return the keypoint at the other end of the bone that each bone hangs on."""
    return np.where(bones.turned, bones.far[bones.on], bones.near[bones.on])


def _against(
    before: Float[np.ndarray, "*#s 2"],
    near: Float[np.ndarray, "*#s 2"],
    far: Float[np.ndarray, "*#s 2"],
) -> Float[np.ndarray, "*s 2"]:
    """Return a bone in the frame and the length of the one before; NaN where that has none."""
    u, v = near - before, far - near
    square = (u**2).sum(-1, keepdims=True)
    along = (u * v).sum(-1, keepdims=True)
    across = u[..., :1] * v[..., 1:] - u[..., 1:] * v[..., :1]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.concatenate([along, across], -1) / np.where(square > 0, square, np.nan)


Row = tuple[int, int, int, bool]  # near, far, the bone that it hangs on, turned


def _trees(pairs: Sequence[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """Return the bones of every tree."""
    trees: list[list[tuple[int, int]]] = []
    for pair in pairs:
        joined = [tree for tree in trees if any(set(pair) & set(other) for other in tree)]
        trees = [tree for tree in trees if tree not in joined]
        trees.append([pair, *(other for tree in joined for other in tree)])
    return [sorted(tree) for tree in trees]


def _hang(tree: Sequence[tuple[int, int]], first: tuple[int, int]) -> list[Row]:
    """Hang all bones of a tree on its first one, each after the one that it hangs on."""
    rows: list[Row] = [(*first, -1, False)]
    left = [pair for pair in tree if pair != first]
    b = 0
    while left:
        near, far, on, _ = rows[b]
        ends = [(far, False)] if on >= 0 else [(far, False), (near, True)]
        for end, turned in ends:
            mine = [pair for pair in left if end in pair]
            left = [pair for pair in left if pair not in mine]
            rows += [(end, p + q - end, b, turned) for p, q in mine]
        b += 1
    return rows


def _lying(
    xy: Float[np.ndarray, "N J 2"], rows: Sequence[Row]
) -> list[tuple[Float[np.ndarray, "n 2"], Float[np.ndarray, " n"]]]:
    """Return, of each bone, how it lies in labels, and how long the one before it is there."""
    found = []
    for near, far, on, turned in rows:
        if on < 0:
            found.append((np.zeros((0, 2)), np.zeros(0)))
            continue
        before = rows[on][1] if turned else rows[on][0]
        r = _against(xy[:, before], xy[:, near], xy[:, far])
        known = np.isfinite(r).all(-1)
        found.append((r[known], np.linalg.norm(xy[known, near] - xy[known, before], axis=-1)))
    return found


def _fit(r: Float[np.ndarray, "n 2"]) -> tuple[Float[np.ndarray, " 2"], np.ndarray]:
    from sklearn.covariance import LedoitWolf

    fitted = LedoitWolf().fit(r)
    return fitted.location_, fitted.covariance_ + 1e-6 * np.eye(2)


def _scatter(
    xy: Float[np.ndarray, "N J 2"], rows: Sequence[Row], fewest: int
) -> tuple[int, float]:
    """Return how many bones nobody can tell of, and the entropy of the others, nats.

    It is that of bones given those before them, in pixels, so that it can be compared.
    """
    total, unknown = 0.0, -1  # the first one hangs on nothing
    for r, length in _lying(xy, rows):
        unknown += len(r) < fewest
        if len(r) >= fewest:
            _, cov = _fit(r)
            total += np.linalg.slogdet(cov)[1] / 2 + 2 * float(np.log(length).mean())
    near, far, *_ = rows[0]
    own = xy[:, far] - xy[:, near]
    own = own[np.isfinite(own).all(-1)]
    if len(own) >= fewest:
        total += np.linalg.slogdet(_fit(own)[1])[1] / 2
    return unknown, total

"""Which labels are alike: a tree of labels by their movement, their shape or what follows them.

Three distances: between median trajectories (root mean square over frames and keypoints, Ward),
cosine between what distinguishes these from the mean of all labels, and total variation between
the rows of the transition matrix (both by average linkage). A cut of the tree suggests merges.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int64
from scipy.cluster import hierarchy
from scipy.spatial.distance import pdist, squareform

from gambol.behavior.graphs import bigrams
from gambol.behavior.trajectories import Trajectories
from gambol.core.errors import InputError
from gambol.core.sequences import Sequences

Metric = Literal["trajectory", "cosine", "transitions"]

ALIKE = 2.0  # times what halves of one label differ by: labels nearer than that are alike


class Tree(NamedTuple):
    """How K labels join, pair by pair."""

    labels: Int64[np.ndarray, " K"]
    distance: Float[np.ndarray, "K K"]  # symmetric, 0 on the diagonal
    linkage: Float[np.ndarray, "joins 4"]  # as scipy has it; rows of `labels` are leaves
    metric: Metric
    unit: str  # of the distance; empty where it has none
    alike: float  # a height for a cut: little above what halves of one label differ by; or NaN

    @property
    def order(self) -> Int64[np.ndarray, " K"]:
        """The labels as the leaves stand, neighbours alike."""
        return self.labels[leaves(self.linkage)]

    def groups(self, height: float) -> list[list[int]]:
        """Return the labels that join below a height, groups of two or more only.

        Args:
            height: in the unit of the distance.
        """
        place = hierarchy.fcluster(self.linkage, height, criterion="distance")
        parts = [self.labels[place == g].tolist() for g in np.unique(place)]
        return sorted(part for part in parts if len(part) > 1)


def leaves(linkage: Float[np.ndarray, "joins 4"]) -> list[int]:
    """Return the leaves of a tree from one end to the other."""
    return [int(leaf) for leaf in hierarchy.leaves_list(linkage)]


def by_trajectories(found: Trajectories, metric: Metric = "trajectory") -> Tree:
    """Return the tree of labels by their median trajectories.

    Args:
        found: the trajectories.
        metric: trajectory, in the unit of the keypoints; or cosine, which forgets how large a
            movement is.
    """
    flat = _filled(found.median).reshape(len(found.labels), -1)
    if metric == "cosine":
        apart = squareform(_cosine(flat - flat.mean(axis=0)))
        return _tree(found.labels, apart, "average", "cosine", "", np.nan)
    points = np.prod(found.median.shape[1:3])  # frames and keypoints
    apart = squareform(pdist(flat)) / np.sqrt(points)
    alike = ALIKE * float(np.median(found.repeat)) if len(found.repeat) else np.nan
    return _tree(found.labels, apart, "ward", "trajectory", found.unit, alike)


def by_transitions(sequences: Sequences, labels: Sequence[int]) -> Tree:
    """Return the tree of labels by what follows them.

    Args:
        sequences: labels of frames.
        labels: those of interest; what follows them may be any label.
    """
    rows = bigrams(sequences, normalise="row").values[np.asarray(labels, np.int64)]
    lost = [k for k, row in zip(labels, rows, strict=True) if not np.isfinite(row).all()]
    if lost:
        raise InputError(f"label {lost[0]} is never followed by another; leave it out")
    apart = squareform(pdist(rows, "cityblock")) / 2
    return _tree(np.asarray(labels, np.int64), apart, "average", "transitions", "", np.nan)


def _tree(
    labels: np.ndarray, apart: np.ndarray, method: str, metric: Metric, unit: str, alike: float
) -> Tree:
    """Join labels; a tree has two leaves or more."""
    if len(labels) < 2:
        raise InputError(f"{len(labels)} labels are used enough; a tree needs two")
    short = squareform(apart, checks=False)
    linkage = hierarchy.linkage(short, method, optimal_ordering=True)
    return Tree(labels.astype(np.int64), apart, linkage, metric, unit, alike)


def _filled(median: Float[np.ndarray, "K W J d"]) -> Float[np.ndarray, "K W J d"]:
    """Put the mean over labels where a label has none; 0 where none has."""
    seen = np.isfinite(median)
    count = np.maximum(seen.sum(axis=0), 1)
    mean = np.where(seen, median, 0.0).sum(axis=0) / count
    return np.where(seen, median, mean)


def _cosine(flat: Float[np.ndarray, "K D"]) -> Float[np.ndarray, " pairs"]:
    """Return 1 - cosine of all pairs; a label like the mean of all is 1 from the others."""
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    unit = np.where(length > 0, flat / np.where(length > 0, length, 1.0), 0.0)
    apart = np.clip(1.0 - unit @ unit.T, 0.0, 2.0)
    return np.asarray(apart[np.triu_indices(len(flat), 1)])

"""Sums of decision trees as plain arrays: what boosting learned, kept and asked without pickle.

A forest is asked as scikit-learn asks its own histogram boosting, addition by addition, so both
give the same bits. Source of the trees: Friedman (2001), Ann. Statist. 29(5):1189-1232; Ke et
al. (2017), LightGBM, NeurIPS 30.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Bool, Float, Float32, Int32, Int64
from scipy.special import expit

NODES = ("value", "feature", "threshold", "missing_left", "left", "right")


class Forest(NamedTuple):
    """M trees with N nodes together, which add up to K numbers."""

    value: Float[np.ndarray, " N"]  # of a leaf
    feature: Int32[np.ndarray, " N"]  # that is asked at a node; -1 at a leaf
    threshold: Float[np.ndarray, " N"]  # at most this: left
    missing_left: Bool[np.ndarray, " N"]  # where NaN goes
    left: Int32[np.ndarray, " N"]  # child, counted from the first node of the tree
    right: Int32[np.ndarray, " N"]
    first: Int64[np.ndarray, " M1"]  # nodes of tree m are first[m] to first[m + 1]
    output: Int32[np.ndarray, " M"]  # which of the K numbers a tree adds to
    baseline: Float[np.ndarray, " K"]  # before any tree, log odds


def constant(baseline: Float[np.ndarray, " K"]) -> Forest:
    """Return a forest without trees, which says the same of everything."""
    whole, none = np.zeros(0, np.int32), np.zeros(0)
    yes = np.zeros(0, bool)
    return Forest(none, whole, none, yes, whole, whole, np.zeros(1, np.int64), whole, baseline)


def from_sklearn(fitted: Any) -> Forest:
    """Return the trees of a `HistGradientBoostingClassifier` without categories.

    >>> from sklearn.ensemble import HistGradientBoostingClassifier
    >>> x = np.arange(40.0)[:, None]
    >>> fitted = HistGradientBoostingClassifier(max_iter=3).fit(x, x[:, 0] > 20)
    >>> forest = from_sklearn(fitted)
    >>> bool((probability(forest, x)[:, 1] == fitted.predict_proba(x)[:, 1]).all())
    True
    """
    parts, output = [], []
    for boosted in fitted._predictors:
        for k, tree in enumerate(boosted):
            parts.append(tree.nodes)
            output.append(k)
    nodes = np.concatenate(parts)
    if nodes["is_categorical"].any():
        raise ValueError("trees that ask for categories are not known here")
    leaf = nodes["is_leaf"].astype(bool)
    return Forest(
        nodes["value"].astype(np.float64),
        np.where(leaf, -1, nodes["feature_idx"]).astype(np.int32),
        nodes["num_threshold"].astype(np.float64),
        nodes["missing_go_to_left"].astype(bool),
        nodes["left"].astype(np.int32),
        nodes["right"].astype(np.int32),
        np.cumsum([0, *(len(part) for part in parts)]).astype(np.int64),
        np.array(output, np.int32),
        np.asarray(fitted._baseline_prediction, np.float64).ravel(),
    )


def edges(
    x: Float32[np.ndarray, "N F"], weights: Float[np.ndarray, " N"], bins: int
) -> Float32[np.ndarray, "E F"]:
    """Return the bins - 1 borders of each column that share the weight of known values out.

    scikit-learn's own borders of weighted frames take a hundred times longer than the trees.
    Borders that fall together leave bins without values; a column of NaN alone has zeros.
    """
    share = np.arange(1, bins) / bins
    found = np.zeros((bins - 1, x.shape[1]), np.float32)
    for k, column in enumerate(x.T):
        order = np.argsort(column)  # NaN last
        order = order[: np.count_nonzero(~np.isnan(column))]
        if len(order) < 2:
            continue
        below = np.cumsum(weights[order])
        after = np.searchsorted(below, share * below[-1] * (1 - 1e-12)) + 1
        after = np.minimum(after, len(order) - 1)
        found[:, k] = (column[order[after - 1]] + column[order[after]]) / 2
    return found


def binned(
    x: Float32[np.ndarray, "N F"], borders: Float32[np.ndarray, "E F"]
) -> Float32[np.ndarray, "N F"]:
    """Return how many borders of its column lie below each value; NaN stays."""
    found = np.empty_like(x)
    for k in range(x.shape[1]):
        found[:, k] = np.searchsorted(borders[:, k], x[:, k])
    return np.where(np.isnan(x), np.float32(np.nan), found)


def unbinned(forest: Forest, borders: Float32[np.ndarray, "E F"]) -> Forest:
    """Return trees of binned values as trees that ask the values themselves."""
    asks = (forest.feature >= 0) & np.isfinite(forest.threshold)
    threshold = forest.threshold.copy()
    bins = np.floor(threshold[asks]).astype(np.int64)
    threshold[asks] = borders[np.clip(bins, 0, len(borders) - 1), forest.feature[asks]]
    return forest._replace(threshold=threshold)


def raw(forest: Forest, x: Float[np.ndarray, "T F"]) -> Float[np.ndarray, "T K"]:
    """Return the sums: log odds (K = 1), or logarithms of shares up to a constant.

    Args:
        forest: trees.
        x: features; NaN where not known. Single precision counts as it is, without a copy.
    """
    out = np.empty((len(forest.baseline), len(x)))
    _raw(*forest, np.ascontiguousarray(x), out)
    return out.T  # as scikit-learn lays it out, so that sums over K run in the same order


def probability(forest: Forest, x: Float[np.ndarray, "T F"]) -> Float[np.ndarray, "T C"]:
    """Return p(class) of two classes (K = 1), or of K classes."""
    sums = raw(forest, x)
    if sums.shape[1] == 1:
        yes = expit(sums[:, 0])
        return np.stack([1 - yes, yes], axis=1)
    sums -= sums.max(axis=1)[:, None]
    np.exp(sums, sums)
    sums /= sums.sum(axis=1)[:, None]
    return sums


def join(forests: Sequence[Forest]) -> tuple[Forest, Int64[np.ndarray, " A1"]]:
    """Lay forests of equal K one behind the other, for a file.

    Returns:
        All trees, with the baselines one behind the other; and where the trees of each begin.
    """
    trees = [len(one.output) for one in forests]
    nodes = np.cumsum([0, *(len(one.value) for one in forests)])
    first = [one.first[:-1] + begin for one, begin in zip(forests, nodes, strict=False)]
    columns = {name: np.concatenate([getattr(one, name) for one in forests]) for name in NODES}
    whole = Forest(
        **columns,
        first=np.concatenate([*first, nodes[-1:]]).astype(np.int64),
        output=np.concatenate([one.output for one in forests]),
        baseline=np.concatenate([one.baseline for one in forests]),
    )
    return whole, np.cumsum([0, *trees]).astype(np.int64)


def split(whole: Forest, begin: Int64[np.ndarray, " A1"], outputs: int) -> list[Forest]:
    """Undo `join`; `outputs` is K."""
    made = []
    for a in range(len(begin) - 1):
        trees = slice(int(begin[a]), int(begin[a + 1]))
        first = whole.first[trees.start : trees.stop + 1]
        nodes = slice(int(first[0]), int(first[-1]))
        columns = {name: getattr(whole, name)[nodes] for name in NODES}
        base = whole.baseline[a * outputs : (a + 1) * outputs]
        made.append(
            Forest(**columns, first=first - first[0], output=whole.output[trees], baseline=base)
        )
    return made


def sound(forest: Forest, features: int) -> bool:
    """Tell whether every walk ends within its tree and asks for features that there are.

    Children lie behind their parents, so no walk runs in circles. What a file says is not
    believed unseen: the walk itself checks nothing.
    """
    if len(forest.first) != len(forest.output) + 1 or forest.first[0] != 0:
        return False
    sizes = np.diff(forest.first)
    if forest.first[-1] != len(forest.value) or (len(sizes) and sizes.min() < 1):
        return False
    inner = forest.feature >= 0
    at = np.arange(len(forest.value)) - np.repeat(forest.first[:-1], sizes)
    size = np.repeat(sizes, sizes)
    sides = [(forest.left, inner), (forest.right, inner)]
    within = all(bool(((side > at) & (side < size))[mask].all()) for side, mask in sides)
    known = bool((forest.feature < features).all() and (forest.feature >= -1).all())
    outputs = bool(((forest.output >= 0) & (forest.output < len(forest.baseline))).all())
    return within and known and outputs


@numba.njit(cache=True, nogil=True)
@no_type_check
def _raw(value, feature, threshold, missing_left, left, right, first, output, baseline, x, out):
    for t in range(len(x)):
        for k in range(len(baseline)):
            out[k, t] = baseline[k]
        for m in range(len(output)):
            begin = first[m]
            node = begin
            while feature[node] >= 0:
                asked = x[t, feature[node]]
                low = missing_left[node] if np.isnan(asked) else asked <= threshold[node]
                node = begin + (left[node] if low else right[node])
            out[output[m], t] += value[node]

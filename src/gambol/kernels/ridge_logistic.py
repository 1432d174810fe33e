"""Logistic regression with an L2 penalty for few units and many labellings of them at once.

    two classes:   1/2 |w|² + C Σ_i s_i log(1 + exp(-y_i (x_i w + b)))
    more classes:  1/2 Σ_g |w_g|² - C Σ_i s_i log softmax_g(x_i w_g + b_g) at g = class of i

With M units and S measures w lies in the span of the units, so a class has M + 1 unknowns
however many measures there are. Newton's steps of all labellings go side by side.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

_ROUNDS = 50  # Newton's method needs about 8
_CELLS = 20_000_000  # numbers of second derivatives held at once
_NEAR = 1e-10  # of the gradient at which all is done


class Fitted(NamedTuple):
    """B solutions."""

    weights: Float[np.ndarray, "B S"]
    bias: Float[np.ndarray, " B"]


def fit(
    x: Float[np.ndarray, "M S"],
    positive: Bool[np.ndarray, "B M"],
    strength: float,
) -> Fitted:
    """Fit B labellings of the same units; both classes weigh the same (balanced).

    Args:
        x: measures of the units.
        positive: whether a unit belongs to the class; each row has both kinds.
        strength: C; large trusts the data, small the penalty.
    """
    left, scale, right = np.linalg.svd(x, full_matrices=False)
    scores = left * scale  # (M, r), the same distances as x
    design = np.column_stack([scores, np.ones(len(x))])  # (M, r + 1)
    found = _newton(design, positive, strength)
    return Fitted(found[:, :-1] @ right, found[:, -1])


def fit_classes(
    x: Float[np.ndarray, "M S"], labels: Int[np.ndarray, "B M"], groups: int, strength: float
) -> tuple[Float[np.ndarray, "B G S"], Float[np.ndarray, "B G"]]:
    """Fit B labellings of the same units with three or more classes; all weigh the same.

    Args:
        x: measures of the units.
        labels: class of each unit; every class comes in every row.
        groups: number of classes, G.
        strength: C.

    Returns:
        Weights and biases of the classes.
    """
    left, scale, right = np.linalg.svd(x, full_matrices=False)
    design = np.column_stack([left * scale, np.ones(len(x))])  # (M, P)
    found = np.empty((len(labels), groups, design.shape[1]))
    step = max(1, _CELLS // (groups * design.shape[1]) ** 2)
    for start in range(0, len(labels), step):
        rows = slice(start, start + step)
        found[rows] = _newton_classes(design, labels[rows], groups, strength)
    return found[..., :-1] @ right, found[..., -1]


def _newton_classes(
    design: Float[np.ndarray, "M P"], labels: Int[np.ndarray, "B M"], groups: int, cost: float
) -> Float[np.ndarray, "B G P"]:
    """Minimise over all classes at once; steps are halved where they would not help."""
    units, size = design.shape
    wanted = (labels[..., None] == np.arange(groups)).astype(np.float64)  # (B, M, G)
    count = wanted.sum(axis=1, keepdims=True)
    own = cost * units / groups * (wanted / np.maximum(count, 1.0)).sum(axis=2)  # (B, M)
    penalty = np.append(np.ones(size - 1), 0.0)
    w = np.zeros((len(labels), groups, size))

    def loss(at: Float[np.ndarray, "B G P"]) -> Float[np.ndarray, " B"]:
        score = at @ design.T  # (B, G, M)
        told = np.logaddexp.reduce(score, axis=1) - np.einsum("bgm,bmg->bm", score, wanted)
        return np.asarray((own * told).sum(axis=1) + (penalty * at**2).sum(axis=(1, 2)) / 2)

    now = loss(w)
    for _ in range(_ROUNDS):
        score = w @ design.T
        chance = np.exp(score - np.logaddexp.reduce(score, axis=1, keepdims=True))
        away = own[:, None] * (chance - wanted.swapaxes(1, 2))  # (B, G, M)
        gradient = penalty * w + away @ design
        if np.abs(gradient).max(initial=0.0) < _NEAR * max(1.0, cost * units):
            break
        cross = own[:, None, None] * (
            np.eye(groups)[:, :, None] * chance[:, :, None]
            - chance[:, :, None] * chance[:, None]
        )  # (B, G, G, M)
        hessian = np.einsum("mp,bghm,mq->bgphq", design, cross, design, optimize=True)
        flat = hessian.reshape(len(w), groups * size, groups * size)
        flat += np.diag(np.tile(penalty + 1e-9, groups))  # biases share one free constant
        step = np.linalg.solve(flat, gradient.reshape(len(w), -1, 1)).reshape(w.shape)
        w, now = _descended(w, step, now, loss)
    return w


def _descended(
    w: np.ndarray,
    step: np.ndarray,
    now: np.ndarray,
    loss: Callable[[np.ndarray], np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Go along a step, half as far where that would be worse than staying."""
    length = np.ones((len(w), *(1,) * (w.ndim - 1)))
    for _ in range(30):
        after = loss(w - length * step)
        worse = after > now + 1e-12 * np.abs(now)
        if not worse.any():
            break
        length[worse] /= 2
    return w - length * step, after


def _newton(
    design: Float[np.ndarray, "M P"], positive: Bool[np.ndarray, "B M"], strength: float
) -> Float[np.ndarray, "B P"]:
    """Minimise; steps are halved where they would not lower the loss."""
    units, size = design.shape
    sign = np.where(positive, 1.0, -1.0)
    count = positive.sum(axis=1, keepdims=True)
    share = np.where(positive, count, units - count)
    cost = strength * units / (2.0 * np.maximum(share, 1))  # (B, M), C s_i
    penalty = np.append(np.ones(size - 1), 0.0)
    w = np.zeros((len(positive), size))

    def told(at: Float[np.ndarray, "B P"]) -> Float[np.ndarray, " B"]:
        wrong = cost * np.logaddexp(0.0, -sign * (at @ design.T))
        return np.asarray(wrong.sum(axis=1) + (penalty * at**2).sum(axis=1) / 2)

    loss = told(w)
    for _ in range(_ROUNDS):
        margin = sign * (w @ design.T)
        chance = 1.0 / (1.0 + np.exp(np.clip(margin, -500, 500)))  # of being wrong
        gradient = penalty * w - (cost * sign * chance) @ design
        if np.abs(gradient).max(initial=0.0) < _NEAR * max(1.0, strength * units):
            break
        curve = cost * chance * (1 - chance)  # (B, M)
        hessian = np.einsum("mp,bm,mq->bpq", design, curve, design, optimize=True)
        hessian += np.diag(penalty + 1e-12)
        step = np.linalg.solve(hessian, gradient[..., None])[..., 0]
        w, loss = _descended(w, step, loss, told)
    return w

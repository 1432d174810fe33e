"""Random walks behind Gaussian noise: exact posterior piece by piece, and the likelihood.

x_0 ~ N(0, v I) and x_{t+1} ~ N(x_t, diag(step)). What was seen of frame t enters as
    exp(-½ xᵀ A_t x + b_tᵀ x)        A_t precision, b_t pull; zeros where nothing was seen.
A piece hears of what lies before and after it through messages of the same form, so a recording
of any length is smoothed exactly with one piece in memory: messages run backward first, then
pieces are told forward. With Q = diag(step), a message past a link is
    Q⁻¹ - Q⁻¹ (Λ + Q⁻¹)⁻¹ Q⁻¹, pull Q⁻¹ (Λ + Q⁻¹)⁻¹ λ,
which holds for singular Λ, too: before anything was seen nothing is told.
Source: Rauch, Tung and Striebel (1965); Fraser and Potter (1969), two filters in their
information form.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from gambol.kernels import band


class Seen(NamedTuple):
    """What the frames of a piece show of the state."""

    info: Float[np.ndarray, "T D D"]  # precision
    pull: Float[np.ndarray, "T D"]  # precision times position


class Message(NamedTuple):
    """What is known of one frame from one side."""

    info: Float[np.ndarray, "D D"]
    pull: Float[np.ndarray, " D"]


class Posterior(NamedTuple):
    """What is known of every frame of a piece."""

    mean: Float[np.ndarray, "T D"]
    cov: Float[np.ndarray, "T D D"]


class Evidence(NamedTuple):
    """Parts of -2 log p(seen) that depend on the walk: `spread - explained` and a constant."""

    explained: float  # bᵀ H⁻¹ b
    spread: float  # log det H - log det of the walk's own precision


def begin(dims: int, variance: float) -> Message:
    """Return what is known before the first frame: x_0 ~ N(0, variance I)."""
    return Message(np.eye(dims) / variance, np.zeros(dims))


def silence(dims: int) -> Message:
    """Return the message of nothing, from behind the last frame."""
    return Message(np.zeros((dims, dims)), np.zeros(dims))


def ahead(seen: Seen, step: Float[np.ndarray, " D"], before: Message) -> Message:
    """Return what a piece, and all before it, tell of the frame after it."""
    return _past(Seen(seen.info, seen.pull), step, before)


def back(seen: Seen, step: Float[np.ndarray, " D"], after: Message) -> Message:
    """Return what a piece, and all after it, tell of the frame before it."""
    return _past(Seen(seen.info[::-1], seen.pull[::-1]), step, after)


def posterior(
    seen: Seen, step: Float[np.ndarray, " D"], before: Message, after: Message
) -> Posterior:
    """Smooth a piece.

    Args:
        seen: what its frames show.
        step: variance of a step along every axis.
        before: of `begin`, or of `ahead` of the piece before.
        after: of `silence`, or of `back` of the piece after.

    >>> still = Seen(np.ones((2, 1, 1)), np.array([[0.0], [2.0]]))  # 0 ± 1, then 2 ± 1
    >>> told = posterior(still, np.array([1e-9]), begin(1, 1e9), silence(1))
    >>> told.mean.round(3).ravel().tolist(), told.cov.round(3).ravel().tolist()
    ([1.0, 1.0], [0.5, 0.5])
    """
    factored, pull = _factored(seen, step, before, after.info, after.pull)
    return Posterior(band.solve(factored, pull), band.covariances(factored))


def evidence(seen: Seen, step: Float[np.ndarray, " D"], variance: float) -> Evidence:
    """Weigh a walk that begins with N(0, variance I) by how likely it makes a piece.

    With noise of covariance R_t, -2 log p = Σ yᵀ R⁻¹ y - explained + spread + Σ log det 2πR.
    """
    frames, dims = seen.pull.shape
    start = begin(dims, variance)
    factored, pull = _factored(seen, step, start, np.zeros((dims, dims)), np.zeros(dims))
    own = -dims * np.log(variance) - (frames - 1) * float(np.log(step).sum())
    explained = float((pull * band.solve(factored, pull)).sum())
    return Evidence(explained, band.log_determinant(factored) - own)


def _past(seen: Seen, step: Float[np.ndarray, " D"], before: Message) -> Message:
    """Carry a piece's message over the link behind its last frame."""
    link = 1 / step
    factored, pull = _factored(seen, step, before, np.diag(link), np.zeros(len(step)))
    inverse = factored.root[-1].T @ factored.root[-1]
    info = np.diag(link) - link[:, None] * inverse * link
    return Message((info + info.T) / 2, link * band.solve(factored, pull)[-1])


def _factored(
    seen: Seen,
    step: Float[np.ndarray, " D"],
    before: Message,
    last_info: Float[np.ndarray, "D D"],
    last_pull: Float[np.ndarray, " D"],
) -> tuple[band.Factor, Float[np.ndarray, "T D"]]:
    """Return H of a piece, factored, and its right side."""
    link = 1 / step
    blocks, pull = seen.info.astype(np.float64), seen.pull.astype(np.float64)
    axes = np.arange(len(step))
    blocks[1:, axes, axes] += link
    blocks[:-1, axes, axes] += link
    blocks[0] += before.info
    pull[0] += before.pull
    blocks[-1] += last_info
    pull[-1] += last_pull
    return band.factor(blocks, np.tile(link, (len(pull) - 1, 1))), pull

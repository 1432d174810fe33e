"""What the labels of one recording say of its hidden states: paths, probabilities, evidence.

The model (K states, S labels): z_1 is uniform, z_t follows row z_t-1 of `trans`, and label y_t
follows row y_t-1 of `theta[z_t]`. The first label carries no term, nor does one that follows a
gap, while the states run on through gaps; what stands at a missing frame is never read. Exact
in two forms of one law: from run to run of equal labels (`state_runs`), and from frame to frame
(`state_frames`), which every prediction uses.
"""

import numpy as np
from jaxtyping import Bool, Float, Float32, Shaped, UInt8

from gambol.kernels import state_frames, state_runs
from gambol.kernels.runs import Runs
from gambol.kernels.state_runs import Powers, powers
from gambol.kernels.state_tables import (
    Counts,
    Path,
    Tables,
    check,
    count,
    tables,
    use_runs,
)

__all__ = [
    "Counts",
    "Path",
    "Powers",
    "count",
    "evidence",
    "expected",
    "filtered",
    "frame_evidence",
    "marginals",
    "powers",
    "sample",
    "use_runs",
    "viterbi",
]

Values = Shaped[np.ndarray, " T"]
Valid = Bool[np.ndarray, " T"]
Theta = Float[np.ndarray, "K S S"]
Trans = Float[np.ndarray, "K K"]


def sample(
    rng: np.random.Generator,
    values: Values,
    valid: Valid,
    whole: Runs | None,
    theta: Theta,
    trans: Trans,
    cache: Powers | None = None,
) -> Path:
    """Draw one path of states given all labels of one recording, and count along it.

    Args:
        rng: of its own for every recording; how far it advances depends on the labels.
        values: label of each frame, 0 to S - 1.
        valid: frames that have one.
        whole: the runs of the recording, cut at what `cache` holds (`runs.cut`), for the
            run-length form; None for the other one. `use_runs` tells which is due.
        theta: p(y_t = j | y_t-1 = i, z_t = k), from row i to column j.
        trans: p(z_t = l | z_t-1 = k), from row k to column l.
        cache: `powers` of the same model; computed where absent.

    >>> labels, seen = np.array([0, 0, 0, 1, 1, 1]), np.ones(6, bool)
    >>> own = np.array([[[1.0, 0.0]] * 2, [[0.0, 1.0]] * 2])  # every state its label
    >>> rng = np.random.default_rng(0)
    >>> sample(rng, labels, seen, None, own, np.full((2, 2), 0.5)).states[1:]
    array([0, 0, 1, 1, 1], dtype=uint8)
    """
    if whole is None:
        return state_frames.draw(rng, *_laid(values, valid, theta, trans))
    path = state_runs.draw(rng, whole, _cache(whole, cache, theta, trans), len(theta))
    if not np.isfinite(path.log_evidence):
        raise state_frames.unexplained(*_laid(values, valid, theta, trans))
    return path


def evidence(
    values: Values,
    valid: Valid,
    whole: Runs | None,
    theta: Theta,
    trans: Trans,
    cache: Powers | None = None,
) -> float:
    """Return log p(y_2:T | y_1), in nats, with the arguments of `sample`.

    -inf where no path of states explains the labels.
    """
    if whole is None:
        return state_frames.evidence(*_laid(values, valid, theta, trans))
    return state_runs.evidence(whole, _cache(whole, cache, theta, trans), len(theta))


def frame_evidence(
    values: Values, valid: Valid, theta: Theta, trans: Trans
) -> Float[np.ndarray, " T"]:
    """Return log p(y_t | all labels before) of each frame, in nats.

    0 at the first frame and wherever this frame or the last is missing.
    """
    return state_frames.frame_evidence(*_laid(values, valid, theta, trans))


def filtered(
    values: Values, valid: Valid, theta: Theta, trans: Trans
) -> Float32[np.ndarray, "T K"]:
    """Return p(z_t = k | labels up to frame t): the state as it is known at the time."""
    return state_frames.filtered(*_laid(values, valid, theta, trans))


def marginals(
    values: Values, valid: Valid, theta: Theta, trans: Trans
) -> Float32[np.ndarray, "T K"]:
    """Return p(z_t = k | all labels); every row sums to 1."""
    return state_frames.marginals(*_laid(values, valid, theta, trans))


def expected(
    values: Values, valid: Valid, theta: Theta, trans: Trans
) -> tuple[Float[np.ndarray, "K S S"], Float[np.ndarray, "K K"]]:
    """Return the mean over all paths of what `count` counts: emissions and moves."""
    return state_frames.expected(*_laid(values, valid, theta, trans))


def viterbi(
    values: Values, valid: Valid, theta: Theta, trans: Trans
) -> UInt8[np.ndarray, " T"]:
    """Return the most likely path; of equal ones that with the lower state, from the end."""
    return state_frames.viterbi(*_laid(values, valid, theta, trans))


def _laid(
    values: Values, valid: Valid, theta: Theta, trans: Trans
) -> tuple[Values, Valid, Tables, int]:
    """Check a recording and lay out the model: what every frame-wise function takes."""
    check(values, valid, theta.shape[1])
    return values, valid, tables(theta, trans), len(theta)


def _cache(whole: Runs, cache: Powers | None, theta: Theta, trans: Trans) -> Powers:
    longest = int((whole.stop - whole.start).max(initial=1))
    return cache or powers(theta, trans, longest)

"""Ensemble Kalman smoother: the truth wanders, and networks scatter about it as they disagree.

The coordinates of a group of K keypoints (one by default) lie in a subspace, y = c + B z, whose
D coordinates do a random walk; what an ensemble says of a frame is y with noise of covariance
a V_t, where V_t is its own covariance in that frame. One keypoint: D = 2 and B = I. One body
point in several views, or the rim of a pupil: c and B from principal components of the frames
in which the networks agree best. The step and a are chosen by maximum likelihood; noise and
step have one scale together, so a has a closed form and one number is searched.

An ensemble's covariance from few networks is a guess of its own, so it is drawn to what is
usual for the keypoint: V_t = (n V̂_t + n₀ V̄) / (n + n₀), n + 1 networks, the mean of an inverse
Wishart, with the most likely of some n₀: large where all frames are alike, small where some
are hard.

Networks also differ slowly, by habits that no smoothing in time removes. A mean of n
independent networks has the variance V_t / n; what of that is not noise, (1/n - a) V_t where
a < 1/n, is added to the covariance of the result. It knows nothing of errors that all share.
Source: Biderman, Whiteway et al. (2024), Nature Methods 21:1316 (ensemble Kalman smoother);
Golub and Pereyra (1973), SIAM J. Numer. Anal. 10 (a variable with a closed form is eliminated).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import minimize_scalar

from gambol.core.errors import InputError
from gambol.kernels import walks
from gambol.kernels.principal import principal
from gambol.pose.ensemble import Combined, inverse

OWN = (1.0, 4.0, 16.0, 64.0)  # n₀: networks' worth of what is usual
FLOOR = 1e-3  # px²: nobody is surer
WIDE = 100.0  # variances of the data: of the place of the first frame
LOG_STEP = (np.log(1e-7), np.log(1e5))  # variance of a step against that of the noise
AGREED = 0.5  # share of the frames, those of least variance, that make the subspace
_USUAL = 0.4549  # median of a squared standard normal


class Course(NamedTuple):
    """What was learnt of a group of K keypoints."""

    keypoints: Int[np.ndarray, " K"]  # columns
    centre: Float[np.ndarray, " C"]
    # px, C = 2K: x and y of the first, then of the next; NaN: no stretch showed the group
    basis: Float[np.ndarray, "C D"]  # orthonormal columns
    rest: Float[np.ndarray, " C"]  # variance outside the subspace beyond the noise's, px²
    step: Float[np.ndarray, " D"]  # variance of a step, px² a frame
    start: float  # variance of the first place, px²
    usual: Float[np.ndarray, "K 2 2"]  # V̄, px²
    own: float  # n₀
    scale: float  # a
    networks: int  # most that found a keypoint in one frame

    @property
    def learnt(self) -> bool:
        """Whether any stretch showed the group."""
        return bool(np.isfinite(self.centre).all())


def fit(
    stretches: Sequence[Combined],
    groups: Sequence[tuple[int, ...]],
    dims: int = 3,
    scale: float | None = None,
) -> list[Course]:
    """Learn how every group moves, and what the scatter of the networks is worth.

    Args:
        stretches: consecutive frames each, from anywhere in the recording.
        groups: columns of the keypoints that share a subspace; every keypoint in one group.
        dims: D of groups of several keypoints.
        scale: a; None: by maximum likelihood.

    Raises:
        InputError: if too few frames show a whole group.
    """
    return [_fit(stretches, np.array(group), dims, scale) for group in groups]


def observe(course: Course, seen: Combined) -> walks.Seen:
    """Say what frames show of the state of a group; nothing where nothing was found."""
    y, precision = _noisy(course, seen)
    views = course.basis.reshape(len(course.keypoints), 2, -1)
    joint = np.einsum("tkab,kbd->tkad", precision, views)
    info = np.einsum("kac,tkad->tcd", views, joint)
    return walks.Seen(info, np.einsum("tka,tkad->td", y, joint))


def place(
    course: Course, told: walks.Posterior, seen: Combined
) -> tuple[Float[np.ndarray, "T K 2"], Float[np.ndarray, "T K 2 2"]]:
    """Return positions (px) and covariances (px²) of the keypoints of a group.

    Those of a group of which nothing was learnt are what the networks say.
    """
    if not course.learnt:
        return seen.xy[:, course.keypoints], seen.covariance[:, course.keypoints]
    k = len(course.keypoints)
    views = course.basis.reshape(k, 2, -1)
    xy = np.einsum("kad,td->tka", views, told.mean) + course.centre.reshape(k, 2)
    cov = np.einsum("kad,tde,kbe->tkab", views, told.cov, views)
    axes = np.arange(2)
    cov[..., axes, axes] += course.rest.reshape(k, 2)
    found = seen.found[:, course.keypoints]
    n = np.where(found > 0, found, course.networks)
    slow = np.maximum(1 / n - course.scale, 0.0)
    cov += slow[..., None, None] * _drawn(course, seen)
    return xy, cov


def begin(courses: Sequence[Course]) -> list[walks.Message]:
    """Return what is known of every group before the first frame."""
    return [walks.begin(len(course.step), course.start) for course in courses]


def end(courses: Sequence[Course]) -> list[walks.Message]:
    """Return what is known of every group from beyond the last frame: nothing."""
    return [walks.silence(len(course.step)) for course in courses]


def smooth(
    courses: Sequence[Course],
    seen: Combined,
    before: Sequence[walks.Message],
    after: Sequence[walks.Message],
) -> tuple[Combined, list[walks.Message]]:
    """Smooth consecutive frames.

    The covariance is that of the smoothed position; confidences stay what the networks said.

    Args:
        courses: all groups.
        seen: what the networks say.
        before: of every group, what the frames before say: `begin` at the first.
        after: what those behind say: `end` at the last.

    Returns:
        The frames, and `before` of the next ones.
    """
    xy, cov, ahead = seen.xy.copy(), seen.covariance.copy(), []
    for course, left, right in zip(courses, before, after, strict=True):
        shown = observe(course, seen)
        found = walks.posterior(shown, course.step, left, right)
        xy[:, course.keypoints], cov[:, course.keypoints] = place(course, found, seen)
        ahead.append(walks.ahead(shown, course.step, left))
    return seen._replace(xy=xy, covariance=cov), ahead


class _Shown(NamedTuple):
    """What stretches show under the noise of a course, whatever the step."""

    seen: list[walks.Seen]
    known: int  # coordinates
    quad: float  # Σ yᵀ V⁻¹ y
    spread: float  # Σ log det V


def _fit(
    stretches: Sequence[Combined], group: Int[np.ndarray, " K"], dims: int, scale: float | None
) -> Course:
    course = _subspace(stretches, group, dims, _usual(stretches, group))
    if not course.learnt:
        return course
    course = course._replace(rest=_outside(course, stretches))
    course = course._replace(step=_steps(course, stretches))
    first = _best(course, _show(course, stretches), scale)
    tried = [first._replace(own=own) for own in OWN]
    shown = [_show(one, stretches) for one in tried]
    losses = [_score(one, s, scale)[0] for one, s in zip(tried, shown, strict=True)]
    n = int(np.argmin(losses))
    best = _best(course._replace(own=OWN[n]), shown[n], scale)
    a = _score(best, shown[n], scale)[1]
    return best._replace(scale=a, step=a * best.step, rest=a * best.rest, start=a * best.start)


def _best(course: Course, shown: _Shown, scale: float | None) -> Course:
    """Search the length of the most likely step, in units of the noise."""

    def stepping(log_step: float) -> Course:
        return course._replace(step=np.exp(log_step) * course.step)

    found = minimize_scalar(
        lambda x: _score(stepping(float(x)), shown, scale)[0],
        bounds=LOG_STEP, method="bounded", options={"xatol": 0.1},
    )  # fmt: skip
    return stepping(float(found.x))


def _score(course: Course, shown: _Shown, scale: float | None) -> tuple[float, float]:
    """-2 log p of what was seen, all variances being those of a course times a; and a."""
    quad, spread = shown.quad, shown.spread
    for seen in shown.seen:
        found = walks.evidence(seen, course.step, course.start)
        quad, spread = quad - found.explained, spread + found.spread
    quad = max(quad, 1e-9)
    a = max(quad / max(shown.known, 1), 1e-9) if scale is None else scale
    return spread + shown.known * float(np.log(a)) + quad / a, a


def _usual(stretches: Sequence[Combined], group: Int[np.ndarray, " K"]) -> np.ndarray:
    """V̄: the median of every entry over all frames, its off-diagonal left out, px²."""
    cov = np.concatenate([part.covariance[:, group] for part in stretches])  # (T, K, 2, 2)
    known = np.isfinite(cov).all(axis=(-2, -1))
    out = np.tile(FLOOR * np.eye(2), (len(group), 1, 1))
    for k in range(len(group)):
        some = cov[known[:, k], k]
        if len(some):
            sides = np.diagonal(some, axis1=-2, axis2=-1)
            out[k] += np.diag(np.median(sides, axis=0))
    return out


def _subspace(
    stretches: Sequence[Combined], group: Int[np.ndarray, " K"], dims: int, usual: np.ndarray
) -> Course:
    """Centre, basis and the width of the data; the identity for a single keypoint."""
    y = np.concatenate([part.xy[:, group].reshape(len(part.xy), -1) for part in stretches])
    whole = np.isfinite(y).all(axis=1)
    columns = y.shape[1]
    if len(group) == 1:
        dims = 2
    elif dims > columns:
        raise InputError(
            f"a group of {len(group)} keypoints has {columns} coordinates, fewer than "
            f"dims={dims}; make dims smaller"
        )
    if whole.sum() < 2 * columns:
        if len(group) > 1:
            raise InputError(
                f"{int(whole.sum())} frames show all of a group of {len(group)} keypoints, "
                f"which needs {2 * columns}; leave one of them out of groups"
            )
        centre = np.median(y[whole], axis=0) if whole.any() else np.full(columns, np.nan)
        good = np.zeros((0, columns))
    else:
        spread = np.concatenate(
            [
                np.trace(p.covariance[:, group], axis1=-2, axis2=-1).sum(axis=1)
                for p in stretches
            ]
        )[whole]
        good = y[whole][spread <= np.quantile(spread, AGREED)]
        centre = good.mean(axis=0)
    basis = np.eye(columns) if len(group) == 1 else principal(good - centre, dims=dims)
    width = max(float(np.square(good - centre).sum(axis=1).mean()) if len(good) else 0.0, 1.0)
    networks = max(int(part.found.max(initial=1)) for part in stretches)
    still = np.zeros(columns), np.ones(dims), WIDE * width
    return Course(group, centre, basis, *still, usual, OWN[1], 1.0, networks)


def _steps(course: Course, stretches: Sequence[Combined]) -> Float[np.ndarray, " D"]:
    """How far the axes move against each other, in units of the usual noise: robust means."""
    moved = [
        np.diff(
            (part.xy[:, course.keypoints].reshape(len(part.xy), -1) - course.centre), axis=0
        )
        @ course.basis
        for part in stretches
    ]
    steps = np.concatenate(moved) if moved else np.zeros((0, len(course.step)))
    steps = steps[np.isfinite(steps).all(axis=1)]
    if not len(steps):
        return course.step
    square = np.median(np.square(steps), axis=0) / _USUAL
    square = np.maximum(square, max(1e-3 * float(square.max()), 1e-9))
    noise = float(np.trace(course.usual, axis1=-2, axis2=-1).mean()) / 2
    relative: Float[np.ndarray, " D"] = square / square.mean() * noise
    return relative


def _noisy(
    course: Course, seen: Combined
) -> tuple[Float[np.ndarray, "T K 2"], Float[np.ndarray, "T K 2 2"]]:
    """Positions from the centre, 0 where there are none, and the precision of their noise."""
    k = course.keypoints
    y = seen.xy[:, k] - course.centre.reshape(len(k), 2)
    there = np.isfinite(y).all(axis=-1)
    precision = np.where(there[..., None, None], inverse(_noise(course, seen)), 0.0)
    return np.where(there[..., None], y, 0.0), precision


def _noise(course: Course, seen: Combined) -> Float[np.ndarray, "T K 2 2"]:
    """Covariance a V_t + rest of the noise, px²."""
    noise = course.scale * _drawn(course, seen)
    axes = np.arange(2)
    noise[..., axes, axes] += course.rest.reshape(-1, 2)
    return noise


def _drawn(course: Course, seen: Combined) -> Float[np.ndarray, "T K 2 2"]:
    """V_t, px²."""
    own = seen.covariance[:, course.keypoints]
    known = np.isfinite(own).all(axis=(-2, -1), keepdims=True)
    n = np.maximum(seen.found[:, course.keypoints] - 1, 0)[..., None, None] * known
    drawn: Float[np.ndarray, "T K 2 2"] = (
        n * np.where(known, own, 0.0) + course.own * course.usual
    ) / (n + course.own)
    return drawn


def _show(course: Course, stretches: Sequence[Combined]) -> _Shown:
    known, quad, spread = 0, 0.0, 0.0
    for part in stretches:
        y, precision = _noisy(course, part)
        there = np.isfinite(part.xy[:, course.keypoints]).all(axis=-1)
        known += 2 * int(there.sum())
        quad += float(np.einsum("tka,tkab,tkb->", y, precision, y))
        spread -= float(np.linalg.slogdet(precision[there])[1].sum())
    return _Shown([observe(course, part) for part in stretches], known, quad, spread)


def _outside(course: Course, stretches: Sequence[Combined]) -> Float[np.ndarray, " C"]:
    """Variance outside the subspace beyond that of the noise: the subspace is not all.

    The noise is taken to be that of a mean of independent networks. All is in units of a, which
    then is one over their number.
    """
    columns, dims = course.basis.shape
    if columns == dims:
        return course.rest
    out = np.eye(columns) - course.basis @ course.basis.T
    sides = out.reshape(columns, -1, 2)
    square, lost = [], []
    for part in stretches:
        y = part.xy[:, course.keypoints].reshape(len(part.xy), -1) - course.centre
        whole = np.isfinite(y).all(axis=1)
        square.append(np.square(y[whole] @ out))
        noise = _noise(course, part)[whole]
        lost.append(np.einsum("ckj,tkjl,ckl->tc", sides, noise, sides))
    middle = np.median(np.concatenate(square), axis=0) / _USUAL
    return np.maximum(course.networks * middle - np.concatenate(lost).mean(axis=0), 0.0)

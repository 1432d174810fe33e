"""Points of space while they are corrected: solutions, epipolar curves, decisions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from gambol.app.web.space_files import Moments
from gambol.core.cameras import Camera, Rig
from gambol.core.skeleton import Skeleton
from gambol.kernels import projection, triangulation
from gambol.multiview.tiers import base, dlt, msac

SURE = 16.0  # times the weight of a network's word: what a person has placed
STEPS = 400  # along an epipolar curve
LONGEST_PX = 4.0  # of a piece of it
_NEARER, _FARTHER = 1e-3, 1e3  # of the working distance, between which a curve is drawn
_ONE = Skeleton(("point",))


class Point(NamedTuple):
    """A point of space. NaN: there is none."""

    xyz: Float[np.ndarray, " 3"]
    covariance: Float[np.ndarray, "3 3"]
    used: Bool[np.ndarray, " V"]
    image: Float[np.ndarray, "V 2"]  # px, as every camera sees it
    residual: Float[np.ndarray, " V"]  # px; NaN where nothing was seen


def solve(
    params: Float[np.ndarray, "V 24"],
    xy: Float[np.ndarray, "V 2"],
    weight: Float[np.ndarray, " V"],
    sure: Bool[np.ndarray, " V"],
    robust: bool = True,
) -> Point:
    """Triangulate one point as the tier `msac` does; where no two views agree, as `dlt` does.

    Args:
        params: one row a camera.
        xy: px; NaN where not seen.
        weight: confidences.
        sure: what a person placed.
        robust: leave out views that disagree; else all are used.
    """
    seen = np.isfinite(xy).all(-1) & (weight > 0)
    variance = np.where(sure, 1 / SURE, 1.0)
    # the tiers weigh by confidence over variance relative to the median variance
    problem = base.Problem(
        np.where(seen[:, None], xy, np.nan)[None, :, None],
        np.where(seen, np.where(sure, 1.0, weight), 0.0)[None, :, None],
        variance[None, :, None], params, np.zeros(1), _ONE, np.array([0.0, 0.0, 1.0]),
    )  # fmt: skip
    solved = msac.build(msac.Msac())(problem) if robust else None
    if solved is None or not np.isfinite(solved.xyz).all():
        solved = dlt.build(dlt.Dlt())(problem)
    xyz = solved.xyz[0, 0]
    used = np.nan_to_num(solved.outlier[0, :, 0], nan=1.0) < 0.5
    squares = triangulation.squared_errors(xyz[None], xy[None], params)[0]
    far = np.sqrt(np.where(np.isfinite(squares), squares, np.nan))
    return Point(xyz, solved.covariance[0, 0], used, images(params, xyz), far)


def images(
    params: Float[np.ndarray, "V 24"], xyz: Float[np.ndarray, " 3"]
) -> Float[np.ndarray, "V 2"]:
    """Return where every camera sees a point, px; NaN where it does not."""
    return projection.project(xyz[None], params).uv[:, 0]


def epipolar(
    rig: Rig, camera: str, xy: Float[np.ndarray, " 2"], near: Float[np.ndarray, " 3"] | None
) -> dict[str, list[Float[np.ndarray, "P 2"]]]:
    """Return what the other cameras see of the ray of a pixel, as polylines bent by the lens.

    Args:
        rig: all cameras.
        camera: the one in which the pixel is.
        xy: px.
        near: what is looked at, of which the curve is finest; None: where the axes meet.
    """
    start, along = (
        one[0] for one in projection.rays(np.asarray(xy, float)[None], rig[camera].params())
    )
    far = _working(rig, start, along, near)
    reach = np.geomspace(_NEARER, _FARTHER, STEPS) * far
    if rig[camera].kind == "affine":  # which is infinitely far: both ways
        middle = float(along @ ((np.zeros(3) if near is None else near) - start))
        steps = np.geomspace(_NEARER, _FARTHER, STEPS // 2) * max(far, 1.0)
        reach = middle + np.concatenate([-steps[::-1], steps])
    return {
        one.name: _curve(one, start, along, reach) for one in rig.cameras if one.name != camera
    }


def _curve(
    camera: Camera, start: np.ndarray, along: np.ndarray, reach: Float[np.ndarray, " R"]
) -> list[Float[np.ndarray, "P 2"]]:
    """Project a ray, finely where pieces are long, and cut it where it leaves the image."""
    params = camera.params()[None]

    def seen(depth: np.ndarray) -> np.ndarray:
        uv = projection.project(start + depth[:, None] * along, params).uv[0]
        return np.where(_near_image(camera, uv)[:, None], uv, np.nan)

    for _ in range(6):
        uv = seen(reach)
        gap = np.linalg.norm(np.diff(uv, axis=0), axis=1)
        long = np.flatnonzero(
            (gap > LONGEST_PX) | (np.isnan(uv[1:, 0]) != np.isnan(uv[:-1, 0]))
        )
        if not len(long) or len(reach) > 8 * STEPS:
            break
        reach = np.insert(reach, long + 1, (reach[long] + reach[long + 1]) / 2)
    uv = seen(reach)
    there = np.isfinite(uv).all(-1)
    cuts = np.flatnonzero(np.diff(there.astype(int))) + 1
    pieces = np.split(np.arange(len(uv)), cuts)
    return [_thinned(uv[p]) for p in pieces if there[p[0]] and len(p) > 1]


def _thinned(uv: Float[np.ndarray, "P 2"], px: float = 1.0) -> Float[np.ndarray, "Q 2"]:
    """Leave out what lies within a pixel's way of what is kept."""
    way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(uv, axis=0), axis=1))])
    kept = np.unique(np.floor(way / px).astype(int), return_index=True)[1]
    return uv[np.unique([*kept, len(uv) - 1])]


def _near_image(camera: Camera, uv: np.ndarray) -> Bool[np.ndarray, " P"]:
    """Whether points lie in the image, or less than a fifth of it beside it."""
    there = np.isfinite(uv).all(-1)
    if camera.size is None:
        return there
    size = np.array(camera.size, float)
    with np.errstate(invalid="ignore"):
        return there & (uv > -0.2 * size).all(-1) & (uv < 1.2 * size).all(-1)


def _working(rig: Rig, start: np.ndarray, along: np.ndarray, near: np.ndarray | None) -> float:
    """How far away what is looked at lies, world units."""
    if near is not None and np.isfinite(near).all():
        return max(float(abs((near - start) @ along)), 1e-6)
    centres = np.array([c.centre for c in rig.cameras if c.kind != "affine"]).reshape(-1, 3)
    spread = np.linalg.norm(centres - start, axis=1)
    return float(spread.max()) if len(spread) and spread.max() > 0 else 1.0


@dataclass
class Word:
    """What people say of one point at one moment."""

    left: set[str] = field(default_factory=set)  # cameras that are left out
    moved: dict[str, tuple[float, float]] = field(default_factory=dict)
    accepted: bool = False


Place = tuple[int, int, int]  # moment, animal, keypoint


def words(records: Iterable[Mapping[str, Any]]) -> dict[Place, Word]:
    """Return what stands after all decisions, in their order."""
    said: dict[Place, Word] = {}
    for record in records:
        place = (int(record["frame"]), int(record["animal"]), int(record["keypoint"]))
        word = said.setdefault(place, Word())
        camera, do = str(record.get("camera")), record["do"]
        word.accepted = do == "accept"
        if do == "leave":
            word.left.add(camera)
        elif do == "bring":
            word.left.discard(camera)
            word.moved.pop(camera, None)
        elif do == "move":
            word.left.discard(camera)
            word.moved[camera] = (float(record["x"]), float(record["y"]))
    return said


class Patched(NamedTuple):
    """Moments with what people decided."""

    moments: Moments
    state: Float[np.ndarray, "F N J V"]  # 0 as it was, 1 left out by a person, 2 moved
    accepted: Bool[np.ndarray, "F N J"]


def patched(
    made: Moments,
    first: int,
    said: Mapping[Place, Word],
    cameras: Sequence[str],
    params: Float[np.ndarray, "V 24"],
) -> Patched:
    """Put decisions on top of a run; only points about which something was said change."""
    state = np.zeros(made.residual.shape)
    frames, animals, keypoints, _ = made.residual.shape
    accepted = np.zeros((frames, animals, keypoints), bool)
    for (frame, n, j), word in said.items():
        t = frame - first
        if not (0 <= t < frames and n < animals and j < keypoints):
            continue
        accepted[t, n, j] = word.accepted
        left = np.array([c in word.left for c in cameras])
        moved = np.array([c in word.moved for c in cameras])
        if not (left | moved).any():
            continue
        for v in np.flatnonzero(moved).tolist():
            made.xy[t, n, j, v] = word.moved[cameras[v]]
            made.sure[t, n, j, v] = 1.0
        state[t, n, j] = np.where(left, 1, np.where(moved, 2, 0))
        weight = np.where(left, 0.0, made.sure[t, n, j])
        now = solve(params, made.xy[t, n, j], weight, moved & ~left)
        made.xyz[t, n, j] = now.xyz
        made.covariance[t, n, j] = now.covariance[np.triu_indices(3)]
        made.residual[t, n, j] = now.residual
        made.outlier[t, n, j] = np.where(np.isfinite(now.residual), ~now.used, np.nan)
    return Patched(made, state, accepted)

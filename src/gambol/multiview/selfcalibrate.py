"""Calibration without a board: the animal itself is what all cameras look at.

Intrinsics are known, or nearly; poses are found from keypoints that cameras share. Cameras that
share too few points are separate components, between which images say nothing: the result names
what then joins them. Source: Günel et al. (2019), eLife 8:e48571, for the animal as pattern.
"""

from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from pydantic import Field, PositiveFloat, PositiveInt

from gambol.core.cameras import Rig
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.views import Views
from gambol.kernels import rotation
from gambol.multiview import affine_start, essential_start
from gambol.multiview.bundle import AdjustedPoints, Bundle, adjust_points


class SelfCalibration(Config):
    """How cameras are found from keypoints."""

    start: Literal["template", "essential", "affine"] = "template"
    # `template`: the rig's rough directions of view; `essential`: pairs of ordinary lenses;
    # `affine`: lenses so long that the animal is shallower than 1/20 of its distance
    min_shared: PositiveInt = 30  # points that two cameras must share to be joined
    confidence: float = Field(0.5, ge=0, le=1)  # keypoints below are not used
    bundle: Bundle = Bundle(steps=300)
    free: tuple[str, ...] = ("pose",)  # long lenses confuse focal length and distance


class KnownLength(NamedTuple):
    """What sets the scale: a distance between two keypoints that does not change."""

    first: str
    second: str
    length: PositiveFloat  # world units
    units: str


class Component(NamedTuple):
    """Cameras that points join."""

    cameras: tuple[str, ...]
    adjusted: AdjustedPoints | None  # None of a camera alone; in the component's own axes
    error: float  # median reprojection error, px; NaN of a camera alone


class SelfCalibrated(NamedTuple):
    """A rig from keypoints, and what it rests on."""

    rig: Rig  # every camera; one that nothing joins stands where the given rig had it
    components: tuple[Component, ...]  # largest first
    unseen: tuple[str, ...]  # cameras in which no keypoint was seen
    shared: Int[np.ndarray, "V V"]  # points that both cameras saw
    points: Float[np.ndarray, "T J 3"]  # world units; NaN where not found
    error: float  # median reprojection error of all components, px
    sentences: tuple[str, ...]  # what a person must know, first things first


def selfcalibrate(
    rig: Rig,
    views: Views,
    spec: SelfCalibration = SelfCalibration(),  # noqa: B008 - frozen
    *,
    known: KnownLength | None = None,
) -> SelfCalibrated:
    """Find where cameras stand from the keypoints that they share.

    Args:
        rig: cameras with their intrinsics, matched to views by name; of a template their
            poses, which may be wrong by some 20 degrees, too.
        views: keypoints.
        spec: settings.
        known: the length that sets the scale; None: that of the template, else unknown.
    """
    rig = rig.select(list(views.cameras))
    xy = _used(views, spec.confidence)
    seen = np.isfinite(xy).all(-1)
    shared = np.einsum("nv,nw->vw", seen.astype(np.int64), seen.astype(np.int64))
    names = np.array(views.cameras)
    unseen = tuple(str(n) for n in names[~seen.any(0)])
    groups = [g for g in components(shared >= spec.min_shared) if seen[:, g].any()]
    if not any(len(group) > 1 for group in groups):
        raise InputError(
            f"no two cameras share {spec.min_shared} points with a confidence of "
            f"{spec.confidence}; record longer or lower `min_shared`"
        )
    found = [_component(rig, xy, group, spec) for group in groups]
    shape = views.xy.shape
    scales = [_scale(one, views, known) for one in found]
    placed, points = rig, np.full((len(xy), 3), np.nan)
    for one, scale in zip(found, scales, strict=True):
        placed, own = _place(placed, one, scale, spec.start == "template")
        points = np.where(np.isnan(points), own, points)
    units = known.units if known else (rig.units if spec.start == "template" else "unknown")
    placed = replace(placed, units=units, origin=_origin(spec, found))
    errors = [_errors(one.adjusted) for one in found if one.adjusted is not None]
    return SelfCalibrated(
        placed,
        tuple(found),
        unseen,
        shared,
        points.reshape(shape[0], shape[2], 3),
        float(np.median(np.concatenate(errors))),
        _sentences(spec, found, unseen, known, rig.units),
    )


def components(joined: np.ndarray) -> list[list[int]]:
    """Return the connected components of a symmetric graph, largest first, then by number.

    >>> components(np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]], bool))
    [[0, 2], [1]]
    """
    from scipy.sparse.csgraph import connected_components

    label = connected_components(np.asarray(joined), directed=False)[1]
    groups = [np.flatnonzero(label == k).tolist() for k in range(label.max(initial=-1) + 1)]
    return sorted(groups, key=lambda group: (-len(group), group))


def _used(views: Views, confidence: float) -> Float[np.ndarray, "N V 2"]:
    """Return every keypoint of every frame as one point; NaN where not sure enough."""
    sure = views.confidence >= confidence
    xy = np.where(sure[..., None], views.xy, np.nan)
    return np.ascontiguousarray(xy.transpose(0, 2, 1, 3)).reshape(-1, xy.shape[1], 2)


def _component(
    rig: Rig, xy: Float[np.ndarray, "N V 2"], group: list[int], spec: SelfCalibration
) -> Component:
    """Calibrate cameras that points join, in axes of their own."""
    sub = replace(rig, cameras=tuple(rig.cameras[view] for view in group))
    if len(group) == 1:
        return Component(tuple(sub), None, float("nan"))
    own = xy[:, group]
    if spec.start == "template":
        _check_template(sub)
        starts = [sub]
    elif spec.start == "essential":
        starts = [essential_start.start(sub, own, spec.min_shared)]
    else:
        starts = affine_start.starts(sub, own)  # the world and its mirror image
    # an affine camera's scale is no property of its lens alone
    free = {c.name: (*spec.free, "f") if c.kind == "affine" else spec.free for c in sub.cameras}
    ends = [adjust_points(start, own, spec.bundle, free=free) for start in starts]
    best = min(ends, key=lambda end: float(np.median(_errors(end))))
    return Component(tuple(sub), best, float(np.median(_errors(best))))


def _check_template(rig: Rig) -> None:
    first = rig.cameras[0]
    same = [c.name for c in rig.cameras[1:] if rotation.degrees(first.turn, c.turn) < 1e-6]
    if same and first.kind != "affine":
        raise InputError(
            f"cameras {first.name} and {same[0]} look the same way, so the rig is no template; "
            "give rough directions of view, or `start: essential` or `affine`"
        )


def _errors(adjusted: AdjustedPoints) -> Float[np.ndarray, " M"]:
    """Return the reprojection errors, px."""
    error = np.linalg.norm(adjusted.residual, axis=-1)
    return error[np.isfinite(error)]


def _scale(one: Component, views: Views, known: KnownLength | None) -> float | None:
    """Return what a component's lengths must be multiplied with; None: nobody knows."""
    if known is None or one.adjusted is None:
        return None
    n_frames, _, n_keypoints, _ = views.xy.shape
    xyz = one.adjusted.points.reshape(n_frames, n_keypoints, 3)
    first, second = (views.skeleton.index(name) for name in (known.first, known.second))
    length = np.linalg.norm(xyz[:, first] - xyz[:, second], axis=-1)
    length = length[np.isfinite(length)]
    if not length.size:
        raise InputError(
            f"cameras {', '.join(one.cameras)} never saw {known.first} and {known.second} "
            "together, so their length gives no scale; name two keypoints that they saw"
        )
    return known.length / float(np.median(length))


def _place(
    rig: Rig, one: Component, scale: float | None, template: bool
) -> tuple[Rig, Float[np.ndarray, "N 3"] | float]:
    """Put a component's cameras into the rig, as near to the template as its scale lets it."""
    if one.adjusted is None:
        return rig, np.nan
    own = one.adjusted.rig
    turn, factor = np.eye(3), 1.0 if scale is None else scale
    shift = np.zeros(3)
    if template:
        wanted = [rig[name] for name in one.cameras]
        pairs = zip(wanted, own.cameras, strict=True)
        turn = rotation.nearest(np.sum([w.turn.T @ c.turn for w, c in pairs], 0))
        there = np.array([c.centre for c in wanted])
        here = np.array([c.centre for c in own.cameras]) @ turn.T
        if np.isfinite(here).all() and np.isfinite(there).all():
            if scale is None:
                spread = here - here.mean(0)
                fitted = float((spread * (there - there.mean(0))).sum() / (spread**2).sum())
                factor = fitted if fitted > 0 else 1.0
            shift = there.mean(0) - factor * here.mean(0)
    moved = own.moved(turn, shift, factor)
    cameras = tuple(moved.get(camera.name, camera) for camera in rig.cameras)
    return replace(rig, cameras=cameras), factor * one.adjusted.points @ turn.T + shift


def _origin(spec: SelfCalibration, found: list[Component]) -> str:
    if spec.start == "template":
        return "the template of the rig"
    return f"camera {found[0].cameras[0]}"


def _sentences(
    spec: SelfCalibration,
    found: list[Component],
    unseen: tuple[str, ...],
    known: KnownLength | None,
    units: str,
) -> tuple[str, ...]:
    """Say what the rig rests on."""
    out = []
    for number, one in enumerate(found, 1):
        if one.adjusted is None:
            out.append(
                f"Camera {one.cameras[0]} shares fewer than {spec.min_shared} points with any "
                "other and was not calibrated."
            )
            continue
        out.append(
            f"Component {number} of {len(found)}: {', '.join(one.cameras)}; median "
            f"reprojection error {one.error:.2f} px."
        )
    if sum(one.adjusted is not None for one in found) > 1:
        joined = (
            "the directions of the template alone"
            if spec.start == "template"
            else "nothing: each has axes of its own"
        )
        out.append(
            f"No {spec.min_shared} points are seen across components, so what joins them is "
            f"{joined}; images cannot correct the angle between them."
        )
    if unseen:
        out.append(f"No keypoint was seen by {', '.join(unseen)}: not calibrated.")
    if known:
        out.append(f"Scale: {known.first} to {known.second} is {known.length:g} {known.units}.")
    elif spec.start == "template":
        out.append(f"Scale: that of the template, in units {units}.")
    else:
        out.append("Scale: unknown; name a known length to set it.")
    return tuple(out)

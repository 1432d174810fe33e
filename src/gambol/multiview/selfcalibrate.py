"""Calibration without a board: the animal itself is what all cameras look at.

Intrinsics are known, or nearly; poses are found from keypoints that cameras share. Cameras that
share too few points are separate components, between which images say nothing: the result names
them, and what joins them (`joining`), if anything.
Source: Günel et al. (2019), eLife 8:e48571, for the animal as pattern.
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
from gambol.multiview import affine_start, essential_start, joining, viewing
from gambol.multiview.bundle import AdjustedPoints, Bundle, adjust_points
from gambol.multiview.joining import JoinSpec
from gambol.multiview.joins import Apart, Asked, Join, Lone, Part, own_sd


class SelfCalibration(Config):
    """How cameras are found from keypoints."""

    start: Literal["template", "essential", "affine"] = "template"
    # `template`: the rig's rough directions of view; `essential`: pairs of ordinary lenses;
    # `affine`: lenses so long that the animal is shallower than 1/20 of its distance
    min_shared: PositiveInt = 30  # points that two cameras must share to be joined
    join: JoinSpec = Apart()
    # cameras that share fewer are components; what tells how these stand to each other: none,
    # the template's directions, midline keypoints, or a rigid part of known shape
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
    joins: tuple[Join, ...]  # what brought components together, in that order
    groups: tuple[tuple[str, ...], ...]  # cameras of common axes: components, joined or not
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
    joining.check(spec.join, views.skeleton)
    found = [_component(rig, xy, group, spec) for group in groups]
    template = spec.start == "template" or spec.join.kind == "template"
    joined, why = _joined(rig, views, xy, spec, known, found)
    placed, points = rig, np.full((len(views.xy), len(views.skeleton), 3), np.nan)
    for part, _ in joined:
        placed, own = _place(placed, part, template)
        points = np.where(np.isnan(points), own, points)
    units = known.units if known else (rig.units if template else "unknown")
    first = found[0].cameras[0]
    origin = "the template of the rig" if template else f"camera {first}"
    errors = [_errors(one.adjusted) for one in found if one.adjusted is not None]
    joins = tuple(way for _, ways in joined for way in ways)
    together = [tuple(part.rig) for part, _ in joined]
    return SelfCalibrated(
        replace(placed, units=units, origin=origin),
        tuple(found),
        joins,
        (*together, *((name,) for name in why)),
        unseen,
        shared,
        points,
        float(np.median(np.concatenate(errors))),
        (
            *_told(spec, found, why),
            *(way.sentence for way in joins),
            *_apart(spec, together, template),
            *_rest(unseen, known, template, rig.units),
        ),
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


def _joined(
    rig: Rig,
    views: Views,
    xy: Float[np.ndarray, "N V 2"],
    spec: SelfCalibration,
    known: KnownLength | None,
    found: list[Component],
) -> tuple[list[tuple[Part, tuple[Join, ...]]], dict[str, str]]:
    """Bring components together, as far as the settings name something that joins them.

    Also returned is why a camera alone was not.
    """
    shape = (len(views.xy), len(views.skeleton))
    parts, lone = [], []
    for one in found:
        if one.adjusted is None:
            (name,) = one.cameras
            own = xy[:, views.cameras.index(name)].reshape(*shape, 2)
            lone.append(Lone(rig[name], own))
            continue
        sd = own_sd([sd.direction for sd in one.adjusted.fit.sd.values()])
        part = Part(one.adjusted.rig, one.adjusted.points.reshape(*shape, 3), own_sd=sd)
        parts.append(_scaled(part, views, known))
    if spec.join.kind == "template" and len(parts) > 1:
        _check_template(rig.select([name for part in parts for name in part.rig]))
    asked = Asked(views.skeleton, rig, np.random.default_rng(0))
    joined = joining.join(parts, asked, spec.join)
    if known is not None and (lost := [part for part, _ in joined if not part.scaled]):
        raise InputError(
            f"cameras {', '.join(lost[0].rig)} never saw {known.first} and {known.second} "
            "together, so their length gives no scale; name two keypoints that they saw"
        )
    why: dict[str, str] = {}
    for camera in lone:
        got = joining.join_lone(joined[0][0], camera, asked, spec.join)
        if isinstance(got, str):
            why[camera.camera.name] = got
        else:
            joined[0] = (got[0], (*joined[0][1], got[1]))
    return joined, why


def _scaled(part: Part, views: Views, known: KnownLength | None) -> Part:
    """Give a part the lengths of the world, if it saw the one that is known."""
    if known is None:
        return part
    first, second = (views.skeleton.index(name) for name in (known.first, known.second))
    length = np.linalg.norm(part.points[:, first] - part.points[:, second], axis=-1)
    length = length[np.isfinite(length)]
    if not length.size:
        return part
    scale = known.length / float(np.median(length))
    return part.moved(np.eye(3), np.zeros(3), scale)._replace(scaled=True)


def _place(rig: Rig, part: Part, template: bool) -> tuple[Rig, Float[np.ndarray, "T J 3"]]:
    """Put cameras into the rig, as near to the template as their lengths let them."""
    if template:
        laid = viewing.onto(rig, part.rig, scaled=part.scaled)
        part = part.moved(laid.turn, laid.shift, laid.scale)
    cameras = tuple(part.rig.get(camera.name, camera) for camera in rig.cameras)
    return replace(rig, cameras=cameras), part.points


def _told(spec: SelfCalibration, found: list[Component], why: dict[str, str]) -> list[str]:
    """Say which components there are."""
    out = []
    for number, one in enumerate(found, 1):
        if one.adjusted is not None:
            out.append(
                f"Component {number} of {len(found)}: {', '.join(one.cameras)}; median "
                f"reprojection error {one.error:.2f} px."
            )
            continue
        (name,) = one.cameras
        said = f"Camera {name} shares fewer than {spec.min_shared} points with any other"
        if name not in why:
            out.append(f"{said}.")
        elif spec.join.kind == "none":
            out.append(f"{said} and was not calibrated.")
        else:
            out.append(f"{said} and was not calibrated: {why[name]}.")
    return out


def _apart(spec: SelfCalibration, groups: list[tuple[str, ...]], template: bool) -> list[str]:
    """Say that nothing joins components."""
    if len(groups) < 2:
        return []
    joined = (
        "the directions of the template alone"
        if template
        else "nothing: each has axes of its own"
    )
    return [
        f"No {spec.min_shared} points are seen across components, so what joins them is "
        f"{joined}; images cannot correct the angle between them, so name what does with "
        "`join`: template, midline or rigid."
    ]


def _rest(
    unseen: tuple[str, ...], known: KnownLength | None, template: bool, units: str
) -> list[str]:
    """Say which cameras saw nothing, and where the scale comes from."""
    out = []
    if unseen:
        out.append(f"No keypoint was seen by {', '.join(unseen)}: not calibrated.")
    if known:
        out.append(f"Scale: {known.first} to {known.second} is {known.length:g} {known.units}.")
    elif template:
        out.append(f"Scale: that of the template, in units {units}.")
    else:
        out.append("Scale: unknown; name a known length to set it.")
    return out

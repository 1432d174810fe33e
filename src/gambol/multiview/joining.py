"""How components of a rig stand to each other, where no image tells: joined by something named.

Cameras that share too few points are components with axes of their own. What joins two of them
is named by the settings: the rough directions of the template, keypoints that are one point of
the animal, or the known shape of a stiff part of it. Every join says how sure its angle is, and
is refused where that is not enough.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from pydantic import BeforeValidator

from gambol.core.errors import InputError
from gambol.core.registry import Registry, Spec
from gambol.core.skeleton import Skeleton
from gambol.kernels import rotation
from gambol.multiview import resection, superpose, viewing
from gambol.multiview.joins import (
    Apart,
    Asked,
    ByMidline,
    ByShape,
    ByTemplate,
    Join,
    Lone,
    Part,
)

LEAST_FRAMES = 5  # of fewer, chance is not known
FLATTEST = 0.05  # spread of named points of a frame across their line, in that along it
STIFF = 3.0  # times the median misfit at which a frame's shape is not the animal's
MIRROR = 0.2  # of the misfit, below which a mirror explains it


class Joiner(NamedTuple):
    """One way to join."""

    parts: Callable[[Part, Part, Asked], Join]
    anchors: Callable[[Part, Asked], Float[np.ndarray, "T K 3"]] | None = None
    # where a part has the named keypoints; None: it does not say
    seen: Callable[[Lone, Asked], Float[np.ndarray, "T K 2"]] | None = None
    # where a camera sees the same


joiners: Registry[Joiner | None] = Registry("join")
JoinSpec = Annotated[Any, BeforeValidator(joiners.parse)]


@joiners.register
def _apart(spec: Apart) -> Joiner | None:
    return None


@joiners.register
def _template(spec: ByTemplate) -> Joiner | None:
    return Joiner(lambda one, other, asked: by_template(one, other, asked, spec))


@joiners.register
def _midline(spec: ByMidline) -> Joiner | None:
    if not spec.points:
        raise InputError(
            "join: `midline` needs the names of keypoints, such as `points: [nose, tail_base]`"
        )
    return Joiner(
        lambda one, other, asked: by_midline(one, other, asked, spec),
        lambda part, asked: _named(part.points, asked.skeleton, spec),
        lambda lone, asked: _named(lone.xy, asked.skeleton, spec),
    )


@joiners.register
def _rigid(spec: ByShape) -> Joiner | None:
    if len(spec.points) < 3 or viewing.flatness(np.array([*spec.points.values()])) < FLATTEST:
        raise InputError(
            "join: `rigid` needs three keypoints or more that do not lie on one line, such as "
            "`points: {nose: [10, 0, 0], left_ear: [0, 4, 3], right_ear: [0, -4, 3]}`"
        )
    return Joiner(
        lambda one, other, asked: by_shape(one, other, asked, spec),
        lambda part, asked: _laid(part, asked, spec),
        lambda lone, asked: lone.xy[:, [asked.skeleton.index(n) for n in spec.points]],
    )


def check(spec: Spec, skeleton: Skeleton) -> None:
    """Refuse settings that name nothing, or keypoints that there are not."""
    joiners.build(spec)
    points: Any = getattr(spec, "points", ())
    for point in points:
        for name in (point,) if isinstance(point, str) else point:
            skeleton.index(name)


def join(parts: list[Part], asked: Asked, spec: Spec) -> list[tuple[Part, tuple[Join, ...]]]:
    """Join parts to the first one, surest first; without a join each stays by itself.

    Args:
        parts: of the same frames and keypoints, largest first.
        asked: what joiners know besides.
        spec: settings of one of `joiners`.
    """
    joiner = joiners.build(spec)
    if joiner is None or len(parts) < 2:
        return [(part, ()) for part in parts]
    whole, rest, joins = parts[0], parts[1:], []
    while rest:
        number, way = _surest(joiner, whole, rest, asked)
        _check(way, spec)
        whole = _united(whole, rest.pop(number), way)
        joins.append(way)
    return [(whole, tuple(joins))]


def _surest(joiner: Joiner, whole: Part, rest: list[Part], asked: Asked) -> tuple[int, Join]:
    """Return the part that is joined with least doubt, and how."""
    ways, refused = [], []
    for number, part in enumerate(rest):
        try:
            ways.append((number, joiner.parts(whole, part, asked)))
        except InputError as error:  # another part may lie between the two
            refused.append(error)
    if not ways:
        raise refused[0]
    return min(ways, key=lambda one: one[1].angle_sd)


def join_lone(whole: Part, lone: Lone, asked: Asked, spec: Spec) -> tuple[Part, Join] | str:
    """Place a camera by where the others have the named keypoints, or say why not.

    Args:
        whole: cameras that are joined.
        lone: one more.
        asked: what joiners know besides.
        spec: settings of one of `joiners`.
    """
    joiner = joiners.build(spec)
    if joiner is None or joiner.anchors is None or joiner.seen is None:
        return "one camera alone is joined by `midline` or `rigid` only"
    if lone.camera.kind == "affine":
        return "an affine camera alone is not joined"
    assert isinstance(spec, ByMidline | ByShape)
    points, xy = joiner.anchors(whole, asked), joiner.seen(lone, asked)
    both = np.isfinite(points).all(-1) & np.isfinite(xy).all(-1)
    frame: Int[np.ndarray, " N"] = np.nonzero(both)[0]
    found = None
    if len(frame) >= spec.least and len(np.unique(frame)) >= LEAST_FRAMES:
        found = resection.resect(asked.rng, lone.camera, xy[both], points[both], frame)
    if found is None or found.agree.sum() < spec.least:
        return (
            f"{_through(spec)}: {len(frame) if found is None else int(found.agree.sum())} "
            f"points, {spec.least} in {LEAST_FRAMES} frames are needed"
        )
    angle_sd = float(np.hypot(found.angle_sd, whole.own_sd))
    if angle_sd > spec.most_sd:
        return f"{_through(spec)}: sure to {angle_sd:.2g}° only, {spec.most_sd:g} are allowed"
    way = Join(
        spec.kind, _through(spec), (lone.camera.name,), tuple(whole.rig),
        int(found.agree.sum()), len(np.unique(frame[found.agree])), angle_sd, float("nan"),
        found.error, np.eye(3), np.zeros(3), 1.0,
    )  # fmt: skip
    rig = replace(whole.rig, cameras=(*whole.rig.cameras, found.camera))
    return whole._replace(rig=rig), way


def by_template(one: Part, other: Part, asked: Asked, spec: ByTemplate) -> Join:
    """Join parts by where the template has their cameras.

    A direction of the template is as far off as the settings say, or as the components, which
    know their own angles, show it to be, whichever is more.
    """
    here, there = (viewing.onto(asked.template, p.rig, scaled=p.scaled) for p in (other, one))
    turn = there.turn.T @ here.turn
    scale = here.scale / there.scale
    shift = there.turn.T @ (here.shift - there.shift) / there.scale
    square = sum(float((p.off**2).sum()) for p in (here, there))
    cameras = len(one.rig) + len(other.rig)
    shown = float(np.sqrt(square / (cameras - 2)))
    sd = max(spec.sd, shown)
    through = f"the directions of the template, each off by {sd:.2g}°"
    through += " as the components show" if shown > spec.sd else " as the settings say"
    return Join(
        "template", through, tuple(other.rig), tuple(one.rig), 0, 0,
        sd * float(np.sqrt(1 / len(one.rig) + 1 / len(other.rig))), float("nan"),
        float("nan"), turn, shift, scale,
    )  # fmt: skip


def by_midline(one: Part, other: Part, asked: Asked, spec: ByMidline) -> Join:
    """Join parts by keypoints that both have found, under one name or two."""
    here, there = (_named(part.points, asked.skeleton, spec) for part in (other, one))
    return _matched(here, there, one, other, _through(spec), spec, asked)


def by_shape(one: Part, other: Part, asked: Asked, spec: ByShape) -> Join:
    """Join parts by a stiff shape that each lays on its own points, frame by frame."""
    columns = [asked.skeleton.index(name) for name in spec.points]
    here, there = (part.points[:, columns] for part in (other, one))
    laid_here, laid_there = (_laid(part, asked, spec) for part in (other, one))
    # each side's own points against where the other side's shape has them
    return _matched(
        np.concatenate([here, laid_here], axis=1),
        np.concatenate([laid_there, there], axis=1),
        one, other, _through(spec), spec, asked,
    )  # fmt: skip


def laid(
    points: Float[np.ndarray, "T K 3"], shape: Float[np.ndarray, "K 3"]
) -> Float[np.ndarray, "T K 3"]:
    """Lay a stiff shape on the points of every frame; NaN where they do not tell how.

    The shape has one size for all frames. Frames with fewer than 3 points, with points on one
    line, or with a shape that is not the animal's, are left out. Source: Kabsch (1976), Acta
    Cryst A32:922-923.
    """
    there = np.isfinite(points).all(-1)
    out = np.full(points.shape, np.nan)
    frames = [
        t for t in np.flatnonzero(there.sum(1) >= 3)
        if viewing.flatness(shape[there[t]]) > FLATTEST
    ]  # fmt: skip
    if not frames:
        return out
    size = np.array([_size(points[t, there[t]]) / _size(shape[there[t]]) for t in frames])
    own = float(np.median(size)) * shape
    misfit = []
    for t in frames:
        known = there[t]
        a, b = own[known], points[t, known]
        turn = rotation.nearest((b - b.mean(0)).T @ (a - a.mean(0)))
        out[t] = (own - a.mean(0)) @ turn.T + b.mean(0)
        misfit.append(_size(out[t, known] - b, middle=False))
    bent = np.array(misfit) > STIFF * np.median(misfit)
    out[np.array(frames)[bent]] = np.nan
    return out


def _laid(part: Part, asked: Asked, spec: ByShape) -> Float[np.ndarray, "T K 3"]:
    columns = [asked.skeleton.index(name) for name in spec.points]
    return laid(part.points[:, columns], np.array([*spec.points.values()], float))


def _named(
    points: Float[np.ndarray, "T J D"], skeleton: Skeleton, spec: ByMidline
) -> Float[np.ndarray, "T K D"]:
    """Return points that have two names, by the first name under which they were found."""
    names = [(p, p) if isinstance(p, str) else p for p in spec.points]
    first, second = (points[:, [skeleton.index(pair[k]) for pair in names]] for k in (0, 1))
    return np.where(np.isfinite(first), first, second)


def _through(spec: ByMidline | ByShape) -> str:
    """What a join rests on, for people."""
    if isinstance(spec, ByShape):
        return f"the stiff shape of {', '.join(spec.points)}"
    said = (p if isinstance(p, str) else " = ".join(p) for p in spec.points)
    return f"the midline keypoints {', '.join(said)}"


def _matched(
    here: Float[np.ndarray, "T K 3"],
    there: Float[np.ndarray, "T K 3"],
    one: Part,
    other: Part,
    through: str,
    spec: ByMidline | ByShape,
    asked: Asked,
) -> Join:
    """Join parts by points that match."""
    both = np.isfinite(here).all(-1) & np.isfinite(there).all(-1)
    frame: Int[np.ndarray, " N"] = np.nonzero(both)[0]
    groups = f"{', '.join(other.rig)} and {', '.join(one.rig)}"
    frames = len(np.unique(frame))
    if len(frame) < spec.least or frames < LEAST_FRAMES:
        raise InputError(
            f"cameras {groups} have {len(frame)} points in {frames} frames in common through "
            f"{through}; {spec.least} in {LEAST_FRAMES} frames are needed: film longer, name "
            "keypoints that both see, or leave them apart with `join.kind: none`"
        )
    found = superpose.superpose(asked.rng, here[both], there[both], frame)
    flipped = superpose.mirrored(asked.rng, here[both], there[both], frame)
    if found.apart > FLATTEST * found.spread and flipped < MIRROR * found.apart:
        raise InputError(
            f"cameras {groups} fit {found.apart / found.spread:.0%} of the spread of {through} "
            f"off, but {flipped / found.spread:.0%} in a mirror: left and right of some names, "
            "or of the shape's axes, are exchanged; mend them"
        )
    angle_sd = float(np.linalg.norm([found.angle_sd, one.own_sd, other.own_sd]))
    return Join(
        spec.kind, through, tuple(other.rig), tuple(one.rig), len(frame), frames,
        angle_sd, found.scale_sd, found.apart / found.spread, found.turn, found.shift,
        found.scale,
    )  # fmt: skip


_MORE: Mapping[str, str] = {
    "template": "measure the directions of view better, or join by `midline` or `rigid`",
    "midline": "name keypoints farther apart, or film the animal in more places and poses",
    "rigid": "name keypoints farther apart, or film the animal in more places and poses",
}


def _check(way: Join, spec: Any) -> None:
    """Refuse an angle that is not sure enough."""
    if way.angle_sd <= spec.most_sd:
        return
    raise InputError(
        f"the angle between cameras {', '.join(way.cameras)} and {', '.join(way.to)} is "
        f"sure to {way.angle_sd:.2g}° only by {way.through}, {spec.most_sd:g} are allowed; "
        f"{_MORE[way.by]}, or leave them apart with `join.kind: none`"
    )


def _united(whole: Part, part: Part, way: Join) -> Part:
    """Return both parts as one, with the lengths of one that has those of the world."""
    turn, shift, scale = way.turn, way.shift, way.scale
    if part.scaled and not whole.scaled:
        whole = whole.moved(np.eye(3), np.zeros(3), 1 / scale)
        shift, scale = shift / scale, 1.0
    put = part.moved(turn, shift, scale)
    return Part(
        replace(whole.rig, cameras=(*whole.rig.cameras, *put.rig.cameras)),
        np.where(np.isnan(whole.points), put.points, whole.points),
        whole.scaled or part.scaled,
        whole.own_sd,
    )


def _size(points: Float[np.ndarray, "K 3"], *, middle: bool = True) -> float:
    """Return the root mean square length, from the middle."""
    own = points - points.mean(0) if middle else points
    return float(np.sqrt((own**2).sum(1).mean()))

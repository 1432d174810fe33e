"""Does a rig explain what its cameras saw? Fit, coverage, connection and geometry."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from gambol.core.cameras import Rig
from gambol.kernels import projection
from gambol.multiview.findings import Finding, Limits
from gambol.multiview.unknowns import CameraSd

RINGS, BLOCKS = 5, 10  # parts of the radius and of time whose residuals are compared
CELLS = (8, 6)  # of the image, for coverage
FEWEST = 30  # observations of a part, below which it says nothing


class Length(NamedTuple):
    """A distance that is known."""

    first: int  # column of Evidence.xyz
    second: int
    length: float  # world units


class Body(NamedTuple):
    """Columns of Evidence.xyz that tell how an animal lies in the world."""

    front: int
    back: int
    left: int
    right: int
    high: int
    low: int


class Evidence(NamedTuple):
    """What V cameras saw of C points in F frames, in the order of time."""

    xy: Float[np.ndarray, "F V C 2"]  # px; NaN where not seen
    xyz: Float[np.ndarray, "F C 3"]  # where the points are, world units; NaN where not found
    boards: bool = False  # the points are corners of a board: each frame is one pose of it
    working: float | None = None  # distance of the animals from the cameras, world units
    sd: Mapping[str, CameraSd] = {}
    loops: Mapping[tuple[str, str], float] = {}  # loop errors of unused pairs, degrees
    lengths: tuple[Length, ...] = ()
    body: Body | None = None


def check(rig: Rig, evidence: Evidence, limits: Limits) -> list[Finding]:
    """Return what is wrong between the rig and what it saw."""
    return [
        *_unsure(evidence, limits),
        *_connection(rig, evidence, limits),
        *_fit(rig, evidence, limits),
        *_coverage(rig, evidence, limits),
        *_geometry(rig, evidence, limits),
    ]


def _unsure(evidence: Evidence, limits: Limits) -> list[Finding]:
    return [
        Finding(
            "sure focal length",
            (name,),
            sd.f,
            limits.f_sd,
            f"Camera {name}: the focal length is sure to {100 * sd.f:.1f} % only; film the "
            "board tilted and at several distances.",
        )  # fmt: skip
        for name, sd in evidence.sd.items()
        if sd.f > limits.f_sd
    ]


def _connection(rig: Rig, evidence: Evidence, limits: Limits) -> list[Finding]:
    """Components, cameras that hang on one other, loops that do not close."""
    from scipy.sparse.csgraph import connected_components

    names = list(rig)
    seen = np.isfinite(evidence.xy).all(-1).transpose(0, 2, 1).reshape(-1, len(rig))
    shared = np.einsum("nv,nw->vw", seen.astype(np.int64), seen.astype(np.int64))
    joined = (shared >= limits.shared) & ~np.eye(len(rig), dtype=bool)
    count, label = connected_components(joined, directed=False)
    found = []
    if count > 1:
        parts = [[n for n, k in zip(names, label, strict=True) if k == c] for c in range(count)]
        found.append(
            Finding(
                "components",
                tuple(names),
                float(count),
                1.0,
                f"The cameras are {count} groups that share fewer than {limits.shared} points: "
                f"{' | '.join(', '.join(part) for part in parts)}; images do not tell how the "
                "groups stand to each other, so film something that joins them.",
            )  # fmt: skip
        )
    if len(rig) > 2:
        found += [
            Finding(
                "one edge",
                (name,),
                1.0,
                2.0,
                f"Camera {name} shares points with {names[int(row.argmax())]} alone: an error "
                "of that pair stays unseen; film where a third camera sees them too.",
            )  # fmt: skip
            for name, row in zip(names, joined, strict=True)
            if row.sum() == 1
        ]
    found += [
        Finding(
            "loop",
            pair,
            error,
            limits.loop_degrees,
            f"Cameras {pair[0]} and {pair[1]}: their own frames turn them {error:.2f} degrees "
            "off the chain over the others; check that views are in step and the board stiff.",
        )  # fmt: skip
        for pair, error in evidence.loops.items()
        if error > limits.loop_degrees
    ]
    return found


def _residuals(rig: Rig, evidence: Evidence) -> Float[np.ndarray, "V F C 2"]:
    frames, points = evidence.xyz.shape[:2]
    uv = projection.project(evidence.xyz.reshape(-1, 3), rig.params()).uv
    return evidence.xy.transpose(1, 0, 2, 3) - uv.reshape(len(rig), frames, points, 2)


def _fit(rig: Rig, evidence: Evidence, limits: Limits) -> list[Finding]:
    """Views that fit badly, and residuals that follow the radius or time."""
    residual = _residuals(rig, evidence)
    squares = (residual**2).sum(-1)
    rms = np.array([np.sqrt(s[np.isfinite(s)].mean()) if np.isfinite(s).any() else np.nan
                    for s in squares])  # fmt: skip
    typical = float(np.nanmedian(rms)) if np.isfinite(rms).any() else np.nan
    found = []
    for view, (name, value) in enumerate(zip(rig, rms, strict=True)):
        limit = min(limits.rms_px, limits.rms_ratio * typical)
        if value > limit:
            found.append(
                Finding(
                    "fit",
                    (name,),
                    float(value),
                    float(limit),
                    f"Camera {name}: reprojection rms is {value:.2f} px (median of the views "
                    f"{typical:.2f}); calibrate it again, or see whether it was moved.",
                )  # fmt: skip
            )
        found += _radius(rig, name, residual[view], evidence.xy[:, view], limits)
        found += _time(name, residual[view], limits)
    return found


def _radius(
    rig: Rig,
    name: str,
    residual: Float[np.ndarray, "F C 2"],
    xy: Float[np.ndarray, "F C 2"],
    limits: Limits,
) -> list[Finding]:
    """Residuals that point outwards or inwards at some radius: the lens model is too small."""
    camera = rig[name]
    there = np.isfinite(residual).all(-1)
    if camera.kind == "affine" or there.sum() < FEWEST * RINGS:
        return []
    from_middle = xy[there] - camera.matrix[:2, 2]
    radius = np.linalg.norm(from_middle, axis=1)
    outwards = (residual[there] * from_middle).sum(1) / np.maximum(radius, 1e-9)
    ring = np.argsort(np.argsort(radius, kind="stable"), kind="stable") * RINGS // len(radius)
    worst = _worst(outwards[:, None], ring, RINGS, limits.trend_sds)
    if worst <= limits.trend_px:
        return []
    return [
        Finding(
            "radius",
            (name,),
            worst,
            limits.trend_px,
            f"Camera {name}: residuals point along the radius by {worst:.2f} px, so the lens "
            "model is too small; free k2, or calibrate as `fisheye`.",
        )  # fmt: skip
    ]


def _time(name: str, residual: Float[np.ndarray, "F C 2"], limits: Limits) -> list[Finding]:
    """Residuals that drift: the camera or board moved, or views are out of step."""
    there = np.isfinite(residual).all(-1)
    frames = np.flatnonzero(there.any(1))
    if len(frames) < 2 * BLOCKS:
        return []
    means = np.array([residual[f][there[f]].mean(0) for f in frames])
    block = np.arange(len(frames)) * BLOCKS // len(frames)
    worst = _worst(means - np.median(means, axis=0), block, BLOCKS, limits.trend_sds)
    if worst <= limits.trend_px:
        return []
    return [
        Finding(
            "time",
            (name,),
            worst,
            limits.trend_px,
            f"Camera {name}: residuals drift by {worst:.2f} px over time; the camera was "
            "nudged, the board slipped, or the view is out of step: calibrate the parts alone.",
        )  # fmt: skip
    ]


def _worst(
    values: Float[np.ndarray, "N D"], part: Int[np.ndarray, " N"], parts: int, sds: float
) -> float:
    """Return the largest mean of any part that chance does not explain; 0 if none is."""
    count = np.bincount(part, minlength=parts)[:, None]
    sums = np.stack([np.bincount(part, v, parts) for v in values.T], axis=1)
    means = sums / np.maximum(count, 1)
    within = ((values - means[part]) ** 2).sum(0) / max(len(values) - parts, 1)
    surprising = (np.abs(means) > sds * np.sqrt(within / np.maximum(count, 1))).any(1)
    return float(np.linalg.norm(means[surprising], axis=1).max(initial=0.0))


def _coverage(rig: Rig, evidence: Evidence, limits: Limits) -> list[Finding]:
    """Parts of the image, numbers of boards and distances that calibration never saw."""
    if not evidence.boards:
        return []
    found = []
    for view, camera in enumerate(rig.cameras):
        name, xy = camera.name, evidence.xy[:, view]
        there = np.isfinite(xy).all(-1)
        boards = int(there.any(1).sum())
        if boards < limits.boards:
            found.append(
                Finding(
                    "boards",
                    (name,),
                    float(boards),
                    float(limits.boards),
                    f"Camera {name} saw {boards} boards of {limits.boards} needed; film more.",
                )  # fmt: skip
            )
        if camera.size is not None and boards:
            cell = np.floor(xy[there] / camera.size * CELLS).astype(np.int64)
            cell = np.clip(cell, 0, np.array(CELLS) - 1)
            covered = len(np.unique(cell, axis=0)) / (CELLS[0] * CELLS[1])
            if covered < limits.covered:
                found.append(
                    Finding(
                        "coverage",
                        (name,),
                        covered,
                        limits.covered,
                        f"Camera {name}: boards covered {100 * covered:.0f} % of the image; "
                        "the lens is a guess elsewhere, so show the board there too.",
                    )  # fmt: skip
                )
        if evidence.working is not None and camera.kind != "affine" and boards:
            found += _working(camera.name, camera.centre, there, evidence, limits)
    return found


def _working(
    name: str,
    centre: Float[np.ndarray, " 3"],
    there: Bool[np.ndarray, "F C"],
    evidence: Evidence,
    limits: Limits,
) -> list[Finding]:
    """Boards that were all nearer or farther than the animals will be."""
    working = evidence.working or 0.0
    middle = np.array([evidence.xyz[f][there[f]].mean(0) for f in np.flatnonzero(there.any(1))])
    off = np.abs(np.linalg.norm(middle - centre, axis=1) / working - 1)
    nearest = float(np.nanmin(off))
    if nearest <= limits.working:
        return []
    return [
        Finding(
            "working distance",
            (name,),
            nearest,
            limits.working,
            f"Camera {name}: no board came nearer than {100 * nearest:.0f} % to the working "
            f"distance {working:g}; film it where the animals are.",
        )  # fmt: skip
    ]


def _geometry(rig: Rig, evidence: Evidence, limits: Limits) -> list[Finding]:
    """Points behind cameras, wrong lengths, animals that lie wrong in the world."""
    found = []
    seen = np.isfinite(evidence.xy).all(-1) & np.isfinite(evidence.xyz).all(-1)[:, None]
    for view, camera in enumerate(rig.cameras):
        points = evidence.xyz[seen[:, view]]
        if camera.kind == "affine" or not len(points):
            continue
        behind = float(((points - camera.centre) @ camera.forward <= 0).mean())
        if behind > limits.behind:
            found.append(
                Finding(
                    "behind",
                    (camera.name,),
                    behind,
                    limits.behind,
                    f"Camera {camera.name}: {100 * behind:.0f} % of the points it saw lie "
                    "behind it; it was matched to another view, or its pose is inverted.",
                )  # fmt: skip
            )
    for known in evidence.lengths:
        apart = np.linalg.norm(
            evidence.xyz[:, known.first] - evidence.xyz[:, known.second], axis=-1
        )
        off = float(np.nanmedian(apart)) / known.length - 1 if np.isfinite(apart).any() else 0.0
        if abs(off) > limits.length:
            found.append(
                Finding(
                    "known distance",
                    tuple(rig),
                    abs(off),
                    limits.length,
                    f"A distance known to be {known.length:g} {rig.units} measures "
                    f"{known.length * (1 + off):.4g}: the scale is {100 * off:+.1f} % off; "
                    "check the size of the board's squares.",
                )  # fmt: skip
            )
    return found + _body(rig, evidence)


def _body(rig: Rig, evidence: Evidence) -> list[Finding]:
    """Animals upside-down, or left for right."""
    body = evidence.body
    if body is None:
        return []
    xyz, up = evidence.xyz, np.array(rig.up, float)
    known = np.isfinite(xyz[:, list(body)]).all((1, 2))
    if not known.any():
        return []
    xyz = xyz[known]
    stands = float(np.mean(np.sign((xyz[:, body.high] - xyz[:, body.low]) @ up)))
    ahead = xyz[:, body.front] - xyz[:, body.back]
    sides = xyz[:, body.left] - xyz[:, body.right]
    hand = float(np.mean(np.sign((np.cross(up, ahead) * sides).sum(-1))))
    found = []
    if stands < 0:
        found.append(
            Finding(
                "upside-down",
                tuple(rig),
                stands,
                0.0,
                "Animals stand on their heads: most of the time high points are below low ones "
                f"along up = {rig.up}; set `up`, or align the world.",
            )  # fmt: skip
        )
    if hand * np.sign(stands or 1.0) < 0:
        found.append(
            Finding(
                "handedness",
                tuple(rig),
                hand,
                0.0,
                "Left is right of right: the world is mirrored, or left and right keypoints "
                "changed names, as in flipped views; check `flip` and the names.",
            )  # fmt: skip
        )
    return found

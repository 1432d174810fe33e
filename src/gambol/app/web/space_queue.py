"""Which points of a 3D run are worst, and how its cameras are."""

from collections.abc import Mapping
from itertools import combinations
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from gambol.app.web.models import CameraHealth, Health, PairHealth, RigFinding, Worst
from gambol.app.web.space_files import Moments, Run3d
from gambol.app.web.space_points import Place, Word, patched
from gambol.core.cameras import Camera
from gambol.kernels import epipolar
from gambol.multiview import rig_check, rig_swaps

MOST = 1000  # entries of a queue
LOOKED = 12, 20  # stretches, and moments in each, that the health of cameras is judged by
CELLS = 8  # of an image's width and height, of which coverage is a share
_BINS = np.geomspace(1e-3, 1e5, 4001)  # px; 0.46 % wide


class Errors(NamedTuple):
    """The errors of a whole run."""

    p95: Float[np.ndarray, " V"]  # px
    place: Int[np.ndarray, "E 4"]  # moment, animal, keypoint, view; the largest ratio first
    error: Float[np.ndarray, " E"]  # px


def errors(run: Run3d) -> Errors:
    """Return each camera's 95th percentile (to 0.5 %), and the worst `MOST` observations."""
    counts = np.zeros((len(run.cameras), len(_BINS) + 1), np.int64)
    for _, far in run.errors():
        for v in range(len(run.cameras)):
            there = far[..., v][np.isfinite(far[..., v])]
            counts[v] += np.bincount(np.searchsorted(_BINS, there), minlength=counts.shape[1])
    p95 = np.array([_percentile(row, 0.95) for row in counts])
    place, ratio, error = np.zeros((0, 4), np.int64), np.zeros(0), np.zeros(0)
    for first, far in run.errors():
        over = np.nan_to_num(far / p95, nan=0.0, posinf=0.0)
        at = np.argwhere(over > 1.0)
        value = over[tuple(at.T)]
        place = np.concatenate([place, at + [first, 0, 0, 0]])
        error = np.concatenate([error, far[tuple(at.T)]])
        ratio = np.concatenate([ratio, value])
        best = np.argsort(-ratio, kind="stable")[:MOST]
        place, ratio, error = place[best], ratio[best], error[best]
    return Errors(p95, place, error)


def queue(run: Run3d, found: Errors, said: Mapping[Place, Word]) -> list[Worst]:
    """Return the worst observations as decisions leave them; accepted ones last."""
    entries = [
        _entry(
            run, tuple(int(k) for k in place), float(error), float(found.p95[place[3]]), said
        )
        for place, error in zip(found.place, found.error, strict=True)
        if not _changed(said.get((int(place[0]), int(place[1]), int(place[2]))))
    ]
    for place, word in said.items():
        if not _changed(word) or place[0] >= run.frames:
            continue
        made = patched(run.moments(place[0], place[0] + 1), *_alone(run, place, word))
        far = made.moments.residual[0, place[1], place[2]]
        left = np.array([c in word.left for c in run.cameras])
        for v in np.flatnonzero((far > found.p95) & ~left):
            entries.append(
                _entry(run, (*place, int(v)), float(far[v]), float(found.p95[v]), said)
            )
    return sorted(entries, key=lambda one: (one.accepted, -one.ratio))


def health(run: Run3d) -> Health:
    """Say how far cameras are from what the others tell, and what cannot be right."""
    parts = [run.moments(a, b) for a, b in _stretches(run.frames)]
    made = Moments(*(np.concatenate(each) for each in zip(*parts, strict=True)))
    cameras = run.rig.cameras
    return Health(
        units=run.rig.units,
        cameras=[_camera(camera, v, made) for v, camera in enumerate(cameras)],
        pairs=[_pair(run, made, a, b) for a, b in combinations(range(len(cameras)), 2)],
        findings=[
            RigFinding(check=f.check, cameras=list(f.cameras), sentence=f.sentence)
            for f in (*rig_check.check(run.rig), *rig_swaps.check(run.rig, made.xy))
        ],
        frames=len(made.xyz),
    )


def _changed(word: Word | None) -> bool:
    return word is not None and bool(word.left or word.moved)


def _alone(
    run: Run3d, place: Place, word: Word
) -> tuple[int, dict[Place, Word], tuple[str, ...], np.ndarray]:
    return place[0], {place: word}, run.cameras, run.params


def _entry(
    run: Run3d, place: tuple[int, ...], error: float, p95: float, said: Mapping[Place, Word]
) -> Worst:
    frame, animal, keypoint, view = place
    word = said.get((frame, animal, keypoint))
    return Worst(
        frame=frame, animal=animal, keypoint=keypoint, camera=run.cameras[view],
        error=error, ratio=error / p95, accepted=word is not None and word.accepted,
    )  # fmt: skip


def _percentile(counts: Int[np.ndarray, " B"], share: float) -> float:
    """The upper edge of the bin in which a share of all lies; infinite where there are none."""
    total = int(counts.sum())
    if not total:
        return float("inf")
    k = int(np.searchsorted(np.cumsum(counts), share * total))
    return float(_BINS[min(k, len(_BINS) - 1)])


def _stretches(frames: int) -> list[tuple[int, int]]:
    """Moments that are looked at: all of a short recording, else evenly spread stretches."""
    n, size = LOOKED
    if frames <= n * size:
        return [(0, frames)]
    return [(int(a), int(a) + size) for a in np.linspace(0, frames - size, n)]


def _camera(camera: Camera, v: int, made: Moments) -> CameraHealth:
    far, doubt = made.residual[..., v], made.outlier[..., v]
    there = np.isfinite(far)
    used = far[there & (np.nan_to_num(doubt, nan=1.0) < 0.5)]
    return CameraHealth(
        camera=camera.name,
        rms=_rms(used**2),
        p95=float(np.percentile(used, 95)) if len(used) else None,
        points=int(there.sum()),
        coverage=_coverage(camera, made.xy[..., v, :].reshape(-1, 2)),
        left_out=1 - len(used) / max(int(there.sum()), 1),
    )


def _coverage(camera: Camera, xy: Float[np.ndarray, "P 2"]) -> float:
    xy = xy[np.isfinite(xy).all(-1)]
    if not len(xy):
        return 0.0
    size = np.array(camera.size if camera.size else xy.max(0) + 1, float)
    cell = np.floor(CELLS * xy / size).astype(int)
    cell = cell[((cell >= 0) & (cell < CELLS)).all(-1)]
    return len(np.unique(cell, axis=0)) / CELLS**2


def _pair(run: Run3d, made: Moments, a: int, b: int) -> PairHealth:
    """Two cameras; of what one takes for an outlier nothing is said."""
    used = (np.nan_to_num(made.outlier[..., [a, b]], nan=1.0) < 0.5).all(-1)
    used &= np.isfinite(made.xy[..., [a, b], :]).all((-1, -2))
    one, other = (epipolar.straighten(made.xy[..., v, :][used], run.params[v]) for v in (a, b))
    far = epipolar.sampson(one, other, epipolar.fundamental(run.params[a], run.params[b]))
    first, second = run.rig.cameras[a], run.rig.cameras[b]
    apart = float(np.linalg.norm(first.centre - second.centre))
    turn = float(np.clip(first.forward @ second.forward, -1, 1))
    return PairHealth(
        cameras=(first.name, second.name),
        rms=_rms(far),
        points=int(used.sum()),
        baseline=apart if np.isfinite(apart) else None,
        angle=float(np.degrees(np.arccos(turn))),
    )


def _rms(squares: np.ndarray) -> float | None:
    there = squares[np.isfinite(squares)]
    return float(np.sqrt(np.mean(there, dtype=np.float64))) if len(there) else None

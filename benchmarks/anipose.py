"""Triangulation and bundle adjustment beside aniposelib's: speed and error, in one run.

The peer runs on the same film in an environment of its own: give its Python in
`GAMBOL_ANIPOSE`. Without that, its numbers are those that were measured once
(`anipose.json`). The film: a simulated mouse of 20 keypoints, 6 cameras in a ring, noise of
2 px, 5 % outliers and 10 % missing. Of the outliers, half lie within 50 px of the truth in x
and y, as of a neighbouring part, and half anywhere in the image.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np

from benchmarks.folds import ONE_THREAD
from benchmarks.record import FOLDER, QUICK, WORK, budget, data, record
from gambol.core.cameras import Rig, from_projection
from gambol.core.skeleton import Skeleton
from gambol.io import store
from gambol.io.provenance import processor
from gambol.kernels import projection, rotation, triangulation
from gambol.multiview import bundle, constrained
from gambol.multiview.tiers.base import Problem, tiers
from gambol.simulate import body3d, rigs

FRAMES, OPTIMISED = budget(3000, 200), budget(300, 100)
ALONE = budget(300, 20)  # points that the peer's RANSAC is timed on
BUNDLE = budget(1000, 200)  # points of the film by which the rig is adjusted
NOISE, OUTLIERS, MISSING, FAR = 2.0, 0.05, 0.1, 50.0  # px, shares, px
KNOCK = 1.0, 10.0  # sd of rotation about each axis, degrees, and of translation, mm
REPEATS = 3  # of which the least counts, on both sides
NAME = "aniposelib 0.8.0"
COMMAND_LINE = {"scale_smooth": 2, "scale_length_weak": 1, "threshold": 5, "order": 3}
SETTINGS: dict[str, dict[str, Any]] = {
    **{
        kind: {"kind": kind}
        for kind in (
            "dlt", "median", "msac", "refine", "smooth", "robust", "distance", "constrained"
        )
    },
    "constrained as its command line": {"kind": "constrained", **COMMAND_LINE},
}  # fmt: skip
KEPT = FOLDER / "anipose.json"
DATA = (
    f"simulated mouse, 6 cameras, 20 keypoints, {NOISE:g} px noise, {OUTLIERS:.0%} outliers "
    f"(half within ±{FAR:g} px of the truth, half anywhere in the image), {MISSING:.0%} missing"
)


class Scene(NamedTuple):
    """A film and what is true of it."""

    rig: Rig
    knocked: Rig  # the same, its poses wrong
    skeleton: Skeleton
    xyz: np.ndarray  # (T, J, 3) mm
    xy: np.ndarray  # (T, V, J, 2) px


def run() -> None:
    """Measure both sides, one after the other on one core."""
    command = [*_pinned(), sys.executable, "-m", "benchmarks.anipose"]
    subprocess.run(command, check=True, env={**os.environ, **ONE_THREAD})


def compare() -> None:
    """Record the figures."""
    scene = film(np.random.default_rng(0))
    peer = ask_peer(scene)
    triangulated(scene, peer)
    optimised(scene, peer)
    adjusted(scene, peer)
    rat(peer)


def film(rng: np.random.Generator) -> Scene:
    """Simulate the film."""
    rig = rigs.ring(rng, 6, 260.0, target=(200.0, 150.0, 20.0))
    bodies = body3d.move(rng, "mouse", FRAMES)
    xyz = bodies.xyz[:, 0]
    clean = projection.project(xyz.reshape(-1, 3), rig.params()).uv
    xy = clean.reshape(6, *xyz.shape[:2], 2).transpose(1, 0, 2, 3)
    xy = xy + rng.normal(0, NOISE, xy.shape)
    chance, size = rng.random(xy.shape[:3]), np.array(rig.cameras[0].size, float)
    near, far = chance < OUTLIERS / 2, (chance >= OUTLIERS / 2) & (chance < OUTLIERS)
    xy[near] += rng.uniform(-FAR, FAR, (near.sum(), 2))
    xy[far] = rng.uniform(0, 1, (far.sum(), 2)) * size
    xy[rng.random(xy.shape[:3]) < MISSING] = np.nan
    cameras = [rig.cameras[0]]  # the first is where it was; it is what the others are told by
    for camera in rig.cameras[1:]:
        turn = rotation.exp(np.radians(rng.normal(0, KNOCK[0], 3))) @ camera.turn
        shift = camera.translation + rng.normal(0, KNOCK[1], 3)
        cameras.append(replace(camera, rotation=rotation.log(turn[None])[0], translation=shift))
    knocked = replace(rig, cameras=tuple(cameras))
    return Scene(rig, knocked, bodies.skeleton, xyz, np.ascontiguousarray(xy))


def rat_film() -> Scene | None:
    """Return the 50 frames of Rat 7M, which is real; None where they are absent."""
    folder = data("rat_mocap")
    if folder is None:
        return None
    found = np.load(folder / "mock_data.npz")
    size = (1328, 1048)  # only aniposelib's cameras ask for it, and nothing here uses it
    rig = Rig(
        tuple(from_projection(f"{v}", m, size) for v, m in enumerate(found["camera_matrices"]))
    )
    parent = (-1, *found["parents"][1:].tolist())
    skeleton = Skeleton(tuple(str(name) for name in found["keypoint_names"]), parent)
    return Scene(rig, rig, skeleton, found["groundtruth_pos_3d"], found["observed_pos_2d"])


def some(scene: Scene, count: int) -> np.ndarray:
    """Return numbers of points, spread over the film."""
    return np.linspace(0, scene.xyz[..., 0].size - 1, count).astype(int)


def by_point(scene: Scene) -> np.ndarray:
    """Return what was seen, (T · J, V, 2)."""
    return scene.xy.transpose(0, 2, 1, 3).reshape(-1, scene.xy.shape[1], 2)


# ---- the peer --------------------------------------------------------------------------------


def ask_peer(scene: Scene) -> dict[str, Any]:
    """Run the peer, or return what it was measured to do.

    Returns:
        Its seconds and errors, and whether both sides' objectives agree.
    """
    python = os.environ.get("GAMBOL_ANIPOSE")
    if python is None:
        return dict(store.read_json(KEPT)["figures"]) if KEPT.exists() else {}
    made = _asked(
        python, scene, rigid=by_point(scene)[some(scene, BUNDLE)], alone=some(scene, ALONE),
        start=agreed(scene),
        **of_cameras(scene.knocked, "_off"),
    )  # fmt: skip
    truth = scene.xyz.reshape(-1, 3)
    told: dict[str, Any] = {name: float(made[name]) for name in made if name.endswith("_s")}
    told["dlt_mm"] = error(made["dlt"], truth)
    told["ransac_mm"] = error(made["ransac"], truth[some(scene, ALONE)])
    told["dlt_median_mm"] = error(made["dlt"], truth, np.nanmedian)
    for name in ("library", "command", "started"):
        told[f"{name}_mm"] = error(made[name], scene.xyz[:OPTIMISED])
        told[f"{name}_median_mm"] = error(made[name], scene.xyz[:OPTIMISED], np.nanmedian)
    pose = made["bundle_rotation"], made["bundle_translation"]
    told["bundle_mm"] = off(scene.rig, [
        replace(camera, rotation=r, translation=t)
        for camera, r, t in zip(scene.rig.cameras, *pose, strict=True)
    ])  # fmt: skip
    if (known := rat_film()) is not None:
        made_rat = _asked(python, known)
        for name in ("library", "command"):
            told[f"rat_{name}_mm"] = error(made_rat[name], known.xyz)
            told[f"rat_{name}_s"] = float(made_rat[f"{name}_s"])
    told["objective_ratio"] = _objective(scene, made) / float(made["objective"])
    if not QUICK:
        how = f"{NAME} on {processor()}, one core, in an environment of its own"
        today = datetime.now(UTC).date().isoformat()
        store.write_json({"how": how, "date": today, "data": DATA, "figures": told}, KEPT)
    return told


def agreed(scene: Scene) -> np.ndarray:
    """Return where views agree that the points are, in the part that is optimised."""
    xy = scene.xy[:OPTIMISED].transpose(0, 2, 1, 3).reshape(-1, scene.xy.shape[1], 2)
    found = triangulation.msac(xy, np.ones(xy.shape[:2]), scene.rig.params())
    return found.points.reshape(-1, *scene.xyz.shape[1:])


def _asked(python: str, scene: Scene, **more: np.ndarray) -> dict[str, np.ndarray]:
    """What the peer makes of a film."""
    folder = WORK / "anipose"
    folder.mkdir(parents=True, exist_ok=True)
    told = {
        "xy": scene.xy, "place": place(scene), "bones": np.array(scene.skeleton.bones),
        "frames": np.array(OPTIMISED), "size": np.array(scene.rig.cameras[0].size),
        **of_cameras(scene.rig, ""), **more,
    }  # fmt: skip
    np.savez(folder / "film.npz", allow_pickle=False, **told)
    command = [python, str(FOLDER / "anipose_peer.py")]
    command += [str(folder / "film.npz"), str(folder / "made.npz")]
    subprocess.run(command, check=True, env={**os.environ, **ONE_THREAD})
    return dict(np.load(folder / "made.npz"))


def of_cameras(rig: Rig, suffix: str) -> dict[str, np.ndarray]:
    """Return the parts of all cameras, as OpenCV has them."""
    parts = ("matrix", "distortion", "rotation", "translation")
    return {
        f"{part}{suffix}": np.array([getattr(camera, part) for camera in rig.cameras])
        for part in parts
    }


def place(scene: Scene) -> np.ndarray:
    """Return positions at which both objectives are asked for their value."""
    xyz = scene.xyz[:OPTIMISED]
    return xyz + np.random.default_rng(1).normal(0, 2.0, xyz.shape)


def _objective(scene: Scene, made: dict[str, np.ndarray]) -> float:
    """Our objective at the same place and lengths as the peer's, smoothness at 1."""
    part = scene.xy[:OPTIMISED]
    bones = np.array(scene.skeleton.bones)
    seen = constrained.Film(part, np.ones(part.shape[:3]), scene.rig.params(), bones)
    scales = constrained.Scales(1.0, np.full(len(bones), 2.0), 15.0, 1)
    return constrained.objective(place(scene), made["lengths"], seen, scales)


# ---- figures ---------------------------------------------------------------------------------


def triangulated(scene: Scene, peer: dict[str, Any]) -> None:
    """Record linear triangulation of the whole film and the agreement of views."""
    xy = by_point(scene)
    weight, params = np.ones(xy.shape[:2]), scene.rig.params()
    truth, few = scene.xyz.reshape(-1, 3), some(scene, ALONE)
    points, seconds = timed(lambda: triangulation.dlt(xy, weight, params))
    _faster(
        "anipose.dlt_speedup", seconds, peer.get("dlt_s"), 1.0,
        error(points, truth) < peer.get("dlt_mm", np.inf),
        f"{len(xy)} points: {seconds:.3f} s against {_say(peer, 'dlt_s', 's')}; error "
        f"{error(points, truth):.2f} mm against {_say(peer, 'dlt_mm', 'mm')}, median "
        f"{error(points, truth, np.nanmedian):.2f} against {_say(peer, 'dlt_median_mm', 'mm')}",
    )  # fmt: skip
    found, seconds = timed(lambda: triangulation.msac(xy, weight, params))
    each, wrong = seconds / len(xy), error(found.points[few], truth[few])
    _faster(
        "anipose.ransac_speedup", each, peer.get("ransac_s"), 1000.0,
        wrong < peer.get("ransac_mm", np.inf),
        f"msac, all pairs scored over all views: {1e6 * each:.1f} µs a point ({len(xy)} "
        f"points) against {1e3 * peer.get('ransac_s', np.nan):.1f} ms ({ALONE} points); error "
        f"of these {ALONE} points {wrong:.2f} mm against {_say(peer, 'ransac_mm', 'mm')}; of "
        f"all points {error(found.points, truth):.2f} mm",
    )  # fmt: skip


def optimised(scene: Scene, peer: dict[str, Any]) -> None:
    """Record constrained optimisation of a part of the film, and the other tiers beside it."""
    told = {kind: tier(scene, parts) for kind, parts in SETTINGS.items()}
    seconds, wrong = told["constrained"]
    same = wrong <= 1.01 * peer.get("started_mm", np.inf)  # one objective, one start
    whole, best = (peer.get(f"library_{unit}", np.inf) for unit in ("s", "mm"))
    best = min(best, peer.get("command_mm", np.inf), peer.get("started_mm", np.inf))
    better = all(mm < best and 5 * s <= whole for s, mm in (told["robust"], told["distance"]))
    others = "; ".join(f"{kind} {s:.2f} s, {mm:.2f} mm" for kind, (s, mm) in told.items())
    _faster(
        "anipose.optim_speedup", seconds, peer.get("started_s"), 5.0, same and better,
        f"its objective, {OPTIMISED} frames, {seconds:.2f} s with msac before it and "
        f"{wrong:.2f} mm against {_say(peer, 'started_s', 's')} and "
        f"{_say(peer, 'started_mm', 'mm')} from the same points; as it is, from linear points, "
        f"{_say(peer, 'library_s', 's')} and {_say(peer, 'library_mm', 'mm')} (median "
        f"{_say(peer, 'library_median_mm', 'mm')}), by the defaults of its command line "
        f"{_say(peer, 'command_s', 's')} and {_say(peer, 'command_mm', 'mm')} (median "
        f"{_say(peer, 'command_median_mm', 'mm')}); at one place our objective is "
        f"{peer.get('objective_ratio', np.nan):.9f} of its own; met if from the same points "
        "the error is no larger and the time a fifth, and robust and distance need a fifth of "
        f"its own run and err less than all of it; all tiers: {others}",
    )  # fmt: skip


def rat(peer: dict[str, Any]) -> None:
    """Record the rat sample: nothing shipped with it is used, noise and bones are learned."""
    scene = rat_film()
    if scene is None:
        return
    told = {kind: tier(scene, {"kind": kind}) for kind in ("robust", "distance", "gimbal")}
    theirs = [peer.get(f"rat_{name}_s") for name in ("library", "command")]
    best = min(peer.get(f"rat_{name}_mm", np.inf) for name in ("library", "command"))
    seconds, wrong = told["robust"]
    ratio = None if theirs[0] is None else theirs[0] / seconds
    met = ratio is not None and ratio >= 4.0 and wrong < best
    met = met and told["distance"][0] <= 0.5 * (theirs[0] or 0.0)
    others = "; ".join(f"{kind} {s:.2f} s, {mm:.2f} mm" for kind, (s, mm) in told.items())
    record(
        "anipose.rat_speedup", ratio, "times", data="rat_mocap, 50 frames, all keypoints",
        goal="robust >= 4, distance >= 2, error of robust below its", met=met,
        peer=f"{NAME}, s", peer_value=theirs[0],
        note=f"{others}; against {_say(peer, 'rat_library_s', 's')}, "
        f"{_say(peer, 'rat_library_mm', 'mm')} (command line "
        f"{_say(peer, 'rat_command_s', 's')}, {_say(peer, 'rat_command_mm', 'mm')})",
    )  # fmt: skip


def tier(scene: Scene, parts: dict[str, Any]) -> tuple[float, float]:
    """Return seconds and error, mm, of a tier on the first part of a film."""
    part = scene.xy[:OPTIMISED]
    problem = Problem(
        part, np.ones(part.shape[:3]), np.full(part.shape[:3], np.nan), scene.rig.params(),
        np.arange(len(part)) / 60.0, scene.skeleton, np.array(scene.rig.up),
    )  # fmt: skip
    build = tiers.build(tiers.parse(parts))
    solved, seconds = timed(lambda: build(problem))
    return seconds, error(solved.xyz, scene.xyz[:OPTIMISED])


def adjusted(scene: Scene, peer: dict[str, Any]) -> None:
    """Record bundle adjustment of a knocked rig."""
    seen = by_point(scene)[some(scene, BUNDLE)]
    made, seconds = timed(lambda: bundle.adjust_points(scene.knocked, seen))
    start, wrong = (off(scene.rig, list(rig.cameras)) for rig in (scene.knocked, made.rig))
    _faster(
        "anipose.ba_speedup", seconds, peer.get("bundle_s"), 5.0,
        wrong < peer.get("bundle_mm", np.inf),
        f"poses of 5 of 6 cameras knocked by {KNOCK[0]:g}° and {KNOCK[1]:g} mm (sd about and "
        f"along each axis), {BUNDLE} points of the film: {seconds:.3f} s, camera centres "
        f"{start:.2f} -> {wrong:.3f} mm off (mean, after the best similarity), against "
        f"bundle_adjust_iter's {_say(peer, 'bundle_s', 's')}, {_say(peer, 'bundle_mm', 'mm')}",
    )  # fmt: skip


def _faster(
    name: str, ours: float, theirs: float | None, goal: float, better: bool, note: str
) -> None:
    times = None if theirs is None else theirs / ours
    record(
        name, times, "times", data=DATA, goal=f">= {goal:g}, error not above its",
        met=None if times is None else bool(times >= goal and better), peer=f"{NAME}, s",
        peer_value=theirs, note=note,
    )  # fmt: skip


def _say(peer: dict[str, Any], name: str, unit: str) -> str:
    return f"{peer[name]:.3g} {unit}" if name in peer else "what it was not asked"


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Return what work returns and the least seconds of REPEATS, after a call that compiles.

    Seconds are those of the processor, which a busy machine does not stretch.
    """
    made, seconds = work(), []
    for _ in range(REPEATS):
        start = time.process_time()
        made = work()
        seconds.append(time.process_time() - start)
    return made, min(seconds)


def error(
    points: np.ndarray, truth: np.ndarray, of: Callable[[np.ndarray], Any] = np.nanmean
) -> float:
    """Return the mean distance from the truth, mm, where there is a point."""
    return float(of(np.linalg.norm(points - truth, axis=-1)))


def off(rig: Rig, cameras: list[Any]) -> float:
    """Return how far camera centres are from the truth, mm, after the best similarity."""
    there = np.array([camera.centre for camera in cameras])
    real = np.array([camera.centre for camera in rig.cameras])
    a, b = there - there.mean(0), real - real.mean(0)
    u, s, vt = np.linalg.svd(b.T @ a)
    sign = np.array([1.0, 1.0, np.linalg.det(u @ vt)])
    turn, scale = (u * sign) @ vt, (s * sign).sum() / (a**2).sum()
    return float(np.linalg.norm(scale * a @ turn.T - b, axis=1).mean())


def _pinned() -> list[str]:
    return ["taskset", "-c", "0"] if sys.platform == "linux" else []


if __name__ == "__main__":
    compare()

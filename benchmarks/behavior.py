"""Behaviour beside keypoint-MoSeq: speed, memory, what is found again; maps; tables.

The peer runs on the same poses, on the same core, in an environment of its own: give its Python
in `GAMBOL_KEYPOINT_MOSEQ`. Without that, its numbers are those that were measured once
(`behavior.json`). Every part runs by itself, under the names in `PARTS`.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import behavior_map, behavior_poses, behavior_recovery, behavior_tables
from benchmarks.behavior_recovery import Found
from benchmarks.record import FOLDER, QUICK, budget, record
from gambol.io import store
from gambol.io.provenance import processor

KEPT = FOLDER / "behavior.json"
NAME = "keypoint-moseq 0.8.1, jax-moseq 0.3.7, JAX 0.10.2 on the CPU"
STATES, DIMS, LAGS, JOINTS = 100, 10, 3, behavior_poses.SEEN
SHORT = {"recordings": budget(3, 2), "frames": budget(9000, 500)}
LONG = {"recordings": budget(20, 4), "frames": budget(50_000, 1000)}
FEW = 2  # of the long recordings, whose memory is compared with that of all
SWEEPS = budget(10, 2)  # ours that are timed, on 27,000 frames
PEER_SWEEPS = budget(5, 1)
LONG_SWEEPS = budget(8, 2)  # of each kind, on 1 M frames
WHOLE = 500  # sweeps that are extrapolated to, as for publication
THREADS = 2


def run() -> None:
    """Record all."""
    for part in PARTS.values():
        part()


def speed() -> None:
    """Seconds a sweep beside the peer: 27,000 frames, one thread on one core."""
    with tempfile.TemporaryDirectory() as folder:
        given = _poses(Path(folder), **SHORT)
        peer = ask_peer("speed", lambda: _peer_speed(Path(folder), given))
        ours = _fit(given, SWEEPS, 1)
    frames = SHORT["recordings"] * SHORT["frames"]
    said = f"{frames} frames, {STATES} states, {DIMS} latents, {JOINTS} keypoints, {LAGS} lags"
    flops = {"arhmm": _flops(), "slds": _flops() + _flops_below()}
    for name, bar in (("slds", 5), ("arhmm", 3)):
        mine, theirs = ours[f"{name}_s"], np.array(peer[f"{name}_s"])
        step, other = float(np.median(mine[:, 0])), float(np.median(theirs[:, 0]))
        rate = flops[name] * frames / step / 1e9
        record(
            f"{name}.speedup", other / step, "×", data=said, goal=f"≥ {bar}, goal 10",
            met=other / step >= bar, peer=NAME, peer_value=round(other, 3),
            note=f"{step:.3f} s a sweep here against {other:.2f} s, one thread on one core, "
            f"same poses (CPU time {np.median(mine[:, 1]):.3f} against "
            f"{np.median(theirs[:, 1]):.2f} s); {step / frames * 1e6:.1f} µs a frame, "
            f"{flops[name] / 1e3:.0f} kFLOP in products a frame: {rate:.0f} GFLOP/s in all; "
            f"the peer compiles for {peer[f'{name}_compile_s']:.0f} s before, which is not "
            f"counted; peer measured {peer['measured']}",
        )  # fmt: skip


def million() -> None:
    """Minutes and memory of a fit to 1 M frames on two threads."""
    with tempfile.TemporaryDirectory() as folder:
        given = _poses(Path(folder), **LONG)
        less = _first(given, FEW)
        ours, few = _fit(given, LONG_SWEEPS, THREADS), _fit(less, LONG_SWEEPS, THREADS)
    peer = ask_peer("speed", None)
    frames = int(ours["frames"])
    step, ready = float(np.median(ours["slds_s"][:, 0])), float(ours["ready_s"])
    minutes = (ready + WHOLE * step) / 60
    said = f"{LONG['recordings']} × {LONG['frames']} frames, {STATES} states, {DIMS} latents"
    record(
        "slds.1m_500_minutes", minutes, "min", data=said, goal="< 60", met=minutes < 60,
        note=f"extrapolated: {ready:.0f} s of getting ready and {WHOLE} times the median of "
        f"{len(ours['slds_s'])} sweeps of the whole model, {step:.2f} s (from "
        f"{ours['slds_s'][:, 0].min():.2f} to {ours['slds_s'][:, 0].max():.2f}), after as many "
        f"on first latents ({np.median(ours['arhmm_s'][:, 0]):.2f} s each); {THREADS} threads; "
        f"{step / frames * 1e6:.1f} µs a frame and sweep",
    )  # fmt: skip
    apart = frames - int(few["frames"])
    grown = {k: 1e6 * float(ours[k] - few[k]) / apart for k in ("sweeps_mb", "ready_mb")}
    other = float(peer["peak_mb"] - peer["held_mb"]) * 1e6 / peer["frames"]
    kept = 8 * (2 * JOINTS + 2 * JOINTS + DIMS + 3) + JOINTS + 1
    record(
        "slds.bytes_per_frame", grown["sweeps_mb"], "bytes", data=said, goal="≤ 1000",
        met=grown["sweeps_mb"] <= 1000, peer=NAME, peer_value=round(other),
        note=f"growth of the peak of a process that sweeps, from {few['frames']} to {frames} "
        f"frames ({float(few['sweeps_mb']):.0f} to {float(ours['sweeps_mb']):.0f} MB); of it "
        f"{kept} bytes are poses, noise, latents, states; while it gets ready, a recording "
        f"read at a time, {grown['ready_mb']:.0f}; the peer's: its peak less what it holds "
        f"before it has data, at {peer['frames']} frames",
    )  # fmt: skip


def recovery() -> None:
    """What is found again of known syllables."""
    made = behavior_recovery.task()
    with tempfile.TemporaryDirectory() as folder:
        given = behavior_recovery.as_given(made, Path(folder) / "given.npz")
        peer = ask_peer("recovery", lambda: _peer_recovery(Path(folder), given, made))
    seeds = range(behavior_recovery.SEEDS)
    fits = [behavior_recovery.ours(made, seed, THREADS) for seed in seeds]
    alike = [behavior_recovery.ours(made, seed, THREADS, share_mean=1.0) for seed in seeds]
    best = behavior_recovery.reach(made, fits[0][0])
    told, drawn = _spread([fit[1] for fit in fits]), _spread([fit[2] for fit in alike])
    other = {name: np.array(peer[name]) for name in Found._fields}
    said = f"{behavior_recovery.FITTED} × {behavior_recovery.FRAMES} simulated frames"
    ari = float(told["ari"].mean())
    record(
        "slds.ari", ari, "", data=said, goal="≥ 0.8 × that under true parameters",
        met=ari >= 0.8 * best.ari, peer=NAME, peer_value=round(float(other["ari"].mean()), 3),
        note=f"of prediction, mean of seeds ({_listed(told['ari'])}); prediction under true "
        f"parameters reaches {best.ari:.3f}; the last sweep's draw, which is what the peer "
        f"gives, with the same prior of the noise {drawn['ari'].mean():.3f} "
        f"({_listed(drawn['ari'])}); peer's seeds {_listed(other['ari'])}",
    )  # fmt: skip
    for name, field, unit, note in (
        ("slds.change_points_f1", "change_points", "",
         f"of the last sweep's draw, within 0.1 s; of our prediction "
         f"{told['change_points'].mean():.3f}, under true parameters {best.change_points:.3f}"),
        ("slds.held_out_nats", "held_out", "nats/frame",
         "log density of aligned poses without noise of 2 recordings that were held out, on "
         "each model's own plane of latents in mm, under the dynamics of its last sweep"),
    ):  # fmt: skip
        mine, theirs = drawn[field], other[field]
        error = float(np.sqrt(_squared(mine) + _squared(theirs)))
        gap = float(mine.mean() - theirs.mean())
        record(
            name, float(mine.mean()), unit, data=said,
            goal="no worse than the peer, by a standard error of the seeds", met=gap >= -error,
            peer=NAME, peer_value=round(float(theirs.mean()), 3),
            note=f"{note}; both models told the true variance of the noise; difference "
            f"{gap:.3f} ± {error:.3f}; seeds {_listed(mine)} against {_listed(theirs)}",
        )  # fmt: skip


def ask_peer(part: str, measure: Callable[[], dict[str, Any]] | None) -> dict[str, Any]:
    """Return the peer's numbers: measured now if it is at hand, else those that are kept."""
    kept = dict(store.read_json(KEPT)) if KEPT.exists() else {}
    if measure is None or "GAMBOL_KEYPOINT_MOSEQ" not in os.environ:
        return dict(kept[part])
    said = f"{datetime.now(UTC).date().isoformat()} on {processor()}, one core"
    told = {**measure(), "measured": said}
    if not QUICK:
        store.write_json({**kept, part: told}, KEPT)
    return told


def _peer_speed(folder: Path, given: Path) -> dict[str, Any]:
    with np.load(given) as held:
        task = {name: held[name] for name in held.files}
    np.savez(folder / "asked.npz", **task, sweeps=PEER_SWEEPS, walk=1.0)
    return {name: found.tolist() for name, found in _peer(folder / "asked.npz").items()}


def _peer_recovery(folder: Path, given: Path, made: behavior_recovery.Task) -> dict[str, Any]:
    found = behavior_recovery.of_peer(made, _peer(given))
    return {name: [getattr(one, name) for one in found] for name in Found._fields}


def _peer(given: Path) -> dict[str, np.ndarray]:
    python, found = os.environ["GAMBOL_KEYPOINT_MOSEQ"], given.with_name("found.npz")
    command = [*_pinned(1), python, str(FOLDER / "behavior_peer.py"), str(given), str(found)]
    subprocess.run(command, check=True, env={**os.environ, "JAX_PLATFORMS": "cpu"})
    with np.load(found) as held:
        return dict(held)


def _fit(given: Path, sweeps: int, threads: int) -> dict[str, Any]:
    """Fit in a process of its own, which tells its times and its memory."""
    found = given.with_name("fit.npz")
    command = [
        *_pinned(threads), sys.executable, str(FOLDER / "behavior_fit.py"), str(given),
        str(found), str(sweeps), str(threads),
    ]  # fmt: skip
    subprocess.run(command, check=True)
    with np.load(found) as held:
        return dict(held)


def _poses(folder: Path, recordings: int, frames: int) -> Path:
    made = behavior_poses.poses(
        0, recordings, frames, syllables=40, dims=DIMS, n_states=STATES, lags=LAGS, sd=1.0
    )
    np.savez(folder / "poses.npz", **made.given)
    return folder / "poses.npz"


def _first(given: Path, recordings: int) -> Path:
    """Write the first recordings of an archive alone."""
    with np.load(given) as held:
        task = {name: held[name] for name in held.files}
    np.savez(given.with_name("few.npz"), **{**task, "xy": task["xy"][:recordings]})
    return given.with_name("few.npz")


def _flops() -> float:
    """Multiplications and additions in the products of lines 1 to 3, a frame."""
    width = (LAGS + 1) * DIMS + 1
    return 2.0 * (DIMS * width * STATES + STATES**2 + width**2 / 2)


def _flops_below() -> float:
    """Those of line 4: elimination of one block from the window, and what keypoints add."""
    width = (LAGS + 1) * DIMS
    kept = width - DIMS
    return 2.0 * (DIMS**2 * width / 2 + DIMS * kept**2 / 2 + JOINTS * (DIMS**2 + 2 * DIMS))


def _spread(found: list[Found]) -> dict[str, np.ndarray]:
    return {name: np.array([getattr(one, name) for one in found]) for name in Found._fields}


def _squared(values: np.ndarray) -> float:
    """Squared standard error of the mean."""
    return float(values.var(ddof=min(1, len(values) - 1)) / len(values))


def _listed(values: np.ndarray) -> str:
    return ", ".join(f"{value:.2f}" for value in values)


def _pinned(cores: int) -> list[str]:
    return ["taskset", "-c", f"0-{cores - 1}"] if sys.platform == "linux" else []


PARTS: dict[str, Callable[[], None]] = {
    "behavior-speed": speed,
    "behavior-million": million,
    "behavior-recovery": recovery,
    "behavior-map": behavior_map.run,
    "behavior-tables": behavior_tables.run,
}

"""Rigs of real recordings: a board in four cameras, a fly in seven, long lenses in three."""

import time
from dataclasses import replace

import numpy as np

from benchmarks.record import WORK, data, record
from gambol.core.cameras import Rig
from gambol.core.skeleton import Skeleton
from gambol.io import calibration
from gambol.io import views as io_views
from gambol.kernels import rotation
from gambol.multiview import crossview, filters, reconstruct
from gambol.multiview.selfcalibrate import selfcalibrate
from gambol.multiview.tiers.base import tiers
from gambol.stages import calibrate

OFF = 10.0  # degrees by which the directions of the fly's template are wrong
SHOWN = ("dlt", "robust")
DLT = np.array([2.65, 1.62, 5.11])  # px, of the specification


def run() -> None:
    """Record all three."""
    mouse()
    fly()
    long_lenses()


def mouse() -> None:
    """Calibrate four cameras from 21 pictures each, as a user would."""
    folder = data("mouse_4cam")
    if folder is None:
        return
    out = WORK / "mouse4" / "rig.toml"
    start = time.perf_counter()
    made = calibrate.run(
        calibrate.CalibrateConfig(), [folder], out, board=folder / "board.toml"
    )
    seconds = time.perf_counter() - start
    worst = ", ".join(f"{name} {rms:.2f}" for name, rms in made.rms_px.items())
    record(
        "mouse4.calibration_px", made.median_px, "px",
        data="mouse_4cam, 4 cameras × 21 images of a ChArUco board, all used",
        goal="< 0.6 median", met=made.median_px < 0.6 and made.frames == 21,
        note=f"median distance of corners in the joint solution; root mean square {worst}; "
        f"{seconds:.1f} s with the detection in 84 images of 1280 × 1024",
    )  # fmt: skip


def fly() -> None:
    """Calibrate seven cameras from the legs of a fly, intrinsics fixed."""
    folder = data("fly_7cam")
    if folder is None:
        return
    path = folder / "reference_df3d" / "df3d_result.pkl"
    rig = calibration.read(path)
    views = io_views.read_deepfly3d(
        path, (960, 480), Skeleton(tuple(f"k{j}" for j in range(38)))
    )
    errors: list[float] = []
    told: tuple[str, ...] = ()
    for seed in range(3):
        got = selfcalibrate(_rough(rig, np.random.default_rng(seed)), views)
        errors.append(got.error)
        told = got.sentences
    record(
        "fly7.reprojection_px", float(max(errors)), "px",
        data="fly_7cam, 38 keypoints, reference 2D of DeepFly3D, frames 0 to 7 and more",
        goal="≤ 3 median (spec 2.3)", met=max(errors) <= 3,
        peer="shipped cameras and linear triangulation", peer_value=2.59,
        note=f"the worst of 3 templates whose directions are {OFF:g}° wrong; " + " ".join(told),
    )  # fmt: skip


def long_lenses() -> None:
    """Leave each of three telephoto cameras out; there is no truth."""
    folder = data("fly_3cam")
    if folder is None:
        return
    rig = calibration.read(folder / "calibration.toml")
    members = []
    for seed in range(3):
        paths = sorted(folder.glob(f"*rng={seed}.csv"))
        members.append(dict(io_views.read_views(paths, rig).animals))
    name = next(iter(members[0]))
    alone, together = members[0][name], filters.ensemble([one[name] for one in members])
    told, best = [], {}
    for said, views in (("one network", alone), ("mean of three", together)):
        for kind in SHOWN:
            problem = reconstruct.problem(views, rig)
            left = crossview.leave_one_out(problem, tiers.build(tiers.parse({"kind": kind})))
            best[said, kind] = np.nanmedian(left.px, axis=(0, 2))
            shown = " / ".join(f"{px:.2f}" for px in best[said, kind])
            told.append(f"{said}, {kind} {shown}")
    ours = best["mean of three", "robust"]
    record(
        "fly3.left_out_px", float(np.median(ours)), "px",
        data="fly_3cam, 3 telephoto cameras, 3 networks × 500 frames × 12 keypoints",
        goal="no view worse than 2.65 / 1.62 / 5.11, two better by 10 %",
        met=bool((ours <= DLT).all() and (ours <= 0.9 * DLT).sum() >= 2),
        peer="DLT as measured for the specification, px, A", peer_value=DLT[0],
        note="median error of a view that was left out, px, A / B / C (the figure is their "
        "median): " + "; ".join(told),
    )  # fmt: skip


def _rough(rig: Rig, rng: np.random.Generator) -> Rig:
    """The rig with wrong directions, every camera looking at the origin."""
    cameras = []
    for camera in rig.cameras:
        axis = rng.normal(size=3)
        off = rotation.exp(axis / np.linalg.norm(axis) * np.radians(OFF))
        away = np.array([0.0, 0.0, float(np.linalg.norm(camera.translation))])
        turned = rotation.log(off @ camera.turn)
        cameras.append(replace(camera, rotation=turned, translation=away))
    return replace(rig, cameras=tuple(cameras))

"""aniposelib on a film that was simulated: `PYTHON benchmarks/anipose_peer.py IN OUT`.

Runs in an environment of its own, where aniposelib is installed; nothing here is imported by
gambol. What goes in (NumPy archive): cameras as OpenCV has them (`matrix`, `distortion`,
`rotation`, `translation`, `size`, and `rotation_off`, `translation_off` of a rig that was
knocked), `xy` (T, V, J, 2) of the film, `rigid` (N, V, 2) of points for the bundle, `bones`
(K, 2), numbers of the points that RANSAC is timed on (`alone`), how many `frames` are
optimised, the `place` (frames, J, 3) at which its objective is asked for and, without outliers,
a `start`; without `rigid`, `alone` or `start` that part is left out. What comes out (NumPy
archive): positions, and seconds of processor time, for what is short the least of REPEATS after
a first call that compiles.
"""

import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

REPEATS = 3
COMMAND_LINE = {
    "scale_smooth": 2, "scale_length": 2, "scale_length_weak": 1,
    "reproj_error_threshold": 5, "n_deriv_smooth": 3,
}  # fmt: skip


def main() -> None:
    """Do everything that is compared."""
    told = dict(np.load(sys.argv[1]))
    made: dict[str, Any] = {}
    rig = group(told, told["rotation"], told["translation"])
    views = np.ascontiguousarray(told["xy"].transpose(1, 0, 2, 3))  # (V, T, J, 2)
    points = views.reshape(len(views), -1, 2)
    made["dlt"], made["dlt_s"] = timed(lambda: rig.triangulate(points), REPEATS)
    if "alone" in told:
        few = points[:, told["alone"]]
        rig.triangulate_ransac(few[:, :5])
        ransac, seconds = timed(lambda: rig.triangulate_ransac(few), 1)
        made["ransac"], made["ransac_s"] = ransac[0], seconds / few.shape[1]
    optimise(rig, views[:, : int(told["frames"])], told, made)
    if "rigid" in told:
        adjust(told, made)
    np.savez(sys.argv[2], **made)


def optimise(
    rig: Any, film: np.ndarray, told: dict[str, np.ndarray], made: dict[str, Any]
) -> None:
    """Optimise under constraints, by the defaults of its library and of its command line."""
    bones = told["bones"].tolist()
    for name, settings in (("library", {}), ("command", COMMAND_LINE)):
        rig.triangulate_optim(film[:, :50], constraints=bones, **settings)
        made[name], made[f"{name}_s"] = timed(
            lambda settings=settings: rig.triangulate_optim(
                film, constraints=bones, **settings
            ),
            1,
        )
    if "start" in told:  # all observations count, as before
        made["started"], made["started_s"] = timed(
            lambda: rig.optim_points(film, told["start"], constraints=bones), 1
        )
    xyz, ends = told["place"], told["bones"]
    apart = np.linalg.norm(xyz[:, ends[:, 0]] - xyz[:, ends[:, 1]], axis=-1)
    made["lengths"] = np.median(apart, axis=0)
    made["objective"] = objective(rig, film, xyz, made["lengths"], bones)


def group(told: dict[str, np.ndarray], rotation: np.ndarray, translation: np.ndarray) -> Any:
    """Return aniposelib's cameras."""
    from aniposelib.cameras import Camera, CameraGroup

    return CameraGroup(
        [
            Camera(told["matrix"][v], told["distortion"][v], tuple(told["size"]),
                   rotation[v], translation[v], name=str(v))
            for v in range(len(rotation))
        ]
    )  # fmt: skip


def objective(
    rig: Any, film: np.ndarray, xyz: np.ndarray, lengths: np.ndarray, bones: list[list[int]]
) -> float:
    """Return aniposelib's half sum of squares at positions and lengths, smoothness at 1."""
    errors = rig._error_fun_triangulation(
        np.hstack([xyz.ravel(), lengths]), film, np.array(bones), np.zeros((0, 2), int), None,
        1.0, 2.0, 0.5, 15.0, "soft_l1", 1,
    )  # fmt: skip
    return float((errors**2).sum() / 2)


def adjust(told: dict[str, np.ndarray], made: dict[str, Any]) -> None:
    """Adjust the poses of a knocked rig, in the way that is meant for outliers."""
    seen = np.ascontiguousarray(told["rigid"].transpose(1, 0, 2))
    rig = group(told, told["rotation_off"], told["translation_off"])
    _, made["bundle_s"] = timed(
        lambda: rig.bundle_adjust_iter(seen, only_extrinsics=True, verbose=False), 1
    )
    made["bundle_rotation"] = rig.get_rotations()
    made["bundle_translation"] = rig.get_translations()


def timed(work: Callable[[], Any], repeats: int) -> tuple[Any, float]:
    """Return what work returns and the least seconds; a first call more, if it is repeated."""
    made, seconds = (work() if repeats > 1 else None), []
    for _ in range(repeats):
        start = time.process_time()
        made = work()
        seconds.append(time.process_time() - start)
    return made, min(seconds)


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # numba's, of code that it does not compile
    main()

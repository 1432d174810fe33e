"""The rat of Zhang et al. (2021): 50 frames, 6 cameras, motion capture, fitted parameters."""

import numpy as np

from gambol.core.cameras import from_projection
from gambol.core.skeleton import Skeleton
from gambol.kernels.pose_states import States
from gambol.kernels.projection import equations
from gambol.multiview.bones import Bones
from gambol.multiview.density import Model

LOOSE = ("ElbowL", "KneeL")  # their 2D points are 35 and 55 mm from their markers in all views


class Rat:
    """Observations, truth and the parameters that came with them."""

    def __init__(self, folder):
        found = np.load(folder / "mock_data.npz")
        fitted = np.load(folder / "mock_params.npz")
        self.fitted = {k: fitted[k].astype(float) for k in fitted.files}
        self.params = np.array([
            from_projection(f"camera{v}", p).params()
            for v, p in enumerate(found["camera_matrices"])
        ])  # fmt: skip
        self.xy = found["observed_pos_2d"]
        self.supplied, self.truth = found["triangulated_pos_3d"], found["groundtruth_pos_3d"]
        self.parent = found["parents"].copy()
        self.parent[0] = -1
        self.names = tuple(str(name) for name in found["keypoint_names"])
        self.skeleton = Skeleton(self.names, tuple(int(p) for p in self.parent))
        self.usual = np.array([name not in LOOSE for name in self.names])

    def bones(self):
        return Bones(self.parent, self.fitted["pos_radius"], self.fitted["pos_radial_variance"])

    def states(self):
        return States(
            np.log(np.maximum(self.fitted["state_probability"], 1e-12)),
            self.fitted["state_directions"],
            self.fitted["state_concentrations"],
        )

    def model(self):
        frames, views, joints = self.xy.shape[:3]
        shape = (frames, views, joints)
        return Model(
            self.xy,
            self.params,
            np.broadcast_to(self.fitted["obs_inlier_variance"], shape).copy(),
            self.fitted["obs_outlier_variance"],
            np.broadcast_to(self.fitted["obs_outlier_probability"], shape).copy(),
            np.tile(1 / self.fitted["pos_dt_variance"], (frames - 1, 1)),
            self.bones(),
            self.states(),
            None,
            np.array([0.0, 0.0, 1.0]),
            "up",
            np.zeros((joints, 3)),
            np.where(self.parent < 0, 1e-8, 0.0),
        )

    def dlt(self):
        frames, views, joints = self.xy.shape[:3]
        flat = self.xy.transpose(1, 0, 2, 3).reshape(views, -1, 2)
        rows = np.nan_to_num(equations(flat, self.params)).transpose(1, 0, 2, 3)
        rows = rows.reshape(frames * joints, -1, 4)
        x = np.linalg.eigh(rows.transpose(0, 2, 1) @ rows)[1][:, :, 0]
        return (x[:, :3] / x[:, 3:]).reshape(frames, joints, 3)

    def error(self, xyz, keypoints=slice(None)):
        """Mean distance from all visible markers, mm."""
        off = np.linalg.norm(xyz - self.truth, axis=-1)[:, keypoints]
        return np.nanmean(off)

    def rigid_error(self, xyz, keypoints=slice(None)):
        """The same after turning and moving every frame onto all its markers."""
        moved = np.full_like(xyz, np.nan)
        for t, (x, y) in enumerate(zip(xyz, self.truth, strict=True)):
            seen = np.isfinite(y).all(-1)
            a, b = x[seen].mean(0), y[seen].mean(0)
            u, _, vt = np.linalg.svd((x[seen] - a).T @ (y[seen] - b))
            flip = np.diag([1, 1, np.linalg.det(u @ vt)])
            moved[t] = (x - a) @ u @ flip @ vt + b
        return self.error(moved, keypoints)

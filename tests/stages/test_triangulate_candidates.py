"""Several peaks a view from the pose files of predictions to poses in space."""

import numpy as np
import pytest

from gambol.core import poses as core_poses
from gambol.io import poses as io_poses
from gambol.io import store
from gambol.stages import triangulate


def mixed_up(source, target, rng, candidates):
    """A pose file in which a tenth of the sides is exchanged; the right peak is second."""
    made = io_poses.read(source)
    swap = np.array(core_poses.skeleton(made).swap)
    xy = made["position"].values  # (T, 2, J, 1)
    other = np.where(swap < 0, np.arange(len(swap)), swap)
    wrong = (rng.random(xy[:, 0].shape) < 0.1) & (swap >= 0)[:, None]
    wrong &= np.isfinite(xy[:, :, other]).all(1) & np.isfinite(xy).all(1)
    first = np.where(wrong[:, None], xy[:, :, other], xy)
    second = np.where(wrong[:, None], xy, np.nan)
    score = made["confidence"].values
    made["position"].values[:] = first
    if candidates:
        both = np.stack([first, second], -1).astype(np.float32)
        scores = np.stack([score, np.where(wrong, 0.8 * score, np.nan)], -1)
        made["candidate_position"] = (core_poses.CANDIDATE_DIMS, both)
        made["candidate_score"] = (core_poses.SCORE_DIMS, scores.astype(np.float32))
    store.write_dataset(made, target / source.name)


@pytest.mark.parametrize("piece", [20_000, 20])
def test_sides_mixed_up_in_the_files_are_mended_by_their_candidates(
    views, calibrated, tmp_path, piece
):
    values = {"tier": {"kind": "robust"}, "piece": piece}
    cfg = triangulate.TriangulateConfig.from_values(values, "here")
    truth = core_poses.xy(store.read_dataset(views.truth))
    off = {}
    for name in ("plain", "candidates"):
        folder = tmp_path / name
        folder.mkdir()
        rng = np.random.default_rng(0)
        for path in sorted(views.views.glob("*.nc")):
            mixed_up(path, folder, rng, name == "candidates")
        out = tmp_path / f"{name}.nc"
        triangulate.run(cfg, [folder], calibrated.calibration, out)
        made = io_poses.read(out)
        off[name] = np.linalg.norm(core_poses.xy(made) - truth, axis=-1)
        if name == "candidates":
            told = made["reprojection_error"].values[made["outlier_probability"].values < 0.5]
            assert np.nanquantile(told, 0.99) < 15  # of the peaks that were taken
    assert np.nanmean(off["candidates"]) < 0.95 * np.nanmean(off["plain"])

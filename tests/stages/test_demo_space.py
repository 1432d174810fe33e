"""A rig from a board, and mice from several views, scored against the truth."""

import numpy as np

from gambol.core.progress import silent
from gambol.stages import demo_space


def test_cameras_stand_where_they_stand_and_the_mouse_is_where_it_is(views, tmp_path):
    rig = demo_space.rig(views, tmp_path, silent)
    assert rig.calibration == tmp_path / "rig.toml" and 0 < rig.corners_px < 0.5
    assert 0 < rig.camera_mm < 10
    how = {"tier": {"kind": "robust"}}
    placed = demo_space.place(
        [views.views], how, rig.calibration, views.truth, tmp_path / "mice.nc", silent
    )
    told = demo_space.scores(placed)
    assert told["median"] < told["mpe"] < 5 and told["mpe_rpa"] < told["mpe"]
    assert np.isfinite([*told.values()]).all() and 0.8 < told["coverage95"] <= 1

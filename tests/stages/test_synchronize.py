"""Views that are out of step, found and put right."""

import numpy as np
import pytest
from rigged import SMALL

from gambol.core.errors import InputError
from gambol.io import poses as io_poses
from gambol.simulate.filming import Flaws
from gambol.stages import simulate_views, synchronize


@pytest.fixture(scope="module")
def late(tmp_path_factory):
    flaws = Flaws(noise=1.0, outliers=0.02, dropout=0.05, lag={"cam_2": 3.4})
    cfg = SMALL.model_copy(update={"seconds": 20.0, "boards": 5, "flaws": flaws})
    return simulate_views.run(cfg, tmp_path_factory.mktemp("late") / "sim")


def test_the_lag_is_found_and_the_poses_are_moved(late, tmp_path):
    cfg = synchronize.SynchronizeConfig()
    made = synchronize.run(cfg, [late.views], late.rig, tmp_path / "steps")
    assert made.lags["cam_2"] == pytest.approx(3.4, abs=0.1)
    assert abs(made.lags["cam_1"]) < 0.1 and made.reference == "cam_0"
    before = io_poses.read(late.views / "cam_2.nc").position.values
    after = io_poses.read(tmp_path / "steps" / "cam_2.nc").position.values
    between = 0.6 * before[13:] + 0.4 * np.roll(before, -1, axis=0)[13:]
    shift = np.nanmedian(np.abs(after[10:-4] - between[: len(after) - 14]))
    assert shift < 0.5


def test_one_camera_or_an_unknown_animal_is_refused(late, tmp_path):
    cfg = synchronize.SynchronizeConfig()
    with pytest.raises(InputError, match="only one camera has poses"):
        synchronize.run(cfg, [late.views / "cam_0.nc"], late.rig, tmp_path)
    with pytest.raises(InputError, match="no animal 'rex'"):
        named = synchronize.SynchronizeConfig(animal="rex")
        synchronize.run(named, [late.views], late.rig, tmp_path)

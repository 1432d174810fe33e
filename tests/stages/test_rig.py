"""Looking at calibrations and writing them in other formats."""

import pytest

from gambol.core.errors import InputError
from gambol.io import calibration
from gambol.stages import rig


def test_a_check_lists_cameras_and_finds_nothing_wrong_with_good_ones(views):
    told = rig.check(views.rig)
    assert [one["name"] for one in told["cameras"]] == ["cam_0", "cam_1", "cam_2"]
    assert told["units"] == "mm" and told["findings"] == []
    assert "nothing is flagged" in rig.describe(told)


@pytest.mark.parametrize("name", ["a.json", "a.h5", "a.mat", "a.toml"])
def test_the_name_of_a_file_tells_its_format(views, tmp_path, name):
    rig.convert(views.rig, tmp_path / name)
    assert calibration.read(tmp_path / name) == calibration.read(views.rig)


def test_a_name_that_tells_nothing_and_the_file_itself_are_refused(views, tmp_path):
    with pytest.raises(InputError, match="does not tell the format; say --to one of"):
        rig.convert(views.rig, tmp_path / "rig.xyz")
    with pytest.raises(InputError, match="is the calibration itself"):
        rig.convert(views.rig, views.rig)

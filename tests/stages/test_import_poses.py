"""Files of other programs become pose files that every command takes."""

import numpy as np
import pytest

from gambol.core import poses as core_poses
from gambol.core.errors import InputError
from gambol.io import poses as io_poses
from gambol.stages import import_poses
from gambol.stages.import_poses import ImportPosesConfig

XYZ = np.random.default_rng(0).normal(size=(30, 3, 3))


def test_a_folder_of_arrays_becomes_pose_files_with_structure(tmp_path):
    for name in ("a", "b"):
        np.savez(tmp_path / f"{name}.npz", tracks=XYZ)
    (tmp_path / "s.yaml").write_text(
        "keypoints: [nose, back, tail]\nbones: [[back, nose], [back, tail]]\n"
    )
    cfg = ImportPosesConfig(fps=20.0, unit="mm", up="-y")
    told = import_poses.run(cfg, [tmp_path], tmp_path / "out", skeleton=tmp_path / "s.yaml")
    assert [path.name for path in told.files] == ["a.nc", "b.nc"]
    assert told.frames == 60 and told.dimensions == 3 and told.remarks == ()
    found = io_poses.read(told.files[0])
    assert found.attrs["up"] == "[0.0, -1.0, 0.0]"
    assert core_poses.skeleton(found).drawn
    np.testing.assert_allclose(core_poses.xy(found)[:, 0], XYZ, atol=1e-6)
    before = told.files[0].read_bytes()
    again = import_poses.run(cfg, [tmp_path], tmp_path / "out", skeleton=tmp_path / "s.yaml")
    assert again.files[0].read_bytes() == before


def test_two_files_of_one_name_and_lost_keypoints_are_said(tmp_path):
    np.savez(tmp_path / "a.npz", tracks=XYZ)
    np.save(tmp_path / "a.npy", XYZ)
    cfg = ImportPosesConfig(fps=20.0, keypoints=("nose", "back", "tail"))
    with pytest.raises(InputError, match="would become a.nc"):
        import_poses.run(cfg, [tmp_path], tmp_path / "out")
    assert not (tmp_path / "out").exists()
    holed = XYZ.copy()
    holed[:, 1] = np.nan
    np.save(tmp_path / "a.npy", holed)
    told = import_poses.run(cfg, [tmp_path / "a.npy"], tmp_path / "out")
    assert "never there: back" in told.remarks[0] and "--unit" in told.remarks[1]

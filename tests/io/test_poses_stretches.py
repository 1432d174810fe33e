import numpy as np
import pytest

from gambol.core import poses as core_poses
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.io import store
from gambol.io.poses_stretches import Stretches


def made(animals=1, axes=2, names=("nose", "tail")):
    rng = np.random.default_rng(0)
    xy = rng.uniform(0, 50, (30, animals, 2, axes)).astype(np.float32)
    cov = np.tile(np.eye(axes, dtype=np.float32), (30, animals, 2, 1, 1))
    who = tuple(f"animal{n}" for n in range(animals))
    sure = rng.uniform(size=(30, animals, 2)).astype(np.float32)
    return core_poses.build(
        xy, sure, cov, np.arange(30) / 10, Skeleton(names), fps=10.0, individuals=who
    )


def test_any_stretch_in_any_order_of_keypoints(tmp_path):
    poses = made()
    store.write_dataset(poses, tmp_path / "a.nc")
    with Stretches(tmp_path / "a.nc") as file:
        assert file.frames == 30
        part = file.read(7, 12, ("tail", "nose"))
        again = file.read(2, 4, ("nose", "tail"))
    np.testing.assert_array_equal(part.xy, core_poses.xy(poses)[7:12, 0, ::-1])
    np.testing.assert_array_equal(again.xy, core_poses.xy(poses)[2:4, 0])
    np.testing.assert_array_equal(
        part.confidence, core_poses.points(poses, "confidence")[7:12, 0, ::-1]
    )
    assert part.covariance.shape == (5, 2, 2, 2)


def test_what_is_not_known_is_nan(tmp_path):
    poses = made().drop_vars(["covariance", "space_b"])
    store.write_dataset(poses, tmp_path / "a.nc")
    with Stretches(tmp_path / "a.nc") as file:
        assert np.isnan(file.read(0, 3, ("nose", "tail")).covariance).all()


def test_reads_what_other_programs_found(tmp_path, data):
    path = data / "mouse_mirror" / "eks_ensemble_180607_004"
    files = sorted(path.glob("*.csv"))
    if not files:
        pytest.skip("no mouse_mirror")
    with Stretches(files[0], 250.0) as file:
        assert file.frames == 2000
        assert file.read(1990, 2000, file.skeleton.keypoints).xy.shape[0] == 10
    with pytest.raises(InputError, match="does not say its frames a second"):
        Stretches(files[0])


@pytest.mark.parametrize(
    ("changes", "sentence"), [({"animals": 2}, "holds 2 animals"), ({"axes": 3}, "poses in 3D")]
)
def test_other_poses_are_refused(tmp_path, changes, sentence):
    store.write_dataset(made(**changes), tmp_path / "a.nc")
    with pytest.raises(InputError, match=sentence):
        Stretches(tmp_path / "a.nc")


def test_damaged_files_are_refused(tmp_path):
    (tmp_path / "a.nc").write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match="no complete netCDF4"):
        Stretches(tmp_path / "a.nc")

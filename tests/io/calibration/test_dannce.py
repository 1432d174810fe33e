import numpy as np
import pytest
from scipy.io import loadmat, savemat

from gambol.core.errors import InputError
from gambol.io import calibration
from gambol.kernels import projection


@pytest.fixture
def demo(data):
    return data / "mouse_6cam" / "markerless_mouse_1" / "label3d_dannce.mat"


def labels(path):
    """The labelled points, read with scipy alone."""
    cells = loadmat(path)["labelData"]
    uv = np.array([cells[v, 0]["data_2d"][0, 0].reshape(-1, 2) for v in range(len(cells))])
    return cells[0, 0]["data_3d"][0, 0].reshape(-1, 3), uv


def test_the_demo_is_reprojected_to_a_thousandth_of_a_pixel(demo):
    read = calibration.load(demo)
    points, uv = labels(demo)
    shown = projection.project(points, read.rig.params())
    off = np.linalg.norm(shown.uv - uv, axis=-1)
    seen = np.isfinite(uv).all(axis=-1) & np.isfinite(points).all(axis=-1)
    assert seen.mean() > 0.9
    assert shown.valid[seen].all()
    assert off[seen].max() < 1e-3
    assert read.remarks == ()
    assert list(read.rig) == [f"Camera{v}" for v in range(1, 7)]


def test_dropping_the_skew_would_show(demo):
    points, uv = labels(demo)
    params = calibration.read(demo).params()
    params[:, 5] = 0
    off = np.linalg.norm(projection.project(points, params).uv - uv, axis=-1)
    assert np.nanmax(off) > 0.5


def test_the_demo_comes_back_exactly(demo, tmp_path):
    rig = calibration.read(demo)
    calibration.write(rig, tmp_path / "a.mat", "dannce")
    assert calibration.read(tmp_path / "a.mat") == rig
    old, new = (loadmat(path)["params"] for path in (demo, tmp_path / "a.mat"))
    for v in range(6):
        for part in ("K", "RDistort", "TDistort", "t"):
            assert np.array_equal(old[v, 0][part][0, 0], new[v, 0][part][0, 0])
        np.testing.assert_allclose(old[v, 0]["r"][0, 0], new[v, 0]["r"][0, 0], atol=1e-15)


def test_rotations_the_wrong_way_round_are_named_by_the_labels(demo, tmp_path):
    values = {k: v for k, v in loadmat(demo).items() if not k.startswith("__")}
    struct = values["params"][2, 0]
    struct["r"][0, 0] = struct["r"][0, 0].T
    savemat(tmp_path / "a.mat", values)
    remarks = calibration.load(tmp_path / "a.mat").remarks
    assert len(remarks) == 1
    assert "camera Camera3: with R transposed its points come out within" in remarks[0]


def test_one_camera_of_a_file_is_named_after_it(rig, tmp_path):
    camera = rig.cameras[0]
    k1, k2, p1, p2, k3 = camera.distortion
    values = {
        "K": camera.matrix.T, "r": camera.turn.T, "t": camera.translation,
        "RDistort": [k1, k2], "TDistort": [p1, p2],
    }  # fmt: skip
    savemat(tmp_path / "hires_cam1.mat", values)
    read = calibration.read(tmp_path / "hires_cam1.mat")["hires_cam1"]
    assert read.distortion.tolist() == [k1, k2, p1, p2, 0]
    np.testing.assert_allclose(read.turn, camera.turn, atol=1e-12)


def test_files_of_new_matlab_are_refused_with_the_remedy(tmp_path):
    (tmp_path / "a.mat").write_bytes(b"MATLAB 7.3 MAT-file" + bytes(1000))
    with pytest.raises(InputError, match="save it in MATLAB with -v7"):
        calibration.read(tmp_path / "a.mat")


def test_files_without_cameras_are_refused(tmp_path):
    savemat(tmp_path / "a.mat", {"x": 1})
    with pytest.raises(InputError, match="holds no params"):
        calibration.read(tmp_path / "a.mat")


def test_damaged_files_are_refused(rig, tmp_path):
    calibration.write(rig, tmp_path / "a.mat", "dannce")
    whole = (tmp_path / "a.mat").read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(100):
        (tmp_path / "b.mat").write_bytes(whole[: rng.integers(1, len(whole) - 8)])
        with pytest.raises(InputError):
            calibration.read(tmp_path / "b.mat")

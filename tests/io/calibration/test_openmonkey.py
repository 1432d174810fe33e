import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.io import calibration
from gambol.kernels import projection


def save(folder, rig):
    """The two files of a rig, from what is documented of them and nothing of the reader."""
    folder.mkdir(exist_ok=True)
    count = len(rig)
    poses, lenses = [f"NumCams {count}\nNumFrames {count}\nNumP {count}\n"], []
    for number, camera in enumerate(rig.cameras):
        rows = [camera.centre, *camera.turn]
        poses.append(f"0 {18064162 + number} \n" + "".join(line(row) for row in rows))
        focal, (cx, cy) = camera.matrix[0, 0], camera.matrix[:2, 2]
        k = [[focal, 0, cx], [0, focal, cy], [0, 0, 1], camera.distortion[:2]]
        lenses.append(f"0 {18064162 + number} \n" + "".join(line(row) for row in k))
    (folder / "camera.txt").write_text("".join(poses), encoding="utf-8")
    (folder / "intrinsic.txt").write_text("".join(lenses), encoding="utf-8")
    return folder


def line(values):
    return " ".join(f"{value:.17e}" for value in values) + " \n"


def test_files_of_openmonkeystudio_are_read(twelve, tmp_path):
    folder = save(tmp_path / "a", twelve)
    for path in (folder, folder / "camera.txt", folder / "intrinsic.txt"):
        assert calibration.detect(path) == "openmonkey"
    read = calibration.load(folder)
    assert read.remarks == ()
    assert list(read.rig)[:2] == ["18064162", "18064163"]
    assert read.rig.units == "unknown"
    assert np.dot(read.rig.up, [0, 0, 1]) > 0.99  # of the images' tops
    points = np.random.default_rng(0).normal(0, 40, (30, 3))
    params = twelve.params()
    params[:, 2], params[:, 5], params[:, 8:11] = params[:, 1], 0, 0  # one f, k1 and k2
    for row, camera in zip(params, twelve.cameras, strict=True):
        k1, k2 = camera.distortion[:2]
        roots = np.roots([5 * k2, 3 * k1, 1])
        roots = roots[np.isreal(roots)].real
        row[11] = min(roots[roots > 0], default=np.inf)
    shown = projection.project(points, read.rig.params())
    want = projection.project(points, params)
    np.testing.assert_array_equal(shown.valid, want.valid)
    np.testing.assert_allclose(shown.uv, want.uv, atol=1e-8)


def test_the_published_pair_looks_at_one_place(tmp_path):
    """Numbers that the makers print beside the description of the files."""
    (tmp_path / "camera.txt").write_text(
        "NumCams 2\nNumFrames 2\nNumP 2\n0 18064162\n7.566247e-01 -3.652013e-02 -3.071504e+00\n"
        "9.962194e-01 -7.379663e-02 -4.583673e-02\n6.721757e-02 9.890431e-01 -1.314361e-01\n"
        "5.503405e-02 1.278582e-01 9.902644e-01\n0 18260132\n1.887207e+00 -7.456747e-02 "
        "-3.053667e+00\n9.922224e-01 -4.990314e-02 1.140367e-01\n6.738378e-02 9.856155e-01 "
        "-1.549887e-01\n-1.046620e-01 1.614675e-01 9.813125e-01\n",
        encoding="utf-8",
    )
    (tmp_path / "intrinsic.txt").write_text(
        "0 18064162\n7.873470e+02 0 640\n0 7.873470e+02 512\n0 0 1\n-3.531380e-01 "
        "1.173270e-01\n0 18260132\n7.932990e+02 0 640\n0 7.932990e+02 512\n0 0 1\n"
        "-3.480520e-01 1.167730e-01\n",
        encoding="utf-8",
    )
    rig = calibration.read(tmp_path)
    one, two = rig.cameras
    apart = two.centre - one.centre
    away = np.column_stack([one.forward, -two.forward])
    ahead = np.linalg.lstsq(away, apart, rcond=None)[0]
    assert (ahead > 0).all()  # they meet in front of both
    nose = np.array([[3.6364, 0.2717, 1.8471]])  # in a crop at (789, 327) of 381 x 382 px
    u, v = projection.project(nose, one.params()[None]).uv[0, 0] - [789, 327]
    assert 0 < u < 381 and 0 < v < 382


def test_cameras_without_a_lens_are_left_out(rig, tmp_path):
    folder = save(tmp_path / "a", rig)
    text = (folder / "intrinsic.txt").read_text(encoding="utf-8")
    short = text[: text.index("0 18064164 ")]
    (folder / "intrinsic.txt").write_text(short, encoding="utf-8")
    read = calibration.load(folder)
    assert list(read.rig) == ["18064162", "18064163"]
    assert "camera 18064164 is in one of camera.txt and intrinsic.txt alone" in read.remarks[0]


@pytest.mark.parametrize(
    ("name", "old", "new", "why"),
    [
        ("camera.txt", "NumFrames", "Frames", "does not begin with NumCams"),
        ("camera.txt", "NumCams 3", "NumCams 4", "announces 4 cameras and holds 3"),
        ("camera.txt", "18064163", "18064162", "camera 18064162 twice"),
        ("camera.txt", "0 18064163", "18064163", "not 14 for every camera"),
        ("intrinsic.txt", "0 18064163", "18064163", "not 13 for every camera"),
        ("intrinsic.txt", "e+02", "e+0x", "no number"),
    ],
)
def test_wrong_values_are_named_in_one_sentence(rig, tmp_path, name, old, new, why):
    path = save(tmp_path / "a", rig) / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=why) as error:
        calibration.read(tmp_path / "a")
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)

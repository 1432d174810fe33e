from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gambol.core.errors import InputError
from gambol.io import calibration
from gambol.io.calibration import vicon
from gambol.kernels import projection

SAMPLE = """<?xml version="1.0" encoding="UTF-8" standalone="no" ?>
<Cameras SOURCE="Nexus" VERSION="2.0">
  <Camera ACTIVE_THRESHOLD="1" DEVICEID="51433950" DISPLAY_TYPE="Vue" ISDV="1" NAME=""
      PIXEL_ASPECT_RATIO="1" SENSOR="" SENSOR_SIZE="1920 1200" SYSTEM="DV" TYPE="Vue"
      USERID="2">
    <ThresholdGrid BIT_DEPTH="1" DATA=" r 36000 0" GRID_SIZE="240 150" TILE_SIZE="8 8"/>
    <ControlFrames/>
    <KeyFrames>
      <KeyFrame FOCAL_LENGTH="2000" FRAME="0" IMAGE_ERROR="0.2" ORIENTATION="0 0.8 -0.6 0"
        PIXEL_ASPECT_RATIO_CORRECTION="1" POSITION="0 5000 1500" PRINCIPAL_POINT="960 600"
        VICON_RADIAL2="Vicon3Parameter 960 600 0 0 0" WORLD_ERROR="0.3"/>
    </KeyFrames>
  </Camera>
</Cameras>
"""


def plain(rig):
    """The rig as Vicon can say it: one focal length, no skew."""
    matrix = np.array([[900, 0, 322.5], [0, 900, 236.0], [0, 0, 1]])
    cameras = (replace(one, matrix=matrix, distortion=np.zeros(5)) for one in rig.cameras)
    return replace(rig, cameras=tuple(cameras))


def text_of(rig, radial):
    """The file of a rig, from what is documented of it and nothing of the reader."""
    rows = ['<?xml version="1.0"?>\n<Cameras>']
    for camera in rig.cameras:
        x, y, z, w = Rotation.from_matrix(camera.turn).as_quat().tolist()
        place = " ".join(repr(v) for v in camera.centre.tolist())
        m = camera.matrix.tolist()
        rows.append(
            f'<Camera DEVICEID="{camera.name}" PIXEL_ASPECT_RATIO="1" SKEW="0" '
            f'SENSOR_SIZE="640 480"><KeyFrames><KeyFrame FRAME="0" FOCAL_LENGTH="{m[0][0]}" '
            f'ORIENTATION="{x!r} {y!r} {z!r} {w!r}" POSITION="{place}" '
            f'PRINCIPAL_POINT="{m[0][2]} {m[1][2]}" {radial}/></KeyFrames></Camera>'
        )
    return "\n".join(rows) + "\n</Cameras>"


def save(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def ideal(seen, centre, terms):
    """What Vicon makes of a place in the picture."""
    off = seen - centre
    r = np.hypot(*off.T)[:, None]
    return centre + off * (1 + terms[0] * r**2 + terms[1] * r**4 + terms[2] * r**6)


def test_files_of_vicon_are_read(twelve, tmp_path):
    known = plain(twelve)
    path = save(tmp_path / "a.xcp", text_of(known, 'VICON_RADIAL="0 0"'))
    assert calibration.detect(path) == "vicon"
    read = calibration.load(path)
    assert read.remarks == ()
    assert list(read.rig) == list(known)
    assert read.rig.units == "mm"
    points = np.random.default_rng(0).normal(0, 40, (30, 3))
    shown = projection.project(points, read.rig.params())
    assert shown.valid.all()
    want = projection.project(points, known.params()).uv
    np.testing.assert_allclose(shown.uv, want, atol=1e-8)


def test_a_sample_says_what_its_numbers_say(tmp_path):
    camera = calibration.read(save(tmp_path / "a.xcp", SAMPLE))["51433950"]
    assert camera.size == (1920, 1200)
    np.testing.assert_allclose(camera.matrix, [[2000, 0, 960], [0, 2000, 600], [0, 0, 1]])
    np.testing.assert_allclose(camera.centre, [0, 5000, 1500], atol=1e-9)
    # (0, 0.8, -0.6, 0) turns by 180° about (0, 0.8, -0.6): z of the camera to -0.96 y - 0.28 z
    np.testing.assert_allclose(camera.forward, [0, -0.96, -0.28], atol=1e-12)
    np.testing.assert_allclose(camera.turn[0], [-1, 0, 0], atol=1e-12)


@pytest.mark.parametrize(
    ("words", "centre", "terms"),
    [
        (
            'VICON_RADIAL2="Vicon3Parameter 330 229 1.2e-7 -3e-14 1e-20"',
            (330, 229),
            (1.2e-7, -3e-14, 1e-20),
        ),
        ('VICON_RADIAL2="Vicon3Parameter 322.5 236 3e-7 0 0"', (322.5, 236), (3e-7, 0, 0)),
        ('VICON_RADIAL="-1.5e-7 2e-14"', (322.5, 236), (-1.5e-7, 2e-14, 0)),
    ],
)
def test_distortion_comes_out_as_vicon_has_it(rig, tmp_path, words, centre, terms):
    known = plain(rig)
    read = calibration.load(save(tmp_path / "a.xcp", text_of(known, words)))
    assert read.remarks == ()
    points = np.random.default_rng(1).normal(0, 60, (200, 3))
    pinhole = projection.project(points, known.params()).uv
    shown = projection.project(points, read.rig.params()).uv
    moved = 0.0
    for found, want in zip(shown, pinhole, strict=True):
        inside = ((found > 0) & (found < [639, 479])).all(axis=1)
        assert inside.sum() > 100
        back = ideal(found, np.array(centre), terms)
        assert np.linalg.norm(back - want, axis=1)[inside].max() < vicon.CLOSE
        moved = max(moved, np.linalg.norm(found - want, axis=1)[inside].max())
    assert moved > 1  # px: there was something to undo
    assert read.rig["cam_0"].extra["vicon_radial"] == [*centre, *terms]


def test_a_lens_that_opencv_cannot_hold_is_remarked_on(rig, tmp_path):
    words = 'VICON_RADIAL2="Vicon3Parameter 420 150 6e-6 0 0"'
    read = calibration.load(save(tmp_path / "a.xcp", text_of(plain(rig), words)))
    assert len(read.remarks) == 3
    assert "camera cam_0: its distortion, written as OpenCV's, " in read.remarks[0]


def test_what_is_left_out_is_said(rig, tmp_path):
    text = text_of(plain(rig), "").replace("</Cameras>", '<Camera DEVICEID="7"/></Cameras>')
    read = calibration.load(save(tmp_path / "a.xcp", text))
    assert list(read.rig) == list(rig)
    assert "camera 7 was not calibrated there" in read.remarks[0]


def test_cameras_that_move_are_named(tmp_path):
    frame = SAMPLE[SAMPLE.index("<KeyFrame ") : SAMPLE.index("</KeyFrames>")]
    text = SAMPLE.replace(frame, frame + frame.replace("0 5000", "9 5000"))
    read = calibration.load(save(tmp_path / "a.xcp", text))
    assert "camera 51433950 moved" in read.remarks[0]
    assert read.rig["51433950"].centre[1] == pytest.approx(5000)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("</Cameras>", "", "no complete XML"),
        ("0 5000 1500", "0 5000", "POSITION has 2 values, not 3"),
        ("0 0.8 -0.6 0", "0 0.8 -0.6 1", "not of length 1"),
        ("960 600 0 0 0", "960 600 -1e-6 0 0", "51433950: its distortion folds"),
        ("960 600 0 0 0", "960 600 1e300 1e300 0", "51433950: its distortion folds"),
        ("Vicon3Parameter 960", "Vicon9Parameter 960", "'Vicon9Parameter' is not public"),
        ('PIXEL_ASPECT_RATIO="1"', 'PIXEL_ASPECT_RATIO="0.9"', "square pixels"),
        ('PIXEL_ASPECT_RATIO="1"', 'SKEW="1"', "skew of 1"),
        ('FOCAL_LENGTH="2000"', 'FOCAL_LENGTH="0"', "FOCAL_LENGTH is 0"),
        ('FOCAL_LENGTH="2000"', "", "lacks FOCAL_LENGTH"),
        ("1920 1200", "0 0", "SENSOR_SIZE is 0"),
        ('POSITION="0 5000 1500"', "", "no camera of it was calibrated"),
    ],
)
def test_wrong_values_are_named_in_one_sentence(tmp_path, old, new, why):
    assert old in SAMPLE
    path = save(tmp_path / "a.xcp", SAMPLE.replace(old, new))
    with pytest.raises(InputError, match=why) as error:
        calibration.read(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_pixels_nearly_square_are_remarked_on(tmp_path):
    text = SAMPLE.replace('_CORRECTION="1"', '_CORRECTION="1.0004"')
    read = calibration.load(save(tmp_path / "a.xcp", text))
    assert "taken to be square" in read.remarks[0]

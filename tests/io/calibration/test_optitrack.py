import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.io import calibration
from gambol.kernels import projection

SAMPLE = """<?xml version="1.0" encoding="UTF-16LE"?>
<calibrationProfile version="1">
  <MotiveBuildInfo AppVersion="3.4.0.2"/>
  <Calibration>
    <Cameras Count="1">
      <Camera Serial="C11764">
        <Properties CameraID="13" ImagerIndex="30" Orientation="0.000000" Enabled="1"/>
        <Attributes Revision="50" ImagerPixelWidth="1920" ImagerPixelHeight="1080"/>
        <Intrinsic LensCenterX="1" LensCenterY="2" k1="9"/>
        <IntrinsicStandardCameraModel LensCenterX="960" LensCenterY="540"
          HorizontalFocalLength="1250" VerticalFocalLength="1251" k1="0.13" k2="-0.12" k3="0.01"
          TangentialX="0.0002" TangentialY="-0.0003"/>
        <Extrinsic X="0" Y="2" Z="-3" OrientMatrix0="-1" OrientMatrix1="0" OrientMatrix2="0"
          OrientMatrix3="0" OrientMatrix4="0.8" OrientMatrix5="0.6" OrientMatrix6="0"
          OrientMatrix7="0.6" OrientMatrix8="-0.8"/>
      </Camera>
    </Cameras>
  </Calibration>
</calibrationProfile>
"""


def text_of(rig):
    """The file of a rig whose world has y up, from what is documented of it."""
    rows = ["<calibrationProfile><Calibration><Cameras>"]
    for camera in rig.cameras:
        right, down, ahead = camera.turn
        axes = np.column_stack([right, -down, -ahead]).ravel().tolist()  # to the world's
        turn = " ".join(f'OrientMatrix{k}="{value!r}"' for k, value in enumerate(axes))
        x, y, z = camera.centre.tolist()
        k1, k2, p1, p2, k3 = camera.distortion.tolist()
        (fx, _, cx), (_, fy, cy), _ = camera.matrix.tolist()
        rows.append(
            f'<Camera Serial="{camera.name}">'
            '<Attributes ImagerPixelWidth="640" ImagerPixelHeight="480"/>'
            f'<IntrinsicStandardCameraModel LensCenterX="{cx!r}" LensCenterY="{cy!r}" '
            f'HorizontalFocalLength="{fx!r}" VerticalFocalLength="{fy!r}" k1="{k1!r}" '
            f'k2="{k2!r}" k3="{k3!r}" TangentialX="{p1!r}" TangentialY="{p2!r}"/>'
            f'<Extrinsic X="{x!r}" Y="{y!r}" Z="{z!r}" {turn}/></Camera>'
        )
    return "".join(rows) + "</Cameras></Calibration></calibrationProfile>"


def save(path, text):
    path.write_bytes(text.encode("utf-16"))
    return path


def test_files_of_motive_are_read(twelve, tmp_path):
    known = twelve.moved(np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]), np.zeros(3), 1e-3)
    path = save(tmp_path / "a.mcal", text_of(known))
    assert calibration.detect(path) == "optitrack"
    read = calibration.load(path)
    assert read.remarks == ()
    assert list(read.rig) == list(known)
    assert read.rig.units == "m" and read.rig.up == known.up == (0, 1, 0)
    assert {camera.size for camera in read.rig.cameras} == {(640, 480)}
    points = np.random.default_rng(0).normal(0, 0.04, (30, 3))
    params = known.params()
    params[:, 5] = 0  # there is no skew
    shown = projection.project(points, read.rig.params())
    assert shown.valid.all()
    np.testing.assert_allclose(shown.uv, projection.project(points, params).uv, atol=1e-8)


def test_a_sample_says_what_its_numbers_say(tmp_path):
    camera = calibration.read(save(tmp_path / "a.mcal", SAMPLE))["C11764"]
    assert camera.size == (1920, 1080)
    assert camera.matrix.tolist() == [[1250, 0, 960], [0, 1251, 540], [0, 0, 1]]
    assert camera.distortion.tolist() == [0.13, -0.12, 0.0002, -0.0003, 0.01]
    np.testing.assert_allclose(camera.centre, [0, 2, -3], atol=1e-12)
    np.testing.assert_allclose(camera.forward, [0, -0.6, 0.8], atol=1e-12)
    np.testing.assert_allclose(camera.turn[1], [0, -0.8, -0.6], atol=1e-12)  # down


def test_what_is_left_out_and_shown_turned_is_said(tmp_path):
    text = SAMPLE.replace(
        "</Cameras>", '<Camera Serial="C2"><Intrinsic/></Camera></Cameras>'
    ).replace('Orientation="0.0', 'Orientation="90.0')
    read = calibration.load(save(tmp_path / "a.mcal", text))
    assert list(read.rig) == ["C11764"]
    notes = "\n".join(read.remarks)
    assert "camera C2 lacks IntrinsicStandardCameraModel and Extrinsic" in notes
    assert "camera C11764 is shown turned by 90°" in notes


def test_binary_files_of_older_versions_say_what_to_export(tmp_path):
    for name, advice in (("a.cal", "as .mcal from Motive 3.2"), ("a.qca", "as .qca.txt")):
        (tmp_path / name).write_bytes(b"\x01\x02\x03\x04")
        with pytest.raises(InputError, match=advice):
            calibration.read(tmp_path / name)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("</calibrationProfile>", "", "no complete XML"),
        ("Cameras", "Kameras", "has no <Cameras>"),
        ("IntrinsicStandardCameraModel", "Lens", "export the calibration from Motive 3.2"),
        ('OrientMatrix8="-0.8"', "", "lacks OrientMatrix8"),
        ('OrientMatrix8="-0.8"', 'OrientMatrix8="0.8"', "is no rotation"),
        ('k1="0.13"', 'k1="nan"', "not finite"),
        ('X="0" Y="2"', 'X="0" Y="up"', "no number"),
    ],
)
def test_wrong_values_are_named_in_one_sentence(tmp_path, old, new, why):
    assert old in SAMPLE
    path = save(tmp_path / "a.mcal", SAMPLE.replace(old, new))
    with pytest.raises(InputError, match=why) as error:
        calibration.read(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)

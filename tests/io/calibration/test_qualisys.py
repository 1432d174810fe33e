from dataclasses import replace

import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.io import calibration
from gambol.kernels import projection

SAMPLE = """<?xml version="1.0" encoding="UTF-8"?>
<calibration calibrated="true" source="a.qca" type="regular" wandLength="600.0">
  <results std-dev="0.5" min-max-diff="1.0"/>
  <cameras>
    <camera active="1" calibrated="true" message="" avg-residual="0.4" serial="26580"
        model="Miqus Video" viewrotation="0" video_resolution="1080p">
      <fov_marker left="0" top="0" right="1919" bottom="1087"/>
      <fov_marker_max left="0" top="0" right="1919" bottom="1087"/>
      <fov_video left="0" top="0" right="1919" bottom="1087"/>
      <fov_video_max left="0" top="0" right="1919" bottom="1087"/>
      <transform x="0" y="-2000" z="1000" r11="1" r12="0" r13="0" r21="0" r22="0" r23="1"
        r31="0" r32="-1" r33="0"/>
      <intrinsic focallength="9.3" sensorMinU="0" sensorMaxU="122879" sensorMinV="0"
        sensorMaxV="69631" focalLengthU="107520" focalLengthV="107520" centerPointU="61440"
        centerPointV="34816" skew="0" radialDistortion1="-0.05" radialDistortion2="0.14"
        radialDistortion3="0" tangentalDistortion1="0.0006" tangentalDistortion2="-0.0004"/>
    </camera>
  </cameras>
</calibration>
"""


def text_of(rig, *, left=0, top=0, whole=(640, 480), step=64, bins=1, theirs=False, more=""):
    """The file of a rig, from what is documented of it and nothing of the reader.

    theirs: poses as programs write them that call x, y, z the t of R x + t.
    """
    rows = ['<?xml version="1.0"?><calibration><cameras>']
    for camera in rig.cameras:
        back = camera.turn * [[1], [-1], [-1]]  # to axes with y up, z backwards
        axes = (camera.turn if theirs else back).tolist()
        x, y, z = (camera.translation if theirs else camera.centre).tolist()
        turn = " ".join(f'r{j + 1}{k + 1}="{axes[j][k]!r}"' for j in range(3) for k in range(3))
        k1, k2, p1, p2, k3 = camera.distortion.tolist()
        (fx, skew, cx), (_, fy, cy), _ = camera.matrix.tolist()
        right, bottom = left + camera.size[0] * bins - 1, top + camera.size[1] * bins - 1
        rows.append(
            f'<camera active="1" serial="{camera.name}" {more}>'
            f'<fov_video left="{left}" top="{top}" right="{right}" bottom="{bottom}"/>'
            f'<fov_video_max left="0" top="0" right="{whole[0] - 1}" bottom="{whole[1] - 1}"/>'
            f'<transform x="{x!r}" y="{y!r}" z="{z!r}" {turn}/>'
            f'<intrinsic sensorMinU="0" sensorMaxU="{whole[0] * step - 1}" sensorMinV="0" '
            f'sensorMaxV="{whole[1] * step - 1}" focalLengthU="{fx * bins * step!r}" '
            f'focalLengthV="{fy * bins * step!r}" skew="{skew * bins * step!r}" '
            f'centerPointU="{(cx * bins + left) * step!r}" '
            f'centerPointV="{(cy * bins + top) * step!r}" '
            f'radialDistortion1="{k1!r}" radialDistortion2="{k2!r}" radialDistortion3="{k3!r}" '
            f'tangentalDistortion1="{p1!r}" tangentalDistortion2="{p2!r}"/></camera>'
        )
    return "".join([*rows, "</cameras></calibration>"])


def save(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def same(found, known):
    points = np.random.default_rng(0).normal(0, 40, (30, 3))
    shown = projection.project(points, found.params())
    assert shown.valid.all()
    np.testing.assert_allclose(
        shown.uv, projection.project(points, known.params()).uv, atol=1e-8
    )


def test_files_of_qualisys_are_read(twelve, tmp_path):
    path = save(tmp_path / "a.qca.txt", text_of(twelve))
    assert calibration.detect(path) == "qualisys"
    read = calibration.load(path)
    assert read.remarks == ()
    assert list(read.rig) == list(twelve)
    assert read.rig.units == "mm" and read.rig.up == (0.0, 0.0, 1.0)
    assert {camera.size for camera in read.rig.cameras} == {(640, 480)}
    same(read.rig, twelve)


def test_a_sample_says_what_its_numbers_say(tmp_path):
    camera = calibration.read(save(tmp_path / "a.txt", SAMPLE))["26580"]
    assert camera.size == (1920, 1088)
    np.testing.assert_allclose(camera.matrix, [[1680, 0, 960], [0, 1680, 544], [0, 0, 1]])
    assert camera.distortion.tolist() == [-0.05, 0.14, 0.0006, -0.0004, 0]  # not in 1/64
    np.testing.assert_allclose(camera.centre, [0, -2000, 1000])
    np.testing.assert_allclose(camera.forward, [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(camera.turn[1], [0, 0, -1], atol=1e-12)  # down


def test_what_a_server_sends_is_read(tmp_path):
    body = SAMPLE.split("?>", 1)[1]
    wrapped = f"<QTM_Parameters_Ver_1.25>{body}</QTM_Parameters_Ver_1.25>"
    assert list(calibration.read(save(tmp_path / "a.xml", wrapped))) == ["26580"]


def test_the_part_that_was_filmed_moves_the_principal_point(rig, tmp_path):
    path = save(tmp_path / "a.qca.txt", text_of(rig, left=100, top=60, whole=(1280, 1024)))
    same(calibration.read(path), rig)


def test_fewer_lines_than_the_sensor_has_are_remarked_on(rig, tmp_path):
    text = text_of(rig, bins=2, whole=(1280, 960), more='video_resolution="480p"')
    read = calibration.load(save(tmp_path / "a.qca.txt", text))
    assert len(read.remarks) == 3
    assert "cam_0: its film is taken to be 2 times smaller than its sensor" in read.remarks[0]
    assert read.rig["cam_0"].size == (640, 480)
    same(read.rig, rig)


def test_whole_pixels_are_told_by_the_size_of_the_sensor(rig, tmp_path):
    text = text_of(rig, step=1)
    read = calibration.load(save(tmp_path / "a.qca.txt", text))
    assert "cam_0: its lens is given in whole pixels" in read.remarks[0]
    same(read.rig, rig)
    bare = "".join(
        part.split("/>", 1)[1] if part.startswith("fov") else "<" * bool(k) + part
        for k, part in enumerate(text.split("<"))
    )
    assert "fov" not in bare
    same(calibration.read(save(tmp_path / "b.qca.txt", bare)), rig)


def test_poses_of_other_programs_are_told_by_where_cameras_look(rig, tmp_path):
    read = calibration.load(save(tmp_path / "a.qca.txt", text_of(rig, theirs=True)))
    assert len(read.remarks) == 1
    assert "x, y, z are read as t of R x + t, z forward" in read.remarks[0]
    same(read.rig, rig)


def test_poses_that_no_reading_brings_together_are_left_and_remarked_on(rig, tmp_path):
    away = tuple(replace(one, rotation=-one.rotation) for one in rig.cameras)
    read = calibration.load(save(tmp_path / "a.qca.txt", text_of(replace(rig, cameras=away))))
    assert len(read.remarks) == 1
    assert "nothing was changed" in read.remarks[0]
    same_pose = read.rig.cameras[1].turn
    np.testing.assert_allclose(same_pose, away[1].turn, atol=1e-9)


def test_what_is_left_out_and_shown_turned_is_said(tmp_path):
    one, two = SAMPLE.split("</cameras>")
    camera = one[one.index("<camera active") :]
    text = (
        one
        + camera.replace("26580", "2").replace('active="1"', 'active="0"')
        + camera.replace("26580", "3").replace('calibrated="true"', 'calibrated="false"')
        + camera.replace("26580", "4").replace('viewrotation="0"', 'viewrotation="90"')
        + "</cameras>"
        + two
    )
    read = calibration.load(save(tmp_path / "a.qca.txt", text))
    assert list(read.rig) == ["26580", "4"]
    notes = "\n".join(read.remarks)
    assert "camera 2 was not used there" in notes
    assert "camera 3 was not calibrated there" in notes
    assert "camera 4 is shown turned by 90°" in notes


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("</calibration>", "", "no complete XML"),
        ("cameras>", "kameras>", "has no <cameras>"),
        ('r11="1"', "", "lacks r11"),
        ('r11="1"', 'r11="2"', "is no rotation"),
        ('r11="1"', 'r11="-1"', "mirrors"),
        ('x="0"', 'x="far"', "no number"),
        ('sensorMaxU="122879"', 'sensorMaxU="50000"', "not 64 steps a pixel"),
        ('"1080p"', '"900p"', "film at full resolution"),
        ('<fov_video left="0"', '<fov_video left="5000"', "fov_video is empty"),
        ('focalLengthU="107520"', 'focalLengthU="0"', "focal length"),
        (
            'calibrated="true" message',
            'calibrated="false" message',
            "no camera of it was calibrated",
        ),
    ],
)
def test_wrong_values_are_named_in_one_sentence(tmp_path, old, new, why):
    assert old in SAMPLE
    path = save(tmp_path / "a.qca.txt", SAMPLE.replace(old, new))
    with pytest.raises(InputError, match=why) as error:
        calibration.read(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)

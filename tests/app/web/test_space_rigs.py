"""Calibrations of other programs, brought in: the cameras stay what they were."""

from dataclasses import replace

import numpy as np
import pytest
from rings import ring

from gambol.app.web import space_files, space_rigs
from gambol.core.errors import InputError
from gambol.io import calibration


@pytest.fixture
def rig():
    return ring(4)


@pytest.fixture
def project(tmp_path):
    (tmp_path / "p").mkdir()
    return tmp_path / "p"


@pytest.mark.parametrize("kind", list(calibration.SUFFIX))
def test_every_format_that_is_written_comes_in(rig, project, tmp_path, kind):
    source = tmp_path / f"theirs{calibration.SUFFIX[kind]}"
    written = calibration.write(rig, source, kind)
    files = [source] if calibration.SUFFIX[kind] else written
    made = space_rigs.bring(files, project)
    assert made.cameras == list(rig)
    assert made.title == "calibrations/theirs.toml"
    back = calibration.read(project / made.title)
    np.testing.assert_allclose(back.params(), rig.params(), rtol=1e-6, atol=1e-9)
    assert space_files.find(project).rigs == {made.rig: project / made.title}


def test_the_same_again_is_one_file_and_another_of_the_name_a_second(rig, project, tmp_path):
    source = tmp_path / "rig.toml"
    calibration.write(rig, source)
    first, again = (space_rigs.bring([source], project) for _ in range(2))
    assert first == again
    calibration.write(ring(3), source)
    other = space_rigs.bring([source], project)
    assert other.title == "calibrations/rig-2.toml" and len(other.cameras) == 3


@pytest.mark.parametrize(
    ("names", "title"),
    [(("cam1.toml", "cam12.toml"), "cam"), (("top.toml", "side.toml"), "rig"),
     (("lab_cam-1.yml", "lab_cam-2.yml"), "lab_cam"), (("1.toml", "12.toml"), "rig")],
)  # fmt: skip
def test_files_that_were_uploaded_are_called_after_themselves(tmp_path, names, title):
    uploads = [tmp_path / f"{k:032x}" / name for k, name in enumerate(names)]
    assert space_rigs._stem(uploads) == title


def test_uploads_one_a_camera_come_in_and_a_name_that_is_taken_gets_a_number(
    rig, project, tmp_path
):
    for k, (wanted, made) in enumerate(((rig, "rig"), (ring(3), "rig-2"))):
        source = tmp_path / f"source{k}"
        files = calibration.write(wanted, source, "opencv")
        for n, path in enumerate(files):
            folder = project / "uploads" / f"{k}{n:031x}"
            folder.mkdir(parents=True)
            files[n] = path.rename(folder / f"{'abcd'[n]}{path.suffix}")
        assert space_rigs.bring(list(files), project).title == f"calibrations/{made}.toml"


def test_what_cannot_be_right_is_said(rig, project, tmp_path):
    twice = replace(rig.cameras[0], name="again")
    source = tmp_path / "rig.toml"
    calibration.write(type(rig)((*rig.cameras, twice)), source)
    made = space_rigs.bring([source], project)
    said = [one for one in made.findings if one.check == "repeated camera"]
    assert said and "again" in said[0].cameras


def test_what_is_no_calibration_is_refused_and_nothing_is_written(project, tmp_path):
    (tmp_path / "rig.toml").write_text("[board]\nsize = 3\n")
    with pytest.raises(InputError, match=r"rig.toml"):
        space_rigs.bring([tmp_path / "rig.toml"], project)
    (tmp_path / "two.yaml").write_text("a: 1\n")
    with pytest.raises(InputError, match="rig.toml, two.yaml"):
        space_rigs.bring([tmp_path / "rig.toml", tmp_path / "two.yaml"], project)
    assert not list(project.iterdir())
    with pytest.raises(InputError, match="no calibration was chosen"):
        space_rigs.bring([], project)

"""Exported runs of one animal and top-down: files, agreement, costs, refusals."""

import json
import shutil

import numpy as np
import pytest
from films import small
from pairs import trained as trained_pair

from gambol.core.errors import InputError
from gambol.io import exported as io_exported
from gambol.io import run as io_run
from gambol.nn import quantize
from gambol.nn.exported_engine import ExportedEngine, Packed
from gambol.stages import export_checks, export_model, train

pytest.importorskip("openvino")
INT8 = export_model.ExportConfig(int8=True)
PLAIN = export_model.ExportConfig()


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    return export_model.run(INT8, trained, tmp_path_factory.mktemp("export") / "net")


def test_it_agrees_with_predict_on_validation(exported):
    checked = exported.checked
    assert checked["px"]["float32"] < 1e-3 and checked["points"] >= 8
    assert exported.files == {"float32": "model.xml", "int8": "int8.xml"}


def test_beside_the_graph_stands_what_it_needs(exported, trained):
    file, run = io_exported.read(exported.folder), io_run.load(trained)
    assert file.bones == run.model.bones and file.calibration == run.model.calibration
    assert (file.picture.width, file.picture.height) == (80, 60)  # half of the film
    assert file.picture.scale == 0.5 and file.picture.shows == "frame"
    assert file.picture.colours == ("grey" if run.model.grey else "rgb")
    assert file.provenance["weights_hash"] == run.weights_hash
    assert json.loads((exported.folder / "model.json").read_text("utf-8"))["outputs"]["xy"]


def test_the_cost_of_int8_is_that_of_its_file(exported, trained):
    """The error is computed here anew, by the file as a user would run it."""
    held = io_run.read_heldout(trained)
    run = ExportedEngine(exported.folder / "int8.xml", "int8", 1)
    found = Packed(held.truth.shape[1]).find(run(np.stack(held.images))[0], (80, 60)).xy
    xy = found @ held.to_video[0, :, :2].T + held.to_video[0, :, 2]
    error = np.nanmean(np.linalg.norm(xy - held.truth, axis=-1))
    said = exported.int8["numbers"]
    assert said["int8"]["mean_px"] == pytest.approx(error, rel=1e-4)
    exact, extra = said["float32"]["mean_px"], said["int8"]["extra_px"]
    assert said["int8"]["mean_px"] == pytest.approx(exact + extra)
    assert {"float32", "bfloat16", "int8"} == set(said)
    assert all(one["ms"] > 0 for one in said.values())
    assert io_exported.read(exported.folder).int8 == exported.int8


def test_int8_is_judged_by_other_frames_than_it_was_calibrated_on(exported, trained):
    parts = [part for part, *_ in io_run.read_split(trained)]
    on = {"part": "train", "pictures": min(export_model.CALIBRATING, parts.count("train"))}
    said = io_exported.read(exported.folder).int8
    assert said["calibrated_on"] == on
    assert said["measured_on"] == {"part": "val", "pictures": parts.count("val")}


def test_bones_that_a_graph_does_not_ask_are_named(trained, tmp_path, exported):
    run = shutil.copytree(trained, tmp_path / "run")
    values = json.loads((run / "model.json").read_text("utf-8"))
    values["structure"] = {"weight": 1.0, "geometry": {}}
    (run / "model.json").write_text(json.dumps(values), encoding="utf-8")
    for _ in range(2):  # also where it is there already
        made = export_model.run(PLAIN, run, tmp_path / "net")
        assert "bones choose among peaks" in export_model.describe(made._asdict())
    assert io_exported.read(tmp_path / "net").note == export_model.BONES


def test_a_network_that_is_there_is_kept(exported, trained):
    before = (exported.folder / "model.json").stat().st_mtime_ns
    again = export_model.run(INT8, trained, exported.folder)
    assert again.kept and (exported.folder / "model.json").stat().st_mtime_ns == before
    with pytest.raises(InputError, match="other settings"):
        export_model.run(PLAIN, trained, exported.folder)


def test_another_folder_is_left_alone(trained, tmp_path):
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="no exported network"):
        export_model.run(PLAIN, trained, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_what_fails_leaves_nothing(trained, tmp_path, monkeypatch):
    def fail(*_):
        raise InputError("no")

    monkeypatch.setattr(quantize, "quantize", fail)
    with pytest.raises(InputError, match="no"):
        export_model.run(INT8, trained, tmp_path / "net")
    assert not list(tmp_path.iterdir())


def test_a_graph_that_disagrees_is_not_written(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(export_checks, "SAME", -1.0)
    with pytest.raises(InputError, match="differs from gambol predict"):
        export_model.run(PLAIN, trained, tmp_path / "net")
    assert not (tmp_path / "net").exists()


@pytest.mark.filterwarnings("ignore")  # what other packages say of themselves
def test_onnx_is_written_and_checked(trained, tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    made = export_model.run(export_model.ExportConfig(onnx=True), trained, tmp_path / "net")
    assert made.checked["px"]["onnx"] < 1e-3 and (tmp_path / "net" / "model.onnx").exists()


def test_top_down_its_network_of_crops_is_written(tmp_path_factory, tmp_path):
    _, run = trained_pair(tmp_path_factory.getbasetemp(), "top-down")
    made = export_model.run(PLAIN, run, tmp_path / "net")
    file, model = io_exported.read(made.folder), io_run.load(run).model
    assert made.checked["px"]["float32"] < 1e-3
    assert file.picture.shows == "crop"
    assert file.picture.width == file.picture.height == model.many.side
    assert file.many["threshold"] == model.many.threshold
    assert file.centroid.files == {"float32": "centroid.xml"}
    assert file.centroid.strides.keys() == {"centroids", "fields"}


@pytest.mark.parametrize(
    "said",
    ["output={kind: softmax}", "output={kind: simcc}", "output={kind: location}",
     "output.decoder=integral", "output.decoder=fourier",
     pytest.param("fit.snapshots=2", marks=pytest.mark.slow)],
)  # fmt: skip
def test_whatever_says_positions_is_exported(said, recording, tmp_path):
    cfg = small(40).override([said])
    run = train.run(cfg, recording.labels, tmp_path / "run", threads=1)
    made = export_model.run(PLAIN, run, tmp_path / "net")
    step = 0.03 if "fourier" in said else 0.0  # 1/100 of a cell, along both axes
    assert made.checked["px"]["float32"] < 1e-3 + step and made.checked["points"] >= 8


def test_bottom_up_its_peaks_and_fields_are_written(tmp_path_factory, tmp_path):
    _, run = trained_pair(tmp_path_factory.getbasetemp(), "bottom-up")
    made = export_model.run(INT8, run, tmp_path / "net")
    file, model = io_exported.read(made.folder), io_run.load(run).model
    assert made.checked["px"]["float32"] < 1e-3 and made.checked["points"] >= 6
    assert file.picture.shows == "frame"
    assert (file.picture.width, file.picture.height) == (128, 96)
    assert list(file.outputs) == ["xy", "height", "covariance", "fields"]
    assert file.strides == {"fields": 4} and file.many["links"] == model.many.links
    said = file.int8["numbers"]
    assert 0 < said["float32"]["mean_px"] < 3.0 and said["int8"]["extra_px"] < 2.0
    assert "differs from gambol predict" in export_model.describe(made._asdict())


def test_what_is_said_of_it(exported):
    text = export_model.describe(exported._asdict())
    assert "float32 differs from gambol predict by" in text and "int8: " in text
    assert "there already" in export_model.describe({**exported._asdict(), "kept": True})

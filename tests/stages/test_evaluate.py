"""Scores of a run and of poses of one animal; those of several are in `test_evaluate_many`."""

import shutil

import pytest

from gambol.core.errors import InputError
from gambol.io import labels as io_labels
from gambol.stages import evaluate, predict

# the shape checker of the tests looks at tensors while openvino traces the network
pytestmark = pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")


def scores(result, labels, part=None):
    return evaluate.run(evaluate.EvaluateConfig(part=part), result, labels)


@pytest.fixture(params=["moved", "copied"])
def elsewhere(request, recording, tmp_path):
    """The same labels and film in another folder, the old ones gone or not."""
    before = tmp_path / "before"
    shutil.copytree(recording.video.parent, before)
    labels = io_labels.load(recording.labels)
    object.__setattr__(labels, "videos", (str(before / recording.video.name),))
    after = tmp_path / "after"
    (shutil.move if request.param == "moved" else shutil.copytree)(before, after)
    here = io_labels.load(recording.labels)
    object.__setattr__(here, "videos", (str(after / recording.video.name),))
    io_labels.write(here, tmp_path / "here.csv", "csv")
    return labels, tmp_path / "here.csv"


def test_frames_that_training_saw_are_known_after_the_project_moved(
    elsewhere, trained, tmp_path
):
    old, here = elsewhere
    run = shutil.copytree(trained, tmp_path / "run")
    text = (run / "split.csv").read_text()
    name = old.videos[0].rsplit("/", 1)[1]
    known = next(word for word in text.replace("\n", ",").split(",") if word.endswith(name))
    (run / "split.csv").write_text(text.replace(known, old.videos[0]))
    told = scores(run, here, "val")
    assert told["part"] == "val" and told["n_frames"] < len(io_labels.load(here).frames)
    with pytest.raises(InputError, match="kept no test part"):
        scores(run, here)


def test_another_film_of_the_same_name_is_other_labels(trained, recording, tmp_path):
    film = tmp_path / "videos" / recording.video.name
    film.parent.mkdir()
    film.write_bytes(recording.video.read_bytes() + b"another day")
    labels = io_labels.load(recording.labels)
    object.__setattr__(labels, "videos", (str(film),))
    io_labels.write(labels, tmp_path / "other.csv", "csv")
    assert scores(trained, tmp_path / "other.csv")["part"] == "other labels"


def test_poses_have_no_parts(trained, recording, tmp_path):
    cfg = predict.PredictConfig()
    made = predict.run(cfg, trained, [recording.video], tmp_path, threads=1)[0]
    with pytest.raises(InputError, match="leave --part val out"):
        scores(made.poses, recording.labels, "val")
    assert scores(made.poses, recording.labels) == scores(made.poses, recording.labels, "all")

"""The pictures that calibrate int8: what the network saw in training, and nothing else."""

import shutil

import numpy as np
import pytest
from pairs import trained as trained_pair

from gambol.core.errors import InputError
from gambol.io import run as io_run
from gambol.io.video.open import open_video
from gambol.pose import dataset
from gambol.stages import export_frames


def test_they_are_the_training_frames_and_not_those_of_validation(trained, recording):
    model, held = io_run.load(trained), io_run.read_heldout(trained)
    numbers = {frame for part, _, frame, _ in io_run.read_split(trained) if part == "train"}
    video = open_video(recording.video, grey=model.model.grey)
    images = {n: dataset.shrink(video.read([n])[0], model.model.scale) for n in numbers}
    video.close()
    found = export_frames.training(model, (80, 60), 1000)
    assert sorted(i.tobytes() for i in found) == sorted(i.tobytes() for i in images.values())
    assert not {i.tobytes() for i in found} & {i.tobytes() for i in held.images}
    few = export_frames.training(model, (80, 60), 3)
    np.testing.assert_array_equal(few, found[:3])


def test_top_down_they_are_crops_around_animals(tmp_path_factory):
    _, run = trained_pair(tmp_path_factory.getbasetemp(), "top-down")
    model = io_run.load(run)
    side = model.model.many.side
    crops = np.stack(export_frames.training(model, (side, side), 8))
    assert crops.shape[1:3] == (side, side)
    middle = crops[:, side // 2 - 6 : side // 2 + 6, side // 2 - 6 : side // 2 + 6]
    assert np.median(middle.max(axis=(1, 2, 3))) > 140  # 110 where there is no animal


def test_what_is_not_there_is_said(trained, tmp_path):
    model = io_run.load(trained)
    with pytest.raises(InputError, match="none of which gives a picture of 81 x 60"):
        export_frames.training(model, (81, 60), 8)
    run = shutil.copytree(trained, tmp_path / "run")
    io_run.write_split([("train", str(tmp_path / "gone.mp4"), 3, "animal")], run)
    with pytest.raises(InputError, match="gone.mp4 is not there"):
        export_frames.training(model._replace(folder=run), (80, 60), 8)

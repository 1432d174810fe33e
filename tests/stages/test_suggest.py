from pathlib import Path

import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.io import labels as io_labels
from gambol.io.project import Project
from gambol.stages import imports, predict, suggest


@pytest.fixture(scope="module")
def poses(trained, recording, tmp_path_factory):
    out = tmp_path_factory.mktemp("poses")
    return predict.run(predict.PredictConfig(), trained, [recording.video], out)[0].poses


@pytest.fixture
def project(recording, tmp_path):
    labels = io_labels.load(recording.labels)
    io_labels.write(labels.select(np.arange(0, 30, 6)), tmp_path / "few.csv", "csv")
    imports.run(imports.ImportConfig(), tmp_path / "few.csv", tmp_path / "p")
    return tmp_path / "p"


@pytest.mark.parametrize("method", ["cover", "uniform", "random", "unsure"])
def test_a_project_remembers_frames_that_nobody_labelled(method, project, poses):
    cfg = suggest.SuggestConfig(method=method, count=5, candidates=60)
    found = suggest.run(cfg, project, poses=[poses] if method == "unsure" else [])
    with Project.open(project) as opened:
        kept = opened.suggestions()
        labelled = set(opened.labels().frame.tolist())
    assert 0 < len(found) <= 5
    assert [(s.frame, s.reason) for s in kept] == [(s.frame, s.reason) for s in found]
    assert not labelled & {s.frame for s in found}
    assert min(np.diff(sorted(s.frame for s in found)), default=99) >= 7  # half a second


def test_the_same_seed_suggests_the_same(project):
    cfg = suggest.SuggestConfig(method="cover", count=4, candidates=40, seed=2)
    assert suggest.run(cfg, project) == suggest.run(cfg, project)


def test_a_single_video_is_enough(recording):
    cfg = suggest.SuggestConfig(method="uniform", count=3)
    assert len(suggest.run(cfg, recording.video)) == 3


def test_jumps_are_found(recording, poses, tmp_path):
    from gambol.io import poses as io_poses
    from gambol.io import store

    wild = io_poses.read(poses)
    wild["position"][150, :, 0, 0] += 300
    store.write_dataset(wild, tmp_path / "wild.nc")
    cfg = suggest.SuggestConfig(method="jump", count=1)
    found = suggest.run(cfg, recording.video, poses=[tmp_path / "wild.nc"])
    assert abs(found[0].frame - 150) <= 1


def test_methods_that_need_predictions_say_so(recording):
    with pytest.raises(InputError, match="give --poses"):
        suggest.run(suggest.SuggestConfig(method="jump"), recording.video)


def test_methods_that_look_at_no_predictions_say_so(recording, poses):
    with pytest.raises(InputError, match=r"looks at no predictions; leave --poses"):
        suggest.run(suggest.SuggestConfig(), recording.video, poses=[poses])


def test_only_the_videos_asked_for_are_looked_at(project, recording, tmp_path):
    second = tmp_path / "second.mp4"
    second.write_bytes(recording.video.read_bytes() + b"\0\0\0\x08free")  # not the same file
    with Project.open(project) as opened:
        number = opened.add_video(second)
    cfg = suggest.SuggestConfig(method="uniform", count=6)
    assert {Path(s.video).name for s in suggest.run(cfg, project, videos=[number])} == {
        "second.mp4"
    }
    assert len({s.video for s in suggest.run(cfg, project)}) == 2
    with pytest.raises(InputError, match="no video 9"):
        suggest.run(cfg, project, videos=[9])

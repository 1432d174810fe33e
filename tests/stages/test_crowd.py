import numpy as np
import pytest
import walkers

from gambol.core.instances import UNTRACKED
from gambol.io import labels as io_labels
from gambol.stages import crowd

FRAMES = walkers.FRAMES


@pytest.fixture(params=["tracks", "detections", "theirs"])
def path(request, tmp_path):
    video = walkers.film(tmp_path)
    if request.param == "theirs":
        io_labels.write(walkers.labels(video), tmp_path / "a.slp", "slp")
        return tmp_path / "a.slp"
    return getattr(walkers, request.param)(tmp_path / "a.nc", video)


def test_whoever_wrote_the_file_its_animals_are_the_same(path):
    head = crowd.header(path)
    assert head.skeleton.keypoints == walkers.BODY.keypoints and head.frames == FRAMES
    assert head.attrs["source_file"].endswith("walk.mp4")
    seen = list(crowd.frames(path, 0, FRAMES - 1))
    assert [one.number for one in seen] == list(range(FRAMES))
    for one in seen:
        np.testing.assert_allclose(one.found.xy, walkers.places()[one.number])
        assert one.id.tolist() == ([0, 1] if head.names else [UNTRACKED] * 2)


def test_animals_have_names_unless_nobody_tracked_them(path, request):
    names = crowd.header(path).names
    detections = "detections" in request.node.name
    assert names == (() if detections else walkers.NAMES)


def test_a_stretch_of_frames_is_what_it_says(path):
    assert [one.number for one in crowd.frames(path, 7, 9)] == [7, 8, 9]
    assert len(next(crowd.frames(path, 12, 12)).found.frame) == 2

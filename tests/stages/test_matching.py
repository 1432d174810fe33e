import pytest
import walkers

from gambol.core.errors import InputError
from gambol.stages import matching


@pytest.fixture
def video(tmp_path):
    return walkers.film(tmp_path)


def test_a_file_says_by_its_content_what_it_holds(tmp_path, video):
    assert matching.kind(walkers.detections(tmp_path / "a.nc", video)) == "detections"
    assert matching.kind(walkers.tracks(tmp_path / "b.nc", video)) == "tracks"
    assert matching.kind(tmp_path / "theirs.slp") == "tracks"


def test_a_folder_holds_files_of_one_kind(tmp_path, video):
    walkers.detections(tmp_path / "a.nc", video)
    assert matching.files(tmp_path) == ("detections", [tmp_path / "a.nc"])
    walkers.tracks(tmp_path / "b.nc", video)
    with pytest.raises(InputError, match=r"detections \(a.nc\) and tracks \(b.nc\); give one"):
        matching.files(tmp_path)


def test_labels_are_found_by_path_and_else_by_name(tmp_path, video):
    labels = walkers.labels(video)
    assert len(matching.rows_of(labels, str(video))) == len(labels)
    assert matching.video_of(labels, "/moved/away/walk.mp4") == 0
    assert matching.video_of(labels, "/moved/away/run.mp4") is None
    assert not len(matching.rows_of(labels, "run.mp4"))

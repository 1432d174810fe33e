import json

import numpy as np
import pytest
from labelled import MOUSE, film, make

from gambol.core import poses
from gambol.core.errors import InputError
from gambol.io import labels as io_labels
from gambol.io import store
from gambol.io.project import Project
from gambol.stages import info


def test_every_kind_of_path_is_described_in_plain_values(tmp_path):
    clip = film(tmp_path / "p" / "clip.mp4")
    labels = make([clip])
    with Project.create(tmp_path / "p", MOUSE) as project:
        project.put_labels(labels)
    io_labels.write(labels, tmp_path / "a.slp", "slp")
    xy = np.ones((5, 1, 4, 2))
    xy[0, 0, 0] = np.nan
    series = poses.build(
        xy, np.ones((5, 1, 4)), np.ones((5, 1, 4, 2, 2)), np.arange(5.0), MOUSE, fps=1.0
    )
    store.write_dataset(series, tmp_path / "a.nc")
    store.write_json({"gambol": "0"}, tmp_path / "run" / "model.json")
    found = {
        name: info.run(tmp_path / name)
        for name in ("p", "p/project.db", "a.slp", "a.nc", "run", "p/clip.mp4")
    }
    kinds = [values["kind"] for values in found.values()]
    assert kinds == ["project", "project", "labels", "poses", "run", "video"]
    assert found["p"]["animals"] == found["a.slp"]["animals"] == 12
    assert found["a.slp"]["videos"][0]["found"]
    assert found["a.nc"]["found"]["nose"] == 0.8
    assert found["p/clip.mp4"]["frames"] == 30
    for values in found.values():
        assert json.loads(json.dumps(values, allow_nan=False)) == values
        assert all(isinstance(line, str) for line in info.lines(values))


def test_what_a_video_lost_is_said(tmp_path, monkeypatch):
    from gambol.io.video.container import FileVideo

    clip = film(tmp_path / "clip.mp4")
    assert "damage" not in info.run(clip)
    monkeypatch.setattr(FileVideo, "damage", property(lambda self: "the file ends early"))
    assert info.run(clip)["damage"] == "the file ends early"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "does not exist"), (b"", "is empty"), (b"hello", "is no label file known here")],
)
def test_what_is_unknown_is_said(tmp_path, content, sentence):
    if content is not None:
        (tmp_path / "a").write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        info.run(tmp_path / "a")

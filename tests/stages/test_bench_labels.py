import json
import shutil

import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.io import labels as io_labels
from gambol.io import store
from gambol.stages import bench_labels


@pytest.fixture
def mine(recording, tmp_path):
    """Labels that may be changed."""
    path = tmp_path / "mine.slp"
    io_labels.write(io_labels.load(recording.labels), path, "slp")
    return path


def fewer(path):
    labels = io_labels.load(path)
    io_labels.write(labels.select(np.arange(1, len(labels))), path, "slp")


def test_a_copy_says_the_same_and_stays_when_labels_change(mine, tmp_path):
    out, before = tmp_path / "out", io_labels.load(mine)
    assert bench_labels.is_new(out) and bench_labels.place(mine, out) == mine
    copy = bench_labels.freeze(mine, out)
    assert copy == bench_labels.place(mine, out) and not bench_labels.is_new(out)
    assert not bench_labels.changed(mine, out)
    fewer(mine)
    after = io_labels.load(copy)
    np.testing.assert_array_equal(after.xy, before.xy)
    np.testing.assert_array_equal(after.visibility, before.visibility)
    assert after.videos == before.videos and after.frame.tolist() == before.frame.tolist()
    assert after.skeleton == before.skeleton
    assert bench_labels.changed(mine, out) and bench_labels.place(mine, out) == copy
    mine.unlink()
    assert bench_labels.changed(mine, out)


def test_the_same_labels_elsewhere_do_and_others_do_not(mine, tmp_path):
    out, moved = tmp_path / "out", tmp_path / "moved.slp"
    copy = bench_labels.freeze(mine, out)
    shutil.copy(mine, moved)
    assert bench_labels.place(moved, out) == copy
    fewer(moved)
    with pytest.raises(InputError, match=r"on the labels of .*mine.slp, and .* another --out"):
        bench_labels.place(moved, out)


def test_what_was_begun_without_a_copy_goes_on_with_the_labels(mine, tmp_path):
    out = tmp_path / "out"
    store.write_json({"made_from": "abc"}, out / bench_labels.BEGUN)
    assert not bench_labels.is_new(out) and bench_labels.place(mine, out) == mine
    assert not bench_labels.changed(mine, out)
    bench_labels.settle(out, "abc")
    with pytest.raises(InputError, match="other labels, splits or common settings"):
        bench_labels.settle(out, "other")
    assert json.loads((out / bench_labels.BEGUN).read_text()) == {"made_from": "abc"}


def test_who_is_killed_before_the_copy_is_done_begins_anew(mine, tmp_path, monkeypatch):
    out = tmp_path / "out"

    def fail(*_):
        raise InputError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(bench_labels.Project, "put_labels", fail)
        with pytest.raises(InputError, match="no room"):
            bench_labels.freeze(mine, out)
    assert [p.name for p in out.iterdir()] == [bench_labels.BEGUN] and bench_labels.is_new(out)
    assert bench_labels.freeze(mine, out).exists()
    bench_labels.settle(out, "abc")
    known = json.loads((out / bench_labels.BEGUN).read_text())
    assert known["made_from"] == "abc" and known["labels"] == str(mine.resolve())


def test_other_folders_and_videos_that_are_there_twice_are_refused(mine, tmp_path, recording):
    with pytest.raises(InputError, match="holds no comparison"):
        bench_labels.is_new(mine.parent)
    labels = io_labels.load(mine)
    twin = tmp_path / f"twin{recording.video.suffix}"
    shutil.copy(recording.video, twin)
    both = bench_labels.io_labels.load(mine)
    path = tmp_path / "both.csv"
    io_labels.write(both, path, "csv")
    lines = path.read_text().splitlines()
    again = [line.replace(labels.videos[0], str(twin.resolve())) for line in lines[1:]]
    path.write_text("\n".join([*lines, *again]) + "\n")
    with pytest.raises(InputError, match="two of its videos hold the same frames"):
        bench_labels.freeze(path, tmp_path / "out")

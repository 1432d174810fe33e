"""A repaired copy has the same frames at the same times, and says which could not be read."""

import av
import numpy as np
import pytest
from labelled import MOUSE, make

from gambol.core.errors import InputError
from gambol.io.project import Project
from gambol.io.video import VideoWriter
from gambol.io.video.container import FileVideo
from gambol.io.video.damage import DamagedFrame
from gambol.stages import repair, suggest

N = 90


def written(path, times=None):
    """A film whose frames differ, with as many key frames as can be."""
    rng = np.random.default_rng(3)
    ground = rng.integers(0, 200, (48, 64, 3), dtype=np.uint8)
    with VideoWriter(path, 30.0, (64, 48), times) as writer:
        for k in range(N):
            frame = ground.copy()
            frame[:, k % 60 : k % 60 + 4] = 255
            writer.write(frame)
    return path


def spoilt(path):
    """Overwrite one packet in the middle with noise."""
    with av.open(str(path)) as film:
        packets = [(p.pos, p.size) for p in film.demux(video=0) if p.size]
    position, size = packets[N // 2 + 3]
    data = bytearray(path.read_bytes())
    noise = np.random.default_rng(5).integers(0, 256, size, dtype=np.uint8).tobytes()
    data[position : position + size] = noise
    path.write_bytes(bytes(data))
    return path


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    """A project with a damaged film of uneven times, labelled all over."""
    folder = tmp_path_factory.mktemp("damaged")
    steps = np.random.default_rng(1).choice([1, 1, 2, 5], N)
    path = spoilt(written(folder / "film.mp4", np.cumsum(steps) / 30))
    with Project.create(folder / "mice", MOUSE) as project:
        project.put_labels(make([path], rows=40))
    return folder / "mice", path


def readable(video):
    good = []
    for k in range(len(video)):
        try:
            video.read([k])
            good.append(True)
        except DamagedFrame:
            good.append(False)
    return np.array(good)


def test_the_copy_has_the_same_frames_at_the_same_times(damaged):
    folder, path = damaged
    seen = []
    before = path.read_bytes()
    made = repair.run(folder, 1, by="ann", progress=seen.append)
    assert path.read_bytes() == before
    with FileVideo(path) as old, FileVideo(made.path) as new:
        good = readable(old)
        assert 0 < (~good).sum() < N // 2
        assert made.bad == np.flatnonzero(~good).tolist()
        assert len(new) == len(old) == made.frames == N
        assert np.allclose(new.times, old.times, atol=1e-4)
        assert np.diff(old.times).max() > 2 * np.diff(old.times).min()
        for k in range(N):
            other = old.read([k])[0] if good[k] else np.full((48, 64, 3), repair.GREY)
            assert np.abs(new.read([k])[0].astype(int) - other).mean() < 6
    assert seen[-1].done == seen[-1].total == N
    with Project.open(folder) as project:
        (row,) = project.videos()
        assert project.locate(1) == str(made.path)
        assert row.frames == N
        assert project.bad() == [(1, k) for k in made.bad]
        assert project.check() == []
        labels = project.labels()
        assert not set(labels.frame.tolist()) & set(made.bad)
        assert len(project.labels(drafts=True)) == len(labels)
        found = suggest.run(suggest.SuggestConfig(count=3), folder)
        assert not {one.frame for one in found} & set(made.bad)
        assert project.undo(2, by="ann")[-1] == "repaired copy"
        assert project.locate(1) == str(path) and project.bad() == []
        assert project.check() == []


def test_a_whole_film_needs_none_and_none_is_written(tmp_path):
    path = written(tmp_path / "film.mp4")
    with Project.create(tmp_path / "mice", MOUSE) as project:
        project.add_video(path)
    with pytest.raises(InputError, match="needs no repair"):
        repair.run(tmp_path / "mice", 1)
    assert not list((tmp_path / "mice" / "videos" / "repaired").glob("*"))


def test_suggesting_from_a_damaged_film_goes_on(tmp_path):
    path = spoilt(written(tmp_path / "film.mp4"))
    found = suggest.run(suggest.SuggestConfig(count=3), path)
    assert len(found) == 3

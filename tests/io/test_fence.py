"""Names in a stranger's file lead only where they may, and what is elsewhere is not told."""

import os

import pytest

from gambol.core.errors import InputError
from gambol.io import fence


@pytest.fixture
def world(tmp_path):
    """Two open folders, and one that is not, with a link into it and one into the open."""
    for name in ("open/.hidden", "also", "closed"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "film.mp4").write_text(name)
    (tmp_path / "open" / "out.mp4").symlink_to(tmp_path / "closed" / "film.mp4")
    (tmp_path / "open" / "there").symlink_to(tmp_path / "closed")
    (tmp_path / "open" / "in.mp4").symlink_to(tmp_path / "also" / "film.mp4")
    (tmp_path / "open" / "ring.mp4").symlink_to(tmp_path / "open" / "ring.mp4")
    return tmp_path


def test_only_what_lies_inside_is_there(world):
    with fence.within([world / "open", world / "also" / "film.mp4"]):
        assert fence.exists(world / "also" / "film.mp4")
        assert fence.exists(world / "open" / "in.mp4")
        assert not fence.exists(world / "open" / "no.mp4")
        for name in ("closed/film.mp4", "closed", "open/../closed/film.mp4", "open/out.mp4",
                     "open/there/film.mp4", "open/.hidden/film.mp4", "also/other.mp4",
                     "open/ring.mp4", "open/a\0b", "open/" + "x" * 5000):  # fmt: skip
            assert not fence.exists(world / name)
    assert fence.exists(world / "closed" / "film.mp4")  # no fence


def test_what_is_outside_is_refused_alike_whether_it_is_there_or_not(world):
    with fence.within([world / "open"]):
        said = []
        for name in ("film", "none"):
            path = world / "closed" / f"{name}.mp4"
            with pytest.raises(InputError, match=r"labels.csv names .* --root") as refused:
                fence.require(path, "labels.csv")
            said.append(str(refused.value).replace(name, "x"))
        assert said[0] == said[1] and str(world / "closed") in said[0]
        fence.require(world / "open" / "none.mp4", "labels.csv")


def test_nothing_outside_is_looked_at(world, monkeypatch):
    looked = []
    for name in ("stat", "open"):
        real = getattr(os, name)
        monkeypatch.setattr(
            os,
            name,
            lambda path, *a, real=real, **k: (looked.append(path), real(path, *a, **k))[1],
        )
    with fence.within([world / "open"]):
        assert not fence.exists(world / "closed" / "film.mp4")
    assert not [path for path in looked if "closed" in str(path)]


def test_a_folder_with_a_way_out_is_refused(world):
    with fence.within([world / "open"]):
        fence.require_closed(world / "open", ["none*", ".hidden/*"])
        with pytest.raises(InputError, match=r"names .*out\.mp4"):
            fence.require_closed(world / "open", ["out*"])
    fence.require_closed(world / "open", ["out*"])


def test_a_fence_ends(world):
    with pytest.raises(KeyError), fence.within([world / "open"]):
        raise KeyError
    assert fence.allows(world / "closed")

import numpy as np
import pytest
from labelled import film, make

from gambol.core.errors import InputError
from gambol.io import frames
from gambol.io.video.open import open_video
from gambol.io.video.table import cache_folder


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    """A cache of its own: what is spoilt here is nobody else's."""
    monkeypatch.setenv("GAMBOL_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("grey", [True, False])
def test_every_row_gets_its_own_frame(tmp_path, grey):
    clips = [film(tmp_path / f"{i}.mp4", shade=7 * i) for i in range(2)]
    labels = make(clips)
    for _ in range(2):  # decoded, then from the cache
        got = list(frames.labelled(labels, grey))
        for n, image in enumerate(got):
            video = open_video(clips[labels.video[n]], grey=grey)
            np.testing.assert_array_equal(image, video.read([int(labels.frame[n])])[0])


def test_a_broken_copy_in_the_cache_is_decoded_again(tmp_path):
    labels = make([film(tmp_path / "a.mp4", shade=3)])
    first = list(frames.labelled(labels, True))
    for path in (cache_folder() / "labelled").rglob("*.png"):
        path.write_bytes(b"no picture")
    for one, other in zip(first, frames.labelled(labels, True), strict=True):
        np.testing.assert_array_equal(one, other)


def test_names_a_frame_that_the_video_does_not_have(tmp_path):
    labels = make([film(tmp_path / "a.mp4")])
    labels.frame[3] = 99
    with pytest.raises(InputError, match=r"a\.mp4 has 30 frames, but frame 99 is labelled"):
        list(frames.labelled(labels, True))


def test_what_memory_does_not_hold_lies_on_disk_unchanged(monkeypatch):
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 255, (20, 30 + i, 1), dtype=np.uint8) for i in range(6)]
    monkeypatch.setattr(frames, "free_memory", lambda: 4 * 1500)
    kept = frames.keep(iter(images))
    assert isinstance(kept[-1], np.memmap) and not isinstance(kept[0], np.memmap)
    for one, other in zip(images, kept, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_system_that_does_not_tell_its_memory_is_trusted_with_four_gib(monkeypatch, tmp_path):
    meminfo = tmp_path / "meminfo"
    monkeypatch.setattr(frames, "_MEMINFO", meminfo)
    assert frames.told_memory() is None and frames.free_memory() == 4 << 30
    meminfo.write_text("MemTotal:  9 kB\nMemAvailable:   2048 kB\nHugepages_Total: 0\n")
    assert frames.free_memory() == 2 << 20


def test_frames_that_were_decoded_by_other_rules_are_not_taken(tmp_path, monkeypatch):
    labels = make([film(tmp_path / "a.mp4", shade=4)])
    first = next(frames.labelled(labels, True))
    for path in (cache_folder() / "labelled").rglob("*.png"):
        frames._save(np.zeros_like(first), path)  # what other rules made of them
    assert not next(frames.labelled(labels, True)).any()
    monkeypatch.setattr(frames, "_VERSION", frames._VERSION + 1)
    np.testing.assert_array_equal(next(frames.labelled(labels, True)), first)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gambol.core.errors import InputError
from gambol.core.shares import Share
from gambol.stages import shards


@given(st.integers(1, 5000))
def test_shards_hold_every_frame_once(total):
    every = [shards.frames(number, total) for number in range(shards.many(total))]
    assert [frame for one in every for frame in one] == list(range(total))


@given(st.lists(st.integers(0, 6), min_size=1, max_size=5), st.integers(1, 7))
def test_shares_do_every_shard_of_every_video_once(counts, of):
    did = [[] for _ in counts]
    for number in range(of):
        for video, part in enumerate(shards.parts(counts, Share(number, of))):
            did[video] += range(counts[video]) if part is None else part
    assert did == [list(range(count)) for count in counts]


def test_a_video_that_a_share_holds_as_a_whole_is_joined_by_it():
    assert shards.parts([2, 4, 1, 1], Share(0, 2)) == [None, range(2), range(0), range(0)]
    assert shards.parts([2, 4, 1, 1], Share(1, 2)) == [range(2, 2), range(2, 4), None, None]


def test_without_a_share_all_is_done_and_joined():
    assert shards.parts([3, 0], None) == [None, None]


def test_what_is_finished_is_counted(recording, tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "SHARD", 16)
    video = recording.video
    look = shards.tally([video], tmp_path)
    total = shards.count(video, grey=True)
    assert look() == (0, total) and total > 2
    folder = tmp_path / f".{video.stem}.shards"
    folder.mkdir()
    for number in range(2):
        (folder / f"{number}.npz").touch()
    assert look() == (2, total)
    (tmp_path / f"{video.stem}.nc").touch()  # of an earlier run
    assert look() == (2, total)
    for one in folder.iterdir():
        one.unlink()
    folder.rmdir()
    assert look() == (total, total)


def test_two_videos_of_one_name_are_refused(tmp_path):
    videos = [tmp_path / "a" / "Film.mp4", tmp_path / "b" / "film.avi"]
    with pytest.raises(InputError, match=r"two videos are named Film"):
        shards.targets(videos, tmp_path, ".nc")

import threading
import time

import clips
import cv2
import numpy as np
import pytest

from gambol.app.web.pictures import KEPT, Busy, Picture, Pictures, Wanted, _Reader, encode
from gambol.core.errors import InputError
from gambol.io.video import open_video


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return clips.bframes(tmp_path_factory.mktemp("pictures"))


@pytest.fixture
def pictures():
    one = Pictures()
    yield one
    one.close()


class Slow:
    """A reader whose thread waits until it is let go; it notes in which order it worked."""

    def __init__(self, film):
        self.reader, self.free, self.done = _Reader(str(film)), threading.Event(), []
        self.first = self.ask("first")
        while self.reader._waiting:
            time.sleep(0.001)

    def ask(self, name, later=False):
        def job(video):
            self.free.wait(10)
            self.done.append(name)
            return name

        return self.reader.do(job, later)


def decoded(data):
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), 1), cv2.COLOR_BGR2RGB)


def test_the_newest_request_comes_first_and_small_pictures_last(film):
    slow = Slow(film)
    futures = [slow.ask("a"), slow.ask("thumb", later=True), slow.ask("b")]
    slow.free.set()
    assert [f.result(10) for f in futures] == ["a", "thumb", "b"]
    assert slow.done == ["first", "b", "a", "thumb"]
    slow.reader.close()


@pytest.mark.parametrize("frames", [(20, 21), (20, 19)])
def test_the_next_picture_is_there_before_it_is_asked_for(film, frames):
    reader = _Reader(str(film))
    for frame in frames:
        reader.picture(Wanted(frame)).result(10)
    coming = Wanted(2 * frames[1] - frames[0])
    end = time.monotonic() + 10
    while reader._known(coming) is None and time.monotonic() < end:
        time.sleep(0.001)
    assert reader.picture(coming).result(0) == Picture(reader._known(coming))
    with open_video(film) as video:
        assert reader._known(coming) == encode(video.read([coming.frame])[0], coming)
    reader.close()


def test_after_a_jump_or_at_an_end_nothing_is_foreseen(film):
    slow = Slow(film)
    futures = [slow.reader.picture(Wanted(f)) for f in (5, 40, 1, 0)]
    slow.free.set()
    futures += [slow.reader.picture(Wanted(79, later=True)), slow.reader.do(len)]
    assert [f.result(10) for f in futures][-1] == 80
    assert {wanted.frame for wanted in slow.reader._kept} == {5, 40, 1, 0, 79}
    slow.reader.close()


def test_what_nobody_wants_any_more_is_not_decoded(film):
    slow = Slow(film)
    futures = [slow.ask(n) for n in range(5)]
    assert all(f.cancel() for f in futures[:4])
    slow.free.set()
    assert futures[4].result(10) == 4 and slow.done == ["first", 4]
    slow.reader.close()


def test_the_oldest_of_too_many_is_told_to_ask_again(film):
    slow = Slow(film)
    futures = [slow.ask(n) for n in range(70)]
    slow.free.set()
    futures[-1].result(10)
    told = [isinstance(f.exception(10), Busy) for f in futures]
    assert told == [True] * 6 + [False] * 64
    slow.reader.close()


def test_a_closed_reader_refuses_what_waits_and_what_comes(film):
    slow = Slow(film)
    waiting = slow.ask("a")
    slow.reader.close()
    slow.free.set()
    assert isinstance(waiting.exception(10), Busy)
    assert isinstance(slow.ask("b").exception(10), Busy)
    assert slow.first.result(10) == "first"


def test_the_ninth_video_closes_the_one_not_used_for_longest(film, pictures):
    for k in range(8):
        pictures.ask(f"v{k}", str(film), Wanted(0)).result(10)
    pictures.ask("v0", str(film), Wanted(1)).result(10)
    pictures.ask("v8", str(film), Wanted(0)).result(10)
    assert [name for name, _ in pictures._readers] == [
        f"v{k}" for k in (2, 3, 4, 5, 6, 7, 0, 8)
    ]
    assert pictures.ask("v1", str(film), Wanted(0)).result(10).decode > 0  # opened again


def test_nothing_is_shown_after_the_end(film):
    pictures = Pictures()
    pictures.ask("v", str(film), Wanted(3)).result(10)
    pictures.close()
    assert isinstance(pictures.ask("v", str(film), Wanted(4)).exception(10), Busy)


def test_pictures_are_kept_up_to_a_number(film, pictures, monkeypatch):
    first = pictures.ask("v", str(film), Wanted(7)).result(10)
    assert pictures.ask("v", str(film), Wanted(7)).result(10) == Picture(first.data)
    for k in range(KEPT):
        pictures.ask("v", str(film), Wanted(k % 80, width=1 + k // 80)).result(10)
    reader = pictures._reader("v", str(film))
    assert len(reader._kept) == KEPT
    assert reader._bytes == sum(len(data) for data in reader._kept.values())
    assert pictures.ask("v", str(film), Wanted(7)).result(10).decode > 0


def test_pictures_are_kept_up_to_their_bytes(film, pictures, monkeypatch):
    monkeypatch.setattr("gambol.app.web.pictures.KEPT_BYTES", 20_000)
    for k in range(60):
        pictures.ask("v", str(film), Wanted(k, "png")).result(10)
    reader = pictures._reader("v", str(film))
    assert 10_000 < reader._bytes <= 20_000


def test_times_are_those_of_the_file(tmp_path, pictures):
    path = clips.variable_rate(tmp_path)
    data = pictures.times("v", str(path)).result(10)
    np.testing.assert_array_equal(np.frombuffer(data, "<f8"), open_video(path).times)


def test_a_video_that_is_gone_says_so(tmp_path, pictures):
    error = pictures.ask("v", str(tmp_path / "no.mp4"), Wanted(0)).exception(10)
    assert isinstance(error, InputError) and "no.mp4 does not exist" in str(error)


def test_png_is_exact_and_jpeg_is_near():
    image = clips.picture(37, (97, 63))
    np.testing.assert_array_equal(decoded(encode(image, Wanted(0, "png"))), image)
    smooth = cv2.GaussianBlur(image, (0, 0), 4)
    assert np.abs(decoded(encode(smooth, Wanted(0))).astype(int) - smooth).max() < 20
    grey = image[..., :1]
    back = decoded(encode(grey, Wanted(0, "png")))
    np.testing.assert_array_equal(back, np.repeat(grey, 3, axis=2))


@pytest.mark.parametrize("channels", [1, 3])
def test_width_makes_smaller_and_never_larger(channels):
    image = clips.picture(3, (96, 64))[..., :channels]
    assert decoded(encode(image, Wanted(0, width=48))).shape == (32, 48, 3)
    assert decoded(encode(image, Wanted(0, width=200))).shape == (64, 96, 3)
    small = decoded(encode(image, Wanted(0, "png", width=48)))
    mean = image.reshape(32, 2, 48, 2, channels).mean(axis=(1, 3))
    assert np.abs(small - mean).max() <= 1  # of the four pixels that each one stands for


def test_quality_is_paid_for_in_bytes():
    image = clips.picture(9)
    sizes = [len(encode(image, Wanted(0, quality=q))) for q in (30, 60, 90)]
    assert sizes == sorted(set(sizes))


def test_a_picture_too_wide_for_jpeg_is_told_in_a_sentence():
    with pytest.raises(InputError, match="70000 x 2 px cannot be sent as jpg"):
        encode(np.zeros((2, 70000, 3), np.uint8), Wanted(0))

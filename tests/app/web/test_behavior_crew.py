"""Decoders of clips: films are opened once, what nobody waits for is left out."""

import threading

import clips
import pytest

from gambol.app.web import behavior_crew
from gambol.app.web.behavior_crew import Crew
from gambol.app.web.pictures import Busy
from gambol.core.errors import InputError
from gambol.io.video import open_video


@pytest.fixture
def opened(monkeypatch):
    """Films that say their names; the list of what was opened."""
    seen = []

    class Film:
        def __init__(self, ref):
            seen.append(ref)
            self.ref = ref

        def close(self):
            pass

    monkeypatch.setattr(behavior_crew, "open_video", Film)
    return seen


def said(word):
    return lambda film: f"{film.ref} {word}".encode()


def test_a_picture_is_made_once_and_kept(opened):
    crew, made = Crew(2), []

    def job(film):
        made.append(film.ref)
        return b"picture"

    assert [crew.do("key", "a", job).result(5) for _ in range(3)] == [b"picture"] * 3
    assert made == ["a"] and opened == ["a"]


def test_each_film_is_opened_once_and_stays_with_its_thread(opened):
    crew = Crew(2)
    asked = [crew.do((ref, n), ref, said(n)) for n in range(8) for ref in "ab"]
    assert [one.result(5) for one in asked] == [
        f"{ref} {n}".encode() for n in range(8) for ref in "ab"
    ]
    assert len(opened) <= 4  # two threads, two films: never one a picture
    again = [crew.do((ref, 99, n), ref, said(n)) for ref in "ab" for n in range(4)]
    assert all(one.result(5) for one in again) and len(opened) <= 4


def test_what_nobody_waits_for_is_left_out(opened):
    crew, go, done = Crew(1), threading.Event(), []
    first = crew.do(0, "a", lambda _: (go.wait(5), b"first")[1])
    others = [crew.do(n, "a", lambda _, n=n: done.append(n) or b"x") for n in (1, 2, 3)]
    while not first.running():
        pass
    assert others[1].cancel()
    go.set()
    assert others[0].result(5) == others[2].result(5) == b"x" and done == [1, 3]


def test_a_film_that_fails_is_opened_anew_and_others_go_on(opened):
    crew = Crew(1)

    def broken(film):
        raise InputError("frame 3 is damaged; look at another")

    with pytest.raises(InputError, match="frame 3"):
        crew.do(0, "a", broken).result(5)
    assert crew.do(1, "a", said("fine")).result(5) == b"a fine"
    assert opened == ["a", "a"]


def test_no_more_wait_than_a_page_can_want(opened, monkeypatch):
    monkeypatch.setattr(behavior_crew, "WAITING", 3)
    crew, go = Crew(1), threading.Event()
    first = crew.do(0, "a", lambda _: (go.wait(5), b"first")[1])
    while not first.running():
        pass
    others = [crew.do(n, "a", said(n)) for n in range(1, 6)]
    go.set()
    for one in others[:2]:
        with pytest.raises(Busy):
            one.result(5)
    assert [one.result(5) for one in others[2:]] == [b"a 3", b"a 4", b"a 5"]


def test_pictures_kept_have_an_end(opened, monkeypatch):
    monkeypatch.setattr(behavior_crew, "KEPT_BYTES", 100)
    crew, made = Crew(1), []

    def job(film):
        made.append(1)
        return bytes(60)

    for key in (1, 2, 1):
        crew.do(key, "a", job).result(5)
    assert len(made) == 3


def test_real_films_are_read_by_several_threads_at_once(tmp_path):
    film = clips.bframes(tmp_path)
    crew = Crew(3)
    with open_video(film) as video:
        truth = video.read(range(20))
    asked = [crew.do(f, str(film), lambda v, f=f: v.read([f]).tobytes()) for f in range(20)]
    for one, image in zip(asked, truth, strict=True):
        assert one.result(20) == image.tobytes()

"""Films played from coded packets show every frame under its number; at rest, the server's."""

import os

import numpy as np
import pytest
import worlds
from acting import Desk

N, SIZE = 150, 256


@pytest.fixture(scope="module")
def cinema(serve, tmp_path_factory):
    folder = tmp_path_factory.mktemp("played")
    films = [
        worlds.film(folder / f"{kind}.mp4", n=N, size=SIZE, kind=kind)
        for kind in ("bframes", "vp9", "vfr", "av1", "open", "mjpeg")
        if worlds.encoder(kind)
    ]
    studio = serve(worlds.project(folder / "films", films))
    studio.kinds = {path.stem: k for k, path in enumerate(films, 1)}
    return studio


def play(desk, source="packets", n=100):
    """Play some frames, then stand still; what was seen: frame, number on it, from packets."""
    desk.page.select_option("[data-test=play-from]", source)
    desk.page.evaluate("document.activeElement.blur()")
    desk.page.evaluate("([n, size]) => { window.__seen = __drive.played(n, size); }", [n, SIZE])
    desk.press("Space")
    seen = desk.page.evaluate("window.__seen")
    desk.press("Space")
    desk.wait(
        "document.querySelector('[data-test=play]').getAttribute('aria-label') === 'Play'"
    )
    return seen


@pytest.mark.parametrize("kind", ["bframes", "vp9", "vfr", "av1"])
def test_every_frame_that_is_played_is_the_one_it_is_said_to_be(cinema, page, kind):
    if kind not in cinema.kinds:
        pytest.skip(f"no encoder of {kind} here")
    asked = []
    desk = Desk(cinema, page)
    desk.watch(cinema.kinds[kind])
    desk.jump(13)  # in the middle of a group
    page.wait_for_timeout(300)
    page.on("request", lambda one: asked.append(one.url))
    seen = play(desk)
    assert [(frame, code) for frame, code, _ in seen] == [(f, f) for f in range(14, 114)]
    assert all(coded for *_, coded in seen[5:]), "pictures of the server were shown"
    assert sum("/packets/" in url for url in asked) in (3, 4, 5)
    desk.wait("!window.__gambol.frameShown().coded")  # it stands still: the server's
    still = desk.probe("frameShown().frame")
    assert page.evaluate(f"__drive.code({SIZE})") == still
    assert any(url.endswith(f"/frames/{still}.jpg") for url in asked)


@pytest.mark.skipif(not hasattr(os, "SCHED_OTHER"), reason="no such priorities here")
@pytest.mark.usefixtures("cinema")
def test_writing_films_gives_this_process_no_other_priority():
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


@pytest.mark.parametrize("kind", ["open", "mjpeg"])
def test_what_cannot_be_trusted_plays_from_pictures(cinema, page, faults, kind):
    desk = Desk(cinema, page)
    desk.watch(cinema.kinds[kind])
    asked = []
    page.on("request", lambda one: asked.append(one.url))
    seen = play(desk, n=40)
    assert [(frame, code) for frame, code, _ in seen] == [(f, f) for f in range(1, 41)]
    assert not any(coded for *_, coded in seen)
    assert sum(url.endswith("/packets") for url in asked) == 1  # never asked for again
    play(desk, n=5)
    assert sum("/packets" in url for url in asked) == 1
    faults[:] = [one for one in faults if "/packets" not in one]


def test_a_decoder_that_loses_a_frame_is_not_used_again(cinema, page):
    page.add_init_script("""
      const Whole = VideoDecoder;
      window.VideoDecoder = class extends Whole {
        constructor(init) {
          super({...init, output: (f) => f.timestamp === 30000 ? f.close() : init.output(f)});
        }
      };""")
    desk = Desk(cinema, page)
    seen = play(desk, n=60)
    assert [(frame, code) for frame, code, _ in seen] == [(f, f) for f in range(1, 61)]
    assert {coded for frame, _, coded in seen if frame < 25} != {False}
    assert {coded for frame, _, coded in seen if frame >= 30} == {False}


def test_by_itself_a_fast_link_plays_pictures(cinema, page):
    desk = Desk(cinema, page)
    asked = []
    page.on("request", lambda one: asked.append(one.url))
    assert not any(coded for *_, coded in play(desk, "auto", 30))
    assert not any("/packets" in url for url in asked)


GREYS = """() => {
  const canvas = document.querySelector("[data-test=canvas-picture]");
  const corners = [[0, 0], [256, 256]].map(([x, y]) => window.__gambol.videoToScreen(x, y));
  const box = canvas.getBoundingClientRect();
  const small = new OffscreenCanvas(32, 32).getContext("2d");
  const [x, y] = [corners[0].x - box.left, corners[0].y - box.top];
  const side = corners[1].x - corners[0].x;
  small.drawImage(canvas, x, y, side, side, 0, 0, 32, 32);
  return [...small.getImageData(0, 0, 32, 32).data].filter((_, i) => i % 4 === 1);
}"""
UNTIL_20 = """async () => {
  while (window.__gambol.frameShown().frame < 20) await __drive.tick();
  const {frame, coded} = window.__gambol.frameShown();
  return [frame, coded, (GREYS)()];
}""".replace("GREYS", GREYS)


@pytest.mark.parametrize("turn", [90, 180])
def test_a_film_that_is_to_be_turned_is_turned_as_the_server_does(serve, page, tmp_path, turn):
    film = worlds.film(tmp_path / "turned.mp4", n=60, turn=turn)
    desk = Desk(serve(worlds.project(tmp_path / "mice", [film])), page)
    page.select_option("[data-test=play-from]", "packets")
    page.evaluate("document.activeElement.blur()")
    desk.press("Space")
    frame, coded, played = page.evaluate(UNTIL_20)
    desk.press("Space")
    assert coded
    desk.jump(frame)
    desk.wait("!window.__gambol.frameShown().coded")
    still = np.array(page.evaluate(GREYS))
    assert np.abs(np.array(played) - still).mean() < 4
    square = still.reshape(32, 32)
    assert np.abs(np.rot90(square) - square).mean() > 8  # another turn would be seen

"""The frame that is shown is the frame that is stored, whatever the file."""

import random

import pytest
import worlds
from acting import Desk

KINDS = ["cfr", "vfr", "bframes", "hevc", "mjpeg"]


@pytest.fixture(scope="module")
def cinema(serve, films, tmp_path_factory):
    """A server of one film of every kind."""
    folder = tmp_path_factory.mktemp("cinema") / "films"
    return serve(worlds.project(folder, films.values()))


@pytest.fixture(scope="module")
def numbers(films):
    return {kind: k for k, kind in enumerate(films, 1)}


@pytest.mark.parametrize("kind", KINDS)
def test_a_jump_shows_the_frame_whose_number_it_has(cinema, numbers, page, kind):
    if kind not in numbers:
        pytest.skip(f"no encoder of {kind} here")
    desk = Desk(cinema, page)
    desk.watch(numbers[kind])
    rng = random.Random(kind)
    frames = [119, 0, *(rng.randrange(120) for _ in range(40))]
    assert page.evaluate("(frames) => __drive.walk(frames, 256)", frames) == []
    assert desk.probe("frameShown().frame") == frames[-1]


def test_steps_both_ways_and_to_the_ends_show_their_numbers(cinema, numbers, page):
    Desk(cinema, page).watch(numbers["bframes"])
    frames = [*range(60, 80), *range(80, 60, -1), 119, 118, 117, 1, 0, 2]
    assert page.evaluate("(frames) => __drive.walk(frames, 256)", frames) == []


def test_the_paused_frame_is_the_servers_pixel_by_pixel(cinema, page):
    desk = Desk(cinema, page)
    desk.jump(33)
    desk.press("Shift+Digit0")  # 1:1
    page.wait_for_timeout(100)
    different = page.evaluate("""async () => {
      const video = (await (await fetch("api/project")).json()).videos[0];
      const address = `api/videos/${video.id}/${video.fingerprint}/frames/33.jpg`;
      const options = {colorSpaceConversion: "none", premultiplyAlpha: "none"};
      const bitmap = await createImageBitmap(await (await fetch(address)).blob(), options);
      const own = new OffscreenCanvas(256, 256).getContext("2d");
      own.drawImage(bitmap, 0, 0);
      const canvas = document.querySelector("[data-test=canvas-picture]");
      const box = canvas.getBoundingClientRect();
      const corner = window.__gambol.videoToScreen(0, 0);
      const [x, y] = [Math.floor(corner.x - box.left), Math.floor(corner.y - box.top)];
      const shown = canvas.getContext("2d").getImageData(x, y, 256, 256).data;
      const truth = own.getImageData(0, 0, 256, 256).data;
      return truth.reduce((sum, value, i) => sum + (value !== shown[i]), 0);
    }""")
    assert different == 0


def test_opening_draws_a_frame_and_asks_no_other_host(cinema, page, faults):
    asked = []
    page.on("request", lambda one: asked.append(one.url))
    desk = Desk(cinema, page)
    assert desk.probe("frameShown()")["video"] == 1
    assert any("/frames/" in url for url in asked)
    assert all(url.startswith(cinema.address) or url.startswith("blob:") for url in asked)

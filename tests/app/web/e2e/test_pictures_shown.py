"""The frame that is shown is the frame that is stored, whatever the file."""

import random

import numpy as np
import pytest
import tifffile
import worlds
from acting import Desk, until

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


SHADE = """([x, y]) => {
  const canvas = document.querySelector("[data-test=canvas-picture]");
  const box = canvas.getBoundingClientRect(), ratio = canvas.width / box.width;
  const at = window.__gambol.videoToScreen(x, y);
  const point = [(at.x - box.left) * ratio, (at.y - box.top) * ratio].map(Math.round);
  return canvas.getContext("2d").getImageData(...point, 1, 1).data[0];
}"""


def test_a_window_shows_what_sixteen_bits_hold(serve, tmp_path_factory, page):
    folder = tmp_path_factory.mktemp("deep")
    stack = np.full((3, 96, 96), 1000, np.uint16)
    stack[:, :, 48:] = 3000
    tifffile.imwrite(folder / "deep.tif", stack, photometric="minisblack")
    films = [folder / "deep.tif", worlds.film(folder / "plain.mp4", n=4)]
    desk = Desk(serve(worlds.project(folder / "mice", films)), page)

    def shades():
        return [page.evaluate(SHADE, [x, 40]) for x in (20, 70)]

    page.wait_for_selector("[data-test=window]")
    assert max(shades()) < 20  # 3000 of 65535 is dark
    page.click("[data-test=window-fit]")
    until(lambda: shades()[0] < 10 and shades()[1] > 245)
    page.fill("[data-test=window-high]", "5000")
    until(lambda: abs(shades()[1] - 255 * 2000 / 4000) < 6)
    page.evaluate("document.activeElement.blur()")
    desk.press("ArrowRight")
    desk.wait("window.__gambol.frameShown().frame === 1")
    assert abs(shades()[1] - 128) < 6
    desk.watch(2)
    assert page.locator("[data-test=window]").count() == 0


def test_opening_draws_a_frame_and_asks_no_other_host(cinema, page, faults):
    asked = []
    page.on("request", lambda one: asked.append(one.url))
    desk = Desk(cinema, page)
    assert desk.probe("frameShown()")["video"] == 1
    assert any("/frames/" in url for url in asked)
    assert all(url.startswith(cinema.address) or url.startswith("blob:") for url in asked)

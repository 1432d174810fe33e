"""Labels taken out and dropped in, a film that moved, a frame that nobody can read."""

import json

import av
import numpy as np
import pytest
import worlds
from acting import Desk

from gambol.io import labels as io_labels
from gambol.io.project import Project


def spoilt(path):
    """Overwrite what lies between the second and the third key frame."""
    with av.open(str(path)) as film:
        keys = [p.pos for p in film.demux(video=0) if p.size and p.is_keyframe]
    data = bytearray(path.read_bytes())
    first, last = keys[1] + 40, keys[2]
    noise = np.random.default_rng(5).integers(0, 256, last - first, dtype=np.uint8)
    data[first:last] = noise.tobytes()
    path.write_bytes(bytes(data))
    return path


@pytest.fixture(scope="module")
def server(serve, tmp_path_factory):
    """A server of one film, half of whose second part is noise, and one labelled frame."""
    folder = tmp_path_factory.mktemp("files") / "mice"
    film = spoilt(worlds.film(folder / "videos" / "film.mp4", n=90))
    return serve(worlds.project(folder, [film], suggested=(3, 40, 70)))


@pytest.fixture
def faults(faults):
    """Faults of the pages; that the film is half noise is told until the page has closed."""
    yield faults
    unreadable(faults)


def test_labels_go_out_and_come_in_by_the_page(server, page, faults, tmp_path):
    desk = Desk(server, page)
    desk.jump(3)
    for k in range(4):
        desk.click(50 + 30 * k, 120)
    desk.press("Enter")
    desk.settle()
    page.keyboard.press("Alt+e")
    said = page.locator("[data-test=export-said]")
    said.wait_for()
    assert "1 animal in 1 frame" in said.inner_text()
    page.select_option("[data-test=export-format]", "coco")
    page.locator("[data-test=export-said] li").first.wait_for()  # what it cannot hold
    page.select_option("[data-test=export-format]", "slp")
    page.click("[data-test=export-go]")
    link = page.locator("[data-test=export-said] a")
    with page.expect_download() as coming:
        link.click()
    coming.value.save_as(tmp_path / "out.slp")
    assert len(io_labels.read(tmp_path / "out.slp")) == 1
    page.keyboard.press("Escape")
    page.locator("[data-test=export]").wait_for(state="detached")

    desk.press("Control+z", "Control+z", "Control+z", "Control+z", "Control+z")
    desk.settle()
    assert labelled(server.folder) == 0
    drop(page, tmp_path / "out.slp")
    page.locator("[data-test=foreseen] li").first.wait_for(timeout=30_000)
    assert "1 animals are added" in page.locator("[data-test=foreseen]").inner_text()
    page.click("[data-test=add]")
    page.locator("[data-test=add-dialog]").wait_for(state="detached", timeout=60_000)
    with Project.open(server.folder) as project:
        assert len(project.labels()) == 1
    unreadable(faults)


def labelled(folder):
    """How many animals have labels, drafts among them."""
    with Project.open(folder) as project:
        return len(project.labels(drafts=True))


def drop(page, path):
    """Drop a file somewhere on the page."""
    data = list(path.read_bytes())
    page.evaluate(
        """([name, data]) => {
          const carried = new DataTransfer();
          carried.items.add(new File([new Uint8Array(data)], name));
          const drop = new DragEvent("drop", {dataTransfer: carried, bubbles: true,
                                              cancelable: true});
          document.body.dispatchEvent(drop);
        }""",
        [path.name, data],
    )


def unreadable(faults):
    """Answers that this test means to get are no faults."""
    faults[:] = [one for one in faults if "422" not in one and "404" not in one]


def test_a_frame_that_cannot_be_read_is_marked_and_left_out(server, page, faults):
    desk = Desk(server, page)
    page.evaluate("() => { window.__drive.at = null; window.__drive.jump(45); }")
    page.locator("[data-test=frame-trouble]").wait_for()
    assert page.locator("[data-test=repair]").is_enabled()
    page.click("[data-test=mark-bad]")
    desk.settle()
    with Project.open(server.folder) as project:
        assert project.bad() == [(1, 45)]
    unreadable(faults)


def test_a_film_that_moved_is_found_again(server, page, faults):
    film = server.folder / "videos" / "film.mp4"
    film.rename(server.folder / "other.mp4")
    server.enter(page.context)
    page.goto(server.address)
    page.locator("[data-test=lost]").wait_for()
    page.click("[data-test=lost] button")
    page.click("[data-test=relink-search]")
    page.locator("[data-test=relink-dialog]").wait_for(state="detached")
    assert page.locator("[data-test=lost]").count() == 0
    said = json.dumps(server.client.get("api/project").json()["videos"])
    assert "other.mp4" in said
    unreadable(faults)

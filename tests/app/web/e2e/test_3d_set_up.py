"""From films to 3D in the page: a calibration comes in, offsets are set, points appear."""

import shutil

import pytest
from acting import Studio, until
from browser import axe
from spaced import films, world


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A project with films and 2D poses, and a calibration that lies beside it."""
    folder = tmp_path_factory.mktemp("set-up") / "mice.gambol"
    world(folder, seconds=1.0, tier="dlt")
    films(folder, frames=30)
    shutil.rmtree(folder / "runs")
    shutil.move(folder / "session" / "rig.toml", folder.parent / "theirs.toml")
    return folder


@pytest.fixture(scope="module")
def studio(folder, tmp_path_factory):
    made = Studio(folder, tmp_path_factory.mktemp("state"))
    yield made
    made.end()


@pytest.fixture
def space(studio, page):
    studio.enter(page.context)
    page.goto(studio.address + "#space")
    page.wait_for_selector("[data-test=setup], [data-test=screen-space]", timeout=30_000)
    return page


def test_a_project_without_3d_comes_to_it(studio, space, folder):
    assert axe(space) == []
    space.keyboard.press("Alt+i")
    with space.expect_file_chooser() as chooser:
        space.click("text=Choose on this computer")
    chooser.value.set_files(folder.parent / "theirs.toml")
    until(lambda: space.is_enabled("[data-test=rig-import-go]"), 5)
    assert axe(space) == []
    space.click("[data-test=rig-import-go]")
    space.wait_for_selector("[data-test=film-cam_0]", timeout=30_000)
    assert [r["title"] for r in studio.get("api/space")["rigs"]] == ["calibrations/theirs.toml"]
    chosen = [
        space.eval_on_selector(f"[data-test=film-cam_{k}]", "e => e.selectedOptions[0].text")
        for k in range(4)
    ]
    assert chosen == [f"cam_{k}.mp4" for k in range(4)]
    space.keyboard.press("Alt+c")
    space.wait_for_selector("[data-test=board-square]")
    assert axe(space) == [] and not space.is_enabled("[data-test=calibrate-go]")
    space.keyboard.press("Escape")
    space.wait_for_selector("[data-test=calibrate-dialog]", state="detached")
    space.keyboard.press("t")
    space.wait_for_selector("[data-test=runs-triangulate]", timeout=30_000)
    space.wait_for_selector("[data-test=screen-space]", timeout=60_000)
    (run,) = studio.get("api/space")["runs"]
    assert run["frames"] == 30 and all(v["video"] for v in run["views"])


def test_an_offset_of_the_keyboard_moves_one_view_and_undo_brings_it_back(studio, space):
    space.wait_for_selector("[data-test=view-cam_1]", timeout=30_000)
    space.keyboard.press("ArrowRight")
    cell = "[data-test=view-cam_1]"
    space.click(f"{cell} [data-test=stage-host]", position={"x": 8, "y": 30})
    for _ in range(2):
        space.keyboard.press(".")
    until(lambda: space.get_attribute(cell, "data-frame") == "3", 5)
    assert space.get_attribute("[data-test=view-cam_0]", "data-frame") == "1"
    until(lambda: "▲" in space.inner_text("[data-test=frame-cam_1]"), 5)
    until(lambda: studio.get("api/space")["runs"][0]["views"][1]["lag"] == 2, 5)
    space.keyboard.press("End")  # that film has no such frame: it is missing, not its neighbour
    until(lambda: space.get_attribute(cell, "data-frame") == "missing", 5)
    space.keyboard.press("Home")
    for left in (1, 0):
        space.keyboard.press("Control+z")
        until(lambda n=left: space.get_attribute(cell, "data-frame") == str(n), 5)
    until(lambda: "▲" not in space.inner_text("[data-test=frame-cam_1]"), 5)

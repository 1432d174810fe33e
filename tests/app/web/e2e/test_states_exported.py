"""What the page labels is what files hold, and what they cannot hold is said."""

import json

import numpy as np
import pytest
import worlds
from acting import Desk

from gambol.core.labels import Visibility
from gambol.io import labels as io_labels
from gambol.io.project import Project

WANTED = {0: Visibility.VISIBLE, 1: Visibility.OCCLUDED, 2: Visibility.ABSENT}


@pytest.fixture(scope="module")
def labelled(serve, films, browser, tmp_path_factory):
    """A server of a project in which one frame holds the four states, set by keys."""
    folder = tmp_path_factory.mktemp("states") / "mice"
    server = serve(worlds.project(folder, [films["cfr"]]))
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    desk = Desk(server, context.new_page())
    desk.jump(30)
    for k in range(4):
        desk.click(50 + 30 * k, 120)
    for k, key in enumerate(("v", "c", "x", "Delete")):
        desk.page.click(f"[data-test=keypoint-{k}]")
        desk.press(key)
    desk.press("Enter")
    desk.settle()
    context.close()
    return server


def export(server, kind):
    said = server.post("api/export", {"format": kind})
    return said, server.folder / said["path"]


def states(labels):
    return labels.visibility[0].tolist()


def test_slp_holds_what_was_set_and_says_what_it_cannot(labelled):
    with Project.open(labelled.folder) as project:
        own = project.labels()
    assert states(own)[:5] == [*WANTED.values(), Visibility.UNLABELLED, Visibility.UNLABELLED]
    said, path = export(labelled, "slp")
    back = io_labels.read(path)
    assert states(back)[:3] == list(WANTED.values())
    np.testing.assert_array_equal(back.xy[0, :3], own.xy[0, :3])
    assert states(back) == states(own)


def test_coco_says_2_1_0_and_lists_what_was_never_asked(labelled):
    said, path = export(labelled, "coco")
    (one,) = json.loads(path.read_text(encoding="utf-8"))["annotations"]
    assert one["keypoints"][2::3][:3] == [2, 1, 0]
    assert any(line.startswith("10 unlabelled") for line in said["lost"])


def test_a_frame_at_work_is_left_out_and_counted(labelled, browser):
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    desk = Desk(labelled, context.new_page())
    desk.jump(50)
    desk.click(100, 100)
    desk.settle()
    context.close()
    said, path = export(labelled, "slp")
    assert len(io_labels.read(path).frames) == 1
    assert any("1 frame" in line for line in said["lost"])

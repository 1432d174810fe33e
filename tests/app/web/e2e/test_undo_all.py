"""Whatever hands did, undo takes it back to the first edit, and redo does it all again."""

import hashlib
import random
import sqlite3
import uuid
from contextlib import closing

import pytest
import worlds
from acting import Desk, until

from gambol.io.project import Project

TABLES = ("skeleton", "individuals", "instances", "frames", "points", "suggestions", "regions")
ROWS = {  # numbers of rows are given anew when they come back
    "instances": "SELECT video, frame, individual, origin FROM instances ORDER BY 1, 2, 3",
    "points": "SELECT video, frame, individual, keypoint, x, y, visibility FROM points "
    "JOIN instances ON instances.id = instance ORDER BY 1, 2, 3, 4",
}


def digest(folder):
    """A hash of all that people said."""
    made = hashlib.sha256()
    with closing(sqlite3.connect(f"file:{folder}/project.db?mode=ro", uri=True)) as database:
        for table in TABLES:
            query = ROWS.get(table, f"SELECT * FROM {table} ORDER BY 1, 2")
            made.update(repr([table, database.execute(query).fetchall()]).encode())
    return made.hexdigest()


class Hands:
    """Do one thing after the other, whatever comes to mind."""

    def __init__(self, desk, rng):
        self.desk, self.rng = desk, rng

    def act(self):
        kinds = ["click"] * 6 + [
            "state",
            "drag",
            "nudge",
            "frame",
            "copy",
            "key",
            "enter",
            "flag",
            "whole",
            "name",
            "told",
        ]
        getattr(self, self.rng.choice(kinds))()

    def _place(self):
        return self.rng.uniform(20, 236), self.rng.uniform(20, 236)

    def click(self):
        self.desk.click(*self._place())

    def state(self):
        self.desk.press("e", self.rng.choice(["v", "c", "x", "Delete"]))

    def drag(self):
        truth = worlds.truth(5, 120)[75, self.rng.randrange(5), self.rng.randrange(worlds.J)]
        self.desk.jump(75)
        self.desk.drag(truth, truth + self.rng.uniform(-9, 9))

    def nudge(self):
        self.desk.press("q", *self.rng.choices(["w", "a", "s", "d", "Shift+d"], k=3))

    def frame(self):
        self.desk.jump(self.rng.choice([*range(10, 40, 6), 61, 66, 71]))

    def copy(self):
        self.desk.press("Control+c", "Control+v")

    def key(self):
        self.desk.press(
            self.rng.choice(["r", "n", "Shift+N", "b", "Alt+n", "1", "2", "Escape"])
        )

    def enter(self):
        self.desk.press("Enter")
        self.desk.page.wait_for_timeout(60)

    def flag(self):
        self.desk.press("u")
        self.desk.page.keyboard.type("why?")
        self.desk.press("Enter")

    def whole(self):
        """Delete an animal with no point of it chosen."""
        self.desk.press("1", "Delete")

    def name(self):
        self.desk.press("1", "F2")
        field = self.desk.page.locator("[data-test=animal-name]")
        if field.count():
            field.fill(f"mouse {self.rng.randrange(10**9)}")
            self.desk.press("Enter")

    def told(self):
        """What other parts of the page write: regions, animals, suggestions, a skeleton."""
        self.desk.settle()
        n = self.rng.randrange(1000, 10**6)
        corners = [[1.0, 2.0], [9.0, 2.0], [9.0, float(n % 200) + 3]]
        skeleton = self.desk.studio.get("api/project")["skeleton"]
        names = [f"tail {n}" if k == 12 else k for k in skeleton["keypoints"][:12]]
        names.append(f"tail {n}")
        change = self.rng.choice([
            ("regions", [n], None, {"video": 1, "frame": -1, "polygon": corners}),
            ("individuals", [n], None, {"name": f"animal {n}"}),
            ("suggestions", [1, 80 + n % 7], ..., {"reason": f"r{n}", "rank": n}),
            ("frames", [1, 90 + n % 7], ..., {"flag": 2, "note": f"n{n}"}),
            ("skeleton", [1], skeleton, skeleton | {"keypoints": names}),
        ])  # fmt: skip
        table, key, saw, value = change
        row = {"table": table, "key": key, "saw": None if saw is ... else saw, "value": value}
        edit = {"id": str(uuid.UUID(int=self.rng.getrandbits(128))), "action": f"edit {table}",
                "changes": [row]}  # fmt: skip
        said = {"edits": [edit], "force": saw is ...}
        answer = self.desk.studio.client.post(
            "api/edits", json=said, headers={"X-Gambol-User": "Mei"}
        )
        assert answer.status_code == 200, answer.text
        self.desk.page.wait_for_timeout(100)  # the page hears of it


@pytest.mark.slow
def test_all_undone_is_the_start_and_all_redone_the_end(serve, films, page, tmp_path):
    random_edits(serve, films["cfr"], page, tmp_path / "mice", 60)


def random_edits(serve, film, page, folder, n):
    """Return how many edits were made, undone and made again."""
    worlds.project(folder, [film], animals=("mouse 1", "mouse 2"), suggested=(5, 25, 65))
    worlds.saw(folder, film, worlds.truth(5, 120))
    server = serve(folder)
    desk = Desk(server, page)
    start = digest(folder)
    first = server.get("api/project")["seq"]
    hands = Hands(desk, random.Random(5))
    while server.get("api/project")["seq"] - first < n:
        hands.act()
    desk.page.wait_for_timeout(1100)  # nudges wait for their like
    edits = desk.saved() - first
    end = digest(folder)
    assert end != start
    through(desk, "Control+z", edits)
    assert digest(folder) == start
    page.reload()
    desk.ready()
    through(desk, "Control+Shift+Z", edits)
    assert digest(folder) == end
    with Project.open(folder) as project:
        assert project.check() == []
    return edits


def through(desk, key, n):
    """Undo or redo n edits by key, and no more than there are."""
    for _ in range(n):
        before = desk.studio.get("api/project")["seq"]
        desk.press(key)
        until(lambda before=before: desk.studio.get("api/project")["seq"] > before)
    desk.page.keyboard.press(key)
    desk.page.wait_for_timeout(200)
    assert "Nothing to" in desk.page.locator("[data-test=toast]").last.inner_text()


def test_the_history_says_who_did_what(studio, desk):
    desk.jump(44)
    desk.click(90, 90)
    desk.settle()
    newest = studio.get("api/history?n=1")[0]
    assert (
        newest["by"] == "Mei" and "nose" in newest["action"] and newest["places"] == [[1, 44]]
    )
    desk.press("Alt+h")
    history = desk.page.locator("[data-test=history]")  # its lines are asked for when it opens
    until(lambda: "nose" in history.inner_text())


@pytest.mark.parametrize("keys", [("Control+z",), ("Control+Shift+Z", "Control+z")])
def test_undo_of_others_work_is_not_mine(studio, page, keys):
    desk = Desk(studio, page, user="Nobody yet")
    before = studio.get("api/project")["seq"]
    desk.press(*keys)
    desk.page.wait_for_timeout(300)
    assert studio.get("api/project")["seq"] == before

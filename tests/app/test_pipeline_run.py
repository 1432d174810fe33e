"""Commands are played by a function that writes what a command would."""

import threading
import time

import pytest

from gambol.app import pipeline_file, pipeline_run
from gambol.app.pipeline_file import ALL
from gambol.app.pipeline_jobs import Ended
from gambol.app.pipeline_record import Record

TEXT = """
recordings: films/*
steps:
  poses: predict {path} --out poses/{name}.nc
  clean: clean poses/{name}.nc --out clean/{name}.nc
  map: {once: map clean --out map.nc}
  place: apply-map map.nc clean/{name}.nc --out placed/{name}.nc
"""


class World:
    """Films, and commands that copy what they read into what they write."""

    def __init__(self, folder, names="abc"):
        self.folder, self.did, self.broken = folder, [], set()
        (folder / "films").mkdir()
        for name in names:
            (folder / "films" / name).write_text(f"film {name}")
        (folder / "mice.yaml").write_text(TEXT)

    def work(self, words, key):
        self.did.append((key.step, key.recording))
        if (key.step, key.recording) in self.broken:
            return Ended(None, "it is broken", 0.1)
        texts = []
        for word in words[1 : words.index("--out")]:
            place = self.folder / word
            files = sorted(place.glob("*")) if place.is_dir() else [place]
            texts += [file.read_text() for file in files]
        out = self.folder / words[-1]
        out.parent.mkdir(exist_ok=True)
        out.write_text("+".join(texts))
        return Ended({"made": words[-1]}, None, 0.1)

    def go(self, at_once=1, look=False, steps=(), names=()):
        known = pipeline_file.read(self.folder / "mice.yaml")
        wanted = pipeline_run.Wanted(
            frozenset(steps or (step.name for step in known.steps)),
            frozenset(names or (one.name for one in known.recordings)), look,
        )  # fmt: skip
        self.did = []
        record = Record(self.folder / ".run")  # as a new process would
        found = pipeline_run.go(known, record, wanted, self.work, at_once)
        return {(one.key.step, one.key.recording): one.state for one in found}


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_everything_is_done_once_in_its_order_and_nothing_a_second_time(world):
    assert set(world.go().values()) == {"done"}
    assert len(world.did) == 3 + 3 + 1 + 3
    at = world.did.index(("map", ALL))
    assert {step for step, _ in world.did[:at]} == {"poses", "clean"}
    assert world.did.index(("poses", "b")) < world.did.index(("clean", "b")) < at
    assert (world.folder / "map.nc").read_text() == "film a+film b+film c"
    assert set(world.go().values()) == {"current"} and world.did == []


def test_what_changed_is_done_again_with_all_that_follows_from_it(world):
    world.go()
    time.sleep(0.01)
    (world.folder / "films" / "b").write_text("another film")
    looked = world.go(look=True)
    assert world.did == []
    due = {key for key, state in looked.items() if state == "due"}
    assert due == {("poses", "b"), ("clean", "b"), ("map", ALL), *(("place", n) for n in "abc")}
    world.go()
    assert set(world.did) == due
    assert (world.folder / "placed" / "a.nc").read_text().startswith("film a+another film")


def test_one_that_fails_holds_nobody_up_but_what_needs_it(world):
    world.broken = {("clean", "b")}
    found = world.go()
    assert found["clean", "b"] == "failed" and found["poses", "b"] == "done"
    assert found["clean", "c"] == "done" and found["map", ALL] == "waits"
    assert found["place", "a"] == found["place", "b"] == "waits"
    assert world.go(look=True)["clean", "b"] == "failed"
    world.broken = set()
    assert world.go()["place", "b"] == "done"
    assert ("clean", "c") not in world.did and ("clean", "b") in world.did


def test_some_steps_of_some_recordings(world):
    assert world.go(steps=["poses"], names=["a"]) == {("poses", "a"): "done"}
    assert world.did == [("poses", "a")]
    # what it needs is not asked for, so it waits
    assert set(world.go(steps=["map"]).values()) == {"waits"} and world.did == []
    world.go(steps=["poses", "clean"])
    assert world.go(steps=["map"]) == {("map", ALL): "done"}
    added = world.folder / "films" / "d"
    added.write_text("film d")
    assert world.go(steps=["map"]) == {("map", ALL): "waits"}


def test_recordings_are_worked_on_side_by_side(tmp_path):
    world = World(tmp_path, names="ab")
    meeting = threading.Barrier(2, timeout=30)
    plain = world.work

    def together(words, key):
        if key.step == "poses":
            meeting.wait()  # breaks if they come one after another
        return plain(words, key)

    world.work = together
    assert set(world.go(at_once=2).values()) == {"done"}
    one = (tmp_path / "map.nc").read_text()
    assert one == "film a+film b"


def test_the_same_comes_out_for_any_number_of_workers_and_wherever_it_was_cut(tmp_path):
    texts = []
    for k, (at_once, cuts) in enumerate([(1, 0), (3, 0), (2, 5)]):
        folder = tmp_path / str(k)
        folder.mkdir()
        world = World(folder, names="abcde")
        plain, left = world.work, [cuts]

        def cut(words, key, plain=plain, left=left):
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt
            return plain(words, key)

        world.work = cut
        if cuts:
            with pytest.raises(KeyboardInterrupt):
                world.go(at_once=at_once)
        world.go(at_once=at_once)
        made = sorted(path for path in folder.glob("*/*.nc"))
        texts.append([(folder / "map.nc").read_text(), *(path.read_text() for path in made)])
    assert texts[0] == texts[1] == texts[2] and len(texts[0]) == 16

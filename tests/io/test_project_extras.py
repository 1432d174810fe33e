"""What files of other programs said is kept by a project, with undo, and follows its animal."""

import json

import numpy as np
import pytest
from labelled import film, make

from gambol.core.extras import WHOLE, Extras
from gambol.core.labels import UNKNOWN, replace
from gambol.io.project import Project


@pytest.fixture
def told(tmp_path):
    """Labels of a film, with something said of each animal, frame, the video and all."""
    labels = make([film(tmp_path / "film.mp4")], individuals=("ann", "bob"))
    said = tuple({"coco": {"n": n}} for n in range(len(labels)))
    frames = {tuple(pair): {"coco": {"at": pair}} for pair in labels.frames.tolist()}
    frames[0, WHOLE] = {"slp": {"backend": {"grayscale": True}}}
    return replace(labels, extras=Extras(said, frames, {"coco": {"info": {"by": "Kai"}}}))


def by_animal(labels):
    keys = zip(labels.frame.tolist(), map(labels.name, range(len(labels))), strict=True)
    return {key: labels.extras.row(n, "coco") for n, key in enumerate(keys)}


def test_all_comes_back_and_undo_takes_it_away(told, tmp_path):
    with Project.create(tmp_path / "p", told.skeleton) as project:
        project.put_labels(told)
        back = project.labels()
        assert by_animal(back) == by_animal(told)
        assert back.extras.frames == told.extras.frames and back.extras.all == told.extras.all
        assert project.check() == []
        project.undo()
        assert project.labels().extras == Extras()
        project.redo()
        assert by_animal(project.labels()) == by_animal(told) and project.check() == []


def test_another_import_adds_and_the_later_word_counts(told, tmp_path):
    with Project.create(tmp_path / "p", told.skeleton) as project:
        project.put_labels(told)
        more = tuple({"coco": {"n": -1}, "slp": {"score": 0.5}} for _ in range(len(told)))
        project.put_labels(replace(told, extras=Extras(more)))
        back = project.labels()
        assert {said["n"] for said in by_animal(back).values()} == {-1}
        assert back.extras.row(0, "slp") == {"score": 0.5}
        assert back.extras.file("coco") == {"info": {"by": "Kai"}}


def test_it_stays_with_an_animal_that_is_named(told, tmp_path):
    one = told.select(np.array([0]))
    nameless = replace(one, individual=np.array([UNKNOWN]))
    frame = int(one.frame[0])
    with Project.create(tmp_path / "p", told.skeleton) as project:
        project.put_labels(nameless)
        project.name_instance(1, frame, -1, "ann")
        assert by_animal(project.labels()) == {(frame, "ann"): {"n": 0}}
        project.undo()
        assert by_animal(project.labels()) == {(frame, ""): {"n": 0}}
        project.put_labels(one)  # the same animal in the same place, now with its name
        said = project._all("SELECT individual, value FROM extras WHERE individual <> 0")
        assert [(who > 0, json.loads(text)) for who, text in said] == [
            (True, {"coco": {"n": 0}})
        ]

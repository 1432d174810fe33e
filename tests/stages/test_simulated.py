"""Labels, truth and behaviour of simulated films as files."""

import numpy as np
import pytest

from gambol.core.labels import Visibility
from gambol.core.skeleton import Skeleton
from gambol.io.ethogram import formats
from gambol.io.project import Project
from gambol.stages import simulated

BONES = Skeleton(("a", "b", "c"), (-1, 0, 1), (-1, -1, -1))


def test_keypoints_that_are_dropped_leave_their_children_to_their_parent():
    some = simulated.part(BONES, simulated.kept(BONES, ("a", "c")))
    assert some.keypoints == ("a", "c") and some.parent == (-1, 0)


def view(tmp_path, name, seen):
    xy = np.where(
        seen[..., None] == Visibility.ABSENT, np.nan, 5.0 + np.zeros((*seen.shape, 2))
    )
    return simulated.View(tmp_path / name, xy, seen.astype(np.uint8))


def test_the_same_moments_are_labelled_in_every_view(tmp_path):
    seen = np.full((10, 2, 3), Visibility.VISIBLE)
    hidden = seen.copy()
    hidden[:, 1] = Visibility.ABSENT
    hidden[9] = Visibility.ABSENT
    views = [view(tmp_path, "a.mp4", seen), view(tmp_path, "b.mp4", hidden)]
    made = simulated.labels(BONES, views, 4)
    moments = [0, 3, 6, 9]
    assert sorted(set(made.frame[made.video == 0])) == moments
    assert made.frame[made.video == 1].tolist() == [0, 3, 6]
    assert made.individual[made.video == 1].tolist() == [0, 0, 0]
    assert made.negatives.tolist() == [[1, 9]]
    assert made.individuals == ("animal1", "animal2")


def test_behaviour_and_the_states_above_it_are_two_levels_of_one_table(tmp_path):
    did = simulated.Did(
        np.array([[0], [0], [1], [1], [0]]), ("walk", "groom"),
        np.array([[1], [1], [1], [0], [0]]), ("rest", "groom"),
    )  # fmt: skip
    simulated.write_behaviour(did, "day", 10.0, tmp_path / "b.csv")
    bouts = formats.read(tmp_path / "b.csv").ethogram.bouts
    rows = bouts[["label", "category", "start_frame", "stop_frame"]].values.tolist()
    assert sorted(rows) == sorted([
        ["walk", "behaviour", 0, 2], ["groom", "behaviour", 2, 4], ["walk", "behaviour", 4, 5],
        ["state: groom", "state", 0, 3], ["state: rest", "state", 3, 5],
    ])  # fmt: skip
    assert bouts["stop_s"].max() == pytest.approx(0.5)


def test_a_project_is_made_once(recording):
    folder = recording.labels.parent
    with Project.open(folder) as project:
        before = len(project.labels())
        assert before > 10
    simulated.make_project(recording.labels, folder)
    with Project.open(folder) as project:
        assert len(project.labels()) == before

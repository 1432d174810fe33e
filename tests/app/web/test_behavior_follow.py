"""Decisions follow a refitted model: shown with their overlap, taken when somebody says so."""

import numpy as np
import pytest
import xarray as xr

from gambol.app.web import behavior_follow
from gambol.app.web.answers import Fail
from gambol.app.web.behavior_book import Book
from gambol.app.web.behavior_runs import Finder
from gambol.app.web.models_groups import FollowEdit
from gambol.core.errors import InputError
from gambol.io import store
from gambol.stages import label_map
from gambol.stages.label_map import LabelMapConfig

AGAIN = np.array([2, 0, 3, 1])  # what the refit calls each label


@pytest.fixture
def books(tmp_path):
    """A run with decisions, and a refit that names the same labels otherwise."""
    rng = np.random.default_rng(0)
    label = np.repeat(rng.integers(0, 4, 200), rng.integers(5, 20, 200)).astype(np.int16)
    for name, values in (("old", label), ("new", AGAIN[label].astype(np.int16))):
        made = xr.Dataset(
            {"syllable": ("time", values)}, attrs={"fps": 30.0, "made_from": name}
        )
        store.write_dataset(made, tmp_path / "runs" / name / "syllables" / "day.nc")
    old = tmp_path / "runs" / "old"
    for action, words in (("rename", ["1", "rear"]), ("merge", ["2", "3"])):
        label_map.run(LabelMapConfig(author="ann"), old, action, words)

    def read():
        runs = {run.folder.name: Book(run) for run in Finder(tmp_path).runs()}
        return runs["old"], runs["new"]

    return read


def test_what_was_decided_is_proposed_for_the_labels_that_continue_it(books):
    found = behavior_follow.show("b1", *books()).proposals
    assert {(row.kind, tuple(row.labels), row.value) for row in found} == {
        ("rename", (0,), "rear"), ("merge", (1, 3), "")} or {
        ("rename", (0,), "rear"), ("merge", (3, 1), "")} == {
        (row.kind, tuple(row.labels), row.value) for row in found}  # fmt: skip
    assert all(row.good and row.overlap == 1.0 for row in found)


def test_only_what_is_approved_is_taken_and_undo_takes_it_back(books):
    old, new = books()
    shown = behavior_follow.show("b1", old, new)
    name = next(n for n, row in enumerate(shown.proposals) if row.kind == "rename")
    said = FollowEdit(source="b1", chosen=[name], seen=shown.seen)
    behavior_follow.take(old, new, said, "mei")
    now = books()[1]
    named = {one.id: one.name for one in now.run.applied.labels}
    assert named[0] == "rear" and len(now.run.label_map.active) == 1
    assert now.run.label_map.active[0].author == "mei"
    label_map.run(LabelMapConfig(), now.found.folder, "undo", [])
    assert {one.name for one in books()[1].run.applied.labels} == {"0", "1", "2", "3"}


def test_proposals_that_are_others_by_now_are_not_taken(books):
    old, new = books()
    with pytest.raises(Fail) as told:
        behavior_follow.take(
            old, new, FollowEdit(source="b1", chosen=[0], seen="others"), "mei"
        )
    assert told.value.status == 409
    with pytest.raises(InputError, match="nothing was decided"):
        behavior_follow.show("b1", new, old)


def test_a_name_that_was_changed_meanwhile_is_not_approved_unseen(books):
    old, new = books()
    shown = behavior_follow.show("b1", old, new)
    label_map.run(LabelMapConfig(), old.found.folder, "rename", ["1", "groom"])
    old, new = books()
    assert len(behavior_follow.show("b1", old, new).proposals) == len(shown.proposals)
    with pytest.raises(Fail, match="others by now") as told:
        behavior_follow.take(
            old, new, FollowEdit(source="b1", chosen=[0], seen=shown.seen), "mei"
        )
    assert told.value.status == 409 and not books()[1].run.label_map.active


def test_an_approval_that_comes_again_happens_once(books):
    old, new = books()
    label_map.run(LabelMapConfig(), old.found.folder, "note", ["0", "slow"])
    old, new = books()
    shown = behavior_follow.show("b1", old, new)
    note = next(n for n, row in enumerate(shown.proposals) if row.kind == "note")
    said = FollowEdit(id="one", source="b1", chosen=[note], seen=shown.seen)
    behavior_follow.take(old, new, said, "mei")
    behavior_follow.take(old, new, said, "mei")  # on its way at the same time
    label_map.run(LabelMapConfig(), old.found.folder, "undo", ["3"])
    behavior_follow.take(*books(), said, "mei")  # after a lost answer
    assert [d.value for d in books()[1].run.label_map.active] == ["slow"]

"""The stage of label maps: words become decisions, proposals are approved, exports follow."""

import label_worlds
import numpy as np
import pandas as pd
import pytest

from gambol.core.errors import InputError
from gambol.core.sequences import unpack
from gambol.io import ethogram as io_ethogram
from gambol.io import label_map as io_map
from gambol.io import store, syllable_runs
from gambol.stages import label_map, label_runs

CFG = label_map.LabelMapConfig(author="ann")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return label_worlds.write(tmp_path_factory.mktemp("labels"))


@pytest.fixture
def run(world):
    (world / io_map.NAME).unlink(missing_ok=True)
    return world


def act(run, *words, **given):
    return label_map.run(given.pop("cfg", CFG), run, words[0], words[1:], **given)


def names(told):
    return {row["name"] for row in told.labels if row["usage"] > 0}


def test_words_become_decisions_that_are_kept_with_author_and_time(run):
    act(run, "rename", "1", "walk")
    act(run, "merge", "0", "5")
    act(run, "colour", "walk", "#00AA11")
    act(run, "note", "walk", "along the wall")
    told = act(run, "exclude", "3")
    held = io_map.read(run / io_map.NAME)
    assert [d.kind for d in held.decisions] == ["rename", "merge", "colour", "note", "exclude"]
    assert {d.author for d in held.decisions} == {"ann"}
    assert held.decisions[0].time.endswith("Z")
    assert held.size == 8  # of the model, though not all are used
    assert names(told) == {"walk", "0", "2", "3", "4"}
    text = label_map.describe(told._asdict())
    assert "walk" in text
    assert "along the wall" in text
    assert "of 0, 5" in text


def test_pictures_leave_out_what_the_tracker_had_lost(run):
    path = run.parent / "poses" / "day1.nc"
    held = store.read_dataset(path)
    lost = held.copy(deep=True)
    lost["position"][200:300, ..., 0] = 9999.0  # the place for what was not found
    lost["confidence"][200:300] = 0.01
    try:
        store.write_dataset(lost, path)
        seen = {
            own.track.name: own.track.xy for own in label_runs.Poses(label_runs.read(run), ())
        }
    finally:
        store.write_dataset(held, path)
    assert np.nanmax(seen["day1"]) < 9000.0 and np.isnan(seen["day1"][200:300]).all()
    assert not np.isnan(seen["day0"]).any()


def test_rare_labels_are_summed_up_and_what_is_written_is_said_alone():
    row = {"colour": "", "excluded": False, "notes": [], "decided": False}
    shares = {0: 0.97, 1: 0.004} | {k: 0.002 for k in range(2, 11)} | {11: 0.008, 12: 0.0}
    rows = [
        {**row, "id": k, "name": str(k), "usage": share, "members": [k]}
        for k, share in shares.items()
    ]
    rows[1] |= {"name": "sneeze", "decided": True}
    said = {"file": "m.json", "end": 1, "decisions": 3, "made": (), "said": ()}
    text = label_map.describe({**said, "labels": rows})
    assert "1 decision in effect, 2 undone" in text and "sneeze" in text
    assert "1.80 %  9 labels: 2, 3, 4, 5, 6, 7, …" in text and len(text.splitlines()) == 5
    few = label_map.describe({**said, "labels": rows[:6]})
    assert "rarer ones" not in few and len(few.splitlines()) == 7
    written = label_map.describe({**said, "labels": rows, "made": ("x.boris",)})
    assert written.splitlines()[1:] == ["wrote x.boris"]


def test_undo_and_redo_move_the_end(run):
    act(run, "rename", "1", "walk")
    act(run, "merge", "0", "5")
    assert act(run, "undo", "2").end == 0
    assert act(run, "redo").end == 1
    told = act(run, "show")
    assert (told.end, told.decisions) == (1, 2)
    assert "walk" in names(told)


def test_a_clip_that_is_split_off_has_a_label_of_its_own(run):
    seq = label_runs.read(run).sequences
    labels = unpack(seq)[seq.names.index("day1")]
    start = int(np.flatnonzero(labels == 1)[0])
    act(run, "split", "1", "day1", f"{start}:{start + 4}", "stumble")
    done = unpack(label_runs.read(run).applied.sequences)[1]
    assert (done[start : start + 4][labels[start : start + 4] == 1] == 8).all()
    elsewhere = int(np.flatnonzero(labels == 2)[0])
    with pytest.raises(InputError, match="have no label 1; they have 2"):
        act(run, "split", "1", "day1", f"{elsewhere}:{elsewhere + 1}")
    with pytest.raises(InputError, match="no recording 'dya1'"):
        act(run, "split", "1", "dya1", "0:5")


def test_an_export_has_names_colours_and_notes_and_nothing_excluded(run, tmp_path):
    act(run, "rename", "1", "walk")
    act(run, "colour", "1", "#00aa11")
    act(run, "note", "1", "along the wall")
    act(run, "merge", "0", "5")
    act(run, "exclude", "3")
    act(run, "export", out=tmp_path / "bouts.csv")
    found = io_ethogram.read(tmp_path / "bouts.csv").ethogram
    assert set(found.bouts["label"]) == {"walk", "0", "2", "4"}
    seq = label_runs.read(run).sequences
    one = unpack(seq)[0]
    walked = found.bouts[
        (found.bouts["label"] == "walk") & (found.bouts["recording"] == "day0")
    ]
    assert (walked["stop_frame"] - walked["start_frame"]).sum() == (one == 1).sum()
    row = found.scheme.set_index("label").loc["walk"]
    assert row["colour"] == "#00aa11"
    assert row["definition"] == "along the wall"


def test_labels_that_move_alike_are_suggested_and_merged_on_approval(run, tmp_path):
    path = tmp_path / "proposals.csv"
    told = act(run, "suggest", out=path)
    table = pd.read_csv(path, dtype=str)
    assert table["labels"].tolist() == ["0 5"]
    assert table["approve"].tolist() == ["no"]
    assert "1 merge below" in told.said[0]
    assert act(run, "approve", str(path)).end == 0
    table.assign(approve="yes").to_csv(path, index=False)
    assert act(run, "approve", str(path)).end == 1
    assert names(act(run, "show")) == {"0", "1", "2", "3", "4"}


def test_poses_that_are_given_serve_as_well_as_those_that_are_named(run, tmp_path):
    one, other = tmp_path / "a.csv", tmp_path / "b.csv"
    ends = label_map.LabelMapConfig(anterior=("neck",), posterior=("hips",))
    act(run, "suggest", out=one)
    act(run, "suggest", out=other, poses=[run.parent / "poses"], cfg=ends)
    assert [pd.read_csv(p)["labels"].tolist() for p in (one, other)] == [["0 5"], ["0 5"]]
    by_what_follows = label_map.LabelMapConfig(metric="transitions", cut=1.0)
    act(run, "suggest", out=one, cfg=by_what_follows)
    assert len(pd.read_csv(one)) == 1
    with pytest.raises(InputError, match="give --cut"):
        act(run, "suggest", cfg=label_map.LabelMapConfig(metric="cosine"))


def test_decisions_follow_a_refitted_model_under_other_numbers(run, tmp_path):
    act(run, "rename", "1", "walk")
    act(run, "merge", "0", "5")
    act(run, "rename", "0", "rest")
    act(run, "exclude", "4")
    order = np.array([3, 6, 1, 0, 2, 5, 4, 7])
    new = tmp_path / "run"
    for path in sorted((run / "syllables").glob("*.nc")):
        course = syllable_runs.read(path)
        course["syllable"].values = order[course["syllable"].values].astype(np.int16)
        syllable_runs.write(course, new / "syllables" / path.name)
    told = act(new, "follow", str(run))
    assert "not carried" not in " ".join(told.said)
    act(new, "approve", str(new / "proposals.csv"))
    old, now = (label_runs.read(one).applied for one in (run, new))
    called = {label.name for label in now.labels if len(label.members) > 1}
    assert called == {"rest"}
    for one, other in zip(unpack(old.sequences), unpack(now.sequences), strict=True):
        here = np.where(one >= 0, np.array(old.names)[one], "")
        there = np.where(other >= 0, np.array(now.names)[other], "")
        for name in ("rest", "walk", ""):
            assert np.array_equal(here == name, there == name)


def test_a_map_of_another_model_is_not_applied(run):
    act(run, "rename", "1", "walk")
    held = store.read_json(run / io_map.NAME)
    store.write_json({**held, "model": "fit-syllables 2"}, run / io_map.NAME)
    with pytest.raises(InputError, match="another model"):
        act(run, "show")


@pytest.mark.parametrize("label", ["syllable", "stay"])
def test_the_way_between_regions_of_a_map_is_seen_but_no_label(tmp_path, label):
    run = label_worlds.write_map(tmp_path)
    cfg = label_map.LabelMapConfig(author="ann", label=label)
    path = tmp_path / "proposals.csv"
    act(run, "suggest", out=path, cfg=cfg)  # onsets after a way count
    assert pd.read_csv(path, dtype=str)["labels"].tolist() == ["1 6"]
    by_what_follows = cfg.model_copy(update={"metric": "transitions", "cut": 1.0})
    act(run, "suggest", out=path, cfg=by_what_follows)  # of the next region, not of the way
    proposed = pd.read_csv(path, dtype=str)["labels"].str.split().sum()
    assert proposed and "0" not in proposed
    told = act(run, "show", cfg=cfg)
    labels = np.concatenate(
        [store.read_dataset(p)[label].values for p in (run / "places").iterdir()]
    )
    share = {row["id"]: row["usage"] for row in told.labels}
    assert share[0] == 0.0 and share[2] == pytest.approx((labels == 2).mean())
    act(run, "export", out=tmp_path / "bouts.csv", cfg=cfg)
    found = io_ethogram.read(tmp_path / "bouts.csv").ethogram
    assert set(found.bouts["label"]) == set("123456")
    assert not len(found.observed)  # all of each recording was
    for words in (("rename", "0", "way"), ("merge", "2", "0")):
        with pytest.raises(InputError, match="is the way between its regions"):
            act(run, *words, cfg=cfg)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("renam", "1", "x"), "did you mean"),
        (("rename", "1"), "write rename LABEL NAME"),
        (("rename", "11", "x"), "no label '11'"),
        (("split", "1", "day1", "5-9"), "FIRST:STOP"),
        (("undo", "all"), "write undo"),
        (("approve",), "name the file"),
        (("follow",), "name the run"),
        (("export",), "give --out"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_remedy(run, words, said):
    with pytest.raises(InputError, match=said):
        act(run, *words)
    assert not (run / io_map.NAME).exists() or io_map.read(run / io_map.NAME).end == 0

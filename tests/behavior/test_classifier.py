"""Behaviours are learned as well as features tell them, and no better."""

import importlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from classified import FPS, QUICK, ethogram, recording, spans, world
from sklearn.base import clone
from sklearn.metrics import f1_score

from gambol.behavior.classifier import BehaviorClassifier
from gambol.core.errors import InputError
from gambol.core.ethogram_frames import dense
from gambol.io import store


@pytest.fixture(scope="module")
def learned():
    arrays, told = world(5)
    return BehaviorClassifier(**QUICK).fit(arrays, told), arrays, told


def test_behaviours_that_features_tell_are_found_in_new_recordings(learned):
    model, _, _ = learned
    made, shown = recording("new", 99)
    found = model.predict([made])["new"]
    assert set(found["label"].values) == {"rear", "groom"}
    for k, label in enumerate(("rear", "groom")):
        assert f1_score(shown[:, k], found.sel(label=label)) > 0.85
    told = ethogram(spans("new", shown, ("rear", "groom")), [made])
    assert model.score([made], told) == pytest.approx(
        np.mean(
            [f1_score(shown[:, k], found.sel(label=w)) for k, w in enumerate(("rear", "groom"))]
        )
    )


def test_held_out_scores_foretell_those_of_new_recordings(learned):
    model, _, _ = learned
    arrays, told = [], []
    for n in range(4):
        made, shown = recording(f"new {n}", 200 + n)
        arrays.append(made)
        told += spans(made.name, shown, ("rear", "groom"))
    new = model.scores(arrays, ethogram(told, arrays)).set_index("label")
    own = model.scores_.set_index("label")
    assert (abs(new["f1"] - own["f1"]) < 0.08).all()
    assert (own["f1_low"] <= own["f1"]).all() and (own["f1"] <= own["f1_high"]).all()


def shuffled(told, arrays, rng):
    """Every recording's bouts moved around in a circle by a random time."""
    rows = []
    for one in arrays:
        shown = dense(told, one.name)
        turned = np.roll(shown.active, int(rng.integers(200, 700)), axis=0)
        rows += spans(one.name, turned, [c.label for c in shown.channels])
    return ethogram(rows, arrays)


def test_shuffled_labels_give_chance_by_recording():
    arrays, told = world(6, ("rear",))
    found = []
    for seed in range(3):
        wrong = shuffled(told, arrays, np.random.default_rng(seed))
        scores = BehaviorClassifier(**QUICK).fit(arrays, wrong).scores_.iloc[0]
        found.append((scores["average_precision"] - scores["share"], scores["matthews"]))
    assert abs(np.mean(found, axis=0)).max() < 0.08


def test_a_constant_of_each_recording_brings_no_gain():
    arrays, told = world(6, ("rear",), noise=3.0)
    rng = np.random.default_rng(0)
    marked = []
    for one in arrays:
        more = one.isel(feature=[0, 1]).copy(data=np.full((len(one), 2), rng.normal(size=2)))
        more = more.assign_coords(feature=["speed of room", "speed of camera"])
        marked.append(
            one.combine_first(more).reindex(
                feature=[*one.feature.values, "speed of room", "speed of camera"]
            )
        )
    plain = BehaviorClassifier(**QUICK).fit(arrays, told).scores_.iloc[0]
    leaky = BehaviorClassifier(**QUICK).fit(marked, told).scores_.iloc[0]
    assert leaky["average_precision"] < plain["average_precision"] + 0.02


def test_random_frames_are_refused():
    arrays, told = world(3, ("rear",))
    model = BehaviorClassifier(**QUICK)
    with pytest.raises(InputError, match="single frames are refused"):
        model.fit(arrays, told, groups="frames")
    drawn = np.random.default_rng(0).integers(0, 5, 3 * 900)
    with pytest.raises(InputError, match="single frames are refused"):
        model.fit(arrays, told, folds=drawn)


def test_unobserved_frames_count_neither_way():
    arrays, told = world(4, ("rear",))
    halves = pd.DataFrame(
        {"recording": [a.name for a in arrays], "start_frame": 0, "stop_frame": 450}
    )
    early = told.bouts[told.bouts["stop_frame"] <= 450]
    rows = early[["recording", "label", "start_frame", "stop_frame"]]
    half = BehaviorClassifier(**QUICK).fit(arrays, ethogram(rows, arrays, halves))
    cut = [one.isel(time=slice(0, 450)) for one in arrays]
    whole = BehaviorClassifier(**QUICK).fit(cut, ethogram(rows, cut))
    assert half.scores_["frames"].iloc[0] == 4 * 450
    same = ["label", "frames", "share", "bouts", "average_precision"]
    pd.testing.assert_frame_equal(half.scores_[same], whole.scores_[same])
    # the bout filter sees beyond what was assessed
    assert half.scores_["f1"].iloc[0] == pytest.approx(whole.scores_["f1"].iloc[0], abs=0.02)


def test_the_order_of_recordings_changes_nothing():
    arrays, told = world(4, ("rear",))
    one = BehaviorClassifier(**QUICK).fit(arrays, told)
    other = BehaviorClassifier(**QUICK).fit(arrays[::-1], told)
    pd.testing.assert_frame_equal(one.scores_, other.scores_)
    alone = one.predict_proba(arrays[:1])["day 0"]
    assert alone.identical(other.predict_proba(arrays)["day 0"])


@pytest.mark.parametrize("kind", ["each", "one"])
def test_a_model_from_a_file_says_the_same_bit_for_bit(kind, tmp_path):
    labels = ("rear",) if kind == "each" else ("groom", "rear")
    arrays, told = world(3, ("rear", "groom"))
    if kind == "one":
        rows = []
        for one in arrays:
            shown = dense(told, one.name)
            active = shown.active & ~(shown.active.all(axis=1, keepdims=True) & [True, False])
            rows += spans(one.name, active, [c.label for c in shown.channels])
        told = ethogram(rows, arrays)
    model = BehaviorClassifier(labels=labels, model=kind, **QUICK).fit(arrays, told)
    store.write_dataset(model.to_dataset(), tmp_path / "model.nc")
    back = BehaviorClassifier.from_dataset(store.read_dataset(tmp_path / "model.nc"))
    made, _ = recording("new", 5)
    for ask in ("predict", "predict_proba"):
        assert getattr(back, ask)([made])["new"].identical(getattr(model, ask)([made])["new"])
    assert (back.ensemble(back.tables([made])) == model.ensemble(model.tables([made]))).all()
    if kind == "one":
        assert model.predict([made])["new"].sum("label").max() == 1


def test_a_damaged_file_is_refused(learned):
    held = learned[0].to_dataset()
    held["left"] = held["left"] * 0
    with pytest.raises(InputError, match="damaged"):
        BehaviorClassifier.from_dataset(held)


def test_bouts_carry_their_probability(learned):
    model, arrays, _ = learned
    found = model.ethogram(arrays[:1])
    first = found.bouts.iloc[0]
    said = model.predict_proba(arrays[:1])["day 0"].sel(label=first["label"]).values
    span = said[first["start_frame"] : first["stop_frame"]]
    assert first["probability"] == pytest.approx(span.mean())
    assert first["source"] == "automated"
    assert first["start_s"] == pytest.approx(first["start_frame"] / FPS)


def test_settings_are_those_of_scikit_learn(learned):
    model = learned[0]
    copy = clone(model)
    assert copy.get_params() == model.get_params() and not hasattr(copy, "models_")
    assert copy.set_params(rounds=3).settings.rounds == 3
    with pytest.raises(InputError, match="did you mean 'rounds'"):
        BehaviorClassifier(ruonds=3)
    with pytest.raises(InputError, match="call fit first"):
        copy.predict([recording("new", 5)[0]])


def test_features_of_other_settings_are_refused(learned):
    made, _ = recording("new", 5, columns=4)
    with pytest.raises(InputError, match="not those of the model"):
        learned[0].predict([made])
    made, _ = recording("new", 5)
    fast = made.assign_coords(time=made["time"] / 2)
    with pytest.raises(InputError, match="40 frames/s"):
        learned[0].predict([fast])


def test_importance_names_the_family_that_tells(learned):
    held = learned[0].importance_.set_index(["label", "kind"])["loss"]
    assert held["rear", "kinematics"] > 0.3
    assert abs(held["rear", "posture"]) < 0.05


def test_one_recording_is_cut_into_blocks_and_has_no_interval():
    arrays, told = world(1, ("rear",), frames=2000)
    model = BehaviorClassifier(**QUICK).fit(arrays, told)
    assert model.folds_.kind == "blocks" and model.scores_["f1"].iloc[0] > 0.8
    assert model.scores_["f1_low"].isna().all()
    assert "no intervals" in model.remarks_[0]


@pytest.mark.slow
def test_freezing_is_told_as_the_specification_asks(data, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))
    freezing = importlib.import_module("benchmarks.freezing")
    film, shown = freezing.read(data / "mouse_freezing" / "demo1")
    assert shown.sum() / len(shown) == pytest.approx(0.228, abs=1e-3)
    told, each = freezing.measure(film, shown, freezing.GAP)
    assert each[freezing.FIXED] >= 0.88  # its protocol: features are fixed beforehand
    assert f1_score(shown, told.predicted) >= 0.86  # these, too, chosen on the other blocks


def test_recordings_of_one_animal_are_tested_whole_and_have_no_interval():
    arrays, told = world(3, ("rear",))
    whose = {str(one.name): "m1" for one in arrays}
    made = BehaviorClassifier(**QUICK).fit(arrays, told, whose)
    assert made.folds_.kind == "recordings" and made.folds_.gap == 0
    assert np.isnan(made.scores_["f1_low"]).all()
    assert any("of one animal" in remark for remark in made.remarks_)

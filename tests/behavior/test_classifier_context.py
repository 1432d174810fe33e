"""Features of other times are those of other times, and of no other recording."""

import numpy as np
import pytest
from classified import recording, world

from gambol.behavior import classifier_context as context
from gambol.behavior import classifier_data as data
from gambol.behavior.classifier import BehaviorClassifier


def test_what_is_added_is_what_was_and_will_be():
    held = data.series([recording("a", 1)[0], recording("b", 2, frames=50)[0]])
    more = context.around(held, [0.5])  # 10 frames
    assert more.values.shape[1] == 15 and len(set(more.columns)) == 15
    k = more.columns.index("1 speed at -0.5 s")
    np.testing.assert_array_equal(more.values[10:900, k], held.values[:890, 1])
    assert np.isnan(more.values[:10, k]).all() and np.isnan(more.values[900:910, k]).all()
    k = more.columns.index("1 speed at +0.5 s")
    np.testing.assert_array_equal(more.values[900:940, k], held.values[910:950, 1])
    assert np.isnan(more.values[890:900, k]).all()
    assert data.families(more)[k] == "kinematics"


def test_of_windows_the_means_of_the_shortest_are_taken():
    names = ["speed", "mean 0.5 s: speed", "mean 3 s: speed", "max 0.5 s: speed"]
    assert context.short(names) == [1]
    assert context.short([f"0.3: {name}" for name in names]) == [1]
    assert context.short(["speed", "max 0.5 s: speed"]) == [0]
    assert context.reach_s(names, [0.2, 0.6]) == pytest.approx(1.7)


def test_a_stretch_longer_than_the_recording_adds_nothing_known():
    held = data.series([recording("a", 1, frames=20)[0]])
    more = context.around(held, [5.0])
    assert np.isnan(more.values[:, 5:]).all()


def test_a_model_asks_for_the_same_moments_again():
    arrays, told = world(3, ("rear",))
    quick = {"rounds": 4, "members": 1, "every": 3, "resamples": 50, "importance_repeats": 1}
    model = BehaviorClassifier(around_s=(0.3,), **quick).fit(arrays, told)
    assert len(model.columns_) == 15
    back = BehaviorClassifier.from_dataset(model.to_dataset())
    said = model.predict_proba(arrays[:1])["day 0"]
    assert back.predict_proba(arrays[:1])["day 0"].identical(said)

"""Labels find their recordings and animals, or one sentence says why not."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from classified import FPS, ethogram, recording, spans, world

from gambol.behavior import classifier_data as data
from gambol.core.errors import InputError
from gambol.core.ethogram import build


def test_a_recording_without_labels_is_named():
    arrays, told = world(2, ("rear",))
    new, _ = recording("dya 1", 3)
    with pytest.raises(InputError, match=r"'dya 1', only for .*did you mean 'day"):
        data.truth(data.series([*arrays[:1], new]), told)


def test_one_of_each_is_taken_for_the_same_and_said():
    made, shown = recording("poses", 3)
    told = ethogram(spans("video", shown, ("rear", "groom")), [made.rename("video")])
    found = data.truth(data.series([made]), told)
    assert (found.shown[:, list(found.labels).index("rear")] == shown[:, 0]).all()
    assert "'video'" in found.remarks[0]


def test_labels_of_another_length_are_refused():
    made, shown = recording("a", 3)
    told = ethogram(spans("a", shown[:500], ("rear", "groom")), [made[:500]])
    with pytest.raises(InputError, match="500 frames in its labels and 900 in its poses"):
        data.truth(data.series([made]), told)


def test_seconds_follow_the_clock_of_the_poses():
    made, _ = recording("a", 3)
    late = made.assign_coords(time=made["time"] + 2.0)
    rows = pd.DataFrame({"recording": ["a"], "label": "rear", "start_s": 3.0, "stop_s": 4.0})
    found = data.truth(data.series([late]), build(rows))
    assert np.flatnonzero(found.shown[:, 0]).tolist() == list(range(20, 40))


def test_animals_have_their_own_bouts_and_share_those_of_nobody():
    one, two = recording("a/ann", 1)[0], recording("a/ben", 2)[0]
    rows = pd.DataFrame(
        {"recording": "a", "label": ["rear", "groom"], "subject": ["ben", ""],
         "start_frame": [10, 50], "stop_frame": [30, 60]}
    )  # fmt: skip
    clocks = pd.DataFrame({"recording": ["a"], "fps": FPS, "frames": 900})
    found = data.truth(data.series([one, two]), build(rows, recordings=clocks))
    rear, groom = (found.shown[:, found.labels.index(w)] for w in ("rear", "groom"))
    assert not rear[:900].any() and rear[900:].sum() == 20
    assert groom[:900].sum() == groom[900:].sum() == 10
    wrong = build(rows.assign(subject=["bne", ""]), recordings=clocks)
    with pytest.raises(InputError, match="did you mean 'ben'"):
        data.truth(data.series([one, two]), wrong)


def test_most_raters_decide_and_their_agreement_is_told():
    made, _ = recording("a", 1)
    rows = []
    for name, stop in (("ann", 40), ("ben", 40), ("cid", 30)):
        rows.append({"recording": "a", "label": "rear", "annotator": name, "start_frame": 20,
                     "stop_frame": stop})  # fmt: skip
    found = data.truth(data.series([made]), ethogram(rows, [made]))
    assert np.flatnonzero(found.shown[:, 0]).tolist() == list(range(20, 40))
    pairs = found.ceiling.set_index(["one", "other"])["f1"]
    assert pairs["ann", "ben"] == 1 and pairs["ann", "cid"] == pytest.approx(2 * 10 / 30)


def test_labels_that_are_not_there_are_named():
    arrays, told = world(2, ("rear",))
    with pytest.raises(InputError, match="no bouts of 'raer'; did you mean 'rear'"):
        data.truth(data.series(arrays), told, ["raer"])


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("Nose speed", "kinematics"), ("mean 0.25 s: body jerk", "kinematics"),
        ("max 3 s: turning velocity", "kinematics"), ("tortuosity", "kinematics"),
        ("sd 1 s: velocity of angle a-b-c", "posture"), ("length a-b", "posture"),
        ("hull area", "posture"), ("target 2: chase", "dyadic"), ("distance", "dyadic"),
        ("mean 1 s: approach velocity", "dyadic"), ("distance to wall", "arena"),
        ("in centre", "arena"), ("nose x", "aligned"), ("depth score", "other"),
    ],
)  # fmt: skip
def test_families_are_told_by_names(name, family):
    values = xr.DataArray(
        np.zeros((5, 1)), {"time": np.arange(5) / 9, "feature": [name]}, ("time", "feature"),
        name="a",
    )  # fmt: skip
    assert data.families(data.series([values])) == (family,)


def test_the_longest_window_is_known():
    none = np.full(3, np.nan)
    assert data.reach_s(["speed", "mean 0.25 s: speed", "sd 3 s: x"], none) == 3
    assert data.reach_s(["tortuosity", "a", "b"], none) == 1
    hertz = np.array([1.0, np.nan, np.nan])
    assert data.reach_s(["x at 1 Hz", "a", "b"], hertz) == pytest.approx(
        10 / np.sqrt(2) / np.pi
    )


def test_a_recording_given_twice_or_at_another_rate_is_refused():
    made, _ = recording("a", 1)
    with pytest.raises(InputError, match="given twice"):
        data.series([made, made])
    fast = made.assign_coords(time=made["time"] / 2).rename("b")
    with pytest.raises(InputError, match="features of different rates"):
        data.series([made, fast])


def test_labels_outside_of_the_poses_are_refused_and_ends_beyond_them_are_said():
    made, _ = recording("a", 1)
    rows = [{"recording": "a", "label": "rear", "start_s": 44.0, "stop_s": 46.0}]
    found = data.truth(data.series([made]), build(pd.DataFrame(rows)))
    assert np.flatnonzero(found.shown[:, 0]).tolist() == list(range(880, 900))
    assert found.remarks == ("'a': 1 bouts reach beyond its poses; they were cut",)
    rows.append({"recording": "a", "label": "rear", "start_s": 90.0, "stop_s": 91.0})
    with pytest.raises(InputError, match="'rear' at 90 s lies outside of its poses, which"):
        data.truth(data.series([made]), build(pd.DataFrame(rows)))


def test_who_saw_other_things_here_saw_none_of_it_and_each_votes_on_own_labels():
    arrays = [recording(name, n)[0] for n, name in enumerate("ab")]

    def row(name, label, who, start):
        return {"recording": name, "label": label, "annotator": who, "start_frame": start,
                "stop_frame": start + 10}  # fmt: skip

    rows = [row("a", "rear", "ann", 10), row("a", "rear", "ben", 10),
            row("b", "rear", "ann", 50), row("b", "groom", "ben", 90),
            row("b", "dig", "ann", 200)]  # fmt: skip
    found = data.truth(data.series(arrays), ethogram(rows, arrays))
    shown = dict(zip(found.labels, found.shown.T, strict=True))
    assert np.flatnonzero(shown["rear"]).tolist() == list(range(10, 20))  # a tie in b is none
    assert np.flatnonzero(shown["groom"]).tolist() == list(range(990, 1000))  # ben's alone
    assert np.flatnonzero(shown["dig"]).tolist() == list(range(1100, 1110))
    assert found.observed.all()

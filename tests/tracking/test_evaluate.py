"""Scores of tracks on worlds whose errors were planted and counted by hand."""

import json

import numpy as np
import pytest
import sleap_io

from gambol.core.errors import InputError
from gambol.core.instances import UNTRACKED, Tracks, from_positions
from gambol.tracking.evaluate import (
    Known,
    TrackScoring,
    align,
    evaluate_crossings,
    evaluate_tracks,
    reliability,
)

BODY = np.array([[0.0, 0], [30, 12], [30, -12], [60, 0]])
FEW = TrackScoring(resamples=60)


def world(frames=20, animals=2, sure=0.9):
    """Animals that walk side by side, found without error: truth, detections, their tracks."""
    frame = np.repeat(np.arange(frames), animals)
    who = np.tile(np.arange(animals), frames)
    xy = BODY + np.stack([2.0 * frame, 200.0 * who], axis=1)[:, None]
    tracks = Tracks(who.copy(), np.full(len(who), sure), animals)
    return Known(frame, who, xy), from_positions(frame, xy), tracks


def exchanged(known, tracks, start, stop=10**9):
    """Identities 0 and 1 exchanged in some frames."""
    ids = tracks.id.copy()
    there = (known.frame >= start) & (known.frame < stop) & (ids < 2)
    ids[there] = 1 - ids[there]
    return tracks._replace(id=ids)


def score(known, found, tracks, cfg=FEW, **more):
    return evaluate_tracks(
        align(known, found, tracks, fps=10.0, cfg=cfg, **more), cfg
    ).summary()


@pytest.mark.parametrize("similarity", ["oks", "centroid"])
def test_identities_exchanged_at_half_time(similarity):
    known, found, tracks = world()
    cfg = FEW.model_copy(update={"similarity": similarity})
    got = score(known, found, exchanged(known, tracks, 10), cfg)
    want = {
        "id_switches": 2,
        "mota": 0.95,
        "idf1": 0.5,
        "hota": 0.577,
        "assa": 1 / 3,
        "deta": 1,
    }
    assert {name: got[name] for name in want} == pytest.approx(want, abs=5e-4)
    assert got["identity_accuracy"] == 0.5 and got["identity_errors"] == 20
    assert got["options"]["similarity"] == similarity
    json.dumps(got, allow_nan=False)


def test_switches_of_distant_animals_are_seen():  # trap 13
    known, found, tracks = world()
    far = known.xy + 1e5 * known.id[:, None, None]
    got = score(known._replace(xy=far), found._replace(xy=far), exchanged(known, tracks, 10))
    assert got["id_switches"] == 2


def test_a_brief_exchange_is_named_by_its_time_and_rate():
    known, found, tracks = world(200)
    got = score(known, found, exchanged(known, tracks, 150, 160))
    assert got["id_switches"] == 4
    assert got["time_to_first_error_s"] == pytest.approx(15.0)
    assert got["identity_accuracy"] == pytest.approx(0.95)
    assert got["switches_per_animal_hour"] == pytest.approx(4 / (2 * 20 / 3600))


def test_perfect_tracks_have_no_first_error():
    got = score(*world())
    assert got["time_to_first_error_s"] is None and got["identity_errors"] == 0
    one = ("mota", "idf1", "hota", "deta", "assa", "identity_accuracy")
    assert all(got[name] == 1.0 for name in one)


def test_times_count_from_the_first_frame_and_frames_may_be_missing():
    known, found, tracks = world(40)
    kept = (known.frame >= 10) & (known.frame % 2 == 0)
    tracks = exchanged(known, tracks, 30)
    part = Known(*(column[kept] for column in known))
    got = score(part, found, tracks)
    assert got["n_frames"] == 15 and got["n_animal_frames"] == 30
    assert got["time_to_first_error_s"] == pytest.approx(2.0)


def test_detections_without_identity_are_no_tracks():
    known, found, tracks = world()
    ids = np.where(known.frame < 5, UNTRACKED, tracks.id)
    got = score(known, found, tracks._replace(id=ids))
    assert (got["hits"], got["misses"], got["false_positives"]) == (30, 10, 0)
    assert got["identity_accuracy"] == 0.75 and got["identity_errors"] == 0


def test_tracks_in_frames_without_animals_are_false_positives():
    known, found, tracks = world()
    part = Known(*(column[known.frame < 15] for column in known))
    assert score(part, found, tracks)["false_positives"] == 0
    assert score(part, found, tracks, frames=np.arange(20))["false_positives"] == 10


def test_names_and_numbers_of_ids_do_not_matter():
    known, found, tracks = world()
    got = score(known, found, exchanged(known, tracks, 7))
    other = exchanged(known, tracks, 7)
    renamed = other._replace(id=other.id * 35 + 4)
    assert score(known._replace(id=9 - known.id), found, renamed) == got


def test_animals_that_nobody_named_are_left_out_with_their_tracks():
    known, found, tracks = world(20, 3)
    some = known._replace(id=np.where(known.id == 2, -1, known.id))
    got = score(some, found, tracks)
    assert (got["n_animals"], got["n_animal_frames"], got["false_positives"]) == (2, 40, 0)
    assert got["idf1"] == 1.0


def test_poses_without_position_match_nothing():  # trap 14
    known, found, tracks = world()
    for similarity in ("oks", "centroid"):
        cfg = FEW.model_copy(update={"similarity": similarity})
        xy = found.xy.copy()
        xy[tracks.id == 1] = np.nan
        got = score(known, found._replace(xy=xy), tracks, cfg)
        assert (got["hits"], got["misses"], got["false_positives"]) == (20, 20, 20)


def test_ids_that_repeat_in_a_frame_are_refused():
    known, found, tracks = world()
    with pytest.raises(InputError, match="track 0 is several times in frame 0"):
        score(known, found, tracks._replace(id=np.zeros(40, int)))
    with pytest.raises(InputError, match="animal 0 is several times in frame 0"):
        score(known._replace(id=np.zeros(40, int)), found, tracks)
    with pytest.raises(InputError, match="no animal of known identity"):
        score(known._replace(id=np.full(40, -1)), found, tracks)


def test_recordings_add_up_as_if_their_animals_were_others():
    known, found, tracks = world()
    good = align(known, found, tracks, fps=10.0)
    bad = align(known, found, exchanged(known, tracks, 10), fps=10.0)
    got = evaluate_tracks([good, bad, good], FEW).summary()
    assert (got["n_recordings"], got["n_animals"], got["id_switches"]) == (3, 6, 2)
    assert got["idf1"] == pytest.approx(1 - 20 / 120)
    assert got["mota"] == pytest.approx(1 - 2 / 120)
    assert got["assa"] == pytest.approx((2 + 1 / 3) / 3)
    assert got["time_to_first_error_s"] == pytest.approx(1.0)


def test_a_short_clip_has_counts_and_no_intervals():
    assert set(score(*world())["intervals"].values()) == {None}


def test_intervals_hold_the_scores():
    known, found, tracks = world(1000)
    tracks = exchanged(known, exchanged(known, tracks, 333, 420), 700, 760)
    got = score(known, found, tracks, TrackScoring(resamples=200))
    for name, (low, high) in got["intervals"].items():
        assert low <= got[name] <= high, name
        assert low < high or name == "deta"  # nobody was missed
    assert got == score(known, found, tracks, TrackScoring(resamples=200))


def test_reliability_equals_the_definitions():
    rng = np.random.default_rng(0)
    said = rng.random(4000)
    right = rng.random(4000) < said
    got = reliability(said, right)
    assert got["ece"] < 0.03 and got["brier"] == pytest.approx(1 / 6, abs=0.01)
    for row in got["diagram"]:
        inside = np.abs(said - row["said"]) < 0.06
        assert row["right"] == pytest.approx(right[inside].mean(), abs=0.06)
    assert sum(row["n"] for row in got["diagram"]) == 4000


def test_confidence_is_judged_on_identities():
    known, found, tracks = world(100, sure=0.75)
    right = score(known, found, tracks)["confidence"]
    assert right["n"] == 200 and right["brier"] == pytest.approx(0.0625)
    half = score(known, found, exchanged(known, tracks, 75))["confidence"]
    assert half["ece"] == pytest.approx(0.0, abs=1e-12)
    assert half["diagram"] == [{"said": 0.75, "right": 0.75, "n": 200}]


def test_crossings_are_judged_against_chance():
    known, found, tracks = world(100)
    wrong = exchanged(known, tracks, 55)
    got = evaluate_crossings(
        align(known, found, wrong, fps=10.0),
        np.array([2.0, 5.0, 8.0, 9.5]), np.array([3.0, 6.0, 9.0, 20.0]),
        [np.array([0, 1])] * 4, np.array([0.9, 0.5, 1.0, 0.2]),
    )  # fmt: skip
    assert got["n"] == 3 and got["share_right"] == pytest.approx(2 / 3)
    assert got["chance"] == 0.5
    assert got["brier"] == pytest.approx((0.01 + 0.25 + 0.0) / 3)


def flies(path):
    rows = [
        (frame.frame_idx, fly.track.name if fly.track else "", fly.numpy())
        for frame in sleap_io.load_slp(path, open_videos=False)
        for fly in frame.instances
    ]
    rows.sort(key=lambda row: row[0])
    who = np.array([["F", "M", ""].index(name) for _, name, _ in rows])
    return np.array([frame for frame, *_ in rows]), who, np.stack([xy for *_, xy in rows])


def test_three_spurious_flies_cost_what_was_measured(data):
    folder = data / "flies_tracks"
    frame, who, xy = flies(folder / "two_flies.slp")
    noisy, name, poses = flies(folder / "two_flies_noisy_detections.slp")
    found, sure = from_positions(noisy, poses), np.ones(len(noisy))
    naive = score(Known(frame, who, xy), found, Tracks(name, sure, 3))
    assert naive["n_tracks"] == 3 and naive["idf1"] == pytest.approx(0.9915, abs=5e-5)
    kept = np.where(name == 2, UNTRACKED, name)
    assert score(Known(frame, who, xy), found, Tracks(kept, sure, 2))["idf1"] == 1.0

"""The offline pass on simulated and on real animals, behind the online tracker."""

import numpy as np
import pytest
import sleap_io
from meetings import ARENA, BODY, meeting, walkers
from scipy.optimize import linear_sum_assignment

from gambol.core.instances import UNTRACKED, Tracks, body_length, from_positions
from gambol.pose import clean
from gambol.simulate import scenes
from gambol.tracking import identities, tracklets
from gambol.tracking.trackers import TrackConfig, exactly, track


def wrong(truth, ids, n):
    """Detections of animals that do not have the name that most of their animal have."""
    count = np.zeros((n, n))
    real = truth >= 0
    named = real & (ids >= 0)
    np.add.at(count, (truth[named], ids[named]), 1)
    return int(real.sum() - count[linear_sum_assignment(-count)].sum())


def behind_the_tracker(found, times, n, area, body):
    raw = track(TrackConfig(), found, times, exactly(n))
    return identities.identify(found, raw.track, raw.margin, times, n, area, body)


def flies(path):
    labels = sleap_io.load_slp(str(path), open_videos=False)
    rows = [
        (frame.frame_idx, one.numpy()[:, :2], one.track)
        for frame in labels.labeled_frames
        for one in frame.instances
    ]
    rows.sort(key=lambda row: row[0])
    frame, xy, who = zip(*rows, strict=True)
    names = [labels.tracks.index(t) if t is not None else UNTRACKED for t in who]
    return from_positions(np.array(frame), np.array(xy, float)), np.array(names)


@pytest.mark.parametrize("n", [2, 5, 10])
def test_walkers_are_named_right_behind_the_tracker(n):
    scene = walkers(np.random.default_rng(n), n, 30)
    got = behind_the_tracker(scene.detections, scene.times, n, ARENA**2, BODY)
    assert wrong(scene.truth, got.tracks.id, n) == 0
    assert got.tracks.confidence.min() > 0.99


@pytest.mark.parametrize("every", [1, 8, 16])
@pytest.mark.parametrize(
    "name",
    ["flies_courtship/predictions.slp", "flies_pair/slp/centered_pair_predictions.clean.slp"],
)
def test_real_flies_agree_with_their_tracks(data, name, every):
    found, who = flies(data / name)
    kept = found.frame % every == 0
    found, who = found.select(kept), who[kept]
    found = found._replace(frame=found.frame // every)
    times = np.arange(found.frame.max() + 1) * every / 25
    got = behind_the_tracker(found, times, 2, 1024.0**2, body_length(found.xy))
    assert wrong(who, got.tracks.id, 2) == 0


def test_three_spurious_flies_end_untracked(data):
    found, _ = flies(data / "flies_tracks" / "two_flies_noisy_detections.slp")
    real, who = flies(data / "flies_tracks" / "two_flies.slp")
    truth = np.full(len(found.frame), -1)
    for frame, pose, animal in zip(real.frame, real.xy, who, strict=True):
        rows = np.flatnonzero(found.frame == frame)
        gaps = np.nanmean(np.linalg.norm(found.xy[rows] - pose, axis=-1), axis=1)
        truth[rows[gaps.argmin()]] = animal
    got = behind_the_tracker(found, np.arange(88) / 30, 2, 1024.0**2, body_length(found.xy))
    assert wrong(truth, got.tracks.id, 2) == 0
    assert (got.tracks.id[truth < 0] == UNTRACKED).all() and (truth < 0).sum() == 3


def test_audited_tracks_keep_their_names_and_get_probabilities(data):
    found, who = flies(data / "flies_courtship" / "predictions.slp")
    times = np.arange(found.frame.max() + 1) / 25
    body = body_length(found.xy)
    tracks = Tracks(who, np.ones(len(who)), 2)
    got = identities.audit(found, tracks, times, 1024.0**2, body)
    assert (got.tracks.id == who).all()
    assert got.tracks.confidence.min() > 0.999 and not got.events


def test_ten_minutes_of_five_animals_take_seconds():
    """Long recordings fall apart into short programmes; memory is that of the tracklets."""
    scene = walkers(np.random.default_rng(0), 5, 600)
    got = identities.identify(
        scene.detections, scene.track, None, scene.times, 5, ARENA**2, BODY
    )
    assert wrong(scene.truth, got.tracks.id, 5) == 0


@pytest.mark.parametrize("n", [1, 2, 6])
@pytest.mark.parametrize("frames", [0, 1, 3])
def test_next_to_nothing_is_no_error(n, frames):
    xy = np.zeros((frames, 3, 2)) + np.arange(3)[:, None]
    found = from_positions(np.arange(frames), xy)
    got = identities.identify(
        found, np.zeros(frames, int), None, np.arange(5) / 30, n, ARENA**2, BODY
    )
    assert got.tracks.id.tolist() == [0] * frames and not got.events


@pytest.mark.parametrize("together", [1, 7, 100])
def test_poses_may_be_looked_at_a_few_at_a_time(monkeypatch, together):
    scene = meeting(np.random.default_rng(2), 0.7, before=3.0, after=3.0)
    once = behind_the_tracker(scene.detections, scene.times, 2, ARENA**2, BODY)
    monkeypatch.setattr(tracklets, "TOGETHER", together)
    parts = behind_the_tracker(scene.detections, scene.times, 2, ARENA**2, BODY)
    assert once.events == parts.events and once.events
    for one, other in zip(
        (*once.tracks, *once.looks), (*parts.tracks, *parts.looks), strict=True
    ):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("n", [1, 3, 6, 10])
@pytest.mark.parametrize("kind", ["hidden", "door", "fast", "dropped"])
def test_whoever_comes_goes_and_hides_there_are_never_more_animals(kind, n):
    """Simulated scenes that most animals leave and enter, up to ten at a time."""
    rng = np.random.default_rng(7 * n)
    scene = (scenes.hidden if kind == "hidden" else scenes.door)(rng, n, seconds=20.0)
    if kind == "fast":
        scene = scenes.hasten(scene, 3)
    elif kind == "dropped":
        scene = scenes.drop_frames(rng, scene, 0.2)
    found = scene.detections
    area = float(np.prod(scene.size))
    got = behind_the_tracker(found, scene.times, n, area, scenes.LENGTH)
    ids = got.tracks.id
    assert len(ids) == len(found.frame) and set(ids.tolist()) <= {UNTRACKED, *range(n)}
    tracked = ids >= 0
    assert len(np.unique(found.frame[tracked] * n + ids[tracked])) == tracked.sum()
    for event in got.events:
        assert set(event.instead) == set(event.animals) <= set(range(n))
        assert 0 <= event.confidence <= 1 and event.affected >= 1


@pytest.mark.parametrize("n", [1, 2, 3, 5, 10, 20])
def test_walkers_with_false_detections_and_missing_keypoints_keep_their_names(n):
    """One detection in a hundred shows nothing, one keypoint in twenty is missing."""
    scene = scenes.walkers(np.random.default_rng(n), n, seconds=20.0)
    judged = clean.clean(scene.detections, [(k, k + 1) for k in range(4)])
    rows = np.flatnonzero(judged.kept)
    kept, truth = judged.detections.select(rows), scene.truth[rows]
    area = float(np.prod(scene.size))
    got = behind_the_tracker(kept, scene.times, n, area, scenes.LENGTH)
    animals = (scene.truth >= 0).sum()
    assert set(got.tracks.id.tolist()) <= {UNTRACKED, *range(n)}
    right = animals - (wrong(truth, got.tracks.id, n) + animals - (truth >= 0).sum())
    idf1 = 2 * right / (animals + (got.tracks.id >= 0).sum())
    assert idf1 >= 0.999

"""Where tracks are cut, and where they are not."""

import numpy as np
import pytest
from meetings import ARENA, BODY, FPS, scene_of, walkers

from gambol.core.instances import UNTRACKED, from_positions
from gambol.tracking import tracklets
from gambol.tracking.tracklets import Constraints


def straight(n=2, frames=60, apart=4 * BODY):
    """Animals that walk side by side; one raw track each."""
    x = 2 * BODY / FPS * np.arange(frames)
    paths = np.stack([np.stack([x, np.full(frames, apart * a)], axis=1) for a in range(n)])
    return scene_of(np.random.default_rng(0), paths, np.ones((n, frames), bool))


def cut(scene, track=None, margin=None, times=None, **said):
    track = scene.track if track is None else track
    times = scene.times if times is None else times
    return tracklets.cut(scene.detections, track, margin, times, BODY, Constraints(**said))


def pieces(found):
    return [len(rows) for rows in found.rows()]


def row(scene, frame, animal):
    return int(np.flatnonzero((scene.detections.frame == frame) & (scene.truth == animal))[0])


def test_animals_apart_stay_whole():
    found = cut(straight())
    assert pieces(found) == [60, 60]
    assert (found.start == 0).all() and found.end == pytest.approx(59 / FPS)
    assert not found.touching.any()


def test_a_doubtful_link_is_cut_and_only_that():
    scene = straight()
    margin = np.full(120, 9.0)
    margin[row(scene, 20, 1)] = 2.9
    assert sorted(pieces(cut(scene, margin=margin))) == [20, 40, 60]


def test_a_gap_in_frames_or_in_time_is_cut():
    scene = straight()
    keep = scene.detections.frame != 30
    gone = scene._replace(
        detections=scene.detections.select(keep),
        track=scene.track[keep],
        truth=scene.truth[keep],
    )
    assert pieces(cut(gone)) == [30, 30, 29, 29]
    late = scene.times + np.where(np.arange(60) >= 30, 0.5, 0)
    assert pieces(cut(scene, times=late)) == [30, 30, 30, 30]


def test_contact_is_cut_at_both_edges_however_close_the_bodies():
    """Two that walk past each other on one line."""
    x = np.linspace(-2 * BODY, 2 * BODY, 61)
    paths = np.stack([np.stack([s * x, np.zeros(61) + s], axis=1) for s in (-1, 1)])
    scene = scene_of(np.random.default_rng(0), paths, np.ones((2, 61), bool))
    found = cut(scene, margin=np.full(122, 9.0))
    middle = scene.detections.frame[found.touching]
    assert set(pieces(found)) == {middle.min(), len(set(middle)), 60 - middle.max()}
    assert len(pieces(found)) == 6


def test_contact_is_that_of_the_definition():
    rng = np.random.default_rng(1)
    xy = rng.uniform(0, 4 * BODY, (60, 1, 2)) + rng.normal(0, BODY / 3, (60, 3, 2))
    xy[rng.random((60, 3)) < 0.2] = np.nan
    found = from_positions(np.repeat(np.arange(12), 5), xy)
    got = {tuple(sorted(pair)) for pair in tracklets.contacts(found, BODY).tolist()}
    for a in range(60):
        for b in range(a + 1, 60):
            if found.frame[a] != found.frame[b]:
                continue
            one, two = (p[np.isfinite(p).all(axis=1)] for p in (found.xy[a], found.xy[b]))
            near = iou = 0.0
            if len(one) and len(two):
                near = np.linalg.norm(one[:, None] - two[None], axis=-1).min() < 0.1 * BODY
                side = np.minimum(one.max(0), two.max(0)) - np.maximum(one.min(0), two.min(0))
                shared = np.clip(side, 0, None).prod()
                both = np.ptp(one, axis=0).prod() + np.ptp(two, axis=0).prod() - shared
                iou = shared / both if both > 0 else 0.0
            assert bool(near or iou > 0.3) == ((a, b) in got)


@pytest.mark.parametrize("apart", [0.4, 4.0])
def test_an_exchange_is_a_jump_and_is_cut(apart):
    scene = straight(apart=apart * BODY)
    swapped = np.where(scene.detections.frame >= 25, 1 - scene.track, scene.track)
    for rows in cut(scene, swapped).rows():
        assert len(set(scene.truth[rows])) == 1


def test_no_tracklet_of_a_random_walk_holds_two_animals():
    rng = np.random.default_rng(2)
    scene = walkers(rng, 4, 60)
    swapped, frame = scene.truth.copy(), scene.detections.frame
    for at in rng.choice(np.arange(10, 1790), 30, replace=False):
        a, b = rng.choice(4, 2, replace=False)
        one, two = (frame >= at) & (swapped == a), (frame >= at) & (swapped == b)
        swapped[one], swapped[two] = b, a
    impure = [rows for rows in cut(scene, swapped).rows() if len(set(scene.truth[rows])) > 1]
    assert not impure


def test_untracked_and_unseen_detections_are_in_no_tracklet():
    scene = straight()
    scene.track[7] = UNTRACKED
    scene.detections.xy[40] = np.nan
    found = cut(scene)
    assert np.flatnonzero(found.of == UNTRACKED).tolist() == [7, 40]


def test_dropped_frames_do_not_look_like_jumps():
    """Trap 19: the course is in seconds, not in frames."""
    scene = straight(frames=90)
    kept = np.random.default_rng(0).random(90) < 0.6
    kept[:3] = True
    mine = kept[scene.detections.frame]
    number = np.cumsum(kept) - 1
    detections = scene.detections.select(mine)
    detections = detections._replace(frame=number[detections.frame])
    times = scene.times[kept]
    found = tracklets.cut(detections, scene.track[mine], None, times, BODY)
    gaps = (np.diff(times) > 2.5 * np.median(np.diff(times))).sum()
    assert len(found.first) == 2 * (gaps + 1)


def test_what_a_person_said_is_stronger_than_any_doubt():
    scene = straight()
    margin = np.zeros(120)
    chain = tuple(row(scene, f, 0) for f in range(10, 20))
    found = cut(scene, margin=margin, same=(chain,))
    assert sorted(pieces(found))[-2:] == [1, 10]
    assert len(set(found.of[list(chain)])) == 1


def test_a_person_can_join_across_tracks_and_cut_within_one():
    scene = straight()
    links = tuple((row(scene, 29, a), row(scene, 30, 1 - a)) for a in (0, 1))
    found = cut(scene, same=links, cuts=(row(scene, 50, 0),))
    assert sorted(pieces(found)) == [10, 50, 60]
    for before, after in links:
        assert found.of[before] == found.of[after]


def test_excluded_rows_are_in_no_tracklet():
    scene = straight()
    gone = tuple(row(scene, f, 0) for f in range(20, 30))
    found = cut(scene, excluded=gone)
    assert (found.of[list(gone)] == UNTRACKED).all()
    assert sorted(pieces(found)) == [20, 30, 60]


def test_order_within_a_frame_and_units_of_length_do_not_matter():
    scene = walkers(np.random.default_rng(3), 3, 20)
    found = cut(scene)
    rng = np.random.default_rng(0)
    order = np.lexsort((rng.random(len(scene.truth)), scene.detections.frame))
    moved = scene.detections.select(order)
    moved = moved._replace(xy=7 * moved.xy + ARENA, cov=49 * moved.cov)
    other = tracklets.cut(moved, scene.track[order], None, scene.times, 7 * BODY)
    assert sorted(pieces(found)) == sorted(pieces(other))
    here, there = found.of[order], other.of
    assert len(set(zip(here, there, strict=True))) == len(found.first)


def test_nothing_found_gives_no_tracklets():
    empty = from_positions(np.zeros(0, int), np.zeros((0, 3, 2)))
    none = np.zeros(0, int)
    found = tracklets.cut(empty, none, None, np.arange(5.0), BODY)
    assert len(found.first) == 0 and found.rows() == []


def test_courses_are_steps_added_up_whatever_belongs_to_no_tracklet():
    scene = straight(frames=20)
    excluded = tuple(row(scene, frame, 1) for frame in (3, 4, 5))
    blank = scene.detections.xy.copy()
    blank[list(excluded)] = np.nan  # shows nothing: no step leads there
    scene = scene._replace(detections=scene.detections._replace(xy=blank))
    found = cut(scene, excluded=excluded)
    got = tracklets.courses(scene.detections, found)
    assert np.concatenate(found.rows()).tolist() == got.rows.tolist()
    assert not set(got.rows.tolist()) & set(excluded) and len(got.rows) == 37
    for k, rows in enumerate(found.rows()):
        centre = scene.detections.xy[rows].mean(axis=1)  # all keypoints are there
        place = got.place[got.of == k]
        assert place - place[0] == pytest.approx(centre - centre[0], abs=1e-9)

"""Alignment takes turns and moves of the world off exactly; flips of a tracker are found."""

import numpy as np
import pytest
import xarray as xr

from gambol.behavior import align
from gambol.behavior.align import AlignSettings
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.core.tracks import Track, tracks
from gambol.simulate import behaviors, faults

NAMES = ("nose", "left", "right", "tail")
SETTINGS = AlignSettings(anterior=("nose",), posterior=("tail",))


def track(xy, fps=50.0):
    n_frames, n, _ = xy.shape
    flat = np.ones((n_frames, n))
    skeleton = Skeleton(NAMES[:n], swap=(-1, 2, 1, -1)[:n])
    return Track("a", xy, flat, flat, np.arange(n_frames) / fps, fps, skeleton)


def walk(space=2, n_frames=300, seed=0):
    """An animal that wobbles, walks and turns slowly."""
    rng = np.random.default_rng(seed)
    rest = np.array([[20.0, 0, 3], [5, 6, 5], [5, -6, 5], [-25, 0, 2]])[:, :space]
    shape = rest + rng.normal(size=(n_frames, 4, space))
    heading = 0.5 + np.cumsum(rng.normal(size=n_frames)) * 0.02
    place = np.cumsum(rng.normal(size=(n_frames, 1, space)), axis=0)
    return track(align.rotate(shape, heading, [0, 1]) + place)


@pytest.mark.parametrize("space", [2, 3])
def test_turning_and_moving_the_world_changes_nothing_but_the_heading(space):
    here = walk(space)
    angle = np.full(len(here.times), 2.2)
    moved = align.rotate(here.xy, angle, [0, 1]) + np.arange(1.0, space + 1)
    a, b = (align.align(t, SETTINGS) for t in (here, here._replace(xy=moved)))
    np.testing.assert_allclose(a.track.xy, b.track.xy, atol=1e-9)
    np.testing.assert_allclose(align.wrap(b.heading - a.heading - 2.2), 0.0, atol=1e-9)


@pytest.mark.parametrize("up", ["x", "y", "z"])
def test_any_axis_may_be_up(up):
    here = walk(3)
    a, b = align.plane(3, up)
    order = [a, b, "xyz".index(up)]
    xy = np.empty_like(here.xy)
    xy[..., order] = here.xy  # the old x, y, z lie along the new axes
    done = align.align(here._replace(xy=xy), SETTINGS.model_copy(update={"up": up}))
    expected = align.align(here, SETTINGS)
    np.testing.assert_allclose(done.track.xy[..., order], expected.track.xy, atol=1e-9)
    np.testing.assert_allclose(done.heading, expected.heading, atol=1e-9)


@pytest.mark.parametrize("space", [2, 3])
def test_a_mirror_image_is_aligned_to_a_mirror_image(space):
    here = walk(space)
    mirror = np.array([1.0, -1.0, 1.0])[:space]
    a, b = (align.align(t, SETTINGS) for t in (here, here._replace(xy=here.xy * mirror)))
    np.testing.assert_allclose(b.track.xy, a.track.xy * mirror, atol=1e-9)
    np.testing.assert_allclose(b.heading, -a.heading, atol=1e-9)


def test_the_definition_frame_by_frame():
    here = walk()
    done = align.align(here, SETTINGS)
    for t in (0, 100, 299):
        ahead = here.xy[t, 0] - here.xy[t, 3]
        h = np.arctan2(ahead[1], ahead[0])
        r = np.array([[np.cos(h), -np.sin(h)], [np.sin(h), np.cos(h)]])
        centre = here.xy[t].mean(axis=0)
        expected = (here.xy[t] - centre) @ r  # rows are Rᵀ(y - v)
        np.testing.assert_allclose(done.track.xy[t], expected, atol=1e-12)
        assert done.heading[t] == pytest.approx(h)


def test_the_middle_may_be_a_median_of_chosen_keypoints():
    chosen = AlignSettings(
        anterior=("nose",), posterior=("tail",), body=NAMES[:3], centroid="median"
    )
    here = walk()
    expected = np.median(here.xy[:, :3], axis=1)
    np.testing.assert_allclose(align.align(here, chosen).centroid, expected)


def test_short_gaps_are_bridged_along_the_shortest_arc_and_long_ones_stay():
    times = np.arange(40) / 50
    angle = np.full(40, 3.1)
    angle[10:] = -3.1
    angle[8:12], angle[20:38] = np.nan, np.nan
    done = align.bridge_arc(angle, times, 50.0, 0.25)
    assert np.abs(done[8:12]).min() > 3.09
    assert np.isnan(done[20:38]).all() and np.isnan(done).sum() == 18


def test_an_absent_animal_has_no_pose_and_a_short_absence_a_place():
    here = walk()
    xy = here.xy.copy()
    xy[50:55], xy[100:150] = np.nan, np.nan
    done = align.align(here._replace(xy=xy), SETTINGS)
    assert not np.isnan(done.centroid[50:55]).any() and np.isnan(done.track.xy[50:55]).all()
    assert np.isnan(done.centroid[100:150]).all() and np.isnan(done.heading[100:150]).all()


@pytest.mark.parametrize("seed", range(4))
def test_planted_flips_are_found_and_undone(seed):
    rng = np.random.default_rng(seed)
    made = behaviors.perform(rng, 6000)
    seen = faults.track(rng, made, faults.Faults(absent=0, outlier=0, spike=0, turned=0.05))
    one = tracks(seen.poses, "a")[0]
    done = align.align(one, AlignSettings(anterior=("neck",), posterior=("tail_base",)))
    np.testing.assert_array_equal(done.turned, seen.turned)
    assert seen.turned.any()
    off = align.wrap(done.heading - made.heading)
    assert np.abs(off).max() < np.pi / 2
    expected = np.flatnonzero(np.diff(np.r_[False, seen.turned, False])).reshape(-1, 2)
    np.testing.assert_allclose(align.flips(done), expected / made.fps, atol=1e-9)


def brute(heading, stay):
    """The best of all paths, by trying them."""
    best, found = -np.inf, None
    step = align.wrap(np.diff(heading))
    small = np.abs(step) < np.pi / 2
    folded = np.where(small, step, align.wrap(step + np.pi))
    sd = np.full(1, max(np.sqrt(np.mean(folded**2)), align.TURNED_STEP_SD))
    for code in range(2 ** len(heading)):
        z = np.array([code >> i & 1 for i in range(len(heading))])
        true = align.wrap(np.diff(heading + np.pi * z))
        laps = true[:, None] + 2 * np.pi * np.arange(-9, 10)
        log_p = np.log(np.exp(-0.5 * (laps / sd) ** 2).sum(axis=1)).sum()
        log_p += np.where(np.diff(z) == 0, np.log(stay), np.log(1 - stay)).sum()
        if log_p > best and z.sum() * 2 <= len(z):
            best, found = log_p, z
    return found == 1


@pytest.mark.parametrize("seed", range(6))
def test_the_chain_of_flips_is_the_best_of_all_paths(seed):
    rng = np.random.default_rng(seed)
    heading = np.cumsum(rng.normal(size=9) * 0.4)
    heading[rng.random(9) < 0.3] += np.pi
    expected = brute(align.wrap(heading), 0.9)
    found = align.flipped(align.wrap(heading), 0.9)
    np.testing.assert_array_equal(found, expected)


def test_fast_turns_are_no_flips():
    heading = align.wrap(np.cumsum(np.full(200, 1.0)))
    assert not align.flipped(heading, 0.999).any()


def test_a_turn_while_the_head_is_hidden_is_no_flip():
    """As the real mouse from below does twice, by 107° and 109°, in 0.9 and 0.6 s."""
    heading = np.r_[np.zeros(300), np.full(300, np.radians(109.0))]
    heading += 0.02 * np.random.default_rng(0).normal(size=600)
    assert (
        align.flipped(heading, 0.999)[300:].all() or align.flipped(heading, 0.999)[:300].all()
    )
    heading[282:318] = np.nan
    assert not align.flipped(heading, 0.999).any()


def test_a_dataset_is_aligned_animal_by_animal_and_read_back():
    made = behaviors.perform(np.random.default_rng(0), 200)
    poses = faults.track(np.random.default_rng(1), made).poses
    ds = align.egocentric(poses, ["neck"], ["tail_base"], "a")
    expected = align.align(
        tracks(poses, "a")[0], AlignSettings(anterior=("neck",), posterior=("tail_base",))
    )
    found = align.aligned(ds, "a")[0]
    np.testing.assert_array_equal(found.track.xy, expected.track.xy)
    np.testing.assert_array_equal(found.heading, expected.heading)
    np.testing.assert_array_equal(found.centroid, expected.centroid)
    assert ds.position.identical(poses.position)


def test_names_a_keypoint_that_does_not_exist():
    with pytest.raises(InputError, match=r"align: no keypoint 'snout'; there are nose"):
        align.align(walk(), AlignSettings(anterior=("snout",), posterior=("tail",)))
    with pytest.raises(InputError, match="did you mean 'anterior'"):
        align.egocentric(xr.Dataset(), ["a"], ["b"], anteriors=["c"])


def test_a_place_is_that_of_the_alignment_whatever_the_pieces(monkeypatch):
    rng = np.random.default_rng(5)
    made = faults.track(rng, behaviors.perform(rng, 400, fps=30.0), faults.Faults()).poses
    (track,) = tracks(made, "day1")
    names = track.skeleton.keypoints
    ends = AlignSettings(anterior=(names[0],), posterior=(names[-1],))
    whole = align.align(track, ends)
    monkeypatch.setattr("gambol.behavior.align.PIECE", 37)
    placed = align.place(track, ends)
    np.testing.assert_array_equal(placed.centroid, whole.centroid)
    np.testing.assert_array_equal(placed.heading, whole.heading)
    assert placed.track.xy is track.xy

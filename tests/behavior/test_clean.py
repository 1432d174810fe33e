"""Cleaning finds planted faults, leaves clean frames alone; pieces and order change no bit."""

import numpy as np
import pandas as pd
import pytest

from gambol.behavior import clean
from gambol.behavior.clean import CleanSettings, SmoothSettings
from gambol.core import poses as core_poses
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.core.tracks import Track, tracks
from gambol.simulate import behaviors, body3d, faults
from gambol.simulate.faults import Faults


def recorded(seed=0, space=2, n_frames=4000, **wrong):
    rng = np.random.default_rng(seed)
    made = behaviors.perform(rng, n_frames, space=space)
    return faults.track(rng, made, Faults(**wrong))


@pytest.mark.parametrize("space", [2, 3])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_planted_faults_are_found_and_clean_frames_are_not(seed, space):
    made = recorded(seed, space, lost="nose")
    cause = clean.clean(made.poses).poses["cause"].values[..., 0]
    for kind in (1, 2, 3, 4):
        assert (cause[made.fault == kind] > 0).mean() >= 0.95
    assert (cause[made.fault == 0] > 0).mean() <= 0.01
    assert (cause[made.fault == 1] == clean.ABSENT).all()
    assert (cause[made.fault == 4] == clean.LOST).all()


def test_spikes_are_found_without_the_rule_for_outliers():
    made = recorded(3, absent=0.0, outlier=0.0)
    done = clean.clean(made.poses, settings=CleanSettings(outlier_mads=None))
    # the tail makes the animal long; a body length is that of its trunk
    short = clean.clean(
        made.poses, settings=CleanSettings(outlier_mads=None, body_length=0.8 * made.length)
    )
    for cleaned in (done, short):
        cause = cleaned.poses["cause"].values[..., 0]
        assert (cause[made.fault == 3] == clean.SPIKE).mean() >= 0.95
        assert (cause[made.fault == 0] > 0).mean() <= 0.001


@pytest.mark.parametrize("share", [0.0, 0.2])
def test_the_rule_for_outliers_is_the_definition(share):
    made = recorded(4, absent=0.0, spike=0.0)
    track = tracks(made.poses, "a")[0]
    distance = np.linalg.norm(track.xy - np.median(track.xy, axis=1)[:, None], axis=2)
    usual = np.median(distance, axis=0)
    wide = 6 * np.median(np.abs(distance - usual), axis=0)
    far = distance > usual + np.maximum(wide, share * clean.extent(track.xy))
    settings = CleanSettings(spike_frames=0, outlier_body=share)
    done = clean.clean_track(track, clean.learn(track, settings), settings)
    np.testing.assert_array_equal(done.cause == clean.OUTLIER, far)


def test_exact_poses_of_a_mouse_that_rears_hold_no_outlier():
    bodies = body3d.move(np.random.default_rng(1), "mouse", 3000, animals=1, fps=30.0)
    names = bodies.skeleton.keypoints
    poses = core_poses.build(
        bodies.xyz, np.ones(bodies.xyz.shape[:3]), np.zeros((*bodies.xyz.shape, 3)),
        bodies.times, bodies.skeleton, fps=30.0, individuals=("a",), attrs={"units": "mm"},
    )  # fmt: skip
    cause = clean.clean(poses).poses["cause"].values[..., 0]
    plain = clean.clean(poses, settings=CleanSettings(outlier_body=0.0)).poses["cause"].values
    assert not (cause == clean.OUTLIER).any()
    assert (plain[:, names.index("back")] == clean.OUTLIER).mean() > 0.03  # what it is for


@pytest.mark.parametrize("frames", [97, 1000])
def test_pieces_give_the_bits_of_the_whole(frames):
    track = tracks(recorded(5, lost="nose").poses, "a")[0]
    settings = CleanSettings()
    whole = clean.clean_track(track, clean.learn(track, settings), settings)
    parts = list(clean.pieces(track, settings, frames))
    for get in (
        lambda c: c.track.xy, lambda c: c.track.confidence, lambda c: c.track.variance,
        lambda c: c.track.times, lambda c: c.cause, lambda c: c.filled, lambda c: c.mask,
    ):  # fmt: skip
        np.testing.assert_array_equal(np.concatenate([get(p) for p in parts]), get(whole))


def test_the_order_of_recordings_and_their_company_change_nothing():
    days = {f"d{s}": recorded(s, n_frames=800).poses for s in range(3)}
    forth = clean.clean_all(days)
    back = clean.clean_all(dict(reversed(days.items())))
    for name, poses in days.items():
        alone = clean.clean(poses, name)
        assert alone.poses.identical(forth[name].poses)
        assert alone.poses.identical(back[name].poses)


def test_short_gaps_are_bridged_without_jitter_and_long_ones_are_masked():
    made = recorded(6, noise=0.0, absent=0.0, outlier=0.0, spike=0.0)
    poses = made.poses.copy(deep=True)
    here = dict(keypoints=4, individuals=0)
    poses["position"][dict(time=slice(100, 110), **here)] = np.nan
    poses["position"][dict(time=slice(200, 216), **here)] = np.nan  # 16 frames: 0.267 s
    poses["position"][dict(time=slice(300, 315), **here)] = np.nan  # 15 frames: 0.25 s
    done = clean.clean(poses, settings=CleanSettings(outlier_mads=None))
    xy = done.poses.position.isel(keypoints=4, individuals=0).values
    truth = made.truth[:, 4]
    for bridged in (slice(100, 110), slice(300, 315)):
        # a bridge stays between its ends
        low = np.minimum(truth[bridged.start - 1], truth[bridged.stop])
        high = np.maximum(truth[bridged.start - 1], truth[bridged.stop])
        assert ((xy[bridged] >= low - 1e-9) & (xy[bridged] <= high + 1e-9)).all()
    mask = done.mask.isel(keypoints=4, individuals=0).values
    assert np.isnan(xy[200:216]).all() and mask[200:216].all() and mask.sum() == 16
    other = np.delete(np.arange(len(xy)), np.r_[100:110, 200:216, 300:315])
    np.testing.assert_array_equal(xy[other], truth[other])


def test_what_was_bridged_is_never_taken_for_seen():
    done = clean.clean(recorded(7).poses).poses
    track = tracks(done, "a")[0]
    filled = done["filled"].values[..., 0] == 1
    assert filled.any() and not np.isnan(track.xy[filled]).any()
    assert (track.confidence[filled] == 0).all() and np.isnan(track.variance[filled]).all()
    seen = done["cause"].values[..., 0] == clean.SEEN
    assert (track.confidence[seen] >= 0.2).all() and np.isfinite(track.variance[seen]).all()


def test_a_place_where_a_tracker_puts_what_it_lost_is_named():
    made = recorded(8, lost="nose")
    (lost,) = clean.clean(made.poses).lost
    assert (lost.keypoint, lost.place) == ("nose", (0.0, 0.0))
    assert lost.share == pytest.approx((made.fault == 4).any(axis=1).mean())


def test_a_lost_place_anywhere_is_known_by_the_jump_and_a_still_animal_is_not_lost():
    made = recorded(9, absent=0.0, outlier=0.0, spike=0.0)
    poses = made.poses.copy(deep=True)
    times = np.random.default_rng(0).choice(4000, 80, replace=False)
    far = made.truth.max() + 50.0
    poses["position"][dict(time=times, keypoints=3, individuals=0)] = far
    still = np.round(made.truth[1000, 5])
    poses["position"][dict(time=slice(1000, 2000), keypoints=5, individuals=0)] = still
    (lost,) = clean.clean(poses).lost
    assert lost.keypoint == "neck" and lost.place == (far, far)


def test_the_report_counts_and_names_what_is_sparse():
    made = recorded(10)
    poses = made.poses.copy(deep=True)
    poses["confidence"][dict(time=slice(0, 1400), keypoints=2)] = 0.0
    done = clean.clean(poses, "monday")
    assert isinstance(done.report, pd.DataFrame) and done.sparse == ("monday",)
    cause = done.poses["cause"].values[..., 0]
    for row in done.report.itertuples():
        j = tracks(poses, "a")[0].skeleton.index(row.keypoint)
        if row.step in clean.CAUSES:
            assert row.frames == (cause[:, j] == clean.CAUSES.index(row.step)).sum()
        assert row.share == row.frames / 4000
    assert clean.clean(made.poses).sparse == ()


def test_the_floor_takes_confidence_and_no_confidence_is_no_reason():
    poses = recorded(11, absent=0.0).poses.copy(deep=True)
    poses["confidence"][0, 0] = 0.19
    poses["confidence"][1, 0] = np.nan
    cause = clean.clean(poses, settings=CleanSettings(outlier_mads=None)).poses["cause"]
    assert cause[0, 0, 0] == clean.ABSENT and cause[1, 0, 0] == clean.SEEN


@pytest.mark.slow
def test_smoothing_comes_closer_to_the_truth_and_never_in_cleaning():
    made = recorded(12, noise=4.0, absent=0.0, outlier=0.0, spike=0.0)
    track = tracks(made.poses, "a")[0]
    same = tracks(clean.clean(made.poses, settings=CleanSettings(outlier_mads=None)).poses, "a")
    np.testing.assert_array_equal(same[0].xy, track.xy)
    raw = np.sqrt(np.mean((track.xy - made.truth) ** 2))
    slow = [made.poses.keypoints.values.tolist().index(name) for name in ("back", "hips")]
    for kind in ("savgol", "kalman"):
        smooth = clean.smooth(track, SmoothSettings(kind=kind))
        off = (smooth.xy - made.truth)[:, slow]
        assert np.sqrt(np.mean(off**2)) < 0.8 * raw, kind
    assert clean.smooth(track, SmoothSettings(kind="none")) is track


def test_smoothing_leaves_gaps_and_asks_for_covariances_where_it_needs_them():
    track = tracks(recorded(13).poses, "a")[0]
    for kind in ("savgol", "kalman"):
        smooth = clean.smooth(track, SmoothSettings(kind=kind))
        assert np.isnan(smooth.xy)[np.isnan(track.xy)].all()
        # a lone sighting between two gaps stays a sighting
        assert np.isnan(smooth.xy).sum() == np.isnan(track.xy).sum()
    blind = track._replace(variance=np.full(track.variance.shape, np.nan))
    with pytest.raises(InputError, match="no covariance to smooth by; set smooth.kind"):
        clean.smooth(blind, SmoothSettings(kind="kalman"))


def test_a_recording_of_nothing_passes():
    poses = recorded(14, n_frames=30).poses.copy(deep=True)
    poses["position"][:] = np.nan
    done = clean.clean(poses, "empty")
    assert done.mask.all() and done.sparse == ("empty",)


def bottomview(data):
    (path,) = (data / "mouse_bottomview").glob("*.h5")
    table = pd.read_hdf(path)
    values = table.to_numpy().reshape(len(table), -1, 3)
    names = table.columns.get_level_values(1).unique().tolist()
    return names, values


def test_a_real_mouse_from_below_loses_its_snout(data):
    if not (data / "mouse_bottomview").is_dir():
        pytest.skip(f"no mouse_bottomview in {data}")
    names, values = bottomview(data)
    lost = (values[..., 2] < 0.6).mean(axis=0)
    assert lost[names.index("Snout")] == pytest.approx(0.084, abs=0.0005)
    others = np.delete(lost, names.index("Snout"))
    assert others.min() > 0.0025 and others.max() < 0.0235

    track = Track(
        "bottomview", values[..., :2].copy(), values[..., 2].copy(),
        np.full(values.shape[:2], np.nan), np.arange(len(values)) / 60, 60.0,
        Skeleton(tuple(names)),
    )  # fmt: skip
    settings = CleanSettings(floor=0.6)
    done = clean.clean_track(track, clean.learn(track, settings), settings)
    absent = (done.cause == clean.ABSENT).mean(axis=0)
    np.testing.assert_allclose(absent, lost)
    taken = (done.cause > clean.LOST).mean(axis=0)
    assert taken.max() < 0.05  # the rest is trusted
    # nothing that is left leaps: a step of a body length in a frame
    step = np.linalg.norm(np.diff(done.track.xy, axis=0), axis=2)
    length = clean.extent(done.track.xy)
    assert np.nanmax(step) < length

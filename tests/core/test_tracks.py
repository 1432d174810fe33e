"""Tracks of single animals: each has its own values, clock and name, and goes back whole."""

import numpy as np
import pytest

from gambol.core import poses
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.core.tracks import Read, dataset, frame_rate, gather, placed, tracks

FLY = Skeleton(("head", "wingL", "wingR"), (-1, 0, 0), (-1, 2, 1), name="fly")


def series(animals=2, space=2, n_frames=9, fps=25.0, seed=0, **attrs):
    rng = np.random.default_rng(seed)
    lead = (n_frames, animals, len(FLY))
    xy = rng.uniform(0, 500, (*lead, space))
    root = rng.normal(size=(*lead, space, space))
    return poses.build(
        xy, rng.uniform(size=lead), root @ np.swapaxes(root, -1, -2),
        0.5 + np.arange(n_frames) / 25, FLY, fps=fps,
        individuals=tuple(f"fly{n}" for n in range(animals)), attrs=attrs,
    )  # fmt: skip


@pytest.mark.parametrize("space", [2, 3])
def test_one_value_is_where_its_names_say(space):
    ds = series(space=space)
    one, two = tracks(ds, "day 1")
    here = {"keypoints": "wingR", "individuals": "fly1"}
    np.testing.assert_array_equal(two.xy[:, 2], ds.position.sel(here).transpose("time", ...))
    np.testing.assert_array_equal(two.confidence[:, 2], ds.confidence.sel(here))
    cov = ds.covariance.sel(here).transpose("time", "space", "space_b").values
    expected = np.trace(cov, axis1=1, axis2=2) / space
    np.testing.assert_allclose(two.variance[:, 2], expected)
    assert (one.name, two.name) == ("day 1/fly0", "day 1/fly1")
    assert one.skeleton == FLY and one.fps == 25.0 and one.times[0] == 0.5
    assert one.unit == ("pixels" if space == 2 else "world")


def test_an_animal_alone_has_the_name_of_its_recording():
    assert [track.name for track in tracks(series(animals=1), "day 1")] == ["day 1"]


def test_a_half_known_position_is_absent():
    ds = series(animals=1)
    ds.position[2, 0, 1, 0] = np.nan
    ds.position[3, 1, 2, 0] = np.inf
    xy = tracks(ds, "a")[0].xy
    assert np.isnan(xy).any(axis=-1).sum() == 2
    assert np.isnan(xy[2, 1]).all() and np.isnan(xy[3, 2]).all()


def test_a_place_of_which_the_tracker_is_not_sure_is_absent_if_asked_for():
    ds = series()
    ds["confidence"][3, 1, 1] = np.nan  # unknown is not doubtful
    sure = ds["confidence"].transpose("time", "individuals", "keypoints").values[:, 1]
    own = placed(ds, "day1", 1, "b", least=0.4)
    np.testing.assert_array_equal(np.isnan(own.xy).any(axis=-1), sure < 0.4)
    assert (sure < 0.4).any() and not np.isnan(placed(ds, "day1", 1, "b").xy).any()


def test_covariance_may_be_missing_and_the_rate_may_be_that_of_the_clock():
    ds = series(animals=1).drop_vars("covariance")
    del ds.attrs["fps"]
    track = tracks(ds, "a")[0]
    assert np.isnan(track.variance).all() and track.fps == pytest.approx(25.0)


def test_times_counted_in_frames_become_seconds():
    ds = series(animals=1, fps=50.0, time_unit="frames").assign_coords(time=np.arange(9))
    np.testing.assert_allclose(tracks(ds, "a")[0].times, np.arange(9) / 50)


def test_the_order_in_which_recordings_come_changes_nothing():
    days = {"b": series(seed=1), "a": series(seed=2, animals=1)}
    forth, back = gather(days), gather(dict(reversed(days.items())))
    assert [t.name for t in forth] == [t.name for t in back] == ["a", "b/fly0", "b/fly1"]
    np.testing.assert_array_equal(forth[2].xy, back[2].xy)


@pytest.mark.parametrize("space", [2, 3])
def test_tracks_go_back_into_a_dataset(space):
    ds = series(space=space)
    made = dataset(tracks(ds, "a"), ds)
    assert made.identical(ds)
    moved = dataset([t._replace(xy=t.xy + n) for n, t in enumerate(tracks(ds, "a"))], ds)
    shift = (moved.position - ds.position).sel(individuals="fly1")
    np.testing.assert_allclose(shift, 1.0)


def test_a_clock_that_stands_still_is_refused():
    ds = series().assign_coords(time=[0, 1, 2, 2, 3, 4, 5, 6, 7])
    with pytest.raises(InputError, match=r"day 1: frame 3 is at 2 s, not after 2 s"):
        tracks(ds, "day 1")


@pytest.mark.parametrize("said", ["fast", 0.0, np.nan, None])
def test_a_rate_that_is_none_is_refused(said):
    with pytest.raises(InputError, match="day 1: fps is"):
        frame_rate({"fps": said}, np.zeros(1), "day 1")


def test_recordings_are_read_when_asked_for_and_each_time():
    asked = []
    held = Read(["b", "a"], lambda name: (asked.append(name), name.upper())[1])
    assert list(held) == ["a", "b"] and len(held) == 2 and "a" in held and not asked
    assert list(held.values()) == ["A", "B"] and held["a"] == "A" and asked == ["a", "b", "a"]
    assert "c" not in held
    with pytest.raises(KeyError):
        held["c"]

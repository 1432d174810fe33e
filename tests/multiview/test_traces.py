"""Lags from a flash and from speed."""

import numpy as np
import pytest

from gambol.multiview.lags import Search
from gambol.multiview.traces import by_speed, by_traces, speeds
from gambol.simulate import body3d, rigs
from gambol.simulate.filming import Flaws, film


def flashes(lag, frames=900, seed=0):
    """Brightness of an exposure of a whole frame under a lamp that blinks at random."""
    rng = np.random.default_rng(seed)
    edges = np.cumsum(rng.uniform(8, 60, 80))
    clock = np.arange(40 * frames) / 40
    light = (np.searchsorted(edges, clock - lag) % 2).reshape(frames, 40).mean(axis=1)
    return 80 + 60 * light + rng.normal(0, 1.0, frames)


@pytest.mark.parametrize("lag", [0.0, 3.4, -12.75])
def test_a_flash_gives_the_lag_to_a_tenth(lag):
    got = by_traces(np.stack([flashes(0.0), 0.5 * flashes(lag, seed=0)], axis=1), ("a", "b"))
    (one,) = got.lags
    assert one.frames == pytest.approx(lag, abs=0.1) and not one.refused
    assert (got.tau[:, 1] == one.frames).all() and one.sd < 0.1


def test_a_lamp_that_blinks_evenly_is_refused():
    clock = np.arange(900)
    trace = np.stack([(clock // 8) % 2.0, ((clock - 3) // 8) % 2.0], axis=1)
    assert "rival" in by_traces(trace, ("a", "b")).lags[0].refused


def test_speed_finds_the_lag_without_cameras():
    body = body3d.move(np.random.default_rng(0), "mouse", 1800)
    rig = rigs.dome(np.random.default_rng(1), 2, 260.0)
    flaws = Flaws(outliers=0.05, dropout=0.1, lag={"cam_1": 5.0})
    seen = film(np.random.default_rng(2), body.xyz[:, 0], rig, flaws)
    (one,) = by_speed(seen.xy, seen.cameras).lags
    assert one.frames == pytest.approx(5.0, abs=1.0) and not one.refused
    assert 0.5 <= one.sd < 1.5  # views from elsewhere see other speeds


def test_speeds_of_animals_that_stand_still_are_refused():
    xyz = np.repeat(body3d.move(np.random.default_rng(0), "mouse", 1).xyz[:, 0], 900, axis=0)
    rig = rigs.dome(np.random.default_rng(1), 2, 260.0)
    seen = film(np.random.default_rng(2), xyz, rig, Flaws(lag={"cam_1": 5.0}))
    assert by_speed(seen.xy, seen.cameras).lags[0].refused


def test_halves_that_disagree_show_in_the_sd():
    late = np.concatenate([flashes(3.0)[:450], flashes(0.0)[450:]])
    got = by_traces(np.stack([flashes(0.0), late], axis=1), ("a", "b"))
    assert got.lags[0].refused


def test_traces_that_never_overlap_are_refused():
    trace = np.stack([flashes(0.0), flashes(0.0)], axis=1)
    trace[:450, 0], trace[450:, 1] = np.nan, np.nan
    got = by_traces(trace, ("a", "b"), Search(most=5))
    assert "too few frames" in got.lags[0].refused


def test_speed_is_the_movement_of_a_frame():
    xy = np.zeros((20, 1, 1, 2))
    xy[:, 0, 0, 0] = 3.0 * np.arange(20)
    got = speeds(xy)[:, 0]
    np.testing.assert_allclose(got[4:-4], np.log(4.0))
    assert np.isnan(got[[0, -1]]).all()

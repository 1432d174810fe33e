"""A lamp that blinks tells lags, drift and lost frames; what it cannot tell is refused."""

import numpy as np
import pytest

from gambol.multiview.flashes import by_flashes, changes
from gambol.multiview.lags import Search


def blinks(lag=0.0, drift=0.0, dropped=(), frames=3000, seed=0, exposure=1.0, noise=1.0):
    """Brightness of a lamp that blinks at random: frame n of the view shows the world at w.

    n counts ticks, those that were dropped too; the tick is w + lag + drift w.
    """
    rng = np.random.default_rng(seed)
    edges = np.cumsum(rng.uniform(8, 60, 4 * frames // 30))
    ticks = np.setdiff1d(np.arange(frames + len(dropped)), dropped)[:frames]
    fine = ticks[:, None] + exposure * ((np.arange(40) + 0.5) / 40 - 0.5)
    world = (fine - lag) / (1 + drift)
    light = (np.searchsorted(edges, world) % 2).mean(axis=1)
    return 80 + 60 * light + np.random.default_rng(seed + 1).normal(0, noise, frames)


def found(*views, **more):
    names = tuple(f"cam_{v}" for v in range(len(views)))
    return by_flashes(np.stack(views, axis=1), names, **more)


@pytest.mark.parametrize("lag", [0.0, 3.4, -12.75])
def test_a_lag_between_frames_is_found_to_a_fiftieth(lag):
    got = found(blinks(), 0.5 * blinks(lag))
    (one,) = got.lags
    assert one.frames == pytest.approx(lag, abs=0.02) and one.sd < 0.05
    assert not one.refused and not got.drops and one.drift == 0


def test_short_exposures_that_never_show_a_change_average_out():
    (one,) = found(blinks(exposure=0.1), blinks(3.4, exposure=0.1)).lags
    assert one.frames == pytest.approx(3.4, abs=0.15) and not one.refused


def test_lost_frames_lie_within_their_spans():
    got = found(blinks(), blinks(3.4, dropped=(700, 1500, 1501, 1502)))
    first, second = got.drops
    assert (first.view, first.frames, second.frames) == ("cam_1", 1, 3)
    assert first.span[0] <= 700 <= first.span[1] < 700 + 61
    assert second.span[0] <= 1499 <= second.span[1] < 1499 + 61
    truth = np.where(np.arange(3000) < 697, 3.4, np.where(np.arange(3000) < 1498, 2.4, -0.6))
    settled = np.abs(np.arange(3000)[:, None] - [697, 1498]).min(axis=1) > 61
    assert np.abs(got.tau[settled, 1] - truth[settled]).max() < 0.05


def test_a_frame_that_the_reference_lost_counts_once():
    got = found(blinks(dropped=(1000,)), blinks(2.0), blinks(-3.5))
    (drop,) = got.drops
    assert (drop.view, drop.frames) == ("cam_0", 1) and drop.span[0] <= 1000 <= drop.span[1]


def test_drift_and_a_lost_frame_are_told_apart():
    got = found(blinks(), blinks(3.4, drift=3e-4, dropped=(1200,)))
    (one,) = got.lags
    assert one.drift == pytest.approx(3e-4, rel=0.05) and len(got.drops) == 1
    clock = np.arange(100, 1100)
    np.testing.assert_allclose(got.tau[clock, 1], 3.4 + 3e-4 * clock, atol=0.05)


def test_a_lamp_that_blinks_evenly_is_refused():
    clock = np.arange(900)
    even = np.stack([(clock // 8) % 2.0, ((clock - 3) // 8) % 2.0], axis=1)
    assert "rival" in by_flashes(even, ("a", "b")).lags[0].refused


def test_what_no_lamp_lights_is_refused():
    dark = np.random.default_rng(5).normal(80, 1, 3000)
    assert "no lamp is seen to flash by cam_1" in found(blinks(), dark).lags[0].refused
    assert "no lamp is seen to flash by cam_0" in found(dark, blinks()).lags[0].refused
    assert found(blinks(), blinks(seed=3)).lags[0].refused
    assert found(blinks(), blinks(20.0), search=Search(most=5)).lags[0].refused


def test_one_flash_gives_a_lag():
    trace = np.zeros((400, 2))
    trace[200:203, 0] = trace[205:208, 1] = 9.0
    (one,) = by_flashes(trace, ("a", "b")).lags
    assert one.frames == pytest.approx(5.0, abs=0.01) and not one.refused


def test_gaps_in_a_trace_hide_changes():
    trace = np.array([0.0, 0, np.nan, 1, 1, 0, 0])
    assert changes(trace).time.tolist() == [4.5]

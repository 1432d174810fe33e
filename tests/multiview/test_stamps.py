"""Times of frames give lags exactly, whatever the cameras did."""

import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.multiview.stamps import by_times

FRAMES = 1000


def stamps(lag=0.0, drift=0.0, dropped=(), jitter=0.0, unit=1e-2):
    """Tick n of a camera is at world time w with n = w + lag + drift w."""
    ticks = np.setdiff1d(np.arange(FRAMES + len(dropped)), dropped)[:FRAMES]
    noise = jitter * np.random.default_rng(0).normal(size=FRAMES)
    return unit * ((ticks - lag) / (1 + drift) + noise) + 77.0


def found(*views, **more):
    names = tuple(f"cam_{v}" for v in range(len(views)))
    return by_times(np.stack(views, axis=1), names, **more)


def test_lag_and_drift_are_those_of_the_clocks():
    got = found(stamps(), stamps(3.4, 5e-4))
    (one,) = got.lags
    assert one.frames == pytest.approx(3.4) and one.drift == pytest.approx(5e-4)
    np.testing.assert_allclose(got.tau[:, 1], 3.4 + 5e-4 * np.arange(FRAMES), atol=1e-9)
    assert one.sd < 1e-3 and not one.refused and not got.drops


def test_lost_frames_are_named_exactly():
    got = found(stamps(dropped=(200,)), stamps(-2.25, dropped=(300, 301)))
    assert [tuple(drop) for drop in got.drops] == [
        ("cam_0", 200, 1, (200, 200)),
        ("cam_1", 300, 2, (300, 300)),
    ]
    assert got.tau[[100, 250, 600], 1] == pytest.approx([-2.25, -1.25, -3.25])
    assert got.lags[0].drift == 0 and got.lags[0].sd < 0.1


def test_any_view_may_be_the_reference_and_the_unit_is_free():
    got = found(stamps(unit=1e7), stamps(3.0, unit=1e7), reference="cam_1")
    assert got.reference == "cam_1" and got.lags[0].frames == pytest.approx(-3.0)


def test_jitter_shows_in_the_sd():
    (one,) = found(stamps(), stamps(3.4, jitter=0.05)).lags
    assert 5e-4 < one.sd < 0.01 and one.drift == 0


def test_views_of_unlike_length_share_what_they_can():
    short = stamps(3.0)
    short[600:] = np.nan
    got = found(stamps(), short)
    assert got.lags[0].frames == pytest.approx(3.0) and got.lags[0].known == (0, 596)


def test_times_that_cannot_be_are_refused():
    back = stamps()
    back[17] = back[16]
    with pytest.raises(InputError, match="view cam_1: frame 17 is not later"):
        found(stamps(), back)
    hole = stamps()
    hole[5] = np.nan
    with pytest.raises(InputError, match="frame 5 has no time"):
        found(stamps(), hole)
    assert "one clock" in found(stamps(), stamps() + 5000).lags[0].refused

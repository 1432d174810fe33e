"""Planted lags, drifts and lost frames are found; what cannot be told is refused."""

import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.multiview import lags
from gambol.multiview.lags import Search
from gambol.multiview.synchronize import aligned, synchronize
from gambol.simulate import body3d, rigs
from gambol.simulate.filming import Flaws, Nudge, film

RIG = rigs.dome(np.random.default_rng(1), 3, 260.0, target=(0.0, 0.0, 30.0))
BODY = body3d.move(np.random.default_rng(0), "mouse", 2400)


def filmed(frames=1200, seed=2, xyz=None, **flaws):
    flaws = {"outliers": 0.05, "dropout": 0.1, **flaws}
    points = BODY.xyz[:frames, 0] if xyz is None else xyz
    return film(np.random.default_rng(seed), points, RIG, Flaws(**flaws), BODY.skeleton)


def found(seen, **more):
    return synchronize(seen.xy, RIG.params(), seen.cameras, **more)


def moving(frames):
    """A frame about which the mouse runs, so that a gap there can be seen."""
    middle = BODY.xyz[:frames, 0, BODY.skeleton.index("back")]
    speed = np.linalg.norm(middle[10:] - middle[:-10], axis=1)
    slow = np.array([speed[max(0, t - 12) : t + 12].min() for t in range(len(speed))])
    return 5 + int(slow[200:-200].argmax()) + 200


@pytest.mark.parametrize("seed", range(2))
def test_a_lag_between_frames_is_found_to_a_tenth(seed):
    got = found(filmed(seed=seed, lag={"cam_1": 3.4, "cam_2": -7.25}))
    lag = {one.view: one for one in got.lags}
    assert lag["cam_1"].frames == pytest.approx(3.4, abs=0.1)
    assert lag["cam_2"].frames == pytest.approx(-7.25, abs=0.1)
    assert not got.drops and all(one.drift == 0 and not one.refused for one in got.lags)
    assert all(
        abs(one.frames - t) < 4 * one.sd < 0.4
        for one, t in zip(got.lags, (3.4, -7.25), strict=True)
    )
    assert all(abs(one.offsets[np.nanargmin(one.curve)]) < 0.5 for one in got.lags)
    lags.check(got)


def test_a_lost_frame_is_found_to_two_frames():
    gap = moving(1200)
    got = found(filmed(lag={"cam_1": 3.4}, dropped={"cam_1": (gap,)}))
    assert got.lags[0].frames == pytest.approx(3.4, abs=0.1)
    (drop,) = got.drops
    assert (drop.view, drop.frames) == ("cam_1", 1) and abs(drop.frame - gap) <= 2
    assert drop.span[0] <= gap + 1 and gap - 1 <= drop.span[1]
    assert got.tau[gap - 50, 1] - got.tau[gap + 50, 1] == 1


def test_a_frame_that_the_reference_lost_is_told_from_one_of_each_other_view():
    gap = moving(1200)
    got = found(filmed(dropped={"cam_0": (gap, gap + 1)}))
    (drop,) = got.drops
    assert (drop.view, drop.frames) == ("cam_0", 2) and abs(drop.frame - gap) <= 3


def test_a_drift_is_no_row_of_lost_frames():
    got = found(filmed(frames=2400, lag={"cam_1": 3.4}, drift={"cam_1": 8e-4}))
    lag = got.lags[0]
    assert lag.drift == pytest.approx(8e-4, rel=0.06) and not got.drops
    middle = got.tau[1200, 1]
    assert middle == pytest.approx(3.4 + 8e-4 * 1200, abs=0.1)


def test_any_view_may_be_the_reference():
    got = found(filmed(lag={"cam_1": 3.4}), reference="cam_1")
    assert [one.view for one in got.lags] == ["cam_0", "cam_2"]
    assert got.lags[0].frames == pytest.approx(-3.4, abs=0.1)
    with pytest.raises(InputError, match="no view 'cam_7'"):
        found(filmed(), reference="cam_7")


def test_an_animal_that_stands_still_gives_no_lag():
    still = np.repeat(BODY.xyz[:1, 0], 600, axis=0)
    got = found(filmed(xyz=still, lag={"cam_1": 3.0}))
    assert all(one.refused for one in got.lags)
    with pytest.raises(InputError, match="view cam_1"):
        lags.check(got)


def test_a_rhythm_gives_no_lag():
    phase = 2 * np.pi * np.arange(600)[:, None] / 20
    circle = 60 * np.stack([np.cos(phase), np.sin(phase), 0 * phase], axis=-1)
    got = found(filmed(xyz=BODY.xyz[0, 0] + circle, lag={"cam_1": 3.0}))
    assert "rival" in got.lags[0].refused


def test_a_lag_beyond_the_search_is_refused():
    got = found(filmed(lag={"cam_1": 14.6}), search=Search(most=10))
    assert got.lags[0].refused


def test_a_frame_lost_after_the_last_movement_is_owned_to():
    xyz = BODY.xyz[:1000, 0].copy()
    xyz[600:] = xyz[600]
    (one, other) = found(filmed(xyz=xyz, lag={"cam_1": 3.4}, dropped={"cam_1": (800,)})).lags
    assert one.frames == pytest.approx(3.4, abs=0.1) and one.known[1] < 610
    assert not one.refused and other.known[1] < 610


def test_several_lost_frames_and_a_gap_of_many():
    lost = (300, *range(700, 705), 950)
    got = found(filmed(noise=1.0, lag={"cam_1": -2.6}, dropped={"cam_1": lost}))
    mine = [drop for drop in got.drops if drop.view == "cam_1"]
    assert sum(drop.frames for drop in mine) == 7 and len(mine) == len(got.drops)
    for at in (300, 699, 944):  # numbers of the frame after, as the view counts
        assert any(drop.span[0] <= at <= drop.span[1] for drop in mine)


def test_an_animal_that_hardly_moves_is_not_answered_wrongly():
    middle = BODY.xyz[:900, 0].mean(axis=0)
    for size in (0.003, 0.01, 0.03):
        xyz = middle + size * (BODY.xyz[:900, 0] - middle)
        for one in found(filmed(xyz=xyz, lag={"cam_1": 3.4, "cam_2": -5.0})).lags:
            truth = {"cam_1": 3.4, "cam_2": -5.0}[one.view]
            assert one.refused or abs(one.frames - truth) < max(0.5, 3 * one.sd)


def test_a_camera_that_is_knocked_is_refused():
    got = found(filmed(nudged={"cam_1": Nudge(frame=900, degrees=2.0)}))
    assert got.lags[0].refused and not got.lags[1].refused


def test_views_that_share_nothing_are_refused():
    seen = filmed(frames=600)
    xy = seen.xy.copy()
    xy[:, 1, ::2], xy[:, 0, 1::2] = np.nan, np.nan
    pair = synchronize(xy[:, :2], RIG.params()[:2], seen.cameras[:2])
    assert "shares too few points" in pair.lags[0].refused
    through_a_third = synchronize(xy, RIG.params(), seen.cameras).lags[0]
    assert not through_a_third.refused and abs(through_a_third.frames) < 0.1


def test_aligning_undoes_lags_and_owns_to_its_error():
    seen = filmed(noise=0.0, outliers=0.0, dropout=0.0, lag={"cam_1": 3.4})
    still = filmed(noise=0.0, outliers=0.0, dropout=0.0)
    tau = np.zeros((1200, 3))
    tau[:, 1] = 3.4
    xy, variance = aligned(seen.xy, np.ones(seen.xy.shape[:3]), tau)
    error = (xy - still.xy)[10:-10]
    assert np.abs(error[:, 0]).max() == 0
    z = error[:, 1] / np.sqrt(variance[10:-10, 1, :, None] - 0.4**2 - 0.6**2 + 1e-4)
    assert np.abs(error[:, 1]).mean() < 0.2 and np.sqrt(np.mean(z**2)) < 2.5
    doubtful = aligned(seen.xy, np.ones(seen.xy.shape[:3]), tau, np.full(tau.shape, 2.0))[1]
    moved = np.linalg.norm(seen.xy[90:110, 1] - seen.xy[86:106, 1], axis=-1) / 4
    more = (doubtful - variance)[87:107, 1]
    assert np.median(more) == pytest.approx(np.median((2 * moved) ** 2 / 2), rel=0.5)
    assert variance[50, 1].min() > 0.51 and np.isnan(variance[-1, 1]).all()

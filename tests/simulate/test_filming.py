"""Planted flaws have the sizes asked for, the truth is exact, and seeds fix everything."""

import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.kernels import projection
from gambol.simulate import body3d, rigs
from gambol.simulate.filming import Flaws, blocks, film

RIG = rigs.dome(np.random.default_rng(1), 4, 260.0, target=(0.0, 0.0, 30.0))
BODY = body3d.move(np.random.default_rng(0), "mouse", 2500)
XYZ = BODY.xyz[:, 0]


def filmed(seed=2, frames=2500, **flaws):
    return film(np.random.default_rng(seed), XYZ[:frames], RIG, Flaws(**flaws), BODY.skeleton)


def test_without_flaws_detections_are_projections():
    seen = filmed(noise=0)
    flat = projection.project(XYZ.reshape(-1, 3), RIG.params()).uv
    np.testing.assert_allclose(seen.truth_uv, flat.reshape(4, 2500, -1, 2).swapaxes(0, 1))
    assert np.array_equal(seen.xy, seen.truth_uv)
    assert not (seen.outlier | seen.missing).any() and (seen.lag == 0).all()


def test_noise_has_its_variance_and_says_so():
    seen = filmed(noise=3.0, spread=0.4)
    error = seen.xy - seen.truth_uv
    assert np.mean(error**2) == pytest.approx(np.mean(seen.variance), rel=0.02)
    assert np.std(np.log(seen.variance)) == pytest.approx(0.8, rel=0.02)
    tails = filmed(noise=3.0, tails=3.0)
    error = np.abs(tails.xy - tails.truth_uv) / 3
    assert np.median(error) == pytest.approx(0.765, rel=0.03)  # of Student's t, 3
    assert np.mean(error > 3.182) == pytest.approx(0.05, rel=0.1)


def test_shares_are_those_asked_for():
    seen = filmed(outliers=0.05, dropout=0.1, sure=0.0)
    assert seen.missing.mean() == pytest.approx(0.1, rel=0.05)
    assert seen.outlier[~seen.missing].mean() == pytest.approx(0.05, rel=0.06)
    assert np.isnan(seen.xy[seen.missing]).all() and np.isfinite(seen.xy[~seen.missing]).all()
    hidden = np.mean([filmed(seed=s, hidden=0.2).missing.mean() for s in range(3)])
    assert hidden == pytest.approx(0.2, rel=0.15)
    blind = filmed(blind=0.3).missing
    assert (blind.all(axis=2) == blind.any(axis=2)).all() and 0.1 < blind.mean() < 0.5


def test_confidence_falls_with_the_error():
    seen = filmed(outliers=0.1, sure=0.0)
    error = np.linalg.norm(seen.xy - seen.truth_uv, axis=-1)
    ranks = [np.argsort(np.argsort(x.ravel())) for x in (error, seen.confidence)]
    assert np.corrcoef(ranks)[0, 1] < -0.4
    assert (
        seen.confidence[~seen.outlier].mean() > 0.8 > 0.4 > seen.confidence[seen.outlier].mean()
    )


def test_swapped_frames_have_their_sides_exchanged():
    seen = filmed(noise=0, swaps=0.1)
    assert 0.03 < seen.swapped.mean() < 0.2
    swap = np.array([j if k < 0 else k for j, k in enumerate(BODY.skeleton.swap)])
    t, v = np.nonzero(seen.swapped)
    assert np.array_equal(seen.xy[t, v], seen.truth_uv[t, v][:, swap])
    assert seen.outlier[t, v].sum() == len(t) * (swap != np.arange(len(swap))).sum()


def test_a_bias_is_the_same_in_all_frames_and_bursts_end():
    seen = filmed(noise=0, bias=2.0)
    off = seen.xy - seen.truth_uv
    np.testing.assert_allclose(off, np.broadcast_to(off[:1], off.shape), atol=1e-9)
    assert 1.4 < off[0].std() < 2.6
    burst = filmed(noise=0, bursts=20.0).outlier
    assert 0.01 < burst.mean() < 0.2
    assert (np.diff(burst.astype(int), axis=0) == -1).any()


def test_a_late_view_shows_the_past():
    seen = filmed(noise=0, lag={"cam_1": 4.0}, dropped={"cam_2": (100, 101)})
    truth = filmed(noise=0).truth_uv
    np.testing.assert_allclose(seen.xy[4:, 1], truth[:-4, 1])
    np.testing.assert_allclose(seen.xy[:100, 2], truth[:100, 2])
    np.testing.assert_allclose(seen.xy[100:-2, 2], truth[102:, 2])
    assert seen.lag[0].tolist() == [0, 4, 0, 0] and seen.lag[200].tolist() == [0, 4, -2, 0]
    between = filmed(noise=0, lag={"cam_1": 0.5}).xy[1:, 1]
    ends = truth[:-1, 1], truth[1:, 1]
    assert (
        np.abs(between - (ends[0] + ends[1]) / 2).mean()
        < 0.05 * np.abs(ends[1] - ends[0]).mean()
    )
    drifting = filmed(lag={"cam_0": 1.0}, drift={"cam_0": 1e-3}).lag[:, 0]
    world = np.arange(2500) - drifting
    np.testing.assert_allclose(drifting, 1.0 + 1e-3 * world)


def test_a_nudged_camera_sees_from_the_same_place_elsewhere():
    seen = filmed(noise=0, nudged={"cam_3": {"frame": 1200, "degrees": 1.0}})
    still = filmed(noise=0).xy
    assert np.array_equal(seen.xy[:1200], still[:1200])
    assert np.array_equal(seen.xy[:, :3], still[:, :3])
    off = np.linalg.norm(seen.truth_uv[1200:, 3] - still[1200:, 3], axis=-1)
    focal = RIG["cam_3"].matrix[0, 0]
    assert off.max() < 1.5 * focal * np.radians(1.0) and np.median(off) > 1


def test_what_lies_outside_the_image_is_missing():
    far = XYZ[:10] + [420.0, 0, 0]
    seen = film(np.random.default_rng(0), far, RIG)
    outside = (seen.truth_uv < -1).any(-1) | (seen.truth_uv > np.array([1280, 1024])).any(-1)
    assert outside.any() and seen.missing[outside].all()


def test_blocks_longer_films_and_further_flaws_change_nothing_else():
    flaws = {"outliers": 0.05, "dropout": 0.1, "hidden": 0.05, "bursts": 3, "swaps": 0.05}
    long, short = filmed(**flaws), filmed(frames=1500, **flaws)
    assert np.array_equal(long.xy[:1500], short.xy, equal_nan=True)
    parts = list(blocks(np.random.default_rng(2), XYZ, RIG, Flaws(**flaws), BODY.skeleton))
    assert len(parts) == 3
    assert np.array_equal(np.concatenate([p.xy for p in parts]), long.xy, equal_nan=True)
    plain = filmed()
    same = ~(long.outlier | long.missing | long.swapped[..., None])
    assert np.array_equal(plain.xy[same], long.xy[same])
    assert not np.array_equal(plain.xy, filmed(seed=3).xy)


def test_views_carry_what_a_detector_says():
    views = filmed(dropout=0.1).views(BODY.skeleton)
    assert views.cameras == tuple(RIG) and views.times[60] == pytest.approx(1.0)
    assert (views.confidence[np.isnan(views.xy[..., 0])] == 0).all()


def test_refuses_flaws_that_cannot_be():
    with pytest.raises(InputError, match="cam_9"):
        filmed(lag={"cam_9": 1.0})
    with pytest.raises(InputError, match="mirror"):
        film(np.random.default_rng(0), XYZ[:5], RIG, Flaws(swaps=0.1))

"""OKS against its definition, against a COCO tool, and against worked numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools.cocoeval import COCOeval

from gambol.kernels.similarity import Pairs, areas, oks, pairs_within, same_animal

SIGMA = np.full(5, 0.025)


def poses(n, seed=0, holes=0.3, spread=100.0):
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, spread, (n, 5, 2))
    xy[rng.random((n, 5)) < holes] = np.nan
    return xy


def oks_by_definition(truth, pose, area, sigma, swaps=((),)):
    best = 0.0
    for exchanged in swaps:
        moved = pose.copy()
        for j, k in exchanged:
            moved[[j, k]] = pose[[k, j]]
        terms = [
            0.0
            if np.isnan(moved[k]).any()
            else np.exp(-((moved[k] - truth[k]) ** 2).sum() / (2 * area * (2 * sigma[k]) ** 2))
            for k in range(len(truth))
            if np.isfinite(truth[k]).all()
        ]
        best = max(best, np.mean(terms) if terms else 0.0)
    return best


def test_equals_the_definition():
    truth, rng = poses(6), np.random.default_rng(1)
    xy = np.concatenate([truth + rng.normal(0, 4, truth.shape), poses(3, 2)])
    area, sigma = areas(truth, 80.0), np.array([0.02, 0.05, 0.1, 0.025, 0.3])
    got = oks(truth, xy, area, sigma).reshape(6, 9)
    for n in range(6):
        for m in range(9):
            want = oks_by_definition(truth[n], xy[m], area[n], sigma)
            assert got[n, m] == pytest.approx(want, abs=1e-12)


def test_equals_the_coco_tool_where_missing_keypoints_are_far_away():
    truth, rng = poses(4), np.random.default_rng(3)
    xy = truth + rng.normal(0, 5, truth.shape)
    area = areas(truth, 80.0)

    def rows(poses, **more):
        seen = np.isfinite(poses).all(axis=-1)
        flat = np.concatenate([np.where(seen[..., None], poses, 1e6), 2.0 * seen[..., None]], 2)
        return [
            {"keypoints": list(row.ravel()), "bbox": [0, 0, 1, 1], "score": 1 - i / 10, **more}
            for i, row in enumerate(flat)
        ]

    judge = COCOeval(iouType="keypoints")
    judge.params.kpt_oks_sigmas = SIGMA
    judge.params.useCats = 1
    judge.params.maxDets = [100]
    judge._gts = {(0, 0): [{**g, "area": a} for g, a in zip(rows(truth), area, strict=True)]}
    judge._dts = {(0, 0): rows(xy)}
    np.testing.assert_allclose(
        oks(truth, xy, area, SIGMA).reshape(4, 4), judge.computeOks(0, 0).T, atol=1e-9
    )


def test_a_missing_keypoint_costs_its_share_and_an_unlabelled_one_nothing():
    truth = poses(1, holes=0.0)
    pose = truth.copy()
    pose[0, 2] = np.nan
    assert oks(truth, pose, areas(truth, 80.0), SIGMA)[0] == pytest.approx(0.8)
    assert oks(pose, truth, areas(pose, 80.0), SIGMA)[0] == 1.0


def test_nothing_labelled_is_like_nothing():
    nothing = np.full((1, 5, 2), np.nan)
    assert oks(nothing, poses(1), np.ones(1), SIGMA)[0] == 0.0


def test_number_in_the_specification():
    truth = np.array([[[0.0, 0.0], [97.0, 50.0]]])  # a body of 97 x 50 px that moves 15 px
    moved = truth + np.array([15.0, 0.0])
    got = oks(truth, moved, areas(truth, 109.0), np.full(2, 0.025))[0]
    assert got == pytest.approx(np.exp(-225 / 24.25))


@given(st.floats(0.1, 50), st.floats(-1e3, 1e3), st.integers(0, 50))
def test_scaling_and_moving_the_scene_changes_nothing(scale, shift, seed):
    truth, xy = poses(3, seed), poses(3, seed) + poses(3, seed + 1, 0.0, 9.0)
    here = oks(truth, xy, areas(truth, 80.0), SIGMA)
    there = oks(
        truth * scale + shift, xy * scale + shift,
        areas(truth * scale + shift, 80.0 * scale), SIGMA,
    )  # fmt: skip
    np.testing.assert_allclose(here, there, atol=1e-6)


def test_forgiving_sides_equals_the_best_of_all_exchanges():
    truth, swap = poses(8, 5, 0.1), np.array([1, 0, -1, 4, 3])
    rng = np.random.default_rng(6)
    xy = truth + rng.normal(0, 3, truth.shape)
    xy[::2, [0, 1]] = xy[::2, [1, 0]]
    xy[::3, [3, 4]] = xy[::3, [4, 3]]
    pairs, area = Pairs(np.arange(8), np.arange(8)), areas(truth, 80.0)
    got = oks(truth, xy, area, SIGMA, pairs=pairs, swap=swap)
    exchanges = [(), ((0, 1),), ((3, 4),), ((0, 1), (3, 4))]
    for n in range(8):
        want = oks_by_definition(truth[n], xy[n], area[n], SIGMA, exchanges)
        assert got[n] == pytest.approx(want, abs=1e-12)
    assert (got >= oks(truth, xy, area, SIGMA, pairs=pairs)).all()


def test_area_is_the_box_unless_that_says_nothing():
    box = np.array([[10.0, 10], [50, 40], [np.nan, np.nan]])
    line = np.array([[10.0, 10], [50, 10], [30, 10]])
    point = np.array([[10.0, 10], [10, 10], [np.nan, np.nan]])
    none = np.full((3, 2), np.nan)
    truth = np.stack([box, line, point, none])
    np.testing.assert_allclose(areas(truth, 60.0), [1200.0, 324, 324, 324])
    np.testing.assert_allclose(areas(truth, 60.0, of="length"), 3600.0)
    np.testing.assert_allclose(areas(truth, 60.0, margin=5.0), [2000, 500, 324, 324])
    mask = np.array([777.0, np.nan, 555.0, np.nan])
    np.testing.assert_allclose(areas(truth, 60.0, mask=mask), [777.0, 324, 324, 324])


def test_animals_of_one_keypoint_are_not_compared_for_equality():  # trap 10
    truth = np.array([[[100.0, 100.0]]])
    got = oks(truth, truth + 1.0, areas(truth, 40.0), np.array([0.1]))[0]
    assert 0.7 < got < 1.0


def test_pairs_are_those_of_equal_frames():
    rng = np.random.default_rng(0)
    one, two = rng.integers(0, 6, 20), rng.integers(0, 6, 15)
    want = [(n, m) for n in range(20) for m in range(15) if one[n] == two[m]]
    assert list(zip(*pairs_within(one, two), strict=True)) == want
    assert len(pairs_within(one[:0], two).one) == len(pairs_within(one, two[:0]).one) == 0


def test_same_animal_twice():
    animal = poses(1, 7, 0.0)[0]
    part = np.where(np.arange(5)[:, None] < 2, animal, np.nan)
    three = np.where(np.arange(5)[:, None] < 3, animal + 3.0, animal + 300.0)
    two = np.where(np.arange(5)[:, None] < 2, animal + 3.0, animal + 300.0)
    others = np.stack([animal, animal + 1.0, part, three, two, animal + 90.0])
    pairs = Pairs(np.zeros(6, int), np.arange(6))
    want = [True, True, True, True, False, False]
    assert same_animal(others, 100.0, pairs).tolist() == want
    back = Pairs(pairs.two, pairs.one)
    assert same_animal(others, 100.0, back).tolist() == want

import numpy as np
import pytest

from gambol.core.skeleton import Skeleton
from gambol.kernels.peaks import Peaks
from gambol.pose import calibrate, posing, structure

INSECT = Skeleton(
    ("head", "body", "tail", "knee L", "foot L", "knee R", "foot R"),
    parent=(-1, 0, 1, 1, 3, 1, 5),
    swap=(-1, -1, -1, 5, 6, 3, 4),
)
REST = np.array([[0, 3], [0, 0], [0, -4], [-2, 1], [-4, 0.5], [2, 1], [4, 0.5]], float)
PARTNER = [j if k < 0 else k for j, k in enumerate(INSECT.swap)]


def insects(n, seed):
    """Poses in all directions, px."""
    rng = np.random.default_rng(seed)
    poses = []
    for _ in range(n):
        angle, size = rng.uniform(0, 2 * np.pi), rng.uniform(8, 12)
        c, s = np.cos(angle), np.sin(angle)
        pose = size * (REST + rng.normal(0, 0.25, REST.shape)) @ [[c, s], [-s, c]]
        poses.append(pose + rng.uniform(50, 90, 2))
    return np.stack(poses)


def peaks_of(poses, seed, mixed=0.5):
    """What a network sees that tells no left from right: its own place, and its partner's."""
    rng = np.random.default_rng(seed)
    n = len(poses)
    own = np.where(np.array(INSECT.swap) >= 0, rng.uniform(0.5 - mixed / 2, 0.9, (n, 7)), 0.9)
    height = np.stack([own, 0.95 - own], -1)
    xy = np.stack([poses, poses[:, PARTNER]], 2) + rng.normal(0, 0.3, (n, 7, 2, 2))
    single = np.array(INSECT.swap) < 0
    xy[:, single, 1], height[:, single, 1] = np.nan, np.nan
    order = np.argsort(-np.nan_to_num(height), axis=-1, kind="stable")
    cov = np.tile(np.eye(2), (n, 7, 2, 1, 1))
    cov[:, single, 1] = np.nan
    return Peaks(
        np.take_along_axis(xy, order[..., None], 2),
        np.take_along_axis(height, order, 2),
        np.take_along_axis(cov, order[..., None, None], 2),
    )


@pytest.fixture(scope="module")
def poser():
    learnt = structure.learn(insects(150, 0), INSECT)
    return posing.Poser(learnt, calibrate.prior(7, 3.0), 0.3)


def test_the_chosen_peak_comes_first_with_its_own_height_and_covariance(poser):
    truth = insects(12, 1)
    several = peaks_of(truth, 2)
    several.cov[..., 0, 0] += np.nan_to_num(several.height)  # so that no two are alike
    found = posing.choose(poser, several)
    before = np.linalg.norm(several.xy[:, :, 0] - truth, axis=-1)
    after = np.linalg.norm(found.peaks.xy[:, :, 0] - truth, axis=-1)
    assert (before > 5).sum() > 10 and (after > 5).sum() <= (before > 5).sum() // 3
    moved = 0
    for n, j in np.ndindex(after.shape):
        k = int(
            np.nanargmin(np.linalg.norm(several.xy[n, j] - found.peaks.xy[n, j, 0], axis=1))
        )
        moved += k > 0
        assert found.peaks.height[n, j, 0] == several.height[n, j, k]
        np.testing.assert_array_equal(found.peaks.cov[n, j, 0], several.cov[n, j, k])
    assert moved > 5
    assert ((found.probability >= 0) & (found.probability + found.absent < 1 + 1e-9)).all()
    assert (found.margin >= -1e-9).all()


def test_a_frame_is_decided_by_itself_wherever_it_is_and_however_it_is_cut(poser):
    several = peaks_of(insects(6, 3), 4)
    whole = posing.choose(poser, several)
    for n in range(6):
        alone = posing.choose(poser, Peaks(*(part[n] for part in several)))
        np.testing.assert_array_equal(alone.peaks.xy, whole.peaks.xy[n])
        np.testing.assert_array_equal(alone.margin, whole.margin[n])
    wide = Peaks(*(np.pad(p, ((0, 0), (0, 0), (0, 5), *[(0, 0)] * (p.ndim - 3)),
                          constant_values=np.nan) for p in several))  # fmt: skip
    np.testing.assert_array_equal(posing.choose(poser, wide).peaks.xy[:, :, :2], whole.peaks.xy)
    small = several._replace(xy=several.xy / 4, cov=several.cov / 16)
    np.testing.assert_allclose(posing.choose(poser, small, 1 / 4).margin, whole.margin)


def test_what_is_likely_absent_keeps_the_place_where_it_would_be(poser):
    several = peaks_of(insects(1, 5), 6, mixed=0.0)
    several.height[0, 4] = 0.02, 0.01  # a foot that nobody saw
    found = posing.choose(poser, several)
    assert found.absent[0, 4] > 0.5 > found.absent[0, 3]
    assert np.isfinite(found.peaks.xy[0, 4, 0]).all()


def test_frames_that_could_not_be_read_stay_empty(poser):
    several = peaks_of(insects(2, 7), 8)
    for part in several:
        part[0] = np.nan
    found = posing.choose(poser, several)
    assert np.isnan(found.peaks.xy[0]).all() and np.isnan(found.margin[0]).all()
    assert np.isfinite(found.margin[1]).all()


def test_bones_count_where_they_help_and_not_where_nothing_is_wrong(poser):
    truth = insects(20, 9)
    helped = posing.weigh(poser.structure, poser.calibration, peaks_of(truth, 10), truth)
    assert helped.weight > 0 and f"{helped.weight:g}" in helped.reason
    easy = peaks_of(truth, 11, mixed=0.0)
    easy.height[:, :, 0], easy.height[:, 3:, 1] = 0.95, 0.02
    easy.xy[:, :, 0] = truth + np.random.default_rng(0).normal(0, 0.3, truth.shape)
    assert posing.weigh(poser.structure, poser.calibration, easy, truth).weight == 0


def test_a_single_frame_is_no_gain_and_a_worse_tail_neither():
    before = np.full((10, 4), 2.0)
    one = before.copy()
    one[3, 0] = 1.0
    assert posing.best(before, {0.1: one}).weight == 0
    two = one.copy()
    two[5, 1] = 1.0
    assert posing.best(before, {0.1: two, 0.3: two}).weight == 0.1  # of alike ones the smaller
    tail = before - 1.0
    tail[:4, 0] = 4.0
    assert posing.best(before, {0.1: tail}).weight == 0
    assert posing.best(np.full((3, 2), np.nan), {0.1: np.zeros((3, 2))}).weight == 0


def test_trees_of_a_forest_do_not_disturb_each_other():
    two = Skeleton(("a", "b", "c", "d", "e", "f"), parent=(-1, 0, 1, -1, 3, 4))
    rng = np.random.default_rng(12)
    shape = np.array([[0, 0], [10, 0], [20, 5], [0, 40], [10, 40], [20, 45]], float)
    learnt = structure.learn(shape + rng.normal(0, 1, (60, 6, 2)), two)
    by = posing.Poser(learnt, calibrate.prior(6, 3.0), 0.5)
    xy = np.stack([shape, shape + rng.normal(0, 12, shape.shape)], 1)[None]
    height, cov = rng.uniform(0.3, 0.7, (1, 6, 2)), np.tile(np.eye(2), (1, 6, 2, 1, 1))
    both = posing.choose(by, Peaks(xy, height, cov))
    moved = xy.copy()
    moved[0, 3:] += 500.0
    other = posing.choose(by, Peaks(moved, height, cov))
    np.testing.assert_allclose(both.margin, other.margin)
    np.testing.assert_allclose(both.probability, other.probability)

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gambol.tracking.features import Animals, box_iou, boxes, features, touching

seeds = st.integers(0, 2**32 - 1)


def some(seed, n, keypoints=4, missing=0.2):
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, 100, (n, 1, 2)) + rng.normal(0, 20, (n, keypoints, 2))
    return Animals(
        xy,
        np.where(rng.random((n, keypoints)) < missing, 0.0, rng.random((n, keypoints)) + 0.1),
    )


def feature(kind):
    return features.build(features.parse({"kind": kind}))


@pytest.mark.parametrize("kind", features.kinds())
@given(seeds)
def test_a_pose_is_nearest_to_itself_and_units_do_not_matter(kind, seed):
    a, b = some(seed, 3, missing=0), some(seed + 1, 2)
    there = feature(kind).distance(a, b, 50.0)
    assert there.shape == (3, 2)
    assert np.allclose(np.diag(feature(kind).distance(a, a, 50.0)), 0, atol=1e-6)
    doubled = [Animals(2 * x.xy + 7, x.weight) for x in (a, b)]
    assert np.allclose(feature(kind).distance(*doubled, 100.0), there, equal_nan=True)
    assert (there[np.isfinite(there)] >= -1e-9).all()


@pytest.mark.parametrize("kind", features.kinds())
def test_missing_animals_are_not_near_anything(kind):
    a, b = some(0, 2, missing=0), some(1, 2, missing=0)
    gone = Animals(np.full_like(b.xy, np.nan), np.zeros_like(b.weight))
    distance = feature(kind).distance(a, gone, 50.0)
    assert not (distance < feature(kind).cut).any()


@given(seeds)
def test_keypoint_distance_is_its_definition(seed):
    a, b = some(seed, 2), some(seed + 1, 2)
    found = feature("keypoints").distance(a, b, 50.0)
    for i in range(2):
        for j in range(2):
            p = a.weight[i] * b.weight[j]
            d = np.minimum(np.linalg.norm(a.xy[i] - b.xy[j], axis=1) / 50.0, 3)
            if p.sum() > 0:
                assert found[i, j] == pytest.approx((p * d).sum() / p.sum())
            else:
                assert np.isnan(found[i, j])


def test_similarity_between_frames_falls_to_nothing_at_a_tight_sigma():
    # a body of 97 x 50 px that moves 15 px
    body = np.array([[0.0, 0], [97, 0], [97, 50], [0, 50]])[None]
    one = Animals(body, np.ones((1, 4)))
    two = Animals(body + [15.0, 0.0], np.ones((1, 4)))
    tight = features.build(features.parse({"kind": "oks", "sigma": 0.025}))
    assert 1 - tight.distance(two, one, 109.0)[0, 0] == pytest.approx(
        np.exp(-225 / 24.25), rel=0.01
    )
    assert feature("keypoints").distance(two, one, 109.0)[0, 0] == pytest.approx(15 / 109)


def test_ellipse_sees_direction():
    line = np.stack([np.linspace(-30, 30, 5), np.zeros(5)], axis=1)[None]
    weight = np.ones((1, 5))
    along, across = Animals(line, weight), Animals(line[..., ::-1], weight)
    assert feature("ellipse").distance(along, along, 60.0)[0, 0] == pytest.approx(0)
    assert feature("ellipse").distance(along, across, 60.0)[0, 0] == pytest.approx(0.2)


def test_boxes_hold_what_is_seen_and_overlap_by_area():
    one = Animals(np.array([[[0.0, 0], [4, 2], [99, 99]]]), np.array([[1.0, 1, 0]]))
    two = Animals(np.array([[[2.0, 0], [6, 2], [6, 2]]]), np.ones((1, 3)))
    assert boxes(one).tolist() == [[0, 0, 4, 2]]
    assert box_iou(one, two)[0, 0] == pytest.approx(4 / 12)


def test_who_touches_whom():
    body = np.array([[0.0, 0], [10, 0], [10, 10]])
    near = np.stack([body, body + [15.5, 0], body + [200, 0], body + [203, 2]])
    animals = Animals(near, np.ones((4, 3)))
    assert touching(animals, 20.0).tolist() == [False, False, True, True]
    assert touching(animals, 60.0).tolist() == [True, True, True, True]

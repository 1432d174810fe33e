"""Finding animals with oracles in place of networks: what is drawn must come back."""

import numpy as np
import pytest
from crowds import (
    BODY,
    LENGTH,
    Everyone,
    J,
    animals,
    bottom_up,
    coded,
    confidence,
    corner,
    errors,
    top_down,
)
from hypothesis import given
from hypothesis import strategies as st

from gambol.core import pixels
from gambol.core.skeleton import Skeleton
from gambol.nn.outputs.confidence import Confidence, ConfidenceSpec
from gambol.nn.outputs.fields import Fields, FieldsSpec
from gambol.pose import calibrate, crops, dataset, find, group, posing, structure, upright
from gambol.pose.predict import Net

SIZE = (250, 200)
PLACES = np.array([[60.3, 50.8], [180.9, 60.1], [70.2, 150.6], [185.4, 148.3]])
ANGLES = np.array([0.3, 2.0, -1.1, 3.0])


@pytest.mark.parametrize("n", [1, 2, 4])
@pytest.mark.parametrize("way", [top_down, bottom_up])
def test_every_drawn_animal_comes_back(way, n):
    xy = animals(PLACES[:n], ANGLES[:n])
    finder = top_down(xy, SIZE) if way is top_down else bottom_up(xy)
    found = find.find(finder, coded(SIZE))
    assert errors(found.xy, xy).max() < 0.05
    assert (found.height > 0.9).all() and found.looks.shape == (n, 0)
    assert np.linalg.eigvalsh(found.cov).min() > 0
    assert (found.whole > 0.5).all() and (found.whole <= 1.0 + 1e-6).all()


@pytest.mark.parametrize("n", [1, 4])
def test_animals_come_back_from_crops_that_are_turned_heads_up(n):
    xy = animals(PLACES[:n], ANGLES[:n])
    finder = top_down(xy, SIZE, heads=True)
    found = find.find(finder, coded(SIZE))
    assert errors(found.xy, xy).max() < 0.1  # the oracle reads its place off rounded light
    assert np.linalg.eigvalsh(found.cov).min() > 0
    for row in finder.pose.engine.seen:  # what the second network was shown
        assert (row[2] - row[0])[1] < -0.99 * np.linalg.norm(row[2] - row[0])


class Told:
    """The network of crops, with peaks of one height if heads are up and of another if not."""

    name = "oracle"

    def __init__(self, focal, up, else_):
        self.focal, self.up, self.otherwise, self.turned = focal, up, else_, []

    def __call__(self, frames):
        (maps,) = self.focal(frames)
        rows = np.array(self.focal.seen[-len(frames) :])
        ahead = rows[:, 2] - rows[:, 0]
        off = np.abs(np.degrees(np.arctan2(ahead[:, 0], -ahead[:, 1])))
        self.turned += [off]
        height = np.where(off < 2, self.up, self.otherwise)
        return ((maps * height[:, None, None, None]).astype(np.float32),)


def misled(wrong, up, else_):
    """Animals found by a first network that takes one of them to lie `wrong` rad otherwise."""
    xy = animals(PLACES[:3], ANGLES[:3])
    finder = top_down(xy, SIZE, heads=True, wrong=wrong)
    engine = Told(finder.pose.engine, up, else_)
    shape = upright.mean_pose(animals(np.zeros((20, 2)), np.linspace(0, 6, 20)))
    shape = shape._replace(xy=-shape.xy)  # here it is the third keypoint that is ahead
    finder = finder._replace(pose=finder.pose._replace(engine=engine), shape=shape)
    found = find.find(finder, coded(SIZE))
    assert errors(found.xy, xy).max() < 0.2
    return np.sort(found.height.mean(axis=1)), [np.sort(off) for off in engine.turned]


def test_a_crop_that_its_pose_shows_badly_turned_is_cut_out_again():
    height, (first, second) = misled(0.7, up=1.0, else_=0.6)
    assert (first[:2] < 2).all() and first[2] == pytest.approx(np.degrees(0.7), abs=2)
    assert len(second) == 1 and second[0] < 2
    assert (height > 0.9).all()  # the new pose was the surer one


def test_of_two_poses_of_an_animal_the_surer_stays():
    height, turned = misled(0.7, up=0.6, else_=1.0)
    assert len(turned) == 2
    assert (height[:2] < 0.65).all() and height[2] > 0.9


def test_a_crop_that_is_turned_well_enough_is_looked_at_once():
    assert len(misled(0.1, up=1.0, else_=1.0)[1]) == 1


def test_the_field_of_the_first_network_tells_how_animals_lie():
    xy = animals(PLACES, ANGLES)
    finder = top_down(xy, SIZE, heads=True)
    seen = find.centroids(finder.centroid, coded(SIZE), 0.2, finder.apart, 20, finder.heading)
    who = np.linalg.norm(seen.xy[:, None] - PLACES[None], axis=-1).argmin(axis=1)
    away = np.exp(1j * (seen.turn + ANGLES[who])) / np.exp(-0.5j * np.pi)
    assert np.abs(np.angle(away)).max() < np.radians(3)


@pytest.mark.parametrize("anchor", [None, 2])
def test_two_animals_half_a_body_apart_each_return_their_own(anchor):
    turn = np.array([0.4, 0.4])
    xy = animals(np.array([[120.0, 100.0], [120.0, 100.0 + LENGTH / 2]]), turn)
    found = find.find(top_down(xy, SIZE, anchor=anchor), coded(SIZE))
    assert errors(found.xy, xy).max() < 0.05


@pytest.mark.parametrize("middle", [[-12.0, 100.0], [262.0, 40.5], [120.0, 211.0]])
def test_a_crop_around_a_point_outside_the_frame_is_not_shifted(middle):
    # trap 9: the crop stays where it is asked for, and its corner tells where
    image, matrix = crops.crop(coded(SIZE), np.array(middle), 96)
    at = -matrix[:, 2]
    assert np.abs(at + pixels.centre(96, 96) - middle).max() <= 1 / 2
    np.testing.assert_array_equal(corner(image), at)
    inside = image[..., 2] == 255
    x, y = np.meshgrid(np.arange(96), np.arange(96))
    np.testing.assert_array_equal(image[inside][:, 0], (x + at[0])[inside])
    np.testing.assert_array_equal(image[inside][:, 1], (y + at[1])[inside])
    assert (image[~inside] == dataset.augment.FILL).all()
    there = pixels.inside(np.stack([x, y], -1) + at.astype(float), *SIZE)
    np.testing.assert_array_equal(inside, there)


def test_a_crop_far_from_the_frame_is_empty():
    image, matrix = crops.crop(coded(SIZE), np.array([-500.0, 900.0]), 64)
    assert (image == dataset.augment.FILL).all() and matrix[:, 2].tolist() == [532, -868]


def test_an_animal_whose_middle_is_outside_is_read_in_its_crop():
    xy = animals(np.array([[-6.0, 100.0]]), np.array([0.0]))  # its head looks in
    output, middle = confidence(), crops.centroid(xy, None)[0]
    image, matrix = crops.crop(coded(SIZE), middle, 96)
    at = -matrix[:, 2]
    maps = Everyone([output], xy - at)(image[None])[0]
    assert np.abs(output.find(maps, (96, 96)).xy[0] + at - xy[0]).max() < 0.02


@given(
    st.floats(-10, 260),
    st.floats(-10, 210),
    st.floats(-3.2, 3.2),
    st.sampled_from([0.5, 0.75, 0.8, 1.0, 1.5]),
    st.sampled_from([SIZE, (201, 177)]),
)
def test_video_to_crop_to_peak_to_video_is_the_start(x, y, angle, scale, size):
    truth = animals(np.array([[x, y]]), np.array([angle]))
    picture = np.zeros((size[1], size[0], 1), np.uint8)
    state = np.full((1, 1, J), 2, np.uint8)
    frames = dataset.make_frames([picture], truth[None], state, scale)
    cut = dataset.cut_out(frames, crops.Aim(), 128)
    output = confidence()
    maps = Everyone([output], cut.xy[0])(cut.images[0][None])[0]
    peaks = output.find(maps, (128, 128))
    found = find.Found(peaks.xy, peaks.height, peaks.cov, np.ones(1), np.zeros((1, 0))).moved(
        cut.to_video[0]
    )
    assert np.abs(found.xy[0] - truth[0]).max() < 0.02
    # the covariance is carried by the same map
    factor = np.linalg.norm(cut.to_video[0][0, :2]) * np.linalg.norm(cut.to_video[0][1, :2])
    ratio = np.linalg.det(found.cov) / np.linalg.det(peaks.cov)
    np.testing.assert_allclose(ratio, factor**2, rtol=1e-6)


def spots(xy, heights, apart, limit=20, threshold=0.2):
    """Centroids of a map with drawn maxima of these heights."""
    one = confidence(1, 3.0)

    def engine(frames):
        parts = [
            h * Everyone([one], p[None, None])(frames)[0]
            for p, h in zip(xy, heights, strict=True)
        ]
        return (np.max(parts, axis=0).astype(np.float32),)

    net = Net(engine, one, 16, 1.0)
    return find.centroids(net, coded(SIZE), threshold, apart, limit)


def test_of_two_centroids_of_one_animal_the_higher_stays():
    # trap 8: else one animal would be reported twice
    xy = np.array([[60.0, 60.0], [72.0, 60.0], [150.0, 60.0]])
    at, height, _ = spots(xy, [0.6, 0.9, 0.5], apart=15.0)
    np.testing.assert_allclose(at, xy[[1, 2]], atol=0.1)
    np.testing.assert_allclose(height, [0.9, 0.5], atol=0.03)
    assert len(spots(xy, [0.6, 0.9, 0.5], apart=10.0)[0]) == 3


def test_a_chain_of_centroids_is_thinned_from_its_highest():
    xy = np.array([[60.0, 60.0], [72.0, 60.0], [84.0, 60.0]])
    at, *_ = spots(xy, [0.8, 0.7, 0.6], apart=15.0)
    np.testing.assert_allclose(at, xy[[0, 2]], atol=0.1)


def test_no_more_animals_than_the_limit_and_the_highest_first():
    # trap 16
    xy = np.array([[30.0 + 40 * i, 50.0] for i in range(5)])
    at, height, _ = spots(xy, [0.5, 0.9, 0.4, 0.8, 0.3], apart=5.0, limit=2)
    np.testing.assert_allclose(at, xy[[1, 3]], atol=0.1)
    assert len(spots(xy, [0.5, 0.9, 0.4, 0.8, 0.3], 5.0, threshold=0.45)[0]) == 3
    four = animals(PLACES, ANGLES)
    assert len(find.find(top_down(four, SIZE, limit=3), coded(SIZE)).xy) == 3
    found, _ = find.candidates(bottom_up(four, limit=3), coded(SIZE))
    assert np.bincount(found.keypoint, minlength=J).tolist() == [3] * J


@pytest.mark.parametrize("way", ["top-down", "bottom-up"])
def test_an_empty_frame_has_no_animals(way):
    nobody = np.full((1, J, 2), np.nan)
    finder = top_down(nobody, SIZE) if way == "top-down" else bottom_up(nobody)
    found = find.find(finder, coded(SIZE))
    assert found.xy.shape == (0, J, 2) and found.cov.shape == (0, J, 2, 2)
    assert found.whole.shape == (0,) and found.moved(pixels.resize(2.0)).xy.shape == (0, J, 2)


def test_a_keypoint_that_is_not_drawn_is_missing_and_not_invented():
    xy = animals(PLACES[:2], ANGLES[:2])
    xy[1, 3] = np.nan
    found = find.find(bottom_up(xy), coded(SIZE))
    gone = np.isnan(found.xy).all(axis=-1)
    assert gone.sum() == 1 and gone[:, 3].sum() == 1
    np.testing.assert_array_equal(gone, np.isnan(found.height))
    np.testing.assert_array_equal(gone, np.isnan(found.cov).any(axis=(-1, -2)))
    np.testing.assert_array_equal(gone, np.isnan(found.margin))
    assert (found.margin[~gone] > 1).all() and found.moved(
        pixels.resize(2.0)
    ).margin is not None


def test_a_lone_peak_is_no_animal():
    xy = animals(PLACES[:3], ANGLES[:3])
    xy[1, 1:] = np.nan  # one keypoint is all that was drawn of the second
    xy[2, 2:] = np.nan  # and two, joined by an edge, of the third
    found = find.find(bottom_up(xy), coded(SIZE))
    assert len(found.xy) == 2
    assert sorted(np.isfinite(found.height).sum(axis=1)) == [2, J]


def test_the_padding_of_a_frame_holds_no_animals():
    # 200 is no multiple of 16: an answer below the picture must not count
    xy = animals(PLACES[:1], ANGLES[:1])
    finder = bottom_up(np.concatenate([xy, xy[:, :1] * 0 + [[[100.0, 207.0]]] + 0 * BODY]))
    found, _ = find.candidates(finder, coded(SIZE))
    assert (found.xy[:, 1] < SIZE[1]).all() and len(found.xy) == J


PARTS = ((1, 2), (3, 4), (0, J), (2, J), (3, J))  # three parts, joined at the centroid


def joined(xy):
    """A finder of animals whose skeleton falls into parts; its network is an oracle."""
    maps = Confidence(ConfidenceSpec(centroid=True), J, 2)
    fields = Fields(FieldsSpec(edges=PARTS, centroid=True), J, 4)
    links = group.default_links(list(PARTS), animals(np.zeros((30, 2)), np.linspace(0, 6, 30)))
    return find.BottomUp(Everyone([maps, fields], xy), maps, fields, links, 16, 40)


@pytest.mark.parametrize("n", [1, 2, 4])
def test_parts_that_are_joined_at_the_centroid_come_back_as_animals_without_it(n):
    xy = animals(PLACES[:n], ANGLES[:n])
    found = find.find(joined(xy), coded(SIZE))
    assert found.xy.shape == (n, J, 2) and found.whole.shape == (n,)
    assert errors(found.xy, xy).max() < 0.05 and (found.whole > 0.5).all()


def test_a_centroid_alone_is_no_animal():
    xy = animals(PLACES[:2], ANGLES[:2])
    finder = joined(xy)
    drawn = finder.engine(dataset.letterbox(coded(SIZE), 16)[None])

    def without(rows, columns):
        """What is found where the keypoints, but not the centroids, are hidden."""
        maps = drawn[0].copy()
        maps[:, :J, rows, columns] = 0
        hidden = finder._replace(engine=lambda frames: (maps, drawn[1]))
        return find.find(hidden, coded(SIZE))

    x, y = (xy[0].mean(axis=0) / 2).astype(int)
    found = without(slice(y - 20, y + 20), slice(x - 20, x + 20))
    assert errors(found.xy, xy[1:]).max() < 0.05 and found.whole.shape == (1,)
    assert without(slice(None), slice(None)).xy.shape == (0, J, 2)


class Confused:
    """The network of crops, which takes the right side for the left one."""

    name = "oracle"

    def __init__(self, focal):
        self.focal = focal

    def __call__(self, frames):
        maps = self.focal(frames)[0].copy()
        maps[:, 3] = np.maximum(0.5 * maps[:, 3], 0.8 * maps[:, 4])
        return (maps,)


def test_poses_that_hang_together_tell_the_sides_of_animals_in_crops():
    xy = animals(PLACES[:3], ANGLES[:3])
    finder = top_down(xy, SIZE)
    engine = Confused(finder.pose.engine)
    finder = finder._replace(pose=finder.pose._replace(engine=engine, scale=0.5))
    plain = find.find(finder, coded(SIZE))
    order = np.linalg.norm(plain.xy[:, None, 0] - xy[None, :, 0], axis=-1).argmin(axis=1)
    truth = xy[order]
    np.testing.assert_allclose(plain.xy[:, 3], truth[:, 4], atol=0.1)
    rng = np.random.default_rng(0)
    known = animals(np.zeros((30, 2)), rng.uniform(0, 6, 30)) + rng.normal(0, 1, (30, J, 2))
    learnt = structure.learn(known, Skeleton(tuple("abcde"), parent=(-1, 0, 1, 1, 1)))
    by = posing.Poser(learnt, calibrate.prior(J, 4.0), 0.3)
    found = find.find(finder._replace(poser=by), coded(SIZE))
    np.testing.assert_allclose(found.xy, truth, atol=0.1)
    assert found.several is None and found.height[0, 3] == pytest.approx(0.5, abs=0.05)
    # the third has its peak at 1, the maps of the fourth show another one that is higher
    assert plain.margin is None and (found.margin > 0).all()
    assert (found.margin[:, 3] < found.margin[:, 2]).all()
    assert find.nobody(finder._replace(poser=by)).margin.shape == (0, J)
    kept = find.find(finder._replace(poser=by, candidates=2), coded(SIZE))
    np.testing.assert_array_equal(kept.several.xy[:, :, 0], kept.xy)
    np.testing.assert_allclose(kept.several.xy[:, 3, 1], truth[:, 4], atol=0.1)

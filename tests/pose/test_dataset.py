"""Windows and whole frames: blobs show whether pixels and keypoints stayed together."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from gambol.core import pixels
from gambol.core.skeleton import Skeleton
from gambol.nn.augment import FILL, AugmentConfig
from gambol.nn.targets import Scene
from gambol.pose import dataset
from gambol.pose.crops import Aim
from gambol.pose.dataset import Windows

SPOTS = Skeleton(("nose", "left", "right"), swap=(-1, 2, 1))
# the three spots of a frame, by their share of the full height: nose, left, right
BRIGHT = (1.0, 0.7, 0.4)
# only geometry: light left alone
STILL = AugmentConfig(
    rotation=180, brightness=0, contrast=0, gamma=(1, 1), noise=0, blur=0, motion=0, erase=0,
    jpeg=0,
)  # fmt: skip
WINDOWS = Windows((96, 80), away=0.0)


def picture(xy, size, sigma=4.0):
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    image = np.full((size[1], size[0]), float(FILL))
    for point, height in zip(xy, BRIGHT, strict=True):
        d = (x - point[0]) ** 2 + (y - point[1]) ** 2
        image += 120 * height * np.exp(-d / (2 * sigma**2))
    return np.rint(np.clip(image, 0, 255)).astype(np.uint8)[..., None]


def frames(n=3, sizes=((150, 130), (131, 117)), scale=1.0, seed=0):
    """Frames of mixed sizes, each with the three spots at least 30 px apart."""
    rng = np.random.default_rng(seed)
    triangle = np.array([[0.0, -20.0], [-18.0, 16.0], [18.0, 14.0]])
    images, points = [], []
    for i in range(n):
        size = sizes[i % len(sizes)]
        xy = pixels.centre(*size) + triangle + rng.uniform(-4, 4, (3, 2))
        images.append(picture(xy, size))
        points.append(xy)
    visibility = np.full((n, 1, 3), 2, np.uint8)
    return dataset.make_frames(images, np.stack(points)[:, None], visibility, scale)


def spot_near(image, xy, reach):
    """Centre of mass of the light around a point, and its height above the ground."""
    y, x = np.indices(image.shape)
    light = image.astype(float) - FILL
    light[(np.abs(x - xy[0]) > reach) | (np.abs(y - xy[1]) > reach)] = 0
    row, column = ndimage.center_of_mass(light)
    return np.array([column, row]), light.max()


def batch(data, rows=(0, 1, 2), cfg=STILL, windows=WINDOWS, skeleton=SPOTS, key=(0, 0)):
    return dataset.batch(data, np.array(rows), windows, cfg, skeleton, key)


def first(out):
    """Keypoints of the first animal of every sample."""
    return out.scene.xy[:, 0].numpy()


@pytest.mark.parametrize("size", [(150, 130), (131, 117), (640, 480), (5, 3)])
@pytest.mark.parametrize("scale", [1.0, 0.5, 0.37, 1.6, 0.01])
def test_the_size_at_network_scale_is_the_size_that_comes_out(size, scale):
    image = np.zeros((size[1], size[0], 3), np.uint8)
    small = dataset.shrink(image, scale)
    width, height = dataset.network_size(*size, scale)
    assert small.shape == (height, width, 3) and min(width, height) >= 1


@pytest.mark.parametrize("size", [(240, 200), (231, 197)])
@pytest.mark.parametrize("scale", [1.0, 0.5, 0.37, 0.8, 1.6])
def test_shrinking_moves_a_blob_as_its_map_says(size, scale):
    for seed in range(4):
        xy = np.random.default_rng(seed).uniform(90, 110, 2)
        x, y = np.arange(size[0]), np.arange(size[1])
        light = np.outer(
            np.exp(-((y - xy[1]) ** 2) / (2 * 12.0**2)),
            np.exp(-((x - xy[0]) ** 2) / (2 * 12.0**2)),
        )
        image = np.rint(FILL + 127 * light).astype(np.uint8)[..., None]
        seen = dataset.shrink(image, scale)[..., 0].astype(float) - FILL
        row, column = ndimage.center_of_mass(seen)
        expected = pixels.apply(dataset.from_video_map(*size, scale), xy)
        assert np.abs((column, row) - expected).max() < 0.02


def test_fine_stripes_shrink_to_grey_and_make_no_moire():
    stripes = np.tile(np.array([0, 255], np.uint8), (120, 60))[..., None]
    small = dataset.shrink(stripes, 0.25)
    assert np.abs(small.astype(int) - 127).max() <= 1


@pytest.mark.parametrize("scale", [1.0, 0.5, 0.8])
def test_keypoints_move_with_their_frames_and_back_to_the_video(scale):
    data, video = frames(scale=scale), frames()
    for i in range(3):
        back = pixels.apply(data.to_video[i], data.xy[i])
        np.testing.assert_allclose(back, video.xy[i], atol=1e-9)
        for j in range(3):
            seen, _ = spot_near(data.images[i][..., 0], data.xy[i, 0, j], reach=14 * scale)
            assert np.abs(seen - data.xy[i, 0, j]).max() < 0.05
    some = data.select(np.array([2, 0]))
    assert some.images[0] is data.images[2] and (some.xy[1] == data.xy[0]).all()


@pytest.mark.parametrize("flip", [0.0, 1.0])
@pytest.mark.parametrize("step", range(6))
def test_a_window_shows_every_spot_where_its_keypoint_says(step, flip):
    # traps 2 and 11: no half pixel is lost, and in a mirror the left spot is called right
    data = frames()
    cfg = STILL.model_copy(update={"flip": flip})
    out = batch(data, cfg=cfg, key=(7, step))
    order = (0, 2, 1) if flip else (0, 1, 2)
    for image, xy in zip(out.image[:, 0].numpy(), first(out), strict=True):
        for j, point in enumerate(xy):
            if pixels.inside(point.astype(float) - 12, 96 - 24, 80 - 24):
                seen, height = spot_near(image, point, reach=14)
                assert np.abs(seen - point).max() < 0.1
                assert height == pytest.approx(120 * BRIGHT[order[j]], abs=4)


def turned(xy):
    """Sign of the turn nose, left, right: a mirror image with its names swapped keeps it."""
    (a, b), (c, d) = xy[1] - xy[0], xy[2] - xy[0]
    return np.sign(a * d - b * c)


def test_a_skeleton_with_a_side_that_has_no_partner_is_never_mirrored():
    lonely = Skeleton(("nose", "left", "tail"))
    data = frames()
    cfg = STILL.model_copy(update={"flip": 1.0})
    for step in range(10):
        out = batch(data, cfg=cfg, skeleton=lonely, key=(0, step))
        assert {turned(xy) for xy in first(out)} == {turned(data.xy[0, 0])}


def test_a_mirrored_animal_is_an_animal_again():
    data = frames()
    cfg = STILL.model_copy(update={"flip": 1.0})
    out = batch(data, cfg=cfg, key=(0, 3))
    assert {turned(xy) for xy in first(out)} == {turned(data.xy[0, 0])}


def same(one, other):
    pairs = zip(one.scene, other.scene, strict=True)
    return torch.equal(one.image, other.image) and all(torch.equal(a, b) for a, b in pairs)


def test_a_sample_depends_on_seed_step_and_place_alone():
    # trap 12: no two places of a batch draw the same numbers, whoever makes them
    data = frames()
    whole = batch(data, (0, 0, 0, 1), cfg=AugmentConfig(), key=(3, 5))
    assert same(whole, batch(data, (0, 0, 0, 1), cfg=AugmentConfig(), key=(3, 5)))
    part = batch(data, (0, 0), cfg=AugmentConfig(), key=(3, 5))
    assert same(part, dataset.Batch(whole.image[:2], Scene(*(v[:2] for v in whole.scene))))
    drawn = [whole.scene.xy[i].numpy().tobytes() for i in range(3)]
    for key in ((3, 6), (4, 5)):
        other = batch(data, (0, 0, 0), cfg=AugmentConfig(), key=key)
        drawn += [xy.numpy().tobytes() for xy in other.scene.xy]
    assert len(set(drawn)) == 9


def test_samples_do_not_touch_the_frames():
    data = frames()
    before = [image.copy() for image in data.images], data.xy.copy(), data.visibility.copy()
    for step in range(5):
        batch(data, cfg=AugmentConfig(flip=1.0, erase=1.0), key=(0, step))
    for image, old in zip(data.images, before[0], strict=True):
        np.testing.assert_array_equal(image, old)
    np.testing.assert_array_equal(data.xy, before[1])
    np.testing.assert_array_equal(data.visibility, before[2])


def test_only_what_nobody_labelled_weighs_nothing():
    data = frames(1)
    xy = data.xy.copy()
    xy[0, 0, 1:] = np.nan
    data = data._replace(xy=xy, visibility=np.array([[[1, 0, 255]]], np.uint8))
    out = batch(data, (0,), skeleton=Skeleton(("nose", "body", "tail")))
    assert out.scene.weight.tolist() == [[[1.0, 1.0, 0.0]]]  # occluded, absent, unlabelled
    xy = out.scene.xy[0, 0]
    assert torch.isfinite(xy[0]).all() and torch.isnan(xy[1:]).all()


def test_cells_outside_the_frame_are_marked():
    image = np.full((60, 70, 1), 250, np.uint8)
    data = dataset.make_frames(
        [image], np.full((1, 1, 3, 2), 30.0), np.full((1, 1, 3), 2, np.uint8), 1.0
    )
    outside = 0
    for step in range(5):
        out = batch(data, (0,), key=(0, step))
        shown, valid = out.image[0, 0].numpy(), out.scene.valid[0].numpy()
        assert (valid[shown == 250] == 1).all() and (valid[shown == FILL] == 0).all()
        between = (shown != 250) & (shown != FILL)  # the frame's very edge
        assert between.mean() < 0.1
        outside += (valid == 0).sum()
    assert outside > 0


def test_a_frame_without_any_keypoint_still_gives_windows():
    data = frames(1)
    data = data._replace(
        xy=np.full((1, 1, 3, 2), np.nan), visibility=np.zeros((1, 1, 3), np.uint8)
    )
    out = batch(data, (0,), cfg=AugmentConfig())
    assert out.image.shape == (1, 1, 80, 96) and out.scene.weight.tolist() == [[[1, 1, 1]]]


def test_aimed_windows_hold_the_animal_and_others_roam():
    data = frames(1, sizes=((600, 500),))
    aimed = [first(batch(data, (0,), key=(0, s)))[0].mean(0) for s in range(20)]
    assert all(pixels.inside(middle.astype(float), 96, 80) for middle in aimed)
    roaming = Windows((96, 80), away=1.0)
    away = [first(batch(data, (0,), windows=roaming, key=(0, s)))[0].mean(0) for s in range(20)]
    assert np.std(away, axis=0).min() > 60


def test_a_whole_window_keeps_the_frame_where_prediction_pads_it():
    data = frames(1, sizes=((150, 130),))
    cfg = STILL.model_copy(
        update={"rotation": 0.0, "scale": (1.0, 1.0), "shear": 0.0, "flip": 0.0}
    )
    whole = Windows((176, 160), away=0.25, whole=True)
    for step in range(10):
        out = batch(data, (0,), cfg=cfg, windows=whole, key=(0, step))
        shift = first(out)[0] - data.xy[0, 0]
        assert np.ptp(shift, axis=0).max() < 1e-3
        assert (np.abs(shift) <= 0.05 * np.array([150, 130]) + 1e-3).all()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(64, 32), (65, 33), (1, 1), (79, 64)])
def test_letterboxing_pads_right_and_below_to_the_multiple(size, channels):
    # trap 22: any size goes
    image = np.random.default_rng(0).integers(0, 100, (size[1], size[0], channels), np.uint8)
    out = dataset.letterbox(image, 16)
    height, width = out.shape[:2]
    assert width % 16 == height % 16 == 0
    assert 0 <= width - size[0] < 16 and 0 <= height - size[1] < 16
    np.testing.assert_array_equal(out[: size[1], : size[0]], image)
    assert (out[size[1] :] == FILL).all() and (out[:, size[0] :] == FILL).all()


def test_letterboxing_to_a_given_size_is_for_batches_of_mixed_sizes():
    image = np.zeros((30, 40, 1), np.uint8)
    assert dataset.letterbox(image, 16, (50, 70)).shape == (80, 64, 1)


def crowd(complete=True, identity=None):
    """One frame with room for three animals: two little triangles far apart, and nobody."""
    triangle = np.array([[0.0, -10.0], [-9.0, 8.0], [9.0, 7.0]])
    xy = np.full((1, 3, 3, 2), np.nan)
    xy[0, 0], xy[0, 2] = triangle + [60.0, 80.0], triangle + [240.0, 90.0]
    visibility = np.where(np.isfinite(xy).all(-1), 2, 0).astype(np.uint8)
    image = np.full((180, 300, 1), 250, np.uint8)
    return dataset.make_frames([image], xy, visibility, 1.0, identity, np.array([complete]))


def test_unknown_and_complete_is_what_is_assumed():
    data = frames(2)
    assert data.identity.tolist() == [[-1], [-1]] and data.complete.tolist() == [True, True]


def test_one_by_one_puts_each_animal_first_and_keeps_its_neighbours():
    data = crowd(identity=np.array([[4, -1, 7]]), complete=False)
    data = data._replace(
        images=data.images * 2,
        **{
            name: np.concatenate([part, part])
            for name, part in zip(data._fields[1:], data[1:], strict=True)
        },
    )
    data.xy[1, 0] = np.nan  # the second frame shows one animal
    data.visibility[1, 0] = 0
    rows = dataset.one_by_one(data)
    assert len(rows.images) == len(rows.xy) == 3 and rows.images[0] is data.images[0]
    np.testing.assert_array_equal(rows.xy[0], data.xy[0])
    np.testing.assert_array_equal(rows.xy[1], data.xy[0][[2, 0, 1]])
    np.testing.assert_array_equal(rows.xy[2], data.xy[1][[2, 0, 1]])
    assert rows.identity.tolist() == [[4, -1, 7], [7, 4, -1], [7, 4, -1]]
    np.testing.assert_array_equal(rows.visibility[1], data.visibility[0][[2, 0, 1]])
    assert rows.complete.tolist() == [False] * 3


def test_a_frame_without_animals_gives_no_row_for_one():
    data = frames(1)
    data = data._replace(xy=np.full((1, 1, 3, 2), np.nan))
    assert len(dataset.one_by_one(data).images) == 0


def test_of_an_incomplete_frame_only_the_surroundings_of_the_labelled_count():
    whole = Windows((304, 184), away=0.0, whole=True)
    for step in range(3):
        full = batch(crowd(), (0,), windows=whole, key=(0, step)).scene
        part = batch(crowd(complete=False), (0,), windows=whole, key=(0, step)).scene
        assert torch.equal(torch.nan_to_num(part.xy), torch.nan_to_num(full.xy))
        y, x = torch.meshgrid(torch.arange(184.0), torch.arange(304.0), indexing="ij")
        near = torch.zeros(184, 304, dtype=torch.bool)
        for one in (0, 2):
            low, high = full.xy[0, one].amin(0), full.xy[0, one].amax(0)
            grow = 0.3 * torch.linalg.vector_norm(high - low)
            near |= (
                (x >= low[0] - grow) & (x <= high[0] + grow)
                & (y >= low[1] - grow) & (y <= high[1] + grow)
            )  # fmt: skip
        assert torch.equal(part.valid[0], full.valid[0] * near)
        assert 0 < part.valid.sum() < 0.3 * full.valid.sum()


def test_an_incomplete_frame_without_labels_teaches_nothing():
    data = frames(1)
    data = data._replace(xy=np.full((1, 1, 3, 2), np.nan), complete=np.array([False]))
    assert batch(data, (0,)).scene.valid.sum() == 0


def middle_of(xy, anchor):
    seen = xy[np.isfinite(xy).all(-1)]
    box = (seen.min(0) + seen.max(0)) / 2
    return box if anchor is None or np.isnan(xy[anchor]).any() else xy[anchor]


@pytest.mark.parametrize("anchor", [None, 0, 1])
def test_focal_windows_have_the_first_animal_in_their_middle(anchor):
    upright = STILL.model_copy(
        update={"rotation": 0.0, "scale": (1.0, 1.0), "shear": 0.0, "flip": 0.0}
    )
    focal = Windows((96, 80), away=1.0, aim=Aim(anchor), jitter=0.0)
    data = dataset.one_by_one(crowd())
    data.xy[1, 0, 1] = np.nan  # the second one's left is hidden: then the box counts
    out = batch(data, (0, 1), cfg=upright, windows=focal)
    for xy in first(out):
        np.testing.assert_allclose(middle_of(xy, anchor), pixels.centre(96, 80), atol=1e-3)
    np.testing.assert_allclose(  # and the neighbour is where it was
        out.scene.xy[0, 1:].numpy() - first(out)[0, 0],
        data.xy[0, 1:] - data.xy[0, 0, 0],
        atol=1e-3,
    )


def test_focal_windows_are_off_by_as_much_as_detectors_are():
    focal = Windows((96, 80), away=0.0, aim=Aim(0), jitter=3.0)
    still = STILL.model_copy(
        update={"rotation": 0.0, "scale": (1.0, 1.0), "shear": 0.0, "flip": 0.0}
    )
    data = dataset.one_by_one(crowd())
    off = [
        first(batch(data, (0,), cfg=still, windows=focal, key=(0, s)))[0, 0]
        - pixels.centre(96, 80)
        for s in range(400)
    ]
    np.testing.assert_allclose(np.std(off, axis=0), 3.0, rtol=0.15)
    np.testing.assert_allclose(np.mean(off, axis=0), 0.0, atol=0.5)


@pytest.mark.parametrize("step", range(4))
def test_a_mirror_swaps_the_sides_of_every_animal(step):
    data = crowd()
    cfg = STILL.model_copy(update={"flip": 1.0})
    xy = batch(data, (0,), cfg=cfg, key=(0, step)).scene.xy[0].numpy()
    assert turned(xy[0]) == turned(xy[2]) == turned(data.xy[0, 0])
    assert np.isnan(xy[1]).all()


def test_windows_are_aimed_at_every_animal_in_turn():
    data, nearest = crowd(), []
    for step in range(30):
        xy = batch(data, (0,), key=(0, step)).scene.xy[0].numpy()
        away = [np.linalg.norm(xy[i].mean(0) - pixels.centre(96, 80)) for i in (0, 2)]
        nearest.append(int(np.argmin(away)))
    assert 5 < sum(nearest) < 25


def test_part_of_a_step_is_made_as_in_the_whole():
    data = frames()
    whole = batch(data, (0, 1, 2, 0), cfg=AugmentConfig(), key=(3, 5))
    places = np.array([1, 3])
    part = dataset.batch(
        data, np.array([0, 1, 2, 0]), WINDOWS, AugmentConfig(), SPOTS, (3, 5), places
    )
    assert same(part, dataset.Batch(whole.image[1::2], Scene(*(v[1::2] for v in whole.scene))))


def test_a_centroid_is_a_keypoint_that_is_there_or_absent():
    data = crowd()
    small = dataset.only_centroids(data, Aim(), 0.5)
    assert small.images[0].shape == (90, 150, 1) and small.xy.shape == (1, 3, 1, 2)
    back = pixels.apply(small.to_video[0], small.xy[0, :, 0])
    np.testing.assert_allclose(back[0], (data.xy[0, 0].min(0) + data.xy[0, 0].max(0)) / 2)
    assert small.visibility[0, :, 0].tolist() == [2, 0, 2] and np.isnan(back[1]).all()


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_what_is_cut_out_lies_where_it_did_in_the_video(scale):
    data = crowd()
    video = dataset.one_by_one(data)
    rows = dataset.one_by_one(dataset.make_frames(data.images, data.xy, data.visibility, scale))
    cut = dataset.cut_out(rows, Aim(), 64)
    assert cut.xy.shape == (2, 1, 3, 2) and {i.shape for i in cut.images} == {(64, 64, 1)}
    for i in range(2):
        back = pixels.apply(cut.to_video[i], cut.xy[i, 0])
        np.testing.assert_allclose(back, video.xy[i, 0], atol=1e-9)
        middle = (cut.xy[i, 0].min(0) + cut.xy[i, 0].max(0)) / 2
        assert np.abs(middle - pixels.centre(64, 64)).max() <= 0.5


def test_in_focus_neighbours_become_background():
    rows = dataset.focus(dataset.one_by_one(crowd()))
    assert rows.xy.shape == (2, 1, 3, 2) and rows.visibility.shape == (2, 1, 3)
    assert rows.identity.shape == (2, 1)

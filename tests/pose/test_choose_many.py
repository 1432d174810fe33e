"""Choices for several animals, against their formulas and on recordings of flies."""

import math

import crowds
import numpy as np
import pytest
from crowds import BODY, LENGTH, animals

from gambol.core.instances import body_length
from gambol.io import labels as io_labels
from gambol.io.video.open import open_video
from gambol.pose import choose_many, crops


def crowd(n=200, seed=0, scale=1.0):
    rng = np.random.default_rng(seed)
    return scale * animals(rng.uniform(0, 500, (n, 2)), rng.uniform(-3, 3, n))


def test_one_animal_a_frame_needs_no_grouping():
    way, reason = choose_many.approach(crowd(), 1, (100, 100))
    assert way == "single" and reason


def test_small_animals_are_cut_out_and_large_ones_seen_together():
    xy = crowd()
    length = body_length(xy)
    for share, way in [(0.05, "top-down"), (0.19, "top-down"), (0.21, "bottom-up")]:
        short = round(length / share)
        for size in [(short, 3 * short), (3 * short, short)]:  # the shorter side counts
            made, reason = choose_many.approach(xy, 2, size)
            assert made == way and reason.startswith(f"{way}: up to 2 animals")


def test_keypoints_that_no_bones_join_are_not_left_to_fields():
    xy = crowd()
    size = round(body_length(xy) / 0.5), 1000
    assert choose_many.approach(xy, 2, size, joined=True)[0] == "bottom-up"
    way, reason = choose_many.approach(xy, 2, size, joined=False)
    assert way == "top-down" and "no bones join" in reason


@pytest.mark.parametrize("multiple", [8, 16, 32])
@pytest.mark.parametrize("anchor", [None, 0, 2])
def test_crops_follow_their_formula(anchor, multiple):
    xy = crowd(300)
    xy[::7, 3] = np.nan
    far = []
    for points in xy:  # by hand, animal after animal
        seen = points[np.isfinite(points).all(axis=-1)]
        middle = (seen.min(axis=0) + seen.max(axis=0)) / 2 if anchor is None else points[anchor]
        far.append(np.abs(seen - middle).max())
    q = np.percentile(far, 99)
    side = math.ceil(2 * (q + 0.1 * q + 3 * 3.5) / multiple) * multiple
    cut = choose_many.crop_size(xy, crops.Aim(anchor), 3.5, multiple)
    assert cut.side == max(side, 64) and cut.side % multiple == 0
    assert cut.jitter == pytest.approx(0.1 * q / 2.4477, rel=1e-3)
    assert cut.cut_off == 0.0


def test_crops_leave_room_for_the_error_of_centroids_that_was_seen():
    xy, aim = crowd(300), crops.Aim()
    q = np.percentile(np.abs(crops.offsets(xy, aim)).max(axis=(1, 2)), 99)
    small, wide, lost = (choose_many.crop_size(xy, aim, 3.5, 2, e) for e in (0.5, 6.0, 1e4))
    off = np.linalg.norm(np.random.default_rng(0).normal(0, wide.jitter, (100_000, 2)), axis=1)
    assert np.percentile(off, 95) == pytest.approx(6.0, rel=0.01)
    assert small.jitter == pytest.approx(wide.jitter / 12)
    assert wide.side - small.side == pytest.approx(2 * 5.5, abs=2)
    # a network that finds nothing rules nothing
    assert lost.jitter == pytest.approx(q / 2 / 2.4477, rel=1e-3)
    assert "to 6.0 px" in wide.reason


def turned(n, widest):
    """Animals that differ by how they lie, up to `widest` rad, and a little by their pose."""
    rng = np.random.default_rng(0)
    xy = crowds.animals(rng.uniform(0, 500, (n, 2)), rng.uniform(-widest, widest, n))
    return xy + rng.normal(0, 1.0, xy.shape)


def test_crops_are_turned_where_animals_point_anywhere_and_not_where_they_do_not():
    free = choose_many.alignment(turned(200, 3.1), (-1,) * 5)
    assert free.shape is not None and "heads are up" in free.reason
    side = choose_many.alignment(turned(200, 0.05), (-1,) * 5)
    assert side.shape is None and side.reason.startswith("crops: as filmed")


def test_crops_are_turned_as_the_settings_say():
    assert choose_many.alignment(turned(50, 3.1), (-1,) * 5, False).shape is None
    assert choose_many.alignment(turned(50, 0.05), (-1,) * 5, True).shape is not None


def test_crops_stay_as_filmed_where_few_labels_say_how_animals_lie():
    xy = turned(100, 3.1)
    xy[:20, 1:] = np.nan
    assert choose_many.alignment(xy, (-1,) * 5).shape is None


def test_turned_crops_of_long_animals_are_as_wide_as_they_are_long():
    xy = turned(300, 3.1)
    aim = crops.Aim(1, choose_many.alignment(xy, (-1,) * 5).shape)
    cut = choose_many.crop_size(xy, aim, 3.5, 8)
    far = np.percentile(np.linalg.norm(xy - xy[:, 1:2], axis=-1).max(axis=1), 99)
    assert abs(cut.side - 2 * (1.1 * far + 10.5)) < 12


def test_crops_are_never_smaller_than_the_network_needs():
    assert choose_many.crop_size(crowd(scale=0.05), crops.Aim(), 2.0, 16).side == 64
    assert choose_many.crop_size(crowd(scale=0.05), crops.Aim(), 2.0, 48).side == 96


def test_what_crops_cut_off_is_said():
    xy = crowd(1000)
    xy[0, 2] += 400  # one far slip in 1000 animals
    cut = choose_many.crop_size(xy, crops.Aim(0), 3.5, 16)
    assert cut.cut_off == pytest.approx(1 / xy[..., 0].size)
    assert "0.0% of labels" in cut.reason


@pytest.mark.parametrize("body", [10.0, 33.0, 50.0, 100.0, 400.0, 3000.0])
def test_animals_are_found_at_the_coarsest_scale_that_shows_them(body):
    found = choose_many.centroids(body)
    small = body * found.scale
    assert found.scale == 1.0 or small >= choose_many.OVERVIEW
    if body >= 2 * choose_many.OVERVIEW:
        assert found.scale <= 0.5  # the scale that many.md starts from
    assert 2.5 <= found.sigma <= 5.0
    sees = 9 * 2**found.depth - 4
    assert sees >= 1.5 * small or found.depth == 5
    assert found.depth == 2 or 9 * 2 ** (found.depth - 1) - 4 < 1.5 * small


def test_a_scale_that_is_asked_for_decides_about_the_rest():
    asked = choose_many.centroids(400.0, 0.5)
    assert asked.scale == 0.5 and asked.depth == choose_many.centroids(200.0, 1.0).depth
    assert asked.sigma == choose_many.centroids(200.0, 1.0).sigma == 5.0
    assert "200 px" in asked.reason


@pytest.mark.parametrize("name", ["two_flies", "three_flies"])
def test_flies_are_small_in_their_arena(data, name):
    path = data / "flies_tracks" / f"{name}.slp"
    if not path.exists():
        pytest.skip(f"no {path}")
    labels = io_labels.load(path)
    _, counts = np.unique(labels.pairs, axis=0, return_counts=True)
    video = open_video(labels.videos[0], grey=True)
    way, _ = choose_many.approach(labels.xy, int(counts.max()), video.size)
    length = body_length(labels.xy)
    video.close()
    assert way == ("top-down" if length / min(video.size) < 0.2 else "bottom-up")
    cut = choose_many.crop_size(labels.xy, crops.Aim(), 3.5, 16)
    assert cut.cut_off <= 0.01  # many.md: above 1 % is an error
    assert length < cut.side < 3 * length
    found = choose_many.centroids(length)
    assert 32 <= found.scale * length <= 70


def test_the_length_of_the_drawn_body_is_that_of_its_box():
    assert body_length(BODY[None]) == pytest.approx(LENGTH)

import numpy as np
import pytest
import ring

from gambol.viz import views
from gambol.viz.colours import keypoint_colours


@pytest.fixture
def rig():
    return ring.rig()


@pytest.fixture
def sight(rig):
    """One animal in the first camera, found just where it is."""
    _, xyz = ring.walk(1)
    uv = views.reproject(xyz, None, rig).uv[0, 0]
    return views.Sight(np.full((240, 320, 1), 100, np.uint8), "cam0", uv.copy(), uv)


def test_covariance_in_the_image_is_that_of_drawn_points(rig):
    _, xyz = ring.walk(1)
    spread = np.diag([4.0, 9.0, 1.0])
    seen = views.reproject(xyz, np.broadcast_to(spread, (1, 1, 5, 3, 3)), rig)
    rng = np.random.default_rng(0)
    drawn = xyz[0, 0, 2] + rng.multivariate_normal(np.zeros(3), spread, 20_000)
    uv = views.reproject(drawn[None, None], None, rig).uv[0, :, 0]
    for v in range(len(rig)):
        assert np.allclose(seen.covariance[0, v, 0, 2], np.cov(uv[v].T), rtol=0.05, atol=0.03)


def test_unknown_points_are_nowhere(rig):
    _, xyz = ring.walk(2)
    xyz[1, 0, 3] = np.nan
    seen = views.reproject(xyz, None, rig)
    assert np.isnan(seen.uv[1, :, 0, 3]).all() and np.isfinite(seen.uv[0]).all()
    assert np.isnan(seen.covariance).all()


def test_keypoints_are_drawn_where_the_camera_sees_them(sight):
    picture = views.draw(sight, ring.BONES)
    colours = keypoint_colours(ring.BONES)
    for j, (x, y) in enumerate(np.rint(sight.uv[0]).astype(int)):
        near = picture[y - 2 : y + 3, x - 2 : x + 3].astype(int)
        assert (np.abs(near - colours[j]).sum(axis=-1) < 120).any()
    assert (sight.frame == 100).all() and picture.shape == (240, 320, 3)


def test_a_bar_joins_what_was_found_to_what_was_said(sight):
    found = np.full_like(sight.found, np.nan)
    found[0, 2] = sight.uv[0, 2] + [60.0, 0.0]
    middle = np.rint(sight.uv[0, 2] + [30.0, 0.0]).astype(int)
    x, y = middle
    bar = views.draw(sight._replace(found=found), ring.BONES)[y, x]
    assert (bar > 200).all()
    lost = np.zeros((1, 5), bool)
    lost[0, 2] = True  # a cross is joined to nothing
    assert (
        views.draw(sight._replace(found=found, removed=lost), ring.BONES)[y, x] == 100
    ).all()


def test_zoom_moves_points_with_the_pixels(sight):
    large = views.draw(sight, ring.BONES, zoom=2.0)
    assert large.shape == (480, 640, 3)
    nose = sight.uv[0, 2] * 2 + 0.5  # integer coordinates are pixel centres
    x, y = np.rint(nose).astype(int)
    assert (large[y, x] != 100).any()


def test_a_close_up_holds_all_points_of_the_animal(sight):
    picture = views.close_up(sight, ring.BONES, (200, 150))
    assert picture.shape == (150, 200, 3)
    drawn = np.argwhere((picture != 100).any(axis=-1))
    low, high = drawn.min(axis=0), drawn.max(axis=0)
    assert (low > 5).all() and (high < [145, 195]).all()  # nothing is cut
    assert ((high - low) / [150, 200]).max() > 0.6  # and it is large


@pytest.mark.parametrize("found", [np.nan, -1e7, 1e7])
def test_points_that_are_nowhere_or_far_away_do_no_harm(sight, found):
    wild = sight._replace(found=np.full((1, 5, 2), found), uv=np.full((1, 5, 2), found))
    assert views.close_up(wild, ring.BONES).max() < 115  # nothing but the frame
    assert (views.draw(wild, ring.BONES) == 100).all()


@pytest.mark.parametrize("count", [1, 2, 5, 6, 12])
def test_a_mosaic_has_every_picture_and_the_width_that_was_asked_for(count):
    shades = np.linspace(100, 250, count).astype(np.uint8)
    pictures = [np.full((60, 80, 3), shade, np.uint8) for shade in shades]
    whole = views.mosaic(pictures, [f"cam{v}" for v in range(count)], 900)
    assert abs(whole.shape[1] - 900) < 12 and set(shades) <= set(np.unique(whole))


def test_a_name_is_written_even_where_it_has_letters_that_the_font_lacks():
    picture = np.full((60, 200, 3), 100, np.uint8)
    views.label(picture, "vue côté")
    assert (picture[:20, :60] > 200).any() and (picture[40:] == 100).all()

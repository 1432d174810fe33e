import numpy as np

from gambol.core.skeleton import Skeleton
from gambol.viz.colours import (
    NOBODY,
    from_oklab,
    individual_colours,
    keypoint_colours,
    to_oklab,
)

NAMES = tuple(f"k{j}" for j in range(20))


def deuteranopia(rgb):
    """What remains without green cones. Source: Machado et al. (2009), severity 1."""
    matrix = np.array(
        [
            (0.367322, 0.860646, -0.227968),
            (0.280085, 0.672501, 0.047413),
            (-0.011820, 0.042940, 0.968881),
        ]
    )
    value = rgb / 255.0
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ matrix.T, 0, 1)
    back = np.where(seen <= 0.0031308, seen * 12.92, 1.055 * seen ** (1 / 2.4) - 0.055)
    return np.round(back * 255).astype(np.uint8)


def nearest(colours):
    lab = to_oklab(colours)
    apart = np.linalg.norm(lab[:, None] - lab[None], axis=-1)
    return apart[~np.eye(len(lab), dtype=bool)].min()


def test_a_keypoint_added_at_the_end_changes_no_colour():
    few = Skeleton(NAMES[:9], swap=(-1, 2, 1, *[-1] * 6))
    more = Skeleton(NAMES, swap=(-1, 2, 1, *[-1] * 17))
    assert (keypoint_colours(few) == keypoint_colours(more)[:9]).all()


def test_both_sides_share_a_hue_and_differ_in_lightness():
    lab = to_oklab(keypoint_colours(Skeleton(("nose", "a", "b"), swap=(-1, 2, 1))))
    hue = np.arctan2(lab[1:, 2], lab[1:, 1])
    assert abs(hue[0] - hue[1]) < 0.25
    assert lab[1, 0] - lab[2, 0] > 0.15


def test_twenty_colours_differ_and_seven_do_without_green_cones():
    assert nearest(keypoint_colours(Skeleton(NAMES))) > 0.02
    assert nearest(deuteranopia(keypoint_colours(Skeleton(NAMES[:7])))) > 0.04


def test_oklab_of_white_and_its_round_trip():
    assert np.allclose(to_oklab(np.full(3, 255, np.uint8)), [1, 0, 0], atol=1e-4)
    rgb = np.random.default_rng(0).integers(0, 256, (100, 3)).astype(np.uint8)
    assert (from_oklab(to_oklab(rgb)) == rgb).all()


def test_animals_differ_for_every_eye_and_none_is_grey():
    colours = individual_colours(12)
    assert (individual_colours(5) == colours[:5]).all()  # a further animal changes no colour
    assert nearest(colours) > 0.04
    for count, apart in ((2, 0.2), (4, 0.14), (6, 0.1), (7, 0.07)):
        assert nearest(deuteranopia(colours[:count])) > apart
    grey = np.linalg.norm(to_oklab(colours) - to_oklab(NOBODY), axis=-1)
    assert grey[:7].min() > 0.1

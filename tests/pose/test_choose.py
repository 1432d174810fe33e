import numpy as np
import pytest

from gambol.core.skeleton import Skeleton
from gambol.pose.choose import ALONE, CROWD, choose, measure

MOUSE = Skeleton(("snout", "leftear", "rightear", "tailbase"), swap=(-1, 2, 1, -1))
SHAPE = np.array([[50.0, 0.0], [35.0, -8.0], [35.0, 8.0], [-50.0, 0.0]])


def posed(rng, n, free=True, size=(640, 480), grow=1.0):
    """A rigid animal at random places, pointing anywhere or always to the right."""
    angle = rng.uniform(-np.pi, np.pi, n) if free else rng.normal(0, 0.05, n)
    turn = np.stack([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    xy = np.einsum("abn,jb->nja", turn, grow * SHAPE)
    return xy + rng.uniform(100, min(size) - 100, (n, 1, 2))


def test_measures_what_was_drawn():
    animal = measure(posed(np.random.default_rng(0), 200, free=False))
    assert animal.diagonal == pytest.approx(np.hypot(100, 16), rel=0.1)
    assert animal.apart == pytest.approx(16.0, rel=0.1)


@pytest.mark.parametrize("nets", [ALONE, CROWD], ids=["alone", "crowd"])
@pytest.mark.parametrize("grow", [0.3, 1.0, 3.0])
def test_the_network_sees_more_than_the_animal(grow, nets):
    xy = posed(np.random.default_rng(0), 50, grow=grow, size=(1200, 1200))
    choice = choose(xy, MOUSE, (1200, 1200), [], nets=nets)
    body = measure(xy).diagonal * choice.scale
    net = choice.backbone
    assert net.middle_field >= 1.5 * body or net == nets[-1]
    assert net == nets[0] or nets[nets.index(net) - 1].middle_field < 1.5 * body
    assert all(side % net.multiple == 0 for side in choice.window)


def test_only_animals_that_turn_freely_are_mirrored_and_turned():
    rng = np.random.default_rng(1)
    above = choose(posed(rng, 40), MOUSE, (640, 480), [])
    beside = choose(posed(rng, 40, free=False), MOUSE, (640, 480), [])
    assert (above.rotation, above.flip) == (180.0, 0.5)
    assert (beside.rotation, beside.flip) == (15.0, 0.0)


def test_a_one_sided_name_without_partner_forbids_mirror_images():
    lonely = Skeleton(("snout", "leftear", "rightear", "tailbase"))
    assert choose(posed(np.random.default_rng(1), 40), lonely, (640, 480), []).flip == 0.0


def test_colour_is_used_only_where_there_is_some():
    xy = posed(np.random.default_rng(0), 5)
    grey = np.repeat(np.random.default_rng(0).integers(0, 255, (48, 64, 1)), 3, -1)
    red = grey.copy()
    red[..., 1:] //= 2
    assert choose(xy, MOUSE, (640, 480), [grey.astype(np.uint8)]).channels == 1
    assert choose(xy, MOUSE, (640, 480), [red.astype(np.uint8)]).channels == 3


def test_what_is_given_is_kept():
    xy = posed(np.random.default_rng(0), 5)
    choice = choose(xy, MOUSE, (640, 480), [], scale=1.0, multiple=48)
    assert choice.scale == 1.0 and all(side % 48 == 0 for side in choice.window)
    assert not any("hourglass" in reason for reason in choice.reasons)
    assert not any("scale 1" in reason for reason in choice.reasons)


def test_one_keypoint_or_none_is_enough():
    xy = np.full((3, 4, 2), np.nan)
    xy[0, 0] = 5.0
    assert choose(xy, MOUSE, (640, 480), []).scale > 0

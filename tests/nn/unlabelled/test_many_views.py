import numpy as np
import pytest
import torch

from gambol.core.errors import InputError
from gambol.nn.unlabelled import Labelled, Shown, losses
from gambol.nn.unlabelled.many_views import ManyViewsSpec

NAMES = ("paw_top", "paw_side", "nose_top", "nose_side")
POINTS = (("paw_top", "paw_side"), ("nose_top", "nose_side"))
LOOKS = np.random.default_rng(5).normal(size=(2, 2, 3))


def seen(n, rng):
    """Two body points in two affine views: x of one axis is in both."""
    points = rng.normal(0, 20, (n, 2, 3))
    xy = np.einsum("vab,npb->npva", LOOKS, points) + [[100.0, 50.0], [100.0, 200.0]]
    return xy.reshape(n, 4, 2) + rng.normal(0, 0.3, (n, 4, 2))


def labelled(n=80):
    xy = seen(n, np.random.default_rng(0))
    xy[::7, 1] = np.nan
    return Labelled(xy, np.zeros(n, int), np.arange(n), NAMES, False)


def test_views_that_agree_cost_nothing_and_those_that_do_not_do():
    loss = losses.build(ManyViewsSpec(points=POINTS), labelled())
    new = torch.from_numpy(seen(50, np.random.default_rng(1))).float()
    assert loss.of_clip(Shown(new, torch.ones(50, 4))) < 0.1
    astray = new.clone()
    astray[:, 1] += torch.tensor([25.0, -25.0])
    assert loss.of_clip(Shown(astray, torch.ones(50, 4))) > 1
    peak = torch.ones(50, 4)
    peak[:, 1] = 0
    assert loss.of_clip(Shown(astray, peak)) < 0.1


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({}, "points lists every body point"),
        (
            {"points": [["paw_top", "paw_sid"]]},
            "no keypoint 'paw_sid'; did you mean 'paw_side'",
        ),
        ({"points": [["paw_top"], ["nose_top"]]}, "two views or more"),
        ({"points": POINTS, "dims": 4}, "dims=4 leaves free"),
    ],
)
def test_what_says_nothing_is_refused(spec, sentence):
    with pytest.raises(InputError, match=sentence):
        losses.build(losses.parse({"kind": "pca-many-views", **spec}), labelled())


def test_too_few_labels_are_refused():
    with pytest.raises(InputError, match="needs 8 points labelled in all views"):
        losses.build(ManyViewsSpec(points=POINTS[:1]), labelled(6))

import pytest
import torch
from torch.nn import functional as F

from gambol.nn.backbones.base import Backbone
from gambol.nn.heads import PatchSpec, PointwiseSpec, UpsampleSpec, heads

SPECS = {
    "patch": PatchSpec(patch=5),
    "pointwise": PointwiseSpec(),
    "upsample": UpsampleSpec(),
}


class Features(Backbone):
    channels, stride, multiple = 6, 4, 4


def build(kind):
    torch.manual_seed(0)
    return heads.build(SPECS[kind], Features(), 3)


def test_every_kind_is_tested():
    assert sorted(SPECS) == heads.kinds()


@pytest.mark.parametrize("kind", heads.kinds())
def test_maps_lie_on_the_declared_grid(kind):
    head = build(kind)
    maps = head(torch.randn(2, 6, 10, 7))
    assert maps.shape == (2, 3, 10 * 4 // head.stride, 7 * 4 // head.stride)


@pytest.mark.parametrize("kind", heads.kinds())
def test_an_untrained_head_says_almost_nothing(kind):
    # maps near a constant: the first steps need not undo what nobody learnt
    maps = build(kind)(torch.randn(2, 6, 16, 16))
    assert maps.std() < 0.3


def test_the_patch_head_is_logistic_regression_on_every_patch():
    head = build("patch").double()
    torch.nn.init.normal_(head.conv.weight)
    torch.nn.init.normal_(head.conv.bias)
    features = torch.randn(1, 6, 9, 8, dtype=torch.float64)
    patches = F.unfold(features, 5, padding=2)[0].T  # one row a patch
    activation = patches @ head.conv.weight.flatten(1).T + head.conv.bias
    one_by_one = (1 / (1 + torch.exp(-activation))).T.reshape(3, 9, 8)
    torch.testing.assert_close(head(features)[0], one_by_one, atol=1e-10, rtol=0)


def test_an_untrained_classifier_is_undecided():
    assert (build("patch")(torch.randn(1, 6, 8, 8)) == 0.5).all()

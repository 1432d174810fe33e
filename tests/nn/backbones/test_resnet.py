import pytest
import torch

from gambol.nn.backbones.resnet import ResNet, ResNetSpec
from gambol.nn.model import ModelSpec, PoseNet, default_head
from gambol.nn.outputs.location import LocationSpec

# trainable parameters of torchvision 0.20's models, less those of `fc`
PUBLISHED = {18: 11_689_512 - 513_000, 34: 21_797_672 - 513_000,
             50: 25_557_032 - 2_049_000, 101: 44_549_160 - 2_049_000}  # fmt: skip


@pytest.mark.parametrize("layers", PUBLISHED)
@pytest.mark.parametrize("coarsest", [16, 32])
def test_parameters_count_as_in_the_weights_that_are_passed_around(layers, coarsest):
    encoder = ResNet(ResNetSpec(layers=layers, coarsest=coarsest))
    assert sum(p.numel() for p in encoder.parameters()) == PUBLISHED[layers]
    assert encoder.strides == (2, 4, 8, 16, 32)[: 4 if coarsest == 16 else 5]
    wide = 512 * (4 if layers >= 50 else 1)
    assert encoder.channels[-1] == wide


def test_dilating_sees_as_far_and_finer():
    torch.manual_seed(0)
    halved = ResNet(ResNetSpec(layers=18, coarsest=32)).eval()
    dilated = ResNet(ResNetSpec(layers=18, coarsest=16)).eval()
    dilated.load_state_dict(halved.state_dict())
    image = torch.rand(1, 3, 96, 96)
    with torch.no_grad():
        a, b = halved(image), dilated(image)
    for fine, same in zip(a[:3], b[:3], strict=True):
        assert torch.equal(fine, same)
    assert b[-1].shape[-1] == 2 * a[-1].shape[-1]


def test_weights_of_torchvision_find_their_places():
    encoder = ResNet(ResNetSpec(layers=50))
    foreign = {}
    for name, value in encoder.state_dict().items():
        head, _, rest = name.partition(".")
        if head == "stages":
            number, _, rest = rest.partition(".")
            foreign[f"layer{int(number) + 1}.{rest}"] = value
        else:
            foreign[f"{'conv1' if head == 'stem' else 'bn1'}.{rest}"] = value
    foreign["fc.weight"] = torch.zeros(1000, 2048)
    assert {"layer1.0.downsample.0.weight", "layer4.2.bn3.running_var"} <= set(foreign)
    assert set(encoder.named(foreign)) == set(encoder.state_dict())


def test_the_head_of_deeplabcut_answers_at_stride_eight():
    spec = ResNetSpec(layers=18)
    net = PoseNet(
        ModelSpec(
            backbone=spec, head=default_head(spec), keypoints=("nose", "tail"),
            outputs=(LocationSpec(radius=17, length=7.2801),),
        )
    ).eval()  # fmt: skip
    assert net.position.stride == 8
    (maps,) = net(torch.zeros(1, 1, 64, 96, dtype=torch.uint8))
    assert maps.shape == (1, 6, 8, 12)

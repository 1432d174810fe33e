"""What every backbone promises, asked of each one that is registered."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from gambol.core.errors import InputError
from gambol.nn import cost, engine, field
from gambol.nn.backbones.base import backbones
from gambol.nn.backbones.efficientnet import EfficientNetSpec
from gambol.nn.backbones.hourglass import HourglassSpec
from gambol.nn.backbones.leap import LeapSpec
from gambol.nn.backbones.linear import LinearSpec
from gambol.nn.backbones.resnet import ResNetSpec
from gambol.nn.backbones.stacked_densenet import StackedDensenetSpec
from gambol.nn.backbones.timm_encoder import TimmSpec
from gambol.nn.backbones.unet import UNetSpec
from gambol.nn.backbones.vit import VitSpec
from gambol.nn.field import receptive_field
from gambol.nn.model import ModelSpec, PoseNet, default_head, parameter_count
from gambol.nn.outputs.confidence import ConfidenceSpec
from gambol.nn.outputs.simcc import SimccSpec
from gambol.nn.targets import Scene
from gambol.pose import infer

# a small one of every kind; a new kind belongs here too
SMALL = {
    "efficientnet": EfficientNetSpec(stride=2, width=8),
    "hourglass": HourglassSpec(filters=32, depth=2, stacks=2),
    "leap": LeapSpec(filters=8),
    "linear": LinearSpec(patch=15),
    "resnet": ResNetSpec(layers=18, stride=4, width=8),
    "stacked-densenet": StackedDensenetSpec(growth=8, transitions=4, stacks=2),
    "timm": TimmSpec(model="test_resnet", width=8),
    "unet": UNetSpec(depth=2, filters=8),
    "vit": VitSpec(patch=8, layers=1),
}
DEEP = ("efficientnet", "resnet")  # take a quarter of a minute each
SIZES = [(64, 64), (32, 96)]  # width, height

every_kind = pytest.mark.parametrize("kind", backbones.kinds())


def make(kind, channels=1, seed=0, output=None):
    if kind == "timm":
        pytest.importorskip("timm")
    torch.manual_seed(seed)
    spec = SMALL[kind]
    return PoseNet(
        ModelSpec(
            backbone=spec,
            head=default_head(spec),
            channels=channels,
            keypoints=("spot", "hole"),
            outputs=(output or ConfidenceSpec(sigma=4.0),),
        )
    )


def scenes(n=4, size=SIZES[0], seed=0):
    """Grain with one bright spot and one dark one: images and where the two are."""
    rng = np.random.default_rng(seed)
    low, high = np.array([8, 8]), np.array([size[0] / 2 - 8, size[1] - 9])
    xy = rng.uniform(low, high, (n, 2, 2)) + [[0, 0], [size[0] / 2, 0]]  # one in each half
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    images = rng.normal(128, 5, (n, 1, size[1], size[0]))
    for i, j in np.ndindex(n, 2):
        d = (x - xy[i, j, 0]) ** 2 + (y - xy[i, j, 1]) ** 2
        images[i, 0] += (100, -100)[j] * np.exp(-d / (2 * 2.5**2))
    return torch.from_numpy(np.clip(images, 0, 255).astype(np.uint8)), xy


def test_every_kind_is_under_contract():
    assert set(SMALL) == set(backbones.kinds())


@every_kind
@pytest.mark.parametrize("channels", [1, 3])
def test_features_and_maps_have_the_declared_shapes(kind, channels):
    net = make(kind, channels).eval()
    for width, height in SIZES:
        assert width % net.multiple == height % net.multiple == 0
        image = torch.zeros(2, channels, height, width, dtype=torch.uint8)
        levels = net.backbone(image.float())
        declared = zip(net.backbone.channels, net.backbone.strides, strict=True)
        expected = [(2, c, height // s, width // s) for c, s in declared]
        assert [tuple(level.shape) for level in levels] == expected
        assert list(net.backbone.strides) == sorted(set(net.backbone.strides))
        s = net.position.stride
        assert [maps.shape for maps in net(image)] == [(2, 2, height // s, width // s)]


@every_kind
def test_the_smallest_image_is_one_multiple(kind):
    net = make(kind).eval()
    side = net.multiple
    (maps,) = net(torch.zeros(1, 1, side, side, dtype=torch.uint8))
    assert maps.shape[-2:] == (side // net.position.stride,) * 2
    assert torch.isfinite(maps).all()


@every_kind
@pytest.mark.parametrize("size", [(53, 37), (5, 3)])
def test_pictures_of_any_size_are_answered(kind, size):
    # trap 22: no size has to be halvable; frames are padded right and below
    net, (width, height) = make(kind), size
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 1), dtype=np.uint8)
    found = infer.forward(net, picture, torch.device("cpu"))
    reach = net.position.stride + 1  # a peak at the border may be refined by a cell
    assert (found.xy >= -reach).all() and (found.xy <= np.array(size) + reach).all()


@every_kind
def test_every_stage_can_be_asked(kind):
    net, (images, _) = make(kind).eval(), scenes()
    with torch.no_grad():
        (last,) = net(images)
        answers = []
        for stage in range(net.backbone.stages - 1):
            net.stage = stage
            answers.append(net(images)[0])
        net.stage = -1
        assert torch.equal(net(images)[0], last)
    assert all(maps.shape == last.shape for maps in answers)
    assert all(not torch.equal(maps, last) for maps in answers)


@every_kind
def test_two_lines_a_keypoint_are_taught_by_every_network(kind):
    if kind == "linear":
        with pytest.raises(InputError, match="which output simcc cannot read"):
            make(kind, output=SimccSpec())
        return
    net, (images, xy) = make(kind, output=SimccSpec()).train(), scenes(2)
    loss = loss_of(net, images, xy)
    loss.backward()
    assert torch.isfinite(loss) and 0.5 < loss / net.backbone.stages < 2
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name
    with torch.no_grad():
        found = net.eval().position.find(net(images)[0].numpy(), SIZES[0])
    assert found.xy.shape == (2, 2, 2) and np.isfinite(found.xy).all()


@every_kind
def test_the_gradient_reaches_every_parameter(kind):
    net = make(kind).train()
    images, xy = scenes()
    loss_of(net, images, xy).backward()
    assert len(net(images)) == net.backbone.stages  # every stage answers, and is taught
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def loss_of(net, images, xy):
    points = torch.from_numpy(xy).float()[:, None]
    valid = torch.ones(len(images), *images.shape[-2:])
    scene = Scene(points, torch.ones(points.shape[:3]), valid, torch.full((len(xy), 1), -1))
    return net.loss(net(images), scene).sum()


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=pytest.mark.slow) if kind in DEEP else kind
        for kind in backbones.kinds()
    ],
)
def test_four_images_are_learnt_to_half_a_pixel(kind):
    net, (images, xy) = make(kind), scenes()
    for layer in net.modules():  # statistics follow within so few steps
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = 0.1
    optimiser = torch.optim.Adam(net.parameters(), 2e-2 if kind == "linear" else 2e-3)
    for _ in range(120):
        net.train()
        optimiser.zero_grad()
        loss_of(net, images, xy).backward()
        optimiser.step()
    with torch.no_grad():
        (maps,) = net.eval()(images)
    found = net.position.find(maps.numpy(), SIZES[0])
    assert np.linalg.norm(found.xy - xy, axis=-1).mean() < 0.5


@every_kind
def test_an_answer_does_not_depend_on_the_rest_of_the_batch(kind):
    net, (images, _) = make(kind), scenes()
    with torch.no_grad():
        net.train()
        net(images)  # statistics of a batch, if the network keeps any
        net.eval()
        (together,) = net(images)
        for i in range(len(images)):
            torch.testing.assert_close(net(images[i : i + 1])[0][0], together[i])


@every_kind
def test_the_exported_network_is_the_network(kind):
    pytest.importorskip("openvino")
    net, (images, xy) = make(kind), scenes()
    loss_of(net.train(), images, xy)  # moves the statistics away from their start
    exported = engine.OpenVinoEngine(net, "float32", threads=1)
    for width, height in SIZES:
        frames, _ = scenes(3, (width, height), seed=1)
        with torch.no_grad():
            expected = net.eval()(frames)[0].numpy()
        (answer,) = exported(frames.permute(0, 2, 3, 1).numpy())
        assert np.abs(answer - expected).max() < 1e-5


@every_kind
def test_weights_go_through_a_file_that_holds_no_code(kind, tmp_path):
    net, other = make(kind, seed=0), make(kind, seed=1)
    images, _ = scenes()
    torch.save(net.state_dict(), tmp_path / "w.pt")
    other.load_state_dict(torch.load(tmp_path / "w.pt", weights_only=True))
    with torch.no_grad():
        assert torch.equal(net.eval()(images)[0], other.eval()(images)[0])


def field_by_poking(backbone, side):
    """Width of what moves the middle cell, found by poking one column after the other."""
    backbone = backbone.eval()
    image = torch.rand(1, 1, side, side, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        middle = side // backbone.strides[0] // 2
        poked = image.repeat(side, 1, 1, 1)
        poked[range(side), :, :, range(side)] += 3.0
        answers = backbone(torch.cat([image, poked]))[0][:, :, middle, middle]
    moved = (answers[1:] != answers[0]).any(1).nonzero()[:, 0]
    return int(moved.max() - moved.min() + 1)


@pytest.mark.parametrize("kind", ["leap", "unet"])
def test_the_receptive_field_holds_whatever_moves_a_cell(kind):
    torch.manual_seed(0)
    thin = SMALL[kind].model_copy(update={"filters": 1})  # the field is the same at any width
    theory = receptive_field(backbones.build(thin, 1), 1)
    poked = field_by_poking(backbones.build(SMALL[kind], 1), side=64)
    assert 0.6 * theory <= poked <= theory


def test_the_field_of_the_identity_is_one_pixel():
    assert receptive_field(backbones.build(LinearSpec(), 1), 1) == 1


def documented():
    """Rows of the table of networks in the docs: spec, millions, billions, field."""
    page = Path(__file__).parents[3] / "docs" / "training.md"
    row = re.compile(r"^\| `(\{kind: .*\})` \| ([\d.]+) \| ([\d.]+) \| (\d+ px|all) \|", re.M)
    return row.findall(page.read_text(encoding="utf-8"))


def as_documented(text):
    spec = backbones.parse(yaml.safe_load(text))
    return PoseNet(
        ModelSpec(backbone=spec, head=default_head(spec),
                  keypoints=tuple(f"k{i}" for i in range(10)),
                  outputs=(ConfidenceSpec(sigma=20.0),))
    )  # fmt: skip


def test_the_docs_say_what_networks_cost():
    rows = documented()
    assert {yaml.safe_load(text)["kind"] for text, *_ in rows} == set(SMALL) - {"timm"}
    for text, millions, billions, _ in rows:
        with torch.device("meta"):  # sizes without numbers
            net = as_documented(text)
        assert parameter_count(net) / 1e6 == pytest.approx(float(millions), abs=0.006), text
        assert cost.flops(net, 192, 192) / 1e9 == pytest.approx(float(billions), abs=0.06), text


@pytest.mark.slow
def test_the_docs_say_how_far_networks_see():
    for text, *_, side in documented():
        seen = field.measure(as_documented(text), [np.zeros((192, 192, 1), np.uint8)]).side
        assert side == ("all" if seen is None else f"{seen} px"), text

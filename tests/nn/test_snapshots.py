import numpy as np
import pytest
import torch

from gambol.core.errors import InputError
from gambol.nn import engine, exported
from gambol.nn.backbones.unet import UNetSpec
from gambol.nn.model import ModelSpec, PoseNet
from gambol.nn.outputs.confidence import ConfidenceSpec
from gambol.nn.outputs.fields import FieldsSpec
from gambol.nn.outputs.graph import GraphSpec
from gambol.nn.outputs.location import LocationSpec
from gambol.nn.outputs.simcc import SimccSpec
from gambol.nn.outputs.softmax import SoftmaxSpec
from gambol.nn.snapshots import Snapshots, joined

OUTPUTS = [
    ConfidenceSpec(), GraphSpec(parent=(-1, 0)), LocationSpec(), SimccSpec(), SoftmaxSpec(),
]  # fmt: skip


def spec(output=OUTPUTS[0], **changes):
    net = UNetSpec(depth=2, filters=4)
    return ModelSpec(backbone=net, keypoints=("left", "right"), outputs=(output,), **changes)


def members(made, n):
    found = []
    for seed in range(n):
        torch.manual_seed(seed)
        found.append(PoseNet(made).eval())
    return found


def images(n=2, size=(32, 48)):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (n, 1, *size), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("output", OUTPUTS, ids=lambda one: one.kind)
@pytest.mark.parametrize("mirror", [None, (1, 0)])
def test_peaks_are_those_of_the_mean_map_and_spread_as_the_networks_do(output, mirror):
    nets = members(spec(output, mirror=mirror), 3)
    net = joined(nets[0].spec, [one.state_dict() for one in nets])
    with torch.no_grad():
        each = [one(images())[0].numpy() for one in nets]
        found = net.position.find(net(images())[0].numpy(), (48, 32))
    own = nets[0].position
    mean, apart = own.find(np.mean(each, 0), (48, 32)), [own.find(m, (48, 32)) for m in each]
    np.testing.assert_allclose(found.xy, mean.xy, atol=1e-9)
    np.testing.assert_allclose(found.height, mean.height)
    for b, j in np.ndindex(2, 2):
        between = np.zeros((2, 2))
        for one in apart:
            off = one.xy[b, j] - mean.xy[b, j]
            between += np.outer(off, off) / 2
        np.testing.assert_allclose(found.cov[b, j], mean.cov[b, j] + between, rtol=1e-6)


def test_equal_networks_answer_as_one_and_add_no_doubt():
    (one,) = members(spec(), 1)
    net = joined(one.spec, [one.state_dict()] * 3)
    with torch.no_grad():
        alone = one.position.find(one(images())[0].numpy(), (48, 32))
        together = net.position.find(net(images())[0].numpy(), (48, 32))
    for mine, theirs in zip(alone, together, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


def test_one_set_of_weights_makes_a_plain_network():
    (one,) = members(spec(), 1)
    assert type(joined(one.spec, [one.state_dict()])) is PoseNet


def test_several_peaks_are_those_of_the_mean_map():
    nets = members(spec(), 2)
    net = joined(nets[0].spec, [one.state_dict() for one in nets])
    with torch.no_grad():
        mean = np.mean([one(images())[0].numpy() for one in nets], 0)
        several = net.position.find_several(net(images())[0].numpy(), (48, 32), 3)
    expected = nets[0].position.find_several(mean, (48, 32), 3)
    np.testing.assert_allclose(several.xy, expected.xy)


def test_one_map_a_keypoint_is_the_mean_of_the_networks():
    nets = members(spec(GraphSpec(parent=(-1, 0))), 2)
    net = joined(nets[0].spec, [one.state_dict() for one in nets])
    with torch.no_grad():
        mean = np.mean([one(images())[0].numpy() for one in nets], 0)
        found = net.position.likeness(net(images())[0].numpy())
    np.testing.assert_allclose(found, mean[:, :2], rtol=1e-6)
    assert net.position.sigma == nets[0].position.sigma


def test_they_are_not_exported_as_one():
    nets = members(spec(), 2)
    net = joined(nets[0].spec, [one.state_dict() for one in nets])
    with pytest.raises(InputError, match="2 snapshots do not fit into one exported graph"):
        exported.peaks_sigma(net)


def test_a_run_that_starts_from_them_gets_the_weights_of_the_first():
    nets = members(spec(), 2)
    net = Snapshots(nets[0].spec, [one.state_dict() for one in nets])
    for name, value in nets[0].state_dict().items():
        assert torch.equal(net.state_dict()[name], value)


def test_the_engine_of_cpus_runs_them_as_one_graph():
    pytest.importorskip("openvino")
    nets = members(spec(), 2)
    net = joined(nets[0].spec, [one.state_dict() for one in nets])
    with torch.no_grad():
        expected = net(images())[0].numpy()
    (answer,) = engine.OpenVinoEngine(net, "float32", threads=1)(
        images().permute(0, 2, 3, 1).numpy()
    )
    assert np.abs(answer - expected).max() < 1e-5


def test_networks_with_several_outputs_are_refused():
    made = ModelSpec(
        backbone=UNetSpec(depth=2, filters=4),
        keypoints=("left", "right"),
        outputs=(ConfidenceSpec(), FieldsSpec(edges=((0, 1),))),
    )
    with pytest.raises(InputError, match="networks with one output; leave fit.snapshots out"):
        joined(made, [one.state_dict() for one in members(made, 2)])


def test_networks_differ_alike_on_all_candidates_of_a_keypoint():
    nets = members(spec(), 2)
    net = joined(nets[0].spec, [one.state_dict() for one in nets])
    with torch.no_grad():
        mean = np.mean([one(images())[0].numpy() for one in nets], 0)
        maps = net(images())[0].numpy()
    several = net.position.find_several(maps, (48, 32), 3)
    alone = nets[0].position.find_several(mean, (48, 32), 3)
    between = several.cov - alone.cov
    assert np.isfinite(between[:, :, 1]).any() and between[:, :, 0].max() > 1e-3
    expected = np.broadcast_to(between[:, :, :1], between.shape)
    known = np.isfinite(between)
    np.testing.assert_allclose(between[known], expected[known], rtol=1e-4, atol=1e-6)

import numpy as np
import pytest
import torch

from gambol.nn import engine, exported
from gambol.nn.backbones.unet import UNetSpec
from gambol.nn.model import ModelSpec, PoseNet
from gambol.nn.outputs.confidence import ConfidenceSpec
from gambol.nn.outputs.fields import FieldsSpec
from gambol.nn.outputs.graph import GraphSpec
from gambol.nn.outputs.location import LocationSpec
from gambol.nn.outputs.simcc import SimccSpec
from gambol.nn.outputs.softmax import SoftmaxSpec
from gambol.nn.snapshots import Snapshots, Together, joined

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


def test_a_graph_finds_the_peaks_of_their_mean_and_how_they_differ():
    nets = members(spec(GraphSpec(parent=(-1, 0))), 3)
    net = joined(nets[0].spec, [one.state_dict() for one in nets])
    known = exported.Worth(torch.ones(2, 2), torch.ones(2, 3), 3.0, 60.0, (1.0, 1.0))
    with torch.no_grad():
        expected = net.position.find(net(images())[0].numpy(), (48, 32))
        frames = images().permute(0, 2, 3, 1).contiguous()
        xy, _, height, cov = exported.Exportable(net, known)(frames)
    np.testing.assert_allclose(height, expected.height, atol=1e-5)
    near = np.abs(xy.numpy() - expected.xy).max(-1) < 1e-3
    assert near.mean() > 0.7  # the others: of equal cells, or flat
    np.testing.assert_allclose(cov[near], expected.cov[near], rtol=0.02, atol=1e-2)


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


def crowded(n):
    made = ModelSpec(
        backbone=UNetSpec(depth=2, filters=4),
        keypoints=("left", "right"),
        outputs=(ConfidenceSpec(centroid=True), FieldsSpec(edges=((0, 1),))),
    )
    nets = members(made, n)
    return nets, joined(made, [one.state_dict() for one in nets])


def test_other_outputs_are_the_mean_of_the_networks():
    nets, net = crowded(3)
    with torch.no_grad():
        maps, fields = net(images())
        each = [one(images()) for one in nets]
    assert maps.shape[1] == 9 and fields.shape[1] == 2
    np.testing.assert_allclose(fields, np.mean([e[1].numpy() for e in each], 0), atol=1e-6)
    assert not isinstance(net.outputs[1], Together)


def test_peaks_of_a_crowd_are_those_of_the_mean_and_each_network_has_its_own():
    h, w, sigma = 24, 40, 1.75  # cells, of stride 2
    y, x = np.mgrid[:h, :w]
    middles = np.array([[8.3, 9.0], [28.0, 14.6]])
    own = np.array([[0.5, 0.0], [-0.5, 0.0], [0.0, 0.9], [0.0, -0.9]])  # of four networks
    maps = np.zeros((4, 3, h, w), np.float32)
    for k, off in enumerate(own):
        for at in middles + off:
            bell = np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * sigma**2))
            maps[k] = np.maximum(maps[k], bell)
    _, net = crowded(4)
    found = net.position.crowd(maps.reshape(12, h, w), 0.1, 5)
    alone = net.position.own.crowd(maps.mean(0), 0.1, 5)
    np.testing.assert_array_equal(found.n, [2, 2, 2])
    np.testing.assert_array_equal(found.xy, alone.xy)
    order = np.argsort(found.xy[0, :2, 0])
    np.testing.assert_allclose(found.xy[0, order], middles, atol=0.1)
    between = (found.cov - alone.cov)[:, :2]
    np.testing.assert_allclose(between[..., 0, 0], 2 * 0.5**2 / 3, atol=0.03)
    np.testing.assert_allclose(between[..., 1, 1], 2 * 0.9**2 / 3, atol=0.06)
    assert np.isnan(found.cov[:, 2:]).all()


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

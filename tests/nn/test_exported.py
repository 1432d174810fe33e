"""Graphs against the network and the kernels that they hold."""

import sys

import numpy as np
import pytest
import torch
from exported_graphs import KEYPOINTS, network, pictures, worth

from gambol.core.errors import InputError
from gambol.nn import engine, exported, quantize
from gambol.nn.backbones import backbones
from gambol.nn.exported import Exportable
from gambol.nn.model import default_head
from gambol.nn.outputs.confidence import ConfidenceSpec
from gambol.nn.outputs.graph import GraphSpec
from gambol.nn.outputs.location import LocationSpec
from gambol.nn.outputs.simcc import SimccSpec
from gambol.nn.outputs.softmax import SoftmaxSpec
from gambol.nn.outputs.who import WhoSpec
from gambol.pose import calibrate, predict

SIZES = ((64, 48), (50, 61))  # the second is no multiple of anything
KINDS = {
    "confidence": {},
    "colour": {"channels": 3},
    "a centroid besides": {"outputs": (ConfidenceSpec(centroid=True),)},
    "graph": {"outputs": (GraphSpec(parent=(-1, 0, 1)),)},
    "argmax": {"outputs": (ConfidenceSpec(decoder="argmax"),)},
    "softmax": {"outputs": (SoftmaxSpec(),)},
    "location": {"outputs": (LocationSpec(),)},
    "simcc": {"outputs": (SimccSpec(),)},
    "place": {"place": True},
    "mirror": {"mirror": (0, 2, 1)},
}


def searched(net, images):
    """What `gambol predict` finds in whole frames, by torch."""
    run_by = engine.TorchEngine(net, "cpu", "float32", 1)
    ready = predict.Net(run_by, net.position, net.multiple, 1.0)
    return predict.whole(ready, images)


def alike(answer, expected):
    """Compare, where rounding does not decide between places."""
    xy, _, height, cov = (np.asarray(part) for part in answer)
    np.testing.assert_allclose(height, expected.height, atol=1e-4)
    assert np.abs(xy - expected.xy).max() < 1e-3
    # a map of a network that learnt nothing may be as good as flat: then it says so
    sharp = np.abs(expected.cov).max((-2, -1)) < 1e3
    np.testing.assert_allclose(cov[sharp], expected.cov[sharp], rtol=0.02, atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", SIZES)
def test_a_graph_finds_what_predict_finds(kind, size):
    net = network(**KINDS[kind])
    images = pictures(3, size, net.spec.channels, seed=7)
    with torch.no_grad():
        answer = Exportable(net, worth())(torch.from_numpy(images))
    assert answer[0].shape == (3, len(KEYPOINTS), 2)
    alike(answer, searched(net, images))


def test_who_an_animal_is_is_one_more_output():
    net = network(outputs=(ConfidenceSpec(), WhoSpec(classes=("ann", "bob"))))
    images, graph = pictures(2, (64, 48), seed=7), Exportable(net, worth())
    with torch.no_grad():
        answer = graph(torch.from_numpy(images))
        logits = net(torch.from_numpy(images.transpose(0, 3, 1, 2).copy()))[1][..., 0, 0]
    assert graph.names == (*exported.NAMES, "classes")
    torch.testing.assert_close(answer[4], logits)
    alike(answer[:4], searched(net, images))


def test_openvino_answers_alike_at_every_size_and_batch():
    pytest.importorskip("openvino")
    net = network()
    model = exported.to_openvino(Exportable(net, worth()), 1, SIZES[0])
    assert [o.get_any_name() for o in model.outputs] == list(exported.NAMES)
    assert str(model.inputs[0].get_partial_shape()) == "[?,48,64,1]"
    for size in SIZES:
        model.reshape([-1, size[1], size[0], 1])
        hint = {"INFERENCE_PRECISION_HINT": "f32"}
        run = engine.openvino_core().compile_model(model, "CPU", hint)
        for n in (1, 4):
            images = pictures(n, size, seed=n)
            answer = run(images)
            alike([answer[k] for k in range(4)], searched(net, images))


@pytest.mark.parametrize(
    "kind", ["argmax", "integral", "fourier", "softmax", "location", "simcc"]
)
def test_openvino_reads_every_output(kind):
    pytest.importorskip("openvino")
    spec = {
        "softmax": SoftmaxSpec(), "location": LocationSpec(), "simcc": SimccSpec(),
    }.get(kind) or ConfidenceSpec(decoder=kind)  # fmt: skip
    net = network(outputs=(spec,))
    model = exported.to_openvino(Exportable(net, worth()), 1, SIZES[0])
    hint = {"INFERENCE_PRECISION_HINT": "f32"}
    for size in SIZES:
        model.reshape([-1, size[1], size[0], 1])
        run = engine.openvino_core().compile_model(model, "CPU", hint)
        images = pictures(2, size, seed=1)
        answer, expected = run(images), searched(net, images)
        np.testing.assert_allclose(answer[2], expected.height, rtol=1e-3, atol=1e-4)
        off = np.linalg.norm(answer[0] - expected.xy, axis=-1)
        near = off < 2e-3
        assert near.mean() > 0.8  # the others: where maps are as good as flat
        cov = expected.cov[near]
        np.testing.assert_allclose(answer[3][near], cov, rtol=0.02, atol=1e-3 * cov.max())


def test_maps_are_not_turned_in_memory():
    """That would take longer than the search for their peaks."""
    pytest.importorskip("openvino")
    model = exported.to_openvino(Exportable(network(), worth()), 1, SIZES[0])
    model.reshape([1, SIZES[0][1], SIZES[0][0], 1])
    run = engine.openvino_core().compile_model(
        model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    nodes = [
        (n, n.get_rt_info()["layerType"].astype(str)) for n in run.get_runtime_model().get_ops()
    ]
    assert any(kind == "Convolution" for _, kind in nodes)
    turned = [n for n, kind in nodes if kind == "Transpose" and len(n.output(0).shape) > 3]
    assert not [n for n in turned if n.output(0).shape[-1] == len(KEYPOINTS)]


@pytest.mark.filterwarnings("ignore")  # what other packages say of themselves
def test_onnx_answers_alike_at_every_size_and_batch(tmp_path):
    pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    net, path = network(channels=3), tmp_path / "net.onnx"
    exported.to_onnx(Exportable(net, worth()), 3, path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert [one.name for one in session.get_outputs()] == list(exported.NAMES)
    for size in SIZES:
        images = pictures(2, size, 3, seed=3)
        alike(session.run(None, {"image": images}), searched(net, images))


def test_without_its_packages_onnx_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setattr(exported.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"gambol\[onnx\]"):
        exported.require_onnx()


@pytest.mark.parametrize("factor", [(1.0, 1.0), (2.0, 2.1)])
def test_confidence_is_the_calibrated_one(factor):
    rng = np.random.default_rng(0)
    known = worth(factor=factor)
    calibration = calibrate.prior(3, known.radius)._replace(
        covariance=known.scale.numpy().astype(np.float64),
        correct=known.weights.numpy().astype(np.float64),
    )
    half = rng.normal(size=(200, 3, 2, 2)) * 10.0 ** rng.uniform(-3, 2, (200, 3, 1, 1))
    cov, height = half @ half.swapaxes(-1, -2), rng.uniform(-0.1, 1.2, (200, 3))
    stretch = np.diag(factor)
    expected = calibrate.apply(calibration, height, stretch @ cov @ stretch).confidence
    graph = Exportable(network(), known)
    said = graph.confidence(torch.from_numpy(height).float(), torch.from_numpy(cov).float())
    np.testing.assert_allclose(said.numpy(), expected, atol=2e-4)


SMALLER = {  # than the usual network of a kind
    "efficientnet": {"stride": 2, "width": 8},
    "hourglass": {"filters": 32, "depth": 2, "stacks": 2},
    "leap": {"filters": 8},
    "linear": {"patch": 15},
    "resnet": {"layers": 18, "stride": 4, "width": 8},
    "stacked-densenet": {"growth": 8, "transitions": 4, "stacks": 2},
    "unet": {"depth": 2, "filters": 8},
    "vit": {"patch": 8, "layers": 1},
}


@pytest.mark.parametrize("kind", sorted(set(backbones.kinds()) - {"timm"}))
def test_every_network_is_exported_and_has_8_bits(kind):
    pytest.importorskip("openvino")
    backbone = backbones.parse({"kind": kind, **SMALLER.get(kind, {})})
    net = network(backbone=backbone, head=default_head(backbone))
    size = 2 * net.multiple + 32, net.multiple + 32
    model = exported.to_openvino(Exportable(net, worth()), 1, size)
    images = pictures(4, size, seed=2)
    expected = searched(net, images)
    hint = {"INFERENCE_PRECISION_HINT": "f32"}
    xy, height, small = {}, {}, quantize.quantize(model, list(images))
    for name, one in (("float32", model), ("int8", small)):
        answer = engine.openvino_core().compile_model(one, "CPU", hint)(images)
        xy[name], height[name] = answer[0], answer[2]
    np.testing.assert_allclose(height["float32"], expected.height, atol=2e-4)
    off = np.linalg.norm(xy["float32"] - expected.xy, axis=-1)
    assert (off < 1e-3).mean() > 0.8  # the others: where maps are as good as flat
    spread = np.abs(expected.height).max()
    assert np.abs(height["int8"] - expected.height).mean() < 0.15 * spread

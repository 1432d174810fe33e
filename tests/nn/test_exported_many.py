"""Graphs of bottom-up networks against the network and the kernels that they hold."""

import numpy as np
import pytest
import torch
from exported_graphs import network, pictures

from gambol.core.errors import InputError
from gambol.kernels.maxima import maxima
from gambol.nn import engine, exported
from gambol.nn.exported import CLASSES
from gambol.nn.exported_engine import ExportedGraph
from gambol.nn.exported_many import NAMES, ManyExportable
from gambol.nn.outputs.classes import ClassesSpec
from gambol.nn.outputs.confidence import ConfidenceSpec
from gambol.nn.outputs.fields import FieldsSpec
from gambol.nn.snapshots import joined

SIZES = ((64, 48), (50, 61))  # the second is no multiple of anything
EDGES = ((0, 1), (1, 2), (0, 2))
LIMIT = 12


def bottom_up(classes=(), **more):
    whose = (ClassesSpec(classes=classes),) if classes else ()
    return network(outputs=(ConfidenceSpec(**more), FieldsSpec(edges=EDGES), *whose))


def alike(net, images, answer, edges=EDGES):
    """Compare with all maxima of the maps, where noise of a network that learnt nothing is."""
    xy, height, cov, fields, *_ = (np.asarray(part) for part in answer)
    with torch.no_grad():
        padded = np.full((len(images), *(-(-s // 4) * 4 for s in images.shape[1:3]), 1), 128)
        padded[:, : images.shape[1], : images.shape[2]] = images
        maps = net(torch.from_numpy(padded.astype(np.uint8).transpose(0, 3, 1, 2).copy()))
    stride = net.position.stride
    h, w = (-(-side // stride) for side in images.shape[1:3])
    inner = maps[0].numpy()[:, :, :h, :w]
    loops = maxima(np.ascontiguousarray(inner), net.position.sigma / stride, 0.05, LIMIT)
    there = np.arange(LIMIT) < loops.n[..., None]
    assert there.any()
    np.testing.assert_allclose(height, np.where(there, loops.height, 0), atol=1e-4)
    off = np.linalg.norm(xy[there] - (stride * loops.xy[there] + (stride - 1) / 2), axis=-1)
    assert np.quantile(off, 0.95) < 1e-3  # the others: flat hills
    assert not xy[~there].any()
    order = [2 * EDGES.index(e) + axis for e in edges for axis in (0, 1)]
    np.testing.assert_allclose(fields, maps[1].numpy()[:, order], atol=1e-4)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("edges", [EDGES, ((0, 2), (0, 1))], ids=["all", "some"])
def test_a_graph_gives_all_peaks_and_the_fields_of_its_edges(size, edges):
    net, images = bottom_up(), pictures(2, size, seed=7)
    graph = ManyExportable(net, edges, 0.05, LIMIT)
    with torch.no_grad():
        answer = graph(torch.from_numpy(images))
    assert graph.names == NAMES
    assert answer[0].shape == (2, 3, LIMIT, 2) and answer[3].shape[1] == 2 * len(edges)
    alike(net, images, answer, edges)


def test_middles_are_one_more_keypoint_and_classes_one_more_output():
    net, images = bottom_up(("ann", "bob"), centroid=True), pictures(1, SIZES[0])
    graph = ManyExportable(net, EDGES, 0.05, LIMIT)
    with torch.no_grad():
        answer = graph(torch.from_numpy(images))
    assert graph.names == (*NAMES, CLASSES)
    assert answer[1].shape == (1, 4, LIMIT) and answer[4].shape[1] == 2
    alike(net, images, answer)


def test_openvino_answers_alike_at_every_size(tmp_path):
    ov = pytest.importorskip("openvino")
    net = bottom_up(("ann", "bob"))
    model = exported.to_openvino(ManyExportable(net, EDGES, 0.05, LIMIT), 1, SIZES[0])
    assert [o.get_any_name() for o in model.outputs] == [*NAMES, CLASSES]
    ov.save_model(model, str(tmp_path / "net.xml"), compress_to_fp16=False)
    run = ExportedGraph(tmp_path / "net.xml", "float32", 1)
    for size in SIZES:
        images = pictures(1, size, seed=3)
        alike(net, images, [part[None] for part in run.answers(images[0])])
    assert engine.openvino_core()


@pytest.mark.filterwarnings("ignore")  # what other packages say of themselves
def test_onnx_answers_alike_at_every_size(tmp_path):
    pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    net, path = bottom_up(), tmp_path / "net.onnx"
    exported.to_onnx(ManyExportable(net, EDGES, 0.05, LIMIT), 1, path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for size in SIZES:
        images = pictures(1, size, seed=3)
        alike(net, images, session.run(None, {"image": images}))


def test_a_network_without_fields_is_refused():
    with pytest.raises(InputError, match="no fields"):
        ManyExportable(network(), EDGES, 0.05, LIMIT)


def test_snapshots_are_refused():
    one = bottom_up()
    net = joined(one.spec, [one.state_dict()] * 2)
    with pytest.raises(InputError, match="2 snapshots that find animals bottom-up"):
        ManyExportable(net, EDGES, 0.05, LIMIT)

"""Graphs that answer with maps against their network."""

import numpy as np
import pytest
import torch
from exported_graphs import network, pictures

from gambol.nn import exported
from gambol.nn.exported_maps import NAMES, MapsEngine, MapsExportable, meaning
from gambol.nn.outputs.confidence import ConfidenceSpec
from gambol.nn.outputs.fields import FieldsSpec

OUTPUTS = (ConfidenceSpec(sigma=3.0), FieldsSpec(edges=((0, 1),), sigma=5.0))


@pytest.mark.parametrize("outputs", [OUTPUTS[:1], OUTPUTS], ids=["centroids", "and fields"])
def test_maps_are_those_of_the_network_at_every_size(outputs, tmp_path):
    ov = pytest.importorskip("openvino")
    net = network(outputs=outputs)
    graph = MapsExportable(net)
    assert graph.names == NAMES[: len(outputs)]
    model = exported.to_openvino(graph, 1, (64, 48))
    ov.save_model(model, str(tmp_path / "net.xml"), compress_to_fp16=False)
    run = MapsEngine(tmp_path / "net.xml", 1)
    for size in ((64, 48), (32, 80)):
        images = pictures(3, size, seed=4)
        with torch.no_grad():
            expected = net(torch.from_numpy(images.transpose(0, 3, 1, 2).copy()))
        for maps, other in zip(run(images), expected, strict=True):
            np.testing.assert_allclose(maps, other.numpy(), atol=1e-4)


def test_what_maps_mean_is_known_without_weights():
    net = network(outputs=OUTPUTS)
    strides = {name: one.stride for name, one in zip(NAMES, net.outputs, strict=True)}
    position, heading = meaning(net.spec, strides)
    own, fields = net.outputs
    assert (position.stride, position.sigma) == (own.stride, own.sigma)
    assert (heading.stride, heading.edges) == (fields.stride, fields.edges)
    alone = net.spec.model_copy(update={"outputs": OUTPUTS[:1]})
    assert meaning(alone, strides)[1] is None

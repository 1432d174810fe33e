"""8-bit numbers: what is represented exactly, how far off the rest may be, and what stays."""

import numpy as np
import pytest
from exported_graphs import network, pictures, worth
from hypothesis import given
from hypothesis import strategies as st

from gambol.core.errors import InputError
from gambol.nn import engine, exported, quantize
from gambol.nn.backbones.unet import UNetSpec

ov = pytest.importorskip("openvino")
SIDE = 32


@given(st.floats(-100, 100), st.floats(1e-3, 100))
def test_a_grid_holds_its_range_and_zero(low, length):
    a, b = quantize.grid(low, low + length)
    assert a <= min(low, 0.0) + 1e-9 and b >= max(low + length, 0.0) - 1e-6 * length
    step = (b - a) / 255
    assert abs(a / step - round(a / step)) < 1e-6  # zero is a level
    assert b - a <= 1.01 * (max(low + length, 0.0) - min(low, 0.0)) + 1e-6


def test_every_output_channel_has_its_own_scale():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(4, 3, 3, 3)) * np.array([1e-3, 1, 50, 0]).reshape(4, 1, 1, 1)
    small, scale = quantize.weights_to_int8(weights.astype(np.float32), (0,))
    assert small.dtype == np.int8 and scale.shape == (4, 1, 1, 1)
    off = np.abs(small * scale - weights).max((1, 2, 3))
    assert (off <= np.abs(weights).max((1, 2, 3)) / 254 * 1.001 + 1e-12).all()


@pytest.fixture(scope="module")
def model():
    """A small U-Net that has seen pictures, and its OpenVINO graph of (B, H, W, 1)."""
    net = network(backbone=UNetSpec(depth=2, filters=8))
    graph = exported.to_openvino(exported.Exportable(net, worth()), 1, (SIDE, SIDE))
    # the peaks jump where maps are alike: compare the maps that they are found in
    heavy = [n for n in graph.get_ordered_ops() if n.get_type_name() == "Convolution"]
    return ov.Model([heavy[-1].output(0)], graph.get_parameters(), "maps")


def shown(n):
    return list(pictures(n, (SIDE, SIDE)))


def compiled(model):
    hint = {"INFERENCE_PRECISION_HINT": "f32"}
    return engine.openvino_core().compile_model(model, "CPU", hint)


def test_answers_stay_near_and_the_model_as_it_was(model):
    images = pictures(6, (SIDE, SIDE), seed=9)
    before = compiled(model)(images)[0]
    small = quantize.quantize(model, shown(8))
    after = compiled(small)(images)[0]
    spread = before.std()
    assert 0 < np.abs(after - before).mean() < 0.1 * spread
    np.testing.assert_array_equal(compiled(model)(images)[0], before)


def test_weights_have_8_bits_and_all_convolutions_but_the_first_read_8_bits(model):
    small = quantize.quantize(model, shown(2))
    heavy = [n for n in small.get_ordered_ops() if n.get_type_name() in quantize.OUTPUT_AXES]
    first, *later = heavy  # in the order of computation
    assert quantize._constant(first.input_value(1).get_node()).get_element_type().is_real()
    assert later
    for node in later:
        scaled = node.input_value(1).get_node()
        stored = scaled.input_value(0).get_node().input_value(0).get_node()
        assert stored.get_element_type().get_type_name() == "i8"
        ends = quantize._producers(node.input_value(0))
        assert {o.get_node().get_type_name() for o in ends} == {"FakeQuantize"}


def test_tensors_that_meet_share_a_range(model):
    small = quantize.quantize(model, shown(2))
    joins = [n for n in small.get_ops() if n.get_type_name() == "Concat" and quantize._leads(n)]
    assert joins
    for node in joins:
        limits = [
            [float(o.get_node().input_value(k).get_node().get_data()) for k in (1, 2)]
            for o in quantize._producers(node.output(0))
        ]
        assert len(limits) > 1 and all(one == limits[0] for one in limits)


def test_without_frames_there_is_no_range(model):
    with pytest.raises(InputError, match="calibrate"):
        quantize.quantize(model, [])

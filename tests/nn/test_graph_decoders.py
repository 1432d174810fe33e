"""Peaks of every output by tensors against those that the outputs themselves find by loops."""

import numpy as np
import pytest
import torch

from gambol.core.errors import InputError
from gambol.nn import graph_decoders
from gambol.nn.outputs import Positions, outputs
from gambol.nn.outputs.confidence import ConfidenceSpec
from gambol.nn.outputs.graph import GraphSpec
from gambol.nn.outputs.location import LocationSpec
from gambol.nn.outputs.simcc import SimccSpec
from gambol.nn.outputs.softmax import SoftmaxSpec

J, H, W, N = 3, 18, 25, 12
SPECS = {
    "gaussian": (ConfidenceSpec(), 2),
    "centroid": (ConfidenceSpec(centroid=True), 2),
    "argmax": (ConfidenceSpec(decoder="argmax"), 2),
    "integral": (ConfidenceSpec(decoder="integral"), 2),
    "fourier": (ConfidenceSpec(decoder="fourier"), 2),
    "graph": (GraphSpec(parent=(-1, 0, 1)), 2),
    "softmax": (SoftmaxSpec(), 2),
    "location": (LocationSpec(), 4),
    "location, far": (LocationSpec(radius=17.0, length=7.28), 4),
    "simcc": (SimccSpec(), 4),
    "simcc, argmax": (SimccSpec(decoder="argmax"), 2),
}


def maps_of(spec, seed=0):
    """Hills inside and around the border, for whatever the maps mean."""
    rng = np.random.default_rng(seed)
    count = spec.channels(J)
    y, x = np.mgrid[:H, :W]
    at = rng.uniform(-1, 1, (N, count, 2, 1, 1)) + rng.uniform(size=(N, count, 2, 1, 1)) * [
        [[W]], [[H]],
    ]  # fmt: skip
    hills = np.exp(-((x - at[:, :, 0]) ** 2 + (y - at[:, :, 1]) ** 2) / (2 * 1.75**2))
    hills = hills * rng.uniform(0.2, 1, (N, count, 1, 1))
    noise = rng.normal(0, 0.02, hills.shape)
    if spec.kind in ("softmax", "simcc", "location"):
        hills = 8 * hills - 3
        noise *= 5
    if spec.kind == "location":  # offsets
        hills[:, J:] = rng.normal(0, 0.3, hills[:, J:].shape)
    return (hills + noise).astype(np.float32)


@pytest.mark.parametrize("kind", SPECS)
@pytest.mark.parametrize("seed", [0, 1])
def test_tensors_find_what_the_output_finds(kind, seed):
    spec, stride = SPECS[kind]
    position = outputs.build(spec, J, stride)
    maps = maps_of(spec, seed)
    expected = position.peaks(maps)
    found = graph_decoders.decoder(position)(torch.from_numpy(maps))
    assert found.xy.shape == (N, J, 2)
    off = np.linalg.norm(found.xy.numpy() - expected.xy, axis=-1)
    assert np.quantile(off, 0.97) < 1e-3 and off.max() < 0.02
    np.testing.assert_allclose(found.height, expected.height, rtol=1e-3, atol=1e-4)
    near = off < 1e-3
    np.testing.assert_allclose(
        found.cov.numpy()[near], expected.cov[near], rtol=5e-3, atol=2e-3
    )


def test_a_map_without_anything_is_no_trouble():
    for spec, stride in SPECS.values():
        position = outputs.build(spec, J, stride)
        maps = np.full((1, spec.channels(J), H, W), -60.0 if spec.kind != "confidence" else 0)
        found = graph_decoders.decoder(position)(torch.from_numpy(maps.astype(np.float32)))
        assert all(torch.isfinite(part).all() for part in found)


def test_other_positions_are_refused():
    with pytest.raises(InputError, match="Positions are not found inside an exported graph"):
        graph_decoders.decoder(Positions())


def test_only_a_search_by_steps_may_be_off_by_one():
    for kind, (spec, stride) in SPECS.items():
        px = graph_decoders.step(outputs.build(spec, J, stride))
        assert px == (pytest.approx(0.02 * 2**0.5) if kind == "fourier" else 0.0)

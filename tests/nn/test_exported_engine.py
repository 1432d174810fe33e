"""An exported graph where an engine is expected."""

import numpy as np
import pytest
from exported_graphs import network, pictures, worth

from gambol.nn import engine, exported
from gambol.nn.engine import Engine
from gambol.nn.exported_engine import ExportedEngine, Packed
from gambol.pose import predict

ov = pytest.importorskip("openvino")
SIZE = (50, 61)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    made = tmp_path_factory.mktemp("graph") / "model.xml"
    model = exported.to_openvino(exported.Exportable(network(), worth()), 1, SIZE)
    ov.save_model(model, str(made), compress_to_fp16=False)
    return made


def test_it_unpacks_what_the_graph_said(path):
    run = ExportedEngine(path, "float32", 1)
    assert isinstance(run, Engine) and run.name.endswith("float32, exported")
    images = pictures(3, SIZE)
    (packed,) = run(images)
    found = Packed(3).find(packed, SIZE)
    plain = run.core.compile_model(run.model, "CPU", run.settings)(images)
    np.testing.assert_allclose(found.xy, plain[0], atol=1e-4)
    np.testing.assert_allclose(packed[:, :, 0, 7], plain[1], atol=1e-4)
    np.testing.assert_allclose(found.height, plain[2], atol=1e-5)
    np.testing.assert_allclose(found.cov, plain[3], rtol=0.02, atol=1e-3)
    several = Packed(3).find_several(packed, SIZE, 1)
    np.testing.assert_array_equal(several.xy[:, :, 0], found.xy)


@pytest.mark.parametrize("corner", [(0, 0), (20, 0), (0, 32), (20, 32)], ids=str)
def test_a_window_at_the_border_is_searched_as_that_of_a_run(path, corner):
    """Beyond the border is padding, where nothing may be found."""
    net, side = network(), 32  # of 50 x 61 px; the network takes multiples of 4
    where = engine.build(net, engine.choose_device("cpu"), "float32", 1)
    run = predict.Net(where, net.position, net.multiple, 1.0)
    graph = predict.Net(ExportedEngine(path, "float32", 1), Packed(3), net.multiple, 1.0, True)
    for frame in pictures(12, SIZE, seed=1):
        view = predict.View(*corner, side, side)
        expected, found = (predict._in_view(one, frame, view, 1) for one in (run, graph))
        np.testing.assert_allclose(found.xy, expected.xy, atol=1e-3)
        np.testing.assert_allclose(found.height, expected.height, atol=1e-4)
        assert (found.xy <= np.array(SIZE)).all()


def test_a_size_is_compiled_once(path):
    run = ExportedEngine(path, "float32", 1)
    for size in (SIZE, (64, 48), SIZE):
        run(pictures(1, size))
    assert len(run._compiled) == 2


def test_bfloat16_leaves_peak_finding_exact(path):
    """Peaks found in bfloat16 would lie on a grid of pixels: few digits are left at 60."""
    near, exact = (
        Packed(3).find(ExportedEngine(path, numbers, 1)(pictures(8, SIZE, seed=5))[0], SIZE)
        for numbers in ("bfloat16", "float32")
    )
    off = np.abs(near.xy - exact.xy)
    assert np.median(off) < 0.1
    beside = [np.abs(some.xy * 64 - np.rint(some.xy * 64)) > 1e-3 for some in (near, exact)]
    fitted = off < 0.5  # the same cell, and no peak that stays in it
    assert beside[1][fitted].any()  # of the grid that 8 bits have above 32
    assert (beside[0] | ~beside[1])[fitted].mean() > 0.8

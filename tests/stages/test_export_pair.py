"""The exported network that finds animals, against the run."""

import numpy as np
import pytest
from pairs import picture, places, trained

from gambol.core.errors import InputError
from gambol.io import exported as io_exported
from gambol.io import run as io_run
from gambol.nn import engine
from gambol.pose import find
from gambol.stages import export_checks, export_model, export_pair, finders

pytest.importorskip("openvino")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return io_run.load(trained(tmp_path_factory.getbasetemp(), "top-down")[1])


def test_a_pair_finds_what_the_run_finds(run, tmp_path):
    folder = export_model.run(export_model.ExportConfig(), run.folder, tmp_path / "net").folder
    pair = export_pair.finder(folder, io_exported.read(folder), "float32", 1)
    own = finders.of_run(run, engine.choose_device("cpu"), threads=1, weight=0.0)
    assert (pair.side, pair.threshold, pair.apart) == (own.side, own.threshold, own.apart)
    assert (pair.limit, pair.classes) == (own.limit, own.classes)
    some = 0
    for animals in places()[:8]:
        frame = picture(animals)[..., :1]
        found, expected = find.find(pair, frame), find.find(own, frame)
        np.testing.assert_allclose(found.xy, expected.xy, atol=0.02)
        np.testing.assert_allclose(found.whole, expected.whole, atol=1e-4)
        some += len(found.xy)
    assert some >= 12


@pytest.mark.slow
def test_another_network_is_refused(run, tmp_path, monkeypatch):
    real = export_checks.answers

    def other(name, path, *more):
        found = real(name, path, *more)
        if path.name.startswith("centroid"):
            return [[part + 0.1 for part in one] for one in found]
        return found

    monkeypatch.setattr(export_checks, "answers", other)
    with pytest.raises(InputError, match="finds animals differs as float32 from gambol pred"):
        export_model.run(export_model.ExportConfig(), run.folder, tmp_path / "net")
    assert not (tmp_path / "net").exists()

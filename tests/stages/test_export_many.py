"""Bottom-up graphs against `gambol predict`, and what is refused."""

import numpy as np
import pytest
from pairs import trained

from gambol.core.errors import InputError
from gambol.io import run as io_run
from gambol.kernels.peaks import Peaks
from gambol.nn.exported_engine import ExportedGraph
from gambol.pose import find
from gambol.pose.relabel import Sides
from gambol.stages import export_checks, export_frames, export_many, export_model

pytest.importorskip("openvino")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return io_run.load(trained(tmp_path_factory.getbasetemp(), "bottom-up")[1])


@pytest.fixture(scope="module")
def scenes(run):
    return export_many.scenes(run, 1)


@pytest.fixture(scope="module")
def graph(run, tmp_path_factory):
    out = tmp_path_factory.mktemp("export-many") / "net"
    export_model.run(export_model.ExportConfig(), run.folder, out)
    return ExportedGraph(out / "model.xml", "float32", 1)


def test_scenes_are_whole_frames_with_all_their_labels(run, scenes):
    held = io_run.read_heldout(run.folder)
    assert scenes.size == (128, 96)
    assert sum(len(truth) for truth in scenes.truth) == len(held.frame)
    assert len(scenes.images) == len(np.unique(held.frame))
    np.testing.assert_allclose(scenes.to_video[0], np.eye(2, 3))


def test_animals_of_a_graph_are_those_of_the_run(scenes, graph):
    for image in scenes.images:
        found = export_many.animals(graph, scenes.how, image)
        expected = find.find(scenes.finder, image)
        assert len(found.xy) == len(expected.xy)
        order, other = (np.argsort(np.nanmean(f.xy[..., 0], axis=1)) for f in (found, expected))
        np.testing.assert_allclose(found.xy[order], expected.xy[other], atol=1e-3)
        np.testing.assert_allclose(found.whole[order], expected.whole[other], atol=1e-3)


def test_a_missed_animal_counts_a_body(scenes, graph):
    assert np.nanmean(scenes.errors(graph)) < 3.0
    moved = [truth + 500.0 for truth in scenes.truth]
    assert np.nanmean(scenes._replace(truth=moved).errors(graph)) == scenes.body


def test_a_peak_that_rounding_lifts_over_the_least_height_is_left_out():
    xy, cov = np.ones((1, 2, 2)), np.zeros((1, 2, 2, 2))
    found = Peaks(xy, np.array([[0.9, find.LOW + export_checks.TIE / 2]]), cov)
    kept = export_many._without(found, Peaks(xy, np.array([[0.9, 0.0]]), cov))
    assert kept.height.tolist() == [[0.9, 0.0]] and kept.xy[0, 1].tolist() == [0, 0]
    assert export_many._without(found, found).height.all()


def test_how_near_two_sides_are_one_place_is_told_where_they_are_weighed(scenes):
    assert export_many.near(scenes) is None
    weighed = scenes.how._replace(sides=Sides(np.array([1, 0, -1]), 3.5))
    assert export_many.near(scenes._replace(how=weighed)) == 3.5


@pytest.mark.slow
def test_other_fields_are_refused(run, scenes, monkeypatch, tmp_path):
    real = export_checks.answers

    def other(*args):
        return [[*one[:3], one[3] + 0.1] for one in real(*args)]

    monkeypatch.setattr(export_checks, "answers", other)
    with pytest.raises(InputError, match="fields of the network as float32 differ"):
        export_model.run(export_model.ExportConfig(), run.folder, tmp_path / "net")
    assert not (tmp_path / "net").exists()


def test_videos_that_are_gone_are_named(run):
    with pytest.raises(InputError, match="gone.mp4 is not there any more; put it back, or"):
        export_frames.validation(run, [("gone.mp4", 0)])

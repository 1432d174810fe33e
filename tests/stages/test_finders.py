"""Finders of finished runs, on pictures that are drawn here."""

import numpy as np
import pytest
from pairs import picture, trained

from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.io import run as io_run
from gambol.nn import engine
from gambol.pose import find, structure
from gambol.stages import finders

TORCH = engine.Device("torch", "cpu")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    base = tmp_path_factory.getbasetemp()
    return {w: io_run.load(trained(base, w)[1]) for w in ("top-down", "bottom-up")}


def test_top_down_runs_become_two_networks_with_their_settings(runs):
    many, finder = runs["top-down"].model.many, finders.of_run(runs["top-down"], TORCH)
    assert isinstance(finder, find.TopDown)
    assert finder.centroid.position.keypoints == 2 and finder.pose.position.keypoints == 3
    assert finder.heading.edges == ((0, 1),)
    assert (finder.side, finder.threshold, finder.apart) == (
        many.side, many.threshold, many.apart,
    )  # fmt: skip
    assert finder.limit == 2 * many.most + 4 == 8
    assert finder.centroid.scale == many.centroid_scale


def test_bones_that_count_are_weighed_by_top_down_finders(runs):
    run = runs["top-down"]
    body = np.array([[14.0, 0.0], [0.0, 0.0], [-14.0, 0.0]])
    poses = body + np.random.default_rng(0).normal(0, 1, (20, 3, 2))
    learnt = structure.learn(poses, Skeleton(("a", "b", "c"), parent=(-1, 0, 1)))
    file = io_run.StructureFile(weight=0.3, geometry=learnt.to_dict())
    run = run._replace(model=run.model.model_copy(update={"structure": file}))
    finder = finders.of_run(run, TORCH)
    assert finder.poser.weight == 0.3 and finder.pose.grid is None
    assert finders.of_run(run, TORCH, weight=0.0).poser is None
    assert finders.of_run(run, TORCH, weight=0.2).poser.weight == 0.2
    with pytest.raises(InputError, match="has not learnt how bones lie"):
        finders.of_run(runs["bottom-up"], TORCH, weight=0.2)


def test_bottom_up_runs_become_one_network_with_its_links(runs):
    many, finder = runs["bottom-up"].model.many, finders.of_run(runs["bottom-up"], TORCH)
    assert isinstance(finder, find.BottomUp)
    assert finder.links.edges.tolist() == [list(edge) for edge in many.edges]
    for name in ("longest", "slope", "offset"):
        assert getattr(finder.links, name).tolist() == many.links[name]
    assert finder.limit == 4 * many.most + 8
    assert (finder.fields.stride, finder.confidence.keypoints) == (4, 3)


def test_sides_are_weighed_anew_by_runs_that_were_asked_to(runs):
    run = runs["bottom-up"]
    assert finders.of_run(run, TORCH).sides is None
    many = run.model.many.model_copy(update={"relabel": True})
    skeleton = Skeleton(("a", "b", "c"), swap=(2, -1, 0)).to_dict()
    model = run.model.model_copy(update={"many": many, "skeleton": skeleton})
    sides = finders.of_run(run._replace(model=model), TORCH).sides
    assert sides.partner.tolist() == [2, -1, 0] and sides.near == run.net.position.sigma


@pytest.mark.parametrize("way", ["top-down", "bottom-up"])
def test_animals_of_a_new_picture_are_found_by_either_engine(runs, way):
    body = np.array([[14.0, 0.0], [0.0, 0.0], [-14.0, 0.0]])
    xy = np.stack([body + [40.0, 30.0], body + [88.0, 64.0]])
    image = picture(xy)[..., :1]
    for kind in ("torch", "openvino"):
        finder = finders.of_run(runs[way], engine.Device(kind, "cpu"), threads=1)
        assert finders.name(finder).startswith(kind)
        found = find.find(finder, image)
        gap = np.linalg.norm(found.xy[None] - xy[:, None], axis=-1).max(axis=-1)
        assert sorted(gap.argmin(axis=1).tolist()) == sorted(set(gap.argmin(axis=1).tolist()))
        assert gap.min(axis=1).max() < 3.0

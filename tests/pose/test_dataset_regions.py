"""Regions in training samples: what the painted picture shows is what is masked."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gambol.core import regions
from gambol.core.labels import EVERY, Region, Visibility, from_positions
from gambol.core.skeleton import Skeleton
from gambol.nn.augment import AugmentConfig
from gambol.nn.outputs.base import outputs
from gambol.nn.outputs.classes import ClassesSpec
from gambol.nn.outputs.confidence import ConfidenceSpec
from gambol.nn.outputs.fields import FieldsSpec
from gambol.nn.outputs.graph import GraphSpec
from gambol.nn.outputs.location import LocationSpec
from gambol.nn.outputs.simcc import SimccSpec
from gambol.nn.outputs.softmax import SoftmaxSpec
from gambol.pose import dataset, scenes
from gambol.pose.crops import Aim
from gambol.pose.dataset import Windows

SPOTS = Skeleton(("nose", "left", "right"), (-1, 0, 0), swap=(-1, 2, 1))
SIZE = (160, 128)
POLYGON = np.array([[100.0, 10], [150, 30], [140, 110], [95, 60]])
# only geometry: light left alone
STILL = AugmentConfig(
    rotation=180, brightness=0, contrast=0, gamma=(1, 1), noise=0, blur=0, motion=0, erase=0,
    jpeg=0,
)  # fmt: skip
TRIANGLE = np.array([[0.0, -10.0], [-9.0, 8.0], [9.0, 7.0]])


def painted():
    """A dark frame whose region is bright, whatever the code says of it."""
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    bright = regions.contain([POLYGON], np.stack([x, y], -1).astype(float))
    return np.where(bright, 250, 10).astype(np.uint8)[..., None]


def data(animals=1, scale=1.0):
    """One frame: an animal left of the region, and perhaps another."""
    middles = np.array([[45.0, 50.0], [50.0, 95.0]])[:animals]
    xy = (TRIANGLE + middles[:, None])[None]
    states = np.full(xy.shape[:3], Visibility.VISIBLE, np.uint8)
    who = np.arange(animals)[None]
    return dataset.make_frames([painted()], xy, states, scale, who, ignored=[[POLYGON]])


def check(image, valid):
    """All but pixels on edges are masked just where the bright region shows; how many are."""
    bright, dark = image[0] > 240, image[0] < 20
    assert (valid[bright] == 0).mean() > 0.99 and (valid[dark] == 1).mean() > 0.97
    return bright.sum()


@pytest.mark.parametrize("scale", [1.0, 0.7])
@pytest.mark.parametrize("step", range(4))
def test_the_region_moves_with_the_picture(scale, step):
    frames = data(scale=scale)
    windows = Windows((160, 128), away=0.0, whole=True)
    out = dataset.batch(frames, np.array([0]), windows, STILL, SPOTS, (0, step))
    assert check(out.image[0].numpy(), out.scene.valid[0].numpy()) > 100


def test_the_region_moves_into_crops_and_into_the_frames_that_centroids_are_found_in():
    rows = dataset.one_by_one(data(2))
    focal = Windows((192, 192), 0.0, aim=Aim(), jitter=2.0)
    first = dataset.batch(dataset.focus(rows), np.array([0, 1]), focal, STILL, SPOTS, (0, 1))
    shown = zip(first.image.numpy(), first.scene.valid.numpy(), strict=True)
    assert sum(check(image, valid) for image, valid in shown) > 100
    small = dataset.only_centroids(data(2), Aim(), 0.5)
    windows = Windows((80, 64), away=0.0, whole=True)
    one = Skeleton(("centroid",))
    out = dataset.batch(small, np.array([0]), windows, STILL, one, (0, 0))
    assert check(out.image[0].numpy(), out.scene.valid[0].numpy()) > 100
    cut = dataset.cut_out(rows, Aim(), 128)
    for row, image in enumerate(cut.images):
        y, x = np.nonzero(image[..., 0] > 240)
        assert len(x) > 100
        there = regions.contain(cut.polygons(row), np.stack([x, y], -1).astype(float))
        assert there.mean() > 0.98


KINDS = [
    ConfidenceSpec(), LocationSpec(), SoftmaxSpec(), SimccSpec(),
    GraphSpec(parent=(-1, 0, 0)), FieldsSpec(edges=((0, 1), (0, 2)), stride=2),
    ClassesSpec(classes=("ann", "bob"), stride=2),
]  # fmt: skip


@pytest.mark.parametrize("animals", [1, 2])
@pytest.mark.parametrize("spec", KINDS, ids=lambda spec: spec.kind)
def test_nothing_that_a_network_says_in_a_region_costs_or_teaches(spec, animals):
    windows = Windows((160, 128), away=0.0, whole=True)
    batch = dataset.batch(data(animals), np.array([0] * 2), windows, STILL, SPOTS, (0, 0))
    stride = 2
    output = outputs.build(spec, 3, stride)
    target = output.target(batch.scene)
    rng = torch.Generator().manual_seed(0)
    shape = (2, spec.channels(3), 128 // stride, 160 // stride)
    maps = torch.randn(shape, generator=rng)
    hidden = batch.scene.valid[:, None, ::stride, ::stride] == 0
    if spec.kind == "simcc":  # the neighbours of a line without any known cell lean on it
        hidden = hidden & (~hidden).any(-1, keepdim=True) & (~hidden).any(-2, keepdim=True)
    assert hidden.float().mean() > 0.05
    garbage = torch.where(hidden, 9 * torch.randn(shape, generator=rng), maps)
    garbage.requires_grad_()
    loss = output.loss(garbage, target)
    assert loss.item() == pytest.approx(output.loss(maps, target).item(), rel=1e-5)
    loss.backward()
    assert (garbage.grad[hidden.expand(shape)] == 0).all()
    assert (garbage.grad != 0).any()


def test_the_frames_of_labels_know_their_regions():
    one = np.zeros(3, np.int64)
    labels = from_positions(
        SPOTS, ("a", "b"), np.array([0, 0, 1]), np.array([0, 4, 4]),
        TRIANGLE + np.full((3, 1, 2), 50.0), nan_means=Visibility.ABSENT, individual=one,
    )  # fmt: skip
    said = (Region(0, EVERY, POLYGON), Region(0, 4, POLYGON[:3]), Region(1, 5, POLYGON))
    seen = scenes.gather(replace(labels, regions=said))
    assert [[len(p) for p in some] for some in seen.ignored] == [[4], [4, 3], []]
    frames = dataset.make_frames(
        [painted()] * 3, seen.xy, seen.visibility, 0.5, seen.identity, seen.complete,
        seen.ignored,
    )  # fmt: skip
    some = frames.select(np.array([1, 2]))
    assert [len(some.polygons(i)) for i in (0, 1)] == [2, 0]
    # network pixel x is video pixel (x + 0.5) / 0.5 - 0.5
    np.testing.assert_allclose(some.polygons(0)[1], (POLYGON[:3] + 0.5) * 0.5 - 0.5)

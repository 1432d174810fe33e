"""Peaks and distances of whole frames, with a network that answers what it is told."""

import numpy as np
import pytest
import torch

from gambol.core import pixels
from gambol.nn import targets
from gambol.nn.backbones.unet import UNetSpec
from gambol.nn.model import ModelSpec, PoseNet
from gambol.nn.outputs import outputs
from gambol.nn.outputs.confidence import ConfidenceSpec
from gambol.pose import calibrate, dataset, gridded, infer

SPEC = ModelSpec(
    backbone=UNetSpec(depth=2, filters=4),
    outputs=(ConfidenceSpec(sigma=3.0),),
    keypoints=("spot", "hole"),
)
CPU = torch.device("cpu")


class Oracle(PoseNet):
    """Answers with the target of keypoints that it is told, whatever it sees."""

    def tell(self, xy):
        self.xy = iter(torch.from_numpy(xy).float())
        return self

    def forward(self, image):
        size = image.shape[-1], image.shape[-2]
        stride = self.outputs[0].stride
        return (targets.confidence_maps(next(self.xy)[None], size, stride, 3.0),)


def frames(sizes, scale=1.0, seed=0):
    """Empty pictures whose keypoints lie well inside."""
    rng = np.random.default_rng(seed)
    images = [np.zeros((h, w, 1), np.uint8) for w, h in sizes]
    xy = np.stack([rng.uniform((12, 12), (w - 12, h - 12), (1, 2, 2)) for w, h in sizes])
    return dataset.make_frames(images, xy, np.full(xy.shape[:3], 2, np.uint8), scale)


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_distances_are_those_in_the_video_for_every_frame_whatever_its_size(scale):
    # traps 2 and 18: no half pixel at any scale, and no frame left out
    some = frames([(96, 78), (96, 78), (94, 78)], scale)
    shift = np.random.default_rng(0).uniform(-3, 3, some.xy.shape)
    found = infer.distances(Oracle(SPEC).tell(some.xy + shift), some, CPU)
    expected = [
        np.linalg.norm(shift[i, 0] @ some.to_video[i][:, :2].T, axis=-1) for i in range(3)
    ]
    np.testing.assert_allclose(found, expected, atol=0.03)


def test_a_keypoint_without_a_label_has_no_distance():
    some = frames([(48, 40), (48, 40)])
    xy = some.xy.copy()
    xy[0, 0, 1] = np.nan
    found = infer.distances(PoseNet(SPEC), some._replace(xy=xy), CPU)
    assert np.isnan(found).tolist() == [[False, True], [False, False]]


def test_a_frame_of_any_size_is_padded_to_the_networks_multiple():
    net, rng = PoseNet(SPEC), np.random.default_rng(0)
    image = rng.integers(0, 256, (30, 41, 1), np.uint8)
    (maps,) = infer.answer(net, image, CPU)
    assert maps.shape == (1, 2, 16, 22) and maps.dtype == np.float32
    found = infer.forward(net, image, CPU)
    whole = net.position.find(maps, (41, 30))
    np.testing.assert_array_equal(found.xy, whole.xy[0])
    assert (found.xy <= [41, 30]).all() and not net.training


def test_peaks_in_the_padding_do_not_count():
    maps = np.zeros((1, 16, 16), np.float32)
    maps[0, 5, 5], maps[0, 12, 3], maps[0, 3, 12] = 0.5, 1.0, 1.0
    position = outputs.build(ConfidenceSpec(sigma=3.0), 1, 2)
    found = position.find(maps, (23, 21))  # 12 and 11 cells
    assert pixels.apply(pixels.cells(2), np.array([5.0, 5.0])) == pytest.approx(
        found.xy[0], abs=0.1
    )
    assert found.height[0] == 0.5


def test_the_first_of_several_peaks_is_the_one_that_counts():
    (image,) = (some := frames([(96, 78)])).images
    one = infer.forward(Oracle(SPEC).tell(some.xy), image, CPU)
    several = infer.several(Oracle(SPEC).tell(some.xy), image, CPU, 3)
    assert several.xy.shape == (2, 3, 2)
    for part, first in zip(several, one, strict=True):
        np.testing.assert_array_equal(part[:, 0], first)
    bones = gridded.Grid(np.array([-1, 0]), np.zeros((2, 2)), np.array([[0.0, 0], [1, 1]]))
    # which says that both are in one place
    by = gridded.GridPoser(bones, 100.0, calibrate.prior(2, 3.0))
    held = infer.several(Oracle(SPEC).tell(some.xy), image, CPU, 1, by)
    away = np.linalg.norm(held.xy[0, 0] - held.xy[1, 0])
    assert away < 0.2 * np.linalg.norm(one.xy[0] - one.xy[1])

import numpy as np
import pytest
import torch

from gambol.core.errors import InputError
from gambol.nn.outputs.confidence import Confidence, ConfidenceSpec
from gambol.nn.targets import Scene

SIZE = (64, 48)


def scene(xy):
    xy = torch.as_tensor(np.asarray(xy), dtype=torch.float32)[:, None]
    valid = torch.ones(len(xy), SIZE[1], SIZE[0])
    return Scene(xy, torch.ones(xy.shape[:3]), valid, torch.full(xy.shape[:2], -1))


@pytest.mark.parametrize(
    "decoder, within",
    [("gaussian", 0.001), ("fourier", 0.02), ("integral", 0.8), ("argmax", 1.01)],
)
def test_every_decoder_finds_the_peak_as_well_as_it_can(decoder, within):
    output = Confidence(ConfidenceSpec(decoder=decoder), 1, 2)
    xy = np.random.default_rng(0).uniform(12, 36, (40, 1, 2))
    found = output.find(output.target(scene(xy)).maps.numpy(), SIZE)
    assert np.abs(found.xy - xy).max() < within
    assert (np.linalg.eigvalsh(found.cov) > 0).all()


def test_a_decoder_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="decoder"):
        ConfidenceSpec.from_values({"decoder": "fitted"}, "model.yaml")


def test_hard_keypoints_alone_are_learnt_where_asked():
    xy = np.array([[(20, 20), (30, 30), (40, 20), (50, 30)]], float)
    outputs = [Confidence(ConfidenceSpec(hard=hard), 4, 2) for hard in (False, True)]
    target = outputs[0].target(scene(xy))
    share = torch.tensor([0.1, 0.9, 0.8, 0.15])[:, None, None]  # said of each
    grads = []
    for output in outputs:
        maps = (target.maps * (1 - share)).requires_grad_()
        output.loss(maps, target).backward()
        grads.append(maps.grad[0].abs().amax((-2, -1)) > 0)
    assert grads[0].tolist() == [True] * 4
    assert grads[1].tolist() == [False, True, True, True]  # 0.15² > 2 · 0.1²


def test_a_sigma_finer_than_the_grid_is_refused_with_the_remedy():
    with pytest.raises(InputError, match="set it to 8 or more"):
        Confidence(ConfidenceSpec(), 1, 8).target(scene([[(20.0, 20.0)]]))


def middles(xy):
    """Middle of the box of each animal, by the definition."""
    return (np.nanmin(xy, axis=-2) + np.nanmax(xy, axis=-2)) / 2


def test_the_map_of_the_centroids_is_the_last_and_no_keypoint():
    plain, more = (Confidence(ConfidenceSpec(centroid=c), 3, 2) for c in (False, True))
    xy = np.array([[(20, 20), (30, 36), (41, 20)], [(10, 30), (np.nan, np.nan), (30, 12)]])
    drawn, usual = more.target(scene(xy)), plain.target(scene(xy))
    assert more.spec.channels(3) == 4 and drawn.maps.shape[1] == drawn.weight.shape[1] == 4
    assert torch.equal(drawn.maps[:, :3], usual.maps)
    alone = Confidence(ConfidenceSpec(), 1, 2).target(scene(middles(xy)[:, None]))
    assert torch.allclose(drawn.maps[:, 3:], alone.maps, atol=1e-5)
    found = more.find(drawn.maps.numpy(), SIZE)
    assert found.xy.shape == (2, 3, 2)
    np.testing.assert_array_equal(found.xy, plain.find(usual.maps.numpy(), SIZE).xy)


def test_centroids_are_known_of_animals_of_which_anything_is():
    more = Confidence(ConfidenceSpec(centroid=True), 2, 2)
    nan = (np.nan, np.nan)
    seen = scene([[(20, 20), nan], [nan, nan], [nan, nan]])
    weight = torch.tensor([[1.0, 0], [1, 1], [0, 1]])[:, None]
    drawn = more.target(seen._replace(weight=weight))
    assert drawn.weight[:, 2].amax((1, 2)).tolist() == [1, 1, 0]
    assert drawn.maps[:, 2].amax((1, 2)).tolist() == [drawn.maps[0, 0].max(), 0, 0]


def test_in_a_mirror_a_centroid_stays_one():
    more = Confidence(ConfidenceSpec(centroid=True), 3, 2)
    xy = np.array([[(20.0, 20), (30, 36), (41, 20)]])
    turned = xy[:, [2, 1, 0]] * [-1, 1] + [SIZE[0] - 1, 0]
    back = more.mirror(more.target(scene(turned)).maps, (2, 1, 0))
    assert torch.allclose(back, more.target(scene(xy)).maps, atol=1e-5)

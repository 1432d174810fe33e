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

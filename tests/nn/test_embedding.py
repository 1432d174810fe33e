import numpy as np
import pytest
import torch

from gambol.nn.embedding import Encoder, contrastive, gem


def pictures(n=6, channels=3, side=32, seed=0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.integers(0, 256, (n, channels, side, side), dtype=np.uint8))


def loss_by_definition(z, same, other, temperature):
    """Every sum written out; None counts for nobody."""
    total, counted = 0.0, 0
    for i in range(len(z)):
        alike = [p for p in range(len(z)) if same[i, p]]
        apart = [n for n in range(len(z)) if other[i, n]]
        if not alike or not apart:
            continue
        below = sum(np.exp(z[i] @ z[a] / temperature) for a in alike + apart)
        logs = [np.log(np.exp(z[i] @ z[p] / temperature) / below) for p in alike]
        total, counted = total - np.mean(logs), counted + 1
    return total / max(counted, 1)


@pytest.mark.parametrize("channels", [1, 3])
def test_looks_are_vectors_of_length_one(channels):
    torch.manual_seed(0)
    net = Encoder(channels, features=16).eval()
    looks = net(pictures(channels=channels))
    assert looks.shape == (6, 16)
    torch.testing.assert_close(looks.norm(dim=1), torch.ones(6))


def test_looks_of_one_picture_do_not_depend_on_the_others():
    torch.manual_seed(0)
    net = Encoder(3).eval()
    some = pictures()
    torch.testing.assert_close(net(some)[2:3], net(some[2:3]))


def test_a_brighter_picture_of_the_same_looks_different():
    torch.manual_seed(0)
    net = Encoder(1).eval()
    dark = torch.full((1, 1, 32, 32), 40, dtype=torch.uint8)
    dark[..., 8:24, 8:24] = 60
    assert (net(dark) - net(2 * dark)).abs().max() > 1e-3


def test_pooling_lies_between_mean_and_maximum_and_has_a_slope_at_zero():
    x = torch.rand(2, 3, 4, 5, requires_grad=True)
    pooled = gem(x)
    assert (pooled > x.mean((2, 3))).all() and (pooled < x.amax((2, 3))).all()
    expected = (x.detach().numpy() ** 3).mean((2, 3)) ** (1 / 3)
    np.testing.assert_allclose(pooled.detach().numpy(), expected, rtol=1e-5)
    silent = torch.zeros(1, 2, 4, 4, requires_grad=True)
    gem(silent).sum().backward()
    assert torch.isfinite(silent.grad).all()


@pytest.mark.parametrize("seed", range(4))
def test_the_loss_equals_its_definition(seed):
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((10, 4))
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    kind = np.triu(rng.integers(0, 3, (10, 10)), 1)
    kind += kind.T
    same, other = kind == 1, kind == 2
    told = contrastive(
        torch.from_numpy(z).float(), torch.from_numpy(same), torch.from_numpy(other), 0.2
    )
    assert told.item() == pytest.approx(loss_by_definition(z, same, other, 0.2), rel=1e-4)


def test_pairs_of_which_nothing_is_known_change_nothing():
    rng = np.random.default_rng(0)
    z = torch.nn.functional.normalize(torch.from_numpy(rng.standard_normal((5, 3))).float())
    same, other = torch.zeros(5, 5, dtype=torch.bool), torch.zeros(5, 5, dtype=torch.bool)
    same[0, 1] = same[1, 0] = other[0, 2] = other[2, 0] = other[1, 2] = other[2, 1] = True
    before = contrastive(z, same, other, 0.1)
    z[3:] = -z[3:]
    torch.testing.assert_close(contrastive(z, same, other, 0.1), before)


def test_a_batch_without_comparisons_costs_nothing_and_moves_nothing():
    z = torch.nn.functional.normalize(torch.rand(4, 3)).requires_grad_()
    none = torch.zeros(4, 4, dtype=torch.bool)
    loss = contrastive(z, none, none, 0.1)
    loss.backward()
    assert loss.item() == 0 and (z.grad == 0).all()


def test_alike_together_and_others_apart_costs_least():
    z = torch.tensor([[1.0, 0], [1, 0], [-1, 0], [-1, 0]])
    animal = torch.tensor([0, 0, 1, 1])
    same = (animal[:, None] == animal) & ~torch.eye(4, dtype=torch.bool)
    other = animal[:, None] != animal
    mixed = z[[0, 2, 1, 3]]
    assert contrastive(z, same, other, 0.1) < 1e-6 < contrastive(mixed, same, other, 0.1)

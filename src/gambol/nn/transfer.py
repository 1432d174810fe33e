"""Weights that were learnt elsewhere: an encoder's, or those of another training."""

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn

from gambol.core.errors import InputError
from gambol.nn.backbones.pyramid import Pyramid
from gambol.nn.model import PoseNet


class Taken(NamedTuple):
    """What a network took over."""

    rates: dict[str, float]  # relative learning rate of parameters that were taught elsewhere
    anew: tuple[str, ...]  # what starts from nothing, for people


def encoder(net: PoseNet, foreign: dict[str, Tensor], source: str) -> Taken:
    """Give the encoder of a network its weights; all else starts from nothing.

    Args:
        net: whose backbone has an encoder; it is changed.
        foreign: weights by the names they have in the package or model that they come from.
        source: what messages call them.
    """
    if not isinstance(net.backbone, Pyramid):
        raise InputError(
            f"{source} holds weights of an encoder, and backbone {net.spec.backbone.kind} has "
            "none; set backbone.kind to efficientnet or resnet, or leave start out"
        )
    own = net.backbone.encoder
    found, mine = own.named(foreign), own.state_dict()
    for name, value in mine.items():
        if not value.ndim and name not in found:
            found[name] = value  # how many batches were seen: not every file tells
        _same_shape(name, found.get(name), value, source)
    own.load_state_dict({name: found[name] for name in mine})
    rates = {
        f"backbone.encoder.{name}": own.decay ** own.layer(name)
        for name, _ in own.named_parameters()
    }
    return Taken(rates, ("the way up", "the heads"))


def run(
    net: PoseNet, weights: dict[str, Tensor], keypoints: Sequence[str], source: str
) -> Taken:
    """Go on from the weights of another training; last layers are matched by keypoint name.

    Args:
        net: to be trained; it is changed.
        weights: of a network with the same backbone.
        keypoints: of that network, in order.
        source: what messages call it.
    """
    mine, own = net.state_dict(), net.spec.keypoints
    taken = {}
    for name, value in mine.items():
        if name.startswith("backbone."):
            _same_shape(name, weights.get(name), value, source)
            taken[name] = weights[name]
    anew = [f"keypoint {name!r}" for name in own if name not in keypoints]
    for k, head in enumerate(net.heads):
        for part in head.state_dict():
            name = f"heads.{k}.{part}"
            there = _fitting(mine[name], weights.get(name), own, keypoints)
            taken[name] = mine[name] if there is None else there
            if there is None:
                anew.append(f"head {net.spec.outputs[k].kind}")
    net.load_state_dict(taken)
    return Taken({}, tuple(dict.fromkeys(anew)))


def _fitting(
    mine: Tensor, theirs: Tensor | None, own: Sequence[str], other: Sequence[str]
) -> Tensor | None:
    """Return a part of a head with their entries for keypoints that both know.

    A head has its maps in groups, each of one entry a keypoint, along one axis; parts that are
    not so laid out are taken as they are where they fit.
    """
    if theirs is None or mine.ndim != theirs.ndim:
        return None
    axes = [
        axis
        for axis in range(min(mine.ndim, 2))
        if mine.shape[axis] % len(own) == 0
        and theirs.shape[axis] % len(other) == 0
        and mine.shape[axis] // len(own) == theirs.shape[axis] // len(other)
        and _others(mine, axis) == _others(theirs, axis)
    ]
    if not axes:
        return theirs if mine.shape == theirs.shape else None
    axis = axes[0]
    out = mine.clone()
    for here, there in _maps(mine.shape[axis] // len(own), own, other):
        out.select(axis, here).copy_(theirs.select(axis, there))
    return out


def _maps(each: int, own: Sequence[str], other: Sequence[str]) -> list[tuple[int, int]]:
    """Return pairs of maps, mine and theirs, of keypoints that both networks know.

    With several maps a keypoint the first group has one each, and the rest stand together.
    """
    pairs = []
    for here, name in enumerate(own):
        if name not in other:
            continue
        there, rest = list(other).index(name), each - 1
        pairs.append((here, there))
        pairs += [
            (len(own) + rest * here + r, len(other) + rest * there + r) for r in range(rest)
        ]
    return pairs


def _others(weight: Tensor, axis: int) -> tuple[int, ...]:
    return (*weight.shape[:axis], *weight.shape[axis + 1 :])


def _same_shape(name: str, there: Tensor | None, here: Tensor, source: str) -> None:
    if there is None:
        raise InputError(
            f"{source} holds no {name}, which this network has; give the weights of the same "
            "architecture, or leave start out"
        )
    if there.shape != here.shape:
        raise InputError(
            f"{source}: {name} is {tuple(there.shape)}, and {tuple(here.shape)} in this "
            "network; give the weights of the same architecture, or leave start out"
        )


def norms(net: nn.Module, names: Sequence[str]) -> list[nn.Module]:
    """Return the normalisation layers whose parameters are among these."""
    kinds = (nn.BatchNorm2d, nn.SyncBatchNorm)
    held = {name.removesuffix(".weight") for name in names}
    return [one for name, one in net.named_modules() if isinstance(one, kinds) and name in held]

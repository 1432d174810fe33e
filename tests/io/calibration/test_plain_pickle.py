import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.io.calibration import plain_pickle

CONTENT = {
    "a": np.arange(6.0).reshape(2, 3),
    "f": np.asfortranarray(np.arange(6, dtype=">i4").reshape(2, 3)),
    "c": np.zeros((0, 2), np.float32),
    "s": np.float64(1.5),
    1: [True, None, ("x", b"y", 2.5)],
    "o": OrderedDict(z=np.uint8([1, 2])),
    "n": {"deep": [np.bool_(True), 1 << 70]},
}


class Evil:
    def __reduce__(self):
        return Path.touch, (Path("pwned"),)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_content_comes_back(tmp_path, protocol):
    path = tmp_path / "a.pickle"
    path.write_bytes(pickle.dumps(CONTENT, protocol))
    back = plain_pickle.read(path)
    for name in ("a", "f", "c"):
        assert back[name].tolist() == CONTENT[name].tolist()
        assert back[name].dtype == CONTENT[name].dtype
        assert back[name].shape == CONTENT[name].shape
    assert back["s"] == 1.5
    assert back[1] == CONTENT[1]
    assert back["o"]["z"].tolist() == [1, 2]
    assert back["n"] == CONTENT["n"]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: {"a": [x]}, lambda x: np.array([x])])
def test_nothing_of_a_file_runs(tmp_path, monkeypatch, protocol, wrap):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "a.pickle"
    path.write_bytes(pickle.dumps(wrap(Evil()), protocol))
    with pytest.raises(InputError, match="without running code of its own"):
        plain_pickle.read(path)
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    "content",
    [np.array(["a", None], object), np.array([(1, "x")], [("a", int), ("b", object)]), {1, 2j}],
)
def test_arrays_of_objects_are_refused(tmp_path, content):
    path = tmp_path / "a.pickle"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(InputError):
        plain_pickle.read(path)


def test_damaged_files_are_refused(tmp_path):
    whole = pickle.dumps(CONTENT)
    rng = np.random.default_rng(0)
    path = tmp_path / "a.pickle"
    for _ in range(300):
        broken = bytearray(whole[: rng.integers(1, len(whole))])
        broken[rng.integers(len(broken))] = rng.integers(256)
        path.write_bytes(bytes(broken))
        with pytest.raises(InputError):
            plain_pickle.read(path)

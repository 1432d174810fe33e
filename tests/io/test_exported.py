import pytest

from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.io import exported, store

FILE = exported.ExportedFile(
    gambol="0",
    made_from="abc",
    picture=exported.Picture(
        width=64, height=48, channels=1, colours="grey", shows="frame", scale=0.5, multiple=8
    ),
    outputs={"xy": "px"},
    files={"float32": exported.FLOAT32},
    skeleton=Skeleton(("a", "b")).to_dict(),
    calibration={},
    body_px=40.0,
    window=32,
    checked={},
    provenance={},
)


@pytest.fixture
def folder(tmp_path):
    store.write_text(FILE.model_dump_json(), tmp_path / exported.JSON)
    for name in ("model.xml", "model.bin"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    return tmp_path


def test_what_is_written_is_read(folder):
    assert exported.is_exported(folder) and exported.read(folder) == FILE
    assert exported.read(folder).bones == Skeleton(("a", "b"))


def test_a_run_is_no_exported_network(tmp_path):
    store.write_json({"gambol": "0", "spec": {}}, tmp_path / exported.JSON)
    assert not exported.is_exported(tmp_path)
    with pytest.raises(InputError, match="export-model"):
        exported.read(tmp_path)


@pytest.mark.parametrize("numbers", ["float32", "bfloat16"])
def test_bfloat16_computes_with_the_file_of_float32(folder, numbers):
    assert exported.graph(folder, FILE, numbers) == folder / exported.FLOAT32


def test_numbers_that_were_not_exported_are_named(folder):
    with pytest.raises(InputError, match="--int8"):
        exported.graph(folder, FILE, "int8")


def test_a_graph_without_its_weights_is_refused(folder):
    (folder / "model.bin").unlink()
    with pytest.raises(InputError, match=r"model\.bin does not exist"):
        exported.graph(folder, FILE, "float32")

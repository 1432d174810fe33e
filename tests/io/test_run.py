import json

import numpy as np
import pytest
import torch

from gambol.core.errors import InputError
from gambol.io import run as io_run
from gambol.io import store
from gambol.nn.backbones.unet import UNetSpec
from gambol.nn.model import ModelSpec, PoseNet

SPEC = ModelSpec(backbone=UNetSpec(depth=1, filters=2), keypoints=("nose", "tail"))


@pytest.fixture
def run(tmp_path):
    torch.manual_seed(0)
    net = PoseNet(SPEC)
    model = io_run.ModelFile(
        gambol="0",
        made_from="abc",
        spec=SPEC,
        skeleton={"keypoints": ["nose", "tail"]},
        scale=0.5,
        window=32,
        grey=True,
        body_px=40.0,
        calibration={},
    )
    io_run.write_weights(net.state_dict(), tmp_path / "weights.safetensors")
    store.write_text(model.model_dump_json(), tmp_path / io_run.MODEL)
    return tmp_path, net


def test_weights_survive(run):
    folder, net = run
    loaded = io_run.load(folder)
    for name, value in net.state_dict().items():
        assert torch.equal(loaded.net.state_dict()[name], value)
    assert loaded.model.bones.keypoints == ("nose", "tail")


def test_weights_that_were_read_do_not_hold_their_file(run):
    folder, net = run
    path = folder / "weights.safetensors"
    read = io_run.read_weights(path)
    with path.open("r+b") as file:  # what a mapping of the file would see
        file.write(bytes(path.stat().st_size))
    assert all(torch.equal(value, net.state_dict()[name]) for name, value in read.items())


def test_truncated_weights_are_named(run):
    folder, _ = run
    path = folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"weights\.safetensors does not hold weights"):
        io_run.load(folder)


def test_weights_of_another_network_are_named(run):
    folder, _ = run
    values = json.loads((folder / io_run.MODEL).read_text())
    values["spec"]["backbone"]["filters"] = 3
    store.write_json(values, folder / io_run.MODEL)
    with pytest.raises(InputError, match="does not fit"):
        io_run.load(folder)


def test_a_folder_that_is_no_run_is_named(tmp_path):
    with pytest.raises(InputError, match="is no training run"):
        io_run.load(tmp_path)
    io_run.write_state({"step": 1}, tmp_path)
    with pytest.raises(InputError, match="is not finished"):
        io_run.load(tmp_path)


def test_a_file_in_the_place_of_a_run_is_not_said_to_be_missing(tmp_path):
    (tmp_path / "labels.csv").write_text("x")
    with pytest.raises(InputError, match=r"labels\.csv is a file; give the folder"):
        io_run.load(tmp_path / "labels.csv")


def test_a_damaged_state_is_named(tmp_path):
    io_run.write_state({"step": 1, "net": {"w": torch.ones(2)}}, tmp_path)
    assert torch.equal(io_run.read_state(tmp_path)["net"]["w"], torch.ones(2))
    (tmp_path / io_run.STATE).write_bytes(b"PK\x03\x04 half")
    with pytest.raises(InputError, match="is damaged"):
        io_run.read_state(tmp_path)


def test_a_state_that_would_run_code_is_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return (print, ("ran",))

    torch.save({"x": Evil()}, tmp_path / io_run.STATE)
    with pytest.raises(Exception, match=r"weights_only|damaged"):
        io_run.read_state(tmp_path)


def test_held_out_frames_survive(tmp_path):
    rng = np.random.default_rng(0)
    held = io_run.Heldout(
        images=[rng.integers(0, 255, (5 + i, 6, 1), dtype=np.uint8) for i in range(3)],
        to_video=rng.normal(size=(3, 2, 3)),
        truth=rng.normal(size=(3, 2, 2)),
        visibility=np.full((3, 2), 2, np.uint8),
        xy=rng.normal(size=(3, 2, 2)),
        height=rng.normal(size=(3, 2)),
        cov=rng.normal(size=(3, 2, 2, 2)),
        confidence=rng.random((3, 2)),
        presence=rng.random((3, 2)),
        video=np.array(["a.mp4", "b.mp4", "a.mp4"]),
        frame=np.arange(3),
    )
    io_run.write_heldout(held, tmp_path)
    again = io_run.read_heldout(tmp_path)
    for name in held._fields:
        for one, other in zip(getattr(held, name), getattr(again, name), strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_split_with_names_of_any_language_is_utf8(tmp_path):
    rows = [("train", "/videos/mäuse 尾.mp4", 3, 'größe, "a"')]
    io_run.write_split(rows, tmp_path)
    assert io_run.read_split(tmp_path) == rows
    assert "尾".encode() in (tmp_path / "split.csv").read_bytes()


def test_the_log_and_the_split_survive(tmp_path):
    lines = [{"step": 1, "val_px": 2.5}, {"step": 2, "val_px": 2.0}]
    for line in lines:
        io_run.append_log(line, tmp_path)
    assert io_run.read_log(tmp_path) == lines
    io_run.rewrite_log(lines[:1], tmp_path)
    assert io_run.read_log(tmp_path) == lines[:1]
    rows = [("train", "a, b.mp4", 3, "animal"), ("val", "c.mp4", 4, "animal")]
    io_run.write_split(rows, tmp_path)
    assert io_run.read_split(tmp_path) == rows

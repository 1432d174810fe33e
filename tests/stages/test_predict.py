import subprocess
import sys
import time

import numpy as np
import pytest
import xarray as xr

from gambol.core import poses as core_poses
from gambol.core.errors import InputError
from gambol.core.shares import Share
from gambol.io import poses as io_poses
from gambol.io import run as io_run
from gambol.io import store
from gambol.nn.model import PoseNet
from gambol.nn.outputs import outputs
from gambol.stages import predict, predict_nets, shards
from gambol.stages.predicted import describe

FLOAT32 = predict.PredictConfig()


def same(one, other):
    a, b = io_poses.read(one), io_poses.read(other)
    xr.testing.assert_identical(a.drop_attrs(), b.drop_attrs())


@pytest.fixture
def shorter(monkeypatch):
    """Many shards in a short film."""
    monkeypatch.setattr(shards, "SHARD", 32)


@pytest.fixture(scope="module")
def predicted(trained, recording, tmp_path_factory):
    out = tmp_path_factory.mktemp("predicted") / "whole"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "SHARD", 32)
        return predict.run(FLOAT32, trained, [recording.video], out, threads=1)[0]


@pytest.fixture
def whole(predicted, shorter):
    """The poses of the film, in one go; nobody writes into its folder."""
    return predicted


def test_finds_the_simulated_mouse(whole, recording):
    found, truth = io_poses.read(whole.poses), store.read_dataset(recording.truth)
    xy, true = core_poses.xy(found), core_poses.xy(truth)
    assert xy.shape == true.shape
    assert np.nanmedian(np.linalg.norm(xy - true, axis=-1)) < 15
    np.testing.assert_allclose(found.time, truth.time, atol=1e-6)
    assert np.linalg.eigvalsh(core_poses.covariance(found)).min() >= 0
    confidence = core_poses.points(found, "confidence")
    assert confidence.min() >= 0 and confidence.max() <= 1


def test_the_same_command_again_changes_nothing(whole, trained, recording):
    before = whole.poses.stat().st_mtime_ns
    again = predict.run(FLOAT32, trained, [recording.video], whole.poses.parent, threads=1)[0]
    assert again.seconds == 0 and whole.poses.stat().st_mtime_ns == before


SCRIPT = """
import sys, time
from pathlib import Path
from gambol.io import poses
from gambol.stages import predict, shards

shards.SHARD = 32
write = poses.Shards.write

def slow(self, number, shard):
    write(self, number, shard)
    time.sleep(0.2)

poses.Shards.write = slow
run, video, out = map(Path, sys.argv[1:])
predict.run(predict.PredictConfig(), run, [video], out, threads=1)
"""


def test_killed_and_started_again_it_ends_with_the_same_poses(
    whole, trained, recording, tmp_path
):
    out = tmp_path / "broken"
    command = [sys.executable, "-c", SCRIPT, str(trained), str(recording.video), str(out)]
    child = subprocess.Popen(command)
    shards = out / f".{recording.video.stem}.shards"
    until = time.monotonic() + 60
    while len(list(shards.glob("*.npz"))) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    child.kill()
    child.wait()
    assert not (out / whole.poses.name).exists()
    kept = {p.name: p.stat().st_mtime_ns for p in shards.glob("*.npz")}
    assert len(kept) >= 2
    made = predict.run(FLOAT32, trained, [recording.video], out, threads=1)[0]
    same(whole.poses, made.poses)
    assert not shards.exists()


def test_a_shard_that_was_damaged_is_made_again(whole, trained, recording, tmp_path):
    out = tmp_path / "damaged"
    path = out / whole.poses.name
    model = io_run.load(trained)
    where = predict.engine.choose_device("auto")
    net = predict_nets.one_animal(model, where, 1, fast=False, follow=False, candidates=1)
    shards = io_poses.Shards(
        path, predict._key(FLOAT32, model, net.engine.name, recording.video)
    )
    shards.folder.mkdir(parents=True)
    shards.path(1).write_bytes(b"half a file")
    predict.run(FLOAT32, trained, [recording.video], out, threads=1)
    same(whole.poses, path)


def test_results_do_not_depend_on_how_decoding_is_cut(
    whole, trained, recording, tmp_path, monkeypatch
):
    monkeypatch.setattr(predict, "CHUNK_BYTES", 160 * 120 * 3)
    made = predict.run(FLOAT32, trained, [recording.video], tmp_path / "cut", threads=1)[0]
    same(whole.poses, made.poses)


def test_whole_frames_do_not_depend_on_batches(
    trained, recording, tmp_path, monkeypatch, shorter
):
    cfg = predict.PredictConfig(window="whole")
    one = predict.run(cfg, trained, [recording.video], tmp_path / "a", threads=1)[0]
    monkeypatch.setattr(predict.engine, "frames_at_once", lambda run, frame: 5)
    other = predict.run(cfg, trained, [recording.video], tmp_path / "b", threads=1)[0]
    same(one.poses, other.poses)
    assert one.searched == one.frames


def test_torch_and_openvino_agree(trained, recording, tmp_path, shorter):
    paths = [
        predict.run(
            predict.PredictConfig(window="whole"),
            trained,
            [recording.video],
            tmp_path / device,
            device=device,
            threads=1,
        )[0].poses
        for device in ("cpu", "torch")
    ]
    one, other = (core_poses.xy(io_poses.read(path)) for path in paths)
    assert np.quantile(np.abs(one - other), 0.999) < 1e-2


def test_two_videos_of_one_name_need_two_folders(trained, recording, tmp_path):
    with pytest.raises(InputError, match="two videos are named"):
        predict.run(FLOAT32, trained, [recording.video] * 2, tmp_path)


def test_fast_is_refused_where_it_costs_accuracy(trained, recording, tmp_path, monkeypatch):
    monkeypatch.setattr(predict_nets, "TOLERATED", -100.0)
    with pytest.raises(InputError, match="raises the error on validation"):
        predict.run(
            predict.PredictConfig(precision="fast"), trained, [recording.video], tmp_path
        )


def test_damaged_frames_get_empty_rows(trained, recording, tmp_path, monkeypatch, shorter):
    from gambol.io.video.container import FileVideo
    from gambol.io.video.damage import DamagedFrame

    original = FileVideo.read

    def read(self, indices):
        if 40 in list(indices):
            raise DamagedFrame("clip.mp4", 40)
        return original(self, indices)

    monkeypatch.setattr(FileVideo, "read", read)
    monkeypatch.setattr(FileVideo, "damage", property(lambda self: "1 is damaged"))
    made = predict.run(FLOAT32, trained, [recording.video], tmp_path, threads=1)[0]
    assert describe({"videos": [made._asdict()]}).endswith("\n1 is damaged")
    missing = np.isnan(core_poses.xy(io_poses.read(made.poses))).all(axis=(1, 2, 3))
    assert np.flatnonzero(missing).tolist() == [40]


def test_a_resumed_prediction_says_which_frames_are_new(
    whole, trained, recording, tmp_path, monkeypatch
):
    out = tmp_path / "twice"
    write = io_poses.Shards.write

    def killed(self, number, shard):
        write(self, number, shard)
        if number == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(io_poses.Shards, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        predict.run(FLOAT32, trained, [recording.video], out, threads=1)
    monkeypatch.setattr(io_poses.Shards, "write", write)
    made = predict.run(FLOAT32, trained, [recording.video], out, threads=1)[0]
    assert made.fresh == made.frames - 2 * shards.SHARD
    assert made.searched == whole.searched and whole.fresh == whole.frames
    assert f"{made.frames} frames, {made.fresh} of them now at" in describe(
        {"videos": [made._asdict()]}
    )
    assert "now" not in describe({"videos": [whole._asdict()]})


def test_names_that_some_systems_take_for_one_need_two_folders(trained, recording, tmp_path):
    other = recording.video.with_name(recording.video.name.upper())
    with pytest.raises(InputError, match="two videos are named"):
        predict.run(FLOAT32, trained, [recording.video, other], tmp_path)


def test_several_candidates_are_kept_beside_the_same_poses(
    whole, trained, recording, tmp_path, monkeypatch
):
    cfg, out = predict.PredictConfig(candidates=3), tmp_path / "several"
    write = io_poses.Shards.write

    def killed(self, number, shard):
        write(self, number, shard)
        if number == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(io_poses.Shards, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        predict.run(cfg, trained, [recording.video], out, threads=1)
    monkeypatch.setattr(io_poses.Shards, "write", write)
    made = predict.run(cfg, trained, [recording.video], out, threads=1)[0]
    assert made.fresh < made.frames  # shards that were finished have their candidates
    poses, plain = io_poses.read(made.poses), io_poses.read(whole.poses)
    places, scores = poses["candidate_position"], poses["candidate_score"]
    assert places.dims == ("time", "space", "keypoints", "individuals", "candidate")
    assert scores.dims == ("time", "keypoints", "individuals", "candidate")
    xr.testing.assert_identical(
        poses.drop_vars(["candidate_position", "candidate_score"]).drop_attrs(),
        plain.drop_attrs(),
    )
    np.testing.assert_array_equal(places.isel(candidate=0), poses.position)
    np.testing.assert_array_equal(scores.isel(candidate=0), poses.confidence)
    further = np.isfinite(scores.isel(candidate=slice(1, None)).values)
    assert 0 < further.mean() < 1
    np.testing.assert_array_equal(
        np.isfinite(places.isel(candidate=slice(1, None))).all("space"), further
    )
    assert (scores.fillna(0).values <= 1).all() and not further[..., 1][~further[..., 0]].any()
    assert "candidate_position" not in plain
    datasets = pytest.importorskip("movement.validators.datasets")
    datasets.ValidPosesInputs.validate(poses)


@pytest.mark.parametrize("kind", ["softmax", "location", "simcc"])
def test_maps_that_tell_one_place_each_have_no_candidates(
    trained, recording, tmp_path, monkeypatch, kind
):
    model = io_run.load(trained)
    spec = model.net.spec
    other = spec.model_copy(update={"outputs": (outputs.parse({"kind": kind}),)})
    monkeypatch.setattr(predict.io_run, "load", lambda _: model._replace(net=PoseNet(other)))
    with pytest.raises(
        InputError, match=f"says positions by {kind}, whose maps tell one place"
    ):
        predict.run(
            predict.PredictConfig(candidates=2), trained, [recording.video], tmp_path, threads=1
        )


def test_shares_in_any_order_make_what_one_run_makes(whole, trained, recording, tmp_path):
    out, fresh = tmp_path / "shared", 0
    for number in (2, 0, 1):
        (made,) = predict.run(
            FLOAT32, trained, [recording.video], out, threads=1, share=Share(number, 3)
        )
        fresh += made.fresh
        assert not made.poses.exists()
    assert fresh == whole.frames
    (made,) = predict.run(FLOAT32, trained, [recording.video], out, threads=1)
    assert made.fresh == 0
    same(whole.poses, made.poses)


def test_a_share_without_a_frame_does_nothing(trained, recording, tmp_path):
    out = tmp_path / "none"
    assert predict.run(FLOAT32, trained, [recording.video], out, share=Share(0, 1000)) == []
    assert not out.exists()

import json
import shutil

import numpy as np
import pytest
from films import small

from gambol.core.errors import InputError
from gambol.io import labels as io_labels
from gambol.io import run as io_run
from gambol.io.video.open import open_video
from gambol.pose.dataset import Windows
from gambol.stages import train
from gambol.stages import unlabelled as stage
from gambol.stages.train import TrainConfig

ON = ("unlabelled.losses=[{kind: temporal, strength: 2}, {kind: consistency, sure: 0.1}]",
      "unlabelled.clips=5", "unlabelled.length=3")  # fmt: skip


def config(*changes, steps=24):
    return small(steps).override(["fit.evaluate_every=8", *changes])


def log(out):
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def test_trains_with_unlabelled_frames_and_goes_on_bit_for_bit(recording, tmp_path):
    cfg = config(*ON)
    out = train.run(cfg, recording.labels, tmp_path / "run", device="cpu", threads=1)
    lines = log(out)
    assert [len(line["losses"]) for line in lines] == [2, 2, 2]
    assert lines[0]["losses"][1] == 0
    assert lines[-1]["losses"][1] > 0
    again = train.run(cfg, recording.labels, tmp_path / "again", device="cpu", threads=1)
    one, two = (io_run.read_weights(o / "last.safetensors") for o in (out, again))
    assert all(np.array_equal(one[k], two[k]) for k in one)


def test_is_off_by_default(recording, tmp_path):
    assert TrainConfig().unlabelled.losses == ()
    out = train.run(config(), recording.labels, tmp_path / "r", device="cpu", threads=1)
    assert [len(line["losses"]) for line in log(out)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (("output={kind: simcc}",), "which output simcc has not"),
        (("backbone={kind: linear}",), "backbone linear is fitted at once"),
        (("approach=top-down",), "top-down finds several"),
        (("unlabelled.losses=[{kind: temporel}]",), "did you mean 'temporal'"),
        (
            ("unlabelled.losses=[{kind: pca-one-view}]", "split.val=0.85"),
            "fully labelled training frames",
        ),
        (
            ("unlabelled.length=64", "unlabelled.videos=[nowhere.mp4]"),
            "nowhere.mp4 does not exist",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(recording, tmp_path, changes, sentence):
    with pytest.raises(InputError, match=sentence):
        cfg = config(*ON, *changes)
        train.run(cfg, recording.labels, tmp_path / "run", device="cpu", threads=1)
    assert not (tmp_path / "run").exists()


def ready(cfg, recording):
    return train._prepare(cfg, io_labels.load(recording.labels), "", None, lambda text: None)


@pytest.mark.parametrize("named", [False, True])
def test_frames_near_to_what_is_held_out_teach_nothing(recording, tmp_path, named):
    """In the film of the labels, and in a copy of it that is named."""
    video = io_labels.load(recording.labels).videos[0]
    copy = shutil.copy(video, tmp_path)
    cfg = config(*ON, "split.test=0.1", "split.calib=0.1", "split.gap_s=0.4",
                 f"unlabelled.videos=[{copy if named else ''}]")  # fmt: skip
    made = ready(cfg, recording)
    held = {part: [e.frame for e in made.entries if e.part == part] for part in
            ("val", "calib", "test")}  # fmt: skip
    (room,) = made.unlabelled.room
    shown = room[:, None] + np.arange(3)
    assert len(room) > 20
    for frames in held.values():
        assert np.abs(shown[..., None] - np.array(frames)).min() >= 6  # 0.4 s of 15 a second


def test_one_film_is_open_at_a_time_and_read_as_it_is_kept(recording, tmp_path, monkeypatch):
    video = io_labels.load(recording.labels).videos[0]
    copies = [str(shutil.copy(video, tmp_path / f"{name}.mp4")) for name in "abc"]
    made = ready(config(*ON, f"unlabelled.videos=[{','.join(copies)}]"), recording)
    opened, closed, read = [], [], []

    def watched(*args, **kwargs):
        opened.append(video := open_video(*args, **kwargs))
        close, get = video.close, video.read
        video.close = lambda: (closed.append(1), close())
        video.read = lambda rows: (read.append(rows), get(rows))[1]
        return video

    def keep(images):
        kept = []
        for image in images:
            kept.append(image)
            assert len(opened) - len(closed) == 1
            assert len(read) == -(-len(kept) // 3)
        return kept

    monkeypatch.setattr(stage, "open_video", watched)
    monkeypatch.setattr(stage.io_frames, "keep", keep)
    found = stage.prepare(config(*ON), made, Windows((32, 32), 0.0))
    assert len(opened) == len(closed) == 3
    assert [len(clip.images) for clip in found.clips] == [3] * 5


def test_a_run_is_made_from_the_content_of_its_films(recording, tmp_path):
    labels, film = io_labels.load(recording.labels), tmp_path / "film.mp4"
    cfg = config(*ON, f"unlabelled.videos=[{film}]")
    hashes = set()
    for content in (b"one film", b"another", b"one film"):
        film.write_bytes(content)
        hashes.add(train.origin(cfg, labels))
    assert len(hashes) == 2


def test_labelled_images_are_no_film(tmp_path, data):
    source = data / "mouse_openfield"
    if not source.is_dir():
        pytest.skip("no mouse_openfield")
    with pytest.raises(InputError, match="name films in unlabelled.videos"):
        cfg = config(*ON)
        train.run(cfg, source, tmp_path / "run", device="cpu", threads=1)
    assert not (tmp_path / "run").exists()

"""Prediction of two drawn animals: the file, its restart, and what cannot be asked."""

import numpy as np
import pytest
from pairs import FRAMES, trained

from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.io import detections as io_detections
from gambol.io import poses as io_poses
from gambol.io import run as io_run
from gambol.io.video.open import open_video
from gambol.nn import engine
from gambol.pose import structure
from gambol.stages import finders, predict, predict_many, shards, suggest, track

WAYS = ("top-down", "bottom-up")
CFG = predict.PredictConfig()


@pytest.fixture(scope="module", params=WAYS)
def made(request, tmp_path_factory):
    return trained(tmp_path_factory.getbasetemp(), request.param)


@pytest.fixture
def shorter(monkeypatch):
    """Many pieces in a short film."""
    monkeypatch.setattr(shards, "SHARD", 16)


def search(made, out, cfg=CFG, **more):
    pair, run = made
    return predict.run(cfg, run, [pair.video], out, device="torch", threads=1, **more)[0]


def same(one, other):
    (about, rows), (about_too, rows_too) = (io_detections.read(p) for p in (one, other))
    for a, b in zip([*about[:3], *rows], [*about_too[:3], *rows_too], strict=True):
        np.testing.assert_array_equal(a, b)
    assert about.skeleton == about_too.skeleton and about.fps == about_too.fps
    assert about.attrs["made_from"] == about_too.attrs["made_from"]


def test_both_animals_are_in_every_frame_of_the_file(made, tmp_path, shorter):
    pair, run = made
    result = search(made, tmp_path)
    assert result.poses == tmp_path / "pair.detections.nc" and result.frames == FRAMES
    assert {p.name for p in tmp_path.iterdir()} == {result.poses.name}  # no pieces are left
    about, rows = io_detections.read(result.poses)
    assert about.times == pytest.approx(np.arange(FRAMES) / 10) and about.readable.all()
    assert about.skeleton.keypoints == ("nose", "middle", "tail")
    assert about.counts.sum() == len(rows.frame)
    np.testing.assert_array_equal(np.bincount(rows.frame, minlength=FRAMES), about.counts)
    assert (np.diff(rows.frame) >= 0).all()
    off = []
    for frame in range(FRAMES):
        found = rows.xy[rows.frame == frame]
        gaps = np.linalg.norm(found[None] - pair.xy[frame][:, None], axis=-1).mean(axis=-1)
        off += np.nanmin(gaps, axis=1).tolist()
    assert np.median(off) < 1.0 and np.mean(np.array(off) < 3.0) > 0.9
    assert (rows.score >= 0).all() and (rows.score <= 1).all()
    assert rows.confidence.min() >= 0 and rows.confidence.max() <= 1
    missing = np.isnan(rows.xy).any(axis=-1)
    assert (rows.confidence[missing] == 0).all()
    assert (np.linalg.eigvalsh(rows.cov[~missing]) > 0).all()
    model = io_run.load(run).model
    assert float(about.attrs["body_px"]) == pytest.approx(model.body_px)
    assert int(about.attrs["most"]) == 2


class Killed(Exception):  # noqa: N818 - stands for a kill
    """Ends a prediction in the middle."""


def test_killed_and_started_again_it_ends_with_the_same_file(made, tmp_path, shorter):
    whole = search(made, tmp_path / "whole")
    heard = []

    def kill(step):
        heard.append(step.done)
        raise Killed

    with pytest.raises(Killed):
        search(made, tmp_path / "broken", progress=kill)
    broken = tmp_path / "broken" / "pair.detections.nc"
    assert heard == [16] and not broken.exists()
    again = search(made, tmp_path / "broken", progress=lambda step: heard.append(step.done))
    assert heard == [16, 32, FRAMES] and again.fresh == FRAMES - 16
    assert again.searched == again.frames == FRAMES
    same(whole.poses, broken)
    before = broken.stat().st_mtime_ns
    silent = search(made, tmp_path / "broken")
    assert silent.seconds == 0 and broken.stat().st_mtime_ns == before


def test_the_file_says_what_each_frame_by_itself_says(made, tmp_path, monkeypatch):
    pair, run = made
    result = search(made, tmp_path)
    monkeypatch.setattr(shards, "SHARD", 7)
    monkeypatch.setattr(predict_many, "CHUNK", 3)
    same(result.poses, search(made, tmp_path / "cut").poses)
    _, rows = io_detections.read(result.poses)
    model = io_run.load(run)
    finder = finders.of_run(model, engine.Device("torch", "cpu"))
    video = open_video(pair.video, grey=model.model.grey)
    judged = predict_many.judged_by(model)
    for frame in (0, 17, 39):
        alone = predict_many.in_frame(
            finder, judged, model.model.scale, video.read([frame])[0], frame
        )
        for part, inside in zip(alone, rows.select(rows.frame == frame), strict=True):
            np.testing.assert_allclose(part, inside, rtol=1e-5, atol=1e-5)
    video.close()


def test_a_frame_that_cannot_be_read_is_said_and_holds_nobody(
    made, tmp_path, monkeypatch, shorter
):
    from gambol.io.video.container import FileVideo
    from gambol.io.video.damage import DamagedFrame

    original = FileVideo.read

    def read(self, indices):
        if 20 in list(indices):
            raise DamagedFrame("pair.mp4", 20)
        return original(self, indices)

    monkeypatch.setattr(FileVideo, "read", read)
    about, rows = io_detections.read(search(made, tmp_path).poses)
    assert np.flatnonzero(~about.readable).tolist() == [20]
    assert about.counts[20] == 0 and 20 not in rows.frame and len(about.times) == FRAMES


@pytest.mark.parametrize(
    "cfg, words",
    [
        (predict.PredictConfig(precision="fast"), "--precision fast is not checked"),
        (predict.PredictConfig(window="follow"), "no window can follow"),
    ],
)
def test_what_is_for_one_animal_alone_is_refused(made, tmp_path, cfg, words):
    with pytest.raises(InputError, match=words):
        search(made, tmp_path, cfg)
    assert not list(tmp_path.iterdir())


def test_further_peaks_of_each_crop_are_rows_beside_the_same_detections(
    made, tmp_path, shorter
):
    cfg = predict.PredictConfig(candidates=2)
    if io_run.load(made[1]).centroid is None:
        with pytest.raises(InputError, match="another peak of a keypoint is another animal's"):
            search(made, tmp_path, cfg)
        return
    plain, several = search(made, tmp_path / "one").poses, search(made, tmp_path, cfg).poses
    (_, rows), (_, same_rows) = (io_detections.read(path) for path in (plain, several))
    for a, b in zip(rows, same_rows, strict=True):
        np.testing.assert_array_equal(a, b)
    assert io_detections.candidates(plain, 0, 3) is None
    kept = io_detections.candidates(several, 0, len(rows.frame))
    assert kept.score.shape == (len(rows.frame), 3, 2)
    np.testing.assert_array_equal(kept.xy[:, :, 0], rows.xy)
    np.testing.assert_array_equal(kept.score[:, :, 0], rows.confidence)
    further = np.isfinite(kept.score[:, :, 1])
    np.testing.assert_array_equal(np.isfinite(kept.xy[:, :, 1]).all(axis=-1), further)
    tracks = track.run(track.TrackConfig(animals=2), [several], tmp_path / "tracks")[0].tracks
    poses = io_poses.read(tracks)
    assert poses["candidate_position"].dims[-1] == "candidate"
    np.testing.assert_array_equal(poses["candidate_position"].isel(candidate=0), poses.position)
    row = poses["row"].transpose("time", "individuals").values
    t, who = np.nonzero(row >= 0)
    score = poses["candidate_score"].transpose("time", "individuals", "keypoints", "candidate")
    np.testing.assert_array_equal(
        score.values[t, who, :, 1], kept.score[row[t, who], :, 1].astype(np.float32)
    )


def weighed(run, monkeypatch):
    """Let bones count in a run that top-down training ended with."""
    body = np.array([[14.0, 0.0], [0.0, 0.0], [-14.0, 0.0]])
    poses = body + np.random.default_rng(0).normal(0, 1, (20, 3, 2))
    learnt = structure.learn(poses, Skeleton(("nose", "middle", "tail"), (-1, 0, 1)))
    file = io_run.StructureFile(weight=0.1, geometry=learnt.to_dict())
    model = io_run.load(run)
    made = model._replace(model=model.model.model_copy(update={"structure": file}))
    monkeypatch.setattr(io_run, "load", lambda _: made)


def test_margins_of_each_animal_lie_beside_it_and_reach_tracks_and_suggestions(
    made, tmp_path, monkeypatch, shorter
):
    pair, run = made
    if io_run.load(run).centroid is not None:
        plain = search(made, tmp_path / "plain").poses
        assert io_detections.margins(plain, 0, 1) is None
        with pytest.raises(InputError, match="keeps one place a keypoint"):
            suggest.run(suggest.SuggestConfig(method="structure"), pair.video, poses=[plain])
        weighed(run, monkeypatch)
    path = search(made, tmp_path / "weighed").poses
    _, rows = io_detections.read(path)
    margin = io_detections.margins(path, 0, len(rows.frame))
    there = np.isfinite(rows.xy).all(axis=-1)
    np.testing.assert_array_equal(np.isfinite(margin), there)
    assert (margin[there] >= 0).all() and margin[there].max() > 1
    model = io_run.load(run)
    finder = finders.of_run(model, engine.Device("torch", "cpu"))
    video = open_video(pair.video, grey=model.model.grey)
    judged = predict_many.judged_by(model)
    alone = predict_many._found(finder, judged, model.model.scale, video.read([17])[0], 17)
    video.close()
    np.testing.assert_allclose(alone.margin, margin[rows.frame == 17], rtol=1e-4, atol=1e-4)
    tracks = track.run(track.TrackConfig(animals=2), [path], tmp_path / "tracks")[0].tracks
    poses = io_poses.read(tracks)
    row = poses["row"].transpose("time", "individuals").values
    t, who = np.nonzero(row >= 0)
    carried = poses["margin"].transpose("time", "individuals", "keypoints").values
    np.testing.assert_array_equal(carried[t, who], margin[row[t, who]].astype(np.float32))
    assert np.isnan(carried[row < 0]).all()
    cfg = suggest.SuggestConfig(method="structure", count=3)
    for file in (path, tracks):
        first = suggest.run(cfg, pair.video, poses=[file])[0]
        assert "may be elsewhere or absent" in first.reason
    least = np.where(there, margin, np.inf).min(axis=1)
    found = suggest.run(cfg, pair.video, poses=[path])[0]
    assert found.frame == rows.frame[least.argmin()]
    assert found.score == pytest.approx(-least.min(), abs=1e-6)

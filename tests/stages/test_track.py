"""Detections to track files: who is who, what is empty or odd, and what is made again."""

import numpy as np
import pytest
import tracked

from gambol.core import instances, poses
from gambol.core.errors import InputError
from gambol.core.instances import UNTRACKED, Detections
from gambol.core.shares import Share
from gambol.io import store, stored
from gambol.io import tracks as io_tracks
from gambol.io.labels import predictions
from gambol.io.video.open import open_video
from gambol.io.video.write import VideoWriter
from gambol.stages import identities, review, track
from gambol.stages.track import TrackConfig

CFG = TrackConfig()


def track_one(source, out, cfg=CFG):
    return track.run(cfg, [source], out)[0]


def ids(path):
    """The identity of every detection, by row of the file of detections."""
    (piece,) = io_tracks.pieces(path, frames=10**6)
    return piece.id


def test_animals_keep_their_names_and_nothing_is_lost(tmp_path):
    source, scene = tracked.apart(tmp_path / "film.detections.nc", n=3)
    made = track_one(source, tmp_path / "out")
    assert made.tracks == tmp_path / "out" / "film.nc" and made.animals == 3
    assert made.detections == len(scene.truth) and made.frames == len(scene.times)
    found = ids(made.tracks)
    assert len(found) == len(scene.truth) and made.untracked == (found == UNTRACKED).sum()
    for animal in range(3):
        names, counts = np.unique(found[scene.truth == animal], return_counts=True)
        assert counts.max() > 0.97 * counts.sum(), names
    series = io_tracks.read(made.tracks).poses
    assert list(series.individuals.values) == ["animal1", "animal2", "animal3"]
    np.testing.assert_allclose(series.time.values, scene.times)


def test_movement_accepts_the_tracks(tmp_path):
    source, _ = tracked.apart(tmp_path / "film.detections.nc")
    made = track_one(source, tmp_path / "out")
    datasets = pytest.importorskip("movement.validators.datasets")
    datasets.ValidPosesInputs.validate(io_tracks.read(made.tracks).poses)


def test_the_same_command_again_changes_no_file(tmp_path):
    source, _ = tracked.crossing(tmp_path / "film.detections.nc")
    first = track_one(source, tmp_path / "out")
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").iterdir()}
    assert track_one(source, tmp_path / "out") == first
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "out").iterdir()} == before


def test_other_settings_track_again_and_leave_one_set_of_automatic_tracks(tmp_path):
    source, _ = tracked.apart(tmp_path / "film.detections.nc")
    first = track_one(source, tmp_path / "out")
    key = store.file_hash(first.tracks)
    made = track_one(source, tmp_path / "out", TrackConfig(preset="sleap-classic"))
    assert made.events == 0 and store.file_hash(made.tracks) != key
    assert len(list((tmp_path / "out").glob(".*.npz"))) == 1


def test_a_folder_stands_for_the_detections_in_it(tmp_path):
    for name in ("one", "two"):
        tracked.apart(tmp_path / "poses" / f"{name}.detections.nc")
    made = track.run(CFG, [tmp_path / "poses"], tmp_path / "out")
    assert [m.tracks.name for m in made] == ["one.nc", "two.nc"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no file"):
        track.run(CFG, [tmp_path / "empty"], tmp_path / "out")


def test_shares_track_every_recording_once(tmp_path):
    for name in ("one", "two", "three"):
        tracked.apart(tmp_path / "poses" / f"{name}.detections.nc")
    did = [
        [
            m.tracks.name
            for m in track.run(CFG, [tmp_path / "poses"], tmp_path / "out", share=one)
        ]
        for one in (Share(1, 2), Share(0, 2))
    ]
    assert did == [["three.nc"], ["one.nc", "two.nc"]]
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").iterdir()}
    assert len(track.run(CFG, [tmp_path / "poses"], tmp_path / "out")) == 3
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "out").iterdir()} == before


def test_a_film_without_any_detection_has_tracks_without_positions(tmp_path):
    times = np.arange(20) / 10
    source = tracked.write(tmp_path / "film.detections.nc", tracked.nothing(), times, most=2)
    made = track_one(source, tmp_path / "out")
    assert (made.detections, made.untracked, made.events) == (0, 0, 0)
    series = io_tracks.read(made.tracks)
    assert np.isnan(series.poses.position.values).all() and not len(series.untracked.frame)
    with pytest.raises(InputError, match="solved anew only"):
        review.run(review.ReviewConfig(do="resolve"), made.tracks)


def test_one_animal_is_tracked_without_events(tmp_path):
    source, scene = tracked.apart(tmp_path / "film.detections.nc", n=1)
    made = track_one(source, tmp_path / "out")
    assert made.animals == 1 and made.doubtful == 0
    assert (ids(made.tracks) == 0).mean() > 0.97


def test_what_is_beyond_the_number_of_animals_is_untracked_not_deleted(tmp_path):
    source, scene = tracked.apart(tmp_path / "film.detections.nc", n=3)
    made = track_one(source, tmp_path / "out", TrackConfig(animals=2))
    found = ids(made.tracks)
    assert set(found.tolist()) == {0, 1, UNTRACKED} and len(found) == len(scene.truth)
    assert made.untracked == len(io_tracks.read(made.tracks).untracked.frame) > 0


def test_frames_that_could_not_be_decoded_are_rows_without_animals(tmp_path):
    base, scene = tracked.apart(tmp_path / "x.detections.nc")
    fine = np.ones(len(scene.times), bool)
    fine[40:43] = False
    found = scene.detections.select(fine[scene.detections.frame])
    source = tracked.write(
        tmp_path / "film.detections.nc", found, scene.times, readable=fine, most=2
    )
    series = io_tracks.read(track_one(source, tmp_path / "out").tracks).poses
    np.testing.assert_array_equal(series.readable.values, fine)
    assert np.isnan(series.position.values[40:43]).all()


def test_names_are_those_of_individuals_only_if_the_network_told_them_apart(tmp_path):
    _, scene = tracked.apart(tmp_path / "x.detections.nc")
    other = 1 - scene.truth  # bob is animal 0
    sure = np.log(np.where(np.arange(2) == other[:, None], 0.95, 0.05))
    found = scene.detections._replace(identity=sure)
    source = tracked.write(
        tmp_path / "film.detections.nc", found, scene.times, classes=("ann", "bob"), most=2
    )
    made = track_one(source, tmp_path / "out")
    assert set(identities.names_of(made.tracks)) == {"ann", "bob"}
    called = np.array([*identities.names_of(made.tracks), "nobody"])[ids(made.tracks)]
    assert (called == np.array(["ann", "bob"])[other]).mean() > 0.97
    three = track_one(source, tmp_path / "three", TrackConfig(animals=3))
    assert identities.names_of(three.tracks) == ("animal1", "animal2", "animal3")


def test_bones_of_the_skeleton_judge_shapes(tmp_path):
    _, scene = tracked.apart(tmp_path / "x.detections.nc")
    xy = scene.detections.xy.copy()
    odd = 100
    xy[odd] = xy[odd].mean(axis=0) + 3.5 * (xy[odd] - xy[odd].mean(axis=0))
    found = scene.detections._replace(xy=xy)
    source = tracked.write(tmp_path / "film.detections.nc", found, scene.times, most=2)
    assert ids(track_one(source, tmp_path / "out").tracks)[odd] == UNTRACKED


def video(path, frames=90, fps=12.5):
    with VideoWriter(path, fps, (32, 32)) as writer:
        for _ in range(frames):
            writer.write(np.zeros((32, 32, 3), np.uint8))
    return path


def test_predictions_of_other_tools_take_their_times_from_the_video(tmp_path, monkeypatch):
    _, scene = tracked.apart(tmp_path / "x.detections.nc")
    found = scene.detections
    said = predictions.Tracked(
        found, np.full(len(found.frame), UNTRACKED), np.zeros(len(found.frame)), (),
        tracked.JOINTS, 90, None, r"C:\videos\film.mp4",
    )  # fmt: skip
    monkeypatch.setattr(io_tracks, "load", lambda path: said)
    source = tmp_path / "film.slp"
    source.write_bytes(b"read by the stand-in")
    with pytest.raises(InputError, match="put the video there"):
        track_one(source, tmp_path / "out")


def test_foreign_detections_without_their_video_are_refused(data, tmp_path):
    source = tmp_path / "two.slp"
    source.write_bytes((data / "flies_tracks" / "two_flies.slp").read_bytes())
    with pytest.raises(InputError, match="not beside it"):
        track_one(source, tmp_path / "out")


def test_a_sleap_file_is_tracked_by_the_clock_of_its_video(data, tmp_path):
    folder = data / "flies_tracks"
    made = track_one(folder / "two_flies_noisy_detections.slp", tmp_path / "out")
    assert (made.animals, made.detections, made.untracked) == (2, 179, 3)
    series = io_tracks.read(made.tracks).poses
    film = open_video(folder / "two_flies.mp4")  # the name that the file says
    np.testing.assert_allclose(series.time.values, film.times)
    assert float(series.attrs["fps"]) == pytest.approx(film.fps)
    assert series.attrs["source_file"].endswith("two_flies.mp4")


def test_an_analysis_file_is_tracked_by_the_clock_of_its_video(data, tmp_path):
    folder = data / "flies_courtship"
    source = next(iter(folder.glob("*.h5")))
    recording = track.read(source)
    assert len(recording.times) > recording.found.frame.max()
    assert recording.attrs["most"] == 2


def test_an_animal_after_the_end_of_the_film_is_refused(tmp_path, monkeypatch):
    film = video(tmp_path / "film.mp4", frames=5)
    found = instances.from_positions(np.array([0, 7]), np.zeros((2, 5, 2)))
    said = predictions.Tracked(
        found, np.array([0, 0]), np.ones(2), ("a",), tracked.JOINTS, 8, None, film.name
    )
    monkeypatch.setattr(io_tracks, "load", lambda path: said)
    source = tmp_path / "film.slp"
    source.write_bytes(b"read by the stand-in")
    with pytest.raises(InputError, match=r"frame 7.*has 5 frames"):
        track_one(source, tmp_path / "out")


def test_poses_of_another_command_are_never_overwritten(tmp_path):
    source, _ = tracked.apart(tmp_path / "film.detections.nc")
    other = poses.build(
        np.zeros((3, 1, 5, 2)), np.ones((3, 1, 5)), np.zeros((3, 1, 5, 2, 2)), np.arange(3.0),
        tracked.JOINTS, fps=1.0,
    )  # fmt: skip
    store.write_dataset(other, tmp_path / "film.nc")
    before = store.file_hash(tmp_path / "film.nc")
    with pytest.raises(InputError, match="holds no tracks"):
        track_one(source, tmp_path)
    assert store.file_hash(tmp_path / "film.nc") == before


def test_two_files_of_one_name_are_refused(tmp_path):
    one, _ = tracked.apart(tmp_path / "a" / "film.detections.nc")
    two, _ = tracked.apart(tmp_path / "b" / "film.detections.nc")
    with pytest.raises(InputError, match="two files are named film"):
        track.run(CFG, [one, two], tmp_path / "out")


def test_how_many_there_are_has_to_be_known(tmp_path):
    _, scene = tracked.apart(tmp_path / "x.detections.nc")
    source = tracked.write(tmp_path / "film.detections.nc", scene.detections, scene.times)
    with pytest.raises(InputError, match="--animals"):
        track_one(source, tmp_path / "out")


def merged(found, more):
    """Detections with more rows, in order of the frames."""
    both = [np.concatenate(p) for p in zip(found, more, strict=True)]
    order = np.argsort(both[0], kind="stable")
    return Detections(*(part[order] for part in both)), order


def swapped(tmp_path):
    """A crossing that a person has swapped and confirmed, and the identities before."""
    source, scene = tracked.crossing(tmp_path / "film.detections.nc", seed=1)
    made = track_one(source, tmp_path / "out")
    event = review.run(review.ReviewConfig(), made.tracks).events[0]
    review.run(review.ReviewConfig.from_values(event["remedy"][0], "event"), made.tracks)
    span = {"frame": event["first"], "last": event["last"]}
    review.run(review.ReviewConfig(do="confirm", **span), made.tracks)
    return source, scene, made


def test_tracking_again_with_the_same_command_keeps_what_people_said(tmp_path):
    source, _, made = swapped(tmp_path)
    before = store.file_hash(made.tracks)
    again = track_one(source, tmp_path / "out")
    assert again.edits == 2 and store.file_hash(made.tracks) == before


def test_tracking_again_with_other_settings_keeps_what_people_said(tmp_path):
    source, _, made = swapped(tmp_path)
    before = ids(made.tracks)
    other = TrackConfig().override(["tracker={patience: 1.5}"])
    again = track_one(source, tmp_path / "out", other)
    assert again.edits == 3  # and one to solve anew
    after = ids(made.tracks)
    there = (before >= 0) & (after >= 0)
    assert there.mean() > 0.95 and (before == after)[there].all()
    with pytest.raises(InputError, match="do not fit"):
        track_one(source, tmp_path / "out", TrackConfig(animals=3))


def test_what_people_said_goes_over_to_new_detections_of_the_video(tmp_path):
    source, scene, made = swapped(tmp_path)
    review.run(review.ReviewConfig(do="cut", animals=("animal1",), frame=50), made.tracks)
    before = dict(enumerate(ids(made.tracks).tolist()))
    rng = np.random.default_rng(3)
    old = scene.detections
    some = np.sort(rng.choice(len(old.frame), len(old.frame) - 6, replace=False))
    moved = old.select(some)._replace(xy=old.xy[some] + rng.normal(0, 0.5, old.xy[some].shape))
    extra = old.select(np.array([30, 200]))
    extra = extra._replace(xy=extra.xy + 150.0)
    found, order = merged(moved, extra)
    came = np.concatenate([some, [-1, -1]])[order]  # old row of every new one
    tracked.write(source, found, scene.times, most=2)
    with pytest.raises(InputError, match="changed since"):
        review.run(review.ReviewConfig(), made.tracks)
    again = track_one(source, tmp_path / "out")
    assert again.edits >= 3
    pairs = [(before[c], now) for c, now in zip(came, ids(made.tracks), strict=True) if c >= 0]
    known = [(a, b) for a, b in pairs if a >= 0 and b >= 0]
    assert len(known) > 0.95 * len(pairs) and all(a == b for a, b in known)


def twice(found, rows):
    """Detections some of which are shown twice, each time with other keypoints missing."""
    extra = found.select(rows)
    xy, whole = extra.xy.copy(), found.xy.copy()
    xy[:, 0], whole[rows, 1] = np.nan, np.nan
    extra = extra._replace(xy=xy, score=extra.score / 2)
    both = zip(found._replace(xy=whole), extra, strict=True)
    joined = Detections(*(np.concatenate(parts) for parts in both))
    return joined.select(np.argsort(joined.frame, kind="stable"))


@pytest.mark.parametrize(("held", "rows", "piece"), [(7, 5, 1), (50, 50, 17), (100, 64, 64)])
def test_any_size_of_pieces_gives_the_same_tracks(tmp_path, monkeypatch, held, rows, piece):
    _, scene = tracked.crossing(tmp_path / "not used")
    found = twice(scene.detections, np.arange(3, len(scene.truth), 40))
    source = tracked.write(tmp_path / "film.detections.nc", found, scene.times, most=2)
    once = track_one(source, tmp_path / "once")
    monkeypatch.setattr(stored, "HELD", held)
    monkeypatch.setattr(stored, "ROWS", rows)
    monkeypatch.setattr(identities, "PIECE", piece)
    parts = track_one(source, tmp_path / "parts")
    assert parts == once._replace(tracks=parts.tracks) and once.events and once.untracked
    for one, other in zip(contents(once.tracks), contents(parts.tracks), strict=True):
        np.testing.assert_array_equal(one, other)
    queues = [identities.queue_file(made.tracks).read_bytes() for made in (once, parts)]
    assert queues[0] == queues[1]
    assert {p.suffix for p in parts.tracks.parent.iterdir()} == {
        ".nc",
        ".json",
        ".jsonl",
        ".npz",
    }


def contents(path):
    """All values of a track file."""
    piece = list(io_tracks.pieces(path, frames=10**6))[0]
    series = io_tracks.read(path)
    poses = [series.poses[name].values for name in sorted(series.poses)]
    return [*piece.found, piece.id, piece.confidence, *poses, *series.untracked]

import tracemalloc

import numpy as np
import pytest
from h5netcdf import File
from labelled import MOUSE

from gambol.core import instances, poses
from gambol.core.errors import InputError
from gambol.core.instances import UNTRACKED, Detections
from gambol.io import tracks
from gambol.io.poses import made_from

NAMES = ("F", "M", "third")


def piece(rng, start, length, most=5):
    """Some animals and some that are nobody in every frame, in any order, exact in float32."""
    frame = np.repeat(np.arange(start, start + length), rng.integers(0, most, length))
    n = len(frame)
    xy = rng.uniform(0, 1000, (n, 4, 2)).astype(np.float32).astype(np.float64)
    xy[rng.random((n, 4)) < 0.2] = np.nan
    found = instances.from_positions(frame, xy)
    sure = rng.random(n).astype(np.float32).astype(np.float64)
    ids = np.full(n, UNTRACKED)
    for f in range(start, start + length):
        rows = rng.permutation(np.flatnonzero(frame == f))
        who = rng.permutation(len(NAMES))[: rng.integers(0, len(NAMES) + 1)]
        ids[rows[: len(who)]] = who[: len(rows)]
    score = rng.random(n).astype(np.float32).astype(np.float64)
    sure = np.where(ids == UNTRACKED, 0.0, sure)
    return tracks.Piece(start, rng.random(length) < 0.9, found._replace(score=score), ids, sure)


def recording(seed=0, lengths=(8, 8, 3), **more):
    rng = np.random.default_rng(seed)
    starts = np.cumsum([0, *lengths[:-1]])
    return [piece(rng, int(s), n, **more) for s, n in zip(starts, lengths, strict=True)]


def write(target, parts, names=NAMES):
    total = sum(len(part.readable) for part in parts)
    attrs = {"made_from": "key", "source_file": "clip.mp4"}
    tracks.write(
        target, iter(parts), np.arange(total) / 25, MOUSE, names, fps=25.0, attrs=attrs
    )
    return target


def together(parts):
    found = zip(*[p.found for p in parts], strict=True)
    whole = Detections(*(np.concatenate(p) for p in found))
    return whole, *(
        np.concatenate([getattr(p, n) for p in parts]) for n in ("id", "confidence")
    )


def same(parts, others):
    have, want = together(parts), together(others)
    for one, other in zip((*have[0], *have[1:]), (*want[0], *want[1:]), strict=True):
        np.testing.assert_array_equal(one, other)


def test_no_detection_is_lost_and_missing_animals_are_explicit(tmp_path):
    parts = recording()
    series, untracked = tracks.read(write(tmp_path / "clip.nc", parts))
    found, ids, sure = together(parts)
    xy, confidence = poses.xy(series), poses.points(series, "confidence")
    assert xy.shape == (19, 3, 4, 2)
    np.testing.assert_array_equal(series.time, np.arange(19) / 25)
    there = np.zeros((19, 3), bool)
    for n in range(len(ids)):
        if ids[n] != UNTRACKED:
            place = found.frame[n], ids[n]
            there[place] = True
            np.testing.assert_array_equal(xy[place], found.xy[n])
            np.testing.assert_array_equal(poses.covariance(series)[place], found.cov[n])
            assert series.identity_confidence.values[place] == np.float32(sure[n])
    assert np.isnan(xy[~there]).all()
    assert (confidence[~there] == 0).all()
    assert (series.identity_confidence.values[~there] == 0).all()
    nobody = found.select(ids == UNTRACKED)
    assert len(nobody.frame) > 5
    for have, want in zip(untracked, nobody, strict=True):
        np.testing.assert_array_equal(have, want)
    assert there.sum() + len(untracked.frame) == len(ids)
    assert series.individuals.values.tolist() == list(NAMES)
    assert poses.skeleton(series) == MOUSE
    assert made_from(tmp_path / "clip.nc") == "key"


@pytest.mark.parametrize("frames", [1, 5, 8, 100])
def test_pieces_of_any_length_give_back_what_was_written(tmp_path, frames):
    parts = recording(seed=3)
    target = write(tmp_path / "clip.nc", parts)
    read = list(tracks.pieces(target, frames))
    same(read, parts)
    ready = np.concatenate([p.readable for p in read])
    np.testing.assert_array_equal(ready, np.concatenate([p.readable for p in parts]))
    assert [p.start for p in read] == list(range(0, 19, frames))
    whole = tracks.load(target)
    np.testing.assert_array_equal(whole.id, together(parts)[1])
    assert (whole.names, whole.skeleton, whole.frames) == (NAMES, MOUSE, 19)
    assert whole.video == "clip.mp4"


def test_pieces_of_any_length_make_the_same_file(tmp_path):
    parts = recording(seed=5)
    found, ids, sure = together(parts)
    ready = np.concatenate([p.readable for p in parts])
    one = tracks.Piece(0, ready, found, ids, sure)
    first = tracks.read(write(tmp_path / "a.nc", parts))
    second = tracks.read(write(tmp_path / "b.nc", [one]))
    assert first.poses.identical(second.poses)


def test_movement_accepts_tracks(tmp_path):
    datasets = pytest.importorskip("movement.validators.datasets")
    series, _ = tracks.read(write(tmp_path / "clip.nc", recording()))
    datasets.ValidPosesInputs.validate(series)
    assert set(datasets.ValidPosesInputs.DIM_NAMES) == set(series.position.dims)


def test_recordings_without_animals_or_without_names_keep_their_frames(tmp_path):
    parts = recording(most=1)
    series, untracked = tracks.read(write(tmp_path / "clip.nc", parts))
    assert series.sizes["time"] == 19
    assert np.isnan(series.position.values).all()
    assert len(untracked.frame) == 0
    assert len(tracks.load(tmp_path / "clip.nc").id) == 0


def test_poses_of_one_animal_are_tracks_too(tmp_path):
    xy = np.random.default_rng(0).uniform(0, 9, (6, 1, 4, 2))
    xy[2] = np.nan
    cov = np.tile(np.eye(2), (6, 1, 4, 1, 1))
    series = poses.build(xy, np.ones((6, 1, 4)), cov, np.arange(6.0), MOUSE, fps=1.0)
    series.to_netcdf(tmp_path / "p.nc", engine="h5netcdf")
    one = tracks.load(tmp_path / "p.nc")
    assert one.found.frame.tolist() == [0, 1, 3, 4, 5]
    assert one.id.tolist() == [0] * 5
    np.testing.assert_array_equal(one.found.xy, xy[one.found.frame, 0])
    assert (one.confidence == 1).all()
    assert len(tracks.read(tmp_path / "p.nc").untracked.frame) == 0


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"id": np.array([0, 0])}, "an animal is twice in a frame"),
        ({"id": np.array([0, 5])}, "tracks name animal 5 of 3"),
        ({"start": 1}, "frames 1 to 2 come where 0 to 2 are missing"),
        ({"readable": np.ones(1, bool)}, "detections of other frames"),
        ({"readable": np.ones(4, bool)}, "frames 0 to 3 come where 0 to 2"),
    ],
)
def test_what_would_be_lost_is_refused_and_no_file_appears(tmp_path, change, sentence):
    found = instances.from_positions(np.array([2, 2]), np.ones((2, 4, 2)))
    good = tracks.Piece(0, np.ones(3, bool), found, np.array([0, 1]), np.ones(2))
    bad = good._replace(**change)
    with pytest.raises(InputError, match=sentence):
        tracks.write(tmp_path / "x.nc", [bad], np.arange(3.0), MOUSE, NAMES, fps=1.0, attrs={})
    assert list(tmp_path.iterdir()) == []


def test_what_holds_no_poses_is_said(tmp_path):
    with File(tmp_path / "b.nc", "w") as file:
        file.attrs["ds_type"] = "detections"
    with pytest.raises(InputError, match=r"b\.nc is no pose file: it lacks position"):
        tracks.load(tmp_path / "b.nc")


def test_memory_does_not_grow_with_the_recording(tmp_path):
    rng = np.random.default_rng(0)
    one = piece(rng, 0, 256)

    def long(count):
        for k in range(count):
            yield one._replace(
                start=256 * k, found=one.found._replace(frame=one.found.frame + 256 * k)
            )

    peaks = []
    for count in (4, 24):
        tracemalloc.start()
        target = tmp_path / f"{count}.nc"
        times = np.arange(256 * count) / 25
        tracks.write(target, long(count), times, MOUSE, NAMES, fps=25.0, attrs={})
        assert sum(len(p.id) for p in tracks.pieces(target, 256)) == count * len(one.id)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]

import tracemalloc

import h5netcdf
import numpy as np
import pytest
import xarray as xr

from gambol.core.errors import InputError
from gambol.core.instances import Candidates, Detections
from gambol.core.skeleton import Skeleton
from gambol.io import detections, stored

SKELETON = Skeleton(("nose", "tail", "wing"), (-1, 0, 0))


def found(rng, frame, embedding=0, classes=0, keypoints=3):
    """Random detections, exact in float32, with a keypoint missing here and there."""
    n = len(frame)
    xy = rng.uniform(0, 1000, (n, keypoints, 2))
    xy[rng.random((n, keypoints)) < 0.2] = np.nan
    cov = rng.uniform(1, 2, (n, keypoints, 2, 2))
    parts = (
        xy,
        cov,
        rng.random((n, keypoints)),
        rng.random(n),
        rng.normal(size=(n, embedding)),
        rng.normal(size=(n, classes)),
    )
    rounded = [part.astype(np.float32).astype(np.float64) for part in parts]
    return Detections(np.sort(np.asarray(frame, np.int64)), *rounded)


def recording(rng, lengths=(8, 8, 3), most=4, **sizes):
    """Pieces of a recording; some frames hold no animal, some cannot be read."""
    parts, start = [], 0
    for length in lengths:
        count = rng.integers(0, most, length)
        frame = np.repeat(np.arange(start, start + length), count)
        parts.append(
            detections.Piece(start, rng.random(length) < 0.8, found(rng, frame, **sizes))
        )
        start += length
    return parts


def write(target, parts, key="key", **more):
    kept = detections.Pieces(target, key)
    for number, part in enumerate(parts):
        kept.write(number, part)
    total = sum(len(part.readable) for part in parts)
    times = np.arange(total) / 25
    detections.assemble(
        kept, len(parts), times, SKELETON, 25.0, {"made_from": key, "note": {"a": [1]}}, **more
    )
    return target


def whole(parts):
    return Detections(*(np.concatenate(p) for p in zip(*[p.found for p in parts], strict=True)))


def same(one, other):
    for have, want in zip(one, other, strict=True):
        np.testing.assert_array_equal(have, want)


@pytest.mark.parametrize("embedding, classes", [(0, ()), (6, ("F", "M"))])
def test_pieces_come_together_in_order(tmp_path, embedding, classes):
    rng = np.random.default_rng(0)
    parts = recording(rng, embedding=embedding, classes=len(classes))
    target = write(tmp_path / "clip.nc", parts, classes=classes)
    about, back = detections.read(target)
    same(back, whole(parts))
    np.testing.assert_array_equal(about.times, np.arange(19) / 25)
    want = [(whole(parts).frame == f).sum() for f in range(19)]
    np.testing.assert_array_equal(about.counts, want)
    assert 0 in about.counts  # a frame without animals is said
    np.testing.assert_array_equal(about.readable, np.concatenate([p.readable for p in parts]))
    assert (about.skeleton, about.fps, about.classes) == (SKELETON, 25.0, classes)
    assert detections.made_from(target) == "key"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("frames", [1, 5, 8, 100])
def test_reading_in_pieces_of_any_length_equals_reading_all(tmp_path, frames):
    parts = recording(np.random.default_rng(1))
    target = write(tmp_path / "clip.nc", parts)
    read = list(detections.pieces(target, frames))
    same(whole(read), whole(parts))
    assert [p.start for p in read] == list(range(0, 19, frames))
    assert sum(len(p.readable) for p in read) == 19
    for piece in read:
        assert (
            (piece.found.frame >= piece.start) & (piece.found.frame < piece.start + frames)
        ).all()


def test_a_recording_in_which_nothing_was_found_has_all_its_frames(tmp_path):
    parts = recording(np.random.default_rng(0), most=1)
    about, back = detections.read(write(tmp_path / "clip.nc", parts))
    assert about.counts.tolist() == [0] * 19
    assert back.xy.shape == (0, 3, 2)
    assert sum(len(p.readable) for p in detections.pieces(tmp_path / "clip.nc", 7)) == 19


def test_a_run_that_was_killed_finds_its_pieces_and_ends_the_same(tmp_path):
    parts = recording(np.random.default_rng(2))
    once = write(tmp_path / "a.nc", parts)
    detections.Pieces(tmp_path / "b.nc", "key").write(1, parts[1])
    again = detections.Pieces(tmp_path / "b.nc", "key")
    assert [again.read(n) is None for n in range(3)] == [True, False, True]
    same(again.read(1).found, parts[1].found)
    twice = write(tmp_path / "b.nc", [parts[0], again.read(1), parts[2]])
    same(detections.read(once)[1], detections.read(twice)[1])
    detections.Pieces(tmp_path / "c.nc", "one").write(0, parts[0])
    assert detections.Pieces(tmp_path / "c.nc", "other").read(0) is None


def test_a_damaged_piece_is_named_and_no_file_appears(tmp_path):
    parts = recording(np.random.default_rng(0))
    kept = detections.Pieces(tmp_path / "x.nc", "key")
    for number, part in enumerate(parts):
        kept.write(number, part)
    path = kept.shards.path(1)
    for left in (path.read_bytes()[:-40], b"cut"):  # a zip file has its table at the end
        path.write_bytes(left)
        assert kept.read(1) is None
    with pytest.raises(InputError, match=r"000001-\w+\.npz is damaged; run the command again"):
        detections.assemble(kept, 3, np.arange(19) / 25, SKELETON, 25.0, {})
    assert not (tmp_path / "x.nc").exists()


def test_a_detection_outside_its_piece_is_refused(tmp_path):
    rng = np.random.default_rng(0)
    wrong = detections.Piece(0, np.ones(4, bool), found(rng, [1, 7]))
    with pytest.raises(InputError, match="frames 0 to 3 hold a detection of frame 7"):
        write(tmp_path / "x.nc", [wrong])


def test_xarray_opens_the_file(tmp_path):
    parts = recording(np.random.default_rng(0))
    with xr.open_dataset(write(tmp_path / "clip.nc", parts), engine="h5netcdf") as ds:
        assert ds.position.dims == ("detection", "keypoints", "space")
        assert ds.keypoints.values.tolist() == list(SKELETON.keypoints)
        assert ds.sizes["time"] == 19
        np.testing.assert_array_equal(ds.position, whole(parts).xy)


def test_what_is_no_file_of_detections_is_said(tmp_path):
    (tmp_path / "a.nc").write_bytes(b"text")
    with pytest.raises(InputError, match=r"a\.nc is no complete netCDF4 file"):
        detections.read(tmp_path / "a.nc")
    with h5netcdf.File(tmp_path / "b.nc", "w") as file:
        file.attrs["ds_type"] = "poses"
    with pytest.raises(InputError, match=r"b\.nc is no file of detections; gambol predict"):
        detections.header(tmp_path / "b.nc")


def test_memory_does_not_grow_with_the_recording(tmp_path):
    rng = np.random.default_rng(0)
    peaks = []
    for count in (4, 32):
        parts = recording(rng, lengths=(256,) * count, most=12)
        kept = detections.Pieces(tmp_path / f"{count}.nc", "key")
        for number, part in enumerate(parts):
            kept.write(number, part)
        del parts
        tracemalloc.start()
        times = np.arange(256 * count) / 25
        detections.assemble(kept, count, times, SKELETON, 25.0, {})
        for _ in detections.pieces(tmp_path / f"{count}.nc", 256):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


@pytest.mark.parametrize(("held", "rows"), [(0, 1), (5, 3), (0, 10**6), (10**6, 7)])
def test_a_long_file_is_unpacked_to_disk_with_the_same_rows(tmp_path, monkeypatch, held, rows):
    parts = recording(np.random.default_rng(3), embedding=2, classes=3)
    path = write(tmp_path / "a.nc", parts, classes=("a", "b", "c"))
    monkeypatch.setattr(stored, "HELD", held)
    monkeypatch.setattr(stored, "ROWS", rows)
    about, found = detections.spool(path, tmp_path / "scratch")
    assert isinstance(found, stored.Stored) == (held < 10**6)
    for one, other in zip(found, whole(parts), strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype
    assert (about.counts == detections.header(path).counts).all()


def test_a_long_file_without_a_detection_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(stored, "HELD", -1)
    path = write(tmp_path / "a.nc", recording(np.random.default_rng(3), most=1))
    _, found = detections.spool(path, tmp_path)
    assert found.xy.shape == (0, 3, 2) and found.select(np.arange(0)).cov.shape == (0, 3, 2, 2)


def test_several_peaks_of_a_keypoint_are_kept_row_by_row(tmp_path):
    rng = np.random.default_rng(5)
    parts = []
    for part in recording(rng):
        shape = (len(part.found.frame), 3, 2)
        several = Candidates(
            rng.normal(size=(*shape, 2)).astype(np.float32), rng.random(shape, np.float32)
        )
        parts.append(part._replace(candidates=several))
    target = write(tmp_path / "film.detections.nc", parts)
    same(detections.read(target)[1], whole(parts))
    rows = len(whole(parts).frame)
    kept = detections.candidates(target, 2, rows)
    for at, name in enumerate(Candidates._fields):
        wanted = np.concatenate([part.candidates[at] for part in parts])
        np.testing.assert_array_equal(getattr(kept, name), wanted[2:])
    assert detections.candidates(write(tmp_path / "one.nc", recording(rng)), 0, 1) is None


def test_margins_are_kept_row_by_row_and_by_a_killed_run(tmp_path):
    rng = np.random.default_rng(6)
    parts = []
    for part in recording(rng):
        margin = rng.random((len(part.found.frame), 3)).astype(np.float32)
        margin[rng.random(margin.shape) < 0.3] = np.nan
        parts.append(part._replace(margin=margin))
    kept = detections.Pieces(tmp_path / "killed.nc", "key")
    kept.write(0, parts[0])
    np.testing.assert_array_equal(kept.read(0).margin, parts[0].margin)
    target = write(tmp_path / "film.detections.nc", parts)
    same(detections.read(target)[1], whole(parts))
    wanted = np.concatenate([part.margin for part in parts])
    np.testing.assert_array_equal(detections.margins(target, 2, len(wanted)), wanted[2:])
    assert detections.margins(write(tmp_path / "one.nc", recording(rng)), 0, 1) is None

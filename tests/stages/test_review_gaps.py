"""Gaps that a person bridges or leaves: in the log, in the file, in what is exported."""

import csv
import shutil

import numpy as np
import pytest
import tracked

from gambol.core.errors import InputError
from gambol.io import tracks as io_tracks
from gambol.io.poses_frames import FramePoses
from gambol.stages import export, review, track
from gambol.stages.review import ReviewConfig

A, B = "animal1", "animal2"


@pytest.fixture(scope="module")
def solved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crossing")
    source, _ = tracked.crossing(folder / "film.detections.nc", seed=1)
    return track.run(track.TrackConfig(), [source], folder / "out")[0].tracks


@pytest.fixture
def target(solved, tmp_path):
    return shutil.copytree(solved.parent, tmp_path / "out") / solved.name


def edit(target, do, *animals, **more):
    return review.run(ReviewConfig(do=do, animals=animals, **more), target)


def ids(target):
    (piece,) = io_tracks.pieces(target, frames=10**6)
    return piece.id


def everything(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def gap_of(target, first=50, last=55):
    """Make a gap; return what the file says in its frames."""
    edit(target, "untrack", A, frame=first, last=last)
    return io_tracks.read(target).poses.sel(individuals=A).isel(time=slice(first, last + 1))


def test_a_bridged_gap_is_a_line_that_nobody_saw_and_undone_bit_for_bit(target, tmp_path):
    before = io_tracks.read(target).poses.sel(individuals=A)
    gap_of(target)
    files, found = everything(target.parent), ids(target)
    left = edit(target, "interpolate", A, frame=52)
    assert left.events == review.run(ReviewConfig(), target).events
    series = io_tracks.read(target).poses
    there = series["interpolated"].transpose("time", "individuals").values
    assert np.argwhere(there).tolist() == [[t, 0] for t in range(50, 56)]
    line = series["position"].sel(individuals=A).transpose("time", ...).values
    ends = before["position"].transpose("time", ...).values
    for t in range(50, 56):
        w = (t - 49) / 7
        np.testing.assert_allclose(line[t], (1 - w) * ends[49] + w * ends[56], rtol=1e-4)
    np.testing.assert_array_equal(ids(target), found)  # no detection is anybody else
    for kind in ("csv", "dlc", "slp", "analysis", "nwb"):
        out = export.run(target, kind, tmp_path / f"out.{kind}")
        assert ["6 interpolated" in loss for loss in out.losses] == [True] * (kind != "csv")
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text().splitlines()))
    marked = {
        (int(row["frame"]), row["individual"]) for row in rows if row["interpolated"] == "1"
    }
    assert marked == {(t, A) for t in range(50, 56)}
    with FramePoses(target) as frames_of:
        assert A not in frames_of.at(52).names and np.isnan(frames_of.block(52, 53)[0, 0]).any()
    edit(target, "undo")
    assert everything(target.parent) == files


def test_a_decision_about_a_gap_goes_with_the_animal_and_ends_with_its_ends(target):
    gap_of(target)
    edit(target, "interpolate", A, frame=50)
    edit(target, "swap", A, B, frame=40)
    who = np.argwhere(io_tracks.read(target).poses["interpolated"].values)
    assert who.tolist() == [[t, 1] for t in range(50, 56)]
    edit(target, "leave", B, frame=53)
    assert "interpolated" not in io_tracks.read(target).poses
    edit(target, "interpolate", B, frame=53)
    edit(target, "untrack", B, frame=49, last=49)
    assert "interpolated" not in io_tracks.read(target).poses


def test_which_gaps_are_left(target):
    gap_of(target, 50, 61)
    with pytest.raises(InputError, match="away for 12 frames from 50 on, more than 10"):
        edit(target, "interpolate", A, frame=61)
    with pytest.raises(InputError, match="is seen in frame 62"):
        edit(target, "interpolate", A, frame=62)
    edit(target, "interpolate", A, frame=61, longest=12)
    assert int(io_tracks.read(target).poses["interpolated"].sum()) == 12
    edit(target, "untrack", B, frame=0, last=9)
    with pytest.raises(InputError, match="not seen before frame 4"):
        edit(target, "interpolate", B, frame=4)
    edit(target, "leave", B, frame=4)


def test_a_line_outlives_a_solution_anew(target):
    edit(target, "delete", A, frame=50, last=55)
    edit(target, "interpolate", A, frame=50)
    edit(target, "resolve")
    there = io_tracks.read(target).poses["interpolated"].values
    assert np.argwhere(there).tolist() == [[t, 0] for t in range(50, 56)]

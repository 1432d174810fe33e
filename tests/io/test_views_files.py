import h5netcdf
import numpy as np
import pytest

from gambol.core import poses
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.io import store, views_files
from gambol.io.labels import analysis

MOUSE = Skeleton(("nose", "ear", "tail"), (-1, 0, 0))


@pytest.fixture
def ours(tmp_path):
    rng = np.random.default_rng(0)
    shape = (40, 2, 3)
    xy = rng.uniform(1, 90, (*shape, 2))
    xy[5:9, 1], xy[20, 0, 2] = np.nan, (0.0, 0.0)
    cov = rng.uniform(1, 4, shape)[..., None, None] * np.eye(2)
    made = poses.build(
        xy, rng.uniform(0.1, 1, shape), cov, np.arange(40) / 30, MOUSE, fps=30.0,
        individuals=("ann", "bob"),
    )  # fmt: skip
    store.write_dataset(made, tmp_path / "a.nc")
    return tmp_path / "a.nc", made


def same(a, b):
    assert list(a) == list(b)
    for name, one in a.items():
        for mine, other in zip(one, b[name], strict=True):
            np.testing.assert_array_equal(mine, other)


def stretch(file, first, last):
    whole = file.looks(0, file.about.frames)
    return {
        name: views_files.Look(*(part[first:last] for part in one[:3]))
        for name, one in whole.items()
    }


def test_any_frames_of_our_files_are_read_without_the_others(ours):
    path, made = ours
    file = views_files.open_looks(path, unseen=[(0, 0)])
    assert isinstance(file, views_files.Ours)
    assert file.about.names == ("ann", "bob") and file.about.frames == 40
    same(file.looks(3, 22), stretch(file, 3, 22))
    ann = file.looks(18, 22)["ann"]
    np.testing.assert_array_equal(ann.xy[0], made.position.values[18, :, :, 0].T)
    assert np.isnan(ann.xy[2, 2]).all() and ann.confidence[2, 2] == 0
    np.testing.assert_allclose(ann.variance[0], made.covariance.values[18, 0, 0, :, 0])
    assert len(file.looks(35, 60)["bob"].xy) == 5  # the file ends


def test_other_programs_files_are_kept_on_disk_where_that_is_asked(tmp_path):
    xy = np.random.default_rng(1).uniform(5, 50, (30, 2, 3, 2))
    xy[4, 1] = np.nan
    score = np.where(np.isfinite(xy[..., 0]), 0.8, np.nan)
    analysis.write_tracks(tmp_path / "a.h5", xy, score, MOUSE, ("one", "two"))
    memory = views_files.open_looks(tmp_path / "a.h5")
    disk = views_files.open_looks(tmp_path / "a.h5", scratch=tmp_path / "scratch")
    same(disk.looks(2, 9), memory.looks(2, 9))
    np.testing.assert_array_equal(disk.looks(2, 9)["two"].xy, xy[2:9, 1])
    assert not list((tmp_path / "scratch").iterdir())  # without a name


def test_further_peaks_are_read_with_the_first(ours, tmp_path):
    path, made = ours
    rng = np.random.default_rng(3)
    places = rng.uniform(1, 90, (40, 2, 3, 2, 4))
    places[..., 0], places[3, :, 1, 0, 2] = made.position.values, np.nan
    made["candidate_position"] = (poses.CANDIDATE_DIMS, places)
    score = rng.uniform(0.1, 1, (40, 3, 2, 4))
    made["candidate_score"] = (poses.SCORE_DIMS, score)
    store.write_dataset(made, tmp_path / "b.nc")
    file = views_files.open_looks(tmp_path / "b.nc", unseen=[(0, 0)])
    ann = file.looks(2, 30)["ann"]
    np.testing.assert_array_equal(ann.candidates[5, 1, 2], places[7, :, 1, 0, 2])
    np.testing.assert_array_equal(ann.candidates[:, :, 0], ann.xy)
    assert ann.score[1, 1, 2] == 0 and ann.score[5, 1, 2] == score[7, 1, 0, 2]
    assert file.looks(5, 9)["bob"].score[:, :, 0].sum() == 0  # was not there
    assert file.about.candidates == 4 and views_files.open_looks(path).about.candidates == 0


def test_a_file_that_is_no_2d_poses_is_named(ours, tmp_path):
    with h5netcdf.File(tmp_path / "b.nc", "w") as file:
        file.dimensions["time"] = 3
    with pytest.raises(InputError, match="b.nc is no pose file: it lacks position"):
        views_files.open_looks(tmp_path / "b.nc")
    point = np.zeros((4, 1, 3))
    space = poses.build(
        np.zeros((*point.shape, 3)), point, np.zeros((*point.shape, 3, 3)), np.arange(4.0),
        MOUSE, fps=1.0,
    )  # fmt: skip
    store.write_dataset(space, tmp_path / "c.nc")
    with pytest.raises(InputError, match="c.nc holds poses in 3D"):
        views_files.open_looks(tmp_path / "c.nc")

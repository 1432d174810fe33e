import numpy as np
import pandas as pd
import pytest

from gambol.behavior import clean as cleaning
from gambol.behavior.clean import CleanSettings
from gambol.core import poses as core_poses
from gambol.core.errors import InputError
from gambol.io import poses as io_poses
from gambol.io import store
from gambol.simulate import behaviors, faults
from gambol.stages import clean


@pytest.fixture
def recorded(tmp_path):
    rng = np.random.default_rng(0)
    performed = behaviors.perform(rng, 900, fps=30.0)
    made = faults.track(rng, performed, faults.Faults())
    path = tmp_path / "mouse.nc"
    store.write_dataset(made.poses, path)
    return path, made


def test_planted_faults_are_gone_and_the_report_says_how_many(recorded, tmp_path):
    path, made = recorded
    told = clean.run(CleanSettings(), [path], tmp_path / "out")
    before, after = (core_poses.xy(io_poses.read(p)) for p in (path, told.files[0]))
    assert before.shape == after.shape
    changed = ~np.isclose(before, after, equal_nan=True).all(-1)
    assert 0.001 < changed.mean() < 0.3
    report = pd.read_csv(told.report)
    assert report["frames"].sum() > 0
    page = told.page.read_text()
    assert "mouse: " in page and "Before and after" in page and "<svg" in page
    with pytest.raises(InputError, match="is the file that is read"):
        clean.run(CleanSettings(), [path], tmp_path)


def test_shares_of_the_page_are_of_every_recording(recorded, tmp_path, monkeypatch):
    path, made = recorded
    other = tmp_path / "other.nc"
    store.write_dataset(made.poses.isel(time=slice(300)), other)
    pages = []
    monkeypatch.setattr(clean, "clean_page", lambda about: pages.append(about) or "")
    clean.run(CleanSettings(), [path, other], tmp_path / "out")
    assert pages[0].values == 1200 * made.poses.sizes["keypoints"]


def test_two_files_of_one_name_are_refused(recorded, tmp_path):
    path, _ = recorded
    with pytest.raises(InputError, match="two pose files are named mouse"):
        clean.run(CleanSettings(), [path, path], tmp_path / "out")


def test_the_stretch_that_is_shown_is_where_most_faults_begin():
    rng = np.random.default_rng(1)
    clear = faults.Faults(absent=0.0, outlier=0.0, spike=0.0)
    poses = faults.track(rng, behaviors.perform(rng, 1800, fps=30.0), clear).poses
    j = 2
    for t in (1005, 1020, 1050, 1110, 1200):
        poses["confidence"][t, j] = 0.0
    poses["confidence"][100:500, 0] = 0.0  # one fault, however long
    plain = CleanSettings(outlier_mads=None, spike_frames=0)
    cleaned = cleaning.clean(poses, settings=plain).poses
    made = clean.clean_stretch("mouse", poses, cleaned)
    ((count, stretch),) = made
    assert count == 5 and stretch.keypoint == str(poses["keypoints"].values[j])
    assert stretch.times[0] <= 1005 / 30 and stretch.times[-1] >= 1200 / 30
    assert np.isfinite(stretch.before).all() and len(stretch.times) <= 301

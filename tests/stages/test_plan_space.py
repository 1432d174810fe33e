"""Errors in space by some of the cameras, from poses that are planted."""

import numpy as np
import pytest

from gambol.core.progress import silent
from gambol.stages import evaluate_3d, plan_space, simulate_views
from gambol.stages.simulate_views import ViewsConfig


@pytest.mark.parametrize("cameras", range(1, 9))
def test_fewer_cameras_are_others_and_spread_around(cameras):
    for count in range(1, cameras + 1):
        chosen = plan_space.spread(cameras, count)
        gaps = np.diff([*chosen, cameras])
        assert len(set(chosen)) == count and max(chosen) < cameras
        assert gaps.max() - gaps.min() <= 1  # as even as whole numbers allow


@pytest.fixture(scope="module")
def filmed(tmp_path_factory):
    cfg = ViewsConfig(
        cameras=4, seconds=1, boards=5, films=False, keypoints=("nose", "back", "tail_base"),
        flaws={"noise": 1.0},
    )  # fmt: skip
    made = simulate_views.run(cfg, tmp_path_factory.mktemp("rig"))
    return made._replace(videos=made.views.parent / "videos")


def test_more_cameras_err_less_and_a_second_call_reads_what_is_there(
    filmed, tmp_path, monkeypatch
):
    def find(run, videos, animals, out, device, progress):
        return [filmed.views / f"{video.stem}.nc" for video in videos]

    monkeypatch.setattr(plan_space, "_find", find)
    args = (tmp_path / "run", filmed, (2, 4), 1, tmp_path / "space")
    found = plan_space.errors(*args, device="cpu", progress=silent)
    assert found[2].shape == found[4].shape == (30, 3)
    assert np.median(found[4]) < np.median(found[2]) < 10
    told = evaluate_3d.of_poses(tmp_path / "space" / "4.nc", filmed.truth)
    assert np.mean(found[4]) == pytest.approx(told["mpe"])
    monkeypatch.delattr(plan_space, "_find")
    again = plan_space.errors(*args, device="cpu", progress=silent)
    assert all(np.array_equal(again[count], found[count]) for count in (2, 4))

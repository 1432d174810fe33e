"""Scores of several cameras become one."""

import pytest

from gambol.stages import demo_pixels
from gambol.stages.demo_pixels import Found


def camera(**more):
    names = (*demo_pixels.POSES, *demo_pixels.NAMES)
    return {**dict.fromkeys(names, 1.0), **more}


def test_scores_are_means_and_exchanges_add_up(tmp_path):
    each = [camera(median_px=2.0, id_switches=3), camera(median_px=4.0, id_switches=0)]
    told = demo_pixels.scores(Found({}, tmp_path, each, 70, 55.0))
    assert told["predict"]["median_px"] == 3.0 and told["predict"]["fps"] == 55.0
    assert told["track"]["id_switches"] == 3.0 and told["train"] == {"steps": 70.0}


def test_what_one_camera_does_not_know_is_not_known(tmp_path):
    told = demo_pixels.scores(Found({}, tmp_path, [camera(), camera(idf1=None)], 1, None))
    assert told["track"]["idf1"] is None and told["track"]["hota"] == 1.0
    assert told["predict"]["fps"] is None


@pytest.mark.parametrize("minutes", [0.5, 3.5])
def test_networks_find_mice_one_by_one_within_the_budget(minutes):
    cfg = demo_pixels.training(minutes, 3)
    assert cfg.approach == "top-down" and cfg.fit.minutes == minutes and cfg.fit.seed == 3

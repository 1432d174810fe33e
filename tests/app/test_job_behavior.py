"""Jobs of behaviour: which poses they take, what they say where frames are too few."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from gambol.app import job_behavior, job_stages
from gambol.core.errors import InputError
from gambol.io import store

sys.path.append(str(Path(__file__).parents[1] / "stages"))
from map_worlds import BODY, FIT, dataset, world  # noqa: E402


def work_of(project, **config):
    said = []
    kind = lambda settings: settings.from_values(config, "settings")  # noqa: E731
    return SimpleNamespace(
        project=project, out=project / "runs" / "map-1" / "out", config=kind, say=said.append,
        asked=SimpleNamespace(config=config), progress=lambda step: None, said=said,
    )  # fmt: skip


def test_a_map_of_the_poses_of_the_project_is_found_as_a_run(tmp_path):
    from gambol.app.web.behavior_runs import Finder

    world(tmp_path / "runs" / "poses", recordings=1)
    work = work_of(tmp_path, **{**FIT, "stability": dict(splits=0)})
    told = job_behavior.behaviour_map(work)
    assert told["recordings"] == 1 and told["labels"] >= 4
    assert [run.kind for run in Finder(tmp_path).runs()] == ["map"]
    assert any("was taken for the front" in sentence for sentence in work.said)
    assert not (work.out / "movies").exists()  # the page shows clips instead


def test_too_few_frames_are_refused_with_the_number_needed(tmp_path):
    short = BODY[None] + np.random.default_rng(0).normal(size=(60, *BODY.shape)) + 300
    store.write_dataset(dataset(short, 50.0), tmp_path / "runs" / "poses" / "day0.nc")
    with pytest.raises(InputError, match=r"day0.* has 60 frames; a map needs at least 114"):
        job_behavior.behaviour_map(work_of(tmp_path))
    # so many are the least that have an amplitude of the slowest movement
    longer = np.concatenate([short, short])[:114]
    store.write_dataset(dataset(longer, 50.0), tmp_path / "runs" / "poses" / "day0.nc")
    job_behavior.enough([tmp_path / "runs" / "poses" / "day0.nc"], 2.2508, "a map")


def test_what_is_missing_is_said(tmp_path):
    with pytest.raises(InputError, match="no poses of whole films yet; predict them first"):
        job_behavior.poses(tmp_path)
    with pytest.raises(InputError, match="no syllables yet; start them first"):
        job_behavior.states(work_of(tmp_path))


def test_states_are_made_of_the_newest_syllables(tmp_path):
    assert job_behavior.made(tmp_path, "syllables") is None
    for name in ("old", "syllables-2"):
        path = tmp_path / "runs" / name / "out" / "syllables" / "day0.nc"
        path.parent.mkdir(parents=True)
        path.touch()
    assert job_behavior.made(tmp_path, "syllables") == tmp_path / "runs/syllables-2/out"


@pytest.mark.parametrize("name", ["map", "syllables", "states"])
def test_stages_of_behaviour_are_jobs_with_settings(name):
    assert job_stages.settings(name) is not None and job_stages.stage(name).lane == "desk"

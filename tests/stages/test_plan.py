"""A plan from films to its page, at the smallest scale, in this process."""

import json

import numpy as np
import pandas as pd
import pytest

from gambol.core.errors import InputError
from gambol.stages import plan, plan_jobs, workers
from gambol.stages.plan import PlanConfig

NETWORK = "unet(depth=2,filters=4,scale=1.0,fit.batch=4)"


def here(work, jobs, count, tick):
    """Do jobs in this process, where time is not spent on starting others."""
    for job in jobs:
        tick([job])
        work(job)
        yield job, None


def config(**changes):
    values = {
        "labels": (20, 10), "widths": (96,), "cameras": (1, 2), "networks": (NETWORK,),
        "minutes": 0.02, "world": {"seconds": 1.0, "seed": 1}, **changes,
    }  # fmt: skip
    return PlanConfig.from_values(values, "test")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("plan") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "each", here)
        heard = []
        done = plan.run(config(), out, workers=1, say=heard.append)
    return done, out, heard


def test_every_curve_is_in_the_table_and_what_is_recommended_was_tried_together(made):
    done, out, heard = made
    table = pd.read_csv(done.table)
    of = {name: part["amount"].tolist() for name, part in table.groupby("varied")}
    assert of == {
        "labels": ["10", "20"], "width": ["96"], "network": [NETWORK], "cameras": ["2"]
    }  # fmt: skip
    assert (table["error_mm_low"] - 1e-9 <= table["error_mm"]).all()
    assert (table["error_mm"] <= table["error_mm_high"] + 1e-9).all()
    result = json.loads((out / "result.json").read_text())
    assert result["recommended"].keys() == {"labels", "width", "network", "cameras"}
    assert np.isfinite([done.picture_mm, done.space_mm]).all()
    assert heard[0].startswith("2 trainings of 0.02 core-minutes each")


def test_errors_in_mm_are_those_of_the_runs(made):
    done, out, _ = made
    table = pd.read_csv(done.table)
    result = json.loads((out / "result.json").read_text())
    (run,) = (out / "runs").glob("10-*")
    far = plan_jobs.tested(run).far * result["ruler"]["mm"]["96"]
    counted = np.minimum(far[~np.isnan(far)], result["ruler"]["body"] / 2)
    row = table[(table["varied"] == "labels") & (table["amount"] == "10")]
    assert row["error_mm"].item() == pytest.approx(counted.mean())


def test_done_again_nothing_is_trained(made, monkeypatch):
    done, out, _ = made
    monkeypatch.setattr(plan_jobs, "train_one", None)
    monkeypatch.setattr(plan_jobs, "pilot_one", None)
    assert plan.run(config(), out, workers=1) == done


def test_other_settings_and_other_folders_are_refused(made, tmp_path):
    _, out, _ = made
    with pytest.raises(InputError, match="a plan with other settings"):
        plan.run(config(minutes=1.0), out)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="does not hold a plan"):
        plan.run(config(), tmp_path)


def test_a_training_that_fails_is_named(tmp_path, monkeypatch):
    def fail(work, jobs, count, tick):
        yield jobs[0], "no memory"

    monkeypatch.setattr(workers, "each", fail)
    monkeypatch.setattr(plan.plan_world, "film", film_of(tmp_path))
    with pytest.raises(InputError, match=r"10 labels, 96 px: no memory"):
        plan.run(config(labels=(10,)), tmp_path / "out", workers=1)


def film_of(folder):
    """Film the smallest thing, whatever is asked."""
    real = plan.plan_world.film

    def film(cfg, cameras, labelled, width, out, n_workers, progress):
        small = cfg.model_copy(update={"seconds": 0.2})
        return real(small, 1, 10, width, folder, 1, progress)

    return film


@pytest.mark.slow
def test_two_animals_are_found_followed_and_placed(tmp_path):
    cfg = config(
        world={"animals": 2, "seconds": 2.0}, cameras=(3,), labels=(20,), networks=("unet",),
        widths=(160,), minutes=0.2,
    )  # fmt: skip
    done = plan.run(cfg, tmp_path / "out")
    assert np.isfinite([done.picture_mm, done.space_mm]).all()
    assert list((tmp_path / "out" / "space").glob("*/tracks/*.nc"))

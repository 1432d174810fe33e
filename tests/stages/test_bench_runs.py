"""Budgets: as many steps as minutes hold, evaluations included."""

import pytest

from gambol.stages import bench_networks, bench_runs
from gambol.stages.train import TrainConfig


@pytest.mark.parametrize("minutes", [0.5, 3.0, 60.0])
@pytest.mark.parametrize("step_s", [0.01, 0.2])
@pytest.mark.parametrize("evaluation_s", [0.0, 0.3])
@pytest.mark.parametrize("every", [None, 50])
def test_steps_and_evaluations_fill_the_minutes(minutes, step_s, evaluation_s, every):
    steps = bench_runs.steps_within(minutes, step_s, evaluation_s, every)
    often = every or bench_runs.every_steps(steps)
    spent = steps * step_s + steps / often * evaluation_s
    assert 0.9 * 60 * minutes - step_s <= spent <= 1.1 * 60 * minutes + step_s


def test_there_is_always_a_step():
    assert bench_runs.steps_within(0.001, 5.0, 9.0, None) == 1


def test_short_runs_are_looked_at_as_often_as_long_ones():
    assert [bench_runs.every_steps(n) for n in (1, 40, 2000, 50_000)] == [1, 2, 100, 200]


def test_a_folder_is_named_for_people_and_changes_with_every_setting():
    one, other = (
        bench_runs.slug(bench_networks.read(text, TrainConfig()))
        for text in ("resnet(layers=18)", "resnet(layers=34)")
    )
    assert one.startswith("resnet-layers-18-") and one != other
    longer = bench_networks.read("resnet(layers=18)", TrainConfig(mirror=True))
    assert bench_runs.slug(longer) != one

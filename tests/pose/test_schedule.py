import math

import pytest

from gambol.core.errors import InputError
from gambol.pose import schedule
from gambol.pose.schedule import FitConfig


def rates(cfg, steps):
    return [schedule.rate(cfg, t, schedule.spent(cfg, t, 0.0), 1.0) for t in range(steps)]


def test_one_cycle_is_a_cosine_to_a_hundredth():
    cfg = FitConfig(steps=100, rate=0.5, warm_up=1)
    expected = [0.5 * (0.505 + 0.495 * math.cos(math.pi * t / 100)) for t in range(10, 100)]
    assert rates(cfg, 100)[10:] == pytest.approx(expected)
    assert schedule.rate(cfg, 100, 1.0, 1.0) == pytest.approx(0.005)


def test_every_cycle_falls_as_the_last_one_does():
    cfg = FitConfig(steps=90, snapshots=3, warm_up=1, rate=0.01)
    found = rates(cfg, 90)
    alone = rates(FitConfig(steps=30, warm_up=1, rate=0.01), 30)
    assert found[30:60] == pytest.approx(found[60:90])
    assert found[:30] == pytest.approx(alone)
    assert found[30] == pytest.approx(cfg.rate) and found[29] < 0.02 * cfg.rate
    assert schedule.rate(cfg, 90, 1.0, 1.0) == pytest.approx(0.01 * cfg.rate)


def test_warming_up_takes_no_more_than_a_tenth_of_a_cycle():
    cfg = FitConfig(steps=100, snapshots=2, warm_up=1_000, rate=0.01)
    assert rates(cfg, 6)[5] == pytest.approx(rates(cfg.model_copy(update={"warm_up": 1}), 6)[5])
    assert rates(cfg, 6)[1] < 0.3 * cfg.rate


def test_the_larger_share_of_two_budgets_counts():
    cfg = FitConfig(steps=100, minutes=2.0)
    assert schedule.spent(cfg, 30, 0.2) == 0.3 and schedule.spent(cfg, 30, 1.0) == 0.5
    assert schedule.spent(FitConfig(), 30, 1.0) is None


def test_cycles_end_with_the_budget():
    cfg = FitConfig(steps=7, snapshots=3)
    over = [schedule.cycle(cfg, schedule.spent(cfg, t, 0.0)) for t in range(9)]
    assert over == [0, 0, 0, 1, 1, 2, 2, 3, 3]


def test_cycles_need_a_budget():
    with pytest.raises(InputError, match="fit.snapshots=3 cuts a budget .* give --steps"):
        schedule.check(FitConfig(snapshots=3))
    schedule.check(FitConfig(snapshots=3, minutes=1.0))
    schedule.check(FitConfig())


def test_rates_of_what_was_taught_elsewhere_keep_their_ratios():
    falling = {"first": 0.75**3, "last": 0.75}
    assert schedule.relative(falling, None) == falling
    asked = schedule.relative(falling, 0.2)
    assert asked["last"] == 0.2 and asked["first"] == pytest.approx(0.2 * 0.75**2)
    assert schedule.relative({"all": 0.1}, 0.1) == {"all": 0.1}  # what 0.1 has always meant
    assert schedule.relative({}, 0.1) == {}

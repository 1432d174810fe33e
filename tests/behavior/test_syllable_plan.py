"""The search for a stickiness: brackets, bisects, freezes, and says what it could not do."""

import numpy as np
import pytest

from gambol.behavior import syllable_plan as plans
from gambol.behavior.syllable_settings import DynamicsSettings, SyllableSettings


def follow(settings, duration, target=12.0):
    """Run a plan where a sweep with some κ has this median duration."""
    plan, tried = plans.begin(settings), []
    while (phase := plans.now(settings, plan)) is not None:
        tried.append((plan.phase, phase.whole, np.log10(plan.kappa)))
        before = plan
        plan = plans.after_sweep(settings, plan, duration(np.log10(plan.kappa)), target)
        plan = plans.cooler(settings, before, plan)
    return plan, tried


def test_a_rising_duration_is_met_within_a_tenth_and_then_stays():
    settings = SyllableSettings(search_sweeps=2, ar_iterations=5, iterations=7, warm_sweeps=0)
    plan, tried = follow(settings, lambda log: 2.0 ** (log - 1))
    assert abs(2.0 ** (np.log10(plan.kappa) - 1) / 12 - 1) <= 0.1
    runs = [log for phase, _, log in tried if phase in (1, 3)]
    assert len(runs) == 12 and len(set(runs[:5])) == 1 and len(set(runs[5:])) == 1
    first_whole = next(log for _, whole, log in tried if whole)
    assert np.isclose(first_whole, runs[0] - 1)  # cooler where latents begin to move


def test_bouts_that_drift_are_searched_for_once_more_from_where_they_are():
    settings = SyllableSettings(search_sweeps=2, ar_iterations=5, iterations=7, warm_sweeps=4)
    sweeps = []

    def drifting(log):
        sweeps.append(log)
        late = len(sweeps) > 13  # latents have been told from noise by then
        return 2.0 ** (log - 1 + late)

    plan, tried = follow(settings, drifting)
    assert [phase.whole for phase in plans.phases(settings)] == [False] * 2 + [True] * (
        4 + 2 * plans.REPEATS
    )
    warm = [log for phase, _, log in tried if phase == 3]
    again = [log for phase, _, log in tried if phase == 4]
    final = [log for phase, _, log in tried if phase == 5]
    assert len(warm) == 4 and len(set(warm)) == 1 and again[0] == warm[0]
    assert len(final) == 7 and len(set(final)) == 1
    assert abs(2.0 ** final[0] / 12 - 1) <= 0.1 and len(plan.notes) == 3


@pytest.mark.parametrize("mended", [True, False])
def test_a_run_that_ends_off_the_target_is_done_again(mended):
    settings = SyllableSettings(search_sweeps=2, ar_iterations=5, iterations=7, warm_sweeps=4)
    runs = []

    def drifting(log):
        """Bouts grow in the first run; in the later ones too, unless that mends itself."""
        grown = len(runs) > 0 and (len(runs) < 8 or not mended)
        return 2.0 ** (log - 1) * (1.5 if grown else 1.0)

    plan, tried = plans.begin(settings), []
    while (phase := plans.now(settings, plan)) is not None:
        counted = phase.whole and phase.sweeps == 7
        if counted:
            runs.append(plan.kappa)
        tried.append((plan.phase, plan.kappa))
        told = drifting(np.log10(plan.kappa)) if counted else 12.0
        plan = plans.after_sweep(settings, plan, told, 12.0)
    times = len(runs) // 7
    assert times == (2 if mended else 1 + plans.REPEATS)
    assert all(len(set(runs[k : k + 7])) == 1 for k in range(0, len(runs), 7))
    assert len(plan.notes) == 2 + times


def test_on_first_latents_stickiness_stays_below_where_bouts_never_split():
    kappa = {}
    for kind in (SyllableSettings, DynamicsSettings):
        settings = kind(search_sweeps=1, ar_iterations=1)
        _, tried = follow(settings, lambda log: 1.0)
        kappa[kind] = max(log for phase, _, log in tried if phase == 0)
    assert kappa == {SyllableSettings: plans.EARLY, DynamicsSettings: plans.HIGH}


def test_what_is_left_counts_down_to_nothing():
    settings = SyllableSettings(search_sweeps=2, search_tries=3, ar_iterations=5, iterations=7)
    plan = plans.begin(settings)
    left = [plans.most_left(settings, plan)]
    while (phase := plans.now(settings, plan)) is not None:
        duration = 1.0 if phase.search else 12.0
        plan = plans.after_sweep(settings, plan, duration, 12.0)
        left.append(plans.most_left(settings, plan))
    assert left[0] == 3 * 3 * 2 + 5 + 100 + 7 and left[-1] == 0
    assert (np.diff(left) == -1).all()


def test_a_bracket_that_tells_no_more_ends_a_search():
    settings = DynamicsSettings(search_sweeps=1, ar_iterations=1)
    _, tried = follow(settings, lambda log: 2.0 if log < 3.14159 else 100.0)
    logs = np.array([log for phase, _, log in tried if phase == 0])
    assert len(logs) < 10 and logs.min() < 3.14159 < logs.max()
    low, high = logs[logs < 3.14159].max(), logs[logs > 3.14159].min()
    assert high - low < 0.05


def test_there_are_no_more_tries_than_are_wanted():
    settings = DynamicsSettings(search_sweeps=1, ar_iterations=1, search_tries=6)
    plan, tried = follow(settings, lambda log: 2.0 if log < 3.14159 else 100.0)
    assert sum(phase == 0 for phase, _, _ in tried) == 6
    assert "12 wanted" in plan.notes[0]


def test_durations_that_fall_are_said_and_the_nearest_is_taken():
    settings = DynamicsSettings(search_sweeps=1, ar_iterations=1)
    durations = {4.5: 6.0, 5.5: 5.0, 7.5: 10.0, 11.5: 40.0}
    plan, _ = follow(settings, lambda log: durations.get(round(log, 2), 30.0))
    assert "did not rise" in plan.notes[0]
    assert np.isclose(np.log10(plan.kappa), 7.5)


def test_states_that_never_end_are_too_sticky():
    assert plans.guess(plans.Tries(np.array([4.5]), np.array([np.nan])), 12.0) == 3.5


def test_a_given_stickiness_is_not_searched():
    settings = SyllableSettings(kappa=300.0, ar_iterations=2, iterations=3)
    plan, tried = follow(settings, lambda log: 1.0)
    assert len(tried) == 5 and plan.kappa == 300.0 and plan.notes == ()

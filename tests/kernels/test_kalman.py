import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gambol.kernels import kalman

seeds = st.integers(0, 2**32 - 1)


def recording(seed, frames=12):
    """A point at uneven times, some of it not seen."""
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(0.01, 0.5, frames))
    positions = np.cumsum(rng.normal(0, 3, (frames, 2)), axis=0)
    positions[1:][rng.random(frames - 1) < 0.2] = np.nan
    root = rng.normal(0, 1, (frames, 2, 2))
    return times, positions, root @ root.transpose(0, 2, 1) + 0.1 * np.eye(2)


def transition(dt, memory=np.inf):
    """The matrix of a step and the covariance it adds at q = 1, by tiny steps of Euler."""
    if np.isinf(memory):
        move, axis = np.eye(4), np.array([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]])
        move[0, 2] = move[1, 3] = dt
        return move, np.kron(axis, np.eye(2))
    rate = np.kron(np.array([[0, 1], [0, -1 / memory]]), np.eye(2))
    drive, n = np.diag([0.0, 0.0, 1.0, 1.0]), 2000
    tiny = np.eye(4) + rate * dt / n + rate @ rate * (dt / n) ** 2 / 2
    move, noise = np.eye(4), np.zeros((4, 4))
    for _ in range(n):
        noise = tiny @ (noise + drive * dt / n / 2) @ tiny.T + drive * dt / n / 2
        move = tiny @ move
    return move, noise


def joint(times, q, speed, first_cov):
    """Mean 0 and covariance of all states together, from the definition of the process."""
    n = len(times)
    cov = np.zeros((n, 4, n, 4))
    here = np.zeros((4, 4))
    here[:2, :2], here[2:, 2:] = first_cov, speed**2 * np.eye(2)
    for t in range(n):
        if t:
            move, noise = transition(times[t] - times[t - 1])
            here = move @ here @ move.T + q**2 * noise
        cov[t, :, t] = here
        for s in range(t + 1, n):
            cov[s, :, t] = transition(times[s] - times[t])[0] @ here
            cov[t, :, s] = cov[s, :, t].T
    return cov


def conditioned(times, positions, covs, q, speed, upto):
    """All states given the positions at rows 1 … upto, by one large Gaussian."""
    prior = joint(times, q, speed, covs[0])
    n = len(times)
    mean = np.zeros((n, 4))
    mean[:, :2] = positions[0]
    rows = [t for t in range(1, upto + 1) if np.isfinite(positions[t, 0])]
    flat = prior.reshape(4 * n, 4 * n)
    if not rows:
        return mean, prior
    seen = np.array([4 * t + a for t in rows for a in (0, 1)])
    noise = np.zeros((len(seen), len(seen)))
    for k, t in enumerate(rows):
        noise[2 * k : 2 * k + 2, 2 * k : 2 * k + 2] = covs[t]
    gain = flat[:, seen] @ np.linalg.inv(flat[np.ix_(seen, seen)] + noise)
    miss = (positions[rows] - mean[rows, :2]).ravel()
    after = flat - gain @ flat[seen]
    return mean + (gain @ miss).reshape(n, 4), after.reshape(n, 4, n, 4)


@given(seeds)
def test_filter_equals_conditioning_one_large_gaussian(seed):
    times, positions, covs = recording(seed)
    found = kalman.filter(positions, times, covs, q=2.0, speed=3.0)
    for t in (1, 5, 11):
        mean, cov = conditioned(times, positions, covs, 2.0, 3.0, upto=t)
        assert np.allclose(found.mean[t], mean[t], atol=1e-6)
        assert np.allclose(found.cov[t], cov[t, :, t], atol=1e-6)


@given(seeds)
def test_smoother_equals_conditioning_on_everything(seed):
    times, positions, covs = recording(seed)
    mean, cov = conditioned(times, positions, covs, 2.0, 3.0, upto=11)
    found = kalman.smooth(positions, times, covs, q=2.0, speed=3.0)
    assert np.allclose(found.mean, mean, atol=1e-5)
    assert np.allclose(found.cov, np.stack([cov[t, :, t] for t in range(12)]), atol=1e-5)


@given(seeds)
def test_log_likelihood_is_that_of_all_positions_together(seed):
    times, positions, covs = recording(seed)
    found = kalman.filter(positions, times, covs, q=2.0, speed=3.0)
    prior = joint(times, 2.0, 3.0, covs[0])
    rows = [t for t in range(1, 12) if np.isfinite(positions[t, 0])]
    if not rows:
        return
    seen = np.array([4 * t + a for t in rows for a in (0, 1)])
    spread = prior.reshape(48, 48)[np.ix_(seen, seen)]
    for k, t in enumerate(rows):
        spread[2 * k : 2 * k + 2, 2 * k : 2 * k + 2] += covs[t]
    miss = (positions[rows] - positions[0]).ravel()
    whole = -0.5 * (
        miss @ np.linalg.solve(spread, miss) + np.linalg.slogdet(2 * np.pi * spread)[1]
    )
    assert found.log_likelihood.sum() == pytest.approx(whole, rel=1e-6)


@given(seeds, st.floats(0.001, 5.0), st.floats(0.001, 5.0))
def test_two_short_predictions_equal_one_long(seed, first, second):
    _, positions, covs = recording(seed, 3)
    ones = np.ones(3)
    begun = kalman.start(np.nan_to_num(positions), covs, speed=2.0)
    twice = kalman.predict(kalman.predict(begun, first * ones, 1.5), second * ones, 1.5)
    once = kalman.predict(begun, (first + second) * ones, 1.5)
    assert np.allclose(twice.mean, once.mean)
    assert np.allclose(twice.cov, once.cov)


@given(seeds)
def test_backward_is_forward_of_the_recording_played_in_reverse(seed):
    times, positions, covs = recording(seed)
    positions[-1] = 0.0  # the first row to be read must be seen
    found = kalman.backward(positions, times, covs, q=2.0, speed=3.0)
    played = kalman.filter(positions[::-1], times[-1] - times[::-1], covs[::-1], 2.0, 3.0)
    assert np.allclose(found.mean[:, :2], played.mean[::-1, :2])
    assert np.allclose(found.mean[:, 2:], -played.mean[::-1, 2:])
    earlier = kalman.predict(
        kalman.Beliefs(found.mean[:1], found.cov[:1]), np.array([-0.7]), 2.0
    )
    later = kalman.predict(
        kalman.Beliefs(played.mean[-1:], played.cov[-1:]), np.array([0.7]), 2.0
    )
    assert np.allclose(earlier.mean[:, :2], later.mean[:, :2])
    assert np.allclose(earlier.cov[:, :2, :2], later.cov[:, :2, :2])


def test_dropped_frames_are_a_long_step_and_no_jump():
    times = np.delete(np.arange(40) / 10, np.arange(20, 30))
    line = np.stack([100 * times, 20 * times], axis=1)
    covs = np.tile(0.25 * np.eye(2), (len(times), 1, 1))
    true = kalman.filter(line, times, covs, q=10.0, speed=200.0)
    even = kalman.filter(line, np.arange(30) / 10, covs, q=10.0, speed=200.0)
    assert np.nanmax(true.surprise) < 1
    assert np.nanmax(even.surprise) > 13.8


def test_covariances_stay_positive_over_thousands_of_precise_updates():
    beliefs = kalman.start(np.zeros((1, 2)), 1e-8 * np.eye(2)[None], speed=1e6)
    for _ in range(2000):
        beliefs = kalman.predict(beliefs, np.array([1e-3]), 1e-3)
        beliefs = kalman.update(beliefs, np.zeros((1, 2)), 1e-8 * np.eye(2)[None])
    assert np.linalg.eigvalsh(beliefs.cov[0]).min() > 0


def test_a_position_that_was_not_seen_teaches_nothing():
    beliefs = kalman.start(np.zeros((2, 2)), np.tile(np.eye(2), (2, 1, 1)), speed=1.0)
    seen = kalman.update(
        beliefs, np.array([[np.nan, 1.0], [0.1, 0.1]]), np.tile(np.eye(2), (2, 1, 1))
    )
    assert np.array_equal(seen.cov[0], beliefs.cov[0])
    assert seen.cov[1, 0, 0] < beliefs.cov[1, 0, 0]


@given(st.floats(0.05, 3.0), st.floats(0.05, 3.0), seeds)
def test_velocity_forgets_itself_as_the_differential_equation_says(dt, memory, seed):
    _, positions, covs = recording(seed, 2)
    begun = kalman.start(np.nan_to_num(positions), covs, speed=2.0)
    begun = kalman.Beliefs(begun.mean + [0, 0, 1.0, -2.0], begun.cov)
    ahead = kalman.predict(begun, np.full(2, dt), 1.5, memory)
    move, noise = transition(dt, memory)
    assert np.allclose(ahead.mean, begun.mean @ move.T, rtol=1e-3, atol=1e-4)
    cov = move @ begun.cov @ move.T + 1.5**2 * noise
    assert np.allclose(ahead.cov, cov, rtol=1e-2, atol=1e-4)


@given(st.floats(0.001, 5.0), st.floats(0.001, 5.0), st.floats(0.01, 1e5))
def test_two_short_steps_equal_one_long_with_any_memory(first, second, memory):
    begun = kalman.start(np.ones((1, 2)), np.eye(2)[None], speed=2.0)
    begun = kalman.Beliefs(begun.mean + [0, 0, 1.0, -2.0], begun.cov)
    half = kalman.predict(begun, np.array([first]), 1.5, memory)
    twice = kalman.predict(half, np.array([second]), 1.5, memory)
    once = kalman.predict(begun, np.array([first + second]), 1.5, memory)
    assert np.allclose(twice.mean, once.mean, rtol=1e-3)
    assert np.allclose(twice.cov, once.cov, rtol=1e-3, atol=1e-6)


def test_finds_the_dynamics_that_moved_the_points():
    rng = np.random.default_rng(3)
    recordings, memory, q = [], 0.2, 100.0
    for _ in range(6):
        times = np.cumsum(rng.choice([0.02, 0.04], 300))
        state, positions = np.zeros(4), []
        known = {dt: transition(dt, memory) for dt in (0.02, 0.04)}
        for dt in np.diff(times).round(2):
            move, noise = known[float(dt)]
            state = move @ state + rng.multivariate_normal(np.zeros(4), q**2 * noise)
            positions.append(state[:2] + rng.normal(0, 0.3, 2))
        covs = np.tile(0.09 * np.eye(2), (299, 1, 1))
        recordings.append((np.array(positions), times[1:], covs))
    found = kalman.fit(recordings)
    assert found.memory == pytest.approx(memory, rel=0.35)
    assert found.speed == pytest.approx(q * np.sqrt(memory / 2), rel=0.2)

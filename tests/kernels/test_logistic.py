"""`kernels.logistic` against finite differences, scipy, scikit-learn and torch."""

import numpy as np
import pytest
import scipy.optimize
import torch
from sklearn.linear_model import LogisticRegression

from gambol.kernels import logistic as lg

FULL = {"batch": None}
OPTIMIZERS = {  # name: (optimiser, steps enough for the small problem)
    "gradient descent": (lg.gradient_descent(), 400),
    "armijo": (lg.armijo(), 200),
    "newton": (lg.newton(), 10),
    "irls": (lg.irls(), 10),
    "sgd": (lg.sgd(batch=16, decay=0.01), 10000),
    "momentum": (lg.sgd(batch=16, momentum=0.9, decay=0.01), 10000),
    "adagrad": (lg.adagrad(batch=16), 3000),
    "rmsprop": (lg.rmsprop(0.03, batch=16, decay=0.01), 3000),
    "adam": (lg.adam(0.03, batch=16, decay=0.01), 3000),
}


def a_problem(n=200, d=6, ridge=1e-2, seed=0):
    """Overlapping classes, features of unlike scale, unlike weights."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, d)) * np.linspace(0.5, 2.0, d)
    chance = 1 / (1 + np.exp(-features @ rng.normal(size=d)))
    labels = (rng.random(n) < chance).astype(float)
    return lg.make_problem(features, labels, ridge, rng.uniform(0.5, 2.0, n))


@pytest.fixture(scope="module")
def problem():
    return a_problem()


@pytest.fixture(scope="module")
def optimum(problem):
    """By a method that shares no code with the module: scipy's trust region, to rounding."""
    result = scipy.optimize.minimize(
        lambda w: slow_loss(problem, w), np.zeros(7), method="trust-constr", tol=1e-12
    )
    return result.x


def slow_loss(problem, w):
    """The definition, one example at a time."""
    total = 0.5 * np.sum(problem.ridge * w**2)
    for x, y, c in zip(problem.x, problem.y, problem.c, strict=True):
        odds = np.exp(np.dot(x, w))
        # log p = -log(1 + 1/odds), log(1 - p) = -log(1 + odds): 1 - p would cancel at p near 1
        total += c * (y * np.log1p(1 / odds) + (1 - y) * np.log1p(odds))
    return total


def differences(f, w, h=1e-5):
    """Central differences of f along each weight, stacked first."""
    return np.stack([(f(w + h * e) - f(w - h * e)) / (2 * h) for e in np.eye(len(w))])


@pytest.mark.parametrize("seed", range(3))
def test_loss_gradient_and_hessian_agree_with_the_definition(problem, seed):
    w = np.random.default_rng(seed).normal(size=7)
    assert lg.loss(problem, w) == pytest.approx(slow_loss(problem, w), abs=1e-12)
    slope = differences(lambda v: slow_loss(problem, v), w)
    np.testing.assert_allclose(lg.gradient(problem, w), slope, atol=1e-8)
    bend = differences(lambda v: lg.gradient(problem, v), w)
    np.testing.assert_allclose(lg.hessian(problem, w), bend, atol=1e-8)


def test_extreme_margins_stay_finite(problem):
    w = np.full(7, 1e4)
    assert np.isfinite(lg.loss(problem, w))
    assert np.isfinite(lg.gradient(problem, w)).all()


def test_loss_is_convex_and_curves_at_most_by_the_smoothness(problem):
    rng = np.random.default_rng(1)
    for _ in range(20):
        values = np.linalg.eigvalsh(lg.hessian(problem, rng.normal(size=7) * 3))
        assert values.min() > 0
        assert values.max() <= lg.smoothness(problem)


def test_smoothness_is_the_same_for_more_weights_than_examples():
    wide = a_problem(n=5, d=30)
    top = np.linalg.eigvalsh((wide.x * wide.c[:, None]).T @ wide.x).max()
    assert lg.smoothness(wide) == pytest.approx(top / 4 + wide.ridge[0])


def test_newton_and_irls_walk_through_the_same_points(problem):
    rng = np.random.default_rng(0)
    newton, irls = lg.newton(), lg.irls()
    a, b = newton.init(problem, np.zeros(7)), irls.init(problem, np.zeros(7))
    for _ in range(6):
        full = a.w - np.linalg.solve(lg.hessian(problem, a.w), lg.gradient(problem, a.w))
        a, b = newton.step(problem, a, rng), irls.step(problem, b, rng)
        np.testing.assert_allclose(b.w, full, atol=1e-9)
        np.testing.assert_allclose(a.w, b.w, atol=1e-9)


def test_damping_saves_newton_from_a_far_start(problem):
    far = np.full(7, 8.0)
    bold = far - np.linalg.solve(lg.hessian(problem, far), lg.gradient(problem, far))
    assert lg.loss(problem, bold) > lg.loss(problem, far)  # the full step overshoots
    trace = lg.minimize(problem, lg.newton(), 50, np.random.default_rng(0), start=far)
    assert (np.diff(trace.loss) < 1e-12).all()
    assert trace.grad_norm[-1] < 1e-6


@pytest.mark.parametrize("name", ["newton", "irls"])
def test_second_order_methods_end_with_a_vanishing_gradient(problem, optimum, name):
    trace = lg.minimize(problem, OPTIMIZERS[name][0], 10, np.random.default_rng(0))
    assert trace.grad_norm[-1] < 1e-6
    np.testing.assert_allclose(trace.w, optimum, atol=1e-5)


@pytest.mark.parametrize("shape", [(200, 6), (40, 100)])
def test_lbfgs_ends_with_a_vanishing_gradient(shape):
    problem = a_problem(*shape)
    trace = lg.lbfgs(problem, 500)
    assert np.linalg.norm(lg.gradient(problem, trace.w)) < 1e-6
    exact = lg.minimize(problem, lg.newton(), 50, np.random.default_rng(0), tol=1e-10)
    np.testing.assert_allclose(trace.w, exact.w, atol=1e-4)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimiser_comes_to_the_optimum(problem, optimum, name):
    optimizer, steps = OPTIMIZERS[name]
    trace = lg.minimize(problem, optimizer, steps, np.random.default_rng(0), every=100)
    assert abs(lg.loss(problem, trace.w) - slow_loss(problem, optimum)) < 1e-3


@pytest.mark.parametrize("ridge", [1e-3, 0.1, 3.0])
def test_optimum_is_that_of_scikit_learn(ridge):
    """It too leaves the intercept free; its C multiplies the fit instead of the ridge."""
    problem = a_problem(ridge=ridge)
    peer = LogisticRegression(C=1 / ridge, tol=1e-10, max_iter=1000)
    peer.fit(problem.x[:, :-1], problem.y, sample_weight=problem.c)
    w = lg.lbfgs(problem, 1000, tol=1e-9).w
    np.testing.assert_allclose(w, [*peer.coef_[0], *peer.intercept_], atol=1e-5)


@pytest.mark.parametrize("ridge", [1e-3, 0.1, 10.0])
def test_the_intercept_is_free_to_say_how_rare_positives_are(ridge):
    """Then the mean of p is the share of positives, and no fit is worse than a constant."""
    rng = np.random.default_rng(4)
    labels = (np.arange(400) < 12).astype(float)
    problem = lg.make_problem(rng.normal(size=(400, 5)), labels, ridge)
    w = lg.lbfgs(problem, 500, tol=1e-9).w
    assert np.mean(1 / (1 + np.exp(-problem.x @ w))) == pytest.approx(0.03, abs=1e-8)
    share = labels.mean()
    constant = -share * np.log(share) - (1 - share) * np.log(1 - share)
    assert lg.loss(problem, w) <= constant


def torch_walk(problem, make, steps):
    """The points that an optimiser of torch passes, from zero, on the full gradient."""
    x, y, c = (torch.from_numpy(v) for v in problem[:3])
    w = torch.zeros(x.shape[1], dtype=torch.float64, requires_grad=True)
    optimizer = make([w])
    for _ in range(steps):
        optimizer.zero_grad()
        each = torch.nn.functional.binary_cross_entropy_with_logits(x @ w, y, reduction="none")
        (each @ c + 0.5 * torch.from_numpy(problem.ridge) @ w**2).backward()
        optimizer.step()
        yield w.detach().numpy().copy()


TORCH = {
    "sgd": (lg.sgd(0.2, **FULL), lambda p: torch.optim.SGD(p, lr=0.2)),
    "momentum": (
        lg.sgd(0.2, momentum=0.9, **FULL),
        lambda p: torch.optim.SGD(p, lr=0.2, momentum=0.9),
    ),
    "adagrad": (
        lg.adagrad(0.3, decay=0.1, **FULL),
        lambda p: torch.optim.Adagrad(p, lr=0.3, lr_decay=0.1),
    ),
    "rmsprop": (
        lg.rmsprop(0.05, rho=0.9, **FULL),
        lambda p: torch.optim.RMSprop(p, lr=0.05, alpha=0.9),
    ),
    "adam": (lg.adam(0.1, **FULL), lambda p: torch.optim.Adam(p, lr=0.1)),
}


@pytest.mark.parametrize("name", TORCH)
def test_rules_equal_torch_step_for_step(problem, name):
    optimizer, make = TORCH[name]
    rng = np.random.default_rng(0)
    state = optimizer.init(problem, np.zeros(7))
    for theirs in torch_walk(problem, make, 50):
        state = optimizer.step(problem, state, rng)
        np.testing.assert_allclose(state.w, theirs, atol=1e-12)


@pytest.mark.parametrize("name", ["gradient descent", "armijo", "newton"])
def test_full_gradient_methods_never_climb(problem, name):
    trace = lg.minimize(problem, OPTIMIZERS[name][0], 100, np.random.default_rng(0))
    assert (np.diff(trace.loss) < 1e-12).all()


def test_batches_are_unbiased(problem):
    """With step 1 from zero, the mean move is minus the full gradient."""
    rng = np.random.default_rng(0)
    optimizer = lg.sgd(1.0, batch=16)
    state = optimizer.init(problem, np.zeros(7))
    moves = np.stack([optimizer.step(problem, state, rng).w for _ in range(4000)])
    error = moves.std(axis=0) / np.sqrt(len(moves))
    assert (np.abs(moves.mean(axis=0) + lg.gradient(problem, state.w)) < 4 * error).all()


def test_weight_two_equals_the_example_twice():
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(30, 3)), rng.integers(0, 2, 30).astype(float)
    twice = lg.make_problem(np.vstack([x, x[:5]]), np.append(y, y[:5]), 0.1)
    heavy = lg.make_problem(x, y, 0.1, np.append(np.full(5, 2.0), np.ones(25)))
    np.testing.assert_allclose(lg.lbfgs(twice, 200).w, lg.lbfgs(heavy, 200).w, atol=1e-5)


def test_trace_says_when_and_how_good(problem):
    trace = lg.minimize(problem, lg.adam(batch=16), 25, np.random.default_rng(0), every=10)
    assert trace.steps.tolist() == [0, 10, 20, 25]
    assert trace.loss[0] == pytest.approx(np.log(2))  # w = 0 says 1/2 to everything
    assert trace.loss[-1] == pytest.approx(lg.loss(problem, trace.w))
    assert (np.diff(trace.seconds) > 0).all()


def test_one_seed_makes_one_walk(problem):
    first, again = (
        lg.minimize(problem, lg.sgd(batch=8), 50, np.random.default_rng(3)) for _ in range(2)
    )
    np.testing.assert_array_equal(first.w, again.w)


def test_refuses_what_has_no_optimum():
    x, y = np.array([[-1.0], [1.0]]), np.array([0.0, 1.0])
    with pytest.raises(ValueError, match="ridge is 0"):
        lg.make_problem(x, y, 0.0)
    with pytest.raises(ValueError, match="finite"):
        lg.make_problem(np.full((2, 1), np.nan), y, 0.1)
    with pytest.raises(ValueError, match="labels from 0 to 1"):
        lg.make_problem(x, y + 1, 0.1)
    with pytest.raises(ValueError, match="weights must be finite"):
        lg.make_problem(x, y, 0.1, np.zeros(2))
    with pytest.raises(ValueError, match="as many features"):
        lg.make_problem(x[:0], y[:0], 0.1)

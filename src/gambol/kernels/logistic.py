"""Weighted ridge logistic regression, and every classic way to minimise its loss.

    L(w) = sum_n c_n [log(1 + exp(a_n)) - y_n a_n] + sum_i lambda_i w_i^2 / 2,   a = X w

lambda is one number for all weights but the intercept, which is free (lambda_i = 0): a shrunk
intercept could not say how rare the positives are, and the other weights would have to.
L is convex (its Hessian X' C S X + diag(lambda) is positive definite), so all optimisers here
must meet in one point and differ in cost alone. An optimiser is a pair of functions:
`init(problem, w)` makes a state, `step(problem, state, rng)` makes the next one.
Sources: Boyd & Vandenberghe (2004), Convex Optimization, ch. 9 (descent, damped Newton);
Bishop (2006), PRML, 4.3.3 (IRLS); Nocedal & Wright (2006), ch. 7 (L-BFGS);
Polyak (1964), momentum; Duchi et al. (2011), Adagrad; Hinton (2012), RMSProp;
Kingma & Ba (2015), Adam.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.linalg
import scipy.optimize
from jaxtyping import Float, Int
from scipy.special import expit

HALVINGS = 40  # 2^-40: a shorter step changes nothing that float64 still sees


class Problem(NamedTuple):
    """N weighted examples of P features each; the data that a loss needs."""

    x: Float[np.ndarray, "N P"]  # one column is all ones where an intercept is wanted
    y: Float[np.ndarray, " N"]  # label, from 0 to 1
    c: Float[np.ndarray, " N"]  # weight of each example, >= 0
    ridge: Float[np.ndarray, " P"]  # lambda of each weight, >= 0; 0 for an intercept


class State(NamedTuple):
    """Where an optimiser stands."""

    w: Float[np.ndarray, " P"]
    n_steps: int  # taken so far
    slots: Float[np.ndarray, "S P"]  # what the rule remembers: momentum, squared gradients
    rate: float  # step length: of the next step, or the first one to try


class Optimizer(NamedTuple):
    """How to begin and how to go on; hyperparameters are bound inside."""

    init: Callable[[Problem, Float[np.ndarray, " P"]], State]
    step: Callable[[Problem, State, np.random.Generator], State]


class Trace(NamedTuple):
    """The way to the optimum; R records, the first one before any step."""

    w: Float[np.ndarray, " P"]  # where it ended
    steps: Int[np.ndarray, " R"]  # steps taken at each record
    loss: Float[np.ndarray, " R"]  # L(w) over all examples
    grad_norm: Float[np.ndarray, " R"]  # Euclidean norm of the gradient of L
    seconds: Float[np.ndarray, " R"]  # spent in init and steps, recording not counted


def make_problem(
    features: Float[np.ndarray, "N D"],
    labels: Float[np.ndarray, " N"],
    ridge: float,
    weights: Float[np.ndarray, " N"] | None = None,
) -> Problem:
    """Append a free intercept (P = D + 1) and scale the weights to sum 1, so L is a mean.

    >>> make_problem(np.array([[2.0], [4.0]]), np.array([0.0, 1.0]), 0.1).x.tolist()
    [[2.0, 1.0], [4.0, 1.0]]
    """
    c = np.ones(len(labels)) if weights is None else weights
    if not len(features) == len(labels) == len(c) > 0:
        sizes = f"{len(features)} features, {len(labels)} labels, {len(c)} weights"
        raise ValueError(f"a problem needs as many features as labels and weights: {sizes}")
    if not (np.isfinite(features).all() and ((labels >= 0) & (labels <= 1)).all()):
        raise ValueError("features must be finite and labels from 0 to 1")
    if not ((c >= 0).all() and 0 < c.sum() < np.inf):
        raise ValueError("weights must be finite, none below 0 and at least one above it")
    if not ridge > 0:  # separable examples have no optimum without it
        raise ValueError(f"ridge is {ridge}, it must be above 0")
    x = np.column_stack([features, np.ones(len(features))])
    return Problem(x, labels, c / c.sum(), np.append(np.full(features.shape[1], ridge), 0.0))


def loss(problem: Problem, w: Float[np.ndarray, " P"]) -> float:
    """L(w), in nats."""
    a = problem.x @ w
    fit = problem.c @ (np.logaddexp(0.0, a) - problem.y * a)
    return float(fit + 0.5 * problem.ridge @ w**2)


def gradient(problem: Problem, w: Float[np.ndarray, " P"]) -> Float[np.ndarray, " P"]:
    """X' C (p - y) + diag(lambda) w."""
    residual = expit(problem.x @ w) - problem.y
    return np.asarray(problem.x.T @ (problem.c * residual) + problem.ridge * w)


def hessian(problem: Problem, w: Float[np.ndarray, " P"]) -> Float[np.ndarray, "P P"]:
    """X' C S X + diag(lambda), with S = diag(p (1 - p))."""
    p = expit(problem.x @ w)
    curvature = (problem.x * (problem.c * p * (1 - p))[:, None]).T @ problem.x
    return np.asarray(curvature + np.diag(problem.ridge))


def smoothness(problem: Problem) -> float:
    """Bound the curvature of L: lambda_max(X' C X) / 4 + max lambda, since S <= 1/4."""
    n, p = problem.x.shape
    root = problem.x * np.sqrt(problem.c)[:, None]
    gram = root.T @ root if p <= n else root @ root.T  # same non-zero eigenvalues
    last = len(gram) - 1
    top = scipy.linalg.eigvalsh(gram, subset_by_index=[last, last])[0]
    return float(top / 4 + problem.ridge.max())


def gradient_descent() -> Optimizer:
    """Full gradient, fixed step 1 / `smoothness`: L falls at every step."""
    return sgd(rate=None, batch=None)


def armijo() -> Optimizer:
    """Full gradient, step halved until L falls by half of what its slope promises.

    The next step first tries twice the last length, so the length can grow again.
    """

    def init(problem: Problem, w: Float[np.ndarray, " P"]) -> State:
        return State(w, 0, _slots(0, w), 1.0 / smoothness(problem))

    def step(problem: Problem, state: State, rng: np.random.Generator) -> State:
        g = gradient(problem, state.w)
        w, rate = _backtrack(problem, state.w, -g, 2.0 * state.rate, slope=-0.5 * (g @ g))
        return State(w, state.n_steps + 1, state.slots, rate)

    return Optimizer(init, step)


def newton() -> Optimizer:
    """Damped Newton: w - t H^-1 g, with t halved from 1 until L falls."""

    def step(problem: Problem, state: State, rng: np.random.Generator) -> State:
        g = gradient(problem, state.w)
        direction = -scipy.linalg.solve(hessian(problem, state.w), g, assume_a="pos")
        w, _ = _backtrack(problem, state.w, direction, 1.0, slope=0.0)
        return State(w, state.n_steps + 1, state.slots, 1.0)

    return Optimizer(_start(0, 1.0), step)


def irls() -> Optimizer:
    """Iteratively reweighted least squares: (X' C S X + diag(lambda))^-1 X' C S z.

    The working response is z = X w + S^-1 (y - p). S z is formed at once, so no division by
    a vanishing p (1 - p) occurs. The iterates are those of Newton's method with t = 1.
    """

    def step(problem: Problem, state: State, rng: np.random.Generator) -> State:
        a = problem.x @ state.w
        p = expit(a)
        s_z = p * (1 - p) * a + problem.y - p
        normal = hessian(problem, state.w)
        w = scipy.linalg.solve(normal, problem.x.T @ (problem.c * s_z), assume_a="pos")
        return State(w, state.n_steps + 1, state.slots, 1.0)

    return Optimizer(_start(0, 1.0), step)


def sgd(
    rate: float | None = None,
    momentum: float = 0.0,
    batch: int | None = 32,
    decay: float = 0.0,
) -> Optimizer:
    """Gradient of a random batch, with momentum: v <- beta v + g, w - alpha v.

    Args:
        rate: alpha; None takes (1 - momentum) / `smoothness`.
        momentum: beta; 0 is plain stochastic gradient descent.
        batch: examples a step, drawn without replacement; None takes all.
        decay: step t (from 0) uses alpha / (1 + decay t).
    """

    def init(problem: Problem, w: Float[np.ndarray, " P"]) -> State:
        alpha = (1 - momentum) / smoothness(problem) if rate is None else rate
        return State(w, 0, _slots(1, w), alpha)

    def step(problem: Problem, state: State, rng: np.random.Generator) -> State:
        g = _batch_gradient(problem, state.w, batch, rng)
        v = momentum * state.slots[0] + g
        w = state.w - _decayed(state, decay) * v
        return State(w, state.n_steps + 1, v[None], state.rate)

    return Optimizer(init, step)


def adagrad(
    rate: float = 0.1, eps: float = 1e-10, batch: int | None = 32, decay: float = 0.0
) -> Optimizer:
    """Steps shrink with all past gradients: q <- q + g^2, w - alpha g / (sqrt q + eps)."""
    return _scaled(rate, (1.0, 1.0), eps, batch, decay)


def rmsprop(
    rate: float = 0.01,
    rho: float = 0.99,
    eps: float = 1e-8,
    batch: int | None = 32,
    decay: float = 0.0,
) -> Optimizer:
    """Adagrad that forgets: q <- rho q + (1 - rho) g^2, w - alpha g / (sqrt q + eps)."""
    return _scaled(rate, (rho, 1.0 - rho), eps, batch, decay)


def _scaled(
    rate: float, mix: tuple[float, float], eps: float, batch: int | None, decay: float
) -> Optimizer:
    """Divide each weight's gradient by the root of q <- mix[0] q + mix[1] g^2."""

    def step(problem: Problem, state: State, rng: np.random.Generator) -> State:
        g = _batch_gradient(problem, state.w, batch, rng)
        q = mix[0] * state.slots[0] + mix[1] * g**2
        w = state.w - _decayed(state, decay) * g / (np.sqrt(q) + eps)
        return State(w, state.n_steps + 1, q[None], state.rate)

    return Optimizer(_start(1, rate), step)


def adam(
    rate: float = 0.01,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    batch: int | None = 32,
    decay: float = 0.0,
) -> Optimizer:
    """Means of g and g^2, each divided by 1 - beta^t because they start at zero."""

    def step(problem: Problem, state: State, rng: np.random.Generator) -> State:
        g = _batch_gradient(problem, state.w, batch, rng)
        t = state.n_steps + 1
        m = betas[0] * state.slots[0] + (1 - betas[0]) * g
        q = betas[1] * state.slots[1] + (1 - betas[1]) * g**2
        m_hat, q_hat = m / (1 - betas[0] ** t), q / (1 - betas[1] ** t)
        w = state.w - _decayed(state, decay) * m_hat / (np.sqrt(q_hat) + eps)
        return State(w, t, np.stack([m, q]), state.rate)

    return Optimizer(_start(2, rate), step)


def minimize(
    problem: Problem,
    optimizer: Optimizer,
    steps: int,
    rng: np.random.Generator,
    tol: float = 1e-6,
    start: Float[np.ndarray, " P"] | None = None,
    every: int = 1,
) -> Trace:
    """Step until the gradient's norm is below `tol` or `steps` are taken.

    Args:
        problem: what to minimise.
        optimizer: how.
        steps: most steps to take.
        rng: draws the batches.
        tol: bound on the norm, looked at when recording.
        start: first w; zeros where None.
        every: steps between two records.

    >>> easy = make_problem(np.array([[-1.0], [1.0]]), np.array([0.0, 1.0]), ridge=0.1)
    >>> minimize(easy, newton(), 20, np.random.default_rng(0)).w.round(3).tolist()
    [1.634, 0.0]
    """
    w = np.zeros(problem.x.shape[1]) if start is None else start
    clock = time.perf_counter()
    state = optimizer.init(problem, w)
    seconds = time.perf_counter() - clock
    records = [(0, seconds, state.w)]
    last = float(np.linalg.norm(gradient(problem, state.w)))
    while state.n_steps < steps and last >= tol:
        clock = time.perf_counter()
        for _ in range(min(every, steps - state.n_steps)):
            state = optimizer.step(problem, state, rng)
        seconds += time.perf_counter() - clock
        records.append((state.n_steps, seconds, state.w))
        last = float(np.linalg.norm(gradient(problem, state.w)))
    return _trace(problem, records)


def lbfgs(
    problem: Problem,
    steps: int,
    tol: float = 1e-6,
    start: Float[np.ndarray, " P"] | None = None,
    memory: int = 10,
) -> Trace:
    """Limited-memory quasi-Newton through scipy, which owns the loop.

    Args:
        problem: what to minimise.
        steps: most iterations.
        tol: stop when the gradient's norm is below this.
        start: first w; zeros where None.
        memory: gradient pairs kept for the curvature.
    """
    n_weights = problem.x.shape[1]
    w = np.zeros(n_weights) if start is None else start
    clock = time.perf_counter()
    records = [(0, 0.0, w)]

    def note(intermediate_result: scipy.optimize.OptimizeResult) -> None:
        now = time.perf_counter() - clock
        records.append((len(records), now, intermediate_result.x.copy()))

    scipy.optimize.minimize(
        lambda w: _loss_and_gradient(problem, w),
        w,
        jac=True,
        method="L-BFGS-B",
        callback=note,
        # scipy stops on the largest entry of g, which is at least |g| / sqrt(P)
        options={
            "maxiter": steps,
            "maxcor": memory,
            "gtol": tol / np.sqrt(n_weights),
            "ftol": 0.0,
        },
    )
    return _trace(problem, records)


def _loss_and_gradient(
    problem: Problem, w: Float[np.ndarray, " P"]
) -> tuple[float, Float[np.ndarray, " P"]]:
    """Both, for one product with X instead of two."""
    a = problem.x @ w
    fit = problem.c @ (np.logaddexp(0.0, a) - problem.y * a)
    g = problem.x.T @ (problem.c * (expit(a) - problem.y)) + problem.ridge * w
    return float(fit + 0.5 * problem.ridge @ w**2), g


def _trace(
    problem: Problem, records: list[tuple[int, float, Float[np.ndarray, " P"]]]
) -> Trace:
    """Evaluate the recorded points, outside the time that is reported."""
    steps, seconds, points = zip(*records, strict=True)
    values = [_loss_and_gradient(problem, w) for w in points]
    norms = [np.linalg.norm(g) for _, g in values]
    losses = [value for value, _ in values]
    return Trace(
        points[-1], np.array(steps), np.array(losses), np.array(norms), np.array(seconds)
    )


def _slots(count: int, w: Float[np.ndarray, " P"]) -> Float[np.ndarray, "S P"]:
    return np.zeros((count, len(w)))


def _start(n_slots: int, rate: float) -> Callable[[Problem, Float[np.ndarray, " P"]], State]:
    """Begin with empty slots and this rate."""
    return lambda problem, w: State(w, 0, _slots(n_slots, w), rate)


def _decayed(state: State, decay: float) -> float:
    """Step length alpha / (1 + decay t); sums to infinity, so the start is never too far."""
    return state.rate / (1.0 + decay * state.n_steps)


def _batch_gradient(
    problem: Problem, w: Float[np.ndarray, " P"], batch: int | None, rng: np.random.Generator
) -> Float[np.ndarray, " P"]:
    """Gradient of L, or its unbiased estimate from `batch` examples."""
    n = len(problem.y)
    if batch is None or batch >= n:
        return gradient(problem, w)
    pick = rng.choice(n, batch, replace=False, shuffle=False)
    share = problem.c[pick] * (n / batch)
    return gradient(Problem(problem.x[pick], problem.y[pick], share, problem.ridge), w)


def _backtrack(
    problem: Problem,
    w: Float[np.ndarray, " P"],
    direction: Float[np.ndarray, " P"],
    rate: float,
    slope: float,
) -> tuple[Float[np.ndarray, " P"], float]:
    """Halve the rate until L(w + rate d) <= L(w) + rate * slope; stay where none does."""
    before = loss(problem, w)
    slack = 4 * np.finfo(float).eps * abs(before)  # L is only known to rounding
    for _ in range(HALVINGS):
        moved = w + rate * direction
        if loss(problem, moved) <= before + rate * slope + slack:
            return moved, rate
        rate /= 2
    return w, rate

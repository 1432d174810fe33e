"""Levenberg-Marquardt against a general-purpose optimiser."""

import numpy as np
import pytest
from rings import jolted, ring, seen
from scipy import optimize

from gambol.kernels import bundle
from gambol.kernels.bundle import CAUCHY, SOFT_L1, Loss, Seen, State
from gambol.multiview import levenberg, unknowns


def problem(kind, noise=1.0, count=30):
    rng = np.random.default_rng(0)
    rig = ring(3)
    points = rng.normal(0, 80, (count, 3))
    xy = seen(rig, points, rng, noise)
    start = jolted(rig, rng, 0.005, 5.0)
    view = np.tile(np.arange(3), count)
    observed = Seen(
        np.arange(count + 1) * 3, view, np.zeros_like(view), xy.reshape(-1, 2), np.zeros((0, 3))
    )
    columns = unknowns.columns_of(rig, ("pose", "f"))
    precision = unknowns.precisions(rig, columns, unknowns.Priors(0.05, 0.05, 0.3))
    state = State(unknowns.rows_of(start), points, np.zeros(0))
    asked = levenberg.Unknowns(
        columns, precision, unknowns.gauge(columns, len(precision), True), kind, 2.0
    )
    return state, observed, asked


@pytest.mark.parametrize("kind", [SOFT_L1, CAUCHY])
def test_ends_where_a_general_optimiser_does(kind):
    state, observed, asked = problem(kind)
    got = levenberg.solve(state, observed, asked, 100)
    loss = Loss(kind, 2.0 * got.sigma, got.sigma)
    count = len(asked.precision)

    def cost(x):
        moved = levenberg.apply(got.state, asked.columns, x[:count])
        blocks = got.state.blocks + x[count:].reshape(-1, 3)
        value = got.value + x[:count]
        prior = asked.precision @ value**2 / 2
        return bundle.cost(State(moved.rows, blocks, moved.bend), observed, loss) + prior

    here = np.zeros(count + got.state.blocks.size)
    assert got.converged and cost(here) == pytest.approx(got.cost)
    better = optimize.minimize(cost, here, method="L-BFGS-B", options={"maxiter": 20})
    assert better.fun > got.cost - 1e-3


def test_the_cost_includes_what_was_known_before():
    state, observed, asked = problem(SOFT_L1)
    far = levenberg.solve(state, observed, asked, 100, np.full(len(asked.precision), 0.1))
    near = levenberg.solve(state, observed, asked, 100)
    assert far.cost > near.cost


def test_few_steps_do_not_pretend_to_have_converged():
    state, observed, asked = problem(SOFT_L1)
    got = levenberg.solve(state, observed, asked, 1)
    assert got.steps == 1 and not got.converged


def test_noise_is_measured_in_spite_of_what_was_fitted():
    state, observed, asked = problem(SOFT_L1, noise=0.7, count=400)
    got = levenberg.solve(state, observed, asked, 100)
    assert got.sigma == pytest.approx(0.7, rel=0.1)

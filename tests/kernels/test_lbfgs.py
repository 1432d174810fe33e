import numpy as np
import pytest

from gambol.kernels import lbfgs


def test_finds_the_minimum_of_an_ill_conditioned_bowl():
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(30, 30)))[0]
    curvature = turn @ np.diag(np.geomspace(0.1, 100, 30)) @ turn.T
    right = rng.normal(size=30)

    def bowl(x):
        return float(x @ curvature @ x / 2 - right @ x), curvature @ x - right

    found = lbfgs.minimise(bowl, np.zeros(30), lambda g: g, enough=1e-12)
    assert found.converged and found.decrement < 1e-12
    assert np.allclose(found.x, np.linalg.solve(curvature, right), atol=1e-5)
    assert (np.diff(found.trace) < 1e-9).all()


def test_the_right_first_curvature_makes_one_step_enough():
    scale = np.geomspace(1, 1e6, 10)
    found = lbfgs.minimise(
        lambda x: (float((scale * (x - 1) ** 2).sum() / 2), scale * (x - 1)),
        np.zeros(10),
        lambda g: g / scale,
    )
    assert len(found.trace) == 2 and np.allclose(found.x, 1)


def test_steps_stay_in_the_range_of_the_first_curvature():
    goal = np.array([1.0, 5.0, -2.0])

    def centred(g):
        return g - g.mean()

    found = lbfgs.minimise(
        lambda x: (float(np.cosh(x - goal).sum()), np.sinh(x - goal)), np.zeros(3), centred
    )
    assert found.converged and abs(found.x.sum()) < 1e-12
    assert np.allclose(centred(np.sinh(found.x - goal)), 0, atol=1e-4)


def test_ends_at_the_limit_and_says_so():
    def slow(x):
        return float((x**4).sum()), 4 * x**3

    found = lbfgs.minimise(slow, np.ones(3), lambda g: g, limit=2, enough=0.0)
    assert not found.converged and len(found.trace) == 3


@pytest.mark.parametrize("memory", [1, 20])
def test_a_large_constant_does_not_hide_the_minimum(memory):
    goal = np.linspace(-1, 1, 8)
    found = lbfgs.minimise(
        lambda x: (1e9 + float(np.logaddexp(x - goal, goal - x).sum()), np.tanh(x - goal)),
        np.full(8, 3.0),
        lambda g: g,
        memory=memory,
    )
    assert found.converged and np.allclose(found.x, goal, atol=1e-4)

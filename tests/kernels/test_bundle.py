"""Bundle adjustment against finite differences and the dense normal equations."""

import numpy as np
import pytest

from gambol.core.cameras import Camera
from gambol.kernels import bundle, camera_slopes, rotation
from gambol.kernels.bundle import CAUCHY, SOFT_L1, Loss, Seen, State
from gambol.kernels.camera_slopes import TANGENT

LENSES = {
    "pinhole": np.array([-0.2, 0.05, 0.001, -0.002, 0.01]),
    "fisheye": np.array([0.05, -0.01, 0.003, -0.001, 0.0]),
    "affine": np.zeros(5),
}
KINDS = {"pinhole": 0, "fisheye": 1, "affine": 2}


def row(kind, turn, skew=3.0):
    out = np.zeros(24)
    out[0], out[11] = KINDS[kind], np.inf
    out[1:6] = (60.0, 58.0, 0.0, 0.0, skew) if kind == "affine" else (800, 780, 320, 240, skew)
    out[6:11] = LENSES[kind]
    out[12:21] = rotation.exp(np.array(turn)).ravel()
    out[21:24] = (300.0, 200.0, 0.0) if kind == "affine" else (0.1, -0.2, 5.0)
    return out


ROWS = np.array(
    [
        row("pinhole", [0.1, 0.0, 0.1]),
        row("fisheye", [0.0, 0.9, 0.2]),
        row("affine", [0.3, -0.8, 0.1]),
        row("pinhole", [-0.8, 0.1, 0.0]),
    ]
)
BOARD = np.array([[x, y, 0.0] for x in range(4) for y in range(3)]) * 0.3


def points_problem(rng, count=6):
    state = State(ROWS, rng.normal(0, 0.5, (count, 3)), np.zeros(0))
    view = np.tile(np.arange(4), count)
    start = np.arange(count + 1) * 4
    return blurred(rng, state, start, view, np.zeros_like(view), np.zeros((0, 3)))


def boards_problem(rng, count=3):
    turns = [rotation.exp(rng.normal(0, 0.3, 3)).ravel() for _ in range(count)]
    blocks = np.column_stack([turns, rng.normal(-0.3, 0.2, (count, 3))])
    state = State(ROWS, blocks, rng.normal(0, 0.01, len(BOARD)))
    view = np.tile(np.repeat(np.arange(4), len(BOARD)), count)
    corner = np.tile(np.arange(len(BOARD)), 4 * count)
    start = np.arange(count + 1) * 4 * len(BOARD)
    return blurred(rng, state, start, view, corner, BOARD)


def blurred(rng, state, start, view, corner, local):
    seen = Seen(start, view, corner, np.zeros((len(view), 2)), local)
    projected = -bundle.residuals(state, seen)
    return state, seen._replace(xy=projected + rng.normal(0, 2, projected.shape))


def all_free(state, bends=False):
    columns = np.full((len(ROWS), TANGENT), -1)
    allowed = {"pinhole": range(16), "fisheye": range(15), "affine": [0, 1, 2, 3, 4, 6, 7, 10]}
    count = 0
    for view, kind in enumerate(["pinhole", "fisheye", "affine", "pinhole"]):
        places = list(allowed[kind])
        columns[view, places] = np.arange(count, count + len(places))
        count += len(places)
    return columns, count + (len(state.bend) if bends else 0)


def nudged(state, columns, count, step):
    """The state moved by all unknowns at once: globals, then blocks."""
    rows = state.rows.copy()
    for view, at in enumerate(columns):
        rows[view] = camera_slopes.moved(
            rows[view], np.where(at >= 0, step[np.maximum(at, 0)], 0.0)
        )
    blocks = state.blocks.copy()
    rest = step[count:].reshape(len(blocks), -1)
    for n, block in enumerate(blocks):
        if len(block) == 3:
            blocks[n] = block + rest[n]
        else:
            blocks[n, :9] = (rotation.exp(rest[n, :3]) @ block[:9].reshape(3, 3)).ravel()
            blocks[n, 9:] += rest[n, 3:]
    n_bends = count - columns.max() - 1
    bend = state.bend + step[count - n_bends : count] if n_bends else state.bend
    return State(rows, blocks, bend)


def dense(state, seen, columns, count):
    """The Jacobian of all predictions by central differences."""
    size = count + len(state.blocks) * (3 if state.blocks.shape[1] == 3 else 6)
    out = np.empty((seen.xy.size, size))
    for k in range(size):
        step = np.zeros(size)
        step[k] = 1e-5
        ahead, behind = (
            bundle.residuals(nudged(state, columns, count, s), seen) for s in (step, -step)
        )
        out[:, k] = (behind - ahead).ravel() / 2e-5
    return out


@pytest.mark.parametrize("make", [points_problem, boards_problem])
@pytest.mark.parametrize("kind", [SOFT_L1, CAUCHY])
def test_a_step_equals_that_of_the_dense_normal_equations(make, kind):
    state, seen = make(np.random.default_rng(3))
    boards = make is boards_problem
    columns, count = all_free(state, bends=boards)
    loss, damping = Loss(kind, 3.0, 1.5), 0.1
    jac = dense(state, seen, columns, count)
    r = bundle.residuals(state, seen)
    w = np.repeat(bundle.weights(r, loss), 2) / loss.sigma**2
    normal = jac.T @ (w[:, None] * jac)
    normal += damping * np.diag(np.diag(normal))
    right = jac.T @ (w * r.ravel())
    wanted = np.linalg.solve(normal, right)

    system = bundle.reduce(state, seen, loss, columns, count, damping)
    matrix = system.matrix + damping * np.diag(system.diagonal)
    step = np.linalg.solve(matrix, system.gradient)
    blocks = bundle.substitute(state, seen, loss, columns, step, damping)

    scale = np.sqrt(np.diag(normal))[:count]  # steps in comparable units
    np.testing.assert_allclose(
        step * scale, wanted[:count] * scale, atol=2e-5 * abs(wanted[:count] * scale).max()
    )
    expected = nudged(state, columns, count, wanted).blocks
    np.testing.assert_allclose(blocks, expected, atol=1e-5)


@pytest.mark.parametrize("make", [points_problem, boards_problem])
def test_the_gradient_is_the_slope_of_the_cost(make):
    state, seen = make(np.random.default_rng(5))
    columns, count = all_free(state, bends=make is boards_problem)
    loss = Loss(CAUCHY, 3.0, 1.5)
    # blocks held stiff by damping: the reduced gradient is that of the cameras alone
    system = bundle.reduce(state, seen, loss, columns, count, 1e14)
    size = count + len(state.blocks) * (3 if state.blocks.shape[1] == 3 else 6)
    for k in range(count):
        step = np.zeros(size)
        step[k] = 1e-5
        ahead, behind = (
            bundle.cost(nudged(state, columns, count, s), seen, loss) for s in (step, -step)
        )
        slope = (behind - ahead) / 2e-5
        assert system.gradient[k] == pytest.approx(slope, rel=1e-4, abs=1e-3)


def test_projects_as_the_camera_does():
    matrix = np.array([[800.0, 2.0, 320.0], [0.0, 780.0, 240.0], [0.0, 0.0, 1.0]])
    one = Camera("a", matrix, np.array([0.1, 0.2, 0.3]), np.array([0.0, 0.0, 5.0]))
    state = State(one.params()[None], np.array([[0.3, -0.2, 0.1]]), np.zeros(0))
    zero = np.zeros(1, np.int64)
    seen = Seen(np.array([0, 1]), zero, zero, np.zeros((1, 2)), np.zeros((0, 3)))
    full = one.projection() @ [0.3, -0.2, 0.1, 1.0]
    np.testing.assert_allclose(-bundle.residuals(state, seen)[0], full[:2] / full[2])


def test_a_point_behind_a_camera_costs_much_and_pulls_nothing():
    state, seen = points_problem(np.random.default_rng(0), count=1)
    away = state._replace(blocks=np.array([[0.0, 0.0, -50.0]]))
    behind = np.isnan(bundle.residuals(away, seen)).any(1)
    assert (
        behind.any() and (bundle.weights(bundle.residuals(away, seen), LOSS)[behind] == 0).all()
    )
    assert np.isfinite(bundle.cost(away, seen, LOSS))
    assert bundle.cost(away, seen, LOSS) > bundle.cost(state, seen, LOSS)


LOSS = Loss(CAUCHY, 3.0, 1.5)


def test_small_residuals_are_counted_as_squares():
    state, seen = points_problem(np.random.default_rng(0))
    exact = seen._replace(xy=seen.xy + bundle.residuals(state, seen) * (1e-4 - 1))
    squares = (bundle.residuals(state, exact) ** 2).sum() / 2 / 1.5**2
    for kind in (SOFT_L1, CAUCHY):
        got = bundle.cost(state, exact, Loss(kind, 3.0, 1.5))
        assert got == pytest.approx(squares, rel=1e-6)

"""How syllables follow each other in each state: mode and exact Gibbs steps given the counts.

θ_kij = softmax_j(W_ij + b_kj), W = W̃Γ_Sᵀ, b = Γ_K b̃ Γ_Sᵀ (`kernels.helmert`), normal priors
W̃ ~ N(0, σ_W²), b̃ ~ N(0, σ_b²). A sweep draws the S rows of W given b, which are independent,
then b given W: each block by slice steps of the distance from the block's own mode, and then
by an elliptical slice step ("slice") or an accept-or-stay step ("mh") around the normal
approximation there. All keep the posterior.
"laplace" draws W and b together from the approximation at the joint mode and does not correct
for it: not exact, there to compare with published runs. Streams are named by seed, sweep and
row, so results do not depend on the number of threads.
Source: Weinreb et al. (2026), Neuron 114:922 (the model); `kernels.slice_sampling` (the steps).
"""

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.special import gammaln, xlogy

from gambol.core.errors import InputError
from gambol.kernels import (
    arrow,
    helmert,
    lbfgs,
    slice_sampling,
    softmax,
    softmax_biases,
    softmax_rows,
    streams,
)

KINDS = ("slice", "mh", "laplace")


class Prior(NamedTuple):
    """Standard deviations of the coordinates."""

    base_sigma: float = 1.0  # σ_W
    bias_sigma: float = 1.0  # σ_b


class Shared(NamedTuple):
    """Helmert's coordinates of the logits; S symbols, K states."""

    base: Float[np.ndarray, "S S_less_1"]  # W̃
    bias: Float[np.ndarray, "K_less_1 S_less_1"]  # b̃


class Mode(NamedTuple):
    """The top of the joint posterior of W̃ and b̃."""

    shared: Shared
    trace: Float[np.ndarray, " steps_and_1"]  # log posterior, without normalisers
    decrement: float  # about twice what is left to gain
    converged: bool


class Stepped(NamedTuple):
    """Parameters after one step, and how it went."""

    shared: Shared
    newton_steps: int  # most of any block; of "laplace": steps of L-BFGS
    decrement: float  # largest of any block
    evaluations: int  # of a block's density at new points, in all
    accepted: float  # share of blocks that moved
    converged: bool
    limits: tuple[str, ...]  # blocks that met a limit: "row 3", "biases", "joint"
    row_trace: Float[np.ndarray, " N"]  # log posterior of all rows before each Newton step
    bias_trace: Float[np.ndarray, " M"]  # of b; empty for one state


def logits(shared: Shared) -> tuple[Float[np.ndarray, "S S"], Float[np.ndarray, "K S"]]:
    """Return W and b."""
    bias = helmert.lift(helmert.lift(shared.bias).T).T
    return helmert.lift(shared.base), np.ascontiguousarray(bias)


def coordinates(base: Float[np.ndarray, "S S"], bias: Float[np.ndarray, "K S"]) -> Shared:
    """Return W̃ and b̃ of logits; what adds the same to all j, or to all b_k, is lost."""
    lowered = helmert.lower(helmert.lower(bias).T).T
    return Shared(helmert.lower(base), np.ascontiguousarray(lowered))


def probabilities(shared: Shared) -> Float[np.ndarray, "K S S"]:
    """Return θ; every row sums to 1."""
    return softmax.probabilities(*logits(shared))


def log_prior(shared: Shared, prior: Prior) -> tuple[float, float]:
    """Return log p(W̃) and log p(b̃), in nats, with their normalisers.

    >>> one = Shared(np.zeros((2, 1)), np.zeros((0, 1)))
    >>> [round(part, 4) for part in log_prior(one, Prior(2.0, 1.0))]  # 2 log N(0; 0, 2²)
    [-3.2242, 0.0]
    """
    return (
        _log_normal(shared.base, prior.base_sigma),
        _log_normal(shared.bias, prior.bias_sigma),
    )


def dirichlet_log_prior(theta: Float[np.ndarray, "K S S"], beta: float) -> float:
    """Return Σ_ki log Dir(θ_ki; β, …, β), in nats, with the normalisers."""
    states, symbols, _ = theta.shape
    normaliser = gammaln(symbols * beta) - symbols * gammaln(beta)
    return float(states * symbols * normaliser + xlogy(beta - 1, theta).sum())


def joint_mode(
    counts: Int[np.ndarray, "K S S"], prior: Prior, start: Shared | None = None
) -> Mode:
    """Find the top of the posterior of W̃ and b̃ by L-BFGS.

    Args:
        counts: C_kij, moves from i to j in state k.
        prior: σ_W and σ_b.
        start: where to begin; without it, at log(C + 0.01), projected.
    """
    table = softmax.totals(counts)
    if start is None:
        start = _first(counts)
    curvature = _diagonal(table, start, prior)
    states, symbols = table.into.shape
    cut = symbols * symbols

    def evaluate(x: Float[np.ndarray, " N"]) -> tuple[float, Float[np.ndarray, " N"]]:
        base, across = x[:cut].reshape(symbols, symbols), x[cut:].reshape(-1, symbols)
        told = softmax.slope(table, base, np.ascontiguousarray(helmert.lift(across.T).T))
        held = [base / prior.base_sigma**2, across / prior.bias_sigma**2]
        value = told.value - ((base * held[0]).sum() + (across * held[1]).sum()) / 2
        down = [held[0] - told.base, held[1] - helmert.lower(told.bias.T).T]
        return -float(value), np.concatenate([part.ravel() for part in down])

    def inverse(slope: Float[np.ndarray, " N"]) -> Float[np.ndarray, " N"]:
        rows = (slope / curvature).reshape(-1, symbols)
        return (rows - rows.mean(axis=1, keepdims=True)).ravel()

    x = np.concatenate([helmert.lift(part).ravel() for part in start])
    found = lbfgs.minimise(evaluate, x, inverse)
    rows = helmert.lower(found.x.reshape(-1, symbols))
    shared = Shared(rows[:symbols].copy(), rows[symbols:].copy())
    return Mode(shared, -found.trace, found.decrement, found.converged)


def step(
    kind: str,
    seed: int,
    sweep: int,
    shared: Shared,
    counts: Int[np.ndarray, "K S S"],
    prior: Prior,
    threads: int = 1,
) -> Stepped:
    """Draw W̃ and b̃ given the counts.

    Args:
        kind: "slice", "mh" (exact) or "laplace" (approximate).
        seed: of the whole fit.
        sweep: number of the sweep; names the streams, with the seed.
        shared: the parameters now. Modes of "slice" and "mh" do not depend on them.
        counts: C_kij.
        prior: σ_W and σ_b.
        threads: at most so many; they change no bit of the result.
    """
    if kind not in KINDS:
        raise InputError(f"no emission step {kind!r}; there are {', '.join(KINDS)}")
    if kind == "laplace":
        return _laplace(seed, sweep, shared, counts, prior)
    with ThreadPoolExecutor(threads) as pool:  # starts a thread when it gets its first work
        share = functools.partial(_share, pool, threads)
        return _blocks(kind, seed, sweep, shared, softmax.totals(counts), prior, share)


def dirichlet(
    seed: int, sweep: int, counts: Int[np.ndarray, "K S S"], beta: float
) -> Float[np.ndarray, "K S S"]:
    """Draw θ_ki ~ Dir(C_ki + β): every state its own table.

    Gamma variables are drawn as logs, g(a) = g(a + 1) u^(1/a), so that small shapes do not
    vanish. Source: Marsaglia and Tsang (2000), ACM TOMS 26:363.
    """
    theta = np.empty(counts.shape)
    for i in range(counts.shape[1]):
        rng = streams.generator(seed, sweep, "dirichlet", i)
        shape = counts[:, i] + beta  # (K, S)
        log = np.log(rng.standard_gamma(shape + 1)) + np.log1p(-rng.random(shape.shape)) / shape
        log -= log.max(axis=1, keepdims=True)
        theta[:, i] = np.exp(log)
    return theta / theta.sum(axis=2, keepdims=True)


Work = Callable[[int, int], None]
Share = Callable[[Work, int], None]


def _share(pool: ThreadPoolExecutor, threads: int, work: Work, count: int) -> None:
    """Call work(begin, end) for parts of range(count), each in a thread; the first in this."""
    parts = min(threads, count)
    cuts = [count * part // parts for part in range(parts + 1)]
    others = [pool.submit(work, *cut) for cut in zip(cuts[1:-1], cuts[2:], strict=True)]
    work(cuts[0], cuts[1])
    for other in others:
        other.result()


def _blocks(
    kind: str,
    seed: int,
    sweep: int,
    shared: Shared,
    table: softmax.Totals,
    prior: Prior,
    share: Share,
) -> Stepped:
    """Step all rows given b, then b given the rows."""
    base, bias = logits(shared)
    rows = _rows(kind, seed, sweep, base, bias, table, prior, share)
    limits = _stuck(kind, rows)
    row_trace = _held(rows.objective).sum(axis=0)
    evaluations, moved, blocks = (
        int(rows.evaluations.sum()),
        int(rows.accepted.sum()),
        len(base),
    )
    steps, decrement = int(rows.steps.max()), float(rows.decrement.max())
    bias_trace = np.zeros(0)
    if len(bias) > 1:
        mode, drawn = _biases(kind, seed, sweep, rows.base, bias, table, prior, share)
        bias, bias_trace = drawn.x, mode.objective
        stuck = mode.steps == softmax_biases.LIMIT or not (drawn.accepted or kind == "mh")
        limits += ("biases",) if stuck else ()
        evaluations, moved = evaluations + drawn.evaluations, moved + drawn.accepted
        steps, decrement = max(steps, mode.steps), max(decrement, mode.decrement)
        blocks += 1
    return Stepped(
        coordinates(rows.base, bias), steps, decrement, evaluations, moved / blocks,
        not limits, limits, row_trace, bias_trace,
    )  # fmt: skip


def _rows(
    kind: str,
    seed: int,
    sweep: int,
    base: Float[np.ndarray, "S S"],
    bias: Float[np.ndarray, "K S"],
    table: softmax.Totals,
    prior: Prior,
    share: Share,
) -> softmax_rows.Rows:
    """Step all rows of W given b."""
    states, symbols = bias.shape
    noise = np.empty((symbols, symbols + states))
    uniform = np.empty((symbols, softmax_rows.UNIFORMS))
    for i in range(symbols):
        rng = streams.generator(seed, sweep, "rows", i)
        rng.standard_normal(out=noise[i])
        rng.random(out=uniform[i])
    out = softmax_rows.empty(symbols)
    code = softmax_rows.SLICE if kind == "slice" else softmax_rows.METROPOLIS
    fixed = (code, base, bias, table.pairs, table.out_of, prior.base_sigma, noise, uniform, out)
    share(functools.partial(softmax_rows.fill, *fixed), symbols)
    return out


def _biases(
    kind: str,
    seed: int,
    sweep: int,
    base: Float[np.ndarray, "S S"],
    bias: Float[np.ndarray, "K S"],
    table: softmax.Totals,
    prior: Prior,
    share: Share,
) -> tuple[softmax_biases.Mode, slice_sampling.Moved]:
    """Step b given W."""
    known = softmax_biases.given(table.into, table.out_of, base, prior.bias_sigma)
    curve = softmax_biases.room(*bias.shape)
    mode = softmax_biases.climb(known, curve, share)
    rng = streams.generator(seed, sweep, "biases")
    noise = rng.standard_normal(bias.shape)
    softmax_biases.colour(curve, noise)

    log_density = functools.partial(softmax_biases.value, known)
    excess = functools.partial(softmax_biases.excess, known, curve, mode.bias)
    free = (bias.shape[0] - 1) * (bias.shape[1] - 1)
    evaluations = 0
    for _ in range(slice_sampling.REPEATS):
        near = slice_sampling.radial(rng, bias, mode.bias, free, log_density)
        bias, evaluations = near.x, evaluations + near.evaluations
    method = slice_sampling.elliptical if kind == "slice" else slice_sampling.metropolis
    moved = method(rng, bias, mode.bias, noise, excess)
    return mode, moved._replace(evaluations=evaluations + moved.evaluations)


def _laplace(
    seed: int,
    sweep: int,
    shared: Shared,
    counts: Int[np.ndarray, "K S S"],
    prior: Prior,
) -> Stepped:
    """Draw from the normal approximation at the joint mode."""
    mode = joint_mode(counts, prior, shared)
    theta = probabilities(mode.shared)
    out_of = softmax.totals(counts).out_of
    curve = arrow.factor(arrow.build(out_of, theta, *prior))
    drawn = arrow.draw(streams.generator(seed, sweep, "laplace"), curve)
    bias = mode.shared.bias + drawn.bias.reshape(mode.shared.bias.shape)
    return Stepped(
        Shared(mode.shared.base + drawn.base, bias), len(mode.trace) - 1, mode.decrement,
        1, 1.0, mode.converged, () if mode.converged else ("joint",),
        mode.trace, np.zeros(0),
    )  # fmt: skip


def _stuck(kind: str, rows: softmax_rows.Rows) -> tuple[str, ...]:
    """Name the rows that met a limit: too many Newton steps, or a slice that ended empty."""
    spent = (rows.steps == softmax_rows.LIMIT) | ((kind == "slice") & (rows.accepted == 0))
    return tuple(f"row {i}" for i in np.flatnonzero(spent))


def _held(objective: Float[np.ndarray, "S limit"]) -> Float[np.ndarray, "S N"]:
    """Cut the steps that no row made, and let each row stay where it ended."""
    made = np.isfinite(objective)
    last = np.minimum(np.arange(made.sum(axis=1).max()), made.sum(axis=1)[:, None] - 1)
    return np.take_along_axis(objective, last, axis=1)


def _first(counts: Int[np.ndarray, "K S S"]) -> Shared:
    """Return log(C + 0.01), projected: its mean over states, and what differs over rows."""
    log = np.log(counts + 0.01)
    base = log.mean(axis=0)
    return coordinates(base, (log - base).mean(axis=1))


def _diagonal(table: softmax.Totals, shared: Shared, prior: Prior) -> Float[np.ndarray, " N"]:
    """Return the diagonal of minus the Hessian, of W (S, S) and of Γ_K's biases (K - 1, S)."""
    theta = probabilities(shared)
    spread = table.out_of[:, :, None] * theta * (1 - theta)  # (K, S, S)
    base = spread.sum(axis=0) + 1 / prior.base_sigma**2
    weight = helmert.basis(len(theta)) ** 2  # (K, K-1)
    across = (weight[:, :, None] * spread.sum(axis=1)[:, None]).sum(axis=0)
    return np.concatenate([base.ravel(), (across + 1 / prior.bias_sigma**2).ravel()])


def _log_normal(x: Float[np.ndarray, "A B"], sigma: float) -> float:
    square = (x**2).sum() / sigma**2
    return float(0.0 - square / 2 - x.size * (np.log(sigma) + np.log(2 * np.pi) / 2))

"""States over labels against the sum over all K^T paths, and paths against their law."""

import itertools
import math
import types
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from gambol.kernels import hmm, state_frames, state_paths, state_runs, state_tables
from gambol.kernels.runs import cut, runs

FORMS = ("runs", "frames")


def random_model(rng, n_states, n_labels, sticky=2.0):
    theta = rng.dirichlet(np.ones(n_labels), (n_states, n_labels))
    trans = rng.dirichlet(np.ones(n_states), n_states) + sticky * np.eye(n_states)
    return theta, trans / trans.sum(axis=1, keepdims=True)


def enumerate_paths(values, valid, theta, trans):
    """All paths and p(y_2:T, z | y_1): the definition, as slow as it reads."""
    paths = np.array(list(itertools.product(range(len(theta)), repeat=len(values))))
    joint = np.full(len(paths), 1 / len(theta))
    for t in range(1, len(values)):
        joint = joint * trans[paths[:, t - 1], paths[:, t]]
        if valid[t - 1] and valid[t]:
            joint = joint * theta[paths[:, t], values[t - 1], values[t]]
    return paths, joint


def counted(values, valid, path, n_labels, n_states):
    """C and B of one path, in words of the definition."""
    emissions = np.zeros((n_states, n_labels, n_labels), int)
    moves = np.zeros((n_states, n_states), int)
    for t in range(1, len(path)):
        moves[path[t - 1], path[t]] += 1
        if valid[t - 1] and valid[t]:
            emissions[path[t], values[t - 1], values[t]] += 1
    return emissions, moves


@st.composite
def problems(draw, most_frames=7):
    T, K, S = (draw(st.integers(1, n)) for n in (most_frames, 3, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    theta, trans = random_model(rng, K, S, sticky=draw(st.sampled_from([0.0, 5.0])))
    values = np.repeat(rng.integers(0, S, T), rng.integers(1, 4, T))[:T].astype(np.uint8)
    valid = rng.random(T) < draw(st.sampled_from([0.0, 0.6, 1.0]))
    return values, valid, theta, trans


def whole(values, valid, most=256):
    return cut(runs(values, valid), most)


@given(problems())
def test_evidence_equals_the_sum_over_all_paths(problem):
    values, valid, theta, trans = problem
    _, joint = enumerate_paths(*problem)
    truth = math.log(joint.sum())
    for most in (1, 2, 3, 256):
        pieces = whole(values, valid, most)
        found = state_paths.evidence(values, valid, pieces, theta, trans)
        assert found == pytest.approx(truth, abs=1e-10)
    found = state_paths.evidence(values, valid, None, theta, trans)
    assert found == pytest.approx(truth, abs=1e-10)


@given(problems())
def test_every_frame_carries_its_own_part_of_the_evidence(problem):
    values, valid, theta, trans = problem
    parts = state_paths.frame_evidence(*problem)
    for t in range(len(values)):
        _, joint = enumerate_paths(values[: t + 1], valid[: t + 1], theta, trans)
        assert parts[: t + 1].sum() == pytest.approx(math.log(joint.sum()), abs=1e-10)
    unseen = ~(valid[1:] & valid[:-1])
    assert parts[0] == 0
    assert not parts[1:][unseen].any()


@given(problems())
def test_marginals_equal_the_sum_over_all_paths(problem):
    values, valid, theta, trans = problem
    paths, joint = enumerate_paths(*problem)
    truth = [joint @ (paths == k) for k in range(len(theta))]
    truth = np.transpose(truth) / joint.sum()
    laid = state_tables.tables(theta, trans)
    for block in (1, 2, 3, 100):
        probs = state_frames.marginals(values, valid, laid, len(theta), block)
        assert probs.dtype == np.float32
        np.testing.assert_allclose(probs, truth, rtol=0, atol=1e-7)  # float32
    np.testing.assert_array_equal(state_paths.marginals(*problem), probs)


@given(problems())
def test_pairs_and_marginals_equal_the_sum_over_all_paths_in_double_precision(problem):
    """Expected counts are sums of marginals of pairs, and of one pair where T = 2."""
    values, valid, theta, trans = problem
    paths, joint = enumerate_paths(*problem)
    K, S, _ = theta.shape
    probs = joint / joint.sum()
    each = [counted(values, valid, path, S, K) for path in paths]
    laid = state_tables.tables(theta, trans)
    for block in (1, 2, 3, 100):
        found = state_frames.expected(values, valid, laid, K, block)
        for part in (0, 1):
            truth = np.tensordot(probs, np.array([one[part] for one in each], float), 1)
            np.testing.assert_allclose(found[part], truth, rtol=0, atol=1e-10)
    for one, two in zip(found, state_paths.expected(*problem), strict=True):
        np.testing.assert_array_equal(one, two)


@given(problems())
def test_filter_knows_the_past_alone(problem):
    values, valid, theta, trans = problem
    found = state_paths.filtered(*problem)
    for t in range(len(values)):
        paths, joint = enumerate_paths(values[: t + 1], valid[: t + 1], theta, trans)
        truth = [joint[paths[:, t] == k].sum() / joint.sum() for k in range(len(theta))]
        np.testing.assert_allclose(found[t], truth, rtol=0, atol=1e-7)  # float32


@given(problems())
def test_viterbi_finds_the_most_likely_of_all_paths(problem):
    paths, joint = enumerate_paths(*problem)
    found = state_paths.viterbi(*problem)
    (where,) = np.flatnonzero((paths == found).all(axis=1))
    assert joint[where] >= joint.max() * (1 - 1e-10)


@given(st.integers(0, 2**32), st.integers(1, 7))
def test_of_equally_likely_paths_viterbi_takes_the_lower_states_from_the_end(seed, n_frames):
    """Powers of two multiply without rounding, so that ties are exact."""
    rng = np.random.default_rng(seed)
    trans = np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.25, 0.25, 0.5]])
    theta = rng.choice([[0.5, 0.5], [0.25, 0.75], [0.75, 0.25]], (3, 2))
    theta[theta == 0.75] = 0.25  # rows need not sum to 1 here
    values, valid = rng.integers(0, 2, n_frames), rng.random(n_frames) < 0.8
    paths, joint = enumerate_paths(values, valid, theta, trans)
    best = paths[joint == joint.max()]
    first = min(best.tolist(), key=lambda path: path[::-1])
    assert state_paths.viterbi(values, valid, theta, trans).tolist() == first


def test_viterbi_is_at_least_as_probable_as_a_thousand_sampled_paths():
    theta, trans, values, valid = world(2000, seed=3)
    seen = valid[1:] & valid[:-1]

    def score(path):
        labels = np.log(theta[path[1:], values[:-1], values[1:]])[seen].sum()
        return labels + np.log(trans[path[:-1], path[1:]]).sum()

    best = score(state_paths.viterbi(values, valid, theta, trans))
    rng = np.random.default_rng(0)
    cache = state_paths.powers(theta, trans)
    pieces = whole(values, valid)
    for _ in range(1000):
        path = state_paths.sample(rng, values, valid, pieces, theta, trans, cache)
        assert score(path.states) <= best


def world(n_frames, seed=0, n_states=4, n_labels=6, missing=0.02):
    """A simulated recording with gaps, with runs of some 15 frames and states of 200."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1, (n_labels, n_labels)) + 5 * np.eye(n_labels)
    logits = logits + rng.normal(0, 1, (n_states, 1, n_labels))
    theta = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    trans = np.full((n_states, n_states), 0.005 / max(n_states - 1, 1))
    np.fill_diagonal(trans, 0.995 if n_states > 1 else 1.0)
    values, state = np.zeros(n_frames, np.uint8), 0
    for t in range(1, n_frames):
        state = rng.choice(n_states, p=trans[state])
        values[t] = rng.choice(n_labels, p=theta[state, values[t - 1]])
    valid = np.ones(n_frames, bool)
    for t in np.flatnonzero(rng.random(n_frames) < missing / 5):
        valid[t : t + 10] = False
    return theta, trans, values, valid


def test_runs_and_frames_tell_the_same_evidence_whatever_the_cut():
    theta, trans, values, valid = world(5000)
    truth = state_paths.evidence(values, valid, None, theta, trans)
    cache = state_paths.powers(theta, trans)
    for most in (2, 3, 5, 17, 64, 100, 255, 256):
        found = state_paths.evidence(
            values, valid, whole(values, valid, most), theta, trans, cache
        )
        assert abs(found - truth) < 1e-9
    assert abs(state_paths.frame_evidence(values, valid, theta, trans).sum() - truth) < 1e-9


def test_blocks_of_frames_change_nothing():
    theta, trans, values, valid = world(1000)
    laid = state_tables.tables(theta, trans)
    one = state_frames.draw(np.random.default_rng(1), values, valid, laid, 4)
    for block in (1, 2, 7, 333, 999, 1000, 1001):
        two = state_frames.draw(np.random.default_rng(1), values, valid, laid, 4, block)
        np.testing.assert_array_equal(one.states, two.states)
        assert abs(one.log_evidence - two.log_evidence) < 1e-9
        np.testing.assert_array_equal(
            state_frames.marginals(values, valid, laid, 4),
            state_frames.marginals(values, valid, laid, 4, block),
        )


@pytest.mark.parametrize("form", FORMS)
@given(problems(most_frames=40))
@settings(max_examples=60)
def test_counts_filled_on_the_way_are_the_counts_of_the_path(form, problem):
    values, valid, theta, trans = problem
    K, S, _ = theta.shape
    for most in (2, 256):
        pieces = whole(values, valid, most) if form == "runs" else None
        rng = np.random.default_rng(0)
        path = state_paths.sample(rng, values, valid, pieces, theta, trans)
        truth = counted(values, valid, path.states, S, K)
        for found in (path.counts, state_paths.count(values, valid, path.states, S, K)):
            np.testing.assert_array_equal(found.emissions, truth[0])
            np.testing.assert_array_equal(found.moves, truth[1])
        assert path.counts.moves.sum() == len(values) - 1
        assert path.counts.emissions.sum() == (valid[1:] & valid[:-1]).sum()


class Fork(Exception):
    """A comparison that may go either way, with the probability that it is true."""


class Uniform:
    """A uniform number of which only what has been asked is known."""

    def __init__(self, story):
        self.low, self.high, self.story = 0.0, 1.0, story

    def __lt__(self, mark):
        if mark <= self.low:
            return False
        if not mark < self.high:
            return True
        true = self.story.decide((mark - self.low) / (self.high - self.low))
        self.low, self.high = (self.low, mark) if true else (mark, self.high)
        return true

    def __ge__(self, mark):
        return not self < mark

    def __mul__(self, scale):
        return Scaled(self, scale)


class Scaled:
    def __init__(self, uniform, scale):
        self.uniform, self.scale = uniform, scale

    def __lt__(self, mark):
        return self.uniform < mark / self.scale


class Story:
    """Stands for the generator: one sequence of outcomes, and how probable it is."""

    def __init__(self, script):
        self.script, self.n, self.probability = script, 0, 1.0

    def random(self):
        return Uniform(self)

    def decide(self, probability):
        if self.n == len(self.script):
            raise Fork
        true = self.script[self.n]
        self.n += 1
        self.probability *= probability if true else 1 - probability
        return true


def interpreted():
    """The compiled functions as plain Python, which takes a Story for a generator."""
    space = {}
    for module in (state_tables, state_frames, state_runs):
        own = dict(vars(module))
        for name, value in vars(module).items():
            if hasattr(value, "py_func") and value.__module__ == module.__name__:
                own[name] = types.FunctionType(value.py_func.__code__, own)
        space[module] = own
    for module in (state_frames, state_runs):
        for name in ("advance", "choose", "rescale"):
            space[module][name] = space[state_tables][name]
    return space[state_runs]["_backward"], space[state_frames]["_backward"]


RUNS_BACKWARD, FRAMES_BACKWARD = interpreted()


def sampler(form, values, valid, theta, trans, most):
    """Return what draws one path from a generator or a Story, the messages being at hand."""
    K, S, _ = theta.shape
    if form == "runs":
        pieces = whole(values, valid, most)
        cache = state_runs.powers(theta, trans, min(most, 8))
        symbol, steps = state_runs._symbols(pieces, cache)
        arrays = state_runs._arrays(cache)
        entry, keep = np.empty((2, len(symbol), arrays[0].shape[2]))
        state_runs._forward(symbol, steps, K, *arrays, entry, keep)
        messages = (symbol, pieces.start, steps, *arrays, entry, keep)
        compiled, plain = state_runs._backward, RUNS_BACKWARD
    else:
        laid = state_tables.tables(theta, trans)
        _, starts, alpha = state_frames._messages(values, valid, laid, K, most)
        into = np.ascontiguousarray(laid.trans.T)
        messages = (values, valid, *laid, into, starts, alpha)
        compiled, plain = state_frames._backward, FRAMES_BACKWARD
    states, counts = np.zeros(len(values), np.uint8), state_tables.no_counts(K, S)
    last_block = messages[-1].copy()

    def one(rng):
        draw = plain if isinstance(rng, Story) else compiled
        if form == "frames":
            messages[-1][:] = last_block  # of which drawing makes use for the other blocks
        draw(rng, *messages, states, *counts)
        return tuple(states.tolist())

    return one


def law(draw):
    """The exact distribution of what `draw` returns, by following every outcome."""
    found, scripts = defaultdict(float), [()]
    while scripts:
        script = scripts.pop()
        story = Story(script)
        try:
            found[draw(story)] += story.probability
        except Fork:
            scripts += [(*script, True), (*script, False)]
    return found


LAWS = [  # labels, -1 where missing
    ([0, 0, 0, 0, 0, 0], 3),
    ([0, 1, 1, 1, -1, 0], 3),
    ([-1, -1, 2, 2, 2, -1, -1, 1], 2),
    ([1, 1, 1, 1, 1, 0, 0, 0, 0], 2),
    ([-1, -1, -1, -1], 3),
    ([1], 3),
    ([2, 2, 2, 2, 2], 1),
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("sticky", [0.0, 9.0])
@pytest.mark.parametrize(("labels", "n_states"), LAWS)
def test_paths_have_exactly_the_law_of_the_enumeration(labels, n_states, sticky, form):
    values, valid = np.maximum(labels, 0), np.array(labels) >= 0
    theta, trans = random_model(np.random.default_rng(len(labels)), n_states, 3, sticky)
    paths, joint = enumerate_paths(values, valid, theta, trans)
    for most in (2, 3, 4, 256):
        found = law(sampler(form, values, valid, theta, trans, most))
        probs = np.array([found.pop(tuple(path), 0.0) for path in paths.tolist()])
        assert not found
        np.testing.assert_allclose(probs, joint / joint.sum(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_a_hundred_thousand_sampled_paths_follow_their_law(form):
    labels = np.array([0, 0, 0, 0, 1, 1, -1, 2, 2, 2])
    values, valid = np.maximum(labels, 0), labels >= 0
    theta, trans = random_model(np.random.default_rng(5), 2, 3, sticky=3.0)
    paths, joint = enumerate_paths(values, valid, theta, trans)
    rng = np.random.Generator(np.random.Philox(key=1))
    draw = sampler(form, values, valid, theta, trans, 256)
    drawn = defaultdict(int)
    for _ in range(100_000):
        drawn[draw(rng)] += 1
    seen = np.array([drawn[tuple(path)] for path in paths.tolist()])
    expected = 100_000 * joint / joint.sum()
    rare = expected < 5
    seen = np.append(seen[~rare], seen[rare].sum())
    expected = np.append(expected[~rare], expected[rare].sum())
    statistic = ((seen - expected) ** 2 / expected).sum()
    assert chi2.sf(statistic, len(seen) - 1) > 1e-3


def everything(values, valid, theta, trans):
    """All results as bytes."""
    rng = np.random.Generator(np.random.Philox(key=2))
    pieces = whole(values, valid)
    parts = [
        *state_paths.sample(rng, values, valid, pieces, theta, trans),
        *state_paths.sample(rng, values, valid, None, theta, trans),
        state_paths.evidence(values, valid, pieces, theta, trans),
        state_paths.evidence(values, valid, None, theta, trans),
        state_paths.marginals(values, valid, theta, trans),
        state_paths.filtered(values, valid, theta, trans),
        state_paths.viterbi(values, valid, theta, trans),
        state_paths.frame_evidence(values, valid, theta, trans),
        *state_paths.expected(values, valid, theta, trans),
        *state_paths.count(values, valid, values % len(theta) * valid, *theta.shape[1::-1]),
        state_paths.use_runs(values, valid),
    ]
    leaves = [leaf for part in parts for leaf in (part if isinstance(part, tuple) else [part])]
    return [np.asarray(leaf).tobytes() for leaf in leaves]


@pytest.mark.parametrize("padding", [0, 5, 6, 200, 255])
def test_what_stands_at_a_missing_frame_is_never_read(padding):
    """Nor does the pair from the last valid frame to the padding count, or the one after."""
    theta, trans, values, valid = world(400, missing=0.1)
    assert 0 < (~valid).sum() < 400
    other = np.where(valid, values, padding).astype(np.uint8)
    assert everything(other, valid, theta, trans) == everything(values, valid, theta, trans)


@pytest.mark.parametrize("form", FORMS)
def test_nothing_is_counted_from_or_to_padding(form):
    theta, trans, values, valid = world(300)
    valid[250:] = False  # as if padded to a common length
    valid[:20] = False
    pieces = whole(values, valid) if form == "runs" else None
    rng = np.random.default_rng(0)
    path = state_paths.sample(rng, values, valid, pieces, theta, trans)
    inner = state_paths.count(values[20:250], valid[20:250], path.states[20:250], 6, 4)
    np.testing.assert_array_equal(path.counts.emissions, inner.emissions)
    short = state_paths.evidence(values[20:250], valid[20:250], None, theta, trans)
    # a uniform start is stationary here, so that what is missing outside tells nothing
    assert path.log_evidence == pytest.approx(short, abs=1e-9)


def test_no_pair_of_frames_is_counted_twice_or_left_out_at_cuts():
    theta, trans, values, valid = world(2000)
    cache = state_paths.powers(theta, trans)
    pairs = np.zeros((6, 6), int)
    seen = valid[1:] & valid[:-1]
    np.add.at(pairs, (values[:-1][seen], values[1:][seen]), 1)
    for most in (2, 7, 30, 256):
        pieces = whole(values, valid, most)
        rng = np.random.default_rng(0)
        path = state_paths.sample(rng, values, valid, pieces, theta, trans, cache)
        np.testing.assert_array_equal(path.counts.emissions.sum(axis=0), pairs)
        np.testing.assert_array_equal(path.counts.moves.sum(), 1999)


@pytest.mark.parametrize("form", FORMS)
def test_a_path_is_that_of_its_generator_and_of_no_other(form):
    """No global generator: neither used, nor moved, nor in the way."""
    theta, trans, values, valid = world(500)
    pieces = whole(values, valid) if form == "runs" else None

    def path(key):
        rng = np.random.Generator(np.random.Philox(key=key))
        return state_paths.sample(rng, values, valid, pieces, theta, trans).states.tobytes()

    np.random.seed(0)  # noqa: NPY002
    first, untouched = path(1), np.random.get_state()[2]  # noqa: NPY002
    np.random.seed(1)  # noqa: NPY002
    assert path(1) == first != path(2)
    assert np.random.get_state()[2] == untouched  # noqa: NPY002


@pytest.mark.parametrize("form", FORMS)
def test_threads_and_order_change_no_bit(form):
    theta, trans, values, valid = world(4000)
    cache = state_paths.powers(theta, trans)

    def path(first):
        rng = np.random.Generator(np.random.Philox(key=first))
        part = slice(first, first + 500)
        pieces = whole(values[part], valid[part]) if form == "runs" else None
        drawn = state_paths.sample(rng, values[part], valid[part], pieces, theta, trans, cache)
        return drawn.states.tobytes(), drawn.log_evidence

    firsts = list(range(0, 3500, 50))
    alone = {first: path(first) for first in reversed(firsts)}
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(path, firsts)) == [alone[first] for first in firsts]


@pytest.mark.parametrize("n_states", [1, 3])
def test_one_frame_or_none_with_a_label_leaves_the_states_as_they_start(n_states):
    theta, trans = random_model(np.random.default_rng(0), n_states, 3)
    for valid in (np.ones(1, bool), np.zeros(1, bool), np.zeros(9, bool)):
        values = np.zeros(len(valid), np.uint8)
        assert state_paths.evidence(values, valid, None, theta, trans) == pytest.approx(0)
        pieces = whole(values, valid, 4)
        assert state_paths.evidence(values, valid, pieces, theta, trans) == pytest.approx(0)
        ahead = [np.full(n_states, 1 / n_states)]
        for _ in valid[1:]:
            ahead.append(ahead[-1] @ trans)
        for probs in (state_paths.marginals, state_paths.filtered):
            np.testing.assert_allclose(
                probs(values, valid, theta, trans), ahead, rtol=0, atol=1e-7
            )


def test_of_one_state_everything_is_known():
    theta, trans, values, valid = world(500, n_states=1)
    seen = valid[1:] & valid[:-1]
    truth = np.log(theta[0, values[:-1], values[1:]])[seen].sum()
    for pieces in (whole(values, valid), None):
        rng = np.random.default_rng(0)
        path = state_paths.sample(rng, values, valid, pieces, theta, trans)
        assert path.log_evidence == pytest.approx(truth, abs=1e-9)
        assert not path.states.any()
    assert (state_paths.marginals(values, valid, theta, trans) == 1).all()


def test_zeros_in_the_model_close_ways_and_never_open_them():
    """State 0 never repeats label 0, state 1 never leaves it, and nobody returns to state 0."""
    theta = np.array([[[0.0, 1.0], [0.5, 0.5]], [[1.0, 0.0], [0.5, 0.5]]])
    trans = np.array([[0.9, 0.1], [0.0, 1.0]])
    values, valid = np.array([1, 1, 0, 0, 0, 0]), np.ones(6, bool)
    paths, joint = enumerate_paths(values, valid, theta, trans)
    possible = {tuple(path) for path in paths[joint > 0].tolist()}
    rng = np.random.default_rng(0)
    for pieces in (whole(values, valid), whole(values, valid, 2), None):
        drawn = {
            tuple(state_paths.sample(rng, values, valid, pieces, theta, trans).states.tolist())
            for _ in range(300)
        }
        assert drawn == possible
        found = state_paths.evidence(values, valid, pieces, theta, trans)
        assert found == pytest.approx(math.log(joint.sum()), abs=1e-10)
    states = state_paths.viterbi(values, valid, theta, trans)
    assert tuple(states.tolist()) in possible


def test_names_the_frames_that_no_path_explains():
    theta = np.array([[[0.5, 0.5], [1.0, 0.0]]] * 2)  # label 1 is never repeated
    trans = np.full((2, 2), 0.5)
    values, valid = np.array([0, 1, 1, 1]), np.ones(4, bool)
    rng = np.random.default_rng(0)
    for pieces in (whole(values, valid), None):
        assert state_paths.evidence(values, valid, pieces, theta, trans) == -np.inf
        with pytest.raises(ValueError, match="frames 0 to 2"):
            state_paths.sample(rng, values, valid, pieces, theta, trans)
    for name in ("viterbi", "marginals", "filtered", "frame_evidence", "expected"):
        with pytest.raises(ValueError, match="frames 0 to 2"):
            getattr(state_paths, name)(values, valid, theta, trans)


def test_refuses_what_the_model_does_not_know():
    theta, trans = random_model(np.random.default_rng(0), 2, 3)
    valid, rng = np.ones(2, bool), np.random.default_rng(0)
    for bad in ([0, 3], [-1, 0]):
        values = np.array(bad)
        with pytest.raises(ValueError, match="labels"):
            state_paths.sample(rng, values, valid, None, theta, trans)
    with pytest.raises(ValueError, match="label 3"):
        pieces = whole(np.array([0, 3]), valid)
        state_paths.sample(rng, np.array([0, 3]), valid, pieces, theta, trans)
    with pytest.raises(ValueError, match="without frames"):
        state_paths.evidence(np.zeros(0, int), np.zeros(0, bool), None, theta, trans)
    with pytest.raises(ValueError, match="cut runs at 4"):
        cache = state_paths.powers(theta, trans, 4)
        pieces = whole(np.zeros(5, int), np.ones(5, bool))
        state_paths.evidence(np.zeros(5, int), np.ones(5, bool), pieces, theta, trans, cache)
    with pytest.raises(ValueError, match="257 states"):
        state_tables.tables(np.full((257, 1, 1), 1.0), np.full((257, 257), 1 / 257))


def test_labels_that_states_explain_badly_underflow_nowhere():
    """Of each label some e^-600 is expected; a run of 256 of them is e^-150,000."""
    theta = np.full((2, 2, 2), np.exp(-600.0))
    theta[1] *= 0.5
    trans = np.array([[0.6, 0.4], [0.4, 0.6]])
    values, valid = np.zeros(1000, np.uint8), np.ones(1000, bool)
    steps = np.linalg.matrix_power(trans @ np.diag([1.0, 0.5]) / 0.8, 999)
    truth = np.log((steps.sum(axis=1) * 0.5).sum()) + 999 * (np.log(0.8) - 600)
    for pieces in (whole(values, valid), whole(values, valid, 31), None):
        found = state_paths.evidence(values, valid, pieces, theta, trans)
        assert found == pytest.approx(truth, rel=1e-13)
        rng = np.random.default_rng(0)
        path = state_paths.sample(rng, values, valid, pieces, theta, trans)
        assert 0.2 < path.states.mean() < 0.5
    total = state_paths.frame_evidence(values, valid, theta, trans).sum()
    assert total == pytest.approx(truth, rel=1e-13)


def test_the_general_machine_of_the_house_agrees():
    """Forward and backward in logarithms, another way to the same numbers."""
    theta, trans, values, valid = world(600)
    log_lik = np.zeros((600, 4))
    seen = np.append(False, valid[1:] & valid[:-1])
    log_lik[seen] = np.log(theta[:, values[:-1][seen[1:]], values[1:][seen[1:]]]).T
    init = np.full(4, 0.25)
    result = hmm.smooth(init, trans, log_lik)
    found = state_paths.evidence(values, valid, whole(values, valid), theta, trans)
    assert found == pytest.approx(result.log_evidence, abs=1e-9)
    probs = state_paths.marginals(values, valid, theta, trans)
    np.testing.assert_allclose(probs, result.probs, rtol=0, atol=1e-7)
    moves = state_paths.expected(values, valid, theta, trans)[1]
    np.testing.assert_allclose(moves, hmm.transitions(init, trans, log_lik), rtol=0, atol=1e-9)


def test_evidence_of_a_model_that_fits_on_a_napkin():
    """p(y_2 = 1 | y_1 = 0) = 0.7, and p(y_3 = 1 | y_2 = 1) given that.

    z_2 is (0.5, 0.5) before and (0.9, 0.5) / 1.4 after y_2; z_3 is then (0.6143, 0.3857).
    """
    theta = np.array([[[0.1, 0.9], [0.8, 0.2]], [[0.5, 0.5], [0.4, 0.6]]])
    trans = np.array([[0.8, 0.2], [0.2, 0.8]])
    values, valid = np.array([0, 1, 1]), np.ones(3, bool)
    third = (0.9 * 0.8 + 0.5 * 0.2) / 1.4
    truth = [0, math.log(0.7), math.log(third * 0.2 + (1 - third) * 0.6)]
    np.testing.assert_allclose(
        state_paths.frame_evidence(values, valid, theta, trans), truth, rtol=0, atol=1e-12
    )


def test_runs_are_used_from_ten_frames_per_run_on_whatever_is_missing():
    valid = np.ones(100, bool)
    assert state_paths.use_runs(np.repeat(np.arange(10), 10), valid)
    assert not state_paths.use_runs(np.repeat(np.arange(11), 10)[10 - 1 : -1], valid)
    valid[10:90] = False
    assert state_paths.use_runs(np.arange(100) % 7 * ~valid, valid)
    assert not state_paths.use_runs(np.zeros(9, int), np.ones(9, bool))


def test_paths_spread_as_the_marginals_say():
    theta, trans, values, valid = world(300, seed=8)
    cache = state_paths.powers(theta, trans)
    truth = state_paths.marginals(values, valid, theta, trans)
    rng = np.random.default_rng(0)
    for pieces in (whole(values, valid), None):
        share = np.zeros((300, 4))
        for _ in range(2000):
            path = state_paths.sample(rng, values, valid, pieces, theta, trans, cache)
            share[np.arange(300), path.states] += 1 / 2000
        assert np.abs(share - truth).max() < 5 * 0.5 / math.sqrt(2000)


def test_a_fixed_model_tells_what_another_library_says():
    """dynamax 0.1.9 with JAX 0.4.38 in double precision: `hmm_smoother`, `hmm_posterior_mode`.

    Its initial distribution was uniform, and frames without a pair had log likelihood 0.
    """
    k, i, j = np.ogrid[:3, :4, :4]
    theta = 1.0 + (3 * k + 5 * i + 7 * j + k * i * j) % 11
    theta /= theta.sum(-1, keepdims=True)
    k, m = np.ogrid[:3, :3]
    trans = 1.0 + (2 * k + m) % 3 + 20 * np.eye(3)
    trans /= trans.sum(-1, keepdims=True)
    t = np.arange(60)
    values, valid = ((t // 3) ** 2 + t // 7) % 4, ~(((t >= 20) & (t < 26)) | (t == 41))
    for pieces in (None, whole(values, valid), whole(values, valid, 2)):
        found = state_paths.evidence(values, valid, pieces, theta, trans)
        assert found == pytest.approx(-71.05191267048409, rel=1e-12)
    probs = state_paths.marginals(values, valid, theta, trans)[[0, 10, 23, 41, 59]]
    truth = [
        [0.1209505195, 0.3670603422, 0.5119891383], [0.0722901786, 0.3583752265, 0.5693345949],
        [0.2573975892, 0.4163297031, 0.3262727077], [0.0747674037, 0.4488326473, 0.476399949],
        [0.0611756021, 0.2772716703, 0.6615527276],
    ]  # fmt: skip
    np.testing.assert_allclose(probs, truth, atol=1e-6)
    causal = state_paths.filtered(values, valid, theta, trans)[[10, 23, 58]]
    truth = [
        [0.1336261716, 0.4914505262, 0.3749233022], [0.2978407938, 0.3747258625, 0.3274333437],
        [0.1264769145, 0.3682540819, 0.5052690036],
    ]  # fmt: skip
    np.testing.assert_allclose(causal, truth, atol=1e-6)
    path = state_paths.viterbi(values, valid, theta, trans)
    np.testing.assert_array_equal(path, [1] * 8 + [2] * 52)

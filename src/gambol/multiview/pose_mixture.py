"""A mixture of pose states, learned from bones whose directions and headings are summed out.

EM begins at k-means++ centres. Directions of noisy points scatter more than the animal's do,
and a heading taken from some of the points makes these look surer than they are; so what counts
for a state is what it expects of each direction, averaged over the headings that the whole pose
allows (a few around the best one). How many states there are is what tells stretches of frames
best that were left out.
Source: Banerjee, Dhillon, Ghosh and Sra (2005), JMLR 6:1345 (EM); Arthur and Vassilvitskii
(2007) for the start; Geisser (1975), JASA 70:320, for leaving out.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import logsumexp

from gambol.kernels import hmm, pose_states, rotation, vmf
from gambol.kernels.pose_states import States

SHARPEST = 200.0  # κ, sd 4 degrees; sharper states are those of very few frames
COUNTS = (1, 2, 4, 8, 16, 32, 64, 120)  # of states that are compared; the last of Zhang et al.
FOLDS, BLOCKS = 3, 4  # left out in turn, each in so many stretches
PSEUDO = 1.0  # Dirichlet(2) on weights and moves: one more observation of each
STICKY = 5.0  # moves from each state to itself beyond those
STARTS, LLOYD, SHORT = 4, 5, 8  # beginnings, their steps of k-means, and of EM
BRIEF = 15  # steps of EM where only numbers of states are compared
FRESH = 5.0  # κ of a state that begins anew
SETTLED = 1e-4  # nats a frame that an iteration gains, below which EM ends
ROUNDS = 60  # of EM at most; with a good start it settles after a few
AROUND = (-2.0, -1.0, 0.0, 1.0, 2.0)  # headings that are tried, in sd
NARROW, FIRST, WIDE = 0.005, 0.15, 0.6  # sd of a heading, radians: least, at first, most


class Learning(NamedTuple):
    """What EM looks at."""

    bones: Float[
        np.ndarray, "T J 3"
    ]  # turned back by a first guess of the heading; 0: not seen
    pull: Float[np.ndarray, "T J"]  # ρ/σ²; 0 where not seen
    up: Float[np.ndarray, " 3"]  # about which headings turn
    turning: bool  # whether they do

    def of(self, chosen: np.ndarray) -> "Learning":
        """Return some frames."""
        return self._replace(bones=self.bones[chosen], pull=self.pull[chosen])


class Headings(NamedTuple):
    """What is known of headings, from the first guess."""

    mean: Float[np.ndarray, " T"]  # radians
    sd: Float[np.ndarray, " T"]


class Expected(NamedTuple):
    """What states say of every frame, at K headings."""

    bones: list[Float[np.ndarray, "T J 3"]]  # as the animal sees them, at each heading
    probs: list[Float[np.ndarray, "T S"]]  # p(s, h); all K together sum to 1 in every frame
    evidence: Float[np.ndarray, " T"]  # log p of the bones, up to a constant
    headings: Headings  # now


def choose(rng: np.random.Generator, seen: Learning, most: int) -> int:
    """Return the number of states that tells stretches best that were left out.

    Args:
        rng: of the starts.
        seen: frames in order of time.
        most: states.
    """
    frames = len(seen.pull)
    if frames < FOLDS * BLOCKS:
        return 1
    fold = np.arange(frames) * FOLDS * BLOCKS // frames % FOLDS
    best, highest = 1, -np.inf
    for n in (count for count in COUNTS if count <= max(most, 1)):
        score = 0.0
        for left in range(FOLDS):
            taught = seen.of(fold != left)
            states = mixture(rng, taught, min(n, len(taught.pull)), BRIEF, 1)
            score += float(told(states, seen.of(fold == left)).sum())
        if score > highest:
            best, highest = n, score
        elif n > 2 * best:
            break  # more states tell less and less
    return best


def told(states: States, seen: Learning) -> Float[np.ndarray, " T"]:
    """Return the log evidence of frames, up to a constant, with headings summed out."""
    headings = _first_headings(seen)
    for _ in range(4):  # to where the headings of these states are
        found = _expect(states, seen, headings)
        headings = found.headings
    return _expect(states, seen, headings).evidence


def mixture(
    rng: np.random.Generator,
    seen: Learning,
    count: int,
    iterations: int = ROUNDS,
    starts: int = STARTS,
) -> States:
    """Return the states of EM from the best of a few starts."""
    frames, joints = seen.pull.shape
    flat = States(np.zeros(1), np.tile([1.0, 0, 0], (1, joints, 1)), np.zeros((1, joints)))
    plain = pose_states.moments(
        flat, seen.bones, _level(frames), seen.pull, np.ones((frames, 1))
    ).mean
    known = seen.pull > 0
    tried = []
    for _ in range(starts if count > 1 else 1):
        centres = _centres(rng, plain, known, count)
        for _ in range(LLOYD):
            nearest = np.eye(count)[_nearest(plain, known, centres)]
            totals = np.einsum("ts,tja->sja", nearest, plain)
            centres = totals / np.maximum(nearest.T @ known, 1)[..., None]
        begin = _first(plain, np.eye(count)[_nearest(plain, known, centres)])
        tried.append(_em(seen, plain, begin, SHORT))
    best = max(tried, key=lambda one: one[1])[0]
    return _em(seen, plain, best, iterations)[0]


def moves(seen: Learning, states: States) -> Float[np.ndarray, "S S"]:
    """Return Λ, from row to column, by EM; states stay as they are."""
    count = len(states.log_weights)
    weights = np.exp(states.log_weights)
    headings = _first_headings(seen)
    for _ in range(4):
        found = _expect(states, seen, headings)
        headings = found.headings
    with np.errstate(divide="ignore"):  # a state may be ruled out
        own = np.log(np.sum(found.probs, axis=0))
    likelihood = np.maximum(own, -300.0) - states.log_weights
    base = PSEUDO / count + STICKY * np.eye(count)
    follow = (base + weights) / (base + weights).sum(axis=1, keepdims=True)
    for _ in range(10):
        pairs = hmm.transitions(weights, follow, likelihood) + base
        follow = pairs / pairs.sum(axis=1, keepdims=True)
    return follow


def some(seen: Learning, frames: Int[np.ndarray, " N"], most: int) -> Learning:
    """Return at most so many frames, evenly spread."""
    return seen.of(frames[np.linspace(0, len(frames) - 1, min(len(frames), most)).astype(int)])


def _level(frames: int) -> Float[np.ndarray, "T 3 3"]:
    return np.broadcast_to(np.eye(3), (frames, 3, 3)).copy()


def _first_headings(seen: Learning) -> Headings:
    frames = len(seen.pull)
    return Headings(np.zeros(frames), np.full(frames, FIRST))


def _expect(states: States, seen: Learning, headings: Headings) -> Expected:
    """E-step over states and a few headings around the best."""
    frames, count = len(seen.pull), len(states.log_weights)
    everything = np.ones((frames, count), bool)
    tries = AROUND if seen.turning else (0.0,)
    angles = [headings.mean + step * headings.sd for step in tries]
    bones = [
        np.einsum("tab,tjb->tja", rotation.about(seen.up, -angle), seen.bones)
        for angle in angles
    ]
    level = _level(frames)
    scores = np.stack(
        [pose_states.score(states, part, level, seen.pull, everything) for part in bones]
    )
    total = logsumexp(scores, axis=(0, 2))
    probs = np.exp(scores - total[:, None])
    if not seen.turning:
        return Expected(bones, list(probs), total, headings)
    share, grid = probs.sum(axis=2), np.array(angles)
    mean = (share * grid).sum(axis=0)
    sd = np.sqrt((share * (grid - mean) ** 2).sum(axis=0))
    now = Headings(mean, np.clip(sd, NARROW, WIDE))
    return Expected(bones, list(probs), total + np.log(headings.sd), now)


def _em(
    seen: Learning, plain: Float[np.ndarray, "T J 3"], states: States, iterations: int
) -> tuple[States, float]:
    """States and log evidence; states that nothing belongs to start again elsewhere."""
    bones = (seen.pull > 0).sum(axis=1)
    before = total = -np.inf
    headings = _first_headings(seen)
    for n in range(iterations):
        found = _expect(states, seen, headings)
        headings, total = found.headings, float(found.evidence.sum())
        states, belong = _update(seen, states, found)
        empty = np.flatnonzero(belong < 1)
        if len(empty) and n < iterations // 2:
            worst = np.argsort(found.evidence / np.maximum(bones, 1))[: len(empty)]
            fresh = _first(plain[worst], np.eye(len(worst)))
            states.directions[empty[: len(worst)]] = fresh.directions
            states.concentration[empty[: len(worst)]] = FRESH * (seen.pull[worst] > 0)
        elif abs(total - before) < SETTLED * len(bones):
            break
        before = total
    return states, total


def _centres(
    rng: np.random.Generator,
    plain: Float[np.ndarray, "T J 3"],
    known: Bool[np.ndarray, "T J"],
    count: int,
) -> Float[np.ndarray, "S J 3"]:
    """k-means++: frames drawn by their squared distance from those before."""
    picked = [int(rng.integers(len(plain)))]
    far = _distance(plain, known, plain[picked[0]])
    for _ in range(count - 1):
        total = far.sum()
        chance = far / total if total > 0 else np.full(len(far), 1 / len(far))
        picked.append(int(rng.choice(len(plain), p=chance)))
        far = np.minimum(far, _distance(plain, known, plain[picked[-1]]))
    return plain[picked]


def _distance(
    plain: Float[np.ndarray, "T J 3"],
    known: Bool[np.ndarray, "T J"],
    centre: Float[np.ndarray, "J 3"],
) -> Float[np.ndarray, " T"]:
    """Mean squared distance over the bones that were seen in both."""
    both = known & (np.abs(centre).sum(axis=-1) > 0)
    squares = ((plain - centre) ** 2).sum(axis=-1) * both
    return np.asarray(squares.sum(axis=1) / np.maximum(both.sum(axis=1), 1))


def _nearest(
    plain: Float[np.ndarray, "T J 3"],
    known: Bool[np.ndarray, "T J"],
    centres: Float[np.ndarray, "S J 3"],
) -> Int[np.ndarray, " T"]:
    return np.stack([_distance(plain, known, c) for c in centres]).argmin(axis=0)


def _update(
    seen: Learning, states: States, found: Expected
) -> tuple[States, Float[np.ndarray, " S"]]:
    """M-step with the directions that each state expects; and how many frames belong to it."""
    totals = np.zeros((*states.concentration.shape, 3))
    level = _level(len(seen.pull))
    for bones, probs in zip(found.bones, found.probs, strict=True):
        for s in range(len(totals)):
            mine = np.flatnonzero(probs[:, s] > 1e-6)
            if len(mine):
                one = States(
                    np.zeros(1), states.directions[s : s + 1], states.concentration[s : s + 1]
                )
                own = np.ascontiguousarray(probs[mine, s : s + 1])
                part = bones[mine], level[mine], seen.pull[mine]
                totals[s] += pose_states.moments(one, *part, own).mean.sum(axis=0)
    whole = np.sum(found.probs, axis=0)
    belong = whole.sum(axis=0)
    return _from_totals(totals, whole.T @ (seen.pull > 0), belong), belong


def _first(plain: Float[np.ndarray, "T J 3"], probs: Float[np.ndarray, "T S"]) -> States:
    """States of frames of which E[u] = A(κ̃) Δ/|Δ| is known where κ = 0.

    Noise shortens the mean of Δ/|Δ| by about A(κ̃); so A(κ) ν is its regression on A(κ̃).
    """
    squares = (plain**2).sum(axis=-1)
    return _from_totals(
        np.einsum("ts,tja->sja", probs, plain), probs.T @ squares, probs.sum(axis=0)
    )


def _from_totals(
    totals: Float[np.ndarray, "S J 3"],
    count: Float[np.ndarray, "S J"],
    belong: Float[np.ndarray, " S"],
) -> States:
    """States of these sums of directions, numbers of them and numbers of frames.

    n directions lie closer to their own mean than to ν; 1 - r is widened by n / (n - 1).
    """
    length = np.linalg.norm(totals, axis=-1)
    mean = length / np.maximum(count, 1e-12)
    wide = 1 - (1 - mean) * count / np.maximum(count - 1, 1e-12)
    kappa = np.where(count > 1, np.minimum(vmf.concentration(np.clip(wide, 0, 1)), SHARPEST), 0)
    ahead = np.where(length[..., None] > 0, totals, np.array([1.0, 0.0, 0.0]))
    unit = ahead / np.where(length > 0, length, 1.0)[..., None]
    weights = belong + PSEUDO
    return States(np.log(weights / weights.sum()), unit, np.where(length > 0, kappa, 0.0))

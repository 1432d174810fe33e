"""Who animals are by their looks, where a network knows individuals by name.

A network that has seen the same animals often is surer than it is right, so one temperature,
learned on validation, divides its log-probabilities. Source: Guo et al. (2017), ICML, "On
calibration of modern neural networks".
"""

from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped
from scipy.optimize import linear_sum_assignment, minimize_scalar

from gambol.kernels.bootstrap import percentile_interval, resample

FEW = 8  # animals from which a temperature is learned
WIDEST = 5.0  # nats: a temperature lies within exp(± WIDEST)
SCORES = ("rank1", "one_to_one", "said")


def soften(looks: Float[np.ndarray, "M A"], temperature: float) -> Float[np.ndarray, "M A"]:
    """Return log-probabilities that sum to one, as sure as the temperature allows.

    Args:
        looks: logits or log-probabilities of A classes.
        temperature: above 1 makes less sure.
    """
    if not looks.size:
        return looks.astype(np.float64)
    scaled = looks.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    return np.asarray(scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True)))


def fit_temperature(looks: Float[np.ndarray, "M A"], who: Int[np.ndarray, " M"]) -> float:
    """Return the temperature under which the true classes are likeliest; 1 for few animals.

    Each true class counts as (M + 1) / (M + A) right, so that a network without a mistake is
    not taken for one that never makes any (Platt 1999).

    Args:
        looks: logits or log-probabilities of A classes.
        who: class of each animal; those of -1 do not count.
    """
    looks, who = looks[who >= 0], who[who >= 0]
    m, a = looks.shape
    if m < FEW or a < 2:
        return 1.0
    target = np.full((m, a), 1 / (m + a))
    target[np.arange(m), who] = (m + 1) / (m + a)

    def loss(log_temperature: float) -> float:
        return -float((target * soften(looks, float(np.exp(log_temperature)))).sum())

    found = minimize_scalar(loss, bounds=(-WIDEST, WIDEST), method="bounded")
    return float(np.exp(found.x))


def one_to_one(looks: Float[np.ndarray, "I A"]) -> Int[np.ndarray, " I"]:
    """Give every animal of a frame its own class, the likeliest way; -1 beyond A animals."""
    who = np.full(len(looks), -1)
    animal, name = linear_sum_assignment(-looks)
    who[animal] = name
    return who


def renumber(
    individual: Int[np.ndarray, " N"], individuals: tuple[str, ...], classes: tuple[str, ...]
) -> Int[np.ndarray, " N"]:
    """Return the class of labelled animals, by name; -1 where nobody or no class is named so.

    >>> renumber(np.array([0, 1, -1]), ("bob", "eve"), ("ann", "bob")).tolist()
    [1, -1, -1]
    """
    number = [classes.index(name) if name in classes else -1 for name in individuals]
    return np.asarray(np.array([*number, -1], np.int64)[individual])


def score(
    looks: Float[np.ndarray, "D A"],
    matched: Int[np.ndarray, " N"],
    who: Int[np.ndarray, " N"],
    frame: Shaped[np.ndarray, " N"],
    groups: Shaped[np.ndarray, " N"] | None = None,
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> dict[str, Any]:
    """Return how often looks name the right animal, among those that were found.

    Args:
        looks: log-probabilities of A classes, of all detections.
        matched: detection that shows each labelled animal; -1 where it was missed.
        who: class of each labelled animal; -1 where it is unknown.
        frame: of each labelled animal; those of one frame are named one to one.
        groups: of labelled animals that the bootstrap draws together; frames by default.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Returns:
        `n` animals; `rank1`, the share whose likeliest class is right; `one_to_one`, the same
        where every class is given once a frame; `said`, the mean probability of the likeliest
        class, equal to `rank1` where probabilities can be believed; `chance` of guessing; and
        intervals of 95 %.
    """
    known = (matched >= 0) & (who >= 0)
    chance = 1 / looks.shape[1]
    if not known.any():
        nothing = dict.fromkeys(SCORES)
        return {"n": 0, **nothing, "chance": chance, "intervals": nothing}
    seen, truth, at = looks[matched[known]], who[known], frame[known]
    named = np.full(len(seen), -1)
    for one in np.unique(at):
        here = np.flatnonzero(at == one)
        named[here] = one_to_one(seen[here])
    columns = [seen.argmax(axis=1) == truth, named == truth, np.exp(seen.max(axis=1))]
    values: Float[np.ndarray, "M S"] = np.stack(columns, axis=1).astype(np.float64)

    def mean(weights: Int[np.ndarray, "B M"]) -> Float[np.ndarray, "B S"]:
        return np.asarray((weights @ values) / weights.sum(axis=1, keepdims=True))

    together = at if groups is None else groups[known]
    drawn = resample(mean, together, np.random.default_rng(seed), resamples)
    low, high = percentile_interval(drawn)
    return {
        "n": len(seen),
        **dict(zip(SCORES, values.mean(axis=0).tolist(), strict=True)),
        "chance": chance,
        "intervals": {name: [float(low[k]), float(high[k])] for k, name in enumerate(SCORES)},
    }

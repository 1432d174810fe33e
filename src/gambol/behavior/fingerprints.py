"""Fingerprints: what an animal's movement is distributed like, and whether that tells groups.

A fingerprint is the share of time in bins of scalars (speed, turning, length, height) and the
usage of labels. The classifier of groups (logistic, L2) is asked about each animal after it
learned from the others, and about labels that were permuted among the animals.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int, Int64

from gambol.behavior import group_values
from gambol.behavior.group_values import Units
from gambol.behavior.syllable_table import Scalars
from gambol.core.errors import InputError
from gambol.kernels import permutation, ridge_logistic, streams

BINS = 24
_TAILS = (0.005, 0.995)  # quantiles between which bins lie; the outer bins hold the rest


class Fingerprints(NamedTuple):
    """M animals, one row each, the groups one after the other."""

    animals: tuple[str, ...]
    level: Int64[np.ndarray, " M"]  # index into `levels`
    levels: tuple[str, ...]
    shares: dict[str, Float[np.ndarray, "M _"]]  # of time, by scalar; rows sum to 1
    edges: dict[str, Float[np.ndarray, " _"]]  # of the bins, one more than they are


class Classified(NamedTuple):
    """Whether animals can be told apart by group."""

    accuracy: float  # mean over groups of the share of animals told right
    p: float  # share of permuted labellings told as well; never 0
    null: Float[np.ndarray, " B"]  # accuracies of these
    chance: float  # mean of these
    confusion: Int64[np.ndarray, "G G"]  # animals: rows true, columns told
    levels: tuple[str, ...]
    animals: pd.DataFrame  # animal, group, told, and the margin by which
    weights: pd.DataFrame  # of standardised measures: rows measures, columns groups
    notes: tuple[str, ...]

    def __str__(self) -> str:
        """Say what was found."""
        right, total = int(np.trace(self.confusion)), int(self.confusion.sum())
        return (
            f"{right} of {total} animals told right (balanced accuracy {self.accuracy:.2f}, "
            f"permuted labels {self.chance:.2f}, p = {self.p:.3g})."
        )


def fingerprints(
    of_frames: Mapping[str, Scalars],
    animals: pd.DataFrame,
    factor: str,
    bins: int = BINS,
) -> Fingerprints:
    """Return how long each animal moves how fast, turns how fast, is how long.

    Args:
        of_frames: scalars of each recording, by its name.
        animals: a row a recording: `recording`, `animal` and the factor.
        factor: column that tells groups apart.
        bins: of each scalar, equally wide; the first and the last hold what is beyond.
    """
    if not of_frames:
        raise InputError("no recording has poses; fingerprints need speeds of some")
    keys = list(next(iter(of_frames.values())))
    shares, edges, told = {}, {}, None
    for key in keys:
        series = {name: values[key] for name, values in of_frames.items()}
        edges[key] = _edges(series, bins)
        each = {name: _histogram(values, edges[key]) for name, values in series.items()}
        table = pd.DataFrame.from_dict(each, orient="index")
        told = group_values.units(table.rename_axis(index="recording"), animals, factor)
        order = np.argsort(told.level, kind="stable")
        shares[key] = told.values[order]
    if told is None:
        raise InputError("the recordings have no scalars; give speed, turning or the like")
    order = np.argsort(told.level, kind="stable")
    names = tuple(told.animal[i] for i in order)
    return Fingerprints(names, told.level[order].astype(np.int64), told.levels, shares, edges)


def classify(
    values: pd.DataFrame,
    animals: pd.DataFrame,
    factor: str,
    *,
    strength: float = 1.0,
    permutations: int = 500,
    random_state: int = 0,
) -> Classified:
    """Tell the group of every animal from measures, after learning from all other animals.

    Several recordings of an animal are averaged first. Measures are standardised by the
    animals that are learned from; all groups weigh the same.

    Args:
        values: rows recordings, columns measures, such as usages or bigrams.
        animals: a row a recording: `recording`, `animal` and the factor.
        factor: column that tells groups apart.
        strength: C of the L2 penalty.
        permutations: labellings of the animals that are told as well; all if there are fewer.
        random_state: seed of these.
    """
    units = group_values.units(values, animals, factor)
    x = np.nan_to_num(units.values)
    counts = np.bincount(units.level, minlength=len(units.levels))
    if counts.min() < 2:
        lone = units.levels[int(counts.argmin())]
        raise InputError(f"group {lone!r} has {counts.min()} animal; leaving one out needs two")
    rng = streams.generator(random_state, "classify", factor)
    one = np.zeros_like(units.level)
    drawn = permutation.arrangements(units.level, one, permutations, rng)
    labels = np.concatenate([units.level[None], drawn.labels])
    margin = _left_out(x, labels, len(units.levels), strength)  # (B + 1, M, G)
    told = margin.argmax(axis=2)
    accuracy = _balanced(labels, told, len(units.levels))
    seen, null = accuracy[:1], accuracy[1:, None]
    p = float(permutation.p_values(seen, null, drawn.exact)[0])
    confusion = np.zeros((len(counts), len(counts)), np.int64)
    np.add.at(confusion, (units.level, told[0]), 1)
    return Classified(
        float(seen[0]), p, null[:, 0], float(null.mean()), confusion, units.levels,
        _each(units, told[0], margin[0]), _weights(x, units, strength, values.columns),
        _notes(len(drawn.labels), drawn.exact),
    )  # fmt: skip


def _left_out(
    x: Float[np.ndarray, "M S"], labels: Int[np.ndarray, "B M"], groups: int, strength: float
) -> Float[np.ndarray, "B M G"]:
    """Return how much each animal looks like each group to a model of the other animals."""
    margin = np.empty((*labels.shape, groups))
    for i in range(len(x)):
        others = np.arange(len(x)) != i
        scaled, centre, scale = _standardised(x[others])
        weights, bias = _fitted(scaled, labels[:, others], groups, strength)
        margin[:, i] = weights @ ((x[i] - centre) / scale) + bias
    return margin


def _fitted(
    x: Float[np.ndarray, "M S"], labels: Int[np.ndarray, "B M"], groups: int, strength: float
) -> tuple[Float[np.ndarray, "B G S"], Float[np.ndarray, "B G"]]:
    """Return weights and biases of the groups; two groups have one model and its opposite."""
    if groups > 2:
        return ridge_logistic.fit_classes(x, labels, groups, strength)
    found = ridge_logistic.fit(x, labels == 1, strength)
    weights, bias = (np.stack([-part, part], axis=1) for part in found)
    return weights, bias


def _standardised(
    x: Float[np.ndarray, "M S"],
) -> tuple[Float[np.ndarray, "M S"], Float[np.ndarray, " S"], Float[np.ndarray, " S"]]:
    centre, spread = x.mean(axis=0), x.std(axis=0)
    scale = np.where(spread > 1e-12, spread, np.inf)  # what never differs tells nothing
    return (x - centre) / scale, centre, scale


def _balanced(
    labels: Int[np.ndarray, "B M"], told: Int[np.ndarray, "B M"], groups: int
) -> Float[np.ndarray, " B"]:
    """Mean over groups of the share told right."""
    right = labels == told
    each = [
        (right & (labels == g)).sum(axis=1) / (labels == g).sum(axis=1) for g in range(groups)
    ]
    return np.asarray(np.mean(each, axis=0))


def _each(units: Units, told: np.ndarray, margin: np.ndarray) -> pd.DataFrame:
    own = margin[np.arange(len(told)), units.level]
    other = margin.copy()
    other[np.arange(len(told)), units.level] = -np.inf
    return pd.DataFrame(
        {
            "animal": units.animal,
            "group": [units.levels[g] for g in units.level],
            "told": [units.levels[g] for g in told],
            "margin": own - other.max(axis=1),
        }
    )


def _weights(x: np.ndarray, units: Units, strength: float, columns: pd.Index) -> pd.DataFrame:
    scaled = _standardised(x)[0]
    found = _fitted(scaled, units.level[None], len(units.levels), strength)[0][0]
    return pd.DataFrame(found.T, index=columns, columns=list(units.levels))


def _notes(count: int, exact: bool) -> tuple[str, ...]:
    if not exact or count > 100:
        return ()
    return (f"These animals can be labelled in {count} ways only, so p is coarse.",)


def _edges(series: Mapping[str, np.ndarray], bins: int) -> Float[np.ndarray, " _"]:
    """Return edges between quantiles of all recordings, each of which weighs the same."""
    known = [values[np.isfinite(values)] for values in series.values()]
    ends = np.array([np.quantile(values, _TAILS) for values in known if len(values)])
    if not len(ends):
        return np.linspace(0.0, 1.0, bins + 1)
    low, high = float(ends[:, 0].min()), float(ends[:, 1].max())
    return np.linspace(low, high if high > low else low + 1.0, bins + 1)


def _histogram(
    values: Float[np.ndarray, " T"], edges: Float[np.ndarray, " _"]
) -> Float[np.ndarray, " _"]:
    """Return shares of time; what is beyond the edges is in the outer bins."""
    known = values[np.isfinite(values)]
    count = np.histogram(np.clip(known, edges[0], edges[-1]), edges)[0]
    return np.asarray(count / len(known) if len(known) else np.full(len(count), np.nan))

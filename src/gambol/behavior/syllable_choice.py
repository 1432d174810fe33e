"""Which of several fits to keep: the one whose dynamics foretell the others' latents best.

EML_i = mean over j ≠ i of log p(x^(j) | dynamics of i) / frames. Beside it stand how alike the
labels are (mean adjusted Rand index), for each syllable the median over fits of its best
overlap (intersection / union), and R̂ of the log joint.
Source of the expected marginal likelihood: Weinreb et al. (2024), Nat. Methods 21:1329.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from gambol.behavior import compare, diagnose, syllables
from gambol.behavior.gibbs import side_by_side
from gambol.behavior.syllable_chain import Chain
from gambol.core.errors import InputError
from gambol.kernels import arhmm, arhmm_paths

STABLE = 0.5  # overlap below which a syllable is called unstable


class Choice(NamedTuple):
    """How F fits compare."""

    best: int  # the highest EML
    eml: Float[np.ndarray, " F"]  # nats a frame
    agreement: Float[np.ndarray, " F"]  # mean adjusted Rand index with the others
    overlap: Float[np.ndarray, "F N"]  # of each state, NaN where it is not used
    unstable: Bool[np.ndarray, "F N"]
    rhat: float  # of the log joint over fits


def choose(chains: Sequence[Chain], threads: int = 1) -> Choice:
    """Compare fits of the same series with different seeds, two or more."""
    if len(chains) < 2:
        raise InputError(f"{len(chains)} fits; give two or more to choose from")
    n, fits = len(chains[0].parameters.beta), len(chains)
    told = np.zeros((fits, fits))
    pairs = [(i, j) for i in range(fits) for j in range(fits) if i != j]

    def one(pair: tuple[int, int]) -> float:
        known, series = chains[pair[0]].parameters, chains[pair[1]].hidden
        laid = arhmm.lay(known.dynamics)
        total = sum(arhmm_paths.evidence(own.x, laid, known.trans) for own in series)
        return total / max(1, sum(len(own.z) for own in series))

    for pair, value in zip(pairs, side_by_side(one, pairs, threads), strict=True):
        told[pair] = value
    eml = told.sum(axis=1) / (fits - 1)
    every = [np.concatenate([own.z for own in chain.hidden]) for chain in chains]
    alike, overlaps = np.eye(fits), np.full((fits, fits, n), np.nan)
    for i, j in pairs:
        table = np.zeros((n, n), np.int64)
        np.add.at(table, (every[i], every[j]), 1)
        alike[i, j] = compare.adjusted_rand(table)
        overlaps[i, j] = overlap(table)
    middle = np.array(
        [np.median(np.delete(overlaps[i], i, axis=0), axis=0) for i in range(fits)]
    )
    share = np.array([syllables.usage([z], n) for z in every])
    middle = np.where(share > 0, middle, np.nan)
    agreement = (alike.sum(axis=1) - 1) / (fits - 1)
    rhat = diagnose.split_rhat([frozen(chain) for chain in chains])
    return Choice(int(eml.argmax()), eml, agreement, middle, middle < STABLE, rhat)


def frozen(chain: Chain) -> Float[np.ndarray, " I"]:
    """Return the log joint of the sweeps since the stickiness was frozen."""
    kappa = chain.trace[:, 4]
    moved = np.flatnonzero(np.diff(kappa))
    return chain.trace[int(moved[-1]) + 1 if len(moved) else 0 :, 1]


def overlap(table: Float[np.ndarray, "N M"] | np.ndarray) -> Float[np.ndarray, " N"]:
    """Return the best intersection over union of each row's label with any column's.

    >>> overlap(np.array([[6, 2], [0, 4]])).round(3).tolist()
    [0.75, 0.667]
    """
    union = table.sum(axis=1)[:, None] + table.sum(axis=0)[None] - table
    return (table / np.maximum(union, 1)).max(axis=1)

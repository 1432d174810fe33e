"""The best way to say what a few places show and to part them into groups, both at once.

A candidate says of a place what it shows; of a place one candidate counts, or none. What counts
is worth something alone and together with others of its group, some of which exclude each
other. The integer programme has y for every candidate, z for every two places that are of one
group, and w for every two candidates that count and are: w_pq = y_p y_q z_de. Source:
Pishchulin et al. (2016), CVPR, "DeepCut: joint subset partition and labeling for multi person
pose estimation". `kernels.partition` is the case in which every place has one candidate.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

SECONDS = 2.0  # of the solver, at most

Entry = tuple[int, float]  # of a row of constraints: variable and factor


class Labelled(NamedTuple):
    """Which candidates count, and who is with whom."""

    counts: Bool[np.ndarray, " P"]
    label: Int[np.ndarray, " P"]  # group; says nothing of those that do not count
    gap: float  # how much more the best may be worth; 0: this is the best


class Problem(NamedTuple):
    """P candidates at some places."""

    place: Int[np.ndarray, " P"]
    value: Float[np.ndarray, " P"]  # what it is worth that a candidate counts
    gain: Float[np.ndarray, "P P"]  # what it is worth that two count in one group; symmetric
    apart: Bool[np.ndarray, "P P"]  # two that are never in one group, if they count; symmetric


def worth(
    asked: Problem, counts: Bool[np.ndarray, " P"], label: Int[np.ndarray, " P"]
) -> float:
    """Sum of the values of what counts, and of the gains of all pairs that are together.

    >>> two = Problem(np.arange(2), np.ones(2), np.full((2, 2), 3.0), np.zeros((2, 2), bool))
    >>> worth(two, np.array([True, True]), np.array([7, 7]))
    5.0
    """
    together = (label[:, None] == label) & counts[:, None] & counts
    return float(asked.value[counts].sum() + np.triu(asked.gain * together, 1).sum())


def allowed(
    asked: Problem, counts: Bool[np.ndarray, " P"], label: Int[np.ndarray, " P"]
) -> bool:
    """Whether places show one thing each, and nothing is with what it excludes."""
    together = np.triu((label[:, None] == label) & counts[:, None] & counts, 1)
    shown = np.unique(asked.place[counts], return_counts=True)[1]
    return bool((shown <= 1).all() and not (together & asked.apart).any())


def keep(
    asked: Problem, counts: Bool[np.ndarray, " P"], label: Int[np.ndarray, " P"]
) -> Labelled:
    """Keep what is there; nothing is worth more than all values and gains together."""
    most = np.maximum(asked.value, 0).sum() + np.triu(np.maximum(asked.gain, 0), 1).sum()
    return Labelled(counts, label, float(most) - worth(asked, counts, label))


def improve(
    asked: Problem,
    counts: Bool[np.ndarray, " P"],
    label: Int[np.ndarray, " P"],
    seconds: float = SECONDS,
) -> Labelled:
    """Find what is worth most, or keep what is there.

    What the solver holds when its time is over depends on the machine, so that is not taken.

    Args:
        asked: candidates and what they are worth.
        counts: an allowed choice, kept unless the best one is better and found in time.
        label: and its groups.
        seconds: that the solver may take.
    """
    before = worth(asked, counts, label)
    if not len(asked.place):
        return Labelled(counts, label, 0.0)
    made = _Programme(asked)
    found = milp(
        -made.objective(),
        integrality=made.whole(),
        bounds=Bounds(0, 1),
        constraints=made.constraints(),
        options={"time_limit": seconds, "mip_rel_gap": 0.0},
    )
    if found.status != 0:
        kept = keep(asked, counts, label)
        if found.mip_dual_bound is not None and np.isfinite(found.mip_dual_bound):
            bound = max(-float(found.mip_dual_bound) - before, 0.0)
            kept = kept._replace(gap=min(kept.gap, bound))
        return kept
    best = made.groups(found.x)
    if worth(asked, best.counts, best.label) <= before + 1e-9 * (1 + abs(before)):  # rounding
        return Labelled(counts, label, 0.0)
    return best


class _Programme:
    """Variables in the order y, z, w, and what holds for them."""

    def __init__(self, asked: Problem) -> None:
        self.asked = asked
        n = len(asked.place)
        _, self.at = np.unique(asked.place, return_inverse=True)
        self.places = int(self.at.max()) + 1
        self.first, self.second = np.triu_indices(self.places, 1)
        z = np.full((self.places, self.places), -1)
        z[self.first, self.second] = z[self.second, self.first] = n + np.arange(len(self.first))
        self.z: list[list[int]] = z.tolist()
        p, q = np.triu_indices(n, 1)
        joint = (self.at[p] != self.at[q]) & ~asked.apart[p, q] & (asked.gain[p, q] != 0)
        self.p, self.q = p[joint], q[joint]
        self.w = n + len(self.first) + np.arange(len(self.p))

    def objective(self) -> Float[np.ndarray, " V"]:
        """Return what each variable is worth."""
        asked = self.asked
        gain = asked.gain[self.p, self.q]
        return np.concatenate([asked.value, np.zeros(len(self.first)), gain])

    def whole(self) -> Int[np.ndarray, " V"]:
        """Say which variables are whole numbers: w follows from the others."""
        n = len(self.asked.place) + len(self.first)
        return np.repeat([1, 0], [n, len(self.w)])

    def groups(self, x: Float[np.ndarray, " V"]) -> Labelled:
        """Read a solution."""
        counts = x[: len(self.at)] > 1 / 2
        joined = x[len(self.at) : len(self.at) + len(self.first)] > 1 / 2
        links = (np.ones(joined.sum()), (self.first[joined], self.second[joined]))
        shape = (self.places, self.places)
        label = connected_components(csr_array(links, shape=shape), directed=False)[1]
        return Labelled(counts, label[self.at].astype(np.int64), 0.0)

    def constraints(self) -> LinearConstraint:
        """Return all rows, each at most its limit."""
        rows = [*self._shown(), *self._excluded(), *self._pairs()]
        rows += [*self._cliques(), *self._transitive()]
        entries = [(i, j, f) for i, (row, _) in enumerate(rows) for j, f in row]
        i, j, f = zip(*entries, strict=True)
        shape = (len(rows), len(self.at) + len(self.first) + len(self.w))
        return LinearConstraint(
            csr_array(coo_array((f, (i, j)), shape=shape)), -np.inf, [most for _, most in rows]
        )

    def _shown(self) -> list[tuple[list[Entry], float]]:
        """Σ_p y_p <= 1 of every place; a place that shows nothing is with nobody."""
        rows: list[tuple[list[Entry], float]] = []
        for d in range(self.places):
            mine = np.flatnonzero(self.at == d).tolist()
            rows.append(([(p, 1.0) for p in mine], 1.0))
            for e in range(self.places):
                if e != d:
                    rows.append(([(self.z[d][e], 1.0), *((p, -1.0) for p in mine)], 0.0))
        return rows

    def _excluded(self) -> list[tuple[list[Entry], float]]:
        """y_p + y_q + z_de <= 2 of two that exclude each other."""
        p, q = np.nonzero(np.triu(self.asked.apart, 1))
        away = self.at[p] != self.at[q]
        return [
            ([(a, 1.0), (b, 1.0), (self.z[self.at[a]][self.at[b]], 1.0)], 2.0)
            for a, b in zip(p[away].tolist(), q[away].tolist(), strict=True)
        ]

    def _pairs(self) -> list[tuple[list[Entry], float]]:
        """w_pq = y_p y_q z_de; as a place shows one thing, sums of w stay below y and z."""
        rows: list[tuple[list[Entry], float]] = []
        below: dict[tuple[int, int], list[Entry]] = {}
        for w, p, q in zip(self.w.tolist(), self.p.tolist(), self.q.tolist(), strict=True):
            d, e = int(self.at[p]), int(self.at[q])
            z, n = self.z[d][e], len(self.at)
            for key in ((p, e), (q, d), (n, z)):
                below.setdefault(key, []).append((w, 1.0))
            if self.asked.gain[p, q] < 0:
                rows.append(([(p, 1.0), (q, 1.0), (z, 1.0), (w, -1.0)], 2.0))
        for (p, z), sums in below.items():
            rows.append(([*sums, (z if p == len(self.at) else p, -1.0)], 0.0))
        return rows

    def _cliques(self) -> list[tuple[list[Entry], float]]:
        """Σ_q w_pq <= y_p of q that exclude one another: implied, yet bounds get tighter."""
        never = self.asked.apart | (self.at[:, None] == self.at)
        ends = np.concatenate([[self.p, self.q], [self.q, self.p]], axis=1)
        number = np.tile(self.w, 2)
        rows: list[tuple[list[Entry], float]] = []
        for p in np.unique(ends[0]).tolist():
            cliques: list[list[tuple[int, int]]] = []
            for w, q in zip(
                number[ends[0] == p].tolist(), ends[1, ends[0] == p].tolist(), strict=True
            ):
                fits = (c for c in cliques if all(never[q, other] for _, other in c))
                home = next(fits, None)
                if home is None:
                    cliques.append([(w, q)])
                else:
                    home.append((w, q))
            rows += [
                ([(p, -1.0), *((w, 1.0) for w, _ in c)], 0.0) for c in cliques if len(c) > 1
            ]
        return rows

    def _transitive(self) -> list[tuple[list[Entry], float]]:
        """Who is with b and with c of three has b with c: z_ab + z_ac - z_bc <= 1."""
        n = range(self.places)
        return [
            ([(self.z[a][b], 1.0), (self.z[a][c], 1.0), (self.z[b][c], -1.0)], 1.0)
            for a in n for b in n for c in range(b + 1, self.places) if a not in (b, c)
        ]  # fmt: skip

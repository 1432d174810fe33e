"""Who is who after each crossing: motion through it, looks before and after, in one sum.

All permutations of up to 5 animals are kept through the whole recording. With more, animals
that may have been confused with each other are solved as a group, at most 5 at a time, with
the identities they came with. Prototypes of looks are estimated twice more by the identities
found. Names are those of the best-known moment; confidence is relative to it.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment

from gambol.core.instances import UNTRACKED, Detections, Tracks
from gambol.kernels.flow import Pieces
from gambol.kernels.histories import NEVER, Posterior, infer
from gambol.tracking import groups
from gambol.tracking import looks as appearance
from gambol.tracking.exchanges import Crossing, Odds, find, handed_on, judge
from gambol.tracking.looks import Looks
from gambol.tracking.stitch import Stitched
from gambol.tracking.tracklets import Constraints, Tracklets

TOGETHER = 5  # animals whose permutations are all kept: 120
GROUP = 5  # animals of a crossing that are solved together where there are more
ANCHORED = 1000.0  # nats against everyone but the animal that a person named
RENAMED = 25.0  # nats: dearer than that, a person meant the name of the whole path
ROUNDS = 2  # of estimating prototypes anew


class Resolved(NamedTuple):
    """Identities of all detections and how sure they are."""

    tracks: Tracks
    identity: Int[np.ndarray, " M"]  # of each tracklet, or UNTRACKED
    before: Int[np.ndarray, " M"]  # the tracklet that its animal had before, or NEVER
    certainty: Float[np.ndarray, " M"]  # P(identity is right)
    emission: Float[
        np.ndarray, "M N"
    ]  # log p(looks | animal); 0 throughout if they say nothing
    crossings: tuple[Crossing, ...]
    odds: tuple[Odds, ...]  # of each crossing


def resolve(
    detections: Detections,
    tracklets: Tracklets,
    stitched: Stitched,
    n_animals: int,
    looks: Looks | None = None,
    constraints: Constraints = Constraints(),  # noqa: B008  a tuple cannot be changed
    given: Int[np.ndarray, " D"] | None = None,
) -> Resolved:
    """Tell who every tracklet is, and how probable it is that each crossing is right.

    Args:
        detections: in the tracklets.
        tracklets: of the detections.
        stitched: which tracklets are animals, and what their links cost.
        n_animals: N.
        looks: of the tracklets; without them motion and pose decide alone.
        constraints: anchors of a person fix who a tracklet is.
        given: identities to be judged instead of new ones, one of 0 … N - 1 in a tracklet.
    """
    identity = np.where(stitched.path >= 0, stitched.path, UNTRACKED)
    if given is not None:
        identity = given[tracklets.first] if len(tracklets.first) else identity
    members = np.flatnonzero(identity >= 0)
    pieces = _restrict(stitched.pieces, members)
    seen = None if looks is None else looks._replace(
        mean=looks.mean[members], blocks=looks.blocks[members], classes=looks.classes[members]
    )  # fmt: skip
    named = _named(tracklets, members, constraints)
    solve = _together if n_animals <= TOGETHER else _in_groups
    solved = solve(pieces, identity[members], n_animals, seen, named, given is not None)
    m = len(identity)
    whole = np.full(m, UNTRACKED)
    whole[members] = solved.identity
    before, certainty, emission = np.full(m, NEVER), np.zeros(m), np.zeros((m, n_animals))
    came = handed_on(solved.identity)
    before[members] = np.where(came >= 0, np.append(members, NEVER)[came], NEVER)
    certainty[members] = solved.certainty
    emission[members] = solved.emission
    row_id = np.append(whole, UNTRACKED)[tracklets.of]
    sure = np.append(certainty, 0.0)[tracklets.of]
    out = np.append(members, NEVER)

    def number(links: dict[int, int]) -> dict[int, int]:
        return {int(members[j]): int(out[i]) for j, i in links.items()}

    crossings = tuple(
        Crossing(
            tuple(int(members[j]) for j in one.heads),
            tuple((cost, number(swap)) for cost, swap in one.swaps),
        )
        for one in solved.crossings
    )
    odds = tuple(Odds(p, q, number(links)) for p, q, links in solved.odds)
    return Resolved(
        Tracks(row_id, np.where(row_id >= 0, sure, 0.0), n_animals),
        whole, before, certainty, emission, crossings, odds,
    )  # fmt: skip


class _Solved(NamedTuple):
    """The same among the K tracklets that are animals."""

    identity: Int[np.ndarray, " K"]
    certainty: Float[np.ndarray, " K"]
    emission: Float[np.ndarray, "K N"]
    crossings: list[Crossing]
    odds: list[Odds]


def _restrict(pieces: Pieces, members: Int[np.ndarray, " K"]) -> Pieces:
    """Keep these pieces and the links among them."""
    number = np.full(len(pieces.start), -1)
    number[members] = np.arange(len(members))
    kept = (number[pieces.tail] >= 0) & (number[pieces.head] >= 0)
    start, end, gain, enter, leave = (part[members] for part in pieces[:5])
    return Pieces(
        start,
        end,
        gain,
        enter,
        leave,
        number[pieces.tail[kept]],
        number[pieces.head[kept]],
        pieces.cost[kept],
    )


def _named(
    tracklets: Tracklets, members: Int[np.ndarray, " K"], constraints: Constraints
) -> dict[int, int]:
    """Tracklets that a person named, numbered among the members; the later word wins."""
    number = {int(piece): k for k, piece in enumerate(members)}
    found = {}
    for row, animal in constraints.anchors:
        if (piece := int(tracklets.of[row])) in number:
            found[number[piece]] = animal
    return found


def _together(
    pieces: Pieces,
    path: Int[np.ndarray, " K"],
    n: int,
    looks: Looks | None,
    named: dict[int, int],
    keep: bool,
) -> _Solved:
    """Solve all animals at once, with all permutations."""
    names = _names(path, n, named)
    posterior, emission = _with_looks(pieces, path, np.arange(n), looks, named)
    if named and (names != np.arange(n)).any():
        renamed = _with_looks(pieces, path, names, looks, named)
        if renamed[0].log_evidence > posterior.log_evidence + RENAMED:
            posterior, emission = renamed
    identity = path if keep else posterior.best
    crossings = find(pieces, identity)
    odds = [judge(posterior, identity, crossing) for crossing in crossings]
    certainty = posterior.probs[np.arange(len(identity)), identity]
    return _Solved(identity, certainty, emission, crossings, odds)


def _names(path: Int[np.ndarray, " K"], n: int, named: dict[int, int]) -> np.ndarray:
    """Names of the paths that agree with most of what a person said."""
    votes = np.zeros((n, n))
    for piece, animal in named.items():
        votes[path[piece], animal] += 1
    return linear_sum_assignment(-votes - 1e-3 * np.eye(n))[1]


def _with_looks(
    pieces: Pieces,
    path: Int[np.ndarray, " K"],
    names: Int[np.ndarray, " N"],
    looks: Looks | None,
    named: dict[int, int],
) -> tuple[Posterior, Float[np.ndarray, "K N"]]:
    """Infer without looks, then with prototypes by what was inferred."""
    k, n = len(path), len(names)
    seen = np.zeros((k, n))
    sayings = dict(named)
    if looks is None or looks.classes.shape[1] != n:
        for piece in _reference(pieces, path, looks, n):
            sayings.setdefault(piece, int(names[path[piece]]))
    fixed = _fixed(seen, sayings)
    if looks is None:
        return infer(pieces, fixed), seen
    uniform = np.full((k, n), 1 / n)
    seen = appearance.emission(looks._replace(spread=looks.spread[:0]), uniform)
    posterior = infer(pieces, fixed + seen)
    for _ in range(ROUNDS if len(looks.spread) else 0):
        seen = appearance.emission(looks, posterior.probs)
        posterior = infer(pieces, fixed + seen)
    return posterior, seen


def _reference(
    pieces: Pieces, path: Int[np.ndarray, " K"], looks: Looks | None, n: int
) -> list[int]:
    """Tracklets that define the names: of the moment when most animals and looks are seen.

    An animal not seen then is defined by its longest tracklet.
    """
    if not len(path):
        return []
    alive = np.full((len(path), n), -1)  # at the start of each tracklet, on each path
    for a in range(n):
        mine = np.flatnonzero(path == a)
        place = np.searchsorted(pieces.start[mine], pieces.start, "right") - 1
        if len(mine):
            now = mine[np.maximum(place, 0)]
            alive[:, a] = np.where((place >= 0) & (pieces.end[now] >= pieces.start), now, -1)
    blocks = np.zeros(len(path)) if looks is None else looks.blocks
    worth = np.where(alive >= 0, 1e6 + np.minimum(blocks, 100)[alive], 0.0).sum(axis=1)
    chosen = alive[np.argmax(worth)]
    for late in np.flatnonzero(chosen < 0):
        mine = np.flatnonzero(path == late)
        if len(mine):
            chosen[late] = mine[np.argmax((pieces.end - pieces.start)[mine])]
    return [int(piece) for piece in chosen if piece >= 0]


def _in_groups(
    pieces: Pieces,
    path: Int[np.ndarray, " K"],
    n: int,
    looks: Looks | None,
    named: dict[int, int],
    keep: bool,
) -> _Solved:
    """Solve those that may have been confused, at most GROUP at a time."""
    crossings = find(pieces, path, GROUP)
    plain = np.arange(n)
    solved = _by_groups(pieces, path, plain, looks, named, keep, crossings)
    names = _names(path, n, named)
    if (names != plain).any():
        renamed = _by_groups(pieces, path, names, looks, named, keep, crossings)
        if _obeyed(renamed, named) > _obeyed(solved, named):
            return renamed
    return solved


def _by_groups(
    pieces: Pieces,
    path: Int[np.ndarray, " K"],
    start: Int[np.ndarray, " N"],
    looks: Looks | None,
    named: dict[int, int],
    keep: bool,
    crossings: list[Crossing],
) -> _Solved:
    """The same where the paths have these names at the start."""
    n = len(start)
    seen = np.zeros((len(path), n))
    if looks is not None:
        uniform = np.full((len(path), n), 1 / n)
        seen = appearance.emission(looks._replace(spread=looks.spread[:0]), uniform)
    known = np.tile(start, (len(crossings), 1))
    solved = groups.solve(pieces, path, known, _fixed(seen, named), crossings, keep, start)
    for _ in range(ROUNDS if looks is not None and len(looks.spread) else 0):
        assert looks is not None
        belief = np.zeros((len(path), n))
        belief[np.arange(len(path)), solved.identity] = 1.0
        seen = appearance.emission(looks, belief)
        fixed = _fixed(seen, named)
        solved = groups.solve(pieces, path, solved.names, fixed, crossings, keep, start)
    return _Solved(solved.identity, solved.certainty, seen, crossings, solved.odds)


def _obeyed(solved: _Solved, named: dict[int, int]) -> int:
    """How many tracklets have the name that a person gave them."""
    return sum(int(solved.identity[piece]) == animal for piece, animal in named.items())


def _fixed(
    emission: Float[np.ndarray, "K N"], named: dict[int, int]
) -> Float[np.ndarray, "K N"]:
    """Add what a person said."""
    fixed = emission.copy()
    for piece, animal in named.items():
        fixed[piece] = -ANCHORED
        fixed[piece, animal] = 0.0
    return fixed

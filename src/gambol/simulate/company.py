"""Several animals in one arena: who goes to whom, what for, and who ends up on top.

Every animal follows commands of its own and keeps out of the others' way until, at times drawn
at random, it takes up with another: an approach is a point of its own body that seeks a point
of the other's. Lengths are mm of a mouse 90 mm long; other animals are scaled.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.ndimage import convolve1d, maximum_filter1d

from gambol.simulate.behaviour import Commands, ease
from gambol.simulate.moods import Moods
from gambol.simulate.motion import Path, Walker, advance


class Approach(NamedTuple):
    """One way to take up with another animal."""

    name: str
    weight: float  # how often, relative to the others
    seconds: float  # mean time in which it is kept up once there
    front: float  # point of the own body that seeks, mm ahead of the hips
    goals: tuple[tuple[float, float], ...]  # places on the other, mm ahead of its hips and left
    speed: float  # mm/s, at most
    other: float = 1.0  # share of its own speed that the other keeps
    fleeing: float = 0.0  # mm/s, at least, of the other
    aligned: bool = False  # looks along the other once there, not at it
    circling: float = 0.0  # mm/s sideways around the other, once there
    through: bool = False  # crosses to the far side


class Company(NamedTuple):
    """What N animals do together over T frames."""

    paths: tuple[Path, ...]
    act: Int[np.ndarray, "T N"]  # index into the approaches, -1 alone
    partner: Int[np.ndarray, "T N"]  # whom it acts on, -1 no one
    there: Bool[np.ndarray, "T N"]  # the approach has arrived
    still: Float[
        np.ndarray, "T N"
    ]  # 0 as it likes, 1 bound by company: neither rears nor grooms


class _Affair(NamedTuple):
    """An approach under way."""

    kind: int
    partner: int
    goal: tuple[float, float]
    until: float  # s, of the recording; first to arrive, then to stay
    there: bool
    side: float


def mingle(
    rng: np.random.Generator,
    commands: Sequence[Commands],
    approaches: Sequence[Approach],
    fps: float,
    floor: Float[np.ndarray, "2 2"],
    *,
    idle: float,
    walls: float = 1.0,
    willing: Bool[np.ndarray, "T N"] | None = None,
) -> Company:
    """Let animals go about among each other.

    Args:
        rng: draws starts, approaches and partners.
        commands: what each of N would do alone, over T frames.
        approaches: what one may do with another.
        fps: frames per second.
        floor: corners, mm.
        idle: mean time, s, from the end of an approach to the animal's next.
        walls: how strongly walls draw animals along, 0 to 1.
        willing: whether each may begin an approach; always, if not given.
    """
    n, n_frames = len(commands), len(commands[0].speed)
    walkers = _starts(rng, n, floor)
    affairs: list[_Affair | None] = [None] * n
    free = rng.exponential(idle, n)  # s from which each may begin an approach
    xy, heading, turning = np.empty((n_frames, n, 2)), *np.empty((2, n_frames, n))
    act, partner = np.full((2, n_frames, n), -1)
    there, still = np.zeros((n_frames, n), bool), np.zeros((n_frames, n))
    for frame in range(n_frames):
        now = frame / fps
        for i in range(n):
            if affairs[i] or willing is None or willing[frame, i]:
                affairs[i] = _next_affair(rng, i, now, affairs, free, walkers, approaches, idle)
        before = list(walkers)
        for i in range(n):
            wish = float(commands[i].speed[frame]), float(commands[i].turning[frame])
            speed, turn, aside, bound = _wish(i, before, affairs, approaches, *wish)
            shy = 0.0 if affairs[i] else walls
            walker, turning[frame, i] = advance(before[i], speed, turn, fps, floor, shy=shy)
            walkers[i], free_way = _sidle(walker, aside / fps, floor)
            affairs[i] = _turned_back(affairs[i], free_way)
            xy[frame, i], heading[frame, i] = walkers[i].xy, walkers[i].heading
            still[frame, i] = bound
            if affair := affairs[i]:
                act[frame, i], partner[frame, i] = affair.kind, affair.partner
                there[frame, i] = affair.there
    paths = tuple(Path(xy[:, i], heading[:, i], turning[:, i]) for i in range(n))
    return Company(paths, act, partner, there, still)


def subdued(commands: Commands, still: Float[np.ndarray, " T"], fps: float) -> Commands:
    """Leave out what does not go together with company: rearing, grooming, looking about."""
    alone = 1.0 - ease(still, 0.1, fps)
    return commands._replace(
        head_yaw=commands.head_yaw * (0.4 + 0.6 * alone),
        flank=commands.flank * alone,
        rear=commands.rear * alone,
        groom=commands.groom * alone,
    )


def crowding(span: Float[np.ndarray, " 2"], length: float, n_animals: int) -> float:
    """How far animals are too long for a floor: above 1, they cannot walk and pass there.

    One needs 1.6 lengths of its own to turn; every further one 2.5 squared lengths to pass.

    >>> round(crowding(np.array([400.0, 300.0]), 90.0, 2), 2)
    0.48
    """
    passing = np.sqrt(2.5 * (n_animals - 1) / np.prod(span))
    return length * max(1.6 / float(span.min()), float(passing))


SOCIAL = "social"  # the mood of animals in company


def inclined(commands: Sequence[Commands], moods: Moods | None) -> Bool[np.ndarray, "T N"]:
    """Whether the mood of each animal lets it approach others."""
    mood = np.stack([c.mood for c in commands], axis=1)
    if moods is None:
        return np.ones(mood.shape, bool)
    return np.array([m.company > 0.0 for m in moods.values()])[mood]


def social(
    commands: Sequence[Commands], company: Company, moods: Moods | None
) -> tuple[Int[np.ndarray, "T N"], tuple[str, ...]]:
    """Mood of every animal as company leaves it, and the names of moods; none, if none."""
    mood = np.stack([c.mood for c in commands], axis=1)
    if moods is None:
        return mood, ()
    met = (company.still > 1 / 2) | (company.act >= 0)
    return np.where(met, len(moods), mood), (*moods, SOCIAL)


# ---- approaches ------------------------------------------------------------------------------

_PATIENCE = 4.0  # s, after which an approach that did not arrive is given up
_RING = 48.0  # mm between a circling animal's front and the middle that it circles
_ARRIVED = 13.0  # mm
_BERTH = 58.0  # mm, how wide hips go around the middle of another
_TRUNK = np.array([[-8.0], [25.0], [58.0]])  # mm ahead of the hips
_MIDDLE = 28.0  # mm from the hips to the middle of the body


def _starts(rng: np.random.Generator, n: int, floor: np.ndarray) -> list[Walker]:
    """Distinct places on a grid over the floor, facing anywhere."""
    span = floor[1] - floor[0] - 180.0
    columns = int(np.ceil(np.sqrt(n * max(span[0], 1.0) / max(span[1], 1.0))))
    rows = -(-n // columns)
    cell = rng.permutation(rows * columns)[:n]
    share = (np.stack([cell % columns, cell // columns], axis=1) + 1 / 2) / [columns, rows]
    places = floor[0] + 90.0 + share * span + rng.uniform(-15.0, 15.0, (n, 2))
    return [Walker(place, float(rng.uniform(-np.pi, np.pi))) for place in places]


def _next_affair(
    rng: np.random.Generator,
    i: int,
    now: float,
    affairs: list[_Affair | None],
    free: np.ndarray,
    walkers: list[Walker],
    approaches: Sequence[Approach],
    idle: float,
) -> _Affair | None:
    """Go on with an approach, end it, or begin one."""
    affair = affairs[i]
    if affair is not None:
        kind = approaches[affair.kind]
        if not affair.there and _has_arrived(walkers[i], walkers[affair.partner], affair, kind):
            stay = 0.0 if kind.through else kind.seconds * rng.gamma(4.0, 1 / 4)
            return affair._replace(there=True, until=now + stay)
        if now < affair.until:
            return affair
        free[i] = now + idle * rng.gamma(2.0, 1 / 2)
        return None
    # whoever is being visited stays, and whoever is alone
    visited = any(a is not None and a.partner == i for a in affairs)
    if visited or len(walkers) == 1 or now < free[i]:
        return None
    others = [k for k in range(len(walkers)) if k != i]
    near = np.array([np.hypot(*(walkers[k].xy - walkers[i].xy)) for k in others])
    chance = 1.0 / (40.0 + near)
    partner = others[rng.choice(len(others), p=chance / chance.sum())]
    weights = np.array([kind.weight for kind in approaches])
    chosen = int(rng.choice(len(approaches), p=weights / weights.sum()))
    kind = approaches[chosen]
    side = float(rng.choice([-1.0, 1.0]))
    goal = kind.goals[rng.integers(len(kind.goals))]
    if kind.through:  # in through the near flank, out by the other
        other = walkers[partner]
        across = np.array([np.sin(other.heading), -np.cos(other.heading)])
        side = -1.0 if (walkers[i].xy - other.xy) @ across > 0.0 else 1.0
    return _Affair(chosen, partner, (goal[0], side * goal[1]), now + _PATIENCE, False, side)


def _goal(other: Walker, goal: tuple[float, float]) -> np.ndarray:
    cos, sin = np.cos(other.heading), np.sin(other.heading)
    place: np.ndarray = (
        other.xy + goal[0] * np.array([cos, sin]) + goal[1] * np.array([sin, -cos])
    )
    return place


def _has_arrived(mine: Walker, other: Walker, affair: _Affair, kind: Approach) -> bool:
    ahead = np.array([np.cos(mine.heading), np.sin(mine.heading)])
    if kind.circling:
        return bool(np.hypot(*(other.xy - mine.xy)) < kind.front + _RING + _ARRIVED)
    gap = _goal(other, affair.goal) - mine.xy - kind.front * ahead
    return bool(np.hypot(*gap) < _ARRIVED * (3.0 if kind.through or kind.fleeing else 1.0))


# ---- one step --------------------------------------------------------------------------------


def _wish(
    i: int,
    walkers: list[Walker],
    affairs: list[_Affair | None],
    approaches: Sequence[Approach],
    speed: float,
    turning: float,
) -> tuple[float, float, float, float]:
    """Speed, turning rate, sideways speed of one animal, and how much company binds it."""
    affair, bound = affairs[i], 0.0
    for k, other in enumerate(affairs):
        if other is not None and other.partner == i:
            kind = approaches[other.kind]
            gap = float(np.hypot(*(walkers[k].xy - walkers[i].xy)))
            close = float(np.clip((230.0 - gap) / 80.0, 0.0, 1.0))
            keep = 1.0 - close * (1.0 - kind.other)
            speed, turning = keep * speed, keep * turning
            speed = max(speed, close * kind.fleeing)
            bound = max(bound, close * max(1.0 - kind.other, float(kind.fleeing > 0.0)))
    if affair is not None:
        kind = approaches[affair.kind]
        return *_seek(walkers[i], walkers[affair.partner], affair, kind), 1.0
    visitors = {k for k, a in enumerate(affairs) if a is not None and a.partner == i}
    strangers = [w for k, w in enumerate(walkers) if k != i and k not in visitors]
    return *_avoid(walkers[i], strangers, speed, turning), 0.0, bound


def _seek(
    mine: Walker, other: Walker, affair: _Affair, kind: Approach
) -> tuple[float, float, float]:
    """Bring the seeking point to its goal; once there, stay with it."""
    goal = _goal(other, affair.goal)
    aim = goal - mine.xy
    far = float(np.hypot(*aim))
    left = far - kind.front
    if kind.circling:  # faces the other and goes round it
        aim = other.xy - mine.xy
        left = float(np.hypot(*aim)) - kind.front - _RING
    elif kind.aligned and far < kind.front + 60.0:
        return _settle(mine, other, aim)
    elif not (kind.aligned or kind.through):
        aim = _around(aim, _goal(other, (_MIDDLE, 0.0)) - mine.xy)
    off = _wrapped(float(np.arctan2(aim[1], aim[0])) - mine.heading)
    pace = float(np.clip(3.0 * left, -25.0, kind.speed)) * max(0.0, float(np.cos(off)))
    turn = float(np.clip(5.0 * off, -5.5, 5.5)) * min(1.0, far / 25.0)
    aside = kind.circling * affair.side if affair.there else 0.0
    return pace, turn, aside


def _settle(mine: Walker, other: Walker, aim: np.ndarray) -> tuple[float, float, float]:
    """Shuffle into a place and into the other's direction."""
    cos, sin = np.cos(mine.heading), np.sin(mine.heading)
    turn = float(np.clip(3.0 * _wrapped(other.heading - mine.heading), -3.0, 3.0))
    ahead, left = aim[0] * cos + aim[1] * sin, aim[0] * sin - aim[1] * cos
    return (
        float(np.clip(2.0 * ahead, -30.0, 80.0)),
        turn,
        float(np.clip(2.0 * left, -40.0, 40.0)),
    )


def _around(aim: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """Turn an aim behind another body to the tangent of the circle around its middle."""
    away, far = float(np.hypot(*middle)), float(np.hypot(*aim))
    if away < _BERTH:  # too close to reach anything: first away from it
        outward: np.ndarray = aim - 1.5 * (1.0 - away / _BERTH) * far / (away + 1.0) * middle
        return outward
    if aim @ middle < 0.0 or far < away:
        return aim
    wide = float(np.arcsin(_BERTH / away))
    towards = float(np.arctan2(middle[1], middle[0]))
    off = _wrapped(float(np.arctan2(aim[1], aim[0])) - towards)
    if abs(off) >= wide:
        return aim
    tangent = towards + (wide if off > 0.0 else -wide)
    around: np.ndarray = far * np.array([np.cos(tangent), np.sin(tangent)])
    return around


def _avoid(
    mine: Walker, others: list[Walker], speed: float, turning: float
) -> tuple[float, float]:
    """Slow down and turn away from a body that lies ahead."""
    ahead = np.array([np.cos(mine.heading), np.sin(mine.heading)])
    probe = mine.xy + (60.0 + 0.12 * speed) * ahead
    trunk = mine.xy + _TRUNK * ahead
    for other in others:
        body = other.xy + _TRUNK * np.array([np.cos(other.heading), np.sin(other.heading)])
        gaps = np.hypot(*(body - probe).T)
        near = float(np.clip(1.0 - (gaps.min() - 22.0) / 45.0, 0.0, 1.0))
        touch = np.hypot(*(body[:, None] - trunk).transpose(2, 0, 1)).min()
        crowded = float(np.clip(1.0 - (touch - 22.0) / 15.0, 0.0, 1.0))
        to = body[gaps.argmin()] - mine.xy
        side = 1.0 if ahead[0] * to[1] - ahead[1] * to[0] < 0.0 else -1.0
        busy = min(1.0, speed / 40.0 + 0.3)
        turning = (1.0 - near) * turning + 4.5 * near * side * busy
        # one that is too close already walks off
        speed = max(speed * (1.0 - 0.85 * near), 75.0 * crowded)
    return speed, turning


def _sidle(walker: Walker, step: float, floor: np.ndarray) -> tuple[Walker, bool]:
    """Step sideways, to the animal's left where positive, unless a wall is in the way."""
    if step == 0.0:
        return walker, True
    left = np.array([np.sin(walker.heading), -np.cos(walker.heading)])
    there = walker.xy + step * left
    near, now = (np.minimum(p - floor[0], floor[1] - p).min() for p in (there, walker.xy))
    if near < 20.0 and near < now:
        return walker, False
    return walker._replace(xy=there), True


def _turned_back(affair: _Affair | None, free_way: bool) -> _Affair | None:
    """Circle the other way round where a wall ends the circle."""
    return affair if affair is None or free_way else affair._replace(side=-affair.side)


def _wrapped(angle: float) -> float:
    return (angle + np.pi) % (2 * np.pi) - np.pi


# ---- who is on top ---------------------------------------------------------------------------


def lift(
    rng: np.random.Generator,
    company: Company,
    discs: Float[np.ndarray, "T N D 3"],
    fps: float,
    *,
    allowed: float,
    height: float,
) -> Float[np.ndarray, "T N"]:
    """Raise one of two bodies that overlap, so that it climbs over and does not pass through.

    As long as two bodies overlap, and for a quarter of a second around it, the same one is on
    top: the one that seeks the other if one does, else one drawn by a coin; but never both of
    two by way of a third.

    Args:
        rng: tosses the coins.
        company: who seeks whom.
        discs: x, y and radius of discs that cover each body.
        fps: frames per second.
        allowed: overlap of discs that is mere contact.
        height: by how much the upper is raised.
    """
    n_frames, n = discs.shape[:2]
    above = np.zeros((n_frames, n, n))  # [t, i, k]: how much i is raised over k, 0 to 1
    half = max(1, round(0.25 * fps))
    bell = np.hanning(2 * half + 3)[1:-1]
    for i in range(n):
        for k in range(i):
            gap = discs[:, i, :, None, :2] - discs[:, k, None, :, :2]
            reach = discs[:, i, :, None, 2] + discs[:, k, None, :, 2]
            overlap = (reach - np.hypot(gap[..., 0], gap[..., 1])).max(axis=(1, 2))
            share = np.clip((overlap - allowed) / allowed, 0.0, 1.0)
            share = maximum_filter1d(share, 2 * half + 1, mode="nearest")
            share = convolve1d(share, bell / bell.sum(), mode="nearest")
            for begin, end in _runs(share > 0.0):
                bout = slice(begin, end)
                mine = (company.partner[bout, i] == k).sum()
                theirs = (company.partner[bout, k] == i).sum()
                up = mine > theirs if mine != theirs else rng.random() < 1 / 2
                under = _stacked(np.any(above[bout] > 0.0, axis=0))
                up = bool((up or under[i, k]) and not under[k, i])
                above[bout, *((i, k) if up else (k, i))] = share[bout]
    raised = np.zeros((n_frames, n))
    for _ in range(n - 1):  # whoever lies on one that is raised is raised with it
        raised = (above * (1.0 + raised[:, None])).max(axis=2)
    return height * raised


def _stacked(on: np.ndarray) -> Bool[np.ndarray, "N N"]:
    """From who lies on whom to who lies above whom, with others between."""
    above = on
    for _ in range(len(on) - 2):
        above = above | (above @ on)
    return above


def _runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """Begin and end of every run of True."""
    edges = np.flatnonzero(np.diff(np.r_[False, flags, False].astype(int)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]

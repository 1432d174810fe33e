"""Online tracking: detections of one frame after the other become tracks.

`init` and `step` are pure: the same state and detections always give the same result, and the
state stays small however long the recording. `track` runs them over a recording; `advance` does
so piece by piece, with the same result.
"""

from collections.abc import Callable
from typing import Annotated, Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from pydantic import BeforeValidator, PositiveFloat, PositiveInt, SerializeAsAny

from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.instances import UNTRACKED, Detections, Tracks
from gambol.core.registry import Spec
from gambol.kernels import kalman
from gambol.kernels.assignment import ALONE
from gambol.tracking import costs, life, motion
from gambol.tracking.calibrate import Scale, calibrate, weights
from gambol.tracking.features import (
    Animals,
    EllipseSpec,
    Feature,
    KeypointsSpec,
    OksSpec,
    boxes,
    features,
    touching,
)
from gambol.tracking.life import Alive, Named, Rules
from gambol.tracking.matchers import HungarianSpec, Matched, Matcher, matchers

AnyCandidates = Annotated[SerializeAsAny[Spec], BeforeValidator(costs.candidates.parse)]
AnyFeature = Annotated[SerializeAsAny[Spec], BeforeValidator(features.parse)]
AnyMotion = Annotated[SerializeAsAny[Spec], BeforeValidator(motion.motions.parse)]
AnyMatcher = Annotated[SerializeAsAny[Spec], BeforeValidator(matchers.parse)]
Read = Callable[[int], np.ndarray]  # frame -> grey image (H, W), uint8
FADE = 0.8  # of the trust in a keypoint, for every frame in which it was missing


class Number(Config):
    """How many animals there are."""

    kind: Literal["exactly", "at_most"]
    n: PositiveInt


def exactly(n: int) -> Number:
    """Say that there are n animals, seen or not."""
    return Number(kind="exactly", n=n)


def at_most(n: int) -> Number:
    """Say that there are n animals or fewer."""
    return Number(kind="at_most", n=n)


class TrackConfig(Config):
    """How tracks are made; the defaults are the preset `gambol`."""

    candidates: AnyCandidates = costs.LastSpec()
    feature: AnyFeature = KeypointsSpec()
    motion: AnyMotion = motion.KalmanSpec()
    matcher: AnyMatcher = HungarianSpec()
    birth: PositiveFloat = 10.0  # nats that a new track costs; e^-10 a frame and animal
    gate: PositiveFloat = 13.8  # Mahalanobis²: χ² of 2 degrees of freedom, 0.999
    spread: PositiveFloat | None = None  # mean distance of right pairs; fitted where None
    length: PositiveFloat | None = None  # body length, px; measured where None
    hits: PositiveInt = 3  # of 5 frames, to believe in a new track
    patience: PositiveFloat = 2.0  # s that a lost animal is expected to go on
    rate: PositiveFloat = 0.1  # at which looks are learned


PRESETS = {
    "gambol": TrackConfig(),
    "sleap-classic": TrackConfig(
        candidates=costs.WindowSpec(frames=5, reduce="mean"),
        feature=OksSpec(sigma=0.025, cut=2.0),  # no pair is forbidden
        motion=motion.NoneSpec(),
        spread=0.1,
        birth=1e4,
    ),
    "dlc-ellipse": TrackConfig(
        feature=EllipseSpec(cut=0.4), motion=motion.KalmanSpec(weighs=False), spread=0.1
    ),
}


class Parts(NamedTuple):
    """What a config builds, and the units of a recording; never changes on the way."""

    cfg: TrackConfig
    scale: Scale
    rules: Rules
    candidates: costs.Candidates
    feature: Feature
    motion: motion.Motion
    matcher: Matcher


class State(NamedTuple):
    """All that the past has left."""

    parts: Parts
    alive: Alive
    frame: int  # the next one
    n_tracks: int  # numbers given so far
    used: int  # names given so far
    image: np.ndarray | None  # of the last frame, where the motion wants images


class Info(NamedTuple):
    """What else a step found out; n detections."""

    track: Int[np.ndarray, " n"]  # number of the track, given at once and never changed
    margin: Float[np.ndarray, " n"]  # nats to the best joint assignment that says otherwise
    named: Named  # tracks that were given a name at this frame


class Piece(NamedTuple):
    """The same of a stretch of a recording."""

    track: Int[np.ndarray, " D"]
    margin: Float[np.ndarray, " D"]
    named: Named


class Tracked(NamedTuple):
    """A tracked recording."""

    tracks: Tracks
    margin: Float[np.ndarray, " D"]  # nats; see Info
    track: Int[np.ndarray, " D"]  # number of the raw track, before there were names
    scale: Scale


def measure(cfg: TrackConfig, detections: Detections, times: Float[np.ndarray, " T"]) -> Scale:
    """Find the units of a recording, which `init` needs."""
    if len(times) > 1 and not (np.diff(times) > 0).all():
        frame = int((np.diff(times) > 0).argmin()) + 1
        raise InputError(
            f"frame {frame} is at {times[frame]} s, no later than the one before it; "
            "give times that increase"
        )
    if len(detections.frame) and detections.frame[-1] >= len(times):
        raise InputError(
            f"detections of frame {detections.frame[-1]} do not fit {len(times)} times; "
            "give the time of every frame"
        )
    feature, moving = features.build(cfg.feature), motion.motions.build(cfg.motion)
    scale = calibrate(detections, times, feature, moving, cfg.length)
    if cfg.spread is None:
        return scale
    return scale._replace(steps=scale.steps._replace(going=cfg.spread, anew=cfg.spread))


def init(
    cfg: TrackConfig,
    scale: Scale,
    keypoints: int,
    embedding: int = 0,
    n_animals: Number | None = None,
) -> State:
    """Make the state before the first frame.

    Args:
        cfg: how tracks are made.
        scale: units of the recording, from `measure`.
        keypoints: J of the detections.
        embedding: E of the detections.
        n_animals: never exceeded; without it every new track is a new animal.
    """
    limit, sure = (n_animals.n, n_animals.kind == "exactly") if n_animals else (None, False)
    rules = Rules(
        cfg.hits, cfg.patience, cfg.birth, limit, sure, scale.arena, scale.motion, scale.looks
    )
    kept = costs.candidates.build(cfg.candidates)
    parts = Parts(
        cfg, scale, rules, kept, features.build(cfg.feature),
        motion.motions.build(cfg.motion), matchers.build(cfg.matcher),
    )  # fmt: skip
    return State(parts, life.nobody(kept.keep, keypoints, embedding), 0, 0, 0, None)


def step(
    state: State, found: Detections, t: float, image: np.ndarray | None = None
) -> tuple[State, Int[np.ndarray, " n"], Info]:
    """Track the detections of one frame.

    Args:
        state: after the frame before.
        found: detections of this frame alone.
        t: its time, s.
        image: grey image of it, for motions that look.

    Returns:
        The next state; the animal of every detection as far as it is known now; and the
        numbers of tracks, which `info.named` may name later, for the past as well.
    """
    here = Animals(found.xy, weights(found))
    matched, moved, shifts = _match(state, found, here, t, image)
    rows = np.flatnonzero(matched.track != ALONE)
    columns = matched.track[rows]
    hit = np.zeros(len(state.alive.number), dtype=bool)
    hit[columns] = True
    alive = _learn(state, found, here, t, (rows, columns), moved, shifts)
    number = np.empty(len(found.frame), dtype=np.int64)
    number[rows] = alive.number[columns]
    alive = life.grow_older(alive, hit, t, state.parts.rules)
    count, born = state.n_tracks, np.flatnonzero(matched.track == ALONE)
    if len(born):
        number[born] = count + np.arange(len(born))
        alive = alive.join(_newborn(state, found, here, t, born))
        count += len(born)
    cut = life.begin_again(alive, state.used, state.frame, count, state.parts.rules)
    if cut is not alive:
        renamed = dict(zip(alive.number.tolist(), cut.number.tolist(), strict=True))
        number = np.array([renamed.get(n, n) for n in number.tolist()], dtype=np.int64)
        count += int((cut.number != alive.number).sum())
    alive, used, named = life.give_names(cut, state.used, state.parts.rules)
    keep = image if state.parts.motion.sees else None
    after = State(state.parts, alive, state.frame + 1, count, used, keep)
    return after, _names(alive, number), Info(number, matched.margin, named)


def advance(
    state: State,
    detections: Detections,
    times: Float[np.ndarray, " T"],
    read: Read | None = None,
    stop: int | None = None,
) -> tuple[State, Piece]:
    """Track a stretch of a recording.

    Args:
        state: after the stretch before.
        detections: of the frames from `state.frame` on.
        times: s, of all frames of the recording.
        read: gives the grey image of a frame, for motions that look.
        stop: the frame after the last of the stretch; that of the last detection where None.
    """
    frame = detections.frame
    if len(frame) and (frame[0] < state.frame or frame[-1] >= len(times)):
        raise InputError(
            f"detections of frames {frame[0]} to {frame[-1]} do not fit between frame "
            f"{state.frame} and the {len(times)} times; give each frame once, with its time"
        )
    stop = stop if stop is not None else int(frame[-1]) + 1 if len(frame) else state.frame
    edges = np.searchsorted(frame, np.arange(state.frame, stop + 1)).tolist()
    track, margin = np.empty(len(frame), dtype=np.int64), np.empty(len(frame))
    named = []
    for now, first, last in zip(range(state.frame, stop), edges, edges[1:], strict=False):
        image = read(now) if read and state.parts.motion.sees else None
        found = Detections(*[part[first:last] for part in detections])
        state, _, info = step(state, found, float(times[now]), image)
        track[first:last], margin[first:last] = info.track, info.margin
        if len(info.named.track):
            named.append(info.named)
    return state, Piece(track, margin, _concatenated(named))


def finish(state: State) -> Named:
    """Name what is promising when the recording is over."""
    return life.give_names(state.alive, state.used, state.parts.rules, final=True).named


def gather(state: State, pieces: list[Piece]) -> Tracked:
    """Put the pieces of a recording together."""
    track = np.concatenate([piece.track for piece in pieces])
    margin = np.concatenate([piece.margin for piece in pieces])
    named = _concatenated([piece.named for piece in pieces] + [finish(state)])
    name = np.full(state.n_tracks, UNTRACKED)
    sure = np.zeros(state.n_tracks)
    name[named.track], sure[named.track] = named.name, named.confidence
    most = state.parts.rules.limit if state.parts.rules.exactly else None
    n_animals = most or int(name.max(initial=UNTRACKED)) + 1
    confidence = sure[track] / (1 + np.exp(-margin))
    return Tracked(Tracks(name[track], confidence, n_animals), margin, track, state.parts.scale)


def track(
    cfg: TrackConfig,
    detections: Detections,
    times: Float[np.ndarray, " T"],
    n_animals: Number | None = None,
    read: Read | None = None,
) -> Tracked:
    """Track a recording.

    Args:
        cfg: how tracks are made, such as `PRESETS["gambol"]`.
        detections: of the whole recording, cleaned.
        times: s, of every frame that was looked at; dropped frames leave a longer step.
        n_animals: how many animals there are, where that is known.
        read: gives the grey image of a frame, for motions that look.
    """
    if cfg.motion.kind == "flow" and read is None:
        raise InputError(
            "motion flow looks at images; give the video, or set motion.kind=kalman"
        )
    keypoints, embedding = detections.xy.shape[1], detections.embedding.shape[1]
    scale = measure(cfg, detections, times)
    state = init(cfg, scale, keypoints, embedding, n_animals)
    state, piece = advance(state, detections, times, read, stop=len(times))
    return gather(state, [piece])


def _match(
    state: State, found: Detections, here: Animals, t: float, image: np.ndarray | None
) -> tuple[Matched, motion.Moved, motion.Shifts]:
    """Expect, compare and assign."""
    cfg, scale, alive = state.parts.cfg, state.parts.scale, state.alive
    past = motion.Past(
        kalman.Beliefs(alive.mean, alive.cov), alive.centre, alive.poses,
        np.minimum(t - alive.last_at, cfg.patience), alive.last == state.frame - 1,
    )  # fmt: skip
    moved = state.parts.motion.move(past, scale.motion, motion.View(state.image, image))
    shifts = motion.shifts(
        here, found.cov, past, moved, alive.trust[:, 0], scale.motion, scale.length
    )
    cost = _costs(state.parts, alive, here, past, moved, shifts)
    if found.embedding.shape[1]:
        cost = cost + costs.looks_term(found.embedding, alive.looks, scale.looks)
    return state.parts.matcher(cost, cfg.birth, found.score), moved, shifts


def _costs(
    parts: Parts,
    alive: Alive,
    here: Animals,
    past: motion.Past,
    moved: motion.Moved,
    shifts: motion.Shifts,
) -> Float[np.ndarray, "n m"]:
    """Nats of every pair by position and pose; infinite where it is forbidden."""
    kept, feature, length = parts.candidates, parts.feature, parts.scale.length
    staying = costs.distances(here, past.poses, alive.trust, feature, kept.reduce, length)
    going = staying
    if parts.motion.moves:
        going = costs.distances(here, moved.poses, alive.trust, feature, kept.reduce, length)
    place = None
    if parts.motion.weighs:
        scale = parts.scale
        reach = motion.reach(past, moved, scale.motion, scale.step, scale.steps.room)
        place = costs.Place(*reach, scale.arena / length**2)
    cost = costs.pair_term(going, staying, parts.scale.steps, feature.cut, place)
    barred = ~np.isfinite(shifts.squared) | (alive.phase == life.ENDED)
    if parts.motion.weighs:
        barred |= shifts.squared > parts.cfg.gate
    return np.where(barred, np.inf, cost)


def _learn(
    state: State,
    found: Detections,
    here: Animals,
    t: float,
    pairs: tuple[np.ndarray, np.ndarray],
    moved: motion.Moved,
    shifts: motion.Shifts,
) -> Alive:
    """Tracks after what their detections have told them."""
    alive, (rows, columns), scale = state.alive, pairs, state.parts.scale
    if not len(rows):
        return alive
    centre = moved.centre[columns] + shifts.xy[rows, columns]
    expected = kalman.Beliefs(moved.beliefs.mean[columns], moved.beliefs.cov[columns])
    beliefs = kalman.update(expected, centre, shifts.noise[rows, columns])
    seen = here.weight[rows] > 0
    poses, trust = moved.poses[columns], alive.trust[columns]
    newest = np.where(seen[..., None], here.xy[rows], poses[:, 0])
    belief = np.where(seen, here.weight[rows], FADE * trust[:, 0])
    changed = {
        "last": state.frame,
        "last_at": t,
        "mean": beliefs.mean,
        "cov": beliefs.cov,
        "centre": centre,
        "poses": np.concatenate([newest[:, None], poses[:, :-1]], axis=1),
        "trust": np.concatenate([belief[:, None], trust[:, :-1]], axis=1),
        "log_size": 0.9 * alive.log_size[columns] + 0.1 * _log_size(here, rows, scale.length),
        "score": 0.9 * alive.score[columns] + 0.1 * found.score[rows],
    }
    if found.embedding.shape[1]:
        frozen = touching(here, scale.length)[rows]
        changed["looks"] = costs.learn_looks(
            alive.looks[columns], found.embedding[rows], state.parts.cfg.rate, frozen
        )
    parts = {}
    for name, value in changed.items():
        part = getattr(alive, name).copy()
        part[columns] = value
        parts[name] = part
    return alive._replace(**parts)


def _newborn(
    state: State, found: Detections, here: Animals, t: float, rows: np.ndarray
) -> Alive:
    """Tracks of detections that no track explains."""
    n, scale = len(rows), state.parts.scale
    weight = here.weight[rows]
    seen = weight > 0
    xy = np.where(seen[..., None], here.xy[rows], 0.0)
    share = (weight / np.maximum(weight.sum(axis=1, keepdims=True), 1e-12))[..., None]
    centre = (share * xy).sum(axis=1)
    cov = np.where(np.isfinite(found.cov[rows]), found.cov[rows], 0.0)
    noise = (share[..., None] ** 2 * cov).sum(axis=1) + (
        motion.FLOOR * scale.length
    ) ** 2 * np.eye(2)
    beliefs = kalman.start(centre, noise, scale.motion.speed)
    keep = state.parts.candidates.keep
    poses, trust = np.zeros((n, keep, *xy.shape[1:])), np.zeros((n, keep, xy.shape[1]))
    poses[:, 0], trust[:, 0] = xy, weight
    one = np.ones(n, dtype=np.int64)
    return Alive(
        state.n_tracks + np.arange(n), UNTRACKED * one, life.TENTATIVE * one, one, one,
        state.frame * one, state.frame * one, np.full(n, t), np.full(n, t), centre,
        beliefs.mean, beliefs.cov, centre, poses, trust, np.nan_to_num(found.embedding[rows]),
        _log_size(here, rows, scale.length), found.score[rows].astype(np.float64),
    )  # fmt: skip


def _log_size(here: Animals, rows: np.ndarray, length: float) -> np.ndarray:
    """Log of the diagonal of the box; of a single point, that of a usual animal."""
    box = np.nan_to_num(boxes(Animals(here.xy[rows], here.weight[rows])))
    side = box[:, 2:] - box[:, :2]
    diagonal = np.sqrt((side * side).sum(axis=1))
    return np.log(np.where(diagonal > 0, diagonal, length))


def _names(alive: Alive, number: np.ndarray) -> np.ndarray:
    """Animal of each track number, as far as it is known."""
    name = dict(zip(alive.number.tolist(), alive.name.tolist(), strict=True))
    return np.array([name.get(n, UNTRACKED) for n in number.tolist()], dtype=np.int64)


def _concatenated(named: list[Named]) -> Named:
    return Named(*(np.concatenate(part) for part in zip(life.NOBODY, *named, strict=True)))

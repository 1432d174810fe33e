"""Simulated meetings of two animals whose outcome is known: what a tracker's doubt is worth."""

from typing import Any, NamedTuple

import numpy as np

from gambol.core.instances import UNTRACKED, Detections, Tracks, from_positions
from gambol.simulate import scenes
from gambol.simulate.roam import Roamed, roam, stick
from gambol.tracking import identities, trackers
from gambol.viz import svg

EDGE = 1.0  # s at either end of a recording that tell who is called what
APART = 8.0  # s alone before and after, in which looks are learned
BINS = 10  # of the picture
UPON = 0.3  # lengths between middles below which animals lie upon each other


class Met(NamedTuple):
    """A recording in which animals met."""

    found: Detections
    truth: np.ndarray  # (D,)
    times: np.ndarray  # (T,) s
    n: int


class Outcome(NamedTuple):
    """What was said of a meeting, and what was so."""

    said: float  # P(both leave with the names they came with)
    right: bool
    kind: str


def many(count: int, seed: int = 0) -> list[Outcome]:
    """Track so many recordings of every kind in turn; looks are drawn from none to distinct."""
    rng = np.random.default_rng(seed)
    kinds = {
        "upon each other": lying,
        "hidden": hidden,
        "crossing straight": straight,
        "walking through": through,
    }
    outcomes = []
    for i in range(count):
        name = list(kinds)[i % len(kinds)]
        met = kinds[name](rng, _camera(rng))
        judged = outcome(met, track(met))
        if judged is not None:
            outcomes.append(Outcome(*judged, name))
    return outcomes


def _camera(rng: np.random.Generator) -> scenes.Camera:
    """Looks: none, alike, or different by much or little."""
    looks = rng.choice(["none", "identical", "distinct", "distinct"])
    blur = float(np.exp(rng.uniform(np.log(0.5), np.log(4.0))))
    return scenes.Camera(looks=str(looks), blur=blur)  # type: ignore[arg-type]


# ---- recordings ------------------------------------------------------------------------------


def lying(rng: np.random.Generator, camera: scenes.Camera) -> Met:
    """They meet, lie upon each other in sight, and part anywhere: motion tells nothing."""
    overlap = rng.uniform(0.5, 5.0)
    return _met(scenes.meeting(rng, overlap=overlap, apart=APART, camera=camera))


def hidden(rng: np.random.Generator, camera: scenes.Camera) -> Met:
    """The same, but nothing is found while they lie upon each other."""
    overlap = rng.uniform(0.5, 5.0)
    scene = scenes.meeting(rng, overlap=overlap, apart=APART, camera=camera)
    middle = np.nanmean(scene.xy, axis=2)
    upon = np.linalg.norm(middle[:, 0] - middle[:, 1], axis=-1) < UPON * scenes.LENGTH
    rows = ~upon[scene.detections.frame]
    met = _met(scene)
    return met._replace(found=met.found.select(rows), truth=met.truth[rows])


def straight(rng: np.random.Generator, camera: scenes.Camera) -> Met:
    """They cross at right angles; close together, one of them is found."""
    speed = float(np.exp(rng.uniform(np.log(0.5), np.log(6.0))))
    seconds = max(3.0, 3.0 / speed)
    return _met(scenes.crossing(rng, speed=speed, seconds=seconds, camera=camera))


def through(rng: np.random.Generator, camera: scenes.Camera) -> Met:
    """They walk over each other, both in sight throughout, filmed at 30 to 4 frames/s."""
    slow = camera._replace(fps=float(rng.choice([30.0, 15.0, 8.0, 4.0])))
    return passing(rng, 2, seconds=10.0, camera=slow)


def passing(rng: np.random.Generator, n: int, *, seconds: float, camera: scenes.Camera) -> Met:
    """Animals that walk as if they were alone, and so through each other; all are found.

    Args:
        rng: draws everything.
        n: animals.
        seconds: length of the recording.
        camera: how well they are found; nothing is found where there is none.
    """
    side = round(scenes.LENGTH * np.sqrt(16.0 + 8.0 * n))
    frames = round(seconds * camera.fps)
    alone = [
        roam(rng, frames, 1, camera.fps, size=(side, side), speed=1.5 * scenes.LENGTH,
             clear=0.5 * scenes.LENGTH) for _ in range(n)
    ]  # fmt: skip
    where = Roamed(*(np.concatenate(part, axis=1) for part in zip(*alone, strict=True)))
    xy = stick(where, scenes.LENGTH, camera.n_keypoints)
    frame, who = np.divmod(np.arange(frames * n), n)
    order = np.lexsort((rng.random(len(frame)), frame))
    frame, who = frame[order], who[order]
    points = xy[frame, who] + camera.noise * rng.standard_normal((len(frame), *xy.shape[2:]))
    points[rng.random(points.shape[:2]) < camera.missing] = np.nan
    found = from_positions(frame, points, sd=camera.noise)
    if camera.looks != "none":
        gap = np.linalg.norm(where.xy[:, :, None] - where.xy[:, None], axis=-1)
        near = (gap < UPON * scenes.LENGTH).sum(axis=2) > 1
        found = found._replace(embedding=_looks(rng, who, near[frame, who], n, camera))
    return Met(found, who, np.arange(frames) / camera.fps, n)


def _looks(
    rng: np.random.Generator, who: np.ndarray, near: np.ndarray, n: int, camera: scenes.Camera
) -> np.ndarray:
    """Embeddings as in `simulate.scenes`: mixed where animals lie upon each other."""
    own = np.linalg.qr(rng.standard_normal((camera.n_looks, camera.n_looks)))[0].T[:n]
    own = own if camera.looks == "distinct" else own[[0] * n]
    vector = np.where(near[:, None], own.mean(axis=0), own[who])
    vector = vector + camera.blur * rng.standard_normal(vector.shape)
    return np.asarray(vector / np.linalg.norm(vector, axis=1, keepdims=True))


def _met(scene: scenes.Scene) -> Met:
    return Met(scene.detections, scene.truth, scene.times, scene.n_animals)


# ---- judgement -------------------------------------------------------------------------------


def track(met: Met) -> Tracks:
    """Track and resolve a recording."""
    number = trackers.exactly(met.n)
    made = trackers.track(trackers.PRESETS["gambol"], met.found, met.times, number)
    scale = made.scale
    return identities.identify(
        met.found, made.track, made.margin, met.times, met.n, scale.arena, scale.length
    ).tracks


def outcome(met: Met, tracks: Tracks) -> tuple[float, bool] | None:
    """Compare the names of two animals at the end with those at the beginning.

    Identities are sure relative to the moment that is known best. With a and b the confidence
    at either end, both are right or both exchanged with probability ab + (1 - a)(1 - b).

    Returns:
        What was said and whether it was so; None where an animal was not found at an end.
    """
    time = met.times[met.found.frame]
    real = (met.truth != UNTRACKED) & (tracks.id != UNTRACKED)
    names, sure = [], []
    for end in (time < EDGE, time > met.times[-1] - EDGE):
        votes = np.zeros((2, 2))
        np.add.at(votes, (met.truth[end & real], tracks.id[end & real]), 1)
        if not votes.any(axis=1).all():
            return None
        names.append(bool(np.trace(votes) > votes.sum() / 2))
        sure.append(float(np.clip(tracks.confidence[end & real].mean(), 0, 1)))
    a, b = sure
    return a * b + (1 - a) * (1 - b), names[0] == names[1]


# ---- picture ---------------------------------------------------------------------------------


def picture(said: np.ndarray, right: np.ndarray, kind: np.ndarray) -> str:
    """Return a reliability diagram as the text of an SVG file."""
    text = svg.to_svg(_diagram(said, right, kind))
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return text.replace("<svg", f"<svg {names}", 1) + "\n"


@svg.styled
def _diagram(said: np.ndarray, right: np.ndarray, kind: np.ndarray) -> Any:
    figure, (left, beside) = svg.new(7.2, 3.2, columns=2)
    in_sight = np.isin(kind, ["upon each other", "hidden"])
    panels = (
        (left, in_sight, "Motion tells nothing"),
        (beside, ~in_sight, "Motion can be followed"),
    )
    for panel, chosen, title in panels:
        panel.plot([0, 1], [0, 1], color=svg.INK, alpha=0.4, linewidth=1, linestyle=(0, (4, 3)))
        mean, share, count = _bins(said[chosen], right[chosen])
        spread = 1.96 * np.sqrt(np.maximum(share * (1 - share), 0.02) / count)
        panel.errorbar(mean, share, spread, fmt="none", ecolor=svg.BLUE, elinewidth=1)
        panel.scatter(mean, share, 14, color=svg.BLUE, zorder=3, clip_on=False)
        for x, y, m in zip(mean, share, count, strict=True):
            panel.annotate(f"{m:.0f}", (x, y), (4, -10), textcoords="offset points", fontsize=7)
        panel.set(xlim=(0.45, 1.02), ylim=(0, 1.02), xlabel="confidence", title=title)
        svg.guide(panel, "both")
    left.set_ylabel("share that was right")
    return figure


def _bins(said: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean confidence, share right and count of bins of equal width that hold something."""
    place = np.minimum((said * 2 * BINS).astype(int), 2 * BINS - 1)
    parts = [place == b for b in np.unique(place)]
    values = [(said[p].mean(), right[p].mean(), p.sum()) for p in parts]
    columns = np.array(values, float).reshape(-1, 3).T
    return columns[0], columns[1], columns[2]

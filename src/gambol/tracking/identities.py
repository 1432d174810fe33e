"""The offline pass over a recording: raw tracks to identities with a probability each."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from gambol.core.instances import Detections, Tracks
from gambol.tracking import crossings, looks, review, stitch, tracklets
from gambol.tracking.tracklets import Constraints


class Identified(NamedTuple):
    """Who is who, and where that may be wrong."""

    tracks: Tracks
    events: list[review.Event]  # in time order
    looks: looks.Looks


def identify(
    detections: Detections,
    track: Int[np.ndarray, " D"],
    margin: Float[np.ndarray, " D"] | None,
    times: Float[np.ndarray, " T"],
    n_animals: int,
    area: float,
    body: float,
    *,
    doors: Float[np.ndarray, "K 2"] | None = None,
    constraints: Constraints = Constraints(),  # noqa: B008  a tuple cannot be changed
) -> Identified:
    """Cut, stitch and resolve.

    Args:
        detections: of the recording, sorted by frame.
        track: raw track of each, or UNTRACKED.
        margin: nats by which its joint assignment was better than the next; none if unknown.
        times: of the frames, s, increasing.
        n_animals: N.
        area: of the arena, px².
        body: body length L, px.
        doors: points where animals come and go, px.
        constraints: what a person has said; see `edits.constraints`.
    """
    pieces = tracklets.cut(detections, track, margin, times, body, constraints)
    seen = looks.measure(detections, pieces, times, body)
    joined = stitch.stitch(detections, pieces, times, n_animals, area, body, seen, doors)
    done = crossings.resolve(detections, pieces, joined, n_animals, seen, constraints)
    return Identified(done.tracks, review.events(done, pieces, detections), seen)


def audit(
    detections: Detections,
    tracks: Tracks,
    times: Float[np.ndarray, " T"],
    area: float,
    body: float,
) -> Identified:
    """Judge tracks as they are: the same names, with their probabilities and doubtful events.

    Args:
        detections: of the recording, sorted by frame.
        tracks: of the detections, from anywhere.
        times: of the frames, s, increasing.
        area: of the arena, px².
        body: body length L, px.
    """
    pieces = tracklets.cut(detections, tracks.id, None, times, body)
    seen = looks.measure(detections, pieces, times, body)
    joined = stitch.stitch(detections, pieces, times, tracks.n_animals, area, body, seen)
    done = crossings.resolve(
        detections, pieces, joined, tracks.n_animals, seen, given=tracks.id
    )
    return Identified(done.tracks, review.events(done, pieces, detections), seen)

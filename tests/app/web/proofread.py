"""A project with tracks of simulated animals in which identities were exchanged on purpose."""

import uuid
import warnings

import numpy as np
import tracked
from desked import by, studio_of
from meetings import ARENA, BODY, injected, walkers
from starlette.applications import Starlette

from gambol.app.web import edits, feed, project, tracks
from gambol.app.web.answers import HANDLERS
from gambol.core.instances import Tracks
from gambol.io.project import Project
from gambol.stages import identities, replay, review, track
from gambol.tracking.identities import audit

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the successor of httpx
    from starlette.testclient import TestClient


def planted(folder, n=3, swaps=12, seconds=60, seed=3):
    """Make the project; return the track file, true animals by row, and the swaps."""
    rng = np.random.default_rng(seed)
    scene = walkers(rng, n, seconds)
    Project.create(folder, tracked.JOINTS).close()
    source = tracked.write(folder / "film.detections.nc", scene.detections, scene.times, most=n)
    target = track.run(track.TrackConfig(), [source], folder / "runs" / "track-1" / "out")[
        0
    ].tracks
    opened = review.open_tracks(target)
    wrong, made = injected(rng, scene, n, swaps, True)
    kept = opened.automatic.kept
    assert kept.all()
    judged = audit(
        scene.detections, Tracks(wrong, np.ones(len(wrong)), n), scene.times, ARENA**2, BODY
    )
    automatic = opened.automatic._replace(
        id=wrong, confidence=judged.tracks.confidence, events=judged.events
    )
    identities.write_automatic(target, opened.log.key, automatic)
    result = replay.build(opened.recording, automatic, [])
    identities.write(target, opened.recording, result, opened.names, opened.attrs, opened.log)
    return target, scene.truth, made


def served(folder):
    """A studio of a project, and a client of its routes."""
    studio = studio_of(folder)
    studio.desk.open()
    routes = [r for module in (tracks, edits, feed, project) for r in module.routes(studio)]
    return studio, TestClient(Starlette(routes=routes, exception_handlers=HANDLERS))


def do(client, run, what, user="ann", **more):
    """Post one decision."""
    said = {"id": uuid.uuid4().hex, "do": what, **more}
    return client.post(f"/api/runs/{run}/edits", json=said, headers=by(user))


def animals(client, run, first, last):
    """Frames, animals and rows of a stretch."""
    data = client.get(f"/api/runs/{run}/animals?from={first}&to={last}").content
    r, k, a, b = np.frombuffer(data, "<u4", 4)
    ints = np.frombuffer(data, "<i4", 3 * r, 16).reshape(3, r)
    points = np.frombuffer(data, "<f4", offset=16 + 12 * r).reshape(r, k, 3)
    assert (a, b) == (first, last + 1)
    return ints[0], ints[1], ints[2], points


def right(ids, truth):
    """The share of detections with the right name, under the best naming of all."""
    from scipy.optimize import linear_sum_assignment

    met = np.zeros((ids.max() + 1, truth.max() + 1))
    np.add.at(met, (ids, truth), 1)
    return met[linear_sum_assignment(-met)].sum() / len(ids)

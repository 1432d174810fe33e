"""Routes that prepare 3D: calibrations brought in, and offsets of the films."""

from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gambol.app.web import models, probe, space_clock
from gambol.app.web.answers import body, missing, ok, ok_list, who
from gambol.app.web.state import Studio
from gambol.io.project import Project
from gambol.multiview.clocks import Timing


def routes(studio: Studio) -> list[BaseRoute]:
    """Return the routes of a server."""

    async def bring(request: Request) -> Response:
        said = await body(request, models.BringRig)
        places = [await run_in_threadpool(studio.place, file) for file in said.files]
        return ok(await run_in_threadpool(_brought, studio, places), 201)

    async def clock(request: Request) -> Response:
        said = await body(request, models.SetClock)
        by = who(request, studio.user)
        seq, action = await studio.desk.ask(lambda p: _set(p, said, by))
        return ok(models.Decided(seq=seq, frame=0, action=action))

    async def clocks(_: Request) -> Response:
        said = await studio.desk.ask(space_clock.read)
        return ok_list([film_clock(video, one) for video, one in said.items()])

    return [
        Route("/api/space/clock", clocks),
        Route("/api/rigs", bring, methods=["POST"]),
        Route("/api/space/clock", clock, methods=["POST"]),
    ]


def _brought(studio: Studio, places: list[Path]) -> models.BroughtRig:
    """Bring a calibration in, read by a process of its own."""
    values = {
        "sources": [str(place) for place in places],
        "project": str(studio.folder),
        "roots": [str(root) for root in studio.roots],
    }
    name = places[0].name if places else "the calibration"
    return models.BroughtRig.model_validate(probe.run("rig", values, name))


def film_clock(video: int, one: Timing) -> models.FilmClock:
    """Return the timing of a film as the page has it."""
    return models.FilmClock(
        video=video, lag=one.lag, drift=one.drift,
        drops=list(one.drops), skips=list(one.skips),
    )  # fmt: skip


def _set(project: Project, said: models.SetClock, by: str) -> tuple[int, str]:
    names = {row.id: row.path.rpartition("/")[2] for row in project.videos()}
    if lost := [one.video for one in said.films if one.video not in names]:
        raise missing(f"video {lost[0]}")
    films = {
        one.video: Timing(one.lag, one.drift, tuple(one.drops), tuple(one.skips))
        for one in said.films
    }
    first = said.films[0]
    what = (
        f"offsets of {len(films)} films from {said.source}" if said.source
        else f"offset of {names[first.video]} {first.lag:+g} frames"
    )  # fmt: skip
    action = f"3D: {what}"
    return space_clock.write(project, films, action, by, said.id), action

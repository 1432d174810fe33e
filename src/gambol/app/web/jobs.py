"""Routes of jobs: their settings, starting, ending and deleting them, what they found."""

from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from gambol.app import job_files, job_stages
from gambol.app.web import job_rounds, job_schemas, job_trash
from gambol.app.web.answers import body, missing, number, ok, ok_list, who
from gambol.app.web.job_curves import Curves
from gambol.app.web.job_queue import Jobs as Jobs
from gambol.app.web.models import Again, JobStart, Preview, Previews
from gambol.app.web.state import Studio
from gambol.core.errors import InputError
from gambol.io import store

LOG_BYTES = 1 << 20  # of a log, at most, in one answer
TRACKS = ("suggest", "track", "export")  # stages that read track files, which follow their logs


def routes(studio: Studio) -> list[BaseRoute]:
    """Return the routes of a server, which has its jobs from now on."""
    if studio.jobs is None:
        looks = studio.access is not None and studio.access.read_only
        studio.jobs = Jobs(studio.folder, studio.hub, looks=looks)
        studio.jobs.ended = lambda job: studio.predictions.look_again()
    studio.errors = lambda: errors(studio.folder)
    do = _Handlers(studio, studio.jobs)
    return [
        Route("/api/jobs", do.list),
        Route("/api/jobs", do.start, methods=["POST"]),
        Route("/api/jobs/{job}", do.show),
        Route("/api/jobs/{job}", do.discard, methods=["DELETE"]),
        Route("/api/jobs/{job}/stop", do.stop, methods=["POST"]),
        Route("/api/jobs/{job}/cancel", do.cancel, methods=["POST"]),
        Route("/api/jobs/{job}/resume", do.resume, methods=["POST"]),
        Route("/api/jobs/{job}/log", do.log),
        Route("/api/jobs/{job}/curve", do.curve),
        Route("/api/jobs/{job}/previews", do.previews),
        Route("/api/jobs/{job}/previews/{number}.jpg", do.picture),
        Route("/api/jobs/{job}/files/{name}", do.file),
        Route("/api/stages/{stage}/schema", do.schema),
        Route("/api/rounds", do.rounds),
        Route("/api/disk", do.disk),
        Route("/api/trash", do.empty, methods=["DELETE"]),
    ]


class _Handlers:
    """What the routes do, for one server."""

    def __init__(self, studio: Studio, jobs: Jobs) -> None:
        self._studio, self._jobs = studio, jobs
        self._curves = Curves()

    async def list(self, request: Request) -> Response:
        return ok_list(await run_in_threadpool(self._jobs.all))

    async def start(self, request: Request) -> Response:
        said = await body(request, JobStart)
        inputs = {k: v for k, v in said.inputs.items() if k not in ("path", "paths", "roots")}
        if "file" in inputs:  # the page has names of files, never paths
            place = await run_in_threadpool(self._studio.place, str(inputs["file"]))
            inputs["path"] = str(place)
            inputs["roots"] = [str(root) for root in self._studio.roots]
        if isinstance(files := inputs.get("files"), list):
            places = [await run_in_threadpool(self._studio.place, str(f)) for f in files]
            inputs["paths"] = [str(place) for place in places]
        config = job_stages.placed(
            said.stage, said.config, self._studio.folder, self._studio.roots
        )
        said = said.model_copy(update={"inputs": inputs, "config": config})
        by = who(request, self._studio.user)
        if self._studio.tracks is not None and said.stage in TRACKS:
            await run_in_threadpool(self._studio.tracks.follower.settle)
        return ok(await run_in_threadpool(self._jobs.submit, said, by), 201)

    async def show(self, request: Request) -> Response:
        return ok(await run_in_threadpool(self._jobs.get, _name(request)))

    async def discard(self, request: Request) -> Response:
        await run_in_threadpool(self._jobs.discard, _name(request))
        return Response(status_code=204)

    async def stop(self, request: Request) -> Response:
        return ok(await run_in_threadpool(self._jobs.stop, _name(request)))

    async def cancel(self, request: Request) -> Response:
        return ok(await run_in_threadpool(self._jobs.cancel, _name(request)))

    async def resume(self, request: Request) -> Response:
        said = Again()
        if int(request.headers.get("content-length") or 0):
            said = await body(request, Again)
        return ok(await run_in_threadpool(self._jobs.resume, _name(request), said.fix))

    async def log(self, request: Request) -> Response:
        """Answer with text from a byte on (`from`), or with the last lines (`tail`)."""
        folder = await run_in_threadpool(self._jobs.path, _name(request))
        if "tail" in request.query_params:
            lines = await run_in_threadpool(job_files.log_tail, folder, number(request, "tail"))
            return PlainTextResponse("\n".join(lines), headers={"Cache-Control": "no-store"})
        start = max(number(request, "from", 0), 0)
        data = await run_in_threadpool(_read, folder / "log.txt", start)
        headers = {"Cache-Control": "no-store", "X-Gambol-Next": str(start + len(data))}
        return PlainTextResponse(data.decode(errors="replace"), headers=headers)

    async def curve(self, request: Request) -> Response:
        folder = await run_in_threadpool(self._jobs.path, _name(request))
        return ok(await run_in_threadpool(self._curves.of, folder))

    async def previews(self, request: Request) -> Response:
        folder = await run_in_threadpool(self._jobs.path, _name(request))
        return ok(await run_in_threadpool(_previews, folder))

    async def picture(self, request: Request) -> Response:
        folder = await run_in_threadpool(self._jobs.path, _name(request))
        path = folder / "previews" / f"{number(request, 'number')}.jpg"
        if not path.is_file():
            raise missing("such picture")
        return FileResponse(path, headers={"Cache-Control": "max-age=3600"})

    async def file(self, request: Request) -> Response:
        """Answer with a file that an export wrote."""
        job, name = self._jobs.get(_name(request)), str(request.path_params["name"])
        out = (await run_in_threadpool(self._jobs.path, job.id) / "out").resolve()
        made = [Path(path) for path in (job.result or {}).get("paths", [])]
        for path in made if job.stage == "export" else []:
            inside = path.resolve().is_relative_to(out)
            if path.name == name and inside and path.is_file():
                return FileResponse(path, filename=name)
        raise missing(f"file {name!r}")

    async def schema(self, request: Request) -> Response:
        return ok(await run_in_threadpool(job_schemas.of, str(request.path_params["stage"])))

    async def disk(self, request: Request) -> Response:
        return ok(await run_in_threadpool(job_trash.disk, self._jobs.runs))

    async def empty(self, request: Request) -> Response:
        """Remove for good what was deleted."""
        await run_in_threadpool(job_trash.purge, self._jobs.runs, 0.0)
        return ok(await run_in_threadpool(job_trash.disk, self._jobs.runs))

    async def rounds(self, request: Request) -> Response:
        found = await self._studio.desk.ask(lambda project: job_rounds.of(project))
        return ok_list(found)


def errors(project: Path) -> dict[str, tuple[float, float]]:
    """Return median and 95th percentile of the held-out error of every keypoint, px.

    They are of the newest finished training; empty where there is none.
    """
    for folder, asked, told in job_stages.known(project):
        if asked.stage != "train" or told.state != "done":
            continue
        try:
            scores = store.read_json(folder / "out" / "metrics.json").get("keypoints", {})
        except InputError:  # its files were deleted
            continue
        said = {name: (one.get("median_px"), one.get("p95_px")) for name, one in scores.items()}
        return {name: two for name, two in said.items() if None not in two}
    return {}


def _previews(folder: Path) -> Previews:
    """Return what a training sees of its validation frames."""
    try:
        said = store.read_json(folder / "previews.json")
    except InputError:  # not yet
        return Previews(step=0, keypoints=[], edges=[], shown=[])
    shown = []
    for one in said["shown"]:
        values = {key: value for key, value in one.items() if key not in ("number", "video")}
        video = Path(one["video"]).name if one["video"] else None
        address = f"api/jobs/{folder.name}/previews/{one['number']}.jpg"
        shown.append(Preview(picture=address, video=video, **values))
    return Previews(
        step=said["step"], keypoints=said["keypoints"], edges=said["edges"], shown=shown
    )


def _name(request: Request) -> str:
    return str(request.path_params["job"])


def _read(path: Path, start: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(LOG_BYTES)
    except OSError:
        return b""

"""Routes of what stages wrote: poses of a stretch of frames."""

from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gambol.app.web.answers import fail, missing, number
from gambol.app.web.predictions import RunPredictions, Seen
from gambol.app.web.state import Studio

_MOST = 20_000  # frames in one answer
_BYTES = 64 << 20


def routes(studio: Studio) -> list[BaseRoute]:
    """Return the routes of a server."""
    if not isinstance(studio.predictions, RunPredictions):
        studio.predictions = RunPredictions(
            studio.folder, studio.desk, lambda file, frame: _renamed(studio, file, frame)
        )
    seen = studio.predictions

    async def poses(request: Request) -> Response:
        """Answer (T, N, J, 3) float32, little-endian: x, y, P(right); frames from … to.

        `X-Gambol-Shape` says T, N, J. `video` chooses among the files of the run.
        """
        run = str(request.path_params["run"])
        first, video = number(request, "from"), number(request, "video", 0)
        last = number(request, "to", first)
        path = await run_in_threadpool(seen.of_run, run, video or None)
        if path is None:
            raise missing(f"run {run!r} with poses" + (f" of video {video}" if video else ""))
        if last - first >= _MOST:
            raise fail(416, "range", f"more than {_MOST} frames at once", "ask for fewer")
        try:
            block = await run_in_threadpool(seen.block, path, first, last + 1)
        except IndexError as error:
            raise fail(416, "range", f"{path.name} has no {error}", "ask for others") from error
        if block.nbytes > _BYTES:
            raise fail(416, "range", "the answer would be too large", "ask for fewer frames")
        shape = ",".join(str(size) for size in block.shape[:3])
        headers = {"Cache-Control": "no-store", "X-Gambol-Shape": shape}
        data = block.astype("<f4").tobytes()
        return Response(data, 200, headers, "application/octet-stream")

    return [Route("/api/runs/{run}/poses", poses)]


def _renamed(studio: Studio, file: Path, frame: int) -> list[Seen] | None:
    return None if studio.tracks is None else studio.tracks.seen(file, frame)

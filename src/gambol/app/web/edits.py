"""Routes of labels: edits, undo and redo, the history, and frames as they stand."""

from collections.abc import Callable
from typing import TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gambol.app.web.answers import Fail, body, missing, number, ok, ok_list, told, who
from gambol.app.web.models import (
    Applied,
    Edit,
    Edits,
    Frame,
    FrameValue,
    InstanceValue,
    LogLine,
    Marks,
    Problem,
    Restore,
    Stepped,
    Steps,
    Theirs,
)
from gambol.app.web.state import Studio
from gambol.io import project_changes, project_edits, project_views
from gambol.io.project import Project
from gambol.io.project_changes import Conflict, RowChange

T = TypeVar("T")
_PAGE = 50  # lines of the history, unless the page says how many
_LONGEST_PAGE = 500


def routes(studio: Studio) -> list[BaseRoute]:
    """Return the routes of a server."""

    async def edits(request: Request) -> Response:
        said = await body(request, Edits)
        by = who(request, studio.user)
        done: list[str] = []
        seq = 0
        for edit in said.edits:
            try:
                seq = max(seq, await studio.desk.ask(_one(edit, by, said.force)))
            except Exception as error:  # told to the page, whatever it is
                fail = error if isinstance(error, Fail) else Fail(*told(error))
                if not done:
                    raise fail from error
                return ok(Applied(seq=seq, done=done, problem=fail.problem))
            done.append(edit.id)
        return ok(Applied(seq=seq, done=done))

    async def step(request: Request) -> Response:
        said = await body(request, Steps)
        by = who(request, studio.user)
        how = (
            project_changes.undo if request.url.path.endswith("undo") else project_changes.redo
        )
        done = await studio.desk.ask(
            _or_conflict(lambda project: how(project, said.id, by, said.n, said.force))
        )
        video, frame = done.place or (None, None)
        return ok(Stepped(seq=done.seq, actions=done.actions, video=video, frame=frame))

    async def restore(request: Request) -> Response:
        said = await body(request, Restore)
        by = who(request, studio.user)
        seq = await studio.desk.ask(
            lambda project: project_changes.restore(
                project, said.id, said.video, said.frame, said.seq, by
            )
        )
        return ok(Applied(seq=seq, done=[said.id]))

    return [
        Route("/api/edits", edits, methods=["POST"]),
        Route("/api/undo", step, methods=["POST"]),
        Route("/api/redo", step, methods=["POST"]),
        Route("/api/restore", restore, methods=["POST"]),
        *_reading(studio),
    ]


def _reading(studio: Studio) -> list[BaseRoute]:
    async def history(request: Request) -> Response:
        before, n = number(request, "before", -1), number(request, "n", _PAGE)
        n = max(1, min(n, _LONGEST_PAGE))
        rows = await studio.desk.ask(
            lambda p: project_views.history(p.connection, before if before >= 0 else None, n)
        )
        return ok_list([LogLine(**row._asdict()) for row in rows])

    async def marks(request: Request) -> Response:
        video = number(request, "video")
        first, last = number(request, "from", 0), number(request, "to", 1 << 62)
        seq, found = await studio.desk.ask(
            lambda p: (p.seq(), project_views.marks(p.connection, video, first, last))
        )
        return ok(Marks(video=video, seq=seq, **found._asdict()))

    async def frame(request: Request) -> Response:
        video, index = number(request, "video"), number(request, "frame")
        row = await studio.desk.ask(lambda project: _frame(project, video, index))
        seen = await run_in_threadpool(studio.predictions.at, video, index)
        return ok(row.model_copy(update={"prediction": seen}))

    return [
        Route("/api/history", history),
        Route("/api/frames", marks),
        Route("/api/frames/{video}/{frame}", frame),
    ]


def _one(edit: Edit, by: str, force: bool) -> Callable[[Project], int]:
    """Return the function that makes one edit."""
    changes = [RowChange(c.table, c.key, c.saw, c.value) for c in edit.changes]
    return _or_conflict(
        lambda project: project_changes.apply(project, edit.id, edit.action, changes, by, force)
    )


def _or_conflict(fn: Callable[[Project], T]) -> Callable[[Project], T]:
    def run(project: Project) -> T:
        try:
            return fn(project)
        except Conflict as clash:
            raise overtaken(clash, "keep yours, or take theirs") from clash

    return run


def overtaken(clash: Conflict, hint: str) -> Fail:
    """Say who changed which rows meanwhile."""
    theirs = [Theirs(**row._asdict()) for row in clash.theirs]
    told = Problem(code="conflict", message=str(clash), hint=hint, theirs=theirs)
    return Fail(409, told)


def _frame(project: Project, video: int, frame: int) -> Frame:
    connection = project.connection
    row = connection.execute("SELECT frames, fps FROM videos WHERE id = ?", (video,)).fetchone()
    if row is None or not 0 <= frame < row[0]:
        raise missing(f"frame {frame} in video {video}")
    seq = project.seq()  # first: what another program writes meanwhile is told again
    said = project_edits.get(connection, "frames", (video, frame))
    animals = project_views.instances(connection, video, frame)
    return Frame(
        video=video,
        frame=frame,
        seq=seq,
        time_s=frame / row[1] if row[1] > 0 else 0.0,
        frame_row=FrameValue(**said) if said else None,
        instances=[(key, InstanceValue(**value)) for key, value in animals],
        prediction=None,
    )

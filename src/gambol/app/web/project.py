"""Routes of the project as a whole: what it holds, how it is made, and its videos."""

from pathlib import Path
from typing import Any
from uuid import uuid4

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gambol.app.web import models, people, probe
from gambol.app.web.answers import body, fail, missing, number, ok, who
from gambol.app.web.models import Added, Applied, Counts, Individual, KeypointCounts, NewProject
from gambol.app.web.state import Studio, role
from gambol.core.skeleton import Skeleton
from gambol.core.templates import template
from gambol.io import (
    project_changes,
    project_log,
    project_rows,
    project_videos,
    project_views,
)
from gambol.io.project import Project, VideoRow
from gambol.io.project_changes import RowChange
from gambol.io.skeleton_file import SkeletonFile, build
from gambol.io.video.open import split_ref

FIRST_ANIMAL = "animal"


def routes(studio: Studio) -> list[BaseRoute]:
    """Return the routes of a server."""
    do = _Handlers(studio)
    return [
        Route("/api/project", do.show),
        Route("/api/project", do.make, methods=["POST"]),
        Route("/api/videos", do.add, methods=["POST"]),
        Route("/api/videos/{video}", do.move, methods=["PATCH"]),
        Route("/api/videos/{video}/search", do.search, methods=["POST"]),
        Route("/api/videos/{video}", do.remove, methods=["DELETE"]),
    ]


class _Handlers:
    """What the routes do, for one server."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    async def show(self, request: Request) -> Response:
        if not await run_in_threadpool(self._studio.desk.open):
            return ok(_nothing(self._studio, request))
        told = await self._studio.desk.ask(lambda project: _project(self._studio, project))
        return ok(
            told.model_copy(update={"role": role(request), **_who(self._studio, request)})
        )

    async def make(self, request: Request) -> Response:
        said = await body(request, NewProject)
        if await run_in_threadpool(self._studio.desk.open):
            raise fail(
                409, "exists", f"{self._studio.folder} is a project already", "reload the page"
            )
        if said.template:
            skeleton = template(said.template)
        elif said.file and not said.keypoints:
            source = await run_in_threadpool(self._studio.place, said.file)
            skeleton = await run_in_threadpool(_skeleton_of, self._studio, source)
        else:
            made = SkeletonFile(keypoints=[name.strip() for name in said.keypoints])
            skeleton = build(made, "keypoints")
        await self._studio.desk.create(skeleton)
        by = who(request, self._studio.user)
        first = RowChange("individuals", [1], None, {"name": FIRST_ANIMAL})
        await self._studio.desk.ask(
            lambda p: project_changes.apply(p, uuid4().hex, "first animal", [first], by)
        )
        told = await self._studio.desk.ask(lambda p: _project(self._studio, p))
        return ok(told.model_copy(update=_who(self._studio, request)), 201)

    async def add(self, request: Request) -> Response:
        said = await body(request, models.VideoChange)
        ref = str(await run_in_threadpool(self._studio.place, said.file))
        values = await run_in_threadpool(self._described, ref)
        by = who(request, self._studio.user)

        def put(project: Project) -> tuple[int, bool]:
            known = {row.hash: row.id for row in project.videos()}
            return project.add_described(values, by), values["hash"] not in known

        video, new = await self._studio.desk.ask(put)
        if not new:
            name = Path(values["path"]).name
            raise fail(409, "duplicate", f"{name} is video {video} already", "choose another")
        return ok(
            Added(video=await self._studio.desk.ask(lambda p: _video(p, _row(p, video)))), 201
        )

    async def move(self, request: Request) -> Response:
        video = number(request, "video")
        said = await body(request, models.VideoChange)
        ref = str(await run_in_threadpool(self._studio.place, said.file))
        values = await run_in_threadpool(self._described, ref)

        def put(project: Project) -> models.Video:
            row = _row(project, video)
            if row.hash != values["hash"]:
                raise fail(
                    422, "input", f"{ref} has another content than {row.path}",
                    "choose the same film, or add this one as a new video",
                )  # fmt: skip
            project.moved(video, values["path"])
            return _video(project, _row(project, video))

        return ok(Added(video=await self._studio.desk.ask(put)))

    def _described(self, ref: str) -> dict[str, Any]:
        return probe.describe(ref, self._studio.desk.folder, self._studio.roots)

    async def search(self, request: Request) -> Response:
        """Find a moved video by its content, in the project, around it or in the roots."""
        video, desk = number(request, "video"), self._studio.desk
        row = await desk.ask(lambda project: _row(project, video))
        usual = project_videos.expected(row, desk.folder)
        if not project_videos.exists(usual):
            folders = [desk.folder, desk.folder.parent, *self._studio.roots]
            places = list(dict.fromkeys(folders))
            ref = await run_in_threadpool(project_videos.search, row, places)
            if ref is None:
                name = split_ref(usual)[0].name
                raise fail(404, "not-found", f"{name} is nowhere near", "choose it by hand")
            place = project_videos.relative(ref, desk.folder)
            await desk.ask(lambda project: project.moved(video, place))
        return ok(Added(video=await desk.ask(lambda p: _video(p, _row(p, video)))))

    async def remove(self, request: Request) -> Response:
        video = number(request, "video")
        by = who(request, self._studio.user)

        def take(project: Project) -> int:
            _row(project, video)
            return project_changes.remove_video(project, video, by)

        return ok(Applied(seq=await self._studio.desk.ask(take), done=[]))


def _skeleton_of(studio: Studio, source: Path) -> Skeleton:
    """Read the skeleton of a file of labels, in a process of its own."""
    values = {
        "folder": str(studio.folder),
        "source": str(source),
        "roots": [str(root) for root in studio.roots],
    }
    return Skeleton.from_dict(probe.run("skeleton", values, source.name))


def _nothing(studio: Studio, request: Request) -> models.Project:
    """Return what there is to say of a folder that is no project yet."""
    return models.Project(
        id="", name=studio.folder.name, folder=str(studio.folder), gambol=studio.version,
        seq=0, at="", role=role(request), journal="", **_who(studio, request), skeleton=None,
        videos=[], individuals=[], keypoints=[], suggestions=[],
    )  # fmt: skip


def _who(studio: Studio, request: Request) -> dict[str, Any]:
    guest = people.unnamed(studio, request)
    return {"user": guest or studio.user, "guest": bool(guest)}


def _project(studio: Studio, project: Project) -> models.Project:
    seq = project.seq()  # first: what another program writes meanwhile is told again
    skeleton = project.skeleton
    errors, holders = studio.errors(), studio.holders()
    counts = project.counts.now(project.connection)
    keypoints = []
    for name, (visible, occluded, absent, unset) in zip(
        skeleton.keypoints, counts, strict=True
    ):
        p50, p95 = errors.get(name, (None, None))
        keypoints.append(
            KeypointCounts(
                visible=visible, occluded=occluded, absent=absent, unset=unset,
                p50_px=p50, p95_px=p95,
            )
        )  # fmt: skip
    suggestions = [
        models.Suggestion(
            rank=rank, holder=holders.get((said.video, said.frame)), **said._asdict()
        )
        for rank, said in zip(
            project_rows.ranks(project.connection), project.suggestions(), strict=True
        )
    ]
    return models.Project(
        id=project_log.project_id(project.connection),
        name=studio.folder.name,
        folder=str(studio.folder),
        gambol=studio.version,
        seq=seq,
        at=project_log.line_time(project.connection, seq),
        role="edit",
        journal=studio.desk.journal,
        user=studio.user,
        guest=False,
        skeleton=models.Skeleton(**skeleton.to_dict()),
        videos=[_video(project, row) for row in project.videos()],
        individuals=[Individual(id=k, name=name) for k, name in project.individuals().items()],
        keypoints=keypoints,
        suggestions=suggestions,
    )


def _video(project: Project, row: VideoRow) -> models.Video:
    counts = project_views.video_counts(project.connection, row.id)
    usual = project_videos.expected(row, project.folder)
    found = project_videos.exists(usual)
    return models.Video(
        id=row.id,
        name=split_ref(usual)[0].name,
        path=row.path,
        fingerprint=row.hash,
        width=row.width,
        height=row.height,
        frames=row.frames,
        fps=row.fps,
        found=found,
        trouble=None if found else f"{usual} is not there; say where it is now",
        marks=Counts(**counts._asdict()),
    )


def _row(project: Project, video: int) -> VideoRow:
    row = next((row for row in project.videos() if row.id == video), None)
    if row is None:
        raise missing(f"video {video}")
    return row

"""Labels in and out: first dry, which says what changes and what is lost, then for good."""

import shutil
import tempfile
from datetime import datetime
from pathlib import Path

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from gambol.app.web import probe
from gambol.app.web.answers import body, fail, missing, ok, who
from gambol.app.web.models import Transfer, Transferred
from gambol.app.web.state import Studio
from gambol.core.errors import InputError
from gambol.core.labels import Labels, Visibility
from gambol.io import labels as io_labels
from gambol.io import store
from gambol.io.labels.formats import SUFFIX
from gambol.io.project import Project

_COUNTED = {  # sentences of `io.labels.losses` about points of one state
    "occluded": Visibility.OCCLUDED,
    "unlabelled": Visibility.UNLABELLED,
}


def routes(studio: Studio) -> list[BaseRoute]:
    """Return the routes of a server."""

    async def bring(request: Request) -> Response:
        said = await body(request, Transfer)
        if said.file is None:
            raise fail(422, "input", "no file is named", "choose one")
        source = await run_in_threadpool(studio.place, said.file)
        by = who(request, studio.user)
        told = await run_in_threadpool(_import, studio, source, said.dry, by)
        if not said.dry and await run_in_threadpool(studio.desk.open):
            await studio.desk.ask(lambda project: None)  # it sees the edit and tells the pages
        return ok(told)

    async def take(request: Request) -> Response:
        said = await body(request, Transfer)
        if said.format not in SUFFIX:
            raise fail(
                422, "input", f"there is no format {said.format!r}",
                f"there are {', '.join(SUFFIX)}",
            )  # fmt: skip
        labels = await studio.desk.ask(Project.labels)
        left = await studio.desk.ask(lambda p: (p.unfinished(), len(p.bad())))
        return ok(await run_in_threadpool(_export, studio, labels, *left, said))

    async def download(request: Request) -> Response:
        name, folder = request.path_params["name"], studio.folder / "exports"
        if not folder.is_dir() or name not in {path.name for path in folder.iterdir()}:
            raise missing(f"export {name!r}")
        return FileResponse(folder / name, filename=name)

    return [
        Route("/api/import", bring, methods=["POST"]),
        Route("/api/export", take, methods=["POST"]),
        Route("/api/exports/{name}", download),
    ]


def _import(studio: Studio, source: Path, dry: bool, by: str) -> Transferred:
    """Merge labels into the project, or into a copy of it, in a process of its own."""
    values = {
        "folder": str(studio.folder),
        "source": str(source),
        "roots": [str(root) for root in studio.roots],
        "dry": dry,
        "by": by,
    }
    return Transferred.model_validate(probe.run("bring", values, source.name))


def _export(
    studio: Studio, labels: Labels, drafts: int, bad: int, said: Transfer
) -> Transferred:
    """Write labels into exports/, as one file that a browser can take."""
    assert said.format is not None
    lost = [_counted(loss, labels) for loss in io_labels.losses(labels, said.format)]
    unset = int(np.sum(labels.visibility == Visibility.UNLABELLED))
    if said.format == "coco" and unset:  # we read them back, others cannot
        lost.append(f"{unset} unlabelled keypoints are v = 0, absent ones to other programs")
    if drafts:
        lost.append(f"{drafts} frames that are being worked on are left out")
    if bad:
        lost.append(f"{bad} frames whose picture is bad are left out")
    path = None
    if not said.dry:
        path = _written(studio.folder, labels, said.format)
    if not len(labels) and said.dry:
        raise InputError("there are no labels to export; finish some frames first")
    return Transferred(
        format=said.format,
        frames=len(labels.frames),
        animals=len(labels),
        changes=[],
        lost=lost,
        path=path and f"exports/{path}",
        download=path and f"api/exports/{path}",
    )


def _counted(loss: str, labels: Labels) -> str:
    """Put a number before a sentence about points of one state."""
    state = _COUNTED.get(loss.partition(" ")[0])
    return loss if state is None else f"{int(np.sum(labels.visibility == state))} {loss}"


def _written(project: Path, labels: Labels, format: str) -> str:
    """Write the file; return its name. Folders are packed; COCO is one file without images."""
    now = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S-%f")[:-3]
    name = f"{project.name}-{format}-{now}"
    folder = project / "exports"
    if format != "dlc":
        path = folder / f"{name}{SUFFIX[format]}"
        made = io_labels.write(labels, path, format, images=False)
        return made[0].name if len(made) == 1 else _packed(made, folder / f"{name}.zip").name
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".") as away:
        io_labels.write(labels, Path(away) / name, format)
        return _zipped(Path(away), folder / f"{name}.zip").name


def _packed(paths: list[Path], to: Path) -> Path:
    with tempfile.TemporaryDirectory(dir=to.parent, prefix=".") as away:
        for path in paths:
            shutil.move(path, away)
        return _zipped(Path(away), to)


def _zipped(folder: Path, to: Path) -> Path:
    with store.atomic(to) as partial:
        shutil.make_archive(str(partial.with_suffix("")), "zip", folder)
    return to

"""Routes of behaviour: runs with labels, rasters, map, clips, decisions, bouts of people."""

import struct
import threading
from collections import OrderedDict
from concurrent.futures import Future
from pathlib import Path

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gambol.app.web import (
    behavior_animals,
    behavior_chances,
    behavior_clips,
    behavior_compare,
    behavior_follow,
    behavior_strips,
    models,
    news,
)
from gambol.app.web.answers import Fail, body, fail, missing, number, ok, ok_list, who
from gambol.app.web.behavior_book import Book
from gambol.app.web.behavior_bouts import Shelf
from gambol.app.web.behavior_clips import Window
from gambol.app.web.behavior_crew import Crew
from gambol.app.web.behavior_names import Deciders
from gambol.app.web.behavior_runs import LABEL, Film, Finder, Found, films
from gambol.app.web.behavior_strips import Cut
from gambol.app.web.frames import GONE, unless_gone
from gambol.app.web.models import BehaviorDecision, BoutEdit, Problem, Theirs
from gambol.app.web.pictures import Busy
from gambol.app.web.state import Studio
from gambol.behavior.label_undo import Overtaken
from gambol.core.errors import InputError, did_you_mean
from gambol.io import label_map as io_map
from gambol.io.poses_frames import FramePoses
from gambol.stages import decisions, label_map
from gambol.stages.label_map import Asked, LabelMapConfig

_BOOKS = 3  # runs whose labels are held
_MOST_PX, _MOST_FRAMES, _MOST_POINTS = 4096, 4096, 4_000_000
_SAMPLE = 20_000
_CORNERS = 512  # of an outline on the map
_COMMANDS = (
    ("poses", "Poses", "gambol predict runs/train-1/out VIDEO --out runs/poses"),
    ("map", "A map of movements", "gambol map runs/poses/*.nc --out runs/map"),
    ("syllables", "Syllables",
     "gambol syllables runs/poses --anterior nose --posterior tail_base --out runs/syllables"),
    ("states", "States of seconds",
     "gambol states runs/syllables --out runs/states"),
)  # fmt: skip


class Behavior:
    """The runs of a project with labels, each read when somebody looks."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._lock = threading.Lock()
        self._books: OrderedDict[str, Book] = OrderedDict()
        self.finder = Finder(studio.folder)
        self.shelf = Shelf(studio.folder)
        self.crew = Crew()

    async def films(self) -> list[Film]:
        """Return the videos of the project; none where there is none yet."""
        if self._studio.desk.project is None:
            return []
        return await self._studio.desk.ask(films)

    async def book(self, run: str) -> Book:
        """Return the labels of a run as they stand on disk.

        Raises:
            Fail: 404, there is none.
            InputError: a file is damaged.
        """
        return await run_in_threadpool(self._book, run)

    def _book(self, run: str) -> Book:
        found = self.finder.get(run)
        if found is None:
            raise missing(f"run {run!r} with labels")
        with self._lock:
            book = self._books.get(run)
            if book is None or book.found != found:
                book = self._books[run] = Book(found)
                if len(self._books) > _BOOKS:
                    self._books.popitem(last=False)
            self._books.move_to_end(run)
            return book

    def overview(self, known: list[Film]) -> models.BehaviorOverview:
        """Return all runs, and what is not yet there."""
        found = self.finder.runs()
        runs = [self._about(one, known) for one in found]
        there = {run.kind for run in runs}
        posed = any(self._studio.folder.glob("runs/*/**/*.nc"))
        lacking = [
            models.BehaviorMissing(
                stage=stage, title=title, command=command,
                ready=stage == "poses" or (posed and stage != "states")
                or (stage == "states" and "syllables" in there),
            )
            for stage, title, command in _COMMANDS
            if stage not in there and not (stage == "poses" and (posed or there))
        ]  # fmt: skip
        return models.BehaviorOverview(runs=runs, missing=lacking)

    def _about(self, found: Found, known: list[Film]) -> models.BehaviorRun:
        recordings, fps, trouble, decided = [], 0.0, None, 0
        try:
            held = io_map.read(io_map.beside(found.folder))
            decided = len(held.active) if held else 0
            for path in found.files:
                head = self.finder.head(path, found.kind)
                fps = head.fps
                recordings.append(models.BehaviorRecording(
                    name=head.name, frames=head.frames, video=self.finder.video(head, known),
                    animal=head.animal,
                ))  # fmt: skip
        except InputError as error:
            trouble = str(error)
        place = found.folder.relative_to(self._studio.folder).as_posix()
        return models.BehaviorRun(
            run=found.run, kind=found.kind, fps=fps, labels=0, recordings=recordings,
            title=place.removeprefix("runs/").removesuffix("/out"), place=place,
            trouble=trouble, made=max(found.touch) / 1e9, decisions=decided,
        )  # fmt: skip

    async def pictures(self, video: int | None, cut: Cut) -> "Future[bytes]":
        """Return the picture of a clip to come; not from the decoder of the stage.

        Raises:
            Fail: 404, the project has no such video.
        """
        known = next((film for film in await self.films() if film.id == video), None)
        if known is None:
            raise missing("film of this recording in the project")
        ref = await self._studio.desk.ask(lambda p: p.locate(known.id))
        return self.crew.do((known.hash, cut.key), ref, behavior_strips.film(cut))

    def poses(self, book: Book, r: int) -> tuple[Path, str] | None:
        """Return the poses of a recording, and which animal of them it is."""
        head = self.finder.head(book.run.sources[r].path, book.found.kind)
        path = self.finder.poses(head)
        return None if path is None else (path, head.animal)

    def clips(
        self, book: Book, windows: list[Window], total: int, at: int, known: list[Film]
    ) -> models.BehaviorClips:
        """Return windows with what turns them."""
        posed = [(self.poses(book, w.recording), w) for w in windows[:4]]
        side = behavior_clips.body([(*p, w) for p, w in posed if p is not None])
        heads = {w.recording: self.finder.head(book.run.sources[w.recording].path,
                                               book.found.kind) for w in windows}  # fmt: skip
        clips = [
            models.BehaviorClip(
                recording=book.names[w.recording],
                video=self.finder.video(heads[w.recording], known),
                first=w.first, last=w.last, core=w.core,
                label=behavior_clips.label_of(book, w),
                place=behavior_clips.places(book, w),
            )
            for w in windows
        ]  # fmt: skip
        return models.BehaviorClips(clips=clips, total=total, at=at, side=side, fps=book.fps)


def routes(studio: Studio) -> list[BaseRoute]:
    """Return the routes of a server."""
    shown = Behavior(studio)
    studio.rolls += [shown.shelf, Deciders(shown.finder)]

    async def overview(_: Request) -> Response:
        known = await shown.films()
        return ok(await run_in_threadpool(shown.overview, known))

    async def labels(request: Request) -> Response:
        book = await shown.book(_run(request))
        return ok(await run_in_threadpool(book.table, who(request, studio.user)))

    async def decide(request: Request) -> Response:
        said = await body(request, BehaviorDecision)
        book = await shown.book(_run(request))
        by = who(request, studio.user)
        await run_in_threadpool(_decided, book, said, by)
        now = await shown.book(_run(request))
        await told()
        return ok(await run_in_threadpool(now.table, by))

    async def told() -> None:
        studio.hub.send(news.reload(await _seq(studio)))

    async def agreed(request: Request) -> Response:
        book = await shown.book(_run(request))
        model = await run_in_threadpool(decisions.ethogram, book.run.applied)
        return ok_list(await run_in_threadpool(shown.shelf.agreement, model))

    return [
        Route("/api/behavior", overview),
        *_looking(shown),
        Route("/api/behavior/{run}/labels", labels),
        Route("/api/behavior/{run}/decisions", decide, methods=["POST"]),
        Route("/api/behavior/{run}/agreement", agreed),
        *_scoring(studio, shown.shelf),
        *behavior_animals.routes(studio.folder, shown.book, told),
        *behavior_compare.routes(studio.folder, shown.book),
        *behavior_follow.routes(studio, shown.book, told),
    ]


def _looking(shown: Behavior) -> list[BaseRoute]:
    async def raster(request: Request) -> Response:
        book = await shown.book(_run(request))
        return ok(await run_in_threadpool(book.raster, *_stretch(book, request)))

    async def chances(request: Request) -> Response:
        book = await shown.book(_run(request))
        return ok(
            await run_in_threadpool(behavior_chances.strip, book, *_stretch(book, request))
        )

    async def bout(request: Request) -> Response:
        book = await shown.book(_run(request))
        return ok(
            book.step(
                _recording(book, request), number(request, "frame"), number(request, "by", 1)
            )
        )

    async def embedding(request: Request) -> Response:
        book = await shown.book(_run(request))
        packed = await run_in_threadpool(_packed, book, number(request, "n", _SAMPLE))
        return _binary(packed)

    async def clips(request: Request) -> Response:
        book = await shown.book(_run(request))
        known = await shown.films()
        at = max(number(request, "at", 0), 0)
        windows, total = await run_in_threadpool(_chosen, book, request, at)
        return ok(await run_in_threadpool(shown.clips, book, windows, total, at, known))

    async def poses(request: Request) -> Response:
        book = await shown.book(_run(request))
        r = _recording(book, request)
        first = max(number(request, "from"), 0)
        stop = min(number(request, "to", first) + 1, book.length(r))
        if not 0 < stop - first <= _MOST_FRAMES:
            raise fail(416, "range", f"1 to {_MOST_FRAMES} frames at once", "ask for others")
        packed, about = await run_in_threadpool(_posed, shown, book, r, first, stop)
        return _binary(packed, about)

    async def strip(request: Request) -> Response:
        return await _strip(shown, request)

    run = "/api/behavior/{run}"
    return [
        Route(f"{run}/strip", strip),
        Route(f"{run}/raster", raster),
        Route(f"{run}/chances", chances),
        Route(f"{run}/bout", bout),
        Route(f"{run}/map", embedding),
        Route(f"{run}/clips", clips),
        Route(f"{run}/poses", poses),
    ]


async def _strip(shown: Behavior, request: Request) -> Response:
    book = await shown.book(_run(request))
    r = _recording(book, request)
    head = shown.finder.head(book.run.sources[r].path, book.found.kind)
    video = shown.finder.video(head, await shown.films())
    cut = await run_in_threadpool(_cut, book, r, request)
    asked = await shown.pictures(video, cut)
    try:
        data = await unless_gone(request, asked)
    except Busy as busy:
        raise fail(503, "busy", "the decoder is busy", "ask again") from busy
    if data is None:
        return GONE
    about = {"X-Gambol-Tiles": f"{len(cut.frames)},{behavior_strips.COLUMNS}"}
    return Response(data, 200, {"Cache-Control": "no-store", **about}, "image/jpeg")


def _scoring(studio: Studio, shelf: Shelf) -> list[BaseRoute]:
    async def scored(request: Request) -> Response:
        return ok(await run_in_threadpool(shelf.scored, who(request, studio.user)))

    async def score(request: Request) -> Response:
        said = await body(request, BoutEdit)
        done = await run_in_threadpool(shelf.edit, who(request, studio.user), said)
        studio.hub.send(news.reload(await _seq(studio)))
        return ok(done)

    return [
        Route("/api/bouts", scored, methods=["GET"]),
        Route("/api/bouts", score, methods=["POST"]),
    ]


async def _seq(studio: Studio) -> int:
    if studio.desk.project is None:
        return 0
    return await studio.desk.ask(lambda p: p.seq())


def _run(request: Request) -> str:
    return str(request.path_params["run"])


def _recording(book: Book, request: Request) -> int:
    name = request.query_params.get("recording", "")
    if name not in book.names:
        hint = did_you_mean(name, list(book.names))
        raise fail(404, "not-found", f"there is no recording {name!r}{hint}", "reload the page")
    return book.names.index(name)


def _stretch(book: Book, request: Request) -> tuple[int, int, int, int]:
    """Return a recording, the first and the last frame of a part of it, and its pixels."""
    r = _recording(book, request)
    end = book.length(r) - 1
    first = min(max(number(request, "from", 0), 0), end)
    last = min(max(number(request, "to", end), first), end)
    return r, first, last, min(max(number(request, "px", 1000), 1), _MOST_PX)


def _decided(book: Book, said: BehaviorDecision, by: str) -> None:
    """Write a decision, in the words of `gambol label-map`."""
    labels = [str(label) for label in said.labels]
    words = {
        "merge": labels, "undo": [], "redo": [],
        "split": [*labels, said.recording, f"{said.start}:{said.stop}",
                  *([said.value] if said.value else [])],
        "exclude": labels, "include": labels,
    }.get(said.do, [*labels, said.value])  # fmt: skip
    cfg = LabelMapConfig(author=by, label=LABEL[book.found.kind])
    asked = Asked(said.id, said.force)
    try:
        label_map.run(cfg, book.found.folder, said.do, words, asked=asked)
    except Overtaken as late:
        raise Fail(409, _overtaken(late)) from late


def _overtaken(late: Overtaken) -> Problem:
    """Say whose decisions are in the way of an undo."""
    theirs = [
        Theirs(table="decisions", key=list(d.labels), value=f"{d.kind} {d.value}".strip(),
               by=d.author, at=d.time, seq=0)
        for d in late.theirs
    ]  # fmt: skip
    hint = "leave it, or undo theirs too"
    return Problem(code="conflict", message=str(late), hint=hint, theirs=theirs)


def _chosen(book: Book, request: Request, at: int) -> tuple[list[Window], int]:
    asked = request.query_params
    if "label" in asked:
        return behavior_clips.of_label(book, number(request, "label"), at)
    try:
        if "around" in asked:
            corners = np.array(asked["around"].split(","), np.float64).reshape(-1, 2)
            if not 3 <= len(corners) <= _CORNERS or not np.isfinite(corners).all():
                raise ValueError
            return behavior_clips.around(book, corners)
        x, y = float(asked["x"]), float(asked["y"])
    except (KeyError, ValueError) as error:
        raise fail(
            422, "input", "say which clips: label=3, x=1&y=2, or around=x,y,x,y,x,y"
        ) from error
    return behavior_clips.at_place(book, x, y)


def _cut(book: Book, r: int, request: Request) -> Cut:
    """Read which frames of a recording are to be shown, and how."""
    end = book.length(r) - 1
    first = min(max(number(request, "from"), 0), end)
    last = min(max(number(request, "to"), first), end, first + _MOST_FRAMES)
    side, tile = number(request, "side", 128), number(request, "tile", 128)
    if not (8 <= side <= 8192 and 16 <= tile <= 512):
        raise fail(422, "input", f"side is {side}, tile {tile}; give 8 to 8192 and 16 to 512")
    at = number(request, "at", (first + last) // 2)
    return behavior_strips.plan(book.course(r), first, last, at, float(side), tile, book.fps)


def _packed(book: Book, n: int) -> bytes:
    """Return u32 count, u32 stride, then (count, 2) float32 places and uint16 labels.

    Point k is frame k · stride of all recordings one after the other; little-endian.
    """
    found = book.embedding()
    if found is None:
        raise missing("map in this run")
    wanted = min(max(n, 1) if n else len(found.xy), _MOST_POINTS)
    stride = max(-(-len(found.xy) // wanted), 1)
    xy, region = found.xy[::stride], found.region[::stride]
    head = struct.pack("<2I", len(xy), stride)
    return b"".join([head, xy.astype("<f4").tobytes(), region.astype("<u2").tobytes()])


def _posed(
    shown: Behavior, book: Book, r: int, first: int, stop: int
) -> tuple[bytes, dict[str, str]]:
    """Return (T, J, 3) float32 x, y, confidence of the animal, and what is said of them."""
    known = shown.poses(book, r)
    if known is None:
        raise missing("file with the poses of this recording")
    path, animal = known
    with FramePoses(path) as poses:
        who_ = poses.names.index(animal) if animal in poses.names else 0
        stop = min(stop, poses.frames)
        part = poses.block(first, stop)[:, who_] if first < stop else np.zeros((0, 0, 3))
        bones = [f"{k}-{up}" for k, up in enumerate(poses.parent) if up >= 0]
        about = {
            "X-Gambol-Shape": ",".join(map(str, part.shape)),
            "X-Gambol-Bones": ",".join(bones),
            "X-Gambol-Keypoints": ",".join(n.encode("ascii", "replace").decode()
                                           for n in poses.keypoints),
        }  # fmt: skip
    return part.astype("<f4").tobytes(), about


def _binary(data: bytes, more: dict[str, str] | None = None) -> Response:
    headers = {"Cache-Control": "no-store", **(more or {})}
    return Response(data, 200, headers, "application/octet-stream")

"""Routes of identities: which tracks there are, what is doubtful, the timeline, decisions."""

import asyncio
import struct
from pathlib import Path

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gambol.app.web import models, track_deeds, track_lanes
from gambol.app.web.answers import body, fail, missing, number, ok, ok_list, who
from gambol.app.web.edits import overtaken
from gambol.app.web.models import TrackEdit
from gambol.app.web.predictions import Seen
from gambol.app.web.state import Studio, role
from gambol.app.web.track_book import Book
from gambol.app.web.track_files import Follower, Head, Heads, follows
from gambol.app.web.track_index import Indexer
from gambol.app.web.track_poses import Rows
from gambol.app.web.track_queue import RIGHT, SWAPPED, UNSURE
from gambol.core.errors import InputError
from gambol.core.instances import UNTRACKED
from gambol.io import project_changes, project_edits, project_index, project_videos, track_logs
from gambol.io.project import Project
from gambol.io.track_logs import Kept
from gambol.stages import identities

_LOG = ".edits.jsonl"
_MOST_PX, _MOST_FRAMES, _MOST_EVENTS = 4096, 4096, 2000
_VERDICTS = {RIGHT: "right", SWAPPED: "swapped", UNSURE: "unsure"}
_LONG = 50_000  # frames from which on looking things up is made ready before anybody looks
_SOON_S = 0.25  # after which the page is told that a recording is being opened
_AROUND_S = 1.0  # of film before and after a crossing


class Tracks:
    """The books of a project's tracks, each opened when somebody looks."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        # nothing is written or started then
        self._looks = studio.access is not None and studio.access.read_only
        self._books: dict[int, Book] = {}
        self._looked: set[int] = set()
        # of files as they were looked at: last edit, time, and whether the file knows it
        self._follows: dict[int, tuple[int, int, bool]] = {}
        self._broken: dict[int, tuple[list[int], str]] = {}  # and why
        self._heads = Heads()
        self._opening: dict[str, asyncio.Task[Book]] = {}  # for the first time
        self.follower = Follower()
        self.follower.told = lambda: studio.hub.send(models.Message(type="tracks"))
        self.indexer = Indexer()

    async def runs(self, start: bool = True) -> list[models.TrackedRun]:
        """Return all tracked recordings of the project, the newest first.

        `start`: what has to be made of them is made from now on, in the background.
        """
        start = start and not self._looks
        listed, videos = await self._studio.desk.ask(
            lambda p: (
                [track_logs.kept(p, n) for n, _ in track_logs.listed(p)],
                [(v.id, project_videos.expected(v, p.folder)) for v in p.videos()],
            )
        )
        kept = [one for one in listed if one is not None and _target(one).exists()]
        return await run_in_threadpool(
            lambda: [self._run(one, videos, start) for one in reversed(kept)]
        )

    async def book(self, run: str) -> Book:
        """Return the book of a recording, as the log stands now.

        Raises:
            Fail: 404, there is none.
            InputError: a file behind it is gone or damaged.
        """
        word = run.removeprefix("t")
        if not run.startswith("t") or not word.isdecimal():
            raise missing(f"tracked run {run!r}")
        n = int(word)
        book = self._books.get(n)
        touch = await self._studio.desk.ask(lambda p: track_logs.touched(p, n))
        if book is None or book.touch != touch:
            kept = await self._studio.desk.ask(lambda p: track_logs.kept(p, n))
            if kept is None or not _target(kept).exists():
                raise missing(f"tracked run {run!r}")
            try:
                book = await run_in_threadpool(self._taught, kept)
            except InputError as error:
                self._broken[n] = _stamps(kept), str(error)
                raise
        return book

    async def opened(self, run: str) -> Book | None:
        """Return the book of a recording if it can be had soon; it is opened meanwhile.

        Raises:
            Fail, InputError: as `book`.
        """
        book = self._books.get(int(run[1:])) if run[1:].isdecimal() else None
        if book is not None and book.touch >= 0:
            return await self.book(run)
        task = self._opening.get(run)
        if task is None:
            task = self._opening[run] = asyncio.create_task(self.book(run))
            task.add_done_callback(lambda _: self._opening.pop(run, None))
        done, _ = await asyncio.wait({task}, timeout=_SOON_S)
        return task.result() if done else None

    def seen(self, target: Path, frame: int) -> list[Seen] | None:
        """Return who is in a frame of a track file that has not followed its log yet.

        None: the file says it itself, or is no track file of the project.
        """
        ask = self._studio.desk.ask_now
        n, touch = ask(lambda project: _number_of(project, target))
        if n is None:
            return None
        now = touch, target.stat().st_mtime_ns
        book = self._books.get(n)
        if self._follows.get(n) == (*now, True):
            return None
        if book is None or book.touch != touch or self._follows.get(n) != (*now, False):
            kept = ask(lambda project: track_logs.kept(project, n))
            there = kept is None or follows(target, identities.Log(kept.key, kept.records))
            self._follows[n] = *now, there
            if kept is None or there:
                return None
            book = self._taught(kept)
        with book.lock:
            if not 0 <= frame < book.base.frames:
                return None
            found, names = book.here(frame, frame + 1), book.names
        mine = np.flatnonzero(found.who >= 0)
        return [Seen(names[found.who[i]], found.rows.points[i]) for i in mine]

    def _taught(self, kept: Kept) -> Book:
        book = self._books.setdefault(kept.number, Book(_target(kept), keep=not self._looks))
        known = book.touch
        book.take(kept)
        if known >= 0 and not self._looks:  # somebody edited since
            self.follower.edited(book.target)
        return book

    def close(self) -> None:
        """Write what is not yet written."""
        self.indexer.close()
        self.follower.close()

    def _run(self, kept: Kept, videos: list[tuple[int, str]], start: bool) -> models.TrackedRun:
        target, trouble, about = _target(kept), None, Head()
        try:
            about = self._heads.about(target)
            if not identities.automatic_file(target, kept.key).exists():
                trouble = (
                    f"{identities.automatic_file(target, kept.key).name} is gone; track again"
                )
            elif start and kept.number not in self._looked:
                if not follows(target, identities.Log(kept.key, kept.records)):
                    self.follower.edited(target)
                self._looked.add(kept.number)
            stamps, why = self._broken.get(kept.number, ([], ""))
            if trouble is None and why and stamps == _stamps(kept):
                trouble = why
            if start and trouble is None and about.frames >= _LONG:
                self.indexer.want(target, kept.key)
        except InputError as error:
            trouble = str(error)
        if trouble is not None:
            trouble = f"{trouble}. {target.name} is {self._heads.checksum(target)} now."
        inside = target.relative_to(self._studio.folder).parts
        return models.TrackedRun(
            run=f"t{kept.number}", video=_video(about.source, videos), title=target.stem,
            job=inside[1] if len(inside) > 2 and inside[0] == "runs" else None,
            names=list(identities.called(about.names, kept.records)), frames=about.frames,
            fps=about.fps, trouble=trouble, unwritten=self.follower.failed.get(target) or None,
        )  # fmt: skip


_UNREAD = models.Timeline(
    first=0, last=0, animals=[], loose=[], crossings=[], pins=[], ready=False
)


def routes(studio: Studio) -> list[BaseRoute]:
    """Return the routes of a server."""
    tracks = studio.tracks = Tracks(studio)

    async def edit(request: Request) -> Response:
        said = await body(request, TrackEdit)
        by = who(request, studio.user)
        book = await tracks.book(_run(request))
        n = int(_run(request).removeprefix("t"))
        if said.do in ("undo", "redo"):
            back = said.do == "undo"
            seq, action = await studio.desk.ask(lambda p: _step(p, said.id, by, n, back))
            last = book.base.frames - 1
            return ok(models.TrackEdited(seq=seq, action=action, first=0, last=last))
        done = await run_in_threadpool(lambda: _held(book, said))
        seq = await studio.desk.ask(
            lambda p: track_logs.append(
                p, n, done.records, f"tracks: {done.action}", by, said.id
            )
        )
        await tracks.book(_run(request))
        return ok(
            models.TrackEdited(seq=seq, action=done.action, first=done.first, last=done.last)
        )

    return [
        *_reading(tracks),
        Route("/api/runs/{run}/edits", edit, methods=["POST"]),
    ]


def _reading(tracks: Tracks) -> list[BaseRoute]:
    async def runs(request: Request) -> Response:
        return ok_list(await tracks.runs(start=role(request) == "edit"))

    async def crossings(request: Request) -> Response:
        run = _run(request)
        book = await tracks.book(run)
        videos = {one.run: one.video for one in await tracks.runs(start=False)}
        return ok(await run_in_threadpool(_queue, book, run, videos.get(run)))

    async def timeline(request: Request) -> Response:
        book = await tracks.opened(_run(request))
        if book is None:
            return ok(_UNREAD)
        end = book.base.frames - 1
        first = min(max(number(request, "from", 0), 0), end)
        last = min(max(number(request, "to", end), first), end)
        px = min(max(number(request, "px", 1000), 1), _MOST_PX)
        return ok(await run_in_threadpool(_timeline, book, first, last, px))

    async def animals(request: Request) -> Response:
        book = await tracks.book(_run(request))
        first = max(number(request, "from"), 0)
        stop = min(number(request, "to", first), book.base.frames - 1) + 1
        if not 0 < stop - first <= _MOST_FRAMES:
            raise fail(416, "range", f"1 to {_MOST_FRAMES} frames at once", "ask for others")
        packed = await run_in_threadpool(_packed, book, first, stop)
        return Response(packed, 200, {"Cache-Control": "no-store"}, "application/octet-stream")

    async def doubt(request: Request) -> Response:
        book = await tracks.book(_run(request))
        return ok(await run_in_threadpool(_doubt, book, number(request, "after", 0)))

    return [
        Route("/api/runs", runs),
        Route("/api/runs/{run}/crossings", crossings),
        Route("/api/runs/{run}/timeline", timeline),
        Route("/api/runs/{run}/animals", animals),
        Route("/api/runs/{run}/next", doubt),
    ]


def _run(request: Request) -> str:
    return str(request.path_params["run"])


def _held(book: Book, said: TrackEdit) -> track_deeds.Deed:
    with book.lock:
        return track_deeds.deed(book, said)


def _step(project: Project, uuid: str, by: str, n: int, back: bool) -> tuple[int, str]:
    """Undo or redo the last edit of a person, which has to be one of these tracks."""
    find = project_index.last_standing if back else project_index.last_undone
    last = find(project.connection, by)
    row = project_edits.line(project.connection, last) if last is not None else None
    mine = row is not None and all(
        table in ("tracks", "track_edits") and key[0] == n for table, key, _ in row.after
    )
    known = project.connection.execute("SELECT 1 FROM edits WHERE uuid = ?", (uuid,)).fetchone()
    if not mine and known is None:
        word = "undo" if back else "redo"
        raise fail(
            409, "elsewhere", f"your last edit to {word} is not of these tracks",
            f"{word} it where it was made",
        )  # fmt: skip
    how = project_changes.undo if back else project_changes.redo
    try:
        done = how(project, uuid, by)
    except project_changes.Conflict as clash:
        raise overtaken(clash, "reload the page") from clash
    return done.seq, done.actions[0] if done.actions else ""


def _queue(book: Book, run: str, video: int | None) -> models.Queue:
    with book.lock:
        queue, names, base = book.queue, book.names, book.base
        order = queue.order()
        shown = np.concatenate([order[:_MOST_EVENTS], queue.settled()[-_MOST_EVENTS:]])
        clips = _clips(book, shown)
        return models.Queue(
            run=run, video=video, names=list(names), left=queue.left(),
            crossings=[
                _crossing(book, names, k, clip)
                for k, clip in zip(shown.tolist(), clips, strict=True)
            ],
            edits=len(book.records), bands=queue.bands(), frames=base.frames,
        )  # fmt: skip


def _clips(book: Book, events: np.ndarray) -> list[tuple[int, int]]:
    """Return the first and the last frame of the film around each of some events."""
    times, queue = book.base.times, book.queue
    firsts = np.searchsorted(times, times[queue.first[events]] - _AROUND_S)
    lasts = np.searchsorted(times, times[queue.last[events]] + _AROUND_S, "right") - 1
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))


def _crossing(
    book: Book, names: tuple[str, ...], k: int, clip: tuple[int, int]
) -> models.Crossing:
    event, queue = book.queue.events[k], book.queue
    called = [names[a] for a in queue.animals[k].tolist() if a >= 0]
    instead = [names[a] for a in queue.instead[k].tolist() if a >= 0]
    return models.Crossing(
        item=track_deeds.item(book, k), kind=event.kind, first=event.first, last=event.last,
        animals=called, instead=instead, confidence=event.confidence,
        affected=event.affected, seconds=event.affected / book.base.fps, clip=clip,
        verdict=_VERDICTS.get(int(queue.verdict[k])),
    )  # fmt: skip


def _timeline(book: Book, first: int, last: int, px: int) -> models.Timeline:
    with book.lock:
        of = book.lanes(first, last, px)
        lanes = zip(book.names, track_lanes.spans(of), strict=True)
        queue = book.queue
        inside = (queue.first >= first) & (queue.first <= last)
        open_ = [k for k in queue.order().tolist() if inside[k]]
        settled = queue.first[queue.settled()]
        edits = _starts_of(book)
        return models.Timeline(
            first=first, last=last, frames=book.base.frames,
            animals=[models.Span(name=name, spans=spans) for name, spans in lanes],
            loose=track_lanes.fragments(of),
            crossings=[
                (int(queue.first[k]), track_deeds.item(book, k)) for k in open_[:_MOST_EVENTS]
            ],
            pins=_thinned(np.array(book.patches.pins, np.int64), first, last, px),
            reviewed=_thinned(settled, first, last, px),
            edits=_thinned(edits, first, last, px),
            bridged=track_lanes.bridged(book.base, book.patches, first, last)[:_MOST_EVENTS],
        )  # fmt: skip


def _starts_of(book: Book) -> np.ndarray:
    """Return the frames at which people changed identities."""
    return book.patches.starts[1:]


def _thinned(frames: np.ndarray, first: int, last: int, px: int) -> list[int]:
    """Return frames in a stretch, one a pixel at most."""
    some = np.unique(frames[(frames >= first) & (frames <= last)])
    column = (some - first) * px // (last - first + 1)
    return [int(f) for f in some[np.unique(column, return_index=True)[1]]]


def _packed(book: Book, first: int, stop: int) -> bytes:
    """Return R detections of K keypoints, all numbers little-endian.

    R, K, first, stop (u32); frames, animals, rows (i32); x, y, P(right) as (R, K, 3) float32.
    Animal -1 is nobody, -2 no animal at all. Row -1 is no detection but a line across a gap.
    """
    with book.lock:
        both = book.here(first, stop), book.drawn(first, stop)
    who = np.concatenate([part.who for part in both])
    found = Rows(*(np.concatenate(of) for of in zip(*(p.rows for p in both), strict=True)))
    r, k = found.points.shape[:2]
    ints = (found.frame, who, found.row)
    return b"".join(
        [
            struct.pack("<4I", r, k, first, stop),
            *(part.astype("<i4").tobytes() for part in ints),
            found.points.astype("<f4").tobytes(),
        ]
    )


def _doubt(book: Book, after: int) -> models.Doubt:
    with book.lock:
        found = track_lanes.next_doubt(book.base, book.patches, after)
        if found is None:
            return models.Doubt(frame=None)
        if found.animal != UNTRACKED:
            return models.Doubt(frame=found.frame, animal=book.names[found.animal])
        rows = np.arange(*book.base.starts[found.frame : found.frame + 2].tolist())
        loose = rows[(book.patches.now(rows) == UNTRACKED) & (book.base.raw[rows] >= 0)]
        return models.Doubt(frame=found.frame, row=int(loose[0]) if len(loose) else None)


def _stamps(kept: Kept) -> list[int]:
    """Tell whether the files behind a recording have changed."""
    places = _target(kept), identities.automatic_file(_target(kept), kept.key)
    return [path.stat().st_mtime_ns if path.exists() else 0 for path in places]


def _target(kept: Kept) -> Path:
    return kept.path.with_name(kept.path.name.removesuffix(_LOG) + ".nc")


def _number_of(project: Project, target: Path) -> tuple[int | None, int]:
    """Return the number of a track file, and the last edit of its log."""
    log = target.with_name(target.stem + _LOG)
    number = next((n for n, path in track_logs.listed(project) if path == log), None)
    return number, track_logs.touched(project, number) if number is not None else 0


def _video(source: str, videos: list[tuple[int, str]]) -> int | None:
    """Return the video of the project that a film is; by its place, else by its name."""
    if not source:
        return None
    place = Path(source).resolve()
    same = [n for n, path in videos if Path(path).resolve() == place]
    named = [n for n, path in videos if Path(path).name == Path(source).name]
    return next(iter(same or named), None)

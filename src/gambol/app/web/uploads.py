"""Uploads: files of other computers, in parts, resumed where a line broke.

reads   parts of at most 8 MiB
writes  uploads/.ID.part    what came so far; it outlasts the server
        uploads/ID/NAME     once the file is whole, labels
        videos/NAME         once the file is whole, videos
"""

import contextlib
import errno
import hashlib
import os
import re
import shutil
import threading
import time
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gambol.app.web.answers import Fail, body, fail, missing, number, ok
from gambol.app.web.files import kind
from gambol.app.web.models import Upload, UploadStart
from gambol.app.web.state import Studio
from gambol.core.errors import InputError
from gambol.io import store
from gambol.io.video.open import fingerprint

PART = 8 << 20  # bytes
LARGEST = 50 << 30
KEPT_S = 7 * 24 * 3600  # of what did not come to its end
SPARE = 0.05  # of the disk, which stays free
_ID = re.compile(r"[0-9a-f]{32}")
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')


def routes(studio: Studio) -> list[BaseRoute]:
    """Return the routes of a server; ids of uploads mean files, too."""
    desk = Uploads(studio.folder)
    otherwise = studio.place

    def place(file: str) -> Path:
        return desk.whole(file) if _ID.fullmatch(file) else otherwise(file)

    studio.place = place

    async def begin(request: Request) -> Response:
        said = await body(request, UploadStart)
        return ok(await run_in_threadpool(desk.begin, said), 201)

    async def show(request: Request) -> Response:
        return ok(await run_in_threadpool(desk.state, request.path_params["upload"]))

    async def put(request: Request) -> Response:
        at, part = number(request, "at"), await _part(request)
        known = request.headers.get("x-part-sha256", "").lower()
        if known and hashlib.sha256(part).hexdigest() != known:
            raise fail(422, "damaged", "the part changed on its way", "send it again")
        return ok(await run_in_threadpool(desk.put, request.path_params["upload"], at, part))

    return [
        Route("/api/uploads", begin, methods=["POST"]),
        Route("/api/uploads/{upload}", show),
        Route("/api/uploads/{upload}", put, methods=["PUT"]),
    ]


def tidy_up(folder: Path, now: float | None = None) -> list[str]:
    """Remove uploads that nobody went on with for a week; return the names of their files.

    Files that came whole stay.
    """
    own, gone = folder / "uploads", []
    oldest = (time.time() if now is None else now) - KEPT_S
    for part in own.glob(".*.part"):
        with contextlib.suppress(OSError, InputError):  # of another server, or damaged
            about = part.with_suffix(".json")
            if part.stat().st_mtime < oldest:
                gone.append(store.read_json(about)["name"] if about.is_file() else part.name)
                about.unlink(missing_ok=True)
                part.unlink()
    return gone


class Uploads:
    """The files of one project that are on their way, or came."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._own = folder / "uploads"
        self._lock = threading.Lock()

    def begin(self, said: UploadStart) -> Upload:
        """Return what is there of a file; make place for it if nothing is, or not any more.

        Raises:
            Fail: 413 too large, 415 neither video nor labels, 507 the disk is too full.
        """
        name = tidy(said.name)
        if kind(name) == "other":
            raise fail(
                415, "kind", f"{name} is neither a video nor labels", "choose another file"
            )
        if said.bytes > LARGEST:
            raise fail(
                413, "too-large", f"{name} has more than {LARGEST >> 30} GiB",
                "put it on the computer of the server, and choose it there",
            )  # fmt: skip
        about = f"{name}\0{said.bytes}\0{said.hash}".encode()
        number = hashlib.sha256(about).hexdigest()[:32]
        with self._lock:
            there = self._place(number) is not None or self._part(number).is_file()
            if not (there and self._about(number).is_file()):
                self._require_room(name, said.bytes)
                self._own.mkdir(parents=True, exist_ok=True)
                self._part(number).touch()
                store.write_json({"name": name, "bytes": said.bytes}, self._about(number))
            return self._settled(number)

    def state(self, upload: str) -> Upload:
        """Return how far an upload is; of one whose file was deleted, nothing is there.

        Raises:
            Fail: 404 for one that never began.
        """
        said = self._said(upload)
        got = said["bytes"]
        if self._place(upload) is None:
            try:
                got = min(self._part(upload).stat().st_size, got)
            except FileNotFoundError:
                got = 0
        return Upload(id=upload, name=said["name"], bytes=said["bytes"], received=got)

    def put(self, upload: str, at: int, part: bytes) -> Upload:
        """Append a part; after the last one the file gets its place.

        Raises:
            Fail: 404 for what never began, or is gone with all that is known of it; 409 where
                the part does not begin where the last one ended, 413 where it goes beyond the
                end, 507 where the disk filled up meanwhile.
        """
        with self._lock:
            now = self.state(upload)
            if at and not now.received:
                raise fail(
                    409, "gone", f"what came of {now.name} was deleted on the server",
                    "send it again from its beginning",
                )  # fmt: skip
            if at != now.received:
                raise fail(
                    409, "order", f"{now.received} bytes are there and the part begins at {at}",
                    "go on where it ended",
                )  # fmt: skip
            if at + len(part) > now.bytes:
                raise fail(413, "too-large", f"{now.name} was to have {now.bytes} bytes")
            if len(part):
                self._require_room(now.name, len(part))
                self._append(upload, at, part)
            return self._settled(upload)

    def whole(self, upload: str) -> Path:
        """Return where a file is that came whole.

        Raises:
            Fail: 404 if it did not, or was taken away since.
        """
        self._said(upload)
        path = self._place(upload)
        if path is None:
            raise missing("such file; it did not come whole, or was deleted")
        return path

    def _append(self, upload: str, at: int, part: bytes) -> None:
        path = self._part(upload)
        try:
            with path.open("r+b" if at else "wb") as file:
                file.seek(at)
                file.write(part)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            with contextlib.suppress(FileNotFoundError):
                os.truncate(path, at)  # the half of a part is none
            raise

    def _settled(self, upload: str) -> Upload:
        """Return how far an upload is; one that is whole has its place then."""
        now = self.state(upload)
        if now.received < now.bytes or self._place(upload) is not None:
            return now
        with contextlib.suppress(FileNotFoundError):  # deleted at this moment
            self._finish(upload, now.name)
        return self.state(upload)

    def _finish(self, upload: str, name: str) -> None:
        """Give a whole file its place; one that is there already is not replaced."""
        video = kind(name) == "video"
        folder = self._folder / "videos" if video else self._own / upload
        folder.mkdir(parents=True, exist_ok=True)
        place = _free(folder / name)
        part = self._part(upload)
        # known before it is there: if the power goes in between, the part still is
        said = self._said(upload) | {
            "place": place.relative_to(self._folder).as_posix(),
            "mtime_ns": part.stat().st_mtime_ns, "fingerprint": fingerprint(part),
        }  # fmt: skip
        store.write_json(said, self._about(upload))
        os.replace(part, place)

    def _place(self, upload: str) -> Path | None:
        """Return where a file is that came whole and is there, itself."""
        with contextlib.suppress(Fail):
            said = self._said(upload)
            path = self._folder / said["place"] if said.get("place") else None
            if path is not None and _is_it(path, said):
                return path
        return None

    def _said(self, upload: str) -> dict[str, Any]:
        if not _ID.fullmatch(upload) or not self._about(upload).is_file():
            raise missing("such upload")
        return store.read_json(self._about(upload))

    def _about(self, upload: str) -> Path:
        return self._own / f".{upload}.json"

    def _part(self, upload: str) -> Path:
        return self._own / f".{upload}.part"

    def _require_room(self, name: str, size: int) -> None:
        disk = shutil.disk_usage(self._folder)
        if size > disk.free - SPARE * disk.total:
            why = f"{name} does not fit on the disk of the project"
            raise fail(507, "full", why, "free some space; 5 % of the disk stay free")


def tidy(name: str) -> str:
    r"""Return a name that every system takes as one of a file, and that leads nowhere.

    >>> tidy("../../etc/a:b.mp4"), tidy("C:\\films\\x.avi"), tidy(".slp")
    ('a_b.mp4', 'x.avi', 'slp')
    """
    last = re.split(r"[/\\]", name)[-1]
    stem, suffix = os.path.splitext(_FORBIDDEN.sub("_", last).strip(" ").lstrip("."))
    suffix = suffix[:20]
    while stem and len((stem + suffix).encode()) > 200:
        stem = stem[:-1]
    return f"{stem}{suffix}".rstrip(" .") or "file"


def _is_it(path: Path, said: dict[str, Any]) -> bool:
    """Tell whether a file is the one that came; a copy of it with another time is."""
    try:
        now = path.stat()
        if not path.is_file() or now.st_size != said["bytes"]:
            return False
        mark = said.get("fingerprint")
        return now.st_mtime_ns == said.get("mtime_ns") or fingerprint(path) == mark
    except (OSError, InputError):  # gone at this moment, or not to be read
        return False


def _free(path: Path) -> Path:
    """Return a path that nothing has yet."""
    others = (path.with_name(f"{path.stem} {n}{path.suffix}") for n in range(2, 10_000))
    found = next((one for one in (path, *others) if not one.exists()), None)
    if found is None:
        raise OSError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    return found


async def _part(request: Request) -> bytes:
    """Read the body of a request, at most a part."""
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > PART:
            raise fail(413, "too-large", f"a part has at most {PART >> 20} MiB", "send less")
    return bytes(data)

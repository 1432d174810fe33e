"""The server: all routes behind the guard, one process, one address."""

import asyncio
import contextlib
import errno
import gc
import ipaddress
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from gambol.app.web import (
    assets,
    behavior,
    edits,
    feed,
    files,
    frames,
    jobs,
    links,
    opener,
    page,
    people,
    ports,
    probe,
    project,
    reports,
    runs,
    sees,
    space,
    suggestions,
    tokens,
    tracks,
    transfer,
    uploads,
)
from gambol.app.web.answers import HANDLERS, Fail
from gambol.app.web.desk import Desk, Lock, Running, running
from gambol.app.web.guard import LOOPBACK, Access, Guard
from gambol.app.web.guests import Guests
from gambol.app.web.state import Studio
from gambol.core.errors import InputError

PORT = 8765
_TRIES = 50  # ports after the usual one
_BACKUP_LOOK_S = 3600.0  # between looks whether a copy of the database is due
_GOODBYE_S = 2  # for pages that still wait for an answer


class Options(NamedTuple):
    """What the verb says."""

    folder: Path
    port: int | None = None  # None: the usual one, or the next that is free; 0: any
    host: str = "127.0.0.1"
    roots: tuple[Path, ...] = ()  # under which files may be chosen; none: the folder we are in
    read_only: bool = False
    browser: bool = True
    base_url: str = "/"  # path, or address, under which a proxy shows the page
    cert: Path | None = None
    key: Path | None = None
    token_file: Path | None = None


class Reach(NamedTuple):
    """Which names a server answers to."""

    hosts: frozenset[str]
    any_address: bool = False


class Started(NamedTuple):
    """Where the page is."""

    address: str
    link: str  # opens the page once
    running: bool  # another process serves it


def application(studio: Studio) -> Starlette:
    """Put the routes of a studio behind its guard; it closes the studio when it ends."""
    assert studio.access is not None, "nobody is let in without a guard"

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        ended = asyncio.Event()
        backups = asyncio.create_task(_backups(studio, ended))
        if studio.access is not None and not studio.access.read_only:
            await run_in_threadpool(uploads.tidy_up, studio.folder)
        if studio.jobs is not None:
            await run_in_threadpool(studio.jobs.start)
        looked = asyncio.create_task(_looked(studio))
        try:
            yield
        finally:
            ended.set()
            probe.close()
            if studio.jobs is not None:
                await run_in_threadpool(studio.jobs.close)
            if studio.tracks is not None:
                await run_in_threadpool(studio.tracks.close)
            await asyncio.wait([backups, looked])
            if studio.pictures is not None:
                await run_in_threadpool(studio.pictures.close)
            await run_in_threadpool(studio.desk.close)

    return Starlette(
        routes=_routes(studio),
        middleware=[Middleware(Guard, access=studio.access)],
        exception_handlers=HANDLERS,
        lifespan=lifespan,
    )


def serve(
    options: Options, told: Callable[[Started], None], say: Callable[[str], None]
) -> None:
    """Serve a project until the process is asked to end.

    If another process serves it, say where, and return.

    Args:
        options: what and where.
        told: called once, with where the page is.
        say: takes warnings.

    Raises:
        InputError: the folder, port, host, certificate or token file cannot be used.
    """
    folder = _folder(options)
    if not assets.built():
        raise InputError(assets.missing())
    reach = _reach(options, say)
    secret = tokens.load(options.token_file or tokens.usual_file(folder))
    try:
        with (
            _locked(folder, options.read_only) as lock,
            _listening(options, folder) as listener,
            opener.tidied(folder),
        ):
            started, studio = _start(options, folder, listener, reach, secret)
            if lock is not None:
                lock.note(started.address)
                if options.port != 0:
                    ports.remember(folder, listener.getsockname()[1])
            told(started)
            if options.browser and _has_browser():
                opener.show(started.link, folder, looks=options.read_only)
            _run(options, studio, listener)
    except Running as other:
        link = links.ask(other.address, secret, "read" if options.read_only else "edit")
        if not other.address:
            raise
        told(Started(other.address, link or other.address, True))
        if options.browser and _has_browser():
            opener.show(link or other.address, folder, looks=options.read_only)


def _routes(studio: Studio) -> list[BaseRoute]:
    parts = (
        links,
        people,
        project,
        edits,
        feed,
        files,
        uploads,
        transfer,
        frames,
        runs,
        jobs,
        sees,
        suggestions,
        tracks,
        space,
        behavior,
        reports,
    )
    return [*page.routes(), *(route for part in parts for route in part.routes(studio))]


def _start(
    options: Options,
    folder: Path,
    listener: socket.socket,
    reach: Reach,
    secret: tokens.Tokens,
) -> tuple[Started, Studio]:
    """Open the project and say where it will be."""
    base, proxy = _base(options.base_url)
    access = Access(
        tokens=secret, base=base, secure=options.cert is not None,
        read_only=options.read_only, origins=frozenset([proxy] if proxy else []),
        hosts=reach.hosts, any_address=reach.any_address,
        followed=lambda key: opener.forget(key, folder),
    )  # fmt: skip
    studio = Studio(
        folder=folder,
        desk=Desk(folder, looks=options.read_only),
        roots=_roots(options, folder),
        version=version("gambol"),
        access=access,
        guests=Guests(
            None if options.read_only else tokens.usual_file(folder).with_suffix(".guests")
        ),
    )
    studio.desk.open()
    shown = f"[{options.host}]" if ":" in options.host else options.host
    if options.host in ("0.0.0.0", "::"):
        shown = socket.gethostname()
    scheme = "https" if options.cert else "http"
    own = f"{scheme}://{shown}:{listener.getsockname()[1]}"
    address = f"{proxy or own}{base}"
    return Started(address, address + access.link(), False), studio


def _run(options: Options, studio: Studio, listener: socket.socket) -> None:
    """Answer until a signal comes; a second one does not wait for pages."""
    config = uvicorn.Config(
        application(studio),
        log_level="warning",
        access_log=False,  # addresses may hold a key
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_GOODBYE_S,
        ssl_certfile=options.cert,
        ssl_keyfile=options.key,
        ws_max_size=1 << 16,
    )
    server = uvicorn.Server(config)
    # what was imported stays: a full collection would look at all of it, 0.1 s in mid-request
    gc.collect()
    gc.freeze()
    # uvicorn raises the signal again when it is done; by then there is nothing left to end
    before = {
        number: signal.signal(number, lambda *_: None)
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        server.run(sockets=[listener])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _folder(options: Options) -> Path:
    """Return the folder of the project, which need not be one yet."""
    folder = options.folder.resolve()
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; give the folder of a project")
    if options.read_only:
        if not folder.is_dir():
            raise InputError(f"{folder} does not exist; there is nothing to look at")
        return folder
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(
            f"{folder} cannot be written; change its permissions, or add --read-only to look"
        )
    return folder


def _reach(options: Options, say: Callable[[str], None]) -> Reach:
    """Return which names this server answers to; other computers need a file of tokens."""
    for path in (options.cert, options.key):
        if path is not None and not path.is_file():
            raise InputError(f"{path} does not exist; check --cert and --key")
    if options.key and not options.cert:
        raise InputError(f"--key {options.key} needs its certificate; add --cert FILE")
    proxy = _base(options.base_url)[1]
    names = {*LOOPBACK, *([urlsplit(proxy).hostname or ""] if proxy else [])}
    if _is_loopback(options.host):
        return Reach(frozenset({*names, options.host.lower()}))
    if options.token_file is None:
        raise InputError(
            f"--host {options.host} lets other computers in; name a file for the tokens with "
            "--token-file FILE, or leave --host away and come through an SSH tunnel"
        )
    if options.cert is None:
        say(
            f"gambol: warning: on {options.host} all travels unencrypted, the token too; "
            "add --cert FILE --key FILE, or use an SSH tunnel"
        )
    names |= {options.host.lower(), socket.gethostname().lower()}
    return Reach(frozenset(names), options.host in ("0.0.0.0", "::"))


def _is_loopback(host: str) -> bool:
    try:
        return host.lower() == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _base(said: str) -> tuple[str, str]:
    """Return path (slashes at both ends) and origin ("" if none is said) of the page."""
    parts = urlsplit(said)
    origin = f"{parts.scheme}://{parts.netloc}".lower() if parts.netloc else ""
    good = parts.scheme in ("http", "https") if origin else said.startswith("/")
    if not good or parts.query or parts.fragment or ".." in parts.path:
        raise InputError(
            f"--base-url {said}: give a path such as /user/mei/proxy/8765/, or an address"
        )
    path = parts.path.strip("/")
    return f"/{path}/" if path else "/", origin


def _roots(options: Options, folder: Path) -> list[Path]:
    """Return the folders under which files may be chosen, links resolved."""
    said = [root.resolve() for root in options.roots] or [Path.cwd().resolve()]
    for root in said:
        if not root.is_dir():
            raise InputError(f"--root {root} is no folder; give one that holds videos")
    inside = any(folder.is_relative_to(root) for root in said)
    return list(dict.fromkeys(said if inside else [*said, folder]))


@contextlib.contextmanager
def _locked(folder: Path, read_only: bool) -> Iterator[Lock | None]:
    """Hold the project, so that a second server joins this one; looking needs no lock."""
    if read_only:
        if (other := running(folder)) is not None:  # join the one that edits
            raise other
        yield None
        return
    lock = Lock(folder)
    try:
        yield lock
    finally:
        lock.release()


@contextlib.contextmanager
def _listening(options: Options, folder: Path) -> Iterator[socket.socket]:
    """Give a socket that listens; the port of last time, the usual one, or one after it."""
    usual = range(PORT, PORT + _TRIES)
    before = [port] if (port := ports.last(folder)) is not None else []
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    for port in [*before, *usual] if options.port is None else [options.port]:
        # asyncio sends at once (TCP_NODELAY) if the socket names its protocol, else the end of
        # a picture waits up to 40 ms for the browser's acknowledgement of its beginning
        made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        with contextlib.closing(made) as listener:
            if sys.platform != "win32":
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((options.host, port))
                listener.listen(512)
            except OSError as error:
                free = error.errno != errno.EADDRINUSE and port not in before
                if options.port is None and not free:
                    continue
                raise InputError(
                    f"port {port} of {options.host} cannot be used: "
                    f"{(error.strerror or str(error)).lower()}; choose another with --port"
                ) from error
            yield listener
            return
    raise InputError(f"the ports {PORT} to {usual[-1]} are taken; choose one with --port")


def _has_browser() -> bool:
    """Whether a window can open here; on a server without a screen a text browser would."""
    if sys.platform in ("win32", "darwin"):
        return True
    screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return bool(screen) and shutil.which("xdg-open") is not None


async def _looked(studio: Studio) -> None:
    """Look at the tracks before anybody does: what is long is made ready in the background."""
    with contextlib.suppress(Fail, InputError, OSError):
        if studio.tracks is not None and studio.desk.project is not None:
            await studio.tracks.runs()


async def _backups(studio: Studio, ended: asyncio.Event) -> None:
    """Look again and again whether a day went by since the newest copy of the database."""
    while not ended.is_set():
        await run_in_threadpool(_backup, studio)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), _BACKUP_LOOK_S)


def _backup(studio: Studio) -> None:
    """Copy the database once a day; what hinders it must not hinder the work."""
    access = studio.access
    if studio.desk.project is None or (access is not None and access.read_only):
        return
    with contextlib.suppress(Fail, InputError, OSError):
        studio.desk.backup()

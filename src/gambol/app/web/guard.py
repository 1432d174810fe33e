"""The guard: who may come in, from where, and what every answer forbids the browser.

A browser that is open in a laboratory also shows other pages, and whatever they do must not
reach the project: names that point to this computer (DNS rebinding) fail at the list of hosts,
foreign pages at their Origin and at a header that they cannot set. On a computer that many
share, everybody reaches its loopback address, so the token is asked for there, too.

Source: OWASP cheat sheets on cross-site request forgery and on session management.
"""

import hmac
import ipaddress
import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_urlsafe
from typing import Literal
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection, cookie_parser
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gambol.app.web.answers import fail, ok
from gambol.app.web.tokens import Tokens

Role = Literal["edit", "read"]
LOOPBACK = ("127.0.0.1", "localhost", "::1")
FAILURES = 10  # a minute and address; more are not looked at
MINUTE_S = 60.0
LINK_S = 15 * 60.0  # a link that nobody followed is worth nothing then
_SAFE = ("GET", "HEAD")
_YEAR_S = 365 * 24 * 3600
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_AGAIN = """<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0">
<title>gambol studio</title><p>One moment …</p>"""
_ONWARD = """<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=./">
<title>gambol studio</title><p>One moment …</p>"""
_NO_ENTRY = """<!doctype html><meta charset="utf-8"><title>gambol studio</title>
<h1>gambol studio</h1><p>{sentence}</p>
<p>Start <code>gambol studio</code> for the project again, on the computer where it runs: it
prints a link, which opens this page once.</p>"""


@dataclass
class Access:
    """Who may come in: tokens, links that were not followed yet, hosts, and failures."""

    tokens: Tokens
    hosts: frozenset[str] = frozenset(LOOPBACK)  # names that this server answers to
    any_address: bool = False  # bound to every address: all numbers are ours
    origins: frozenset[str] = frozenset()  # of a proxy in front, such as https://hub.lab.org
    base: str = "/"  # path of the page, with a slash at both ends
    secure: bool = False  # cookies over TLS only
    read_only: bool = False  # nobody edits
    clock: Callable[[], float] = time.monotonic
    followed: Callable[[str], None] = lambda key: None  # hears of links that let somebody in
    _links: dict[str, tuple[Role, float]] = field(default_factory=dict)
    _failed: dict[str, deque[float]] = field(default_factory=dict)

    @property
    def proxied(self) -> bool:
        """Whether a proxy was said to stand in front: all come from its address then."""
        return self.base != "/" or bool(self.origins)

    def link(self, role: Role = "edit") -> str:
        """Return what comes after the address, once: `?key=…`."""
        role = "read" if self.read_only else role
        now = self.clock()
        self._links = {k: v for k, v in self._links.items() if v[1] > now}
        key = token_urlsafe(32)
        self._links[key] = (role, now + LINK_S)
        return f"?key={key}"

    def follow(self, key: str) -> Role | None:
        """Return whom a link lets in, and forget it."""
        found = next((k for k in self._links if same(k, key)), None)
        role, until = self._links.pop(found) if found else ("read", 0.0)
        if found:
            self.followed(found)
        return role if until > self.clock() else None

    def cookie(self, role: Role) -> tuple[str, str]:
        """Return name and value; browsers send it to all ports, so the name is ours alone."""
        name = f"gambol_{self.tokens.derived('edit', 'name').hex()[:8]}"
        return name, f"{role}.{self.tokens.derived(role, 'cookie').hex()}"

    def role_of(self, headers: Headers) -> Role | Literal["wrong"] | None:
        """Return whom the cookie or the Bearer token lets in; None if there is neither."""
        kind, _, said = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            for role in _roles():
                if same(self.tokens.of(role), said.strip()):
                    return role
            return "wrong"
        name = self.cookie("edit")[0]
        held = _cookies(headers).get(name)
        if held is None:
            return None
        return next((role for role in _roles() if same(self.cookie(role)[1], held)), "wrong")

    def fail(self, client: str) -> None:
        """Note that somebody came with something wrong."""
        self._failed.setdefault(client, deque(maxlen=FAILURES)).append(self.clock())
        if len(self._failed) > 1000:  # nobody's memory is used up by many addresses
            self._failed = {k: v for k, v in self._failed.items() if self.locked(k)}

    def locked(self, client: str) -> bool:
        """Tell whether an address failed too often within the last minute."""
        times = self._failed.get(client)
        return bool(times and len(times) == FAILURES and times[0] > self.clock() - MINUTE_S)

    def knows(self, host: str) -> bool:
        """Tell whether this server answers to a Host header; ports are those of tunnels."""
        name = hostname(host)
        return name in self.hosts or (self.any_address and _is_number(name))


def same(a: str, b: str) -> bool:
    """Compare in a time that does not depend on where the texts differ."""
    return hmac.compare_digest(a.encode(), b.encode())


def hostname(host: str) -> str:
    """Return the name of `name:port`, in small letters; "" of what is none.

    >>> hostname("LocalHost:8765"), hostname("[::1]:80"), hostname("a@b")
    ('localhost', '::1', '')
    """
    try:
        parts = urlsplit(f"//{host}")
        name, _ = parts.hostname or "", parts.port
    except ValueError:
        return ""
    return "" if parts.username is not None or parts.path or parts.query else name


class Guard:
    """ASGI middleware around all of the application."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        scope = dict(scope, path=_below(scope["path"], self._access.base))
        scope.pop("raw_path", None)
        connection = HTTPConnection(scope)
        refused = self._place(connection) or self._person(connection)
        if refused is None:
            await self._app(scope, receive, _with_headers(send))
        elif scope["type"] == "http":
            await refused(scope, receive, _with_headers(send))
        else:
            await _deny(refused, scope, receive, send)

    def _place(self, connection: HTTPConnection) -> Response | None:
        """Refuse requests whose end is in doubt, and hosts and pages that are not ours.

        Source: RFC 9112, 6.3 and 11.2, on requests that are smuggled in.
        """
        headers, socket = connection.headers, connection.scope["type"] == "websocket"
        if "content-length" in headers and "transfer-encoding" in headers:
            # a proxy may see another end of it, and a second request in the rest
            answer = _refusal(400, "length", "the request says its length in two ways")
            answer.headers["Connection"] = "close"
            return answer
        host = headers.get("host", "")
        if not self._access.knows(host):
            return _refusal(403, "host", f"this server is not called {hostname(host)[:80]!r}")
        write = not socket and connection.scope["method"] not in _SAFE
        if not (socket or write):
            return None
        origin = headers.get("origin")
        if origin is not None and not self._own(origin, host):
            return _refusal(403, "origin", "another page asked for this")
        bearer = headers.get("authorization", "").lower().startswith("bearer ")
        if socket and origin is None and not bearer:
            return _refusal(403, "origin", "no page asked for this")
        if write and headers.get("x-gambol") != "1":
            return _refusal(403, "header", "the header X-Gambol: 1 is missing")
        return None

    def _own(self, origin: str, host: str) -> bool:
        if origin.lower() in self._access.origins:
            return True
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()

    def _person(self, connection: HTTPConnection) -> Response | None:
        """Refuse who has no token, or may not write; note in the scope who came."""
        access, scope = self._access, connection.scope
        role = access.role_of(connection.headers)
        client = scope["client"][0] if scope.get("client") else ""
        by_cookie = "authorization" not in connection.headers
        page = scope["type"] == "http" and scope["method"] == "GET" and scope["path"] == "/"
        key = connection.query_params.get("key") if page else None
        # who is in stays in, whatever others at the same address try
        if access.locked(client) and not (by_cookie and role in _roles() and key is None):
            return _refusal(429, "slow", "too many wrong tokens", "wait a minute")
        if key is not None:
            return self._entry(connection, key, client, role in _roles())
        if role == "wrong":
            access.fail(client)
        if role == "wrong" or role is None:
            return _stranger(connection) if page or _from_report(connection) else _unknown()
        role = "read" if access.read_only else role
        scope["gambol.role"] = role
        write = scope["type"] == "http" and scope["method"] not in _SAFE
        if write and role == "read" and not MAY_READ.fullmatch(scope["path"]):
            return _refusal(
                423, "read-only", "this is for looking only", "ask for another link"
            )
        return None

    def _entry(
        self, connection: HTTPConnection, key: str, client: str, inside: bool
    ) -> Response:
        """Answer a link: a cookie, and the address without the key."""
        access = self._access
        role = access.follow(key)
        if role is None and not inside:
            access.fail(client)
            return _closed("This link was followed already, or it is too old.")
        answer: Response = RedirectResponse("./", 303)
        if _from_elsewhere(connection):  # no strict cookie comes along on that way
            answer = HTMLResponse(_ONWARD)
        if role is not None:
            name, value = access.cookie(role)
            answer.set_cookie(
                name, value, path=access.base, httponly=True, samesite="strict",
                secure=access.secure or self._behind_tls(connection), max_age=_YEAR_S,
            )  # fmt: skip
        answer.headers["Cache-Control"] = "no-store"
        return answer

    def _behind_tls(self, connection: HTTPConnection) -> bool:
        """Tell whether a proxy of ours, which speaks TLS, stands in between.

        What a header says of it counts only if --base-url names such a proxy; whoever comes
        past it, over the loopback address, needs a cookie that goes without TLS.
        """
        proxies = [one[8:] for one in self._access.origins if one.startswith("https://")]
        host = connection.headers.get("host", "").lower()
        said = connection.headers.get("x-forwarded-proto", "").partition(",")[0].strip()
        named = host.removesuffix(":443") in [one.removesuffix(":443") for one in proxies]
        return bool(proxies) and (named or said.lower() == "https")


# what is posted and changes nothing: links, which look at the role, and sums about 3D
MAY_READ = re.compile(r"/api/(links|rigs/[^/]+/(epipolar|triangulate))")


def _from_elsewhere(connection: HTTPConnection) -> bool:
    """Tell whether a browser comes from another site, a mail or a file, or may do so."""
    headers = connection.headers
    here = headers.get("sec-fetch-site") in ("none", "same-origin")
    return not here and "text/html" in headers.get("accept", "")


def _from_report(connection: HTTPConnection) -> bool:
    """Tell whether somebody follows a link of a report, which has no origin, to a film."""
    scope, headers = connection.scope, connection.headers
    film = scope["type"] == "http" and scope["method"] == "GET"
    follows = headers.get("sec-fetch-mode") == "navigate"
    cross = headers.get("sec-fetch-site") == "cross-site"
    return film and follows and cross and scope["path"].startswith("/api/reports/")


def _stranger(connection: HTTPConnection) -> Response:
    """Answer a page without a cookie.

    A strict cookie does not come along when a link on another site, or in a mail, was
    followed; when this page loads itself again it does.
    """
    if connection.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        return HTMLResponse(_AGAIN, headers={"Cache-Control": "no-store"})
    return _closed("This browser does not have the key.")


def _closed(sentence: str) -> Response:
    text = _NO_ENTRY.format(sentence=sentence)
    return HTMLResponse(text, 401, {"Cache-Control": "no-store"})


def _unknown() -> Response:
    answer = _refusal(401, "unauthorized", "the token is missing or wrong", "follow a new link")
    answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def _refusal(status: int, code: str, message: str, hint: str = "") -> Response:
    return ok(fail(status, code, message, hint).problem, status)


def _with_headers(send: Send) -> Send:
    """Add what every answer forbids the browser."""

    async def add(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return add


async def _deny(refused: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse a socket with the status of an answer, where the server can say it."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008})
        return
    await refused(scope, receive, send)


def _below(path: str, base: str) -> str:
    """Return a path below the base; proxies that cut it off themselves are right, too."""
    if path == base.rstrip("/"):
        return "/"
    return path[len(base) - 1 :] if path.startswith(base) else path


def _cookies(headers: Headers) -> dict[str, str]:
    """Return all cookies; odd ones of other programs on this host do not hide ours."""
    return cookie_parser("; ".join(headers.getlist("cookie")))


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _roles() -> tuple[Role, Role]:
    return ("edit", "read")

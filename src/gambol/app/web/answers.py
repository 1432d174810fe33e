"""Answers: models as JSON, and everything that may go wrong as one sentence with a code."""

import errno
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import unquote

from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from gambol.app.web.models import Problem
from gambol.core.errors import InputError

M = TypeVar("M", bound=BaseModel)
LIMIT = 8 << 20  # bytes of a JSON body
_LONGEST_NAME = 40  # letters of the name of a person
_CODES = {401: "unauthorized", 403: "forbidden", 404: "not-found", 405: "method"}
_FULL = (errno.ENOSPC, errno.EDQUOT)
_READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)
_AWAY = (errno.EIO, getattr(errno, "ESTALE", errno.EIO))  # a network drive that blinked
_log = logging.getLogger(__name__)


class Fail(Exception):
    """Ends a request with a status and a `Problem`."""

    def __init__(self, status: int, problem: Problem) -> None:
        super().__init__(problem.message)
        self.status = status
        self.problem = problem


def fail(status: int, code: str, message: str, hint: str = "") -> Fail:
    """Return a `Fail` to raise."""
    return Fail(status, Problem(code=code, message=message, hint=hint))


def missing(what: str) -> Fail:
    """Return the `Fail` of something that is not there."""
    return fail(404, "not-found", f"there is no {what}", "reload the page")


def ok(model: BaseModel, status: int = 200) -> Response:
    """Answer with a model, as JSON."""
    return Response(
        model.model_dump_json(),
        status,
        {"Cache-Control": "no-store"},
        media_type="application/json",
    )


def ok_list(models: Sequence[BaseModel]) -> Response:
    """Answer with a list of models."""
    text = f"[{','.join(model.model_dump_json() for model in models)}]"
    return Response(text, 200, {"Cache-Control": "no-store"}, media_type="application/json")


async def body(request: Request, model: type[M], limit: int = LIMIT) -> M:
    """Read the JSON body of a request.

    Raises:
        Fail: 413 where it has more than `limit` bytes.
        ValidationError: it is no such model, or no JSON; answered with 422.
    """
    said = request.headers.get("content-length", "")
    parts, size = [], int(said) if said.isdigit() else 0
    if size <= limit:
        size = 0
        async for part in request.stream():
            parts.append(part)
            size += len(part)
            if size > limit:
                break
    if size > limit:
        raise fail(413, "too-large", f"more than {limit >> 20} MiB at once", "send less")
    return model.model_validate_json(b"".join(parts))


def number(request: Request, name: str, default: int | None = None) -> int:
    """Return an integer of the path or the query.

    Raises:
        Fail: 404 for a word in the path, 422 in the query.
    """
    if name in request.path_params:
        word = str(request.path_params[name])
        if not _whole(word):
            raise missing(f"{name} {word!r}")
        return int(word)
    word = request.query_params.get(name, "")
    if not word and default is not None:
        return default
    if not _whole(word):
        raise fail(422, "input", f"{name} is {word!r}; give a whole number")
    return int(word)


def _whole(word: str) -> bool:
    """Tell whether this is a whole number that SQLite holds."""
    return word.removeprefix("-").isdecimal() and len(word) <= 18


def who(connection: HTTPConnection, otherwise: str) -> str:
    """Return the person's name as the page says it (percent-encoded), else `otherwise`."""
    name = unquote(connection.headers.get("x-gambol-user", ""))
    return clean(name) or otherwise


def clean(name: str) -> str:
    """Return a name without control characters, cut to what fits."""
    return "".join(c for c in name if c.isprintable()).strip()[:_LONGEST_NAME]


def answer(error: Exception) -> Response:
    """Return the answer to whatever was raised."""
    status, problem = told(error)
    return ok(problem, status)


def told(error: BaseException) -> tuple[int, Problem]:
    """Return status and problem of whatever was raised."""
    if isinstance(error, Fail):
        return error.status, error.problem
    if isinstance(error, InputError):
        status, code = _disk(error.__cause__) or (422, "input")
        return status, Problem(code=code, message=str(error))
    if isinstance(error, ValidationError):
        return 422, Problem(code="input", message=_first(error))
    if isinstance(error, HTTPException):
        code = _CODES.get(error.status_code, "http")
        return error.status_code, Problem(code=code, message=str(error.detail))
    if found := _disk(error):
        return found[0], Problem(code=found[1], message=str(error))
    _log.error("request failed", exc_info=error)
    return 500, Problem(
        code="bug",
        message=f"gambol failed: {type(error).__name__}",
        hint="nothing was changed; the server's log says more",
    )


def _disk(error: BaseException | None) -> tuple[int, str] | None:
    """Return status and code of a disk that is full or read-only, or of a locked database."""
    if isinstance(error, OSError):
        if error.errno in _FULL:
            return 507, "full"
        if error.errno in _AWAY:
            return 503, "busy"
        return (423, "read-only") if error.errno in _READ_ONLY else None
    if isinstance(error, sqlite3.DatabaseError):
        signs = {"is full": (507, "full"), "readonly": (423, "read-only")}
        signs |= dict.fromkeys(("not a database", "malformed"), (423, "read-only"))
        found = (found for sign, found in signs.items() if sign in str(error))
        return next(found, (503, "busy"))  # never the fault of what was asked
    return None


def _first(error: ValidationError) -> str:
    """Say the first thing that is wrong, with its place."""
    first = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "the body"
    return f"{place}: {first['msg']}"


async def _handle(_request: Request, error: Exception) -> Response:
    return answer(error)


HANDLERS: Mapping[Any, Callable[[Request, Exception], Awaitable[Response]]] = {
    Fail: _handle,
    InputError: _handle,
    ValidationError: _handle,
    HTTPException: _handle,
    OSError: _handle,
    sqlite3.DatabaseError: _handle,
    500: _handle,
}

"""Links: how somebody who has the token lets a browser in, also from a second command line."""

import json
import urllib.error
import urllib.request
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gambol.app.web.answers import body, fail, ok
from gambol.app.web.models import Link, LinkStart
from gambol.app.web.state import Studio, role
from gambol.app.web.tokens import Tokens

_WAIT_S = 5.0


def routes(studio: Studio) -> list[BaseRoute]:
    """Return the routes of a server."""

    async def make(request: Request) -> Response:
        said = await body(request, LinkStart)
        if said.role == "edit" and role(request) == "read":
            raise fail(423, "read-only", "who only looks lets nobody edit")
        assert studio.access is not None
        return ok(Link(query=studio.access.link(said.role)), 201)

    return [Route("/api/links", make, methods=["POST"])]


def ask(address: str, secret: Tokens, role: Literal["edit", "read"]) -> str:
    """Ask a running server for a link; "" if it does not know our token, or does not answer."""
    request = urllib.request.Request(
        f"{address}api/links",
        json.dumps({"role": role}).encode(),
        {"Authorization": f"Bearer {secret.of(role)}", "X-Gambol": "1"},
    )
    try:
        with urllib.request.urlopen(request, timeout=_WAIT_S) as answer:
            return address + Link.model_validate_json(answer.read()).query
    except (OSError, ValueError):  # also of HTTP, which are both
        return ""

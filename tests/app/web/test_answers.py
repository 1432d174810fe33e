import errno
import sqlite3

import pytest
from desked import TestClient
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route

from gambol.app.web.answers import HANDLERS, body, clean, fail, number, ok, ok_list, told, who
from gambol.app.web.models import Restore
from gambol.core.errors import InputError
from gambol.io import project_schema


def client(do):
    routes = [Route("/x", do, methods=["GET", "POST"]), Route("/x/{n}", do)]
    app = Starlette(routes=routes, exception_handlers=HANDLERS)
    return TestClient(app, raise_server_exceptions=False)


def caused(error, cause):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InputError("no"), 422, "input"),
        (fail(409, "held", "Mei has it"), 409, "held"),
        (OSError(errno.ENOSPC, "No space left"), 507, "full"),
        (PermissionError(errno.EACCES, "denied"), 423, "read-only"),
        (sqlite3.OperationalError("attempt to write a readonly database"), 423, "read-only"),
        (caused(InputError("x"), sqlite3.OperationalError("disk is full")), 507, "full"),
        (caused(InputError("x"), OSError(errno.EDQUOT, "quota")), 507, "full"),
        (caused(InputError("x"), sqlite3.OperationalError("database is locked")), 503, "busy"),
        (HTTPException(404), 404, "not-found"),
        (HTTPException(405), 405, "method"),
        (ZeroDivisionError("1/0"), 500, "bug"),
    ],
)
def test_every_error_has_a_status_and_one_sentence(error, status, code):
    async def do(request):
        raise error

    answer = client(do).get("/x")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "Traceback" not in answer.text and answer.json()["message"]
    assert set(answer.json()) == {"code", "message", "hint", "theirs"}


def test_what_sqlite_says_of_a_full_disk_keeps_its_status(tmp_path):
    with pytest.raises(InputError) as error, project_schema.sentences(tmp_path / "project.db"):
        raise sqlite3.OperationalError("database or disk is full")
    assert told(error.value)[0] == 507


def test_a_body_is_checked_and_may_not_be_too_large():
    async def do(request):
        return ok(await body(request, Restore, limit=200))

    page = client(do)
    good = {"id": "a", "video": 1, "frame": 2, "seq": 3}
    assert page.post("/x", json=good).json() == good
    wrong = page.post("/x", json=good | {"frame": "two"})
    assert wrong.status_code == 422 and wrong.json()["message"].startswith("frame: ")
    assert page.post("/x", json=good | {"more": 1}).status_code == 422
    assert page.post("/x", content=b"{").status_code == 422
    assert page.post("/x", content=b" " * 201).status_code == 413
    in_parts = page.post("/x", content=iter([b" " * 150, b" " * 150]))
    assert in_parts.status_code == 413  # no length was said


def test_numbers_of_path_and_query():
    async def do(request):
        return ok_list([Restore(id="", video=number(request, "n", 7), frame=0, seq=0)])

    page = client(do)
    assert page.get("/x/3").json()[0]["video"] == 3
    assert page.get("/x").json()[0]["video"] == 7
    assert page.get("/x?n=-1").json()[0]["video"] == -1
    assert page.get("/x/three").status_code == 404
    assert page.get("/x?n=three").status_code == 422


def test_people_have_short_printable_names():
    async def do(request):
        return ok(Restore(id=who(request, "ann"), video=0, frame=0, seq=0))

    page = client(do)
    name = "Zo%C3%AB%20M%C3%BCller"
    assert page.get("/x", headers={"X-Gambol-User": name}).json()["id"] == "Zoë Müller"
    assert page.get("/x").json()["id"] == "ann"
    assert page.get("/x", headers={"X-Gambol-User": "%00%0a"}).json()["id"] == "ann"
    assert clean("x" * 99) == "x" * 40

"""The page and its parts: kept by browsers for ever, or asked for each time; packed or not."""

import gzip

import pytest
from served import client_of, studio_of

from gambol.app.web import assets

PARTS = {
    "index-1a2b3c.js": (b"let a = 1;\n" * 200, "text/javascript"),
    "index-4d5e6f.css": (b"a { color: red }\n" * 200, "text/css"),
    "icon-7a.svg": (b"<svg/>", "image/svg+xml"),
    "map-8b.png": (b"\x89PNG" + bytes(range(256)), "image/png"),
}


@pytest.fixture
def static(tmp_path, monkeypatch):
    """A built page of four parts, and a secret beside it."""
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_bytes(b"<!doctype html><title>studio</title>" * 20)
    (folder / "secret.txt").write_bytes(b"secret")
    for name, (data, _) in PARTS.items():
        (folder / "assets" / name).write_bytes(data)
    monkeypatch.setattr(assets, "STATIC", folder)
    monkeypatch.setattr(assets, "built", lambda: True)
    return folder


@pytest.fixture
def client(static, tmp_path):
    (tmp_path / "mice").mkdir()
    with client_of(studio_of(tmp_path / "mice")) as client:
        yield client


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("packs", ["gzip, br", "identity"])
def test_parts_are_kept_for_ever_and_packed_where_it_helps(client, name, packs):
    data, kind = PARTS[name]
    with client.stream("GET", f"/assets/{name}", headers={"Accept-Encoding": packs}) as answer:
        raw = b"".join(answer.iter_raw())
    small = "gzip" in packs and not name.endswith(".png")
    assert answer.headers.get("content-encoding") == ("gzip" if small else None)
    assert (gzip.decompress(raw) if small else raw) == data
    assert int(answer.headers["content-length"]) == len(raw)
    assert answer.headers["content-type"].split(";")[0] == kind
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_page_itself_is_asked_for_each_time(client, static):
    first = client.get("/")
    assert first.headers["cache-control"] == "no-cache"
    assert "frame-ancestors 'none'" in first.headers["content-security-policy"]
    (static / "index.html").write_bytes(b"<title>newer</title>")
    assert "newer" in client.get("/").text


@pytest.mark.parametrize(
    "name", ["secret.txt", "../secret.txt", "..%2fsecret.txt", "%2e%2e/secret.txt", "", "x.js"]
)
def test_no_name_leads_out(client, name):
    answer = client.get(f"/assets/{name}")
    assert answer.status_code in (404, 405)
    assert "secret" not in answer.text.replace(name, "")


def test_without_a_built_page_it_says_what_to_do(client, monkeypatch):
    monkeypatch.setattr(assets, "built", lambda: False)
    answer = client.get("/")
    assert answer.status_code == 503
    assert assets.missing()[:20] in answer.text

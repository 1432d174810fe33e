"""Only what lies below the roots can be chosen."""

import os

import pytest
from served import client_of, studio_of

from gambol.app.web.answers import Fail
from gambol.app.web.files import Shelf


@pytest.fixture
def root(tmp_path):
    """A root with a film and labels, and a secret beside it."""
    inside = tmp_path / "data"
    (inside / "mice").mkdir(parents=True)
    (inside / ".hidden").mkdir()
    (inside / "mice" / "a.mp4").write_bytes(b"film")
    (inside / "b.slp").write_bytes(b"labels")
    (inside / ".hidden" / "c.mp4").write_bytes(b"film")
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    (inside / "way out.mp4").symlink_to(tmp_path / "secret.mp4")
    (inside / "way out").symlink_to(tmp_path)
    (inside / "loop").symlink_to(inside / "loop")
    return inside


@pytest.fixture
def client(root):
    with client_of(studio_of(root)) as client:
        yield client


def listed(client, folder=""):
    said = client.get("/api/files", params={"dir": folder}).json()
    return {entry["name"]: entry for entry in said["entries"]}


def test_a_folder_is_listed_with_kinds_and_without_ways_out(client):
    found = listed(client)
    kinds = {name: entry["kind"] for name, entry in found.items()}
    assert kinds.pop("studio.lock", "other") == "other"
    assert kinds == {"mice": "folder", "b.slp": "labels"}
    assert listed(client, "mice")["a.mp4"]["bytes"] == 4


@pytest.mark.parametrize(
    "folder",
    ["..", "mice/../..", "/etc", "way out", ".hidden", "loop", "nothing",
     "C:/", "\\etc", "..\\..", "%2e%2e", "a\0b"],
)  # fmt: skip
def test_no_word_leads_out(client, folder):
    answer = client.get("/api/files", params={"dir": folder})
    assert answer.status_code in (403, 404)
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    "path",
    ["..%2f..%2fetc%2fpasswd", "%2fetc%2fpasswd", "../../etc/passwd"],
)
def test_no_address_leads_out(client, path):
    for begin in ("/assets/", "/api/exports/", "/api/uploads/", "/"):
        assert client.get(begin + path).status_code in (403, 404)


def test_an_id_means_the_file_also_after_a_restart(client, root):
    one = listed(client, "mice")["a.mp4"]["id"]
    assert Shelf(studio_of(root)).place(one) == root / "mice" / "a.mp4"
    assert str(root) not in one


def test_an_id_that_was_not_given_out_means_nothing(client, root):
    shelf = Shelf(studio_of(root))
    one = shelf.identity(0, "b.slp")
    other = Shelf(studio_of(root))
    other._secret = b"x" * 32
    outside = shelf.identity(0, "way out.mp4")  # even signed
    for wrong in ("", "b.slp", "/etc/passwd", one[:-1] + "é", one[1:], outside,
                  shelf.identity(0, "../secret.mp4"), other.identity(0, "b.slp")):  # fmt: skip
        with pytest.raises(Fail) as refused:
            shelf.place(wrong)
        assert refused.value.status == 404
    (root / "b.slp").unlink()
    with pytest.raises(Fail):
        shelf.place(one)


def test_a_file_that_became_a_way_out_is_refused(root, tmp_path):
    shelf = Shelf(studio_of(root))
    one = shelf.identity(0, "mice/a.mp4")
    os.remove(root / "mice" / "a.mp4")
    (root / "mice" / "a.mp4").symlink_to(tmp_path / "secret.mp4")
    with pytest.raises(Fail):
        shelf.place(one)


def test_a_script_in_a_name_is_text(client, root):
    name = "<script>alert(1)<"
    (root / name).mkdir()
    answer = client.get("/api/files")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert name in [entry["name"] for entry in answer.json()["entries"]]

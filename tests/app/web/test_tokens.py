"""Two secrets in a file that nobody else reads."""

import os
import stat

import pytest

from gambol.app.web import tokens
from gambol.core.errors import InputError

POSIX = pytest.mark.skipif(os.name != "posix", reason="other permissions")


def test_a_file_is_made_once_and_kept(tmp_path):
    path = tmp_path / "state" / "a.token"
    one = tokens.load(path)
    assert one == tokens.load(path)
    assert one.edit != one.read
    for token in (one.edit, one.read):  # 256 bits: 43 letters of six bits
        assert len(token) == 43 and set(token) <= set(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        )
    assert [p.name for p in path.parent.iterdir()] == ["a.token"]


@POSIX
def test_only_the_owner_can_read_it_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        tokens.load(tmp_path / "state" / "a.token")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "state" / "a.token").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


@POSIX
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_file_that_others_read_is_refused_with_the_remedy(tmp_path, mode):
    path = tmp_path / "a.token"
    tokens.load(path)
    path.chmod(mode)
    with pytest.raises(InputError, match=rf"chmod 600 {path}"):
        tokens.load(path)


@pytest.mark.parametrize(
    "text",
    ["", "short\nshorter\n", f"{'x' * 43}\n", f"{'x' * 43}\n{'x' * 43}\n",
     f"{'x' * 43}\n{'y' * 43}\n{'z' * 43}\n", f"{'x' * 43}\n{'y' * 39}\n"],
)  # fmt: skip
def test_a_damaged_file_is_one_sentence(tmp_path, text):
    path = tmp_path / "a.token"
    path.touch(0o600)
    path.write_text(text)
    with pytest.raises(InputError, match="two different tokens .* makes a new one") as error:
        tokens.load(path)
    assert str(path) in str(error.value) and "xxx" not in str(error.value)


def test_what_is_no_text_or_a_folder_is_one_sentence(tmp_path):
    (tmp_path / "a.token").touch(0o600)
    (tmp_path / "a.token").write_bytes(b"\xff\xfe\x00" * 20)
    (tmp_path / "b.token").mkdir()
    for name in ("a.token", "b.token"):
        with pytest.raises(InputError, match="--token-file"):
            tokens.load(tmp_path / name)


def test_every_project_has_its_own_file_outside_of_it(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "state"))
    one, two = (tokens.usual_file(tmp_path / name) for name in "ab")
    assert one != two
    assert one == tokens.usual_file(tmp_path / "x" / ".." / "a")
    assert not one.is_relative_to(tmp_path / "a")


def test_what_follows_from_a_token_does_not_tell_it():
    one = tokens.Tokens("e" * 43, "r" * 43)
    derived = [one.derived(role, what) for role in ("edit", "read") for what in ("a", "b")]
    assert len(set(derived)) == 4 and {len(d) for d in derived} == {32}

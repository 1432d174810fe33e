"""What `gambol doctor` says of a sound machine and of a broken one."""

import importlib.metadata
import json
import platform
import sys

from gambol.app import doctor
from gambol.io import frames

NAMES = ["python", "torch", "openvino", "video", "memory", "disk", "cache"]


def test_looks_at_everything_and_names_a_remedy_for_what_is_bad():
    checks = doctor.examine()
    assert [check.name for check in checks] == NAMES
    assert all(check.remedy for check in checks if not check.ok)


def test_tells_the_versions_that_are_installed():
    found = {check.name: check.found for check in doctor.examine()}
    assert platform.python_version() in found["python"]
    assert importlib.metadata.version("torch").split("+")[0] in found["torch"]
    assert importlib.metadata.version("av") in found["video"]


def test_a_missing_openvino_is_bad_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)  # import raises ImportError
    check = next(c for c in doctor.examine() if c.name == "openvino")
    assert not check.ok and "pip install openvino" in check.remedy


def test_a_cache_that_cannot_be_written_is_bad(monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    monkeypatch.setenv("GAMBOL_CACHE", str(blocked / "cache"))
    check = next(c for c in doctor.examine() if c.name == "cache")
    assert not check.ok and str(blocked) in check.found and "GAMBOL_CACHE" in check.remedy


def test_memory_that_the_system_does_not_tell_is_not_invented(monkeypatch, tmp_path):
    monkeypatch.setattr(frames, "_MEMINFO", tmp_path / "none")
    check = next(c for c in doctor.examine() if c.name == "memory")
    assert check.ok and "does not say" in check.found


def test_a_missing_codec_is_named(monkeypatch):
    monkeypatch.setattr(doctor, "_decodes", lambda name: name != "hevc")
    check = next(c for c in doctor.examine() if c.name == "video")
    assert not check.ok and "hevc" in check.found


def test_prints_a_line_each_and_ends_with_status_1_when_something_is_bad(gambol, monkeypatch):
    checks = [doctor.Check("disk", False, "0.1 GiB free here", "free some space")]
    monkeypatch.setattr(doctor, "examine", lambda: checks)
    told = gambol("doctor")
    assert told.status == 1
    assert told.out.splitlines() == [
        "BAD  disk      0.1 GiB free here",
        "     disk: free some space",
    ]


def test_json_holds_every_check(gambol):
    told = gambol("doctor", "--json")
    assert list(json.loads(told.out)) == NAMES

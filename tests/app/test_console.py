"""Progress on standard error, results on standard output."""

import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest

from gambol.app import console
from gambol.core.progress import Step, silent


def test_results_go_to_standard_output_and_speech_to_standard_error(capsys):
    console.say("reading")
    console.result({"n": 3}, False, lambda values: f"n is {values['n']}")
    told = capsys.readouterr()
    assert told == ("n is 3\n", "reading\n")


def test_json_is_all_that_is_printed_for_machines(capsys):
    console.result({"n": 3}, True, lambda values: pytest.fail("nobody reads this"))
    assert json.loads(capsys.readouterr().out) == {"n": 3}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (math.nan, None),
        (np.float32(1.5), 1.5),
        (np.int64(2), 2),
        (np.array(3.0), 3.0),
        ((1, math.inf), [1, None]),
        ({1: {"a": None}}, {"1": {"a": None}}),
        (True, True),
        (console, str(console)),
    ],
)
def test_plain_values_are_those_that_json_holds(value, expected):
    assert console.plain(value) == expected
    json.dumps(console.plain(value), allow_nan=False)


def test_machines_hear_no_progress():
    with console.reporting(True) as progress:
        assert progress is silent


def test_who_keeps_a_log_gets_progress_beside_json(capsys, monkeypatch):
    monkeypatch.setattr(console, "_log_is_kept", False)  # is put back
    console.keep_log()
    with console.reporting(True) as progress:
        progress(Step("clean", 1, 2, "day1"))
    assert capsys.readouterr() == ("", "clean: 1/2 day1\n")


def test_lines_are_sparse_where_there_is_no_terminal(capsys, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    with console.reporting(False) as progress:
        for done in range(0, 61):
            progress(Step("predict", done, 60, "a.mp4"))
            now[0] += 1.0
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) <= 60 / console.QUIET_S + 2
    assert lines[-1].startswith("predict: 60/60 a.mp4")


def test_lines_tell_the_time_that_is_left(capsys, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    with console.reporting(False) as progress:
        progress(Step("train", 0, 100, ""))
        now[0] += 50.0
        progress(Step("train", 50, 100, ""))  # one a second so far
    assert capsys.readouterr().err.splitlines()[-1].endswith("50 s left")


def test_a_terminal_gets_a_bar(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with console.reporting(False) as progress:
        progress(Step("train", 1, 2, "step 1"))
        progress(Step("train", 2, 2, "step 2"))
    told = capsys.readouterr()
    assert told.out == "" and "100%" in told.err and "step 2" in told.err


def test_what_an_old_console_cannot_show_ends_no_command(tmp_path):
    code = (
        "import sys; from gambol.app import cli, console\n"
        "sys.argv = ['gambol', 'doctor']\n"
        "from gambol.app import doctor\n"
        "doctor.examine = lambda: [doctor.Check('尾', True, 'σ ≤ 5 → größer')]\n"
        "cli.main()"
    )
    told = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONIOENCODING": "cp1252"},
        capture_output=True,
        check=True,
    )
    assert told.stdout.decode("cp1252").split() == ["ok", "?", "?", "?", "5", "?", "größer"]

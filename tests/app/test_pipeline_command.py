import json
import subprocess
import sys

COMMAND = [sys.executable, "-m", "gambol.app.pipeline_command"]


def test_it_is_the_command_line():
    with subprocess.Popen(
        [*COMMAND, "info", "nowhere.mp4"], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as began:
        assert began.wait(60) == 2
        assert b"gambol: nowhere.mp4 does not exist" in began.stderr.read()


def test_who_starts_it_hears_that_it_goes_on(tmp_path):
    """Without a word for long, it would count as hung."""
    some = ["simulate-behavior", str(tmp_path / "out"), "--set", "frames=60", "--json"]
    with subprocess.Popen(
        [*COMMAND, *some], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as began:
        assert began.stderr.readline().startswith(b"simulate-behavior: 1/")
        assert json.loads(began.stdout.read())
        assert began.wait(60) == 0


def test_it_ends_when_the_one_that_started_it_does(tmp_path):
    """The end of its input is the end of its parent."""
    long = ["simulate-behavior", str(tmp_path / "out"), "--set", "frames=5000000"]
    with subprocess.Popen(
        [*COMMAND, *long], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as began:
        assert began.poll() is None
        began.stdin.close()
        assert began.wait(60) == 1

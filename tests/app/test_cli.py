"""What the command line promises of every verb."""

import shlex
import subprocess
import sys
import time
from importlib.metadata import version

import pytest
import typer

from gambol.app import cli, console
from gambol.core.errors import InputError
from gambol.core.progress import Step

COMMANDS = typer.main.get_command(cli.app).commands
VERBS = {  # with the parts of groups in the place of groups
    f"{name} {part}".strip(): one
    for name, command in COMMANDS.items()
    for part, one in getattr(command, "commands", {"": command}).items()
}
PROMISED = (
    *("demo", "new", "import", "export", "info", "doctor", "suggest"),
    *("train", "predict", "track", "review", "evaluate", "movies", "report", "simulate"),
    *("regions", "calibrate", "triangulate", "fit-pose-prior", "synchronize", "rig", "board"),
    *("draw-poses", "mutual-information", "fit-states", "apply-states", "scan-states"),
    *("compare-states", "state-movies", "states", "simulate-states", "clean", "features"),
    *("ethogram-convert", "agreement", "group-stats", "align", "map", "fit-map", "apply-map"),
    *("syllables", "fit-syllables", "apply-syllables", "select-syllables", "label-map"),
    *("syllable-movies", "fit-classifier", "classify", "queue", "behavior-report"),
    *("simulate-behavior", "bench-models", "import-poses", "studio", "export-model"),
    *("ensemble", "accept", "plan", "run"),
)


def test_has_the_promised_verbs():
    assert sorted(COMMANDS) == sorted(PROMISED)


def test_help_lists_every_verb_in_under_half_a_second():
    command = [sys.executable, "-c", "from gambol.app.cli import main; main()", "--help"]
    seconds = []
    for _ in range(5):  # the quickest counts: other work on the machine is not ours
        start = time.perf_counter()
        told = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.5
    assert all(f"  {verb} " in told.stdout for verb in PROMISED)


def test_help_imports_no_heavy_package():
    heavy = "torch", "cv2", "av", "matplotlib", "openvino", "sleap_io", "sklearn", "pandas"
    code = (
        "import sys, gambol.app.cli as c\n"
        "import typer; typer.main.get_command(c.app)\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert told.stdout.strip() == "[]"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example_that_parses(verb, gambol):
    told = gambol(*verb.split(), "--help")
    assert told.status == 0
    assert "Example: gambol " in told.out  # it may be wrapped there
    words = shlex.split(VERBS[verb].help.partition("Example: gambol ")[2])
    said, given = verb.split(), len(verb.split())
    assert words[:given] == said
    VERBS[verb].make_context(verb, words[given:])  # raises where the example is wrong


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_prints_json_when_asked(verb):
    assert any("--json" in option.opts for option in VERBS[verb].params)


@pytest.mark.parametrize(
    "args", [["trian"], ["train", "a", "--out", "b", "--stpes", "3"], ["train"], ["info"]]
)
def test_a_misspelt_verb_or_option_ends_with_status_2(args, gambol):
    told = gambol(*args)
    assert told.status == 2 and "Traceback" not in told.err


def test_no_arguments_show_the_help(gambol):
    told = gambol()
    assert "Commands:" in told.out + told.err


def test_bad_input_is_one_line_without_traceback(gambol, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise InputError("a.csv is empty; export it again")

    monkeypatch.setattr(console, "result", refuse)
    told = gambol("doctor")
    assert told == (2, "", "gambol: a.csv is empty; export it again\n")


def test_other_errors_are_not_hidden(gambol, monkeypatch):
    def fail(*_args, **_kwargs):
        raise ZeroDivisionError

    monkeypatch.setattr(console, "result", fail)
    with pytest.raises(ZeroDivisionError):
        gambol("doctor")


def test_training_that_was_asked_to_stop_says_so_and_ends_with_status_1(gambol, monkeypatch):
    from gambol.pose.train import Stopped
    from gambol.stages import train

    def stop(*_args, **_kwargs):
        raise Stopped("stopped at step 7; the same command goes on from there")

    monkeypatch.setattr(train, "run", stop)
    told = gambol("train", "labels.csv", "--out", "run")
    assert (told.status, told.out) == (1, "")
    assert told.err == "gambol: stopped at step 7; the same command goes on from there\n"


@pytest.mark.parametrize(("rank", "talks"), [("0", True), ("1", False)])
def test_of_the_processes_of_torchrun_only_the_first_talks(
    gambol, monkeypatch, tmp_path, rank, talks
):
    from gambol.stages import train

    def trained(*_args, progress, say, **_kwargs):
        say("grey: the frames have no colour")
        progress(Step("train", 1, 1, "step 1"))
        (tmp_path / "metrics.json").write_text('{"n": 1}')
        return tmp_path

    monkeypatch.setattr(train, "run", trained)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", rank)
    told = gambol("train", "labels.csv", "--out", "run", "--json")
    assert (told.status, bool(told.out), told.err) == (0, talks, "")
    monkeypatch.setattr(cli, "_scores", lambda values: "scores")
    told = gambol("train", "labels.csv", "--out", "run")
    assert (told.status, told.out) == (0, "scores\n" if talks else "")
    assert ("no colour" in told.err, "step 1" in told.err) == (talks, talks)


def test_a_file_of_the_system_that_is_refused_is_one_line(gambol, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied", "a.mp4")

    monkeypatch.setattr(console, "result", refuse)
    told = gambol("doctor")
    assert told == (2, "", "gambol: a.mp4 cannot be used: permission denied; check the path\n")


def test_the_version_is_told(gambol):
    assert gambol("--version") == (0, f"gambol {version('gambol')}\n", "")


def test_memory_that_is_used_up_is_one_line(gambol, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise MemoryError

    monkeypatch.setattr(console, "result", refuse)
    told = gambol("doctor")
    assert told.status == 1 and told.err.startswith("gambol: the memory is used up; ")
    assert len(told.err.splitlines()) == 1

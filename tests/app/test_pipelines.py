import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from gambol.stages import simulate_behavior

TEXT = """
recordings: poses/*.nc
steps:
  clean: clean {path} --out clean/{name}
  told: {once: info clean/recording_000/recording_000.nc}
"""


@pytest.fixture(scope="module")
def poses(tmp_path_factory):
    world = tmp_path_factory.mktemp("world")
    cfg = simulate_behavior.BehaviorConfig(recordings=2, frames=300)
    simulate_behavior.run(cfg, world)
    return world / "poses"


@pytest.fixture
def folder(poses, tmp_path):
    shutil.copytree(poses, tmp_path / "poses")
    (tmp_path / "mice.yaml").write_text(TEXT)
    return tmp_path


def test_everything_is_done_shown_and_then_current(folder, gambol):
    told = gambol("run", folder / "mice.yaml", "--workers", "2", "--json")
    assert told.status == 0, told.err
    steps = json.loads(told.out)["steps"]
    assert steps == {"clean": {"done": 2}, "told": {"done": 1}}
    assert (folder / "clean" / "recording_001" / "recording_001.nc").exists()
    log = folder / ".mice.run" / "logs" / "clean" / "recording_001.txt"
    assert log.read_text().startswith("clean: ")  # what is silent for long counts as hung
    told = gambol("run", folder / "mice.yaml", "--status")
    assert told.status == 0 and told.out.count("current") == 3 + 2
    (folder / "poses" / "recording_000.nc").touch()
    told = gambol("run", folder / "mice.yaml", "--status", "--recordings", "recording_000")
    assert told.out.count("due") == 2 + 2 and "recording_001" not in told.out


def test_a_damaged_recording_is_named_and_the_others_are_finished(folder, gambol):
    (folder / "poses" / "recording_000.nc").write_bytes(b"CDF" + bytes(100))
    told = gambol("run", folder / "mice.yaml")
    assert told.status == 1
    assert "clean  1 done, 1 failed" in told.out and "told   1 waits" in told.out
    assert "clean of recording_000 failed: " in told.out and "recording_000.nc" in told.out
    log = folder / ".mice.run" / "logs" / "clean" / "recording_000.txt"
    assert f"what it said: {log}" in told.out and "Traceback" not in log.read_text()
    assert (folder / "clean" / "recording_001" / "recording_001.nc").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_killed_at_any_moment_it_goes_on_where_it_was(folder, gambol):
    command = [sys.executable, "-m", "gambol", "run", str(folder / "mice.yaml")]
    done = folder / ".mice.run"
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as began:
        until = time.monotonic() + 60
        while not list(done.glob("done-*.jsonl")) and time.monotonic() < until:
            time.sleep(0.05)
        os.kill(began.pid, signal.SIGKILL)
    told = gambol("run", folder / "mice.yaml", "--json")
    steps = json.loads(told.out)["steps"]
    assert steps == {"clean": {"current": 1, "done": 1}, "told": {"done": 1}}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_interrupted_it_ends_at_once_and_calls_nothing_failed(folder):
    (folder / "mice.yaml").write_text(
        "recordings: poses/*.nc\nsteps: {a: 'simulate-behavior {name} --set frames=5000000'}"
    )
    command = [sys.executable, "-m", "gambol", "run", str(folder / "mice.yaml")]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as began:
        until = time.monotonic() + 60
        while not list(folder.glob(".mice.run/logs/*/*")) and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(1.0)
        start = time.monotonic()
        began.send_signal(signal.SIGINT)
        assert began.wait(60) != 0 and time.monotonic() - start < 30
    assert not list(folder.glob(".mice.run/done-*"))


def test_some_of_it_and_shares(folder, gambol):
    told = gambol("run", folder / "mice.yaml", "--status", "--only", "clean", "--json")
    assert json.loads(told.out)["steps"] == {"clean": {"due": 2}, "told": {}}
    seen = []
    for share in ("0/2", "1/2"):
        told = gambol("run", folder / "mice.yaml", "--status", "--share", share)
        seen += [name for name in ("recording_000", "recording_001") if name in told.out]
    assert seen == ["recording_000", "recording_001"]


def test_scripts_of_slurm_are_written_and_nothing_is_done(folder, gambol):
    told = gambol("run", folder / "mice.yaml", "--submit", "2")
    assert told.status == 0 and "submit.sh" in told.out
    assert len(list((folder / ".mice.run" / "slurm").glob("*.sh"))) == 3
    assert not (folder / "clean").exists()


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("claen {path} --out x", "step a: gambol has no step 'claen'; did you mean 'clean'"),
        ("clean {path} --ot x", "no such option: --ot"),
        ("clean {path}", "missing option '--out'"),
        ("run {path}", "no step 'run'"),
        ("rig poses", "gambol rig needs one of"),
        ("ethogram-convert a", "missing argument 'out'"),
    ],
)
def test_a_command_that_cannot_be_is_refused_at_once(step, said, folder, gambol):
    (folder / "mice.yaml").write_text(f"recordings: poses/*\nsteps: {{a: '{step}'}}")
    told = gambol("run", folder / "mice.yaml")
    assert told.status == 2 and "mice.yaml: step a: " in told.err
    assert said in told.err and "Usage" not in told.err
    assert not (folder / ".mice.run").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--only", "claen"], "there is no step 'claen'; did you mean 'clean'?"),
        (["--recordings", "x"], "there is no recording 'x'; there are recording_000"),
        (["--share", "2/2"], "write K/N with K below N"),
        (["--share", "a"], "write K/N with K below N"),
        (["--submit", "2", "--cluster", "slurm"], "give one"),
    ],
)
def test_what_is_not_there_is_refused(words, said, folder, gambol):
    told = gambol("run", folder / "mice.yaml", *words)
    assert told.status == 2 and said in told.err

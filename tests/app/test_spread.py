"""Shares are done by real processes; that they make what one process makes is seen in poses."""

import json
import re
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import typer
from commands_seen import commands_in

from gambol.app import spread
from gambol.app.cli import app
from gambol.core.errors import InputError
from gambol.io import poses as io_poses
from gambol.io.video import VideoWriter

# what Dask leaves open when a worker is killed is not ours
pytestmark = pytest.mark.filterwarnings("ignore")


def context(*words):
    verb = typer.main.get_command(app).commands[words[0]]
    return verb.make_context(words[0], list(words[1:]))


def test_shares_get_all_words_but_those_that_say_who_does_them():
    given = context(
        "predict", "run", "--out", "poses", "a.mp4", "b.mp4", "--workers", "3", "--json",
        "--window", "whole", "--cluster", "slurm", "--threads", "0",
    )  # fmt: skip
    assert spread.words_of(given) == (
        "predict", "--out", "poses", "--window", "whole", "run", "a.mp4", "b.mp4",
    )  # fmt: skip
    given = context(
        "track", "--at-most", "--set", "a=1", "--set", "b=2", "--out", "t", "--", "-x"
    )
    assert spread.words_of(given) == (
        "track", "--out", "t", "--at-most", "--set", "a=1", "--set", "b=2", "./-x",
    )  # fmt: skip


def test_the_page_lists_every_command_that_is_shared():
    verbs = typer.main.get_command(app).commands
    shared = {
        name
        for name, verb in verbs.items()
        if {"share", "workers", "cluster"} <= {option.name for option in verb.params}
    }
    text = (Path(__file__).parents[2] / "docs" / "pipelines.md").read_text(encoding="utf-8")
    table = text.partition("| command | is cut into |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`([a-z-]+)`(?=[^|]*\| [a-z])", table)) == shared - {"run"}


def test_a_share_is_not_shared():
    assert not spread.is_wanted(1, None, "0/2") and spread.is_wanted(1, "local", None)
    with pytest.raises(InputError, match="give one"):
        spread.is_wanted(2, None, "0/2")


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Two films of three shards each."""
    folder, noise = tmp_path_factory.mktemp("films"), np.random.default_rng(1)
    for name in "ab":
        with VideoWriter(folder / f"{name}.mp4", 30.0, (64, 64)) as writer:
            for frame in noise.integers(0, 256, (600, 8, 8, 3), dtype=np.uint8):
                writer.write(np.kron(frame, np.ones((8, 8, 1), np.uint8)))
    return [folder / "a.mp4", folder / "b.mp4"]


@pytest.fixture
def predict(gambol, trained, films, tmp_path, monkeypatch):
    """Predict the films, in a folder of the test, into `out`."""
    monkeypatch.chdir(tmp_path)

    def run(out, *more, videos=films):
        return gambol("predict", trained[0].absolute(), *videos, "--out", out, "--json", *more)

    return run


def same(one, two):
    """Tell whether two folders hold the same poses."""
    names = sorted(path.name for path in one.glob("*.nc"))
    assert names == sorted(path.name for path in two.glob("*.nc")) and names
    for name in names:
        before, after = io_poses.read(one / name), io_poses.read(two / name)
        for value in before.variables:
            np.testing.assert_array_equal(before[value].values, after[value].values)
        assert before.attrs["made_from"] == after.attrs["made_from"]


def test_two_processes_make_what_one_makes(predict, tmp_path):
    assert predict("alone").status == 0
    told = predict("shared", "--workers", "2")
    assert told.status == 0, told.err
    made = json.loads(told.out)["videos"]
    assert [one["fresh"] for one in made] == [0, 0]  # by the time they were joined
    same(tmp_path / "alone", tmp_path / "shared")
    assert {path.name for path in tmp_path.iterdir()} == {"alone", "shared"}


@pytest.mark.slow  # tests/app/test_pipeline_cluster.py kills workers of Dask, too
def test_shares_are_done_anywhere_and_one_that_is_killed_again(predict, films, tmp_path):
    one = {"videos": films[:1]}
    assert predict("alone", **one).status == 0
    killer = threading.Thread(target=kill_one, args=[tmp_path], daemon=True)
    killer.start()
    told = predict("shared", "--cluster", "local", **one)
    killer.join(5)
    assert told.status == 0 and not killer.is_alive(), told.err
    same(tmp_path / "alone", tmp_path / "shared")


def kill_one(folder):
    """Kill a process of a share that has begun."""
    while True:
        for one in commands_in(folder):
            one.kill()
            return
        time.sleep(0.05)


def test_what_is_refused_is_said_once(predict, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no film")
    told = predict("out", "--workers", "2", videos=[broken])
    assert told.status == 2 and told.err.count("broken.mp4") == 1


def test_parts_that_failed_are_named_and_what_is_done_is_kept(gambol, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "gambol.app.pipeline_jobs.Crew._once",
        lambda crew, words, log, *more: (-9, "", log.write_text("") and False),
    )
    ctx = context("track", "a.nc", "--out", "tracks", "--workers", "2")
    with pytest.raises(typer.Exit) as stop:
        spread.go(ctx, tmp_path / "tracks", 2, None)
    assert stop.value.exit_code == 1
    assert (tmp_path / ".tracks.shares" / "0.txt").exists()

"""The page about behaviour: its parts, from whatever there is, and what it needs: nothing."""

import re
import signal
import subprocess
import sys

import label_worlds
import numpy as np
import pandas as pd
import pytest

from gambol.behavior import label_map as of_labels
from gambol.core.errors import InputError
from gambol.core.ethogram import build
from gambol.core.sequences import pack
from gambol.io import ethogram as io_ethogram
from gambol.stages import behavior_parts, behavior_report, label_map


def config(**changes):
    return behavior_report.BehaviorReportConfig(
        permutations=30, labellings=10, trajectories=dict(before_s=0.0, after_s=0.2), **changes
    )


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    run = label_worlds.write(folder, 4, 600)
    cfg = label_map.LabelMapConfig(author="ann")
    for words in (("rename", "1", "walk <fast>"), ("merge", "0", "5"), ("exclude", "3")):
        label_map.run(cfg, run, words[0], words[1:])
    pd.DataFrame(
        {
            "recording": [f"day{r}" for r in range(4)],
            "animal": ["m0", "m1", "m2", "m3"],
            "group": ["wt", "ko", "wt", "ko"],
        }
    ).to_csv(folder / "animals.csv", index=False)
    return folder


def ethogram(path):
    rng = np.random.default_rng(0)
    begin = np.concatenate([np.arange(20) * 3.0 for _ in range(4)])
    rows = pd.DataFrame(
        {
            "recording": np.repeat([f"day{r}" for r in range(4)], 20),
            "label": np.tile(["groom", "rear"], 40),
            "start_s": begin,
            "stop_s": begin + rng.uniform(1, 2.9, 80),
        }
    )
    clocks = pd.DataFrame({"recording": [f"day{r}" for r in range(4)], "fps": 30.0})
    io_ethogram.write(build(rows, recordings=clocks.assign(frames=1900)), path, "bouts")
    return path


@pytest.fixture(scope="module")
def page(world):
    (world / "films").mkdir()
    (world / "films" / "syllable 0.mp4").write_bytes(b"x")
    done = behavior_report.run(
        config(factor="group", gif=True, title="Mice & men"),
        [world / "run", ethogram(world / "bouts.csv")],
        world / "pages" / "report.html",
        animals=world / "animals.csv",
        movies=[world / "films"],
    )
    return done, done.page.read_text()


def test_the_page_shows_labels_as_the_label_map_has_them(page):
    done, text = page
    assert done.parts == ("run", "bouts")
    assert "walk &lt;fast&gt;" in text
    assert "walk <fast>" not in text
    heads = re.findall(r"<h2>(.*?)</h2>", text)
    for wanted in ("run: syllables", "What syllables look like", "Which syllables are alike",
                   "What follows what", "Groups of animals", "Groups told by usage",
                   "Usage, compared", "bouts"):  # fmt: skip
        assert wanted in heads
    rows = re.findall(r'<th scope="row">.*?</span>(.*?)</th>', text)
    assert set(rows[:4]) == {"0", "walk &lt;fast&gt;", "2", "4"}  # 3 is excluded, 5 merged


def test_it_needs_nothing_but_itself_and_links_movies_from_where_it_lies(page):
    done, text = page
    assert 'href="../films/syllable%200.mp4"' in text
    outside = re.findall(r'(?:src|href)="(?!data:|#)([^"]*)"', text)
    assert set(outside) == {"../films/syllable%200.mp4"}
    assert done.files[0].name == "report-run.gif"
    assert done.files[0].read_bytes().startswith(b"GIF89a")


def test_differences_are_said_of_animals(page):
    done, _ = page
    assert any("usage" in sentence and "ko 2, wt 2" in sentence for sentence in done.different)
    assert any(sentence.startswith("bouts, ") for sentence in done.different)


def test_without_poses_and_groups_there_is_still_a_page(world, tmp_path):
    for path in (world / "run" / "syllables").glob("*.nc"):
        pd.DataFrame({"syllable": np.repeat([0, 1, 2, 0], 100)}).to_csv(
            tmp_path / f"{path.stem}.csv", index=False
        )
    done = behavior_report.run(config(fps=30.0), [tmp_path], tmp_path / "report.html")
    assert "without poses" in done.remarks[0]
    text = done.page.read_text()
    assert "What follows what" in text
    assert "look like" not in text


def test_every_kind_of_source_is_known_by_what_it_holds(world, tmp_path):
    assert behavior_report.kind_of(world / "run") == "syllable"
    assert behavior_report.kind_of(ethogram(tmp_path / "b.csv")) is None
    for name, kind in (("states", "state"), ("places", "stay")):
        (tmp_path / kind / name).mkdir(parents=True)
        assert behavior_report.kind_of(tmp_path / kind) == kind
    (tmp_path / "classified" / "frames").mkdir(parents=True)
    (tmp_path / "classified" / "bouts.csv").write_text("x")
    assert behavior_report.kind_of(tmp_path / "classified") is None


def test_what_is_missing_is_said(world, tmp_path):
    with pytest.raises(InputError, match="give a run or an ethogram"):
        behavior_report.run(config(), [], tmp_path / "r.html")
    with pytest.raises(InputError, match="--animals"):
        behavior_report.run(config(factor="x"), [world / "run"], tmp_path / "r.html")
    with pytest.raises(InputError, match="no column 'x'"):
        behavior_report.run(
            config(factor="x"), [world / "run"], tmp_path / "r.html",
            animals=world / "animals.csv",
        )  # fmt: skip


def test_stays_of_a_map_begin_and_end_on_the_way():
    values = np.array([0, 0, 1, 1, 0, 2, 2, 2, 0, 1, 1, 0])
    seq = pack([values], ["a"], 10.0)
    between = values == 0
    known = seq._replace(valid=~between)
    applied = of_labels.apply(None, known)
    cfg = behavior_report.BehaviorReportConfig()
    said = behavior_parts.labels(cfg, "map", "stay", applied, None, None, [], between)
    table = said.table.loc[[1, 2]]
    assert table["onsets"].tolist() == [2, 1] and table["median_s"].tolist() == [0.2, 0.3]
    assert list(said.labels) == [1, 2] or list(said.labels) == [2, 1]
    k = [said.order.names.index(name) for name in ("1", "2")]
    assert said.bigrams[k[0], k[1]] == 1.0  # though the animal was on the way between


CHILD = """
import os, signal, sys
from pathlib import Path
from gambol.io import store
from gambol.stages import behavior_report

moment, folder, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])


def die(*args, **given):
    os.kill(os.getpid(), signal.SIGKILL)


if moment == "while the page is written":
    store._replace = die
if moment == "before the pictures that move":
    behavior_report._moving = die
cfg = behavior_report.BehaviorReportConfig.model_validate_json(sys.argv[4])
behavior_report.run(
    cfg, [folder / "run"], out,
    progress=lambda step: die() if moment == "after a part" else None,
)
"""


@pytest.mark.slow
def test_a_process_that_was_killed_leaves_no_half_page_and_is_done_again(world, tmp_path):
    cfg = config(gif=True)

    def made(folder):
        done = behavior_report.run(cfg, [world / "run"], folder / "page.html")
        kept = re.sub(r"<tr>(?:(?!</tr>).)*?(date|command).*?</tr>", "", done.page.read_text())
        return kept, [file.read_bytes() for file in done.files]

    want = made(tmp_path / "whole")
    for moment, there in (
        ("after a part", False), ("while the page is written", False),
        ("before the pictures that move", True),
    ):  # fmt: skip
        out = tmp_path / moment / "page.html"
        args = [sys.executable, "-c", CHILD, moment, str(world), str(out)]
        child = subprocess.run([*args, cfg.model_dump_json()], check=False)
        assert child.returncode == -signal.SIGKILL and out.exists() == there
        assert made(out.parent) == want

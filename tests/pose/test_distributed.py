"""Two processes that torchrun started against one that does all the work."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from gambol.core.errors import InputError
from gambol.pose import distributed
from gambol.pose.distributed import ALONE, Team

WORKER = """
import copy, sys, torch
sys.path.insert(0, {here!r})
torch.set_num_threads(1)
import test_train as t
from gambol.pose import distributed
from gambol.core.errors import InputError

with distributed.joined("cpu") as team:
    out = {{"rank": team.rank, "size": team.size}}

    def weights(net, team=team, **more):
        fitted = t.run(net=net, team=team, **more)
        history = [line[:3] for line in t.untimed(fitted.history)]
        return {{"last": fitted.last, "weights": fitted.weights, "history": history}}

    heard, saved = [], []
    cfg = t.settings(steps=6, batch=8, evaluate_every=3)
    # the second process starts with other weights, and takes those of the first
    net = t.tiny_net(norm="none", seed=team.rank)
    keep = lambda state: saved.append(copy.deepcopy(state))
    out["plain"] = weights(net, cfg=cfg, log=heard.append, save=keep)
    out["parts"] = weights(t.tiny_net(norm="none"), cfg=cfg.model_copy(
        update={{"batch": 2, "accumulate": 4}}))
    out["alone"] = weights(t.tiny_net(norm="none"), team=distributed.ALONE, cfg=cfg)
    out["heard"], out["saved"] = len(heard), len(saved)
    if team.first:
        torch.save(saved[0], f"{{sys.argv[1]}}/state.pt")
    team.wait()
    state = torch.load(f"{{sys.argv[1]}}/state.pt", weights_only=True)
    out["again"] = weights(t.tiny_net(norm="none", seed=7), cfg=cfg, state=state)
    out["batch"] = weights(t.tiny_net(), cfg=cfg)
    asked = iter(range(100))
    try:
        t.run(cfg.model_copy(update={{"steps": 50}}), team=team, save=saved.append,
              stop=lambda: team.rank == 1 and next(asked) == 2)
    except t.Stopped as error:
        out["stopped"] = str(error)
    try:
        t.run(cfg.model_copy(update={{"batch": 5}}), team=team)
    except InputError as error:
        out["uneven"] = str(error)
    own = []
    t.run(t.settings(steps=1 + team.rank), save=own.append)  # each alone
    try:
        t.run(cfg, team=team, state=own[-1])
    except InputError as error:
        out["states"] = str(error)
    out["told"] = team.tell([team.rank + 1.0]), team.largest([team.rank + 1.0])
    torch.save(out, f"{{sys.argv[1]}}/{{team.rank}}.pt")
"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """What two processes found."""
    folder = tmp_path_factory.mktemp("pair")
    script = folder / "worker.py"
    script.write_text(WORKER.format(here=str(Path(__file__).parent)))
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    done = subprocess.run(
        [*torchrun, "--nproc-per-node=2", str(script), str(folder)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


def close(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("how", ["plain", "parts"])
def test_two_processes_end_where_one_does_with_the_joined_batch(pair, how):
    for one in pair:
        close(one[how]["last"], one["alone"]["last"])
        close(one[how]["weights"], one["alone"]["weights"])
        np.testing.assert_allclose(one[how]["history"], one["alone"]["history"], rtol=1e-3)


@pytest.mark.parametrize("how", ["plain", "parts", "batch"])
def test_all_processes_hold_the_same_weights_bit_for_bit(pair, how):
    first, second = (one[how] for one in pair)
    for part in ("last", "weights"):
        assert all(torch.equal(v, second[part][k]) for k, v in first[part].items())
    assert first["history"] == second["history"]


def test_processes_that_are_started_again_go_on_as_if_nothing_had_happened(pair):
    for one in pair:
        for part in ("last", "weights"):
            again, whole = one["again"][part], one["plain"][part]
            assert all(torch.equal(again[k], v) for k, v in whole.items())
        assert one["again"]["history"] == one["plain"]["history"]


def test_only_the_first_process_logs_and_saves(pair):
    assert [(one["rank"], one["heard"], one["saved"]) for one in pair] == [(0, 2, 2), (1, 0, 0)]


def test_a_request_to_stop_that_one_process_hears_stops_all_at_the_same_step(pair):
    assert pair[0]["stopped"] == pair[1]["stopped"]
    assert pair[0]["stopped"].startswith("stopped at step 3")


def test_processes_that_cannot_share_evenly_or_do_not_agree_say_so(pair):
    for one in pair:
        assert "5 samples a step do not divide among 2 processes" in one["uneven"]
        assert "states of steps 1 and 2" in one["states"]


def test_the_first_tells_and_the_largest_counts(pair):
    assert all(one["told"] == ([1.0], [2.0]) for one in pair)


def test_shares_make_up_the_step():
    rows = np.array([5, 3, 9, 0, 2, 7])
    shares = [Team(rank, 3, torch.device("cpu")).share(rows) for rank in range(3)]
    assert {len(share) for share in shares} == {2}
    assert sorted(np.concatenate(shares)) == list(range(6))
    with pytest.raises(InputError, match="do not divide among 4"):
        Team(0, 4, torch.device("cpu")).share(rows)


def test_alone_nothing_is_said_and_nothing_waited_for(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with distributed.joined("cpu") as team:
        assert team is ALONE and team.first
    tensor = torch.ones(3)
    ALONE.add([tensor])
    ALONE.copy_first([tensor])
    ALONE.wait()
    assert tensor.tolist() == [1, 1, 1] and ALONE.tell([2.0]) == ALONE.largest([2.0]) == [2.0]
    assert ALONE.share(np.array([4, 4])).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("size", "rank", "leads"),
    [(None, None, True), ("1", "0", True), ("2", "0", True), ("2", "1", False)],
)
def test_one_process_speaks_for_all(monkeypatch, size, rank, leads):
    for name, value in (("WORLD_SIZE", size), ("RANK", rank)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert distributed.leads() is leads


def test_every_process_has_its_own_gpu(monkeypatch):
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert distributed.own_device("cuda") == "cuda"
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert [distributed.own_device(d) for d in ("cuda", "cuda:1", "cpu")] == [
        "cuda:3",
        "cuda:1",
        "cpu",
    ]

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from state_worlds import FIT, world

from gambol.core.errors import InputError
from gambol.core.shares import Share
from gambol.stages import scan_states
from gambol.stages.scan_states import ScanConfig

SCAN = dict(
    kappas=(50.0, 500.0), states=(2, 3, 4), seeds=2, iterations=25, keep_every=5,
    init_window_s=3.0, fps=20.0, held_out=0.2, lags=FIT["lags"],
)  # fmt: skip


class Killed(Exception):
    pass


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    return world(tmp_path_factory.mktemp("world") / "made", recordings=6, frames=3000)


@pytest.fixture(scope="module")
def scanned(recordings, tmp_path_factory):
    out = tmp_path_factory.mktemp("scan") / "out"
    return out, scan_states.run(ScanConfig(**SCAN), [recordings / "syllables"], out, workers=1)


def test_no_more_states_than_were_planted_are_chosen(scanned):
    out, told = scanned
    assert (
        told.n_states in (2, 3)  # seeds agree alike, by 0.01 either way between processors
        and told.trans_kappa == 500.0
        and told.fits == 12
        and told.failed == 0
    )
    table = pd.read_csv(out / "table.csv")
    assert len(table) == 12 and np.isfinite(table["held_out"]).all()
    assert set(table["trans_kappa"]) == {50.0, 500.0}
    choice = json.loads((out / "choice.json").read_text())
    assert len(choice["reasons"]) == 3 and (out / "fits" / choice["fit"] / "model.nc").exists()
    assert "<svg" in (out / "report.html").read_text()
    assert not (out / "packed.npz").exists()


def test_a_scan_that_was_killed_goes_on(scanned, recordings, tmp_path):
    def kill(step):
        if step.done == 5:
            raise Killed

    out = tmp_path / "out"
    with pytest.raises(Killed):
        scan_states.run(
            ScanConfig(**SCAN), [recordings / "syllables"], out, workers=1, progress=kill
        )
    assert len(list(out.glob("fits/*/row.json"))) == 5
    seen = []
    scan_states.run(
        ScanConfig(**SCAN), [recordings / "syllables"], out, workers=1,
        progress=lambda step: seen.append(step.done),
    )  # fmt: skip
    assert seen[0] == 5  # what was done is not done again
    a, b = (pd.read_csv(p / "table.csv").drop(columns="seconds") for p in (scanned[0], out))
    pd.testing.assert_frame_equal(a, b)


def test_shares_find_the_same_and_are_compared_in_the_end(scanned, recordings, tmp_path):
    few = ScanConfig(**{**SCAN, "kappas": (500.0,), "states": (3,)})
    args, seen = (few, [recordings / "syllables"], tmp_path / "out"), []
    did = [scan_states.fit(*args, Share(k, 2), workers=1) for k in (1, 0)]
    total = sum(one.fits for one in did)
    assert total == SCAN["seeds"] and not any(one.failed for one in did)
    assert not (tmp_path / "out/table.csv").exists()
    scan_states.run(*args, workers=1, progress=lambda step: seen.append(step.done))
    assert seen[0] == total  # nothing was left to fit
    one, two = (pd.read_csv(p / "table.csv") for p in (scanned[0], tmp_path / "out"))
    same = one[(one["trans_kappa"] == 500) & (one["n_states"] == 3)]
    np.testing.assert_array_equal(same["log_probability"], two["log_probability"])
    assert scan_states.fit(*args, Share(0, 2)).fits == 0  # it is finished


@pytest.mark.slow
def test_processes_find_the_same(scanned, recordings, tmp_path):
    few = ScanConfig(**{**SCAN, "kappas": (500.0,), "states": (3,)})
    scan_states.run(few, [recordings / "syllables"], tmp_path / "out", workers=2)
    one, two = (pd.read_csv(p / "table.csv") for p in (scanned[0], tmp_path / "out"))
    same = one[(one["trans_kappa"] == 500) & (one["n_states"] == 3)]
    np.testing.assert_array_equal(same["log_probability"], two["log_probability"])


def test_a_fit_that_fails_is_listed_and_stops_no_other(recordings, tmp_path, monkeypatch):
    plain = scan_states.fit_one

    def fit(job):
        if job.settings["random_state"] == 1:
            raise ValueError("the sky fell")
        plain(job)

    monkeypatch.setattr(scan_states, "fit_one", fit)
    few = ScanConfig(**{**SCAN, "kappas": (500.0,), "states": (3,), "seeds": 3})
    told = scan_states.run(few, [recordings / "syllables"], tmp_path / "out", workers=1)
    assert told.fits == 2 and told.failed == 1
    assert any("the sky fell" in reason for reason in told.reasons)


@pytest.mark.skipif(sys.platform != "linux", reason="looks for the process in /proc")
def test_a_worker_ends_when_its_scan_is_killed(tmp_path):
    """Else it would wait for more work for ever, with the recordings in memory."""
    program = (
        "import multiprocessing, os, time\n"
        "from concurrent.futures import ProcessPoolExecutor\n"
        "from gambol.stages import scan_states\n"
        "if __name__ == '__main__':\n"
        "    context = multiprocessing.get_context('spawn')\n"
        "    kept = scan_states.end_with_parent\n"
        "    pool = ProcessPoolExecutor(1, mp_context=context, initializer=kept)\n"
        "    print(pool.submit(os.getpid).result(), flush=True)\n"
        "    time.sleep(600)\n"
    )
    script = tmp_path / "scan.py"
    script.write_text(program, encoding="utf-8")
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE) as scan:
        worker = int(scan.stdout.readline())
        scan.kill()
    end = time.monotonic() + 30
    while _alive(worker) and time.monotonic() < end:
        time.sleep(0.05)
    assert not _alive(worker)


def _alive(pid):
    """Whether a process runs; one that ended and that nobody asked for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    except FileNotFoundError:
        return False
    return state[0] != "Z"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"trans_kappa": 5.0}, "many values of trans_kappa; give kappas"),
        ({"random_state": 5}, "many values of random_state; give seed"),
        ({"init": "given"}, "init: given is for one fit"),
    ],
)
def test_settings_of_one_fit_are_refused(change, words):
    with pytest.raises(InputError, match=f"^scan.yaml: .*{words}"):
        ScanConfig.from_values({**SCAN, **change}, "scan.yaml")


def test_values_are_tried_as_they_are_given_and_once(recordings, tmp_path):
    few = ScanConfig(
        **{**SCAN, "kappas": (123.456, 123.456), "states": (2, 2), "seeds": 1, "iterations": 1}
    )
    told = scan_states.run(few, [recordings / "syllables"], tmp_path / "out", workers=1)
    assert told.fits == 1 and told.trans_kappa == 123.456


def test_one_state_is_a_scan_without_an_end_of_states(recordings, tmp_path):
    few = ScanConfig(
        **{**SCAN, "kappas": (500.0,), "states": (1,), "seeds": 2, "iterations": 1}
    )
    told = scan_states.run(few, [recordings / "syllables"], tmp_path / "out", workers=1)
    assert "no state was seen to end" in told.reasons[0]


def test_all_fits_failing_is_one_sentence(recordings, tmp_path, monkeypatch):
    def fit(job):
        raise ValueError("the sky fell")

    monkeypatch.setattr(scan_states, "fit_one", fit)
    with pytest.raises(
        InputError, match="every fit failed; the first said: ValueError: the sky"
    ):
        scan_states.run(
            ScanConfig(**SCAN), [recordings / "syllables"], tmp_path / "out", workers=1
        )

"""Real workers of Dask on this machine; SLURM is played by a script."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import dask
import pytest
from commands_seen import commands_in
from distributed import Client, LocalCluster

from gambol.app import pipeline_cluster, pipeline_file
from gambol.core.errors import InputError
from gambol.core.progress import Stopped

# what Dask leaves open when a scheduler or a worker is killed is not ours
pytestmark = pytest.mark.filterwarnings("ignore")

FILM = ("simulate", "--seconds", "3", "--labelled", "4")


@pytest.fixture
def pipeline(tmp_path):
    def make(**more):
        given = {"recordings": "{a: a.nc}", "steps": "{told: info a.nc}", **more}
        text = "\n".join(f"{key}: {value}" for key, value in given.items())
        (tmp_path / "mice.yaml").write_text(text)
        return pipeline_file.read(tmp_path / "mice.yaml")

    return make


def begun(folder):
    """Wait until a command writes into its folder."""
    end = time.monotonic() + 120
    while not folder.exists():
        assert time.monotonic() < end
        time.sleep(0.05)


def killed(cluster, folder):
    """Kill every worker as soon as one writes into a folder."""
    begun(folder)
    pids = cluster._client.run(os.getpid)
    for pid in pids.values():
        os.kill(pid, signal.SIGKILL)


def test_a_command_whose_worker_is_killed_is_done_by_another(pipeline, tmp_path):
    with pipeline_cluster.opened("local", 1, pipeline()) as cluster:
        assert cluster.at_once == 2
        plain = cluster.do([*FILM, "plain"], tmp_path / "plain.txt")
        assert plain.trouble is None
        log = tmp_path / "killed.txt"
        killer = threading.Thread(target=killed, args=(cluster, tmp_path / "killed"))
        killer.start()
        ended = cluster.do([*FILM, "killed"], log)
        killer.join()
        assert ended.trouble is None
        assert cluster.do(["info", "nothing.nc"], log).trouble.startswith("nothing.nc")
    for path in (tmp_path / "plain").glob("*.mp4"):
        assert path.read_bytes() == (tmp_path / "killed" / path.name).read_bytes()
    with pytest.raises(Stopped):
        cluster.do(["info", "a.nc"], log)


def test_one_that_loses_every_worker_is_a_failure(pipeline, tmp_path):
    with pipeline_cluster.opened("local", 1, pipeline(tries=1)) as cluster:
        log = tmp_path / "log.txt"
        threading.Thread(target=killed, args=(cluster, tmp_path / "film"), daemon=True).start()
        ended = cluster.do([*FILM, "film"], log)
        assert ended.trouble == "its worker was lost, too often to try again"
        cluster._asked = cluster._asked._replace(folder=tmp_path / "elsewhere")
        assert "does not see" in cluster.do(["info", "a.nc"], log).trouble
        cluster._asked = cluster._asked._replace(version="0.0")
        assert "install the same" in cluster.do(["info", "a.nc"], log).trouble


def test_what_is_closed_ends_at_once(pipeline, tmp_path):
    with pipeline_cluster.opened("local", 1, pipeline()) as cluster:
        log, seen = tmp_path / "log.txt", []

        def do():
            try:
                cluster.do([*FILM, "film"], log)
            except Stopped:
                seen.append("stopped")

        doing = threading.Thread(target=do)
        doing.start()
        begun(tmp_path / "film")
        cluster.close()
        doing.join(30)
        assert seen == ["stopped"]
        end = time.monotonic() + 60
        while commands_in(tmp_path):
            assert time.monotonic() < end
            time.sleep(0.1)


@pytest.fixture
def others(tmp_path):
    """A scheduler that somebody started, with a worker; its process and its address."""
    file = tmp_path / "scheduler.json"
    python, where = [sys.executable, "-m"], ["--scheduler-file", str(file)]
    main = ["distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    hand = ["distributed.cli.dask_worker", "--nthreads", "2", "--no-dashboard"]
    with subprocess.Popen([*python, *main, "--no-dashboard", *where]) as scheduler:
        with subprocess.Popen([*python, *hand, *where]) as worker:
            while not file.exists():
                time.sleep(0.05)
            address = json.loads(file.read_text())["address"]
            with Client(address, set_as_default=False) as client:
                client.wait_for_workers(1)
            yield scheduler, address
            worker.kill()
        scheduler.kill()


def test_when_its_scheduler_goes_a_pipeline_says_so_and_goes_on_later(
    others, pipeline, tmp_path, gambol
):
    scheduler, address = others
    known = pipeline(steps=f"{{film: {' '.join(FILM)} film}}")

    def kill():
        begun(tmp_path / "film")
        scheduler.kill()

    ending = threading.Thread(target=kill)
    ending.start()
    with dask.config.set({"distributed.comm.timeouts.connect": "2s"}):
        told = gambol("run", known.file, "--cluster", address)
    ending.join()
    assert told.status == 1 and "lost its scheduler" in told.err and "Traceback" not in told.err
    end = time.monotonic() + 60
    while commands_in(tmp_path):
        assert time.monotonic() < end
        time.sleep(0.1)
    told = gambol("run", known.file)
    assert told.status == 0 and "film  1 done" in told.out


def test_commands_for_a_gpu_take_turns_with_it(pipeline, tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    with (
        LocalCluster(
            n_workers=1, threads_per_worker=2, dashboard_address=None, resources={"GPU": 1}
        ) as workers,
        pipeline_cluster.opened(workers.scheduler_address, 1, pipeline()) as cluster,
    ):
        assert cluster.gpus == 1
        with ThreadPoolExecutor(2) as pool:
            films = [[*FILM, name] for name in "ab"]
            logs = [tmp_path / f"{name}.txt" for name in "ab"]
            ended = list(pool.map(cluster.do, films, logs, [1, 1]))
        assert [one.trouble for one in ended] == [None, None]
        refused = cluster.do(["info", "a.nc"], tmp_path / "log.txt", 2)
        assert refused.trouble == "it asks for 2 GPUs; the cluster has 1"
    begins, ends = [], []
    for name in "ab":
        times = [one.stat().st_mtime for one in (tmp_path / name).rglob("*")]
        begins.append(min(times))
        ends.append(max(times))
    assert max(begins) > min(ends)  # one after the other, though there is room for two


def test_a_cluster_without_gpus_says_how_to_get_some(pipeline, tmp_path):
    with pipeline_cluster.opened("local", 1, pipeline()) as cluster:
        told = cluster.do(["info", "a.nc"], tmp_path / "log.txt", 1)
    assert told.refused and "dask worker --resources GPU=1" in told.trouble


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script plays SLURM")
def test_jobs_of_slurm_are_workers(pipeline, tmp_path, monkeypatch):
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "sbatch").write_text(
        textwrap.dedent(f"""\
        #!/bin/bash
        cp "$1" {tmp_path}/job.sh
        nohup bash {tmp_path}/job.sh > {tmp_path}/job.txt 2>&1 &
        echo "Submitted batch job $!"
        """)
    )
    (programs / "scancel").write_text('#!/bin/bash\nkill "$1" || true\n')
    for one in programs.iterdir():
        one.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    (tmp_path / "a.txt").write_text("no poses")
    asked = "{cores: 2, memory: 3GB, walltime: '00:10:00', gpus: 2, options: [--gres=gpu:2]}"
    with pipeline_cluster.opened("slurm", 1, pipeline(cluster=asked)) as cluster:
        assert (cluster.at_once, cluster.gpus) == (3, 2)
        said = cluster.do(["info", "a.txt"], tmp_path / "log.txt").trouble
    assert said is not None and "a.txt" in said
    script = (tmp_path / "job.sh").read_text()
    for line in ("--cpus-per-task=2", "--mem=3G", "-t 00:10:00", "--gres=gpu:2"):
        assert f"#SBATCH {line}" in script
    assert "--resources GPU=2" in script


def test_a_file_says_which_cluster_and_what_jobs_ask_for(pipeline, tmp_path, monkeypatch):
    def asked(kind, cfg):
        raise InputError(f"{kind} jobs of {cfg.cores} cores and {cfg.memory}")

    monkeypatch.setattr(pipeline_cluster, "_jobs", asked)
    file = tmp_path / "cluster.yaml"
    for text, said in (
        ("{kind: pbs, cores: 7, memory: 9GB}", "pbs jobs of 7 cores and 9GB"),
        ("{cores: 7}", "kind"),
        ("{kind: local}", "slurm"),
    ):
        file.write_text(text)
        with (
            pytest.raises(InputError, match=said),
            pipeline_cluster.opened(str(file), 1, pipeline()),
        ):
            pass


def test_what_is_no_cluster_is_refused(pipeline):
    for kind, said in (("slrum", "write local, slurm"), ("tcp://127.0.0.1:9", "no Dask")):
        with (
            pytest.raises(InputError, match=said),
            pipeline_cluster.opened(kind, 1, pipeline()),
        ):
            pass

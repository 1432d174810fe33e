"""Commands of a pipeline on workers of Dask: local ones, jobs of a scheduler, or others'.

A worker that is lost takes its command with it; another worker runs it again, and it goes on
where it was. All workers have to see the pipeline's folder, and to have the same gambol.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import gambol
from gambol.app.gpus import Pool, here
from gambol.app.pipeline_jobs import Crew, Ended
from gambol.app.pipeline_words import with_threads
from gambol.app.terms import ClusterConfig, Terms
from gambol.core.cores import share_of_cores
from gambol.core.errors import InputError
from gambol.core.progress import Stopped
from gambol.io import store

JOBS = {"slurm": "SLURMCluster", "lsf": "LSFCluster", "pbs": "PBSCluster"}
LOCAL = "local"
GPU = "GPU"  # resource of workers, as Dask's own documents name it
_lent: dict[str, Pool] = {}  # the GPUs of the worker that this is
MAY_FORK = "export DASK_DISTRIBUTED__WORKER__DAEMON=False"  # workers that a job starts
YAML = (".yaml", ".yml")
ENDING = ("closing", "closed", "failed", "stopping", "stopped")  # of a worker
MOST = 1000  # commands that wait for a worker at a time
QUIET = {
    "logging": {"distributed": "critical", "asyncio": "critical", "bokeh": "critical"},
}


class ClusterFile(ClusterConfig):
    """A file that `--cluster` names."""

    kind: Literal["slurm", "lsf", "pbs"]


class Asked(NamedTuple):
    """What is the same for all commands, as it travels to workers."""

    folder: Path
    tries: int
    patience_s: float
    threads: int | None  # of each command; None: the worker's cores by its slots
    version: str  # of gambol
    verbs: Sequence[str]


class Cluster:
    """Runs commands for as many threads as ask."""

    def __init__(self, client: Any, asked: Asked, at_once: int, gpus: int) -> None:
        self.at_once = at_once  # commands that workers have room for
        self.gpus = gpus  # of all workers
        self._client, self._asked = client, asked
        self._closing, self._asking = threading.Event(), threading.Lock()
        self._futures: set[Any] = set()  # of commands that were asked for

    def do(self, words: Sequence[str], log: Path, gpus: int = 0) -> Ended:
        """Have a worker run a command; another one, if that is lost.

        Args:
            words: after `gambol`.
            log: gets what the command says.
            gpus: that it needs for itself; only workers of the resource GPU get it then.

        Raises:
            Stopped: the cluster was closed or is gone; run again, the command goes on.
        """
        from distributed import CancelledError, KilledWorker

        if gpus > self.gpus:
            return Ended(None, f"it asks for {gpus} GPUs; {self._lack()}", 0.0, refused=True)
        tags = {GPU: gpus} if gpus else None
        with self._asking:
            if self._closing.is_set():
                raise Stopped
            future = self._client.submit(
                _do, self._asked, tuple(words), log, gpus, resources=tags, pure=False
            )
            self._futures.add(future)
        try:
            return Ended(*future.result())
        except KilledWorker:
            return Ended(None, "its worker was lost, too often to try again", 0.0)
        except CancelledError:
            if self._closing.is_set():
                raise Stopped from None
            self._closing.set()
            raise Stopped(
                "the cluster lost its scheduler; the same command goes on with another"
            ) from None
        finally:
            self._futures.discard(future)

    def _lack(self) -> str:
        if not self.gpus:
            return (
                "the cluster has none; say `gpus` in the settings of the cluster, or start "
                "workers by dask worker --resources GPU=1"
            )
        return f"the cluster has {self.gpus}"

    def close(self) -> None:
        """Have every command end, and start none any more."""
        with self._asking:
            self._closing.set()
        if self._futures:
            self._client.cancel(list(self._futures))


@contextmanager
def opened(kind: str, workers: int, terms: Terms) -> Iterator[Cluster]:
    """Open a cluster, and close it in the end.

    Args:
        kind: local, slurm, lsf, pbs, a file that says which, or the address of a scheduler.
        workers: own ones, or jobs to submit.
        terms: on which commands are done.

    Raises:
        InputError: there is no such cluster, or what it needs is not installed.
    """
    try:
        import dask
        from distributed import Client
    except ImportError as error:
        raise InputError(
            "--cluster needs Dask; install it: pip install 'gambol[cluster]'"
        ) from error
    cfg = terms.cluster
    if Path(kind).suffix in YAML:
        cfg = ClusterFile.from_yaml(store.require_file(Path(kind)))
        kind = cfg.kind
    own = {
        "distributed.scheduler.allowed-failures": terms.tries - 1,
        "distributed.worker.daemon": False,  # a daemon may not fork
    }
    threads = share_of_cores(workers) if kind == LOCAL else None
    asked = Asked(
        terms.folder, terms.tries, terms.patience_s, threads, gambol.__version__, terms.verbs
    )
    with (
        dask.config.set({**own, **QUIET}),
        _scheduler(kind, workers, cfg) as place,
        Client(place, set_as_default=False) as client,
    ):
        room, gpus = _room(kind, workers, cfg, client), _gpus(kind, workers, cfg, client)
        cluster = Cluster(client, asked, room, gpus)
        try:
            yield cluster
        finally:
            cluster.close()


@contextmanager
def _scheduler(kind: str, workers: int, cfg: ClusterConfig) -> Iterator[Any]:
    """Give what a client connects to."""
    if kind == LOCAL:
        from distributed import LocalCluster

        with LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address=None, memory_limit=0
        ) as cluster:
            yield cluster
    elif kind in JOBS:
        with _jobs(kind, cfg) as cluster:
            cluster.scale(jobs=workers)
            yield cluster
    else:
        _check_address(kind)
        yield kind


def _jobs(kind: str, cfg: ClusterConfig) -> Any:
    try:
        import dask_jobqueue
    except ImportError as error:
        raise InputError(
            f"--cluster {kind} needs dask-jobqueue; install it: pip install 'gambol[cluster]'"
        ) from error
    return getattr(dask_jobqueue, JOBS[kind])(
        cores=cfg.cores, processes=1, memory=cfg.memory, walltime=cfg.walltime,
        job_extra_directives=cfg.options, job_script_prologue=[*cfg.before, MAY_FORK],
        worker_extra_args=["--resources", f"{GPU}={cfg.gpus}"] if cfg.gpus else [],
        scheduler_options={"dashboard_address": None},
    )  # fmt: skip


def _check_address(address: str) -> None:
    """Refuse what is no address, and a scheduler that does not answer."""
    from distributed import Client

    if ":" not in address:
        raise InputError(
            f"--cluster {address}: write local, slurm, lsf, pbs, or the address of a Dask "
            "scheduler such as tcp://10.0.0.5:8786"
        )
    try:
        Client(address, timeout=10, set_as_default=False).close()
    except (OSError, ValueError) as error:
        raise InputError(
            f"--cluster {address}: no Dask scheduler answers there; start one: dask scheduler"
        ) from error


def _room(kind: str, workers: int, cfg: ClusterConfig, client: Any) -> int:
    """Return how many commands fit into the cluster; half as many wait for a place."""
    if kind in JOBS:
        slots = workers * cfg.cores
    else:
        slots = sum(client.nthreads().values())
        if not slots:
            raise InputError(f"--cluster {kind} has no workers; start some: dask worker {kind}")
    return min(slots + (slots + 1) // 2, MOST)


def _gpus(kind: str, workers: int, cfg: ClusterConfig, client: Any) -> int:
    """Return how many GPUs workers offer."""
    if kind in JOBS:
        return workers * cfg.gpus
    told = client.scheduler_info(n_workers=-1)["workers"].values()
    return int(sum(worker.get("resources", {}).get(GPU, 0) for worker in told))


def _do(asked: Asked, words: tuple[str, ...], log: Path, gpus: int) -> tuple[Any, ...]:
    """Run a command in the worker that this is."""
    from distributed import get_worker

    worker = get_worker()
    if gambol.__version__ != asked.version:
        trouble = (
            f"worker {worker.address} has gambol {gambol.__version__} and not {asked.version}; "
            "install the same"
        )
        return None, trouble, 0.0
    if not asked.folder.is_dir():
        trouble = (
            f"worker {worker.address} does not see {asked.folder}; use a folder that all "
            "machines share"
        )
        return None, trouble, 0.0
    threads = asked.threads or share_of_cores(worker.state.nthreads)
    task = worker.get_current_task()

    def is_forgotten() -> bool:
        if worker.status.name in ENDING:  # as when its scheduler is gone
            return True
        held = worker.state.tasks.get(task)
        return held is None or held.state == "cancelled"

    if gpus and GPU not in _lent:
        _lent.setdefault(GPU, Pool(here()))
    crew = Crew(
        asked.folder, threads, asked.tries, asked.patience_s, is_forgotten, _lent.get(GPU),
        asked.verbs,
    )  # fmt: skip
    return tuple(crew.do(with_threads(words, threads), log, gpus))

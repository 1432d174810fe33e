"""Who does commands: processes of this machine, or workers of a cluster."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from gambol.core.cores import share_of_cores

if TYPE_CHECKING:
    from gambol.app.pipeline_jobs import Ended
    from gambol.app.terms import Terms

OnCluster = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        help="local, slurm, lsf, pbs, a file that says which and what jobs ask for (.yaml), "
        "or the address of a Dask scheduler.",
    ),
]


class Hands(NamedTuple):
    """Who does commands."""

    do: "Callable[[tuple[str, ...], Path, int], Ended]"  # a command; its log, and GPUs
    close: Callable[[], None]  # commands that run are to end
    at_once: int
    gpus: int = 0  # of all machines of a cluster


@contextmanager
def opened(terms: "Terms", cluster: str | None, workers: int) -> Iterator[Hands]:
    """Give who does commands, and let go of them in the end.

    Args:
        terms: on which commands are done.
        cluster: what `--cluster` says; None for this machine.
        workers: commands at a time, or jobs of a cluster.
    """
    from gambol.app import pipeline_cluster, pipeline_jobs, pipeline_words

    if cluster is not None:
        with pipeline_cluster.opened(cluster, workers, terms) as opened:
            yield Hands(opened.do, opened.close, opened.at_once, opened.gpus)
        return
    threads = share_of_cores(workers)
    crew = pipeline_jobs.Crew(
        terms.folder, threads, terms.tries, terms.patience_s, verbs=terms.verbs
    )

    def do(words: tuple[str, ...], log: Path, gpus: int = 0) -> "Ended":
        return crew.do(pipeline_words.with_threads(words, threads), log, gpus)

    try:
        yield Hands(do, crew.close, workers)
    finally:
        crew.close()

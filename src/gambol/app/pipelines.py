"""The verb of pipelines: commands that follow one another, over many recordings."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from gambol.app import console
from gambol.app.options import Json
from gambol.core.cores import share_of_cores
from gambol.core.errors import InputError, did_you_mean
from gambol.core.progress import Step, Stopped

if TYPE_CHECKING:
    from gambol.app.pipeline_file import Pipeline
    from gambol.app.pipeline_jobs import Ended
    from gambol.app.pipeline_record import Key
    from gambol.app.pipeline_run import Found, Wanted

verbs = typer.Typer()
LISTED = 40  # names in a sentence


class Hands(NamedTuple):
    """Who does commands."""

    do: "Callable[[tuple[str, ...], Path], Ended]"  # a command, with a log
    close: "Callable[[], None]"  # commands that run are to end
    at_once: int


@verbs.command()
def run(
    pipeline: Annotated[Path, typer.Argument(help="YAML file of recordings and steps.")],
    workers: Annotated[
        int,
        typer.Option(min=1, help="Recordings at a time, which share the cores; or jobs."),
    ] = 1,
    cluster: Annotated[
        str | None,
        typer.Option(help="local, slurm, lsf, pbs, or the address of a Dask scheduler."),
    ] = None,
    only: Annotated[
        str | None, typer.Option(help="Steps to do, separated by commas; else all.")
    ] = None,
    recordings: Annotated[
        str | None, typer.Option(help="Recordings to do, separated by commas; else all.")
    ] = None,
    share: Annotated[
        str | None, typer.Option(help="K/N: the recordings that task K of N does, from 0.")
    ] = None,
    status: Annotated[
        bool, typer.Option("--status", help="Do nothing, say what is due.")
    ] = False,
    submit: Annotated[
        int,
        typer.Option(min=0, help="Write SLURM scripts of arrays of so many tasks, instead."),
    ] = 0,
    as_json: Json = False,
) -> None:
    """Do a chain of commands for many recordings; only what is missing or out of date.

    Example: gambol run mice.yaml --workers 2
    """
    from gambol.app import pipeline_file, pipeline_show, pipeline_slurm, pipeline_words

    known = pipeline_file.read(pipeline)
    pipeline_words.check(known)
    place = known.folder / f".{pipeline.stem}.run"
    if submit and cluster is not None:
        raise InputError("--submit writes scripts, --cluster submits jobs by itself; give one")
    if submit:
        scripts = pipeline_slurm.write(known, place / "slurm", submit)
        values = {"submit": str(scripts[0]), "scripts": [str(path) for path in scripts[1:]]}
        console.result(values, as_json, lambda _: f"submit them: {scripts[0]}")
        return
    wanted = _wanted(known, only, recordings, share, status)
    try:
        with _hands(known, None if status else cluster, workers) as hands:
            found = _go(known, wanted, place, hands, quiet=as_json or status)
    except Stopped as stopped:
        console.say(f"gambol: {stopped}")
        raise typer.Exit(1) from stopped
    values = pipeline_show.values(known, found, place)
    console.result(values, as_json, lambda told: pipeline_show.text(known, found, told, status))
    if not status and any(one.state in ("failed", "waits") for one in found):
        sys.exit(1)


def _go(
    known: "Pipeline", wanted: "Wanted", place: Path, hands: "Hands", quiet: bool
) -> "Sequence[Found]":
    """Go through a pipeline, and say how far it is."""
    from gambol.app import pipeline_record, pipeline_run

    record = pipeline_record.Record(place)
    total, count = _jobs(known, wanted), 0

    def work(words: tuple[str, ...], key: "Key") -> "Ended":
        return hands.do(words, pipeline_record.log(place, key))

    with console.reporting(quiet) as progress:

        def tell(found: "Found") -> None:
            nonlocal count
            count += 1
            progress(Step("run", count, total, f"{found.key.step} {found.key.recording}"))
            if found.state == "failed" and not quiet:
                console.say(f"{found.key.step} of {found.key.recording}: {found.why}")

        try:
            return pipeline_run.go(
                known, record, wanted, work, hands.at_once, tell, hands.close
            )
        finally:
            hands.close()


@contextmanager
def _hands(known: "Pipeline", cluster: str | None, workers: int) -> "Iterator[Hands]":
    """Give who does commands: this machine, or a cluster."""
    from gambol.app import pipeline_cluster, pipeline_jobs, pipeline_words

    if cluster is not None:
        with pipeline_cluster.opened(cluster, workers, known) as opened:
            yield Hands(opened.do, opened.close, opened.at_once)
        return
    threads = share_of_cores(workers)
    crew = pipeline_jobs.Crew(known.folder, threads, known.tries, known.patience_s)

    def do(words: tuple[str, ...], log: Path) -> "Ended":
        return crew.do(pipeline_words.with_threads(words, threads), log)

    yield Hands(do, crew.close, workers)


def _wanted(
    known: "Pipeline", only: str | None, recordings: str | None, share: str | None, look: bool
) -> "Wanted":
    from gambol.app.pipeline_run import Wanted

    steps = _named("step", only, [step.name for step in known.steps])
    names = _named("recording", recordings, [one.name for one in known.recordings])
    if share is not None:
        names = names[_share(share)]
    return Wanted(frozenset(steps), frozenset(names), look)


def _named(kind: str, said: str | None, known: list[str]) -> list[str]:
    """Return the names that an option says; all without it."""
    if said is None:
        return known
    chosen = [name.strip() for name in said.split(",")]
    for name in chosen:
        if name not in known:
            hint = did_you_mean(name, known) or f"; there are {', '.join(known[:LISTED])}"
            raise InputError(f"there is no {kind} {name!r}{hint}")
    return [name for name in known if name in chosen]


def _share(said: str) -> slice:
    part, _, whole = said.partition("/")
    if not (part.isdecimal() and whole.isdecimal() and int(part) < int(whole)):
        raise InputError(f"--share {said}: write K/N with K below N, such as 0/4")
    return slice(int(part), None, int(whole))


def _jobs(known: "Pipeline", wanted: "Wanted") -> int:
    some = len(wanted.recordings)
    return sum(1 if step.once else some for step in known.steps if step.name in wanted.steps)

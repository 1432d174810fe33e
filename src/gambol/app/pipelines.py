"""The verb of pipelines: commands that follow one another, over many recordings."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gambol.app import console, hands
from gambol.app.hands import Hands, OnCluster
from gambol.app.options import Json
from gambol.core.errors import InputError, did_you_mean
from gambol.core.progress import Step, Stopped
from gambol.core.shares import Share

if TYPE_CHECKING:
    from gambol.app.pipeline_file import Pipeline
    from gambol.app.pipeline_jobs import Ended
    from gambol.app.pipeline_record import Key
    from gambol.app.pipeline_run import Found, Wanted

verbs = typer.Typer()
LISTED = 40  # names in a sentence


@verbs.command()
def run(
    pipeline: Annotated[Path, typer.Argument(help="YAML file of recordings and steps.")],
    workers: Annotated[
        int,
        typer.Option(min=1, help="Recordings at a time, which share the cores; or jobs."),
    ] = 1,
    cluster: OnCluster = None,
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
        with hands.opened(known, None if status else cluster, workers) as crew:
            found = _go(known, wanted, place, crew, quiet=as_json or status)
    except Stopped as stopped:
        console.say(f"gambol: {stopped}")
        raise typer.Exit(1) from stopped
    values = pipeline_show.values(known, found, place)
    console.result(values, as_json, lambda told: pipeline_show.text(known, found, told, status))
    if not status and any(one.state in ("failed", "waits") for one in found):
        sys.exit(1)


def _go(
    known: "Pipeline", wanted: "Wanted", place: Path, crew: Hands, quiet: bool
) -> "Sequence[Found]":
    """Go through a pipeline, and say how far it is."""
    from gambol.app import pipeline_record, pipeline_run

    record = pipeline_record.Record(place)
    total, count = _jobs(known, wanted), 0
    gpus = {step.name: step.gpus for step in known.steps}

    def work(words: tuple[str, ...], key: "Key") -> "Ended":
        return crew.do(words, pipeline_record.log(place, key), gpus[key.step])

    with console.reporting(quiet) as progress:

        def tell(found: "Found") -> None:
            nonlocal count
            count += 1
            progress(Step("run", count, total, f"{found.key.step} {found.key.recording}"))
            if found.state == "failed" and not quiet:
                console.say(f"{found.key.step} of {found.key.recording}: {found.why}")

        try:
            return pipeline_run.go(known, record, wanted, work, crew.at_once, tell, crew.close)
        finally:
            crew.close()


def _wanted(
    known: "Pipeline", only: str | None, recordings: str | None, share: str | None, look: bool
) -> "Wanted":
    from gambol.app.pipeline_run import Wanted

    steps = _named("step", only, [step.name for step in known.steps])
    names = _named("recording", recordings, [one.name for one in known.recordings])
    if share is not None:
        names = list(Share.read(share).every(names))
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


def _jobs(known: "Pipeline", wanted: "Wanted") -> int:
    some = len(wanted.recordings)
    return sum(1 if step.once else some for step in known.steps if step.name in wanted.steps)

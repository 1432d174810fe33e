"""The verb of the command line that compares networks on one's own labels."""

from pathlib import Path
from typing import Annotated

import typer

from gambol.app import console, options
from gambol.app.options import Device, Json, Minutes, Settings, Trainings, Yaml
from gambol.core.errors import InputError

verbs = typer.Typer()


@verbs.command("bench-models")
def bench_models(
    labels: Annotated[Path, typer.Argument(help="Project, labels, or foreign project.")],
    out: Annotated[Path, typer.Option(help="Folder for runs, table and page.")],
    networks: Annotated[
        str | None,
        typer.Option(help="Such as usual,resnet(layers=18,start=imagenet); else six."),
    ] = None,
    counts: Annotated[
        str | None,
        typer.Option("--labels", help="Numbers of frames to learn from: 10,20,40,80."),
    ] = None,
    minutes: Minutes = None,
    steps: Annotated[int | None, typer.Option(help="Steps of every training, instead.")] = None,
    folds: Annotated[int | None, typer.Option(help="Blocks of time; 5 by default.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of splits and trainings.")] = None,
    workers: Trainings = 0,
    device: Device = "auto",
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006 - typer copies it
    as_json: Json = False,
) -> None:
    """Train several networks on the same splits and budget, and compare them on one page.

    Example: gambol bench-models mice --networks usual,efficientnet --minutes 5 --out networks
    """
    from gambol.stages import bench_models as stage
    from gambol.stages.bench_networks import listed

    if minutes is not None and steps is not None:
        raise InputError("--minutes and --steps are two budgets; give one of them")
    given = {
        "networks": None if networks is None else list(listed(networks)),
        "labels": None if counts is None else options.numbers("labels", counts),
        "minutes": minutes,
        "steps": steps,
        "folds": folds,
        "seed": seed,
    }
    cfg = options.settings(stage.BenchConfig, config, settings)
    said = {name: value for name, value in given.items() if value is not None}
    values = {**cfg.model_dump(mode="json"), **said}
    if minutes is not None:
        values["steps"] = None  # over what a file says
    cfg = stage.BenchConfig.from_values(values, "gambol bench-models")
    with console.reporting(as_json) as progress:
        made = stage.run(
            cfg, labels, out, device=device, workers=workers, progress=progress,
            say=(lambda text: None) if as_json else console.say,
        )  # fmt: skip
    console.result(made._asdict(), as_json, stage.describe)

"""The verb of the command line that plans an experiment on simulated animals."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gambol.app import console, options
from gambol.app.options import Device, Json, Minutes, Settings, Trainings, Yaml

verbs = typer.Typer()


@verbs.command()
def plan(
    out: Annotated[Path, typer.Argument(help="Folder for films, runs, table and page.")],
    animal: Annotated[str | None, typer.Option(help="mouse (the default) or fly.")] = None,
    animals: Annotated[int | None, typer.Option(help="How many at a time.")] = None,
    labels: Annotated[
        str | None, typer.Option(help="Numbers of labelled frames: 20,40,80,160.")
    ] = None,
    widths: Annotated[
        str | None, typer.Option(help="Widths of the pictures, px: 320,640.")
    ] = None,
    cameras: Annotated[
        str | None, typer.Option(help="Numbers of cameras: 2,3,4; 1 is nothing in space.")
    ] = None,
    networks: Annotated[
        str | None,
        typer.Option(help="Such as usual,resnet(layers=18); the first is for the rest."),
    ] = None,
    minutes: Minutes = None,
    goal: Annotated[float | None, typer.Option(help="mm that are near enough.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything random.")] = None,
    workers: Trainings = 0,
    device: Device = "auto",
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006 - typer copies it
    as_json: Json = False,
) -> None:
    """Find out on simulated animals how many labels, pixels and cameras are worth their price.

    Example: gambol plan plan --animals 2 --cameras 2,3,4 --goal 3
    """
    from gambol.stages import plan as stage
    from gambol.stages.bench_networks import listed

    numbers = {"labels": labels, "widths": widths, "cameras": cameras}
    given: dict[str, Any] = {
        **{name: options.numbers(name, text) for name, text in numbers.items() if text},
        "networks": None if networks is None else list(listed(networks)),
        "minutes": minutes,
        "goal": goal,
    }
    world = {"animal": animal, "animals": animals, "seed": seed}
    cfg = options.settings(stage.PlanConfig, config, settings)
    values = cfg.model_dump(mode="json")
    values |= {name: value for name, value in given.items() if value is not None}
    values["world"] |= {name: value for name, value in world.items() if value is not None}
    cfg = stage.PlanConfig.from_values(values, "gambol plan")
    with console.reporting(as_json) as progress:
        made = stage.run(
            cfg, out, device=device, workers=workers, progress=progress,
            say=(lambda text: None) if as_json else console.say,
        )  # fmt: skip
    console.result(made._asdict(), as_json, stage.describe)

"""The verb of the command line that simulates: a film with its truth, or several views."""

import os
from pathlib import Path
from typing import Annotated

import typer

from gambol.app import console
from gambol.app.options import Json, Settings

verbs = typer.Typer()


@verbs.command()
def simulate(
    out: Annotated[Path, typer.Argument(help="Folder for film, truth and labels.")],
    animal: Annotated[str, typer.Option(help="mouse or fly.")] = "mouse",
    animals: Annotated[int, typer.Option(min=1, help="Number of animals.")] = 1,
    cameras: Annotated[
        int | None,
        typer.Option(help="1 to 12: films, boards and 2D poses of a rig around the arena."),
    ] = None,
    identical: Annotated[bool, typer.Option(help="Animals that look alike.")] = False,
    ground: Annotated[str, typer.Option(help="Of flies: bright or dark.")] = "bright",
    seconds: Annotated[float, typer.Option(help="Length of the film.")] = 10.0,
    seed: Annotated[int, typer.Option(help="Same seed, same film.")] = 0,
    labelled: Annotated[
        int | None,
        typer.Option(min=1, help="Frames to label.  \\[default: 40, or 20 a camera]"),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=0, help="Films of cameras drawn at a time; 0: one a core.")
    ] = 0,
    settings: Settings = [],  # noqa: B006 - typer copies it
    as_json: Json = False,
) -> None:
    """Film simulated animals whose truth is known, or see them from several cameras.

    Example: gambol simulate sim --seconds 20 --seed 3
    """
    if cameras is not None:
        from gambol.stages import simulate_views as of_rig

        values = {
            "animal": animal, "animals": animals, "cameras": cameras, "seconds": seconds,
            "seed": seed, "identical": identical, "picture": {"ground": ground},
            "labelled": labelled or 20,
        }  # fmt: skip
        rig_cfg = of_rig.ViewsConfig.from_values(values, "gambol simulate").override(settings)
        with console.reporting(as_json) as progress:
            seen = of_rig.run(
                rig_cfg, out, progress=progress, workers=workers or os.cpu_count() or 1
            )
        console.result(seen._asdict(), as_json, console.lines)
        return
    from gambol.stages import simulate as stage

    world = {
        "animal": animal,
        "animals": animals,
        "identical": identical,
        "ground": ground,
        "seconds": seconds,
        "seed": seed,
    }
    cfg = stage.FilmConfig.from_values(
        {"world": world, "labelled": labelled or 40}, "gambol simulate"
    ).override(settings)
    with console.reporting(as_json) as progress:
        made = stage.run(cfg, out, progress=progress)
    console.result(made._asdict(), as_json, console.lines)

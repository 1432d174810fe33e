"""The verb of the command line that brings poses into the frame of their animal."""

from pathlib import Path
from typing import Annotated

import typer

from gambol.app import console, options
from gambol.app.options import Json, Settings, Yaml

verbs = typer.Typer()


@verbs.command()
def align(
    poses: Annotated[list[Path], typer.Argument(help="Pose files, cleaned or raw.")],
    out: Annotated[Path, typer.Option(help="Folder for the aligned poses.")],
    anterior: Annotated[
        str | None, typer.Option(help="Keypoints at the front, separated by commas.")
    ] = None,
    posterior: Annotated[
        str | None, typer.Option(help="Keypoints at the back, separated by commas.")
    ] = None,
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006 - typer copies it
    as_json: Json = False,
) -> None:
    """Bring poses into the frame of their animal, and list where head and tail were swapped.

    Example: gambol align cleaned/*.nc --anterior nose --posterior tail_base --out aligned
    """
    from gambol.behavior.align import AlignSettings
    from gambol.stages import egocentric as stage

    ends = {"anterior": anterior, "posterior": posterior}
    said = {name: text.split(",") for name, text in ends.items() if text is not None}
    cfg = options.required(AlignSettings, config, said, settings)
    with console.reporting(as_json) as progress:
        made = stage.run(cfg, list(poses), out, progress=progress)
    console.result(made._asdict(), as_json, stage.describe)

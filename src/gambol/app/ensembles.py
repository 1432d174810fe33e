"""The verbs of the command line that weigh networks against each other: ensemble and accept."""

from pathlib import Path
from typing import Annotated

import typer

from gambol.app import console, options
from gambol.app.options import Json, Settings, Yaml

verbs = typer.Typer()


@verbs.command()
def ensemble(
    poses: Annotated[
        list[Path],
        typer.Argument(help="Folders of poses, one a network; or files of one recording."),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the pose files.")],
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006 - typer copies it
    as_json: Json = False,
) -> None:
    """Make one prediction of those of several networks, smoothed by how they disagree.

    Example: gambol ensemble poses/first poses/second poses/third --out poses/together
    """
    from gambol.stages import ensemble as stage

    cfg = options.settings(stage.EnsembleConfig, config, settings)
    with console.reporting(as_json) as progress:
        made = stage.run(cfg, list(poses), out, progress=progress)
    console.result({"recordings": [m._asdict() for m in made]}, as_json, stage.describe)


@verbs.command()
def accept(
    candidate: Annotated[Path, typer.Argument(help="A run, or poses, with the change.")],
    base: Annotated[Path, typer.Argument(help="The same without it.")],
    labels: Annotated[Path, typer.Argument(help="Labels of recordings that neither saw.")],
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Say whether a change helps on recordings that nothing was learnt from.

    Example: gambol accept mice/runs/temporal mice/runs/plain other-session
    """
    from gambol.stages import accept as stage

    cfg = options.settings(stage.AcceptConfig, config, settings)
    console.result(stage.run(cfg, candidate, base, labels), as_json, stage.describe)

"""The verb of the command line that reports about behaviour."""

from pathlib import Path
from typing import Annotated

import typer

from gambol.app import console, options
from gambol.app.options import Json, Settings, Yaml

verbs = typer.Typer()


@verbs.command("behavior-report")
def behavior_report(
    sources: Annotated[
        list[Path],
        typer.Argument(help="Runs of syllables, states, a map or a classifier; ethograms."),
    ],
    out: Annotated[Path, typer.Option(help="The page to write, .html.")],
    animals: Annotated[
        Path | None, typer.Option(help="CSV: recording, animal, and the groups.")
    ] = None,
    factor: Annotated[str | None, typer.Option(help="Column that tells groups apart.")] = None,
    poses: Annotated[
        list[Path], typer.Option(help="Poses, if the runs do not name them.")
    ] = [],  # noqa: B006 - typer copies it
    movies: Annotated[list[Path], typer.Option(help="Folders of movies to link.")] = [],  # noqa: B006
    gif: Annotated[
        bool, typer.Option("--gif", help="Also write moving trajectories as GIF.")
    ] = False,
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Put all that is known of behaviour on one page: looks, tables, order, groups.

    Example: gambol behavior-report run --animals animals.csv --factor group --out report.html
    """
    from gambol.stages import behavior_report as stage

    said = [f"factor={factor}"] if factor is not None else []
    said += ["gif=true"] if gif else []
    cfg = options.settings(stage.BehaviorReportConfig, config, said + settings)
    with console.reporting(as_json) as progress:
        made = stage.run(
            cfg, sources, out, animals=animals, poses=poses, movies=movies, progress=progress
        )
    console.result(made._asdict(), as_json, stage.describe)

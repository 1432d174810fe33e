"""The verb of the command line that is about parts of a video that nobody looks at."""

from pathlib import Path
from typing import Annotated

import typer

from gambol.app import console

verbs = typer.Typer()


@verbs.command()
def regions(
    folder: Annotated[Path, typer.Argument(help="Project.")],
    polygon: Annotated[
        str | None, typer.Option(help='Add one: its corners "x,y x,y x,y", video pixels.')
    ] = None,
    video: Annotated[
        str | None,
        typer.Option(help="Name or number of its video; may be left out if there is one."),
    ] = None,
    frame: Annotated[
        int | None, typer.Option(min=0, help="Its only frame; all frames if left out.")
    ] = None,
    remove: Annotated[int | None, typer.Option(help="Remove the one of this number.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """List, add or remove regions without loss and score: mirrors, neighbouring cages.

    Example: gambol regions mice --video top.mp4 --polygon "0,0 120,0 120,480 0,480"
    """
    from gambol.stages import regions as stage

    values = {"polygon": polygon, "video": video, "frame": frame, "remove": remove}
    cfg = stage.RegionsConfig.from_values(values, "gambol regions")
    found = stage.run(cfg, folder)
    console.result({"regions": [one._asdict() for one in found]}, as_json, stage.describe)

"""The verb of the command line that films syllables, map regions and behaviours."""

from pathlib import Path
from typing import Annotated

import typer

from gambol.app import console, options
from gambol.app.options import Json, Settings, Yaml

verbs = typer.Typer()


@verbs.command("syllable-movies")
def syllable_movies(
    sources: Annotated[
        list[Path],
        typer.Argument(help="A run of syllables or of a map, files of labels, or an ethogram."),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the movies.")],
    videos: Annotated[
        Path | None, typer.Option(help="Folder of the videos, if not beside the files.")
    ] = None,
    poses: Annotated[
        list[Path], typer.Option(help="Pose files, or a folder of them; may come again.")
    ] = [],  # noqa: B006 - typer copies it
    label_map: Annotated[
        Path | None, typer.Option(help="Names and merges, if not those of the run.")
    ] = None,
    fps: Annotated[float | None, typer.Option(help="Where files do not say it.")] = None,
    label: Annotated[
        str | None, typer.Option(help="Column of the labels: syllable, region, state.")
    ] = None,
    choice: Annotated[
        str | None, typer.Option(help="Which bouts: lot, longest or typical.")
    ] = None,
    anterior: Annotated[
        str | None, typer.Option(help="Keypoints at the front, separated by commas.")
    ] = None,
    posterior: Annotated[
        str | None, typer.Option(help="Keypoints at the back, separated by commas.")
    ] = None,
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Show many instances of every syllable, region or behaviour, from their onset.

    Example: gambol syllable-movies run --poses poses/ --videos videos/ --out movies
    """
    from gambol.stages import syllable_movies as stage
    from gambol.stages.movie_settings import SyllableMovieConfig

    given = {"fps": fps, "label": label, "choice": choice}
    said = [f"{name}={value}" for name, value in given.items() if value is not None]
    for name, words in (("anterior", anterior), ("posterior", posterior)):
        said += [f"{name}=[{words}]"] if words is not None else []
    cfg = options.settings(SyllableMovieConfig, config, said + settings)
    with console.reporting(as_json) as progress:
        made = stage.run(
            cfg, list(sources), out, videos=videos, poses=list(poses), decisions=label_map,
            progress=progress,
        )  # fmt: skip
    console.result(made._asdict(), as_json, stage.describe)

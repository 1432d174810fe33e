"""The verb of the command line about what a person makes of labels."""

from pathlib import Path
from typing import Annotated

import typer

from gambol.app import console, options
from gambol.app.options import Json, Settings, Yaml

verbs = typer.Typer()


@verbs.command("label-map")
def label_map(
    run: Annotated[Path, typer.Argument(help="A run of syllables, states or a map.")],
    action: Annotated[
        str,
        typer.Argument(
            help="show, rename, merge, split, exclude, include, colour, note, undo, redo, "
            "suggest, follow, approve or export."
        ),
    ] = "show",
    words: Annotated[
        list[str] | None,
        typer.Argument(
            help="Labels by name or number, then a name, #rrggbb or a text; split: LABEL "
            "RECORDING FIRST:STOP [NAME]; undo, redo: how many; follow: the older run; "
            "approve: the file of proposals."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="File for proposals (CSV) or bouts (any ethogram).")
    ] = None,
    poses: Annotated[
        list[Path], typer.Option(help="Poses for suggest, if the run does not name them.")
    ] = [],  # noqa: B006 - typer copies it
    cut: Annotated[
        float | None, typer.Option(help="Height of the tree below which to suggest.")
    ] = None,
    author: Annotated[str | None, typer.Option(help="Who decides.")] = None,
    label: Annotated[
        str | None, typer.Option(help="syllable, state or region, if not syllable.")
    ] = None,
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Name, merge, split or exclude labels; nothing is lost, and all can be undone.

    Example: gambol label-map run rename 7 rear
    """
    from gambol.stages import label_map as stage

    given = {"cut": cut, "author": author, "label": label}
    said = [f"{name}={value}" for name, value in given.items() if value is not None]
    cfg = options.settings(stage.LabelMapConfig, config, said + settings)
    made = stage.run(cfg, run, action, words or (), out=out, poses=poses)
    console.result(made._asdict(), as_json, stage.describe)

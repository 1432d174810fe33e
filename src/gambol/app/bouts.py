"""The verbs of the command line from poses to features, and about bouts and groups."""

from pathlib import Path
from typing import Annotated

import typer

from gambol.app import console, options
from gambol.app.options import Json, Settings, Yaml

verbs = typer.Typer()


@verbs.command()
def clean(
    poses: Annotated[list[Path], typer.Argument(help="Pose files.")],
    out: Annotated[Path, typer.Option(help="Folder for the cleaned poses.")],
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006 - typer copies it
    as_json: Json = False,
) -> None:
    """Take out of poses what cannot be true, and say what was changed.

    Example: gambol clean poses/*.nc --out cleaned
    """
    from gambol.behavior.clean import CleanSettings
    from gambol.stages import clean as stage

    cfg = options.settings(CleanSettings, config, settings)
    with console.reporting(as_json) as progress:
        made = stage.run(cfg, list(poses), out, progress=progress)
    console.result(made._asdict(), as_json, stage.describe)


@verbs.command()
def features(
    poses: Annotated[list[Path], typer.Argument(help="Pose files, cleaned or raw.")],
    out: Annotated[Path, typer.Option(help="Folder for the features.")],
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
    """Turn poses into speeds, angles, distances and rhythms, by animal.

    Example: gambol features cleaned/*.nc --anterior nose --posterior tail_base --out features
    """
    from gambol.behavior.features import Features
    from gambol.stages import features as stage

    ends = {"anterior": anterior, "posterior": posterior}
    said = {name: text.split(",") for name, text in ends.items() if text is not None}
    cfg = options.required(Features, config, said, settings)
    with console.reporting(as_json) as progress:
        made = stage.run(cfg, list(poses), out, progress=progress)
    console.result(made._asdict(), as_json, stage.describe)


@verbs.command("ethogram-convert")
def ethogram_convert(
    source: Annotated[Path, typer.Argument(help="Bouts of any program, or a run of states.")],
    out: Annotated[Path, typer.Argument(help="The file to write.")],
    to: Annotated[
        str | None,
        typer.Option(
            help="boris, boris-csv, boris-old, nwb, frames, annot, caltech, mabe or bouts; "
            "else by the name of the file."
        ),
    ] = None,
    fps: Annotated[float | None, typer.Option(help="Of the video.")] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend starts and stops without a partner.")
    ] = False,
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006 - typer copies it
    as_json: Json = False,
) -> None:
    """Write bouts of behaviour in the format of another program.

    Example: gambol ethogram-convert session.boris session.annot
    """
    from gambol.stages import ethogram_convert as stage

    said = [f"to={to}"] if to is not None else []
    said += [f"fps={fps}"] if fps is not None else []
    said += ["repair=true"] if repair else []
    cfg = options.settings(stage.ConvertConfig, config, said + settings)
    with console.reporting(as_json) as progress:
        made = stage.run(cfg, source, out, progress=progress)
    console.result(made._asdict(), as_json, stage.describe)


@verbs.command("agreement")
def agreement(
    sources: Annotated[list[Path], typer.Argument(help="Ethograms of the same recordings.")],
    out: Annotated[Path, typer.Option(help="Folder for the result.")],
    fps: Annotated[float | None, typer.Option(help="Of the video.")] = None,
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Say how far raters agree, and what most of them saw.

    Example: gambol agreement anna.boris ben.boris --out agreement
    """
    from gambol.stages import agreement as stage

    said = [f"fps={fps}"] if fps is not None else []
    cfg = options.settings(stage.AgreementConfig, config, said + settings)
    with console.reporting(as_json) as progress:
        made = stage.run(cfg, list(sources), out, progress=progress)
    console.result(made._asdict(), as_json, stage.describe)


@verbs.command("group-stats")
def group_stats(
    source: Annotated[Path, typer.Argument(help="A run of states, labels or an ethogram.")],
    animals: Annotated[Path, typer.Option(help="CSV: recording, animal, and the groups.")],
    out: Annotated[Path, typer.Option(help="Folder for the result.")],
    factor: Annotated[str | None, typer.Option(help="Column that tells groups apart.")] = None,
    fps: Annotated[float | None, typer.Option(help="Where files do not say it.")] = None,
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Compare groups of animals: how often, how long, what follows what.

    Example: gambol group-stats run --animals animals.csv --factor genotype --out groups
    """
    from gambol.stages import group_stats as stage

    said = [f"factor={factor}"] if factor is not None else []
    said += [f"fps={fps}"] if fps is not None else []
    cfg = options.settings(stage.GroupConfig, config, said + settings)
    with console.reporting(as_json) as progress:
        made = stage.run(cfg, source, animals, out, progress=progress)
    console.result(made._asdict(), as_json, stage.describe)

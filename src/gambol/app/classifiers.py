"""The verbs of the command line about behaviours that people labelled."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gambol.app import console, options
from gambol.app.options import Json, Settings, Yaml

verbs = typer.Typer()

Model = Annotated[Path, typer.Argument(help="A run of fit-classifier, or its model.nc.")]
Poses = Annotated[list[Path], typer.Argument(help="Poses, or files of gambol features.")]
Fps = Annotated[float | None, typer.Option(help="Of the video, where labels do not say it.")]


@verbs.command("fit-classifier")
def fit_classifier(
    poses: Poses,
    labels: Annotated[
        list[Path], typer.Option(help="Ethograms of the same recordings, or a folder of them.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the run.")],
    anterior: Annotated[
        str | None, typer.Option(help="Keypoints at the front, separated by commas.")
    ] = None,
    posterior: Annotated[
        str | None, typer.Option(help="Keypoints at the back, separated by commas.")
    ] = None,
    behavior: Annotated[
        list[str], typer.Option(help="Labels to learn; else all that have bouts.")
    ] = [],  # noqa: B006 - typer copies it
    animals: Annotated[
        Path | None, typer.Option(help="CSV: recording, animal; tested animal by animal.")
    ] = None,
    fps: Fps = None,
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Learn behaviours that people labelled, and say how well on recordings held out.

    Example: gambol fit-classifier poses/*.nc --labels labels --anterior nose
    --posterior tail_base --out classifier
    """
    from gambol.stages import fit_classifier as stage

    ends = {"anterior": anterior, "posterior": posterior}
    said = {name: text.split(",") for name, text in ends.items() if text is not None}
    cfg = _fit_settings(stage.FitConfig, config, said, behavior, fps, settings)
    with console.reporting(as_json) as progress:
        made = stage.run(
            cfg, list(poses), list(labels), out, animals=animals, progress=progress
        )
    console.result(made._asdict(), as_json, stage.describe)


@verbs.command()
def classify(
    model: Model,
    poses: Poses,
    out: Annotated[Path, typer.Option(help="Folder for the result.")],
    labels: Annotated[
        list[Path], typer.Option(help="Ethograms, to say how well they are told.")
    ] = [],  # noqa: B006
    fps: Fps = None,
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Find learned behaviours in recordings that nobody labelled.

    Example: gambol classify classifier poses/*.nc --out found
    """
    from gambol.stages import classify as stage

    said = [f"fps={fps}"] if fps is not None else []
    cfg = options.settings(stage.ClassifyConfig, config, said + settings)
    with console.reporting(as_json) as progress:
        made = stage.run(cfg, model, list(poses), out, labels=list(labels), progress=progress)
    console.result(made._asdict(), as_json, stage.describe)


@verbs.command()
def queue(
    model: Model,
    poses: Poses,
    out: Annotated[Path, typer.Option(help="CSV file of what to label next.")],
    count: Annotated[int | None, typer.Option(min=1, help="Stretches; else 50.")] = None,
    labels: Annotated[
        list[Path], typer.Option(help="Ethograms; what they assessed is not asked again.")
    ] = [],  # noqa: B006
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Choose what to label next, so that a classifier learns most from it.

    Example: gambol queue classifier poses/*.nc --out next.csv
    """
    from gambol.stages import queue as stage

    said = [f"count={count}"] if count is not None else []
    cfg = options.settings(stage.QueueConfig, config, said + settings)
    with console.reporting(as_json) as progress:
        made = stage.run(cfg, model, list(poses), out, labels=list(labels), progress=progress)
    console.result(made._asdict(), as_json, stage.describe)


def _fit_settings(
    kind: Any,
    config: Path | None,
    ends: dict[str, list[str]],
    behavior: list[str],
    fps: float | None,
    assignments: list[str],
) -> Any:
    """Read settings from a file, options and --set; the ends of the animal make features."""
    import yaml

    held = {} if config is None else yaml.safe_load(config.read_text(encoding="utf-8")) or {}
    if ends:
        held["features"] = {**(held.get("features") or {}), **ends}
    if behavior:
        held["labels"] = behavior
    if fps is not None:
        held["fps"] = fps
    cfg = kind.from_values(held, "the command line" if config is None else str(config))
    return cfg.override(assignments) if assignments else cfg

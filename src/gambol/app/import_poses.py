"""The verb of the command line that takes in what other programs found."""

from pathlib import Path
from typing import Annotated

import typer

from gambol.app import console, options
from gambol.app.options import Json, Settings, Yaml
from gambol.core.errors import InputError

verbs = typer.Typer()


@verbs.command("import-poses")
def import_poses(
    sources: Annotated[
        list[Path],
        typer.Argument(
            help="Files of DeepLabCut, SLEAP, Lightning Pose, Anipose, DANNCE, or arrays; "
            "files, folders, patterns."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the pose files.")],
    fps: Annotated[
        float | None, typer.Option(help="Frames a second, where no video lies beside.")
    ] = None,
    keypoints: Annotated[
        str | None,
        typer.Option(help="Names in order, or a file with one a line, where a file has none."),
    ] = None,
    skeleton: Annotated[
        Path | None, typer.Option(help="YAML with keypoints, bones, mirror, edges.")
    ] = None,
    unit: Annotated[str | None, typer.Option(help="Of 3D poses, such as mm.")] = None,
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006 - typer copies it
    as_json: Json = False,
) -> None:
    """Make pose files of what other programs found, in 2D or 3D; no video is needed.

    Example: gambol import-poses session1DLC_resnet50.h5 --fps 60 --out poses
    """
    from gambol.stages import import_poses as stage

    said = [f"fps={fps}"] if fps is not None else []
    said += [f"unit={unit}"] if unit is not None else []
    cfg = options.settings(stage.ImportPosesConfig, config, said + settings)
    if keypoints is not None:
        cfg = cfg.model_copy(update={"keypoints": _names(keypoints)})
    with console.reporting(as_json) as progress:
        made = stage.run(cfg, list(sources), out, skeleton=skeleton, progress=progress)
    console.result(made._asdict(), as_json, stage.describe)


def _names(text: str) -> tuple[str, ...]:
    """Return names that are separated by commas, or stand in a file."""
    if Path(text).is_file():
        try:
            text = ",".join(Path(text).read_text(encoding="utf-8").splitlines())
        except UnicodeDecodeError as error:
            raise InputError(f"{text} is no text; write one keypoint a line") from error
    return tuple(name.strip() for name in text.split(",") if name.strip())

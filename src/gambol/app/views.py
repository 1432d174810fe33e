"""The verbs of the command line that are about several cameras: from boards to 3D poses."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gambol.app import console, options, spread
from gambol.app.hands import OnCluster
from gambol.app.options import Json, Settings, View, Yaml
from gambol.app.spread import Part, Workers

verbs = typer.Typer()
rig = typer.Typer(help="Check, convert or align a calibration.", no_args_is_help=True)
board = typer.Typer(help="Draw a calibration board.", no_args_is_help=True)
verbs.add_typer(rig, name="rig")
verbs.add_typer(board, name="board")


@verbs.command()
def calibrate(
    out: Annotated[Path, typer.Option(help="The calibration to write (.toml).")],
    sources: Annotated[
        list[Path],
        typer.Argument(
            help="A folder or video a camera; a folder of these; or 2D poses without a board."
        ),
    ] = [],  # noqa: B006 - typer copies it
    board: Annotated[
        Path | None, typer.Option(help="Board file (.yaml or .toml) of what was shown.")
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option(help="Without a board: a rough calibration to begin from."),
    ] = None,
    views: View = [],  # noqa: B006 - typer copies it
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Find where cameras are and how their lenses draw, from a board or from the animal.

    Example: gambol calibrate session/ --board board.yaml --out calibration.toml
    """
    from gambol.stages import calibrate as stage

    cfg = options.settings(stage.CalibrateConfig, config, settings)
    with console.reporting(as_json) as progress:
        made = stage.run(
            cfg,
            sources,
            out,
            board=board,
            start=start,
            assign=options.pairs(views),
            progress=progress,
        )
    console.result(made._asdict(), as_json, stage.describe)


@verbs.command()
def triangulate(
    context: typer.Context,
    calibration: Annotated[Path, typer.Option(help="The calibration of the cameras.")],
    out: Annotated[Path, typer.Option(help="The 3D pose file to write (.nc).")],
    poses: Annotated[list[Path], typer.Argument(help="2D poses, a file a camera.")] = [],  # noqa: B006 - typer copies it
    tier: Annotated[
        str | None,
        typer.Option(
            help="auto, dlt, median, msac, refine, smooth, robust, distance, gimbal or "
            "constrained."
        ),
    ] = None,
    prior: Annotated[
        Path | None, typer.Option(help="Pose prior of gambol fit-pose-prior, for gimbal.")
    ] = None,
    skeleton: Annotated[
        Path | None, typer.Option(help="YAML with bones, where the 2D poses know none.")
    ] = None,
    views: View = [],  # noqa: B006 - typer copies it
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006
    workers: Workers = 1,
    cluster: OnCluster = None,
    share: Part = None,
    as_json: Json = False,
) -> None:
    """Turn 2D poses of several cameras into 3D poses with covariance.

    Example: gambol triangulate poses/ --calibration calibration.toml --out poses3d.nc
    """
    from gambol.stages import triangulate as stage

    if spread.is_wanted(workers, cluster, share):
        values = spread.go(context, out, workers, cluster)
        console.result(values, as_json, stage.describe)
        return
    cfg = options.settings(stage.TriangulateConfig, config, [])
    if tier is not None and tier != cfg.tier.kind:
        cfg = stage.TriangulateConfig.from_values(
            {**cfg.model_dump(mode="json"), "tier": {"kind": tier}}, "--tier"
        )
    cfg = cfg.override(settings) if settings else cfg
    with console.reporting(as_json) as progress:
        part = spread.share_of(share)
        more: dict[str, Any] = dict(
            prior=prior, skeleton=skeleton, assign=options.pairs(views), progress=progress
        )
        if part is not None:
            pieces = stage.solve(cfg, poses, calibration, out, part, **more)
            console.result({"pieces": pieces}, as_json, console.lines)
            return
        made = stage.run(cfg, poses, calibration, out, **more)
    console.result(made._asdict(), as_json, stage.describe)


@verbs.command("draw-poses")
def draw_poses(
    poses: Annotated[Path, typer.Argument(help="3D poses of triangulate.")],
    out: Annotated[Path, typer.Option(help="The file of draws to write (.nc).")],
    draws: Annotated[int | None, typer.Option(help="How many.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of the draws.")] = None,
    prior: Annotated[
        Path | None, typer.Option(help="The pose prior that triangulate was given.")
    ] = None,
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006 - typer copies it
    as_json: Json = False,
) -> None:
    """Draw whole trajectories that the observations allow, instead of the best one.

    Example: gambol draw-poses poses3d.nc --draws 200 --out draws.nc
    """
    from gambol.stages import draw_poses as stage

    said = [f"draws={draws}"] if draws is not None else []
    said += [f"seed={seed}"] if seed is not None else []
    cfg = options.settings(stage.DrawConfig, config, said + settings)
    with console.reporting(as_json) as progress:
        made = stage.run(cfg, poses, out, prior=prior, progress=progress)
    console.result(made._asdict(), as_json, stage.describe)


@verbs.command("fit-pose-prior")
def fit_pose_prior(
    poses: Annotated[list[Path], typer.Argument(help="3D pose files of one skeleton.")],
    out: Annotated[Path, typer.Option(help="The prior to write (.nc).")],
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006 - typer copies it
    as_json: Json = False,
) -> None:
    """Learn which poses an animal takes, for triangulate --tier gimbal.

    Example: gambol fit-pose-prior day1.nc day2.nc --out prior.nc
    """
    from gambol.stages import fit_pose_prior as stage

    cfg = options.settings(stage.PriorConfig, config, settings)
    with console.reporting(as_json) as progress:
        made = stage.run(cfg, poses, out, progress=progress)
    console.result(made._asdict(), as_json, stage.describe)


@verbs.command()
def synchronize(
    out: Annotated[Path, typer.Option(help="Folder for the poses on one clock.")],
    poses: Annotated[list[Path], typer.Argument(help="2D poses, a file a camera.")] = [],  # noqa: B006 - typer copies it
    calibration: Annotated[
        Path | None, typer.Option(help="The calibration; only lags by poses need it.")
    ] = None,
    timestamps: Annotated[
        list[Path],
        typer.Option(help="Times of the frames: a table a camera, or one with a column each."),
    ] = [],  # noqa: B006
    led: Annotated[
        list[Path], typer.Option(help="Brightness of a lamp in every frame, likewise.")
    ] = [],  # noqa: B006
    led_video: Annotated[
        list[str], typer.Option(help="CAMERA=VIDEO:x,y,width,height, where the lamp is.")
    ] = [],  # noqa: B006
    method: Annotated[
        str | None, typer.Option(help="times, lamp, poses or speed; else the best there is.")
    ] = None,
    views: View = [],  # noqa: B006
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Find how far cameras are out of step, and put their poses on one clock.

    Example: gambol synchronize poses/ --calibration calibration.toml --out in-step
    """
    from gambol.stages import synchronize as stage

    asked = [*settings, *([f"method={method}"] if method else [])]
    cfg = options.settings(stage.SynchronizeConfig, config, asked)
    with console.reporting(as_json) as progress:
        made = stage.run(
            cfg,
            poses,
            calibration,
            out,
            assign=options.pairs(views),
            evidence=stage.Evidence(timestamps, led, led_video),
            progress=progress,
        )
    console.result(made._asdict(), as_json, stage.describe)


@rig.command()
def check(
    calibration: Annotated[Path, typer.Argument(help="A calibration in any known format.")],
    as_json: Json = False,
) -> None:
    """Look for what cannot be right: copied cameras, transposed matrices, impossible lenses.

    Example: gambol rig check calibration.toml
    """
    from gambol.stages import rig as stage

    console.result(stage.check(calibration), as_json, stage.describe)


@rig.command()
def convert(
    calibration: Annotated[Path, typer.Argument(help="A calibration in any known format.")],
    out: Annotated[Path, typer.Argument(help="The file to write; its name tells the format.")],
    to: Annotated[
        str | None, typer.Option(help="The format, where the name is unclear.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a calibration in the format of another tool.

    Example: gambol rig convert label3d_dannce.mat calibration.toml
    """
    from gambol.stages import rig as stage

    console.result(stage.convert(calibration, out, to), as_json, stage.describe)


@rig.command("align")
def align_(
    calibration: Annotated[Path, typer.Argument(help="A calibration in any known format.")],
    out: Annotated[Path, typer.Argument(help="The calibration to write (.toml).")],
    poses: Annotated[Path | None, typer.Option(help="3D poses made with it.")] = None,
    moved: Annotated[
        Path | None, typer.Option(help="File for these poses in the new axes (.nc).")
    ] = None,
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006 - typer copies it
    as_json: Json = False,
) -> None:
    """Turn, move and scale the world: by gravity, feet, or keypoints at known places.

    Example: gambol rig align rig.toml level.toml --poses mouse.nc --set "feet=[paw_l,paw_r]"
    """
    from gambol.stages import align as stage

    cfg = options.settings(stage.AlignConfig, config, settings)
    made = stage.run(cfg, calibration, out, poses=poses, moved=moved)
    console.result(made._asdict(), as_json, stage.describe)


@board.command()
def draw(
    source: Annotated[Path, typer.Argument(help="Board file (.yaml or .toml).")],
    out: Annotated[Path, typer.Argument(help="The page to print (.pdf or .png).")],
    as_json: Json = False,
) -> None:
    """Draw the very board that the file describes, at its true size.

    Example: gambol board draw board.yaml board.pdf
    """
    from gambol.stages import board as stage

    console.result(stage.run(source, out)._asdict(), as_json, stage.describe)

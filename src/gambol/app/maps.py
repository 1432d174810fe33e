"""The verbs of the command line from poses to a map of behaviour."""

from pathlib import Path
from typing import Annotated

import typer

from gambol.app import console, options, spread
from gambol.app.hands import OnCluster
from gambol.app.options import Anterior, Json, Posterior, Settings, Threads, Yaml
from gambol.app.spread import Part, Workers

verbs = typer.Typer()

Poses = Annotated[
    list[Path],
    typer.Argument(help="Poses, raw or cleaned, or features; files, folders, patterns."),
]
Out = Annotated[Path, typer.Option(help="Folder for the result.")]
LeaveOut = Annotated[
    str | None, typer.Option(help="Keypoints that are not on the map, separated by commas.")
]
Animals = Annotated[Path | None, typer.Option(help="CSV: recording, animal, and the groups.")]
Factor = Annotated[str | None, typer.Option(help="Column that tells groups apart.")]
Seed = Annotated[int | None, typer.Option(help="Of the map.")]


@verbs.command("map")
def behaviour_map(
    context: typer.Context,
    poses: Poses,
    out: Out,
    anterior: Anterior = None,
    posterior: Posterior = None,
    leave_out: LeaveOut = None,
    animals: Animals = None,
    factor: Factor = None,
    videos: Annotated[
        Path | None, typer.Option(help="Folder of the videos, if not beside the poses.")
    ] = None,
    seed: Seed = None,
    threads: Threads = 0,
    workers: Workers = 1,
    cluster: OnCluster = None,
    share: Part = None,
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006 - typer copies it
    as_json: Json = False,
) -> None:
    """Go from poses to a map of behaviour, its regions, page and movies in one go.

    Example: gambol map poses/*.nc --out map
    """
    from gambol.stages import map as stage

    said = _said(anterior, posterior, leave_out, factor, seed)
    cfg = options.settings(stage.MapConfig, config, said + settings)
    if spread.is_wanted(workers, cluster, share):
        values = spread.go(context, out, workers, cluster)
        console.result(values, as_json, stage.describe)
        return
    with console.reporting(as_json) as progress:
        part = spread.share_of(share)
        if part is not None:
            names = stage.place(
                cfg, list(poses), out, part, animals=animals, threads=threads, progress=progress
            )
            console.result({"placed": names}, as_json, console.lines)
            return
        made = stage.run(
            cfg, list(poses), out, animals=animals, videos=videos, threads=threads,
            progress=progress,
        )  # fmt: skip
    console.result(made._asdict(), as_json, stage.describe)


@verbs.command("fit-map")
def fit_map(
    context: typer.Context,
    poses: Poses,
    out: Out,
    anterior: Anterior = None,
    posterior: Posterior = None,
    leave_out: LeaveOut = None,
    animals: Animals = None,
    factor: Factor = None,
    seed: Seed = None,
    threads: Threads = 0,
    workers: Workers = 1,
    cluster: OnCluster = None,
    share: Part = None,
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Make a map of behaviour from poses; a run that was killed goes on.

    Example: gambol fit-map poses/ --anterior nose --posterior tail_base --out map
    """
    from gambol.stages import fit_map as stage

    said = _said(anterior, posterior, leave_out, factor, seed)
    cfg = options.settings(stage.FitConfig, config, said + settings)
    if spread.is_wanted(workers, cluster, share):
        values = spread.go(context, out, workers, cluster)
        console.result(values, as_json, stage.describe)
        return
    with console.reporting(as_json) as progress:
        part = spread.share_of(share)
        if part is not None:
            names = stage.place(
                cfg, list(poses), out, part, animals=animals, threads=threads, progress=progress
            )
            console.result({"placed": names}, as_json, console.lines)
            return
        made = stage.run(
            cfg, list(poses), out, animals=animals, threads=threads, progress=progress
        )
    console.result(made._asdict(), as_json, stage.describe)


@verbs.command("apply-map")
def apply_map(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(help="Run of fit-map or map, or its model.nc.")],
    poses: Poses,
    out: Out,
    animals: Animals = None,
    factor: Factor = None,
    threads: Threads = 0,
    workers: Workers = 1,
    cluster: OnCluster = None,
    share: Part = None,
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Place new recordings on a map that is there.

    Example: gambol apply-map map new/ --out new-on-map
    """
    from gambol.stages import apply_map as stage

    said = _said(None, None, None, factor, None)
    cfg = options.settings(stage.ApplyConfig, config, said + settings)
    if spread.is_wanted(workers, cluster, share):
        values = spread.go(context, out, workers, cluster)
        console.result(values, as_json, stage.describe)
        return
    with console.reporting(as_json) as progress:
        part = spread.share_of(share)
        if part is not None:
            names = stage.place(
                cfg,
                run,
                list(poses),
                out,
                part,
                animals=animals,
                threads=threads,
                progress=progress,
            )
            console.result({"placed": names}, as_json, console.lines)
            return
        made = stage.run(
            cfg, run, list(poses), out, animals=animals, threads=threads, progress=progress
        )
    console.result(made._asdict(), as_json, stage.describe)


def _said(
    anterior: str | None, posterior: str | None, leave_out: str | None, factor: str | None,
    seed: int | None,
) -> list[str]:  # fmt: skip
    """Options that are settings, as `key=value`."""
    lists = {"anterior": anterior, "posterior": posterior, "leave_out": leave_out}
    said = [
        f"{name}={[part.strip() for part in text.split(',')]}"
        for name, text in lists.items()
        if text is not None
    ]
    said += [f"groups.factor={factor}"] if factor is not None else []
    return said + ([f"random_state={seed}"] if seed is not None else [])

"""The verbs of the command line that are about several animals: track and review."""

from pathlib import Path
from typing import Annotated

import typer

from gambol.app import console, spread
from gambol.app.hands import OnCluster
from gambol.app.spread import Part, Workers

verbs = typer.Typer()


@verbs.command()
def track(
    context: typer.Context,
    detections: Annotated[
        list[Path],
        typer.Argument(help="Files of gambol predict, or predictions of SLEAP or DeepLabCut."),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the tracks.")],
    animals: Annotated[
        int | None,
        typer.Option(min=1, help="How many there are; as in the labels if left out."),
    ] = None,
    at_most: Annotated[
        bool, typer.Option("--at-most", help="There may be fewer than that.")
    ] = False,
    config: Annotated[
        Path | None, typer.Option("--config", help="A YAML file of settings.")
    ] = None,
    settings: Annotated[
        list[str], typer.Option("--set", help="A setting: preset=sleap-classic.")
    ] = [],  # noqa: B006 - typer copies it
    workers: Workers = 1,
    cluster: OnCluster = None,
    share: Part = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Give the animals of every frame their identities, with a probability each.

    Example: gambol track poses/session1.detections.nc --animals 2 --out tracks
    """
    from gambol.stages import track as stage

    if spread.is_wanted(workers, cluster, share):
        values = spread.go(context, out, workers, cluster)
        console.result(values, as_json, stage.describe)
        return
    cfg = stage.TrackConfig.from_yaml(config) if config is not None else stage.TrackConfig()
    given = [*settings, *([f"animals={animals}"] if animals else [])]
    given += ["at_most=true"] if at_most else []
    cfg = cfg.override(given) if given else cfg
    with console.reporting(as_json) as progress:
        part = spread.share_of(share)
        made = stage.run(cfg, detections, out, share=part, progress=progress)
    console.result({"recordings": [m._asdict() for m in made]}, as_json, stage.describe)


@verbs.command()
def review(
    tracks: Annotated[Path, typer.Argument(help="A file of gambol track.")],
    do: Annotated[
        str | None,
        typer.Option(
            help="swap, confirm, assign, cut, join, delete, untrack, interpolate, leave, "
            "resolve or undo."
        ),
    ] = None,
    animals: Annotated[
        str | None, typer.Option(help="Names, separated by commas: animal1,animal2.")
    ] = None,
    frame: Annotated[
        int | None, typer.Option(min=0, help="Where the edit, or the list, begins.")
    ] = None,
    last: Annotated[
        int | None, typer.Option(min=0, help="Its last frame; the film's if left out.")
    ] = None,
    x: Annotated[float | None, typer.Option(help="Of an untracked animal, px.")] = None,
    y: Annotated[float | None, typer.Option(help="Of an untracked animal, px.")] = None,
    longest: Annotated[
        int, typer.Option(min=1, help="Frames of a gap that interpolate bridges at most.")
    ] = 10,
    kind: Annotated[
        str | None, typer.Option(help="List only these events: contact, gap or jump.")
    ] = None,
    most: Annotated[int, typer.Option(min=1, help="Events to show, or to film.")] = 10,
    clips: Annotated[
        Path | None, typer.Option(help="Folder for short films of the first events.")
    ] = None,
    video: Annotated[
        Path | None, typer.Option(help="The video of these films, where it moved.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """List where identities may be wrong, or change them; every change can be undone.

    Example: gambol review tracks/session1.nc --do swap --animals animal1,animal2 --frame 812
    """
    from gambol.stages import review as stage

    names = [name.strip() for name in animals.split(",")] if animals else []
    values = {"do": do, "animals": names, "frame": frame, "last": last, "x": x, "y": y}
    values |= {"kind": kind, "most": most, "longest": longest}
    cfg = stage.ReviewConfig.from_values(values, "gambol review")
    with console.reporting(as_json) as progress:
        made = stage.run(cfg, tracks, clips, video=video, progress=progress)
    console.result(made._asdict(), as_json, stage.describe)

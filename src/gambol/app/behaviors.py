"""The verbs of the command line that are about sequences of behaviour: states and memory."""

from pathlib import Path
from typing import Annotated

import typer

from gambol.app import console, options, spread
from gambol.app.hands import OnCluster
from gambol.app.options import Json, Settings, Threads, Yaml
from gambol.app.spread import Part

verbs = typer.Typer()

Sources = Annotated[
    list[Path],
    typer.Argument(
        help="Recordings of syllables: CSV, HDF5, netCDF; files, folders, patterns."
    ),
]
Out = Annotated[Path, typer.Option(help="Folder for the result.")]
Fps = Annotated[
    float | None, typer.Option(help="Frames a second, where the files do not say it.")
]
Label = Annotated[
    str | None, typer.Option(help="Column of the labels, if it is not `syllable`.")
]


@verbs.command("mutual-information")
def mutual_information(
    sources: Sources,
    out: Out,
    fps: Fps = None,
    label: Label = None,
    threads: Threads = 0,
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006 - typer copies it
    as_json: Json = False,
) -> None:
    """Measure how long recordings remember what was done.

    Example: gambol mutual-information syllables/ --fps 30 --out memory
    """
    from gambol.stages import mutual_information as stage

    cfg = options.settings(stage.InformationConfig, config, _said(fps, label) + settings)
    with console.reporting(as_json) as progress:
        made = stage.run(cfg, sources, out, threads=threads, progress=progress)
    console.result(made._asdict(), as_json, stage.describe)


@verbs.command("fit-states")
def fit_states(
    sources: Sources,
    out: Out,
    fps: Fps = None,
    label: Label = None,
    states: Annotated[int | None, typer.Option(help="Most states that there may be.")] = None,
    kappa: Annotated[
        float | None, typer.Option(help="Stickiness, in pseudo-counts; scan it.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of the fit.")] = None,
    given: Annotated[
        list[Path],
        typer.Option(help="States to begin with, files with a label `state`."),
    ] = [],  # noqa: B006
    threads: Threads = 0,
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Find states that last seconds above syllables; a fit that was killed goes on.

    Example: gambol fit-states syllables/ --fps 30 --states 5 --kappa 2e4 --out run
    """
    from gambol.stages import fit_states as stage

    said = _said(fps, label)
    said += [f"n_states={states}"] if states is not None else []
    said += [f"trans_kappa={kappa}"] if kappa is not None else []
    said += [f"random_state={seed}"] if seed is not None else []
    said += ["init=given"] if given else []
    cfg = options.settings(stage.FitConfig, config, said + settings)
    with console.reporting(as_json) as progress:
        made = stage.run(
            cfg, sources, out, given=list(given) or None, threads=threads, progress=progress
        )
    console.result(made._asdict(), as_json, stage.describe)


@verbs.command("apply-states")
def apply_states(
    model: Annotated[Path, typer.Argument(help="Run of fit-states, or its model.nc.")],
    sources: Sources,
    out: Out,
    fps: Fps = None,
    label: Label = None,
    threads: Threads = 0,
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Find the states of recordings that a model was not fitted to.

    Example: gambol apply-states run new/ --fps 30 --out new-states
    """
    from gambol.stages import apply_states as stage

    cfg = options.settings(stage.ApplyConfig, config, _said(fps, label) + settings)
    with console.reporting(as_json) as progress:
        made = stage.run(cfg, model, sources, out, threads=threads, progress=progress)
    console.result(made._asdict(), as_json, stage.describe)


@verbs.command("scan-states")
def scan_states(
    context: typer.Context,
    sources: Sources,
    out: Out,
    fps: Fps = None,
    label: Label = None,
    kappas: Annotated[
        str | None, typer.Option(help="Values of trans_kappa, separated by commas.")
    ] = None,
    states: Annotated[
        str | None, typer.Option(help="Values of n_states, separated by commas.")
    ] = None,
    seeds: Annotated[int | None, typer.Option(help="Fits of each.")] = None,
    workers: Annotated[
        int, typer.Option(min=0, help="Processes, 0 means one a core; or jobs of a cluster.")
    ] = 0,
    cluster: OnCluster = None,
    share: Part = None,
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Fit with many settings and seeds, and say which to use; goes on where it was killed.

    Example: gambol scan-states syllables/ --fps 30 --states 3,5,8 --seeds 5 --out scan
    """
    from gambol.stages import scan_states as stage

    if spread.is_wanted(1, cluster, share):
        values = spread.go(context, out, workers or 1, cluster, more=("--workers", "1"))
        console.result(values, as_json, stage.describe)
        return
    said = _said(fps, label)
    said += [f"kappas=[{kappas}]"] if kappas else []
    said += [f"states=[{states}]"] if states else []
    said += [f"seeds={seeds}"] if seeds is not None else []
    cfg = options.settings(stage.ScanConfig, config, said + settings)
    with console.reporting(as_json) as progress:
        part = spread.share_of(share)
        if part is not None:
            fitted = stage.fit(cfg, sources, out, part, workers=workers, progress=progress)
            console.result(fitted._asdict(), as_json, console.lines)
            return
        made = stage.run(cfg, sources, out, workers=workers, progress=progress)
    console.result(made._asdict(), as_json, stage.describe)


@verbs.command("compare-states")
def compare_states(
    one: Annotated[Path, typer.Argument(help="States: a run, or files with labels.")],
    other: Annotated[Path, typer.Argument(help="States of the same recordings.")],
    out: Out,
    fps: Fps = None,
    label: Annotated[
        str | None, typer.Option(help="Column of the labels, if it is not `state`.")
    ] = None,
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006 - typer copies it
    as_json: Json = False,
) -> None:
    """Say how far two labellings of the same frames agree.

    Example: gambol compare-states run other-run --out agreement
    """
    from gambol.stages import compare_states as stage

    cfg = options.settings(stage.CompareConfig, config, _said(fps, label) + settings)
    with console.reporting(as_json) as progress:
        made = stage.run(cfg, one, other, out, progress=progress)
    console.result(made._asdict(), as_json, stage.describe)


@verbs.command("state-movies")
def state_movies(
    sources: Annotated[
        list[Path], typer.Argument(help="States: run/states, or files with labels.")
    ],
    out: Out,
    videos: Annotated[
        Path | None, typer.Option(help="Folder of the videos, if not beside the files.")
    ] = None,
    centroids: Annotated[
        list[Path], typer.Option(help="Files that hold centroids, if others do.")
    ] = [],  # noqa: B006
    fps: Fps = None,
    label: Annotated[
        str | None, typer.Option(help="Column of the labels, if it is not `state`.")
    ] = None,
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Show many instances of every state side by side, all from their beginning.

    Example: gambol state-movies run/states --centroids syllables/ --out movies
    """
    from gambol.stages import state_movies as stage

    cfg = options.settings(stage.MovieConfig, config, _said(fps, label) + settings)
    with console.reporting(as_json) as progress:
        made = stage.run(
            cfg, list(sources), out, videos=videos, centroids=list(centroids) or None,
            progress=progress,
        )  # fmt: skip
    console.result(made._asdict(), as_json, stage.describe)


@verbs.command()
def states(
    sources: Sources,
    out: Out,
    fps: Fps = None,
    label: Label = None,
    threads: Threads = 0,
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Go from syllables to states: memory, scan, fit and movies in one go.

    Example: gambol states syllables/ --fps 30 --out states
    """
    from gambol.stages import states as stage

    cfg = options.settings(stage.StatesConfig, config, _said(fps, label) + settings)
    with console.reporting(as_json) as progress:
        made = stage.run(cfg, sources, out, threads=threads, progress=progress)
    console.result(made._asdict(), as_json, stage.describe)


@verbs.command("simulate-states")
def simulate_states(
    out: Annotated[Path, typer.Argument(help="Folder for the recordings and their truth.")],
    seed: Annotated[int | None, typer.Option(help="Of the recordings.")] = None,
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006 - typer copies it
    as_json: Json = False,
) -> None:
    """Make recordings of syllables whose states are known, of any size.

    Example: gambol simulate-states world --set recordings=10
    """
    from gambol.stages import simulate_states as stage

    said = [f"seed={seed}"] if seed is not None else []
    cfg = options.settings(stage.SimulateConfig, config, said + settings)
    with console.reporting(as_json) as progress:
        made = stage.run(cfg, out, progress=progress)
    console.result(made._asdict(), as_json, stage.describe)


def _said(fps: float | None, label: str | None) -> list[str]:
    """Options that are settings, as `key=value`."""
    said = [f"fps={fps}"] if fps is not None else []
    return said + ([f"label={label}"] if label is not None else [])

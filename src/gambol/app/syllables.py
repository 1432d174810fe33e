"""The verbs of the command line from poses to syllables."""

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
    typer.Argument(help="Pose files, or series with model: arhmm; files, folders, patterns."),
]
Out = Annotated[Path, typer.Option(help="Folder for the result.")]
Target = Annotated[
    float | None, typer.Option(help="Median duration of bouts that is wanted, s.")
]
Labels = Annotated[
    Path | None, typer.Option(help="Labelled frames that the noise is calibrated on.")
]
Seed = Annotated[int | None, typer.Option(help="Of the fit; of the first, if several.")]


@verbs.command("fit-syllables")
def fit_syllables(
    poses: Poses,
    out: Out,
    anterior: Anterior = None,
    posterior: Posterior = None,
    target: Target = None,
    labels: Labels = None,
    seed: Seed = None,
    threads: Threads = 0,
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006 - typer copies it
    as_json: Json = False,
) -> None:
    """Find the syllables of behaviour in poses; a fit that was killed goes on.

    Example: gambol fit-syllables poses/ --out run
    """
    from gambol.stages import fit_syllables as stage

    said = _said(anterior, posterior, target, seed)
    cfg = options.settings(stage.FitConfig, config, said + settings)
    with console.reporting(as_json) as progress:
        made = stage.run(
            cfg, list(poses), out, labels=labels, threads=threads, progress=progress
        )
    console.result(made._asdict(), as_json, stage.describe)


@verbs.command("apply-syllables")
def apply_syllables(
    model: Annotated[Path, typer.Argument(help="Run of a fit, or its model.nc.")],
    poses: Poses,
    out: Out,
    threads: Threads = 0,
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Label recordings by a fitted model, and say how well it foretells them.

    Example: gambol apply-syllables run new/ --out new-syllables
    """
    from gambol.stages import apply_syllables as stage

    cfg = options.settings(stage.ApplyConfig, config, settings)
    with console.reporting(as_json) as progress:
        made = stage.run(cfg, model, list(poses), out, threads=threads, progress=progress)
    console.result(made._asdict(), as_json, stage.describe)


@verbs.command("select-syllables")
def select_syllables(
    runs: Annotated[list[Path], typer.Argument(help="Runs of fit-syllables, by seed.")],
    out: Out,
    threads: Threads = 0,
    as_json: Json = False,
) -> None:
    """Choose among fits that differ in their seed, and say which syllables they share.

    Example: gambol select-syllables seed-0 seed-1 seed-2 --out chosen
    """
    from gambol.stages import select_syllables as stage

    with console.reporting(as_json) as progress:
        made = stage.run(
            stage.SelectConfig(), list(runs), out, threads=threads, progress=progress
        )
    console.result(made._asdict(), as_json, stage.describe)


@verbs.command()
def syllables(
    context: typer.Context,
    poses: Poses,
    out: Out,
    anterior: Anterior = None,
    posterior: Posterior = None,
    target: Target = None,
    labels: Labels = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="How many fits.")] = None,
    seed: Seed = None,
    threads: Threads = 0,
    workers: Workers = 1,
    cluster: OnCluster = None,
    share: Part = None,
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Go from poses to syllables: fits, choice, labels and page in one go.

    Example: gambol syllables poses/ --out run
    """
    from gambol.stages import syllables as stage

    said = _said(anterior, posterior, target, seed)
    said += [f"seeds={seeds}"] if seeds is not None else []
    cfg = options.settings(stage.SyllablesConfig, config, said + settings)
    if spread.is_wanted(workers, cluster, share):
        values = spread.go(context, out, workers, cluster, pieces=cfg.seeds)
        console.result(values, as_json, stage.describe)
        return
    with console.reporting(as_json) as progress:
        part = spread.share_of(share)
        if part is not None:
            fits = stage.fit(
                cfg, list(poses), out, part, labels=labels, threads=threads, progress=progress
            )
            console.result({"fits": [str(path) for path in fits]}, as_json, console.lines)
            return
        made = stage.run(
            cfg, list(poses), out, labels=labels, threads=threads, progress=progress
        )
    console.result(made._asdict(), as_json, stage.describe)


@verbs.command("simulate-behavior")
def simulate_behavior(
    out: Annotated[Path, typer.Argument(help="Folder for poses and their truth.")],
    recordings: Annotated[int | None, typer.Option(min=1, help="How many.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of the recordings.")] = None,
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Make poses of animals whose syllables are known, without any film.

    Example: gambol simulate-behavior world --recordings 4 --set frames=6000
    """
    from gambol.stages import simulate_behavior as stage

    said = [f"recordings={recordings}"] if recordings is not None else []
    said += [f"seed={seed}"] if seed is not None else []
    cfg = options.settings(stage.BehaviorConfig, config, said + settings)
    with console.reporting(as_json) as progress:
        made = stage.run(cfg, out, progress=progress)
    console.result(made._asdict(), as_json, stage.describe)


def _said(
    anterior: str | None, posterior: str | None, target: float | None, seed: int | None
) -> list[str]:
    """Options that are settings, as `key=value`."""
    ends = {"anterior": anterior, "posterior": posterior}
    said = [
        f"{name}={[part.strip() for part in text.split(',')]}"
        for name, text in ends.items()
        if text is not None
    ]
    said += [f"target_duration_s={target}"] if target is not None else []
    return said + ([f"random_state={seed}"] if seed is not None else [])

"""The command line: one verb a stage. Heavy imports happen inside the verbs."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from gambol.app import behavior_report as of_reports
from gambol.app import behaviors as of_behavior
from gambol.app import bench as of_networks
from gambol.app import bouts as of_bouts
from gambol.app import classifiers as of_classifiers
from gambol.app import console, options, spread
from gambol.app import egocentric as of_alignment
from gambol.app import ensembles as of_ensembles
from gambol.app import exporting as of_exports
from gambol.app import import_poses as of_import
from gambol.app import label_maps as of_labels
from gambol.app import maps as of_maps
from gambol.app import movies_syllables as of_movies
from gambol.app import pipelines as of_pipelines
from gambol.app import plans as of_plans
from gambol.app import regions as of_regions
from gambol.app import simulations as of_simulations
from gambol.app import studio as of_studio
from gambol.app import syllables as of_syllables
from gambol.app import tracks as of_several
from gambol.app import views as of_cameras
from gambol.app.hands import OnCluster
from gambol.app.options import Device, Json, Settings, Threads, View, Yaml
from gambol.app.show import scores as _scores
from gambol.app.spread import Part, Workers
from gambol.core.errors import InputError
from gambol.core.progress import Stopped

app = typer.Typer(
    help="Video of behaving animals to poses, with calibrated uncertainty.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        from gambol import __version__

        typer.echo(f"gambol {__version__}")
        raise typer.Exit()


@app.callback()
def before(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Say which this is."),
    ] = False,
) -> None:
    """Take what stands before the verb."""


def main() -> None:
    """Run the command line; bad input ends with one sentence and exit status 2."""
    console.forgive()
    try:
        app()
    except InputError as error:
        console.say(f"gambol: {error}")
        sys.exit(2)
    except OSError as error:  # what no room foresaw, such as a file that may not be read
        if error.filename is None:
            raise
        reason = (error.strerror or str(error)).lower()
        console.say(f"gambol: {error.filename} cannot be used: {reason}; check the path")
        sys.exit(2)
    except MemoryError:
        console.say(
            "gambol: the memory is used up; close other programs, or ask for less at once"
        )
        sys.exit(1)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for everything the demo makes.")] = Path(
        "gambol-demo"
    ),
    quick: Annotated[bool, typer.Option(help="Shorter films and training.")] = False,
    seed: Annotated[int, typer.Option(help="Of the simulated mice.")] = 0,
    threads: Threads = 0,
    as_json: Json = False,
) -> None:
    """Do the whole job on simulated mice, score it against the truth, write a report.

    Example: gambol demo --quick
    """
    from gambol.stages import demo as stage

    cfg = stage.DemoConfig.from_values({"quick": quick, "seed": seed}, "gambol demo")
    with console.reporting(as_json) as progress:
        made = stage.run(cfg, out, threads=threads, progress=progress, say=_voice(as_json))
    console.result(made._asdict(), as_json, stage.describe)


@app.command()
def new(
    folder: Annotated[Path, typer.Argument(help="Folder of the new project.")],
    keypoints: Annotated[
        str | None, typer.Option(help="Names, separated by commas, such as nose,tail.")
    ] = None,
    skeleton: Annotated[
        Path | None, typer.Option(help="YAML with keypoints, bones, mirror, edges.")
    ] = None,
    videos: Annotated[list[Path], typer.Option(help="Videos to label.")] = [],  # noqa: B006 - typer copies it
    as_json: Json = False,
) -> None:
    """Make an empty project.

    Example: gambol new mice --keypoints nose,left_ear,right_ear,tail_base
    """
    from gambol.stages import new as stage

    names = [name.strip() for name in keypoints.split(",")] if keypoints else None
    made = stage.run(folder, names, skeleton, list(videos))
    console.result({"project": str(made)}, as_json, console.lines)


@app.command("import")
def import_(
    source: Annotated[Path, typer.Argument(help="Labels, another tool's project, or a video.")],
    folder: Annotated[Path, typer.Argument(help="Project; made if it is not there.")],
    nan_means: Annotated[
        str | None, typer.Option(help="absent or unlabelled; by format if not given.")
    ] = None,
    repair_swap: Annotated[
        bool, typer.Option(help="Replace a broken left/right table by what names suggest.")
    ] = False,
    videos: Annotated[
        list[Path], typer.Option(help="Folders to look in for videos that moved.")
    ] = [],  # noqa: B006 - typer copies it
    as_json: Json = False,
) -> None:
    """Bring labels and videos into a project, in one transaction.

    Example: gambol import openfield-Pranav-2018-10-30 mice
    """
    from gambol.stages import imports as stage

    cfg = stage.ImportConfig.from_values(
        {"nan_means": nan_means, "repair_swap": repair_swap}, "gambol import"
    )
    with console.reporting(as_json) as progress:
        made = stage.run(cfg, source, folder, list(videos), progress)
    values = {**made._asdict(), "merged": made.merged._asdict()}
    console.result(values, as_json, console.lines)


@app.command()
def export(
    source: Annotated[Path, typer.Argument(help="Project, label file or pose file.")],
    out: Annotated[Path, typer.Argument(help="File or folder to write.")],
    to: Annotated[
        str, typer.Option(help="slp, dlc, coco, analysis, csv or nwb; of 3D: csv, trc, c3d.")
    ],
    as_json: Json = False,
) -> None:
    """Write labels or poses in the format of another tool.

    Example: gambol export mice labels.slp --to slp
    """
    from gambol.stages import export as stage

    made = stage.run(source, to, out)
    console.result(made._asdict(), as_json, console.lines)


@app.command()
def info(
    path: Annotated[Path, typer.Argument(help="Project, labels, video, run or poses.")],
    as_json: Json = False,
) -> None:
    """Say what a file or folder holds.

    Example: gambol info mice
    """
    from gambol.stages import info as stage

    console.result(stage.run(path), as_json, lambda found: "\n".join(stage.lines(found)))


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check that everything is here that work needs.

    Example: gambol doctor
    """
    from gambol.app.doctor import examine

    checks = examine()
    values = {c.name: {"ok": c.ok, "found": c.found, "remedy": c.remedy} for c in checks}

    def show(_: dict[str, Any]) -> str:
        marks = [f"{'ok ' if c.ok else 'BAD'}  {c.name:<9} {c.found}" for c in checks]
        return "\n".join(marks + [f"     {c.name}: {c.remedy}" for c in checks if not c.ok])

    console.result(values, as_json, show)
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


@app.command()
def suggest(
    source: Annotated[Path, typer.Argument(help="Project or video.")],
    method: Annotated[
        str,
        typer.Option(
            help="cover, unsure, jump, structure, crowd, disagree, mixed, uniform or random."
        ),
    ] = "cover",
    count: Annotated[int, typer.Option(min=1, help="Frames to suggest.")] = 20,
    poses: Annotated[
        list[Path], typer.Option(help="Pose files; else the newest in the project's runs.")
    ] = [],  # noqa: B006 - typer copies it
    seed: Annotated[int, typer.Option(help="Of the choice.")] = 0,
    as_json: Json = False,
) -> None:
    """Suggest frames to label next; a project remembers them.

    Example: gambol suggest mice --count 30
    """
    from gambol.stages import suggest as stage

    cfg = stage.SuggestConfig.from_values(
        {"method": method, "count": count, "seed": seed}, "gambol suggest"
    )
    with console.reporting(as_json) as progress:
        found = stage.run(cfg, source, poses=poses, progress=progress)
    values = {"suggestions": [row._asdict() for row in found]}
    console.result(values, as_json, stage.describe)


@app.command()
def train(
    labels: Annotated[Path, typer.Argument(help="Project, labels, or foreign project.")],
    out: Annotated[Path, typer.Option(help="Folder of the run.")],
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006 - typer copies it
    minutes: Annotated[float | None, typer.Option(help="Budget of time.")] = None,
    steps: Annotated[int | None, typer.Option(help="Budget of steps.")] = None,
    compare: Annotated[
        bool, typer.Option(help="Train top-down and bottom-up on one split, keep the better.")
    ] = False,
    device: Device = "auto",
    threads: Threads = 0,
    tensorboard: Annotated[bool, typer.Option(help="Also write TensorBoard events.")] = False,
    as_json: Json = False,
) -> None:
    """Train a network on labels; started again, it goes on where it was.

    Example: gambol train mice --minutes 10 --out mice/runs/first
    """
    from gambol.io import store
    from gambol.pose.distributed import leads
    from gambol.stages import compare as both
    from gambol.stages import train as stage

    heard = leads()  # of the processes that torchrun started, one talks
    cfg = options.settings(stage.TrainConfig, config, settings)
    for name, budget in (("minutes", minutes), ("steps", steps)):
        if budget is not None:
            cfg = cfg.override([f"fit.{name}={budget}"], f"--{name}")
    try:
        with console.reporting(as_json or not heard) as progress:
            run = (both if compare else stage).run(
                cfg,
                labels,
                out,
                device=device,
                threads=threads,
                tensorboard=tensorboard,
                progress=progress,
                say=_voice(as_json or not heard),
            )
    except Stopped as stopped:
        if heard:
            console.say(f"gambol: {stopped}")
        raise typer.Exit(1) from stopped
    if not heard:
        return
    if compare:
        console.result({"run": str(run), **both.read(run)}, as_json, both.describe)
        return
    scores = store.read_json(run / "metrics.json")
    console.result({"run": str(run), **scores}, as_json, _scores)


@app.command()
def predict(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(help="Folder of a finished training run.")],
    videos: Annotated[list[Path], typer.Argument(help="Videos, image folders, stacks.")],
    out: Annotated[Path, typer.Option(help="Folder for the pose files.")],
    precision: Annotated[
        str, typer.Option(help="float32, or fast: bfloat16 if it costs no accuracy.")
    ] = "float32",
    window: Annotated[
        str, typer.Option(help="auto, follow (the animal) or whole (frames).")
    ] = "auto",
    device: Device = "auto",
    threads: Threads = 0,
    workers: Workers = 1,
    cluster: OnCluster = None,
    share: Part = None,
    as_json: Json = False,
) -> None:
    """Find the animal in every frame; started again, it goes on where it was.

    Example: gambol predict mice/runs/first session1.mp4 --out poses
    """
    from gambol.stages.predicted import describe

    if spread.is_wanted(workers, cluster, share):
        values = spread.go(context, out, workers, cluster, count=lambda: _shards(videos, out))
        console.result(values, as_json, describe)
        return
    from gambol.stages import predict as stage

    cfg = stage.PredictConfig.from_values(
        {"precision": precision, "window": window}, "gambol predict"
    )
    with console.reporting(as_json) as progress:
        made = stage.run(
            cfg, run, videos, out, device=device, threads=threads,
            share=spread.share_of(share), progress=progress,
        )  # fmt: skip
    console.result({"videos": [p._asdict() for p in made]}, as_json, describe)


@app.command()
def evaluate(
    result: Annotated[
        Path, typer.Argument(help="A run, poses, detections, tracks, or a folder of them.")
    ],
    labels: Annotated[
        Path, typer.Argument(help="Labels to score against; for tracks also other tracks.")
    ],
    part: Annotated[
        str | None,
        typer.Option(help="Of a run's own labels: test (the default), val, or all."),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Confidence that accepts a point; 0.5 by default."),
    ] = None,
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Score a run, poses or tracks against labels, with bootstrap intervals.

    Example: gambol evaluate mice/runs/first other-labels.slp --json
    """
    from gambol.stages import evaluate as stage

    cfg = options.settings(stage.EvaluateConfig, config, settings)
    for name, value in (("part", part), ("threshold", threshold)):
        if value is not None:
            cfg = cfg.override([f"{name}={value}"], f"--{name}")
    console.result(stage.run(cfg, result, labels), as_json, _scores)


@app.command()
def movies(
    poses: Annotated[list[Path], typer.Argument(help="Poses, detections, tracks, or folders.")],
    out: Annotated[Path, typer.Option(help="Folder for the films.")],
    config: Yaml = None,
    settings: Settings = [],  # noqa: B006 - typer copies it
    video: Annotated[
        Path | None, typer.Option(help="The video, where it moved since prediction.")
    ] = None,
    views: View = [],  # noqa: B006 - typer copies it
    as_json: Json = False,
) -> None:
    """Draw poses on their videos.

    Example: gambol movies poses/session1.nc --out films --set start=10 --set stop=20
    """
    from gambol.stages import movies as stage

    cfg = options.settings(stage.MoviesConfig, config, settings)
    with console.reporting(as_json) as progress:
        made = stage.run(
            cfg, poses, out, video=video, views=options.pairs(views), progress=progress
        )
    console.result({"films": [str(p) for p in made]}, as_json, console.lines)


@app.command()
def report(
    folder: Annotated[
        Path, typer.Argument(help="A training run, a project, or a file of 3D poses.")
    ],
    out: Annotated[Path | None, typer.Option(help="HTML file; FOLDER/report.html.")] = None,
    poses: Annotated[list[Path], typer.Option(help="Pose files to show as well.")] = [],  # noqa: B006 - typer copies it
    views: View = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Write one HTML page about a run: errors, learning curve, worst frames, speed.

    Example: gambol report mice/runs/first --poses poses/session1.nc
    """
    from gambol.stages import report as stage

    made = stage.run(folder, out, poses=poses, views=options.pairs(views))
    console.result({"report": str(made)}, as_json, console.lines)


app.add_typer(of_ensembles.verbs)
app.add_typer(of_networks.verbs)
app.add_typer(of_simulations.verbs)
app.add_typer(of_plans.verbs)
app.add_typer(of_pipelines.verbs)
app.add_typer(of_exports.verbs)
app.add_typer(of_several.verbs)
app.add_typer(of_regions.verbs)
app.add_typer(of_cameras.verbs)
app.add_typer(of_behavior.verbs)
app.add_typer(of_bouts.verbs)
for of_what in (of_import, of_alignment, of_maps, of_syllables, of_labels, of_movies):
    app.add_typer(of_what.verbs)
app.add_typer(of_classifiers.verbs)
app.add_typer(of_reports.verbs)
app.add_typer(of_studio.verbs)


def _shards(videos: list[Path], out: Path) -> Any:
    from gambol.stages.shards import tally

    return tally(videos, out)


def _voice(quiet: bool) -> Any:
    return (lambda text: None) if quiet else console.say

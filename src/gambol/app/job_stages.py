"""What a job of each stage does: settings and inputs to a call of the stage.

Importing this imports no stage: the server asks here which stages there are.
"""

import gc
import os
import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from gambol.app import job_behavior, job_files, job_space
from gambol.app.job_files import Asked
from gambol.core.config import Config
from gambol.core.errors import InputError, did_you_mean
from gambol.core.progress import Progress
from gambol.io import fence

DEMO_S = 20.0  # of film
QUICK = ("suggest", "import")  # stages whose settings the server checks itself
# settings that name a file or folder, with what they may say besides
PLACES = {"train": {"start": ("imagenet",)}}
FILMS = {"train": (("unlabelled", "videos"),)}  # groups of settings with lists of files
DEMO_LABELS = 20  # frames; enough to train, and more to label
# paws are under the body in five of six frames, where nobody would label them
DEMO_POINTS = (
    "nose", "left_ear", "right_ear", "neck", "back", "tail_base", "tail_mid", "tail_tip",
)  # fmt: skip


class OnStep(Protocol):
    """Hears of a step of training."""

    def __call__(self, net: str, number: int, /, **values: Any) -> None:
        """Take in what is known of it."""


class Work(NamedTuple):
    """What a stage gets to do its work."""

    folder: Path  # of the job
    asked: Asked
    progress: Progress
    say: Callable[[str], None]
    stopped: Callable[[], bool]  # whether somebody wants what there is now
    step: OnStep

    @property
    def project(self) -> Path:
        """The folder of the project: where the job lies, whatever its file says."""
        return self.folder.resolve().parents[1]

    @property
    def out(self) -> Path:
        """Where the stage writes."""
        return self.folder / "out"

    def config(self, settings: type[Config]) -> Any:
        """Return the settings of the stage."""
        return settings.from_values(self.asked.config, f"settings of {self.asked.stage}")


class JobStage(NamedTuple):
    """A stage that can be a job."""

    title: str
    settings: str  # module and class of its settings; empty: it has none
    lane: str  # device: it computes on one, and those of a device wait for each other
    run: Callable[[Work], dict[str, Any]]


def run(work: Work) -> dict[str, Any]:
    """Do the work; return what to tell of the result.

    Raises:
        InputError: something given is wrong.
    """
    return stage(work.asked.stage).run(work)


def stage(name: str) -> JobStage:
    """Return a stage by name."""
    if name not in STAGES:
        hint = did_you_mean(name, STAGES) or f"; there are {', '.join(STAGES)}"
        raise InputError(f"no stage {name!r}{hint}")
    return STAGES[name]


def spoken(name: str, config: dict[str, Any]) -> dict[str, Any]:
    """Return settings under their own names, where the page has shorter ones."""
    short = {"n": "count", "why": "method"} if name == "suggest" else {}
    return {short.get(key, key): value for key, value in config.items()}


def placed(
    name: str, config: dict[str, Any], project: Path, roots: Iterable[Path]
) -> dict[str, Any]:
    """Return settings in which every file lies where the page may choose one.

    Args:
        name: of the stage.
        config: its settings; a relative path begins at the project.
        project: its folder.
        roots: further folders.

    Raises:
        InputError: one lies elsewhere, whether it is there or not.
    """
    found = dict(config)
    with fence.within([project, *roots]):
        for key, words in PLACES.get(name, {}).items():
            said = found.get(key)
            if isinstance(said, str) and said not in words:
                found[key] = _inside(said, project, key)
        for group, key in FILMS.get(name, ()):
            inner = found.get(group)
            if isinstance(inner, dict) and isinstance(inner.get(key), list | tuple):
                films = [_inside(str(one), project, f"{group}.{key}") for one in inner[key]]
                found[group] = {**inner, key: films}
    return found


def _inside(said: str, project: Path, key: str) -> str:
    path = Path(os.path.abspath(project / said))
    fence.require(path, f"the setting {key}")
    return str(path)


def check(name: str, config: dict[str, Any]) -> None:
    """Refuse settings that are wrong, of a stage that is quick to import.

    Raises:
        InputError: there is no such stage, or it has no such settings.
    """
    if stage(name) and name in QUICK and (kind := settings(name)):
        kind.from_values(config, f"settings of {name}")


def settings(name: str) -> type[Config] | None:
    """Return the settings of a stage; imports it, which takes seconds where it is a network."""
    module, _, kind = stage(name).settings.partition(":")
    return getattr(import_module(module), kind) if module else None


def smaller(name: str, at_once: int | None) -> int | None:
    """Return half as many samples at once, None where there is no such thing."""
    if stage(name).lane != "device" or name != "train" or at_once == 1:
        return None
    return max((at_once or 8) // 2, 1)


def let_go() -> None:
    """Give memory back before the next try."""
    gc.collect()
    if torch := sys.modules.get("torch"):
        torch.cuda.empty_cache()


def known(project: Path) -> list[tuple[Path, Asked, job_files.Status]]:
    """Return all begun jobs of a project, the newest first."""
    found = []
    for path in sorted((project / "runs").glob("*/job.json")):
        told = job_files.status(path.parent)
        if told is not None:
            found.append((path.parent, job_files.asked(path.parent), told))
    return sorted(found, key=lambda job: -job[1].number)


def newest(project: Path, name: str, wanted: str | None) -> Path:
    """Return the folder of a finished job: the one asked for, else the newest.

    Raises:
        InputError: there is none.
    """
    for folder, asked, told in known(project):
        if asked.stage == name and wanted in (None, asked.id) and told.state == "done":
            return folder
    which = f"no finished job {wanted}" if wanted else f"nothing of {name} is finished"
    raise InputError(f"{project}: {which}; start {name} first")


def _suggest(work: Work) -> dict[str, Any]:
    from gambol.stages import suggest

    found = suggest.run(
        work.config(suggest.SuggestConfig), work.project,
        videos=work.asked.inputs.get("videos") or None, progress=work.progress,
    )  # fmt: skip
    for one in found:
        work.say(f"{Path(one.video).name} frame {one.frame}: {one.reason}")
    return {"frames": len(found)}


def _export(work: Work) -> dict[str, Any]:
    from gambol.io.labels import SUFFIX
    from gambol.stages import export

    inputs = work.asked.inputs
    kind = str(inputs.get("format") or "")
    if inputs.get("run"):
        return _export_poses(work, str(inputs["run"]), kind)
    if kind not in SUFFIX:
        hint = did_you_mean(kind, SUFFIX) or f"; there are {', '.join(SUFFIX)}"
        raise InputError(f"no format {kind!r} of labels{hint}")
    work.out.mkdir(exist_ok=True)
    target = work.out / f"{work.project.stem}{SUFFIX[kind] or ''}"
    made = export.run(work.project, kind, target, images=bool(inputs.get("images")))
    for sentence in made.losses:
        work.say(sentence)
    return {"paths": [str(path) for path in made.paths], "lost": made.losses}


def _export_poses(work: Work, run: str, kind: str) -> dict[str, Any]:
    """Write the poses of a finished run, one file a video; several are packed into one."""
    import shutil
    import tempfile

    from gambol.io.labels import SUFFIX
    from gambol.stages import export

    found = [folder for folder, asked, told in known(work.project)
             if asked.id == run and told.state == "done"]  # fmt: skip
    files = sorted((found[0] / "out").glob("*.nc")) if found else []
    if not files:
        raise InputError(f"{run} has no poses to export; predict whole videos first")
    work.out.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=work.folder) as away:
        made = [
            export.run(path, kind, Path(away) / f"{path.stem}{SUFFIX.get(kind, '')}")
            for path in files
        ]
        paths = [path for one in made for path in one.paths]
        if len(paths) == 1:
            target = Path(shutil.move(paths[0], work.out / paths[0].name))
        else:
            target = Path(shutil.make_archive(str(work.out / f"{run}-{kind}"), "zip", away))
    lost = [sentence for one in made for sentence in one.losses]
    for sentence in lost:
        work.say(sentence)
    download = f"api/jobs/{work.folder.name}/files/{target.name}"
    return {"paths": [str(target)], "lost": lost, "download": download}


def _import(work: Work) -> dict[str, Any]:
    from gambol.stages import imports

    source = work.asked.inputs.get("path")
    if not source:
        raise InputError("nothing to import was given; choose a file")
    cfg, roots = work.config(imports.ImportConfig), work.asked.inputs.get("roots") or []
    with imports.fenced(Path(source), work.project, map(Path, roots)):
        made = imports.run(cfg, Path(source), work.project, progress=work.progress)
    return {**made._asdict(), "merged": made.merged._asdict(), "project": str(made.project)}


def _train(work: Work) -> dict[str, Any]:
    labels = _snapshot(work)  # says what is missing before networks take seconds to import

    from gambol.stages import onlooker, predict_frames, train

    watch = onlooker.Onlooker(
        work.folder, work.step, work.stopped, work.say,
        lambda: predict_frames.queued(work.project),
    )  # fmt: skip
    made = train.run(
        work.config(train.TrainConfig), labels, work.out, device=work.asked.device,
        progress=work.progress, say=work.say, watch=watch, at_once=work.asked.at_once,
    )  # fmt: skip
    return {"run": str(made), **_scores(made)}


def _snapshot(work: Work) -> Path:
    """Return the labels as they were when the job first began: people go on while it learns."""
    from gambol.io import project_schema, project_videos, store
    from gambol.io.project import Project

    kept = work.folder / "labels"
    if not (kept / "project.db").exists():
        with Project.open(work.project) as project:
            for (video,) in project.connection.execute("SELECT DISTINCT video FROM instances"):
                project.locate(video)  # says which one is missing, and what to do
            places = {row.id: project.find(row) for row in project.videos()}
            with store.atomic(kept / "project.db") as partial:
                project.connection.execute("VACUUM INTO ?", (str(partial),))
                with Project(partial.parent, project_schema.connect(partial)) as copy:
                    for video, ref in places.items():
                        if ref is not None:
                            copy.moved(video, project_videos.relative(ref, kept))
    return kept


def _scores(run: Path) -> dict[str, Any]:
    """Return what validation said of a finished training."""
    from gambol.io import store

    scores = store.read_json(run / "metrics.json")
    names = ("median_px", "mean_px", "p95_px", "reason", "best_step")
    return {name: scores[name] for name in names if name in scores}


def _predict(work: Work) -> dict[str, Any]:
    from gambol.io.project import Project
    from gambol.stages import predict

    trained = newest(work.project, "train", work.asked.inputs.get("run")) / "out"
    wanted = work.asked.inputs.get("videos") or None
    with Project.open(work.project) as project:
        ids = [row.id for row in project.videos() if wanted is None or row.id in wanted]
        videos = [Path(project.locate(video)) for video in ids]
    made = predict.run(
        work.config(predict.PredictConfig), trained, videos, work.out,
        device=work.asked.device, progress=work.progress,
    )  # fmt: skip
    return {"run": trained.parent.name,
            "videos": [{**one._asdict(), "video": str(one.video), "poses": str(one.poses)}
                       for one in made]}  # fmt: skip


def _predict_frames(work: Work) -> dict[str, Any]:
    from gambol.stages import predict_frames

    inputs = work.asked.inputs
    trained = newest(work.project, "train", inputs.get("run")) / "out"
    frames = inputs.get("frames")
    wanted = predict_frames.queued(
        work.project, None if frames is None else [(int(v), int(f)) for v, f in frames]
    )
    seen = predict_frames.run(
        work.config(predict_frames.PredictFramesConfig), trained, wanted, work.out,
        device=work.asked.device, progress=work.progress,
    )  # fmt: skip
    return {"run": trained.parent.name, "frames": seen.frames, "animals": seen.animals}


def _track(work: Work) -> dict[str, Any]:
    from gambol.stages import track

    source = newest(work.project, "predict", work.asked.inputs.get("run")) / "out"
    made = track.run(work.config(track.TrackConfig), [source], work.out, progress=work.progress)
    return {"recordings": [{**one._asdict(), "source": str(one.source),
                            "tracks": str(one.tracks)} for one in made]}  # fmt: skip


def _report(work: Work) -> dict[str, Any]:
    """Write the page about a training into its folder."""
    from gambol.stages import report

    trained = newest(work.project, "train", work.asked.inputs.get("run"))
    made = report.run(trained / "out", progress=work.progress)
    return {"run": trained.name, "path": str(made)}


def _repair(work: Work) -> dict[str, Any]:
    from gambol.stages import repair

    video = work.asked.inputs.get("video")
    if not isinstance(video, int):
        raise InputError("no video to repair was named; choose one")
    made = repair.run(work.project, video, by=work.asked.by, progress=work.progress)
    return {"path": str(made.path), "frames": made.frames, "bad": made.bad[:1000]}


def _demo(work: Work) -> dict[str, Any]:
    """Make the folder a project: a film of a simulated mouse, and the first labels."""
    from gambol.simulate.world import SimulateConfig
    from gambol.stages import imports, simulate

    world = SimulateConfig(seconds=DEMO_S, seed=int(work.asked.config.get("seed", 0)))
    film = simulate.FilmConfig(world=world, labelled=DEMO_LABELS, keypoints=DEMO_POINTS)
    made = simulate.run(film, work.project / "demo", work.progress)
    imports.run(imports.ImportConfig(), made.labels, work.project, progress=work.progress)
    return {"labelled": DEMO_LABELS}


STAGES: dict[str, JobStage] = {
    "suggest": JobStage("Suggest", "gambol.stages.suggest:SuggestConfig", "desk", _suggest),
    "train": JobStage("Train", "gambol.stages.train:TrainConfig", "device", _train),
    "predict": JobStage("Predict", "gambol.stages.predict:PredictConfig", "device", _predict),
    "predict-frames": JobStage(
        "Predict the queue", "gambol.stages.predict_frames:PredictFramesConfig", "device",
        _predict_frames,
    ),
    "track": JobStage("Track", "gambol.stages.track:TrackConfig", "desk", _track),
    "import": JobStage("Import", "gambol.stages.imports:ImportConfig", "desk", _import),
    "export": JobStage("Export", "", "desk", _export),
    "calibrate": JobStage(
        "Calibrate", "gambol.stages.calibrate:CalibrateConfig", "desk", job_space.calibrate
    ),
    "synchronize": JobStage(
        "Synchronize", "gambol.stages.synchronize:SynchronizeConfig", "desk",
        job_space.synchronize,
    ),
    "triangulate": JobStage(
        "Triangulate", "gambol.stages.triangulate:TriangulateConfig", "desk",
        job_space.triangulate,
    ),
    "map": JobStage("Map", "gambol.stages.map:MapConfig", "desk", job_behavior.behaviour_map),
    "syllables": JobStage(
        "Syllables", "gambol.stages.syllables:SyllablesConfig", "desk", job_behavior.syllables
    ),
    "states": JobStage(
        "States", "gambol.stages.states:StatesConfig", "desk", job_behavior.states
    ),
    "report": JobStage("Report", "", "desk", _report),
    "repair": JobStage("Repair copy", "", "desk", _repair),
    "demo": JobStage("Demo", "", "desk", _demo),
}  # fmt: skip

"""Stage `simulate`: a simulated recording with its labels and truth on disk.

writes  out/videos/sim-SEED.mp4    the film
        out/truth-SEED.nc          true poses of every frame (`core.poses`, no uncertainty);
                                   individuals are the same animals throughout
        out/behaviour-SEED.csv     what each did when: bouts of behaviour, and states above them
        out/labels.slp             labels of a few dozen frames, as a person would have made
        out/project.db             the same labels as a project, last
        out/simulate.yaml          the settings, first
"""

from pathlib import Path
from typing import NamedTuple

from pydantic import PositiveInt

from gambol.core.config import Config
from gambol.core.progress import Progress, Step, silent
from gambol.core.video import Video
from gambol.io import labels as io_labels
from gambol.io import store
from gambol.io.video.write import VideoWriter
from gambol.simulate.world import SimulateConfig, simulate
from gambol.stages import begun, simulated

CHUNK = 32  # frames drawn at once


class FilmConfig(Config):
    """What to film, and how many of its frames are labelled."""

    world: SimulateConfig = SimulateConfig()
    labelled: PositiveInt = 40
    keypoints: tuple[str, ...] | None = None  # those that are kept; null: all of the animal


class Filmed(NamedTuple):
    """Where the recording lies."""

    video: Path
    truth: Path
    labels: Path
    behaviour: Path


def run(cfg: FilmConfig, out: Path, progress: Progress = silent) -> Filmed:
    """Film, unless the same film is there already."""
    seed = cfg.world.seed
    made = Filmed(
        out / "videos" / f"sim-{seed}.mp4", out / f"truth-{seed}.nc", out / "labels.slp",
        out / f"behaviour-{seed}.csv",
    )  # fmt: skip
    world = simulate(cfg.world)
    kept = simulated.kept(world.skeleton, cfg.keypoints)
    begun.begin(cfg, out, "simulate", "a simulation")
    if (out / simulated.PROJECT).exists():
        progress(Step("simulate", 1, 1, made.video.name))
        return made
    truth = world.truth
    if not made.video.exists():
        film(world, made.video, progress)
    known = simulated.truth(
        truth.xy[:, :, kept], truth.visibility[:, :, kept], world.times,
        simulated.part(world.skeleton, kept), world.fps,
    )  # fmt: skip
    store.write_dataset(known, made.truth)
    did = simulated.Did(truth.state, truth.states, truth.mood, truth.moods)
    simulated.write_behaviour(did, made.video.stem, world.fps, made.behaviour)
    seen = simulated.View(made.video, truth.xy[:, :, kept], truth.visibility[:, :, kept])
    labels = simulated.labels(simulated.part(world.skeleton, kept), [seen], cfg.labelled)
    io_labels.write(labels, made.labels, "slp")
    simulated.make_project(made.labels, out)
    return made


def film(world: Video, path: Path, progress: Progress) -> None:
    """Draw all frames of a simulated film into a file."""
    total = len(world)
    with VideoWriter(path, world.fps, world.size) as writer:
        for start in range(0, total, CHUNK):
            stop = min(start + CHUNK, total)
            for frame in world.read(list(range(start, stop))):
                writer.write(frame)
            progress(Step("simulate", stop, total, path.name))

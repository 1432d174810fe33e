"""Projects for the screenshots: real recordings where they are at hand, else simulated ones.

Everything in them is made by the stages that users run, with budgets that suit two cores.
"""

import shutil
from pathlib import Path
from typing import Any

import numpy as np

LABELLED = range(0, 60, 5)  # frames of the film that somebody has finished
PART = (1700, 2100)  # frames of the courtship film in which the flies come close
FPS = 25.0
CLOSE = 85.0  # px between two bodies, below which both count as lost
AROUND = 12  # frames that an approach lasts at least
SEEN = 2300  # frames of that film that have predictions
LEGS = ("forelegL4", "forelegR4", "hindlegL4", "hindlegR4")  # which are often lost
MAP = {"stability": {"splits": 0}, "regions": {"most": 12}, "leave_out": LEGS}
SYLLABLES = {
    "anterior": ("head",), "posterior": ("abdomen",), "n_states": 25, "iterations": 25,
    "warm_sweeps": 0, "search_tries": 5, "search_sweeps": 10, "ar_iterations": 20,
    "write": {"labels": "path"},
}  # fmt: skip
COURTSHIP = "20190128_113421.120s.mp4"


def flies(place: Path, data: Path) -> Path:
    """Two flies, some of whose frames are labelled; a film of simulated mice otherwise."""
    from gambol.io import labels as io_labels
    from gambol.io.project import Project

    if not (data / "flies_tracks").is_dir():
        return _mice(place)
    film, folder = place / "two_flies.mp4", place / "flies"
    shutil.copy(data / "flies_tracks" / film.name, film)
    truth = io_labels.read(data / "flies_tracks" / "two_flies.slp")
    with Project.create(folder, truth.skeleton) as project:
        video = project.add_video(film)
        for frame in LABELLED:
            for row in np.flatnonzero(truth.frame == frame):
                who = truth.individuals[truth.individual[row]]
                project.set_instance(video, frame, who, truth.xy[row], truth.visibility[row])
            project.set_complete(video, frame, True)
    return folder


def _mice(place: Path) -> Path:
    import worlds

    film = worlds.film(place / "film.mp4", size=512)
    folder = worlds.project(place / "mice", [film], animals=("mouse 1", "mouse 2"))
    xy = worlds.truth(2, 120, 512)
    _label(folder, xy)
    return folder


def _label(folder: Path, xy: np.ndarray) -> None:
    """Label animals where they are in some frames."""
    from gambol.core.labels import Visibility
    from gambol.io.project import Project

    visible = np.full(xy.shape[2], Visibility.VISIBLE, np.uint8)
    with Project.open(folder) as project:
        for frame in LABELLED:
            for k, name in enumerate(project.individuals().values()):
                project.set_instance(1, frame, name, xy[frame, k], visible)
            project.set_complete(1, frame, True)


def crossings(place: Path, data: Path) -> Path:
    """Two flies in courtship whose detections are lost where they touch; simulated otherwise.

    The predictions that come with the film tell the two apart everywhere, so nothing would be
    doubtful: those of frames in which bodies are `CLOSE` are left out, as a network that has
    seen few flies on top of one another would.
    """
    from gambol.io.project import Project
    from gambol.stages import track

    if not (data / "flies_courtship").is_dir():
        return _walkers(place)
    film, folder = place / "courtship.mp4", place / "courtship"
    _cut(data / "flies_courtship" / COURTSHIP, film)
    source = folder.parent / "courtship.detections.nc"
    skeleton = _detections(data / "flies_courtship" / "predictions.slp", film, source)
    with Project.create(folder, skeleton) as project:
        project.add_video(film)
    out = folder / "runs" / "track-1" / "out"
    track.run(track.TrackConfig(animals=2), [source], out)
    return folder


def _walkers(place: Path) -> Path:
    import proofread
    import worlds

    from gambol.io.project import Project

    film, folder = worlds.film(place / "film.mp4", 1800, 512), place / "walkers"
    proofread.planted(folder)
    with Project.open(folder) as project:
        project.add_video(film)
    return folder


def _cut(source: Path, target: Path) -> None:
    """Write a part of a film anew."""
    from gambol.io.video.open import open_video
    from gambol.io.video.write import VideoWriter

    with open_video(source) as film, VideoWriter(target, FPS, film.size) as writer:
        for number in range(*PART):
            writer.write(film.read([number])[0])


def _detections(source: Path, film: Path, target: Path) -> Any:
    """Write detections of the part, without those of bodies that touch; return the skeleton."""
    from scipy.ndimage import binary_closing

    from gambol.io import detections as io_detections
    from gambol.io import tracks as io_tracks

    said = io_tracks.load(source)
    found, frames = said.found, PART[1] - PART[0]
    middle = np.full((SEEN, 2, 2), np.nan)
    middle[found.frame, said.id] = np.nanmean(found.xy[:, :3], axis=1)  # head to abdomen
    near = np.linalg.norm(middle[:, 0] - middle[:, 1], axis=-1) < CLOSE
    near = binary_closing(np.pad(near, AROUND), np.ones(AROUND))[AROUND:-AROUND]
    part = (found.frame >= PART[0]) & (found.frame < PART[1])
    rows = np.flatnonzero(part & ~near[found.frame])
    rows = rows[np.argsort(found.frame[rows], kind="stable")]
    kept = type(found)(*(None if values is None else values[rows] for values in found))
    kept = kept._replace(frame=kept.frame - PART[0])
    pieces = io_detections.Pieces(target, "courtship")
    pieces.write(0, io_detections.Piece(0, np.ones(frames, bool), kept))
    attrs = {"made_from": "courtship", "source_file": str(film), "body_px": 100.0, "most": 2}
    io_detections.assemble(pieces, 1, np.arange(frames) / FPS, said.skeleton, FPS, attrs)
    return said.skeleton


def space(place: Path, data: Path) -> Path:
    """A mouse before four cameras, calibrated from a board; a simulated one otherwise."""
    from gambol.core import poses as core_poses
    from gambol.io import poses as io_poses
    from gambol.io.project import Project
    from gambol.stages import calibrate, import_poses, triangulate

    source, folder = data / "mouse_4cam", place / "mouse"
    if not source.is_dir():
        return _cameras(place)
    beside = place / "session"
    beside.mkdir()
    for path in source.glob("*/minimal_*"):
        shutil.copy(path, beside)
    said = import_poses.ImportPosesConfig()  # the rate is that of the films beside
    made = import_poses.run(said, sorted(beside.glob("*.slp")), folder / "poses")
    skeleton = core_poses.skeleton(io_poses.read(made.files[0]))
    with Project.create(folder, skeleton) as project:
        for path in sorted(beside.glob("*.mp4")):
            project.add_video(path)
    rig = folder / "calibrations" / "board.toml"
    board = source / "board.toml"
    calibrate.run(calibrate.CalibrateConfig(units="mm"), [source], rig, board=board)
    out = folder / "runs" / "triangulate-1" / "out" / "mouse.nc"
    triangulate.run(triangulate.TriangulateConfig(), list(made.files), rig, out)
    return folder


def _cameras(place: Path) -> Path:
    import spaced

    folder = place / "cameras"
    spaced.world(folder, size=(1024, 1024))
    spaced.films(folder, 60, (1024, 1024))
    return folder


def behavior(place: Path, data: Path) -> Path:
    """Two flies in courtship with a map and syllables of both; simulated labels otherwise."""
    from gambol.core import poses as core_poses
    from gambol.io import poses as io_poses
    from gambol.io import store
    from gambol.io.project import Project
    from gambol.stages import fit_map, fit_syllables, import_poses

    source = data / "flies_courtship"
    if not source.is_dir():
        return _labels(place)
    film, folder = place / "courtship.mp4", place / "flies"
    shutil.copy(source / COURTSHIP, film)
    shutil.copy(source / "predictions.slp", place / "courtship.slp")
    said = import_poses.ImportPosesConfig(fps=FPS)
    (path,) = import_poses.run(said, [place / "courtship.slp"], place).files
    made = io_poses.read(path).isel(time=slice(SEEN)).load()
    made.attrs["source_file"] = str(film)
    poses = folder / "poses" / "courtship.nc"
    store.write_dataset(made, poses)
    with Project.create(folder, core_poses.skeleton(made)) as project:
        project.add_video(film)
    cfg, runs = fit_map.FitConfig.model_validate(MAP), folder / "runs"
    fit_map.run(cfg, [poses], runs / "map-1" / "out")
    settings = fit_syllables.FitConfig.model_validate(SYLLABLES)
    fit_syllables.run(settings, [poses], runs / "syllables-1" / "out")
    return folder


def _labels(place: Path) -> Path:
    import test_behavior_screen

    return Path(test_behavior_screen.world_of(place)[0])

"""The films of `simulate --cameras`: one a camera, true 2D poses, and labels of both.

writes  out/videos/CAMERA.mp4   the films; those that are there are kept
        out/truth/CAMERA.nc     true 2D poses of what can be labelled, with visibility
        out/labels.slp          labels of the same moments in every film
        out/project.db          the same as a project
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from gambol.core.errors import InputError
from gambol.core.labels import Visibility
from gambol.core.progress import Progress, Step, silent
from gambol.io import labels as io_labels
from gambol.io import store
from gambol.simulate.shots import Shot
from gambol.stages import simulate, simulated, workers

WORTH = 500  # frames of a film, for which it pays to start a process


def run(
    shots: Sequence[Shot],
    out: Path,
    *,
    labelled: int,
    keypoints: tuple[str, ...] | None,
    n_workers: int,
    progress: Progress,
) -> None:
    """Draw the films that are missing, and write what is true of them.

    Args:
        shots: of one set.
        out: the folder.
        labelled: moments that are labelled in every film.
        keypoints: those that are labelled; None: all that can be.
        n_workers: films drawn at a time.
        progress: told after some frames, or after each film.
    """
    missing = [shot for shot in shots if not _film(out, shot).exists()]
    if n_workers > 1 and len(missing) > 1 and len(shots[0]) >= WORTH:
        _together(missing, out, n_workers, progress)
    else:
        for shot in missing:
            simulate.film(shot, _film(out, shot), progress)
    species = shots[0].set.species.skeleton()
    kept = simulated.kept(species, keypoints)
    skeleton = simulated.part(species, kept)
    views = [_seen(shot, out, skeleton.keypoints, progress) for shot in shots]
    for view, shot in zip(views, shots, strict=True):
        known = simulated.truth(view.xy, view.visibility, shot.times, skeleton, shot.fps)
        store.write_dataset(known, out / "truth" / f"{shot.camera.name}.nc")
    made = simulated.labels(skeleton, views, labelled)
    io_labels.write(made, out / "labels.slp", "slp")
    simulated.make_project(out / "labels.slp", out)


def _film(out: Path, shot: Shot) -> Path:
    return out / "videos" / f"{shot.camera.name}.mp4"


def _seen(
    shot: Shot, out: Path, keypoints: tuple[str, ...], progress: Progress
) -> simulated.View:
    """Where keypoints are in a film, and which can be seen."""
    bodies = shot.set.bodies
    places = [bodies.skeleton.index(name) for name in keypoints]
    uv = shot.project(bodies.xyz[:, :, places])
    near = np.rint(np.nan_to_num(uv, nan=-1e6))
    inside = ((near >= 0) & (near < shot.size)).all(axis=-1)
    code = np.where(shot.in_sight(keypoints), Visibility.VISIBLE, Visibility.OCCLUDED)
    visibility = np.where(inside, code, Visibility.ABSENT).astype(np.uint8)
    xy = np.where(inside[..., None], uv, np.nan)
    progress(Step("truth", shot.number + 1, shot.number + 1, shot.camera.name))
    return simulated.View(_film(out, shot), xy, visibility)


def _together(shots: list[Shot], out: Path, n_workers: int, progress: Progress) -> None:
    """Draw several films at a time, each in a process of its own."""
    jobs = [(shot, _film(out, shot)) for shot in shots]
    draw: Callable[[tuple[Shot, Path]], None] = _draw
    failed = []
    for done, ((shot, _), trouble) in enumerate(workers.each(draw, jobs, n_workers), start=1):
        if trouble:
            failed.append(f"{shot.camera.name}: {trouble}")
        progress(Step("films", done, len(jobs), shot.camera.name))
    if failed:
        raise InputError(f"{out}: films that could not be drawn: {'; '.join(failed)}")


def _draw(job: tuple[Shot, Path]) -> None:
    shot, path = job
    simulate.film(shot, path, silent)

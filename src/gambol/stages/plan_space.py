"""How far poses in space err that some of the cameras of a plan give.

writes  out/space/NAME/found/   what a network finds in the films that it never saw
        out/space/NAME/tracks/  who is who there, of several animals
        out/space/NAME/K.nc     poses in space by K cameras
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from gambol.core.progress import Progress
from gambol.io import calibration
from gambol.stages import evaluate_3d, predict, track, triangulate
from gambol.stages.simulate_views import Filmed


def spread(cameras: int, count: int) -> list[int]:
    """Return which cameras of a ring are taken, if there were fewer: every so many.

    >>> spread(6, 3), spread(4, 3)
    ([0, 2, 4], [0, 1, 2])
    """
    return [k * cameras // count for k in range(count)]


def errors(
    run: Path,
    films: Filmed,
    counts: Sequence[int],
    animals: int,
    out: Path,
    *,
    device: str,
    progress: Progress,
) -> dict[int, Float[np.ndarray, "M J"]]:
    """Return for each number of cameras how far keypoints err in every frame, mm.

    Args:
        run: a finished training.
        films: that it never saw.
        counts: numbers of cameras.
        animals: how many there are.
        out: folder of what is found.
        device: for the network.
        progress: told of frames.
    """
    assert films.videos is not None
    rig = calibration.read(films.rig)
    named = list(rig)
    found: dict[int, Float[np.ndarray, "M J"]] = {}
    missing = [count for count in counts if not (out / f"{count}.nc").exists()]
    if missing:
        videos = [films.videos / f"{name}.mp4" for name in named]
        poses = _find(run, videos, animals, out, device, progress)
        for count in missing:
            chosen = spread(len(named), count)
            some = out / f"rig-{count}.toml"
            if not some.exists():
                calibration.write(rig.select([named[k] for k in chosen]), some)
            triangulate.run(
                triangulate.TriangulateConfig(), [poses[k] for k in chosen], some,
                out / f"{count}.nc", progress=progress,
            )  # fmt: skip
    for count in counts:
        found[count] = evaluate_3d.errors(out / f"{count}.nc", films.truth)
    return found


def _find(
    run: Path, videos: list[Path], animals: int, out: Path, device: str, progress: Progress
) -> list[Path]:
    """Return the poses in every film."""
    found = predict.run(
        predict.PredictConfig(), run, videos, out / "found", device=device, progress=progress
    )
    if animals == 1:
        return [one.poses for one in found]
    cfg = track.TrackConfig(animals=animals)
    told = track.run(cfg, [one.poses for one in found], out / "tracks", progress=progress)
    return [one.tracks for one in told]

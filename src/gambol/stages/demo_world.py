"""The demo's world: two mice before cameras that do not move, three times.

writes  out/learn/   films to learn from, and their labels
        out/test/    films that training never sees, and pictures of a board
        out/long/    minutes of 2D poses alone, as wrong as those that were found in the films
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from gambol.core.errors import InputError
from gambol.core.instances import body_length
from gambol.core.progress import Progress
from gambol.io import tracks
from gambol.pose import judge
from gambol.simulate.filming import Flaws
from gambol.stages import simulate_views
from gambol.stages.simulate_views import Filmed, ViewsConfig

# tails lie anywhere, and paws are under the body most of the time
KEYPOINTS = ("nose", "left_ear", "right_ear", "neck", "back", "tail_base")
MICE, FPS = 2, 30.0
SLOW = 10.0  # frames/s of films to learn from, which are long so that their frames differ
SHUTTER = 0.01  # s
FLOOR = (360.0, 280.0)  # mm
HEIGHT = 50.0  # degrees, from where cameras look down
STRAY = 5.0  # sds of the noise beyond which a place is another one's
RAYLEIGH = float(np.sqrt(2 * np.log(2)))  # median distance of a point in the plane, in sds


class Size(NamedTuple):
    """How much of it."""

    cameras: int
    picture: tuple[int, int]  # px
    learn_s: float
    labelled: int  # moments, in every camera
    test_s: float
    boards: int  # moments
    long_s: float
    seed: int

    def views(self, recording: int, seconds: float, **more: object) -> ViewsConfig:
        """Return what to film in one of the three recordings, 0, 1 or 2."""
        common = {
            "animals": MICE, "cameras": self.cameras, "height": HEIGHT, "size": self.picture,
            "floor": FLOOR, "keypoints": KEYPOINTS, "place": self.seed, "boards": 5, "fps": FPS,
            "picture": {"exposure": FPS * SHUTTER},
            "seconds": seconds, "seed": 3 * self.seed + recording,
        }  # fmt: skip
        return ViewsConfig.model_validate({**common, **more})


def learn(size: Size, out: Path, workers: int, progress: Progress) -> Filmed:
    """Film what is labelled."""
    cfg = size.views(
        0, size.learn_s, labelled=size.labelled, fps=SLOW, picture={"exposure": SLOW * SHUTTER}
    )
    return simulate_views.run(cfg, out / "learn", progress, workers=workers)


def test(size: Size, out: Path, workers: int, progress: Progress) -> Filmed:
    """Film what is predicted, after a board."""
    cfg = size.views(1, size.test_s, labelled=1, boards=size.boards)
    return simulate_views.run(cfg, out / "test", progress, workers=workers)


def long(size: Size, flaws: Flaws, out: Path, progress: Progress) -> Filmed:
    """See mice for minutes, as the network would."""
    cfg = size.views(2, size.long_s, films=False, flaws=flaws)
    return simulate_views.run(cfg, out / "long", progress)


def flaws(found: dict[Path, Path]) -> Flaws:
    """Measure what goes wrong where poses were found in films.

    Args:
        found: tracks of each camera, and the truth about them.
    """
    errors = np.concatenate([_errors(*pair) for pair in found.items()])  # (N, J, 2)
    lost = np.isnan(errors).all(axis=(1, 2))
    if lost.all():
        raise InputError(
            "the networks found no mouse in the films, so there was too little training in its "
            "time: this machine is slow or busy; delete the folder and try again, without "
            "--quick"
        )
    far = np.linalg.norm(errors, axis=-1)
    sd = float(np.nanmedian(far)) / RAYLEIGH
    stray = far > STRAY * sd
    seen = np.isfinite(far[~lost])
    return Flaws(
        noise=_rounded(sd),
        spread=0.4,
        outliers=_rounded(float(stray.sum() / max(1, seen.sum()))),
        outlier_px=_rounded(float(np.median(far[stray])) / RAYLEIGH) if stray.any() else 60.0,
        dropout=_rounded(1.0 - float(seen.mean()) if seen.size else 0.0),
        hidden=_rounded(min(0.9, float(lost.mean()))),
    )


def _errors(found: Path, truth: Path) -> np.ndarray:
    """How far every keypoint of every animal lies from where it is; NaN where not found."""
    said, known = tracks.load(found), tracks.load(truth)
    place, at = (
        np.stack([np.zeros_like(f), f], 1) for f in (said.found.frame, known.found.frame)
    )
    body = body_length(known.found.xy)
    who = judge.match_all(said.found.xy, place, known.found.xy, at, body)
    errors = np.full(known.found.xy.shape, np.nan)
    errors[who >= 0] = said.found.xy[who[who >= 0]] - known.found.xy[who >= 0]
    return errors


def _rounded(value: float) -> float:
    """To three figures, so that the same settings are written on every machine."""
    return float(f"{value:.3g}")

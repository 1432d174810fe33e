"""The films of a plan: animals like the user's, before cameras like the user's, twice.

writes  out/films/WIDTH/learn/   films to learn from, with labels
        out/films/WIDTH/test/    films of the same place that training never sees

Films of another width show the same moments by cameras with more or fewer pixels.
"""

from math import ceil
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import Field, NonNegativeInt, PositiveFloat

from gambol.core.config import Config
from gambol.core.progress import Progress
from gambol.io import calibration
from gambol.simulate import body3d, fly, mouse
from gambol.simulate.shots import PictureConfig
from gambol.stages import simulate_views, simulated
from gambol.stages.simulate_views import Filmed, ViewsConfig

SLOW = 10.0  # frames/s of films to learn from, which are long so that their frames differ
APART_S = 0.75  # between moments that are labelled
TESTED = 120  # labelled frames to test on, of all cameras together
KEYPOINTS = {
    "mouse": ("nose", "left_ear", "right_ear", "neck", "back", "tail_base"),
    "fly": ("head", "thorax", "abdomen", "wingL", "wingR"),
}


class SettingConfig(Config):
    """What is filmed, and how: as near to your own recordings as can be said."""

    animal: Literal["mouse", "fly"] = "mouse"
    animals: int = Field(default=1, ge=1, le=6)
    identical: bool = False  # True: nothing but their motion tells animals apart
    keypoints: tuple[str, ...] | None = None  # null: five or six along the body
    height: float = Field(default=50.0, ge=0.0, le=90.0)  # degrees, of the cameras
    floor: tuple[PositiveFloat, PositiveFloat] | None = None  # mm; null: 400, 300; flies 20, 16
    fps: PositiveFloat = 30.0
    aspect: PositiveFloat = 1.25  # width of the pictures by their height
    seconds: PositiveFloat = 12.0  # of the films that are tested
    picture: PictureConfig = PictureConfig()
    seed: NonNegativeInt = 0


class Films(NamedTuple):
    """What was filmed at one width."""

    learn: Filmed
    test: Filmed


def film(
    cfg: SettingConfig,
    cameras: int,
    labelled: int,
    width: int,
    out: Path,
    workers: int,
    progress: Progress,
) -> Films:
    """Film, unless it was filmed before.

    Args:
        cfg: the setting.
        cameras: V.
        labelled: frames to label, of all cameras together.
        width: of the pictures, px.
        out: folder of the plan.
        workers: films drawn at a time.
        progress: told after each picture.
    """
    moments = ceil(labelled / cameras)
    common = _views(cfg, cameras, width)
    learn = common | {
        "fps": SLOW, "seconds": moments * APART_S, "labelled": moments, "seed": 2 * cfg.seed,
        "picture": _shutter(cfg, SLOW),
    }  # fmt: skip
    tested = min(ceil(TESTED / cameras), max(1, round(cfg.seconds * cfg.fps)))
    test = common | {"labelled": tested, "seed": 2 * cfg.seed + 1}
    folder = out / "films" / str(width)
    return Films(*(
        simulate_views.run(
            ViewsConfig.from_values(values, "the setting"), folder / name, progress,
            workers=workers,
        )
        for name, values in (("learn", learn), ("test", test))
    ))  # fmt: skip


def check(cfg: SettingConfig) -> None:
    """Refuse keypoints that the animal does not have, and a floor that is too small."""
    simulated.kept((mouse if cfg.animal == "mouse" else fly).skeleton(), cfg.keypoints)
    body3d.room(cfg.animal, cfg.animals, cfg.floor)


def keypoints(cfg: SettingConfig) -> tuple[str, ...]:
    """Return the names of what is labelled."""
    return KEYPOINTS[cfg.animal] if cfg.keypoints is None else cfg.keypoints


def millimetres(films: Filmed) -> float:
    """Return how wide a pixel is where the animals are, mm: mean over cameras."""
    rig = calibration.read(films.rig)
    return float(np.mean([np.linalg.norm(c.centre) / c.matrix[0, 0] for c in rig.cameras]))


def _views(cfg: SettingConfig, cameras: int, width: int) -> dict[str, Any]:
    return {
        "animal": cfg.animal, "animals": cfg.animals, "identical": cfg.identical,
        "cameras": cameras, "height": cfg.height, "floor": cfg.floor, "fps": cfg.fps,
        "seconds": cfg.seconds, "place": cfg.seed, "boards": 5,
        "size": (width, round(width / cfg.aspect)),
        "keypoints": keypoints(cfg), "picture": cfg.picture.model_dump(),
    }  # fmt: skip


def _shutter(cfg: SettingConfig, fps: float) -> dict[str, Any]:
    """Keep the shutter open as long as in the films that are tested."""
    share = min(1.0, cfg.picture.exposure * fps / cfg.fps)
    return {**cfg.picture.model_dump(), "exposure": share}

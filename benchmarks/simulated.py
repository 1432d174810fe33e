"""How fast simulated films are drawn: one camera of 640 x 480 on one core.

The limit is what every pixel costs whatever it shows (noise, blur, quantisation); bodies cost
what they cover.
"""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from benchmarks.record import budget, record
from gambol.core.progress import silent
from gambol.simulate.shots import PictureConfig, Shot
from gambol.stages import simulate, simulate_views

SIZE = (640, 480)
FRAMES = budget(240, 12)


def speed() -> None:
    """Time films of one mouse and of two, drawn and written."""
    cv2.setNumThreads(1)
    alone, written = _rates(_shot(1))
    two, _ = _rates(_shot(2))
    flies, _ = _rates(_shot(2, "fly"))
    grey, _ = _rates(_shot(1, picture=PictureConfig(colour=False)))
    empty = _empty(_shot(1))
    record(
        "simulate.fps",
        alone,
        "frames/s",
        data="one mouse, one camera of 640 x 480, colour",
        goal="≥ 20",
        met=alone >= 20,
        note=f"processor time of one core; {written:.0f} with the film written as H.264, "
        f"{two:.0f} for two mice, {flies:.0f} for two flies, {grey:.0f} in grey; {empty:.0f} "
        "for the empty arena, which is lens and noise alone",
    )


def _shot(animals: int, animal: str = "mouse", **more: PictureConfig) -> Shot:
    values = {"animal": animal, "animals": animals, "cameras": 1, "size": SIZE,
              "seconds": FRAMES / 30, "height": 50.0, "seed": 1}  # fmt: skip
    cfg = simulate_views.ViewsConfig.from_values(values, "benchmarks.simulated")
    return simulate_views.shots(cfg.model_copy(update=more))[0]


def _rates(shot: Shot) -> tuple[float, float]:
    """Frames a second of processor time: drawn, and drawn and written."""
    shot.read([0, 1])  # compiles, and draws the arena
    start = time.process_time()
    for n in range(FRAMES):
        shot.read([n])
    drawn = time.process_time() - start
    with TemporaryDirectory() as folder:
        start = time.process_time()
        simulate.film(shot, Path(folder) / "film.mp4", silent)
        return FRAMES / drawn, FRAMES / (time.process_time() - start)


def _empty(shot: Shot) -> float:
    """The same of an arena without animals."""
    scene = shot.backdrop.scene
    shot.sense(scene, np.random.default_rng(0))
    start = time.process_time()
    for n in range(FRAMES):
        shot.sense(scene, np.random.default_rng(n))
    return FRAMES / (time.process_time() - start)

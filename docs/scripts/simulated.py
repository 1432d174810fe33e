"""Draw docs/images/simulated.jpg: simulated mice and flies as several cameras see them.

`python docs/scripts/simulated.py`; the last row, real films of the same kind, only where the
recordings are at hand and to a path that is given: they belong to others.
"""

import os
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from gambol.io.video.open import open_video
from gambol.simulate.shots import Shot
from gambol.stages.simulate_views import ViewsConfig, shots

OUT = Path(__file__).parents[1] / "images" / "simulated.jpg"
DATA = Path(os.environ.get("GAMBOL_DATA", Path(__file__).parents[3] / "shared" / "data"))
SIZE = (480, 360)
REAL = {
    "mouse_4cam/side/minimal_side.mp4": 40,
    "mouse_openfield/videos/m3v1mp4.mp4": 300,
    "flies_courtship/20190128_113421.120s.mp4": 700,
}


def main() -> None:
    """Draw the picture; with a path, beside real films."""
    mice = _films(animals=2, cameras=2, height=32.0, seed=4, seconds=8.0)
    low = _films(cameras=2, height=14.0, seed=0, seconds=50.0, floor=(200.0, 150.0),
                 picture={"coat": "agouti"})  # fmt: skip
    flies = _films(animal="fly", animals=2, cameras=2, height=50.0, seed=3, seconds=8.0,
                   floor=(10.0, 8.0))  # fmt: skip
    rows = [[_draw(low[0], 1020), _draw(mice[0], 70), _draw(flies[0], 100)],
            [_draw(low[1], 1020), _draw(mice[1], 70), _draw(flies[1], 100)]]  # fmt: skip
    if len(sys.argv) > 1:
        rows.append([_real(DATA / name, frame) for name, frame in REAL.items()])
    picture = np.vstack([np.hstack(row) for row in rows])
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else OUT
    cv2.imwrite(str(out), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])


def _films(**values: Any) -> list[Shot]:
    return shots(ViewsConfig.from_values({"size": SIZE, **values}, "simulated.py"))


def _draw(shot: Shot, frame: int) -> np.ndarray:
    return shot.read([frame])[0]


def _real(path: Path, frame: int) -> np.ndarray:
    read = open_video(str(path)).read([frame])[0]
    return np.asarray(cv2.resize(np.broadcast_to(read, (*read.shape[:2], 3)).copy(), SIZE))


if __name__ == "__main__":
    main()

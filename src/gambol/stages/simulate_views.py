"""Stage `simulate --cameras`: what detectors would find of animals in several cameras.

writes  out/board.yaml          the calibration board, and
        out/board/CAMERA/*.png  pictures of it, for `gambol calibrate`
        out/views/CAMERA.nc     2D poses with noise, outliers and gaps, for `gambol triangulate`
        out/rig.toml            the true cameras
        out/truth3d.nc          the true 3D poses
        out/simulate.yaml       the settings, written last
"""

from pathlib import Path
from typing import Literal, NamedTuple

import cv2
import numpy as np
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from gambol.core import poses as core_poses
from gambol.core.board import Board
from gambol.core.cameras import Rig
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.io import board_file, calibration, store
from gambol.simulate import board_pictures, body3d, filming, rigs
from gambol.viz import board_page

SQUARE = 120.0  # px of a square in the printed board


class ViewsConfig(Config):
    """What to film."""

    animal: Literal["mouse", "fly"] = "mouse"
    animals: PositiveInt = 1
    cameras: int = Field(default=4, ge=2, le=12)
    seconds: PositiveFloat = 10.0
    fps: PositiveFloat = 30.0
    seed: NonNegativeInt = 0
    boards: int = Field(
        default=20, ge=5
    )  # moments of the board; at moment 0 it is on the floor
    size: tuple[PositiveInt, PositiveInt] = (640, 512)  # of the images, px
    flaws: filming.Flaws = filming.Flaws(
        noise=1.5, spread=0.4, outliers=0.03, dropout=0.05, hidden=0.05, bias=0.5
    )


class Filmed(NamedTuple):
    """What was written."""

    board: Path
    pictures: Path
    views: Path
    rig: Path
    truth: Path


def run(cfg: ViewsConfig, out: Path, progress: Progress = silent) -> Filmed:
    """Film, unless the same was filmed there already."""
    made = Filmed(
        out / "board.yaml", out / "board", out / "views", out / "rig.toml", out / "truth3d.nc"
    )
    settings = out / "simulate.yaml"
    if settings.exists() and settings.read_text(encoding="utf-8") == cfg.yaml():
        progress(Step("simulate", 1, 1, out.name))
        return made
    if out.is_dir() and any(out.iterdir()) and not made.rig.exists():
        raise InputError(f"{out} is not empty and holds no simulated views; choose another")
    rng = np.random.default_rng(cfg.seed)
    bodies = body3d.move(
        rng, cfg.animal, round(cfg.seconds * cfg.fps), animals=cfg.animals, fps=cfg.fps
    )
    middle = bodies.xyz.reshape(-1, 3)
    reach = 1.05 * float(np.linalg.norm(middle, axis=1).max())
    rig = rigs.ring(rng, cfg.cameras, reach, size=cfg.size)
    calibration.write(rig, made.rig)
    _boards(cfg, rng, rig, reach, made, progress)
    _views(cfg, rng, bodies, rig, made, progress)
    store.write_text(cfg.yaml(), settings)
    return made


def _boards(
    cfg: ViewsConfig,
    rng: np.random.Generator,
    rig: Rig,
    reach: float,
    made: Filmed,
    progress: Progress,
) -> None:
    """Print a board that fits the scene and show it to the cameras."""
    square = float(f"{reach * 1.1 / 7:.2g}")
    board = Board("charuco", 7, 5, square, 0.75 * square, "4X4_50", units="mm")
    board_file.write_board(board, made.board)
    page = board_page.page(board)
    scale = SQUARE / square
    image = board_page.image(page, scale * board_page.INCH)
    printed = board_pictures.Print(image, scale, _margin(page, board) * scale)
    size = (board.columns * square, board.rows * square)
    places = board_pictures.poses(rng, rig, cfg.boards, size, reach)
    total = len(places) * len(rig)
    for k, pose in enumerate(places):
        for v, camera in enumerate(rig.cameras):
            picture = board_pictures.picture(rng, printed, pose, camera)
            _, png = cv2.imencode(".png", picture)
            store.write_bytes(png.tobytes(), made.pictures / camera.name / f"{k:03d}.png")
            progress(Step("board", k * len(rig) + v + 1, total, camera.name))


def _margin(page: board_page.Page, board: Board) -> np.ndarray:
    """Where the board begins on its page, mm."""
    width, height = board.columns * board.square, board.rows * board.square
    across, down = page.size
    return np.array([(across - width) / 2, (down - board_page.FOOT - height) / 2])


def _views(
    cfg: ViewsConfig,
    rng: np.random.Generator,
    bodies: body3d.Bodies,
    rig: Rig,
    made: Filmed,
    progress: Progress,
) -> None:
    """Write what a detector would see, and the truth."""
    names = _names(cfg.animals)
    seen = [
        filming.film(rng, bodies.xyz[:, n], rig, cfg.flaws, bodies.skeleton, fps=cfg.fps)
        for n in range(cfg.animals)
    ]
    for v, camera in enumerate(rig):
        xy = np.stack([one.xy[:, v] for one in seen], axis=1)
        wide = np.stack([one.variance[:, v] for one in seen], axis=1)
        poses = core_poses.build(
            xy,
            np.stack([one.confidence[:, v] for one in seen], axis=1),
            wide[..., None, None] * np.eye(2),
            bodies.times,
            bodies.skeleton,
            fps=cfg.fps,
            individuals=names,
        )
        store.write_dataset(poses, made.views / f"{camera}.nc")
        progress(Step("views", v + 1, len(rig), camera))
    known = np.ones(bodies.xyz.shape[:3])
    truth = core_poses.build(
        bodies.xyz, known, np.zeros((*bodies.xyz.shape, 3)), bodies.times, bodies.skeleton,
        fps=cfg.fps, individuals=names, attrs={"units": rig.units, "up": list(rig.up)},
    )  # fmt: skip
    store.write_dataset(truth, made.truth)


def _names(animals: int) -> tuple[str, ...]:
    return tuple(f"animal{i + 1}" for i in range(animals)) if animals > 1 else ("animal",)

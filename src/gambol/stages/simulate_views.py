"""Stage `simulate --cameras`: simulated animals in several cameras, with truth on every level.

writes  out/simulate.yaml       the settings, first
        out/board.yaml          the calibration board, and
        out/board/CAMERA/*.png  pictures of it, for `gambol calibrate`
        out/rig.toml            the true cameras
        out/views/CAMERA.nc     2D poses with noise, outliers and gaps, for `gambol triangulate`
        out/behaviour.csv       what each animal did when: behaviour, and states above it
        out/videos/CAMERA.mp4   the films (`stages.simulate_films`), with
        out/truth/CAMERA.nc     true 2D poses, and which keypoints can be seen
        out/labels.slp          labels of the same moments in every film, and
        out/project.db          the same as a project
        out/truth3d.nc          the true 3D poses, last
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
from gambol.core.progress import Progress, Step, silent
from gambol.io import board_file, calibration, store
from gambol.simulate import board_pictures, body3d, filming, fly, mouse, rigs
from gambol.simulate.shots import PictureConfig, Set, Shot
from gambol.stages import begun, simulate_films, simulated
from gambol.viz import board_page

SQUARE = 120.0  # px of a square in the printed board


class ViewsConfig(Config):
    """What to film."""

    animal: Literal["mouse", "fly"] = "mouse"
    animals: int = Field(default=1, ge=1, le=6)
    identical: bool = False  # True: nothing but their motion tells animals apart
    moods: bool = True  # states above behaviour, tens of seconds long
    cameras: int = Field(default=4, ge=1, le=12)
    height: float = Field(default=35.0, ge=0.0, le=90.0)  # degrees, of the cameras
    floor: tuple[PositiveFloat, PositiveFloat] | None = None  # mm; null: 400, 300; flies 20, 16
    seconds: PositiveFloat = 10.0
    fps: PositiveFloat = 30.0
    seed: NonNegativeInt = 0
    place: NonNegativeInt | None = None
    # a seed of its own for arena, coats and cameras, which then look at the whole floor:
    # recordings of one place differ in nothing but what animals do; null: all follows from
    # `seed`, and cameras look at what animals reach
    boards: int = Field(
        default=20, ge=5
    )  # moments of the board; at moment 0 it is on the floor
    size: tuple[PositiveInt, PositiveInt] = (640, 512)  # of the images, px
    films: bool = True  # False: 2D poses alone, in a hundredth of the time
    labelled: PositiveInt = 20  # moments of the films that are labelled
    keypoints: tuple[str, ...] | None = None
    # those of labels, and of 2D poses; null: all that can be labelled, and all
    picture: PictureConfig = PictureConfig()
    flaws: filming.Flaws = filming.Flaws(
        noise=1.5, spread=0.4, outliers=0.03, dropout=0.05, hidden=0.05, bias=0.5
    )  # of the 2D poses


class Filmed(NamedTuple):
    """What was written."""

    board: Path
    pictures: Path
    views: Path
    rig: Path
    truth: Path
    behaviour: Path
    videos: Path | None  # of the films, and
    labels: Path | None  # of their labels, if there are films


def run(
    cfg: ViewsConfig, out: Path, progress: Progress = silent, *, workers: int = 1
) -> Filmed:
    """Film, unless the same was filmed there already; after a kill, go on.

    Args:
        cfg: what to film.
        out: a folder.
        progress: told after each picture.
        workers: films drawn at a time; the films are the same for any number.
    """
    made = Filmed(
        out / "board.yaml", out / "board", out / "views", out / "rig.toml",
        out / "truth3d.nc", out / "behaviour.csv", out / "videos" if cfg.films else None,
        out / "labels.slp" if cfg.films else None,
    )  # fmt: skip
    simulated.kept((mouse if cfg.animal == "mouse" else fly).skeleton(), cfg.keypoints)
    body3d.room(cfg.animal, cfg.animals, cfg.floor)
    begun.begin(cfg, out, "simulate", "a simulation")
    if made.truth.exists():
        progress(Step("simulate", 1, 1, out.name))
        return made
    rng = np.random.default_rng(cfg.seed)
    bodies, rig, reach = _scene(cfg, rng)
    calibration.write(rig, made.rig)
    _boards(cfg, rng, rig, reach, made, progress)
    _views(cfg, rng, bodies, rig, made, progress)
    did = simulated.Did(bodies.state, bodies.states, bodies.mood, bodies.moods)
    simulated.write_behaviour(did, out.name, cfg.fps, made.behaviour)
    if cfg.films:
        simulate_films.run(
            _shots(cfg, bodies, rig), out, labelled=cfg.labelled, keypoints=cfg.keypoints,
            n_workers=workers, progress=progress,
        )  # fmt: skip
    names = simulated.names(cfg.animals)
    truth = core_poses.build(
        bodies.xyz, np.ones(bodies.xyz.shape[:3]), np.zeros((*bodies.xyz.shape, 3)),
        bodies.times, bodies.skeleton, fps=cfg.fps, individuals=names,
        attrs={"units": rig.units, "up": list(rig.up)},
    )  # fmt: skip
    store.write_dataset(truth, made.truth)
    return made


def shots(cfg: ViewsConfig) -> list[Shot]:
    """Return the films of all cameras, whose frames are drawn when they are read."""
    bodies, rig, _ = _scene(cfg, np.random.default_rng(cfg.seed))
    return _shots(cfg, bodies, rig)


def _shots(cfg: ViewsConfig, bodies: body3d.Bodies, rig: Rig) -> list[Shot]:
    place = Set(
        bodies, cfg.animal, cfg.picture, fps=cfg.fps, seed=cfg.seed, place=cfg.place,
        identical=cfg.identical,
    )  # fmt: skip
    return [Shot(place, camera, v) for v, camera in enumerate(rig.cameras)]


def _scene(cfg: ViewsConfig, rng: np.random.Generator) -> tuple[body3d.Bodies, Rig, float]:
    """Let animals behave and stand cameras around them; also how far anything gets, mm."""
    bodies = body3d.move(
        rng, cfg.animal, max(1, round(cfg.seconds * cfg.fps)), animals=cfg.animals, fps=cfg.fps,
        floor=cfg.floor, identical=cfg.identical, moods=cfg.moods,
    )  # fmt: skip
    far = bodies.xyz.reshape(-1, 3)
    if cfg.place is not None:
        rng, far = np.random.default_rng(cfg.place), bodies.floor
    reach = 1.05 * float(np.linalg.norm(far, axis=1).max())
    rig = rigs.ring(rng, cfg.cameras, reach, height=cfg.height, size=cfg.size)
    return bodies, rig, reach


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
    """Write what a detector would see."""
    places = simulated.kept(bodies.skeleton, cfg.keypoints)
    skeleton = simulated.part(bodies.skeleton, places)
    seen = [
        filming.film(rng, bodies.xyz[:, n], rig, cfg.flaws, bodies.skeleton, fps=cfg.fps)
        for n in range(cfg.animals)
    ]
    for v, camera in enumerate(rig):
        found = {
            name: np.stack([getattr(one, name)[:, v, places] for one in seen], axis=1)
            for name in ("xy", "confidence", "variance")
        }
        poses = core_poses.build(
            found["xy"],
            found["confidence"],
            found["variance"][..., None, None] * np.eye(2),
            bodies.times,
            skeleton,
            fps=cfg.fps,
            individuals=simulated.names(cfg.animals),
        )
        store.write_dataset(poses, made.views / f"{camera}.nc")
        progress(Step("views", v + 1, len(rig), camera))

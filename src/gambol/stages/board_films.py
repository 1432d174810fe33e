"""Where the pictures of a board are, one camera after another, and the corners in them."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gambol.core.board import Board
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step
from gambol.core.video import Video
from gambol.io import board_file
from gambol.io.sightings import Found, Kept, join
from gambol.io.video.images import images_in, is_image, natural_key
from gambol.io.video.open import fingerprint, is_video, open_video
from gambol.multiview import boards, diagnose

FILMS = (".mp4", ".avi", ".mov", ".mkv", ".m4v", ".mpg", ".mpeg", ".wmv", ".webm")
TRIED = 10  # frames that tell what is wrong where a board is found in few
RARE = 0.1  # share of frames with a board below which something may be wrong


class Footage(NamedTuple):
    """One camera's pictures of the board."""

    camera: str
    path: Path
    frames: tuple[int, ...]  # moments, alike in all cameras
    places: tuple[int, ...]  # the picture of each moment


class Looked(NamedTuple):
    """What was found in every camera."""

    cameras: tuple[str, ...]
    board: Board  # as given, or as it turned out to be
    gathered: boards.Gathered
    sizes: list[tuple[int, int]]
    flips: tuple[str, ...]  # cameras whose pictures are mirrored
    remarks: tuple[str, ...]


def footage(sources: list[Path], assign: Mapping[str, Path], most: int) -> list[Footage]:
    """Find the pictures of every camera.

    Args:
        sources: a folder or film a camera; or one folder of these.
        assign: camera name to folder or film.
        most: moments that are looked at; of films with more, evenly spread ones.
    """
    places = {**_places(sources), **assign}
    if not places and not sources:
        raise InputError("no pictures were given; give a folder or video for each camera")
    if len(places) < 2:
        said = ", ".join(map(str, [*sources, *assign.values()]))
        raise InputError(
            f"{said} shows {'one camera only' if places else 'no camera'}; give a folder or "
            "video for each of two or more"
        )
    shown = {name: _pictures(_inside(path)) for name, path in places.items()}
    common = sorted(set().union(*(set(one) for _, one in shown.values())))
    step = max(1, -(-len(common) // most))
    kept = common[::step]
    return [
        Footage(name, path, tuple(moments), tuple(one[f] for f in moments))
        for name, (path, one) in shown.items()
        for moments in [[f for f in kept if f in one]]
    ]


def look(
    films: list[Footage], board: Board, flips: tuple[str, ...], kept: Kept, progress: Progress
) -> Looked:
    """Find the board in all pictures; what is found stays if the run is killed.

    Where it is found in few pictures of all cameras, the reason is looked for, and a board or
    a mirroring that explains them is used and remarked.
    """
    found = _all(films, board, flips, kept, progress)
    remarks: list[str] = []
    poor = [
        film
        for film, one in zip(films, found, strict=True)
        if (np.bincount(one.frame) >= boards.FEWEST).sum() < max(2, RARE * len(film.frames))
    ]
    if poor:
        board, flips, remarks = _explained(poor, films, board, flips)
        found = _all(films, board, flips, kept, progress)
    moments = sorted(set().union(*(film.frames for film in films)))
    table = [
        [_corners(one, film, moment) for moment in moments]
        for film, one in zip(films, found, strict=True)
    ]
    gathered = boards.gather(table)
    gathered = gathered._replace(frames=np.array(moments)[gathered.frames])
    sizes = [(int(one.size[0]), int(one.size[1])) for one in found]
    return Looked(
        tuple(film.camera for film in films), board, gathered, sizes, flips, tuple(remarks)
    )


def _places(sources: list[Path]) -> dict[str, Path]:
    """Cameras by name: the sources, or what the only one holds."""
    for source in sources:
        if not source.exists():
            raise InputError(f"{source} does not exist; give folders or videos of the board")
    if len(sources) == 1 and sources[0].is_dir() and not _stills(sources[0]):
        inside = [
            path
            for path in sorted(sources[0].iterdir(), key=lambda p: natural_key(p.name))
            if not path.name.startswith(".") and (path.is_dir() or path.suffix.lower() in FILMS)
        ]
        sources = [path for path in inside if not path.is_dir() or _holds(path)]
    names = [path.stem if path.is_file() else path.name for path in sources]
    if twice := [name for name in names if names.count(name) > 1]:
        raise InputError(f"two cameras would be named {twice[0]}; name them with --view")
    return dict(zip(names, sources, strict=True))


def _stills(folder: Path) -> bool:
    return any(is_image(path) for path in folder.iterdir() if path.is_file())


def _holds(folder: Path) -> bool:
    """Tell whether a folder, or one in it, holds pictures."""
    return any(is_image(p) or p.suffix.lower() in FILMS for p in folder.rglob("*"))


def _inside(path: Path) -> Path:
    """The pictures of a camera: its folder of images, or its only film."""
    if path.is_file() or _stills(path):
        return path
    folders = [p for p in sorted(path.iterdir()) if p.is_dir() and _stills(p)]
    if len(folders) == 1:
        return folders[0]
    films = [p for p in sorted(path.iterdir()) if p.suffix.lower() in FILMS]
    if len(films) == 1 and not folders:
        return films[0]
    names = ", ".join(p.name for p in folders or films)
    raise InputError(
        f"{path} holds {names or 'no picture'}; say which shows the board with --view "
        f"{path.name}=PATH"
    )


def _pictures(path: Path) -> tuple[Path, dict[int, int]]:
    """The moments of a camera and which picture shows each.

    Images are numbered by the last number of their names, where all have one.
    """
    if not path.is_dir():
        if not is_video(path):
            raise InputError(f"{path} shows nothing; give a video or a folder of images")
        film = open_video(path, grey=True)
        count = len(film)
        film.close()
        return path, {i: i for i in range(count)}
    names = [re.findall(r"[0-9]+", file.stem) for file in images_in(path)]
    numbers = [int(found[-1]) for found in names if found]
    if len(set(numbers)) == len(names):
        return path, {number: i for i, number in enumerate(numbers)}
    return path, {i: i for i in range(len(names))}


def _all(
    films: list[Footage], board: Board, flips: tuple[str, ...], kept: Kept, progress: Progress
) -> list[Found]:
    total = sum(len(film.frames) for film in films)
    done = 0
    out = []
    for film in films:
        key = _key(film, board, film.camera in flips)
        one = kept.read(key)
        if one is None:
            one = _one(film, board, film.camera in flips, progress, done, total)
            kept.write(key, one)
        done += len(film.frames)
        progress(Step("board", done, total, film.camera))
        out.append(one)
    return out


def _one(
    film: Footage, board: Board, flip: bool, progress: Progress, done: int, total: int
) -> Found:
    video = open_video(film.path, grey=True)
    try:
        corners = []
        for number, index in enumerate(film.places):
            seen = boards.detect(_picture(video, index, flip), board)
            corners.append((seen.ids, seen.xy, seen.sharpness))
            progress(Step("board", done + number, total, film.camera))
        return join(film.frames, corners, video.size)
    finally:
        video.close()


def _picture(video: Video, index: int, flip: bool) -> np.ndarray:
    image = video.read([index])[0][..., 0]
    return np.ascontiguousarray(image[:, ::-1]) if flip else image


def _corners(one: Found, film: Footage, moment: int) -> boards.Corners | None:
    if moment not in film.frames:
        return None
    at = film.frames.index(moment)
    rows = one.frame == at
    return boards.Corners(one.ids[rows], one.xy[rows], float(one.sharpness[at]))


def _explained(
    poor: list[Footage], films: list[Footage], board: Board, flips: tuple[str, ...]
) -> tuple[Board, tuple[str, ...], list[str]]:
    """Say why cameras see no board; right is the board of which most corners are seen."""
    shown = {film.camera: _some(film) for film in poor}
    every = {name: diagnose.explain(images, board) for name, images in shown.items()}
    findings = {name: found for name, found in every.items() if found.cause != "none"}
    remarks = [f"camera {name}: {found.sentence}" for name, found in findings.items()]
    told = {name: found for name, found in findings.items() if found.cause != "unknown"}
    if len(findings) == len(films) and not told:
        raise InputError("the board is found in no camera: " + "; ".join(remarks))
    turned = {name for name, found in told.items() if found.flip} | set(flips)
    candidates = [board]
    if len(poor) == len(films):  # else others see the board as it was described
        candidates += [found.board for found in told.values() if found.board != board]
    best = max(candidates, key=lambda one: _corners_of(one, shown, turned))
    return best, (*flips, *sorted(turned - set(flips))), remarks


def _corners_of(board: Board, shown: dict[str, list[np.ndarray]], turned: set[str]) -> int:
    """How many corners of a board the cameras see."""
    total = 0
    for name, images in shown.items():
        for image in images:
            seen = np.ascontiguousarray(image[:, ::-1]) if name in turned else image
            total += len(boards.detect(seen, board).ids)
    return total


def _some(film: Footage) -> list[np.ndarray]:
    video = open_video(film.path, grey=True)
    try:
        step = max(1, len(film.places) // TRIED)
        return [_picture(video, index, False) for index in film.places[::step]]
    finally:
        video.close()


def _key(film: Footage, board: Board, flip: bool) -> str:
    parts = [
        film.camera,
        fingerprint(film.path),
        str(film.places),
        board_file.board_text(board),
        str(flip),
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

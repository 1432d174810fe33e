"""Why a board is not found: hypotheses tried in order on a few frames, and the one that wins.

Marker dictionary, mirrored video, printed pattern, size, rows. The size is read off the markers
themselves: for every number of columns, markers have places on a plane, and only under the true
number does one perspective map take those places to the image.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8

from gambol.core.board import DICTIONARIES, Board
from gambol.multiview import boards

Cause = Literal[
    "none", "dictionary", "mirrored", "legacy", "swapped", "size", "rows", "unknown"
]
WIDEST = 40  # squares across, of the boards whose size is guessed
TRUE_FIT = 0.5  # of a marker's side: so far may markers lie from where a size puts them
FRAMES = 8  # looked at, evenly spaced
CLEAR = 0.6  # of the markers: no other dictionary shows so many by chance
CLEAREST = 3  # of them, those with most markers, tell the size
LEAST = 9  # inner corners; grids no larger are seen in noise, too
# the largest dictionary of each kind: smaller ones of the same kind are its first markers
FAMILIES = tuple(n for n in DICTIONARIES if not n.endswith(("_50", "_100", "_250")))


class Finding(NamedTuple):
    """What is wrong, and the board and flip under which it is found."""

    cause: Cause
    board: Board  # as given where nothing better was found
    flip: bool  # the images have to be mirrored left to right
    sentence: str  # for people


class _Markers(NamedTuple):
    """Markers of one image."""

    ids: Int[np.ndarray, " M"]
    middle: Float[np.ndarray, "M 2"]  # px
    side: float  # median, px


def explain(images: Sequence[UInt8[np.ndarray, "H W *C"]], board: Board) -> Finding:
    """Say why a board is found in few of these images, or that nothing is wrong."""
    step = max(1, len(images) // FRAMES)
    flat = [boards.grey(image) for image in images[::step][:FRAMES]]
    findings = _of_markers if board.kind == "charuco" else _of_squares
    if (first := next(findings(flat, board), None)) is not None:
        return first
    return Finding(
        "unknown", board, False,
        f"none of {len(flat)} images looked at shows a {board} under any dictionary, mirrored "
        "or not; check that the board is sharp, lit evenly and as a whole in the image",
    )  # fmt: skip


def _of_markers(flat: list[UInt8[np.ndarray, "H W"]], board: Board) -> Iterator[Finding]:
    """Findings about a ChArUco board, the first that holds first."""
    found = [_markers(image, board.dictionary) for image in flat]
    enough = max(6, board.n_markers // 4)
    if _count(found) >= enough:
        yield from _of_pattern(flat, board, found, False)
        return
    backwards = _flipped(flat)
    mirrored = [_markers(image, board.dictionary) for image in backwards]
    if _count(mirrored) >= max(enough, CLEAR * board.n_markers):
        yield from _of_pattern(backwards, board, mirrored, True)
        return
    flip, (name, found) = False, _dictionary(_busiest(flat, board), enough, board)
    if _count(found) < CLEAR * board.n_markers:
        other = _dictionary(_busiest(backwards, board), enough, board)
        if _count(other[1]) > _count(found):
            flip, (name, found) = True, other
    if name == board.dictionary:
        yield from _of_pattern(backwards if flip else flat, board, found, flip)
    elif name:
        yield _with_dictionary(backwards if flip else flat, board, name, found, flip)


def _busiest(
    images: list[UInt8[np.ndarray, "H W"]], board: Board
) -> list[UInt8[np.ndarray, "H W"]]:
    """The two images with most quadrangles, whatever is in them."""
    words = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, f"DICT_{board.dictionary}"))
    finder = cv2.aruco.ArucoDetector(words)
    quads = [len(rejected) + len(q) for q, _, rejected in map(finder.detectMarkers, images)]
    return [images[k] for k in np.argsort(quads)[::-1][:2]]


def _flipped(flat: list[UInt8[np.ndarray, "H W"]]) -> list[UInt8[np.ndarray, "H W"]]:
    return [np.ascontiguousarray(image[:, ::-1]) for image in flat]


def _with_dictionary(
    images: list[UInt8[np.ndarray, "H W"]],
    board: Board,
    name: str,
    found: list[_Markers],
    flip: bool,
) -> Finding:
    """Say which dictionary it is, and what else is wrong with the board under it."""
    said = f"the markers are of dictionary {name}, not {board.dictionary}"
    said += ", and the images are mirrored" if flip else ""
    if board.n_markers > DICTIONARIES[name]:
        return Finding("dictionary", board, flip, f"{said}, which has too few for this size")
    better = replace(board, dictionary=name)
    for more in _of_pattern(images, better, found, flip):
        if more.cause not in ("none", "mirrored"):
            return Finding("dictionary", more.board, flip, f"{said}; besides, {more.sentence}")
    return Finding("dictionary", better, flip, f"{said}; set dictionary: {name}")


def _of_pattern(
    flat: list[UInt8[np.ndarray, "H W"]], board: Board, found: list[_Markers], flip: bool
) -> Iterator[Finding]:
    """Findings once markers are seen: pattern, size, rows, or nothing but the mirror."""
    mirrored = " in the mirrored images" if flip else ""
    if _corners(flat, board) < boards.FEWEST:
        other = replace(board, legacy=not board.legacy)
        if _corners(flat, other) >= boards.FEWEST:
            age = "before 4.6" if other.legacy else "of 4.6 or later"
            yield Finding(
                "legacy", other, flip,
                f"the board{mirrored} was printed with the pattern of OpenCV {age}; "
                f"set legacy: {str(other.legacy).lower()}",
            )  # fmt: skip
            return
        if (better := _sized(board, found)) is not None:
            swapped = (better.columns, better.rows) == (board.rows, board.columns)
            yield Finding(
                "swapped" if swapped else "size", better, flip,
                f"the markers{mirrored} are those of {better.columns} x {better.rows} squares "
                f"(columns x rows), not of {board.columns} x {board.rows}; set columns: "
                f"{better.columns} and rows: {better.rows}",
            )  # fmt: skip
        return
    highest = max(int(m.ids.max(initial=-1)) for m in found)
    better = _sized(board, found) if highest >= board.n_markers else None
    if better is not None and better.rows > board.rows:
        yield Finding(
            "rows", better, flip,
            f"markers{mirrored} reach beyond number {board.n_markers - 1}, the last that "
            f"{board.columns} x {board.rows} squares hold; set rows: {better.rows}",
        )  # fmt: skip
    elif flip:
        yield Finding(
            "mirrored", board, True,
            "the images are mirrored: the board is found once they are flipped; set flip: true "
            "for the view",
        )  # fmt: skip
    else:
        yield Finding("none", board, False, f"the {board} is found")


def _markers(image: UInt8[np.ndarray, "H W"], dictionary: str) -> _Markers:
    words = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, f"DICT_{dictionary}"))
    quads, ids, _ = cv2.aruco.ArucoDetector(words).detectMarkers(np.ascontiguousarray(image))
    if ids is None or not len(ids):
        return _Markers(np.zeros(0, int), np.zeros((0, 2)), 1.0)
    corners = np.stack([np.asarray(q, float).reshape(4, 2) for q in quads])
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2)
    return _Markers(
        np.asarray(ids).ravel().astype(int), corners.mean(axis=1), float(np.median(sides))
    )


def _count(found: list[_Markers]) -> int:
    """Markers in the image that shows most; images may show no board."""
    return max((len(m.ids) for m in found), default=0)


def _corners(flat: list[UInt8[np.ndarray, "H W"]], board: Board) -> int:
    """Corners in the image that shows most."""
    return max((len(boards.detect(image, board).ids) for image in flat), default=0)


def _dictionary(
    flat: list[UInt8[np.ndarray, "H W"]], enough: int, board: Board
) -> tuple[str, list[_Markers]]:
    """The dictionary under which most markers are seen; "" where none shows enough."""
    seen: dict[str, list[_Markers]] = {}
    for name in FAMILIES:
        seen[name] = [_markers(image, name) for image in flat]
        if _count(seen[name]) >= CLEAR * board.n_markers:
            break
    name = max(seen, key=lambda n: _count(seen[n]))
    if _count(seen[name]) < enough:
        return "", []
    # the smallest of its kind that has all markers seen
    least = max(board.n_markers, 1 + max(int(m.ids.max(initial=0)) for m in seen[name]))
    kin = [n for n in DICTIONARIES if n == name or n.startswith(f"{name[:3]}_")]
    fitting = [n for n in kin if DICTIONARIES[n] >= least] or [name]
    given = board.dictionary in fitting
    return board.dictionary if given else min(fitting, key=DICTIONARIES.__getitem__), seen[name]


def _sized(board: Board, found: list[_Markers]) -> Board | None:
    """The board whose size puts the markers where they are seen; None where no size does."""
    usable = sorted((m for m in found if len(m.ids) >= 6), key=lambda m: -len(m.ids))[:CLEAREST]
    if not usable:
        return None
    tall = max(int(m.ids.max()) for m in usable) + 2
    misfits: list[tuple[float, int, bool]] = []
    for columns in range(3, WIDEST + 1):
        for shifted in (False, True):
            places = _places(columns, 2 * tall // columns + 3, shifted)
            off = [np.quantile(_off(places[m.ids], m), 0.75, method="higher") for m in usable]
            misfits.append((float(np.median(off)), columns, shifted))
    least, columns, shifted = min(misfits)
    if least > TRUE_FIT:
        return None
    places = _places(columns, 2 * tall // columns + 3, shifted)
    true = [int(m.ids[_off(places[m.ids], m) < 2 * TRUE_FIT].max()) for m in usable]
    rows = int(places[max(true), 1]) + 1
    if columns == board.rows and _holds(columns, board.columns, max(true)):
        rows = board.columns  # swapped; the last row is not always seen
    if shifted and rows % 2:  # only even numbers of rows have the other pattern
        rows += 1
    try:
        return replace(board, columns=columns, rows=max(rows, 3), legacy=shifted)
    except ValueError:  # more markers than the dictionary has: not what was printed
        return None


def _holds(columns: int, rows: int, marker: int) -> bool:
    """Whether a board of this size has the marker in one of its last two rows."""
    return columns * (rows - 2) // 2 <= marker < columns * rows // 2


def _places(columns: int, rows: int, shifted: bool) -> Float[np.ndarray, "M 2"]:
    """Column and row of the markers' squares in the order of their ids."""
    y, x = np.mgrid[:rows, :columns].reshape(2, -1)
    white = (x + y) % 2 == (0 if shifted else 1)
    return np.column_stack([x[white], y[white]]).astype(float)


def _off(places: Float[np.ndarray, "M 2"], seen: _Markers) -> Float[np.ndarray, " M"]:
    """Distances, in sides of a marker, from where the best perspective map puts markers."""
    nowhere = np.full(len(places), np.inf)
    if np.ptp(places, axis=0).min() == 0:
        return nowhere
    maps, _ = cv2.findHomography(places, seen.middle, cv2.RANSAC, seen.side / 4, maxIters=200)
    if maps is None:
        return nowhere
    full = np.column_stack([places, np.ones(len(places))]) @ maps.T
    with np.errstate(divide="ignore", invalid="ignore"):
        off = np.linalg.norm(full[:, :2] / full[:, 2:] - seen.middle, axis=1) / seen.side
    return np.where(np.isfinite(off), off, np.inf)


def _of_squares(flat: list[UInt8[np.ndarray, "H W"]], board: Board) -> Iterator[Finding]:
    """Findings about a checkerboard: its size is all that an image can show to be wrong."""
    sizes = [size for size in map(_largest, flat) if size is not None]
    if not sizes:
        return
    across, down = max(set(sizes), key=lambda size: (sizes.count(size), size))
    if (across, down) in (board.grid, board.grid[::-1]):
        yield Finding("none", board, False, f"the {board} is found")
        return
    if (board.columns < board.rows) != (across < down):  # an image does not tell which is which
        across, down = down, across
    columns, rows = across + 1, down + 1
    try:
        better = replace(board, columns=columns, rows=rows)
    except ValueError:  # no board that could be used
        return
    yield Finding(
        "size", better, False,
        f"the images show {across} x {down} inner corners, thus {columns} x {rows} squares, "
        f"not {board.columns} x {board.rows}; set columns: {columns} and rows: {rows}",
    )  # fmt: skip


def _largest(image: UInt8[np.ndarray, "H W"]) -> tuple[int, int] | None:
    """Inner corners across and down of the largest grid of squares in an image."""
    flags = cv2.CALIB_CB_LARGER | cv2.CALIB_CB_NORMALIZE_IMAGE
    found, _, kinds = cv2.findChessboardCornersSBWithMeta(image, (3, 3), flags)
    if not found or kinds.size <= LEAST:
        return None
    return int(kinds.shape[1]), int(kinds.shape[0])

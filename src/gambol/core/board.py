"""Calibration boards: what was printed, as one value that draws, detects and solves.

Size is counted in squares, of both kinds of board. The inner corners, where four squares meet,
are numbered row by row from the top left of the printed page; corner (0, 0) of the board's own
axes is the page's top left, x right, y down, z into the page, so that z points away from a
camera that looks at it.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from gambol.core.errors import InputError, did_you_mean

Kind = Literal["charuco", "checkerboard"]
KINDS: tuple[Kind, ...] = ("charuco", "checkerboard")
METRES = {"mm": 1e-3, "um": 1e-6, "cm": 1e-2, "m": 1.0}  # a unit in metres
UNITS = (*METRES, "unknown")
# markers of each dictionary of OpenCV; the names are OpenCV's without DICT_
DICTIONARIES = {
    **{f"{b}X{b}_{n}": n for b in (4, 5, 6, 7) for n in (50, 100, 250, 1000)},
    "ARUCO_ORIGINAL": 1024,
    "APRILTAG_16h5": 30,
    "APRILTAG_25h9": 35,
    "APRILTAG_36h10": 2320,
    "APRILTAG_36h11": 587,
    "ARUCO_MIP_36h12": 250,
}


@dataclass(frozen=True)
class Board:
    """One printed board; compared by value."""

    kind: Kind
    columns: int  # squares from left to right
    rows: int  # squares from top to bottom
    square: float  # side of a square, in `units`
    marker: float = 0.0  # side of a marker, in `units`; 0 on a checkerboard
    dictionary: str = ""  # of the markers, a key of DICTIONARIES; empty on a checkerboard
    legacy: bool = False  # printed with the pattern of OpenCV before 4.6
    units: str = "unknown"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"no board {self.kind!r}; there are {', '.join(KINDS)}")
        if self.units not in UNITS:
            raise InputError(f"board: no unit {self.units!r}; there are {', '.join(UNITS)}")
        fewest = 3 if self.kind == "charuco" else 4  # OpenCV looks for no smaller grid
        if min(self.columns, self.rows) < fewest:
            raise InputError(
                f"board: {self.columns} x {self.rows} squares; it needs {fewest} each way"
            )
        if not (np.isfinite(self.square) and self.square > 0):
            raise InputError(f"board: a square of {self.square}; its side must be above 0")
        if self.kind == "charuco":
            _check_markers(self)
        elif self.marker or self.dictionary or self.legacy:
            raise InputError("board: a checkerboard has no markers; leave their settings out")
        elif self.columns == self.rows and self.columns % 2:
            raise InputError(
                f"board: a checkerboard of {self.columns} x {self.rows} squares looks the same "
                "after a quarter turn; take unequal numbers, best one even and one odd"
            )

    @property
    def grid(self) -> tuple[int, int]:
        """Inner corners from left to right and from top to bottom."""
        return self.columns - 1, self.rows - 1

    @property
    def n_corners(self) -> int:
        """How many inner corners there are, C."""
        return (self.columns - 1) * (self.rows - 1)

    @property
    def n_markers(self) -> int:
        """How many markers a ChArUco board has."""
        return self.columns * self.rows // 2 if self.kind == "charuco" else 0

    @property
    def symmetric(self) -> bool:
        """Whether it looks the same after half a turn; no image then tells its corners apart.

        >>> [Board("checkerboard", 9, rows, 1.0).symmetric for rows in (7, 6)]
        [True, False]
        """
        return self.kind == "checkerboard" and (self.columns + self.rows) % 2 == 0

    def corners(self) -> Float[np.ndarray, "C 3"]:
        """Return the inner corners in the board's axes, in `units`; z is 0.

        >>> Board("checkerboard", 4, 5, 2.0).corners()[1:4].tolist()
        [[4.0, 2.0, 0.0], [6.0, 2.0, 0.0], [2.0, 4.0, 0.0]]
        """
        across, down = self.grid
        y, x = np.mgrid[1 : down + 1, 1 : across + 1].reshape(2, -1) * float(self.square)
        return np.column_stack([x, y, np.zeros(len(x))])

    def opencv(self) -> Any:
        """Return OpenCV's object of a ChArUco board, which detects and draws it."""
        import cv2

        if self.kind != "charuco":
            raise ValueError("OpenCV has an object of ChArUco boards only")
        words = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, f"DICT_{self.dictionary}"))
        made = cv2.aruco.CharucoBoard(
            (self.columns, self.rows), float(self.square), float(self.marker), words
        )
        made.setLegacyPattern(self.legacy)
        return made

    def __str__(self) -> str:
        """Say the board in one phrase, sizes in squares."""
        size = f"{self.columns} x {self.rows} squares"
        if self.kind == "checkerboard":
            return f"checkerboard, {size}"
        old = ", pattern of OpenCV before 4.6" if self.legacy else ""
        return f"ChArUco, {size}, dictionary {self.dictionary}{old}"


def _check_markers(board: Board) -> None:
    if board.dictionary not in DICTIONARIES:
        known = list(DICTIONARIES)
        hint = did_you_mean(board.dictionary, known) or f"; there are {', '.join(known)}"
        raise InputError(f"board: no dictionary {board.dictionary!r}{hint}")
    if not 0 < board.marker < board.square:
        raise InputError(
            f"board: a marker of {board.marker} in a square of {board.square}; it must be "
            "above 0 and below the square"
        )
    if board.n_markers > (there := DICTIONARIES[board.dictionary]):
        raise InputError(
            f"board: {board.columns} x {board.rows} squares take {board.n_markers} markers, "
            f"dictionary {board.dictionary} has {there}; take a larger one"
        )

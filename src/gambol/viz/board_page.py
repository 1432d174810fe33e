"""The page that a board's settings describe, at true scale, to be printed and filmed.

The page says its own settings and carries a ruler, because printers like to fit pages to paper:
a ruler of another length than it says means squares of another length, too.
"""

import struct
import zlib
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from gambol.core.board import METRES, Board
from gambol.core.errors import InputError

PAPERS = {
    "a4": (210.0, 297.0), "a3": (297.0, 420.0), "a2": (420.0, 594.0), "a1": (594.0, 841.0),
    "letter": (215.9, 279.4), "tabloid": (279.4, 431.8),
}  # fmt: skip
INCH = 25.4  # mm
POINT = INCH / 72  # mm
QUIET = 5.0  # mm of white around the board, at least
FOOT = 9.0  # mm below it, for what the page says of itself
RULERS = (100.0, 50.0, 20.0, 10.0, 5.0, 1.0)  # mm; the longest that fits is drawn


class Page(NamedTuple):
    """Black rectangles on white paper, mm from the top left; rows x, y, width, height."""

    size: tuple[float, float]  # mm
    board: Float[np.ndarray, "R 4"]
    ruler: Float[np.ndarray, " 4"]
    text: str  # begins above the ruler


def page(board: Board, paper: str | None = None) -> Page:
    """Lay the board out on a paper (upright or on its side), or on a page of its own size.

    A square of 24 mm is 24 mm wide on paper.
    """
    mm = _millimetres(board)
    width, height = board.columns * board.square * mm, board.rows * board.square * mm
    size = (width + 2 * QUIET, height + 2 * QUIET + FOOT)
    if paper is not None:
        size = _paper(paper, size)
    left, top = (size[0] - width) / 2, (size[1] - FOOT - height) / 2
    black = rectangles(board) * mm + np.array([left, top, 0.0, 0.0])
    length = next((ruler for ruler in RULERS if ruler <= width), width)
    ruler = np.array([left, size[1] - 4.0, length, 0.5])
    marked = f", markers {board.marker:g} {board.units}" if board.kind == "charuco" else ""
    text = f"{board}, {board.square:g} {board.units} each{marked}; ruler {length:g} mm"
    return Page(size, black, ruler, text)


def pdf(page: Page) -> bytes:
    """Return the page as a PDF with exact edges."""
    width, height = (side / POINT for side in page.size)
    rows = np.vstack([page.board, page.ruler]) / POINT
    # PDF counts y from the bottom; one path, so that neighbours leave no seam
    path = "\n".join(f"{x:.4f} {height - y - h:.4f} {w:.4f} {h:.4f} re" for x, y, w, h in rows)
    x, y = page.ruler[0] / POINT, height - page.ruler[1] / POINT + 4
    said = page.text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    room = width - 2 * x
    points = min(7.0, room / (0.55 * len(said)))  # Helvetica is about half as wide as high
    content = f"0 g\n{path}\nf\nBT /F {points:.2f} Tf {x:.4f} {y:.4f} Td ({said}) Tj ET\n"
    packed = zlib.compress(content.encode("latin-1", "replace"))
    return _document([
        b"<< /Type /Catalog /Pages 2 0 R /ViewerPreferences << /PrintScaling /None >> >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width:.4f} {height:.4f}] "
        "/Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>".encode(),
        f"<< /Length {len(packed)} /Filter /FlateDecode >>\nstream\n".encode()
        + packed + b"\nendstream",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ])  # fmt: skip


def image(page: Page, dpi: float = 300.0) -> UInt8[np.ndarray, "H W"]:
    """Return the page as pixels, edges rounded to whole ones; without its text."""
    scale = dpi / INCH
    width, height = (round(side * scale) for side in page.size)
    drawn = np.full((height, width), 255, np.uint8)
    for x, y, w, h in np.vstack([page.board, page.ruler]) * scale:
        drawn[round(y) : round(y + h), round(x) : round(x + w)] = 0
    return drawn


def png(page: Page, dpi: float = 300.0) -> bytes:
    """Return the page as a PNG that knows its true size."""
    made, coded = cv2.imencode(".png", image(page, dpi))
    if not made:
        raise ValueError("OpenCV could not code the image as PNG")
    whole = coded.tobytes()
    per_metre = round(dpi / INCH * 1000)
    body = b"pHYs" + struct.pack(">IIB", per_metre, per_metre, 1)
    chunk = struct.pack(">I", 9) + body + struct.pack(">I", zlib.crc32(body))
    head = 8 + 25  # the signature and the first chunk, which has to stay first
    return whole[:head] + chunk + whole[head:]


def rectangles(board: Board) -> Float[np.ndarray, "R 4"]:
    """Return what is black, in the board's units from its top left: x, y, width, height."""
    # the older pattern begins with white, where the number of rows is even
    first = 1 if board.legacy and board.rows % 2 == 0 else 0
    side = float(board.square)
    black = [
        (x * side, y * side, side, side)
        for y in range(board.rows)
        for x in range(board.columns)
        if (x + y) % 2 == first
    ]
    return np.array(black + (_markers(board) if board.kind == "charuco" else []))


def _markers(board: Board) -> list[tuple[float, float, float, float]]:
    """Black runs of all markers."""
    made = board.opencv()
    words = made.getDictionary()
    cells = int(words.markerSize) + 2  # with its border
    cell = board.marker / cells
    found = []
    for number, quad in zip(made.getIds(), made.getObjPoints(), strict=True):
        x0, y0 = np.asarray(quad, float)[:, :2].min(axis=0)
        bits = cv2.aruco.generateImageMarker(words, int(number), cells)
        for row, line in enumerate(np.asarray(bits) == 0):
            edges = np.flatnonzero(np.diff(np.r_[False, line, False]))
            for start, end in edges.reshape(-1, 2):
                found.append((x0 + start * cell, y0 + row * cell, (end - start) * cell, cell))
    return found


def _millimetres(board: Board) -> float:
    """How many mm the board's unit is."""
    if board.units not in METRES:
        raise InputError(
            "board: a square has a length but no unit, so it cannot be drawn at true scale; "
            "set units: mm"
        )
    return 1000 * METRES[board.units]


def _paper(name: str, needed: tuple[float, float]) -> tuple[float, float]:
    """Size of the paper, turned if that makes the board fit."""
    if name not in PAPERS:
        raise InputError(f"no paper {name!r}; there are {', '.join(PAPERS)}")
    for size in (PAPERS[name], PAPERS[name][::-1]):
        if needed[0] <= size[0] and needed[1] <= size[1]:
            return size
    raise InputError(
        f"the board with its margin is {needed[0]:.0f} x {needed[1]:.0f} mm, larger than paper "
        f"{name}; take a larger paper or smaller squares"
    )


def _document(objects: list[bytes]) -> bytes:
    """Join PDF objects, numbered from 1, the first of them the catalogue."""
    out, places = b"%PDF-1.6\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    table = b"".join(f"{place:010d} 00000 n \n".encode() for place in places)
    end = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    count = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    return out + count + table + end.encode()

"""Stage `board draw`: the page to print of the very board that a file describes.

reads   source   board file
writes  out      .pdf or .png, at true size
"""

from pathlib import Path
from typing import Any, NamedTuple

from gambol.core.errors import InputError
from gambol.io import board_file, store
from gambol.viz import board_page


class Drawn(NamedTuple):
    """What was drawn."""

    page: Path
    board: str
    remarks: tuple[str, ...]


def run(source: Path, out: Path) -> Drawn:
    """Draw a board."""
    if out.suffix.lower() not in (".pdf", ".png"):
        raise InputError(f"{out}: a board is drawn as .pdf or .png; choose such a name")
    board = board_file.read_board(source)
    page = board_page.page(board)
    made = board_page.pdf(page) if out.suffix.lower() == ".pdf" else board_page.png(page)
    store.write_bytes(made, out)
    note = "print it at 100 %, glue it on something flat, and measure a square with a ruler"
    return Drawn(out, str(board), (note,))


def describe(values: dict[str, Any]) -> str:
    """Say what to do with the page."""
    return "\n".join([f"{values['page']}: {values['board']}", *values["remarks"]])

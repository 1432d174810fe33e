"""What readers of ethograms are told, what they find, and how files with faults are mended."""

from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from gambol.core.errors import InputError
from gambol.core.ethogram import KEY, Ethogram, overlapping
from gambol.core.ethogram_mend import united


class Given(NamedTuple):
    """What a file may not say itself."""

    fps: float | None = None  # frames a second of the video
    frames: int | None = None  # frames of the video
    recording: str | None = None  # name; without it the file's stem, where the file has none
    inclusive: bool | None = None  # whether stop frames belong to their bouts (MABe)
    repair: bool = False  # mend faults and list them, instead of refusing the file


class Found(NamedTuple):
    """An ethogram as read, and a sentence for everything that was mended or left out."""

    ethogram: Ethogram
    notes: tuple[str, ...] = ()


class Mender:
    """Refuses a file at its first fault, or mends all of them and says how."""

    def __init__(self, path: Path, repair: bool) -> None:
        self.path, self.repair = path, repair
        self.notes: list[str] = []

    def fault(self, place: str, what: str, remedy: str) -> None:
        """Note a fault that is mended by `remedy`, or raise."""
        if not self.repair:
            raise InputError(
                f"{self.path}: {place}: {what}; mend the file, or read it with repair: {remedy}"
            )
        self.notes.append(f"{place}: {what}; {remedy}")

    def united(self, bouts: pd.DataFrame) -> pd.DataFrame:
        """Join bouts of one thing that overlap, if files are mended; else leave them."""
        if not self.repair:
            return bouts
        rows, notes = united(bouts)
        self.notes += notes
        return rows


def stem(path: Path, given: Given) -> str:
    """Return the name of the one recording of a file."""
    return path.stem if given.recording is None else given.recording


def number(text: str, place: str, path: Path) -> float:
    """Return a number, or hours:minutes:seconds in seconds, or say where there is none."""
    try:
        total = 0.0
        for part in text.split(":"):
            total = 60 * total + float(part)
        return total
    except ValueError as error:
        raise InputError(f"{path}: {place} has {text!r} for a number; mend the file") from error


def require_one(ethogram: Ethogram, path: Path, what: str) -> str:
    """Return the name of the one recording that a format holds."""
    names = ethogram.recordings["recording"].tolist()
    if len(names) != 1:
        raise InputError(
            f"{path}: {what} holds one recording, not {len(names)}; write one file for each, "
            f"such as {str(names[0])!r} (gambol ethogram-convert --set recording=NAME)"
            if names
            else f"{path}: {what} holds one recording, but there is none to write"
        )
    return str(names[0])


def require_apart(ethogram: Ethogram, path: Path, lost: tuple[str, ...]) -> pd.DataFrame:
    """Return the bouts without columns that a format lacks; they must not overlap without."""
    bouts = ethogram.bouts.assign(**dict.fromkeys(set(lost) & set(KEY), ""))
    pair = overlapping(bouts)
    if len(pair):
        row = bouts.iloc[int(pair[0, 0])]
        raise InputError(
            f"{path}: {row['label']!r} in {row['recording']!r} at {row['start_s']:g} s "
            f"overlaps another that differs in {' or '.join(lost)} only, which this format "
            "does not hold; write one file for each"
        )
    return bouts


def require_clock(ethogram: Ethogram, path: Path) -> None:
    """Refuse bouts without frames."""
    lone = ethogram.bouts["start_frame"] < 0
    if lone.any():
        name = str(ethogram.bouts.loc[lone, "recording"].iloc[0])
        raise InputError(
            f"{path}: bouts of {name!r} have no frames, which this format needs; give its "
            "frames a second or the times of its frames"
        )


def said(seconds: Any) -> str:
    """Write seconds with three decimals, or all that they have."""
    value = float(seconds)
    short = f"{value:.3f}"
    return short if float(short) == value else repr(value)

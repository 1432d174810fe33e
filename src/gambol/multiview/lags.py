"""How late views are against each other, and when that is not to be trusted."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from pydantic import Field, PositiveFloat, PositiveInt

from gambol.core.config import Config
from gambol.core.errors import InputError


class Search(Config):
    """How lags are looked for."""

    most: PositiveInt = 30  # frames, the largest lag; half a second of most recordings
    jump: PositiveFloat = 60.0  # nats that a lost frame must explain; short errors explain less
    drift_nats: PositiveFloat = 20.0  # that a drift must explain before it is believed
    window: PositiveInt = 200  # frames over which drift is followed
    rival: float = Field(1.1, gt=1.0)  # cost of the next-best lag over the best, below: refuse


class Lag(NamedTuple):
    """How late one view is."""

    view: str
    frames: float  # a, at the reference's frame 0
    drift: float  # b, frames a frame; 0 where none was seen
    sd: float  # of the lag in the middle of the recording, frames
    offsets: Float[np.ndarray, " L"]  # frames from the lag found
    curve: Float[np.ndarray, " L"]  # cost there; NaN where nothing overlaps
    rival: float  # the best minimum of the curve elsewhere, over the least
    refused: str  # why the lag is not to be trusted; empty where it is


class Drop(NamedTuple):
    """Frames that a view did not record."""

    view: str
    frame: int  # of the view, the first one after the gap
    frames: int  # lost
    span: tuple[int, int]  # where the gap may be as well: an animal that stands still hides it


class Synchronized(NamedTuple):
    """The lags of V views against the first of them, or the one asked for."""

    reference: str
    lags: tuple[Lag, ...]  # of all views but the reference
    drops: tuple[Drop, ...]
    tau: Float[np.ndarray, "T V"]  # frame t + tau of a view shows frame t of the reference


def check(found: Synchronized) -> None:
    """Refuse lags that are not to be trusted."""
    for lag in found.lags:
        if lag.refused:
            raise InputError(f"view {lag.view}: {lag.refused}")


def index(names: tuple[str, ...], reference: str) -> int:
    """Return which view's clock counts."""
    if reference and reference not in names:
        raise InputError(f"no view {reference!r}; there are {', '.join(names)}")
    return names.index(reference) if reference else 0


def rival(curve: Float[np.ndarray, " L"]) -> float:
    """Cost of the best minimum that is none of the best lag's own, over the least cost."""
    known = np.where(np.isfinite(curve), curve, np.inf)
    best = int(known.argmin())
    around = np.r_[np.inf, known, np.inf]
    dips = (known <= around[:-2]) & (known <= around[2:]) & np.isfinite(known)
    dips[max(0, best - 1) : best + 2] = False
    return float(known[dips].min(initial=np.inf) / max(known[best], 1e-12))


def verdict(lag: Lag, search: Search) -> str:
    """Say why a lag is not to be trusted; nothing if it is."""
    at = lag.offsets[np.nanargmin(lag.curve)]
    if abs(at) > 1:
        better = lag.frames + at
        return f"lag {lag.frames:.2f} is no minimum, {better:.2f} fits better; film longer"
    if abs(lag.frames) > search.most - 1:
        return (
            f"lag {lag.frames:.2f} is at the end of what was searched; raise most, now "
            f"{search.most}"
        )
    if lag.rival < search.rival:
        percent = 100 * (lag.rival - 1)
        return (
            f"lag {lag.frames:.2f} has a rival that fits only {percent:.0f} % worse; use a "
            "flash, or film an animal that moves more"
        )
    return ""

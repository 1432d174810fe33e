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
    drift_nats: PositiveFloat = 60.0  # that a drift must explain before it is believed
    drift: PositiveFloat = 2e-3  # frames a frame, the largest believed; 59.94 of 60 is 1e-3
    window: PositiveInt = 200  # frames over which drift is followed
    rival: float = Field(1.1, gt=1.0)  # cost of the next-best lag over the best, below: refuse
    sd: PositiveFloat = 0.25  # frames; a lag that is less certain is refused


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
    known: tuple[int, int] = (0, 0)  # before and after these frames a lost one would not show


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


def doubt(found: Synchronized, names: tuple[str, ...]) -> Float[np.ndarray, "T V"]:
    """Return the sd of every view's lag at every frame, frames.

    Within the span of a gap the lag is that before or that after it.
    """
    clock = np.arange(len(found.tau))
    out = np.zeros(found.tau.shape)
    for lag in found.lags:
        v = names.index(lag.view)
        out[:, v] = lag.sd
        for drop in found.drops:
            if drop.view in (lag.view, found.reference):
                at = clock + (found.tau[:, v] if drop.view == lag.view else 0.0)
                hit = (at >= drop.span[0] - drop.frames) & (at <= drop.span[1] + drop.frames)
                out[hit, v] = np.maximum(out[hit, v], drop.frames / 2)
    return out


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


def rival(offsets: Float[np.ndarray, " L"], curve: Float[np.ndarray, " L"]) -> float:
    """Cost of the best minimum a frame or more from the least cost, over that cost."""
    known = np.where(np.isfinite(curve), curve, np.inf)
    if not np.isfinite(known).any():
        return np.nan
    best = int(known.argmin())
    around = np.r_[np.inf, known, np.inf]
    dips = (known <= around[:-2]) & (known <= around[2:]) & np.isfinite(known)
    dips[np.abs(offsets - offsets[best]) <= 1] = False
    return float(known[dips].min(initial=np.inf) / max(known[best], 1e-12))


def verdict(lag: Lag, search: Search) -> str:
    """Say why a lag is not to be trusted; nothing if it is."""
    if not np.isfinite(lag.curve).any() or not np.isfinite(lag.frames):
        return (
            "it shares too few points that move across the epipolar lines with the other views "
            "to be synchronised; use a flash"
        )
    if lag.rival < search.rival:
        percent = 100 * (lag.rival - 1)
        return (
            f"lag {lag.frames:.2f} has a rival that fits only {percent:.0f} % worse; use a "
            "flash, or film an animal that moves more"
        )
    at = lag.offsets[np.nanargmin(lag.curve)]
    if abs(at) > 1:
        better = lag.frames + at
        return f"lag {lag.frames:.2f} is no minimum, {better:.2f} fits better; film longer"
    if abs(lag.frames) > search.most - 1:
        return (
            f"lag {lag.frames:.2f} is at the end of what was searched; raise most, now "
            f"{search.most}"
        )
    if not lag.sd < search.sd:
        return (
            f"lag {lag.frames:.2f} is known to {lag.sd:.2f} frames only, {search.sd:g} are "
            "asked for; use a flash, or film an animal that moves more"
        )
    return ""


def apart(offset: Float[np.ndarray, " W"], sd: Float[np.ndarray, " W"]) -> str:
    """Say that parts of a recording tell other lags than all of it; nothing if they do not."""
    if not len(offset):
        return ""
    beyond = np.abs(offset) - np.maximum(_APART, 5 * sd)
    uneven = float(((offset / sd) ** 2).mean()) if (np.abs(offset) > _APART).any() else 0.0
    if beyond.max() <= 0 and uneven < _SCATTER:
        return ""
    worst = int((np.abs(offset) / sd).argmax())
    return (
        f"a part of the recording says a lag that is off by {abs(offset[worst]):.2f} frames "
        f"(sd {sd[worst]:.2f}); did it lose frames here and there? times of the "
        "frames would tell"
    )


def shifted(uneven: float, frame: int) -> str:
    """Say that a view does not fit its calibration for a while; nothing if it does."""
    if uneven < _UNEVEN:
        return ""
    return (
        f"from frame {frame} on it is {uneven:.1f} times as far from the other views' lines as "
        "usual; was a camera moved, or is it another animal?"
    )


_UNEVEN = 2.5
_SCATTER = 3.0  # mean square of parts' offsets over their variance; by chance 1
_APART = 0.25  # frames, by which parts of a recording may always differ

"""Where a curve of mutual information ends, and what it says in words."""

import numpy as np
import xarray as xr
from jaxtyping import Float

LITTLE = 0.1  # of the information at 1 s, below which little is left
RISE = 0.1  # of a curve that is worth a word, and of a rise that is not


def chance_lag(seconds: Float[np.ndarray, " L"], lower: Float[np.ndarray, " L"]) -> float:
    """Return the first lag whose lower bound is at most 0; NaN if none is or there is none.

    >>> chance_lag(np.array([1.0, 2.0, 4.0]), np.array([0.3, 0.1, -0.1]))
    4.0
    """
    return _first(seconds, lower <= 0)


def half_life(seconds: Float[np.ndarray, " L"], information: Float[np.ndarray, " L"]) -> float:
    """Return the lag at which half of the information at 1 s is left; NaN if none is.

    Between lags it is interpolated along the logarithm of the lag.

    >>> half_life(np.array([1.0, 2.0, 4.0]), np.array([1.0, 0.75, 0.25])).__round__(3)
    2.828
    """
    start = _one_second(seconds)
    half = information[start] / 2
    below = np.flatnonzero(information[start:] <= half) + start
    if not half > 0 or not len(below):
        return float("nan")
    after = below[0]
    ends = information[[after, after - 1]]
    return float(np.exp(np.interp(half, ends, np.log(seconds[[after, after - 1]]))))


def little_left(
    seconds: Float[np.ndarray, " L"], information: Float[np.ndarray, " L"]
) -> float:
    """Return the first lag with less than a tenth of the information at 1 s, else NaN."""
    start = _one_second(seconds)
    if not information[start] > 0:
        return float("nan")
    return _first(seconds[start:], information[start:] < LITTLE * information[start])


def sentences(
    curves: xr.Dataset, left_out_s: Float[np.ndarray, " _"], empty: list[str]
) -> list[str]:
    """Say what `information.lagged` found.

    Args:
        curves: its result.
        left_out_s: lags too long for the recordings.
        empty: names of recordings without a label.
    """
    seconds, n = curves.lags_s.values, curves.attrs["recordings"]
    told = [
        f"{n} recording{'s' * (n > 1)}, lags of {_s(seconds[0])} to {_s(seconds[-1])}; "
        f"the bias is that of {curves.attrs['surrogates']} surrogates and is taken off."
    ]
    if n == 1:
        told.append("There is one recording only, so there is no interval and no chance lag.")
    elif not np.isfinite(curves.lower.values).any():
        told.append("No recordings were resampled, so there is no interval and no chance lag.")
    else:
        told += _chance(curves)
    told += _decay(curves)
    told += _tail(curves)
    if len(left_out_s):
        told.append(f"Lags from {_s(left_out_s[0])} on are left out: recordings are too short.")
    if empty:
        told.append(f"Recordings without any label are left out: {', '.join(empty)}.")
    return told


def _chance(curves: xr.Dataset) -> list[str]:
    """Chance lags, and what they say of states."""
    real, chains = float(curves.chance_lag_s), float(curves.markov_chance_lag_s)
    last = float(curves.lags_s[-1])
    told = [
        f"{who} chance at {_s(lag)}." if np.isfinite(lag) else f"{who} no chance by {_s(last)}."
        for who, lag in (
            ("The recordings reach", real),
            ("Markov chains of the same transitions reach", chains),
        )
    ]
    if np.isfinite(chains) and not real <= chains:  # NaN: later than the last lag
        longest = _s(real) if np.isfinite(real) else f"more than {_s(last)}"
        told.append(f"States should last between {_s(chains)} and {longest}.")
    if real <= chains:
        told.append("The recordings remember no longer than Markov chains: no sign of states.")
    return told


def _decay(curves: xr.Dataset) -> list[str]:
    """How fast the information goes."""
    seconds, information = curves.lags_s.values, curves.corrected.values
    start, told = _one_second(seconds), []
    if np.isfinite(half := float(curves.half_life_s)):
        told.append(
            f"Of {information[start]:.3g} {curves.attrs['units']} at {_s(seconds[start])}, "
            f"half is left at {_s(half)}."
        )
    if np.isfinite(little := little_left(seconds, information)):
        told.append(
            f"Little structure lasts beyond {_s(little)}: less than a tenth of the "
            f"information at {_s(seconds[start])} is left."
        )
    return told


def _tail(curves: xr.Dataset) -> list[str]:
    """Warn of an uncorrected curve that rises as those of surrogates do."""
    real, corrected = curves["real"].values, curves["corrected"].values
    lowest = int(real.argmin())
    rise = real[-1] - real[lowest]
    if rise < RISE * real[lowest] or abs(corrected[-1] - corrected[lowest]) > RISE * rise:
        return []
    seconds = curves.lags_s.values
    return [
        f"Without correction the curve rises from {real[lowest]:.3f} at {_s(seconds[lowest])} "
        f"to {real[-1]:.3f} at {_s(seconds[-1])}; that is bias alone, surrogates rise alike."
    ]


def _one_second(seconds: Float[np.ndarray, " L"]) -> int:
    """Index of the lag nearest to 1 s."""
    return int(np.abs(seconds - 1).argmin())


def _first(seconds: Float[np.ndarray, " L"], found: np.ndarray) -> float:
    return float(seconds[found.argmax()]) if found.any() else float("nan")


def _s(seconds: float) -> str:
    return f"{float(seconds):.2g} s" if seconds < 100 else f"{float(seconds):.0f} s"

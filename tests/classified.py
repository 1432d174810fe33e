"""Simulated recordings with behaviours that features tell, more or less."""

import numpy as np
import pandas as pd
import xarray as xr

from gambol.core.ethogram import build

FPS = 20.0
QUICK = {
    "folds": 3,
    "rounds": 8,
    "members": 1,
    "every": 2,
    "resamples": 200,
    "importance_repeats": 1,
}


def bouts_of(rng, frames, length=25, gap=40):
    """Frames of alternating bouts of geometric length."""
    active, t = np.zeros(frames, bool), int(rng.integers(1, gap))
    while t < frames:
        stop = t + 8 + int(rng.geometric(1 / length))
        active[t:stop] = True
        t = stop + 8 + int(rng.geometric(1 / gap))
    return active


def recording(name, seed, frames=900, noise=1.0, columns=5):
    """Features, of which the first two tell `rear` and `groom`, and what is true."""
    rng = np.random.default_rng(seed)
    shown = np.stack([bouts_of(rng, frames), bouts_of(rng, frames, 15, 60)], axis=1)
    slow = rng.normal(size=(frames, columns))
    slow[:, :2] = 2 * shown + noise * slow[:, :2]
    values = pd.DataFrame(slow).rolling(5, center=True, min_periods=1).mean().to_numpy()
    made = xr.DataArray(
        values, {"time": np.arange(frames) / FPS,
                 "feature": [f"{k} speed" if k < 3 else f"length {k}" for k in range(columns)]},
        ("time", "feature"), name=name,
    )  # fmt: skip
    return made, shown


def world(count=5, labels=("rear", "groom"), **settings):
    """Features of recordings, and the ethogram of a person who sees everything."""
    arrays, rows = [], []
    for n in range(count):
        made, shown = recording(f"day {n}", 10 + n, **settings)
        arrays.append(made)
        rows += spans(f"day {n}", shown[:, : len(labels)], labels)
    return arrays, ethogram(rows, arrays)


def spans(name, shown, labels):
    """Rows of bouts."""
    rows = []
    for k, label in enumerate(labels):
        edge = np.diff(np.r_[0, shown[:, k].astype(int), 0])
        rows += [
            {"recording": name, "label": label, "start_frame": a, "stop_frame": b}
            for a, b in zip(np.flatnonzero(edge > 0), np.flatnonzero(edge < 0), strict=True)
        ]
    return rows


def ethogram(rows, arrays, observed=None):
    """Bouts with the clocks of recordings."""
    clocks = [{"recording": one.name, "fps": FPS, "frames": len(one)} for one in arrays]
    return build(pd.DataFrame(rows), recordings=pd.DataFrame(clocks), observed=observed)

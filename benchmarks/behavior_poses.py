"""Poses whose syllables are known, as both models of syllables get them."""

from typing import Any, NamedTuple

import numpy as np

from gambol.simulate import switching
from gambol.simulate.switching import Law

FPS = 30.0
LOST = 0.02  # share of the keypoints that are absent
DOF = 5  # of their noise
SEEN = 14  # keypoints of the 20 of a mouse


class Made(NamedTuple):
    """Recordings of one animal, and the truth about them."""

    given: dict[str, Any]  # `xy` (R, T, J, 2), NaN where absent, and what models ask for
    labels: np.ndarray  # (R, T)
    clean: np.ndarray  # (R, T, J, 2), without noise
    law: Law


def poses(
    seed: int, recordings: int, frames: int, *, syllables: int, dims: int, n_states: int,
    lags: int, sd: float, joints: int = SEEN, duration_s: float = 0.5,
) -> Made:  # fmt: skip
    """Draw recordings from a law of syllables, seen with heavy-tailed noise and drop-outs."""
    rng = np.random.default_rng(seed)
    law = switching.law(rng, syllables=syllables, dims=dims, duration_s=duration_s, fps=FPS)
    own = [switching.sample(rng, law, frames, fps=FPS).performed for _ in range(recordings)]
    clean = np.stack([made.xy[:, :joints] for made in own])
    xy = clean.copy()
    for one in xy:
        s = sd**2 * DOF / rng.chisquare(DOF, one.shape[:2])
        one += np.sqrt(s)[..., None] * rng.standard_normal(one.shape)
        one[rng.random(s.shape) < LOST] = np.nan
    body = own[0].body
    given: dict[str, Any] = {
        "xy": xy, "names": np.array(body.skeleton.keypoints[:joints]), "front": body.front,
        "rear": body.rear, "fps": FPS, "sd": sd, "n_states": n_states, "lags": lags,
        "dims": dims,
    }  # fmt: skip
    return Made(given, np.stack([made.label for made in own]), clean, law)

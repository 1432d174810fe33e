"""How confidence foretells the noise of keypoints, learned from frames that people labelled.

The error of a keypoint is what the poses say less what a person said, in the same frame of the
same video; where a file holds several animals, a label is about the one nearest to it.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from gambol.behavior import noise
from gambol.behavior.noise import LEVELS, Report
from gambol.core import regions
from gambol.core.errors import InputError
from gambol.core.labels import Labels, Origin
from gambol.core.tracks import Track
from gambol.io import labels as io_labels
from gambol.stages import matching
from gambol.stages.syllable_inputs import Inputs


def calibrate(inputs: Inputs, labels: Path, dof: float) -> Report:
    """Fit slope and level of the noise.

    Args:
        inputs: poses.
        labels: a project or label file, of videos that the poses are of.
        dof: ν of the model.
    """
    known = regions.settle(io_labels.read(labels)).labels
    known = known.select(np.flatnonzero(known.origin != Origin.MODEL))
    errors, sure = [], []
    for video in sorted({origin.video for origin in inputs.origins.values()}):
        rows = matching.rows_of(known, video)
        names = [name for name in inputs.names if inputs.origins[name].video == video]
        if len(rows):
            found = [inputs.tracks[name] for name in names]
            parts = _errors(found, known.select(rows), inputs.origins[names[0]].source)
            errors.append(parts[0])
            sure.append(parts[1])
    if not errors:
        source = next(iter(inputs.origins.values())).source
        raise matching.nothing_of(source, known)
    return noise.calibrate(np.concatenate(errors), np.concatenate(sure), dof)


def remark(inputs: Inputs) -> str:
    """Say for how many keypoints a calibration is of no effect, if for any."""
    known, count = 0, 0
    for track in inputs.tracks.values():
        own = np.isfinite(track.variance[~np.isnan(track.xy[..., 0])])
        known, count = known + int(own.sum()), count + own.size
    share = known / count
    if not share:
        return ""
    return (
        f"{100 * share:.0f} % of the keypoints carry a variance of their own, which the model "
        "believes rather than their confidence"
    )


def table(found: Report) -> pd.DataFrame:
    """Return seen and foretold quantiles of the error by confidence."""
    rows = []
    for b, size in enumerate(found.size):
        for q, level in enumerate(LEVELS):
            rows.append(
                {
                    "confidence_from": found.edges[b], "confidence_to": found.edges[b + 1],
                    "points": size, "quantile": level, "seen": found.seen[b, q],
                    "foretold": found.predicted[b, q],
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def _errors(
    found: list[Track], labels: Labels, source: Path
) -> tuple[Float[np.ndarray, "F J d"], Float[np.ndarray, "F J"]]:
    """Return errors and confidences of labelled animals."""
    matching.check_names(found[0].skeleton.keypoints, labels)
    if found[0].xy.shape[2] != 2:
        raise InputError(f"{source} holds 3D poses, and labels are of pictures; leave them out")
    matching.check_length(source, len(found[0].xy), labels.frame)
    every = np.stack([track.xy[labels.frame] for track in found])  # (N, F, J, 2)
    sure = np.stack([track.confidence[labels.frame] for track in found])
    away = np.linalg.norm(every - labels.xy, axis=-1)
    both = np.isfinite(away)
    middle = np.where(both, away, 0.0).sum(-1) / np.maximum(both.sum(-1), 1)
    nearest = np.where(both.any(-1), middle, np.inf).argmin(axis=0)
    at = np.arange(len(nearest))
    return (every[nearest, at] - labels.xy).astype(float), sure[nearest, at].astype(float)

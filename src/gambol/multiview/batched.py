"""GIMBAL's search for many windows at once, in torch; on a GPU where there is one.

`nn.pose_solver` takes plain steps of whole batches; first turns come from the grid and the last
cycles from `gimbal.fit`, which also says whether a window has settled.
"""

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float

from gambol.multiview import gimbal
from gambol.multiview.density import Model, evaluate, filled
from gambol.multiview.gimbal import Fit
from gambol.nn import pose_solver

MANY = 32  # windows in a batch: 0.5 GB for 300 frames of 20 keypoints, in double precision


def fit_many(
    models: list[Model], starts: list[Float[np.ndarray, "_ J 3"]], *, cycles: int = 40
) -> list[Fit]:
    """Search in every window; as `gimbal.fit`, to its tolerance.

    Args:
        models: windows of one recording, of `up` turns and independent states.
        starts: NaN where nothing is known yet.
        cycles: at most; each takes two steps.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    out: dict[int, Fit] = {}
    for group in _alike(models):
        part = [models[i] for i in group]
        begin = []
        for i in group:
            xyz = filled(starts[i], models[i].bones)
            level = np.broadcast_to(np.eye(3), (len(xyz), 3, 3)).copy()
            begin.append(gimbal.search_turns(models[i], evaluate(models[i], xyz, level)))
        found = pose_solver.fit(
            _windows(part, device),
            _tensor(np.stack([at.xyz for at in begin]), device),
            _tensor(np.stack([at.turn for at in begin]), device),
            2 * cycles,
        )
        xyz, turn = found.xyz.cpu().numpy(), found.turn.cpu().numpy()
        for w, i in enumerate(group):
            out[i] = gimbal.fit(models[i], xyz[w], turn=turn[w], cycles=cycles)
    return [out[i] for i in range(len(models))]


def _alike(models: list[Model]) -> Iterator[list[int]]:
    """Groups of windows of the same number of frames."""
    lengths = [len(model.xy) for model in models]
    for length in sorted(set(lengths)):
        same = [i for i, other in enumerate(lengths) if other == length]
        for first in range(0, len(same), MANY):
            yield same[first : first + MANY]


def _windows(models: list[Model], device: str) -> pose_solver.Windows:
    first = models[0]
    bones, states = first.bones, first.states
    return pose_solver.Windows(
        xy=_tensor(np.stack([model.xy for model in models]), device),
        params=_tensor(first.params, device),
        inlier=_tensor(np.stack([model.inlier for model in models]), device),
        outlier=_tensor(first.outlier, device),
        prior=_tensor(np.stack([model.prior for model in models]), device),
        chain=_tensor(np.stack([model.chain for model in models]), device),
        parent=torch.as_tensor(np.asarray(bones.parent, np.int64), device=device),
        length=_tensor(bones.length, device),
        variance=_tensor(bones.variance, device),
        log_weights=_tensor(states.log_weights, device),
        directions=_tensor(states.directions, device),
        concentration=_tensor(states.concentration, device),
        up=_tensor(first.up, device),
        anchor=_tensor(first.anchor, device),
        hold=_tensor(first.hold, device),
    )


def _tensor(values: np.ndarray, device: str) -> torch.Tensor:
    return torch.as_tensor(np.ascontiguousarray(values, np.float64), device=device)

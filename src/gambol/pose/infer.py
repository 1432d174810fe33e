"""One network on labelled frames in torch: peaks of whole frames, and how far off they are."""

import numpy as np
import torch
from jaxtyping import Float

from gambol.core import pixels
from gambol.kernels.peaks import Peaks
from gambol.nn.engine import Maps
from gambol.nn.model import PoseNet
from gambol.pose import dataset, gridded
from gambol.pose.dataset import Frames


def distances(net: PoseNet, frames: Frames, device: torch.device) -> Float[np.ndarray, "N J"]:
    """Distance of every labelled keypoint to its peak, in video pixels; one animal a frame."""
    found = np.stack([forward(net, image, device).xy for image in frames.images])
    xy = np.stack([pixels.apply(m, p) for m, p in zip(frames.to_video, found, strict=True)])
    truth = np.stack(
        [pixels.apply(m, p) for m, p in zip(frames.to_video, frames.xy[:, 0], strict=True)]
    )
    off: Float[np.ndarray, "N J"] = np.linalg.norm(xy - truth, axis=-1)
    return off


def forward(net: PoseNet, image: np.ndarray, device: torch.device) -> Peaks:
    """Find the peaks of one whole frame; positions and covariances in network pixels."""
    found = several(net, image, device, 1)
    return Peaks(found.xy[:, 0], found.height[:, 0], found.cov[:, 0])


def several(
    net: PoseNet,
    image: np.ndarray,
    device: torch.device,
    limit: int,
    grid: gridded.GridPoser | None = None,
) -> Peaks:
    """Find up to so many peaks of each keypoint, (J, limit), the first as `forward` does.

    With `grid`, the first are those of a pose that is weighed on the maps.
    """
    maps, size = answer(net, image, device)[0], (image.shape[1], image.shape[0])
    if grid is None:
        found = net.position.find_several(maps, size, limit)
    else:
        found = gridded.find_several(grid, net.position, maps, size, limit)
    return Peaks(found.xy[0], found.height[0], found.cov[0])


@torch.no_grad()
def answer(net: PoseNet, image: np.ndarray, device: torch.device) -> Maps:
    """Compute the maps of one frame, padded to the network's multiple; batches of one."""
    net.eval()
    padded = dataset.letterbox(image, net.multiple)
    tensor = torch.from_numpy(np.ascontiguousarray(padded.transpose(2, 0, 1)))[None]
    return tuple(maps.float().cpu().numpy() for maps in net(tensor.to(device)))

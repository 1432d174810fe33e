"""Targets: where keypoints are, drawn as the maps that a network should answer with.

Every drawing takes positions in input pixels, NaN where there is nothing to draw, and makes
maps on the grid of a stride. Formulas: spec/pose.md §5, spec/many.md §3 and §4.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from gambol.core.errors import InputError

AROUND = 0.3  # of an animal's box diagonal: what lies farther off is not that animal
SHORTEST = 1.0  # px; a nearer pair of ends has no direction
PRESENT = 0.2  # height of an animal's map from which a cell counts as showing it

Edges = tuple[tuple[int, int], ...]  # (from, to), indices of keypoints


class Scene(NamedTuple):
    """What is known of the animals in B images, in input pixels; row 0 is who a crop shows."""

    xy: Float[Tensor, "B I J 2"]  # NaN where absent, unlabelled, or no such animal
    weight: Float[Tensor, "B I J"]  # 0 where nobody said anything, else 1; 1 without animal
    valid: Float[Tensor, "B H W"]  # 0 for pixels that are padding or that nobody looked at
    identity: Int[Tensor, "B I"]  # class of each animal; -1 where unknown

    def to(self, device: torch.device) -> "Scene":
        """Return the scene on a device."""
        return Scene(*(part.to(device) for part in self))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the images."""
        return self.valid.shape[-1], self.valid.shape[-2]

    def said(self) -> Float[Tensor, "B I J 2"]:
        """Return positions that somebody vouched for; NaN elsewhere."""
        return torch.where(self.weight[..., None] > 0, self.xy, torch.nan)

    def with_middle(self) -> "Scene":
        """Return the scene with the middle of each animal's box as one more keypoint."""
        low, high = _extent(self.said())
        middle = ((low + high) / 2)[:, :, None]  # NaN where nothing has a position
        there = torch.isfinite(middle).all(-1)
        weight = torch.where(there, 1.0, self.weight.amin(-1, keepdim=True))
        return self._replace(
            xy=torch.cat([self.xy, middle], 2), weight=torch.cat([self.weight, weight], 2)
        )


class Target(NamedTuple):
    """What the network should say, and how much each part counts."""

    maps: Float[Tensor, "B C h w"]  # or the bins that an output reads from its maps
    weight: Float[Tensor, "B C _h _w"]  # of cells; 0 where nobody knows (unlabelled, padding)


def cell_centres(
    size: tuple[int, int], stride: int, device: torch.device | str = "cpu"
) -> tuple[Float[Tensor, " w"], Float[Tensor, " h"]]:
    """Return x and y of the centres of the cells of a (width, height) image, in pixels."""
    w, h = size[0] // stride, size[1] // stride
    # the centre of cell i is s i + (s - 1) / 2, as in core.pixels.cells
    offset = (stride - 1) / 2
    x = torch.arange(w, device=device, dtype=torch.float32) * stride + offset
    y = torch.arange(h, device=device, dtype=torch.float32) * stride + offset
    return x, y


def confidence_maps(
    xy: Float[Tensor, "B I J 2"], size: tuple[int, int], stride: int, sigma: float
) -> Float[Tensor, "B J h w"]:
    """Draw max over animals of exp(-|c - x|²/2σ²); zeros where nothing has a position.

    Args:
        xy: input pixels; NaN where there is nothing to draw.
        size: width and height of the input, multiples of the stride.
        stride: input pixels per cell.
        sigma: input pixels; never multiplied by the stride.
    """
    maps = one_animal(xy[:, 0], size, stride, sigma)
    for i in range(1, xy.shape[1]):
        maps = torch.maximum(maps, one_animal(xy[:, i], size, stride, sigma))
    return maps


def one_animal(
    xy: Float[Tensor, "B J 2"], size: tuple[int, int], stride: int, sigma: float
) -> Float[Tensor, "B J h w"]:
    """Draw exp(-|c - x|²/2σ²) for the keypoints of one animal an image."""
    _fine_enough(sigma, stride)
    x, y = cell_centres(size, stride, xy.device)
    across, down = _bells(xy[..., 0], x, sigma), _bells(xy[..., 1], y, sigma)
    return down[..., :, None] * across[..., None, :]


def bins(
    xy: Float[Tensor, "B I J 2"], size: tuple[int, int], sigma: float
) -> tuple[Float[Tensor, "B J W2"], Float[Tensor, "B J H2"]]:
    """Draw Gaussians along x on 2W bins and along y on 2H bins, the highest over animals."""
    ends = []
    for axis, length in enumerate(size):
        # bins of half a pixel: bin i has its centre at (i - 1/2) / 2
        centres = torch.arange(2 * length, device=xy.device) / 2 - 1 / 4
        known = torch.isfinite(xy).all(-1)
        at = torch.where(known, xy[..., axis], torch.nan)
        ends.append(_bells(at, centres, sigma).amax(1))
    return ends[0], ends[1]


def plateaus(
    xy: Float[Tensor, "B I J 2"], size: tuple[int, int], stride: int, radius: float
) -> tuple[Float[Tensor, "B J h w"], Float[Tensor, "B J 2 h w"]]:
    """Draw 1 within `radius` px of the nearest animal's keypoint, and the way there in px.

    Returns:
        The plateaus, and x - c of the nearest keypoint: zeros off its plateau.
    """
    x, y = cell_centres(size, stride, xy.device)
    shape = (*xy.shape[:1], xy.shape[2], len(y), len(x))
    nearest = torch.full(shape, torch.inf, device=xy.device)
    way = torch.zeros((*shape[:2], 2, *shape[2:]), device=xy.device)
    for points in xy.unbind(1):
        known = torch.isfinite(points).all(-1)[..., None, None]
        dx = (points[..., 0, None, None] - x).expand(shape)
        dy = (points[..., 1, None, None] - y[:, None]).expand(shape)
        gap = torch.where(known, dx**2 + dy**2, torch.inf)
        nearer = gap < nearest
        way = torch.where(nearer[:, :, None], torch.stack([dx, dy], 2), way)
        nearest = torch.minimum(nearest, gap)
    near = (nearest <= radius**2)[:, :, None]
    return near[:, :, 0].float(), torch.where(near, way, 0.0)


def edge_maps(
    xy: Float[Tensor, "B I J 2"],
    edges: Edges,
    size: tuple[int, int],
    stride: int,
    sigma: float,
) -> Float[Tensor, "B E h w"]:
    """Draw max over animals of exp(-D²/2σ²), D the distance to the segment between two ends.

    The peak is 1 by construction. A missing end empties its edge: there is never a sentinel
    coordinate, which would draw a ray across the image.
    """
    _fine_enough(sigma, stride)
    maps = [_bands(points, edges, size, stride, sigma) for points in xy.unbind(1)]
    return torch.stack(maps).amax(0)


def fields(
    xy: Float[Tensor, "B I J 2"],
    edges: Edges,
    size: tuple[int, int],
    stride: int,
    sigma: float,
) -> Float[Tensor, "B E 2 h w"]:
    """Draw part affinity fields: Σ_a w_a u_a / max(1, Σ_a w_a), within the unit disc.

    u is the unit vector of an edge, w = exp(-D²/2σ²) with D the distance to its segment. Ends
    nearer than a pixel have no direction and draw nothing.
    """
    _fine_enough(sigma, stride)
    first, second = _ends(edges, xy.device)
    total = weight = torch.zeros(())
    for points in xy.unbind(1):
        arrow = torch.nan_to_num(points[:, second] - points[:, first])
        length = torch.linalg.vector_norm(arrow, dim=-1)
        unit = arrow / length.clamp(min=SHORTEST)[..., None]  # (B, E, 2)
        band = _bands(points, edges, size, stride, sigma)
        band = (band * (length >= SHORTEST)[..., None, None])[:, :, None]  # (B, E, 1, h, w)
        total = total + band * unit[..., None, None]
        weight = weight + band
    return total / weight.clamp(min=1)


def class_maps(
    xy: Float[Tensor, "B I J 2"],
    identity: Int[Tensor, "B I"],
    classes: int,
    size: tuple[int, int],
    stride: int,
    sigma: float,
) -> Float[Tensor, "B A h w"]:
    """Draw whose cell it is: Σ_{i in a} 1[C_i > 0.2] C_i / Σ_j C_j, C_i max over keypoints.

    Animals of unknown identity keep their share, so that cells sum to less than 1 there.
    """
    animals = [one_animal(points, size, stride, sigma).amax(1) for points in xy.unbind(1)]
    shown = torch.stack(animals, 1)  # (B, I, h, w)
    share = (shown > PRESENT) * shown / shown.sum(1, keepdim=True).clamp(min=PRESENT)
    one_hot = F.one_hot(identity.clamp(min=0), classes) * (identity >= 0)[..., None]
    return torch.einsum("bia,bihw->bahw", one_hot.to(share.dtype), share)


def known(scene: Scene, stride: int) -> Float[Tensor, "B J h w"]:
    """Where it is known what each keypoint's map should show; see `certain`."""
    return certain(scene, scene.weight, stride)


def known_edges(
    scene: Scene, edges: Edges, stride: int, shortest: float = 0.0
) -> Float[Tensor, "B E h w"]:
    """Where it is known what each edge's map should show: both its ends were looked at.

    Args:
        scene: labels.
        edges: pairs of keypoints.
        stride: input pixels per cell.
        shortest: px; nearer ends count as unknown.
    """
    first, second = _ends(edges, scene.xy.device)
    both = torch.minimum(scene.weight[..., first], scene.weight[..., second])
    length = torch.linalg.vector_norm(scene.xy[:, :, second] - scene.xy[:, :, first], dim=-1)
    return certain(scene, both * ~(length < shortest), stride)  # NaN is not short


def certain(
    scene: Scene, weight: Float[Tensor, "B I K"], stride: int
) -> Float[Tensor, "B K h w"]:
    """Where parts of animals, of which `weight` says whether they are known, leave no doubt.

    One animal an image: an unknown part may be anywhere. Several: it is near its own animal,
    whose box, grown by 0.3 of its diagonal, does not count.
    """
    start = (stride - 1) // 2
    valid = scene.valid[:, None, start::stride, start::stride]
    if scene.xy.shape[1] == 1:
        return weight[:, 0, :, None, None] * valid
    inside = boxes(scene.said(), scene.size, stride)  # (B, I, h, w)
    doubt = torch.einsum("bihw,bik->bkhw", inside, 1 - weight)
    return (doubt == 0) * valid


def boxes(
    xy: Float[Tensor, "B I J 2"], size: tuple[int, int], stride: int
) -> Float[Tensor, "B I h w"]:
    """1 in the cells of each animal's box, grown by 0.3 of its diagonal; 0 without animal."""
    low, high = _extent(xy)
    grow = AROUND * torch.linalg.vector_norm(torch.nan_to_num(high - low, 0, 0, 0), dim=-1)
    low, high = low - grow[..., None], high + grow[..., None]
    x, y = cell_centres(size, stride, xy.device)
    across = (x >= low[..., :1]) & (x <= high[..., :1])
    down = (y >= low[..., 1:]) & (y <= high[..., 1:])
    return (down[..., :, None] & across[..., None, :]).float()


def _extent(
    xy: Float[Tensor, "B I J 2"],
) -> tuple[Float[Tensor, "B I 2"], Float[Tensor, "B I 2"]]:
    """Corners of each animal's box; ∞ and -∞ without animal."""
    seen = torch.isfinite(xy).all(-1, keepdim=True)
    low = torch.where(seen, xy, torch.inf).amin(2)
    return low, torch.where(seen, xy, -torch.inf).amax(2)


def blob(stride: int, sigma: float) -> float:
    """Sum of C² over the cells of one confidence map: πσ²/s²."""
    return math.pi * sigma**2 / stride**2


def _fine_enough(sigma: float, stride: int) -> None:
    if sigma < stride:
        raise InputError(
            f"sigma {sigma} px is finer than the stride of {stride} px; "
            f"set it to {stride} or more, or choose a smaller stride"
        )


def _bells(
    at: Float[Tensor, "*some"], centres: Float[Tensor, " n"], sigma: float
) -> Float[Tensor, "*some n"]:
    """exp(-(c - x)²/2σ²); zeros where x is NaN."""
    bell = torch.exp(-((centres - at[..., None]) ** 2) / (2 * sigma**2))
    return torch.nan_to_num(bell, 0.0)


def _ends(edges: Edges, device: torch.device) -> tuple[Int[Tensor, " E"], Int[Tensor, " E"]]:
    """Return indices of the ends of every edge."""
    pairs = torch.tensor(edges, dtype=torch.long, device=device).reshape(len(edges), 2)
    return pairs[:, 0], pairs[:, 1]


def _bands(
    xy: Float[Tensor, "B J 2"],
    edges: Edges,
    size: tuple[int, int],
    stride: int,
    sigma: float,
) -> Float[Tensor, "B E h w"]:
    """exp(-D²/2σ²) around the segments of one animal; zeros where an end is missing."""
    first, second = _ends(edges, xy.device)
    x, y = cell_centres(size, stride, xy.device)
    start, arrow = xy[:, first], xy[:, second] - xy[:, first]  # (B, E, 2)
    square = (arrow**2).sum(-1).clamp(min=1e-12)[..., None, None]
    ax, ay = arrow[..., 0, None, None], arrow[..., 1, None, None]
    dx, dy = x - start[..., 0, None, None], y[:, None] - start[..., 1, None, None]
    along = ((dx * ax + dy * ay) / square).clamp(0, 1)  # of the foot of the perpendicular
    gap = (dx - along * ax) ** 2 + (dy - along * ay) ** 2
    return torch.nan_to_num(torch.exp(-gap / (2 * sigma**2)), 0.0)

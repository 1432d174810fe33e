"""The linear baseline: one logistic regression on grey patches per keypoint.

Classifying the patch around every cell with weights W and intercept b is one convolution of
the image, a = X * W + b (a cross-correlation), and p = 1 / (1 + exp(-a)). The loss is convex:
there is one best W, whatever optimiser of `kernels.logistic` looks for it.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, field_validator
from torch.nn import functional as F

from gambol.core import pixels, regions
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.kernels import logistic

CHUNK = 16  # images scored at once, bounds memory

OptimizerName = Literal[
    "lbfgs",
    "newton",
    "irls",
    "gradient-descent",
    "armijo",
    "sgd",
    "momentum",
    "adagrad",
    "rmsprop",
    "adam",
]


class LinearConfig(Config):
    """Settings of the linear baseline."""

    scale: Annotated[float, Field(gt=0, le=1)] = 0.5  # patches see twice as far for their price
    patch: PositiveInt = 31  # side in cells of the scaled image; odd, so it has a middle
    radius_px: PositiveFloat = 3.0  # about as exact as a person points
    negatives_per_image: PositiveInt = 20
    rounds: NonNegativeInt = 2  # of hardest false positives; later ones change little
    hard_per_image: PositiveInt = 5  # a round
    ridge: PositiveFloat = 0.1  # at 0.01 the error on open-field mice was twice as large
    optimizer: OptimizerName = "lbfgs"  # fewest passes over the patches
    steps: PositiveInt = 200  # L-BFGS and Newton stop before; the stochastic ones want 2000

    @field_validator("patch")
    @classmethod
    def _has_a_middle(cls, side: int) -> int:
        if side % 2 == 0:
            raise ValueError("the side of a patch must be odd")
        return side


class LinearModel(NamedTuple):
    """One template and one intercept per keypoint."""

    weight: Float[np.ndarray, "J P P"]  # per unit of grey
    bias: Float[np.ndarray, " J"]  # log-odds of a patch that is all `fill`
    fill: float  # mean grey of the training images; what is thought beyond the border
    scale: float  # cells per video pixel

    @property
    def patch(self) -> int:
        """Side of the patch, in cells."""
        return int(self.weight.shape[-1])


class _Scene(NamedTuple):
    """What all keypoints learn from."""

    padded: Float32[np.ndarray, "N h_pad w_pad"]  # grey minus fill over spread, zero border
    patch: int

    def patches(self, cells: Int[np.ndarray, "M 3"]) -> Float[np.ndarray, "M D"]:
        """Cut out the patches around cells (image, row, column), D = patch²."""
        side = self.patch
        windows = np.lib.stride_tricks.sliding_window_view(self.padded, (side, side), (1, 2))
        cut = windows[cells[:, 0], cells[:, 1], cells[:, 2]]
        return np.asarray(cut.reshape(len(cells), side * side), dtype=np.float64)

    def scores(self, w: Float[np.ndarray, " D1"]) -> Float32[np.ndarray, "N h w"]:
        """Log-odds of every cell; the last weight is the intercept."""
        kernel = w[:-1].reshape(1, self.patch, self.patch)
        return _correlate(self.padded, kernel, w[-1:])[:, 0]


def fit(
    images: Float[np.ndarray, "N H W"],
    xy: Float[np.ndarray, "N J 2"],
    cfg: LinearConfig,
    rng: np.random.Generator,
    ignored: Sequence[list[Float[np.ndarray, "_ 2"]]] | None = None,
) -> LinearModel:
    """Learn one template per keypoint.

    Args:
        images: grey, from 0 to 1.
        xy: video pixels; NaN where a keypoint is missing. Such an image teaches that
            keypoint nothing, neither where it is nor where it is not.
        cfg: settings.
        rng: draws the negatives, and the batches of stochastic optimisers.
        ignored: polygons of every image, video pixels, that teach nothing; none by default.
    """
    _check(images, xy)
    small = _shrink(images, cfg.scale)
    fill, spread = float(small.mean()), float(small.std()) or 1.0
    border = cfg.patch // 2
    padded = np.pad((small - fill) / spread, ((0, 0), (border, border), (border, border)))
    scene = _Scene(padded.astype(np.float32), cfg.patch)
    hidden = _inside(ignored or [[]] * len(small), small.shape[1:], cfg)
    found = [
        _fit_keypoint(scene, near & ~hidden, far & ~hidden, cfg, rng)
        for near, far in (_near(xy[:, j], small.shape[1:], cfg, j) for j in range(xy.shape[1]))
    ]
    w = np.stack(found)
    weight = w[:, :-1].reshape(-1, cfg.patch, cfg.patch) / spread
    return LinearModel(weight, w[:, -1], fill, cfg.scale)


def score_maps(
    model: LinearModel, images: Float[np.ndarray, "N H W"]
) -> Float32[np.ndarray, "N J h w"]:
    """Log-odds that a keypoint is in each cell of the scaled image; `expit` makes p."""
    border = model.patch // 2
    centred = _shrink(images, model.scale) - np.float32(model.fill)
    padded = np.pad(centred, ((0, 0), (border, border), (border, border)))
    return _correlate(padded, model.weight, model.bias)


def predict(
    model: LinearModel, images: Float[np.ndarray, "N H W"]
) -> Float[np.ndarray, "N J 2"]:
    """Video pixels of the highest log-odds, refined by a parabola along each axis."""
    maps = score_maps(model, images)
    n, j, h, w = maps.shape
    rows, cols = np.divmod(maps.reshape(n, j, -1).argmax(axis=-1), w)  # jointly, not per axis
    lead = np.ogrid[:n, :j]
    x = cols + _vertex(*(maps[*lead, rows, np.clip(cols + d, 0, w - 1)] for d in (-1, 0, 1)))
    y = rows + _vertex(*(maps[*lead, np.clip(rows + d, 0, h - 1), cols] for d in (-1, 0, 1)))
    to_video = pixels.invert(pixels.resize(model.scale))
    return pixels.apply(to_video, np.stack([x, y], axis=-1).astype(np.float64))


def correct_sampling(
    bias: float, positives: int, negatives: int, all_positives: int, all_negatives: int
) -> float:
    """Move an intercept from the odds of the sample to those of the images.

    b - log(odds_sample / odds_true). Exact where negatives were drawn at random (King & Zeng,
    2001, Polit. Anal. 9:137-163); after rounds of hard negatives it is a first order remedy.

    >>> round(correct_sampling(0.0, 10, 10, 10, 1000), 3)  # 1 in 100, not 1 in 1
    -4.605
    """
    return float(bias - np.log(positives / negatives) + np.log(all_positives / all_negatives))


def _check(images: Float[np.ndarray, "N H W"], xy: Float[np.ndarray, "N J 2"]) -> None:
    if len(images) != len(xy) or len(images) == 0:
        raise InputError(f"{len(images)} images and {len(xy)} rows of labels; give one a row")
    if not (images.min() >= 0 and images.max() <= 1):
        span = f"{images.min():g} to {images.max():g}"
        raise InputError(f"grey values are {span}; scale images to the range 0 to 1")


def _near(
    xy: Float[np.ndarray, "N 2"], shape: tuple[int, ...], cfg: LinearConfig, keypoint: int
) -> tuple[Bool[np.ndarray, "N h w"], Bool[np.ndarray, "N h w"]]:
    """Tell which cells are within the radius of the label, and which beyond it."""
    distance = np.linalg.norm(_centres(shape, cfg) - xy[:, None, None], axis=-1)
    near = distance <= cfg.radius_px
    if not near.any():
        place = f"within {cfg.radius_px:g} px of a cell of any image"
        raise InputError(f"keypoint {keypoint} has no label {place}; label it or leave it out")
    return near, distance > cfg.radius_px  # NaN is in neither


def _inside(
    ignored: Sequence[list[Float[np.ndarray, "_ 2"]]],
    shape: tuple[int, ...],
    cfg: LinearConfig,
) -> Bool[np.ndarray, "N h w"]:
    """Tell which cells lie in polygons that teach nothing."""
    centres = _centres(shape, cfg)
    return np.stack([regions.contain(polygons, centres) for polygons in ignored])


def _centres(shape: tuple[int, ...], cfg: LinearConfig) -> Float[np.ndarray, "h w 2"]:
    """Return where the centres of the cells lie, video pixels."""
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in shape[::-1])), axis=-1)
    return pixels.apply(pixels.invert(pixels.resize(cfg.scale)), grid.astype(np.float64))


def _fit_keypoint(
    scene: _Scene,
    near: Bool[np.ndarray, "N h w"],
    far: Bool[np.ndarray, "N h w"],
    cfg: LinearConfig,
    rng: np.random.Generator,
) -> Float[np.ndarray, " D1"]:
    """Fit, add the hardest false positives, fit again; then undo the sampling."""
    positives, left = np.argwhere(near), far.copy()
    n_labelled = int(far.any(axis=(1, 2)).sum())
    pool = np.flatnonzero(far)
    count = min(cfg.negatives_per_image * n_labelled, len(pool))
    chosen = rng.choice(pool, count, replace=False)
    negatives = np.stack(np.unravel_index(chosen, far.shape), axis=-1)
    w = _solve(scene, positives, negatives, cfg, rng, start=None)
    for _ in range(cfg.rounds):
        left[tuple(negatives.T)] = False
        hard = _hardest(scene.scores(w), left, cfg.hard_per_image)
        negatives = np.concatenate([negatives, hard])
        w = _solve(scene, positives, negatives, cfg, rng, start=w)
    w[-1] = correct_sampling(
        w[-1], len(positives), len(negatives), int(near.sum()), int(far.sum())
    )
    return w


def _hardest(
    scores: Float32[np.ndarray, "N h w"], allowed: Bool[np.ndarray, "N h w"], count: int
) -> Int[np.ndarray, "M 3"]:
    """Return the highest local maxima among the allowed cells of each image."""
    masked = np.where(allowed, scores, np.float32(-np.inf))
    around = F.max_pool2d(torch.from_numpy(masked)[:, None], 5, stride=1, padding=2)[:, 0]
    peaks = np.where(masked == around.numpy(), masked, -np.inf).reshape(len(scores), -1)
    count = min(count, peaks.shape[1])
    best = np.argpartition(peaks, -count, axis=1)[:, -count:]
    image, place = np.nonzero(np.take_along_axis(peaks, best, axis=1) > -np.inf)
    row, col = np.divmod(best[image, place], scores.shape[2])
    return np.stack([image, row, col], axis=-1)


def _solve(
    scene: _Scene,
    positives: Int[np.ndarray, "A 3"],
    negatives: Int[np.ndarray, "B 3"],
    cfg: LinearConfig,
    rng: np.random.Generator,
    start: Float[np.ndarray, " D1"] | None,
) -> Float[np.ndarray, " D1"]:
    patches = scene.patches(np.concatenate([positives, negatives]))
    labels = np.repeat([1.0, 0.0], [len(positives), len(negatives)])
    problem = logistic.make_problem(patches, labels, cfg.ridge)
    if cfg.optimizer == "lbfgs":
        return logistic.lbfgs(problem, cfg.steps, tol=1e-4, start=start).w
    optimizer = _OPTIMIZERS[cfg.optimizer]()
    every = max(1, cfg.steps // 20)
    return logistic.minimize(problem, optimizer, cfg.steps, rng, 1e-4, start, every).w


# A patch has hundreds of weights that agree with each other, so steps that give every weight
# the same length must be short.
_OPTIMIZERS: dict[str, Callable[[], logistic.Optimizer]] = {
    "newton": logistic.newton,
    "irls": logistic.irls,
    "gradient-descent": logistic.gradient_descent,
    "armijo": logistic.armijo,
    "sgd": lambda: logistic.sgd(decay=1e-3),
    "momentum": lambda: logistic.sgd(momentum=0.9, decay=1e-3),
    "adagrad": lambda: logistic.adagrad(0.01),
    "rmsprop": lambda: logistic.rmsprop(1e-3, decay=1e-2),
    "adam": lambda: logistic.adam(1e-3, decay=1e-2),
}


def _shrink(images: Float[np.ndarray, "N H W"], scale: float) -> Float32[np.ndarray, "N h w"]:
    """Resize with antialiasing, exactly by `scale`, so `pixels.resize` describes it."""
    batch = torch.from_numpy(np.ascontiguousarray(images, dtype=np.float32))[:, None]
    if scale == 1:
        return batch[:, 0].numpy()
    small = F.interpolate(batch, scale_factor=scale, mode="bilinear", antialias=True)
    return small[:, 0].numpy()


def _correlate(
    padded: Float32[np.ndarray, "N h_pad w_pad"],
    weight: Float[np.ndarray, "J P P"],
    bias: Float[np.ndarray, " J"],
) -> Float32[np.ndarray, "N J h w"]:
    """Score every patch of images that are already padded."""
    kernel = torch.from_numpy(weight.astype(np.float32))[:, None]
    offset = torch.from_numpy(bias.astype(np.float32))
    image = torch.from_numpy(padded)[:, None]
    with torch.inference_mode():
        parts = [
            F.conv2d(image[i : i + CHUNK], kernel, offset) for i in range(0, len(image), CHUNK)
        ]
        return torch.cat(parts).numpy()


def _vertex(
    before: Float[np.ndarray, "N J"],
    middle: Float[np.ndarray, "N J"],
    after: Float[np.ndarray, "N J"],
) -> Float[np.ndarray, "N J"]:
    """Return where the parabola through three cells is highest, at most half a cell away."""
    bend = before - 2 * middle + after  # <= 0 at a maximum
    flat = bend > -1e-12
    shift = 0.5 * (before - after) / np.where(flat, 1.0, bend)
    return np.where(flat, 0.0, np.clip(shift, -0.5, 0.5))

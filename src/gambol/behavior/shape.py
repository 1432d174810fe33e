"""Shape space and its principal components: what an aligned pose is, free of its position.

Shape coordinates are x̃ = (Γ ⊗ I_d)ᵀ vec(u) with Helmert's Γ (`kernels.helmert`). Mean and
covariance are sums over all frames, none left out by chance. A frame with absent keypoints
enters with the conditional mean of a Gaussian given the present ones, wherever these lie: the
differences of the present keypoints are all that is used.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float
from pydantic import Field, PositiveInt

from gambol.behavior.align import Aligned
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.kernels import helmert

_RIDGE = 1e-9  # of the mean variance: what is absent is found though present ones may repeat


class ShapeSettings(Config):
    """How many latents are kept."""

    dims: PositiveInt | None = None  # D; null: as few as hold `variance`
    variance: float = Field(default=0.9, gt=0, le=1)  # share that D latents hold, at least


class Moments(NamedTuple):
    """Of shapes."""

    mean: Float[np.ndarray, " M"]
    covariance: Float[np.ndarray, "M M"]
    frames: int


class ShapePCA:
    """Whitened principal components of shape, in the manner of scikit-learn.

    Args:
        settings: those of `ShapeSettings`, by name.

    After `fit`: `loadings_` C (M, D) and `offset_` c (M), M = (J - 1) d, with x̃ = C x + c and
    cov(x) = I over the frames of `fit`; `eigenvalues_` of all M components, descending, unit²;
    `variance_` share that the D kept ones hold; `moments_`. The largest loading of each
    component is positive.
    """

    settings: ShapeSettings
    loadings_: Float[np.ndarray, "M D"]
    offset_: Float[np.ndarray, " M"]
    eigenvalues_: Float[np.ndarray, " M"]
    moments_: Moments
    space_: int

    def __init__(self, **settings: Any):
        self.settings = ShapeSettings.from_values(settings, "ShapePCA")

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the settings by name."""
        return self.settings.model_dump()

    def set_params(self, **settings: Any) -> "ShapePCA":
        """Change settings; what was fitted stays until the next `fit`."""
        self.settings = ShapeSettings.from_values(
            {**self.settings.model_dump(), **settings}, "ShapePCA"
        )
        return self

    def fit(self, recordings: Sequence[Aligned]) -> "ShapePCA":
        """Find the components of all frames of all recordings; their order is of no effect."""
        ordered = sorted(recordings, key=lambda aligned: aligned.track.name)
        xy = [aligned.track.xy for aligned in ordered]
        try:
            moments = shape_moments(xy)
        except InputError as error:
            names = [aligned.track.name for aligned in ordered]
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            raise InputError(f"{', '.join(names[:3])}{more}: {error}") from error
        values, vectors = np.linalg.eigh(moments.covariance)
        values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
        share = np.cumsum(values) / values.sum()
        # rounding may leave the last share a little below 1
        dims = self.settings.dims or int((share < self.settings.variance - 1e-12).sum()) + 1
        rank = int((values > 1e-12 * values[0]).sum())
        if dims > rank:
            raise InputError(
                f"dims is {dims}, but these shapes vary in {rank} directions; give at most that"
            )
        kept = vectors[:, :dims]
        largest = np.abs(kept).argmax(axis=0)
        kept = kept * np.sign(kept[largest, np.arange(dims)])
        self.loadings_ = kept * np.sqrt(values[:dims])
        self.offset_, self.eigenvalues_, self.moments_ = moments.mean, values, moments
        self.space_ = xy[0].shape[2]
        return self

    @property
    def variance_(self) -> float:
        """Share of the variance that the kept components hold."""
        kept = self.eigenvalues_[: self.loadings_.shape[1]].sum()
        return float(kept / self.eigenvalues_.sum())

    def transform(self, aligned: Aligned) -> Float[np.ndarray, "T D"]:
        """Return latents x; NaN in frames with fewer than two keypoints or no heading."""
        shapes = fill(aligned.track.xy, self.moments_)
        scaled = self.loadings_ / (self.loadings_**2).sum(axis=0)
        return (shapes - self.offset_) @ scaled

    def inverse_transform(self, x: Float[np.ndarray, "T D"]) -> Float[np.ndarray, "T J d"]:
        """Return the aligned poses of latents, with mean 0."""
        return raise_up(x @ self.loadings_.T + self.offset_, self.space_)

    def to_keypoints(self) -> tuple[Float[np.ndarray, "J d D"], Float[np.ndarray, "J d"]]:
        """Return H and c with u_k = H_k x + c_k: rows of (Γ ⊗ I)C and (Γ ⊗ I)c."""
        loads = np.moveaxis(raise_up(self.loadings_.T, self.space_), 0, -1)
        return loads, raise_up(self.offset_[None], self.space_)[0]

    def to_dataset(self) -> xr.Dataset:
        """Return what was fitted."""
        return xr.Dataset(
            {
                "loadings": (("shape", "latent"), self.loadings_),
                "mean": (("shape",), self.moments_.mean),
                "covariance": (("shape", "shape_b"), self.moments_.covariance),
                "eigenvalues": (("component",), self.eigenvalues_),
            },
            attrs={
                "settings": self.settings.model_dump_json(),
                "space": self.space_,
                "frames": self.moments_.frames,
            },
        )

    @classmethod
    def from_dataset(cls, dataset: xr.Dataset) -> "ShapePCA":
        """Undo `to_dataset`."""
        made = cls()
        made.settings = ShapeSettings.model_validate_json(dataset.attrs["settings"])
        made.loadings_ = dataset["loadings"].values
        mean, covariance = dataset["mean"].values, dataset["covariance"].values
        made.moments_ = Moments(mean, covariance, int(dataset.attrs["frames"]))
        made.offset_, made.eigenvalues_ = mean, dataset["eigenvalues"].values
        made.space_ = int(dataset.attrs["space"])
        return made


def lower(xy: Float[np.ndarray, "T J d"]) -> Float[np.ndarray, "T M"]:
    """Return shape coordinates, free of position; NaN where any keypoint is absent."""
    flat = np.moveaxis(helmert.lower(np.moveaxis(xy, 1, 2)), 1, 2)
    return flat.reshape(len(xy), (xy.shape[1] - 1) * xy.shape[2])


def raise_up(shapes: Float[np.ndarray, "T M"], space: int) -> Float[np.ndarray, "T J d"]:
    """Return keypoints of shapes, with mean 0."""
    parts = shapes.reshape(len(shapes), shapes.shape[1] // space, space)
    return np.moveaxis(helmert.lift(np.moveaxis(parts, 1, 2)), 2, 1)


def shape_moments(recordings: Sequence[Float[np.ndarray, "_ J d"]]) -> Moments:
    """Return mean and covariance of the shapes of all frames.

    First those of complete frames, then twice those of all with two keypoints or more, filled.
    Where complete frames are too few, a keypoint that is absent starts in its mean place.
    """
    size = (recordings[0].shape[1] - 1) * recordings[0].shape[2]
    if size < 1:
        raise InputError("shapes need two keypoints or more; there is one")
    whole = [xy[~np.isnan(xy).any(axis=(1, 2))] for xy in recordings]
    complete = sum(len(xy) for xy in whole)
    if complete > 2 * size:
        moments = _sums([lower(xy) for xy in whole])
        if complete == sum(len(xy[_usable(xy)]) for xy in recordings):
            return moments
    else:
        moments = _sums([lower(_placed(xy[_usable(xy)])) for xy in recordings])
    for _ in range(2):
        filled = [fill(xy[_usable(xy)], moments) for xy in recordings]
        moments = _sums(filled)
    return moments


def fill(xy: Float[np.ndarray, "T J d"], moments: Moments) -> Float[np.ndarray, "T M"]:
    """Return shapes, those of frames with absent keypoints by their conditional mean.

    With M = Γ_pᵀ Γ[p] for the present keypoints p, z = M x̃ are their own shape coordinates,
    and E[x̃ | z] = c + Σ Mᵀ (M Σ Mᵀ)⁻¹ (z - M c). NaN where fewer than two are present.
    """
    n, d = xy.shape[1:]
    out = np.full((len(xy), (n - 1) * d), np.nan)
    ridge = _RIDGE * np.trace(moments.covariance) / len(moments.mean)
    for present, frames in _patterns(~np.isnan(xy[..., 0])):
        p = np.flatnonzero(present)
        if len(p) < 2:
            continue
        z = lower(xy[frames][:, p])
        if len(p) == n:
            out[frames] = z
            continue
        m = np.kron(helmert.basis(len(p)).T @ helmert.basis(n)[p], np.eye(d))
        cross = moments.covariance @ m.T
        inner = m @ cross + ridge * np.eye(len(m))
        out[frames] = (
            moments.mean + np.linalg.solve(inner, (z - m @ moments.mean).T).T @ cross.T
        )
    return out


def _usable(xy: Float[np.ndarray, "T J d"]) -> Bool[np.ndarray, " T"]:
    """Frames with two keypoints or more."""
    return (~np.isnan(xy[..., 0])).sum(axis=1) >= 2


def _placed(xy: Float[np.ndarray, "T J d"]) -> Float[np.ndarray, "T J d"]:
    """Put absent keypoints where they are on average; an unseen one in the middle."""
    counts = (~np.isnan(xy)).sum(axis=0)
    usual = np.nansum(xy, axis=0) / np.maximum(counts, 1)
    return np.where(np.isnan(xy), usual, xy)


def _patterns(
    present: Bool[np.ndarray, "T J"],
) -> Iterator[tuple[Bool[np.ndarray, " J"], np.ndarray]]:
    """Yield each set of present keypoints with its frames."""
    if not len(present):
        return
    packed = np.packbits(present, axis=1)
    _, first, inverse = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(inverse.ravel(), kind="stable")
    edges = np.cumsum(np.bincount(inverse.ravel()))[:-1]
    for frames, one in zip(np.split(order, edges), first, strict=True):
        yield present[one], frames


def _sums(shapes: Sequence[Float[np.ndarray, "_ M"]]) -> Moments:
    """Mean and covariance over all frames of all recordings."""
    frames = sum(len(part) for part in shapes)
    if frames < 2:
        raise InputError(
            f"{frames} frame{'s' * (frames != 1)} with two keypoints and a heading; "
            "shapes need two or more, so give longer recordings"
        )
    mean = np.sum([part.sum(axis=0) for part in shapes], axis=0) / frames
    spread = np.sum([(part - mean).T @ (part - mean) for part in shapes], axis=0)
    return Moments(mean, spread / (frames - 1), frames)

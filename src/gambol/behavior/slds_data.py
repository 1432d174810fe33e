"""Results and fitted keypoint models as datasets, and back without loss."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Int

from gambol.behavior import syllable_data, syllables
from gambol.behavior.shape import ShapePCA
from gambol.behavior.slds_start import Calibration, Model, Start
from gambol.behavior.syllable_chain import Hidden, Scene
from gambol.behavior.syllables import Parameters
from gambol.kernels.slds_frames import Body


def described(
    start: Start, found: Sequence[Hidden], model: Model, rank: Int[np.ndarray, " N"]
) -> dict[str, xr.Dataset]:
    """Return what was found of each recording, on its frames; gaps are -1 or NaN."""
    keys, lengths, back = start.data.keys, start.lengths, np.argsort(model.axes)
    lags = [len(own.x) - len(own.z) for own in found]
    noise = [
        np.where(seen.noise.present, own.scale * model.share, np.nan)
        for seen, own in zip(start.data.seen, found, strict=True)
    ]
    labels = [
        np.r_[np.full(late, -1), rank[own.z]] for late, own in zip(lags, found, strict=True)
    ]
    parts = {
        "syllable": ([*labels], ("time",), -1),
        "latent": ([own.x for own in found], ("time", "latent"), np.nan),
        "centroid": ([own.centroid[:, back] for own in found], ("time", "space"), np.nan),
        "heading": ([own.heading for own in found], ("time",), np.nan),
        "noise": (noise, ("time", "keypoints"), np.nan),
    }
    whole: dict[str, dict[str, Any]] = {name: {} for name in lengths}
    for variable, (values, dims, missing) in parts.items():
        for name, own in syllables.spread_out(keys, values, lengths, missing).items():
            whole[name][variable] = (dims, own)
    coords = {"space": list("xyz")[: len(model.axes)], "keypoints": list(model.names)}
    return {
        name: xr.Dataset(
            own, {"time": np.arange(lengths[name]) / model.fps, **coords}, {"fps": model.fps}
        )
        for name, own in whole.items()
    }


def joined(whole: xr.Dataset, known: Parameters, model: Model, shape: ShapePCA) -> xr.Dataset:
    """Return a dataset with parameters, body, noise and principal components added."""
    loads, offset = model.scene.body
    held = {
        **syllable_data.tables(known),
        "body_loads": (("keypoints", "space", "latent"), loads),
        "body_offset": (("keypoints", "space"), offset),
        "share": ("keypoints", model.share),
    }
    pca = shape.to_dataset()
    held |= {f"shape_{name}": (own.dims, own.values) for name, own in pca.items()}
    attrs = {f"shape_{name}": value for name, value in pca.attrs.items()} | {
        "walk": model.scene.step, "axes": list(model.axes), "fps": model.fps,
        "noise_slope": model.calibration.slope, "noise_level": model.calibration.level,
    }  # fmt: skip
    coords = {"keypoints": list(model.names)}
    return whole.assign(held).assign_coords(coords).assign_attrs(attrs)


def taken_apart(held: xr.Dataset) -> tuple[Parameters, Model, ShapePCA]:
    """Undo `joined`."""
    body = Body(held["body_loads"].values, held["body_offset"].values)
    told = Calibration(float(held.attrs["noise_slope"]), float(held.attrs["noise_level"]))
    model = Model(
        Scene(body, float(held.attrs["walk"])),
        tuple(int(axis) for axis in np.atleast_1d(held.attrs["axes"])), told,
        held["share"].values, float(held.attrs["fps"]),
        tuple(str(name) for name in held["keypoints"].values),
    )  # fmt: skip
    names = [str(name) for name in held if str(name).startswith("shape_")]
    cut = len("shape_")
    parts = {name[cut:]: (held[name].dims, held[name].values) for name in names}
    attrs = {
        str(key)[cut:]: value for key, value in held.attrs.items() if str(key)[:cut] == "shape_"
    }
    return (
        syllable_data.parameters(held), model,
        ShapePCA.from_dataset(xr.Dataset(parts, attrs=attrs)),
    )  # fmt: skip

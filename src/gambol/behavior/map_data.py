"""A fitted behaviour map as a dataset, and back without loss."""

import json
from typing import Any

import numpy as np
import xarray as xr

from gambol.behavior.map_frames import Channels
from gambol.behavior.map_placing import Fitted
from gambol.behavior.map_settings import MapSettings
from gambol.behavior.map_training import Training
from gambol.behavior.regions import Density, Regions
from gambol.behavior.wavelets import Still
from gambol.core.errors import InputError
from gambol.kernels.neighbours import Cells

KIND = "behaviour map"


def to_dataset(fitted: Fitted, settings: MapSettings) -> xr.Dataset:
    """Return a fitted map; places are in map units, divergences in nats."""
    training, cells, still = fitted.training, fitted.cells, fitted.still
    held: dict[str, Any] = {
        "embedding": (("training", "axis"), fitted.embedding),
        "p": (("training", "channel"), training.p),
        "recording_of_training": ("training", training.recording),
        "frame_of_training": ("training", training.frame),
        "inclusion": ("training", training.inclusion),
        "cell": ("training", cells.cell),
        "cell_centre": (("cells", "component"), cells.centre),
        "root_mean": ("channel", cells.mean),
        "root_axes": (("channel", "component"), cells.axes),
        "part": ("channel", list(fitted.channels.parts)),
        "unit": ("channel", list(fitted.channels.units)),
        "frequency": ("channel", fitted.channels.frequencies),
        "still_counts": ("bin", still.counts),
        "still_edges": ("edge", still.edges),
        "density": (("map_y", "map_x"), fitted.density.values),
        "density_mask": (("map_y", "map_x"), fitted.density.mask),
        "region": (("map_y", "map_x"), fitted.regions.label),
        "region_mass": ("regions", fitted.regions.mass),
        "region_peak": (("regions", "axis"), fitted.regions.peak),
        "fingerprint": ("recording", list(fitted.fingerprints)),
    }
    coords = {
        "axis": ["x", "y"],
        "channel": list(fitted.channels.names),
        "recording": list(fitted.recordings),
        "map_x": fitted.density.axis,
        "map_y": fitted.density.axis,
    }
    attrs = {
        "kind": KIND,
        "settings": json.dumps(settings.model_dump(mode="json")),
        "epsilon": fitted.epsilon,
        "misfit_limit": fitted.limit,
        "density_sigma": fitted.density.sigma,
        "density_single": fitted.density.single,
        "still_bimodal": int(still.bimodal),
        "still_threshold": still.threshold,
        "notes": json.dumps(fitted.notes),
    }
    return xr.Dataset(held, coords, attrs)


def from_dataset(held: xr.Dataset) -> tuple[Fitted, MapSettings]:
    """Return what `to_dataset` wrote."""
    if held.attrs.get("kind") != KIND:
        raise InputError("the dataset holds no behaviour map; give the file that a fit wrote")

    def array(name: str) -> np.ndarray:
        return np.ascontiguousarray(held[name].values)

    def words(name: str) -> tuple[str, ...]:
        return tuple(str(word) for word in held[name].values)

    attrs = held.attrs
    training = Training(
        array("recording_of_training"), array("frame_of_training"), array("p"),
        array("inclusion"),
    )  # fmt: skip
    cells = Cells(array("root_mean"), array("root_axes"), array("cell_centre"), array("cell"))
    still = Still(
        np.zeros(0, bool), bool(attrs["still_bimodal"]), float(attrs["still_threshold"]),
        array("still_counts"), array("still_edges"),
    )  # fmt: skip
    axis = array("map_x")
    density = Density(
        array("density"), axis, float(attrs["density_sigma"]),
        array("density_mask").astype(bool), float(attrs["density_single"]),
    )  # fmt: skip
    regions = Regions(array("region"), axis, array("region_mass"), array("region_peak"))
    fitted = Fitted(
        training, array("embedding"), cells,
        Channels(words("channel"), words("unit"), words("part"), array("frequency")),
        float(attrs["epsilon"]), still, float(attrs["misfit_limit"]), density, regions,
        words("recording"), words("fingerprint"), tuple(json.loads(attrs["notes"])),
    )  # fmt: skip
    settings = MapSettings.from_values(json.loads(attrs["settings"]), "behaviour map")
    return fitted, settings

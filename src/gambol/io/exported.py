"""The folder of an exported network: graphs, and what whoever runs them has to know.

model.json   size and colours of the pictures, skeleton, calibration, origin; written last
model.xml    float32 as OpenVINO, its weights in model.bin
int8.xml     the same in 8 bits, its weights in int8.bin
model.onnx   float32 as ONNX
centroid.xml, centroid.bin, centroid.onnx   where pictures are crops: what finds the animals
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import PositiveFloat, PositiveInt

from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.io import store

JSON, FLOAT32, INT8, ONNX = "model.json", "model.xml", "int8.xml", "model.onnx"
CENTROID, CENTROID_ONNX = "centroid.xml", "centroid.onnx"
KIND = "gambol exported network"


class Picture(Config):
    """What the graph takes: `image`, uint8 (batch, height, width, channels)."""

    width: PositiveInt  # the graphs of OpenVINO can be reshaped to other sizes
    height: PositiveInt
    channels: PositiveInt
    colours: Literal["grey", "rgb"]
    shows: Literal["frame", "crop"]  # whole frames, or squares around one animal
    scale: PositiveFloat  # pixels of the picture per pixel of the video; shrink by area
    multiple: PositiveInt  # places of windows in a frame, so that all answers are alike


class CentroidFile(Config):
    """The network that finds animals, whose crops the other one sees."""

    files: dict[str, str]  # by format
    strides: dict[str, int]  # pixels of its pictures per cell of its outputs, in their order
    multiple: PositiveInt  # of the sides of its pictures


class ExportedFile(Config):
    """What `model.json` holds."""

    kind: Literal["gambol exported network"] = "gambol exported network"
    gambol: str  # version that wrote it
    made_from: str  # hash of weights, settings and version
    picture: Picture
    outputs: dict[str, str]  # names, in order, and what they are
    strides: dict[str, int] = {}  # pixels of the picture per cell, of outputs that are maps
    files: dict[str, str]  # by the numbers that they compute with, or the format
    skeleton: dict[str, Any]
    calibration: dict[str, Any]  # of the peaks, video pixels
    body_px: PositiveFloat  # size of the animal, video pixels
    window: PositiveInt  # side of a window that follows the animal, pixels of the picture
    checked: dict[str, Any]  # against `gambol predict`
    note: str | None = None  # what `gambol predict` does besides, and the graphs do not
    int8: dict[str, Any] | None = None  # error and speed, measured
    many: dict[str, Any] | None = None  # of several animals, what the run knows of them
    near: PositiveFloat | None = None  # pixels within which two sides are one place, if at all
    centroid: CentroidFile | None = None  # of crops: what finds the animals
    provenance: dict[str, Any]

    @property
    def bones(self) -> Skeleton:
        """The skeleton as an object."""
        return Skeleton.from_dict(self.skeleton)


def is_exported(folder: Path) -> bool:
    """Tell whether a folder holds an exported network; a run has a `model.json`, too."""
    path = folder / JSON
    if not path.is_file():
        return False
    values = store.read_json(path)
    return isinstance(values, dict) and values.get("kind") == KIND


def read(folder: Path) -> ExportedFile:
    """Read what an exported network is."""
    if not is_exported(folder):
        raise InputError(
            f"{folder} is no exported network; give the folder that `gambol export-model` wrote"
        )
    return ExportedFile.from_values(store.read_json(folder / JSON), str(folder / JSON))


def graph(folder: Path, file: ExportedFile, numbers: str) -> Path:
    """Return the OpenVINO graph that computes with such numbers."""
    name = "float32" if numbers == "bfloat16" else numbers
    if name not in file.files:
        raise InputError(
            f"{folder} has no network in {numbers}; export the run anew with --{numbers}"
        )
    for path in (folder / file.files[name], (folder / file.files[name]).with_suffix(".bin")):
        store.require_file(path)
    return folder / file.files[name]

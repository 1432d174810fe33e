"""The folder of a training run: what training writes and everything later reads.

config.yaml          the settings, defaults included
model.json           architecture, scale, skeleton, calibration; written last, by a finished run
weights.safetensors  averaged weights, best on validation
last.safetensors     raw weights of the last step
log.jsonl            one line per evaluation
metrics.json         scores on validation, with intervals
split.csv            which frames did what
heldout.npz          validation frames at network scale with truth and prediction
provenance.json      versions, hashes, command line
snapshot1.safetensors … of `fit.snapshots`: averaged weights at the ends of the other cycles
fitted.json          why the network stopped learning
centroid/            of a top-down run: the network that finds animals, with log and weights
state.pt             only while the run is not finished: what it goes on from
comparison.json      of `train --compare`: both approaches, and which one the files are of
"""

import csv
import io
import json
import pickle
import shutil
import zipfile
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt
from safetensors import SafetensorError
from safetensors.torch import load as unpack
from safetensors.torch import save_file
from torch import Tensor

from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.io import store
from gambol.nn import snapshots
from gambol.nn.model import ModelSpec, PoseNet

MODEL = "model.json"
STATE = "state.pt"
CENTROID = "centroid"
COMPARISON = "comparison.json"


class ShapeFile(Config):
    """The mean pose of the labels and what its keypoints say of how an animal lies."""

    xy: tuple[tuple[float | None, float | None], ...]  # network pixels; null: never labelled
    weight: tuple[float, ...]

    @classmethod
    def of(cls, xy: np.ndarray, weight: np.ndarray) -> "ShapeFile":
        """Take it from arrays."""
        known = [[float(v) if np.isfinite(v) else None for v in point] for point in xy]
        return cls.from_values({"xy": known, "weight": weight.tolist()}, "shape")


class ManyFile(Config):
    """What prediction needs besides, where a frame shows several animals."""

    most: PositiveInt  # animals in a labelled frame, at most
    anchor: str | None = None  # keypoint that stands for the animal; null: middle of its box
    centroid: ModelSpec | None = None  # top-down: the network that finds animals
    centroid_scale: PositiveFloat = 1.0  # its pixels per pixel of the other network
    threshold: float = 0.2  # height from which a centroid is an animal
    apart: PositiveFloat = 1.0  # network pixels within which two centroids are one
    side: PositiveInt = 64  # of a crop, network pixels
    shape: ShapeFile | None = None  # of the animals, if crops are turned heads up
    edges: tuple[tuple[int, int], ...] = ()  # bottom-up: ends of the fields
    links: dict[str, list[float]] = {}  # bottom-up: longest, slope and offset of every edge
    relabel: bool = False  # bottom-up: sides that show in one place are weighed anew
    real: tuple[float, ...]  # weights of P(real animal), see pose.judge
    individuals: tuple[str, ...] = ()  # names that the labels gave
    classes: tuple[str, ...] = ()  # those whom the network knows by their looks
    temperature: PositiveFloat = 1.0  # by which log-probabilities of classes are divided


class StructureFile(Config):
    """How the bones of the animal lie, and how much that counts."""

    kind: Literal["candidates", "grid"] = "candidates"
    weight: float = Field(ge=0)  # λ; 0: the network alone decides
    geometry: dict[str, Any]  # μ and Σ⁻¹ of every bone, see pose.structure and pose.gridded
    calibration: dict[str, Any] | None = None  # of the chosen peaks; null: as of the highest


class ModelFile(Config):
    """Everything but the weights that prediction needs."""

    gambol: str  # version that wrote it
    made_from: str  # hash of settings, labels and version
    spec: ModelSpec
    skeleton: dict[str, Any]
    scale: PositiveFloat  # network pixels per video pixel
    window: PositiveInt  # side of a window that follows the animal, network pixels
    grey: bool  # frames are read with one channel
    body_px: PositiveFloat  # size of the animal, video pixels
    calibration: dict[str, Any]  # of the highest peaks
    structure: StructureFile | None = None  # null: learnt by no run before, or not asked for
    snapshots: NonNegativeInt = 0  # further weights whose networks answer together with these
    approach: Literal["single", "top-down", "bottom-up"] = "single"
    many: ManyFile | None = None

    @property
    def bones(self) -> Skeleton:
        """The skeleton as an object."""
        return Skeleton.from_dict(self.skeleton)


class Trained(NamedTuple):
    """A finished run."""

    folder: Path
    model: ModelFile
    net: PoseNet
    weights_hash: str
    centroid: PoseNet | None = None  # of a top-down run


class Heldout(NamedTuple):
    """Validation frames at network scale, positions in video pixels."""

    images: list[np.ndarray]  # uint8 (H, W, C)
    to_video: np.ndarray  # (N, 2, 3)
    truth: np.ndarray  # (N, J, 2), NaN where absent or unlabelled
    visibility: np.ndarray  # (N, J)
    xy: np.ndarray  # (N, J, 2) predicted
    height: np.ndarray  # (N, J) of the peak
    cov: np.ndarray  # (N, J, 2, 2) calibrated, px²
    confidence: np.ndarray  # (N, J) calibrated
    presence: np.ndarray  # (N, J) calibrated
    video: np.ndarray  # (N,) references
    frame: np.ndarray  # (N,)


def is_finished(folder: Path) -> bool:
    """Tell whether a folder holds a finished run."""
    return (folder / MODEL).is_file()


def load(folder: Path) -> Trained:
    """Read a finished run."""
    if not folder.is_dir():
        wrong = "is a file" if folder.exists() else "does not exist"
        raise InputError(f"{folder} {wrong}; give the folder that `gambol train` wrote")
    if not is_finished(folder):
        state = "is not finished; run the same `gambol train` command again"
        other = "is no training run; give the folder that `gambol train` wrote"
        begun = any((folder / name).exists() for name in (STATE, COMPARISON))
        raise InputError(f"{folder} {state if begun else other}")
    model = ModelFile.from_values(store.read_json(folder / MODEL), str(folder / MODEL))
    net = _network(model.spec, *_weights(folder, model.snapshots))
    if model.many is None or model.many.centroid is None:
        return Trained(folder, model, net, weights_hash(folder, model.snapshots))
    finder = _network(model.many.centroid, folder / CENTROID / "weights.safetensors")
    return Trained(folder, model, net, weights_hash(folder, model.snapshots, True), finder)


def weights_hash(folder: Path, snapshots: int, centroid: bool = False) -> str:
    """Return the hash of all weights that answer together: 16 hexadecimal digits a file.

    Args:
        folder: of a run.
        snapshots: number of further weights.
        centroid: whether another network finds the animals.
    """
    paths = _weights(folder, snapshots)
    paths += [folder / CENTROID / "weights.safetensors"] if centroid else []
    return "".join(store.file_hash(path)[:16] for path in paths)


def _weights(folder: Path, snapshots: int) -> list[Path]:
    further = [folder / snapshot(n) for n in range(snapshots)]
    return [folder / "weights.safetensors", *further]


def adopt(folder: Path, out: Path) -> None:
    """Copy a finished run into another folder, which is one when `model.json` is there."""
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.name[0] != "."]
    for path in sorted(files, key=lambda p: p == folder / MODEL):
        with store.atomic(out / path.relative_to(folder)) as partial:
            shutil.copyfile(path, partial)


def _network(spec: ModelSpec, *paths: Path) -> PoseNet:
    weights = [read_weights(path) for path in paths]
    try:
        return snapshots.joined(spec, weights)
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{paths[0]} does not fit {MODEL} ({reason}); copy the run again or train it anew"
        ) from error


def snapshot(number: int) -> str:
    """Return what the file of one of the further weights is called."""
    return f"snapshot{number + 1}.safetensors"


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read tensors from safetensors, which hold no code.

    They are read into memory: Windows replaces no file that is mapped.
    """
    try:
        return unpack(store.require_file(path).read_bytes())
    except (SafetensorError, OSError) as error:
        raise InputError(
            f"{path} does not hold weights ({str(error).splitlines()[0]}); copy the run again "
            "or train it anew"
        ) from error


def write_weights(weights: dict[str, Tensor], path: Path) -> None:
    """Write tensors as safetensors."""
    plain = {name: value.contiguous() for name, value in weights.items()}
    with store.atomic(path) as partial:
        save_file(plain, partial)


def write_state(state: dict[str, Any], folder: Path) -> None:
    """Keep what an unfinished run goes on from."""
    with store.atomic(folder / STATE) as partial:
        torch.save(state, partial)


def read_state(folder: Path) -> dict[str, Any] | None:
    """Return the state of an unfinished run, or None where there is none."""
    path = folder / STATE
    if not path.exists():
        return None
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (
        *(RuntimeError, OSError, EOFError, ValueError),
        *(pickle.UnpicklingError, zipfile.BadZipFile),
    ) as error:
        raise InputError(f"{path} is damaged; delete it to start the run again") from error


def append_log(line: dict[str, Any], folder: Path) -> None:
    """Add one line to the live log."""
    with store.writing(folder / "log.jsonl"), (folder / "log.jsonl").open("ab") as file:
        file.write(json.dumps(line).encode() + b"\n")


def rewrite_log(lines: list[dict[str, Any]], folder: Path) -> None:
    """Make the log say what a resumed run remembers, and no more."""
    store.write_text("".join(json.dumps(line) + "\n" for line in lines), folder / "log.jsonl")


def read_log(folder: Path) -> list[dict[str, Any]]:
    """Return the evaluations of a run, oldest first."""
    path = folder / "log.jsonl"
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


def write_split(rows: list[tuple[str, str, int, str]], folder: Path) -> None:
    """Write which frame did what: part, video, frame, individual."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["part", "video", "frame", "individual"])
    writer.writerows(rows)
    store.write_text(text.getvalue(), folder / "split.csv")


def read_split(folder: Path) -> list[tuple[str, str, int, str]]:
    """Return the rows of `split.csv`."""
    rows = list(csv.reader(io.StringIO(store.read_text(folder / "split.csv"))))[1:]
    return [(part, video, int(frame), who) for part, video, frame, who in rows]


def write_heldout(held: Heldout, folder: Path) -> None:
    """Write the validation frames; arrays only, nothing that could execute."""
    arrays: dict[str, Any] = {f"image_{i}": image for i, image in enumerate(held.images)}
    arrays |= {name: value for name, value in held._asdict().items() if name != "images"}
    with store.atomic(folder / "heldout.npz") as partial, partial.open("wb") as file:
        np.savez_compressed(file, **arrays)


def read_heldout(folder: Path) -> Heldout:
    """Undo `write_heldout`."""
    path = store.require_file(folder / "heldout.npz")
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is damaged; train the run anew") from error
    images = [arrays.pop(f"image_{i}") for i in range(len(arrays["frame"]))]
    return Heldout(images=images, **arrays)

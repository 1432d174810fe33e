"""What an exported network is compared with: `gambol predict`, and labels of validation."""

import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, get_args

import numpy as np
from jaxtyping import Float

from gambol.core import pixels
from gambol.core.cores import usable_cores
from gambol.core.errors import InputError
from gambol.io import exported as io_exported
from gambol.io import run as io_run
from gambol.kernels.peaks import Peaks
from gambol.nn import engine, graph_decoders
from gambol.nn.exported_engine import ExportedGraph, Numbers
from gambol.nn.model import PoseNet
from gambol.nn.snapshots import Together
from gambol.pose import predict
from gambol.stages import export_frames

CHECKED = 8  # pictures
SAME = 1e-3  # px of the picture, that computing in another order may change
TIE = 1e-4  # of a peak's height, within which two cells are equally high
TIES = 0.02  # share of points that may be ties
REPEATS = 15  # pictures of each kind of numbers, in turn
TOLERATED = 0.1  # px on validation from which int8 is warned of


class Seen(Protocol):
    """Pictures of one size, and how a graph has to answer to them."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        ...

    @property
    def images(self) -> list[np.ndarray]:
        """uint8 (H, W, C) as the network takes them."""
        ...

    def check(self, net: PoseNet, files: dict[str, Path], threads: int) -> dict[str, Any]:
        """Refuse graphs that answer other than `gambol predict`; return how alike they are."""
        ...

    def errors(self, run_by: ExportedGraph) -> Float[np.ndarray, "N J"]:
        """Return how far off a graph is, px of the video; NaN where there is no label."""
        ...


class Pictures(NamedTuple):
    """N validation pictures of one size that show one animal."""

    size: tuple[int, int]  # width, height
    images: list[np.ndarray]  # uint8 (H, W, C)
    to_video: Float[np.ndarray, "N 2 3"]
    truth: Float[np.ndarray, "N J 2"]  # px of the video; NaN where there is no label

    @property
    def factor(self) -> tuple[float, float]:
        """Pixels of the video per pixel of the picture, along x and y."""
        along = np.linalg.norm(self.to_video[0, :, :2], axis=0)
        return float(along[0]), float(along[1])

    def check(self, net: PoseNet, files: dict[str, Path], threads: int) -> dict[str, Any]:
        """Compare points."""
        found = {
            name: [
                Peaks(one[0], one[2], one[3])
                for one in answers(name, path, self.images, threads)
            ]
            for name, path in files.items()
        }
        own = net.position.own if isinstance(net.position, Together) else net.position
        within = SAME + graph_decoders.step(own)
        return compare(found, expected(net, self.images, threads), self.size, within)

    def errors(self, run_by: ExportedGraph) -> Float[np.ndarray, "N J"]:
        """Distance of every labelled point."""
        found = [run_by.answers(image)[0] for image in self.images]
        xy = [pixels.apply(m, p) for m, p in zip(self.to_video, found, strict=True)]
        off: Float[np.ndarray, "N J"] = np.linalg.norm(np.stack(xy) - self.truth, axis=-1)
        return off


class Agreement(NamedTuple):
    """How far apart two ways to find the same points are."""

    most: float  # px
    ties: int  # points where two cells are equally high and each way took another


def pictures(model: io_run.Trained) -> Pictures:
    """Return the validation pictures of a run that have its most frequent size."""
    held = io_run.read_heldout(model.folder)
    size, rows = export_frames.usual(held.images)
    return Pictures(size, [held.images[i] for i in rows], held.to_video[rows], held.truth[rows])


def expected(net: PoseNet, images: list[np.ndarray], threads: int) -> list[Peaks]:
    """Find the peaks of pictures as `gambol predict` does on a CPU."""
    run_by = engine.build(net, engine.choose_device("cpu"), "float32", threads)
    ready = predict.Net(run_by, net.position, net.multiple, 1.0)
    return [_one(predict.whole(ready, image[None])) for image in images[:CHECKED]]


def answers(
    name: str, path: Path, images: list[np.ndarray], threads: int
) -> list[Sequence[np.ndarray]]:
    """Return what a graph says to the pictures that are checked: its outputs, in order.

    Args:
        name: of what it is written in: float32, which OpenVINO runs, or onnx.
        path: its file.
        images: pictures.
        threads: of the CPU; 0: all.
    """
    if name != "onnx":
        graph = ExportedGraph(path, "float32", threads)
        return [graph.answers(image) for image in images[:CHECKED]]
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = usable_cores(threads)
    session = onnxruntime.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"]
    )
    found = [session.run(None, {"image": image[None]}) for image in images[:CHECKED]]
    return [[part[0] for part in one] for one in found]


def compare(
    found: dict[str, list[Peaks]],
    expected: list[Peaks],
    size: tuple[int, int],
    within: float = SAME,
) -> dict[str, Any]:
    """Refuse graphs that answer other than `gambol predict`; return how alike they are."""
    alike = {name: agreement(peaks, expected) for name, peaks in found.items()}
    points = sum(int((peaks.height != 0).sum()) for peaks in expected)
    for name, one in alike.items():
        if one.most > within or one.ties > max(TIES * points, 1):
            raise InputError(
                f"the network as {name} differs from gambol predict by {one.most:.2g} px, "
                f"{one.ties} of {points} points in another place; nothing is written: please "
                "report it with the run"
            )
    return {
        "px": {name: one.most for name, one in alike.items()},
        "ties": {name: one.ties for name, one in alike.items()},
        "points": points,
        "pictures": len(expected),
        "picture_px": list(size),
    }


def agreement(found: list[Peaks], expected: list[Peaks]) -> Agreement:
    """Return the largest distance of points whose peak is not a tie between cells."""
    xy, other = (np.concatenate([p.xy for p in some]) for some in (found, expected))
    height, same = (np.concatenate([p.height for p in some]) for some in (found, expected))
    off = np.linalg.norm(xy - other, axis=-1)
    tie = (off > 1) & (np.abs(height - same) < TIE)
    return Agreement(float(off[~tie].max(initial=0.0)), int(tie.sum()))


def measure(folder: Path, seen: Seen, threads: int) -> dict[str, Any]:
    """Measure error on validation and time a picture of every kind of numbers."""
    file = {"float32": "float32", "bfloat16": "float32", "int8": "int8"}
    names = {"float32": io_exported.FLOAT32, "int8": io_exported.INT8}
    engines: dict[str, ExportedGraph] = {
        n: ExportedGraph(folder / names[file[n]], n, threads) for n in get_args(Numbers)
    }
    errors = {name: seen.errors(run_by) for name, run_by in engines.items()}
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    for k in range(REPEATS):  # in turn, so that a busy moment meets all
        image = seen.images[k % len(seen.images)]
        for name, run_by in engines.items():
            start = time.perf_counter()
            run_by.answers(image)
            seconds[name].append(time.perf_counter() - start)
    ms = {name: 1e3 * statistics.median(some) for name, some in seconds.items()}
    exact = float(np.nanmean(errors["float32"]))
    numbers = {
        name: {
            "mean_px": float(np.nanmean(off)),
            "p95_px": float(np.nanpercentile(off, 95)),
            "extra_px": float(np.nanmean(off)) - exact,
            "ms": ms[name],
            "speedup": ms["float32"] / ms[name],
        }
        for name, off in errors.items()
    }
    return {
        "numbers": numbers,
        "threads": usable_cores(threads),
        "measured_on": {"part": "val", "pictures": len(seen.images)},
        "labels": int(np.isfinite(errors["float32"]).sum()),
        "warnings": warnings(numbers),
    }


def warnings(numbers: dict[str, dict[str, float]]) -> list[str]:
    """Say where int8 brings nothing, or costs much."""
    int8, said = numbers["int8"], []
    if int8["speedup"] < 1:
        said.append(
            f"int8 is slower than float32 on this machine ({int8['ms']:.2f} against "
            f"{numbers['float32']['ms']:.2f} ms); use float32 here"
        )
    if int8["extra_px"] > TOLERATED:
        said.append(
            f"int8 raises the error on validation by {int8['extra_px']:.2f} px; use float32 "
            "where that matters"
        )
    return said


def _one(peaks: Peaks) -> Peaks:
    return Peaks(peaks.xy[0], peaks.height[0], peaks.cov[0])

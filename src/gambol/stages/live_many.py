"""Poses of several animals frame by frame, for experiments that answer to them.

reads   run/   a finished training on several animals, or the folder of `gambol export-model`

Animals have no names here: who was where in the frame before is for `gambol track`.
"""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol, get_args

import numpy as np
from jaxtyping import Float, UInt8

from gambol.core import pixels
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.io import exported as io_exported
from gambol.io import run as io_run
from gambol.nn import engine
from gambol.nn.augment import FILL
from gambol.nn.exported_engine import ExportedGraph, Numbers
from gambol.pose import calibrate, dataset, find, judge
from gambol.pose.relabel import Sides
from gambol.stages import (
    export_many,
    export_pair,
    finders,
    live,
    predict_many,
    predict_nets,
)
from gambol.stages.live import Frame, Latency


class Animals(NamedTuple):
    """The I animals of a frame, the surest first."""

    xy: Float[np.ndarray, "I J 2"]  # video pixels; NaN where a keypoint was not found
    confidence: Float[np.ndarray, "I J"]  # P(error <= 5 % of the animal's size)
    covariance: Float[np.ndarray, "I J 2 2"]  # calibrated, px²; NaN where xy is
    presence: Float[np.ndarray, "I J"]  # P(the keypoint is in the picture)
    score: Float[np.ndarray, " I"]  # P(this is a real animal)
    identity: Float[np.ndarray, "I A"]  # log P(this is animal a) of `individuals`


class ManyPredictor:
    """Predicts the animals of one frame after the other.

    They are those of `gambol predict` on the same frames. The first frame of each size waits
    for a compilation; name the `size` of frames to have it done before.
    """

    def __init__(
        self,
        network: Path | str,
        *,
        precision: Numbers = "float32",
        device: str = "auto",
        threads: int = 1,
        size: tuple[int, int] | None = None,
    ) -> None:
        """Make a network ready.

        Args:
            network: folder of a training run, or of an exported network.
            precision: float32; of an exported network bfloat16, or int8 if it has that.
            device: auto, cpu, cuda, …; exported networks run on the CPU.
            threads: of the CPU; 0: all.
            size: width and height of the frames that will come.

        Raises:
            InputError: the folder holds no network of several animals, or not as asked for.
        """
        live.check_word("precision", precision, get_args(Numbers))
        folder = Path(network)
        kind = _Exported if io_exported.is_exported(folder) else _Run
        self._network: _Network = kind(folder, precision, device, threads)
        self._times = live.Times()
        if size is not None:
            shape = (size[1], size[0], self._network.channels)
            self.warm_up(np.full(shape, FILL, np.uint8))

    @property
    def keypoints(self) -> tuple[str, ...]:
        """Names of the keypoints, in the order of the poses."""
        return self._network.skeleton.keypoints

    @property
    def individuals(self) -> tuple[str, ...]:
        """Names of the animals that the network knows by their looks; none if it knows none."""
        return self._network.individuals

    @property
    def latency(self) -> Latency:
        """How long frames took, of the last thousand; 0 frames: nothing was predicted yet."""
        return self._times.latency

    def warm_up(self, frame: Frame, times: int = 3) -> None:
        """Compile for frames of this size; nothing of it is remembered."""
        for _ in range(times):
            self._animals(frame)

    def predict(self, frame: Frame) -> Animals:
        """Find the animals of a frame, grey or RGB."""
        start = time.perf_counter()
        found = self._animals(frame)
        self._times.add(time.perf_counter() - start)
        return found

    def _animals(self, frame: Frame) -> Animals:
        network = self._network
        small = live.at_scale(frame, network.channels, network.scale)
        size = frame.shape[1], frame.shape[0]
        back = pixels.invert(dataset.from_video_map(*size, network.scale))
        found = network.find(small).moved(back)
        worth = judge.value(found, network.judged)
        rows = np.argsort(-worth.score, kind="stable")
        sure = worth.confidence, worth.covariance, worth.presence, worth.score
        return Animals(*(part[rows] for part in (found.xy, *sure, worth.identity)))


class _Network(Protocol):
    """What finds the animals of frames, and what its finds are worth."""

    skeleton: Skeleton
    individuals: tuple[str, ...]
    scale: float
    channels: int
    judged: judge.Judged

    def __init__(self, folder: Path, precision: Numbers, device: str, threads: int) -> None: ...

    def find(self, small: UInt8[np.ndarray, "h w C"]) -> find.Found:
        """Find animals at network scale."""
        ...


class _Run:
    """The networks of a training run."""

    def __init__(self, folder: Path, precision: Numbers, device: str, threads: int) -> None:
        run = io_run.load(folder)
        many = run.model.many
        if many is None:
            raise InputError(
                f"{folder} finds one animal; use gambol.live.Predictor, or train on frames of "
                "several"
            )
        if precision != "float32":
            raise InputError(
                f"{folder} is a run for several animals, which computes in float32; leave "
                "precision out, or export it with gambol export-model --int8"
            )
        where = engine.choose_device(device)
        self._finder = predict_nets.many_animals(
            run, where, threads, fast=False, follow=False, candidates=1
        )
        self.skeleton, self.individuals = run.model.bones, many.classes
        self.scale, self.channels = run.model.scale, run.net.spec.channels
        self.judged = predict_many.judged_by(run)

    def find(self, small: UInt8[np.ndarray, "h w C"]) -> find.Found:
        return find.find(self._finder, small)


class _Exported:
    """Exported networks, whose peaks or crops are put together here."""

    def __init__(self, folder: Path, precision: Numbers, device: str, threads: int) -> None:
        file = live.exported_file(folder, device)
        if file.many is None:
            raise InputError(f"{folder} finds one animal; use gambol.live.Predictor")
        many = io_run.ManyFile.from_values(file.many, str(folder / io_exported.JSON))
        self.skeleton, self.individuals = file.bones, many.classes
        self.scale, self.channels = file.picture.scale, file.picture.channels
        calibration = calibrate.Calibration.from_dict(file.calibration)
        self.judged = judge.Judged(calibration, np.array(many.real), many.temperature)
        if file.picture.shows == "crop":
            self._find = _crops(folder, file, precision, threads)
        else:
            self._find = _whole(folder, file, many, precision, threads)

    def find(self, small: UInt8[np.ndarray, "h w C"]) -> find.Found:
        return self._find(small)


Find = Callable[[UInt8[np.ndarray, "h w C"]], find.Found]  # at network scale


def _crops(
    folder: Path, file: io_exported.ExportedFile, precision: Numbers, threads: int
) -> Find:
    """Find animals by one network, their keypoints by the other."""
    if file.centroid is None:
        raise InputError(
            f"{folder} shows crops around one of several animals and holds no network that "
            "finds them; export the run anew, or give the run itself"
        )
    return partial(find.find, export_pair.finder(folder, file, precision, threads))


def _whole(
    folder: Path,
    file: io_exported.ExportedFile,
    many: io_run.ManyFile,
    precision: Numbers,
    threads: int,
) -> Find:
    """Find the peaks of all animals, then group them."""
    graph = ExportedGraph(io_exported.graph(folder, file, precision), precision, threads)
    strides = file.strides["fields"], len(many.classes), file.strides.get("classes", 1)
    sides = None if file.near is None else Sides(np.array(file.bones.swap), file.near)
    how = find.Grouping(finders.links(many), len(file.bones), *strides, sides)
    return partial(export_many.animals, graph, how)

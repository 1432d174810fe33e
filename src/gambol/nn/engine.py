"""Engines run a trained network on raw frames: OpenVINO on the CPU, torch on a GPU or anywhere.

An engine takes uint8 frames and gives float32 maps. Results of one frame do not depend on the
other frames of its batch.
"""

import copy
import functools
import sys
import warnings
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, UInt8

from gambol.core.cores import usable_cores
from gambol.core.errors import InputError, did_you_mean
from gambol.nn.model import PoseNet

Precision = Literal["float32", "bfloat16"]
Maps = tuple[Float[np.ndarray, "B _c _h _w"], ...]  # one group per output of the network


@runtime_checkable
class Engine(Protocol):
    """A network that is ready to run."""

    name: str  # what runs it, for provenance

    def __call__(self, frames: UInt8[np.ndarray, "B H W C"]) -> Maps:
        """Compute the maps of frames whose sides are multiples of the network's."""
        ...


class Device(NamedTuple):
    """Where to run, and by what."""

    kind: Literal["openvino", "torch"]
    torch_name: str  # cpu, cuda, cuda:1, mps


def choose_device(asked: str) -> Device:
    """Turn `auto`, `cpu`, `torch`, `cuda`, `cuda:1` or `mps` into a device that is there."""
    gpus = torch.cuda.device_count()
    if asked == "auto":
        return Device("torch", "cuda") if gpus else _cpu()
    if asked == "cpu":
        return _cpu()
    if asked == "torch":
        return Device("torch", "cpu")
    if asked == "mps" and torch.backends.mps.is_available():
        return Device("torch", "mps")
    if asked.split(":")[0] == "cuda" and gpus:
        index = asked.partition(":")[2] if ":" in asked else "0"
        if index.isdigit() and int(index) < gpus:
            return Device("torch", asked)
    known = ["auto", "cpu", "torch", *[f"cuda:{i}" for i in range(gpus)]]
    hint = did_you_mean(asked, known) or f"; there are {', '.join(known)}"
    raise InputError(f"no device {asked!r} on this machine{hint}")


def build(net: PoseNet, device: Device, precision: Precision, threads: int) -> Engine:
    """Prepare a network for a device; 0 threads means all cores that we may use."""
    if device.kind == "openvino":
        return OpenVinoEngine(net, precision, threads)
    return TorchEngine(net, device.torch_name, precision, threads)


def frames_at_once(engine: Engine, frame: UInt8[np.ndarray, "H W C"], most: int = 64) -> int:
    """Return how many such frames fit half of the free memory of a GPU; 16 on a CPU.

    Results do not depend on it. One frame is computed to see what it takes.
    """
    device = getattr(engine, "device", None)
    if device is None or device.type != "cuda":
        return 16
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    engine(frame[None])
    taken = max(torch.cuda.max_memory_allocated(device) - before, 1)
    free, _ = torch.cuda.mem_get_info(device)
    return int(np.clip(free // (2 * taken), 1, most))


class TorchEngine:
    """Eager torch, channels last."""

    def __init__(self, net: PoseNet, device: str, precision: Precision, threads: int) -> None:
        self.device = torch.device(device)
        self.net = net.eval().to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.precision = precision
        self.name = f"torch {torch.__version__} {device} {precision}"
        if threads and self.device.type == "cpu":
            torch.set_num_threads(usable_cores(threads))

    @torch.no_grad()
    def __call__(self, frames: UInt8[np.ndarray, "B H W C"]) -> Maps:
        """Compute the maps."""
        image = torch.from_numpy(np.ascontiguousarray(frames.transpose(0, 3, 1, 2)))
        fast = self.precision == "bfloat16"
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=fast):
            maps = self.net(image.to(self.device))
        return tuple(some.float().cpu().numpy() for some in maps)


def import_openvino() -> Any:
    """Import OpenVINO without its telemetry.

    That sends to Intel how it is used, whenever a network is converted, and forks this process
    to do so, with all its threads and open files.
    """
    if "openvino_telemetry" not in sys.modules:
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # as if not there
    import openvino

    return openvino


@functools.cache
def openvino_core() -> Any:
    """Return the one core of this process, which is never given back.

    With its last core OpenVINO frees the stack that it made the one for signal handlers, and
    the next Ctrl-C would end the process by a segmentation fault.
    """
    return import_openvino().Core()


def openvino_settings(precision: str, threads: int) -> dict[str, Any]:
    """Return how graphs are compiled: in f32 or bf16, for one frame at a time."""
    return {
        "INFERENCE_PRECISION_HINT": precision,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": usable_cores(threads),
        # every process would pin its threads to the same cores, and the others would idle
        "ENABLE_CPU_PINNING": False,
    }


class OpenVinoEngine:
    """Networks compiled for fixed sizes, one compilation a size, kept for the run.

    Nothing is converted before the first frame: what is predicted already needs only the name.
    """

    def __init__(self, net: PoseNet, precision: Precision, threads: int) -> None:
        self.net, self.core = net, openvino_core()
        hint = {"float32": "f32", "bfloat16": "bf16"}[precision]
        self.settings = openvino_settings(hint, threads)
        self.name = f"openvino {import_openvino().__version__.split('-')[0]} cpu {precision}"
        self._compiled: dict[tuple[int, int], object] = {}

    @functools.cached_property
    def model(self) -> Any:
        """The network as OpenVINO knows it."""
        channels, side = self.net.spec.channels, 4 * self.net.multiple
        example = torch.zeros(1, channels, side, side, dtype=torch.uint8)
        with torch.no_grad(), warnings.catch_warnings():
            # openvino traces with torch.jit, which torch calls deprecated but has not replaced
            warnings.filterwarnings(
                "ignore", message=r".*torch\.jit", category=DeprecationWarning
            )
            # looking at shapes, as the shape checks of our tests do, warns while tracing, and
            # makes two traces of one network differ in the names of values
            warnings.simplefilter("ignore", torch.jit._trace.TracerWarning)
            net = copy.deepcopy(self.net).cpu().eval().requires_grad_(False)
            # of a function, whose weights are constants: that of a module takes three times as
            # long, as every part of it becomes a script
            traced = torch.jit.trace(lambda image: net(image), example, check_trace=False)  # type: ignore[no-untyped-call]
            return import_openvino().convert_model(traced, example_input=example)

    def __call__(self, frames: UInt8[np.ndarray, "B H W C"]) -> Maps:
        """Compute the maps, one frame after the other: batches gain nothing on a CPU."""
        run = self._for_size(frames.shape[1], frames.shape[2], frames.shape[3])
        planes = np.ascontiguousarray(frames.transpose(0, 3, 1, 2))
        answers = [run(plane[None]) for plane in planes]  # type: ignore[operator]
        groups = range(len(self.model.outputs))
        return tuple(np.concatenate([answer[g] for answer in answers]) for g in groups)

    def _for_size(self, height: int, width: int, channels: int) -> object:
        if (height, width) not in self._compiled:
            model = self.model.clone()
            model.reshape([1, channels, height, width])
            compiled = self.core.compile_model(model, "CPU", self.settings)
            self._compiled[height, width] = compiled
        return self._compiled[height, width]


def _cpu() -> Device:
    """OpenVINO where it is installed, else torch."""
    import importlib.util

    found = importlib.util.find_spec("openvino") is not None
    return Device("openvino" if found else "torch", "cpu")

"""An exported graph as an engine: its answers are the peaks themselves, packed as maps.

So what searches frames by an engine and an output searches by an exported graph as well.
"""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, UInt8

from gambol.kernels.peaks import Peaks
from gambol.nn.engine import Maps, import_openvino, openvino_core, openvino_settings
from gambol.nn.outputs import Positions

Numbers = Literal["float32", "bfloat16", "int8"]  # that convolutions compute with
PARTS = 8  # x, y, height, four of the covariance, confidence


class ExportedGraph:
    """OpenVINO, one compilation a size of pictures, kept."""

    def __init__(self, path: Path, numbers: Numbers, threads: int) -> None:
        ov = import_openvino()
        self.core = openvino_core()
        self.model = self.core.read_model(str(path))
        # what int8 leaves over stays exact
        hint = "bf16" if numbers == "bfloat16" else "f32"
        self.settings = openvino_settings(hint, threads)
        self.name = f"openvino {ov.__version__.split('-')[0]} cpu {numbers}, exported"
        self._compiled: dict[tuple[int, int], Any] = {}

    def answers(self, frame: UInt8[np.ndarray, "H W C"]) -> list[np.ndarray]:
        """Return all outputs for a frame, in their order, without the axis of the batch."""
        answer = self._for_size(*frame.shape)(np.ascontiguousarray(frame)[None])
        return [np.array(answer[k][0]) for k in range(len(self.model.outputs))]

    def _for_size(self, height: int, width: int, channels: int) -> Any:
        if (height, width) not in self._compiled:
            model = self.model.clone()
            model.reshape([1, height, width, channels])
            compiled = self.core.compile_model(model, "CPU", self.settings)
            self._compiled[height, width] = compiled.create_infer_request().infer
        return self._compiled[height, width]


class ExportedEngine(ExportedGraph):
    """The graph of a network for one animal, where an engine is expected."""

    def __call__(self, frames: UInt8[np.ndarray, "B H W C"]) -> Maps:
        """Find the peaks, one frame after the other: (B, J, 1, 8); (B, A, 1, 1) of classes."""
        answers = [self.answers(frame) for frame in frames]
        found = (np.stack([_pack(*answer[:4]) for answer in answers]),)
        if len(answers[0]) == 4:
            return found
        return (*found, np.stack([answer[4][:, None, None] for answer in answers]))


class Packed(Positions):
    """Reads what `ExportedEngine` packed."""

    def __init__(self, keypoints: int) -> None:
        self.keypoints, self.stride, self.weight = keypoints, 1, 1.0

    def find(self, maps: Float[np.ndarray, "*B J 1 8"], size: tuple[int, int]) -> Peaks:
        """Unpack; the graph has searched the picture that it was given."""
        parts = maps[..., 0, :].astype(np.float64)
        cov = parts[..., 3:7].reshape(*parts.shape[:-1], 2, 2)
        return Peaks(parts[..., :2], parts[..., 2], cov)


def _pack(
    xy: np.ndarray, confidence: np.ndarray, height: np.ndarray, cov: np.ndarray
) -> Float[np.ndarray, "J 1 8"]:
    parts = [xy, height[..., None], cov.reshape(*height.shape, 4), confidence[..., None]]
    return np.concatenate(parts, axis=-1)[:, None]

"""A network with everything around it inside one graph, for OpenVINO and ONNX.

In:  `image` uint8 (B, H, W, C), any batch.
Out: `xy` (B, J, 2) in pixels of that image, `confidence` (B, J), `height` (B, J) of the peaks
     and `covariance` (B, J, 2, 2), raw, px²; of a network that knows A individuals by their
     looks, `classes` (B, A), logits.

Padding to the network's multiple, scaling of values, the network, and peak finding are inside.
"""

import importlib.util
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from gambol.core import pixels
from gambol.core.errors import InputError
from gambol.nn import graph_decoders, graph_peaks
from gambol.nn.augment import FILL
from gambol.nn.engine import import_openvino
from gambol.nn.model import Answers, PoseNet
from gambol.nn.outputs.who import Who
from gambol.nn.snapshots import Together

NAMES = ("xy", "confidence", "height", "covariance")
CLASSES = "classes"
OPSET = 17  # of ONNX; runtimes from 2022 on read it


class Worth(NamedTuple):
    """How height and raw covariance of a peak tell the probability that it is right.

    What `pose.calibrate` learned, for pictures of one size.
    """

    scale: Float[Tensor, "J 2"]  # α, β (px² of the video)
    weights: Float[Tensor, "J 3"]  # of (1, logit height, log(tr Σ / radius²))
    radius: float  # px of the video up to which a position is right
    widest: float  # px of the video, standard deviation that no peak exceeds
    factor: tuple[float, float]  # px of the video per px of the image, along x and y


class Whole(nn.Module):
    """What stands around every exported network: image to answers with these names."""

    net: PoseNet
    names: tuple[str, ...]

    def answers(self, image: UInt8[Tensor, "B H W C"]) -> Answers:
        """Pad pictures to the network's multiple and run it."""
        height, width = image.shape[1], image.shape[2]
        more = [-side % self.net.multiple for side in (width, height)]
        x = image.permute(0, 3, 1, 2).to(torch.float32)
        # what lies beyond the picture is the constant that training padded with
        padded = F.pad(x, (0, more[0], 0, more[1]), value=float(FILL))
        answers: Answers = self.net(padded.to(torch.uint8))
        return answers


class Exportable(Whole):
    """Image to positions."""

    def __init__(self, net: PoseNet, worth: Worth) -> None:
        super().__init__()
        position = net.position
        self.which = net.outputs.index(position)
        own, self.networks = position, 1
        if isinstance(position, Together):
            own, self.networks = position.own, position.networks
        self.find = graph_decoders.decoder(own)
        self.net, self.stride = net.eval(), position.stride
        self.who = next((k for k, one in enumerate(net.outputs) if isinstance(one, Who)), None)
        self.names = NAMES if self.who is None else (*NAMES, CLASSES)
        self.register_buffer("scale", worth.scale.to(torch.float32))
        self.register_buffer("weights", worth.weights.to(torch.float32))
        self.worth = worth

    def forward(self, image: UInt8[Tensor, "B H W C"]) -> tuple[Tensor, ...]:
        """Find the keypoints."""
        answers = self.answers(image)
        found = self.peaks(seen(answers[self.which], image, self.stride))
        grid = pixels.cells(self.stride)
        xy = found.xy * float(grid[0, 0]) + float(grid[0, 2])
        cov = found.cov * float(grid[0, 0]) ** 2
        more = () if self.who is None else (answers[self.who][:, :, 0, 0],)
        return xy, self.confidence(found.height, cov), found.height, cov, *more

    def peaks(self, maps: Float[Tensor, "B C h w"]) -> graph_peaks.GraphPeaks:
        """Find the peaks of the mean over networks; the covariance grows by how they differ."""
        if self.networks == 1:
            return self.find(maps)
        each = maps.chunk(self.networks, 1)
        mean = each[0] / self.networks
        for other in each[1:]:
            mean = mean + other / self.networks
        found = self.find(mean)
        cov = found.cov
        for one in each:
            off = self.find(one).xy - found.xy
            cov = cov + off[..., :, None] * off[..., None, :] / (self.networks - 1)
        return found._replace(cov=cov)

    def confidence(
        self, height: Float[Tensor, "B J"], cov: Float[Tensor, "B J 2 2"]
    ) -> Float[Tensor, "B J"]:
        """P(correct) as `pose.calibrate.apply` says it; covariances in px² of the image."""
        fx, fy = self.worth.factor
        xx, yy, xy = cov[..., 0, 0] * fx**2, cov[..., 1, 1] * fy**2, cov[..., 0, 1] * fx * fy
        middle, half = (xx + yy) / 2, (((xx - yy) / 2) ** 2 + xy**2).sqrt()
        radius, most = self.worth.radius, self.worth.widest**2
        axes = [(middle + k * half).clamp((1e-3 * radius) ** 2, most) for k in (-1, 1)]
        scale: Tensor = self.scale  # type: ignore[assignment]
        weights: Tensor = self.weights  # type: ignore[assignment]
        trace = scale[:, 0] * (axes[0] + axes[1]) + 2 * scale[:, 1]
        peak = height.clamp(1e-4, 1 - 1e-4)
        logit = peak.log() - (1 - peak).log()
        wide = (trace / radius**2).log()
        return torch.sigmoid(weights[:, 0] + weights[:, 1] * logit + weights[:, 2] * wide)


def seen(
    maps: Float[Tensor, "B K h w"], image: UInt8[Tensor, "B H W C"], stride: int
) -> Float[Tensor, "B K h1 w1"]:
    """Cut off the cells of maps that lie in padding."""
    # sums of positive numbers: ONNX divides towards 0, not down
    height, width = ((image.shape[axis] + stride - 1) // stride for axis in (1, 2))
    return maps[:, :, :height, :width]


def to_openvino(graph: Whole, channels: int, size: tuple[int, int]) -> Any:
    """Convert to an OpenVINO model for pictures of (width, height); the batch stays free.

    It may be reshaped to other sizes.
    """
    ov = import_openvino()
    example = _example(graph, channels)
    with torch.no_grad(), warnings.catch_warnings():
        _quiet()
        traced = torch.jit.trace(graph.cpu().eval(), example, check_trace=False)  # type: ignore[no-untyped-call]
        model = ov.convert_model(traced, example_input=example)
    model.inputs[0].get_tensor().set_names({"image"})
    for output, name in zip(model.outputs, graph.names, strict=True):
        output.get_tensor().set_names({name})
    model.reshape([-1, size[1], size[0], channels])
    return model


def to_onnx(graph: Whole, channels: int, path: Path) -> None:
    """Write as ONNX; batch, height and width stay free."""
    free = {0: "batch", 1: "height", 2: "width"}
    axes = {"image": free, **{name: {0: "batch"} for name in graph.names}}
    with torch.no_grad(), warnings.catch_warnings():
        _quiet()
        torch.onnx.export(
            graph.cpu().eval(),
            (_example(graph, channels),),
            path,
            input_names=["image"],
            output_names=list(graph.names),
            dynamic_axes=axes,
            opset_version=OPSET,
            # the newer exporter fixes sizes that it sees and needs another package
            dynamo=False,
        )


def require_onnx() -> None:
    """Refuse, where the packages are missing that write and check ONNX."""
    for package in ("onnx", "onnxruntime"):
        if importlib.util.find_spec(package) is None:
            raise InputError(
                f"ONNX needs {package}, which is not installed; pip install 'gambol[onnx]'"
            )


def _example(graph: Whole, channels: int) -> UInt8[Tensor, "B H W C"]:
    """Two pictures whose sides differ and are no multiples, so that no size is special."""
    side = 4 * graph.net.multiple
    return torch.zeros(2, side + 3, side + graph.net.multiple + 5, channels, dtype=torch.uint8)


def _quiet() -> None:
    # both converters trace with torch.jit, which torch calls deprecated but has not replaced
    for category in (DeprecationWarning, UserWarning, FutureWarning):
        warnings.filterwarnings("ignore", category=category)
    # looking at shapes, as the shape checks of our tests do, warns while tracing
    warnings.simplefilter("ignore", torch.jit._trace.TracerWarning)

"""The network of a top-down run that finds animals, beside the exported one of their crops.

writes  out/centroid.xml, .bin, centroid.onnx   its maps, in float32
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gambol.core.errors import InputError
from gambol.io import exported as io_exported
from gambol.io import run as io_run
from gambol.nn import engine, exported
from gambol.nn.exported_engine import ExportedEngine, Numbers, Packed
from gambol.nn.exported_maps import NAMES, MapsEngine, MapsExportable, meaning
from gambol.pose import dataset, find
from gambol.pose.predict import Net
from gambol.stages import export_checks, finders

SAME = 1e-3  # of a map, whose hills are 1 high


def write(
    model: io_run.Trained, images: list[np.ndarray], folder: Path, onnx: bool, threads: int
) -> io_exported.CentroidFile:
    """Write the graph, and refuse one that answers other than the network.

    Args:
        model: a top-down run.
        images: some pictures at the scale of the crops, on which it is checked.
        folder: where to.
        onnx: also as ONNX.
        threads: of the CPU; 0: all.
    """
    net, many = model.centroid, model.model.many
    assert net is not None and many is not None
    graph, channels = MapsExportable(net), net.spec.channels
    small = [dataset.shrink(one, many.centroid_scale) for one in images]
    padded = [dataset.letterbox(one, net.multiple) for one in small[: export_checks.CHECKED]]
    size = padded[0].shape[1], padded[0].shape[0]
    files = {"float32": io_exported.CENTROID}
    made = exported.to_openvino(graph, channels, size)
    where = str(folder / io_exported.CENTROID)
    engine.import_openvino().save_model(made, where, compress_to_fp16=False)
    if onnx:
        files["onnx"] = io_exported.CENTROID_ONNX
        exported.to_onnx(graph, channels, folder / io_exported.CENTROID_ONNX)
    run_by = engine.build(net, engine.choose_device("cpu"), "float32", threads)
    expected = [[maps[0] for maps in run_by(one[None])] for one in padded]
    for name, file in files.items():
        _compare(name, export_checks.answers(name, folder / file, padded, threads), expected)
    strides = {n: one.stride for n, one in zip(NAMES, net.outputs, strict=False)}
    return io_exported.CentroidFile(files=files, strides=strides, multiple=net.multiple)


def finder(
    folder: Path, file: io_exported.ExportedFile, precision: Numbers, threads: int
) -> find.TopDown:
    """Make what finds animals of an exported pair of networks, as the run does."""
    many = io_run.ManyFile.from_values(file.many, str(folder / io_exported.JSON))
    assert file.centroid is not None and many.centroid is not None
    position, heading = meaning(many.centroid, file.centroid.strides)
    picture = file.picture
    crops = ExportedEngine(io_exported.graph(folder, file, precision), precision, threads)
    first = MapsEngine(folder / file.centroid.files["float32"], threads)
    return find.TopDown(
        Net(first, position, file.centroid.multiple, many.centroid_scale),
        Net(crops, Packed(len(file.bones)), picture.multiple, picture.scale, pads=True),
        many.side,
        many.threshold,
        many.apart,
        2 * many.most + 4,
        len(many.classes),
        heading,
        finders.shape(many),
    )


def _compare(
    name: str, found: Sequence[Sequence[np.ndarray]], expected: Sequence[Sequence[np.ndarray]]
) -> None:
    most = max(
        float(np.abs(part - other).max())
        for some, others in zip(found, expected, strict=True)
        for part, other in zip(some, others, strict=True)
    )
    if most > SAME:
        raise InputError(
            f"the network that finds animals differs as {name} from gambol predict by "
            f"{most:.2g} of a map; nothing is written: please report it with the run"
        )

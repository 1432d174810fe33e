"""Stage `export_model`: a trained run to graphs that other programs run without gambol.

reads   run/   a finished training of one animal, top-down (its network of crops) or bottom-up
writes  out/   model.xml and .bin (OpenVINO), model.onnx, int8.xml and .bin, model.json

Before it ends, what is written is run on validation frames and compared with `gambol predict`.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

import gambol
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.io import exported as io_exported
from gambol.io import provenance, store
from gambol.io import run as io_run
from gambol.nn import engine, exported, quantize
from gambol.pose import calibrate
from gambol.stages import export_checks, export_frames, export_many, export_pair

CALIBRATING = 32  # training frames that show int8 the ranges of values
BONES = (
    "gambol predict lets bones choose among peaks in this run; the graphs answer with the "
    "highest peaks, as predict --set structure=0 does"
)
OUTPUTS = {
    "xy": "(batch, keypoints, 2) pixels of the picture; integers are pixel centres",
    "confidence": "(batch, keypoints) probability that the error is within 5 % of the body",
    "height": "(batch, keypoints) of the peak, raw",
    "covariance": "(batch, keypoints, 2, 2) px² of the picture, raw: of the fit of the peak",
    "classes": "(batch, individuals) logits of many.classes",
}


class ExportConfig(Config):
    """Settings of the stage."""

    onnx: bool = False  # write ONNX besides OpenVINO; needs the extra `onnx`
    int8: bool = False  # write 8-bit numbers, too, and measure on validation what they cost


class Exported(NamedTuple):
    """What was written."""

    folder: Path
    files: dict[str, str]
    checked: dict[str, Any]
    int8: dict[str, Any] | None
    note: str | None  # what `gambol predict` does besides, and the graphs do not
    kept: bool  # it was there already


def run(
    cfg: ExportConfig,
    trained: Path,
    out: Path,
    *,
    threads: int = 1,
    progress: Progress = silent,
) -> Exported:
    """Write the graphs of a run, unless they are there."""
    model = io_run.load(trained)
    if cfg.onnx:
        exported.require_onnx()
    key = _key(cfg, model)
    if (file := _there(out, key)) is not None:
        return Exported(out, file.files, file.checked, file.int8, file.note, True)
    seen, graph = _graph(model, threads)
    shown = export_frames.training(model, seen.size, CALIBRATING, threads) if cfg.int8 else []
    steps = 2 + cfg.onnx + cfg.int8
    done = iter(range(1, steps + 1))

    def tell(what: str) -> None:
        progress(Step("export-model", next(done), steps, what))

    with store.atomic(out) as folder:
        folder.mkdir()
        files, checked, costs = _write(cfg, graph, seen, shown, folder, threads, tell)
        file = _file(model, graph, seen, files, checked, costs, key)
        if model.centroid is not None:
            pair = export_pair.write(model, seen.images, folder, cfg.onnx, threads)
            file = file.model_copy(update={"centroid": pair})
        store.write_text(file.model_dump_json(indent=1), folder / io_exported.JSON)
    return Exported(out, files, checked, costs, file.note, False)


def describe(values: dict[str, Any]) -> str:
    """Say what was written, how it agrees, and what int8 costs and brings."""
    note = [] if values["note"] is None else [values["note"]]
    if values["kept"]:
        return "\n".join([f"{values['folder']}: there already", *note])
    checked, int8 = values["checked"], values["int8"]
    rows = [f"{values['folder']}: {', '.join(sorted(values['files'].values()))}"]
    for name, most in checked["px"].items():
        rows.append(
            f"{name} differs from gambol predict by {most:.1g} px at most, in "
            f"{checked['points']} points of {checked['pictures']} pictures"
        )
    rows += note
    if int8 is not None:
        rows += [
            f"{name}: {one['mean_px']:.3f} px on validation, {one['ms']:.2f} ms a picture on "
            f"{int8['threads']} core{'s' * (int8['threads'] > 1)}, {one['speedup']:.2f} times "
            "float32"
            for name, one in int8["numbers"].items()
        ]
        rows += int8["warnings"]
    return "\n".join(rows)


def _key(cfg: ExportConfig, model: io_run.Trained) -> str:
    """Hash of what the result depends on."""
    parts = [gambol.__version__, cfg.fingerprint(), model.weights_hash]
    calibration = hashlib.sha256(model.model.model_dump_json().encode()).hexdigest()
    return hashlib.sha256("\0".join([*parts, calibration]).encode()).hexdigest()[:16]


def _there(out: Path, key: str) -> io_exported.ExportedFile | None:
    """Return what was exported before; refuse a folder that holds anything else."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    if out.is_dir() and io_exported.is_exported(out):
        file = io_exported.read(out)
        if file.made_from == key:
            return file
        raise InputError(
            f"{out} holds the export of another run, or with other settings; choose another "
            "folder, or remove it"
        )
    raise InputError(f"{out} is there and is no exported network; choose another folder")


def _graph(model: io_run.Trained, threads: int) -> tuple[export_checks.Seen, exported.Whole]:
    """Return pictures of validation, and the graph of what `gambol predict` does with them."""
    if model.model.approach == "bottom-up":
        scenes = export_many.scenes(model, threads)
        return scenes, export_many.graph(scenes.finder, model.net)
    pictures = export_checks.pictures(model)
    return pictures, exported.Exportable(model.net, _worth(model, pictures))


def _worth(model: io_run.Trained, seen: export_checks.Pictures) -> exported.Worth:
    known = calibrate.Calibration.from_dict(model.model.calibration)
    return exported.Worth(
        torch.from_numpy(known.covariance),
        torch.from_numpy(known.correct),
        known.radius,
        model.model.body_px,
        seen.factor,
    )


def _write(
    cfg: ExportConfig,
    graph: exported.Whole,
    seen: export_checks.Seen,
    shown: list[np.ndarray],
    folder: Path,
    threads: int,
    tell: Callable[[str], None],
) -> tuple[dict[str, str], dict[str, Any], dict[str, Any] | None]:
    """Write graphs, check each, and measure; `shown` are the pictures that calibrate int8."""
    ov = engine.import_openvino()
    net = graph.net
    channels = net.spec.channels
    model = exported.to_openvino(graph, channels, seen.size)
    ov.save_model(model, str(folder / io_exported.FLOAT32), compress_to_fp16=False)
    files = {"float32": io_exported.FLOAT32}
    tell(io_exported.FLOAT32)
    if cfg.onnx:
        exported.to_onnx(graph, channels, folder / io_exported.ONNX)
        files["onnx"] = io_exported.ONNX
        tell(io_exported.ONNX)
    paths = {name: folder / file for name, file in files.items()}
    checked = seen.check(net, paths, threads)
    tell("checked against gambol predict")
    costs = None
    if cfg.int8:
        small = quantize.quantize(model, shown)
        ov.save_model(small, str(folder / io_exported.INT8), compress_to_fp16=False)
        files["int8"] = io_exported.INT8
        costs = export_checks.measure(folder, seen, threads)
        costs["calibrated_on"] = {"part": "train", "pictures": len(shown)}
        tell(io_exported.INT8)
    return files, checked, costs


def _file(
    model: io_run.Trained,
    graph: exported.Whole,
    seen: export_checks.Seen,
    files: dict[str, str],
    checked: dict[str, Any],
    costs: dict[str, Any] | None,
    key: str,
) -> io_exported.ExportedFile:
    said, net = model.model, model.net
    several = said.approach == "bottom-up"
    return io_exported.ExportedFile(
        gambol=gambol.__version__,
        made_from=key,
        picture=io_exported.Picture(
            width=seen.size[0],
            height=seen.size[1],
            channels=net.spec.channels,
            colours="grey" if said.grey else "rgb",
            shows="crop" if said.approach == "top-down" else "frame",
            scale=said.scale,
            multiple=net.multiple,
        ),
        outputs={n: (export_many.OUTPUTS if several else OUTPUTS)[n] for n in graph.names},
        strides=export_many.strides(net) if several else {},
        files=files,
        skeleton=said.skeleton,
        calibration=said.calibration,
        body_px=said.body_px,
        window=said.window,
        checked=checked,
        note=BONES if said.structure is not None and said.structure.weight > 0 else None,
        int8=costs,
        many=None if said.many is None else said.many.model_dump(mode="json"),
        near=export_many.near(seen) if isinstance(seen, export_many.Scenes) else None,
        provenance=provenance.record(
            stage="export-model",
            run=str(model.folder.resolve()),
            weights_hash=model.weights_hash,
            spec=net.spec.model_dump(mode="json"),
        ),
    )

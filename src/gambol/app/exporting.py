"""The verb of the command line that writes networks for other programs."""

from pathlib import Path
from typing import Annotated

import typer

from gambol.app import console
from gambol.app.options import Json, Threads

verbs = typer.Typer()


@verbs.command("export-model")
def export_model(
    run: Annotated[Path, typer.Argument(help="Folder of a finished training run.")],
    out: Annotated[Path, typer.Argument(help="Folder of the exported network.")],
    onnx: Annotated[bool, typer.Option(help="Also write ONNX; needs the extra onnx.")] = False,
    int8: Annotated[
        bool, typer.Option(help="Also write 8-bit numbers, and measure what they cost.")
    ] = False,
    threads: Threads = 1,
    as_json: Json = False,
) -> None:
    """Write a network with its peak finding as OpenVINO and ONNX, checked against predict.

    Example: gambol export-model mice/runs/first mice-network --int8
    """
    from gambol.stages import export_model as stage

    cfg = stage.ExportConfig.from_values({"onnx": onnx, "int8": int8}, "gambol export-model")
    with console.reporting(as_json) as progress:
        made = stage.run(cfg, run, out, threads=threads, progress=progress)
    console.result(made._asdict(), as_json, stage.describe)

"""The verb of the command line that serves the studio."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gambol.app import console
from gambol.app.options import Json

if TYPE_CHECKING:
    from gambol.app.web.server import Started

verbs = typer.Typer()


@verbs.command()
def studio(
    folder: Annotated[
        Path, typer.Argument(help="Project; an empty folder becomes one.")
    ] = Path("."),
    port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            help="If not given that of last time, 8765, or the next free; 0: any.",
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(help="Address to listen on; all but loopback need --token-file."),
    ] = "127.0.0.1",
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the link, open nothing.")
    ] = False,
    root: Annotated[
        list[Path], typer.Option(help="Folder under which files may be chosen; again for more.")
    ] = [],  # noqa: B006 - typer copies it
    read_only: Annotated[
        bool,
        typer.Option("--read-only", help="Nobody edits; if it runs, a link to look."),
    ] = False,
    token_file: Annotated[
        Path | None, typer.Option(help="Where the tokens lie; made if it is not there.")
    ] = None,
    cert: Annotated[Path | None, typer.Option(help="Certificate for TLS, PEM.")] = None,
    key: Annotated[Path | None, typer.Option(help="Key of the certificate, PEM.")] = None,
    base_url: Annotated[
        str, typer.Option(help="Path or address under which a proxy shows the page.")
    ] = "/",
    build: Annotated[
        bool, typer.Option("--build", help="Build the page of a checkout, and end.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Label, train and proofread in the browser; of a running studio, print a new link.

    Example: gambol studio mice
    """
    from gambol.app.web import assets, server

    if build:
        new = assets.build()
        console.result({"page": str(assets.STATIC), "built": new}, as_json, console.lines)
        return
    options = server.Options(
        folder, port, host, tuple(root), read_only, not no_browser, base_url, cert, key,
        token_file,
    )  # fmt: skip

    def told(started: "Started") -> None:
        values = {**started._asdict(), "folder": str(folder.resolve())}
        console.result(values, as_json, lambda _: _words(started, folder))
        sys.stdout.flush()  # the server goes on, perhaps with its output in a file

    server.serve(options, told, console.say)


def _words(started: "Started", folder: Path) -> str:
    """Say where the page is; the link works once, the browser stays in afterwards."""
    if not started.running:
        return (
            f"gambol studio serves {folder.resolve()}\n"
            f"open {started.link}\n"
            "the link works once; end with Ctrl+C, everything is saved"
        )
    if started.link == started.address:
        return f"{folder.resolve()} is served already: {started.address}"
    return f"{folder.resolve()} is served already; open {started.link}"

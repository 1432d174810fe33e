"""`docs/command-line.md`, made from what `gambol VERB --help` prints."""

from pathlib import Path

from typer.main import get_command
from typer.testing import CliRunner

from gambol.app.cli import app

PAGE = Path(__file__).parents[1] / "command-line.md"
WIDTH = 88  # columns, so that the page does not depend on the terminal that made it
HEAD = """# The command line

This page is made from `gambol VERB --help` by `make docs`; do not edit it by hand.

Results go to standard output, progress and messages to standard error. `--json` prints the
result for machines, and nothing else. The exit status is 0 when the work is done, 2 when
something that was given is wrong (one sentence says what and how to mend it), and 1 when
`gambol doctor` finds something missing or training was asked to stop.
"""


def verbs() -> list[str]:
    """Return the names of all verbs, in the order of `gambol --help`, parts behind groups."""
    names = []
    for name, command in get_command(app).commands.items():
        names += [name, *(f"{name} {part}" for part in getattr(command, "commands", {}))]
    return names


def help_of(*words: str) -> str:
    """Return what `gambol WORDS --help` prints."""
    told = CliRunner().invoke(
        app,
        [*words, "--help"],
        prog_name="gambol",
        terminal_width=WIDTH,
        max_content_width=WIDTH,
    )
    return "\n".join(line.rstrip() for line in told.output.strip().splitlines())


def text() -> str:
    """Return the page."""
    parts = [HEAD, f"```text\n{help_of()}\n```\n"]
    parts += [
        f"## gambol {verb}\n\n```text\n{help_of(*verb.split())}\n```\n" for verb in verbs()
    ]
    return "\n".join(parts)


def write() -> None:
    """Write the page."""
    PAGE.write_text(text(), encoding="utf-8")

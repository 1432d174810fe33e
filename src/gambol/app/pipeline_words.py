"""Words of commands as the command line reads them: what they write to, how many threads."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from gambol.app.pipeline_file import Pipeline, command
from gambol.core.errors import InputError, did_you_mean

WRITTEN = {"import": "folder", "new": "folder"}  # what is called `out` by all others


def check(pipeline: Pipeline) -> None:
    """Refuse now what the command line would refuse when the command's turn comes."""
    for step in pipeline.steps:
        words = command(pipeline.file, step, None if step.once else pipeline.recordings[0])
        where = f"{pipeline.file}: step {step.name}"
        try:
            _context(words)
        except InputError as error:
            raise InputError(f"{where}: {error}") from error
        except Exception as error:
            if not hasattr(error, "format_message"):  # as what the command line refuses has
                raise
            said = error.format_message().rstrip(".")
            raise InputError(
                f"{where}: {said[:1].lower()}{said[1:]}; see gambol {words[0]} --help"
            ) from error


def outputs(words: Sequence[str]) -> list[Path]:
    """Return what a command writes to, as its words say."""
    given = _context(words, resilient_parsing=True).params.get(WRITTEN.get(words[0], "out"))
    return [] if given is None else [Path(given)]


def _context(words: Sequence[str], **how: bool) -> Any:
    """Return the context of a command, as the command line makes it of words."""
    verbs = _verbs()
    known = set(verbs) - {"run", "studio"}
    if words[0] not in known:
        hint = did_you_mean(words[0], known)
        raise InputError(f"gambol has no step {words[0]!r}{hint}")
    one, rest = verbs[words[0]], list(words[1:])
    parts = getattr(one, "commands", None)
    if parts is None:
        return one.make_context(words[0], rest, **how)
    if not rest or rest[0] not in parts:
        raise InputError(f"gambol {words[0]} needs one of {', '.join(parts)}")
    return parts[rest[0]].make_context(rest[0], rest[1:], **how)


@functools.cache  # building them takes longer than many a command
def _verbs() -> dict[str, Any]:
    from gambol.app.cli import app

    return typer.main.get_command(app).commands  # type: ignore[attr-defined]


def with_threads(words: tuple[str, ...], threads: int) -> tuple[str, ...]:
    """Give a command its share of the cores, if it takes such a number."""
    context = _context(words)
    takes = any("--threads" in option.opts for option in context.command.params)
    said = any(word.partition("=")[0] == "--threads" for word in words)
    return (*words, "--threads", str(threads)) if takes and not said else words

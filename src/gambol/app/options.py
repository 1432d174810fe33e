"""Options that many verbs of the command line share."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gambol.core.errors import InputError

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")]
Anterior = Annotated[
    str | None,
    typer.Option(help="Keypoints at the front, separated by commas; else by their names."),
]
Posterior = Annotated[
    str | None,
    typer.Option(help="Keypoints at the back, separated by commas; else by their names."),
]
Threads = Annotated[int, typer.Option(min=0, help="Cores to use on a CPU; 0 means all.")]
Minutes = Annotated[
    float | None, typer.Option(help="Core-minutes of every training; 10 by default.")
]
Trainings = Annotated[
    int,
    typer.Option(
        "--workers", min=0, help="Trainings at a time, a core each; 0 means all cores."
    ),
]
Settings = Annotated[list[str], typer.Option("--set", help="A setting: fit.steps=500.")]
Yaml = Annotated[Path | None, typer.Option("--config", help="A YAML file of settings.")]

View = Annotated[
    list[str], typer.Option("--view", help="CAMERA=PATH, where names do not tell.")
]


def settings(kind: Any, path: Path | None, assignments: list[str]) -> Any:
    """Read settings from a file, or take the defaults, and apply what --set says."""
    cfg = kind.from_yaml(path) if path is not None else kind()
    return cfg.override(assignments) if assignments else cfg


def required(kind: Any, path: Path | None, said: dict[str, Any], assignments: list[str]) -> Any:
    """Read settings of which some have no default: from a file, options and --set."""
    import yaml

    from gambol.core.config import assigned
    from gambol.io import store

    try:
        held = {} if path is None else yaml.safe_load(store.read_text(path)) or {}
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(held, dict):
        raise InputError(f"{path}: settings are `key: value` lines, not {held!r}")
    # what has no default has to be there before the others can be changed; a misspelt key
    # explains one that is not
    later = {name for name, field in kind.model_fields.items() if not field.is_required()}
    told = [assigned(text) for text in assignments]
    first = {key: value for key, value in told if key.split(".")[0] not in later}
    source = "the command line" if path is None else str(path)
    cfg = kind.from_values({**held, **said, **first}, source)
    return cfg.override(assignments) if assignments else cfg


def numbers(name: str, text: str) -> list[int]:
    """Read numbers that are separated by commas."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise InputError(f"--{name} {text}: write numbers, such as 10,20,40") from error


def pairs(texts: list[str]) -> dict[str, Path]:
    """Read `CAMERA=PATH` texts."""
    found = {}
    for text in texts:
        name, equals, path = text.partition("=")
        if not equals or not name or not path:
            raise InputError(f"--view {text}: write CAMERA=PATH")
        found[name] = Path(path)
    return found

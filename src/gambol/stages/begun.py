"""A folder that one set of settings fills: begun, or gone on with, never mixed with another.

writes  out/NAME.yaml   the settings
"""

from pathlib import Path

from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.io import store


def begin(cfg: Config, out: Path, name: str, what: str) -> None:
    """Begin to fill a folder, or go on.

    Args:
        cfg: settings, which are written into the folder.
        out: the folder.
        name: what the file of settings is called, without its ending.
        what: stands there, for people: a plan.

    Raises:
        InputError: the folder holds other things, or the same by other settings.
    """
    settings = out / f"{name}.yaml"
    if settings.is_file():
        if settings.read_text(encoding="utf-8") != cfg.yaml():
            raise InputError(
                f"{out} holds {what} with other settings, see {settings}; delete it or choose "
                "another folder"
            )
    elif out.is_dir() and any(out.iterdir()):
        raise InputError(f"{out} is not empty and does not hold {what}; choose another folder")
    else:
        store.write_text(cfg.yaml(), settings)

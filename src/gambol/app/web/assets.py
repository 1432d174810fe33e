"""The built page of the studio: where its files are, and building them in a checkout."""

import importlib.util
from pathlib import Path
from types import ModuleType

from gambol.core.errors import InputError

STATIC = Path(__file__).with_name("static")  # index.html, assets/ with hashes in their names
_CHECKOUT = Path(__file__).parents[4]


def built() -> bool:
    """Whether this installation holds the page."""
    return (STATIC / "index.html").is_file() and (STATIC / "stamp").is_file()


def missing() -> str:
    """Say that the page is not there, and what to do."""
    if _recipe().is_file():
        return "the studio's page is not built; build it with: gambol studio --build"
    return (
        f"this installation of gambol has no studio page in {STATIC}; install it again without "
        "GAMBOL_NO_STUDIO set: pip install --force-reinstall --no-deps gambol"
    )


def build() -> bool:
    """Build the page from the checkout, as installing does.

    Returns:
        False if it was up to date.

    Raises:
        InputError: this is no checkout, or a step of the build failed.
    """
    if not _recipe().is_file():
        raise InputError(missing())
    recipe = _load(_recipe())
    try:
        return bool(recipe.build(_CHECKOUT))
    except recipe.BuildError as error:
        raise InputError(f"the studio's page could not be built: {error}") from error


def _recipe() -> Path:
    return _CHECKOUT / "hatch_build.py"


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("gambol_hatch_build", path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path} cannot be read; is the checkout complete?")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

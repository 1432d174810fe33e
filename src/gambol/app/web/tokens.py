"""Tokens: two secrets of 256 bits, in a file that nobody else can read.

The file lies in the user's state folder and not in the project, because projects are copied,
shared and backed up. It stays from start to start, so that pages that are open stay in.
"""

import hashlib
import hmac
import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe
from typing import Literal

from gambol.core.errors import InputError

BYTES = 32
_SHORTEST = 40  # letters of a token that somebody chose
_MADE = "# of gambol studio: who has the first line may edit, who has the second may look\n"


@dataclass(frozen=True)
class Tokens:
    """What lets somebody edit, and what lets somebody look."""

    edit: str
    read: str

    def of(self, role: Literal["edit", "read"]) -> str:
        """Return the token of a role."""
        return self.edit if role == "edit" else self.read

    def derived(self, role: Literal["edit", "read"], purpose: str) -> bytes:
        """Return 256 bits that follow from a token and do not tell it."""
        return hmac.digest(self.of(role).encode(), f"gambol {purpose}".encode(), "sha256")


def usual_file(folder: Path) -> Path:
    """Return where the tokens of a project lie on this computer."""
    name = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    return state_folder() / "studio" / f"{name}.token"


def state_folder() -> Path:
    """Return where this user's programs keep what outlasts them."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home()) / "gambol"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "gambol"
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "gambol"


def load(path: Path) -> Tokens:
    """Read the tokens of a file; it is made if it is not there.

    Raises:
        InputError: others can read it, or it holds no two long tokens.
    """
    try:
        _make(path)
        with path.open(encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            lines = [line.strip() for line in file.read(4096).splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise InputError(
            f"the file of tokens {path} cannot be used: {str(reason).lower()}; "
            "name another with --token-file"
        ) from error
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise InputError(f"others can read the tokens in {path}; run chmod 600 {path}")
    said = [line for line in lines if line and not line.startswith("#")]
    if len(said) != 2 or min(map(len, said)) < _SHORTEST or said[0] == said[1]:
        raise InputError(
            f"{path} holds no two different tokens of at least {_SHORTEST} letters; "
            "delete it, and gambol studio makes a new one"
        )
    return Tokens(*said)


def _make(path: Path) -> None:
    """Write a new file of tokens, unless there is one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    if path.exists():
        return
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, flags, 0o600), "w", encoding="utf-8") as file:
        file.write(f"{_MADE}{token_urlsafe(BYTES)}\n{token_urlsafe(BYTES)}\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(partial, path)  # whole or not at all, and never over another
    except FileExistsError:
        pass
    except OSError:  # a disk without links
        os.replace(partial, path)
    partial.unlink(missing_ok=True)

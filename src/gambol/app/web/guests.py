"""Guests: browsers in which nobody typed a name, each with a number that stays."""

import contextlib
import json
import os
import threading
from pathlib import Path

READER = "reader"  # whoever only looks
_MOST = 10_000  # browsers that are kept apart


class Guests:
    """Which browser is which guest; `path` None: as long as the process lives."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._home = ""  # the browser of whoever runs the server
        self._guests: dict[str, int] = {}
        self._naming: dict[str, str] = {}  # guests who are given a name at this moment
        with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
            said = json.loads(path.read_text(encoding="utf-8")) if path else {}
            self._guests = {str(k): int(v) for k, v in said.get("guests", {}).items()}
            self._home = str(said.get("home", ""))
            self._naming = {str(k): str(v) for k, v in said.get("naming", {}).items()}

    def of(self, browser: str, near: bool, edits: bool = True) -> str:
        """Return the guest's name of a browser; "" for that of whoever runs the server.

        Args:
            browser: number of it.
            near: it may be that one, as it is on the same computer and may edit.
            edits: it may edit; who only looks has no number.
        """
        with self._lock:
            if browser == self._home:
                return ""
            if browser not in self._guests:
                if not edits:
                    return READER
                if near and not self._home:
                    self._home = browser
                    self._keep()
                    return ""
                if len(self._guests) >= _MOST:
                    return f"guest {_MOST + 2}"
                self._guests[browser] = max(self._guests.values(), default=1) + 1
                self._keep()
            return f"guest {self._guests[browser]}"

    def naming(self, guest: str) -> str:
        """Return the name that a guest was to have, if that broke off; else ""."""
        with self._lock:
            return self._naming.get(guest, "")

    def note(self, guest: str, name: str) -> None:
        """Remember which name a guest is to have; "": it has it."""
        with self._lock:
            self._naming.pop(guest, None)
            if name:
                self._naming[guest] = name
            self._keep()

    def _keep(self) -> None:
        if self._path is None:
            return
        partial = self._path.with_name(f".{self._path.name}.{os.getpid()}.partial")
        with contextlib.suppress(OSError):  # a disk that is full hinders nobody
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            said = {"home": self._home, "guests": self._guests, "naming": self._naming}
            text = json.dumps(said)
            partial.write_text(text, encoding="utf-8")
            os.replace(partial, self._path)

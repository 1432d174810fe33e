"""Processes that outlive the one that starts them: started, found again, ended."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

_HIDDEN = 0x08000000  # CREATE_NO_WINDOW of Windows


def start(command: list[str], folder: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start a command in a group of its own, which the terminal's Ctrl-C does not reach.

    Args:
        command: program and arguments.
        folder: in which it runs.
        log: file that gets what it says, at its end.

    Raises:
        OSError: there is no such program, or the log cannot be written.
    """
    more: dict[str, object] = {"start_new_session": True}
    if sys.platform == "win32":
        more = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | _HIDDEN}
    with log.open("ab") as said:
        return subprocess.Popen(  # type: ignore[call-overload]
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said, **more
        )


def born(pid: int) -> str | None:
    """Return when a process began, as the system says it; None: there is none.

    Numbers of processes are given again; number and beginning together are not.
    """
    if sys.platform == "win32":
        return _born_windows(pid)
    stat = Path(f"/proc/{pid}/stat")
    if stat.parent.parent.joinpath("self").exists():
        try:  # the name may hold spaces and brackets
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
        except OSError:
            return None
        state, *rest = fields.split()
        return None if state in "ZX" else rest[18]  # ticks since the system started
    told = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True
    ).stdout.split(maxsplit=1)
    return told[1].strip() if len(told) == 2 and "Z" not in told[0] else None


def ask_to_end(pid: int) -> None:
    """Ask a group of processes to end."""
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            os.kill(pid, signal.CTRL_BREAK_EVENT)
        else:
            os.killpg(pid, signal.SIGTERM)


def kill(pid: int) -> None:
    """End a group of processes without asking."""
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            subprocess.run(["taskkill", "/PID", str(pid), "/T", "/F"], capture_output=True)
        else:
            os.killpg(pid, signal.SIGKILL)


if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    def _born_windows(pid: int) -> str | None:
        """Return the time of creation; 0x1000: PROCESS_QUERY_LIMITED_INFORMATION."""
        kernel = ctypes.WinDLL("kernel32")
        kernel.OpenProcess.restype = wintypes.HANDLE
        handle = kernel.OpenProcess(0x1000, False, pid)
        if not handle:
            return None
        handle = wintypes.HANDLE(handle)
        times = [wintypes.FILETIME() for _ in range(4)]
        code = wintypes.DWORD()
        try:
            kernel.GetExitCodeProcess(handle, ctypes.byref(code))
            if code.value != 259:  # STILL_ACTIVE
                return None
            if not kernel.GetProcessTimes(handle, *(ctypes.byref(t) for t in times)):
                return None
            return str((times[0].dwHighDateTime << 32) + times[0].dwLowDateTime)
        finally:
            kernel.CloseHandle(handle)

else:

    def _born_windows(pid: int) -> str | None:
        return None

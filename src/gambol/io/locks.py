"""Locks on files. The system lets go of them when their process ends, however it ends."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from gambol.io import store

__all__ = ["held", "take"]

LOCKED_BYTE = 1 << 20  # far behind any text: what Windows locks, nobody else reads
TICK_S = 0.02  # between two tries at first; later they become rare
RARE_S = 1.0

if sys.platform == "win32":
    import msvcrt

    def take(file: IO[Any]) -> bool:
        """Lock an open file if nobody else has; closing it lets go.

        A network drive without locks counts as locked by us.
        """
        file.seek(LOCKED_BYTE)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import errno
    import fcntl

    def take(file: IO[Any]) -> bool:
        """Lock an open file if nobody else has; closing it lets go.

        A network drive without locks counts as locked by us.
        """
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno not in (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)
        return True


@contextmanager
def held(path: Path, waits: Callable[[float], None] = lambda waited: None) -> Iterator[None]:
    """Hold the lock of a file, which is made; wait for it while another process has it.

    Args:
        path: of a file that is for nothing else, and may go when nobody needs the lock.
        waits: hears now and then for how long this has waited, s; may raise.
    """
    with store.writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
    with file:
        start, tick = time.monotonic(), TICK_S
        while not take(file):
            waits(time.monotonic() - start)
            time.sleep(tick)
            tick = min(1.2 * tick, RARE_S)
        yield

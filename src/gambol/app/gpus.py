"""GPUs of this machine, lent to commands that ask for some."""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

VISIBLE = "CUDA_VISIBLE_DEVICES"  # what a process may use; set by schedulers, too


def here() -> list[str]:
    """Return the names of the GPUs that this process may use."""
    said = os.environ.get(VISIBLE)
    if said is not None:
        return [name.strip() for name in said.split(",") if name.strip()]
    import torch

    return [str(number) for number in range(torch.cuda.device_count())]


class Pool:
    """GPUs that commands take turns with."""

    def __init__(self, names: Sequence[str]) -> None:
        self.size = len(names)
        self._free, self._change = list(names), threading.Condition()

    @contextmanager
    def taken(self, count: int) -> Iterator[list[str]]:
        """Wait for so many GPUs, which may be no more than there are, and lend them."""
        with self._change:
            self._change.wait_for(lambda: len(self._free) >= count)
            mine, self._free = self._free[:count], self._free[count:]
        try:
            yield mine
        finally:
            with self._change:
                self._free += mine
                self._change.notify_all()

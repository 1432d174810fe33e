"""Processes that train one network together: what they add up, agree on and share out.

`torchrun` starts one process a GPU (or a few on a CPU) and says in the environment who is who.
Every process takes an equal share of a step's samples; gradients are added up, so the step is
the one that a single process would make with all the samples. Whatever decides about the run
(clock, requests to stop, validation) is agreed on, so that no process waits for one that left.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import NamedTuple

import numpy as np
import torch
import torch.distributed as dist
from jaxtyping import Int
from torch import Tensor

from gambol.core.errors import InputError

PATIENCE = timedelta(hours=2)  # the others wait while the first process evaluates


class Team(NamedTuple):
    """One process among those that train together."""

    rank: int  # 0 evaluates, logs and saves
    size: int
    device: torch.device  # that messages travel through

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files."""
        return self.rank == 0

    def share(self, rows: Int[np.ndarray, " B"]) -> Int[np.ndarray, " b"]:
        """Return the places in `rows` that this process works on; all get equally many."""
        if len(rows) % self.size:
            raise InputError(
                f"{len(rows)} samples a step do not divide among {self.size} processes; "
                "make fit.batch times fit.accumulate a multiple of their number"
            )
        return np.arange(self.rank, len(rows), self.size)

    def add(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors, of one type, by their sums over the processes."""
        if self.size == 1 or not tensors:
            return
        flat = torch.cat([t.detach().reshape(-1) for t in tensors])  # one message, not hundreds
        dist.all_reduce(flat)
        sums = torch.split(flat, [t.numel() for t in tensors])
        for tensor, total in zip(tensors, sums, strict=True):
            tensor.detach().copy_(total.view(tensor.shape))

    def gather(self, tensor: Tensor) -> Tensor:
        """Join the tensors of all processes, equal in shape, along their first axis."""
        if self.size == 1:
            return tensor
        parts = [torch.empty_like(tensor.contiguous()) for _ in range(self.size)]
        dist.all_gather(parts, tensor.contiguous())
        return torch.cat(parts)

    def copy_first(self, tensors: Sequence[Tensor]) -> None:
        """Overwrite tensors with those of the first process."""
        if self.size > 1:
            for tensor in tensors:
                # a message is a plain block of memory; weights may lie channels last
                block = tensor.detach().contiguous()
                dist.broadcast(block, 0)
                tensor.detach().copy_(block)

    def tell(self, values: Sequence[float]) -> list[float]:
        """Return the first process's numbers to all."""
        if self.size == 1:
            return list(values)
        said = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.broadcast(said, 0)
        return said.tolist()

    def largest(self, values: Sequence[float]) -> list[float]:
        """Return the largest of each number that any process has."""
        if self.size == 1:
            return list(values)
        said = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(said, dist.ReduceOp.MAX)
        return said.tolist()

    def wait(self) -> None:
        """Go on when all have come here."""
        self.largest([0.0])


ALONE = Team(0, 1, torch.device("cpu"))


def own_device(name: str) -> str:
    """Return the GPU of this process where `cuda` alone was asked for; `name` otherwise."""
    if name == "cuda" and "LOCAL_RANK" in os.environ:
        return f"cuda:{os.environ['LOCAL_RANK']}"
    return name


def _alone() -> bool:
    return int(os.environ.get("WORLD_SIZE", "1")) < 2 or "RANK" not in os.environ


def leads() -> bool:
    """Whether this process speaks for all that `torchrun` started, met or not."""
    return _alone() or os.environ["RANK"] == "0"


@contextmanager
def joined(device: str) -> Iterator[Team]:
    """Meet the other processes that `torchrun` started; alone where it did not.

    Args:
        device: torch device of this process, as `own_device` gives it.
    """
    if _alone():
        yield ALONE
        return
    where = torch.device(device)
    if not dist.is_available():
        raise InputError("this build of torch trains in one process only; leave out torchrun")
    if where.type == "cuda":
        torch.cuda.set_device(where)
    dist.init_process_group("nccl" if where.type == "cuda" else "gloo", timeout=PATIENCE)
    try:
        yield Team(dist.get_rank(), dist.get_world_size(), where)
    finally:
        dist.destroy_process_group()

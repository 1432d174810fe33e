"""On what terms commands are done by others: where, how often, and what jobs ask for."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from pydantic import NonNegativeInt, PositiveInt

from gambol.core.config import Config


class ClusterConfig(Config):
    """What a job that `--cluster slurm`, `lsf` or `pbs` submits asks for."""

    cores: PositiveInt = 1  # commands at a time, one core each
    memory: str = "4GB"  # of a job, all commands together
    walltime: str = "24:00:00"  # of a job
    gpus: NonNegativeInt = 0  # of a job; ask the scheduler for them by options
    options: list[str] = []  # more directives, such as --partition=short
    before: list[str] = []  # lines of shell that come first, such as module load


class Terms(Protocol):
    """On what terms commands are done."""

    @property
    def folder(self) -> Path:
        """In which they run."""

    @property
    def tries(self) -> int:
        """Of a command whose process is lost."""

    @property
    def patience_s(self) -> float:
        """Without a word, before a process counts as hung."""

    @property
    def verbs(self) -> Sequence[str]:
        """Of the commands; what they import is imported once."""

    @property
    def cluster(self) -> ClusterConfig:
        """What jobs of a cluster ask for."""


class Usual(NamedTuple):
    """The terms of commands that no pipeline sets any for."""

    folder: Path
    verbs: Sequence[str] = ()
    tries: int = 3
    patience_s: float = 3600.0
    cluster: ClusterConfig = ClusterConfig()

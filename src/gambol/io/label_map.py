"""Label maps on disk: a JSON file beside the labels, which several people may change.

A change is read, made and written under a lock, so that of two that happen at once neither is
lost. Who holds an older state and wants to write that is refused and has to read again.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gambol.core.errors import InputError
from gambol.core.label_map import LabelMap, from_values, to_values
from gambol.io import locks, store

NAME = "label_map.json"
_INSIDE = ("syllables", "states", "places", "frames")  # folders of labels in a run
PATIENCE_S = 10.0  # that a writer waits for another one


def beside(labels: Path) -> Path:
    """Return where the label map of a run is: in its folder, or beside a file of labels.

    >>> beside(Path("run/syllables/day1.nc")).as_posix()
    'run/label_map.json'
    """
    folder = labels if labels.is_dir() or not labels.suffix else labels.parent
    return (folder.parent if folder.name in _INSIDE else folder) / NAME


def read(path: Path) -> LabelMap | None:
    """Read a label map; None where nobody decided anything yet."""
    if not path.exists():
        return None
    return from_values(store.read_json(path), str(path))


def edit(path: Path, change: Callable[[LabelMap | None], LabelMap]) -> LabelMap:
    """Read, change and write in one go; another writer waits meanwhile.

    Args:
        path: of the label map.
        change: gets what is there now, None at first, and returns what shall be.
    """
    with _locked(path):
        made = change(read(path))
        store.write_json(to_values(made), path)
        return made


def write(label_map: LabelMap, path: Path, was: LabelMap | None) -> None:
    """Write a label map in place of the one that it was made of.

    Args:
        label_map: to write.
        path: where.
        was: what was read before; if something else is there by now, nothing is written.
    """

    def checked(now: LabelMap | None) -> LabelMap:
        if now != was:
            raise InputError(
                f"{path} was changed by somebody else meanwhile; read it and decide again"
            )
        return label_map

    edit(path, checked)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other writers away; the system lets go of the lock when a process ends."""

    def waits(waited: float) -> None:
        if waited > PATIENCE_S:
            raise InputError(
                f"{path} is being written by another program for {PATIENCE_S:g} s; "
                "close it there and try again"
            )

    with locks.held(path.with_name(f".{path.name}.lock"), waits):
        yield

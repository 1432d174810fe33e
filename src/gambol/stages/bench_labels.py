"""The labels of a comparison of networks, as they were at its start.

writes  out/begun.json         where they came from, and what settles the comparison
        out/labels/project.db  a copy, which all jobs read, while people label on

A comparison that was begun without a copy goes on with the labels themselves.
"""

from pathlib import Path
from typing import Any

from gambol.core import regions
from gambol.core.errors import InputError
from gambol.io import labels as io_labels
from gambol.io import store
from gambol.io.project import Project
from gambol.stages import bench_jobs

BEGUN, COPY = "begun.json", "labels"


def is_new(out: Path) -> bool:
    """Tell whether no comparison was begun in a folder, or one that has no labels yet.

    Raises:
        InputError: the folder holds something else.
    """
    if (known := _begun(out)) is not None:
        return "made_from" not in known and not (out / COPY).exists()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} exists and holds no comparison; choose another --out")
    return True


def place(labels: Path, out: Path) -> Path:
    """Return the labels that a comparison reads: its copy, or those named where it has none.

    Raises:
        InputError: the comparison in `out` is on the labels of another place.
    """
    known = _begun(out)
    if known is None or "labels" not in known or not (out / COPY).exists():
        return labels
    if known["labels"] != str(labels.resolve()) and _hash(labels) != known["labels_hash"]:
        raise InputError(
            f"{out} holds a comparison on the labels of {known['labels']}, and those of "
            f"{labels} are others; choose another --out"
        )
    return out / COPY


def changed(labels: Path, out: Path) -> bool:
    """Tell whether labels are others than those that the comparison in `out` has a copy of."""
    known = _begun(out)
    if known is None or "labels" not in known:
        return False
    try:
        return _hash(labels) != known["labels_hash"]
    except InputError:  # gone, or all of them removed
        return True


def freeze(labels: Path, out: Path) -> Path:
    """Begin a comparison: copy labels into its folder, and return where the copy is."""
    found = io_labels.load(labels)
    hashed = regions.settle(found).labels.content_hash()
    note = {"labels": str(labels.resolve()), "labels_hash": hashed}
    store.write_json(note, out / BEGUN)
    with store.atomic(out / COPY) as folder:
        with Project.create(folder, found.skeleton) as project:
            project.put_labels(found)
            kept = len(project.labels())
        if kept != len(found):
            raise InputError(
                f"{labels}: of {len(found)} labelled animals {len(found) - kept} are labelled "
                "twice, as two of its videos hold the same frames; remove one of the two"
            )
    return out / COPY


def settle(out: Path, made_from: str) -> None:
    """Note what the comparison in a folder depends on; refuse another one.

    Raises:
        InputError: the folder holds a comparison that depends on something else.
    """
    known = _begun(out) or {}
    if known.get("made_from", made_from) != made_from:
        raise InputError(
            f"{out} holds a comparison on other labels, splits or common settings, or on "
            "another device; choose another --out"
        )
    if "made_from" not in known:
        store.write_json({**known, "made_from": made_from}, out / BEGUN)


def _begun(out: Path) -> dict[str, Any] | None:
    """Return what is known of a comparison in a folder; None where none was begun."""
    if not (out / BEGUN).exists():
        return None
    return dict(store.read_json(out / BEGUN))


def _hash(labels: Path) -> str:
    """Hash of the labels outside of regions."""
    return bench_jobs.settled(labels).labels.content_hash()

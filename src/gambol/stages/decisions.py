"""What people decided about labels, found beside them: in effect wherever labels are read."""

from collections.abc import Sequence
from pathlib import Path

from gambol.behavior import ethogram as of_sequences
from gambol.behavior.label_map import Applied
from gambol.core.errors import InputError
from gambol.core.ethogram import Ethogram
from gambol.core.label_map import LabelMap
from gambol.io import label_map as io_map
from gambol.io import store


def model(run: Path) -> str:
    """Return the word for what a run was made from; empty where there is none."""
    note = run / "provenance.json"
    return str(store.read_json(note).get("made_from", "")) if note.is_file() else ""


def held(labels: Path, given: Path | None = None) -> tuple[Path, LabelMap | None]:
    """Return where the label map of a run is, and what it holds; None without decisions.

    Args:
        labels: a run, its folder of labels or a file of labels.
        given: a label map in another place, which may be about another model.

    Raises:
        InputError: the decisions are about a model that was fitted before.
    """
    path = io_map.beside(labels) if given is None else store.require_file(given)
    found, now = io_map.read(path), model(path.parent)
    if given is None and found is not None and found.model and now and found.model != now:
        raise InputError(
            f"{path} holds decisions about another model ({found.model}); carry it over with "
            "label-map follow, or move it away"
        )
    return path, found


def ethogram(made: Applied) -> Ethogram:
    """Return bouts of labels under their names; merged and excluded labels are none."""
    found = of_sequences.bouts(made.sequences, made.own_names())
    kept = {label.name for label in made.labels if not label.excluded}
    scheme = found.scheme[found.scheme["label"].isin(kept)].reset_index(drop=True)
    return found._replace(scheme=scheme)


def about(sources: Sequence[Path]) -> tuple[Path, LabelMap] | None:
    """Return the one label map that lies beside some labels; None where there is none."""
    maps = {path: found for path, found in map(held, sources) if found is not None}
    if len(maps) > 1:
        one, other = sorted(maps)[:2]
        raise InputError(
            f"{one} and {other} decide about labels of different runs; give one run at a time"
        )
    return next(iter(maps.items()), None)

"""Labels put beside those that a project holds: which animal is the same, and who wins."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from gambol.core.instances import body_length
from gambol.core.labels import UNKNOWN, Labels, Origin
from gambol.io import project_extras as extras
from gambol.io import project_keypoints
from gambol.io.labels.frames import by_frame
from gambol.io.project_edits import Edit, get
from gambol.io.project_rows import add_region, individual_number, say_complete, value

DONE, DRAFT = 1, 2  # of a frame: all its animals are labelled; somebody works on it
_SAME = 0.1  # body lengths between two labels of one animal: people differ less, animals more


class Merged(NamedTuple):
    """What an import did, counted in animals (one individual in one frame)."""

    added: int
    replaced: int
    kept: int  # a model's label never replaces a person's


def merge(edit: Edit, labels: Labels, videos: dict[int, int]) -> Merged:
    """Put labels beside those that are there.

    The same animal is the one of the same name; where one of the two has no name, it is the
    one in the same place, and it keeps the name that either has.

    Args:
        edit: the edit that records it.
        labels: in the order of the project's keypoints.
        videos: number in the project of each video that the labels use.
    """
    used = [i for i in np.unique(labels.individual).tolist() if i != UNKNOWN]
    who = {i: individual_number(edit, labels.individuals[i]) for i in used}
    length = body_length(labels.xy)
    counts = np.zeros(3, np.int64)
    for v, f, rows in by_frame(labels):
        names = [who.get(i, UNKNOWN) for i in labels.individual[rows].tolist()]
        counts += _merge_frame(edit, labels, rows, (videos[v], f), names, length)
    _merge_frames(edit, labels, videos)
    extras.say_of_frames(edit, labels, videos)
    for region in labels.regions:
        add_region(edit, region, videos[region.video])
    return Merged(*counts.tolist())


def _merge_frame(
    edit: Edit,
    labels: Labels,
    rows: np.ndarray,
    place: tuple[int, int],
    names: list[int],
    length: float,
) -> tuple[int, int, int]:
    """Merge the animals of one frame; `names` are their numbers in the project, or UNKNOWN."""
    numbers = project_keypoints.ids(edit.connection)
    there = _there(edit, place)
    nameless = [k for k, name in enumerate(names) if name < 0 or name not in there]
    taken = {name for name in names if name > 0}
    free = [key for key in there if key not in taken]
    same: dict[int, int] = {}
    if any(key < 0 for key in free) or any(names[k] < 0 for k in nameless):
        old = _positions(edit, place, free, numbers)
        for k, o in _pairs(labels.xy[rows[nameless]], old, _SAME * length):
            if names[nameless[k]] < 0 or free[o] < 0:  # two names are two animals
                same[nameless[k]] = free[o]
    added = replaced = kept = 0
    for k, row in enumerate(rows.tolist()):
        before = same.get(k, names[k] if names[k] in there and names[k] > 0 else 0)
        origin = there.get(before)
        if origin is not None and labels.origin[row] == Origin.MODEL != origin:
            kept += 1
            continue
        key = names[k] if names[k] > 0 else before or min([0, *there]) - 1
        stood = get(edit.connection, "instances", (*place, before or key))
        if before not in (0, key):
            edit.put("instances", (*place, before), None)
            extras.move(edit, (*place, before), (*place, key))
            del there[before]
        said = value(labels.xy[row], labels.visibility[row], labels.origin[row], numbers)
        said = project_keypoints.kept(said, numbers, stood)
        edit.put("instances", (*place, key), said)
        extras.say(edit, (*place, key), labels.extras.rows[row] if labels.extras.rows else {})
        there[key] = int(labels.origin[row])
        added, replaced = added + (origin is None), replaced + (origin is not None)
    return added, replaced, kept


def _state(edit: Edit, place: tuple[int, int]) -> int | None:
    """Return what was said of a frame."""
    said = get(edit.connection, "frames", place)
    return None if said is None else said["complete"]


def _there(edit: Edit, place: tuple[int, int]) -> dict[int, int]:
    """Return the origins of the animals of a frame by their number."""
    found = edit.connection.execute(
        "SELECT individual, origin FROM instances WHERE video = ? AND frame = ?", place
    )
    return dict(found.fetchall())


def _positions(
    edit: Edit, place: tuple[int, int], keys: list[int], numbers: list[int]
) -> Float[np.ndarray, "K J 2"]:
    xy = np.full((len(keys), len(numbers), 2), np.nan)
    for k, key in enumerate(keys):
        row = get(edit.connection, "instances", (*place, key))
        for j, x, y, _ in project_keypoints.placed(row, numbers)["points"] if row else []:
            xy[k, j] = np.array([x, y], np.float64)  # None becomes NaN
    return xy


def _pairs(
    new: Float[np.ndarray, "N J 2"], old: Float[np.ndarray, "K J 2"], limit: float
) -> list[tuple[int, int]]:
    """Pair animals one to one, the nearest first, up to a mean distance of the keypoints."""
    apart = np.linalg.norm(new[:, None] - old[None], axis=-1)  # (N, K, J)
    shared = np.isfinite(apart)
    count = shared.sum(axis=-1)
    mean = np.where(shared, apart, 0.0).sum(axis=-1) / np.maximum(count, 1)
    mean[count == 0] = np.inf
    pairs: list[tuple[int, int]] = []
    for flat in np.argsort(mean, axis=None, kind="stable").tolist():
        n, k = divmod(flat, len(old))
        if mean[n, k] > limit:
            break
        if all(n != a and k != b for a, b in pairs):
            pairs.append((n, k))
    return pairs


def _merge_frames(edit: Edit, labels: Labels, videos: dict[int, int]) -> None:
    """Note incomplete frames and those without animals, where a person labelled none.

    What a person said of a frame stays: one that is done, and one that somebody works on.
    """
    for v, f in labels.incomplete.tolist():
        if _state(edit, (videos[v], f)) not in (DONE, DRAFT):
            say_complete(edit, (videos[v], f), 0)
    for v, f in labels.negatives.tolist():
        place = (videos[v], f)
        there = _there(edit, place)
        if _state(edit, place) == DRAFT:
            continue
        if all(origin == Origin.MODEL for origin in there.values()):
            for key in there:  # a model saw an animal where a person sees none
                edit.put("instances", (*place, key), None)
                edit.put("extras", (*place, key), None)
            say_complete(edit, place, 1)

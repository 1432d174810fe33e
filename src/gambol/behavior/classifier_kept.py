"""A fitted classifier as plain arrays, for a file that no program has to trust."""

from typing import NamedTuple

import numpy as np
import xarray as xr

from gambol.behavior.classifier_bouts import Decision
from gambol.behavior.classifier_fit import Models
from gambol.core.errors import InputError
from gambol.kernels import trees
from gambol.kernels.trees import Forest

_CHOICES = ("threshold", "fill_s", "drop_s", "trust", "share", "stay_off", "stay_on")


class Kept(NamedTuple):
    """What a file holds of a classifier beside its settings."""

    labels: tuple[str, ...]
    columns: tuple[str, ...]  # names of the features
    models: Models
    fold_models: tuple[Models, ...]  # each without a fold
    decisions: tuple[Decision, ...]  # by label


def to_dataset(kept: Kept) -> xr.Dataset:
    """Lay all trees one behind the other."""
    sets = (kept.models, *kept.fold_models)
    every = [forest for models in sets for members in models for forest in members]
    whole, begin = trees.join(every)
    knots = [how.knots for how in kept.decisions]
    choices = np.array([[*how[:5], *how.stay] for how in kept.decisions])
    return xr.Dataset(
        {
            **{name: ("node", getattr(whole, name)) for name in trees.NODES},
            "tree_first": ("tree_end", whole.first),
            "tree_output": ("tree", whole.output),
            "forest_first": ("forest_end", begin),
            "baseline": (("forest", "output"), whole.baseline.reshape(len(every), -1)),
            "knot_first": ("label_end", np.cumsum([0, *map(len, knots)])),
            "knot": ("knot_number", np.concatenate(knots)),
            "level": ("knot_number", np.concatenate([how.levels for how in kept.decisions])),
            "decision": (("label", "choice"), choices),
            "column": ("feature_number", np.array(kept.columns, dtype=object)),
        },
        {"label": np.array(kept.labels, dtype=object), "choice": list(_CHOICES)},
        {"folds": len(kept.fold_models), "models": len(kept.models),
         "members": len(kept.models[0])},
    )  # fmt: skip


def from_dataset(held: xr.Dataset) -> Kept:
    """Undo `to_dataset`.

    Raises:
        InputError: what the file holds cannot be trees.
    """
    base = held["baseline"].values.astype(np.float64)
    nodes = {name: _typed(held[name].values, name) for name in trees.NODES}
    first = held["tree_first"].values.astype(np.int64)
    output = held["tree_output"].values.astype(np.int32)
    whole = Forest(**nodes, first=first, output=output, baseline=base.ravel())
    columns = tuple(str(name) for name in held["column"].values)
    every = trees.split(whole, held["forest_first"].values.astype(np.int64), base.shape[1])
    if not all(trees.sound(forest, len(columns)) for forest in every):
        raise InputError("the trees of the classifier are damaged; fit it again")
    models, members = (int(held.attrs[name]) for name in ("models", "members"))
    size, count = models * members, 1 + int(held.attrs["folds"])
    if len(every) != size * count:
        raise InputError(
            f"the classifier holds {len(every)} forests, not {size * count}; fit it again"
        )
    sets = [
        tuple(tuple(every[at + m * members : at + (m + 1) * members]) for m in range(models))
        for at in range(0, len(every), size)
    ]
    labels = tuple(str(name) for name in held["label"].values)
    return Kept(labels, columns, sets[0], tuple(sets[1:]), _decisions(held))


def _typed(values: np.ndarray, name: str) -> np.ndarray:
    kinds = {"value": np.float64, "threshold": np.float64, "missing_left": bool}
    return np.asarray(values).astype(kinds.get(name, np.int32))


def _decisions(held: xr.Dataset) -> tuple[Decision, ...]:
    first, made = held["knot_first"].values, []
    for k, row in enumerate(held["decision"].values.tolist()):
        own = slice(int(first[k]), int(first[k + 1]))
        knots, levels = held["knot"].values[own], held["level"].values[own]
        *plain, off, on = (float(value) for value in row)
        made.append(
            Decision(plain[0], plain[1], plain[2], plain[3], plain[4], (off, on), knots, levels)
        )
    return tuple(made)

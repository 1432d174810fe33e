"""Which animal a recording is of and which group it belongs to, and where groups differ."""

import itertools
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float
from pydantic import NonNegativeInt, PositiveInt

from gambol.behavior import map_groups
from gambol.behavior.map_groups import Difference
from gambol.behavior.regions import Density, Regions, RegionSettings
from gambol.core.config import Config
from gambol.core.errors import InputError, did_you_mean
from gambol.stages import animals as of_animals

ALPHA = 0.05


class GroupSettings(Config):
    """How groups of animals are compared."""

    factor: str = "group"  # column of the table of animals that tells groups apart
    permutations: PositiveInt = 10_000  # of animals; all arrangements if there are fewer
    seed: NonNegativeInt = 0  # of the permutations


class Animals(NamedTuple):
    """Whose recordings are."""

    of: tuple[str, ...]  # animal of each recording
    group: dict[str, str]  # of each animal; empty where there are no groups

    @property
    def names(self) -> list[str]:
        """Animals, in alphabetical order."""
        return sorted(set(self.of))

    @property
    def groups(self) -> list[str] | None:
        """Group of each animal, in their order; none where there are no groups."""
        return [self.group[name] for name in self.names] if self.group else None


def read(path: Path | None, factor: str, names: list[str]) -> Animals:
    """Read which animal each recording is of; without a table each is one.

    Args:
        path: CSV with the columns recording, animal and, if there are groups, the factor.
        factor: that column.
        names: of the recordings.
    """
    if path is None:
        return Animals(tuple(names), {})
    table = of_animals.read(path, factor)
    known = dict(zip(table["recording"], table["animal"], strict=True))
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known)
            raise InputError(f"{path} has no row for the recording {name!r}{hint or ''}")
    own = table[table["recording"].isin(names)]
    if own[factor].isna().any():
        raise InputError(f"{path}: a recording has no {factor}; give every row one")
    for animal, levels in own.groupby("animal")[factor]:
        if levels.nunique() > 1:
            raise InputError(
                f"{path}: animal {animal!r} is in {' and '.join(sorted(levels.unique()))}; a "
                "map compares groups of animals, each in one"
            )
    group = dict(zip(own["animal"], own[factor], strict=True))
    return Animals(tuple(known[name] for name in names), group)


def differences(
    cfg: GroupSettings,
    animals: Animals,
    y: tuple[Float[np.ndarray, "_ 2"], ...],
    density: Density,
    settings: RegionSettings,
) -> tuple[list[Difference], list[str]]:
    """Compare the densities of every two groups, and say which could not be compared."""
    if animals.groups is None:
        return [], []
    levels = sorted(set(animals.groups))
    count = {level: animals.groups.count(level) for level in levels}
    few = [level for level in levels if count[level] < 2]
    said = [
        f"group {level!r} has one animal, which says nothing of groups; it is not compared"
        for level in few
    ]
    pairs = list(itertools.combinations([x for x in levels if x not in few], 2))
    if not pairs:
        return [], [*said, "there are no two groups with two animals or more to compare"]
    each = map_groups.of_animals(list(y), animals.of, density, settings)
    return [
        map_groups.difference(
            each, animals.groups, pair, permutations=cfg.permutations, random_state=cfg.seed
        )
        for pair in pairs
    ], said


def table(found: list[Difference], regions: Regions) -> pd.DataFrame:
    """Return a row a pair of groups and region: how much more of one, and the smallest p."""
    rows = []
    for one in found:
        grid = np.stack(np.meshgrid(one.axis, one.axis), axis=-1).reshape(-1, 2)
        label = regions.of(grid).reshape(one.p.shape)
        cell = float(one.axis[1] - one.axis[0]) ** 2
        for region in range(1, len(regions.mass) + 1):
            own = label == region
            if not own.any():
                continue
            rows.append((
                *one.groups, region, float(one.difference[own].sum() * cell),
                float(one.p[own].min()), float((one.p[own] <= ALPHA).mean()),
            ))  # fmt: skip
    columns = ["group", "other", "region", "difference", "smallest_p", "share_different"]
    return pd.DataFrame(rows, columns=columns)


def said(one: Difference) -> str:
    """Say how a comparison was made and what it gave."""
    many = "all" if one.exact else ""
    where = (
        "groups differ where it is outlined" if one.significant(ALPHA).any()
        else "groups differ nowhere"
    )  # fmt: skip
    return (
        f"{one.groups[0]} ({one.animals[0]}) and {one.groups[1]} ({one.animals[1]} animals), "
        f"{many} {one.arrangements} permutations: {where}".replace("  ", " ")
        + f" (5 %, corrected; smallest p {one.smallest_p:.2g})"
    )

"""The page about a behaviour map: everything that it shows, put together."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gambol.behavior import dwell, sequences, wavelets
from gambol.behavior.behavior_map import BehaviorMap
from gambol.behavior.map_groups import Difference
from gambol.behavior.sequences import Survival
from gambol.core.config import Config
from gambol.io import state_courses, store
from gambol.kernels import two_normals
from gambol.stages import map_animals, map_tables
from gambol.stages.map_animals import ALPHA, Animals, GroupSettings
from gambol.stages.map_inputs import Inputs
from gambol.stages.map_places import Places
from gambol.stages.map_tables import Told
from gambol.viz import report_map
from gambol.viz.figures_states import Lasting
from gambol.viz.report_map import Amounts, Compared, Hills, MapPage, Order, Row, Speeds

_QUARTILES = np.array([1, 2, 3]) / 4


def finish(
    out: Path,
    cfg: Config,
    groups: GroupSettings,
    model: BehaviorMap,
    inputs: Inputs,
    places: Places,
    told: Told,
    animals: Animals,
    *,
    sentence: str,
    remarks: list[str],
    provenance: dict[str, Any],
) -> list[str]:
    """Write tables and page of a run; return what more a reader has to know.

    Args:
        out: folder of the run.
        cfg: settings of the stage, all of which are shown.
        groups: how groups of animals are compared.
        model: fitted.
        inputs: the recordings.
        places: where they are and stay.
        told: what regions are.
        animals: whose the recordings are.
        sentence: about how stable the map is.
        remarks: sentences that the reader has to know.
        provenance: of the run.
    """
    compared, more = map_animals.differences(
        groups, animals, places.y, model.density_, model.settings.regions
    )
    table = map_animals.table(compared, model.regions_)
    if compared:
        state_courses.write_table(table, out / "groups.csv")
    map_tables.write(told, places, animals, out)
    shown = [f"{text[0].upper()}{text[1:].removesuffix('.')}." for text in [*remarks, *more]]
    made = _page(out.name, model, inputs, places, told, animals)._replace(
        compared=[_compared(one, table) for one in compared],
        stability=f"{sentence[0].upper()}{sentence[1:].removesuffix('.')}.",
        rand=float(provenance.get("stability", np.nan)),
        remarks=shown,
        settings=cfg.yaml(),
        provenance=_plain(provenance),
    )
    store.write_text(report_map.map_page(made), out / "report.html")
    return more


def _page(
    name: str, model: BehaviorMap, inputs: Inputs, places: Places, told: Told, animals: Animals
) -> MapPage:
    density, hills = model.density_, model.regions_
    stay = np.concatenate(places.stay)
    return MapPage(
        name=name,
        recordings=len(places.names),
        minutes=len(stay) / places.fps / 60,
        fps=places.fps,
        on=places.on,
        masked=places.masked,
        sure=places.sure,
        staying=float((stay > 0).sum() / max(1, (stay >= 0).sum())),
        hills=Hills(density.values, density.axis, hills.label, hills.peak, density.sigma),
        spectra=told.spectra.z,
        frequencies=told.layout.frequencies,
        parts=told.layout.parts,
        rows=_rows(told.regions),
        unit={"pixels": "px"}.get(inputs.unit, inputs.unit),
        pairs=told.pairs,
        contrast=told.contrast,
        amounts=_amounts(model, places),
        speeds=_speeds(places),
        each=[_lasting(one) for one in told.survival[1:]],
        pooled=_lasting(told.survival[0]),
        order=_order(told),
        usage=told.usage.to_numpy()[:, 1:],
        groups=animals.groups,
        compared=(),
        windows=[(one.seconds, one.group, one.centre) for one in told.windows],
        stability="",
        rand=np.nan,
    )


def _rows(table: pd.DataFrame) -> list[Row]:
    def column(name: str) -> Sequence[Any]:
        return table[name].tolist() if name in table else [np.nan] * len(table)

    names = ("share", "bouts", "median_s", "part", "frequency_hz", "z", "animal_speed_q50",
             "found_again")  # fmt: skip
    return [Row(*values) for values in zip(*(column(name) for name in names), strict=True)]


def _amounts(model: BehaviorMap, places: Places) -> Amounts:
    """How much moves, with the threshold of the map, which decides."""
    seen = wavelets.still(places.amplitude)
    return Amounts(
        seen.counts, seen.edges, model.still_.threshold,
        model.settings.still and model.still_.bimodal,
    )  # fmt: skip


def _speeds(places: Places) -> Speeds:
    """Speed on the map; thresholds are where P(slow) passes those of the settings."""
    speeds = places.speeds
    fine = np.linspace(speeds.edges[0], speeds.edges[-1], 2000)
    slow = two_normals.posterior(fine, speeds.fitted)
    levels = [
        float(10 ** fine[np.flatnonzero(slow > level)[-1]])
        for level in (places.settings.enter, places.settings.leave)
        if (slow > level).any()
    ]
    seen = np.concatenate([dwell.speed(path, places.fps) for path in places.y])
    logs = np.log10(seen[np.isfinite(seen) & (seen > 0)])
    counts, _ = np.histogram(logs, speeds.edges)
    return Speeds(counts, speeds.edges, tuple(speeds.fitted), levels, speeds.valley)


def _order(told: Told) -> Order | None:
    if told.order is None:
        return None
    own, tree = told.order, told.order.tree
    size = len(own.transitions)
    unused = np.setdiff1d(np.arange(size), tree.order)
    levels = [np.where(level.label < 0, 0, level.label) for level in tree.levels[1:]]
    return Order(
        own.transitions, own.lag, np.concatenate([tree.order, unused]), levels, tree.nested,
        own.modes.lags, own.modes.real, own.modes.chain, own.modes.shuffled,
    )  # fmt: skip


def _compared(one: Difference, table: pd.DataFrame) -> Compared:
    own = table[(table["group"] == one.groups[0]) & (table["other"] == one.groups[1])]
    rows = own[["region", "difference", "smallest_p"]].itertuples(index=False, name=None)
    return Compared(
        one.groups, one.difference, one.axis, one.significant(ALPHA), map_animals.said(one),
        [(int(region), float(apart), float(p)) for region, apart, p in rows],
    )  # fmt: skip


def _lasting(told: Survival) -> Lasting:
    quartiles = sequences.quantiles(told, _QUARTILES)
    begun = len(told.complete) + told.censored
    return Lasting(told.time, told.survival, quartiles, begun, told.censored)


def _plain(provenance: dict[str, Any]) -> dict[str, Any]:
    """What is shown of the provenance: the hashes of many inputs would fill the page."""
    hidden = ("inputs", "made_from", "remarks", "on", "sure", "staying", "stability")
    shown = {k: v for k, v in provenance.items() if k not in hidden}
    return dict(json.loads(json.dumps(shown, default=str)))

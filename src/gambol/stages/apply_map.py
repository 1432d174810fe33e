"""Stage `apply-map`: new recordings on a map that is there.

reads   run                     run of fit-map or map, or its model.nc
        sources                 poses, or features, of the kind that the map was made of
        animals                 optional: a table of recordings, their animals and groups
writes  out/places/NAME.nc      where every frame is: y, region, stay, speed, sureness
        out/*.csv               regions, usage, stays, transitions, memory, hierarchy, clips,
                                windows; with groups: groups
        out/spectra.nc          mean spectrogram of every region
        out/report.html         every figure, and what it says
"""

from pathlib import Path
from typing import Any, NamedTuple

import xarray as xr

from gambol.behavior.behavior_map import BehaviorMap
from gambol.behavior.dwell import DwellSettings
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.core.shares import Share
from gambol.io import provenance, store
from gambol.multiview.windows import cores
from gambol.stages import (
    fit_map,
    map_animals,
    map_inputs,
    map_places,
    map_report,
    map_tables,
    syllable_files,
)
from gambol.stages.map_animals import GroupSettings
from gambol.stages.map_inputs import Inputs, PrepareSettings
from gambol.stages.map_tables import TableSettings

_FEW = 0.9  # share of sure places below which recordings are unlike those of the map


class ApplyConfig(Config):
    """Settings of the stage; how recordings are prepared and placed is the map's to say."""

    tables: TableSettings = TableSettings()
    groups: GroupSettings = GroupSettings()


class Applied(NamedTuple):
    """What was found."""

    out: Path
    recordings: int
    frames: int
    regions: int
    on: float  # share of the frames that are on the map
    sure: float  # share of these that have a sure place
    staying: float  # share of these in which the animal stays in a region
    remarks: tuple[str, ...]


def run(
    cfg: ApplyConfig,
    model: Path,
    sources: list[Path],
    out: Path,
    *,
    animals: Path | None = None,
    threads: int = 0,
    progress: Progress = silent,
) -> Applied:
    """Place recordings, unless `out` holds just these; a run that was killed goes on.

    The map stays as it is, so a recording gets the same places whenever, and with whatever
    others, it is asked for.
    """
    threads = threads or cores()
    known = _opened(cfg, model, sources, animals)
    fitted, held, made = known.model, known.held, known.made
    if syllable_files.finished(out, made):
        progress(Step("apply-map", 1, 1, out.name))
        return summary(out)
    inputs = _inputs(known, sources)
    whose = map_animals.read(animals, cfg.groups.factor, inputs.names)
    _place(cfg, known, inputs, out, None, threads, progress)
    places = map_places.stay(
        DwellSettings.model_validate_json(held.attrs["stays"]), fitted, inputs, out,
        map_places.speeds_of(held),
    )  # fmt: skip
    told = map_tables.compute(
        cfg.tables, fitted, inputs, places, whose, threads=threads, progress=progress
    )
    remarks = [*inputs.remarks, *told.remarks]
    if places.on > 0 and places.sure < _FEW:
        remarks.append(
            f"only {places.sure:.0%} of the frames have a sure place, so these recordings are "
            "unlike those of the map; see placement_ok, and think of a map of their own"
        )
    noted = provenance.record(
        stage="apply-map", inputs=known.inputs, **fit_map.judged(fitted, places)
    )
    remarks += map_report.finish(
        out, cfg, cfg.groups, fitted, inputs, places, told, whose,
        sentence=f"The map was made of other recordings: {known.path.parent.name}.",
        remarks=remarks, provenance=noted,
    )  # fmt: skip
    syllable_files.finish(out, made, {**noted, "remarks": [*fit_map.off(places), *remarks]})
    return summary(out)


def place(
    cfg: ApplyConfig,
    model: Path,
    sources: list[Path],
    out: Path,
    share: Share,
    *,
    animals: Path | None = None,
    threads: int = 0,
    progress: Progress = silent,
) -> list[str]:
    """Place a share of the recordings for `run` to go on with, and return their names."""
    known = _opened(cfg, model, sources, animals)
    if syllable_files.finished(out, known.made):
        return []
    inputs = _inputs(known, sources)
    map_animals.read(animals, cfg.groups.factor, inputs.names)
    names = list(share.every(inputs.names))
    _place(cfg, known, inputs, out, names, threads or cores(), progress)
    return names


class _Known(NamedTuple):
    """A map, and what is to be made with it."""

    model: BehaviorMap
    held: xr.Dataset  # all that the file of the map holds
    path: Path
    inputs: dict[str, str]  # hashes
    made: str


def _opened(cfg: ApplyConfig, model: Path, sources: list[Path], animals: Path | None) -> _Known:
    path = model / "model.nc" if model.is_dir() else model
    if model.is_dir() and not path.exists():
        raise InputError(f"{model} holds no map; give a finished run of gambol map or fit-map")
    fitted, held = map_places.read_model(path)
    hashed = {str(path): store.file_hash(path), **map_inputs.hashes(sources, animals)}
    return _Known(fitted, held, path, hashed, syllable_files.key("apply-map", cfg, hashed))


def _inputs(known: _Known, sources: list[Path]) -> Inputs:
    """Read recordings as those of the map were read."""
    prepared = PrepareSettings.model_validate_json(known.held.attrs["prepared"])
    inputs = map_inputs.read(sources, prepared)
    _check(inputs, known.held, known.model)
    return inputs


def _place(
    cfg: ApplyConfig, known: _Known, inputs: Inputs, out: Path, names: list[str] | None,
    threads: int, progress: Progress,
) -> None:  # fmt: skip
    """Place recordings: these, or all."""
    about = {"made_from": known.made, "fitted": str(known.path.resolve())}
    with map_inputs.nothing_left(out):
        syllable_files.begin(out, known.made)
        cfg.to_yaml(out / "settings.yaml")
        map_places.place(
            known.model, inputs, out, about, names=names, threads=threads, progress=progress
        )


def summary(out: Path) -> Applied:
    """Say what lies in the folder."""
    note = store.read_json(out / "provenance.json")
    return Applied(
        out, note["recordings"], note["frames"], note["regions"], note["on"], note["sure"],
        note["staying"], tuple(note["remarks"]),
    )  # fmt: skip


def describe(values: dict[str, Any]) -> str:
    """Say in a few lines what was found."""
    rows = [
        f"{values['out']}: {values['recordings']} recordings, {values['frames']} frames on a "
        f"map of {values['regions']} regions",
        f"{values['on']:.0%} of the frames are on the map, {values['sure']:.1%} of these at a "
        f"sure place, {values['staying']:.0%} in a stay",
    ]
    return "\n".join([*rows, *values["remarks"]])


def _check(inputs: Inputs, held: xr.Dataset, model: BehaviorMap) -> None:
    """Refuse recordings of which the map's spectra cannot be made."""
    if inputs.swings != bool(held.attrs["swings"]):
        had, asked = ("spectra", "series") if inputs.swings else ("series", "spectra")
        raise InputError(f"the map was made of {had}, these recordings are {asked}; give {had}")
    highest = float(model.fitted_.channels.frequencies.max())
    if inputs.swings and highest > inputs.fps / 2:
        raise InputError(
            f"{inputs.names[0]} has {inputs.fps:g} frames/s, which show at most "
            f"{inputs.fps / 2:g} Hz, and the map goes up to {highest:.3g} Hz; fit a map with "
            f"wavelets.f_max={inputs.fps / 2.5:g} or less to both"
        )

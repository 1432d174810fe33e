"""Stage `fit-map`: poses, or features, to a map of behaviour and its regions.

reads   sources                 pose files, raw or cleaned, 2D or 3D; or files of features
        animals                 optional: a table of recordings, their animals and groups
writes  out/model.nc            the fitted map: training frames, density, regions, settings
        out/places/NAME.nc      where every frame is: y, region, stay, speed, sureness
        out/regions.csv         a row a region: share, stays, what moves, which side, how firm
        out/*.csv               usage, stays, transitions, memory, hierarchy, clips, windows,
                                stability; with groups: groups
        out/spectra.nc          mean spectrogram of every region
        out/report.html         every figure, and what it says
"""

import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gambol.behavior import wavelets
from gambol.behavior.behavior_map import BehaviorMap
from gambol.behavior.dwell import DwellSettings
from gambol.behavior.map_settings import MapSettings
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.core.shares import Share
from gambol.io import provenance, store
from gambol.multiview.windows import cores
from gambol.stages import (
    map_animals,
    map_inputs,
    map_places,
    map_report,
    map_stability,
    map_tables,
    syllable_files,
)
from gambol.stages.map_animals import GroupSettings
from gambol.stages.map_inputs import Inputs, PrepareSettings
from gambol.stages.map_places import Places
from gambol.stages.map_stability import StabilityConfig
from gambol.stages.map_tables import TableSettings

_MANY = 0.5  # share of the frames on the map below which a word is due


class FitConfig(PrepareSettings, MapSettings):
    """Settings of the stage: how poses are prepared, the map, and what is told of it."""

    stays: DwellSettings = DwellSettings()
    stability: StabilityConfig = StabilityConfig()
    tables: TableSettings = TableSettings()
    groups: GroupSettings = GroupSettings()

    def model_settings(self) -> MapSettings:
        """Return the settings of the map alone."""
        return MapSettings(**{name: getattr(self, name) for name in MapSettings.model_fields})

    def prepare_settings(self) -> PrepareSettings:
        """Return how poses are prepared."""
        names = PrepareSettings.model_fields
        return PrepareSettings(**{name: getattr(self, name) for name in names})


class Fitted(NamedTuple):
    """What was found."""

    run: Path
    recordings: int
    frames: int
    regions: int
    on: float  # share of the frames that are on the map
    sure: float  # share of these that have a sure place
    staying: float  # share of these in which the animal stays in a region
    stability: float  # adjusted Rand index of half-sample maps; NaN where not measured
    remarks: tuple[str, ...]


def run(
    cfg: FitConfig,
    sources: list[Path],
    out: Path,
    *,
    animals: Path | None = None,
    threads: int = 0,
    progress: Progress = silent,
) -> Fitted:
    """Make a map, unless `out` holds just this one; a run that was killed goes on.

    Args:
        cfg: settings.
        sources: files, folders or patterns.
        out: folder of the run.
        animals: CSV with a row a recording: recording, animal, and a column of groups.
        threads: that work side by side; 0 is all cores. They change no bit of the result.
        progress: told of every step's own steps.
    """
    threads = threads or cores()
    hashed = map_inputs.hashes(sources, animals)
    made = syllable_files.key("fit-map", cfg, hashed)
    if syllable_files.finished(out, made):
        progress(Step("fit-map", 1, 1, out.name))
        return summary(out)
    inputs = map_inputs.read(sources, cfg.prepare_settings())
    whose = map_animals.read(animals, cfg.groups.factor, inputs.names)
    model = _model(cfg, inputs, out, made, hashed, threads, progress)
    about = {"made_from": made}
    map_places.place(model, inputs, out, about, threads=threads, progress=progress)
    places = map_places.stay(cfg.stays, model, inputs, out)
    if not (out / "model.nc").exists():
        held = store.read_dataset(out / "checkpoint.nc")
        store.write_dataset(map_places.with_speeds(held, places.speeds), out / "model.nc")
    told = map_tables.compute(
        cfg.tables, model, inputs, places, whose, threads=threads, progress=progress
    )
    found, sentence = map_stability.measure(
        cfg.stability, model, out / "halves", threads=threads, progress=progress
    )
    if found is not None:
        told = told._replace(regions=told.regions.assign(found_again=found.found))
        map_stability.write(found, out / "stability.csv")
    remarks = [*inputs.remarks, *model.notes_, *told.remarks]
    noted = provenance.record(
        stage="fit-map", inputs=hashed, **judged(model, places),
        stability=float("nan") if found is None else float(found.rand.mean()),
    )  # fmt: skip
    remarks += map_report.finish(
        out, cfg, cfg.groups, model, inputs, places, told, whose, sentence=sentence,
        remarks=remarks, provenance=noted,
    )  # fmt: skip
    (out / "checkpoint.nc").unlink(missing_ok=True)
    shutil.rmtree(out / "halves", ignore_errors=True)
    syllable_files.finish(out, made, {**noted, "remarks": [sentence, *off(places), *remarks]})
    return summary(out)


def place(
    cfg: FitConfig,
    sources: list[Path],
    out: Path,
    share: Share,
    *,
    animals: Path | None = None,
    threads: int = 0,
    progress: Progress = silent,
) -> list[str]:
    """Place a share of the recordings, and leave them for `run` to go on with.

    The map itself is made by the share that comes first, on all cores, while others wait.

    Args:
        cfg: settings.
        sources: files, folders or patterns.
        out: folder of the run, the same for all shares.
        share: which recordings.
        animals: CSV with a row a recording.
        threads: that place side by side; 0 is all cores.
        progress: told of every step's own steps.

    Returns:
        names of the recordings.
    """
    hashed = map_inputs.hashes(sources, animals)
    made = syllable_files.key("fit-map", cfg, hashed)
    if syllable_files.finished(out, made):
        return []
    inputs = map_inputs.read(sources, cfg.prepare_settings())
    map_animals.read(animals, cfg.groups.factor, inputs.names)
    names = list(share.every(inputs.names))
    if names:
        with syllable_files.alone(out, progress):
            model = _model(cfg, inputs, out, made, hashed, cores(), progress)
        map_places.place(
            model, inputs, out, {"made_from": made}, names=names, threads=threads or cores(),
            progress=progress,
        )  # fmt: skip
    return names


def judged(model: BehaviorMap, places: Places) -> dict[str, Any]:
    """Return what a map makes of recordings, in numbers."""
    stay = np.concatenate(places.stay)
    return {
        "recordings": len(places.names),
        "frames": len(stay),
        "regions": len(model.regions_.mass),
        "on": places.on,
        "sure": places.sure,
        "staying": float((stay > 0).sum() / max(1, (stay >= 0).sum())),
    }


def off(places: Places) -> list[str]:
    """Say why many frames are off the map, if they are."""
    if places.on >= _MANY or not len(places.amplitude):
        return []
    worst = sorted(places.masked.items(), key=lambda pair: -pair[1])[:3]
    lost = ", ".join(f"{name} in {share:.0%}" for name, share in worst)
    return [
        f"only {places.on:.0%} of the frames are on the map; those without a spectrum of every "
        f"part are off ({lost} of the frames); --leave-out some, or raise wavelets.f_min"
    ]


def summary(out: Path) -> Fitted:
    """Say what lies in the folder of a finished run."""
    note = store.read_json(out / "provenance.json")
    return Fitted(
        out, note["recordings"], note["frames"], note["regions"], note["on"], note["sure"],
        note["staying"], syllable_files.number(note["stability"]), tuple(note["remarks"]),
    )  # fmt: skip


def describe(values: dict[str, Any]) -> str:
    """Say in a few lines what was found."""
    rows = [
        f"{values['run']}: {values['regions']} regions, from {values['recordings']} recordings "
        f"({values['frames']} frames)",
        f"{values['on']:.0%} of the frames are on the map, {values['sure']:.1%} of these at a "
        f"sure place, {values['staying']:.0%} in a stay",
    ]
    return "\n".join([*rows, *values["remarks"], f"read {values['run']}/report.html first"])


def _settings(cfg: FitConfig, inputs: Inputs) -> MapSettings:
    """Return the settings of the map, said in full, so that other rates get the same ones."""
    settings = cfg.model_settings()
    if not inputs.swings:
        return settings
    highest = float(wavelets.frequencies(settings.wavelets, inputs.fps)[-1])
    own = settings.wavelets.model_copy(update={"f_max": highest})
    return settings.model_copy(update={"wavelets": own})


def _model(
    cfg: FitConfig, inputs: Inputs, out: Path, made: str, hashed: dict[str, str],
    threads: int, progress: Progress,
) -> BehaviorMap:  # fmt: skip
    """Return the map that is there already, or fit it."""
    with map_inputs.nothing_left(out):
        syllable_files.begin(out, made)
        for name in ("model.nc", "checkpoint.nc"):
            if (out / name).exists():
                return map_places.read_model(out / name)[0]
        cfg.to_yaml(out / "settings.yaml")
        model = _fitted(_settings(cfg, inputs), inputs, threads, progress)
    about = {
        "made_from": made, "prepared": inputs.prepared.model_dump_json(),
        "stays": cfg.stays.model_dump_json(), "swings": int(inputs.swings),
        "fps": inputs.fps, "inputs": json.dumps(hashed),
        "versions": json.dumps(provenance.record()["versions"]),
    }  # fmt: skip
    store.write_dataset(model.to_dataset().assign_attrs(about), out / "checkpoint.nc")
    return model


def _fitted(
    settings: MapSettings, inputs: Inputs, threads: int, progress: Progress
) -> BehaviorMap:
    chosen = {name: getattr(settings, name) for name in MapSettings.model_fields}
    model = BehaviorMap(**chosen)
    try:
        model.fit(inputs.recordings, threads=threads, progress=progress)
    except InputError as error:  # mostly for want of frames, and this is why they lack
        raise InputError("; ".join([str(error), *inputs.absent[:3]])) from error
    return model

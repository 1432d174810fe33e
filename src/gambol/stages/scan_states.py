"""Stage `scan-states`: many fits of the model of states, and which of them to use.

reads   sources             recordings of syllables
writes  out/fits/HASH/      one folder a fit: model.nc, states.nc, row.json
        out/table.csv       a line a fit
        out/choice.json     what the rules say, with their reasons
        out/report.html     every figure of the scan
"""

import json
import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from gambol.behavior import gibbs, scan
from gambol.behavior.state_settings import StateSettings
from gambol.behavior.states import StateModel
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.core.sequences import Sequences
from gambol.core.shares import Share
from gambol.io import provenance, state_courses, store
from gambol.multiview.windows import cores
from gambol.stages import mutual_information, scan_report, state_chain, syllable_files
from gambol.stages.workers import end_with_parent

PARTS = ("values", "valid", "offsets")  # of packed recordings


class ScanConfig(StateSettings):
    """Settings of the stage: those of the model, and the values that are tried."""

    fps: float | None = Field(default=None, gt=0)  # where the files do not say it
    label: str = "syllable"  # column, dataset or variable of the labels
    kappas: tuple[
        PositiveFloat, ...
    ] = ()  # trans_kappa; none: 6 around the share of `per_frame`
    per_frame: tuple[PositiveFloat, PositiveFloat] = (0.02, 0.35)
    # least and most of trans_kappa over the number of frames, where no kappas are given
    states: tuple[PositiveInt, ...] = ()  # n_states that are tried; none: the one set above
    seeds: PositiveInt = 5  # fits of each; agreement of seeds chooses the number of states
    held_out: float = Field(default=0.0, ge=0, lt=0.9)
    # share of the recordings that no fit sees and all are scored on
    checkpoint_s: PositiveFloat = 60.0  # a fit that is killed loses no more than this
    lags: mutual_information.InformationConfig = mutual_information.InformationConfig()
    seed: NonNegativeInt = 0  # first of the seeds; also draws what is held out

    @model_validator(mode="after")
    def _of_many_fits(self) -> "ScanConfig":
        """Refuse what belongs to one fit, and would have no effect here."""
        for name, instead in (("trans_kappa", "kappas"), ("random_state", "seed")):
            if getattr(self, name) != StateSettings.model_fields[name].default:
                raise ValueError(f"a scan tries many values of {name}; give {instead}")
        if self.init == "given":
            raise ValueError("init: given is for one fit; give usage, blocks or uniform")
        syllable_files.said_above(self, "lags", ("fps", "label", "n_syllables"))
        return self


class Scanned(NamedTuple):
    """What was found."""

    out: Path
    fits: int
    failed: int
    trans_kappa: float
    n_states: int
    run: Path  # of the chosen fit
    reasons: tuple[str, ...]


class Job(NamedTuple):
    """One fit, as a worker takes it."""

    settings: dict[str, Any]
    folder: str
    packed: str
    checkpoint_s: float


def run(
    cfg: ScanConfig,
    sources: list[Path],
    out: Path,
    *,
    workers: int = 0,
    progress: Progress = silent,
) -> Scanned:
    """Fit all that is missing in `out`, then compare.

    Args:
        cfg: settings.
        sources: files, folders or patterns of syllables.
        out: folder; a scan that was killed goes on there.
        workers: processes; 0 is one a core.
        progress: told of every fit.
    """
    inputs = syllable_files.hashes(sources)
    made = syllable_files.key("scan-states", cfg, inputs)
    if syllable_files.finished(out, made):
        progress(Step("scan-states", 1, 1, out.name))
        return summary(out)
    plan = _begin(cfg, sources, out, made)
    failed = _fit_all(plan, plan.folders, workers or cores(), progress)
    told = mutual_information.measure(cfg.lags, plan.whole)
    store.write_dataset(told, out / "mutual_information.nc")
    about = provenance.record(stage="scan-states", inputs=inputs)
    found = _compare(cfg, out, list(plan.folders), plan.halves.fit, told, failed, about)
    plan.packed.unlink(missing_ok=True)
    syllable_files.finish(out, made, {**about, **found})
    return summary(out)


class Fitted(NamedTuple):
    """What became of a share of the fits."""

    out: Path
    fits: int  # of this share
    failed: tuple[str, ...]  # what was said against some


def fit(
    cfg: ScanConfig,
    sources: list[Path],
    out: Path,
    share: Share,
    *,
    workers: int = 0,
    progress: Progress = silent,
) -> Fitted:
    """Do a share of the fits, and leave them for `run` to compare.

    Args:
        cfg: settings.
        sources: files, folders or patterns of syllables.
        out: folder, the same for all shares.
        share: which fits.
        workers: processes; 0 is one a core.
        progress: told of every fit.
    """
    made = syllable_files.key("scan-states", cfg, syllable_files.hashes(sources))
    if syllable_files.finished(out, made):
        return Fitted(out, 0, ())
    plan = _begin(cfg, sources, out, made)
    mine = share.every(plan.folders)
    failed = _fit_all(plan, mine, workers or cores(), progress)
    return Fitted(out, len(mine), tuple(failed.values()))


class _Plan(NamedTuple):
    """What a scan does."""

    whole: Sequences
    halves: scan.Halves
    grid: tuple[StateSettings, ...]
    folders: tuple[Path, ...]  # of the fits, one for each setting
    packed: Path  # the recordings, for all workers
    checkpoint_s: float


def _begin(cfg: ScanConfig, sources: list[Path], out: Path, made: str) -> _Plan:
    """Open the folder, and say what is to be fitted."""
    whole = syllable_files.read(sources, cfg.fps, cfg.label, cfg.n_syllables).sequences
    halves = scan.halves(whole, cfg.held_out, cfg.seed)
    mutual_information.lags_of(cfg.lags, whole)  # refuses now, not after the last fit
    syllable_files.begin(out, made)
    cfg.to_yaml(out / "settings.yaml")
    packed = out / "packed.npz"
    if not packed.exists():
        _pack(halves, packed)
    grid = tuple(scan.grid(_base(cfg, whole), *_values(cfg, halves.fit)))
    folders = tuple(out / "fits" / settings.fingerprint() for settings in grid)
    return _Plan(whole, halves, grid, folders, packed, cfg.checkpoint_s)


def fit_one(job: Job) -> None:
    """Do one fit; everything that another process needs to know of it is on disk then."""
    folder = Path(job.folder)
    folder.mkdir(parents=True, exist_ok=True)
    settings = StateSettings.from_values(job.settings, job.folder)
    halves = _unpack(Path(job.packed))
    begun = time.process_time()
    checkpoint = folder / "checkpoint.nc"
    data = gibbs.prepare(settings, halves.fit)
    chain = state_chain.grow(settings, data, checkpoint, seconds=job.checkpoint_s)
    model = StateModel(**settings.model_dump()).take(chain, data.seq)
    row = scan.row(model, scan.Halves(data.seq, halves.held_out), time.process_time() - begun)
    store.write_dataset(model.to_dataset(), folder / "model.nc")
    _write_states(chain.states, folder / "states.npz")
    store.write_json(store.nulls({**row, "fit": folder.name}), folder / "row.json")
    checkpoint.unlink(missing_ok=True)


def states_of(folder: Path, like: Sequences, n_states: int) -> Sequences:
    """Return the states that a fit drew last."""
    with np.load(folder / "states.npz") as held:
        return like._replace(values=held["states"], size=n_states)


def summary(out: Path) -> Scanned:
    """Say what lies in the folder of a finished scan."""
    note = store.read_json(out / "provenance.json")
    return Scanned(
        out, note["fits"], note["failed"], note["trans_kappa"], note["n_states"],
        out / "fits" / note["fit"], tuple(note["reasons"]),
    )  # fmt: skip


def describe(values: dict[str, Any]) -> str:
    """Say in a few lines what to use."""
    rows = [f"{values['out']}: {values['fits']} fits, {values['failed']} failed"]
    rows += values["reasons"]
    rows.append(
        f"use: gambol fit-states … --set trans_kappa={values['trans_kappa']:g} "
        f"--set n_states={values['n_states']}; or the fit in {values['run']}"
    )
    return "\n".join(rows)


def _base(cfg: ScanConfig, whole: Sequences) -> StateSettings:
    """Settings of the model, with as many syllables as all recordings together have."""
    values = {name: getattr(cfg, name) for name in StateSettings.model_fields}
    return StateSettings(**{**values, "n_syllables": whole.size})


def _values(cfg: ScanConfig, fit: Sequences) -> tuple[list[float], list[int], list[int]]:
    """The values of stickiness, number of states and seed that are tried."""
    frames = int(fit.offsets[-1])
    kappas = cfg.kappas or tuple(
        float(f"{kappa:.3g}") for kappa in np.geomspace(*cfg.per_frame, 6) * frames
    )
    return (
        list(dict.fromkeys(kappas)),
        list(dict.fromkeys(cfg.states or (cfg.n_states,))),
        list(range(cfg.seed, cfg.seed + cfg.seeds)),
    )


def _fit_all(
    plan: _Plan, wanted: Sequence[Path], workers: int, progress: Progress
) -> dict[str, str]:
    """Fit what is wanted and missing; return what went wrong, by folder."""
    jobs = [
        Job(settings.model_dump(), str(folder), str(plan.packed), plan.checkpoint_s)
        for settings, folder in zip(plan.grid, plan.folders, strict=True)
        if folder in wanted and not (folder / "row.json").exists()
    ]
    failed: dict[str, str] = {}
    total = len(wanted)
    done = total - len(jobs)
    progress(Step("scan-states", done, total, "fit"))
    for job, error in _each(jobs, workers):
        done += 1
        if error is not None:
            failed[job.folder] = error
        progress(Step("scan-states", done, total, Path(job.folder).name))
    return failed


def _each(jobs: list[Job], workers: int) -> Iterator[tuple[Job, str | None]]:
    """Do jobs; one that fails, or takes its process with it, does not stop the others."""
    if workers == 1 or len(jobs) <= 1:
        for job in jobs:
            yield job, _attempt(job)
        return
    context = multiprocessing.get_context("spawn")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    many = min(workers, len(jobs))
    with ProcessPoolExecutor(many, mp_context=context, initializer=end_with_parent) as pool:
        running: dict[Future[str | None], Job] = {
            pool.submit(_attempt, job): job for job in jobs
        }
        while running:
            ended, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                job = running.pop(future)
                lost = future.exception()
                yield job, future.result() if lost is None else f"its process died: {lost}"


def _attempt(job: Job) -> str | None:
    """Fit; return what was said against it."""
    try:
        fit_one(job)
    except (InputError, ValueError, ArithmeticError, np.linalg.LinAlgError) as error:
        return f"{type(error).__name__}: {error}"
    return None


def _compare(
    cfg: ScanConfig,
    out: Path,
    folders: list[Path],
    fit: Sequences,
    told: xr.Dataset,
    failed: dict[str, str],
    about: dict[str, Any],
) -> dict[str, Any]:
    """Make the table, ask the rules, draw the report; return what is worth remembering."""
    rows = [store.read_json(f / "row.json") for f in folders if (f / "row.json").exists()]
    if not rows:
        raise InputError(
            f"{out}: every fit failed; the first said: {next(iter(failed.values()))}"
        )
    table = pd.DataFrame(rows)
    table = table.astype({"held_out": float, "median_s": float})  # null: no such number
    state_courses.write_table(table, out / "table.csv")
    runs = [out / "fits" / row["fit"] for row in rows]
    labels = [
        states_of(run, fit, int(row["n_states"])) for run, row in zip(runs, rows, strict=True)
    ]
    low, high = float(told["markov_chance_lag_s"]), float(told["chance_lag_s"])
    kappa = scan.choose_kappa(table, low, high)
    alike = scan.agreement_by_states(table, labels, kappa.value)
    states = scan.choose_states(alike)
    n_states = int(table["n_states"].max()) if states.value is None else int(states.value)
    own = np.isclose(table["trans_kappa"], kappa.value) & (table["n_states"] == n_states)
    best = scan.choose_run(table[own], alike[n_states])
    reasons = [kappa.why, states.why, best.why]
    reasons += [f"{Path(folder).name} failed: {why}" for folder, why in failed.items()]
    chosen = {
        "trans_kappa": float(kappa.value), "n_states": n_states, "row": int(best.value),
        "fit": str(table["fit"][best.value]), "reasons": reasons,
    }  # fmt: skip
    store.write_json(chosen, out / "choice.json")
    chains = [store.read_dataset(run / "model.nc")["trace"].values.sum(axis=1) for run in runs]
    scan_report.write(
        out / "report.html", cfg, table, labels, chains, told, alike, chosen,
        failed=failed, provenance=about,
    )  # fmt: skip
    return {"fits": len(rows), "failed": len(failed), **chosen}


def _pack(halves: scan.Halves, path: Path) -> None:
    """Write the recordings once, for all workers."""
    held: dict[str, Any] = {}
    for name, seq in (("fit", halves.fit), ("held_out", halves.held_out)):
        if seq is not None:
            held |= {
                f"{name}_values": seq.values, f"{name}_valid": seq.valid,
                f"{name}_offsets": seq.offsets,
                f"{name}_about": json.dumps([list(seq.names), seq.fps, seq.size]),
            }  # fmt: skip
    with store.atomic(path) as partial, partial.open("wb") as file:
        np.savez(file, **held)


def _unpack(path: Path) -> scan.Halves:
    found: list[Sequences | None] = []
    with np.load(path, allow_pickle=False) as held:
        for name in ("fit", "held_out"):
            if f"{name}_about" not in held:
                found.append(None)
                continue
            names, fps, size = json.loads(str(held[f"{name}_about"]))
            values, valid, offsets = (held[f"{name}_{part}"] for part in PARTS)
            found.append(Sequences(tuple(names), values, valid, offsets, fps, size))
    assert found[0] is not None
    return scan.Halves(found[0], found[1])


def _write_states(states: np.ndarray, path: Path) -> None:
    with store.atomic(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, states=states)

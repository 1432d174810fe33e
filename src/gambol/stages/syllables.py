"""Stage `syllables`: from poses to syllables in one go, with several seeds.

reads   sources                 pose files, or series; labels optional, as in fit-syllables
writes  out/fits/seed-N/        `fit-syllables` with each seed
        out/choice/             `select-syllables` among them
        out/learning/           held-out score against minutes of data
        out/model.nc            the model in use, and out/curves.csv of its fit
        out/syllables/NAME.nc   syllables of every recording, with latents and probabilities
        out/syllables.csv       the same, a row a frame; results.h5: for other programs
        out/*.csv               bouts, durations, usage
        out/report.html         every figure, and what it says
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pydantic import PositiveInt

from gambol.behavior import syllable_choice
from gambol.behavior.syllable_chain import Chain
from gambol.core.progress import Progress, Step, silent
from gambol.core.shares import Share
from gambol.io import provenance, store
from gambol.multiview.windows import cores
from gambol.stages import (
    fit_syllables,
    select_syllables,
    syllable_files,
    syllable_learning,
    syllable_models,
    syllable_noise,
    syllable_results,
    syllables_report,
)
from gambol.stages.fit_syllables import FitConfig, ModelConfig
from gambol.stages.syllable_inputs import Inputs
from gambol.stages.syllable_learning import LearningConfig
from gambol.stages.syllables_report import Learning, Seeds


class SyllablesConfig(ModelConfig):
    """Settings of the stage: those of each fit, and of what is done with fits."""

    seeds: PositiveInt = 5  # fits, from random_state on; 20 for publication
    learning: LearningConfig = LearningConfig()

    def every_seed(self) -> Sequence[int]:
        """Return the seeds of the fits."""
        return range(self.random_state, self.random_state + self.seeds)

    def fit(self, seed: int) -> FitConfig:
        """Return the settings of one of the fits."""
        held = {name: getattr(self, name) for name in ModelConfig.model_fields}
        return FitConfig(**{**held, "random_state": seed, "label": False})


class Told(NamedTuple):
    """What was found."""

    run: Path
    recordings: int
    frames: int
    syllables_used: int  # with 0.5 % of the frames or more
    median_s: float  # that a syllable lasts
    target_s: float
    best: str  # the fit in use
    agreement: float  # of it with the others (ARI); NaN with one seed
    unstable: int  # syllables that the others do not find
    remarks: tuple[str, ...]


def run(
    cfg: SyllablesConfig,
    sources: list[Path],
    out: Path,
    *,
    labels: Path | None = None,
    threads: int = 0,
    progress: Progress = silent,
) -> Told:
    """Do what is missing in `out`; each step goes on where it was killed.

    Args:
        cfg: settings.
        sources: files, folders or patterns.
        out: folder.
        labels: a project or label file that the noise is calibrated on.
        threads: that work side by side; 0 is all cores.
        progress: told of every step's own steps.
    """
    threads = threads or cores()
    inputs, made = fit_syllables.opened("syllables", cfg, sources, labels)
    if syllable_files.finished(out, made):
        progress(Step("syllables", 1, 1, out.name))
        return summary(out)
    cfg, found = fit_syllables.read(cfg, sources)
    told = fit_syllables.calibrated(cfg, found, labels)
    known = fit_syllables.calibration(told)
    ready = syllable_models.prepare(cfg.model_settings(), found, known)
    syllable_files.begin(out, made)
    cfg.to_yaml(out / "settings.yaml")
    runs = _fit_all(cfg, cfg.every_seed(), sources, out, labels, threads, progress)
    chosen, traces, seeds = _chosen(runs, out, threads, progress)
    model, held = syllable_models.read_model(chosen)
    for name in ("model.nc", *(["noise.csv"] if told is not None else []), "curves.csv"):
        store.write_bytes((chosen / name).read_bytes(), out / name)
    chain = syllable_models.read_chain(chosen / "chain.nc")
    seen = syllable_results.write(
        cfg.write, out, model, found, _sample(cfg, chosen, found, chain, known),
        {"made_from": made, "model": str(held["model"])}, threads=threads, progress=progress,
    )  # fmt: skip
    learned = _learned(cfg, found, out, known, threads, progress)
    remarks = _remarks(list(found.remarks), model.notes_, learned)
    if told is not None and (text := syllable_noise.remark(found)):
        remarks.append(text)
    syllables_report.write(
        out / "report.html", cfg, traces, seen, ready, chosen=chosen.name, seeds=seeds,
        learning=_curve(learned), noise=told, remarks=remarks,
    )  # fmt: skip
    _finish(cfg, out, made, inputs, found, seen, chosen, seeds, remarks)
    return summary(out)


def fit(
    cfg: SyllablesConfig,
    sources: list[Path],
    out: Path,
    share: Share,
    *,
    labels: Path | None = None,
    threads: int = 0,
    progress: Progress = silent,
) -> list[Path]:
    """Fit with a share of the seeds, and leave the fits for `run` to choose among.

    Args:
        cfg: settings.
        sources: files, folders or patterns.
        out: folder, the same for all shares.
        share: which seeds.
        labels: a project or label file that the noise is calibrated on.
        threads: that work side by side; 0 is all cores.
        progress: told of every step's own steps.
    """
    _, made = fit_syllables.opened("syllables", cfg, sources, labels)
    mine = share.every(cfg.every_seed())
    if syllable_files.finished(out, made) or not mine:
        return []
    cfg, _ = fit_syllables.read(cfg, sources)
    syllable_files.begin(out, made)
    return _fit_all(cfg, mine, sources, out, labels, threads or cores(), progress)


def _fit_all(
    cfg: SyllablesConfig,
    seeds: Sequence[int],
    sources: list[Path],
    out: Path,
    labels: Path | None,
    threads: int,
    progress: Progress,
) -> list[Path]:
    """Fit with every seed, and return the runs."""
    runs = [out / "fits" / f"seed-{seed}" for seed in seeds]
    for seed, run in zip(seeds, runs, strict=True):
        fit_syllables.run(
            cfg.fit(seed), sources, run, labels=labels, threads=threads, progress=progress
        )
    return runs


def _chosen(
    runs: list[Path], out: Path, threads: int, progress: Progress
) -> tuple[Path, dict[str, np.ndarray], Seeds | None]:
    """Return the run in use, the traces of all, and how they compare."""
    if len(runs) == 1:
        return (
            runs[0],
            {runs[0].name: syllable_models.read_chain(runs[0] / "chain.nc").trace},
            None,
        )
    picked = select_syllables.run(
        select_syllables.SelectConfig(), runs, out / "choice", threads=threads,
        progress=progress,
    )  # fmt: skip
    ordered = sorted(runs)
    chains, ranks = select_syllables.comparable(ordered)
    choice = syllable_choice.choose(chains, threads)
    traces = {path.name: chain.trace for path, chain in zip(ordered, chains, strict=True)}
    return picked.best, traces, select_syllables.seeds(ordered, ranks, choice)


def _sample(
    cfg: SyllablesConfig, chosen: Path, found: Inputs, chain: Chain, known: Any
) -> dict[str, np.ndarray]:
    """Return what the last sweep of the fit in use drew."""
    seed = int(chosen.name.removeprefix("seed-"))
    ready = syllable_models.prepare(cfg.fit(seed).model_settings(), found, known)
    return syllable_models.samples(ready.take(chain))


def _learned(
    cfg: SyllablesConfig, found: Inputs, out: Path, known: Any, threads: int, progress: Progress
) -> pd.DataFrame | None:
    if not cfg.learning.shares:
        return None
    return syllable_learning.run(
        cfg.learning, cfg.model_settings(), found, out / "learning", calibration=known,
        checkpoint_s=cfg.checkpoint_s, threads=threads, progress=progress,
    )  # fmt: skip


def _remarks(
    said: list[str], notes: tuple[str, ...], learned: pd.DataFrame | None
) -> list[str]:
    if learned is not None:
        last = learned.iloc[[-1]].assign(frames=1, points=1)
        said += [f"held out: {text}" for text in syllable_results.beaten(last)]
    return [*said, *notes]


def _curve(learned: pd.DataFrame | None) -> Learning | None:
    if learned is None:
        return None
    name = syllable_learning.column(learned)
    parts = [learned[n].to_numpy(float) for n in ("minutes", name)]
    parts += [learned[f"{name}_{n}"].to_numpy(float) for n in ("gaussian", "first_order")]
    unit = "nats a hidden keypoint" if name == "held_out" else "nats a frame"
    return Learning(parts[0], parts[1], parts[2], parts[3], unit)


def _finish(
    cfg: SyllablesConfig, out: Path, made: str, inputs: dict[str, str], found: Inputs,
    seen: Any, chosen: Path, seeds: Seeds | None, remarks: list[str],
) -> None:  # fmt: skip
    """Write what the whole came to."""
    best = 0 if seeds is None else seeds.best
    noted = provenance.record(
        stage="syllables", inputs=inputs, recordings=len(found.names), remarks=remarks,
        frames=sum(found.frames.values()), target_s=cfg.target_duration_s, best=chosen.name,
        agreement=float("nan") if seeds is None else float(seeds.agreement[best]),
        unstable=0 if seeds is None else _shaky(seen, seeds), **syllable_results.judged(seen),
    )  # fmt: skip
    syllable_files.finish(out, made, noted)


def _shaky(seen: Any, seeds: Seeds) -> int:
    share = np.bincount(seen.values[seen.valid], minlength=seen.size) / max(1, seen.valid.sum())
    return int((seeds.unstable & (share >= syllable_results.SHOWN)).sum())


def summary(out: Path) -> Told:
    """Say what lies in the folder."""
    note = store.read_json(out / "provenance.json")
    return Told(
        out, note["recordings"], note["frames"], note["syllables_used"],
        syllable_files.number(note["median_s"]), note["target_s"], note["best"],
        syllable_files.number(note["agreement"]), note["unstable"], tuple(note["remarks"]),
    )  # fmt: skip


def describe(values: dict[str, Any]) -> str:
    """Say in a few lines what was found."""
    rows = [
        f"{values['run']}: {values['syllables_used']} syllables with 0.5 % of the frames or "
        f"more, in {values['recordings']} recordings ({values['frames']} frames)",
        f"bouts last {values['median_s']:.3g} s (median; target {values['target_s']:g} s)",
    ]
    if np.isfinite(values["agreement"]):
        rows.append(
            f"{values['best']} is in use; agreement with the other seeds (ARI) "
            f"{values['agreement']:.3f}, {values['unstable']} unstable syllables"
        )
    rows += values["remarks"]
    return "\n".join([*rows, f"read {values['run']}/report.html first"])

"""Stage `fit-syllables`: poses, or series that are given, to a model of syllables.

reads   sources                 pose files, 2D or 3D; with `model: arhmm` series of numbers
        labels                  optional: labelled frames of the same videos, for the noise
writes  out/model.nc            the fitted model: parameters, body, noise, trace, settings
        out/chain.nc            the last sweep, from which select-syllables compares fits
        out/curves.csv          every sweep: log joint, durations, syllables in use, kappa
        out/noise.csv           with labels: errors seen and foretold, by confidence
        out/syllables/NAME.nc   syllables of every recording, with latents and probabilities
        out/syllables.csv       the same, a row a frame; results.h5: for other programs
        out/*.csv               bouts, durations, usage
        out/report.html         every figure, and what it says
"""

import json
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
import pandas as pd
from pydantic import Field, PositiveFloat, model_validator

from gambol.behavior import syllable_chain, syllable_plan
from gambol.behavior.clean import CleanSettings
from gambol.behavior.noise import Report
from gambol.behavior.slds_start import Calibration
from gambol.behavior.syllable_chain import Chain
from gambol.behavior.syllable_settings import DynamicsSettings, SyllableSettings
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.io import provenance, state_courses, store
from gambol.multiview.windows import cores
from gambol.stages import (
    body_ends,
    syllable_files,
    syllable_inputs,
    syllable_models,
    syllable_noise,
    syllable_results,
    syllables_report,
)
from gambol.stages.body_ends import Ends
from gambol.stages.syllable_inputs import Inputs
from gambol.stages.syllable_models import Ready
from gambol.stages.syllable_results import Written

CLEAN = CleanSettings(floor=0.0, gap_s=0.0)


class ModelConfig(SyllableSettings):
    """Settings of a model, and of what it is made from."""

    model: Literal["keypoints", "arhmm"] = "keypoints"
    # poses with noise; or series that are given, which only the dynamics are learned of
    clean: CleanSettings | None = CLEAN  # outliers, spikes and lost places go; null: all stays
    series: str = "latent"  # variable, dataset or columns of series that are given
    fps: float | None = Field(default=None, gt=0)  # of such series, where files do not say it
    checkpoint_s: PositiveFloat = 60.0  # a fit that is killed loses no more than this
    write: Written = Written()

    @model_validator(mode="after")
    def _of_use(self) -> "ModelConfig":
        """Refuse settings that would have no effect."""
        if self.clean is not None and self.clean.gap_s > 0:
            raise ValueError("clean.gap_s has no effect: no bridge is taken for a sighting")
        inner = set(SyllableSettings.model_fields) - set(DynamicsSettings.model_fields)
        names = sorted(inner | {"clean"}) if self.model == "arhmm" else ["series", "fps"]
        for name in names:
            if getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"{name} has no effect with model: {self.model}")
        return self

    def model_settings(self) -> DynamicsSettings:
        """Return the settings of the model alone."""
        kind = SyllableSettings if self.model == "keypoints" else DynamicsSettings
        return kind(**{name: getattr(self, name) for name in kind.model_fields})


Some = TypeVar("Some", bound=ModelConfig)


class FitConfig(ModelConfig):
    """Settings of the stage."""

    label: bool = True  # also label the recordings; without, the model and its chain are all


class Fitted(NamedTuple):
    """What was found."""

    run: Path
    recordings: int
    frames: int
    syllables_used: int  # with 0.5 % of the frames or more
    median_s: float  # that a syllable lasts
    target_s: float
    kappa: float
    log_joint: float
    remarks: tuple[str, ...]


def run(
    cfg: FitConfig,
    sources: list[Path],
    out: Path,
    *,
    labels: Path | None = None,
    threads: int = 0,
    progress: Progress = silent,
) -> Fitted:
    """Fit a model, unless `out` holds just this one; a run that was killed goes on.

    Args:
        cfg: settings.
        sources: files, folders or patterns.
        out: folder of the run.
        labels: a project or label file that the noise is calibrated on.
        threads: that work side by side; 0 is all cores. They change no bit of the result.
        progress: told of every sweep and file.
    """
    threads = threads or cores()
    inputs, made = opened("fit-syllables", cfg, sources, labels)
    if syllable_files.finished(out, made):
        progress(Step("fit-syllables", 1, 1, out.name))
        return summary(out)
    cfg, found = read(cfg, sources)
    told = calibrated(cfg, found, labels)
    ready = syllable_models.prepare(cfg.model_settings(), found, calibration(told))
    syllable_files.begin(out, made)
    cfg.to_yaml(out / "settings.yaml")
    remarks = list(found.remarks)
    if told is not None:
        state_courses.write_table(syllable_noise.table(told), out / "noise.csv")
        remarks += [text for text in (syllable_noise.remark(found),) if text]
    chain = syllable_models.grow(
        ready, out / "chain.nc", seconds=cfg.checkpoint_s, threads=threads, progress=progress
    )
    model, about = finish(cfg, ready, chain, out, made, inputs)
    remarks += model.notes_
    facts = {"syllables_used": int(chain.trace[-1, 3]), "median_s": lasting(chain, found.fps)}
    if cfg.label:
        seen = syllable_results.write(
            cfg.write, out, model, found, syllable_models.samples(model), about,
            threads=threads, progress=progress,
        )  # fmt: skip
        facts |= syllable_results.judged(seen)
        syllables_report.write(
            out / "report.html", cfg, {out.name: chain.trace}, seen, ready, noise=told,
            remarks=remarks,
        )  # fmt: skip
    noted = provenance.record(
        stage="fit-syllables", inputs=inputs, remarks=remarks, recordings=len(found.names),
        frames=sum(found.frames.values()), kappa=model.kappa_, target_s=cfg.target_duration_s,
        log_joint=float(chain.trace[-1, 1]), **facts,
    )  # fmt: skip
    syllable_files.finish(out, made, noted)
    return summary(out)


def opened(
    stage: str, cfg: ModelConfig, sources: list[Path], labels: Path | None
) -> tuple[dict[str, str], str]:
    """Return the hashes of the inputs, and the word that says what a result is made from."""
    inputs = syllable_inputs.hashes(sources, cfg.model == "arhmm")
    if labels is not None:
        if cfg.model == "arhmm":
            raise InputError("labels are of keypoints; leave them out with model: arhmm")
        file = labels / "project.db" if labels.is_dir() else labels
        inputs[str(labels)] = store.file_hash(file) if file.exists() else "folder"
    return inputs, syllable_files.key(stage, cfg, inputs)


def read(cfg: Some, sources: list[Path]) -> tuple[Some, Inputs]:
    """Read what the model is made of; ends of the animal that are not named are guessed."""
    if cfg.model == "arhmm":
        return cfg, syllable_inputs.read_series(sources, cfg.series, cfg.fps)
    found = syllable_inputs.read_poses(sources, cfg.clean)
    if cfg.anterior and cfg.posterior:
        return cfg, found
    guessed = body_ends.guess(found.tracks[found.names[0]].skeleton.keypoints)
    ends = Ends(cfg.anterior or guessed.anterior, cfg.posterior or guessed.posterior)
    remarks = (*found.remarks, body_ends.told(ends))
    return cfg.model_copy(update=ends._asdict()), found._replace(remarks=remarks)


def calibrated(cfg: ModelConfig, found: Inputs, labels: Path | None) -> Report | None:
    """Calibrate the noise, if there are labels."""
    return None if labels is None else syllable_noise.calibrate(found, labels, cfg.noise_dof)


def calibration(told: Report | None) -> Calibration | None:
    """Return what a report found."""
    return None if told is None else told.calibration


def finish(
    cfg: ModelConfig, ready: Ready, chain: Chain, out: Path, made: str, inputs: dict[str, str]
) -> tuple[syllable_models.Model, dict[str, Any]]:
    """Write model and curves of a chain; return the model and what files say of it."""
    model = ready.take(chain)
    about = {
        "made_from": made, "model": cfg.model, "series": cfg.series,
        "clean": "" if cfg.clean is None else cfg.clean.model_dump_json(),
        "inputs": json.dumps(inputs), "versions": json.dumps(provenance.record()["versions"]),
    }  # fmt: skip
    store.write_dataset(model.to_dataset().assign_attrs(about), out / "model.nc")
    state_courses.write_table(curves(chain.trace, ready.data.fps), out / "curves.csv")
    return model, {key: about[key] for key in ("made_from", "model")}


def curves(trace: np.ndarray, fps: float) -> pd.DataFrame:
    """Return what every sweep said, a row each."""
    table = pd.DataFrame(trace, columns=list(syllable_chain.TRACE))
    table.insert(0, "sweep", np.arange(1, len(trace) + 1))
    table["median_s"] = table["median_frames"] / fps
    table["used_states"] = table["used_states"].astype(int)
    table["phase"] = [syllable_plan.KINDS[int(k)] for k in table["phase"]]
    return table


def lasting(chain: Chain, fps: float) -> float:
    """Return how long bouts last in the last half of the final run, s."""
    changed = np.flatnonzero(np.diff(chain.trace[:, 5]))
    own = chain.trace[int(changed[-1]) + 1 if len(changed) else 0 :, 2]
    late = own[len(own) // 2 :]
    known = late[np.isfinite(late)]
    return float(np.median(known) / fps) if len(known) else float("nan")


def summary(run: Path) -> Fitted:
    """Say what lies in the folder of a finished run."""
    note = store.read_json(run / "provenance.json")
    return Fitted(
        run, note["recordings"], note["frames"], note["syllables_used"],
        syllable_files.number(note["median_s"]), note["target_s"], note["kappa"],
        note["log_joint"], tuple(note["remarks"]),
    )  # fmt: skip


def describe(values: dict[str, Any]) -> str:
    """Say in a few lines how the fit went."""
    rows = [
        f"{values['run']}: {values['syllables_used']} syllables with 0.5 % of the frames or "
        f"more, in {values['recordings']} recordings ({values['frames']} frames)",
        f"bouts last {values['median_s']:.3g} s (median; target {values['target_s']:g} s), "
        f"kappa {values['kappa']:.3g}, log joint {values['log_joint']:.6g}",
    ]
    return "\n".join(rows + list(values["remarks"]))

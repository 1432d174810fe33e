"""Stage `fit-states`: syllables to states that last seconds.

reads   sources               recordings of syllables
        given                 optional: states to begin with, files of the same names
writes  out/model.nc          the fitted model: parameters, kept sweeps, trace, settings
        out/states/NAME.nc    states of every recording: best path, shares, last sweep
        out/frames/NAME.csv   if `csv`: the same, a line a frame
        out/*.csv             bouts, durations, usage
        out/report.html       every figure, and what it says
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field, PositiveFloat, model_validator

from gambol.behavior import diagnose, gibbs, sequences
from gambol.behavior.gibbs import Data
from gambol.behavior.state_settings import StateSettings
from gambol.behavior.states import StateModel
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.core.sequences import Sequences, lengths
from gambol.io import provenance, store
from gambol.multiview.windows import cores
from gambol.stages import (
    mutual_information,
    state_chain,
    state_results,
    states_report,
    syllable_files,
)
from gambol.stages.state_results import Rare


class FitConfig(StateSettings):
    """Settings of the stage: those of the model, and what is written."""

    fps: float | None = Field(default=None, gt=0)  # where the files do not say it
    label: str = "syllable"  # column, dataset or variable of the labels
    checkpoint_s: PositiveFloat = 60.0  # a fit that is killed loses no more than this
    rare: Rare = Rare()  # states that are hardly used, in what is written
    csv: bool = False  # also a table of every frame, in frames/NAME.csv
    lags: mutual_information.InformationConfig = (
        mutual_information.InformationConfig()
    )  # of the report's first figure

    @model_validator(mode="after")
    def _said_once(self) -> "FitConfig":
        syllable_files.said_above(self, "lags", ("fps", "label", "n_syllables"))
        return self

    def model_settings(self) -> StateSettings:
        """Return the settings of the model alone."""
        return StateSettings(
            **{name: getattr(self, name) for name in StateSettings.model_fields}
        )


class Fitted(NamedTuple):
    """What was found."""

    run: Path
    recordings: int
    frames: int
    states_used: int  # with 2 % of the frames or more
    median_s: float  # that a state lasts
    log_probability: float
    converged: bool
    plateau: bool
    remarks: tuple[str, ...]


def run(
    cfg: FitConfig,
    sources: list[Path],
    out: Path,
    *,
    given: list[Path] | None = None,
    threads: int = 0,
    progress: Progress = silent,
) -> Fitted:
    """Fit a model, unless `out` holds just this one; a run that was killed goes on.

    Args:
        cfg: settings.
        sources: files, folders or patterns of syllables.
        out: folder of the run.
        given: states to begin with, for `init: given`: files with a label `state`.
        threads: that work side by side; 0 is all cores. They change no bit of the result.
        progress: told of every sweep and file.
    """
    threads = threads or cores()
    # labels and states may each have a label map of their own
    inputs = syllable_files.hashes(sources)
    inputs |= syllable_files.hashes(given) if given else {}
    made = syllable_files.key("fit-states", cfg, inputs)
    if syllable_files.finished(out, made):
        progress(Step("fit-states", 1, 1, out.name))
        return summary(out)
    seq = syllable_files.read(sources, cfg.fps, cfg.label, cfg.n_syllables).sequences
    settings = cfg.model_settings()
    data = gibbs.prepare(settings, seq)
    states = None if given is None else _given(given, seq)
    mutual_information.lags_of(cfg.lags, data.seq)  # refuses now, not after the last sweep
    syllable_files.begin(out, made)
    cfg.to_yaml(out / "settings.yaml")
    chain = state_chain.grow(
        settings, data, out / "checkpoint.nc", states=states, seconds=cfg.checkpoint_s,
        threads=threads, progress=progress,
    )  # fmt: skip
    model = StateModel(**settings.model_dump()).take(chain, data.seq)
    about = {"made_from": made, **facts(model, data)}
    known = {name: json.dumps(value) for name, value in origin(inputs).items()}
    store.write_dataset(model.to_dataset().assign_attrs(about | known), out / "model.nc")
    labels, remark = state_results.most_probable(cfg.rare, model, data.seq, threads)
    sample = {name: series.values for name, series in model.sample_.items()}
    state_results.write(
        out / "states", model, data.seq, labels, sample, about, progress, csv=cfg.csv
    )
    state_results.write_tables(labels, out)
    told = mutual_information.measure(cfg.lags, data.seq, threads)
    store.write_dataset(told, out / "mutual_information.nc")
    found = provenance.record(
        stage="fit-states", inputs=inputs, remark=remark, frames=int(data.seq.offsets[-1]),
        recordings=len(data.seq.names), **judged(model, labels),
    )  # fmt: skip
    states_report.write(
        out / "report.html", cfg, model, data, labels, told,
        remarks=[remark] if remark else [], provenance=found, threads=threads,
        progress=progress,
    )  # fmt: skip
    (out / "checkpoint.nc").unlink(missing_ok=True)
    syllable_files.finish(out, made, found)
    return summary(out)


def origin(inputs: dict[str, str]) -> dict[str, Any]:
    """Return what a model was made with: versions of the libraries, hashes of the files."""
    return {"versions": provenance.record()["versions"], "inputs": inputs}


def facts(model: StateModel, data: Data) -> dict[str, Any]:
    """Return what a reader of the model wants to know of its recordings."""
    frames = int(data.seq.offsets[-1])
    return {
        "recordings": list(data.seq.names),
        "frames": frames,
        "kappa_per_frame": model.settings.trans_kappa / max(1, frames),
    }


def judged(model: StateModel, labels: Sequences) -> dict[str, Any]:
    """Return how the fit went, in numbers; `labels` are the states of the best path."""
    used = diagnose.shares(labels.values[labels.valid].astype(np.int64), labels.size)
    return {
        "states_used": diagnose.effective_states(used),
        "median_s": sequences.median(sequences.durations(labels)),
        "log_probability": float(model.log_probability_.max()),
        "converged": model.converged_,
        "plateau": diagnose.plateau(model.log_probability_).reached,
    }


def summary(run: Path) -> Fitted:
    """Say what lies in the folder of a finished run."""
    note = store.read_json(run / "provenance.json")
    return Fitted(
        run, note["recordings"], note["frames"], note["states_used"],
        syllable_files.number(note["median_s"]), note["log_probability"], note["converged"],
        note["plateau"], tuple(remark for remark in (note["remark"],) if remark),
    )  # fmt: skip


def describe(values: dict[str, Any]) -> str:
    """Say in a few lines how the fit went."""
    rows = [
        f"{values['run']}: {values['states_used']} states with 2 % of the frames or more, in "
        f"{values['recordings']} recordings ({values['frames']} frames)",
        f"{state_results.lasting(values['median_s'])}; log probability "
        f"{values['log_probability']:.6g}",
    ]
    if not values["converged"]:
        rows.append("an optimisation inside the last sweep hit its limit; see the report")
    if not values["plateau"]:
        rows.append("the log probability still moves: fit with more iterations")
    return "\n".join(rows + list(values["remarks"]))


def _given(paths: list[Path], seq: Sequences) -> np.ndarray:
    """Return the states to begin with, of every frame, in the order of the recordings."""
    held = syllable_files.read(paths, seq.fps, "state").sequences
    if lost := sorted(set(seq.names) - set(held.names)):
        raise InputError(f"{paths[0]}: no given states for the recording {lost[0]!r}")
    parts = []
    for name, frames in zip(seq.names, lengths(seq), strict=True):
        r = held.names.index(name)
        begin, end = held.offsets[r], held.offsets[r + 1]
        if end - begin != frames:
            raise InputError(
                f"the given states of {name!r} have {end - begin} frames, its syllables "
                f"{frames}; give one for each"
            )
        parts.append(np.where(held.valid[begin:end], held.values[begin:end], 0))
    return np.concatenate(parts).astype(np.int64)

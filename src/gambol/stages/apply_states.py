"""Stage `apply-states`: a fitted model of states to recordings that it was not fitted to.

reads   model                 run folder of `fit-states`, or its model.nc
        sources               recordings of syllables, numbered as in the fit
writes  out/states/NAME.nc    states of every recording: best path, shares
        out/frames/NAME.csv   if `csv`: the same, a line a frame
        out/scores.csv        how well the model foretells every recording
        out/*.csv             bouts, durations, usage
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field

from gambol.behavior import sequences
from gambol.behavior.states import StateModel
from gambol.core.config import Config
from gambol.core.errors import InputError
from gambol.core.progress import Progress, Step, silent
from gambol.core.sequences import Sequences, resized
from gambol.io import provenance, state_courses, store
from gambol.multiview.windows import cores
from gambol.stages import state_results, syllable_files
from gambol.stages.state_results import Rare

STRANGE = 0.5  # share of the frames with unknown labels from which they are another model's
MODEL = ("trans_probs", "last_trans_probs", "trace", "kept_sweep", "history_state")


class ApplyConfig(Config):
    """Settings of the stage."""

    fps: float | None = Field(default=None, gt=0)  # where the files do not say it
    label: str = "syllable"  # column, dataset or variable of the labels
    rare: Rare = Rare()  # states that are hardly used, in what is written
    csv: bool = False  # also a table of every frame, in frames/NAME.csv


class Applied(NamedTuple):
    """What was found."""

    out: Path
    recordings: int
    frames: int
    nats_per_frame: float  # log evidence; the nearer to 0 the better
    median_s: float  # that a state lasts
    remarks: tuple[str, ...]


def run(
    cfg: ApplyConfig,
    model: Path,
    sources: list[Path],
    out: Path,
    *,
    threads: int = 0,
    progress: Progress = silent,
) -> Applied:
    """Find the states of recordings, unless `out` holds just these.

    Parameters stay as they are, so a recording gets the same states whenever, and with
    whatever others, it is asked for.
    """
    threads = threads or cores()
    path = model / "model.nc" if model.is_dir() else model
    inputs = {str(path): store.file_hash(path), **syllable_files.hashes(sources)}
    made = syllable_files.key("apply-states", cfg, inputs)
    if syllable_files.finished(out, made):
        progress(Step("apply-states", 1, 1, out.name))
        return summary(out)
    fitted = read_model(path)
    seq = syllable_files.read(sources, cfg.fps, cfg.label).sequences
    seq, strange = known(seq, fitted.n_syllables_)
    scores = fitted.score(seq, threads)  # refuses recordings of other rates
    syllable_files.begin(out, made)
    labels, remark = state_results.most_probable(cfg.rare, fitted, seq, threads)
    about = {"made_from": made, "model": str(path.resolve())}
    state_results.write(out / "states", fitted, seq, labels, {}, about, progress, csv=cfg.csv)
    state_results.write_tables(labels, out)
    state_courses.write_table(scores.to_dataframe().reset_index(), out / "scores.csv")
    found = provenance.record(
        stage="apply-states", inputs=inputs, remarks=[r for r in (remark, strange) if r],
        recordings=len(seq.names),
        frames=int(seq.offsets[-1]), nats_per_frame=float(scores.attrs["mean_per_frame"]),
        median_s=sequences.median(sequences.durations(labels)),
    )  # fmt: skip
    syllable_files.finish(out, made, found)
    return summary(out)


def known(seq: Sequences, size: int) -> tuple[Sequences, str]:
    """Leave out labels that a model of `size` labels was not fitted to; say how many."""
    strange = seq.valid & (seq.values >= size)
    share = float(strange.sum() / max(1, seq.valid.sum()))
    if share > STRANGE:
        raise InputError(
            f"{share:.0%} of the frames have labels from {size} on, which the model was not "
            "fitted to; give syllables of the model that it was fitted to"
        )
    told = f"{strange.sum()} frames have syllables that the model was not fitted to: left out"
    bare = seq._replace(values=np.where(strange, 0, seq.values), valid=seq.valid & ~strange)
    return resized(bare, size), told if strange.any() else ""


def read_model(path: Path) -> StateModel:
    """Read a fitted model."""
    held = store.read_dataset(path)
    if lost := [name for name in MODEL if name not in held]:
        raise InputError(
            f"{path} holds no model of states: it lacks {lost[0]}; give a run of "
            "gambol fit-states, or its model.nc"
        )
    return StateModel.from_dataset(held)


def summary(out: Path) -> Applied:
    """Say what lies in the folder."""
    note = store.read_json(out / "provenance.json")
    return Applied(
        out, note["recordings"], note["frames"], note["nats_per_frame"],
        syllable_files.number(note["median_s"]),
        tuple(note["remarks"]),
    )  # fmt: skip


def describe(values: dict[str, Any]) -> str:
    """Say in a few lines what was found."""
    rows = [
        f"{values['out']}: {values['recordings']} recordings, {values['frames']} frames; "
        f"{state_results.lasting(values['median_s'])}",
        f"log evidence {values['nats_per_frame']:.4f} nats a frame",
    ]
    return "\n".join(rows + list(values["remarks"]))

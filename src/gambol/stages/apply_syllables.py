"""Stage `apply-syllables`: a fitted model of syllables to recordings, new ones or its own.

reads   model                   run of fit-syllables, select-syllables or syllables; or model.nc
        sources                 poses, or series, of the kind that the model was fitted to
writes  out/syllables/NAME.nc   syllables of every recording, with latents and probabilities
        out/syllables.csv       the same, a row a frame; results.h5: for other programs
        out/scores.csv          how well the model foretells every recording, and its baselines
        out/*.csv               bouts, durations, usage
"""

from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field

from gambol.behavior.clean import CleanSettings
from gambol.core.config import Config
from gambol.core.progress import Progress, Step, silent
from gambol.io import provenance, store
from gambol.multiview.windows import cores
from gambol.stages import syllable_files, syllable_inputs, syllable_models, syllable_results
from gambol.stages.syllable_inputs import Inputs
from gambol.stages.syllable_results import Written


class ApplyConfig(Config):
    """Settings of the stage; how poses are cleaned is the model's to say."""

    fps: float | None = Field(default=None, gt=0)  # of series, where the files do not say it
    score: bool = True  # also say how well the model foretells the recordings
    write: Written = Written()


class Applied(NamedTuple):
    """What was found."""

    out: Path
    recordings: int
    frames: int
    syllables_used: int  # with 0.5 % of the frames or more
    median_s: float  # that a syllable lasts
    scores: tuple[str, ...]  # sentences
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
    """Label recordings, unless `out` holds just these; a run that was killed goes on.

    Parameters stay as they are, so a recording gets the same syllables whenever, and with
    whatever others, it is asked for.
    """
    threads = threads or cores()
    path = model / "model.nc" if model.is_dir() else model
    fitted, held = syllable_models.read_model(path)
    given = held["model"] == "arhmm"
    inputs = {str(path): store.file_hash(path), **syllable_inputs.hashes(sources, given)}
    made = syllable_files.key("apply-syllables", cfg, inputs)
    if syllable_files.finished(out, made):
        progress(Step("apply-syllables", 1, 1, out.name))
        return summary(out)
    found = read(held, sources, cfg.fps)
    said = syllable_models.score(fitted, found, threads) if cfg.score else None
    syllable_files.begin(out, made)
    about = {"made_from": made, "model": str(held["model"]), "fitted": str(path.resolve())}
    labels = syllable_results.write(
        cfg.write, out, fitted, found, {}, about, threads=threads, progress=progress
    )
    sentences: list[str] = []
    if said is not None:
        sentences = syllable_results.beaten(
            syllable_results.write_scores(said, out / "scores.csv")
        )
    noted = provenance.record(
        stage="apply-syllables", inputs=inputs, recordings=len(found.names),
        frames=sum(found.frames.values()), scores=sentences, remarks=list(found.remarks),
        **syllable_results.judged(labels),
    )  # fmt: skip
    syllable_files.finish(out, made, noted)
    return summary(out)


def read(held: dict[str, Any], sources: list[Path], fps: float | None) -> Inputs:
    """Read recordings as those of a model were read.

    Args:
        held: attributes of the model's file.
        sources: files, folders or patterns.
        fps: of series, where the files do not say it.
    """
    if held["model"] == "arhmm":
        return syllable_inputs.read_series(sources, str(held["series"]), fps)
    said = str(held["clean"])
    clean = CleanSettings.model_validate_json(said) if said else None
    return syllable_inputs.read_poses(sources, clean)


def summary(out: Path) -> Applied:
    """Say what lies in the folder."""
    note = store.read_json(out / "provenance.json")
    return Applied(
        out, note["recordings"], note["frames"], note["syllables_used"],
        syllable_files.number(note["median_s"]), tuple(note["scores"]), tuple(note["remarks"]),
    )  # fmt: skip


def describe(values: dict[str, Any]) -> str:
    """Say in a few lines what was found."""
    rows = [
        f"{values['out']}: {values['recordings']} recordings, {values['frames']} frames, "
        f"{values['syllables_used']} syllables with 0.5 % of the frames or more; bouts last "
        f"{values['median_s']:.3g} s (median)",
    ]
    return "\n".join([*rows, *values["scores"], *values["remarks"]])

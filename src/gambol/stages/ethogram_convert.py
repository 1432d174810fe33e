"""Stage `ethogram-convert`: bouts of behaviour from one program's file to another's.

reads   source   an ethogram of any format of `io.ethogram`, or a run: states, syllables, a map,
                 behaviours that a classifier found
writes  out      the same in another format, and beside it what that format cannot hold
"""

from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field

from gambol.core.config import Config
from gambol.core.errors import InputError, did_you_mean
from gambol.core.ethogram import Ethogram, select
from gambol.core.progress import Progress, Step, silent
from gambol.io import ethogram as io_ethogram
from gambol.io import syllables
from gambol.stages import compare_states, decisions, syllable_files

# what a run keeps, by the folder that it keeps it in
_LABELS = {"states": "state", "syllables": "syllable", "places": "stay"}


class ConvertConfig(Config):
    """Settings of the stage."""

    to: str | None = None  # format; null: by the suffix of the file to write
    fps: float | None = Field(default=None, gt=0)  # of the video, where the file does not say
    frames: int | None = Field(default=None, gt=0)  # of the video, where they matter
    recording: str | None = None
    # name of the recording, where the file has none; which one is kept, where it has several
    inclusive: bool | None = None  # whether stop frames belong to their bouts (MABe)
    repair: bool = False  # mend starts and stops without a partner, and say which
    label: str | None = None
    # of labels by frame: column, dataset or variable; null: what the run is of, else state
    sidecar: bool = True  # keep beside the file what its format cannot hold


class Converted(NamedTuple):
    """What was written."""

    files: tuple[Path, ...]
    format: str
    recordings: int
    bouts: int
    labels: tuple[str, ...]
    notes: tuple[str, ...]
    lost: tuple[str, ...]  # what the format does not hold; empty with a sidecar


def run(
    cfg: ConvertConfig, source: Path, out: Path, *, progress: Progress = silent
) -> Converted:
    """Convert.

    Args:
        cfg: settings.
        source: a file of bouts; or a run of states, of syllables or a map; or a folder of
            files with a label a frame, or one of them where `label` names it.
        out: the file to write.
        progress: told at the end.
    """
    if cfg.to is not None and cfg.to not in io_ethogram.FORMATS:
        names = ", ".join(io_ethogram.FORMATS)
        raise InputError(f"to: there is no format {cfg.to!r}; there are {names}")
    if out.exists() and out.resolve() == source.resolve():
        raise InputError(f"{out} is the file that is read; choose another --out")
    made, notes = _read(cfg, source)
    made = _chosen(cfg, made)
    lost = [] if cfg.sidecar or cfg.to is None else io_ethogram.losses(made, cfg.to)
    files = io_ethogram.write(made, out, cfg.to, beside=cfg.sidecar, inclusive=cfg.inclusive)
    progress(Step("ethogram-convert", 1, 1, out.name))
    return Converted(
        tuple(files), cfg.to or io_ethogram.detect(out), len(made.recordings),
        len(made.bouts), tuple(sorted(set(made.bouts["label"]))), tuple(notes), tuple(lost),
    )  # fmt: skip


def describe(values: dict[str, Any]) -> str:
    """Say what was written and what was lost."""
    rows = [
        f"{values['files'][0]}: {values['bouts']} bouts of {len(values['labels'])} labels in "
        f"{values['recordings']} recordings, as {values['format']}"
    ]
    rows += [f"beside it: {file}" for file in values["files"][1:]]
    rows += [f"note: {note}" for note in values["notes"]]
    return "\n".join(rows + [f"lost: {sentence}" for sentence in values["lost"]])


def _chosen(cfg: ConvertConfig, made: Ethogram) -> Ethogram:
    """Return the recording that is asked for, of several."""
    known = [str(name) for name in made.recordings["recording"]]
    if cfg.recording is None or known == [cfg.recording]:
        return made
    if cfg.recording not in known:
        hint = did_you_mean(cfg.recording, known) or f"; there are {', '.join(known)}"
        raise InputError(f"recording: there is no {cfg.recording!r}{hint}")
    return select(made, recording=cfg.recording)


def _read(cfg: ConvertConfig, source: Path) -> tuple[Ethogram, tuple[str, ...]]:
    if (source / "bouts.csv").is_file() and not any(
        (source / name).is_dir() for name in _LABELS
    ):
        source = source / "bouts.csv"  # of a classifier
    if source.is_dir() or cfg.label:
        if source.is_file() and source.suffix.lower() not in syllables.SUFFIXES:
            raise InputError(
                f"{source} holds bouts and no label a frame; leave label={cfg.label} out"
            )
        inside = [label for name, label in _LABELS.items() if (source / name).is_dir()]
        label = cfg.label or (inside or ["state"])[0]
        folder = compare_states.folder(source)
        made = decisions.ethogram(syllable_files.applied([folder], cfg.fps, label))
        if label == "stay":  # the animal was seen between stays, too, but did nothing known
            made = made._replace(bouts=made.bouts[made.bouts["label"] != "0"])
        return made, ()
    found = io_ethogram.read(
        source, fps=cfg.fps, frames=cfg.frames, recording=cfg.recording,
        inclusive=cfg.inclusive, repair=cfg.repair,
    )  # fmt: skip
    return found.ethogram, tuple(found.notes)

"""The states of recordings, written for every recording, and tables of what they are like."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from jaxtyping import Bool
from pydantic import Field

from gambol.behavior import sequences
from gambol.behavior.states import StateModel
from gambol.core.config import Config
from gambol.core.progress import Progress, Step
from gambol.core.sequences import Sequences, pack, recording, select
from gambol.io import state_courses


class Rare(Config):
    """What becomes of states that are hardly used; the model itself stays as it is."""

    do: Literal["keep", "mask", "reassign"] = "keep"
    # keep them; leave their frames without a state; give these the best path without them
    below: float = Field(default=0.01, ge=0, lt=1)  # share of the frames


def most_probable(
    rare: Rare, model: StateModel, seq: Sequences, threads: int = 1
) -> tuple[Sequences, str]:
    """Return the best path as labels, and one sentence about rare states."""
    whole = labels_of(model, seq, threads)
    if rare.do == "keep":
        return whole, ""

    def again(kept: Bool[np.ndarray, " K"]) -> Sequences:
        return labels_of(model, seq, threads, kept)

    done = sequences.drop_rare(
        whole, rare.below, reassign=again if rare.do == "reassign" else None
    )
    return done.sequences, str(done)


def labels_of(
    model: StateModel,
    seq: Sequences,
    threads: int = 1,
    among: Bool[np.ndarray, " K"] | None = None,
) -> Sequences:
    """Return the best path as labels, missing where syllables are."""
    found = model.predict(seq, threads, among=among)
    held = [found[name].values.astype(np.int64) for name in seq.names]
    labels = pack(held, seq.names, seq.fps, model.settings.n_states)
    return labels._replace(valid=seq.valid)


def write(
    folder: Path,
    model: StateModel,
    seq: Sequences,
    labels: Sequences,
    sample: Mapping[str, np.ndarray],
    attrs: Mapping[str, Any],
    progress: Progress,
    *,
    csv: bool = False,
) -> None:
    """Write a file a recording; those that are there already stay.

    Args:
        folder: of the files.
        model: fitted.
        seq: syllables.
        labels: states of the most probable path.
        sample: states of the last sweep, by recording; none for new recordings.
        attrs: what made them.
        progress: told of every file.
        csv: whether to write a table of every frame, too, into the folder `frames` beside.
    """
    folder.mkdir(exist_ok=True)
    for r, name in enumerate(seq.names):
        path = folder / f"{name}.nc"
        if not path.exists():
            values, valid = recording(seq, r)
            own, known = recording(labels, r)
            chance = model.predict_proba(select(seq, [name]))[name].values
            drawn = np.asarray(sample.get(name, np.full(len(values), -1)), np.int64)
            course = state_courses.build(
                np.where(valid, values.astype(np.int64), -1),
                drawn,
                np.where(known, own.astype(np.int64), -1),
                chance,
                seq.fps,
                dict(attrs),
            )
            if csv:
                state_courses.write_frames(course, folder.parent / "frames" / f"{name}.csv")
            state_courses.write(course, path)
        progress(Step("states", r + 1, len(seq.names), name))


def lasting(median_s: float) -> str:
    """Say how long states last.

    >>> lasting(4.5), lasting(float("nan"))
    ('a state lasts 4.5 s (median)', 'no state was seen to last and end')
    """
    if not np.isfinite(median_s):
        return "no state was seen to last and end"
    return f"a state lasts {median_s:.3g} s (median)"


def tables(labels: Sequences) -> dict[str, pd.DataFrame]:
    """Return bouts, durations and usage as tables."""
    by_frame, by_bout = (sequences.usage(labels, by) for by in ("frame", "bout"))
    usage = pd.DataFrame(
        {
            "label": np.arange(labels.size),
            "by_frame": by_frame.pooled,
            "by_frame_low": by_frame.interval[0],
            "by_frame_high": by_frame.interval[1],
            "by_bout": by_bout.pooled,
            "by_bout_low": by_bout.interval[0],
            "by_bout_high": by_bout.interval[1],
        }
    )
    each = pd.DataFrame(by_frame.by_recording, columns=range(labels.size))
    each.insert(0, "recording", list(labels.names))
    return {
        "bouts": sequences.bout_table(labels),
        "durations": sequences.duration_table(labels),
        "usage": usage,
        "usage_by_recording": each,
    }


def write_tables(labels: Sequences, folder: Path) -> None:
    """Write the tables as CSV."""
    for name, table in tables(labels).items():
        state_courses.write_table(table, folder / f"{name}.csv")

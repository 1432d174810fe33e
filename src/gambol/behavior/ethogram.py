"""Bouts of states and syllables as ethograms, ethograms as sequences, and time budgets."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float

from gambol.behavior.sequences import Bouts
from gambol.behavior.sequences import bouts as found_bouts
from gambol.core import tracks
from gambol.core.errors import InputError
from gambol.core.ethogram import Ethogram, build, labels
from gambol.core.ethogram_frames import Channel, dense
from gambol.core.sequences import MISSING, Sequences, lengths, pack, recording
from gambol.kernels.runs import runs


def bouts(
    sequences: Sequences | Mapping[str, xr.Dataset] | Mapping[str, xr.DataArray],
    names: Sequence[str] | None = None,
    *,
    subject: str = "",
    annotator: str = "",
    source: str = "automated",
    probability: Sequence[Float[np.ndarray, " _"]] | None = None,
) -> Ethogram:
    """Return the bouts of labels as an ethogram; frames without a label were not observed.

    Args:
        sequences: states or syllables of recordings; or what `predict` of syllables or of a
            map returns: one label a frame, by name of the recording.
        names: of the labels; without them their numbers.
        subject: who shows them.
        annotator: who or what said so.
        source: manual, automated or curated.
        probability: of the label of each frame, by recording; a bout has their mean.
    """
    if not isinstance(sequences, Sequences):
        sequences = _packed(sequences)
    words = [str(s) for s in range(sequences.size)] if names is None else list(names)
    if len(words) != sequences.size:
        raise InputError(f"{len(words)} names for {sequences.size} labels; give one for each")
    found = found_bouts(sequences)
    rows = pd.DataFrame(
        {
            "recording": np.array(sequences.names, dtype=object)[found.recording],
            "subject": subject,
            "label": np.array(words, dtype=object)[found.label],
            "start_frame": found.start,
            "stop_frame": found.stop,
            "probability": _means(sequences, found, probability),
            "source": source,
            "annotator": annotator,
        }
    )
    clocks = pd.DataFrame(
        {
            "recording": sequences.names,
            "fps": sequences.fps,
            "frames": lengths(sequences),
            "duration_s": lengths(sequences) / sequences.fps,
        }
    )
    codes = [str(s) for s in range(sequences.size)]
    scheme = pd.DataFrame({"label": words, "code": codes, "exclusive": True})
    return build(rows, scheme, _observed(sequences), clocks, source="the sequences")


def sequences(
    ethogram: Ethogram,
    among: Sequence[str] | None = None,
    *,
    subject: str | None = None,
    background: str | None = None,
    first_wins: bool = False,
) -> Sequences:
    """Return one label a frame: the number of a label among `among`, -1 where there is none.

    Args:
        ethogram: with frames; one rate for all recordings.
        among: labels, in the order of their numbers; without it those of the scheme.
        subject: whose behaviour; without it that of all.
        background: label of observed frames that have none of the others; without it those
            frames have no label. A label of its own, after the others, if not among them.
        first_wins: in frames with several labels the first of `among` counts; without it they
            are an error.
    """
    words = list(labels(ethogram) if among is None else among)
    others = [word for word in words if word != background]
    numbers = [words.index(word) for word in others]
    if background is not None and background not in words:
        words.append(background)
    made = []
    for name in ethogram.recordings["recording"]:
        active, observed = _shown(ethogram, name, others, subject)
        several = active.sum(axis=1) > 1
        if several.any() and not first_wins:
            frame = int(several.argmax())
            two = [others[c] for c in np.flatnonzero(active[frame])[:2]]
            raise InputError(
                f"recording {name!r}: frame {frame} is {two[0]!r} and {two[1]!r}; choose "
                "labels that exclude each other, or say that the first wins"
            )
        row = np.full(len(active), MISSING)
        if background is not None:
            row[observed] = words.index(background)
        for c in range(len(others) - 1, -1, -1):
            row[active[:, c]] = numbers[c]
        made.append(row)
    return pack(made, ethogram.recordings["recording"], _rate(ethogram), len(words))


def budget(ethogram: Ethogram) -> pd.DataFrame:
    """Return how often and how long each subject of each recording shows each label.

    Columns: recording, subject, label, bouts, total_s, mean_s, share (of the time observed),
    rate_per_min (of bouts), latency_s (from the begin of what was observed to the first bout).
    """
    rows = []
    seen = _seconds_observed(ethogram)
    groups = ethogram.bouts.groupby(["recording", "subject", "label"], sort=False)
    for (name, subject, label), own in groups:
        length = (own["stop_s"] - own["start_s"]).to_numpy()
        begin, total = seen[str(name)]
        rows.append(
            {
                "recording": name,
                "subject": subject,
                "label": label,
                "bouts": len(own),
                "total_s": float(length.sum()),
                "mean_s": float(length.mean()),
                "share": float(length.sum()) / total if total > 0 else np.nan,
                "rate_per_min": 60 * len(own) / total if total > 0 else np.nan,
                "latency_s": float(own["start_s"].min()) - begin,
            }
        )
    columns = ["recording", "subject", "label", "bouts", "total_s", "mean_s", "share"]
    return pd.DataFrame(rows, columns=[*columns, "rate_per_min", "latency_s"])


def _packed(found: Mapping[str, xr.Dataset] | Mapping[str, xr.DataArray]) -> Sequences:
    """Return labels that a model found, by recording, one behind the other."""
    rows, rates = {}, {}
    for name, one in found.items():
        labels = one.get("syllable") if isinstance(one, xr.Dataset) else one
        if labels is None or labels.dims != ("time",) or labels.dtype.kind not in "iu":
            raise InputError(
                f"{name!r} has no single label a frame; give what predict of syllables or of a "
                "map returns"
            )
        rows[name] = labels.values
        rates[name] = tracks.frame_rate(one.attrs, labels["time"].values, name)
    if not rows:
        raise InputError("there are no recordings; give at least one")
    if np.ptp(list(rates.values())) > 1e-3 * min(rates.values()):
        raise InputError(
            f"recordings have {min(rates.values()):g} to {max(rates.values()):g} frames a "
            "second; take those of one rate together"
        )
    return pack(list(rows.values()), rows, next(iter(rates.values())))


def _means(
    sequences: Sequences, found: Bouts, probability: Sequence[Float[np.ndarray, " _"]] | None
) -> Float[np.ndarray, " N"]:
    """Return the mean probability over each bout; NaN where none is given."""
    if probability is None or not len(found.start):
        return np.full(len(found.start), np.nan)
    frames = lengths(sequences)
    for name, n, values in zip(sequences.names, frames, probability, strict=True):
        if len(values) != n:
            raise InputError(f"recording {name!r} has {n} frames, {len(values)} probabilities")
    sums = np.append(0.0, np.concatenate([np.nan_to_num(p) for p in probability]).cumsum())
    begin = sequences.offsets[found.recording]
    total = sums[begin + found.stop] - sums[begin + found.start]
    return np.asarray(total / (found.stop - found.start))


def _observed(sequences: Sequences) -> pd.DataFrame:
    """Return the spans of frames with a label, of recordings where some have none."""
    parts = []
    for r, name in enumerate(sequences.names):
        valid = recording(sequences, r)[1]
        if not valid.any():
            raise InputError(f"recording {name!r} has no labels at all; leave it out")
        if not valid.all():
            found = runs(valid.astype(np.int64), valid)
            kept = found.label >= 0
            spans = {"start_frame": found.start[kept], "stop_frame": found.stop[kept]}
            parts.append(pd.DataFrame({"recording": name, **spans}))
    return pd.concat(parts) if parts else pd.DataFrame()


def _shown(
    ethogram: Ethogram, name: str, words: list[str], subject: str | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return active (T, L) frames of labels, whoever does it to whomever, and observed (T,)."""
    own = ethogram.bouts["recording"] == name
    if subject is not None:
        own &= ethogram.bouts["subject"] == subject
    merged = ethogram._replace(bouts=ethogram.bouts[own].assign(subject="", target=""))
    shown = dense(merged, name, [Channel("", "", word) for word in words])
    return shown.active, shown.observed


def _rate(ethogram: Ethogram) -> float:
    """Return the one frame rate of the recordings."""
    rates = ethogram.recordings["fps"].to_numpy()
    if not len(rates) or not np.isfinite(rates).all():
        raise InputError("a recording does not say its frames a second; give fps")
    if np.ptp(rates) > 1e-6 * rates[0]:
        raise InputError(
            f"recordings have {rates.min():g} to {rates.max():g} frames a second; take those "
            "of one rate together"
        )
    return float(rates[0])


def _seconds_observed(ethogram: Ethogram) -> dict[str, tuple[float, float]]:
    """Return the beginning and the total, s, of what was observed of each recording."""
    found = {}
    for row in ethogram.recordings.itertuples():
        spans = ethogram.observed[ethogram.observed["recording"] == row.recording]
        total = float((spans["stop_s"] - spans["start_s"]).sum())
        begin = float(spans["start_s"].min()) if len(spans) else float(str(row.first_s))
        if not len(spans):
            total = float(str(row.duration_s))
        if not np.isfinite(total):
            total = float(str(row.frames)) / float(str(row.fps))
        found[str(row.recording)] = (begin, total)
    return found

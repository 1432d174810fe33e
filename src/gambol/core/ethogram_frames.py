"""Ethograms on the frames of one recording: dense, and back, without loss.

A column is a channel: one subject, target and label. Beside which frames are active stands
where bouts begin, so that two bouts that touch stay two.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool

from gambol.core.errors import InputError, did_you_mean
from gambol.core.ethogram import Ethogram, build


class Channel(NamedTuple):
    """One behaviour of one animal towards one target (or none)."""

    subject: str
    target: str
    label: str


class Frames(NamedTuple):
    """C channels on the T frames of a recording."""

    channels: tuple[Channel, ...]
    active: Bool[np.ndarray, "T C"]
    begins: Bool[np.ndarray, "T C"]  # first frames of bouts; within `active`
    observed: Bool[np.ndarray, " T"]  # frames that were assessed


def channels(ethogram: Ethogram) -> tuple[Channel, ...]:
    """Return the channels that have bouts, by subject, target and place in the scheme."""
    rank = {label: i for i, label in enumerate(ethogram.scheme["label"])}
    columns = (ethogram.bouts[name] for name in Channel._fields)
    found = {Channel(*key) for key in zip(*columns, strict=True)}
    return tuple(sorted(found, key=lambda c: (c.subject, c.target, rank[c.label])))


def dense(
    ethogram: Ethogram,
    recording: str,
    among: Sequence[Channel] | None = None,
    frames: int | None = None,
) -> Frames:
    """Return which behaviour is shown in each frame of a recording.

    Bouts of one channel that share a frame (other modifiers, other annotators, shorter than a
    frame) become one there.

    Args:
        ethogram: with frames.
        recording: its name.
        among: channels to return, in order; without it those that have bouts.
        frames: T; without it what the recording says, else the last frame of a bout.

    >>> bouts = pd.DataFrame({"recording": "a", "label": "rear", "start_frame": [0, 2],
    ...                       "stop_frame": [2, 3]})
    >>> shown = dense(build(bouts), "a", frames=4)
    >>> shown.active[:, 0].astype(int).tolist(), shown.begins[:, 0].astype(int).tolist()
    ([1, 1, 1, 0], [1, 0, 1, 0])
    """
    clock = ethogram.recordings[ethogram.recordings["recording"] == recording]
    if not len(clock):
        known = ethogram.recordings["recording"].tolist()
        raise InputError(f"there is no recording {recording!r}{did_you_mean(recording, known)}")
    own = ethogram.bouts[ethogram.bouts["recording"] == recording]
    if len(own) and (own["start_frame"] < 0).all():
        raise InputError(
            f"recording {recording!r} has bouts in seconds but no clock; give its frames a "
            "second or the times of its frames"
        )
    own = own[own["start_frame"] >= 0]
    spans = ethogram.observed[ethogram.observed["recording"] == recording]
    n = int(clock["frames"].iloc[0]) if frames is None else frames
    if n < 0:
        n = int(max([0, *own["stop_frame"], *spans["stop_frame"]]))
    names = channels(ethogram) if among is None else tuple(among)
    place = {channel: c for c, channel in enumerate(names)}
    active, begins = np.zeros((n, len(names)), bool), np.zeros((n, len(names)), bool)
    columns = (*Channel._fields, "start_frame", "stop_frame")
    for *key, start, stop in zip(*(own[column].tolist() for column in columns), strict=True):
        c = place.get(Channel(*key))
        if c is not None and start < n:
            active[start:stop, c], begins[start, c] = True, True
    observed = np.full(n, not len(spans))
    for start, stop in zip(spans["start_frame"], spans["stop_frame"], strict=True):
        observed[max(start, 0) : max(stop, 0)] = True
    return Frames(names, active, begins, observed)


def from_frames(
    shown: Frames,
    recording: str,
    fps: float = np.nan,
    *,
    first_s: float = 0.0,
    scheme: pd.DataFrame | None = None,
    source: str = "manual",
) -> Ethogram:
    """Return the ethogram of a recording whose frames are labelled.

    Args:
        shown: what is shown in each frame.
        recording: its name.
        fps: frames a second; without it there are frames but no seconds.
        first_s: time of frame 0, s.
        scheme: coding scheme; events of kind point take a frame each.
        source: manual, automated or curated.
    """
    kinds: dict[str, str] = {}
    if scheme is not None and "kind" in scheme:
        kinds = dict(zip(scheme["label"], scheme["kind"], strict=True))
    parts = []
    for c, channel in enumerate(shown.channels):
        kind = kinds.get(channel.label, "state")
        start, stop = _runs(shown.active[:, c], shown.begins[:, c] | (kind == "point"))
        told = {"recording": recording, **channel._asdict(), "kind": kind, "source": source}
        parts.append(pd.DataFrame({"start_frame": start, "stop_frame": stop}).assign(**told))
    bouts = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    spans = pd.DataFrame()
    if not shown.observed.all():
        start, stop = _runs(shown.observed, np.zeros(len(shown.observed), bool))
        if not len(start):
            raise InputError(f"recording {recording!r} was not observed at all; leave it out")
        spans = pd.DataFrame({"start_frame": start, "stop_frame": stop})
        spans = spans.assign(recording=recording)
    n = len(shown.observed)
    row = {"recording": recording, "fps": fps, "frames": n, "first_s": first_s}
    if scheme is None:
        names = dict.fromkeys(channel.label for channel in shown.channels)
        scheme = pd.DataFrame({"label": list(names)}, dtype=object)
    clock = pd.DataFrame([row | {"duration_s": n / fps}])
    return build(bouts, scheme, spans, clock, source=recording)


def _runs(
    active: Bool[np.ndarray, " T"], begins: Bool[np.ndarray, " T"]
) -> tuple[np.ndarray, np.ndarray]:
    """Return first and one past last frames of what is active."""
    before = np.append(False, active[:-1])
    after = np.append(active[1:], False)
    start = active & (~before | begins)
    stop = active & (~after | np.append(begins[1:], True))
    return np.flatnonzero(start), np.flatnonzero(stop) + 1

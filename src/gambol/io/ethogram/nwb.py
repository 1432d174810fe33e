"""NWB files with the extension ndx-ethogram: bouts, coding scheme, events, spans observed.

The extension has neither subjects nor targets nor point events: every pair has a table of its
own with its names in extra columns, and points go to a table of events. Needs the extra `nwb`.
"""

import importlib
import importlib.util
import json
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gambol.core.errors import InputError
from gambol.core.ethogram import BOUTS, Ethogram, build
from gambol.io import store
from gambol.io.ethogram.reading import Found, Given, require_one, stem

# columns of bouts that the extension has no place for, beside its own
_MORE = (
    "subject", "target", "start_frame", "stop_frame", "probability", "category", "modifiers",
    "comment",
)  # fmt: skip
_SCHEME = ("kind", "category", "code", "colour")
_TABLE = ["subject", "target", "source", "annotator"]
_ROOM = 1 << 22  # bytes of the schemas that every file holds
_UNDATED = datetime(1970, 1, 1, tzinfo=UTC)  # NWB wants a date; ethograms have none


def read(path: Path, given: Given) -> Found:
    """Read all tables of bouts and the events of one file, which is one recording."""
    _require(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of hdmf, pynwb and their extensions, about themselves
        import pynwb

        extension = importlib.import_module("ndx_ethogram")

        try:
            with pynwb.NWBHDF5IO(str(path), "r") as file:
                return _read(list(file.read().objects.values()), path, given, extension)
        except (OSError, KeyError, TypeError) as error:
            reason = " ".join(str(error).split())[:120]
            raise InputError(
                f"{path} is no complete NWB file ({reason}); copy it again"
            ) from error


def write(ethogram: Ethogram, path: Path) -> list[Path]:
    """Write one recording; the date of the session is 1970, because ethograms have none."""
    _require(path)
    name = require_one(ethogram, path, "an NWB file")
    if not np.isfinite(ethogram.bouts["start_s"].to_numpy()).all():
        raise InputError(f"{path}: NWB needs times, but {name!r} has no frames a second")
    with warnings.catch_warnings(), store.atomic(path, room=_ROOM) as partial:
        warnings.simplefilter("ignore")
        import pynwb

        file = pynwb.NWBFile(
            session_description="ethogram", identifier=name, session_start_time=_UNDATED
        )
        module = file.create_processing_module("behavior", "ethogram")
        _fill(module, ethogram)
        with pynwb.NWBHDF5IO(str(partial), "w") as out:
            out.write(file)
    return [path]


def _require(path: Path) -> None:
    missing = [n for n in ("pynwb", "ndx_ethogram") if not importlib.util.find_spec(n)]
    if missing:
        raise InputError(f"{path} needs {missing[0]}; install it with pip install gambol[nwb]")


def _fill(module: Any, ethogram: Ethogram) -> None:
    """Add coding scheme, spans, bouts and events."""
    from pynwb.epoch import TimeIntervals

    ndx_ethogram = importlib.import_module("ndx_ethogram")

    scheme = ndx_ethogram.Ethogram(
        name="ethogram",
        description="coding scheme",
        exclusive=bool(len(ethogram.scheme) and ethogram.scheme["exclusive"].all()),
    )
    for name in ("colour", "key", "exclusive_label"):
        scheme.add_column(name, f"{name} of the behaviour")
    for row in ethogram.scheme.itertuples():
        scheme.add_row(
            behavior=row.label, definition=row.definition, behavior_type=row.kind,
            category=row.category, colour=row.colour, key=row.code,
            exclusive_label=bool(row.exclusive),
        )  # fmt: skip
    module.add(scheme)
    spans = None
    if len(ethogram.observed):
        spans = TimeIntervals("observation_intervals", "spans that were assessed")
        for row in ethogram.observed.itertuples():
            spans.add_row(start_time=row.start_s, stop_time=row.stop_s)
        module.add(spans)
    clock = ethogram.recordings.iloc[0].to_dict()
    states = ethogram.bouts[ethogram.bouts["kind"] == "state"]
    groups = list(states.groupby(_TABLE, sort=False))
    for i, (key, own) in enumerate(groups or [(("", "", "manual", ""), states)]):
        told: dict[str, Any] = dict(zip(_TABLE, key, strict=True))
        table = ndx_ethogram.EthogramBouts(
            name=f"bouts_{i}",
            labeling_method=told["source"],
            description="bouts",
            annotator=told["annotator"],
            source_software="gambol",
            parameters=json.dumps(store.nulls(clock)),
            ethogram=scheme,
            observation_intervals=spans,
        )
        _rows(table, own, {"start_time": "start_s", "stop_time": "stop_s", "label": "label"})
        module.add(table)
    points = ethogram.bouts[ethogram.bouts["kind"] == "point"]
    if len(points):
        _events(module, points)


def _rows(table: Any, bouts: pd.DataFrame, names: dict[str, str]) -> None:
    """Add bouts with all that the table has no columns for."""
    for name in _MORE:
        table.add_column(name, f"{name} of the bout")
    for row in bouts.to_dict("records"):
        table.add_row(
            **{ours: row[c] for ours, c in names.items()}, **{c: row[c] for c in _MORE}
        )


def _events(module: Any, points: pd.DataFrame) -> None:
    """Add a table of events."""
    try:
        from pynwb.event import EventsTable
    except ImportError as error:
        raise InputError("point events need pynwb 4; install it or leave them out") from error
    table = EventsTable(name="point_events", description="events without duration")
    for name in ("label", "source", "annotator"):
        table.add_column(name, f"{name} of the event")
    names = {"timestamp": "start_s", "label": "label", "source": "source"}
    _rows(table, points, names | {"annotator": "annotator"})
    module.add(table)


def _read(objects: list[Any], path: Path, given: Given, extension: Any) -> Found:
    tables = [one for one in objects if isinstance(one, extension.EthogramBouts)]
    if not tables:
        raise InputError(
            f"{path} has no bouts of ndx-ethogram; export them with that extension"
        )
    clock = json.loads(tables[0].parameters or "{}")
    if not isinstance(clock, dict) or "recording" not in clock:
        clock = {}
    clock = {"recording": stem(path, given)} | {k: v for k, v in clock.items() if v is not None}
    if given.fps is not None:
        clock["fps"] = given.fps
    parts = []
    for table in tables:
        told = {"source": table.labeling_method, "annotator": table.annotator or ""}
        parts.append(_bouts(table, {"start_time": "start_s", "stop_time": "stop_s"}, told))
    for table in objects:
        if getattr(table, "neurodata_type", "") == "EventsTable" and "label" in table.colnames:
            parts.append(_bouts(table, {"timestamp": "start_s"}, {"kind": "point"}))
    bouts = pd.concat([part for part in parts if len(part)] or parts[:1])
    schemes = [one for one in objects if isinstance(one, extension.Ethogram)]
    scheme = _scheme(schemes[0]) if schemes else pd.DataFrame()
    spans = pd.DataFrame()
    if tables[0].observation_intervals is not None:
        frame = tables[0].observation_intervals.to_dataframe()
        spans = frame.rename(columns={"start_time": "start_s", "stop_time": "stop_s"})
        spans = spans[["start_s", "stop_s"]].assign(recording=clock["recording"])
    bouts = bouts.assign(recording=clock["recording"])
    return Found(build(bouts, scheme, spans, pd.DataFrame([clock]), source=str(path)))


def _bouts(table: Any, names: dict[str, str], told: dict[str, str]) -> pd.DataFrame:
    """Return the rows of a table, with those columns that we know."""
    frame = table.to_dataframe().reset_index(drop=True).rename(columns=names)
    frame = frame[[name for name in frame if name in BOUTS]].assign(**told)
    if told.get("kind") == "point":
        frame["stop_s"] = frame["start_s"]
    return pd.DataFrame(frame)


def _scheme(table: Any) -> pd.DataFrame:
    names = {
        "behavior": "label", "behavior_type": "kind", "key": "code", "exclusive_label":
        "exclusive",
    }  # fmt: skip
    frame = table.to_dataframe().reset_index(drop=True).rename(columns=names)
    if "native_code" in frame and "code" not in frame:
        frame["code"] = frame["native_code"].astype(str)
    known = ("label", "definition", *_SCHEME, "exclusive")
    return pd.DataFrame(frame[[name for name in frame if name in known]])

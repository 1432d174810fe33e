"""Decisions about labels at random, and a slow model of what they do to frames."""

import numpy as np

from gambol.behavior import label_map as maps
from gambol.core.label_map import Decision, LabelMap
from gambol.core.sequences import Sequences, pack, unpack

SIZE = 12


def random_labels(rng: np.random.Generator) -> Sequences:
    parts = [rng.integers(-1, SIZE, n).repeat(3) for n in (40, 25)]
    return pack(parts, ["day 1", "day 2"], 30.0, SIZE)


def random_decision(rng: np.random.Generator, label_map: LabelMap, number: int) -> Decision:
    """One decision of any kind, which may be impossible."""
    live = [label.id for label in maps.legend(label_map)]
    k = int(rng.choice(live))
    kind = str(rng.choice(["rename", "split", "split", "exclude", "include", "colour", "note",
                           "merge"], p=[0.2, 0.2, 0.2, 0.1, 0.1, 0.1, 0.05, 0.05]))  # fmt: skip
    who = {"author": str(rng.choice(["ann", "ben"])), "time": f"t{number}"}
    if kind == "merge":
        return Decision("merge", tuple(rng.choice(live, 2).tolist()), **who)
    if kind == "split":
        start = int(rng.integers(0, 130))
        name = f"clip {number}" if rng.random() < 0.5 else ""
        recording = f"day {rng.integers(1, 4)}"
        return Decision("split", (k,), name, recording, start, start + 9, **who)
    value = {"rename": f"name {rng.integers(60)}", "colour": f"#{number:06x}"}.get(kind, "seen")
    return Decision(kind, (k,), value, **who)  # type: ignore[arg-type]


def slowly(label_map: LabelMap, labels: Sequences) -> list[np.ndarray]:
    """Frame by frame, decision by decision."""
    frames = dict(zip(labels.names, unpack(labels), strict=True))
    new, hidden = label_map.size, set()
    for decision in label_map.kept:
        first = decision.labels[0]
        if decision.undone:
            new += decision.kind == "split"
            continue
        if decision.kind == "split":
            values = frames.get(decision.recording, np.zeros(0, int))
            for t in range(decision.start, min(decision.stop, len(values))):
                values[t] = new if values[t] == first else values[t]
            new += 1
        for values in frames.values() if decision.kind == "merge" else ():
            values[np.isin(values, decision.labels)] = first
        hidden |= {first} if decision.kind == "exclude" else set()
        hidden -= {first} if decision.kind == "include" else set()
    return [np.where(np.isin(v, list(hidden)), -1, v) for v in frames.values()]

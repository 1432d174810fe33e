"""What a person must know of a doubtful event: the animals, a clip, and what hangs on it."""

from typing import Any

import numpy as np
from jaxtyping import Float

from gambol.tracking.review import Event

AROUND_S = 1.0  # of film before and after an event


def describe(
    events: list[Event], names: tuple[str, ...], times: Float[np.ndarray, " T"]
) -> list[dict[str, Any]]:
    """Return events as plain values, in their order."""
    return [_row(event, names, times) for event in events]


def _row(event: Event, names: tuple[str, ...], times: np.ndarray) -> dict[str, Any]:
    last = len(times) - 1
    begin = float(times[event.first]) - AROUND_S
    end = float(times[event.last]) + AROUND_S
    clip = (int(np.searchsorted(times, begin)), int(np.searchsorted(times, end, "right")) - 1)
    until = min(event.last + event.affected - 1, last)
    return {
        "kind": event.kind,
        "first": event.first,
        "last": event.last,
        "time_s": round(float(times[event.first]), 4),
        "animals": [names[a] for a in event.animals],
        "confidence": round(event.confidence, 6),
        "cost_difference": round(min(event.cost_difference, 1e3), 4),
        "instead": [names[a] for a in event.instead],
        "clip": list(clip),
        "affected": event.affected,
        "affected_frames": [event.last, until],
        "remedy": _remedy(event, names, None if until >= last else until),
    }


def _remedy(event: Event, names: tuple[str, ...], until: int | None) -> list[dict[str, Any]]:
    """Swaps that make the best alternative true, as `gambol review` takes them."""
    now, swaps = list(event.animals), []
    for place, wanted in enumerate(event.instead):
        other = now.index(wanted) if wanted in now else place
        if other == place:
            continue
        pair = [names[now[place]], names[wanted]]
        swaps.append({"do": "swap", "animals": pair, "frame": event.last, "last": until})
        now[place], now[other] = now[other], now[place]
    return swaps

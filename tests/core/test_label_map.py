"""Label maps as plain values."""

import json

import pytest

from gambol.core.errors import InputError
from gambol.core.label_map import KINDS, Decision, LabelMap, from_values, to_values


@pytest.mark.parametrize("kind", KINDS)
def test_a_decision_of_every_kind_survives_json(kind: str) -> None:
    one = Decision(kind, (2, 1), "x", "day 1", 3, 9, "ann", "2026-01-02T03:04:05Z")  # type: ignore[arg-type]
    held = LabelMap(4, "model", (one, Decision("note", (0,), "y")), 1)
    assert from_values(json.loads(json.dumps(to_values(held))), "it") == held
    assert held.active == (one,)


def test_values_of_another_program_are_refused() -> None:
    with pytest.raises(InputError, match="no label map"):
        from_values([1, 2], "it")

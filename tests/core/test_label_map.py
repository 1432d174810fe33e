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


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"end": "x"}, "whole number"),
        ({"size": -1}, "whole number"),
        ({"size": 1}, "the labels 1 of 0 to 0"),
        ({"decisions": [{"kind": "note", "labels": [99], "value": "x"}]}, "99 of 0 to 7"),
        ({"decisions": [{"kind": "note", "labels": [], "value": "x"}]}, "the labels none"),
        ({"decisions": [{"kind": "note", "labels": [1.5], "value": "x"}]}, "whole number"),
        ({"decisions": [{"kind": "merge", "labels": [1]}]}, "the labels 1 of"),
        ({"decisions": [{"kind": "note", "labels": [1], "value": 7}]}, "instead of text"),
        ({"decisions": [{"kind": "split", "labels": [1], "start": "a"}]}, "whole number"),
    ],
)
def test_a_file_that_was_damaged_is_one_sentence(change: dict[str, object], said: str) -> None:
    whole = LabelMap(8, "m", (Decision("rename", (1,), "walk"),), 1)
    with pytest.raises(InputError, match=f"^map.json.*{said}"):
        from_values({**to_values(whole), **change}, "map.json")
    split = whole._replace(decisions=(Decision("split", (1,)), Decision("note", (8,), "new")))
    assert from_values(to_values(split), "map.json") == split  # 8 is what was split off

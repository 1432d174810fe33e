import numpy as np
import state_examples as world

from gambol.viz import report_parts as parts
from gambol.viz.html import Markup


def test_numbers_times_and_shares_are_said_plainly():
    assert parts.number(float("inf")) == "∞" and parts.number(-0.123456) == "-0.123"
    assert parts.time(float("nan")) == "–" and parts.time(0.5) == "0.5\u00a0s"
    assert parts.percent(1.0) == "100\u00a0%"


def test_what_is_not_set_is_not_said():
    assert parts.said({"a": None, "b": [1, 2.5], "c": "x"}) == "b 1; 2.5, c x"
    assert not parts.origin("", {}) and not parts.remarks([])


def test_sentences_that_matter_are_picked_out():
    assert parts.warned(world.curves()) == ["Little structure lasts beyond 12 s: so it is."]
    assert parts.warned(None) == []


def test_text_is_escaped_and_pictures_have_words():
    text = parts.memory(world.curves())
    assert isinstance(text, Markup) and 'role="img"' in text and "aria-label" in text
    assert "&lt;b&gt;" in parts.remarks(["<b>"])[0]
    assert "<script" not in parts.head("<script>", "", [(str(np.pi), "x")])

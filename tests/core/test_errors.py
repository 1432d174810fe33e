import pytest

from gambol.core.errors import InputError, did_you_mean


def test_bad_input_is_a_value_error_for_those_who_only_know_python():
    with pytest.raises(ValueError, match="labels.csv"):
        raise InputError("labels.csv: no rows; export it again")


@pytest.mark.parametrize(
    "word, meant", [("setps", "steps"), ("bacth", "batch"), ("Rate", "rate")]
)
def test_a_slip_of_the_finger_finds_its_word(word, meant):
    assert repr(meant) in did_you_mean(word, ["steps", "batch", "rate"])


def test_a_word_like_no_other_gets_no_guess():
    assert did_you_mean("zebra", ["steps", "batch"]) == ""
    assert did_you_mean("steps", []) == ""

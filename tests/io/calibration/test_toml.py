import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gambol.core.errors import InputError
from gambol.io.calibration import toml

LEAVES = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.datetimes()
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('a."é \x7f\n'), inner),
    max_leaves=6,
)


@settings(max_examples=50)
@given(st.dictionaries(st.text("ab_- .\n"), VALUES))
def test_all_values_come_back(values):
    assert tomllib.loads(toml.text(values)) == values


def test_refuses_what_toml_has_no_place_for():
    with pytest.raises(InputError, match="no place for None"):
        toml.text({"a": None})

"""Columns side by side keep their words, also through an array."""

import numpy as np

from gambol.behavior import columns
from gambol.behavior.columns import Column


def table(lead=""):
    made = [
        Column(f"{lead}a", np.arange(4.0), "px", "nose"),
        Column(f"{lead}b", np.ones(4), "1"),
    ]
    return columns.gather(made, 4)


def test_tables_are_joined_and_go_through_an_array():
    both = columns.join([table(), table("more ")])
    assert both.names == ("a", "b", "more a", "more b")
    assert both.parts == ("nose", "", "nose", "")
    array = columns.to_array(both, np.arange(4) / 25, "day")
    assert array.dims == ("time", "feature") and array.name == "day"
    assert array.sel(feature="more b").values.tolist() == [1.0] * 4
    assert array["unit"].values.tolist() == ["px", "1", "px", "1"]
    again = columns.from_array(array)
    np.testing.assert_array_equal(again.values, both.values)
    assert again[1:4] == both[1:4] and np.isnan(again.frequencies).all()


def test_no_columns_are_a_table_too():
    assert columns.gather([], 5).values.shape == (5, 0)

import numpy as np
import pytest

from gambol.behavior.map_frames import Channels
from gambol.core.errors import InputError
from gambol.stages import map_tables


def channels(*pairs):
    names = tuple(f"{part} at {f:.3g} Hz" for part, f in pairs)
    return Channels(
        names, ("",) * len(pairs), tuple(part for part, _ in pairs),
        np.array([f for _, f in pairs], float),
    )  # fmt: skip


def test_columns_are_laid_out_by_part_and_frequency():
    laid = map_tables.layout(channels(("paw", 4), ("nose", 1), ("paw", 1), ("nose", 4)))
    assert laid.parts == ("paw", "nose") and laid.frequencies.tolist() == [1, 4]
    assert laid.column.tolist() == [[2, 0], [1, 3]]
    values = np.array([[10.0, 20.0, 30.0, 40.0]])
    assert values[:, laid.column].tolist() == [[[30.0, 10.0], [20.0, 40.0]]]
    with pytest.raises(InputError, match="nose has no amplitude at 4 Hz"):
        map_tables.layout(channels(("paw", 4), ("nose", 1), ("paw", 1)))


def test_left_comes_before_right_whatever_the_order_of_the_keypoints():
    parts = ("nose", "Ear_R", "Ear_L", "wingL", "wingR", "right paw", "left paw")
    assert map_tables._pairs(parts) == (
        ("Ear_L", "Ear_R"), ("wingL", "wingR"), ("left paw", "right paw"),
    )  # fmt: skip

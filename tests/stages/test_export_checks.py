import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.kernels.peaks import Peaks
from gambol.stages import export_checks


def peaks(xy, height):
    xy = np.array(xy, np.float64)
    return [Peaks(xy, np.array(height, np.float64), np.tile(np.eye(2), (len(xy), 1, 1)))]


def seen(points):
    return export_checks.Pictures(
        (64, 48), [], np.tile(2 * np.eye(2, 3), (1, 1, 1)), np.zeros((1, points, 2))
    )


def test_another_of_two_equal_cells_is_a_tie_and_no_difference():
    one, other = peaks([[1, 2], [3, 4]], [0.9, 0.5]), peaks([[1, 2.0004], [30, 4]], [0.9, 0.5])
    found = export_checks.agreement(one, other)
    assert found.ties == 1 and found.most == pytest.approx(0.0004)


@pytest.mark.parametrize(
    "xy, height",
    [([[1, 2.01], [3, 4]], [0.9, 0.5]), ([[1, 2], [30, 4]], [0.9, 0.6])],
    ids=["a little off", "elsewhere, and higher"],
)
def test_a_graph_that_answers_otherwise_is_refused(xy, height):
    with pytest.raises(InputError, match="onnx differs"):
        found = {"onnx": peaks(xy, height)}
        export_checks.compare(found, peaks([[1, 2], [3, 4]], [0.9, 0.5]), (64, 48))


def test_many_ties_are_no_chance():
    xy, height = [[i, 0] for i in range(100)], [0.5] * 100
    moved = [[x + 9 if x < 3 else x, y] for x, y in xy]
    with pytest.raises(InputError, match="3 of 100 points"):
        export_checks.compare({"float32": peaks(moved, height)}, peaks(xy, height), (64, 48))


def test_the_size_of_a_picture_in_the_video():
    assert seen(1).factor == (2.0, 2.0)


def numbers(**int8):
    usual = {"ms": 5.0, "speedup": 2.0, "extra_px": 0.01}
    return {"float32": {"ms": 10.0}, "int8": {**usual, **int8}}


def test_int8_that_is_slower_or_worse_is_warned_of():
    assert export_checks.warnings(numbers()) == []
    (slow,) = export_checks.warnings(numbers(ms=20.0, speedup=0.5))
    assert "slower than float32 on this machine (20.00 against 10.00 ms)" in slow
    (worse,) = export_checks.warnings(numbers(extra_px=0.3))
    assert "0.30 px" in worse


def test_what_a_search_may_be_off_by_is_allowed():
    one, other = peaks([[1, 2.01]], [0.9]), peaks([[1, 2.0]], [0.9])
    said = export_checks.compare({"float32": one}, other, (64, 48), within=0.02)
    assert said["px"]["float32"] == pytest.approx(0.01) and said["points"] == 1

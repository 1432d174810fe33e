"""Files are read back here by the manual, and were read with ezc3d 1.7.2 and c3d 0.6.0."""

import struct
import warnings

import numpy as np
import pytest

from gambol.io import c3d


def parameters(data):
    """Return {(group, name): value} of the parameter section, record by record."""
    assert data[513] == 80 and data[515] == 84  # a C3D file of Intel numbers
    at, groups, found = 516, {}, {}
    while data[at]:
        length, number = struct.unpack_from("<bb", data, at)
        name = data[at + 2 : at + 2 + length].decode()
        after = at + 2 + length
        step = struct.unpack_from("<h", data, after)[0]
        if number < 0:
            groups[-number] = name
        else:
            kind, dims = struct.unpack_from("<bB", data, after + 2)
            shape = list(data[after + 4 : after + 4 + dims])
            start, count = after + 4 + dims, int(np.prod(shape))
            if kind == -1:
                text = data[start : start + count].decode()
                width = shape[0]
                value = [text[k : k + width].strip() for k in range(0, count, width or 1)]
            else:
                code = {2: "H", 4: "f"}[kind]
                value = struct.unpack_from(f"<{count}{code}", data, start)
            found[number, name] = value
        at = after + step
    return {(groups[number], name): value for (number, name), value in found.items()}


def points(data):
    """Return (T, M, 4): x, y, z and the residual."""
    count, _, first, last = struct.unpack_from("<HHHH", data, 2)
    scale, start = struct.unpack_from("<fH", data, 12)
    assert scale < 0  # numbers are floats
    end = parameters(data)["TRIAL", "ACTUAL_END_FIELD"]
    frames = end[0] + 65536 * end[1]
    assert last - first + 1 == min(frames, 65535)
    flat = np.frombuffer(data, "<f4", frames * count * 4, (start - 1) * 512)
    return flat.reshape(frames, count, 4)


def make(frames, count, **more):
    xyz = np.random.default_rng(0).normal(0, 200, (frames, count, 3))
    labels = tuple(f"point {m}" for m in range(count))
    return c3d.Points(xyz, labels, **{"rate": 120.0, "units": "mm", "screen": None} | more)


@pytest.mark.parametrize(("frames", "count"), [(1, 1), (7, 6), (3, 300), (66_000, 1)])
def test_points_come_back_as_floats(frames, count):
    given = make(frames, count)
    data = c3d.encode(given)
    assert len(data) % 512 == 0
    back = points(data)
    np.testing.assert_array_equal(back[..., :3], given.xyz.astype(np.float32))
    assert not back[..., 3].any()


def test_missing_points_have_a_residual_of_minus_one():
    given = make(4, 2)
    given.xyz[1, 0, 2] = np.nan
    back = points(c3d.encode(given))
    assert back[1, 0].tolist() == [0, 0, 0, -1]
    assert (back[..., 3] == -1).sum() == 1


def test_names_rate_units_and_axes_are_said():
    data = c3d.encode(make(5, 260, screen=("+X", "+Z")))
    said = parameters(data)
    assert said["POINT", "LABELS"] + said["POINT", "LABELS2"] == [
        f"point {m}" for m in range(260)
    ]
    assert len(said["POINT", "LABELS"]) == 255
    assert said["POINT", "USED"] == (260,)
    assert said["POINT", "RATE"] == (120.0,)
    assert said["POINT", "UNITS"] == ["mm"]
    assert said["POINT", "FRAMES"] == (5,)
    assert (said["POINT", "X_SCREEN"], said["POINT", "Y_SCREEN"]) == (["+X"], ["+Z"])
    assert said["POINT", "DATA_START"] == struct.unpack_from("<H", data, 16)
    assert struct.unpack_from("<f", data, 20) == (120.0,)
    assert data[:2] == b"\x02\x50"


def test_another_program_reads_it(tmp_path):
    ezc3d = pytest.importorskip("ezc3d", reason="ezc3d is not installed")
    given = make(7, 6)
    (tmp_path / "a.c3d").write_bytes(c3d.encode(given))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        back = ezc3d.c3d(str(tmp_path / "a.c3d"))
    np.testing.assert_allclose(
        back["data"]["points"][:3].transpose(2, 1, 0), given.xyz, rtol=1e-6, atol=1e-4
    )

import numpy as np
import pandas as pd
import pytest

from gambol.core import poses
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.io import c3d, poses3d_export

NAMES = ("nose", "ear", "tail")


def make(individuals=("ann",), **attrs):
    rng = np.random.default_rng(0)
    shape = (20, len(individuals), 3)
    xyz = rng.normal(0, 100, (*shape, 3))
    xyz[3, 0, 1] = np.nan
    half = rng.normal(size=(*shape, 3, 3))
    notes = {"units": "mm", "up": [0, 0, 1]} | attrs
    return poses.build(
        xyz, rng.uniform(size=shape), half @ np.swapaxes(half, -1, -2), 2 + np.arange(20) / 50,
        Skeleton(NAMES), fps=50.0, individuals=individuals, attrs=notes,
        extra={"n_views": rng.uniform(0, 6, shape)},
    )  # fmt: skip


def test_csv_equals_the_arrays(tmp_path):
    series = make(("ann", "bob"))
    (path,) = poses3d_export.write(series, tmp_path / "a.csv", "csv")
    table = pd.read_csv(path)
    assert tuple(table.columns) == poses3d_export.CSV_COLUMNS
    want = poses.xy(series).reshape(-1, 3)
    np.testing.assert_array_equal(table[["x", "y", "z"]].to_numpy(), want)
    row = table[(table.frame == 7) & (table.individual == "bob") & (table.keypoint == "tail")]
    assert row.time_s.item() == 2 + 7 / 50
    assert row.cov_yz.item() == poses.covariance(series)[7, 1, 2, 1, 2]
    assert row.n_views.item() == poses.points(series, "n_views")[7, 1, 2]


def test_csv_leaves_empty_what_is_not_known(tmp_path):
    series = make().drop_vars(["covariance", "n_views"])
    (path,) = poses3d_export.write(series, tmp_path / "a.csv", "csv")
    table = pd.read_csv(path)
    assert table[["cov_xx", "cov_zz", "n_views"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("individuals", "labels"),
    [
        (("ann",), list(NAMES)),
        (("ann", "bob"), [f"{w}_{n}" for w in ("ann", "bob") for n in NAMES]),
    ],
)
def test_trc_has_the_header_and_the_rows_of_opensim(tmp_path, individuals, labels):
    series = make(individuals)
    (path,) = poses3d_export.write(series, tmp_path / "a.trc", "trc")
    lines = path.read_text(encoding="utf-8").split("\n")
    said = dict(zip(lines[1].split("\t"), lines[2].split("\t"), strict=True))
    assert lines[0].split("\t") == ["PathFileType", "4", "(X/Y/Z)", "a.trc"]
    assert (said["NumFrames"], said["NumMarkers"]) == ("20", str(len(labels)))
    assert (said["Units"], said["DataRate"]) == ("mm", "50.0")
    assert [word for word in lines[3].split("\t") if word] == ["Frame#", "Time", *labels]
    assert lines[4].split("\t")[2:5] == ["X1", "Y1", "Z1"]
    assert lines[5] == ""
    rows = [line.split("\t") for line in lines[6:-1]]
    assert [row[0] for row in rows] == [str(t) for t in range(1, 21)]
    numbers = np.array([[float(c) if c else np.nan for c in row] for row in rows])
    np.testing.assert_array_equal(numbers[:, 1], series["time"].values)
    np.testing.assert_array_equal(numbers[:, 2:], poses.xy(series).reshape(20, -1))


def test_trc_of_micrometres_is_in_millimetres(tmp_path):
    series = make(units="um")
    (path,) = poses3d_export.write(series, tmp_path / "a.trc", "trc")
    lines = path.read_text(encoding="utf-8").split("\n")
    assert lines[2].split("\t")[4] == "mm"
    assert float(lines[6].split("\t")[2]) == poses.xy(series)[0, 0, 0, 0] / 1000


def test_c3d_holds_the_points_in_their_order(tmp_path):
    series = make(("ann", "bob"))
    (path,) = poses3d_export.write(series, tmp_path / "a.c3d", "c3d")
    xyz = poses.xy(series).reshape(20, 6, 3)
    labels = tuple(f"{who}:{name}" for who in ("ann", "bob") for name in NAMES)
    want = c3d.Points(xyz, labels, 50.0, "mm", ("+X", "+Z"))
    assert path.read_bytes() == c3d.encode(want)


@pytest.mark.parametrize(
    ("up", "screen"),
    [
        ([0, 0, 1], ("+X", "+Z")), ([0, -1, 0], ("+X", "-Y")), ([1, 0, 0], ("+Y", "+X")),
        ([0, 0.6, 0.8], None),
    ],
)  # fmt: skip
def test_up_is_an_axis_of_the_screen_if_it_is_one(tmp_path, up, screen):
    series = make(up=up)
    poses3d_export.write(series, tmp_path / "a.c3d", "c3d")
    want = c3d.Points(poses.xy(series)[:, 0], NAMES, 50.0, "mm", screen)
    assert (tmp_path / "a.c3d").read_bytes() == c3d.encode(want)


def test_says_what_is_lost():
    assert poses3d_export.losses(make(), "csv") == []
    assert any("covariances" in loss for loss in poses3d_export.losses(make(), "c3d"))
    assert any("y for up" in loss for loss in poses3d_export.losses(make(), "trc"))
    assert any("units" in loss for loss in poses3d_export.losses(make(units="unknown"), "trc"))


def test_wrong_formats_and_flat_poses_are_refused(tmp_path):
    with pytest.raises(InputError, match="did you mean 'trc'"):
        poses3d_export.write(make(), tmp_path / "a", "trcc")
    flat = make().isel(space=slice(0, 2), space_b=slice(0, 2))
    with pytest.raises(InputError, match="these are in 2D"):
        poses3d_export.write(flat, tmp_path / "a", "csv")
    with pytest.raises(InputError, match="there are no poses"):
        poses3d_export.write(make().isel(time=slice(0, 0)), tmp_path / "a", "csv")

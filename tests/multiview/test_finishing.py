import numpy as np
import pytest
import xarray as xr
from filmed import ring, see, views, walk
from tiered import solve

from gambol.core import poses
from gambol.multiview import finishing, reconstruct
from gambol.multiview.finishing import Touches

FRAMES = 120


@pytest.fixture(scope="module")
def made():
    rig = ring(3)
    uv = see(walk(FRAMES), rig)
    uv[20:75, :, 1] = uv[50:53, :, 3] = uv[:9, :, 4] = np.nan
    uv[60:66, 0] += 40.0  # what the images contradict
    solved = solve("dlt", uv, rig)
    return reconstruct.reconstruct({"mouse": views(uv, rig)}, rig, lambda _: solved, fps=30.0)


@pytest.mark.parametrize("size", [7, 30, 64])
@pytest.mark.parametrize(
    "touches", [Touches(9, 20, 0), Touches(None, 54, 0), Touches(5, 55, 3), Touches(None, 2, 2)]
)
def test_parts_are_finished_as_the_whole_is(made, touches, size):
    whole = finishing.finished(touches, made.copy(deep=True))
    starts = range(0, FRAMES, size)
    seen = poses.points(made, "n_views")
    gaps = finishing.beside([finishing.runs(seen[s : s + size] <= 0) for s in starts])
    done = []
    for start, beside in zip(starts, gaps, strict=True):
        stop = min(start + size, FRAMES)
        first, last = max(start - touches.reach, 0), min(stop + touches.reach, FRAMES)
        part = made.isel(time=slice(first, last)).copy(deep=True)
        keep = slice(start - first, stop - first)
        done.append(finishing.finished(touches, part, keep, beside))
    for name in ("position", "confidence", "n_views"):
        joined = np.concatenate([part[name].values for part in done])
        np.testing.assert_array_equal(joined, whole[name].values)


@pytest.mark.parametrize(("most", "blank"), [(54, range(20, 75)), (55, [])])
def test_gaps_longer_than_the_longest_are_blanked(made, most, blank):
    whole = finishing.finished(Touches(max_gap=most), with_guesses(made))
    lost = np.isnan(poses.xy(whole)[:, 0, 1]).all(-1)
    assert np.flatnonzero(lost).tolist() == list(blank)
    assert (poses.points(whole, "confidence")[lost, 0, 1] == 0).all()


def with_guesses(made: xr.Dataset) -> xr.Dataset:
    """The same, with a position everywhere."""
    out = made.copy(deep=True)
    out["position"] = out["position"].fillna(0.0)
    return out


def test_nothing_is_touched_unasked(made):
    xr.testing.assert_identical(finishing.finished(Touches(), with_guesses(made))["position"],
                                with_guesses(made)["position"])  # fmt: skip

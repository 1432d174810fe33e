"""Features as one array: names are unique, windows are the definition, recordings are real."""

import h5py
import numpy as np
import pandas as pd
import pytest

from gambol.behavior import columns, features
from gambol.behavior.features import Features
from gambol.behavior.wavelets import Wavelets
from gambol.core import poses as core_poses
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.simulate import behaviors, faults

ENDS = dict(anterior=("neck",), posterior=("tail_base",))


def recorded(n_frames=500, space=2, seed=0):
    rng = np.random.default_rng(seed)
    made = behaviors.perform(rng, n_frames, space=space)
    return faults.track(rng, made).poses


def series(xy, names, fps, individuals=("animal",)):
    """Poses without covariance of (T, N, J, 2)."""
    confidence = np.where(np.isnan(xy[..., 0]), 0.0, 1.0)
    cov = np.zeros((*xy.shape, 2))
    times = np.arange(len(xy)) / fps
    skeleton = Skeleton(tuple(names))
    return core_poses.build(
        xy, confidence, cov, times, skeleton, fps=fps, individuals=individuals
    )


@pytest.mark.parametrize("space", [2, 3])
def test_every_feature_has_one_name_a_unit_and_mostly_a_value(space):
    made = features.features(
        recorded(space=space), Features(**ENDS, wavelets=Wavelets(n=3)), "monday"
    )
    (one,) = made
    names = one["feature"].values.tolist()
    assert one.dims == ("time", "feature") and len(set(names)) == len(names)
    assert all(unit for unit in one["unit"].values)
    assert np.isnan(one).mean() < 0.35
    swings = ~np.isnan(one["frequency"].values)
    assert swings.sum() == 3 * 20 * space and one.name == "monday"
    base = [n for n in names if not n.startswith(("mean ", "sd ", "min ", "max "))]
    assert len(names) - swings.sum() == 13 * (len(base) - swings.sum())


def test_windows_are_the_definition_frame_by_frame():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 2)) + 100.0
    x[20:26, 0] = np.nan
    for frames, centred in ((7, True), (6, False), (7, False)):
        found = features.statistics(x, frames, centred=centred)
        for t in range(60):
            half = frames // 2
            low, high = (t - half, t + half + 1) if centred else (t - frames + 1, t + 1)
            window = x[max(0, low) : high]
            for f in range(2):
                seen = window[:, f][~np.isnan(window[:, f])]
                if 2 * len(seen) < frames:
                    expected = [np.nan] * 4
                else:
                    expected = [seen.mean(), seen.std(), seen.min(), seen.max()]
                got = [part[t, f] for part in found]
                np.testing.assert_allclose(got, expected, atol=1e-8)


def test_causal_windows_know_nothing_of_the_future():
    settings = Features(**ENDS, windows="causal")
    table = columns.gather([columns.Column("x", np.r_[np.zeros(50), np.ones(50)], "1")], 100)
    made = features.windows(table, 50.0, settings)
    # the shortest window needs half of its 12 frames, the longest half of its 150
    assert np.isnan(made.values[:5]).all() and (made.values[6:50, :4] == 0).all()
    assert (made.values[75:] != 0).any(axis=1).all() and not made.values[:50].any(
        where=~np.isnan(made.values[:50])
    )
    assert made.names[0] == "mean 0.25 s: x"


def test_families_can_be_chosen_and_without_windows_there_is_nothing_more():
    (one,) = features.features(
        recorded(), Features(**ENDS, families=("aligned",), windows_s=())
    )
    assert one.sizes["feature"] == 40
    assert one["part"].values[0] == "nose" and one["feature"].values[0] == "nose x"


def test_a_setting_that_does_not_exist_is_refused():
    with pytest.raises(InputError, match="no setting 'anteriors'"):
        Features.from_values({"anteriors": ["a"], **ENDS}, "x")
    with pytest.raises(InputError, match="features.align: no setting 'sty'"):
        features.features(recorded(20), Features(**ENDS, align={"sty": 0.9}))


def test_freezing_of_a_real_mouse_is_slower_than_the_rest(data):
    folder = data / "mouse_freezing" / "demo1"
    if not folder.is_dir():
        pytest.skip(f"no mouse_freezing in {data}")
    path = folder / "demo1_tracking.csv"
    names = pd.read_csv(path, header=None, skiprows=1, nrows=1).iloc[0, 1::3].tolist()
    body = pd.read_csv(path, header=None, skiprows=3)
    assert len(body) == 6000  # no row is lost
    values = body.to_numpy(dtype=float)[:, 1:].reshape(6000, -1, 3)
    with h5py.File(folder / "hB_demo1_manual_annotations.mat.mat") as file:
        frozen = np.asarray(file["hBehavior/Freezing/Vector"]).ravel()[:6000] > 0
    assert frozen.mean() == pytest.approx(0.228, abs=0.001)
    xy = values[:, None, :, :2]
    settings = Features(
        anterior=(names[0],), posterior=(names[-1],), families=("kinematics",), window_s=0.2
    )
    (one,) = features.features(series(xy, names, 50.0), settings)
    speed = one.sel(feature="mean 1 s: body speed").values
    known = ~np.isnan(speed)
    fast = np.median(speed[known & ~frozen])
    assert np.median(speed[known & frozen]) < 0.35 * fast
    # the best threshold, tuned on the same data, is a known baseline
    scores = []
    for threshold in np.quantile(speed[known], np.linspace(0.05, 0.6, 56)):
        said = speed < threshold
        hit = (said & frozen).sum()
        scores.append(2 * hit / (said.sum() + frozen.sum()))
    assert max(scores) > 0.6


def test_two_real_flies_chase_and_see_each_other(data):
    path = data / "flies_courtship" / "predictions.analysis.h5"
    if not path.is_file():
        pytest.skip(f"no flies_courtship in {data}")
    with h5py.File(path) as file:
        xy = file["tracks"][:].transpose(3, 0, 2, 1)  # (T, N, J, 2)
        names = [name.decode() for name in file["node_names"][:]]
    ds = series(xy.astype(float), names, 25.0, ("a", "b"))
    settings = Features(
        anterior=("head",), posterior=("abdomen",), families=("dyadic",), windows_s=()
    )
    a, b = features.features(ds, settings, "flies")
    np.testing.assert_array_equal(a.sel(feature="distance"), b.sel(feature="distance"))
    # one of the two courts: it has the other before it most of the time
    cone = [float(one.sel(feature="in cone").mean()) for one in (a, b)]
    assert max(cone) > 0.5 and max(cone) > 1.5 * min(cone)
    heading = a.sel(feature="heading cos") - b.sel(feature="heading cos")
    np.testing.assert_allclose(heading.dropna("time"), 0.0, atol=1e-9)
    # names exchanged: the arrays are exchanged
    turned = core_poses.build(
        xy[:, ::-1].astype(float), np.ones(xy.shape[:3]), np.zeros((*xy.shape, 2)),
        np.arange(len(xy)) / 25, Skeleton(tuple(names)), fps=25.0, individuals=("b", "a"),
    )  # fmt: skip
    np.testing.assert_array_equal(features.features(turned, settings)[0], b)


@pytest.mark.parametrize("kind", ["centred", "causal"])
def test_windows_do_not_depend_on_the_pieces_in_which_they_are_computed(monkeypatch, kind):
    rng = np.random.default_rng(0)
    series_ = np.cumsum(rng.normal(size=(2, 700)), axis=1)
    series_[0, 100:180] = np.nan
    table = columns.gather([columns.Column(str(k), x, "1") for k, x in enumerate(series_)], 700)
    settings = Features(**ENDS, windows=kind)
    whole = features.windows(table, 30.0, settings)
    monkeypatch.setattr(features, "_PIECE", 64)
    pieces = features.windows(table, 30.0, settings, with_them=True, dtype=np.float32)
    assert pieces.names == (*table.names, *whole.names) and pieces.values.dtype == np.float32
    np.testing.assert_array_equal(np.isnan(pieces.values[:, 2:]), np.isnan(whole.values))
    np.testing.assert_allclose(pieces.values[:, 2:], whole.values, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(pieces.values[:, :2], table.values.astype(np.float32))

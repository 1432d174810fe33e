"""Maps of behaviour: planted movements become regions; placing is marked where not sure."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from sklearn.base import clone

from gambol.behavior import align, clean, columns, regions, wavelets
from gambol.behavior.behavior_map import BehaviorMap
from gambol.behavior.clean import CleanSettings
from gambol.behavior.regions import RegionSettings
from gambol.behavior.wavelets import Wavelets
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.core.tracks import Track
from gambol.io import store
from gambol.kernels import neighbours

MOVES = (("head", 3.0), ("head", 9.0), ("tail", 3.0), ("tail", 9.0))  # part, Hz
SETTINGS = {
    "wavelets": Wavelets(f_min=1.5, f_max=16.0, n=9),
    "frames_per_recording": 300,
    "perplexity": 20.0,
    "neighbours": 120,
    "regions": RegionSettings(width=0.12),
}


def recording(seed, bouts=48, fps=50.0, name=None):
    """Series of two parts, of which one swings at a time, and which movement it is."""
    rng = np.random.default_rng(seed)
    order = np.concatenate([rng.permutation(4) for _ in range(bouts // 4)])
    lengths = rng.integers(130, 200, size=bouts)
    label = np.repeat(order, lengths)
    times = np.arange(len(label)) / fps
    x = 0.15 * rng.normal(size=(len(label), 2))
    for number, (part, hertz) in enumerate(MOVES):
        swing = np.sin(2 * np.pi * hertz * times + rng.random()) * (label == number)
        x[:, ("head", "tail").index(part)] += swing * rng.uniform(0.8, 1.2)
    table = columns.Columns(
        x, ("head x", "tail x"), ("mm", "mm"), ("head", "tail"), np.full(2, np.nan)
    )
    inner = np.ones(len(label), bool)  # frames that no other movement reaches
    edges = np.flatnonzero(np.diff(label))
    for edge in edges:
        inner[max(0, edge - 25) : edge + 26] = False
    return columns.to_array(table, times, name or f"day {seed}"), label, inner


@pytest.fixture(scope="module")
def days():
    return recording(1), recording(2)


@pytest.fixture(scope="module")
def fitted(days):
    return BehaviorMap(**SETTINGS).fit([array for array, _, _ in days])


def test_four_movements_become_regions_with_the_planted_spectrogram(days, fitted):
    array, label, inner = recording(7)  # of another day
    placed = fitted.place(array)["day 7"]
    region = placed["region"].values
    assert region.dtype == np.int64 and set(region[region > 0]) <= set(
        range(1, len(fitted.regions_.mass) + 1)
    )
    here = inner & (region > 0)
    assert here.sum() > 0.8 * inner[region >= 0].sum()
    table = pd.crosstab(region[here], label[here])
    assert table.max(axis=1).sum() / table.values.sum() >= 0.95
    winner = table.idxmax(axis=1)
    assert set(winner) == {0, 1, 2, 3}
    spectra = wavelets.spectrogram(
        array.values, array.time.values, 50.0, ["head", "tail"], SETTINGS["wavelets"]
    )
    for number, (part, hertz) in enumerate(MOVES):
        common = table[number].idxmax()
        mean = spectra.amplitude[region == common].mean(axis=0)
        p, f = np.unravel_index(mean.argmax(), mean.shape)
        assert spectra.parts[p] == part
        assert spectra.frequencies[f] == pytest.approx(hertz, rel=0.25)


def test_training_frames_return(days, fitted):
    training = fitted.fitted_.training
    for number, (array, _, _) in enumerate(days):
        y = fitted.transform(array)[array.name].values
        own = training.recording == number
        back = np.linalg.norm(y[training.frame[own]] - fitted.embedding_[own], axis=1)
        assert np.median(back) < 0.03 * np.ptp(fitted.embedding_)
        assert np.quantile(back, 0.9) < 0.1 * np.ptp(fitted.embedding_)


def test_masked_frames_have_no_place(days, fitted):
    array = days[0][0].copy()
    array[900:1000, 0] = np.nan
    placed = fitted.place(array)["day 1"]
    amplitude = wavelets.spectrogram(
        array.values, array.time.values, 50.0, ["head", "tail"], SETTINGS["wavelets"]
    ).amplitude
    masked = np.isnan(amplitude).any(axis=(1, 2))
    assert masked[900:1000].all() and masked[0] and not masked.all()
    np.testing.assert_array_equal(placed["region"] == -1, masked)
    np.testing.assert_array_equal(np.isnan(placed["y"]).any("axis"), masked)
    assert not placed["placement_ok"].values[masked].any()
    assert not placed["still"].any()


def test_what_the_map_has_never_seen_is_far_from_it(fitted):
    array, _, _ = recording(3)
    times = np.arange(3000) / 50
    strange = array[:3000].copy()  # both parts at once, at frequencies between those known
    strange[:, 0] = np.sin(2 * np.pi * 5.2 * times)
    strange[:, 1] = np.sin(2 * np.pi * 14.0 * times)
    usual = fitted.place(array)["day 3"]
    far = fitted.place(strange)["day 3"]["distance"].values
    assert np.nanmin(far) > 2 * np.nanmax(usual["distance"].values)
    assert usual["placement_ok"].values[usual["region"].values >= 0].mean() > 0.9


def test_a_bad_fit_or_a_place_off_the_density_is_not_ok(days, fitted):
    array = days[0][0]
    whole, model = fitted.place(array)["day 1"], BehaviorMap(**SETTINGS)
    on = whole["region"].values >= 0
    density = fitted.density_
    limit = float(np.nanquantile(whole["misfit"].values, 0.3))
    right = (density.axis > 0)[None] & density.mask
    for other, ok in (
        (fitted.fitted_._replace(limit=limit), whole["misfit"] <= limit),
        (
            fitted.fitted_._replace(density=density._replace(mask=right)),
            whole["placement_ok"] & (whole["y"].sel(axis="x") > density.axis[250:252].mean()),
        ),
    ):
        model.fitted_ = other
        placed = model.place(array)["day 1"]
        ok = ok.values & whole["placement_ok"].values
        assert (placed["placement_ok"].values != ok).mean() < 0.002  # the edge of a grid cell
        assert 0 < ok.sum() < on.sum()
        np.testing.assert_array_equal(placed["region"].values[on & ~ok] <= 0, True)
        np.testing.assert_array_equal(placed["y"], whole["y"])


def test_alone_or_together_in_any_order_on_any_threads(days, fitted):
    first, second = days[0][0], days[1][0]
    other = BehaviorMap(**SETTINGS).fit([second, first], threads=3)
    xr.testing.assert_identical(fitted.to_dataset(), other.to_dataset())
    both = fitted.place([second, first], threads=2)
    xr.testing.assert_identical(both["day 1"], other.place(first)["day 1"])


def test_a_map_on_disk_places_like_the_one_in_memory(days, fitted, tmp_path):
    store.write_dataset(fitted.to_dataset(), tmp_path / "map.nc")
    read = BehaviorMap.from_dataset(store.read_dataset(tmp_path / "map.nc"))
    assert read.settings == fitted.settings
    array = days[1][0]
    xr.testing.assert_identical(read.place(array)["day 2"], fitted.place(array)["day 2"])
    xr.testing.assert_identical(read.to_dataset(), fitted.to_dataset())
    with pytest.raises(InputError, match="no behaviour map"):
        BehaviorMap.from_dataset(xr.Dataset())


def test_still_frames_are_kept_off_the_map_if_asked_to():
    array, _, _ = recording(4)
    quiet = np.arange(len(array)) % 1500 > 900
    array = array.copy(data=np.where(quiet[:, None], 0.01, 1.0) * array.values)
    asked = BehaviorMap(**SETTINGS, still=True).fit(array)
    assert asked.still_.bimodal and asked.still_.counts.sum() > 0.9 * len(array)
    placed = asked.place(array)["day 4"]
    still = placed["still"].values
    assert (placed["region"].values[still] == -1).all()
    on = placed["region"].values >= 0
    middle = quiet & np.roll(quiet, 60) & np.roll(quiet, -60)
    assert still[middle].mean() > 0.95 and still[on].sum() == 0
    assert not quiet[asked.fitted_.training.frame].mean() > 0.2
    assert asked.notes_ == ()


def test_one_mode_is_never_still_and_the_histogram_is_there(days):
    asked = BehaviorMap(**SETTINGS, still=True).fit(days[0][0])
    assert not asked.still_.bimodal and asked.still_.counts.sum() > 1000
    assert not asked.place(days[0][0])["day 1"]["still"].any()
    assert "no frame counts as still" in asked.notes_[0]


def test_the_density_weighs_frames_by_the_odds_of_having_been_chosen(fitted):
    spacing = np.array([len(recording(n)[0]) for n in (1, 2)]) / 300
    assert (np.abs(1 / fitted.inclusion_[[0, -1]] / spacing - 1) < 0.1).all()
    weighted = regions.density(
        fitted.embedding_, 1 / fitted.inclusion_, fitted.settings.regions
    )
    np.testing.assert_array_equal(fitted.density_.values, weighted.values)


def test_settings_are_those_of_an_estimator():
    model = BehaviorMap(wavelets={"f_min": 2.0}, random_state=3)
    assert model.settings.wavelets.f_min == 2.0
    assert clone(model).get_params() == model.get_params()
    assert model.set_params(perplexity=12.0).settings.perplexity == 12.0
    assert model.settings.random_state == 3
    with pytest.raises(InputError, match="did you mean 'perplexity'"):
        BehaviorMap(perplexty=3)
    with pytest.raises(InputError, match="not fitted yet"):
        model.predict(recording(1)[0])
    with pytest.raises(InputError, match="not fitted yet"):
        _ = model.regions_


def test_other_features_and_empty_recordings_are_refused(days, fitted):
    other = days[0][0].assign_coords(feature=["head x", "paw x"])
    with pytest.raises(InputError, match="has 'paw x at"):
        fitted.predict(other)
    nothing = days[0][0] * np.nan
    nothing.name = "day 0"
    with pytest.raises(InputError, match="none of the .* frames has all amplitudes"):
        BehaviorMap(**SETTINGS).fit(nothing)
    assert (fitted.predict(nothing)["day 0"] == -1).all()
    with pytest.raises(InputError, match="amplitude 0"):
        BehaviorMap(**SETTINGS).fit(xr.zeros_like(days[0][0]))


@pytest.mark.slow
def test_a_real_mouse_from_below(data):
    if not (data / "mouse_bottomview").is_dir():
        pytest.skip(f"no mouse_bottomview in {data}")
    (path,) = (data / "mouse_bottomview").glob("*.h5")
    table = pd.read_hdf(path)
    values = table.to_numpy().reshape(len(table), -1, 3)
    names = table.columns.get_level_values(1).unique().tolist()
    track = Track(
        "mouse", values[..., :2].copy(), values[..., 2].copy(),
        np.full(values.shape[:2], np.nan), np.arange(len(values)) / 60, 60.0,
        Skeleton(tuple(names)),
    )  # fmt: skip
    cleaned = clean.clean_track(track, clean.learn(track, CleanSettings()), CleanSettings())
    ends = align.AlignSettings(anterior=("Snout",), posterior=("Butt/Proximal Tail",))
    own = align.align(clean.smooth(cleaned.track), ends)
    spectra = wavelets.spectrogram(
        own.track.xy.reshape(len(values), -1), track.times, 60.0,
        [f"{name} {axis}" for name in names for axis in "xy"],
    )  # fmt: skip
    model = BehaviorMap(frames_per_recording=4500).fit(spectra, ["mouse"])
    assert 30 < model.embedding_.std() < 45
    placed = model.place(spectra, ["mouse"])["mouse"]
    back = np.linalg.norm(
        placed["y"].values[model.fitted_.training.frame] - model.embedding_, axis=1
    )
    assert np.median(back) < 0.8 and np.quantile(back, 0.9) < 3.1
    on = placed["region"].values >= 0
    assert placed["placement_ok"].values[on].mean() > 0.95
    p = wavelets.shares(spectra, model.fitted_.epsilon).p
    new = np.setdiff1d(np.flatnonzero(on), model.fitted_.training.frame)
    found = neighbours.search(model._index, p[new])
    exact = exact_neighbours(p[new], model.fitted_.training.p, 200)
    assert neighbours.found(exact, found.which).mean() > 0.95
    assert neighbours.found(exact[:, :32], found.which).mean() > 0.985


def exact_neighbours(p, q, k):
    """The k rows of q with the least divergence from each row of p."""
    far = (p * np.log(p)).sum(axis=1)[:, None] - p @ np.log(q.astype(float)).T
    return np.argsort(far, axis=1)[:, :k]

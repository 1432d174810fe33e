"""Recordings of all kinds become the same spectrograms; frames are chosen as said."""

import numpy as np
import pytest
import xarray as xr

from gambol.behavior import align, columns, map_frames, wavelets
from gambol.behavior.wavelets import Spectrogram, Wavelets
from gambol.core.errors import InputError
from gambol.core.tracks import tracks
from gambol.simulate import behaviors, faults
from gambol.simulate.faults import Faults

WAVES = Wavelets(f_min=2.0, f_max=10.0, n=4)


def features(n_frames=400, names=("a x", "b x"), name="day 1", seed=0):
    rng = np.random.default_rng(seed)
    table = columns.Columns(
        rng.normal(size=(n_frames, len(names))), names, ("mm",) * len(names),
        tuple(text.split()[0] for text in names), np.full(len(names), np.nan),
    )  # fmt: skip
    return columns.to_array(table, np.arange(n_frames) / 50, name)


def amplitude_of(made):
    return made.read(slice(0, len(made.times)))


def test_features_become_the_spectrogram_of_their_columns():
    array = features()
    made = map_frames.spectra("day 1", array, WAVES)
    whole = wavelets.spectrogram(array.values, array.time.values, 50.0, ["a", "b"], WAVES)
    np.testing.assert_array_equal(amplitude_of(made), whole.amplitude.reshape(400, 8))
    assert made.channels.parts == ("a",) * 4 + ("b",) * 4
    assert made.channels.units == ("mm",) * 8
    np.testing.assert_array_equal(made.channels.frequencies, np.tile(whole.frequencies, 2))
    assert made.channels.names[5] == f"b x at {whole.frequencies[1]:.3g} Hz"


def test_features_with_frequencies_are_taken_as_they_are():
    array = features(names=("a x", "a at 2", "a at 4"))
    array["frequency"] = "feature", [np.nan, 2.0, 4.0]
    made = map_frames.spectra("x", array, WAVES)
    np.testing.assert_array_equal(amplitude_of(made), array.values[:, 1:])
    assert made.channels.names == ("a at 2", "a at 4")


def test_aligned_poses_have_one_recording_for_every_animal():
    rng = np.random.default_rng(0)
    one, two = (
        faults.track(rng, behaviors.perform(rng, 300, fps=50.0), Faults()).poses
        for _ in range(2)
    )
    both = xr.concat(
        [one.assign_coords(individuals=["ann"]), two.assign_coords(individuals=["ben"])],
        "individuals",
        data_vars="minimal", coords="minimal", compat="override", join="override",
    )  # fmt: skip
    names = [str(name) for name in one["keypoints"].values]
    own = align.egocentric(both, [names[0]], [names[-1]], "film")
    found = map_frames.named({"film": own})
    assert list(found) == ["film/ann", "film/ben"]
    direct = align.align(
        tracks(two, "x")[0],
        align.AlignSettings(anterior=(names[0],), posterior=(names[-1],)),
    )
    known = wavelets.of_poses(direct, WAVES)
    made = map_frames.spectra("film/ben", found["film/ben"], WAVES)
    np.testing.assert_array_equal(amplitude_of(made), known.amplitude.reshape(300, -1))
    with pytest.raises(InputError, match="align"):
        map_frames.named({"film": both})


def test_recordings_are_named_and_sorted():
    one, two = features(name="b"), features(name="a")
    assert list(map_frames.named([one, two])) == ["a", "b"]
    assert list(map_frames.named([one, two], ["x", "y"])) == ["x", "y"]
    assert list(map_frames.named(one)) == ["b"]
    with pytest.raises(InputError, match="called b"):
        map_frames.named([one, one])
    with pytest.raises(InputError, match="3 names for 2"):
        map_frames.named([one, two], ["x", "y", "z"])
    with pytest.raises(InputError, match="at least one"):
        map_frames.named([])


def test_distributions_are_the_shares_of_the_whole():
    rng = np.random.default_rng(1)
    amplitude = rng.gamma(1.0, size=(50, 3, 4)).astype(np.float32)
    amplitude[7, 1, 2] = np.nan
    spectra = Spectrogram(amplitude, np.arange(4) + 1.0, ("a", "b", "c"))
    known = wavelets.shares(spectra, 1e-6).p
    made = map_frames.distributions(amplitude.reshape(50, 12), 1e-6)
    np.testing.assert_allclose(made, known, rtol=1e-12)
    assert np.isnan(made[7]).all() and (np.delete(made, 7, axis=0) > 0).all()


def test_totals_know_which_frames_are_masked():
    made = map_frames.spectra("x", features(), WAVES)
    sums = map_frames.totals(made)
    np.testing.assert_array_equal(sums.known, np.isfinite(amplitude_of(made)).all(axis=1))
    np.testing.assert_allclose(sums.total, amplitude_of(made).astype(float).sum(axis=1))


def test_other_columns_are_refused_by_name():
    known = map_frames.spectra("x", features(), WAVES).channels
    other = map_frames.spectra("y", features(names=("a x", "c x")), WAVES).channels
    fewer = map_frames.spectra("z", features(names=("a x",)), WAVES).channels
    map_frames.check("x", known, known)
    with pytest.raises(InputError, match="y has 'c x at 2 Hz' where the map has 'b x at 2 Hz'"):
        map_frames.check("y", other, known)
    with pytest.raises(InputError, match="z has 4 columns of amplitudes, the map 8"):
        map_frames.check("z", fewer, known)


def test_even_frames_are_equally_likely():
    frames = np.sort(np.random.default_rng(2).choice(900, 97, replace=False))
    counts = np.zeros(900)
    for seed in range(4000):
        chosen = map_frames.even(30, frames, np.random.default_rng(seed))
        assert len(set(chosen.tolist())) == 30
        assert np.ptp(np.diff(np.searchsorted(frames, chosen))) <= 1
        counts[chosen] += 1
    share = counts[frames] / 4000
    assert counts.sum() == 4000 * 30
    assert np.abs(share - 30 / 97).max() < 4.5 * np.sqrt(0.31 * 0.69 / 4000)
    np.testing.assert_array_equal(map_frames.even(97, frames, np.random.default_rng(0)), frames)


@pytest.mark.parametrize("seed", range(30))
def test_quotas_use_all_that_there_is_and_no_more(seed):
    rng = np.random.default_rng(seed)
    most = rng.integers(0, 50, size=rng.integers(1, 9))
    total = int(rng.integers(0, 200))
    wanted = rng.random(len(most)) + 0.01
    given = map_frames.quotas(total, wanted, most)
    assert given.sum() == min(total, most.sum())
    assert (given <= most).all() and (given >= 0).all()
    # who is not exhausted has the proportion, to one frame
    free = given < most
    if free.any() and given.sum():
        level = given[free].sum() / wanted[free].sum()
        assert np.abs(given[free] - level * wanted[free]).max() <= 1.0
        assert (most[~free] <= level * wanted[~free] + 1.0).all()


def test_a_recording_may_be_made_when_it_is_needed_and_comes_in_pieces(monkeypatch):
    asked = []

    def later():
        asked.append(1)
        return features(n_frames=1000)

    (name,) = found = map_frames.named({"late": later})
    assert not asked and name == "late"
    known = map_frames.spectra("late", features(n_frames=1000), WAVES)
    monkeypatch.setattr(map_frames, "PIECE", 300)
    made = map_frames.spectra("late", found["late"], WAVES)
    parts = list(made.pieces())
    assert asked == [1] and [len(own) for _, own in parts] == [300, 300, 300, 100]
    whole, again = amplitude_of(known), np.concatenate([own for _, own in parts])
    np.testing.assert_allclose(again, whole, atol=1e-6 * np.nanmax(whole))
    np.testing.assert_allclose(map_frames.totals(made).total, whole.sum(axis=1), rtol=1e-5)

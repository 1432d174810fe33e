import numpy as np
import pytest

from gambol.behavior import dwell, region_tables
from gambol.core.errors import InputError
from gambol.core.sequences import pack

FREQUENCIES = np.geomspace(1, 16, 9)


@pytest.fixture
def recordings():
    """Three recordings of spectrograms (4 parts, 9 frequencies) with regions of frames."""
    rng = np.random.default_rng(0)
    amplitude, region = [], []
    for n in (300, 200, 250):
        label = rng.integers(-1, 4, n)
        seen = rng.gamma(2.0, 1.0, (n, 4, 9))
        seen[label == 1, 0, 3] += 20
        seen[label == 2, 1, 7] += 20
        seen[5:9, 2] = np.nan
        amplitude.append(seen)
        region.append(label)
    return amplitude, region


def spectra(recordings, regions=4):
    sums = None
    for amplitude, region in zip(*recordings, strict=True):
        sums = region_tables.moments(amplitude, region, regions, sums)
    return region_tables.spectra(sums)


def test_mean_and_z_are_those_of_all_frames_at_once(recordings):
    found = spectra(recordings)
    amplitude, region = (np.concatenate(x) for x in recordings)
    known = np.isfinite(amplitude).all(axis=(1, 2))
    amplitude, region = amplitude[known], region[known]
    for r in (1, 2, 3):
        mean = amplitude[region == r].mean(axis=0)
        assert np.allclose(found.mean[r - 1], mean)
        assert np.allclose(found.z[r - 1], (mean - amplitude.mean(0)) / amplitude.std(0))
        assert found.frames[r - 1] == (region == r).sum()
    assert np.isnan(found.mean[3]).all() and np.isnan(found.z[3]).all()


def test_the_order_of_recordings_changes_next_to_nothing(recordings):
    here = spectra(recordings)
    there = spectra([x[::-1] for x in recordings])
    assert np.allclose(here.z[:3], there.z[:3], atol=1e-12)


def test_the_planted_part_and_frequency_stand_out(recordings):
    found = spectra(recordings)
    peaks = region_tables.peak_frequencies(found, FREQUENCIES)
    assert peaks[0, 0] == FREQUENCIES[3] and peaks[1, 1] == FREQUENCIES[7]
    assert np.isnan(peaks[3]).all()
    stays = pack([np.maximum(x, 0) for x in recordings[1]], "abc", 10.0, 5)
    table = region_tables.table(stays, found, ["a", "b", "c", "d"], FREQUENCIES)
    assert table["region"].tolist() == [1, 2, 3, 4]
    assert table["part"][:2].tolist() == ["a", "b"] and table["part"][3] == ""
    assert table["frequency_hz"][:2].tolist() == [FREQUENCIES[3], FREQUENCIES[7]]
    total = sum(len(x) for x in recordings[1])
    shares = [sum((x == r).sum() for x in recordings[1]) / total for r in (1, 2, 3, 4)]
    assert np.allclose(table["share"], shares)


def test_mirrored_parts_have_mirrored_contrasts(recordings):
    pairs = np.array([[0, 1], [2, 3]])
    here = region_tables.contrasts(spectra(recordings), pairs)
    swapped = [x[:, [1, 0, 3, 2]] for x in recordings[0]], recordings[1]
    assert np.allclose(here, -region_tables.contrasts(spectra(swapped), pairs), equal_nan=True)
    assert here[0, 0] > 0.3 and here[1, 0] < -0.3 and abs(here[2, 0]) < 0.1


def test_speeds_have_the_quantiles_of_their_frames(recordings):
    region = recordings[1]
    values = [np.arange(len(x), dtype=float) for x in region]
    values[0][:10] = np.nan
    found = region_tables.speed_quantiles(values, region, 4)
    every, place = np.concatenate(values), np.concatenate(region)
    own = every[(place == 2) & np.isfinite(every)]
    assert np.allclose(found[1], np.quantile(own, [0.05, 0.25, 0.5, 0.75, 0.95]))
    assert np.isnan(found[3]).all()


def test_usage_counts_all_frames_of_an_animal_alike():
    region = [np.array([0, 1, 1, -1]), np.array([2]), np.array([-1, -1])]
    table = region_tables.usage(region, ["b", "b", "a"], 2)
    assert table.index.tolist() == ["a", "b"]
    assert table.loc["b"].tolist() == [0.25, 0.5, 0.25]
    assert table.loc["a"].isna().all()
    with pytest.raises(InputError, match="3 recordings but 1 animals"):
        region_tables.usage(region, ["b"], 2)


def test_clips_are_the_longest_stays_and_those_nearest_the_peak():
    rng = np.random.default_rng(1)
    labels = [rng.integers(0, 3, 40).repeat(rng.integers(2, 9, 40)) for _ in range(2)]
    places = [rng.normal(0, 1, (len(x), 2)) for x in labels]
    none = [np.zeros(len(x)) for x in labels]
    stays = dwell.sequences(
        [dwell.Dwell(x, n, n) for x, n in zip(labels, none, strict=True)], ["r", "s"], 5.0, 2
    )
    peaks = np.array([[1.0, 0.0], [0.0, 1.0]])
    clips = region_tables.clips(stays, places, peaks, count=3)
    assert clips.groupby(["region", "why"]).size().tolist() == [3, 3, 3, 3]
    for clip in clips.itertuples():
        r = "rs".index(clip.recording)
        assert (labels[r][clip.start : clip.stop] == clip.region).all()
        near = np.linalg.norm(
            places[r][clip.start : clip.stop] - peaks[clip.region - 1], axis=1
        )
        assert clip.distance == pytest.approx(near.min())
    every = [
        (np.linalg.norm(p[x == 1] - peaks[0], axis=1)).min()
        for x, p in zip(labels, places, strict=True)
    ]
    best = clips[(clips["region"] == 1) & (clips["why"] == "nearest")].iloc[0]
    assert best["distance"] == pytest.approx(min(every))
    longest = clips[(clips["region"] == 2) & (clips["why"] == "longest")]
    lengths = [int(e - b) for x in labels for b, e in dwell.stretches(x == 2)]
    assert (longest["stop"] - longest["start"]).tolist() == sorted(lengths)[::-1][:3]

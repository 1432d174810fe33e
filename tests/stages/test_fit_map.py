import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from map_worlds import FIT, MOVES, dataset, world
from sklearn.metrics import adjusted_rand_score

from gambol.behavior import clean
from gambol.behavior.behavior_map import BehaviorMap
from gambol.behavior.clean import CleanSettings
from gambol.core.errors import InputError
from gambol.core.shares import Share
from gambol.core.tracks import tracks
from gambol.io import ethogram as io_ethogram
from gambol.io import store, syllables
from gambol.stages import ethogram_convert, features, fit_map, map_inputs, mutual_information
from gambol.stages.fit_map import FitConfig

NAMES = ("day0", "day1")


class Killed(Exception):
    pass


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world") / "poses"
    return folder, world(folder)


@pytest.fixture(scope="module")
def fitted(made, tmp_path_factory):
    out = tmp_path_factory.mktemp("fitted") / "run"
    return out, fit_map.run(FitConfig(**FIT), [made[0]], out, threads=1)


def same(one, two):
    """Every number of two runs is the same, bit for bit."""
    names = {p.relative_to(one) for p in one.rglob("*") if p.suffix in (".nc", ".csv")}
    assert names == {p.relative_to(two) for p in two.rglob("*") if p.suffix in (".nc", ".csv")}
    for name in names:
        if name.suffix == ".csv":
            assert (one / name).read_bytes() == (two / name).read_bytes()
        else:
            a, b = (store.read_dataset(p / name) for p in (one, two))
            a.attrs.pop("inputs", None), b.attrs.pop("inputs", None)
            xr.testing.assert_identical(a, b)


def test_planted_movements_are_regions_with_their_spectrogram(fitted, made):
    out, told = fitted
    pairs = []
    for name in NAMES:
        label, inner = made[1][name]
        held = store.read_dataset(out / f"places/{name}.nc")
        region, stay = held["region"].values, held["stay"].values
        assert (inner & (region > 0)).sum() > 0.9 * (inner & (region >= 0)).sum()
        own = inner & (stay > 0)
        assert own.sum() > 0.6 * (inner & (stay >= 0)).sum()
        pairs.append(pd.DataFrame({"stay": stay[own], "move": label[own]}))
    table = pd.crosstab(*pd.concat(pairs).to_numpy().T)
    assert table.max(axis=1).sum() / table.to_numpy().sum() >= 0.95
    best = table.idxmax(axis=0)  # region of each movement
    assert best.nunique() == 4 and told.regions >= 4
    spectra = store.read_dataset(out / "spectra.nc")
    regions = pd.read_csv(out / "regions.csv").set_index("region")
    for number, (part, hertz) in enumerate(MOVES):
        z = spectra["z"].sel(region=best[number])
        strongest = z.isel(z.argmax(...))
        assert strongest["part"] == part
        assert float(strongest["frequency"]) == pytest.approx(hertz, rel=0.35)
        assert regions.loc[best[number], "part"] == part
        side = regions.loc[best[number], "paw_L against paw_R"]
        assert side > 0.1 if part == "paw_L" else side < -0.1


def test_a_run_holds_places_tables_and_a_page(fitted, made):
    out, told = fitted
    assert told.recordings == 2 and told.frames == sum(len(t[0]) for t in made[1].values())
    assert told.on > 0.9 and told.sure > 0.97 and told.staying > 0.6
    one = store.read_dataset(out / "places/day1.nc")
    assert one.attrs["fps"] == 50.0 and one.attrs["recording"] == "day1"
    off = np.isnan(one["y"].values).any(axis=1)
    np.testing.assert_array_equal(one["stay"] == -1, off)
    np.testing.assert_array_equal(one["region"] == -1, off)
    np.testing.assert_array_equal(one["syllable"], one["stay"])
    assert {"speed", "placement_ok", "peak_distance", "centroid", "heading"} <= set(one)
    near = one["peak_distance"].values[one["stay"].values > 0]
    assert np.isfinite(near).all() and np.isnan(one["peak_distance"].values[off]).all()
    for name in ("regions", "usage", "stays", "clips", "transitions", "memory", "hierarchy",
                 "windows", "stability"):  # fmt: skip
        assert len(pd.read_csv(out / f"{name}.csv")) > 0
    page = (out / "report.html").read_text()
    assert "http://" not in page.replace("http://www.w3.org", "") and page.count("<svg") >= 8
    assert "adjusted Rand index" in page and "paw_L" in page
    left = {path.name for path in out.iterdir()}
    assert not left & {"begun.json", "checkpoint.nc", "halves", "groups.csv"}


def test_the_library_finds_the_same(fitted, made):
    out, _ = fitted
    cfg = FitConfig(**FIT)
    inputs = map_inputs.read([made[0]], cfg.prepare_settings())
    chosen = {k: v for k, v in FIT.items() if k not in ("stability", "tables")}
    placed = BehaviorMap(**chosen).fit(inputs.recordings).place(inputs.recordings)
    for name in NAMES:
        held = store.read_dataset(out / f"places/{name}.nc")
        np.testing.assert_array_equal(held["y"], placed[name]["y"].values.astype(np.float32))
        np.testing.assert_array_equal(held["region"], placed[name]["region"])


def test_tables_say_what_the_files_hold(fitted):
    out, _ = fitted
    held = [store.read_dataset(out / f"places/{name}.nc") for name in NAMES]
    stay = np.concatenate([one["stay"].values for one in held])
    regions, usage = pd.read_csv(out / "regions.csv"), pd.read_csv(out / "usage.csv")
    share = [(stay == r).sum() / (stay >= 0).sum() for r in regions["region"]]
    np.testing.assert_allclose(regions["share"], share, atol=1e-12)
    assert usage["animal"].tolist() == list(NAMES)
    np.testing.assert_allclose(usage.iloc[:, 1:].sum(axis=1), 1)
    known = held[1]["stay"].values
    one = (known == 1).sum() / (known >= 0).sum()
    assert usage.loc[1, "region_1"] == pytest.approx(one)
    stays = pd.read_csv(out / "stays.csv")
    lasting = (stays["stop"] - stays["start"]).groupby(stays["region"]).sum()
    assert lasting[1] == (stay == 1).sum()
    moves = pd.read_csv(out / "transitions.csv")
    np.testing.assert_allclose(moves.groupby("region")["probability"].sum(), 1)
    clips = pd.read_csv(out / "clips.csv")
    longest = clips[(clips["why"] == "longest") & (clips["rank"] == 0)].set_index("region")
    own = stays[stays["region"] == 1]
    most = (own["stop"] - own["start"]).max()
    assert longest.loc[1, "stop"] - longest.loc[1, "start"] == most


def test_other_verbs_read_a_run(fitted, tmp_path):
    out, _ = fitted
    seq = syllables.read(out).sequences  # the folder of a run stands for its recordings
    assert seq.names == NAMES and seq.fps == 50.0
    told = mutual_information.run(
        mutual_information.InformationConfig(), [out], tmp_path / "memory", threads=1
    )
    assert told.sentences
    made = ethogram_convert.run(
        ethogram_convert.ConvertConfig(to="bouts"), out, tmp_path / "bouts.csv"
    )
    stays = pd.read_csv(out / "stays.csv")
    assert made.bouts == (stays["region"] > 0).sum() and "0" not in made.labels
    back = io_ethogram.read(tmp_path / "bouts.csv").ethogram.bouts
    assert set(back["label"]) == set(stays["region"][stays["region"] > 0].astype(str))


@pytest.mark.parametrize(
    "at",
    [
        pytest.param("fit-map", marks=pytest.mark.slow),
        "places",
        pytest.param("spectra", marks=pytest.mark.slow),
        pytest.param("stability", marks=pytest.mark.slow),
    ],
)
def test_a_run_that_was_killed_goes_on_and_ends_the_same(fitted, made, tmp_path, at):
    def kill(step):
        if step.stage == at and step.done >= 1 + (at in ("places", "spectra")):
            raise Killed

    with pytest.raises(Killed):
        fit_map.run(FitConfig(**FIT), [made[0]], tmp_path / "run", threads=1, progress=kill)
    there = (tmp_path / "run/places").is_dir()
    assert there == (at != "fit-map") and not (tmp_path / "run/provenance.json").exists()
    # another result is not begun in the same folder
    if there:
        with pytest.raises(InputError, match="other settings or recordings"):
            fit_map.run(
                FitConfig(**{**FIT, "random_state": 1}), [made[0]], tmp_path / "run", threads=1
            )
    told = fit_map.run(FitConfig(**FIT), [made[0]], tmp_path / "run", threads=2)
    same(fitted[0], tmp_path / "run")
    assert told == fitted[1]._replace(run=tmp_path / "run")


def test_shares_place_what_one_process_places_and_make_the_map_once(
    fitted, made, tmp_path, monkeypatch
):
    cfg, out, times = FitConfig(**FIT), tmp_path / "run", []
    fit = BehaviorMap.fit

    def counted(self, *args, **kwargs):
        times.append(1)
        return fit(self, *args, **kwargs)

    monkeypatch.setattr(BehaviorMap, "fit", counted)
    shares = [Share(k, 3) for k in range(3)]
    with ThreadPoolExecutor() as pool:
        placed = list(pool.map(lambda one: fit_map.place(cfg, [made[0]], out, one), shares))
    assert placed == [["day0"], ["day1"], []] and len(times) == 1
    files = {path: path.stat().st_ino for path in out.glob("places/*.nc")}
    assert {path.stem for path in files} == set(NAMES)
    assert fit_map.run(cfg, [made[0]], out, threads=1) == fitted[1]._replace(run=out)
    same(fitted[0], out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]  # no lock is left
    assert fit_map.place(cfg, [made[0]], out, shares[0]) == []


def test_a_finished_run_is_not_done_again(fitted, made):
    out, told = fitted
    before = {p: p.stat().st_mtime_ns for p in out.rglob("*")}
    # the order of the files is of no effect
    sources = [made[0] / "day1.nc", made[0] / "day0.nc"]
    assert fit_map.run(FitConfig(**FIT), sources, out, threads=2) == told
    assert before == {p: p.stat().st_mtime_ns for p in out.rglob("*")}


@pytest.mark.slow
def test_features_are_mapped_like_poses_and_spectra_like_features(made, tmp_path):
    ends = dict(anterior=("nose",), posterior=("tail_base",), smooth=dict(kind="none"))
    cfg = features.Features(**ends, families=("aligned",), windows_s=())
    sources = sorted(made[0].glob("*.nc"))
    features.run(cfg, sources, tmp_path / "series")
    fit = FitConfig(**{**FIT, "stability": dict(splits=0)})
    one = fit_map.run(fit, [tmp_path / "series"], tmp_path / "of-series", threads=1)
    more = cfg.model_copy(update={"wavelets": fit.wavelets})
    features.run(more, sources, tmp_path / "spectra")
    two = fit_map.run(fit, [tmp_path / "spectra"], tmp_path / "of-spectra", threads=1)
    assert one.regions == two.regions and np.isnan(one.stability)
    a, b = (
        store.read_dataset(tmp_path / f"of-{kind}/places/day0.nc") for kind in
        ("series", "spectra")
    )  # fmt: skip
    # files of features keep series in single precision
    assert adjusted_rand_score(a["region"], b["region"]) > 0.95
    assert "nose x" in store.read_dataset(tmp_path / "of-series/spectra.nc")["part"]


@pytest.mark.slow
def test_groups_of_animals_are_compared(made, tmp_path):
    truth = world(tmp_path / "poses", recordings=4, bouts=16, seed=3)
    table = pd.DataFrame(
        {"recording": sorted(truth), "animal": list("abcd"), "sex": list("mmff")}
    )
    table.to_csv(tmp_path / "animals.csv", index=False)
    cfg = FitConfig(**{**FIT, "groups": dict(factor="sex"), "stability": dict(splits=0)})
    out = tmp_path / "run"
    fit_map.run(cfg, [tmp_path / "poses"], out, animals=tmp_path / "animals.csv", threads=1)
    groups = pd.read_csv(out / "groups.csv")
    assert set(groups["group"]) == {"f"} and set(groups["other"]) == {"m"}
    assert (groups["smallest_p"] >= 1 / 6).all()  # of two against two animals
    assert pd.read_csv(out / "usage.csv")["group"].tolist() == ["m", "m", "f", "f"]
    assert "Where f and m differ" in (out / "report.html").read_text()
    with pytest.raises(InputError, match="no column 'sexx'.*did you mean 'sex'"):
        fit_map.run(
            cfg.override(["groups.factor=sexx"]), [tmp_path / "poses"], tmp_path / "no",
            animals=tmp_path / "animals.csv",
        )  # fmt: skip


def test_what_cannot_be_mapped_is_refused_in_a_sentence(made, tmp_path):
    cfg = FitConfig(**FIT)
    with pytest.raises(InputError, match="did you mean 'perplexity'"):
        FitConfig.from_values({"perplexty": 3}, "here")
    with pytest.raises(InputError, match="no keypoint 'paw_X'.*did you mean 'paw_"):
        fit_map.run(cfg.override(["leave_out=[paw_X]"]), [made[0]], tmp_path / "a")
    shutil.copy(made[0] / "day0.nc", tmp_path / "day0.nc")
    with pytest.raises(InputError, match="both hold a recording 'day0'"):
        fit_map.run(cfg, [made[0], tmp_path / "day0.nc"], tmp_path / "a")
    xy = np.random.default_rng(0).normal(size=(200, 2, 2))
    store.write_dataset(dataset(xy, 50.0, ("one", "two")), tmp_path / "odd.nc")
    with pytest.raises(InputError, match="tells by its name that it is anterior"):
        fit_map.run(cfg, [tmp_path / "odd.nc"], tmp_path / "a")
    store.write_dataset(dataset(xy[:9], 50.0, ("nose", "hip")), tmp_path / "short.nc")
    with pytest.raises(InputError, match="none of the 9 frames has all amplitudes"):
        fit_map.run(cfg, [tmp_path / "short.nc"], tmp_path / "a")
    held = store.read_dataset(made[0] / "day0.nc")
    held["position"][:, :, 2] = np.nan
    store.write_dataset(held, tmp_path / "lost.nc")
    with pytest.raises(InputError, match=r"none of the .* absent .* paw_R \(100%\)"):
        fit_map.run(cfg, [tmp_path / "lost.nc"], tmp_path / "a")
    store.write_dataset(held.isel(keypoints=slice(0, 3)), tmp_path / "cut.nc")
    with pytest.raises(InputError, match="skeleton has 6 keypoints, its positions are of nose"):
        fit_map.run(cfg, [tmp_path / "cut.nc"], tmp_path / "a")
    with pytest.raises(InputError, match="f_max is 30 Hz, but 50 frames a second"):
        fit_map.run(cfg.override(["wavelets.f_max=30"]), [made[0]], tmp_path / "a")
    with pytest.raises(InputError, match="perplexity is 120 of 120 neighbours"):
        cfg.override(["perplexity=120"])
    world(tmp_path / "slow", recordings=1, bouts=4, fps=40.0, prefix="slow")
    with pytest.raises(InputError, match="bring them to one rate"):
        fit_map.run(cfg, [made[0], tmp_path / "slow"], tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_recordings_are_prepared_again_where_memory_is_short(made, monkeypatch):
    cfg = FitConfig(**FIT).prepare_settings()
    calls, prepared = [], map_inputs._prepared
    monkeypatch.setattr(
        map_inputs, "_prepared", lambda *a: (calls.append(a[0].stem), prepared(*a))[1]
    )

    def twice():
        calls.clear()
        inputs = map_inputs.read([made[0]], cfg)
        return [inputs.recordings[name]() for name in [*NAMES, *NAMES]]

    kept = twice()
    assert calls == ["day0", "day1"]
    monkeypatch.setattr(map_inputs, "_KEPT", 0)
    for one, other in zip(kept, twice(), strict=True):
        np.testing.assert_array_equal(one.track.xy, other.track.xy)
        np.testing.assert_array_equal(one.heading, other.heading)
    assert calls == ["day0", "day1", "day0", "day1", "day0", "day1"]


def test_cleaning_in_pieces_is_that_of_the_whole(made, monkeypatch):
    held = store.read_dataset(made[0] / "day0.nc")
    rng = np.random.default_rng(3)
    held["position"][rng.choice(held.sizes["time"], 40), :, 1] = np.nan
    (track,) = tracks(held, "x")
    whole = clean.clean_track(track, clean.learn(track, CleanSettings()), CleanSettings())
    monkeypatch.setattr(map_inputs, "_PIECE", 97)
    again = map_inputs._cleaned(track, CleanSettings())
    np.testing.assert_array_equal(again.xy, whole.track.xy)
    np.testing.assert_array_equal(again.variance, whole.track.variance)

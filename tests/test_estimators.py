"""What is fitted to behaviour keeps the promises of scikit-learn's estimators."""

import numpy as np
import pytest
from sklearn.base import clone

from gambol.behavior import align, ethogram, jobs
from gambol.behavior.arhmm import ARHMM
from gambol.behavior.behavior_map import BehaviorMap
from gambol.behavior.classifier import BehaviorClassifier
from gambol.behavior.features import Features
from gambol.behavior.shape import ShapePCA
from gambol.behavior.slds import KeypointSLDS
from gambol.behavior.states import StateModel
from gambol.core import sequences, tracks
from gambol.core.errors import InputError
from gambol.io import ethogram as io_ethogram
from gambol.io import store
from gambol.simulate import behaviors, faults

FPS, FRAMES = 30.0, 450
DYNAMICS = {"n_states": 5, "lags": 1, "kappa": 1e3, "ar_iterations": 5, "random_state": 3}


@pytest.fixture(scope="module")
def world():
    """Poses of three recordings, the same aligned, what is done in them, and plain series."""
    rng = np.random.default_rng(0)
    clear = faults.Faults(absent=0.0, outlier=0.0, spike=0.0)
    done = {f"day{n}": behaviors.perform(rng, FRAMES, fps=FPS) for n in range(3)}
    poses = {name: faults.track(rng, one, clear).poses for name, one in done.items()}
    names = [str(name) for name in poses["day0"]["keypoints"].values]
    ends = {"anterior": (names[0],), "posterior": (names[-1],)}
    own = {name: align.egocentric(one, **ends) for name, one in poses.items()}
    bouts = ethogram.bouts(sequences.pack([d.label for d in done.values()], done, FPS))
    series = {name: np.cumsum(rng.normal(size=(200, 2)), axis=0) * 0.1 for name in done}
    return {"poses": poses, "own": own, "bouts": bouts, "series": series, "ends": ends}


def made(kind, world):
    """An estimator with settings that are not the default ones, blocks and lists among them."""
    if kind == "map":
        return BehaviorMap(
            wavelets={"f_min": 2.0, "n": 6}, perplexity=12.0, neighbours=40, iterations=60,
            frames_per_recording=150, random_state=3,
        )  # fmt: skip
    if kind == "slds":
        return KeypointSLDS(**world["ends"], **DYNAMICS, n_dims=2, iterations=4, warm_sweeps=0)
    if kind == "arhmm":
        return ARHMM(**DYNAMICS)
    wanted = Features(**world["ends"], windows_s=[0.25])
    return BehaviorClassifier(wanted, ("0", "1"), rounds=5, folds=2, random_state=3)


def given(kind, world):
    """What `fit` of a kind takes."""
    return {
        "map": (world["own"],),
        "slds": (world["poses"],),
        "arhmm": (world["series"], FPS),
        "classifier": (world["poses"], world["bouts"]),
    }[kind]


def said(kind, model, world):
    """All that a fitted model says of recordings, as arrays by name."""
    own = given(kind, world)[0]
    calls = [model.predict] + [
        getattr(model, name) for name in ("predict_proba", "transform") if hasattr(model, name)
    ]
    if kind == "slds":
        own = {"day1": own["day1"]}  # a hundred sweeps are enough of one
    return [
        {name: part.copy() if isinstance(part, np.ndarray) else part for name, part in
         call(own).items()} for call in calls
    ]  # fmt: skip


def same(one, other):
    for a, b in zip(one, other, strict=True):
        assert list(a) == list(b)
        for name in a:
            if isinstance(a[name], np.ndarray):
                assert np.array_equal(a[name], b[name], equal_nan=a[name].dtype.kind == "f")
            else:
                assert a[name].equals(b[name])


KINDS = ("map", "slds", "arhmm", "classifier")


@pytest.fixture(
    scope="module",
    params=[pytest.param(k, marks=pytest.mark.slow) if k == "slds" else k for k in KINDS],
)
def fitted(request, world):
    """A kind, a model of it, and what it says of recordings."""
    model = made(request.param, world).fit(*given(request.param, world))
    return request.param, model, said(request.param, model, world)


@pytest.mark.parametrize("kind", KINDS)
def test_settings_are_a_flat_dictionary_that_makes_the_same_estimator(kind, world):
    model = made(kind, world)
    params = model.get_params()
    assert type(model)(**params).get_params() == params
    assert params["random_state"] == 3
    changed = clone(model).set_params(random_state=4)
    assert changed.get_params() == {**params, "random_state": 4}
    assert model.get_params() == params  # that of the copy alone
    with pytest.raises(InputError, match="did you mean 'random_state'"):
        model.set_params(random_stat=4)
    with pytest.raises(InputError, match="did you mean 'random_state'"):
        type(model)(random_stat=4)


@pytest.mark.parametrize(
    "model", [ShapePCA(), StateModel(n_states=4), KeypointSLDS(anterior=["a"], posterior=["b"])]
)
def test_clones_have_equal_settings(model):
    assert clone(model).get_params() == model.get_params()


@pytest.mark.parametrize("kind", KINDS)
def test_before_fit_everything_says_so(kind, world):
    model, own = made(kind, world), given(kind, world)
    calls = {"predict": own[:1], "predict_proba": own[:1], "transform": own[:1],
             "score": own if kind == "classifier" else own[:1], "sample": (10,),
             "to_dataset": ()}  # fmt: skip
    for name, args in calls.items():
        if hasattr(model, name):
            with pytest.raises(InputError, match="fit"):
                getattr(model, name)(*args)


def test_only_names_that_end_in_an_underscore_are_fitted(fitted, world):
    kind, model, _ = fitted
    new = {name for name in vars(model) if not name.startswith("_")} - set(
        vars(made(kind, world))
    )
    assert new and all(name.endswith("_") for name in new), new
    assert not [name for name in vars(clone(model)) if name.endswith("_")]


def test_the_same_seed_gives_the_same_bits_and_fit_forgets_what_was_fitted(fitted, world):
    kind, model, was = fitted
    same(said(kind, clone(model).fit(*given(kind, world)), world), was)


def test_models_survive_a_file(fitted, world, tmp_path):
    kind, model, was = fitted
    store.write_dataset(model.to_dataset(), tmp_path / "model.nc")
    again = type(model).from_dataset(store.read_dataset(tmp_path / "model.nc"))
    assert again.get_params() == model.get_params()
    same(said(kind, again, world), was)
    assert again.to_dataset().equals(model.to_dataset())


def test_chances_add_up_and_what_is_likeliest_is_said(fitted):
    kind, _, was = fitted
    if kind not in ("slds", "arhmm"):
        return
    for name, chance in was[1].items():
        label = was[0][name]
        label = label if kind == "arhmm" else label["syllable"].values
        known = label >= 0
        assert np.abs(chance[known].sum(1) - 1).max() < 1e-9 and np.isnan(chance[~known]).all()


def test_places_and_latents_are_those_that_predict_speaks_of(fitted):
    kind, _, was = fitted
    if kind == "map":
        assert was[1]["day0"].dims == ("time", "axis")
        assert (np.isfinite(was[1]["day0"]).all("axis") | (was[0]["day0"] <= 0)).all()
    if kind == "slds":
        parts = was[2]["day1"]
        assert {"latent", "centroid", "heading", "noise"} <= set(parts.variables)
        assert parts.equals(was[0]["day1"].drop_vars("syllable"))


def test_what_is_drawn_is_of_the_model_and_of_the_seed(fitted, world):
    kind, model, _ = fitted
    if kind == "arhmm":
        one, two, other = (model.sample(300, seed) for seed in (0, 0, 1))
        assert np.array_equal(one[0], two[0]) and not np.array_equal(one[0], other[0])
        assert one[0].shape == (300, 2) and set(one[1]) <= set(range(-1, 5))
        assert np.isfinite(model.score({"drawn": one[0]})["per_frame"]).all()
    if kind == "slds":
        one, two, other = (model.sample(300, seed) for seed in (0, 0, 1))
        assert one.equals(two) and not one.equals(other)
        xy, body = one["position"].values, world["poses"]["day0"]["position"]
        assert xy.shape == (300, body.sizes["keypoints"], 2) and np.isfinite(xy).all()
        long = np.linalg.norm(xy[:, 0] - xy[:, -1], axis=-1)
        seen = body.isel(individuals=0).transpose("time", "keypoints", "space").values
        true = np.linalg.norm(seen[:, 0] - seen[:, -1], axis=-1)
        assert 0.5 < np.median(long) / np.nanmedian(true) < 2.0


def test_scores_are_numbers_of_recordings(fitted, world):
    kind, model, _ = fitted
    if kind in ("slds", "arhmm"):
        table = model.score(given(kind, world)[0])
        assert table["recording"].values.tolist() == ["day0", "day1", "day2"]
        assert np.isfinite(table["per_frame"]).all()
    if kind == "classifier":
        assert 0.0 <= model.score(*given(kind, world)) <= 1.0


def test_one_recording_needs_no_name_from_poses_to_bouts_on_disk(world, tmp_path):
    """What is written without names of recordings goes through all estimators alike."""
    poses, own = world["poses"]["day0"], world["own"]["day0"]
    model = made("slds", world).fit(own)
    found, chance = model.predict(own), model.predict_proba(own)
    assert list(found) == list(chance) == list(made("map", world).fit(own).predict(own))
    by_name = made("slds", world).fit({"recording 1": own})
    same([found], [by_name.predict({"recording 1": own})])
    bouts = ethogram.bouts(found)
    label = found["recording 1"]["syllable"].values
    row = bouts.bouts.iloc[0]
    assert (label[row["start_frame"] : row["stop_frame"]] == int(row["label"])).all()
    assert bouts.recordings["fps"].tolist() == [FPS]
    two = ethogram.bouts(model.predict([own, world["own"]["day1"]]))
    assert two.recordings["recording"].tolist() == ["recording 1", "recording 2"]
    io_ethogram.write(bouts, str(tmp_path / "out.boris"))
    back = io_ethogram.read(str(tmp_path / "out.boris")).ethogram
    assert back.bouts["label"].tolist() == bouts.bouts["label"].tolist()
    told = BehaviorClassifier(Features(**world["ends"], windows_s=[0.25]), ("0",), rounds=3,
                              folds=2).fit(poses, bouts, groups="recording")  # fmt: skip
    assert list(told.predict(poses)) == ["recording 1"]


def test_labels_that_are_not_one_a_frame_are_refused(world):
    told = {"day0": world["own"]["day0"]}
    with pytest.raises(InputError, match=r"'day0' has no single label a frame"):
        ethogram.bouts(told)
    with pytest.raises(InputError, match="named 'a'; give each its own name"):
        tracks.by_name([one.assign_attrs(recording="a") for one in world["poses"].values()])


@pytest.mark.parametrize("kind", ("map", "slds", "arhmm"))
def test_jobs_are_a_setting_that_changes_no_bit(kind, fitted, world, monkeypatch):
    """Calls use them, unless they say how many threads they want."""
    if fitted[0] != kind:
        pytest.skip("another kind")
    model = fitted[1]
    assert model.get_params()["n_jobs"] == 1
    assert clone(model).set_params(n_jobs=3).get_params()["n_jobs"] == 3
    with pytest.raises(InputError, match="n_jobs is 0"):
        clone(model).set_params(n_jobs=0)
    asked = []
    count = jobs.threads
    monkeypatch.setattr(
        jobs, "threads", lambda *given: asked.append(count(*given)) or asked[-1]
    )
    monkeypatch.setattr(model, "n_jobs", 2)
    own = given(kind, world)[0]
    both = [model.predict(own), model.predict(own, threads=4)]
    assert set(asked) == {2, 4}
    same(both[:1], both[1:])

import importlib
import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from gambol.behavior import (
    chain_data,
    compare,
    gibbs,
    information,
    predictive,
    scan,
    states,
)
from gambol.behavior.state_settings import StateSettings
from gambol.behavior.states import StateModel
from gambol.core.errors import InputError
from gambol.core.sequences import pack, recording, select
from gambol.kernels import hmm, state_paths, streams
from gambol.simulate import sequences as simulated

FAST = dict(n_states=3, trans_kappa=500.0, init_window_s=3.0, keep_every=1)


@pytest.fixture(scope="module")
def world():
    return simulated.hierarchical(
        5, 3000, syllables=8, states=3, dwell_frames=12, state_s=10, fps=20, random_state=4
    )


@pytest.fixture(scope="module")
def model(world):
    return StateModel(**FAST).fit(world.sequences, 25)


def truth(world):
    return world.sequences._replace(values=world.states, size=len(world.trans))


def alike(model, world):
    labels = scan.states_of(model, world.sequences)
    return compare.agreement(compare.contingency(truth(world), labels)).adjusted_rand


def test_planted_states_are_found_nearly_as_well_as_with_the_true_parameters(model, world):
    told = StateModel(**FAST).fit(world.sequences, 1)
    told.parameters_ = gibbs.Parameters(world.theta, world.trans, None)
    best = told.predict(world.sequences)
    paths = [best[name].values for name in world.sequences.names]
    labels = truth(world)._replace(values=np.concatenate(paths))
    most = compare.agreement(compare.contingency(truth(world), labels)).adjusted_rand
    assert most > 0.75 and alike(model, world) > 0.85 * most


SEEDS = [0, 1, 2, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (3, 4))]


@pytest.mark.parametrize("seed", SEEDS)
def test_states_of_easy_recordings_are_recovered(seed):
    """K = 5, S = 20, parameters from the prior, 200 recordings of 1000 frames."""
    made = simulated.hierarchical(
        200, 1000, syllables=20, states=5, dwell_frames=None, state_s=10, fps=30,
        random_state=seed,
    )  # fmt: skip
    fits = [
        StateModel(n_states=5, trans_kappa=1e4, random_state=s).fit(made.sequences, 30)
        for s in range(2)
    ]
    best = max(fits, key=lambda m: m.log_probability_.max())
    assert alike(best, made) > 0.9


@pytest.mark.slow
def test_states_of_the_published_size_are_recovered_as_well_as_can_be():
    """Three recordings of 72 syllables and 10 states, one hour each, at 120 frames/s.

    The ceiling is a path drawn given the parameters that made them.
    """
    made = simulated.hierarchical(3)
    kappa = 6e5 * 3 / 21
    most = StateModel(n_states=10, trans_kappa=kappa)
    data = gibbs.prepare(most.settings, made.sequences)
    drawn = []
    for r, name in enumerate(made.sequences.names):
        values, valid = recording(made.sequences, r)
        rng = streams.generator(0, "ceiling", name)
        path = state_paths.sample(rng, values, valid, data.runs[r], made.theta, made.trans)
        drawn.append(path.states)
    ceiling = truth(made)._replace(values=np.concatenate(drawn))
    ceiling = compare.adjusted_rand(compare.contingency(truth(made), ceiling))
    fits = [
        StateModel(n_states=10, trans_kappa=kappa, random_state=seed).fit(
            made.sequences, 60, threads=2
        )
        for seed in range(5)
    ]
    best = max(fits, key=lambda m: m.log_probability_.max())
    assert ceiling > 0.6 and alike(best, made) >= 0.95 * ceiling


def test_predictions_are_the_same_twice_alone_and_in_another_order(model, world):
    names = world.sequences.names
    every = model.predict(world.sequences)
    alone = model.predict(select(world.sequences, names[2:3]))
    back = model.predict(select(world.sequences, names[::-1]), threads=2)
    for name in names:
        xr.testing.assert_identical(every[name], back[name])
    xr.testing.assert_identical(every[names[2]], alone[names[2]])


def test_shares_are_those_of_plain_forward_and_backward_passes(model, world):
    """An independent oracle: the general hidden Markov model of `kernels.hmm`."""
    one = select(world.sequences, world.sequences.names[:1])
    y, known = one.values.astype(int), model.parameters_
    log_lik = np.zeros((len(y), 3))
    log_lik[1:] = np.log(known.theta[:, y[:-1], y[1:]]).T
    plain = hmm.smooth(np.full(3, 1 / 3), known.trans, log_lik)
    found = model.predict_proba(one)[one.names[0]]
    np.testing.assert_allclose(found, plain.probs, atol=1e-6)
    assert float(model.score(one)["log_evidence"][0]) == pytest.approx(plain.log_evidence)
    assert found.dims == ("time", "state") and float(found["time"][20]) == pytest.approx(1.0)


def test_the_causal_share_of_the_last_frame_is_the_smoothed_one(model, world):
    one = select(world.sequences, world.sequences.names[:1])
    causal, smooth = model.filter(one)[one.names[0]], model.predict_proba(one)[one.names[0]]
    np.testing.assert_allclose(causal[-1], smooth[-1], atol=1e-6)
    assert np.abs(causal - smooth).max() > 0.05


def test_the_best_path_is_at_least_as_probable_as_drawn_ones(model, world):
    one = select(world.sequences, world.sequences.names[:1])
    y, known = one.values.astype(int), model.parameters_

    def log_p(z):
        moves = np.log(known.trans[z[:-1], z[1:]]).sum()
        return moves + np.log(known.theta[z[1:], y[:-1], y[1:]]).sum()

    best = log_p(model.predict(one)[one.names[0]].values.astype(int))
    log_lik = np.zeros((len(y), 3))
    log_lik[1:] = np.log(known.theta[:, y[:-1], y[1:]]).T
    rng = np.random.default_rng(0)
    drawn = [log_p(hmm.draw(rng, np.full(3, 1 / 3), known.trans, log_lik)) for _ in range(200)]
    assert best >= max(drawn)


def test_states_that_are_left_out_are_not_used(model, world):
    kept = np.array([True, False, True])
    paths = model.predict(world.sequences, among=kept)
    assert {*np.unique(np.concatenate(list(paths.values())))} <= {0, 2}


def test_a_saved_model_is_the_same_model(model, world, tmp_path):
    path = tmp_path / "model.nc"
    model.to_dataset().to_netcdf(path, engine="h5netcdf")
    back = StateModel.from_dataset(xr.load_dataset(path, engine="h5netcdf"))
    np.testing.assert_array_equal(back.parameters_.theta, model.parameters_.theta)
    np.testing.assert_array_equal(back.trace_, model.trace_)
    np.testing.assert_array_equal(back.history_, model.history_)
    np.testing.assert_array_equal(back.last_.parameters.theta, model.last_.parameters.theta)
    assert back.last_.sweep == model.last_.sweep == 25
    assert [k.sweep for k in back.kept_] == [k.sweep for k in model.kept_]
    assert back.get_params() == model.get_params() and back.converged_ == model.converged_
    for name, path in model.predict(world.sequences).items():
        xr.testing.assert_identical(back.predict(world.sequences)[name], path)


@pytest.mark.parametrize("emission", ["shared", "dirichlet"])
def test_a_chain_that_was_written_down_anywhere_goes_on_bit_for_bit(world, emission, tmp_path):
    settings = StateSettings(**FAST, emission=emission)
    data = gibbs.prepare(settings, world.sequences)
    whole = [states.begin(settings, data, None)]
    for _ in range(22):
        whole.append(gibbs.sweep(settings, data, whole[-1]))
    for at in range(1, 21):
        path = tmp_path / f"{at}.nc"
        chain_data.to_dataset(whole[at]).to_netcdf(path, engine="h5netcdf")
        chain = chain_data.from_dataset(xr.load_dataset(path, engine="h5netcdf"))
        for _ in range(2):
            chain = gibbs.sweep(settings, data, chain)
        target = whole[at + 2]
        np.testing.assert_array_equal(chain.states, target.states)
        np.testing.assert_array_equal(chain.trace, target.trace)
        np.testing.assert_array_equal(chain.history, target.history)
        np.testing.assert_array_equal(chain.best.parameters.theta, target.best.parameters.theta)
        assert len(chain.kept) == len(target.kept)


def test_given_states_are_used_exactly(world):
    given = np.random.default_rng(0).integers(3, size=len(world.states))
    settings = StateSettings(**{**FAST, "init": "given"})
    data = gibbs.prepare(settings, world.sequences)
    np.testing.assert_array_equal(states.begin(settings, data, given).states, given)
    with pytest.raises(InputError, match="give both or neither"):
        states.begin(settings, data, None)
    with pytest.raises(InputError, match="go up to 3; n_states is 3"):
        states.begin(settings, data, given + 1)


def test_recordings_drawn_from_the_model_remember_as_the_model_does(model, world):
    """Its own draws, with the parameters of the draw: most lags lie in the band."""
    own, _ = model.sample(dict.fromkeys(world.sequences.names, 3000), random_state=9)
    seconds = np.geomspace(0.5, 40, 12)
    told = predictive.check(model, own, seconds, surrogates=4)
    assert told.drawn.shape == (25, len(told.lag_s)) and told.inside >= 0.8


def test_a_memory_that_the_model_lacks_is_seen(world):
    """Without states, draws forget what the recordings remember."""
    blind = StateModel(**{**FAST, "n_states": 1}).fit(world.sequences, 12)
    told = predictive.check(blind, world.sequences, np.geomspace(1, 10, 8), surrogates=4)
    assert told.inside < 0.5


def test_markov_recordings_are_remembered_as_one_state_remembers():
    made = simulated.hierarchical(
        8, 4000, syllables=8, states=1, dwell_frames=12, fps=20, random_state=3
    )
    blind = StateModel(**{**FAST, "n_states": 1}).fit(made.sequences, 20)
    told = predictive.check(blind, made.sequences, np.geomspace(0.5, 40, 12), surrogates=4)
    assert told.inside >= 0.8


def test_too_few_kept_sweeps_are_refused(world):
    few = StateModel(**{**FAST, "keep_every": 5}).fit(world.sequences, 10)
    with pytest.raises(InputError, match="kept 2 sweeps and a predictive check takes 10"):
        predictive.check(few, world.sequences, [1.0])


def test_climbing_to_a_mode_is_a_fit_without_chance(world):
    fits = [
        StateModel(**FAST, random_state=seed).fit(world.sequences, 8, method="map", states=None)
        for seed in (0, 0)
    ]
    np.testing.assert_array_equal(*(fit.trace_ for fit in fits))
    assert alike(fits[0], world) > 0.5 and fits[0].last_.sweep == 8


def test_the_history_is_of_the_recording_and_the_moment_asked_for(world):
    name = world.sequences.names[2]
    asked = dict(FAST, history=name, history_from_s=20.0, history_s=30.0)
    fitted = StateModel(**asked).fit(world.sequences, 3)
    assert fitted.history_.shape == (3, 600)  # 20 frames a second
    np.testing.assert_array_equal(fitted.history_[-1], fitted.sample_[name].values[400:1000])
    assert set(fitted.predict(select(world.sequences, world.sequences.names[:1])))
    with pytest.raises(InputError, match="history_from_s is 1000, .* begin earlier"):
        StateModel(**{**asked, "history_from_s": 1000.0}).fit(world.sequences, 1)
    with pytest.raises(InputError, match="there is no recording 'nobody'"):
        StateModel(**{**asked, "history": "nobody"}).fit(world.sequences, 1)


def test_recordings_without_any_label_are_refused():
    with pytest.raises(InputError, match="no recording has a frame with a label"):
        StateModel().fit(pack([np.full(9, -1)], ["r"], 20.0), 1)


def test_drawing_takes_the_room_of_what_is_drawn():
    """Not T × S × S numbers, which would be 4 GB."""
    theta = np.full((3, 50, 50), 1 / 50)
    model = StateModel(n_states=3)
    model.parameters_ = gibbs.Parameters(theta, np.full((3, 3), 1 / 3), None)
    model.fps_ = 30.0
    model.sample({"short": 10})  # compiles
    tracemalloc.start()
    seq, drawn = model.sample({"a": 100_000, "b": 100_000})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30 * 200_000 and seq.values.dtype == np.uint8
    assert set(np.unique(drawn["a"])) == {0, 1, 2}


def test_drawn_states_last_as_long_as_the_transitions_say(model):
    seq, drawn = model.sample({"long": 200_000}, random_state=1)
    z = drawn["long"].values
    stays = (z[1:] == z[:-1]).mean()
    share = np.bincount(z, minlength=3) / len(z)
    assert stays == pytest.approx(float(share @ np.diag(model.parameters_.trans)), abs=0.002)
    assert seq.size == 8 and len(seq.values) == 200_000


def test_published_names_of_settings_are_understood():
    with pytest.warns(UserWarning, match="emission_gd_iters has no use here"):
        model = StateModel(random_seed=3, emissions_beta=2.0, emission_gd_iters=10)
    assert model.settings.random_state == 3 and model.settings.emission_beta == 2.0
    with pytest.raises(InputError, match="n_state.*n_states"):
        StateModel(n_state=5)
    assert StateSettings().override(["emissions_beta=3"]).emission_beta == 3
    assert StateSettings().override(["random_seed=7"]).random_state == 7
    with pytest.raises(InputError, match="^StateModel: random_seed and .* give one of them$"):
        StateModel(random_seed=1, random_state=1)


def test_settings_survive_yaml(tmp_path):
    settings = StateSettings(n_states=7, trans_kappa=123.4)
    settings.to_yaml(tmp_path / "settings.yaml")
    assert StateSettings.from_yaml(tmp_path / "settings.yaml") == settings
    assert json.loads(settings.model_dump_json())["trans_kappa"] == 123.4


def test_a_larger_syllable_or_another_rate_is_refused(model, world):
    seq = world.sequences
    with pytest.raises(InputError, match="label 9"):
        model.predict(pack([np.array([9, 1])], ["new"], 20.0))
    with pytest.raises(InputError, match="bring them to one rate"):
        model.predict(seq._replace(fps=30.0))
    with pytest.raises(InputError, match="not fitted yet"):
        StateModel().predict(seq)


def test_scores_are_of_pairs_of_frames_and_of_bouts(model):
    seq = pack([np.array([0, 0, 1, -1, -1, 2, 2, 2])], ["r"], 20.0, 8)
    told = model.score(seq)
    assert int(told["frames"][0]) == 4  # pairs of frames with a label
    assert float(told["per_bout"][0]) == pytest.approx(float(told["log_evidence"][0]) / 3)


def test_parameters_can_be_read_and_set(model):
    assert StateModel(**model.get_params()).get_params() == model.get_params()
    assert StateModel().set_params(n_states=4).settings.n_states == 4


def test_one_state_and_two_syllables_are_a_model(world):
    seq = pack([np.random.default_rng(0).integers(2, size=400)], ["r"], 20.0)
    fitted = StateModel(n_states=1, init="uniform").fit(seq, 3)
    assert fitted.parameters_.theta.shape == (1, 2, 2) and np.isfinite(fitted.trace_).all()


@pytest.mark.slow
def test_states_tell_of_what_raters_saw_more_than_shifts_do(data, monkeypatch):
    """Recordings of mice: states above clusters, and the vote of three human raters."""
    from gambol.io import syllables

    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))
    rearing = importlib.import_module("benchmarks.rearing")
    folder = data / "mouse_rearing"
    if not folder.exists():
        pytest.skip(f"no mouse_rearing in {data}")
    seq = syllables.read(folder / "syllables", rearing.FPS, label="kmeans.25").sequences
    fitted = StateModel(n_states=5, trans_kappa=2e4).fit(seq, 40, threads=2)
    rated = rearing.ratings(folder, seq)
    own = select(scan.states_of(fitted, seq), rated.names)
    told = information.mutual_information(own, rated, surrogates=50, within=True)
    assert len(rated.names) == 10 and told.plug_in > told.surrogates.max()

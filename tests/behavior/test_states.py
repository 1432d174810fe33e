import json

import numpy as np
import pytest
import xarray as xr

from gambol.behavior import chain_data, compare, gibbs, predictive, scan, states
from gambol.behavior.state_settings import StateSettings
from gambol.behavior.states import StateModel
from gambol.core.errors import InputError
from gambol.core.sequences import pack, select
from gambol.kernels import hmm
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


@pytest.mark.parametrize("seed", range(5))
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
    assert [k.sweep for k in back.kept_] == [k.sweep for k in model.kept_]
    assert back.get_params() == model.get_params() and back.converged_ == model.converged_
    for name, path in model.predict(world.sequences).items():
        xr.testing.assert_identical(back.predict(world.sequences)[name], path)


@pytest.mark.parametrize("emission", ["shared", "dirichlet"])
def test_a_chain_that_was_written_down_anywhere_goes_on_bit_for_bit(world, emission, tmp_path):
    settings = StateSettings(**FAST, emission=emission)
    data = gibbs.prepare(settings, world.sequences)
    whole = [states.begin(settings, data, None)]
    for _ in range(21):
        whole.append(gibbs.sweep(settings, data, whole[-1]))
    rng = np.random.default_rng(0)
    for at in sorted(rng.choice(21, 10, replace=False)):
        path = tmp_path / f"{at}.nc"
        chain_data.to_dataset(whole[at]).to_netcdf(path, engine="h5netcdf")
        chain = chain_data.from_dataset(xr.load_dataset(path, engine="h5netcdf"))
        for _ in range(2):
            chain = gibbs.sweep(settings, data, chain)
        target = whole[min(at + 2, 21)] if at <= 19 else None
        if target is None:
            continue
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
    with pytest.raises(InputError, match="one setting"):
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

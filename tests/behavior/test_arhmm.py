"""Syllables of given series: recovery, laws and bad input."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import adjusted_rand_score

from gambol.behavior import arhmm as module
from gambol.behavior import syllables
from gambol.behavior.arhmm import ARHMM
from gambol.core import sequences
from gambol.core.errors import InputError
from gambol.kernels import arhmm, arhmm_paths


def turning(rng, frames, stay=0.97):
    """A point that turns left, right, or rests: three dynamics in a plane."""
    rates = [0.4, -0.4, 0.0]
    z, x = np.zeros(frames, int), np.zeros((frames, 2))
    x[0] = 1.0, 0.0
    for t in range(1, frames):
        z[t] = z[t - 1] if rng.random() < stay else rng.integers(3)
        c, s = np.cos(rates[z[t]]), np.sin(rates[z[t]])
        x[t] = np.array([[c, -s], [s, c]]) @ x[t - 1]
        x[t] = x[t] / np.linalg.norm(x[t]) + 0.05 * rng.standard_normal(2)
    return z, x


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    truth, x = zip(*(turning(rng, 2000) for _ in range(3)), strict=True)
    names = ["c", "a", "b"]
    series = dict(zip(names, x, strict=True))
    model = ARHMM(n_states=8, lags=1, ar_iterations=40, target_duration_s=0.8, search_sweeps=10)
    return dict(zip(names, truth, strict=True)), series, model.fit(series, 30.0)


def test_planted_dynamics_are_found(fitted):
    truth, series, model = fitted
    found = model.predict(series)
    for name, z in truth.items():
        assert adjusted_rand_score(z[1:], found[name][1:]) > 0.8
        assert found[name][0] == -1


def test_labels_are_numbered_by_usage(fitted):
    _, _, model = fitted
    share = syllables.usage(model.sample_.values(), 8)
    assert (np.diff(share) <= 0).all()


def test_order_of_recordings_and_threads_change_no_bit(fitted):
    _, series, model = fitted
    other = clone(model).fit(dict(reversed(series.items())), 30.0, threads=2)
    assert (other.trace_ == model.trace_).all()
    assert all((other.sample_[name] == model.sample_[name]).all() for name in series)


def test_a_recording_is_labelled_alike_alone_and_together(fitted):
    _, series, model = fitted
    together, probs = model.predict(series), model.predict_proba(series)
    alone = model.predict({"a": series["a"]})["a"]
    assert (alone == together["a"]).all()
    assert np.nanmax(abs(probs["a"][1:].sum(1) - 1)) < 1e-9
    assert (probs["a"][1:].argmax(1) == together["a"][1:]).mean() > 0.95


def test_models_survive_writing(fitted):
    _, series, model = fitted
    again = ARHMM.from_dataset(model.to_dataset())
    assert (again.predict(series)["b"] == model.predict(series)["b"]).all()
    assert again.get_params() == model.get_params()


def test_scores_are_evidence_by_frame(fitted):
    _, series, model = fitted
    table = model.score(series)
    laid = arhmm.lay(model.parameters_.dynamics)
    told = arhmm_paths.evidence(series["a"], laid, model.parameters_.trans)
    assert table["log_evidence"].sel(recording="a") == told
    x, z = model.sample(500)
    assert x.shape == (500, 2) and z[0] == -1 and z.max() < 8


def test_labels_are_sequences_with_bouts(fitted):
    _, series, model = fitted
    seq = model.sequences(model.predict(series))
    assert seq.names == ("a", "b", "c") and seq.size == 8
    assert not sequences.recording(seq, 0)[1][0]


def test_bad_series_are_named():
    good = np.zeros((20, 2))
    bad = good.copy()
    bad[7, 1] = np.nan
    with pytest.raises(InputError, match="b: frame 7 is not finite"):
        module.prepare(ARHMM().settings, {"a": good, "b": bad}, 30.0)
    with pytest.raises(InputError, match="b has 3 dimensions"):
        module.prepare(ARHMM().settings, {"a": good, "b": np.zeros((20, 3))}, 30.0)
    with pytest.raises(InputError, match="a has 2 frames"):
        module.prepare(ARHMM().settings, {"a": good[:2]}, 30.0)
    with pytest.raises(InputError, match="not fitted yet"):
        ARHMM().predict({"a": good})
    with pytest.raises(InputError, match="did you mean 'kappa'"):
        ARHMM(kapa=3.0)

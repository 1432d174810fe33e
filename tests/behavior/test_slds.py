"""Syllables of keypoints: recovery, invariances, prediction that never falls, bad input."""

import weakref

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from gambol.behavior import slds_predict, syllable_chain, syllable_plan, syllables
from gambol.behavior.slds import KeypointSLDS
from gambol.behavior.syllable_chain import Scene
from gambol.behavior.syllables import Parameters
from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.core.tracks import Read, Track
from gambol.kernels.arhmm import Dynamics
from gambol.kernels.slds_frames import Body
from gambol.simulate import switching

FPS, BODY = 30.0, np.array([[2.0, 0.0], [0.0, 1.0], [0.0, -1.0], [-2.0, 0.0], [-4.0, 0.0]]) * 10
BENDS = np.array([[[1.0, 0], [0, 0], [0, 0], [0, 1.0], [0, 3.0]],
                  [[0, 0], [1.0, 1], [1.0, -1], [0, 0], [-2.0, 0]]]) * 3  # fmt: skip
SKELETON = Skeleton(("nose", "left", "right", "rear", "tail"))


def turn(xy, h):
    c, s = np.cos(h)[:, None], np.sin(h)[:, None]
    return np.stack([c * xy[..., 0] - s * xy[..., 1], s * xy[..., 0] + c * xy[..., 1]], -1)


def animal(seed, frames=1500, sd=1.0, lost=0.05):
    """Two bends that swing one way, the other way, or rest; it walks and is seen badly."""
    rng = np.random.default_rng(seed)
    z, x = np.zeros(frames, int), np.zeros((frames, 2))
    x[0] = 1.0, 0.0
    for t in range(1, frames):
        z[t] = z[t - 1] if rng.random() < 0.97 else rng.integers(3)
        a = [0.4, -0.4, 0.0][z[t]]
        x[t] = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) @ x[t - 1]
        x[t] = x[t] / np.linalg.norm(x[t]) + 0.03 * rng.standard_normal(2)
    shape = BODY + np.einsum("ti,ijd->tjd", x, BENDS)
    heading = np.cumsum(0.05 * rng.standard_normal(frames))
    place = np.cumsum(rng.standard_normal((frames, 2)), 0)
    s = sd**2 * 5 / rng.chisquare(5, shape.shape[:2])
    xy = turn(shape, heading) + place[:, None]
    xy = xy + np.sqrt(s)[..., None] * rng.standard_normal(xy.shape)
    xy[rng.random(s.shape) < lost] = np.nan
    return z, track(f"day {seed}", xy, sd**2)


def track(name, xy, variance=1.0):
    shape = xy.shape[:2]
    times = np.arange(len(xy)) / FPS
    return Track(name, xy, np.full(shape, 0.9), np.full(shape, variance), times, FPS, SKELETON)


SETTINGS = dict(
    n_states=10, lags=1, n_dims=2, anterior=("nose",), posterior=("rear",), ar_iterations=20,
    iterations=40, search_sweeps=8, target_duration_s=0.8, warm_sweeps=10,
)  # fmt: skip


@pytest.fixture(scope="module")
def fitted():
    truth, found = zip(*(animal(seed) for seed in range(2)), strict=True)
    return truth, list(found), KeypointSLDS(**SETTINGS).fit(list(found))


def test_planted_syllables_are_found(fitted):
    truth, found, model = fitted
    predicted = model.predict(found)
    for z, one in zip(truth, found, strict=True):
        labels = predicted[one.name]["syllable"].values
        assert adjusted_rand_score(z[1:], labels[1:]) > 0.6
        drawn = model.sample_[one.name]["syllable"].values
        assert adjusted_rand_score(z[1:], drawn[1:]) > 0.6


def test_bouts_last_as_long_as_wanted(fitted):
    _, _, model = fitted
    middle = np.median(model.trace_[-20:, 2])
    assert abs(middle / (0.8 * FPS) - 1) < 0.35  # the search ends at 10 % of a noisy median
    assert 3 <= len(model.notes_) <= 3 + syllable_plan.REPEATS


def test_prediction_is_alike_alone_together_and_in_any_order(fitted):
    _, found, model = fitted
    together = model.predict(found, threads=2)
    back = model.predict(found[::-1])
    for one in found:
        alone = model.predict([one])[one.name]
        assert alone.equals(together[one.name]) and alone.equals(back[one.name])


def test_recordings_on_disk_start_alike_and_are_read_one_at_a_time(fitted):
    _, found, model = fitted
    every, held = {one.name: one for one in found}, []

    def read(name):
        assert not any(one() is not None for one in held)
        xy = every[name].xy.copy()
        held.append(weakref.ref(xy))
        return every[name]._replace(xy=xy)

    lazy = Read(list(every)[::-1], read)
    one, two = (KeypointSLDS(**SETTINGS).prepare(poses) for poses in (lazy, found))
    assert len(held) >= 2 * len(found) and one.lengths == two.lengths
    assert one.data.keys == two.data.keys
    for a, b in zip((*one.hidden, *one.data.seen), (*two.hidden, *two.data.seen), strict=True):
        np.testing.assert_equal(a, b)
    for name, result in model.predict(lazy).items():
        assert result.equals(model.predict([every[name]])[name])


def test_what_stands_at_absent_keypoints_is_of_no_effect_on_what_is_recalled(fitted):
    _, found, model = fitted
    start, frozen = model._start(found), model._frozen()
    seen = start.data.seen[0]
    filled = np.where(seen.noise.present[..., None], seen.xy, 700.0)
    other = start.data._replace(seen=(seen._replace(xy=filled), *start.data.seen[1:]))
    args = start.hidden[0], frozen, model.seen_
    one, two = (slds_predict.recall(data, 0, *args) for data in (start.data, other))
    assert (~seen.noise.present).any()
    np.testing.assert_equal(one, two)


def test_first_latents_are_those_of_present_keypoints_alone(fitted):
    _, found, model = fitted
    one = found[0]
    gone = np.isnan(one.xy[..., 0]).any(axis=1)
    away = one._replace(xy=one.xy + [5000.0, -3000.0])  # 0 would be far off the animal
    here, there = (model._start([track]).hidden[0].x for track in (one, away))
    np.testing.assert_allclose(here, there, atol=1e-6)
    # a keypoint is guessed by the others: about as good as all of them seen
    assert gone.any() and 0.5 < here[gone].std() / here[~gone].std() < 2.0


def test_states_as_seen_are_regressions_of_first_latents(fitted):
    _, found, model = fitted
    start, settings = model._start(found), model.settings
    z = [model.sample_[key.recording]["syllable"].values[1:] for key in start.data.keys]
    prior = syllables.prior(settings, 2)
    for state in range(settings.n_states):
        now, before = [], []
        for own, label in zip(start.hidden, z, strict=True):
            here = label == model.rank_[state]
            now.append(own.x[1:][here])
            before.append(np.c_[own.x[:-1], np.ones(len(own.x) - 1)][here])
        y, phi = np.vstack(now), np.vstack(before)
        # the prior counts as rows that were seen before
        root = np.sqrt(prior.precision)
        y, phi = np.vstack([y, root @ prior.mean.T]), np.vstack([phi, root])
        ab = np.linalg.lstsq(phi, y, rcond=None)[0].T
        rest = y - phi @ ab.T
        n = len(y) - len(root)
        q = (prior.scale + rest.T @ rest) / max(prior.dof + n - 3, 1.0)
        np.testing.assert_allclose(model.seen_.ab[state], ab, atol=1e-6)
        np.testing.assert_allclose(model.seen_.q[state], q, atol=1e-6)


def test_the_log_joint_never_falls(fitted):
    _, found, model = fitted
    for climbs in model.climb(found).values():
        for climbed in climbs:
            assert len(climbed.log_joint) > 2 and (np.diff(climbed.log_joint) >= 0).all()


def test_place_and_heading_of_a_recording_change_nothing(fitted):
    _, found, model = fitted
    one = found[0]
    moved = track(one.name, turn(one.xy, np.full(len(one.xy), 0.7)) + [300.0, -50.0])
    here, there = model.predict([one])[one.name], model.predict([moved])[one.name]
    assert (here["syllable"] == there["syllable"]).mean() > 0.999
    np.testing.assert_allclose(here["latent"], there["latent"], atol=1e-5)
    turned = np.exp(1j * (there["heading"] - here["heading"] - 0.7))
    np.testing.assert_allclose(turned, 1, atol=1e-6)


def test_absent_points_leave_gaps_and_split_recordings_only_where_all_are_absent(fitted):
    _, found, model = fitted
    xy = found[0].xy.copy()
    xy[400:500] = np.nan  # more than a second
    xy[700:715] = np.nan  # less
    result = model.predict([track("gap", xy)])["gap"]
    labels = result["syllable"].values
    assert (labels[400:501] == -1).all() and (labels[501:] >= 0).all() and labels[0] == -1
    assert np.isnan(result["heading"].values[400:500]).all()
    assert (np.isnan(result["noise"].values) == np.isnan(xy[..., 0])).all()
    gone = track("gone", np.full((50, 5, 2), np.nan))
    assert (model.predict([found[0], gone])["gone"]["syllable"] == -1).all()


def test_probabilities_agree_with_the_labels(fitted):
    _, found, model = fitted
    parts = ("xy", "confidence", "variance", "times")
    short = found[0]._replace(**{name: getattr(found[0], name)[:300] for name in parts})
    probs = model.predict_proba([short])[short.name]
    labels = model.predict([short])[short.name]["syllable"].values
    assert np.isnan(probs[0]).all() and abs(probs[1:].sum(1) - 1).max() < 1e-9
    assert (probs[1:].argmax(1) == labels[1:]).mean() > 0.8


def test_models_survive_writing(fitted):
    _, found, model = fitted
    again = KeypointSLDS.from_dataset(model.to_dataset())
    assert again.predict(found[:1])["day 0"].equals(model.predict(found[:1])["day 0"])
    assert again.get_params() == model.get_params()


def test_held_out_keypoints_are_foretold_better_than_by_standing_still(fitted):
    _, found, model = fitted
    table = model.score(found)
    still = model.score(found)["held_out"].values
    loose = KeypointSLDS.from_dataset(model.to_dataset())
    q = loose.parameters_.dynamics.q
    ab = np.zeros_like(loose.parameters_.dynamics.ab)
    flat = Dynamics(ab, np.repeat(np.eye(q.shape[1])[None], len(q), 0))
    loose.parameters_ = Parameters(*loose.parameters_[:2], flat)
    assert (table["held_out"] > loose.score(found)["held_out"]).all()
    assert np.array_equal(table["held_out"], still)


def test_baselines_stand_beside_every_score_and_lose(fitted):
    _, found, model = fitted
    table = model.score(found)
    for name in ("gaussian", "first_order"):
        assert (table["per_frame"] > table[f"per_frame_{name}"]).all()
    assert (table["held_out"] > table["held_out_gaussian"]).all()
    again = KeypointSLDS.from_dataset(model.to_dataset()).score(found)
    assert again.equals(table)


def test_marginals_given_latents_are_sure_of_the_path(fitted):
    _, found, model = fitted
    probs = model.marginals(found[:1])["day 0"]
    labels = model.predict(found[:1])["day 0"]["syllable"].values
    assert np.isnan(probs[0]).all() and abs(probs[1:].sum(1) - 1).max() < 1e-9
    assert (probs[1:].argmax(1) == labels[1:]).mean() > 0.9


def test_relabelling_orders_by_usage_and_leaves_parameters_alone(fitted):
    _, found, model = fitted
    other = KeypointSLDS.from_dataset(model.to_dataset())
    other.rank_ = np.roll(other.rank_, 3)
    before = other.predict(found)
    other.relabel(before)
    after = other.predict(found)
    labels = np.concatenate([one["syllable"].values for one in after.values()])
    counts = np.bincount(labels[labels >= 0], minlength=10)
    assert (np.diff(counts) <= 0).all() and sorted(other.rank_) == list(range(10))
    assert other.parameters_ is not None and np.array_equal(
        other.parameters_.trans, model.parameters_.trans
    )
    old = np.concatenate([one["syllable"].values for one in before.values()])
    assert adjusted_rand_score(old, labels) == 1.0


def test_samples_are_poses_with_syllables(fitted):
    _, _, model = fitted
    drawn = model.sample(200)
    assert drawn["position"].shape == (200, 5, 2) and drawn["syllable"].values.max() < 10
    assert model.sequences(model.sample_).names == ("day 0", "day 1")


def test_three_dimensions_turn_about_the_axis_that_is_up():
    _, one = animal(3, frames=400)
    rng = np.random.default_rng(0)
    flat = np.concatenate([one.xy, rng.standard_normal((400, 5, 1))], -1)
    few = dict(SETTINGS, iterations=3, ar_iterations=3, kappa=1e4)
    upright = KeypointSLDS(**few).fit([track("a", flat)])
    lying = KeypointSLDS(**few, up="y").fit([track("a", flat[..., [1, 2, 0]])])
    np.testing.assert_allclose(upright.trace_, lying.trace_, rtol=1e-6)
    a, b = upright.sample_["a"], lying.sample_["a"]
    np.testing.assert_allclose(
        a["centroid"].values[:, [1, 2, 0]], b["centroid"].values, atol=1e-6
    )


def test_bad_poses_are_named(fitted):
    _, found, model = fitted
    with pytest.raises(InputError, match="two recordings are named 'day 0'"):
        model.predict([found[0], found[0]])
    with pytest.raises(InputError, match="anterior and posterior are empty"):
        KeypointSLDS().fit(found)
    with pytest.raises(InputError, match="bring them to one rate"):
        model.predict([found[0]._replace(fps=60.0)])
    other = found[0]._replace(skeleton=Skeleton(("a", "b", "c", "d", "e")))
    with pytest.raises(InputError, match="the model was made for nose"):
        model.predict([other])
    with pytest.raises(InputError, match="not fitted yet"):
        KeypointSLDS().to_dataset()


@pytest.mark.slow
def test_recovery_is_near_that_under_true_parameters():
    """On poses of a known law, seen with heavy-tailed noise and drop-outs, ahead of one fit."""
    rng = np.random.default_rng(4)
    law = switching.law(rng, syllables=6, dims=4, duration_s=0.5)
    drawn, found = [], []
    for number in range(6):
        made = switching.sample(rng, law, 3000)
        xy, sd = made.performed.xy, 2.0
        s = sd**2 * 5 / rng.chisquare(5, xy.shape[:2])
        xy = xy + np.sqrt(s)[..., None] * rng.standard_normal(xy.shape)
        xy[rng.random(s.shape) < 0.03] = np.nan
        drawn.append(made.performed.label)
        skeleton, shape = made.performed.body.skeleton, xy.shape[:2]
        variance = np.full(shape, sd**2)
        found.append(
            Track(f"r{number}", xy, variance, variance, made.performed.times, FPS, skeleton)
        )
    body = made.performed.body
    target = float(np.median(syllables.durations(drawn))) / FPS
    model = KeypointSLDS(
        n_states=12, lags=1, n_dims=4, anterior=(body.front,), posterior=(body.rear,),
        target_duration_s=target, iterations=100,
    ).fit(found)  # fmt: skip
    labels = model.predict(found)
    ours = [labels[one.name]["syllable"].values for one in found]

    truth = KeypointSLDS.from_dataset(model.to_dataset())
    scene = Scene(Body(law.loadings, law.offset), truth.model_.scene.step)
    truth.model_ = truth.model_._replace(scene=scene)
    ab = np.concatenate([law.dynamics, law.bias[..., None]], -1)
    truth.parameters_ = Parameters(np.full(6, 1 / 6), law.trans, Dynamics(ab, law.noise))
    truth.rank_, truth.seen_ = np.arange(6), None
    reach = []
    for number, one in enumerate(found):
        begun = truth._start([one])
        # latents of the law's own body, by least squares
        own = begun.hidden[0]
        loads = law.loadings.reshape(-1, 4)
        back = turn(np.nan_to_num(begun.data.seen[0].xy) - own.centroid[:, None], -own.heading)
        x = (back - law.offset).reshape(len(back), -1) @ np.linalg.pinv(loads).T
        settled = slds_predict.settle(begun.data, 0, own._replace(x=x), truth.parameters_)
        frozen = syllable_chain.freeze(truth.parameters_)
        best = slds_predict.ascend(begun.data, 0, settled, frozen).hidden.z
        reach.append(adjusted_rand_score(drawn[number][1:], best))
    got = [adjusted_rand_score(z[1:], label[1:]) for z, label in zip(drawn, ours, strict=True)]
    assert np.mean(got) >= 0.8 * np.mean(reach)
    assert abs(np.median(model.trace_[-50:, 2]) / (target * FPS) - 1) < 0.1

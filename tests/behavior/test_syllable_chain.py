"""The sampler against its own model: joint tests that pass, and with a fault fail."""

import numpy as np
import pytest

from gambol.behavior import syllable_chain, syllable_data, syllables
from gambol.behavior.syllable_chain import Data, Hidden, Scene, Seen
from gambol.behavior.syllable_settings import DynamicsSettings, SyllableSettings
from gambol.behavior.syllables import Key, Parameters
from gambol.kernels import arhmm, slds_frames, slds_latents, streams, wishart
from gambol.kernels.slds_frames import Body, Noise

N, D, L, J, T = 2, 2, 2, 3, 9
TINY = dict(
    n_states=N, lags=L, gamma=3.0, alpha=2.0, kappa=3.0, step_dof=10.0, step_scale=2.0,
    coefficient_precision=40.0,
)  # fmt: skip
KEY = Key("day 1", 0, 0)


def prior_draw(rng, settings):
    """Parameters and latents from the prior."""
    beta = rng.dirichlet([settings.gamma / N] * N)
    trans = np.array(
        [rng.dirichlet(settings.alpha * beta + settings.kappa * row) for row in np.eye(N)]
    )
    drawn = [wishart.draw(rng, syllables.prior(settings, D)) for _ in range(N)]
    dynamics = arhmm.Dynamics(*(np.array(part) for part in zip(*drawn, strict=True)))
    z = [rng.integers(N)]
    while len(z) < T - L:
        z.append(int(rng.random() > trans[z[-1], 0]))
    z = np.array(z, np.uint8)
    return Parameters(beta, trans, dynamics), z, draw_series(rng, dynamics, z)


def draw_series(rng, dynamics, z):
    x = rng.standard_normal((T, D)) * np.sqrt(slds_latents.FIRST)
    for t in range(L, T):
        k = z[t - L]
        mean = dynamics.ab[k] @ np.append(x[t - L : t].ravel(), 1.0)
        x[t] = mean + np.linalg.cholesky(dynamics.q[k]) @ rng.standard_normal(D)
    return x


def draw_keypoints(rng, scene, own, noise):
    """Keypoints from the model, 0 where absent."""
    course = slds_frames.Course(np.zeros((T, J, len(scene.body.offset.T))), *own[2:4])
    clean = slds_frames.predicted(own.x, scene.body, course)
    sd = np.sqrt(own.scale * noise.share)[..., None]
    return (clean + sd * rng.standard_normal(clean.shape)) * noise.present[..., None]


def world(d):
    """A body, and what is known of the noise: one keypoint absent, and one frame."""
    rng = np.random.default_rng(d)
    body = Body(rng.standard_normal((J, d, D)) / 2, rng.standard_normal((J, d)))
    present = np.ones((T, J), bool)
    present[3, 1], present[5] = False, False
    noise = Noise(present, rng.uniform(0.5, 2, (T, J)), 5.0, np.array([0.5, 1.0, 2.0]))
    return Scene(body, 0.7), noise


def statistics(known, own, seen=None):
    """Bounded or logarithmic functions of all unknowns, none of where the walk began."""
    ab, q = known.dynamics
    moves = own.z[1:] != own.z[:-1]
    out = [
        known.beta, known.beta**2, np.diag(known.trans),
        np.log(np.diagonal(q, 0, 1, 2)).ravel(),
        np.arctan(ab).ravel(), [moves.mean(), (own.z == 0).mean()], np.arctan(own.x).ravel(),
        np.arctan(own.x[1:] * own.x[:-1]).ravel()[::3],
    ]  # fmt: skip
    if seen is not None:
        walked = own.centroid - own.centroid[0]
        spread = np.arctan(seen.xy - own.centroid[:, None])[seen.noise.present]
        out += [
            np.cos(own.heading), np.sin(own.heading[1:] - own.heading[:-1]),
            np.arctan(walked[[2, 5, 8]]).ravel(), np.log(own.scale)[seen.noise.present],
            spread.mean(0), (spread**2).mean(0),
        ]  # fmt: skip
    return np.concatenate([np.ravel(part) for part in out])


def scores(drawn, chained):
    """Return z of every statistic; errors of the chain from means of batches."""
    drawn, chained = np.array(drawn), np.array(chained)
    batches = chained[: len(chained) // 50 * 50].reshape(50, -1, chained.shape[1]).mean(1)
    error = np.sqrt(drawn.var(0) / len(drawn) + batches.var(0, ddof=1) / 50)
    return (chained.mean(0) - drawn.mean(0)) / error


def joint_series(sweeps, seed=0):
    """Compare draws of the model with sweeps that redraw the series. Source: Geweke (2004)."""
    rng, settings = np.random.default_rng(seed), DynamicsSettings(**TINY, random_state=seed)

    def fresh():
        known, z, x = prior_draw(rng, settings)
        return known, syllable_chain.given(x, settings)._replace(z=z)

    drawn = [statistics(*fresh()) for _ in range(8000)]
    known, own = fresh()
    data, chained = Data((KEY,), (), None, 30.0), []
    chain = syllable_chain.start(settings, data, [own])._replace(
        hidden=(own,), parameters=known
    )
    for _ in range(sweeps):
        chain = syllable_chain.sweep(settings, data, chain, whole=False)
        own = chain.hidden[0]
        own = own._replace(x=draw_series(rng, chain.parameters.dynamics, own.z))
        chain = chain._replace(hidden=(own,), trace=chain.trace[:0])
        chained.append(statistics(chain.parameters, own))
    return scores(drawn, chained)


def joint_keypoints(d, sweeps, seed=0):
    """The same for keypoints, which the sweeps redraw."""
    rng, settings = np.random.default_rng(seed), SyllableSettings(**TINY, random_state=seed)
    scene, noise = world(d)

    def fresh():
        known, z, x = prior_draw(rng, settings)
        v = np.cumsum(rng.standard_normal((T, d)) * np.sqrt(scene.step), axis=0)
        scale = noise.dof * noise.prior / rng.chisquare(noise.dof, (T, J))
        own = Hidden(z, x, v, rng.uniform(-np.pi, np.pi, T), scale)
        return known, own, Seen(draw_keypoints(rng, scene, own, noise), noise)

    drawn = [statistics(*fresh()) for _ in range(8000)]
    known, own, seen = fresh()
    data = Data((KEY,), (seen,), scene, 30.0)
    chain = syllable_chain.start(settings, data, [own])
    chain, chained = chain._replace(hidden=(own,), parameters=known), []
    for _ in range(sweeps):
        chain = syllable_chain.sweep(settings, data, chain, whole=True)
        own = chain.hidden[0]
        own = own._replace(centroid=own.centroid - own.centroid[0])  # its start is flat
        seen = Seen(draw_keypoints(rng, scene, own, noise), noise)
        data = data._replace(seen=(seen,))
        chain = chain._replace(hidden=(own,), trace=chain.trace[:0])
        chained.append(statistics(chain.parameters, own, seen))
    return scores(drawn, chained)


@pytest.mark.slow
def test_sweeps_of_series_keep_the_joint_law():
    assert abs(joint_series(5000)).max() < 4


@pytest.mark.slow
@pytest.mark.parametrize("d", [2, 3])
def test_sweeps_of_keypoints_keep_the_joint_law(d):
    assert abs(joint_keypoints(d, 8000)).max() < 4


def fault_of(monkeypatch, kind):
    """Break one line of the sampler."""
    if kind == "degrees of freedom":  # + 3 in two dimensions
        monkeypatch.setattr(
            slds_frames, "_scales", lambda rng, square, noise, d, old=slds_frames._scales: old(
                rng, square, noise, 3)
        )  # fmt: skip
    elif kind == "counts":  # one frame too many in every state
        old = wishart.posterior

        def one_more(law, sums):
            return old(law, sums)._replace(dof=law.dof + sums[-1, -1] + 1)

        monkeypatch.setattr(wishart, "posterior", one_more)
    elif kind == "absent":  # keypoints at 0 count as seen
        monkeypatch.setattr(
            slds_frames, "precisions", lambda scale, noise: 1.0 / (scale * noise.share)
        )


@pytest.mark.parametrize("kind", ["degrees of freedom", "counts", "absent"])
def test_a_fault_is_found_by_the_joint_test(monkeypatch, kind):
    fault_of(monkeypatch, kind)
    assert abs(joint_keypoints(2, 1500)).max() > 5


def test_lines_of_one_sweep_share_no_stream():
    """Draws of two lines are as good as independent; with a shared key they are not."""

    def correlation(words):
        pairs = np.array(
            [
                [
                    streams.generator(0, sweep, word, "day 1", 0).standard_normal()
                    for word in words
                ]
                for sweep in range(2000)
            ]
        )
        return abs(np.corrcoef(pairs.T)[0, 1]) * np.sqrt(2000)

    assert correlation(["latents", "centroids"]) < 4
    assert correlation(["latents", "latents"]) > 10


def small(seed=0, frames=300):
    """Two recordings of a simple animal, some keypoints absent."""
    rng = np.random.default_rng(seed)
    scene, _ = world(2)
    settings = SyllableSettings(n_states=6, lags=2, iterations=4, ar_iterations=3, kappa=50.0)
    keys, seen, hidden = [], [], []
    for name in ("a", "b"):
        x = np.cumsum(rng.standard_normal((frames, D)), 0) * 0.1
        v = np.cumsum(rng.standard_normal((frames, 2)), 0)
        present = rng.random((frames, J)) < 0.95
        noise = Noise(present, np.ones((frames, J)), 5.0, np.ones(J))
        own = Hidden(
            np.zeros(frames - 2, np.uint8), x, v, np.zeros(frames), np.ones((frames, J))
        )
        course = slds_frames.Course(np.zeros((frames, J, 2)), v, own.heading)
        xy = slds_frames.predicted(x, scene.body, course) + rng.standard_normal((frames, J, 2))
        keys.append(Key(name, 0, 0))
        seen.append(Seen(xy * present[..., None], noise))
        hidden.append(own)
    return settings, Data(tuple(keys), tuple(seen), scene, 30.0), hidden


def test_every_draw_of_a_sweep_has_a_stream_of_its_own(monkeypatch):
    asked, known = [], streams.generator
    monkeypatch.setattr(streams, "generator", lambda *key: (asked.append(key), known(*key))[1])
    settings, data, hidden = small(frames=50)
    settings = settings.model_copy(update={"draw_shares": True})
    chain = syllable_chain.start(settings, data, hidden)
    asked.clear()
    for _ in range(2):
        chain = syllable_chain.sweep(settings, data, chain, whole=True)
    states, recordings = 3 * 6 + 2, 5 * 2  # lines 1, 2 and 8; lines 3 to 7
    assert len(asked) == len(set(asked)) == 2 * (states + recordings)


def run(settings, data, chain, sweeps=None, threads=1):
    while not syllable_chain.finished(settings, chain) and sweeps != 0:
        chain = syllable_chain.planned(settings, data, chain, threads)
        sweeps = None if sweeps is None else sweeps - 1
    return chain


def same(one, other):
    """Whether two chains hold the same bits."""
    flat = [
        [c.trace, c.share, c.parameters.beta, c.parameters.trans, *c.parameters.dynamics,
         *(part for own in c.hidden for part in own)] for c in (one, other)
    ]  # fmt: skip
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(*flat, strict=True))


def test_threads_change_no_bit():
    settings, data, hidden = small()
    chain = syllable_chain.start(settings, data, hidden)
    whole = run(settings, data, chain)
    assert all(same(whole, run(settings, data, chain, threads=n)) for n in (2, 4))


def test_a_chain_that_was_written_down_goes_on_bit_for_bit():
    settings, data, hidden = small()
    settings = settings.model_copy(
        update={"kappa": "auto", "search_sweeps": 3, "search_tries": 2, "warm_sweeps": 1}
    )
    chain = syllable_chain.start(settings, data, hidden)
    whole = run(settings, data, chain)
    for stop in range(0, whole.sweeps, 1):
        held = syllable_data.to_dataset(run(settings, data, chain, stop), data.keys)
        taken, keys = syllable_data.from_dataset(held)
        assert keys == data.keys and taken.sweeps == stop
        assert same(whole, run(settings, data, taken))


def test_shares_of_noise_are_drawn_if_asked_for():
    settings, data, hidden = small(frames=2000)
    settings = settings.model_copy(update={"draw_shares": True, "share_dof": 5.0})
    chain = syllable_chain.start(settings, data, hidden)
    drawn = run(settings, data, chain).share
    assert (drawn != 1).all() and (abs(np.log(drawn)) < 1).all()

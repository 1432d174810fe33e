import numpy as np
import pytest

from gambol.kernels import walks

RNG = np.random.default_rng(0)
D, T = 3, 40
STEP = np.array([0.5, 0.01, 2.0])
START = 50.0


def scene(frames=T, dims=D, rows=4):
    """Series seen through a matrix with noise of its own in every frame, with gaps."""
    basis = RNG.normal(size=(rows, dims))
    noise = RNG.uniform(0.2, 3.0, size=(frames, rows))
    steps = RNG.normal(size=(frames, dims)) * np.sqrt(STEP[:dims])
    steps[0] = RNG.normal(size=dims) * np.sqrt(START)
    state = steps.cumsum(axis=0)
    y = state @ basis.T + RNG.normal(size=(frames, rows)) * np.sqrt(noise)
    y[5:9] = np.nan
    y[RNG.random(y.shape) < 0.2] = np.nan
    return basis, noise, y


def seen_of(basis, noise, y):
    sure = np.where(np.isfinite(y), 1 / noise, 0.0)
    info = np.einsum("rd,tr,re->tde", basis, sure, basis)
    return walks.Seen(info, np.einsum("rd,tr->td", basis, sure * np.nan_to_num(y)))


def dense(basis, noise, y):
    """Posterior and -2 log p by the covariance of everything with everything."""
    frames, rows = y.shape
    t = np.arange(frames)
    prior = np.kron(np.minimum(t[:, None], t), np.diag(STEP[: basis.shape[1]]))
    prior += np.kron(np.ones((frames, frames)), START * np.eye(basis.shape[1]))
    look = np.kron(np.eye(frames), basis)
    known = np.isfinite(y.ravel())
    look = look[known]
    joint = look @ prior @ look.T + np.diag(noise.ravel()[known])
    gain = np.linalg.solve(joint, look @ prior).T
    flat = y.ravel()[known]
    mean = gain @ flat
    cov = prior - gain @ look @ prior
    loss = flat @ np.linalg.solve(joint, flat) + np.linalg.slogdet(2 * np.pi * joint)[1]
    dims = basis.shape[1]
    own = cov.reshape(frames, dims, frames, dims)[t, :, t]
    return mean.reshape(frames, dims), own, loss


def test_equals_the_dense_gaussian_posterior():
    world = scene()
    mean, cov, _ = dense(*world)
    told = walks.posterior(seen_of(*world), STEP, walks.begin(D, START), walks.silence(D))
    np.testing.assert_allclose(told.mean, mean, atol=1e-8)
    np.testing.assert_allclose(told.cov, cov, atol=1e-8)


@pytest.mark.parametrize("step", [STEP, 1e-6 * STEP, 1e3 * STEP], ids=["usual", "slow", "fast"])
@pytest.mark.parametrize("cuts", [(13,), (1, 2, 20), (6, 8), (39,)], ids=str)
def test_pieces_that_exchange_messages_are_the_whole(cuts, step):
    seen = seen_of(*scene())
    whole = walks.posterior(seen, step, walks.begin(D, START), walks.silence(D))
    ends = [0, *cuts, T]
    spans = zip(ends[:-1], ends[1:], strict=True)
    pieces = [walks.Seen(*(part[a:b] for part in seen)) for a, b in spans]
    after = [walks.silence(D)]
    for piece in pieces[:0:-1]:
        after.insert(0, walks.back(piece, step, after[0]))
    before, means, covs = walks.begin(D, START), [], []
    for piece, later in zip(pieces, after, strict=True):
        told = walks.posterior(piece, step, before, later)
        means.append(told.mean)
        covs.append(told.cov)
        before = walks.ahead(piece, step, before)
    np.testing.assert_allclose(np.concatenate(means), whole.mean, atol=1e-6)
    np.testing.assert_allclose(np.concatenate(covs), whole.cov, atol=1e-6)


def test_messages_over_frames_that_show_nothing_say_nothing():
    nothing = walks.Seen(np.zeros((6, D, D)), np.zeros((6, D)))
    told = walks.back(nothing, STEP, walks.silence(D))
    np.testing.assert_allclose(told.info, 0, atol=1e-12)
    np.testing.assert_allclose(told.pull, 0, atol=1e-12)


def test_evidence_is_that_of_the_dense_gaussian():
    basis, noise, y = scene()
    known = np.isfinite(y)
    found = walks.evidence(seen_of(basis, noise, y), STEP, START)
    rest = (y**2 / noise)[known].sum() + np.log(2 * np.pi * noise)[known].sum()
    assert rest - found.explained + found.spread == pytest.approx(dense(basis, noise, y)[2])


def test_a_frame_between_two_is_their_mean_and_less_sure():
    info = np.array([100.0, 0.0, 100.0])[:, None, None]
    pull = np.array([0.0, 0.0, 400.0])[:, None]
    told = walks.posterior(
        walks.Seen(info, pull), np.array([1.0]), walks.begin(1, 1e6), walks.silence(1)
    )
    assert told.mean[1, 0] == pytest.approx(2.0, abs=1e-3)
    assert told.cov[1, 0, 0] > 10 * told.cov[0, 0, 0]

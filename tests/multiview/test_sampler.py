"""Draws against another sampler of the density, and against how often truth lies inside."""

import numpy as np
import pytest
from animals3d import filmed, model, moving
from rats import Rat
from scipy.spatial.transform import Rotation

from gambol.kernels import rotation
from gambol.multiview import density, gimbal, sampler


def world(frames, seed, **more):
    rng = np.random.default_rng(seed)
    given = model(frames, **more)
    xyz = moving(rng, given._replace(transition=None), 100)
    return filmed(rng, given, xyz), xyz


class Hamiltonian:
    """Positions and headings together, states and directions summed out, by leapfrog."""

    def __init__(self, given, start, spread):
        self.given, self.start = given, start
        self.shape, self.frames = start.xyz.shape, len(start.xyz)
        self.root = np.linalg.cholesky(spread)

    def at(self, z):
        d = self.root @ z
        xyz = self.start.xyz + d[: -self.frames].reshape(self.shape)
        turn = rotation.about(self.given.up, d[-self.frames :]) @ self.start.turn
        point = density.evaluate(self.given, xyz, turn)
        slope = density.gradient(self.given, xyz, point.seen, point.directions)
        swirl = point.turning[:, 1, 0] - point.turning[:, 0, 1]
        return point.energy, self.root.T @ np.concatenate([slope.ravel(), -swirl]), d

    def run(self, rng, draws, step=0.25, leaps=8):
        z = np.zeros(len(self.root))
        energy, slope, d = self.at(z)
        out, accepted = [], 0
        for _ in range(draws):
            p = rng.standard_normal(len(z))
            total, size = energy + p @ p / 2, step * rng.uniform(0.7, 1.3)
            new, new_slope = z, slope
            for _ in range(leaps):
                p = p - size / 2 * new_slope
                new = new + size * p
                new_energy, new_slope, new_d = self.at(new)
                p = p - size / 2 * new_slope
            if np.log(rng.random()) < total - new_energy - p @ p / 2:
                z, energy, slope, d = new, new_energy, new_slope, new_d
                accepted += 1
            out.append(d)
        return np.array(out), accepted / draws


MOVES = np.array([[0.9, 0.05, 0.05], [0.1, 0.85, 0.05], [0.1, 0.1, 0.8]])


@pytest.mark.parametrize(
    ("chained", "draws"),
    [
        (False, 700),
        pytest.param(False, 5000, marks=pytest.mark.slow),
        pytest.param(True, 5000, marks=pytest.mark.slow),
    ],
    ids=["mixture-short", "mixture", "hmm"],
)
def test_it_draws_what_hamiltonian_monte_carlo_draws(chained, draws):
    """Measured with 5000 draws: means within 0.1 sd, sds within 10 %."""
    given, xyz = world(2, 0, views=3, transition=MOVES if chained else None)
    start = gimbal.fit(given, xyz, tolerance=1e-4).at
    rng = np.random.default_rng(0)
    drawn = sampler.sample(rng, given, start, sweeps=draws, thin=1, warm=50)
    assert drawn.acceptance > 0.9
    angle = drawn.heading - gimbal.heading(given, start.turn)
    angle = np.angle(np.exp(1j * angle)).reshape(-1, 2)
    ours = np.hstack([(drawn.xyz - start.xyz).reshape(len(angle), -1), angle])
    theirs, accepted = Hamiltonian(given, start, np.cov(ours.T)).run(rng, draws)
    assert accepted > 0.6
    sd, noise = theirs.std(axis=0), np.sqrt(5000 / draws)  # noise of both chains
    assert np.abs((ours.mean(0) - theirs.mean(0)) / sd).max() < 0.1 * noise
    np.testing.assert_allclose(ours.std(axis=0) / sd, 1, atol=0.1 * noise)


def test_from_the_most_likely_poses_it_moves_at_once():
    """Twenty sweeps; from far away none would be accepted."""
    given, xyz = world(40, 0)
    start = gimbal.fit(given, xyz, tolerance=1e-3).at
    drawn = sampler.sample(np.random.default_rng(0), given, start, sweeps=20, thin=1, warm=0)
    assert drawn.acceptance > 0.5
    assert np.abs(drawn.xyz[-1] - drawn.xyz[0]).min() > 0


def test_intervals_hold_the_truth_as_often_as_promised():
    inside = []
    for seed in range(2):
        given, xyz = world(40, seed)
        start = gimbal.fit(given, xyz, tolerance=1e-3).at
        rng = np.random.default_rng(seed)
        drawn = sampler.sample(rng, given, start, sweeps=150, thin=2, warm=30).xyz
        flat = drawn.reshape(-1, *xyz.shape)
        for share in (0.95, 0.5):
            low, high = np.quantile(flat, [(1 - share) / 2, (1 + share) / 2], axis=0)
            inside.append(((low < xyz) & (xyz < high)).mean())
    wide, narrow = np.array(inside).reshape(-1, 2).mean(axis=0)
    assert 0.90 < wide < 0.98
    assert 0.44 < narrow < 0.56


def test_long_recordings_are_proposed_in_blocks_whose_cuts_move(monkeypatch):
    """In blocks of 5 frames as in one block of 12: the same moments."""
    given, xyz = world(12, 1)
    start = gimbal.fit(given, xyz, tolerance=1e-3).at
    found = []
    for block in (100, 5):
        monkeypatch.setattr(sampler, "BLOCK", block)
        rng = np.random.default_rng(0)
        found.append(sampler.sample(rng, given, start, sweeps=400, warm=20, thin=10))
    sd = np.sqrt(np.einsum("tjaa->tja", found[0].covariance))
    assert np.sqrt((((found[0].mean - found[1].mean) / sd) ** 2).mean()) < 0.15
    ratio = np.sqrt(np.einsum("tjaa->tja", found[1].covariance)) / sd
    assert ratio.mean() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("chained", [False, True], ids=["mixture", "hmm"])
def test_block_by_block_it_draws_the_same_as_all_at_once(chained, monkeypatch):
    given, xyz = world(12, 1, transition=MOVES if chained else None)
    start = gimbal.fit(given, xyz, tolerance=1e-3).at
    rng = np.random.default_rng(0)
    whole = sampler.sample(rng, given, start, sweeps=400, warm=20, thin=1)
    monkeypatch.setattr(sampler, "BLOCK", 5)

    def part(first, last):
        return given._replace(
            xy=given.xy[first:last], inlier=given.inlier[first:last],
            prior=given.prior[first:last], chain=given.chain[first : last - 1],
        )  # fmt: skip

    place = sampler.Place(start.xyz, start.turn, start.probs.argmax(1))
    kept, accepted = [], []
    for _ in range(800):
        place, share = sampler.sweep_blocks(rng, part, place)
        kept.append(place.xyz)
        accepted.append(share)
    assert np.mean(accepted) > 0.85
    sd = np.sqrt(np.einsum("tjaa->tja", whole.covariance))
    assert np.sqrt((((np.mean(kept, 0) - whole.mean) / sd) ** 2).mean()) < 0.15
    assert (np.std(kept, 0) / sd).mean() == pytest.approx(1, abs=0.05)


def test_full_turns_are_drawn_from_their_conditional():
    """Density exp(Σ κ u · Rν) over rotations, averaged over a fine cover of them."""
    given, _ = world(2, 0, turning="full")
    rng = np.random.default_rng(0)
    u = rng.standard_normal((1, 5, 3))
    u /= np.linalg.norm(u, axis=-1, keepdims=True)
    sharp = given.states._replace(concentration=given.states.concentration / 25)
    given = given._replace(states=sharp)
    count = 4000
    turn = np.tile(np.eye(3), (count, 1, 1))
    for _ in range(25):
        state = np.zeros(count, int)
        turn = sampler._turns(rng, given, state, np.repeat(u, count, axis=0), turn)
    every = Rotation.random(200_000, random_state=1).as_matrix()
    n = np.einsum("rab,jb->rja", every, sharp.directions[0])
    weight = np.exp((sharp.concentration[0] * (n * u).sum(-1)).sum(-1))
    expected = (weight[:, None, None] * every).sum(0) / weight.sum()
    np.testing.assert_allclose(turn.mean(0), expected, atol=0.03)


def test_the_same_seed_draws_the_same():
    given, xyz = world(4, 0)
    start = gimbal.fit(given, xyz).at
    one, two = (
        sampler.sample(np.random.default_rng(7), given, start, sweeps=5, warm=2)
        for _ in range(2)
    )
    np.testing.assert_array_equal(one.xyz, two.xyz)


def test_on_a_rat_its_mean_is_as_good_as_the_most_likely_poses(data):
    rat = Rat(data / "rat_mocap")
    start = gimbal.fit(rat.model(), rat.supplied).at
    rng = np.random.default_rng(0)
    drawn = sampler.sample(rng, rat.model(), start, sweeps=100, warm=30, thin=5)
    assert drawn.acceptance > 0.85
    assert rat.error(drawn.mean) == pytest.approx(rat.error(start.xyz), rel=0.05)

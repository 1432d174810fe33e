import numpy as np
from scipy import optimize

from gambol.kernels import band
from gambol.multiview import descent
from gambol.multiview.descent import Slope


class Wells:
    """Every frame is drawn to a target of its own by a fourth power of the distance."""

    def __init__(self, target, counted=None):
        self.target, self.counted = target, [] if counted is None else counted

    def look(self, x, chains):
        self.counted.append(x.shape[0] * x.shape[1])
        off = x - self.target[chains]
        square = (off**2).sum(-1)
        eye = np.eye(x.shape[-1])
        curved = square[..., None, None] * eye + 2 * off[..., None] * off[..., None, :]
        return Slope(square**2 / 4, square[..., None] * off, curved + 1e-9 * eye)

    def of(self, frames):
        return Wells(self.target[:, frames], self.counted)


def world(seed, chains=2, frames=30, size=3):
    rng = np.random.default_rng(seed)
    target = rng.normal(0, 3, (chains, frames, size))
    return Wells(target), rng.uniform(0.1, 2, (chains, frames - 1, size)), target


def test_ends_where_a_general_minimiser_ends():
    field, link, target = world(0, frames=8)
    found = descent.descend(field, link, np.zeros_like(target), 1e-9)
    for m in range(2):

        def energy(flat, m=m):
            x = flat.reshape(1, *target.shape[1:])
            own = field.look(x, np.array([m]))
            return own.energy.sum() + (link[m] * np.diff(x[0], axis=0) ** 2).sum() / 2

        other = optimize.minimize(energy, np.zeros(target[0].size), tol=1e-10)
        assert np.isclose(found.energy[m], other.fun, rtol=1e-6)
        assert np.allclose(found.x[m].ravel(), other.x, atol=1e-3)
    assert found.settled.all()


def test_energy_never_rises():
    field, link, target = world(1)
    x = 20 * np.ones_like(target)
    last = np.inf
    for rounds in range(1, 12):
        energy = descent.descend(field, link, x, 1e-9, rounds).energy.sum()
        assert energy <= last + 1e-9
        last = energy


class Cliff(Wells):
    """Gauss-Newton steps are ten times too long in one frame."""

    def look(self, x, chains):
        own = super().look(x, chains)
        own.curvature[:, 5] /= 10
        return own


def test_a_step_too_long_is_damped_where_it_was_taken():
    _, link, target = world(2, frames=80)
    field = Cliff(target)
    plain = descent.descend(Wells(target), link, np.zeros_like(target), 1e-7)
    found = descent.descend(field, link, np.zeros_like(target), 1e-7)
    assert np.allclose(found.energy, plain.energy, rtol=1e-6)


def test_frames_that_stand_still_are_left_out():
    """One frame far away from its target moves long after all others have come to rest."""
    _, link, target = world(3, chains=1, frames=2000)
    target[0, 700] += 1e5
    field = Wells(target)
    link[0, 698:702] = 1e-9
    found = descent.descend(field, link, np.zeros_like(target), 1e-6)
    assert found.settled.all()
    assert np.allclose(found.x[0, 700], target[0, 700], atol=0.01)
    assert sum(field.counted) < 0.6 * 2000 * found.rounds


def test_covariance_is_the_inverse_of_the_information():
    rng = np.random.default_rng(4)
    root = rng.normal(size=(2, 6, 3, 3))
    own, link = root @ root.transpose(0, 1, 3, 2), rng.uniform(0.5, 1, (2, 5, 3))
    got, proper = descent.covariances(own, link)
    assert proper.all()
    for m in range(2):
        full = band.factor(descent.information(own[m : m + 1], link[m : m + 1])[0], link[m])
        assert np.allclose(got[m], band.covariances(full))


def test_information_that_is_no_minimum_is_said_and_made_flat():
    own = np.tile(np.eye(3), (1, 4, 1, 1))
    own[0, 2, 0, 0] = -50.0
    got, proper = descent.covariances(own, np.ones((1, 3, 3)))
    assert not proper.any()
    assert np.linalg.eigvalsh(got).min() > 0

"""What a fitted keypoint model says of recordings, its parameters frozen.

`ascend` climbs the log joint of all that is hidden: noise, headings, centroids, states and
latents in turn, each set to its mode given the others, so it never falls. Such a climb ends at
the nearest mode, and principal components, whose noise is not yet told from movement, are near
bad ones. So it sets out from the states that those components look like (`recall`): how each
state steps in them is learned beside the model (`as_seen`). A model of which only parameters
are known sets out from `settle`, where the noise counts as part of every step at first.
`average` draws them instead and averages the marginals of the states over sweeps.
Source: Besag (1986), J. R. Stat. Soc. B 48:259 (iterated conditional modes).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import gammaln

from gambol.behavior import syllable_chain, syllables
from gambol.behavior.syllable_chain import Chain, Data, Frozen, Hidden, freeze
from gambol.behavior.syllable_settings import SyllableSettings
from gambol.behavior.syllables import Parameters
from gambol.kernels import arhmm, arhmm_paths, slds_frames, slds_latents, wishart
from gambol.kernels.arhmm import Dynamics
from gambol.kernels.slds_frames import Course

RISE = 1e-6  # relative rise of the log joint that ends the climb
ROUNDS = 50
COOLING = tuple(0.5**k for k in range(9))  # shares of the noise that is left in latents
BELOW = 4  # rounds of all below the states, once these are recalled
WARM, KEPT = 50, 100  # sweeps before and of the average


class Climbed(NamedTuple):
    """The end of a climb."""

    hidden: Hidden
    log_joint: Float[np.ndarray, " R"]  # after each round, in nats; never falls


def as_seen(settings: SyllableSettings, first: Sequence[Hidden], chain: Chain) -> Dynamics:
    """Return how each state of a chain steps in latents as they are before any sweep.

    A chain tells latents from noise together with its parameters; a new recording has principal
    components alone. These are the means of the posterior of its states' dynamics in them.

    Args:
        settings: of the model.
        first: each series before the first sweep.
        chain: the same series, with states.
    """
    n_dims = first[0].x.shape[1]
    width = (settings.lags + 1) * n_dims + 1
    total = np.zeros((settings.n_states, width, width))
    for own, found in zip(first, chain.hidden, strict=True):
        total += arhmm.sums(own.x, found.z, settings.n_states, settings.lags)
    prior = syllables.prior(settings, n_dims)
    laws = [wishart.posterior(prior, own) for own in total]
    q = [law.scale / max(law.dof - n_dims - 1, 1.0) for law in laws]
    return Dynamics(np.array([law.mean for law in laws]), np.array(q))


def recall(data: Data, i: int, own: Hidden, frozen: Frozen, seen: Dynamics) -> Hidden:
    """Return series i with the states that its first latents look like, and all below them."""
    z = arhmm_paths.viterbi(own.x, arhmm.lay(seen), frozen.trans)
    own = own._replace(z=z)
    for _ in range(BELOW):
        own = _below(data, i, own, frozen)
    return own


def settle(data: Data, i: int, own: Hidden, known: Parameters) -> Hidden:
    """Return series i with latents that were told from their noise, step by step.

    Seen latents x + e step like [A b] φ with covariance Q + R + Σ_l A_l R A_lᵀ, where R is that
    of e. States are found with it, latents given these, and again with a smaller R.
    """
    frozen = freeze(known)
    noise = _latent_noise(data, i, own)
    for share in COOLING:
        wide = arhmm.lay(_widened(known.dynamics, share * noise))
        z = arhmm_paths.viterbi(own.x, wide, known.trans)
        own = _below(data, i, own._replace(z=z), frozen)
    return own


def ascend(data: Data, i: int, own: Hidden, frozen: Frozen) -> Climbed:
    """Return the mode of all that is hidden of series i, near where it begins.

    Args:
        data: of the recordings; only series i is read.
        i: which.
        own: where to begin; its states are not used.
        frozen: parameters.
    """
    share = data.seen[i].noise.share
    own = own._replace(z=arhmm_paths.viterbi(own.x, frozen.laid, frozen.trans))
    told = [syllable_chain.log_joint(data, i, own, share, frozen)]
    for _ in range(ROUNDS):
        after = _round(data, i, own, frozen)
        now = syllable_chain.log_joint(data, i, after, share, frozen)
        if not now > told[-1]:  # what is left is rounding
            break
        own, rise = after, now - told[-1]
        told.append(now)
        if rise < RISE * abs(now):
            break
    return Climbed(own, np.array(told))


def average(
    settings: SyllableSettings, data: Data, i: int, own: Hidden, frozen: Frozen
) -> Float[np.ndarray, "F N"]:
    """Return p(z_t = k | keypoints) of series i: smoothed marginals, averaged over sweeps."""
    share, key = data.seen[i].noise.share, data.keys[i]
    total = np.zeros((len(own.z), len(frozen.trans)))
    for sweep in range(WARM + KEPT):
        name = f"average {sweep}"
        own, _ = syllable_chain.draw_states(settings, key, own, frozen, name)
        own = syllable_chain.draw_below(settings, data, i, own, share, frozen, name)
        if sweep >= WARM:
            total += arhmm_paths.marginals(own.x, frozen.laid, frozen.trans)[0]
    return total / KEPT


def _round(data: Data, i: int, own: Hidden, frozen: Frozen) -> Hidden:
    """Set each part to its mode given the others."""
    own = _below(data, i, own, frozen)
    return own._replace(z=arhmm_paths.viterbi(own.x, frozen.laid, frozen.trans))


def _below(data: Data, i: int, own: Hidden, frozen: Frozen) -> Hidden:
    """Set noise, heading, centroid and latents to their modes, in this order."""
    scene, (xy, noise) = data.scene, data.seen[i]
    if scene is None:
        raise ValueError("series that are given have no keypoints")
    body, course = scene.body, Course(xy, own.centroid, own.heading)
    scale = slds_frames.scales(None, own.x, body, course, noise)
    weight = slds_frames.precisions(scale, noise)
    heading = slds_frames.headings(None, own.x, body, course, weight)
    course = course._replace(heading=heading)
    v = slds_frames.centroids(None, own.x, body, course, weight, scene.step)
    course = course._replace(centroid=v)
    x = slds_latents.draw(None, own.z, frozen.joins, body, course, weight)
    return Hidden(own.z, x, v, heading, scale)


def _latent_noise(data: Data, i: int, own: Hidden) -> Float[np.ndarray, "D D"]:
    """Return the covariance of latents that are read off the keypoints of a usual frame."""
    scene, (_, noise) = data.scene, data.seen[i]
    if scene is None:
        raise ValueError("series that are given have no keypoints")
    loads = scene.body.loads
    weight = slds_frames.precisions(own.scale, noise).mean(axis=0)
    told = np.einsum("k,kai,kaj->ij", weight, loads, loads)
    return np.linalg.inv(told + np.eye(told.shape[0]))  # at most the spread of the latents


def _widened(known: Dynamics, noise: Float[np.ndarray, "D D"]) -> Dynamics:
    """Return the dynamics of latents that are seen with noise."""
    n, d, columns = known.ab.shape
    lagged = known.ab[:, :, : columns - 1].reshape(n, d, -1, d)
    added = np.einsum("kilj,jm,knlm->kin", lagged, noise, lagged)
    return Dynamics(known.ab, known.q + noise + (added + added.transpose(0, 2, 1)) / 2)


def log_student(
    square: Float[np.ndarray, "T J"], scale: Float[np.ndarray, "T J"], dof: float, d: int
) -> Float[np.ndarray, "T J"]:
    """Return the log density of d coordinates at squared distance `square`, noise integrated.

    With variance s · I and s scaled-inverse-χ²(ν, s⁰), a multivariate t law of scale s⁰.
    """
    norm = gammaln((dof + d) / 2) - gammaln(dof / 2) - d / 2 * np.log(np.pi * dof * scale)
    return norm - (dof + d) / 2 * np.log1p(square / (dof * scale))

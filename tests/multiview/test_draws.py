"""Draws against the covariance that each tier states, which another route comes to."""

import numpy as np
import pytest
from animals3d import SKELETON, UP, filmed, model, moving, states

from gambol.core.errors import InputError
from gambol.multiview import draws, sampler
from gambol.multiview.pose_prior import PosePrior
from gambol.multiview.tiers import gimbal
from gambol.multiview.tiers.base import Problem, tiers


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(0)
    given = model(60, eta=6.0)
    xyz = moving(rng, given, 100)
    given = filmed(rng, given, xyz)
    shape = given.prior.shape
    times = np.arange(shape[0]) / 30
    return Problem(
        given.xy, np.ones(shape), np.full(shape, np.nan), given.params, times, SKELETON, UP
    )


@pytest.fixture(scope="module")
def prior():
    planted = states()
    return PosePrior(
        SKELETON.keypoints, SKELETON.parent, "mm", UP, ("back", "neck"),
        np.exp(planted.log_weights), planted.directions, planted.concentration,
    )  # fmt: skip


def solved(kind, problem, prior=None, **settings):
    spec = tiers.parse({"kind": kind, **settings})
    tier = tiers.build(spec) if prior is None else gimbal.with_prior(spec, prior)
    return tier(problem), spec


def drawn(problem, found, spec, seed=0, **more):
    kept = []
    rng = np.random.default_rng(seed)
    mixing = draws.draw(rng, problem, found.xyz, found.learned, spec, kept.append, **more)
    return kept, mixing


@pytest.mark.parametrize("kind", ["robust", "distance", "gimbal"])
def test_draws_scatter_as_the_tier_says_that_they_do(kind, world, prior, monkeypatch):
    monkeypatch.setattr(sampler, "BLOCK", 25)
    known = prior if kind == "gimbal" else None
    found, spec = solved(kind, world, known, **({"strength": 0.5} if known else {}))
    kept, mixing = drawn(world, found, spec, prior=known, count=120, warm=20, thin=2)
    assert len(kept) == 120
    xyz = np.array([one.xyz for one in kept])
    sd = np.sqrt(np.einsum("tjaa->tja", found.covariance))
    assert np.sqrt((((xyz.mean(0) - found.xyz) / sd) ** 2).mean()) < 0.35
    assert np.median(xyz.std(0) / sd) == pytest.approx(1, abs=0.08)
    assert mixing.acceptance > 0.8
    assert {"centroid", "heading"} & {*mixing.size} == (
        {"centroid", "heading"} if kind == "gimbal" else {"centroid"}
    )
    assert len({*mixing.size} & {*SKELETON.keypoints}) == 3
    assert max(mixing.rhat.values()) < 1.4  # the worst of 150 numbers, of 60 draws a chain
    assert min(mixing.size.values()) > 8
    if known:
        off = np.array([one.heading for one in kept]) - found.heading
        assert np.abs(np.angle(np.exp(1j * off).mean(0))).max() < 0.5


def test_typical_poses_are_learned_again_if_no_prior_was_given(world):
    found, spec = solved("gimbal", world, states=2, strength=0.3)
    kept, _ = drawn(world, found, spec, count=30, warm=10, thin=1)
    sd = np.sqrt(np.einsum("tjaa->tja", found.covariance))
    mean = np.mean([one.xyz for one in kept], axis=0)
    assert np.sqrt((((mean - found.xyz) / sd) ** 2).mean()) < 0.6


def test_draws_are_many_as_asked_single_precision_and_the_same_for_one_seed(world):
    found, spec = solved("robust", world)
    kept, _ = drawn(world, found, spec, count=5, warm=1, thin=1)
    assert [one.chain for one in kept] == [0, 0, 1, 1]
    assert kept[0].xyz.dtype == np.float32
    assert kept[0].heading is None
    again, _ = drawn(world, found, spec, count=5, warm=1, thin=1)
    assert all(np.array_equal(a.xyz, b.xyz) for a, b in zip(kept, again, strict=True))


def test_gaps_that_were_blanked_are_drawn_wide(world):
    found, spec = solved("distance", world)
    blank = found.xyz.copy()
    blank[20:30, 2] = np.nan
    hidden = world._replace(xy=world.xy.copy())
    hidden.xy[20:30, :, 2] = np.nan
    kept, _ = drawn(hidden, found._replace(xyz=blank), spec, count=60, warm=20, thin=1)
    spread = np.std([one.xyz for one in kept], axis=0).mean(-1)
    assert np.isfinite(spread).all()
    assert spread[25, 2] > 1.5 * spread[10, 2]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"kind": "msac"}, "of tier 'msac' there are none"),
        ({"kind": "robust", "noise": "student"}, "of noise 'student'"),
        ({"kind": "distance", "form": "radius"}, "of form 'radius'"),
        ({"kind": "robust", "dynamics": "velocity"}, "of velocities that walk"),
        ({"kind": "distance", "edges": [["back", "nose"]]}, "with edges beyond"),
    ],
)
def test_what_has_no_such_posterior_is_refused(settings, said, world):
    if "edges" in settings:
        names = SKELETON.keypoints
        settings = {**settings, "edges": [[names[0], names[-1]]]}
    part = world._replace(
        xy=world.xy[:40], confidence=world.confidence[:40], variance=world.variance[:40],
        times=world.times[:40],
    )  # fmt: skip
    found, spec = solved(settings.pop("kind"), part, **settings)
    with pytest.raises(InputError, match=said):
        drawn(part, found, spec)

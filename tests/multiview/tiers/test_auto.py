"""The choice among tiers: by what tells a left-out view, never by faith in a prior."""

import numpy as np
import pytest
from filmed import SKELETON, ring, see, views, walk

from gambol.core.errors import InputError
from gambol.multiview import pose_prior, reconstruct
from gambol.multiview.tiers import auto
from gambol.multiview.tiers.base import tiers

ROBUST = tiers.build(tiers.parse({"kind": "robust"}))


def problem(count=4, frames=90, **flaws):
    rig = ring(count)
    return reconstruct.problem(views(see(walk(frames), rig, **flaws), rig), rig)


def test_it_takes_the_tier_that_is_more_exact():
    spec = auto.Auto(candidates=("dlt", "robust"), frames=60)
    chosen, scores = auto.choose(spec, problem(noise=4.0, missing=0.2))
    assert chosen == "robust" and scores["robust"] > scores["dlt"]


def test_two_views_cannot_tell_each_other_so_the_simplest_is_taken():
    spec = auto.Auto(candidates=("robust", "distance"))
    assert auto.choose(spec, problem(count=2)) == ("robust", {})


def test_what_was_chosen_is_said():
    spec = auto.Auto(candidates=("dlt", "robust"), frames=40)
    solved = tiers.build(spec)(problem(frames=40))
    assert solved.learned["tier"] in ("dlt", "robust")
    assert set(solved.learned["left_out_log_score"]) == {"dlt", "robust"}


@pytest.mark.slow
def test_a_prior_of_other_poses_is_not_believed():
    """Its animal holds every bone the other way, and never otherwise."""
    xyz, seen = walk(90), problem(noise=3.0, missing=0.3)
    good = pose_prior.fit_prior(np.random.default_rng(0), walk(400), SKELETON, n_states=6)
    foreign = good._replace(
        directions=-good.directions, concentration=np.where(good.concentration > 0, 150.0, 0)
    )
    spec = auto.Auto(candidates=("robust", "gimbal"), frames=60)
    solved = [tier(seen).xyz for tier in (auto.with_prior(spec, foreign), ROBUST)]
    trusting, plain = (float(np.linalg.norm(x - xyz, axis=-1).mean()) for x in solved)
    assert trusting < 1.05 * plain


def test_candidates_that_are_none_are_refused():
    with pytest.raises(InputError, match="no tier 'gimbel' to choose; there are constrained"):
        tiers.build(auto.Auto(candidates=("gimbel",)))
    with pytest.raises(InputError, match="name at least one tier"):
        tiers.build(auto.Auto(candidates=()))

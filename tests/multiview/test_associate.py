"""Simulated mice are told apart in every view and frame."""

import numpy as np
import pytest

from gambol.multiview import associate
from gambol.multiview.associate import NOBODY, Associate, by_frame, gather
from gambol.simulate import body3d, rigs
from gambol.simulate.crowded import film_crowd
from gambol.simulate.filming import Flaws

RIG = rigs.dome(np.random.default_rng(1), 4, 260.0, target=(0.0, 0.0, 30.0))


def crowd(seed=0, frames=250, **flaws):
    body = body3d.move(np.random.default_rng(seed), "mouse", frames, animals=3)
    rng = np.random.default_rng(seed + 5)
    return film_crowd(rng, body.xyz, RIG, Flaws(**flaws), body.skeleton), body


def right(seen, individual):
    """Share of instances with the right animal, names chosen once for the whole film."""
    there = np.isfinite(seen.xy[..., 0]).sum(axis=-1) >= 3
    table = np.zeros((3, 3))
    known = there & (individual >= 0)
    np.add.at(table, (individual[known], seen.animal[known]), 1)
    return (
        max(
            sum(table[k, n] for k, n in enumerate(order))
            for order in ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
        )
        / there.sum()
    )


@pytest.mark.parametrize("seed", range(2))
def test_three_mice_in_four_views_are_told_apart(seed):
    seen, body = crowd(seed, noise=2.0, dropout=0.1)
    found = by_frame(seen.xy, RIG.params(), body.skeleton)
    assert right(seen, found.individual) >= 0.99
    assert not found.swapped.any() and (found.margin > 1).mean() > 0.99


def test_harsh_films_too_and_exchanged_sides_are_put_right():
    seen, body = crowd(2, dropout=0.1, outliers=0.05, swaps=0.05, blind=0.05, bias=1.0)
    found = by_frame(seen.xy, RIG.params(), body.skeleton)
    assert right(seen, found.individual) >= 0.99
    there = np.isfinite(seen.xy[..., 0]).sum(axis=-1) >= 3
    assert (found.swapped == seen.swapped)[there].mean() > 0.95


def test_every_individual_has_at_most_one_instance_a_view():
    seen, body = crowd(3, frames=60, dropout=0.3)
    found = by_frame(seen.xy, RIG.params(), body.skeleton)
    for k in range(found.individuals):
        assert ((found.individual == k).sum(axis=2) <= 1).all()


def test_an_instance_that_no_other_view_sees_is_nobody():
    seen, body = crowd(0, frames=20, noise=1.0)
    xy = seen.xy.copy()
    xy[:, 1:][seen.animal[:, 1:] == 2] = np.nan
    found = by_frame(xy, RIG.params(), body.skeleton)
    assert (found.individual[:, 0][seen.animal[:, 0] == 2] == NOBODY).all()
    assert (found.individual[:, 0][seen.animal[:, 0] != 2] != NOBODY).all()


def test_fewer_individuals_than_instances_can_be_asked_for():
    seen, body = crowd(0, frames=20)
    found = by_frame(seen.xy, RIG.params(), body.skeleton, Associate(individuals=2))
    assert found.individuals == 2 and set(np.unique(found.individual)) == {-1, 0, 1}


def test_gathering_puts_points_and_sides_in_order():
    seen, body = crowd(0, frames=30, noise=0.0)
    swap = associate.mirror(body.skeleton)
    xy = seen.xy.copy()
    xy[:, 2] = xy[:, 2][:, :, swap]
    found = by_frame(xy, RIG.params(), body.skeleton)
    got = gather(xy, found, body.skeleton)
    assert found.swapped[:, 2].all() and not found.swapped[:, [0, 1, 3]].any()
    order = np.argsort(seen.animal, axis=2)
    truth = np.take_along_axis(seen.xy, order[..., None, None], axis=2).swapaxes(1, 2)
    who = [seen.animal[0, 0, found.individual[0, 0].tolist().index(k)] for k in range(3)]
    np.testing.assert_allclose(got, truth[:, who])

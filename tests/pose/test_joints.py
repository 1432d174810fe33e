"""Edges: what cannot group is refused with a repair, or joined at the middle."""

import numpy as np
import pytest

from gambol.core.errors import InputError
from gambol.core.skeleton import Skeleton
from gambol.pose import joints

FIVE = Skeleton(("a", "b", "c", "d", "e"))
TREE = [(0, 1), (1, 2), (1, 3), (1, 4)]
LONG = [*TREE, (0, 2)]


@pytest.mark.parametrize(
    "edges, grouping, words",
    [
        (
            TREE[:3],
            "tree",
            "2 parts .*add a-e to the skeleton or, with all others, to many.edges",
        ),
        (LONG, "tree", "no tree: a-c close cycles"),
    ],
)
def test_graphs_that_cannot_group_are_refused(edges, grouping, words):
    with pytest.raises(InputError, match=words):
        joints.check_graph(FIVE, edges, grouping)
    joints.check_graph(FIVE, LONG, "graph")


def test_parts_are_to_be_joined_where_keypoints_are_seen_together():
    # trap 3: a, b | c, d | e; c is mostly seen with b, and e with d
    seen = np.array([[0, 1, 1, 0, 0], [0, 1, 1, 0, 0], [0, 0, 0, 1, 1], [1, 0, 0, 0, 0]], bool)
    with pytest.raises(InputError, match=r"3 parts \(a, b; c, d; e\).*add b-c, d-e to"):
        joints.check_graph(FIVE, [(0, 1), (2, 3)], "graph", seen)


def by_prim(n, edges, weight):
    """The largest spanning tree, grown from keypoint 0 instead of joined from parts."""
    inside, taken = {0}, set()
    while len(inside) < n:
        rim = [e for e in edges if (e[0] in inside) != (e[1] in inside)]
        best = max(rim, key=lambda e: weight[e])
        taken.add(best)
        inside |= set(best)
    return taken


@pytest.mark.parametrize("seed", range(5))
def test_of_edges_with_cycles_the_tree_seen_together_most_often_is_named(seed):
    rng = np.random.default_rng(seed)
    edges = [(a, b) for a in range(5) for b in range(a + 1, 5)]
    seen = rng.random((2000, 5)) < rng.uniform(0.3, 1, 5)
    together = {(a, b): (seen[:, a] & seen[:, b]).sum() for a, b in edges}
    assert len(set(together.values())) == len(edges)  # so that there is one answer
    rng.shuffle(edges)
    with pytest.raises(InputError) as error:
        joints.check_graph(FIVE, [(int(a), int(b)) for a, b in edges], "tree", seen)
    surplus, tree = str(error.value).split(" close cycles; ")
    names = {e: f"{'abcde'[e[0]]}-{'abcde'[e[1]]}" for e in together}
    best = by_prim(5, list(together), together)
    said = tree[tree.index("(") + 1 : tree.index(")")].split(", ")
    assert set(said) == {names[e] for e in best}
    listed = surplus.removeprefix("the skeleton is no tree: ").split(", ")
    assert set(listed) == {names[e] for e in together} - set(said)
    assert "many.grouping to graph" in tree and "\n" not in str(error.value)


def body(n, rng):
    """a to e on a line, 10 px apart, turned at random: c is in the middle of the box."""
    turn = np.exp(1j * rng.uniform(0, 2 * np.pi, n))
    line = np.arange(-20.0, 21.0, 10.0) * turn[:, None]
    return np.stack([line.real, line.imag], -1) + rng.uniform(100, 500, (n, 1, 2))


def test_every_part_is_joined_to_the_middle_by_its_root():
    xy = body(20, np.random.default_rng(0))
    edges = [(1, 0), (2, 3)]  # b-a, c-d, and e alone
    joined = joints.to_middle(5, edges, xy, near=0.0)
    assert joined == [(1, 5), (2, 5), (4, 5)]
    with pytest.raises(InputError, match="3 parts .* many.join to centroid"):
        joints.check_graph(FIVE, edges, "tree")
    joints.check_graph(FIVE, edges + joined, "tree", np.isfinite(xy).all(-1))


def test_a_root_in_the_middle_gives_its_place_to_what_lies_farther_out():
    xy = body(20, np.random.default_rng(0))
    xy[:5, 4] = np.nan
    assert joints.to_middle(5, [(2, 3), (3, 4), (0, 1)], xy, near=4.0) == [(0, 5), (4, 5)]


def test_what_is_only_in_the_middle_is_joined_to_the_part_it_is_seen_with_most_often():
    xy = body(20, np.random.default_rng(0))
    xy[5:7, 1], xy[7:10, 3] = np.nan, np.nan
    edges = [(1, 0), (3, 4)]  # and c alone
    joined = joints.to_middle(5, edges, xy, near=4.0)
    assert joined == [(1, 5), (2, 1), (3, 5)]
    joints.check_graph(FIVE, edges + joined, "tree")
    everywhere = joints.to_middle(5, edges, xy, near=1e9)  # no part is better
    assert everywhere == [(0, 5), (2, 5), (4, 5)]


def test_parts_with_cycles_or_without_labels_are_joined_as_well():
    xy = body(20, np.random.default_rng(0))
    xy[:, 3:] = np.nan
    assert joints.to_middle(5, [(0, 1), (1, 2), (2, 0), (3, 4)], xy, 4.0) == [(0, 5), (3, 0)]


def test_surplus_edges_are_refused_where_parts_are_joined_at_the_middle():
    xy = body(20, np.random.default_rng(0))
    edges = [(0, 1), (1, 2), (2, 0), (3, 4)]
    edges += joints.to_middle(5, edges, xy, 4.0)
    with pytest.raises(InputError, match="no tree: c-a close cycles.*d-e, a-centroid, d-cen"):
        joints.check_graph(FIVE, edges, "tree")

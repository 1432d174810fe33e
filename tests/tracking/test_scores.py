"""CLEAR, Identity and HOTA against values that trackeval 1.3.0 gave for the same tracks."""

import itertools

import numpy as np
import pytest

from gambol.tracking.scores import Aligned, clear, hota, identity, one_to_one

# made once by trackeval 1.3.0 (numpy 2.4.6, scipy 1.17.1), metrics CLEAR, Identity and HOTA
# with PRINT_CONFIG False, `eval_sequence` on `random_tracks(seed)`, ids already 0 … n - 1:
# seed, MOTA, IDSW, Frag, IDF1, IDP, IDR, HOTA, DetA, AssA (the last three means over alpha)
REFERENCE = """
0  0.09705882 107 91 0.47289157 0.48456790 0.46176471 0.32977304 0.42286132 0.25730422
1  0.37777778 16 44 0.49726776 0.48924731 0.50555556 0.30066785 0.42832123 0.21119344
2  0.14220183 77 60 0.55752212 0.53846154 0.57798165 0.39437988 0.46093458 0.33774174
3  0.58291457 9 27 0.61702128 0.65536723 0.58291457 0.45183632 0.51725442 0.39553456
4  -0.13576159 106 89 0.46413502 0.40342298 0.54635762 0.34217664 0.40183929 0.29168500
5  0.36102236 32 81 0.47712418 0.48829431 0.46645367 0.31846092 0.42810481 0.23703770
6  0.08920188 47 45 0.39588689 0.43750000 0.36150235 0.27357002 0.36694371 0.20423098
7  0.38153846 32 83 0.43719413 0.46527778 0.41230769 0.28301238 0.41556867 0.19307267
8  0.17171717 46 49 0.47368421 0.45000000 0.50000000 0.34638305 0.48062163 0.24988701
9  0.39035088 11 60 0.58241758 0.50000000 0.69736842 0.38429421 0.46581656 0.31704756
10 0.06593407 117 87 0.39363242 0.41590214 0.37362637 0.29688877 0.42886251 0.20570559
11 0.53030303 7 8 0.69444444 0.64102564 0.75757576 0.48271762 0.54032860 0.43137507
"""
NAMES = ("mota", "idsw", "frag", "idf1", "idp", "idr", "hota", "deta", "assa")


def random_tracks(seed):
    """Animals, tracks with every fault there is, and similarities without ties.

    Returns, per frame, ids of animals, ids of tracks and their similarity.
    """
    rng = np.random.default_rng(seed)
    n, frames = int(rng.integers(2, 7)), int(rng.integers(30, 90))
    hard = seed % 2 == 0  # similarities that mislead, or animals well apart
    there = rng.random((frames, n)) < rng.uniform(0.7, 1.0)
    there[rng.random(frames) < 0.05] = False  # nobody is there
    label = np.tile(np.arange(n), (frames, 1))
    for _ in range(int(rng.integers(0, 6))):  # identities exchanged, or new from here on
        at, (a, b) = int(rng.integers(1, frames)), rng.choice(n, 2, replace=False)
        label[at:, [a, b]] = label[at:, [b, a]]
        if rng.random() < 0.5:
            label[at:, a] = label.max() + 1
    tracked = rng.random((frames, n)) < rng.uniform(0.7, 1.0)
    tracked[rng.random(frames) < 0.05] = False  # no track at all
    stray = rng.random(frames) < 0.2
    last = label.max() + 1
    truth, found, alike = [], [], []
    for t in range(frames):
        who = np.flatnonzero(there[t])
        claimed = np.flatnonzero(tracked[t])
        ids = np.concatenate([label[t, claimed], [last] * int(stray[t])]).astype(int)
        same = rng.uniform(0.35 if hard else 0.48, 1.0, (len(who), len(ids)))
        other = rng.uniform(0.0, 1.0, same.shape) ** (rng.uniform(1, 6) if hard else 9)
        columns = np.concatenate([claimed, [-1] * int(stray[t])])
        truth.append(who)
        found.append(ids)
        alike.append(np.where(who[:, None] == columns, same, other))
    _, flat = np.unique(np.concatenate(found), return_inverse=True)
    found = np.split(flat, np.cumsum([len(ids) for ids in found])[:-1])
    return truth, found, alike


def aligned(truth, found, alike):
    sizes = [
        max((int(i.max()) + 1 for i in ids if len(i)), default=0) for ids in (truth, found)
    ]
    sure = [np.ones(len(ids)) for ids in found]
    return Aligned(np.arange(len(truth)) / 25.0, 0.04, truth, found, alike, sure, *sizes)


def scores(tracks):
    moving, named, higher = clear(tracks), identity(tracks), hota(tracks)
    return (
        moving.mota, moving.id_switches, moving.fragmentations, named.idf1, named.idp,
        named.idr, higher.hota, higher.deta, higher.assa,
    )  # fmt: skip


@pytest.mark.parametrize("line", REFERENCE.split("\n")[1:-1], ids=lambda line: line[:2])
def test_random_tracks_score_as_in_trackeval(line):
    seed, *want = map(float, line.split())
    got = dict(zip(NAMES, scores(aligned(*random_tracks(int(seed)))), strict=True))
    assert got == pytest.approx(dict(zip(NAMES, want, strict=True)), abs=1e-8)


def exchanged(frames=20):
    """Two animals, perfect boxes, identities exchanged at half time."""
    truth = [np.array([0, 1])] * frames
    half = frames // 2
    found = [np.array([0, 1])] * half + [np.array([1, 0])] * half
    return aligned(truth, found, [np.eye(2)] * frames)


def test_identities_exchanged_at_half_time():
    got = dict(zip(NAMES, scores(exchanged()), strict=True))
    want = {"mota": 0.95, "idsw": 2, "idf1": 0.5, "hota": 0.577, "assa": 1 / 3, "deta": 1.0}
    assert {name: got[name] for name in want} == pytest.approx(want, abs=5e-4)


def test_perfect_tracks_are_perfect():
    found = [np.array([1, 0])] * 9
    perfect = aligned([np.array([0, 1])] * 9, found, [np.eye(2)[::-1]] * 9)
    assert scores(perfect) == (1.0, 0, 0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)


def test_identity_equals_trying_all_assignments():
    truth, found, alike = random_tracks(3)
    tracks = aligned(truth, found, alike)
    table = np.zeros((tracks.n_truth, tracks.n_found))
    for g, p, similarity in zip(truth, found, alike, strict=True):
        for i, j in itertools.product(range(len(g)), range(len(p))):
            table[g[i], p[j]] += similarity[i, j] >= 0.5
    small, large = sorted(table.shape)
    wide = table if table.shape[0] == small else table.T
    best = max(
        wide[np.arange(small), list(order)].sum()
        for order in itertools.permutations(range(large), small)
    )
    n_truth, n_found = sum(map(len, truth)), sum(map(len, found))
    assert identity(tracks).idf1 == pytest.approx(2 * best / (n_truth + n_found))


def test_a_match_goes_on_while_it_can():
    alike = [np.eye(2), np.array([[0.6, 0.9], [0.9, 0.6]])]  # nearer to the other, for once
    tracks = aligned([np.array([0, 1])] * 2, [np.array([0, 1])] * 2, alike)
    assert clear(tracks).id_switches == 0


def test_a_forbidden_pair_is_never_matched_whatever_it_costs():  # traps 4 and 14
    gain = np.array([[0.9, 0.49], [0.6, 0.0]])
    row, column = one_to_one(gain, 0.5)
    assert (row.tolist(), column.tolist()) == ([0], [0])
    far = aligned([np.array([0, 1])] * 9, [np.array([0, 1])] * 9, [np.diag([1.0, 0.0])] * 9)
    assert clear(far).counts.tolist() == [[9, 9, 9, 0]]


def test_blocks_add_up():
    tracks = aligned(*random_tracks(1))
    block = np.arange(len(tracks.truth)) // 7
    for score in (clear, hota, identity):
        whole, parts = score(tracks), score(tracks, block=block)
        assert whole[:3] == parts[:3]
        np.testing.assert_array_equal(whole[-1].sum(axis=0), parts[-1].sum(axis=0))
    assert len(clear(tracks, block=block).counts) == block[-1] + 1


def test_no_tracks_and_no_animals():
    empty, two = [np.zeros(0, int)] * 3, [np.array([0, 1])] * 3
    silent = scores(aligned(two, empty, [np.zeros((2, 0))] * 3))
    assert silent == (0.0, 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    assert scores(aligned(empty, two, [np.zeros((0, 2))] * 3))[3:] == (0.0,) * 6

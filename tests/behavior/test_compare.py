import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from gambol.behavior import compare
from gambol.core.errors import InputError
from gambol.core.sequences import pack


def labellings(rng, frames=400, k=4, size=5):
    """Two labellings that are related, with gaps in both."""
    one = [rng.integers(k, size=frames), rng.integers(k, size=frames // 3)]
    other = [np.where(rng.random(len(a)) < 0.6, (a + 1) % k, rng.integers(size, size=len(a)))
             for a in one]  # fmt: skip
    for labels in (*one, *other):
        labels[rng.random(len(labels)) < 0.1] = -1
    return (
        pack(one, ["b", "a"], 25.0, k),
        pack([other[1], other[0]], ["a", "b"], 25.0, size),
        np.concatenate(one),
        np.concatenate(other),
    )


def test_contingency_counts_frames_with_both_labels_whatever_the_order():
    one, other, a, b = labellings(np.random.default_rng(0))
    table = np.zeros((4, 5), int)
    for i, j in zip(a, b, strict=True):
        if i >= 0 and j >= 0:
            table[i, j] += 1
    np.testing.assert_array_equal(compare.contingency(one, other), table)


def test_agreement_is_that_of_another_library():
    one, other, a, b = labellings(np.random.default_rng(1))
    both = (a >= 0) & (b >= 0)
    told = compare.agreement(compare.contingency(one, other))
    assert told.adjusted_rand == pytest.approx(adjusted_rand_score(a[both], b[both]))
    assert told.mutual == pytest.approx(normalized_mutual_info_score(a[both], b[both]))
    assert told.accuracy > 0.6


def test_variation_of_information_obeys_the_triangle():
    rng = np.random.default_rng(2)
    a, b, c = (pack([rng.integers(3, size=200)], ["r"], 1.0, 3) for _ in range(3))
    far = [
        compare.agreement(compare.contingency(x, y)).variation
        for x, y in ((a, b), (b, c), (a, c))
    ]
    assert far[2] <= far[0] + far[1] and compare.agreement(
        compare.contingency(a, a)
    ).variation == pytest.approx(0)


def test_a_renamed_labelling_is_matched_back():
    rng = np.random.default_rng(3)
    names = rng.permutation(5)
    a = rng.integers(4, size=300)
    one, other = pack([a], ["r"], 1.0, 5), pack([names[a]], ["r"], 1.0, 5)
    found = compare.match(compare.contingency(one, other))
    np.testing.assert_array_equal(found.partner[:4], names[:4])
    assert np.isnan(found.confusion[4]).all()  # label 4 is not used: no row of zeros
    np.testing.assert_allclose(found.confusion[:, found.order][:4, :4], np.eye(4))


def test_more_labels_here_than_there_leave_some_alone():
    found = compare.match(np.array([[9, 0], [0, 9], [1, 0]]))
    assert found.partner.tolist() == [0, 1, -1]


def test_pairwise_and_medoid_find_the_one_in_the_middle():
    rng = np.random.default_rng(4)
    truth = rng.integers(4, size=600)
    spoilt = [
        np.where(rng.random(600) < p, rng.integers(4, size=600), truth) for p in (0.5, 0, 0.5)
    ]
    alike = compare.pairwise([pack([s], ["r"], 1.0, 4) for s in spoilt])
    assert np.array_equal(alike, alike.T) and (np.diag(alike) == 1).all()
    assert compare.medoid(alike) == 1


def test_other_frames_are_refused():
    a = pack([np.zeros(5, int)], ["r"], 1.0)
    with pytest.raises(InputError, match="5 frames here and 6 there"):
        compare.contingency(a, pack([np.zeros(6, int)], ["r"], 1.0))
    with pytest.raises(InputError, match="'q' is in one set"):
        compare.contingency(a, pack([np.zeros(5, int)], ["q"], 1.0))


def test_flows_are_shares():
    assert compare.flows(np.array([[1, 3], [0, 4]])).sum() == pytest.approx(1)

"""Words and matrices of labels counted by hand; layouts that do not depend on numbers."""

import numpy as np
import pandas as pd
import pytest

from gambol.behavior import graphs
from gambol.core.errors import InputError
from gambol.core.sequences import pack

ONE = np.repeat([0, 1, 2, -1, 0, 1], 4)
TWO = np.repeat([2, 1, 0, 1], 4)


def test_pairs_are_of_bouts_that_touch_in_one_recording():
    found = graphs.bigrams(pack([ONE, TWO], ["a", "b"], 25.0), "joint")
    assert found.counts.tolist() == [[0, 3, 0], [1, 0, 1], [0, 1, 0]]
    assert found.values.sum() == pytest.approx(1.0)
    assert found.usage.tolist() == pytest.approx([3 / 9, 4 / 9, 2 / 9])
    rows = graphs.bigrams(pack([ONE, TWO], ["a", "b"], 25.0, 4)).values
    assert rows[:3].sum(axis=1).tolist() == pytest.approx([1, 1, 1])
    assert np.isnan(rows[3]).all()
    columns = graphs.bigrams(pack([ONE, TWO], ["a", "b"], 25.0), "column").values
    assert columns[:, 1].tolist() == pytest.approx([3 / 4, 0, 1 / 4])


@pytest.mark.parametrize("length", [2, 3, 4])
def test_words_are_counted_as_a_slow_count_does(length):
    rng = np.random.default_rng(length)
    parts = [np.where(rng.random(300) < 0.02, -1, rng.integers(0, 4, 300)) for _ in range(3)]
    table = graphs.n_grams(pack(parts, "abc", 25.0), length, most=10**6)
    counts = {}
    for labels in parts:
        text = "".join("?" if k < 0 else "abcd"[k] for k in labels)
        runs = "".join(a for a, b in zip(text, "!" + text, strict=False) if a != b)
        for i in range(len(runs) - length + 1):
            word = runs[i : i + length]
            if "?" not in word:
                counts[word] = counts.get(word, 0) + 1
    said = {" › ".join(str("abcd".index(c)) for c in word): n for word, n in counts.items()}
    assert dict(zip(table["word"], table["count"], strict=True)) == said
    assert table["share"].sum() == pytest.approx(1.0)
    assert table["count"].is_monotonic_decreasing


def test_a_word_that_is_more_than_its_pairs_stands_out():
    rng = np.random.default_rng(0)
    runs = []
    while len(runs) < 6000:  # 0 1 goes on with 2, 3 1 with 4, although 1 alone could do both
        runs += [0, 1, 2] if rng.random() < 0.5 else [3, 1, 4]
    table = graphs.n_grams(pack([np.array(runs)], ["a"], 25.0), 3).set_index("word")
    assert table.loc["0 › 1 › 2", "ratio"] == pytest.approx(2.0, abs=0.1)
    assert "0 › 1 › 4" not in table.index
    assert table.loc["0 › 1 › 2", "recordings"] == 1


def test_words_have_the_names_of_labels_and_none_is_a_table_too():
    table = graphs.n_grams(pack([ONE], ["a"], 25.0), 3, ["rear", "walk", "turn"])
    assert table["word"].tolist() == ["rear › walk › turn"]
    assert len(graphs.n_grams(pack([ONE[:4]], ["a"], 25.0), 2)) == 0
    with pytest.raises(InputError, match="2 or more"):
        graphs.n_grams(pack([ONE], ["a"], 25.0), 1)


def test_an_animal_counts_once_in_its_group_however_often_it_was_recorded():
    long = np.tile(np.repeat([0, 1, 2], 5), 50)  # 0 is followed by 1
    short = np.repeat([0, 2, 0, 2, 0], 5)  # by 2
    names = ["a1", "a2", "b", "c"]
    animals = pd.DataFrame(
        {"recording": names, "animal": list("aabc"), "g": ["x", "x", "x", "y"]}
    )
    seq = pack([long, long, short, short], names, 25.0, 3)
    found = graphs.grouped(seq, animals, "g")
    assert found.levels == ("x", "y")
    assert found.animals.tolist() == [2, 1]
    assert found.values[0, 0].tolist() == pytest.approx([0, 0.5, 0.5])
    assert found.values[1, 0].tolist() == pytest.approx([0, 0, 1])
    assert found.usage.sum(axis=1).tolist() == pytest.approx([1, 1])


def test_a_layout_puts_near_what_follows_each_other_and_is_always_the_same():
    rng = np.random.default_rng(1)
    chance = rng.uniform(0, 0.02, (9, 9))
    for block in range(3):
        part = slice(3 * block, 3 * block + 3)
        chance[part, part] = 0.4
    place = graphs.layout(chance)
    apart = np.linalg.norm(place[:, None] - place, axis=2)
    same = np.kron(np.eye(3), np.ones((3, 3))).astype(bool)
    assert apart[same].max() < apart[~same].min()
    assert np.linalg.norm(place, axis=1).max() == pytest.approx(1.0)
    assert np.array_equal(place, graphs.layout(chance))


def test_nodes_with_other_numbers_lie_in_the_same_pattern():
    rng = np.random.default_rng(2)
    chance = rng.dirichlet(np.full(7, 0.3), 7)
    order = rng.permutation(7)
    one, other = graphs.layout(chance), graphs.layout(chance[np.ix_(order, order)])
    apart = [np.linalg.norm(p[:, None] - p, axis=2) for p in (one[order], other)]
    assert np.allclose(*apart, atol=1e-6)


def test_no_two_nodes_of_a_layout_coincide_however_few_there_are():
    for count in (0, 1, 2, 3):
        place = graphs.layout(np.full((count, count), 0.2))
        assert place.shape == (count, 2)
        assert np.isfinite(place).all()
        assert len(np.unique(place.round(6), axis=0)) == count
    assert np.isfinite(graphs.layout(np.full((3, 3), np.nan))).all()

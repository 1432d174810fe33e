"""Fingerprints sum to one; the classifier finds what is there, and nothing where nothing is."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gambol.behavior import fingerprints
from gambol.core.errors import InputError


def cohort(rng, sizes, shift, measures=8, sessions=2):
    """Recordings of animals; group a lacks what b has more of measure 0, and c of measure 1."""
    rows, told = [], []
    for g, size in enumerate(sizes):
        for a in range(size):
            own = rng.normal(0, 1, measures)
            own[max(0, g - 1)] += shift * (g > 0)
            for s in range(sessions):
                rows.append(own + rng.normal(0, 0.2, measures))
                told.append((f"{g}{a}.{s}", f"m{g}{a}", "abc"[g]))
    animals = pd.DataFrame(told, columns=["recording", "animal", "group"])
    return pd.DataFrame(rows, index=pd.Index(animals["recording"])), animals


def test_it_says_what_leaving_one_animal_out_by_another_program_says():
    values, animals = cohort(np.random.default_rng(0), (7, 6), 1.5)
    found = fingerprints.classify(values, animals, "group", strength=0.5, permutations=20)
    mean = values.groupby(animals["animal"].to_numpy()).mean()
    group = animals.drop_duplicates("animal").set_index("animal")["group"].loc[mean.index]
    peer = make_pipeline(
        StandardScaler(), LogisticRegression(C=0.5, class_weight="balanced", tol=1e-8)
    )
    told = cross_val_predict(peer, mean.to_numpy(), group.to_numpy(), cv=LeaveOneOut())
    assert found.animals["told"].tolist() == told.tolist()
    assert found.confusion.sum() == 13
    assert (found.animals["margin"] > 0).sum() == np.trace(found.confusion)


def test_planted_groups_are_found_and_the_measure_that_tells_them():
    values, animals = cohort(np.random.default_rng(1), (8, 8, 8), 4.0)
    found = fingerprints.classify(values, animals, "group", permutations=99)
    assert found.accuracy > 0.7
    assert found.p == pytest.approx(0.01)
    assert found.weights["b"].idxmax() == 0
    assert found.weights["c"].idxmax() == 1
    assert "animals told right" in str(found)


def test_without_a_difference_p_is_small_as_often_as_it_should_be():
    rng = np.random.default_rng(2)
    p = [
        fingerprints.classify(
            *cohort(rng, (5, 5), 0.0, 4, 1), "group", permutations=60, random_state=i
        ).p
        for i in range(60)
    ]
    assert 0 <= np.mean(np.array(p) <= 0.1) <= 0.23
    assert min(p) > 0


def test_recordings_of_one_animal_are_never_learned_from_and_asked_about():
    """Sessions of an animal are alike; taken as units they would tell groups by the animal."""
    rng = np.random.default_rng(3)
    values, animals = cohort(rng, (6, 6), 0.0, 40, 8)
    assert len(fingerprints.classify(values, animals, "group", permutations=9).animals) == 12


def test_few_animals_are_labelled_in_all_ways():
    values, animals = cohort(np.random.default_rng(4), (3, 3), 9.0, 1)
    found = fingerprints.classify(values, animals, "group")
    assert len(found.null) == 20
    assert found.p == pytest.approx(2 / 20)
    assert "20 ways" in found.notes[0]
    with pytest.raises(InputError, match="group 'b' has 1 animal"):
        fingerprints.classify(*cohort(np.random.default_rng(4), (3, 1), 0.0), "group")


def test_shares_of_time_are_of_animals_and_sum_to_one():
    rng = np.random.default_rng(5)
    _, animals = cohort(rng, (3, 2), 0.0)
    frames = {
        name: {
            "speed": rng.gamma(2.0, 3.0 + (name[0] == "1"), 500),
            "turn": rng.normal(0, 1, 500),
        }
        for name in animals["recording"]
    }
    frames["00.0"]["speed"][:100] = np.nan
    found = fingerprints.fingerprints(frames, animals, "group", bins=10)
    assert found.animals == ("m00", "m01", "m02", "m10", "m11")
    assert found.level.tolist() == [0, 0, 0, 1, 1]
    for key in ("speed", "turn"):
        assert np.allclose(found.shares[key].sum(axis=1), 1.0)
        assert found.shares[key].shape == (5, 10)
    wanted = np.mean(
        [np.mean(frames[name]["speed"] >= found.edges["speed"][5]) for name in ("10.0", "10.1")]
    )
    assert found.shares["speed"][3, 5:].sum() == pytest.approx(wanted)


def test_constant_scalars_and_no_recordings_are_no_trouble():
    _, animals = cohort(np.random.default_rng(6), (2, 2), 0.0)
    frames = {name: {"height": np.full(20, 3.0)} for name in animals["recording"]}
    found = fingerprints.fingerprints(frames, animals, "group")
    assert found.shares["height"][:, 0].tolist() == [1.0] * 4
    with pytest.raises(InputError, match="no recording has poses"):
        fingerprints.fingerprints({}, animals, "group")

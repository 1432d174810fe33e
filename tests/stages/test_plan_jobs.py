"""How labelled frames are drawn for a plan, and how its runs are tested."""

import pytest

from gambol.io import labels as io_labels
from gambol.stages import plan_jobs


def frames(labels, rows):
    return set(zip(labels.video[rows].tolist(), labels.frame[rows].tolist(), strict=True))


@pytest.mark.parametrize("count", [10, 14])
def test_a_seventh_of_the_drawn_frames_chooses_the_weights(recording, count):
    labels = io_labels.load(recording.labels)
    made = plan_jobs.split(labels, count, 3)
    learn, choose = frames(labels, made.train), frames(labels, made.val)
    assert len(learn) + len(choose) == count and not learn & choose
    assert len(choose) == round(count / plan_jobs.VAL_EVERY)
    assert not len(made.calib) and not len(made.test)


def test_fewer_frames_are_among_more_in_the_same_part(recording):
    labels = io_labels.load(recording.labels)
    few, many = (plan_jobs.split(labels, count, 3) for count in (10, 20))
    assert set(few.train) <= set(many.train) and set(few.val) <= set(many.val)


def test_another_seed_draws_others(recording):
    labels = io_labels.load(recording.labels)
    one, other = (plan_jobs.split(labels, 10, seed) for seed in (0, 1))
    assert set(one.train) != set(other.train)

"""What is said of a frame owes nothing to its own label, nor to frames that nobody assessed."""

import numpy as np
import pytest
from classified import FPS, QUICK, recording, world

from gambol.behavior import classifier_fit
from gambol.behavior.classifier import BehaviorClassifier
from gambol.behavior.classifier_fit import Task
from gambol.behavior.classifier_settings import ClassifierSettings
from gambol.behavior.classifier_splits import Folds, blocks

SETTINGS = ClassifierSettings(**QUICK)


def task(rng, frames=400, count=3):
    """Recordings of one behaviour that features tell with some doubt."""
    made = [recording(f"day {n}", n, frames, noise=2.0) for n in range(count)]
    values = np.concatenate([one.values for one, _ in made]).astype(np.float32)
    shown = np.concatenate([true[:, :1] for _, true in made])
    observed = rng.random(len(shown)) < 0.9
    return Task(values, shown, observed, np.arange(count + 1) * frames, FPS)


def drawn(kind, made):
    """Folds of recordings, or of blocks of one."""
    if kind == "blocks":
        return blocks(np.array([0, len(made.values)], np.int64), 3, 20)
    return Folds(np.repeat(np.arange(3), np.diff(made.offsets)), 3, "recordings", 0)


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("kind", ["recordings", "blocks"])
def test_labels_of_a_tested_fold_change_nothing_that_is_said_of_it(kind):
    made = task(np.random.default_rng(0))
    if kind == "blocks":
        made = made._replace(offsets=np.array([0, len(made.values)], np.int64))
    folds = drawn(kind, made)
    before = classifier_fit.validate(SETTINGS, made, folds)
    for fold in range(3):
        own = folds.of == fold
        other = made._replace(shown=np.where(own[:, None], ~made.shown, made.shown))
        after = classifier_fit.validate(SETTINGS, other, folds)
        assert same(before.decisions[fold][0], after.decisions[fold][0])
        for name in ("score", "probability", "predicted"):
            np.testing.assert_array_equal(
                getattr(before, name)[own], getattr(after, name)[own], err_msg=name
            )


def test_what_nobody_assessed_changes_nothing():
    made = task(np.random.default_rng(1))
    folds = drawn("recordings", made)
    seen = made.observed[:, None]
    other = made._replace(shown=np.where(seen, made.shown, ~made.shown))
    one, two = (classifier_fit.validate(SETTINGS, each, folds) for each in (made, other))
    np.testing.assert_array_equal(one.predicted, two.predicted)
    np.testing.assert_array_equal(one.probability, two.probability)


def test_the_saved_thresholds_and_calibration_are_of_frames_that_did_not_train():
    arrays, told = world(3, ("rear",), noise=2.0)
    fitted = BehaviorClassifier(**QUICK).fit(arrays, told)
    held, truth = fitted.series_, fitted.truth_
    whole = Task(held.values, truth.shown, truth.observed, held.offsets, held.fps)
    expected = classifier_fit.decisions_of(
        SETTINGS, whole, fitted.validated_.score, truth.observed
    )
    assert same(fitted.decisions_[0], expected[0])

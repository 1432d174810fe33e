"""Three networks whose errors are known, for tests of figures and pages."""

import math

import numpy as np

from gambol.viz.figures_bench import Arm

NAMES = ("unet", "leap(filters=32)", "resnet(layers=18,stride=4,start=imagenet)")


def arms(labels=(10.0, 40.0), spread=1.0):
    """Networks whose errors are known: the first errs 2 px at 40 labels, others more."""
    rng = np.random.default_rng(0)
    made = []
    for number, name in enumerate(NAMES):
        for n in labels:
            errors = (2 + number) * math.sqrt(40 / n) * rng.gamma(4, spread / 4, 200)
            mean = float(errors.mean())
            away = (math.nan,) * 3 if not number else (number, number - 0.5, number + 0.5)
            made.append(
                Arm(name, number, n, errors, (mean, 0.9 * mean, 1.1 * mean),
                    mean * np.array([0.9, 1.1]), tuple(map(float, away)),
                    np.array([1.0, 2.0, 3.0]), mean * np.array([4.0, 2.0, 1.0]),
                    5.0 + 3 * number)
            )  # fmt: skip
    return made

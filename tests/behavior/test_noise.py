"""Noise by confidence: planted laws are found, and outliers do not mislead."""

import numpy as np
import pytest

from gambol.behavior import noise, slds_start
from gambol.behavior.slds_start import Calibration
from gambol.core.errors import InputError


def planted(rng, told, frames=2000, points=4, d=2, dof=5.0):
    confidence = rng.uniform(0.05, 1.0, (frames, points))
    s = slds_start.foretold(confidence, told) * dof / rng.chisquare(dof, confidence.shape)
    return np.sqrt(s)[..., None] * rng.standard_normal((frames, points, d)), confidence


@pytest.mark.parametrize("d", [2, 3])
def test_planted_slope_and_level_are_found(d):
    error, confidence = planted(np.random.default_rng(d), Calibration(-0.7, 0.4), d=d)
    error[:50] = np.nan
    found = noise.calibrate(error, confidence)
    assert abs(found.calibration.slope + 0.7) < 0.03
    assert abs(found.calibration.level - 0.4) < 0.02
    np.testing.assert_allclose(found.seen, found.predicted, rtol=0.15)
    assert found.size.sum() == 1950 * 4


def test_few_frames_are_refused():
    error, confidence = planted(np.random.default_rng(0), Calibration(-0.5, 0.25), frames=49)
    with pytest.raises(InputError, match="49 labelled frames"):
        noise.calibrate(error, confidence)

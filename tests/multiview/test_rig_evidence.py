"""Trends must exceed chance before they are called trends."""

import numpy as np
import pytest
from rings import ring, seen

from gambol.multiview import rig_evidence
from gambol.multiview.findings import Limits
from gambol.multiview.rig_evidence import Evidence


@pytest.mark.parametrize("seed", range(5))
def test_noise_alone_shows_no_trend(seed):
    rng = np.random.default_rng(seed)
    rig = ring(3)
    xyz = rng.normal(0, 150, (60, 30, 3))
    uv = seen(rig, xyz.reshape(-1, 3), rng, 0.5).reshape(60, 30, 3, 2).transpose(0, 2, 1, 3)
    assert rig_evidence.check(rig, Evidence(uv, xyz), Limits(trend_px=0.01)) == []


def test_what_was_never_seen_raises_no_alarm():
    rig = ring(2)
    nothing = Evidence(np.full((4, 2, 3, 2), np.nan), np.full((4, 3, 3), np.nan))
    assert {f.check for f in rig_evidence.check(rig, nothing, Limits())} == {"components"}

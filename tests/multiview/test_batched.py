"""Many windows at once end where each by itself does."""

import numpy as np
from animals3d import filmed, model, moving

from gambol.multiview import gimbal
from gambol.multiview.batched import fit_many


def test_windows_of_different_lengths_come_back_in_order():
    models, starts = [], []
    for seed, frames in enumerate((6, 9, 6)):
        rng = np.random.default_rng(seed)
        given = model(frames)
        xyz = moving(rng, given, 30)
        models.append(filmed(rng, given, xyz))
        starts.append(xyz + rng.normal(0, 5, xyz.shape))
    starts[0][2, 1] = np.nan
    found = fit_many(models, starts)
    for one, given, start in zip(found, models, starts, strict=True):
        alone = gimbal.fit(given, start)
        assert one.settled
        assert abs(one.at.energy - alone.at.energy) < 0.5
        assert np.abs(one.at.xyz - alone.at.xyz).max() < 1.0  # mm
        assert np.sqrt(((one.at.xyz - alone.at.xyz) ** 2).mean()) < 0.1

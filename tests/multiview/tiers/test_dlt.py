import numpy as np
from filmed import ring, see, walk
from tiered import solve


def test_confidence_weighs_views():
    rig, xyz = ring(5), walk(100)
    xy = see(xyz, rig, noise=0.5)
    xy[:, 0] += 40
    sure = np.ones(xy.shape[:3])
    sure[:, 0] = 1e-4
    off = [
        np.abs(solve("dlt", xy, rig, confidence=c).xyz - xyz).mean()
        for c in (sure, np.ones_like(sure))
    ]
    assert off[0] < 0.1 * off[1]


def test_one_wrong_view_spoils_a_point():
    rig, xyz = ring(4), walk(10)
    xy = see(xyz, rig, noise=0.0)
    xy[3, 1, 0] += 200
    off = np.linalg.norm(solve("dlt", xy, rig).xyz - xyz, axis=-1)
    assert off[3, 0] > 10
    assert np.delete(off.ravel(), 15).max() < 1e-5

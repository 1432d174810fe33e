import itertools

import numpy as np
from filmed import ring, see, walk
from tiered import solve


def test_is_the_median_of_what_pairs_of_views_say():
    rig = ring(4)
    xy = see(walk(20), rig, noise=2.0)
    pairs = [
        solve("dlt", xy[:, list(pair)], rig.select([f"cam{i}" for i in pair])).xyz
        for pair in itertools.combinations(range(4), 2)
    ]
    np.testing.assert_allclose(
        solve("median", xy, rig).xyz, np.median(pairs, axis=0), atol=1e-9
    )


def test_says_nothing_of_its_own_uncertainty():
    rig = ring(3)
    assert np.isnan(solve("median", see(walk(5), rig), rig).covariance).all()

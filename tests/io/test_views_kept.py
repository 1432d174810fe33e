import numpy as np
import pytest
from filmed import ring, see, views, walk

from gambol.io import views_kept


@pytest.fixture
def seen():
    rig = ring(3)
    uv = see(walk(50), rig, missing=0.3)
    one = views(uv, rig)
    return [one, one._replace(xy=one.xy + 1, confidence=one.confidence / 2)]


def part(one, first, last):
    return one.of_frames(slice(first, last))


def keep(seen, folder):
    keeper = views_kept.Keeper(folder, len(seen))
    for first in (0, 20, 40):
        keeper.add([part(one, first, first + 20) for one in seen])
    return keeper


def test_any_frames_come_back_as_they_were(seen, tmp_path):
    keep(seen, tmp_path / "a").finish(("ann", "bob"), seen[0], seen[0].times, ("a note",))
    kept = views_kept.opened(tmp_path / "a")
    assert (kept.names, kept.remarks) == (("ann", "bob"), ("a note",))
    assert (kept.cameras, kept.skeleton) == (seen[0].cameras, seen[0].skeleton)
    for n, one in enumerate(seen):
        got = kept.views(n, [(3, 7), (18, 45)])
        frames = [*range(3, 7), *range(18, 45)]
        for what in ("xy", "confidence", "variance", "times"):
            np.testing.assert_array_equal(getattr(got, what), getattr(one, what)[frames])


def test_further_peaks_are_kept_too(seen, tmp_path):
    rng = np.random.default_rng(0)
    shape = (*seen[0].confidence.shape, 3)
    one = seen[0]._replace(
        candidates=rng.normal(size=(*shape, 2)), candidate_score=rng.uniform(size=shape)
    )
    keep([one], tmp_path).finish(("ann",), one, one.times, ())
    got = views_kept.opened(tmp_path).views(0, [(5, 30)])
    for what in ("xy", "confidence", "candidates", "candidate_score"):
        np.testing.assert_array_equal(getattr(got, what), getattr(one, what)[5:30])


def test_it_is_known_which_keypoints_two_cameras_saw(seen, tmp_path):
    kept = keep(seen, tmp_path).finish(("ann", "bob"), seen[0], seen[0].times, ())
    expected = np.isfinite(seen[0].xy[10:30, ..., 0]).sum(axis=1) >= 2
    np.testing.assert_array_equal(kept.seen(0, 10, 30), expected)
    assert 0.1 < expected.mean() < 0.95


def test_what_is_half_written_counts_for_nothing(seen, tmp_path):
    keep(seen, tmp_path)
    assert views_kept.opened(tmp_path) is None
    kept = keep(seen, tmp_path).finish(("ann", "bob"), seen[0], seen[0].times, ())
    np.testing.assert_array_equal(kept.views(1, [(0, 50)]).xy, seen[1].xy)  # begun anew
    path = tmp_path / "views-001.f8"
    path.write_bytes(path.read_bytes()[:-8])
    assert views_kept.opened(tmp_path) is None

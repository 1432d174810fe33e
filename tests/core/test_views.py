import numpy as np

from gambol.core.skeleton import Skeleton
from gambol.core.views import joined, of_points

SKELETON = Skeleton(("nose", "left", "right"))


def views(frames=6, count=2):
    """Points of two cameras, with so many peaks each; the second of some is missing."""
    rng = np.random.default_rng(0)
    peaks = rng.normal(size=(frames, 2, 3, count, 2))
    peaks[::2, 0, :, 1:] = np.nan
    score = np.where(np.isfinite(peaks).all(-1), rng.random(peaks.shape[:-1]), np.nan)
    seen = of_points(peaks[..., 0, :], ("a", "b"), SKELETON, confidence=score[..., 0], fps=10.0)
    return seen._replace(candidates=peaks, candidate_score=score)


def same(one, other):
    return all(
        np.array_equal(a, b, equal_nan=True) if isinstance(a, np.ndarray) else a == b
        for a, b in zip(one, other, strict=True)
    )


def test_bare_points_name_no_candidates():
    plain = of_points(np.zeros((2, 1, 3, 2)), ("a",), SKELETON)
    assert plain.candidates is None and plain.candidate_score is None
    assert plain.of_frames(slice(0, 1)).candidates is None
    assert plain.at(np.zeros((2, 1, 3), int)) is plain


def test_stretches_put_together_are_the_whole():
    whole = views()
    assert same(joined([whole.of_frames(slice(0, 2)), whole.of_frames(slice(2, 6))]), whole)
    assert same(joined([whole]), whole)


def test_keypoints_take_their_candidates_along():
    hung = views().hung(Skeleton(("right", "nose")))
    assert np.array_equal(hung.candidates, views().candidates[:, :, [2, 0]], equal_nan=True)
    assert np.array_equal(hung.xy, hung.candidates[..., 0, :])
    assert np.array_equal(hung.candidate_score[..., 0], hung.confidence)


def test_a_chosen_peak_takes_the_place_of_the_first():
    whole = views()
    peak = np.zeros(whole.confidence.shape, int)
    peak[1, 0, 2] = 1
    got = whole.at(peak)
    assert np.array_equal(got.xy[1, 0, 2], whole.candidates[1, 0, 2, 1])
    assert got.confidence[1, 0, 2] == whole.candidate_score[1, 0, 2, 1]
    others = peak == 0
    assert np.array_equal(got.xy[others], whole.xy[others])
    assert got.candidates is None and got.candidate_score is None
